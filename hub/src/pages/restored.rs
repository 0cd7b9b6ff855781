//! The words for a hub that found out by itself that it had been put back to an older copy.

use rusqlite::Connection;
use shared::desk::page::moment;
use shared::exchange::receipt;
use shared::ledger::LedgerError;
use shared::time::Timestamp;

use crate::devices;

/// It is told for this long: until every laptop in use has been by.
const SHOWN_MS: i64 = 30 * 24 * 3_600_000;

/// What to say of it, if it has happened lately.
pub(super) fn notice(
    connection: &Connection,
    now: Timestamp,
) -> Result<Option<String>, LedgerError> {
    let restored = receipt::last_restored(connection)?;
    let Some(restored) = restored.filter(|restored| now.0 - restored.at().0 < SHOWN_MS) else {
        return Ok(None);
    };
    let laptop = devices::find(connection, restored.laptop())?;
    let laptop = laptop.map_or_else(|| "un portable".to_owned(), |device| device.name);
    let at = moment(restored.at().local(), now.local());
    Ok(Some(format!(
        "Les données du hub ont été remises dans un état plus ancien\u{a0}: {laptop} l’a montré ({at}), avec un reçu \
         que le hub avait signé. Chaque portable rend à son prochain échange ce qu’il a gardé\u{a0}; il n’y a rien à faire."
    )))
}
