//! Sessions: lists by date and place with their counts.

use jiff::civil::{Date, Time};
use rusqlite::{Connection, Row};

use crate::domain::codes::{Level, SessionState};
use crate::ids::{AgentId, SeriesId, SessionId};
use crate::ledger::LedgerError;

/// A session as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionLine {
    /// Which.
    pub id: SessionId,
    /// Code of the place.
    pub place: String,
    /// Local date.
    pub date: Date,
    /// Local start.
    pub start: Time,
    /// Local end.
    pub end: Time,
    /// Title; may be empty.
    pub title: String,
    /// Level.
    pub level: Level,
    /// Seats.
    pub capacity: u16,
    /// The animateur.
    pub animateur: Option<AgentId>,
    /// The series it belongs to.
    pub series: Option<SeriesId>,
    /// Planned or cancelled.
    pub state: SessionState,
    /// Registrations that stand, waiting list included.
    pub registered: u16,
    /// Of those, who have no seat and wait for one: neither walked in nor marked.
    pub waiting: u16,
    /// Of those, present.
    pub present: u16,
    /// With a seat, but attendance not filled in yet.
    pub unknown: u16,
    /// Participants counted without a name.
    pub anonymous: u32,
    /// Fields on which sites disagree.
    pub conflicts: u16,
    /// People who must be called, as long as the session lies ahead.
    pub to_tell: u16,
    /// Why it was cancelled or moved; may be empty.
    pub reason: String,
}

/// The columns of a [`SessionLine`] from `session s`.
const COLUMNS: &str =
    "s.id, s.place, s.date, s.start, s.\"end\", s.title, s.level, s.capacity, s.animateur,
    s.series, s.state, s.anonymous_total,
    (SELECT count(*) FROM registration r WHERE r.session = s.id AND r.rank > 0),
    (SELECT count(*) FROM registration r
     WHERE r.session = s.id AND r.rank > s.capacity AND NOT r.walk_in AND r.attendance = 'unknown'),
    (SELECT count(*) FROM registration r
     WHERE r.session = s.id AND r.rank > 0 AND r.attendance = 'present'),
    (SELECT count(*) FROM registration r
     WHERE r.session = s.id AND r.rank BETWEEN 1 AND s.capacity AND r.attendance = 'unknown'),
    (SELECT count(*) FROM conflict c WHERE c.document = s.id),
    (SELECT count(*) FROM registration r WHERE r.session = s.id AND r.to_tell IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.document = r.person)),
    s.reason";

/// Sessions from `from` to `to` inclusive, all places or one, in order of time.
///
/// # Errors
/// What SQLite says.
pub fn between(
    connection: &Connection,
    from: Date,
    to: Date,
    place: Option<&str>,
) -> Result<Vec<SessionLine>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM session s
         WHERE s.date BETWEEN ?1 AND ?2 AND (?3 IS NULL OR s.place = ?3)
         ORDER BY s.date, s.start, s.place, s.id"
    ))?;
    let rows = statement.query_map((from.to_string(), to.to_string(), place), session_line)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// When and with whom a session takes place, for [`clashes`].
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// The animateur.
    pub animateur: AgentId,
    /// Local date.
    pub date: Date,
    /// Local start.
    pub start: Time,
    /// Local end.
    pub end: Time,
}

/// The other planned sessions of the same animateur that overlap with `slot`; `except` is the session itself.
///
/// # Errors
/// What SQLite says.
pub fn clashes(
    connection: &Connection,
    slot: &Slot,
    except: Option<SessionId>,
) -> Result<Vec<SessionLine>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM session s
         WHERE s.date = ?1 AND s.animateur = ?2 AND s.state = 'planned'
            AND s.start < ?3 AND s.\"end\" > ?4 AND s.id IS NOT ?5
         ORDER BY s.start, s.id"
    ))?;
    let (start, end) = (slot.start.to_string(), slot.end.to_string());
    let rows = statement.query_map(
        (slot.date.to_string(), slot.animateur, end, start, except),
        session_line,
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn session_line(row: &Row<'_>) -> rusqlite::Result<SessionLine> {
    Ok(SessionLine {
        id: row.get(0)?,
        place: row.get(1)?,
        date: date(row, 2)?,
        start: time(row, 3)?,
        end: time(row, 4)?,
        title: row.get(5)?,
        level: row.get(6)?,
        capacity: row.get(7)?,
        animateur: row.get(8)?,
        series: row.get(9)?,
        state: row.get(10)?,
        anonymous: row.get(11)?,
        registered: row.get(12)?,
        waiting: row.get(13)?,
        present: row.get(14)?,
        unknown: row.get(15)?,
        conflicts: row.get(16)?,
        to_tell: row.get(17)?,
        reason: row.get(18)?,
    })
}

/// A date column, written as `2026-11-26`.
pub(super) fn date(row: &Row<'_>, index: usize) -> rusqlite::Result<Date> {
    parsed(row, index)
}

/// A time column, written as `09:30:00`.
pub(super) fn time(row: &Row<'_>, index: usize) -> rusqlite::Result<Time> {
    parsed(row, index)
}

fn parsed<T: std::str::FromStr<Err = jiff::Error>>(
    row: &Row<'_>,
    index: usize,
) -> rusqlite::Result<T> {
    row.get_ref(index)?
        .as_str()?
        .parse()
        .map_err(|error: jiff::Error| {
            rusqlite::Error::FromSqlConversionFailure(
                index,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        })
}
