//! How far what is written has got: on this laptop, then at the hub, which signs for it, then in a verified backup.
//!
//! A record is at the hub when the hub has confirmed every change of it, and none was refused. The receipt that the
//! laptop keeps then says up to where the hub has signed. It is in a backup when the hub's newest verified one reaches
//! all of its changes ([`backed_up`]).

use std::collections::HashSet;

use rusqlite::Connection;

use super::backed_up::{self, Backup};
use super::position::{self, Position};
use super::receipt::{self, Receipt};
use crate::ids::DocumentId;
use crate::ledger::LedgerError;
use crate::time::{Timestamp, day_month_year};

/// How far a record has got; the further, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// Something of it is on this laptop only.
    Laptop,
    /// All of it is at the hub.
    Hub,
    /// All of it is in a verified backup of the hub, of that moment.
    Backup(Timestamp),
}

impl Reached {
    /// Kind of the badge.
    #[must_use]
    pub fn badge(self) -> &'static str {
        match self {
            Self::Laptop => "here",
            Self::Hub => "hub",
            Self::Backup(_) => "backup",
        }
    }

    /// In words.
    #[must_use]
    pub fn label(self) -> String {
        match self {
            Self::Laptop => "Sur ce portable seulement".to_owned(),
            Self::Hub => "Au hub".to_owned(),
            Self::Backup(at) => {
                format!("Sauvegardé, vérifié le {}", day_month_year(at.date()))
            }
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
    /// Those of them that are all in a verified backup.
    pub backup: u64,
    /// The newest verified backup; none where none is known.
    pub newest: Option<Backup>,
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
    if position::is_pending(connection, document)? {
        return Ok(Some(Reached::Laptop));
    }
    let backup = backed_up::known(connection)?;
    let is_later = connection
        .prepare_cached("SELECT 1 FROM change WHERE document = ?1 AND seq > ?2")?
        .exists((document, backed_up::upto(connection)?))?;
    Ok(Some(match backup.filter(|_| !is_later) {
        Some(backup) => Reached::Backup(backup.at()),
        None => Reached::Hub,
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
    let only_here = only_here(connection, usize::MAX)?;
    let laptop = only_here.len() as u64;
    let newest = backed_up::known(connection)?;
    let backup = match newest {
        None => 0,
        Some(_) => {
            let mut beyond: HashSet<DocumentId> = only_here.into_iter().collect();
            let mut statement =
                connection.prepare_cached("SELECT DISTINCT document FROM change WHERE seq > ?1")?;
            let rows = statement.query_map([backed_up::upto(connection)?], |row| row.get(0))?;
            for document in rows {
                beyond.insert(document?);
            }
            all.unsigned_abs().saturating_sub(beyond.len() as u64)
        }
    };
    Ok(Durable {
        laptop,
        hub: all.unsigned_abs().saturating_sub(laptop),
        backup,
        newest,
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
