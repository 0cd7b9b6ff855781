//! How far what is written has got: on this laptop, then at the hub, which signs for it.
//!
//! A record is at the hub when the hub has confirmed every change of it, and none was refused. The receipt that the
//! laptop keeps then says up to where the hub has signed. The next step, a verified backup, has its place in
//! [`Reached`] after these.

use rusqlite::Connection;

use super::position::{self, Position};
use super::receipt::{self, Receipt};
use crate::ids::DocumentId;
use crate::ledger::LedgerError;

/// How far a record has got; the further, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// Something of it is on this laptop only.
    Laptop,
    /// All of it is at the hub.
    Hub,
}

impl Reached {
    /// Kind of the badge.
    #[must_use]
    pub fn badge(self) -> &'static str {
        match self {
            Self::Laptop => "here",
            Self::Hub => "hub",
        }
    }

    /// In words.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Laptop => "Sur ce portable seulement",
            Self::Hub => "Au hub",
        }
    }
}

/// How much has got how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durable {
    /// Records of which something is on this laptop only.
    pub laptop: u64,
    /// Records that are all at the hub.
    pub hub: u64,
    /// The hub's last receipt; none at the hub itself.
    pub receipt: Option<Receipt>,
}

/// How far a record has got; `None` where nothing is known of it.
///
/// # Errors
/// What SQLite says.
pub fn reached(
    connection: &Connection,
    document: DocumentId,
) -> Result<Option<Reached>, LedgerError> {
    let is_known = connection
        .prepare_cached("SELECT 1 FROM change WHERE document = ?1")?
        .exists([document])?;
    if !is_known {
        return Ok(None);
    }
    Ok(Some(match position::is_pending(connection, document)? {
        true => Reached::Laptop,
        false => Reached::Hub,
    }))
}

/// How much has got how far, in all. Costs as much as waits, and one look at each document's row.
///
/// # Errors
/// What SQLite says, or a damaged row.
pub fn durable(connection: &Connection) -> Result<Durable, LedgerError> {
    let all: i64 = connection
        .prepare_cached("SELECT count(*) FROM document")?
        .query_row([], |row| row.get(0))?;
    let laptop = only_here(connection, usize::MAX)?.len() as u64;
    Ok(Durable {
        laptop,
        hub: all.unsigned_abs().saturating_sub(laptop),
        receipt: receipt::kept(connection)?,
    })
}

/// The records of which something is on this laptop only, at most `limit`; none at the hub itself.
///
/// # Errors
/// What SQLite says.
pub fn only_here(connection: &Connection, limit: usize) -> Result<Vec<DocumentId>, LedgerError> {
    if position::own_epoch(connection)?.is_some() {
        return Ok(Vec::new());
    }
    let Position { hub, acked, .. } = position::position(connection)?;
    let mut statement = connection.prepare_cached(
        "SELECT document FROM change WHERE seq > ?1 AND origin <> ?2
         UNION SELECT document FROM exchange_difference JOIN change USING (hash) WHERE what IN (1, 2)
         LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map((acked, hub, limit), |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
