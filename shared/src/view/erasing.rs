//! What an erasure touches: the seats that the person holds, the free texts that may name them; and how somebody is
//! called whose record is not here.

use jiff::civil::Date;
use rusqlite::Connection;

use super::people::MEMBER;
use super::sessions::date;
use crate::ids::{PersonId, RegistrationId, SessionId};
use crate::ledger::{LedgerError, erasures};

/// How somebody is called who was erased.
pub const ERASED: &str = "Personne effacée";
/// How somebody is called whose record has not arrived.
pub const NOT_HERE: &str = "Fiche pas encore reçue";

/// What stands for the name of a person whose record is not here: erased, or not arrived yet.
///
/// # Errors
/// What SQLite says.
pub fn nameless(connection: &Connection, id: PersonId) -> Result<&'static str, LedgerError> {
    Ok(if erasures::is_erased(connection, id.into())? {
        ERASED
    } else {
        NOT_HERE
    })
}

/// The registrations of the record `id` that stand in planned sessions from `today` on and that nobody has marked.
///
/// # Errors
/// What SQLite says.
pub fn seats_ahead(
    connection: &Connection,
    id: PersonId,
    today: Date,
) -> Result<Vec<(SessionId, RegistrationId)>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT r.session, r.id FROM registration r JOIN session s ON s.id = r.session
         WHERE r.person = ?1 AND r.rank > 0 AND r.attendance = 'unknown' AND s.date >= ?2
             AND s.state = 'planned' ORDER BY s.date, s.start",
    )?;
    let rows = statement.query_map((id, today.to_string()), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A free text written where a person is referred to: only a reader can tell whether it names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The day.
    pub date: Date,
    /// Code of the place.
    pub place: String,
    /// The session; `None` for a demande.
    pub session: Option<SessionId>,
    /// The text.
    pub text: String,
}

/// The notes of the sessions that a person, or a record merged into them, was registered in, and of their demandes;
/// newest first.
///
/// # Errors
/// What SQLite says.
pub fn noted(connection: &Connection, id: PersonId) -> Result<Vec<Noted>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "{MEMBER} SELECT s.date, s.place, s.id, n.text FROM session s JOIN session_note n ON n.session = s.id
         WHERE s.id IN (SELECT session FROM registration WHERE person IN (SELECT id FROM member))
         UNION ALL SELECT date, place, NULL, notes FROM demande
         WHERE notes <> '' AND person IN (SELECT id FROM member)
         ORDER BY 1 DESC"
    ))?;
    let rows = statement.query_map([id], |row| {
        Ok(Noted {
            date: date(row, 0)?,
            place: row.get(1)?,
            session: row.get(2)?,
            text: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
