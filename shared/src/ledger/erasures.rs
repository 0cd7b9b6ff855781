//! Erasures: the record that a document was erased, which wins over everything that is or will be known of it.
//!
//! A record holds ids and a date, nothing of what was erased. It takes its position from the same sequence as the
//! changes, so that a position covers both, and counts in the fingerprint by [`hash_of`] its document alone, so that
//! two records of one document are one. The hub signs it; whoever takes a record from elsewhere verifies it first
//! ([`Erasure::is_signed_by`]): [`record`] does not.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row};
use sha2::{Digest, Sha256};

use super::changes::Hash;
use super::{LedgerError, quarantine, replica};
use crate::ids::{AgentId, DocumentId};
use crate::time::Timestamp;

/// Bytes of a reason: it is the code of one.
pub const REASON_BYTES_MAX: usize = 32;
/// What is hashed, and what is signed, begins with this, so that neither fits anything else.
const HASH_CONTEXT: &[u8] = b"maison erased 1\0";
const SIGNATURE_CONTEXT: &[u8] = b"maison erasure 1\0";
/// Set while erased bytes may still lie in the files; see [`scrub`].
const SCRUB_DUE: &str = "erasure.scrub_due";

/// That a document was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The document.
    pub document: DocumentId,
    /// The document that it was an alias of, erased with it: who was counted as one goes on being counted as one.
    pub merged_into: Option<DocumentId>,
    /// When it was erased.
    pub at: Timestamp,
    /// By whom.
    pub by: AgentId,
    /// Code of the reason, at most [`REASON_BYTES_MAX`] bytes; never a free text, which could say who it was.
    pub reason: String,
    /// The hub's Ed25519 signature of the rest.
    pub signature: [u8; 64],
}

impl Erasure {
    /// Signs this record, whatever its signature was.
    #[must_use]
    pub fn signed(mut self, key: &SigningKey) -> Self {
        self.signature = key.sign(&self.message()).to_bytes();
        self
    }

    /// Whether `key` signed this record as it is.
    #[must_use]
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        let signature = Signature::from_bytes(&self.signature);
        key.verify_strict(&self.message(), &signature).is_ok()
    }

    fn message(&self) -> Vec<u8> {
        let mut message = SIGNATURE_CONTEXT.to_vec();
        message.extend_from_slice(self.document.as_bytes());
        // The nil id stands for none: no document bears it.
        let merged_into = self.merged_into.map_or([0; 16], |id| *id.as_bytes());
        message.extend_from_slice(&merged_into);
        message.extend_from_slice(&self.at.0.to_be_bytes());
        message.extend_from_slice(self.by.as_bytes());
        message.extend_from_slice(self.reason.as_bytes());
        message
    }
}

/// What stands for the erasure of `document` in fingerprints and comparisons, whatever its record says.
#[must_use]
pub fn hash_of(document: DocumentId) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(HASH_CONTEXT);
    hasher.update(document.as_bytes());
    hasher.finalize().into()
}

/// Erases a document: its changes, what of it was set aside, its row; and keeps the record. Keeps the fingerprint in
/// the same transaction. False when it was erased before; nothing changes then.
///
/// `lost` counts the changes written on this replica that no other one is known to have, of which somebody must hear.
///
/// # Errors
/// What SQLite says.
pub fn record(connection: &Connection, erasure: &Erasure, lost: u64) -> Result<bool, LedgerError> {
    let id = erasure.document;
    if at(connection, id)?.is_some() {
        return Ok(false);
    }
    let mut fingerprint = replica::fingerprint(connection)?;
    let mut statement = connection.prepare_cached("SELECT hash FROM change WHERE document = ?1")?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        fingerprint.subtract(&row.get(0)?);
    }
    drop(rows);
    let hash = hash_of(id);
    fingerprint.add(&hash);
    replica::set_fingerprint(connection, &fingerprint)?;
    for sql in [
        "DELETE FROM change WHERE document = ?1",
        "DELETE FROM document WHERE id = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([id])?;
    }
    quarantine::forget(connection, id)?;
    connection
        .prepare_cached("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'change'")?
        .execute([])?;
    connection
        .prepare_cached(
            "INSERT INTO erasure (document, seq, hash, merged_into, at, by, reason, signature, lost)
             SELECT ?1, seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM sqlite_sequence WHERE name = 'change'",
        )?
        .execute(rusqlite::params![
            id,
            hash,
            erasure.merged_into,
            erasure.at.0,
            erasure.by,
            erasure.reason,
            erasure.signature,
            i64::try_from(lost).unwrap_or(i64::MAX),
        ])?;
    replica::set_number(connection, SCRUB_DUE, 1)?;
    Ok(true)
}

/// When `document` was erased, if it was.
///
/// # Errors
/// What SQLite says.
pub fn at(connection: &Connection, document: DocumentId) -> Result<Option<Timestamp>, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT at FROM erasure WHERE document = ?1")?;
    let at: Option<i64> = statement
        .query_row([document], |row| row.get(0))
        .optional()?;
    Ok(at.map(Timestamp))
}

/// Whether `document` was erased.
///
/// # Errors
/// What SQLite says.
pub fn is_erased(connection: &Connection, document: DocumentId) -> Result<bool, LedgerError> {
    Ok(at(connection, document)?.is_some())
}

const COLUMNS: &str = "document, merged_into, at, by, reason, signature";

fn erasure(row: &Row<'_>) -> rusqlite::Result<Erasure> {
    Ok(Erasure {
        document: row.get(0)?,
        merged_into: row.get(1)?,
        at: Timestamp(row.get(2)?),
        by: row.get(3)?,
        reason: row.get(4)?,
        signature: row.get(5)?,
    })
}

/// The records after position `after`, in order.
///
/// # Errors
/// What SQLite says.
pub fn since(connection: &Connection, after: i64) -> Result<Vec<Erasure>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM erasure WHERE seq > ?1 ORDER BY seq"
    ))?;
    let rows = statement.query_map([after], erasure)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The newest records with their positions, newest first; at most `limit`.
///
/// # Errors
/// What SQLite says.
pub fn newest(connection: &Connection, limit: usize) -> Result<Vec<(i64, Erasure)>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, seq FROM erasure ORDER BY at DESC, seq DESC LIMIT ?1"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map([limit], |row| Ok((row.get(6)?, erasure(row)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many records lie after position `after`.
///
/// # Errors
/// What SQLite says.
pub fn count_since(connection: &Connection, after: i64) -> Result<u64, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM erasure WHERE seq > ?1")?;
    let count: i64 = statement.query_row([after], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// The record with this hash.
///
/// # Errors
/// What SQLite says.
pub fn by_hash(connection: &Connection, hash: &Hash) -> Result<Option<Erasure>, LedgerError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM erasure WHERE hash = ?1"))?;
    Ok(statement.query_row([hash], erasure).optional()?)
}

/// The hashes of all records, in no order.
///
/// # Errors
/// What SQLite says.
pub fn hashes(connection: &Connection) -> Result<Vec<Hash>, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT hash FROM erasure")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// An erasure that took along changes which only this replica had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// When the document was erased.
    pub at: Timestamp,
    /// How many changes written here were not kept.
    pub changes: u64,
}

/// The erasures that took along changes which only this replica had, newest first; at most `limit`.
///
/// # Errors
/// What SQLite says.
pub fn lost(connection: &Connection, limit: usize) -> Result<Vec<Lost>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT at, lost FROM erasure WHERE lost > 0 ORDER BY at DESC, document LIMIT ?1",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map([limit], |row| {
        Ok(Lost {
            at: Timestamp(row.get(0)?),
            changes: row.get::<_, i64>(1)?.unsigned_abs(),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Writes the database anew if something was erased since that was last done, so that no erased byte is left in its
/// files; says whether that succeeded. Outside of any transaction, on the connection that writes.
///
/// `secure_delete` is not enough: where SQLite moved a row from one page to another, the copy that it left behind is
/// not overwritten when the row is deleted (seen: 10 of 2 000 erased rows were still in the file). What is due is kept
/// in the database, so a program that stops in between does it when it opens the store again.
///
/// # Errors
/// What SQLite says.
pub(super) fn scrub(connection: &Connection) -> Result<bool, LedgerError> {
    if replica::number(connection, SCRUB_DUE)? == 0 {
        return Ok(true);
    }
    match connection.execute_batch("VACUUM") {
        Ok(()) => {}
        // Another process is writing.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    }
    // A reader that still looks at an older snapshot keeps the log from being emptied; then it stays due.
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 {
        replica::set_number(connection, SCRUB_DUE, 0)?;
    }
    Ok(busy == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ReplicaId;
    use crate::ledger::changes::{self, Appended, Change};
    use crate::ledger::{Fingerprint, Store};
    use std::path::Path;
    use uuid::Uuid;

    fn document(n: u128) -> DocumentId {
        DocumentId(Uuid::from_u128(n))
    }

    fn erasure_of(id: DocumentId) -> Erasure {
        Erasure {
            document: id,
            merged_into: None,
            at: Timestamp(1_000),
            by: AgentId(Uuid::from_u128(9)),
            reason: "demande".into(),
            signature: [0; 64],
        }
    }

    fn change(id: DocumentId, n: u8, bytes: &str) -> Change {
        Change {
            document: id,
            kind: 1,
            hash: [n; 32],
            actor: vec![n],
            actor_seq: 1,
            time: i64::from(n),
            bytes: bytes.into(),
        }
    }

    fn origin() -> ReplicaId {
        ReplicaId(Uuid::from_u128(7))
    }

    async fn store() -> (Store, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        (Store::open(directory.path(), &[]).unwrap(), directory)
    }

    #[tokio::test]
    async fn an_erasure_takes_the_changes_along_and_a_place_in_the_sequence() {
        let (store, _directory) = store().await;
        let job = |tx: &rusqlite::Transaction<'_>| {
            changes::append(tx, &change(document(1), 1, "a"), origin())?;
            changes::append(tx, &change(document(2), 2, "b"), origin())?;
            quarantine::put(
                tx,
                &change(document(1), 3, "c"),
                origin(),
                Timestamp(1),
                "x",
            )?;
            assert!(record(tx, &erasure_of(document(1)), 1)?);
            assert_eq!(changes::last_seq(tx)?, 3);
            assert!(!record(tx, &erasure_of(document(1)), 1)?, "once is enough");
            assert_eq!(changes::last_seq(tx)?, 3);
            let refused = changes::append(tx, &change(document(1), 4, "d"), origin())?;
            assert_eq!(refused, Appended::Erased(Timestamp(1_000)));
            let next = changes::append(tx, &change(document(2), 5, "e"), origin())?;
            assert_eq!(next, Appended::New(4));
            let mut expected = Fingerprint::default();
            for hash in [[2; 32], hash_of(document(1)), [5; 32]] {
                expected.add(&hash);
            }
            assert_eq!(replica::fingerprint(tx)?, expected);
            assert_eq!(changes::kind_of(tx, document(1))?, None);
            assert_eq!(quarantine::count(tx)?, 0);
            assert_eq!(since(tx, 2)?, [erasure_of(document(1))]);
            assert_eq!((count_since(tx, 2)?, count_since(tx, 3)?), (1, 0));
            assert_eq!(lost(tx, 9)?.len(), 1);
            Ok::<_, LedgerError>(())
        };
        store.write(job).await.unwrap();
    }

    #[tokio::test]
    async fn a_first_erasure_in_an_empty_ledger_has_a_place_too() {
        let (store, _directory) = store().await;
        let job = |tx: &rusqlite::Transaction<'_>| {
            record(tx, &erasure_of(document(1)), 0)?;
            changes::last_seq(tx)
        };
        assert_eq!(store.write(job).await.unwrap(), 1);
    }

    #[test]
    fn a_signature_holds_for_the_record_as_it_is_and_for_no_other() {
        let (key, other) = (
            SigningKey::from_bytes(&[1; 32]),
            SigningKey::from_bytes(&[2; 32]),
        );
        let signed = erasure_of(document(1)).signed(&key);
        assert!(signed.is_signed_by(&key.verifying_key()));
        assert!(!signed.is_signed_by(&other.verifying_key()));
        for altered in [
            Erasure {
                document: document(2),
                ..signed.clone()
            },
            Erasure {
                merged_into: Some(document(2)),
                ..signed.clone()
            },
            Erasure {
                at: Timestamp(1_001),
                ..signed.clone()
            },
            Erasure {
                reason: "erreur".into(),
                ..signed
            },
        ] {
            assert!(!altered.is_signed_by(&key.verifying_key()), "{altered:?}");
        }
    }

    /// Every document whose canary is found in a file of the directory.
    fn canaries(directory: &Path) -> Vec<u128> {
        let mut found = Vec::new();
        for file in std::fs::read_dir(directory).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            let mut parts = text.split("CANARY-");
            parts.next();
            found.extend(parts.filter_map(|part| part[..4].parse::<u128>().ok()));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    #[tokio::test]
    async fn after_scrubbing_no_byte_of_what_was_erased_is_left_in_any_file() {
        const DOCUMENTS: u128 = 1_500;
        let (store, directory) = store().await;
        let write = |tx: &rusqlite::Transaction<'_>| {
            // Ids in no order and texts of all lengths, so that pages are split and rows move.
            for n in (0..DOCUMENTS).map(|n| n * 769 % DOCUMENTS) {
                let id = DocumentId(Uuid::from_u128(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c)));
                let text = format!("CANARY-{n:04}-{}", "x".repeat((n * 37 % 200) as usize));
                let mut change = change(id, 0, &text);
                change.hash = Sha256::digest(text.as_bytes()).into();
                changes::append(tx, &change, origin())?;
            }
            Ok::<_, LedgerError>(())
        };
        store.write(write).await.unwrap();
        assert_eq!(canaries(directory.path()).len() as u128, DOCUMENTS);
        let erase = |tx: &rusqlite::Transaction<'_>| {
            for n in (0..DOCUMENTS).filter(|n| n % 2 == 0) {
                let id = DocumentId(Uuid::from_u128(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c)));
                record(tx, &erasure_of(id), 0)?;
            }
            Ok::<_, LedgerError>(())
        };
        store.write(erase).await.unwrap();
        assert!(store.scrub().await.unwrap());
        let left: Vec<u128> = canaries(directory.path());
        assert!(left.iter().all(|n| n % 2 == 1), "erased ones are left");
        assert_eq!(left.len() as u128, DOCUMENTS / 2);
    }

    #[tokio::test]
    async fn what_is_still_to_be_scrubbed_is_scrubbed_when_the_store_is_opened_again() {
        let (store, directory) = store().await;
        let job = |tx: &rusqlite::Transaction<'_>| {
            changes::append(tx, &change(document(1), 1, "CANARY-0001"), origin())?;
            record(tx, &erasure_of(document(1)), 0)
        };
        store.write(job).await.unwrap();
        drop(store);
        let _again = Store::open(directory.path(), &[]).unwrap();
        assert_eq!(canaries(directory.path()), [0; 0]);
    }
}
