//! What this replica knows of itself: its id, its fingerprint, and the positions that the exchange keeps.
//!
//! One small table of keys. Values are bytes whose meaning belongs to whoever names the key.

use rusqlite::{Connection, OptionalExtension};

use super::{Fingerprint, LedgerError};
use crate::ids::ReplicaId;

/// Where a replica keeps its id.
pub const ID: &str = "id";
const FINGERPRINT: &str = "fingerprint";
const OWNER: &str = "owner";
/// Whose a data directory can be.
const PROGRAMS: [&[u8]; 2] = [b"hub", b"laptop"];

/// Whose a data directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It was nobody's and is now the program's.
    New,
    /// It was this program's already.
    Before,
    /// It is another program's.
    Others,
}

/// Takes a new data directory for `program`; the hub and a laptop cannot use each other's.
///
/// # Errors
/// [`LedgerError::Damaged`] when it is no program's that ever was, or what SQLite says.
pub fn claim(connection: &Connection, program: &str) -> Result<Claimed, LedgerError> {
    match get(connection, OWNER)? {
        None => {
            set(connection, OWNER, program.as_bytes())?;
            Ok(Claimed::New)
        }
        Some(owner) if owner == program.as_bytes() => Ok(Claimed::Before),
        Some(owner) if PROGRAMS.contains(&owner.as_slice()) => Ok(Claimed::Others),
        Some(_) => Err(LedgerError::Damaged("replica.owner")),
    }
}

/// Draws this replica's id if it has none yet.
pub(super) fn ensure_id(connection: &Connection) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO replica (key, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        (ID, ReplicaId::fresh().as_bytes()),
    )?;
    Ok(())
}

/// This replica's id.
///
/// # Errors
/// When the row is missing or damaged.
pub fn id(connection: &Connection) -> Result<ReplicaId, LedgerError> {
    let bytes = get(connection, ID)?.ok_or(LedgerError::Damaged("replica.id"))?;
    uuid::Uuid::from_slice(&bytes)
        .map(ReplicaId)
        .map_err(|_| LedgerError::Damaged("replica.id"))
}

/// Gives this replica another id: it was a copy of one that bears the old id rightly.
///
/// What has been written keeps the old id as its origin. A site that is open goes on under the old id until it is
/// opened again; which id a change of one's own bears as its origin is of no consequence.
///
/// # Errors
/// What SQLite says.
pub fn set_id(connection: &Connection, id: ReplicaId) -> Result<(), LedgerError> {
    set(connection, ID, id.as_bytes())
}

/// The fingerprint of everything in the ledger.
///
/// # Errors
/// When the row is damaged.
pub fn fingerprint(connection: &Connection) -> Result<Fingerprint, LedgerError> {
    match get(connection, FINGERPRINT)? {
        None => Ok(Fingerprint::default()),
        Some(bytes) => {
            Fingerprint::from_bytes(&bytes).ok_or(LedgerError::Damaged("replica.fingerprint"))
        }
    }
}

/// Keeps the fingerprint; in the transaction that changed the set.
pub(super) fn set_fingerprint(
    connection: &Connection,
    fingerprint: &Fingerprint,
) -> Result<(), LedgerError> {
    set(connection, FINGERPRINT, &fingerprint.to_bytes())
}

/// The bytes kept under `key`.
///
/// # Errors
/// What SQLite says.
pub fn get(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT value FROM replica WHERE key = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

/// Keeps bytes under `key`.
///
/// # Errors
/// What SQLite says.
pub fn set(connection: &Connection, key: &str, value: &[u8]) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "INSERT INTO replica VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
        )?
        .execute((key, value))?;
    Ok(())
}

/// Forgets what is kept under `key`.
///
/// # Errors
/// What SQLite says.
pub fn forget(connection: &Connection, key: &str) -> Result<(), LedgerError> {
    connection
        .prepare_cached("DELETE FROM replica WHERE key = ?1")?
        .execute([key])?;
    Ok(())
}

/// The number kept under `key`; 0 when there is none.
///
/// # Errors
/// When the value is not a number.
pub fn number(connection: &Connection, key: &str) -> Result<i64, LedgerError> {
    match get(connection, key)? {
        None => Ok(0),
        Some(bytes) => {
            let bytes = bytes
                .try_into()
                .map_err(|_| LedgerError::Damaged("replica.number"))?;
            Ok(i64::from_be_bytes(bytes))
        }
    }
}

/// Keeps a number under `key`.
///
/// # Errors
/// What SQLite says.
pub fn set_number(connection: &Connection, key: &str, number: i64) -> Result<(), LedgerError> {
    set(connection, key, &number.to_be_bytes())
}
