//! From a document to its rows: all rows of a document are replaced at once, so the result depends on nothing else but
//! on who was erased: an alias of somebody erased leads nowhere, so the record stands by itself.

use std::collections::HashMap;

use rusqlite::Connection;

use crate::document::{Kind, OpenDocument};
use crate::domain::attendance::TOTAL;
use crate::domain::catalog::Catalog;
use crate::domain::demande::Register;
use crate::domain::person::Person;
use crate::domain::seats::{self, ToTell};
use crate::domain::session::Session;
use crate::ids::{DocumentId, RegistrationId};
use crate::ledger::{LedgerError, erasures};
use crate::text::{folded, phone_digits};

/// Replaces the rows of `document`. Content that does not read as its kind leaves the rows as they were.
///
/// # Errors
/// What SQLite says.
pub fn project(connection: &Connection, document: &mut OpenDocument) -> Result<(), LedgerError> {
    let id = document.id;
    let projected = match document.kind {
        Kind::Person => document
            .value()
            .ok()
            .map(|value| person(connection, id, &value)),
        Kind::Session => document
            .value()
            .ok()
            .map(|value| session(connection, id, &value)),
        Kind::Register => document
            .value()
            .ok()
            .map(|value| register(connection, id, &value)),
        Kind::Catalog => document
            .value()
            .ok()
            .map(|value| catalog(connection, id, &value)),
    };
    match projected {
        Some(outcome) => outcome?,
        None => tracing::warn!(document = %id, kind = %document.kind, "content does not read"),
    }
    conflicts(connection, document)
}

/// Removes the rows of an erased person, and every reading of another record through theirs.
///
/// # Errors
/// What SQLite says.
pub fn forget(connection: &Connection, document: DocumentId) -> Result<(), LedgerError> {
    for sql in [
        "DELETE FROM person WHERE id = ?1",
        "DELETE FROM conflict WHERE document = ?1",
        "UPDATE person SET merged_into = NULL WHERE merged_into = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([document])?;
    }
    Ok(())
}

fn conflicts(connection: &Connection, document: &mut OpenDocument) -> Result<(), LedgerError> {
    connection
        .prepare_cached("DELETE FROM conflict WHERE document = ?1")?
        .execute([document.id])?;
    for conflict in document.conflicts() {
        connection
            .prepare_cached("INSERT INTO conflict VALUES (?1, ?2)")?
            .execute((document.id, conflict.path))?;
    }
    Ok(())
}

fn person(connection: &Connection, id: DocumentId, person: &Person) -> Result<(), LedgerError> {
    let merged_into = match person.merged_into {
        Some(other) if erasures::is_erased(connection, other.into())? => None,
        other => other,
    };
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO person VALUES
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(rusqlite::params![
            id,
            person.family_name,
            person.given_name,
            person.birth_year,
            person.commune,
            person.phone,
            person.email,
            person.gender,
            person.status,
            person.level,
            merged_into,
            format!(" {}", person.search_text()),
            phone_digits(&person.phone),
            folded(&format!("{} {}", person.family_name, person.given_name)),
        ])?;
    Ok(())
}

fn session(connection: &Connection, id: DocumentId, session: &Session) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO session VALUES
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(rusqlite::params![
            id,
            session.place,
            session.date.to_string(),
            session.start.to_string(),
            session.end.to_string(),
            session.title,
            session.level,
            session.capacity,
            session.animateur,
            session.series,
            session.state,
            session.reason,
            session.preparation_min,
            session.anonymous.get(TOTAL).copied().unwrap_or_default(),
            themes(session),
        ])?;
    registrations(connection, id, session)?;
    anonymous(connection, id, session)?;
    connection
        .prepare_cached("DELETE FROM session_note WHERE session = ?1")?
        .execute([id])?;
    for (note_id, note) in &session.notes {
        connection
            .prepare_cached("INSERT INTO session_note VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute((id, note_id, note.at.0, note.by, &note.text))?;
    }
    Ok(())
}

fn themes(session: &Session) -> String {
    let themes = session.themes.iter().filter(|(_, holds)| **holds);
    let codes: Vec<&str> = themes.map(|(code, _)| code.as_str()).collect();
    codes.join(" ")
}

fn anonymous(
    connection: &Connection,
    id: DocumentId,
    session: &Session,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached("DELETE FROM anonymous WHERE session = ?1")?
        .execute([id])?;
    for (counter, count) in session.anonymous.iter().filter(|(_, count)| **count > 0) {
        connection
            .prepare_cached("INSERT INTO anonymous VALUES (?1, ?2, ?3)")?
            .execute((id, counter, count))?;
    }
    Ok(())
}

fn registrations(
    connection: &Connection,
    id: DocumentId,
    session: &Session,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached("DELETE FROM registration WHERE session = ?1")?
        .execute([id])?;
    let ranks: HashMap<RegistrationId, i64> = seats::standing(session)
        .map(|(id, _)| id)
        .zip(1..)
        .collect();
    // As of the session's own day: whether it still lies ahead is for the query to say.
    let to_tell: HashMap<RegistrationId, ToTell> =
        seats::to_tell(session, session.date).into_iter().collect();
    for (registration_id, registration) in &session.registrations {
        let rank = ranks.get(registration_id).copied().unwrap_or(0);
        connection
            .prepare_cached(
                "INSERT INTO registration VALUES
                 (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?
            .execute(rusqlite::params![
                id,
                registration_id,
                registration.person,
                registration.at.0,
                registration.status,
                registration.attendance,
                registration.walk_in,
                registration.commune,
                registration.age_band,
                registration.equipment,
                registration.own_equipment,
                session.date.to_string(),
                rank,
                to_tell.get(registration_id),
            ])?;
    }
    Ok(())
}

fn register(
    connection: &Connection,
    id: DocumentId,
    register: &Register,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached("DELETE FROM demande WHERE register = ?1")?
        .execute([id])?;
    for (demande_id, demande) in &register.demandes {
        connection
            .prepare_cached(
                "INSERT INTO demande VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,
                 ?13, ?14, ?15, ?16, ?17, ?18)",
            )?
            .execute(rusqlite::params![
                id,
                demande_id,
                register.place,
                register
                    .date
                    .map(|date| date.to_string())
                    .unwrap_or_default(),
                demande.at.0,
                demande.agent,
                demande.person,
                demande.operator,
                demande.theme,
                demande.channel,
                demande.outcome,
                demande.referred_to,
                demande.autonomy,
                demande.duration_min,
                demande.commune,
                demande.age_band,
                demande.notes,
                demande.struck,
            ])?;
    }
    Ok(())
}

fn catalog(connection: &Connection, id: DocumentId, catalog: &Catalog) -> Result<(), LedgerError> {
    let json = serde_json::to_string(catalog).unwrap_or_default();
    connection
        .prepare_cached("INSERT OR REPLACE INTO catalog VALUES (?1, ?2)")?
        .execute((id, json))?;
    Ok(())
}
