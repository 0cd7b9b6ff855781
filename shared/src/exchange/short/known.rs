//! What the other side has already, as far as this ledger can tell; and what is meant by the ends of its ids.

use rusqlite::Connection;

use super::{ACTOR_PREFIX_BYTES, HASH_PREFIX_BYTES, SUFFIX_BYTES};
use crate::document::{Kind, OpenDocument};
use crate::ids::{DocumentId, ReplicaId};
use crate::ledger::LedgerError;
use crate::ledger::changes::Hash;

/// What the receiver has: everything up to a position of the sender's ledger, and what came from it.
#[derive(Clone, Copy, Debug)]
pub(in crate::exchange) struct Known {
    /// The position; 0 before the first exchange.
    pub(in crate::exchange) upto: i64,
    /// The receiver.
    pub(in crate::exchange) receiver: ReplicaId,
}

impl Known {
    /// Whether it has changes of this document.
    pub(super) fn has(&self, c: &Connection, id: DocumentId) -> Result<bool, LedgerError> {
        if self.upto == 0 {
            return Ok(false);
        }
        Ok(c.prepare_cached(
            "SELECT 1 FROM change WHERE document = ?1 AND (seq <= ?2 OR origin = ?3)",
        )?
        .exists((id, self.upto, self.receiver))?)
    }
}

/// The document of this ledger whose id ends so, if it is one alone; or else the one that was erased: sessions go on
/// naming it.
pub(super) fn document_ending(
    c: &Connection,
    suffix: [u8; SUFFIX_BYTES],
) -> Result<Option<DocumentId>, LedgerError> {
    let mut padded = [0; 16];
    padded[16 - SUFFIX_BYTES..].copy_from_slice(&suffix);
    let letters = DocumentId(uuid::Uuid::from_bytes(padded)).to_string();
    // The last seven letters are the last 38 bits.
    for sql in [
        "SELECT id FROM document WHERE substr(id, 16) = ?1 LIMIT 9",
        "SELECT document FROM erasure WHERE substr(document, 16) = ?1 LIMIT 9",
    ] {
        let mut statement = c.prepare_cached(sql)?;
        let ids = statement.query_map([letters.get(15..)], |row| row.get::<_, DocumentId>(0))?;
        let ids = ids.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut alike = ids
            .into_iter()
            .filter(|id| id.as_bytes().ends_with(&suffix));
        match (alike.next(), alike.next()) {
            (None, _) => {}
            (found, None) => return Ok(found),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// The change of this document whose hash begins so, if it is one alone.
pub(super) fn hash_beginning(
    c: &Connection,
    id: DocumentId,
    kind: u8,
    prefix: [u8; HASH_PREFIX_BYTES],
    in_batch: &[Hash],
) -> Result<Option<Hash>, LedgerError> {
    let mut statement = c.prepare_cached("SELECT hash FROM change WHERE document = ?1")?;
    let stored = statement.query_map([id], |row| row.get::<_, Hash>(0))?;
    let mut found = None;
    let others = in_batch.iter().copied().chain(genesis(id, kind)).map(Ok);
    for hash in stored.chain(others) {
        let hash = hash?;
        if hash.starts_with(&prefix) && found.replace(hash).is_some_and(|other| other != hash) {
            return Ok(None);
        }
    }
    Ok(found)
}

/// The actor of a change of this document that begins so, if it is one alone.
pub(super) fn actor_beginning(
    c: &Connection,
    id: DocumentId,
    prefix: [u8; ACTOR_PREFIX_BYTES],
) -> Result<Option<[u8; 16]>, LedgerError> {
    let mut statement = c.prepare_cached(
        "SELECT DISTINCT actor FROM change WHERE document = ?1 AND length(actor) = 16",
    )?;
    let mut found = None;
    for actor in statement.query_map([id], |row| row.get::<_, [u8; 16]>(0))? {
        let actor = actor?;
        if actor.starts_with(&prefix) && found.replace(actor).is_some() {
            return Ok(None);
        }
    }
    Ok(found)
}

/// Whether the receiver has a change of this actor in this document.
pub(super) fn has_actor(
    c: &Connection,
    known: &Known,
    id: DocumentId,
    actor: &[u8; 16],
) -> Result<bool, LedgerError> {
    Ok(c.prepare_cached(
        "SELECT 1 FROM change WHERE document = ?1 AND actor = ?2 AND (seq <= ?3 OR origin = ?4)",
    )?
    .exists((id, actor, known.upto, known.receiver))?)
}

/// The hash of a document's genesis, where the kind is known.
pub(super) fn genesis(id: DocumentId, kind: u8) -> Option<Hash> {
    let kind = Kind::from_number(kind)?;
    Some(OpenDocument::genesis_hash(kind, id))
}
