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
             AND s.state = 'planned' ORDER BY s.date, s.start, s.id",
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

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};
    use uuid::Uuid;

    use super::*;
    use crate::domain::codes::{AgeBand, Attendance};
    use crate::domain::demande::Demande;
    use crate::domain::person::Person;
    use crate::domain::session::Note;
    use crate::ids::{DocumentId, NoteId};
    use crate::time::Timestamp;
    use crate::view::testing::{person, put, register, session, view, with};
    use crate::view::today;

    const DAY: Date = date(2026, 11, 26);
    const WHO: u128 = 1;
    const ALIAS: u128 = 2;

    /// A session with a note, to which one person is registered and another waits for a seat; and a demande with a note.
    fn a_day() -> Connection {
        let connection = view();
        put(&connection, person(WHO), Person::default());
        let alias = Person {
            merged_into: Some(person(WHO)),
            ..Person::default()
        };
        put(&connection, person(ALIAS), alias);
        let mut workshop = with(
            session("quarante", DAY, time(9, 30, 0, 0), 1),
            &[
                (ALIAS, Attendance::Unknown, "", AgeBand::Undisclosed),
                (3, Attendance::Unknown, "", AgeBand::Undisclosed),
            ],
        );
        let note = Note {
            at: Timestamp(1),
            by: None,
            text: "salle froide".into(),
        };
        workshop.notes.insert(NoteId(Uuid::from_u128(1)), note);
        put(&connection, SessionId(Uuid::from_u128(1)), workshop);
        let demande = |who, notes: &str| Demande {
            person: Some(person(who)),
            notes: notes.into(),
            ..Demande::default()
        };
        let demandes = vec![
            demande(WHO, "rappeler"),
            demande(WHO, ""),
            demande(3, "non"),
        ];
        let (id, written) = register("capestang", DAY.yesterday().unwrap(), demandes);
        put(&connection, id, written);
        connection
    }

    fn erase(connection: &Connection, who: u128) {
        connection
            .execute(
                "INSERT INTO erasure VALUES (?1, 0, NULL)",
                [DocumentId::from(person(who))],
            )
            .unwrap();
    }

    #[test]
    fn texts_written_where_somebody_came_are_found_and_no_others() {
        let noted = noted(&a_day(), person(WHO)).unwrap();
        let texts: Vec<_> = noted.iter().map(|n| (&*n.text, n.session)).collect();
        let session = SessionId(Uuid::from_u128(1));
        assert_eq!(texts, [("salle froide", Some(session)), ("rappeler", None)]);
    }

    #[test]
    fn seats_are_held_in_sessions_that_nobody_has_begun_to_mark() {
        let connection = a_day();
        let held = |who, today| seats_ahead(&connection, person(who), today).unwrap().len();
        assert_eq!((held(ALIAS, DAY), held(WHO, DAY)), (1, 0));
        assert_eq!(held(ALIAS, DAY.tomorrow().unwrap()), 0, "it is over");
    }

    #[test]
    fn who_was_erased_is_called_so_and_is_to_be_called_by_nobody() {
        let connection = a_day();
        let third = person(3);
        assert_eq!(nameless(&connection, third).unwrap(), NOT_HERE);
        assert_eq!(today::to_call(&connection, DAY).unwrap().len(), 1);
        erase(&connection, 3);
        assert_eq!(nameless(&connection, third).unwrap(), ERASED);
        assert_eq!(today::to_call(&connection, DAY).unwrap(), []);
    }
}
