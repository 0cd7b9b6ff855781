//! Laptops that the hub knows: names, keys, nonces, and what each of them is known to have.
//!
//! Tables of the hub's own, beside the ledger; they never travel. [`tickets`] is how a laptop gets in here,
//! [`incarnations`] how a copy of one does, [`revocations`] how one that is out stays out after a restore.

pub(crate) mod incarnations;
pub(crate) mod revocations;
pub mod tickets;

use ed25519_dalek::VerifyingKey;
use rusqlite::{Connection, OptionalExtension, Row};
use shared::ids::ReplicaId;
use shared::joining::lease::Trial;
use shared::joining::signature::Nonce;
use shared::ledger::{LedgerError, Migrations, changes, erasures};
use shared::time::Timestamp;

/// The hub's tables of laptops and tickets.
pub const MIGRATIONS: Migrations = Migrations {
    module: "devices",
    scripts: &[
        "
    CREATE TABLE device (
        replica TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        public_key BLOB NOT NULL,
        enrolled INTEGER NOT NULL,
        nonce BLOB NOT NULL,
        nonce_before BLOB,
        last_contact INTEGER,
        acknowledged INTEGER NOT NULL DEFAULT 0,
        revoked INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE ticket (
        secret_hash BLOB NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        used_by TEXT,
        used INTEGER
    ) STRICT, WITHOUT ROWID;
    ",
        "
    ALTER TABLE device ADD COLUMN trial BLOB;
    ALTER TABLE device ADD COLUMN incarnation_of TEXT;
    ",
    ],
};

/// A laptop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its replica id.
    pub replica: ReplicaId,
    /// « Portable 1 ».
    pub name: String,
    /// Its Ed25519 public key.
    pub public_key: VerifyingKey,
    /// When it was registered.
    pub enrolled: Timestamp,
    /// The nonce that its next request is expected to be signed over.
    pub nonce: Nonce,
    /// The nonce before, which still counts: the answer with the current one may have been lost.
    pub nonce_before: Option<Nonce>,
    /// The trial that came with the request over the nonce before; none from a laptop of the first version.
    pub trial: Option<Trial>,
    /// The replica id under which it asked when it was noticed to be a copy or an old image.
    pub incarnation_of: Option<ReplicaId>,
    /// When it last asked for anything.
    pub last_contact: Option<Timestamp>,
    /// The position in the hub's ledger up to which it is known to have everything.
    pub acknowledged: i64,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

/// A laptop that has not asked for anything this long is worth a look. Long enough for a week-end with a holiday.
pub(crate) const SILENT_MS: i64 = 4 * 24 * 3_600_000;

impl Device {
    /// Whether nothing has been heard of it for so long that somebody should look.
    #[must_use]
    pub fn is_silent(&self, now: Timestamp) -> bool {
        now.0 - self.last_contact.unwrap_or(self.enrolled).0 > SILENT_MS
    }
}

/// A laptop with what it is known to lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceState {
    /// The laptop.
    pub device: Device,
    /// Changes of others and erasures that it has not acknowledged.
    pub lacks_changes: u64,
    /// The documents that they belong to.
    pub lacks_documents: u64,
    /// It has been heard under another replica id since, and not under this one.
    pub is_replaced: bool,
}

const COLUMNS: &str = "replica, name, public_key, enrolled, nonce, nonce_before, last_contact, \
     acknowledged, revoked, trial, incarnation_of";

/// Whether a row of `device` has a later incarnation and has not been heard since.
const REPLACED: &str =
    "EXISTS (SELECT 1 FROM device later WHERE later.incarnation_of = device.replica
     AND later.enrolled >= coalesce(device.last_contact, device.enrolled))";

/// The laptop with this replica id.
///
/// # Errors
/// What SQLite says, or a damaged row.
pub fn find(connection: &Connection, replica: ReplicaId) -> Result<Option<Device>, LedgerError> {
    let sql = format!("SELECT {COLUMNS} FROM device WHERE replica = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([replica], device).optional()?)
}

/// Every laptop with what it is known to lack, by name; replaced ones after, revoked ones last.
///
/// # Errors
/// As [`find`].
pub fn list(connection: &Connection) -> Result<Vec<DeviceState>, LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS}, {REPLACED} AS replaced FROM device
         ORDER BY revoked IS NOT NULL, replaced, name, replica"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], |row| Ok((device(row)?, row.get(11)?)))?;
    let devices = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let state = |(device, is_replaced): (Device, bool)| {
        let (lacks_changes, lacks_documents) =
            changes::count_since(connection, device.acknowledged, device.replica)?;
        let erasures = erasures::count_since(connection, device.acknowledged)?;
        Ok(DeviceState {
            device,
            lacks_changes: lacks_changes + erasures,
            lacks_documents: lacks_documents + erasures,
            is_replaced,
        })
    };
    devices.into_iter().map(state).collect()
}

/// How many laptops may exchange, and how many of them have not asked for anything since `since`.
pub(crate) fn silent_since(
    connection: &Connection,
    since: Timestamp,
) -> Result<(u64, u64), LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT count(*), count(*) FILTER (WHERE coalesce(last_contact, enrolled) < ?1)
         FROM device WHERE revoked IS NULL AND NOT {REPLACED}"
    ))?;
    let counted = statement.query_row([since.0], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    });
    let (all, silent) = counted?;
    Ok((all.unsigned_abs(), silent.unsigned_abs()))
}

/// The names of laptops that may exchange and have not asked for anything since `since`.
pub(crate) fn silent_names(
    connection: &Connection,
    since: Timestamp,
) -> Result<Vec<String>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT name FROM device
         WHERE revoked IS NULL AND NOT {REPLACED} AND coalesce(last_contact, enrolled) < ?1 ORDER BY name"
    ))?;
    let names = statement.query_map([since.0], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// Registers a laptop, or gives a registered one a new name. Its nonce stays: were this answer lost as well as the one
/// before, it would be taken for a copy.
pub(crate) fn register(
    connection: &Connection,
    replica: ReplicaId,
    name: &str,
    public_key: &VerifyingKey,
    nonce: Nonce,
    at: Timestamp,
) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO device (replica, name, public_key, enrolled, nonce) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (replica) DO UPDATE SET name = ?2",
        (replica, name, public_key.as_bytes(), at.0, nonce.0),
    )?;
    Ok(())
}

/// Notes that a laptop asked for something with a request over the nonce `used`, which bore this trial, and answers the
/// nonce for its next one: made of `fresh`, or the current one where `used` is the one before. `None` when the laptop
/// has been revoked.
pub(crate) fn note_contact(
    connection: &Connection,
    replica: ReplicaId,
    (used, trial): (Nonce, Option<Trial>),
    fresh: Nonce,
    at: Timestamp,
) -> Result<Option<Nonce>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "UPDATE device SET last_contact = ?2,
            nonce_before = CASE nonce WHEN ?3 THEN nonce ELSE nonce_before END,
            trial = CASE nonce WHEN ?3 THEN ?5 ELSE trial END,
            nonce = CASE nonce WHEN ?3 THEN ?4 ELSE nonce END
         WHERE replica = ?1 AND revoked IS NULL RETURNING nonce",
    )?;
    let (next, trial) = (fresh.following(used), trial.map(|trial| trial.0));
    let values = (replica, at.0, used.0, next.0, trial);
    let nonce = statement.query_row(values, |row| row.get(0));
    Ok(nonce.optional()?.map(Nonce))
}

/// Notes the position up to which a laptop has everything; writes only when it has moved.
pub(crate) fn note_acknowledged(
    connection: &Connection,
    replica: ReplicaId,
    acknowledged: i64,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "UPDATE device SET acknowledged = ?2 WHERE replica = ?1 AND acknowledged <> ?2",
        )?
        .execute((replica, acknowledged))?;
    Ok(())
}

/// Notes that a laptop was heard of by a file, and the position up to which it has everything.
pub(crate) fn note_file(
    connection: &Connection,
    replica: ReplicaId,
    acknowledged: i64,
    at: Timestamp,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached("UPDATE device SET last_contact = ?2 WHERE replica = ?1")?
        .execute((replica, at.0))?;
    note_acknowledged(connection, replica, acknowledged)
}

/// Refuses a laptop from now on, and whoever else holds its key: its copies. What it has sent stays. False when there
/// is no such laptop. [`crate::Hub::revoke`] does so for good.
///
/// # Errors
/// What SQLite says.
pub fn revoke(
    connection: &Connection,
    replica: ReplicaId,
    at: Timestamp,
) -> Result<bool, LedgerError> {
    let changed = connection.execute(
        "UPDATE device SET revoked = coalesce(revoked, ?2)
         WHERE public_key = (SELECT public_key FROM device WHERE replica = ?1)",
        (replica, at.0),
    )?;
    Ok(changed > 0)
}

fn device(row: &Row<'_>) -> rusqlite::Result<Device> {
    let key: [u8; 32] = row.get(2)?;
    let public_key = VerifyingKey::from_bytes(&key).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Blob, Box::new(error))
    })?;
    Ok(Device {
        replica: row.get(0)?,
        name: row.get(1)?,
        public_key,
        enrolled: Timestamp(row.get(3)?),
        nonce: Nonce(row.get(4)?),
        nonce_before: row.get::<_, Option<[u8; 16]>>(5)?.map(Nonce),
        last_contact: row.get::<_, Option<i64>>(6)?.map(Timestamp),
        acknowledged: row.get(7)?,
        revoked: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        trial: row.get::<_, Option<[u8; 6]>>(9)?.map(Trial),
        incarnation_of: row.get(10)?,
    })
}
