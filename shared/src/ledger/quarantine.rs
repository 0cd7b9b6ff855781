//! Quarantine: what could not be taken, from whom and why. Never fatal, never retried in a loop.
//!
//! Each change bears the version of the program that set it aside: another version tries it again, once, since what it
//! does not understand may be understood by the next one.

use rusqlite::Connection;

use super::LedgerError;
use super::changes::{Change, Hash};
use crate::ids::{DocumentId, ReplicaId};
use crate::time::Timestamp;

/// The version of this program.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

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

/// Sets a change aside; doing so again notes the newest reason only.
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
            "INSERT INTO quarantine (at, origin, document, kind, hash, reason, bytes, program)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (hash) DO UPDATE SET reason = excluded.reason, program = excluded.program",
        )?
        .execute((
            at.0,
            origin,
            change.document,
            change.kind,
            change.hash,
            reason,
            &change.bytes,
            PROGRAM,
        ))?;
    Ok(())
}

/// What of the quarantine is to be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// What another version of the program set aside.
    OtherVersions,
    /// Everything.
    All,
}

/// A change in quarantine with its bytes, to be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its number here.
    pub number: i64,
    /// From whom it came.
    pub origin: ReplicaId,
    /// The document that it claims to belong to.
    pub document: DocumentId,
    /// Kind number of the document.
    pub kind: u8,
    /// Hash of the change, or of the bytes where they are no change.
    pub hash: Hash,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// At most `limit` changes to be tried again, in order of their numbers, after the number `after`.
///
/// # Errors
/// What SQLite says.
pub fn held(
    connection: &Connection,
    again: Again,
    after: i64,
    limit: usize,
) -> Result<Vec<Held>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT number, origin, document, kind, hash, bytes FROM quarantine
         WHERE number > ?1 AND (?2 OR program <> ?3) ORDER BY number LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map((after, again == Again::All, PROGRAM, limit), |row| {
        Ok(Held {
            number: row.get(0)?,
            origin: row.get(1)?,
            document: row.get(2)?,
            kind: row.get(3)?,
            hash: row.get(4)?,
            bytes: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Takes a change out of the quarantine: it has found its place, or has none any more.
///
/// # Errors
/// What SQLite says.
pub fn release(connection: &Connection, number: i64) -> Result<(), LedgerError> {
    connection
        .prepare_cached("DELETE FROM quarantine WHERE number = ?1")?
        .execute([number])?;
    Ok(())
}

/// Takes everything that claims to belong to an erased document out of the quarantine.
pub(super) fn forget(connection: &Connection, document: DocumentId) -> Result<(), LedgerError> {
    connection
        .prepare_cached("DELETE FROM quarantine WHERE document = ?1")?
        .execute([document])?;
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
