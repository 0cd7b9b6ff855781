//! Demandes: the day's list at one place, and one person's.

use jiff::civil::Date;
use rusqlite::{Connection, Row};

use super::people::MEMBER;
use crate::domain::codes::{Channel, Outcome, Theme};
use crate::ids::{AgentId, DemandeId, PersonId};
use crate::ledger::LedgerError;
use crate::time::Timestamp;

/// A demande as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct DemandeLine {
    /// Which.
    pub id: DemandeId,
    /// Code of the place.
    pub place: String,
    /// Local date.
    pub date: Date,
    /// When it was written down.
    pub at: Timestamp,
    /// Who received it.
    pub agent: Option<AgentId>,
    /// The person, if named.
    pub person: Option<PersonId>,
    /// Code of the operator; may be empty.
    pub operator: String,
    /// Theme.
    pub theme: Option<Theme>,
    /// How it reached us.
    pub channel: Channel,
    /// What became of it.
    pub outcome: Outcome,
    /// Minutes.
    pub duration_min: u16,
    /// Struck out: shown, not counted.
    pub struck: bool,
}

const COLUMNS: &str =
    "demande.id, place, date, at, agent, person, operator, theme, channel, outcome,
     duration_min, struck";

fn line(row: &Row<'_>) -> rusqlite::Result<DemandeLine> {
    Ok(DemandeLine {
        id: row.get(0)?,
        place: row.get(1)?,
        date: super::sessions::date(row, 2)?,
        at: Timestamp(row.get(3)?),
        agent: row.get(4)?,
        person: row.get(5)?,
        operator: row.get(6)?,
        theme: row.get(7)?,
        channel: row.get(8)?,
        outcome: row.get(9)?,
        duration_min: row.get(10)?,
        struck: row.get(11)?,
    })
}

/// The demandes of one place's day, newest first.
///
/// # Errors
/// What SQLite says.
pub fn of_day(
    connection: &Connection,
    place: &str,
    date: Date,
) -> Result<Vec<DemandeLine>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM demande WHERE date = ?1 AND place = ?2 ORDER BY at DESC, id DESC"
    ))?;
    let rows = statement.query_map((date.to_string(), place), line)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The demandes of a person, or of a record merged into them; newest first.
///
/// # Errors
/// What SQLite says.
pub fn of_person(connection: &Connection, id: PersonId) -> Result<Vec<DemandeLine>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "{MEMBER} SELECT {COLUMNS} FROM demande WHERE person IN (SELECT id FROM member)
         ORDER BY at DESC, id DESC"
    ))?;
    let rows = statement.query_map([id], line)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
