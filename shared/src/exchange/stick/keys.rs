//! The age keys of a replica: its own X25519 identity, and on a laptop the recipient of its hub.
//!
//! They lie in the ledger's `replica` table: what protects the data protects them, and a hub that is restored from a
//! copy still opens what is sent to it. A laptop's recipient travels in its signed files, so the hub keeps none.

use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use rusqlite::Connection;

use crate::ledger::{LedgerError, replica};

const OWN: &str = "stick.identity";
const HUB: &str = "stick.hub_recipient";

/// This replica's age identity, drawn if there is none yet. To be called in a writing transaction.
///
/// # Errors
/// What SQLite says, or a damaged row.
pub(super) fn ensure_own(connection: &Connection) -> Result<Identity, LedgerError> {
    if let Some(identity) = own(connection)? {
        return Ok(identity);
    }
    let identity = Identity::generate();
    let text = identity.to_string();
    replica::set(connection, OWN, text.expose_secret().as_bytes())?;
    Ok(identity)
}

/// This replica's age identity, if it has been drawn.
///
/// # Errors
/// What SQLite says, or a damaged row.
pub(super) fn own(connection: &Connection) -> Result<Option<Identity>, LedgerError> {
    parsed(connection, OWN)
}

/// The recipient to which this replica's files are to be encrypted, as text; its identity is drawn if there is none
/// yet. To be called in a writing transaction.
///
/// # Errors
/// What SQLite says, or a damaged row.
pub fn ensure_recipient(connection: &Connection) -> Result<String, LedgerError> {
    Ok(ensure_own(connection)?.to_public().to_string())
}

/// Keeps, on a laptop, the recipient of its hub; false when the text is none.
///
/// # Errors
/// What SQLite says.
pub fn keep_hub(connection: &Connection, recipient: &str) -> Result<bool, LedgerError> {
    if recipient.parse::<Recipient>().is_err() {
        return Ok(false);
    }
    replica::set(connection, HUB, recipient.as_bytes())?;
    Ok(true)
}

/// The recipient of this laptop's hub; `None` on a laptop that was registered by a version that knew of no sticks.
pub(super) fn hub(connection: &Connection) -> Result<Option<Recipient>, LedgerError> {
    parsed(connection, HUB)
}

fn parsed<T: std::str::FromStr>(
    connection: &Connection,
    key: &'static str,
) -> Result<Option<T>, LedgerError> {
    let Some(bytes) = replica::get(connection, key)? else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes).ok();
    let value = text.and_then(|text| text.parse().ok());
    value.map(Some).ok_or(LedgerError::Damaged(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Store;

    #[tokio::test]
    async fn an_identity_is_drawn_once_and_a_hubs_recipient_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), &[]).unwrap();
        assert!(store.read(own).await.unwrap().is_none());
        let first = store.write(|tx| ensure_recipient(tx)).await.unwrap();
        assert_eq!(store.write(|tx| ensure_recipient(tx)).await.unwrap(), first);
        assert!(
            !store
                .write(|tx| keep_hub(tx, "age1nonsense"))
                .await
                .unwrap()
        );
        assert!(store.read(hub).await.unwrap().is_none());
        let kept = first.clone();
        assert!(store.write(move |tx| keep_hub(tx, &kept)).await.unwrap());
        let hub = store.read(hub).await.unwrap().unwrap();
        assert_eq!(hub.to_string(), first);
    }
}
