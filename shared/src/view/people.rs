//! People: search as you type, one person's line, what they attended.

use jiff::civil::{Date, Time};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::domain::codes::{Attendance, Level, RegistrationStatus, SessionState};
use crate::domain::search::{Term, search_terms};
use crate::ids::{PersonId, SessionId};
use crate::ledger::LedgerError;

/// A person as lists show them.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonLine {
    /// Who.
    pub id: PersonId,
    /// Family name.
    pub family_name: String,
    /// Given name.
    pub given_name: String,
    /// Year of birth.
    pub birth_year: Option<i16>,
    /// INSEE code of the commune; empty when not given.
    pub commune: String,
    /// Phone as given.
    pub phone: String,
    /// E-mail as given.
    pub email: String,
    /// Level, if assessed.
    pub level: Option<Level>,
}

impl PersonLine {
    /// « Sylvie CARAYON ».
    #[must_use]
    pub fn display_name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name.to_uppercase())
            .trim()
            .to_owned()
    }
}

const COLUMNS: &str = "id, family_name, given_name, birth_year, commune, phone, email, level";

fn line(row: &Row<'_>) -> rusqlite::Result<PersonLine> {
    Ok(PersonLine {
        id: row.get(0)?,
        family_name: row.get(1)?,
        given_name: row.get(2)?,
        birth_year: row.get(3)?,
        commune: row.get(4)?,
        phone: row.get(5)?,
        email: row.get(6)?,
        level: row.get(7)?,
    })
}

/// People who match every term of `query` (see [`search_terms`]), by name; at most `limit`.
///
/// Words match the beginning of a word, digits anywhere in the phone. An empty query lists everybody.
///
/// # Errors
/// What SQLite says.
pub fn search(
    connection: &Connection,
    query: &str,
    limit: usize,
) -> Result<Vec<PersonLine>, LedgerError> {
    let patterns: Vec<String> = search_terms(query)
        .iter()
        .map(|term| match term {
            Term::Word(word) => format!("% {word}%"),
            Term::Digits(digits) => format!("%{digits}%"),
        })
        .collect();
    let conditions: String = (1..=patterns.len())
        .map(|n| format!(" AND words LIKE ?{n}"))
        .collect();
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM person WHERE merged_into IS NULL{conditions}
         ORDER BY sort_name, id LIMIT {limit}"
    ))?;
    let rows = statement.query_map(rusqlite::params_from_iter(patterns), line)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many people are known, those merged into another left out.
///
/// # Errors
/// What SQLite says.
pub fn count(connection: &Connection) -> Result<u64, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT count(*) FROM person WHERE merged_into IS NULL")?;
    let count: i64 = statement.query_row([], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// One person; a merged one leads to the person it was merged into.
///
/// # Errors
/// What SQLite says.
pub fn line_of(connection: &Connection, id: PersonId) -> Result<Option<PersonLine>, LedgerError> {
    let id = resolved(connection, id)?;
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM person WHERE id = ?1"))?;
    Ok(statement.query_row([id], line).optional()?)
}

/// The person that `id` was merged into, through any chain of merges; `id` itself when it was not.
///
/// # Errors
/// What SQLite says.
pub fn resolved(connection: &Connection, id: PersonId) -> Result<PersonId, LedgerError> {
    /// Two sites may merge in a circle; the walk ends all the same.
    const STEPS_MAX: usize = 16;
    let mut statement =
        connection.prepare_cached("SELECT merged_into FROM person WHERE id = ?1")?;
    let mut current = id;
    for _ in 0..STEPS_MAX {
        let next: Option<Option<PersonId>> = statement
            .query_row([current], |row| row.get(0))
            .optional()?;
        match next.flatten() {
            Some(next) => current = next,
            None => break,
        }
    }
    Ok(current)
}

/// One line of what a person registered for.
#[derive(Clone, Debug, PartialEq)]
pub struct Attended {
    /// The session.
    pub session: SessionId,
    /// Its date.
    pub date: Date,
    /// Its start.
    pub start: Time,
    /// Code of its place.
    pub place: String,
    /// Its title.
    pub title: String,
    /// Its state.
    pub state: SessionState,
    /// Whether the registration stands.
    pub status: RegistrationStatus,
    /// What became of the person.
    pub attendance: Attendance,
}

/// The sessions that a person, or a record merged into them, registered for; newest first.
///
/// # Errors
/// What SQLite says.
pub fn attended(connection: &Connection, id: PersonId) -> Result<Vec<Attended>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT s.id, s.date, s.start, s.place, s.title, s.state, r.status, r.attendance
         FROM registration r JOIN session s ON s.id = r.session
         WHERE r.person = ?1 OR r.person IN (SELECT id FROM person WHERE merged_into = ?1)
         ORDER BY s.date DESC, s.start DESC",
    )?;
    let rows = statement.query_map([id], |row| {
        Ok(Attended {
            session: row.get(0)?,
            date: super::sessions::date(row, 1)?,
            start: super::sessions::time(row, 2)?,
            place: row.get(3)?,
            title: row.get(4)?,
            state: row.get(5)?,
            status: row.get(6)?,
            attendance: row.get(7)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
