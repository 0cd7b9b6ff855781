//! What somebody must see to: who is expected, who must be called, what is not filled in, what may not add up.
//!
//! Rows only; the rules behind them are `domain::seats`' and `domain::anomaly`'s.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time};
use rusqlite::{Connection, Row};

use super::erasing;
use super::people::{self, PersonLine};
use super::sessions::{date, time};
use crate::domain::attendance::TOTAL;
use crate::domain::codes::Attendance;
use crate::domain::seats::ToTell;
use crate::domain::session::{Registration, Session};
use crate::ids::{PersonId, RegistrationId, SessionId};
use crate::ledger::LedgerError;
use crate::time::Timestamp;

/// Rows that one card of a page shows at most; whoever has more to do begins with these.
const ROWS_MAX: usize = 50;

/// The time and place of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct When {
    /// Which session.
    pub session: SessionId,
    /// Its local date.
    pub date: Date,
    /// Its local start.
    pub start: Time,
    /// Code of its place.
    pub place: String,
}

/// Somebody who stands on a session's list.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Which registration.
    pub registration: RegistrationId,
    /// Who; absent while the person's record has not arrived on this site, and once they were erased.
    pub person: Option<PersonLine>,
    /// What stands for the name where the record is absent.
    pub nameless: &'static str,
    /// What became of them.
    pub attendance: Attendance,
    /// Has no seat and waits for one: neither walked in nor marked.
    pub waiting: bool,
    /// Never attended any earlier session.
    pub first_visit: bool,
}

/// Somebody who must be called about a session that lies ahead.
#[derive(Clone, Debug, PartialEq)]
pub struct ToCall {
    /// The session.
    pub when: When,
    /// Which registration.
    pub registration: RegistrationId,
    /// Who; absent while the person's record has not arrived on this site.
    pub person: Option<PersonLine>,
    /// Why.
    pub reason: ToTell,
}

/// A session that is over and lacks something.
#[derive(Clone, Debug, PartialEq)]
pub struct Unfinished {
    /// The session.
    pub when: When,
    /// Its title; may be empty.
    pub title: String,
    /// Participants with a seat whose attendance nobody wrote down.
    pub unknown: u16,
    /// Nobody wrote down the minutes of preparation.
    pub no_preparation: bool,
}

/// The participants of one session in the order of seats, the waiting list at the end.
///
/// # Errors
/// What SQLite says.
pub fn expected(connection: &Connection, session: SessionId) -> Result<Vec<Expected>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT r.id, r.person, r.attendance,
            r.rank > s.capacity AND NOT r.walk_in AND r.attendance = 'unknown', s.date, s.start
         FROM registration r JOIN session s ON s.id = r.session
         WHERE r.session = ?1 AND r.rank > 0 ORDER BY r.rank",
    )?;
    let mut rows = statement.query([session])?;
    let mut expected = Vec::new();
    while let Some(row) = rows.next()? {
        let person: PersonId = row.get(1)?;
        let start = date(row, 4)?.to_datetime(time(row, 5)?);
        let before = people::first_attended(connection, person)?;
        let line = people::line_of(connection, person)?;
        let nameless = match line {
            Some(_) => "",
            None => erasing::nameless(connection, person)?,
        };
        expected.push(Expected {
            registration: row.get(0)?,
            person: line,
            nameless,
            attendance: row.get(2)?,
            waiting: row.get(3)?,
            first_visit: before.is_none_or(|first| first >= start),
        });
    }
    Ok(expected)
}

/// Who must be called about sessions from `today` on, the nearest session first; nobody who was erased.
///
/// # Errors
/// What SQLite says.
pub fn to_call(connection: &Connection, today: Date) -> Result<Vec<ToCall>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT s.id, s.date, s.start, s.place, r.id, r.person, r.to_tell
         FROM registration r JOIN session s ON s.id = r.session
         WHERE r.to_tell IS NOT NULL AND s.date >= ?1
            AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.document = r.person)
         ORDER BY s.date, s.start, s.id, r.rank LIMIT {ROWS_MAX}"
    ))?;
    let mut rows = statement.query([today.to_string()])?;
    let mut calls = Vec::new();
    while let Some(row) = rows.next()? {
        calls.push(ToCall {
            when: when(row)?,
            registration: row.get(4)?,
            person: people::line_of(connection, row.get(5)?)?,
            reason: row.get(6)?,
        });
    }
    Ok(calls)
}

/// The sessions from `from` on that are over at the local time `now` and lack attendances or preparation minutes,
/// newest first.
///
/// # Errors
/// What SQLite says.
pub fn unfinished(
    connection: &Connection,
    from: Date,
    now: DateTime,
) -> Result<Vec<Unfinished>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT s.id, s.date, s.start, s.place, s.title,
            (SELECT count(*) FROM registration r
             WHERE r.session = s.id AND r.rank BETWEEN 1 AND s.capacity AND r.attendance = 'unknown')
            AS missing,
            s.preparation_min = 0 AS no_preparation
         FROM session s
         WHERE s.date BETWEEN ?1 AND ?2 AND (s.date < ?2 OR s.\"end\" <= ?3)
            AND s.state = 'planned' AND (missing > 0 OR no_preparation)
         ORDER BY s.date DESC, s.start DESC, s.id LIMIT {ROWS_MAX}"
    ))?;
    let (today, time) = (now.date().to_string(), now.time().to_string());
    let rows = statement.query_map((from.to_string(), today, time), |row| {
        Ok(Unfinished {
            when: when(row)?,
            title: row.get(4)?,
            unknown: row.get(5)?,
            no_preparation: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The sessions from `from` to `to` for which `domain::anomaly` may have something to say, apart from attendance that
/// is missing (see [`unfinished`]), as far as its rules read them. Both sessions of an animateur in two places are
/// given.
///
/// # Errors
/// What SQLite says.
pub fn doubtful(
    connection: &Connection,
    from: Date,
    to: Date,
) -> Result<Vec<(SessionId, Session)>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT s.id, s.date, s.start, s.place, s.\"end\", s.capacity, s.animateur, s.state, s.anonymous_total
         FROM session s
         WHERE s.date BETWEEN ?1 AND ?2 AND (
            s.anonymous_total + (SELECT count(*) FROM registration r
                WHERE r.session = s.id AND r.rank > 0 AND r.attendance = 'present') > s.capacity
            OR (s.state = 'cancelled' AND (s.anonymous_total > 0 OR EXISTS (
                SELECT 1 FROM registration r WHERE r.session = s.id AND r.attendance <> 'unknown')))
            OR (s.state = 'planned' AND s.animateur IS NOT NULL AND EXISTS (
                SELECT 1 FROM session o WHERE o.date = s.date AND o.id <> s.id AND o.state = 'planned'
                AND o.animateur = s.animateur AND o.start < s.\"end\" AND s.start < o.\"end\")))
         ORDER BY s.date DESC, s.start DESC, s.id LIMIT {ROWS_MAX}"
    ))?;
    let mut rows = statement.query((from.to_string(), to.to_string()))?;
    let mut doubtful = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let session = Session {
            date: date(row, 1)?,
            start: time(row, 2)?,
            place: row.get(3)?,
            end: time(row, 4)?,
            capacity: row.get(5)?,
            animateur: row.get(6)?,
            state: row.get(7)?,
            anonymous: [(TOTAL.to_owned(), row.get(8)?)].into(),
            registrations: attendances(connection, id)?,
            ..Session::default()
        };
        doubtful.push((id, session));
    }
    Ok(doubtful)
}

/// The registrations of a session, as far as attendance and seats go.
fn attendances(
    connection: &Connection,
    session: SessionId,
) -> Result<BTreeMap<RegistrationId, Registration>, LedgerError> {
    let mut statement = connection
        .prepare_cached("SELECT id, at, status, attendance FROM registration WHERE session = ?1")?;
    let rows = statement.query_map([session], |row| {
        let registration = Registration {
            at: Timestamp(row.get(1)?),
            status: row.get(2)?,
            attendance: row.get(3)?,
            ..Registration::default()
        };
        Ok((row.get(0)?, registration))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many demandes were written down at a place on a day, struck ones left out.
///
/// # Errors
/// What SQLite says.
pub fn demandes(connection: &Connection, place: &str, date: Date) -> Result<u64, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM demande WHERE date = ?1 AND place = ?2 AND NOT struck",
    )?;
    let count: i64 = statement.query_row((date.to_string(), place), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

fn when(row: &Row<'_>) -> rusqlite::Result<When> {
    Ok(When {
        session: row.get(0)?,
        date: date(row, 1)?,
        start: time(row, 2)?,
        place: row.get(3)?,
    })
}
