//! Changes that come from elsewhere: a laptop, the hub, a stick, or this site's own disk.
//!
//! Loading foreign Automerge bytes is not safe: a few hundred bytes of a document chunk can abort the process, a
//! bundle can hang it, a deflated change can take hundreds of megabytes. Plain change chunks only panic, catchably.
//! So only plain changes are read, capped in size, on a copy of the document, under `catch_unwind`; then the result
//! is saved, loaded again and read as its kind before anybody believes it.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::{AutoCommit, Change as AutomergeChange};

use sha2::{Digest, Sha256};

use super::{Kind, OpenDocument};
use crate::ids::DocumentId;
use crate::ledger::changes::{Change, Hash};

/// The largest change that is taken: a hundred times the largest that our pages write.
pub const CHANGE_BYTES_MAX: usize = 256 * 1024;
/// Where a chunk's checksum stands: the first bytes of the change's hash, after four bytes of magic.
const CHECKSUM: std::ops::Range<usize> = 4..8;
/// What a chunk begins with.
const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// Where a chunk's type stands: after four bytes of magic and four of checksum.
const CHUNK_TYPE_AT: usize = 8;
/// The type of a plain change; 0 is a whole document, 2 a deflated change, 3 a bundle.
const PLAIN_CHANGE: u8 = 1;

/// Why bytes were not taken, in plain French.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChange {
    /// Over [`CHANGE_BYTES_MAX`].
    #[error("modification trop grande")]
    TooLarge,
    /// Not a plain change chunk.
    #[error("ce n’est pas une modification simple")]
    NotAPlainChange,
    /// The bytes do not decode.
    #[error("modification illisible")]
    Undecodable,
    /// It decodes, but the document does not survive it.
    #[error("modification que le document ne supporte pas")]
    Inapplicable,
    /// The document does not read as its kind afterwards.
    #[error("contenu qui ne se lit pas comme prévu")]
    WrongContent,
}

/// The hash under which a sender holds these bytes, if they are a change: of everything after magic and checksum.
#[must_use]
pub fn claimed_hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes.get(CHUNK_TYPE_AT..).unwrap_or(bytes)).into()
}

/// Whether these bytes, from this site's own disk, are still those of the change with this hash.
#[must_use]
pub fn is_sound(hash: &Hash, bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
        && bytes.get(CHECKSUM) == hash.get(..CHECKSUM.len())
        && claimed_hash(bytes) == *hash
}

/// Reads the header of a foreign change.
///
/// # Errors
/// [`BadChange`]; never panics.
pub fn parse(document: DocumentId, kind: Kind, bytes: Vec<u8>) -> Result<Change, BadChange> {
    let change = decode(&bytes)?;
    Ok(Change {
        document,
        kind: kind.number(),
        hash: change.hash().0,
        actor: change.actor_id().to_bytes().to_vec(),
        actor_seq: change.seq(),
        time: change.timestamp(),
        bytes,
    })
}

/// The kind of a document, as a change tells that builds on its genesis; `None` for a later change, or none at all.
#[must_use]
pub fn kind_by_genesis(document: DocumentId, bytes: &[u8]) -> Option<Kind> {
    let change = decode(bytes).ok()?;
    let builds_on = |kind: &Kind| {
        let genesis = OpenDocument::genesis_hash(*kind, document);
        change.deps().iter().any(|hash| hash.0 == genesis)
    };
    (0..=u8::MAX)
        .map_while(|number| Kind::from_number(number + 1))
        .find(builds_on)
}

fn decode(bytes: &[u8]) -> Result<AutomergeChange, BadChange> {
    if bytes.len() > CHANGE_BYTES_MAX {
        return Err(BadChange::TooLarge);
    }
    if bytes.get(CHUNK_TYPE_AT) != Some(&PLAIN_CHANGE) {
        return Err(BadChange::NotAPlainChange);
    }
    let owned = bytes.to_vec();
    let change = catch_unwind(|| AutomergeChange::from_bytes(owned))
        .map_err(|_| BadChange::Undecodable)?
        .map_err(|_| BadChange::Undecodable)?;
    // Automerge answers Ok to trailing bytes and to a wrong checksum.
    let whole = change.raw_bytes() == bytes;
    if whole && change.hash().0.get(..CHECKSUM.len()) == bytes.get(CHECKSUM) {
        Ok(change)
    } else {
        Err(BadChange::Undecodable)
    }
}

impl OpenDocument {
    /// Applies stored changes in any order; those whose dependencies are missing are left out and counted.
    ///
    /// Automerge's own queue never sees them: an orphan there can block the genuine change for ever.
    ///
    /// # Errors
    /// [`BadChange`] when a change does not decode or apply. The document is then to be dropped.
    pub fn apply<'a>(
        &mut self,
        changes: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<usize, BadChange> {
        let decoded = changes
            .into_iter()
            .map(decode)
            .collect::<Result<Vec<_>, _>>()?;
        let (ready, waiting) = in_causal_order(&mut self.inner, decoded);
        catch_unwind(AssertUnwindSafe(|| self.inner.apply_changes(ready)))
            .map_err(|_| BadChange::Inapplicable)?
            .map_err(|_| BadChange::Inapplicable)?;
        Ok(waiting)
    }

    /// Applies one change if its dependencies are there and the document survives it; else leaves it as it was.
    ///
    /// # Errors
    /// [`BadChange`] when it does not decode or the document does not survive it.
    pub fn apply_one(&mut self, bytes: &[u8]) -> Result<bool, BadChange> {
        let mut copy = Self {
            id: self.id,
            kind: self.kind,
            inner: self.inner.clone(),
        };
        if copy.apply([bytes])? > 0 {
            return Ok(false);
        }
        copy.verify()?;
        *self = copy;
        Ok(true)
    }

    /// Saves the document, loads it again and reads it as its kind: what a foreign change must survive.
    ///
    /// # Errors
    /// [`BadChange::Inapplicable`] or [`BadChange::WrongContent`].
    pub fn verify(&mut self) -> Result<(), BadChange> {
        catch_unwind(AssertUnwindSafe(|| {
            let saved = self.inner.save_nocompress();
            let inner = AutoCommit::load(&saved).map_err(|_| BadChange::Inapplicable)?;
            let again = Self {
                id: self.id,
                kind: self.kind,
                inner,
            };
            again.check().map_err(|_| BadChange::WrongContent)
        }))
        .map_err(|_| BadChange::Inapplicable)?
    }
}

/// Splits changes into those that can be applied, in order, and the number of those that must wait.
fn in_causal_order(
    document: &mut AutoCommit,
    changes: Vec<AutomergeChange>,
) -> (Vec<AutomergeChange>, usize) {
    let mut known: HashSet<Hash> = document
        .get_changes(&[])
        .iter()
        .map(|change| change.hash().0)
        .collect();
    let mut ready = Vec::with_capacity(changes.len());
    let mut waiting = changes;
    loop {
        let before = waiting.len();
        let mut still = Vec::new();
        for change in waiting {
            if change
                .deps()
                .iter()
                .all(|dependency| known.contains(&dependency.0))
            {
                known.insert(change.hash().0);
                ready.push(change);
            } else {
                still.push(change);
            }
        }
        waiting = still;
        if waiting.is_empty() || waiting.len() == before {
            return (ready, waiting.len());
        }
    }
}
