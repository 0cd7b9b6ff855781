//! Tickets: one-time invitations for laptops, kept as the SHA-256 of their secret.

use ed25519_dalek::VerifyingKey;
use minicbor::bytes::ByteArray;
use rusqlite::{Connection, OptionalExtension, Row};
use shared::ids::ReplicaId;
use shared::joining::letter::Letter;
use shared::joining::pin::Pins;
use shared::joining::signature::Nonce;
use shared::joining::ticket::{SECRET_BYTES, Ticket};
use shared::ledger::{LedgerError, hub_key};
use shared::time::Timestamp;

use super::{Device, find, register, revocations};
use crate::opened::{Hub, HubError};

const HOUR_MS: i64 = 3_600_000;

/// A ticket as the hub keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The name that the laptop will bear.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Until when it is good.
    pub expires: Timestamp,
    /// The laptop that used it.
    pub used_by: Option<ReplicaId>,
}

/// What a hub answers to a laptop that trades a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trade {
    /// It is registered, now or by an earlier request whose answer was lost.
    Joined(Box<Device>),
    /// No such ticket.
    Unknown,
    /// The ticket is too old.
    Expired,
    /// Another laptop, or the same one with another key, has used the ticket.
    Used,
    /// The laptop is registered with another key.
    KeyChanged,
    /// The laptop has been revoked.
    Revoked,
}

/// Makes a ticket for a laptop that will be called `name`, will find the hub at `addresses` and know it by `pins`, if
/// by any.
///
/// # Errors
/// What the store says.
pub async fn create(
    hub: &Hub,
    name: String,
    addresses: Vec<String>,
    pins: Option<Pins>,
    valid_hours: u32,
) -> Result<Ticket, HubError> {
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret)?;
    let created = hub.site().clock().now();
    let expires = Timestamp(created.0 + i64::from(valid_hours) * HOUR_MS);
    let write = move |tx: &rusqlite::Transaction<'_>| -> Result<(), LedgerError> {
        tx.execute(
            "INSERT INTO ticket (secret_hash, name, created, expires) VALUES (?1, ?2, ?3, ?4)",
            (Ticket::secret_hash(&secret), name, created.0, expires.0),
        )?;
        Ok(())
    };
    hub.site().store().write(write).await?;
    Ok(Ticket {
        addresses,
        secret: ByteArray::from(secret),
        pins: pins.map(|pins| pins.to_bytes().into()),
    })
}

/// Every ticket, newest first.
///
/// # Errors
/// What SQLite says.
pub fn list(connection: &Connection) -> Result<Vec<Issued>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT name, created, expires, used_by FROM ticket ORDER BY created DESC, secret_hash",
    )?;
    let rows = statement.query_map([], issued)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Makes every ticket that nobody has used too old from `now` on: this hub was restored, and they may have been used since.
pub(crate) fn void_open(connection: &Connection, now: Timestamp) -> Result<(), LedgerError> {
    connection
        .prepare_cached("UPDATE ticket SET expires = min(expires, ?1) WHERE used_by IS NULL")?
        .execute([now.0])?;
    Ok(())
}

/// The names on tickets that were made before `before` and may still be used at `now`.
pub(crate) fn open_names(
    connection: &Connection,
    before: Timestamp,
    now: Timestamp,
) -> Result<Vec<String>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT name FROM ticket WHERE used_by IS NULL AND created < ?1 AND expires > ?2 ORDER BY name",
    )?;
    let names = statement.query_map([before.0, now.0], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// Trades a ticket for a registration; `nonce` is the first one of a laptop that is new.
///
/// # Errors
/// What SQLite says.
pub(crate) fn trade(
    connection: &Connection,
    secret_hash: &[u8; 32],
    replica: ReplicaId,
    key: &VerifyingKey,
    nonce: Nonce,
    now: Timestamp,
) -> Result<Trade, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT name, created, expires, used_by FROM ticket WHERE secret_hash = ?1",
    )?;
    let Some(ticket) = statement.query_row([secret_hash], issued).optional()? else {
        return Ok(Trade::Unknown);
    };
    let same_key = match stand(connection, replica, key)? {
        Standing::Revoked => return Ok(Trade::Revoked),
        Standing::Unknown => None,
        Standing::Known { by_this_key } => Some(by_this_key),
    };
    match (ticket.used_by, same_key) {
        // Its first answer was lost: the same again, even if the ticket has become too old meanwhile.
        (Some(user), Some(true)) if user == replica => {}
        (Some(_), _) => return Ok(Trade::Used),
        (None, Some(false)) => return Ok(Trade::KeyChanged),
        (None, _) if ticket.expires <= now => return Ok(Trade::Expired),
        (None, _) => {
            register(connection, replica, &ticket.name, key, nonce, now)?;
            connection.execute(
                "UPDATE ticket SET used_by = ?2, used = ?3 WHERE secret_hash = ?1",
                (secret_hash, replica, now.0),
            )?;
        }
    }
    let device = find(connection, replica)?.ok_or(LedgerError::Damaged("device"))?;
    Ok(Trade::Joined(Box::new(device)))
}

/// Registers a laptop again by the letter of its registration, which this hub has lost.
///
/// # Errors
/// What SQLite says.
pub(crate) fn trade_letter(
    connection: &Connection,
    letter: &Letter,
    replica: ReplicaId,
    key: &VerifyingKey,
    nonce: Nonce,
    now: Timestamp,
) -> Result<Trade, LedgerError> {
    let own = hub_key::own(connection)?;
    if !own.is_some_and(|own| letter.is_by(&own.verifying_key(), key)) {
        return Ok(Trade::Unknown);
    }
    match stand(connection, replica, key)? {
        Standing::Revoked => return Ok(Trade::Revoked),
        Standing::Known { by_this_key: false } => return Ok(Trade::KeyChanged),
        // The answer was lost.
        Standing::Known { by_this_key: true } => {}
        Standing::Unknown => register(connection, replica, &letter.name, key, nonce, now)?,
    }
    let device = find(connection, replica)?.ok_or(LedgerError::Damaged("device"))?;
    Ok(Trade::Joined(Box::new(device)))
}

/// What the hub knows of whoever wants to be registered.
enum Standing {
    Unknown,
    Known { by_this_key: bool },
    Revoked,
}

fn stand(
    connection: &Connection,
    replica: ReplicaId,
    key: &VerifyingKey,
) -> Result<Standing, LedgerError> {
    if revocations::is_revoked(connection, key)? {
        return Ok(Standing::Revoked);
    }
    Ok(match find(connection, replica)? {
        None => Standing::Unknown,
        Some(device) if device.revoked.is_some() => Standing::Revoked,
        Some(device) => Standing::Known {
            by_this_key: device.public_key == *key,
        },
    })
}

fn issued(row: &Row<'_>) -> rusqlite::Result<Issued> {
    Ok(Issued {
        name: row.get(0)?,
        created: Timestamp(row.get(1)?),
        expires: Timestamp(row.get(2)?),
        used_by: row.get(3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use shared::time::Clock;
    use std::path::Path;

    const HASH: [u8; 32] = [8; 32];
    const NONCE: Nonce = Nonce([1; 16]);
    const CREATED: Timestamp = Timestamp(1_795_000_000_000);

    fn replica(n: u128) -> ReplicaId {
        ReplicaId(uuid::Uuid::from_u128(n))
    }

    fn key(n: u8) -> VerifyingKey {
        SigningKey::from_bytes(&[n; 32]).verifying_key()
    }

    async fn hub(directory: &Path) -> (Hub, [u8; 32]) {
        let hub = Hub::open(directory, Clock::fixed(CREATED)).await.unwrap();
        let ticket = create(&hub, "Portable 1".to_owned(), Vec::new(), None, 72)
            .await
            .unwrap();
        (hub, Ticket::secret_hash(ticket.secret.as_slice()))
    }

    async fn trades(hub: &Hub, hash: [u8; 32], who: u128, with: u8, after_hours: i64) -> Trade {
        let now = Timestamp(CREATED.0 + after_hours * HOUR_MS);
        hub.site()
            .store()
            .write(move |tx| trade(tx, &hash, replica(who), &key(with), NONCE, now))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_ticket_serves_one_laptop_which_may_ask_again() {
        let directory = tempfile::tempdir().unwrap();
        let (hub, hash) = hub(directory.path()).await;
        let first = trades(&hub, hash, 1, 1, 71).await;
        let Trade::Joined(device) = &first else {
            panic!("{first:?}");
        };
        assert_eq!(device.name, "Portable 1");
        assert_eq!(
            trades(&hub, hash, 1, 1, 71).await,
            first,
            "the lost answer again"
        );
        assert_eq!(trades(&hub, hash, 1, 1, 100).await, first, "however late");
        assert_eq!(trades(&hub, hash, 2, 2, 71).await, Trade::Used);
        assert_eq!(
            trades(&hub, hash, 1, 2, 71).await,
            Trade::Used,
            "with another key"
        );
    }

    #[tokio::test]
    async fn an_old_or_unknown_ticket_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (hub, hash) = hub(directory.path()).await;
        assert_eq!(trades(&hub, hash, 1, 1, 72).await, Trade::Expired);
        assert_eq!(trades(&hub, HASH, 1, 1, 0).await, Trade::Unknown);
        let listed = hub
            .site()
            .read(|connection| Ok(list(connection)?))
            .await
            .unwrap();
        assert_eq!((listed.len(), listed[0].used_by), (1, None));
    }

    #[tokio::test]
    async fn a_new_ticket_renames_a_laptop_but_brings_back_neither_another_key_nor_a_revoked_one() {
        let directory = tempfile::tempdir().unwrap();
        let (hub, hash) = hub(directory.path()).await;
        trades(&hub, hash, 1, 1, 0).await;
        let another = create(&hub, "Portable 2".to_owned(), Vec::new(), None, 72)
            .await
            .unwrap();
        let another = Ticket::secret_hash(another.secret.as_slice());
        assert_eq!(trades(&hub, another, 1, 2, 0).await, Trade::KeyChanged);
        let Trade::Joined(device) = trades(&hub, another, 1, 1, 0).await else {
            panic!("refused");
        };
        assert_eq!(device.name, "Portable 2");
        let revoked = hub.site().store();
        revoked
            .write(|tx| super::super::revoke(tx, replica(1), CREATED))
            .await
            .unwrap();
        assert_eq!(trades(&hub, another, 1, 1, 0).await, Trade::Revoked);
    }
}
