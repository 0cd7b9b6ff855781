//! Quarantine: what could not be taken, from whom and why. Never fatal, never retried in a loop.

use rusqlite::Connection;

use super::LedgerError;
use super::changes::{Change, Hash};
use crate::ids::{DocumentId, ReplicaId};
use crate::time::Timestamp;

/// A change that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its number here.
    pub number: i64,
    /// When it was set aside.
    pub at: Timestamp,
    /// From whom it came.
    pub origin: ReplicaId,
    /// The document that it claims to belong to.
    pub document: DocumentId,
    /// Hash of the change, or of the bytes where they are no change.
    pub hash: Hash,
    /// Why, in plain French.
    pub reason: String,
}

/// Sets a change aside; doing so twice changes nothing.
///
/// # Errors
/// What SQLite says.
pub fn put(
    connection: &Connection,
    change: &Change,
    origin: ReplicaId,
    at: Timestamp,
    reason: &str,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "INSERT INTO quarantine (at, origin, document, kind, hash, reason, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        )?
        .execute((
            at.0,
            origin,
            change.document,
            change.kind,
            change.hash,
            reason,
            &change.bytes,
        ))?;
    Ok(())
}

/// Whether a change has been set aside already.
///
/// # Errors
/// What SQLite says.
pub fn holds(connection: &Connection, hash: &Hash) -> Result<bool, LedgerError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM quarantine WHERE hash = ?1")?
        .exists([hash])?)
}

/// How many changes have been set aside.
///
/// # Errors
/// What SQLite says.
pub fn count(connection: &Connection) -> Result<u64, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM quarantine")?;
    let count: i64 = statement.query_row([], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// What is in quarantine, newest first; at most `limit`.
///
/// # Errors
/// What SQLite says.
pub fn list(connection: &Connection, limit: usize) -> Result<Vec<Quarantined>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT number, at, origin, document, hash, reason FROM quarantine
         ORDER BY number DESC LIMIT ?1",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map([limit], |row| {
        Ok(Quarantined {
            number: row.get(0)?,
            at: Timestamp(row.get(1)?),
            origin: row.get(2)?,
            document: row.get(3)?,
            hash: row.get(4)?,
            reason: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
