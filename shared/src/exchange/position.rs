//! What a replica remembers of its exchanges: where it stands with the hub, what is still to be sent, what it knows
//! to differ. The keys lie in the ledger's `replica` table, so that they change in the transactions that change data.
//!
//! None of it is trusted: the proof at the end of an exchange decides, and what it finds wrong is repaired.

use std::collections::HashSet;

use rusqlite::Connection;

use super::{Version, backed_up};
use crate::ids::{DocumentId, ReplicaId};
use crate::ledger::changes;
use crate::ledger::{Fingerprint, LedgerError, Migrations, replica};
use crate::time::Timestamp;

const OWN_EPOCH: &str = "exchange.own_epoch";
/// Where a laptop keeps the id of the hub that it follows.
pub const HUB: &str = "exchange.hub";
const EPOCH: &str = "exchange.epoch";
const CURSOR: &str = "exchange.cursor";
/// Where a laptop keeps the position up to which its hub has everything.
pub const ACKED: &str = "exchange.acked";
const OFFSET_MS: &str = "exchange.offset_ms";
const PIECE_BYTES: &str = "exchange.piece_bytes";
const PROOF_AT: &str = "exchange.proof_at";
const PROOF_HELD: &str = "exchange.proof_held";

/// The exchange's own tables.
pub const MIGRATIONS: Migrations = Migrations {
    module: "exchange",
    scripts: &[
        "
    CREATE TABLE exchange_difference (
        hash BLOB NOT NULL PRIMARY KEY,
        what INTEGER NOT NULL,
        reason TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE exchange_log (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        started INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL,
        bytes_up INTEGER NOT NULL,
        bytes_down INTEGER NOT NULL,
        round_trips INTEGER NOT NULL,
        sent INTEGER NOT NULL,
        received INTEGER NOT NULL,
        refused INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        identical INTEGER NOT NULL
    ) STRICT;
    ",
        "
    CREATE TABLE exchange_note (
        -- Up to this position of its ledger, the hub had ...
        hub INTEGER PRIMARY KEY,
        -- ... everything up to this one here.
        here INTEGER NOT NULL
    ) STRICT;
    ",
    ],
};

/// One life of a hub's ledger: drawn afresh when the hub is restored, so that laptops compare instead of believing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch(pub [u8; 16]);

impl Epoch {
    /// The life of no hub: a laptop that names it believes none of its positions, and compares.
    pub(super) const NONE: Self = Self([0; 16]);
}

impl std::fmt::Display for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// Where a laptop stands with its hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The hub's replica id; the nil id before the first exchange.
    pub hub: ReplicaId,
    /// The hub's epoch; `None` before the first exchange.
    pub epoch: Option<Epoch>,
    /// Position in the hub's ledger up to which this laptop has everything that it did not write itself.
    pub cursor: i64,
    /// Position in this ledger up to which the hub has everything that did not come from it.
    pub acked: i64,
}

/// What only this laptop holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Changes that the hub has not confirmed.
    pub changes: u64,
    /// The documents that they belong to.
    pub documents: u64,
}

/// The last comparison with the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// When, by this laptop's clock.
    pub at: Timestamp,
    /// Whether the two ledgers were found equal.
    pub identical: bool,
}

/// The hub's own epoch; `None` where this replica is no hub.
///
/// # Errors
/// When the row is damaged.
pub fn own_epoch(connection: &Connection) -> Result<Option<Epoch>, LedgerError> {
    epoch_under(connection, OWN_EPOCH)
}

/// Makes this replica a hub if it is none yet: draws its epoch. A hub calls it when it opens its site.
///
/// # Errors
/// What SQLite says.
pub fn ensure_own_epoch(connection: &Connection) -> Result<Epoch, LedgerError> {
    match own_epoch(connection)? {
        Some(epoch) => Ok(epoch),
        None => renew_own_epoch(connection),
    }
}

/// Begins a new life of the hub's ledger: to be called after it was restored from a copy.
///
/// # Errors
/// What SQLite says.
pub fn renew_own_epoch(connection: &Connection) -> Result<Epoch, LedgerError> {
    let epoch = Epoch(*uuid::Uuid::new_v4().as_bytes());
    replica::set(connection, OWN_EPOCH, &epoch.0)?;
    backed_up::forget(connection)?;
    Ok(epoch)
}

fn epoch_under(connection: &Connection, key: &str) -> Result<Option<Epoch>, LedgerError> {
    replica::get(connection, key)?
        .map(|bytes| {
            let bytes = bytes.try_into();
            bytes
                .map(Epoch)
                .map_err(|_| LedgerError::Damaged("replica.epoch"))
        })
        .transpose()
}

/// Where this laptop stands with its hub.
///
/// # Errors
/// When a row is damaged.
pub fn position(connection: &Connection) -> Result<Position, LedgerError> {
    let hub = match replica::get(connection, HUB)? {
        None => uuid::Uuid::nil(),
        Some(bytes) => {
            uuid::Uuid::from_slice(&bytes).map_err(|_| LedgerError::Damaged("replica.hub"))?
        }
    };
    Ok(Position {
        hub: ReplicaId(hub),
        epoch: epoch_under(connection, EPOCH)?,
        cursor: replica::number(connection, CURSOR)?,
        acked: replica::number(connection, ACKED)?,
    })
}

/// Follows a hub's epoch from a position on.
pub(super) fn adopt(
    connection: &Connection,
    hub: ReplicaId,
    epoch: Epoch,
    cursor: i64,
) -> Result<(), LedgerError> {
    replica::set(connection, HUB, hub.as_bytes())?;
    replica::set(connection, EPOCH, &epoch.0)?;
    backed_up::forget(connection)?;
    set_cursor(connection, cursor)
}

/// Makes the next exchange with `hub` compare instead of believing a position: what is here was saved from a damaged
/// ledger, and nobody knows what is lacking. `acked` is what of it the hub is thought to have.
///
/// # Errors
/// What SQLite says.
pub fn doubt(connection: &Connection, hub: ReplicaId, acked: i64) -> Result<(), LedgerError> {
    adopt(connection, hub, Epoch::NONE, 0)?;
    set_acked(connection, acked)
}

pub(super) fn set_cursor(connection: &Connection, cursor: i64) -> Result<(), LedgerError> {
    replica::set_number(connection, CURSOR, cursor)
}

pub(super) fn set_acked(connection: &Connection, acked: i64) -> Result<(), LedgerError> {
    replica::set_number(connection, ACKED, acked)
}

/// What this laptop holds that the hub has not confirmed; nothing at the hub itself.
///
/// # Errors
/// What SQLite says.
pub fn pending(connection: &Connection) -> Result<Pending, LedgerError> {
    if own_epoch(connection)?.is_some() {
        return Ok(Pending::default());
    }
    let position = position(connection)?;
    let counted = connection
        .prepare_cached(&format!(
            "SELECT count(*), count(DISTINCT document) FROM ({PENDING})"
        ))?
        .query_row((position.acked, position.hub), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?;
    Ok(Pending {
        changes: counted.0.unsigned_abs(),
        documents: counted.1.unsigned_abs(),
    })
}

/// Changes after the acknowledged position that did not come from the hub, and those that the hub is known to lack.
const PENDING: &str = "SELECT document, hash FROM change WHERE seq > ?1 AND origin <> ?2
    UNION SELECT document, hash FROM exchange_difference JOIN change USING (hash) WHERE what = 2";

/// A document of which the hub has not confirmed everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingDocument {
    /// Which.
    pub document: DocumentId,
    /// Its kind number.
    pub kind: u8,
    /// When it was last changed, of the changes that wait.
    pub at: Timestamp,
}

/// At most `limit` documents that wait, the one changed last first. Costs as much as is pending.
///
/// # Errors
/// What SQLite says.
pub fn pending_documents(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<PendingDocument>, LedgerError> {
    let position = position(connection)?;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT c.document, d.kind, max(c.time) AS at FROM ({PENDING}) p
         JOIN change c USING (hash) JOIN document d ON d.id = c.document
         GROUP BY c.document ORDER BY at DESC, c.document LIMIT ?3"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map((position.acked, position.hub, limit), |row| {
        Ok(PendingDocument {
            document: row.get(0)?,
            kind: row.get(1)?,
            at: Timestamp(row.get(2)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whether the hub has not confirmed everything that this laptop holds of `document`, or refused some of it; false at
/// the hub itself.
///
/// # Errors
/// What SQLite says.
pub fn is_pending(connection: &Connection, document: DocumentId) -> Result<bool, LedgerError> {
    Ok(!pending_among(connection, [document])?.is_empty())
}

/// Those of `documents` of which the hub has not confirmed everything, or refused something; none at the hub itself.
/// Costs as much as there are documents, however much is pending.
///
/// # Errors
/// What SQLite says.
pub fn pending_among(
    connection: &Connection,
    documents: impl IntoIterator<Item = DocumentId>,
) -> Result<HashSet<DocumentId>, LedgerError> {
    let mut among = HashSet::new();
    if own_epoch(connection)?.is_some() {
        return Ok(among);
    }
    let position = position(connection)?;
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM change WHERE document = ?3 AND ((seq > ?1 AND origin <> ?2)
            OR hash IN (SELECT hash FROM exchange_difference WHERE what IN (1, 2)))",
    )?;
    for document in documents {
        if statement.exists((position.acked, position.hub, document))? {
            among.insert(document);
        }
    }
    Ok(among)
}

/// Moves the acknowledged position over what came from the hub, if nothing else lies above it.
///
/// Keeps [`pending`] cheap: it reads what lies above that position only.
pub(super) fn skip_acked(connection: &Connection) -> Result<(), LedgerError> {
    let Position { hub, acked, .. } = position(connection)?;
    if !changes::is_any_since(connection, acked, hub)? {
        set_acked(connection, acked.max(changes::last_seq(connection)?))?;
    }
    Ok(())
}

/// What the hub's fingerprint must be if nothing is wrong: everything here, less what it has not confirmed and what
/// it refused, plus what it has and this laptop set aside.
///
/// Version 1 knows of no erasures.
pub(super) fn expected_of_hub(
    connection: &Connection,
    version: Version,
) -> Result<Fingerprint, LedgerError> {
    let mut fingerprint = replica::fingerprint(connection)?;
    let Position { hub, acked, .. } = position(connection)?;
    let mut statement = connection.prepare_cached(
        "SELECT hash FROM change WHERE seq > ?1 AND origin <> ?2
         UNION SELECT hash FROM exchange_difference JOIN change USING (hash) WHERE what IN (1, 2)
         UNION SELECT hash FROM erasure
             WHERE ?3 OR hash IN (SELECT hash FROM exchange_difference WHERE what IN (1, 2))",
    )?;
    let mut rows = statement.query((acked, hub, version < Version::Two))?;
    while let Some(row) = rows.next()? {
        fingerprint.subtract(&row.get(0)?);
    }
    add_set_aside(connection, &mut fingerprint)?;
    Ok(fingerprint)
}

/// What the hub's fingerprint would be if it had nothing but what this laptop knows of, and took all that is pending:
/// everything here, less what it refused before and is not to be sent again, plus what it has and this laptop set
/// aside.
pub(super) fn expected_when_all_is_taken(
    connection: &Connection,
) -> Result<Fingerprint, LedgerError> {
    let mut fingerprint = replica::fingerprint(connection)?;
    let Position { hub, acked, .. } = position(connection)?;
    let mut statement = connection.prepare_cached(
        "SELECT hash FROM exchange_difference JOIN change USING (hash)
         WHERE what = 1 AND (seq <= ?1 OR origin = ?2)
         UNION SELECT hash FROM exchange_difference JOIN erasure USING (hash) WHERE what = 1",
    )?;
    let mut rows = statement.query((acked, hub))?;
    while let Some(row) = rows.next()? {
        fingerprint.subtract(&row.get(0)?);
    }
    add_set_aside(connection, &mut fingerprint)?;
    Ok(fingerprint)
}

/// Adds what the hub has and this laptop set aside.
fn add_set_aside(
    connection: &Connection,
    fingerprint: &mut Fingerprint,
) -> Result<(), LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT hash FROM exchange_difference d WHERE what = 3
         AND NOT EXISTS (SELECT 1 FROM change c WHERE c.hash = d.hash)
         AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.hash = d.hash)",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        fingerprint.add(&row.get(0)?);
    }
    Ok(())
}

/// Keeps the outcome of a comparison.
pub(super) fn set_proof(connection: &Connection, proof: Proof) -> Result<(), LedgerError> {
    replica::set_number(connection, PROOF_AT, proof.at.0)?;
    replica::set_number(connection, PROOF_HELD, i64::from(proof.identical))
}

/// The last comparison with the hub; `None` before the first.
///
/// # Errors
/// When a row is damaged.
pub fn last_proof(connection: &Connection) -> Result<Option<Proof>, LedgerError> {
    if replica::get(connection, PROOF_AT)?.is_none() {
        return Ok(None);
    }
    Ok(Some(Proof {
        at: Timestamp(replica::number(connection, PROOF_AT)?),
        identical: replica::number(connection, PROOF_HELD)? != 0,
    }))
}

pub(super) fn set_offset_ms(connection: &Connection, offset_ms: i64) -> Result<(), LedgerError> {
    replica::set_number(connection, OFFSET_MS, offset_ms)
}

/// How far this laptop's clock was behind the hub's at the last exchange, in milliseconds.
///
/// A program gives it to its clock when it starts; see [`crate::time::Clock::correct`].
///
/// # Errors
/// When the row is damaged.
pub fn offset_ms(connection: &Connection) -> Result<i64, LedgerError> {
    replica::number(connection, OFFSET_MS)
}

/// How long a request may be, in bytes, after what the line has carried so far; `None` before the first.
pub(super) fn piece_bytes(connection: &Connection) -> Result<Option<usize>, LedgerError> {
    let bytes = replica::number(connection, PIECE_BYTES)?;
    Ok(usize::try_from(bytes).ok().filter(|bytes| *bytes > 0))
}

pub(super) fn set_piece_bytes(connection: &Connection, bytes: usize) -> Result<(), LedgerError> {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    replica::set_number(connection, PIECE_BYTES, bytes)
}
