//! What of this ledger is in a verified backup of the hub.
//!
//! The hub says up to which of its positions the newest one reaches. A laptop does not know at which position of the hub
//! its own changes stand; it notes after every proof that the hub, up to such a position, had everything up to such a
//! one here. The furthest of these notes that the backup reaches says what is in it: never too much, and at most one
//! exchange's work too little.

use minicbor::{Decode, Encode};
use rusqlite::{Connection, OptionalExtension};

use crate::ledger::{LedgerError, replica};
use crate::time::Timestamp;

const POSITION: &str = "backup.position";
const AT: &str = "backup.at";
const UPTO: &str = "backup.upto";
/// Notes kept. A territory without backups needs none; one with a backup a day, those of a day.
const NOTES_MAX: i64 = 500;

/// The newest verified backup of a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Backup {
    /// The last position of the hub's ledger in it.
    #[n(0)]
    pub position: i64,
    /// The moment that it is of, in milliseconds since 1970; it was verified before anybody heard of it.
    #[n(1)]
    pub at_ms: i64,
}

impl Backup {
    /// The moment that it is of.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        Timestamp(self.at_ms)
    }
}

/// The newest that is known of this life of the hub.
///
/// # Errors
/// When a row is damaged.
pub fn known(connection: &Connection) -> Result<Option<Backup>, LedgerError> {
    let position = replica::number(connection, POSITION)?;
    let at_ms = replica::number(connection, AT)?;
    Ok((at_ms > 0).then_some(Backup { position, at_ms }))
}

/// The position in this ledger up to which everything is in that backup.
pub(super) fn upto(connection: &Connection) -> Result<i64, LedgerError> {
    replica::number(connection, UPTO)
}

/// At the hub: a backup of its present life was verified.
///
/// # Errors
/// What SQLite says.
pub fn keep_own(connection: &Connection, backup: Backup) -> Result<(), LedgerError> {
    keep(connection, backup, backup.position)
}

/// On a laptop: the hub told of a backup.
pub(super) fn hear(connection: &Connection, backup: Backup) -> Result<(), LedgerError> {
    let noted: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT hub, here FROM exchange_note WHERE hub <= ?1 ORDER BY hub DESC LIMIT 1",
        )?
        .query_row([backup.position], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    // Where the note is gone that an earlier one reached, that one's word still stands.
    let (hub, here) = noted.unwrap_or((0, upto(connection)?));
    keep(connection, backup, here)?;
    connection
        .prepare_cached("DELETE FROM exchange_note WHERE hub < ?1")?
        .execute([hub])?;
    Ok(())
}

/// On a laptop: it is proved that the hub, up to its position `hub`, has everything up to `here`.
pub(super) fn note(connection: &Connection, hub: i64, here: i64) -> Result<(), LedgerError> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT here FROM exchange_note ORDER BY hub DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    if last == Some(here) {
        return Ok(());
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO exchange_note VALUES (?1, ?2)")?
        .execute((hub, here))?;
    connection
        .prepare_cached(
            "DELETE FROM exchange_note WHERE hub <=
                (SELECT hub FROM exchange_note ORDER BY hub DESC LIMIT 1 OFFSET ?1)",
        )?
        .execute([NOTES_MAX])?;
    Ok(())
}

/// Another life of the hub has begun: its positions mean something else, and no backup of it is known.
pub(super) fn forget(connection: &Connection) -> Result<(), LedgerError> {
    for key in [POSITION, AT, UPTO] {
        replica::forget(connection, key)?;
    }
    connection
        .prepare_cached("DELETE FROM exchange_note")?
        .execute([])?;
    Ok(())
}

fn keep(connection: &Connection, backup: Backup, upto: i64) -> Result<(), LedgerError> {
    replica::set_number(connection, POSITION, backup.position)?;
    replica::set_number(connection, AT, backup.at_ms)?;
    replica::set_number(connection, UPTO, upto)
}
