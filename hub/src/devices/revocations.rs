//! Revocations outside of the database: lines of the file of erasures, signed by the hub, replayed whenever it opens.
//!
//! A restore replaces the database and not that file, so a laptop that was revoked since the backup is revoked again
//! before anybody is answered; one that joined since, and that the restored hub has never heard of, as well: its key is
//! refused whatever id and ticket it comes with.

use std::collections::BTreeMap;
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rusqlite::Connection;
use shared::ids::ReplicaId;
use shared::ledger::{LedgerError, hub_key};
use shared::site::erasure_file;
use shared::time::Timestamp;

/// What a line of this kind begins with.
const REVOKED: &str = "revoked";
/// What is signed begins with this.
const CONTEXT: &[u8] = b"maison revocation 1\0";
/// What a laptop is called that the hub knows by its revocation only.
const NAME: &str = "Portable révoqué";

/// That whoever bears a key was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Revocation {
    public_key: [u8; 32],
    /// A laptop that bore the key then.
    replica: ReplicaId,
    at: Timestamp,
}

impl Revocation {
    fn message(&self) -> Vec<u8> {
        [
            CONTEXT,
            &self.public_key,
            self.replica.as_bytes(),
            &self.at.0.to_be_bytes(),
        ]
        .concat()
    }

    fn line(&self, key: &SigningKey) -> String {
        let signature = key.sign(&self.message()).to_bytes();
        format!(
            "{REVOKED} {} {} {} {}",
            BASE64URL_NOPAD.encode(&self.public_key),
            self.replica,
            self.at.0,
            BASE64URL_NOPAD.encode(&signature)
        )
    }

    /// Reads [`Self::line`], if `key` signed it.
    fn signed(line: &str, key: &VerifyingKey) -> Option<Self> {
        let fields: Vec<&str> = line.split(' ').collect();
        let [REVOKED, public_key, replica, at, signature] = fields[..] else {
            return None;
        };
        let bytes = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).ok();
        let revocation = Self {
            public_key: bytes(public_key)?.try_into().ok()?,
            replica: replica.parse().ok()?,
            at: Timestamp(at.parse().ok()?),
        };
        let signature = Signature::from_bytes(&bytes(signature)?.try_into().ok()?);
        let is_signed = key.verify_strict(&revocation.message(), &signature);
        is_signed.ok().map(|()| revocation)
    }
}

/// Revokes again whom the file at `path` says to be revoked, and adds to it what only the database knows; in a writing
/// transaction, when the hub opens and after a revocation. Answers how many were revoked by that.
///
/// # Errors
/// When the file cannot be read or written, or what SQLite says.
pub(crate) fn keep_in(connection: &Connection, path: &Path) -> Result<u64, LedgerError> {
    let Some(key) = hub_key::own(connection)? else {
        return Ok(0);
    };
    let hub = key.verifying_key();
    let lines = erasure_file::lines(path)?;
    let kept = lines
        .iter()
        .filter_map(|line| Revocation::signed(line, &hub));
    let kept: BTreeMap<[u8; 32], Revocation> = kept.map(|one| (one.public_key, one)).collect();
    let mut revoked = 0;
    for revocation in kept.values() {
        revoked += u64::from(enact(connection, revocation)?);
    }
    let mut lacking = all(connection)?;
    lacking.retain(|public_key, _| !kept.contains_key(public_key));
    let lacking: Vec<String> = lacking.values().map(|one| one.line(&key)).collect();
    erasure_file::append(path, &lacking)?;
    Ok(revoked)
}

/// Whether the bearer of a key was revoked, under whatever id.
///
/// # Errors
/// What SQLite says.
pub(super) fn is_revoked(connection: &Connection, key: &VerifyingKey) -> Result<bool, LedgerError> {
    let sql = "SELECT 1 FROM device WHERE public_key = ?1 AND revoked IS NOT NULL";
    Ok(connection.prepare_cached(sql)?.exists([key.as_bytes()])?)
}

/// False when it was done before.
fn enact(connection: &Connection, revocation: &Revocation) -> Result<bool, LedgerError> {
    let Revocation {
        public_key,
        replica,
        at,
    } = revocation;
    let is_known = connection
        .prepare_cached("SELECT 1 FROM device WHERE public_key = ?1")?
        .exists([public_key])?;
    let changed = if is_known {
        connection
            .prepare_cached(
                "UPDATE device SET revoked = ?2 WHERE public_key = ?1 AND revoked IS NULL",
            )?
            .execute((public_key, at.0))?
    } else {
        // Its nonce is never asked for.
        connection
            .prepare_cached(
                "INSERT INTO device (replica, name, public_key, enrolled, nonce, revoked)
                 VALUES (?1, ?2, ?3, ?4, zeroblob(16), ?4) ON CONFLICT DO NOTHING",
            )?
            .execute((replica, NAME, public_key, at.0))?
    };
    Ok(changed > 0)
}

/// Every key that the database knows to be revoked.
fn all(connection: &Connection) -> Result<BTreeMap<[u8; 32], Revocation>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT public_key, replica, revoked FROM device WHERE revoked IS NOT NULL ORDER BY replica DESC",
    )?;
    let rows = statement.query_map([], |row| {
        let revocation = Revocation {
            public_key: row.get(0)?,
            replica: row.get(1)?,
            at: Timestamp(row.get(2)?),
        };
        Ok((revocation.public_key, revocation))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
