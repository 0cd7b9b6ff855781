//! What each laptop gave back since the hub was restored: what the backup lacked and a laptop had kept.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::Serialize;
use shared::ids::ReplicaId;
use shared::ledger::{LedgerError, changes, replica};
use shared::time::Timestamp;

use crate::devices;

const AT: &str = "backup.restored_at";
const OF: &str = "backup.restored_of";
const POSITION: &str = "backup.restored_position";

/// That this hub was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restoration {
    /// When.
    pub at: Timestamp,
    /// The moment that the backup was of.
    pub of: Timestamp,
    /// The last position of the ledger then.
    position: i64,
}

/// A laptop since then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Returned {
    /// Its name.
    pub name: String,
    /// When it last exchanged; nothing when it has not yet been back.
    pub contact: Option<Timestamp>,
    /// Changes from before the restore that came from it.
    pub changes: u64,
    /// The records that they belong to.
    pub documents: u64,
}

/// Notes, in the hub that is restored, that it is.
pub(crate) fn note(
    connection: &Connection,
    at: Timestamp,
    of: Timestamp,
) -> Result<(), LedgerError> {
    replica::set_number(connection, AT, at.0)?;
    replica::set_number(connection, OF, of.0)?;
    replica::set_number(connection, POSITION, changes::last_seq(connection)?)
}

/// The last restore of this hub; nothing when there was none.
///
/// # Errors
/// When a row is damaged.
pub fn last(connection: &Connection) -> Result<Option<Restoration>, LedgerError> {
    match replica::number(connection, AT)? {
        0 => Ok(None),
        at => Ok(Some(Restoration {
            at: Timestamp(at),
            of: Timestamp(replica::number(connection, OF)?),
            position: replica::number(connection, POSITION)?,
        })),
    }
}

/// What each laptop that may exchange gave back since `restored`; those that have not been back yet come first.
///
/// # Errors
/// What SQLite says.
pub fn since(
    connection: &Connection,
    restored: &Restoration,
) -> Result<Vec<Returned>, LedgerError> {
    let given = given_back(connection, restored)?;
    let laptops = devices::list(connection)?.into_iter();
    let in_use = laptops.filter(|state| state.device.revoked.is_none() && !state.is_replaced);
    let mut all: Vec<Returned> = in_use
        .map(|state| {
            let device = state.device;
            let (changes, documents) = given.get(&device.replica).copied().unwrap_or_default();
            Returned {
                name: device.name,
                contact: device.last_contact.filter(|at| *at > restored.at),
                changes,
                documents,
            }
        })
        .collect();
    all.sort_by_key(|laptop| laptop.contact.is_some());
    Ok(all)
}

/// Changes and documents by the laptop that they came from.
fn given_back(
    connection: &Connection,
    restored: &Restoration,
) -> Result<BTreeMap<ReplicaId, (u64, u64)>, LedgerError> {
    // What was written after the restore is no loss made good. Stamps may run ahead of a clock, not behind it.
    let mut statement = connection.prepare_cached(
        "SELECT origin, count(*), count(DISTINCT document) FROM change
         WHERE seq > ?1 AND time <= ?2 GROUP BY origin",
    )?;
    let rows = statement.query_map((restored.position, restored.at.0), |row| {
        let (changes, documents): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok((
            row.get(0)?,
            (changes.unsigned_abs(), documents.unsigned_abs()),
        ))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
