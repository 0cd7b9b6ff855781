//! Single changes in which this laptop's ledger is known to differ from the hub's, and why.
//!
//! A position says « the hub has everything up to here »; this table holds the exceptions. A complete comparison
//! replaces it, so nothing wrong stays in it.

use std::collections::{BTreeSet, HashSet};

use rusqlite::Connection;

use crate::ledger::LedgerError;
use crate::ledger::changes::Hash;
use crate::ledger::erasures::{self, Erasure};

/// Why the two ledgers are known to differ in one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// The hub set it aside.
    HubRefused = 1,
    /// The hub lacks it although the position says that it has it: to be sent again.
    HubLacks = 2,
    /// The hub has it, this laptop set it aside.
    SetAsideHere = 3,
    /// The hub has it and this laptop lacks it: to be asked for by its hash.
    LackedHere = 4,
}

/// Notes that the two ledgers differ in one change, and why.
pub(super) fn note(
    connection: &Connection,
    hash: &Hash,
    what: Difference,
    reason: &str,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "INSERT INTO exchange_difference VALUES (?1, ?2, ?3)
             ON CONFLICT (hash) DO UPDATE SET what = ?2, reason = ?3",
        )?
        .execute((hash, what as u8, reason))?;
    Ok(())
}

/// Forgets one difference if it is of this sort.
pub(super) fn forget(
    connection: &Connection,
    hash: &Hash,
    what: Difference,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached("DELETE FROM exchange_difference WHERE hash = ?1 AND what = ?2")?
        .execute((hash, what as u8))?;
    Ok(())
}

/// Whether one difference of this sort is noted.
pub(super) fn holds(
    connection: &Connection,
    hash: &Hash,
    what: Difference,
) -> Result<bool, LedgerError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM exchange_difference WHERE hash = ?1 AND what = ?2")?
        .exists((hash, what as u8))?)
}

/// The hashes of what is still to be asked for.
pub(super) fn lacked_here(connection: &Connection) -> Result<BTreeSet<Hash>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT hash FROM exchange_difference
         WHERE what = 4 AND hash NOT IN (SELECT hash FROM change)",
    )?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Forgets what was to be asked for: it is here, or the hub does not have it any more.
pub(super) fn forget_lacked_here(connection: &Connection) -> Result<(), LedgerError> {
    connection
        .prepare_cached("DELETE FROM exchange_difference WHERE what = 4")?
        .execute([])?;
    Ok(())
}

/// The erasures that the hub is known to lack, with their hashes: those that it had, and lost.
pub(super) fn lacking_erasures(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<(Hash, Erasure)>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT hash FROM exchange_difference JOIN erasure USING (hash) WHERE what = 2 LIMIT ?1",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let hashes = statement.query_map([limit], |row| row.get(0))?;
    let mut lacking = Vec::new();
    for hash in hashes.collect::<rusqlite::Result<Vec<Hash>>>()? {
        lacking.extend(erasures::by_hash(connection, &hash)?.map(|erasure| (hash, erasure)));
    }
    Ok(lacking)
}

/// Forgets every difference: a complete comparison has just found the true ones.
pub(super) fn forget_all(connection: &Connection) -> Result<(), LedgerError> {
    connection
        .prepare_cached("DELETE FROM exchange_difference")?
        .execute([])?;
    Ok(())
}

/// Forgets every difference but what the hub refused of `refused`, and what was set aside here of `hub_has`.
pub(super) fn retain(
    connection: &Connection,
    refused: &HashSet<Hash>,
    hub_has: &HashSet<Hash>,
) -> Result<(), LedgerError> {
    let mut told = Vec::new();
    for (what, among) in [
        (Difference::HubRefused, refused),
        (Difference::SetAsideHere, hub_has),
    ] {
        let mut statement = connection
            .prepare_cached("SELECT hash, reason FROM exchange_difference WHERE what = ?1")?;
        let rows = statement.query_map([what as u8], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for row in rows {
            let (hash, reason): (Hash, String) = row?;
            if among.contains(&hash) {
                told.push((hash, what, reason));
            }
        }
    }
    forget_all(connection)?;
    told.iter()
        .try_for_each(|(hash, what, reason)| note(connection, hash, *what, reason))
}

/// How many differences of this sort matter: those whose change is here, or, for one set aside here, is not.
pub(super) fn count(connection: &Connection, what: Difference) -> Result<u64, LedgerError> {
    let count: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM exchange_difference d WHERE what = ?1
             AND (what = 3) <> (EXISTS (SELECT 1 FROM change c WHERE c.hash = d.hash)
                 OR EXISTS (SELECT 1 FROM erasure e WHERE e.hash = d.hash))",
        )?
        .query_row([what as u8], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// The hashes, after `after` in this ledger and in its order, of changes that the hub is known to lack.
pub(super) fn lacking(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> Result<Vec<Hash>, LedgerError> {
    let mut statement = connection.prepare_cached(
        // One whose document is not there cannot be sent, and would be asked for without end.
        "SELECT hash FROM exchange_difference JOIN change USING (hash)
         JOIN document ON document.id = document
         WHERE what = 2 AND seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map((after, limit), |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
