//! People: search as you type, one person's line, who looks like whom, what they attended.
//!
//! A record that was merged into another one is read through that one: [`resolved`] leads from any record to the one
//! that stands, [`members`] back to all that were merged into it. Nothing is copied, so what somebody still writes on
//! the merged record elsewhere is found and shown all the same.

use std::collections::HashSet;

use jiff::civil::{Date, DateTime, Time};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::domain::codes::{Attendance, Gender, Level, RegistrationStatus, SessionState};
use crate::domain::commune;
use crate::domain::person::Person;
use crate::domain::resemblance::{Resemblance, looks_like};
use crate::domain::search::{Term, search_terms};
use crate::ids::{PersonId, SessionId};
use crate::ledger::LedgerError;
use crate::text::{folded, phone_digits};

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
    /// Gender.
    pub gender: Gender,
    /// Level, if assessed.
    pub level: Option<Level>,
}

impl PersonLine {
    /// « Sylvie CARAYON ».
    #[must_use]
    pub fn display_name(&self) -> String {
        self.as_person().display_name()
    }

    /// « née en 1953, Saint-Chinian »: what tells two people of one name apart. May be empty.
    #[must_use]
    pub fn about(&self) -> String {
        let born = match self.gender {
            Gender::Female => "née en",
            Gender::Male => "né en",
            Gender::Undisclosed => "né(e) en",
        };
        let birth = self.birth_year.map(|year| format!("{born} {year}"));
        let commune = (!self.commune.is_empty()).then(|| commune::label(&self.commune).to_owned());
        let parts: Vec<String> = birth.into_iter().chain(commune).collect();
        parts.join(", ")
    }

    /// The person as far as this line knows them.
    #[must_use]
    pub fn as_person(&self) -> Person {
        Person {
            family_name: self.family_name.clone(),
            given_name: self.given_name.clone(),
            birth_year: self.birth_year,
            commune: self.commune.clone(),
            phone: self.phone.clone(),
            email: self.email.clone(),
            gender: self.gender,
            level: self.level,
            ..Person::default()
        }
    }

    /// This line with its blanks filled from the records that were merged into it.
    fn filled(mut self, connection: &Connection) -> Result<Self, LedgerError> {
        let sources = members(connection, self.id)?;
        let mut person = self.as_person();
        for source in sources.into_iter().filter(|source| *source != self.id) {
            if let Some(source) = raw_line(connection, source)? {
                person.fill_from(&source.as_person());
            }
        }
        self.birth_year = person.birth_year;
        self.commune = person.commune;
        self.phone = person.phone;
        self.email = person.email;
        self.gender = person.gender;
        self.level = person.level;
        Ok(self)
    }
}

const COLUMNS: &str =
    "id, family_name, given_name, birth_year, commune, phone, email, gender, level";

/// Not merged into another one; of two records that two sites merged into each other, the first one stands.
const STANDS: &str = "(merged_into IS NULL OR (id < merged_into AND EXISTS (
     SELECT 1 FROM person o WHERE o.id = person.merged_into AND o.merged_into = person.id)))";

/// Begins a query in which `member` lists the record `?1` and all that were merged into it.
pub(super) const MEMBER: &str = "WITH RECURSIVE member(id) AS (
     SELECT ?1 UNION SELECT p.id FROM person p JOIN member ON p.merged_into = member.id)";

fn line(row: &Row<'_>) -> rusqlite::Result<PersonLine> {
    Ok(PersonLine {
        id: row.get(0)?,
        family_name: row.get(1)?,
        given_name: row.get(2)?,
        birth_year: row.get(3)?,
        commune: row.get(4)?,
        phone: row.get(5)?,
        email: row.get(6)?,
        gender: row.get(7)?,
        level: row.get(8)?,
    })
}

/// People who match every term of `query` (see [`search_terms`]), by name; at most `limit`.
///
/// Words match the beginning of a word, digits anywhere in the phone. A merged record leads to the one that stands.
/// An empty query lists everybody.
///
/// # Errors
/// What SQLite says.
pub fn search(
    connection: &Connection,
    query: &str,
    limit: usize,
) -> Result<Vec<PersonLine>, LedgerError> {
    let (conditions, patterns) = conditions(query);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, merged_into IS NULL FROM person WHERE {conditions}
         ORDER BY sort_name, id LIMIT {limit}"
    ))?;
    let rows = statement.query_map(rusqlite::params_from_iter(patterns), |row| {
        Ok((line(row)?, row.get::<_, bool>(9)?))
    })?;
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for row in rows {
        let (line, stands) = row?;
        let line = if stands {
            Some(line.filled(connection)?)
        } else {
            line_of(connection, line.id)?
        };
        found.extend(line.filter(|line| seen.insert(line.id)));
    }
    Ok(found)
}

/// How many people match `query`; an empty one counts everybody.
///
/// # Errors
/// What SQLite says.
pub fn count(connection: &Connection, query: &str) -> Result<u64, LedgerError> {
    let (conditions, patterns) = conditions(query);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT count(DISTINCT coalesce(merged_into, id)) FROM person WHERE {conditions}"
    ))?;
    let count: i64 = statement.query_row(rusqlite::params_from_iter(patterns), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Every record of a person, those merged into another included: what a file is compared with before it is imported.
///
/// # Errors
/// What SQLite says.
pub fn everybody(connection: &Connection) -> Result<Vec<PersonLine>, LedgerError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM person ORDER BY id"))?;
    let rows = statement.query_map([], line)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The SQL conditions of a search, and the patterns that they compare with.
fn conditions(query: &str) -> (String, Vec<String>) {
    let patterns: Vec<String> = search_terms(query)
        .iter()
        .map(|term| match term {
            Term::Word(word) => format!("% {word}%"),
            Term::Digits(digits) => format!("%{digits}%"),
        })
        .collect();
    let conditions: Vec<String> = (1..=patterns.len())
        .map(|n| format!("words LIKE ?{n}"))
        .collect();
    if conditions.is_empty() {
        (STANDS.to_owned(), patterns)
    } else {
        (conditions.join(" AND "), patterns)
    }
}

/// One person; a merged one leads to the person it was merged into.
///
/// # Errors
/// What SQLite says.
pub fn line_of(connection: &Connection, id: PersonId) -> Result<Option<PersonLine>, LedgerError> {
    let id = resolved(connection, id)?;
    match raw_line(connection, id)? {
        Some(line) => Ok(Some(line.filled(connection)?)),
        None => Ok(None),
    }
}

/// The names that these records hold themselves, in their order; one that is not here has none.
///
/// # Errors
/// What SQLite says.
pub fn names_of(connection: &Connection, ids: &[PersonId]) -> Result<Vec<String>, LedgerError> {
    let mut names = Vec::new();
    for id in ids {
        names.extend(raw_line(connection, *id)?.map(|line| line.display_name()));
    }
    Ok(names)
}

/// What the record itself holds.
fn raw_line(connection: &Connection, id: PersonId) -> Result<Option<PersonLine>, LedgerError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM person WHERE id = ?1"))?;
    Ok(statement.query_row([id], line).optional()?)
}

/// The person that `id` was merged into, through any chain of merges; `id` itself when it was not.
///
/// Erased records lead on as they did: who was counted as one person still is.
///
/// Two sites may merge in a circle: the smallest id of the circle then stands.
///
/// # Errors
/// What SQLite says.
pub fn resolved(connection: &Connection, id: PersonId) -> Result<PersonId, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT merged_into FROM person WHERE id = ?1
             UNION ALL SELECT merged_into FROM erasure WHERE document = ?1",
    )?;
    let mut way = vec![id];
    let mut current = id;
    loop {
        let next: Option<Option<PersonId>> = statement
            .query_row([current], |row| row.get(0))
            .optional()?;
        let Some(next) = next.flatten() else {
            return Ok(current);
        };
        if let Some(start) = way.iter().position(|passed| *passed == next) {
            return Ok(way[start..].iter().copied().min().unwrap_or(next));
        }
        way.push(next);
        current = next;
    }
}

/// The record `id` and every record that was merged into it, directly or through others.
///
/// # Errors
/// What SQLite says.
pub fn members(connection: &Connection, id: PersonId) -> Result<Vec<PersonId>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "{MEMBER} SELECT id FROM member ORDER BY id <> ?1, id"
    ))?;
    let rows = statement.query_map([id], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The people who may be the same person as `person`, the likeliest first; `but` and what was merged into it is left
/// out.
///
/// Compared are those who share a phone or an e-mail, or whose names begin like one of the two names: a misspelling
/// rarely hits the beginning of both.
///
/// # Errors
/// What SQLite says.
pub fn alike(
    connection: &Connection,
    person: &Person,
    but: Option<PersonId>,
) -> Result<Vec<(PersonLine, Resemblance)>, LedgerError> {
    const BEGINNING_CHARS: usize = 2;
    let begins = |name: &str| {
        let name: String = folded(name).chars().take(BEGINNING_CHARS).collect();
        // An empty name would match everybody, this matches nobody.
        if name.is_empty() {
            "-".to_owned()
        } else {
            format!("% {name}%")
        }
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM person WHERE {STANDS} AND (words LIKE ?1 OR words LIKE ?2
         OR (phone_digits <> '' AND phone_digits = ?3) OR (email <> '' AND email = ?4 COLLATE NOCASE))"
    ))?;
    let wanted = (
        begins(&person.family_name),
        begins(&person.given_name),
        phone_digits(&person.phone),
        &person.email,
    );
    let rows = statement.query_map(wanted, line)?;
    let mut alike = Vec::new();
    for row in rows {
        let row = row?;
        if Some(row.id) != but {
            let resemblance = looks_like(person, &row.as_person());
            alike.extend(resemblance.map(|resemblance| (row, resemblance)));
        }
    }
    alike.sort_by_key(|(line, resemblance)| (std::cmp::Reverse(resemblance.score), line.id));
    Ok(alike)
}

/// When a person was present at a session for the first time: before that, every visit is the first.
///
/// # Errors
/// What SQLite says.
pub fn first_attended(
    connection: &Connection,
    id: PersonId,
) -> Result<Option<DateTime>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "{MEMBER} SELECT s.date, s.start FROM registration r JOIN session s ON s.id = r.session
         WHERE r.person IN (SELECT id FROM member) AND r.rank > 0 AND r.attendance = 'present'
         ORDER BY s.date, s.start, s.id LIMIT 1"
    ))?;
    let first = statement.query_row([resolved(connection, id)?], |row| {
        Ok(super::sessions::date(row, 0)?.to_datetime(super::sessions::time(row, 1)?))
    });
    Ok(first.optional()?)
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
    let mut statement = connection.prepare_cached(&format!(
        "{MEMBER} SELECT s.id, s.date, s.start, s.place, s.title, s.state, r.status, r.attendance
         FROM registration r JOIN session s ON s.id = r.session
         WHERE r.person IN (SELECT id FROM member) ORDER BY s.date DESC, s.start DESC, s.id"
    ))?;
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
