//! Who this laptop is: its Ed25519 key, and the hub that it is registered with.
//!
//! The nonce for its next request is the business of [`crate::lease`]. All lie in the database beside the ledger, never in a file of their own: what protects the data protects them.

use ed25519_dalek::SigningKey;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use shared::ids::ReplicaId;
use shared::joining::letter::Letter;
use shared::joining::pin::Pins;
use shared::ledger::{LedgerError, replica};

pub(crate) const KEY: &str = "laptop.key";
pub(crate) const ENROLMENT: &str = "laptop.enrolment";

/// What the laptop knows of its registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The laptop's name: « Portable 1 ».
    pub name: String,
    /// The hub's replica id.
    pub hub: ReplicaId,
    /// URLs of the hub, the one that answered last first.
    pub addresses: Vec<String>,
    /// Keys by which the laptop knows the hub; none where authorities vouch for its certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pins: Option<Pins>,
    /// What registers it again with a hub that has forgotten it; none where it was registered by an older hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<Letter>,
}

/// The registration; `None` before it.
///
/// # Errors
/// When the row is damaged.
pub fn enrolment(connection: &Connection) -> Result<Option<Enrolment>, LedgerError> {
    match replica::get(connection, ENROLMENT)? {
        None => Ok(None),
        Some(json) => serde_json::from_slice(&json)
            .map(Some)
            .map_err(|_| LedgerError::Damaged(ENROLMENT)),
    }
}

/// Keeps the registration.
pub(crate) fn keep_enrolment(
    connection: &Connection,
    enrolment: &Enrolment,
) -> Result<(), LedgerError> {
    let json = serde_json::to_vec(enrolment).map_err(|_| LedgerError::Damaged(ENROLMENT))?;
    replica::set(connection, ENROLMENT, &json)
}

/// The laptop's private key, drawn from `seed` if there is none yet.
pub(crate) fn ensure_key(
    connection: &Connection,
    seed: &[u8; 32],
) -> Result<SigningKey, LedgerError> {
    if let Some(key) = key(connection)? {
        return Ok(key);
    }
    replica::set(connection, KEY, seed)?;
    Ok(SigningKey::from_bytes(seed))
}

/// The laptop's private key, if it has been drawn.
pub(crate) fn key(connection: &Connection) -> Result<Option<SigningKey>, LedgerError> {
    match replica::get(connection, KEY)? {
        None => Ok(None),
        Some(bytes) => {
            let bytes = bytes.try_into().map_err(|_| LedgerError::Damaged(KEY))?;
            Ok(Some(SigningKey::from_bytes(&bytes)))
        }
    }
}
