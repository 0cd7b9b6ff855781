//! The hub's own keys for the line: the one in use and the one in reserve, in its database, and the certificate that it
//! makes of them.
//!
//! Nobody vouches for such a certificate; laptops know the keys from their ticket. What it says of times and names is for
//! browsers only. It names the key in reserve, so that every laptop that has spoken with the hub since a change of keys
//! knows the next one (see [`shared::joining::pin`]).

use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData};
use rusqlite::{Connection, Transaction};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use shared::joining::pin::{Pin, Pins};
use shared::ledger::{LedgerError, replica};
use shared::time::Timestamp;

use super::{CertificateError, Shown};
use crate::devices;
use crate::opened::{Hub, HubError};

/// The key in use, PKCS#8.
const KEY: &str = "hub.line_key";
/// The key in reserve, PKCS#8.
const RESERVE: &str = "hub.line_reserve";
/// Whether the keys were ever changed: before that, every ticket bears both.
const CHANGED: &str = "hub.line_changed";
/// The pin of the key that was shown last.
const SHOWN: &str = "hub.line_shown";
/// Since when, in milliseconds since 1970.
const SHOWN_SINCE: &str = "hub.line_shown_since";

/// The hub's two keys.
#[derive(Debug)]
pub struct Keys {
    current: KeyPair,
    reserve: KeyPair,
}

/// What became of a change of keys.
#[derive(Debug)]
pub enum Changed {
    /// The key in reserve is in use, and there is another in reserve.
    Done,
    /// These laptops, and laptops with one of these tickets, have not spoken with the hub since the last change, and
    /// would not know it any more.
    WouldLockOut(Vec<String>),
}

impl Keys {
    /// What laptops know the hub by.
    #[must_use]
    pub fn pins(&self) -> Pins {
        let pin = |key: &KeyPair| Pin::of(&key.subject_public_key_info());
        Pins {
            current: pin(&self.current),
            reserve: pin(&self.reserve),
        }
    }

    /// The certificate for these names and addresses.
    pub(super) fn certificate(&self, names: &[String]) -> Result<Shown, CertificateError> {
        let reserve = self.pins().reserve.to_name();
        let names: Vec<String> = names.iter().cloned().chain([reserve]).collect();
        let mut params = CertificateParams::new(names)?;
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "Maison mobile");
        let certificate = params.self_signed(&self.current)?;
        Ok(Shown {
            chain: vec![certificate.der().clone()],
            key: PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.current.serialize_der())),
            source: Sha256::digest(self.pins().to_bytes()).into(),
        })
    }
}

/// The hub's keys, made at their first use.
///
/// # Errors
/// What the store says, or when a key is damaged.
pub async fn keys(hub: &Hub) -> Result<Keys, HubError> {
    let (current, reserve) = hub.site().store().write(ensure).await?;
    let read = |der: Vec<u8>| KeyPair::try_from(der).map_err(CertificateError::from);
    Ok(Keys {
        current: read(current)?,
        reserve: read(reserve)?,
    })
}

fn ensure(tx: &Transaction<'_>) -> Result<(Vec<u8>, Vec<u8>), LedgerError> {
    Ok((ensure_one(tx, KEY)?, ensure_one(tx, RESERVE)?))
}

fn ensure_one(tx: &Transaction<'_>, name: &str) -> Result<Vec<u8>, LedgerError> {
    if let Some(key) = replica::get(tx, name)? {
        return Ok(key);
    }
    let key = fresh()?;
    replica::set(tx, name, &key)?;
    Ok(key)
}

/// A key of the kind that browsers know.
fn fresh() -> Result<Vec<u8>, LedgerError> {
    let key = KeyPair::generate().map_err(|_| LedgerError::Damaged("randomness"))?;
    Ok(key.serialize_der())
}

/// Puts the key in reserve in use; the one in use is forgotten. A serving hub shows it some seconds later.
///
/// # Errors
/// What the store says.
pub async fn change(hub: &Hub, even_if_it_locks_out: bool) -> Result<Changed, HubError> {
    let (pin, now) = (keys(hub).await?.pins().current, hub.site().clock().now());
    let changed = hub.site().store().write(move |tx| {
        let (_, reserve) = ensure(tx)?;
        let unready = unready(tx, pin, now)?;
        if !unready.is_empty() && !even_if_it_locks_out {
            return Ok::<_, LedgerError>(Changed::WouldLockOut(unready));
        }
        replica::set(tx, KEY, &reserve)?;
        replica::set(tx, RESERVE, &fresh()?)?;
        replica::set_number(tx, CHANGED, 1)?;
        Ok(Changed::Done)
    });
    Ok(changed.await?)
}

/// Notes that the hub shows its key from now on, if it has not shown it before.
///
/// # Errors
/// What the store says.
pub(super) async fn note_shown(hub: &Hub) -> Result<(), HubError> {
    let (pin, now) = (keys(hub).await?.pins().current, hub.site().clock().now());
    let note = move |tx: &Transaction<'_>| -> Result<(), LedgerError> {
        if replica::get(tx, SHOWN)?.as_deref() != Some(&pin.0[..]) {
            replica::set(tx, SHOWN, &pin.0)?;
            replica::set_number(tx, SHOWN_SINCE, now.0)?;
        }
        Ok(())
    };
    Ok(hub.site().store().write(note).await?)
}

/// Who cannot have learnt of the key in reserve: they have not seen the present certificate, and their ticket is older.
fn unready(connection: &Connection, pin: Pin, now: Timestamp) -> Result<Vec<String>, LedgerError> {
    if replica::number(connection, CHANGED)? == 0 {
        return Ok(Vec::new());
    }
    let is_shown = replica::get(connection, SHOWN)?.as_deref() == Some(&pin.0[..]);
    let since = match is_shown {
        true => Timestamp(replica::number(connection, SHOWN_SINCE)?),
        false => now,
    };
    let mut names = devices::silent_names(connection, since)?;
    names.extend(devices::tickets::open_names(connection, since, now)?);
    Ok(names)
}
