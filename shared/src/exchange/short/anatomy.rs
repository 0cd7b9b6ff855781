//! The parts of a plain Automerge change, and the bytes made of them again.
//!
//! The layout is Automerge's storage format, as `storage/change.rs` of automerge 0.12 writes it:
//!
//! ```text
//! magic 4 | checksum 4 | type 1 | length | dependencies | actor | number | first operation | time | message
//!         | other actors | columns' names and lengths | columns | extra (the author)
//! ```

use sha2::{Digest, Sha256};

use super::leb::{self, Bytes};
use crate::ledger::changes::Hash;

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const PLAIN_CHANGE: u8 = 1;
/// More parts of a sort than an honest change has.
const PARTS_MAX: u64 = 4096;

/// The parts of a change without a message, written by actors of 16 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Anatomy {
    pub(super) dependencies: Vec<Hash>,
    /// As we write them: 16 bytes.
    pub(super) actor: [u8; 16],
    pub(super) number: u64,
    pub(super) first_operation: u64,
    pub(super) time: i64,
    pub(super) other_actors: Vec<[u8; 16]>,
    /// Name and content of each column.
    pub(super) columns: Vec<(u64, Vec<u8>)>,
    pub(super) extra: Vec<u8>,
}

impl Anatomy {
    /// The parts of `bytes`, if these are a plain change and nothing but what [`Self::build`] makes of its parts.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let parts = Self::parse(bytes)?;
        (parts.build().0 == bytes).then_some(parts)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes.get(MAGIC.len() + 4 + 1..)?);
        let length = bytes.length()?;
        if bytes.0.len() != length {
            return None;
        }
        let mut parts = Self::default();
        for _ in 0..count(&mut bytes)? {
            parts.dependencies.push(bytes.array()?);
        }
        parts.actor = bytes.with_length()?.try_into().ok()?;
        parts.number = bytes.number()?;
        parts.first_operation = bytes.number()?;
        parts.time = bytes.twos()?;
        if bytes.number()? != 0 {
            return None;
        }
        for _ in 0..count(&mut bytes)? {
            let actor = bytes.with_length()?.try_into().ok()?;
            parts.other_actors.push(actor);
        }
        let mut lengths = Vec::new();
        for _ in 0..count(&mut bytes)? {
            lengths.push((bytes.number()?, bytes.length()?));
        }
        for (name, length) in lengths {
            parts.columns.push((name, bytes.take(length)?.to_vec()));
        }
        parts.extra = bytes.0.to_vec();
        Some(parts)
    }

    /// The bytes of the change, and its hash.
    pub(super) fn build(&self) -> (Vec<u8>, Hash) {
        let mut body = Vec::new();
        leb::put_length(&mut body, self.dependencies.len());
        body.extend(self.dependencies.iter().flatten());
        put_with_length(&mut body, &self.actor);
        leb::put(&mut body, self.number);
        leb::put(&mut body, self.first_operation);
        leb::put_twos(&mut body, self.time);
        leb::put(&mut body, 0);
        leb::put_length(&mut body, self.other_actors.len());
        for actor in &self.other_actors {
            put_with_length(&mut body, actor);
        }
        leb::put_length(&mut body, self.columns.len());
        for (name, content) in &self.columns {
            leb::put(&mut body, *name);
            leb::put_length(&mut body, content.len());
        }
        for (_, content) in &self.columns {
            body.extend_from_slice(content);
        }
        body.extend_from_slice(&self.extra);
        let mut hashed = vec![PLAIN_CHANGE];
        leb::put_length(&mut hashed, body.len());
        hashed.extend(body);
        let hash: Hash = Sha256::digest(&hashed).into();
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&hash[..4]);
        bytes.extend(hashed);
        (bytes, hash)
    }
}

/// A number of parts that follow.
fn count(bytes: &mut Bytes<'_>) -> Option<u64> {
    bytes.number().filter(|count| *count <= PARTS_MAX)
}

fn put_with_length(out: &mut Vec<u8>, bytes: &[u8]) {
    leb::put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}
