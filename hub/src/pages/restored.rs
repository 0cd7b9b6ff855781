//! The words for a hub that was restored from a backup, or found out by itself that it had been put back to an older
//! copy.

use rusqlite::Connection;
use shared::desk::page::moment;
use shared::exchange::receipt;
use shared::ledger::LedgerError;
use shared::time::Timestamp;

use crate::backup::returned;
use crate::devices;

/// It is told for this long: until every laptop in use has been by.
const SHOWN_MS: i64 = 30 * 24 * 3_600_000;

/// What to say of it, if it has happened lately.
pub(super) fn notice(
    connection: &Connection,
    now: Timestamp,
) -> Result<Option<String>, LedgerError> {
    let is_recent = |at: Timestamp| now.0 - at.0 < SHOWN_MS;
    let restored = receipt::last_restored(connection)?.filter(|restored| is_recent(restored.at()));
    let from_backup = returned::last(connection)?.filter(|restored| is_recent(restored.at));
    let found_out_at = restored.map(|restored| restored.at());
    // The later of the two.
    if let Some(last) = from_backup.filter(|last| Some(last.at) > found_out_at) {
        return from_a_backup(connection, &last, now).map(Some);
    }
    let Some(restored) = restored else {
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

/// After a restore by command: who has not yet been back.
fn from_a_backup(
    connection: &Connection,
    restored: &returned::Restoration,
    now: Timestamp,
) -> Result<String, LedgerError> {
    let laptops = returned::since(connection, restored)?;
    let away = laptops.iter().filter(|laptop| laptop.contact.is_none());
    let away: Vec<&str> = away.map(|laptop| &*laptop.name).collect();
    let away = match away.is_empty() {
        true => "tous les portables sont revenus".to_owned(),
        false => format!("à faire échanger encore\u{a0}: {}", away.join(", ")),
    };
    let said = |at: Timestamp| moment(at.local(), now.local());
    Ok(format!(
        "Le hub a été restauré ({}) dans son état d’avant ({}). Chaque portable rend à son prochain échange ce qu’il a \
         gardé\u{a0}; {away}.",
        said(restored.at),
        said(restored.of)
    ))
}
