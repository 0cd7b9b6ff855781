//! Changes in short form: what the receiver can work out is left out.
//!
//! An Automerge change as it is stored costs some 150 bytes, most of which say what the receiver knows already: magic
//! and checksum, the hash of the change before, the ids of documents, people and writers. A batch of changes in short
//! form is *rows*, one for each change, and the *fresh* random bytes that they need. The fresh ones travel apart,
//! because random bytes among words spoil the statistics that compression lives by.
//!
//! ```text
//! row     kind (0: document and kind of the row before; + 128: whole)  time, from the row before  [document: id]
//!         whole:  length  bytes                          what does not parse, or would not return unchanged
//!         else:   actor  author  dependencies  number and first operation, from those expected
//!                 other actors  columns' names  columns' lengths  columns
//! id      0: 16 fresh bytes   1: the last 5 bytes, fresh; the receiver has that document
//!         2: of UUIDv7, its time from the row's and 10 fresh bytes   n: n - 2 ids ago
//! actor   0: 16 fresh bytes   1: the document's genesis   2: its first 3 bytes, fresh; it wrote to that document before
//!         n: n - 2 actors ago
//! dependencies   0: the row before of this document   1: the document's genesis
//!         n: n - 2 hashes, the first 4 bytes of each, fresh
//! author, columns' names   0: given here (an author is fresh)   n: the n-th given
//! text    an id in its 22 letters is the byte 254 and an id as above, never 0; 254 0 is the byte 254 itself
//! ```
//!
//! Numbers are LEB128, signed ones zigzag. Ids, actors, authors and names stand in tables that both sides fill alike
//! from the first row of a body to its last ([`Tables`]); a row refers backwards only.
//!
//! The receiver rebuilds the bytes of every change. A batch carries a digest of their hashes, so a wrong guess (two
//! documents whose ids end alike, a hash that it does not have) is noticed: nothing of the batch is taken, and the
//! sender is asked to send plain changes instead. Whole documents are not sent: measured on whole ledgers, short form
//! costs a fifth less than one saved document each, and the receiver never has to load a foreign document.

mod anatomy;
mod known;
mod leb;
mod reader;
mod tables;
mod writer;

#[cfg(test)]
mod tests;

use crate::ids::DocumentId;
use crate::ledger::changes::Hash;

pub(super) use known::Known;
pub(super) use reader::{Reader, Unread};
pub(super) use writer::{Writer, Written};

/// Columns whose type, the low three bits of the name, is text or raw values may hold ids in letters.
const TEXT_COLUMNS: [u64; 2] = [5, 7];
/// Marks an id in a column of text; no byte of UTF-8.
const MARK: u8 = 254;
/// Added to a row's kind: the change follows as it is.
const WHOLE: u8 = 128;
/// Letters of an id.
const ID_LETTERS: usize = 22;
/// How far the time in an id may lie from the row's to be written as a difference, in milliseconds: four bytes.
const NEAR_MS: i64 = 1 << 27;
/// How much of a known document's id is sent: the random end of every kind of UUID.
const SUFFIX_BYTES: usize = 5;
/// How much of a known change's hash is sent.
const HASH_PREFIX_BYTES: usize = 4;
/// How much of the actor of a known change is sent.
const ACTOR_PREFIX_BYTES: usize = 3;

/// What a batch is recognised by: the first 8 bytes of the SHA-256 of its changes' documents, kinds and hashes.
#[derive(Default)]
struct Digest(sha2::Sha256);

impl Digest {
    fn add(&mut self, document: DocumentId, kind: u8, hash: &Hash) {
        use sha2::Digest as _;
        self.0.update(document.as_bytes());
        self.0.update([kind]);
        self.0.update(hash);
    }

    fn finish(self) -> [u8; 8] {
        use sha2::Digest as _;
        let sum: [u8; 32] = self.0.finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = sum;
        [a, b, c, d, e, f, g, h]
    }
}
