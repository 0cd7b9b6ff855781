//! A person as pages read them: the record that stands, its blanks filled from those that were merged into it.

use rusqlite::Connection;

use crate::document::{Conflict, HistoryEntry, Kind};
use crate::domain::person::Person;
use crate::ids::PersonId;
use crate::site::{SiteError, open_document};
use crate::view::people;

/// A person with everything that is known of their record.
#[derive(Debug)]
pub(super) struct Reading {
    /// The record that stands.
    pub(super) id: PersonId,
    /// What it says, blanks filled.
    pub(super) person: Person,
    /// The records that were merged into it, as they are.
    pub(super) merged: Vec<(PersonId, Person)>,
    /// Who changed what in any of these records, oldest first.
    pub(super) history: Vec<HistoryEntry>,
    /// Fields of the record that stands on which sites disagree.
    pub(super) conflicts: Vec<Conflict>,
}

/// Reads a person; a merged record leads to the one that stands. `None` when nobody is known by this id.
///
/// # Errors
/// When a document does not load.
pub(super) fn read(connection: &Connection, id: PersonId) -> Result<Option<Reading>, SiteError> {
    let id = people::resolved(connection, id)?;
    let Some((person, mut history, conflicts)) = record(connection, id)? else {
        return Ok(None);
    };
    let mut reading = Reading {
        id,
        person,
        merged: Vec::new(),
        history: Vec::new(),
        conflicts,
    };
    for source in people::members(connection, id)?.into_iter().skip(1) {
        if let Some((person, more, _)) = record(connection, source)? {
            reading.person.fill_from(&person);
            reading.merged.push((source, person));
            history.extend(more);
        }
    }
    history.sort_by_key(|entry| entry.at);
    reading.history = history;
    Ok(Some(reading))
}

type Record = (Person, Vec<HistoryEntry>, Vec<Conflict>);

fn record(connection: &Connection, id: PersonId) -> Result<Option<Record>, SiteError> {
    let Some(mut document) = open_document(connection, id.into())? else {
        return Ok(None);
    };
    if document.kind != Kind::Person {
        return Ok(None);
    }
    let person = document.value()?;
    Ok(Some((person, document.history(), document.conflicts())))
}
