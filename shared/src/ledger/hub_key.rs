//! The Ed25519 key that a hub signs with, and by which its laptops know what it wrote.
//!
//! The hub's private key and the laptop's copy of the public one lie in the `replica` table, so that a hub that is
//! restored from a copy is still itself. What is signed, and over which bytes, is the business of whoever signs; each
//! kind of signature begins with a context of its own.

use ed25519_dalek::{SigningKey, VerifyingKey};
use rusqlite::Connection;

use super::{LedgerError, replica};

const OWN: &str = "hub.signing_key";
/// Where a laptop keeps the public key of its hub.
pub const KNOWN: &str = "hub.public_key";

/// The hub's own private key, drawn if there is none yet. To be called in a writing transaction, at a hub only.
///
/// # Errors
/// [`LedgerError::Randomness`], or when the row is damaged.
pub fn ensure_own(connection: &Connection) -> Result<SigningKey, LedgerError> {
    if let Some(key) = own(connection)? {
        return Ok(key);
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    replica::set(connection, OWN, &seed)?;
    Ok(SigningKey::from_bytes(&seed))
}

/// The hub's own private key; `None` on a laptop.
///
/// # Errors
/// When the row is damaged.
pub fn own(connection: &Connection) -> Result<Option<SigningKey>, LedgerError> {
    match replica::get(connection, OWN)? {
        None => Ok(None),
        Some(seed) => {
            let seed = seed.try_into().map_err(|_| LedgerError::Damaged(OWN))?;
            Ok(Some(SigningKey::from_bytes(&seed)))
        }
    }
}

/// Keeps, on a laptop, the public key of its hub.
///
/// # Errors
/// What SQLite says.
pub fn keep(connection: &Connection, key: &VerifyingKey) -> Result<(), LedgerError> {
    replica::set(connection, KNOWN, key.as_bytes())
}

/// The key whose signatures count here: on a laptop its hub's, at a hub its own. `None` on a laptop that has not
/// heard it yet: it is not registered, or was by a version that knew of no such key.
///
/// # Errors
/// When a row is damaged.
pub fn known(connection: &Connection) -> Result<Option<VerifyingKey>, LedgerError> {
    if let Some(key) = own(connection)? {
        return Ok(Some(key.verifying_key()));
    }
    let Some(bytes) = replica::get(connection, KNOWN)? else {
        return Ok(None);
    };
    let bytes = bytes.try_into().map_err(|_| LedgerError::Damaged(KNOWN))?;
    VerifyingKey::from_bytes(&bytes)
        .map(Some)
        .map_err(|_| LedgerError::Damaged(KNOWN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Store;
    use tempfile::TempDir;

    fn store() -> (Store, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        (Store::open(directory.path(), &[]).unwrap(), directory)
    }

    #[tokio::test]
    async fn a_hub_draws_its_key_once_and_keeps_it_when_it_is_opened_again() {
        let (store, directory) = store();
        let none = store.read(own).await.unwrap();
        assert!(none.is_none());
        let key = store.write(|tx| ensure_own(tx)).await.unwrap();
        assert_eq!(store.write(|tx| ensure_own(tx)).await.unwrap(), key);
        drop(store);
        let again = Store::open(directory.path(), &[]).unwrap();
        assert_eq!(again.read(own).await.unwrap(), Some(key.clone()));
        let known = again.read(known).await.unwrap();
        assert_eq!(known, Some(key.verifying_key()));
    }

    #[tokio::test]
    async fn a_laptop_keeps_the_public_key_only() {
        let (store, _directory) = store();
        assert!(store.read(known).await.unwrap().is_none());
        let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
        store.write(move |tx| keep(tx, &key)).await.unwrap();
        assert_eq!(store.read(known).await.unwrap(), Some(key));
        assert!(store.read(own).await.unwrap().is_none());
    }
}
