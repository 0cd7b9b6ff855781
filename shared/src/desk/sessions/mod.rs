//! Ateliers: the list, a session's sheet with everything that is done on it, and its paper.
//!
//! `list` and `new` stand for themselves; `sheet` shows one session as `reading` finds it, `registering`, `attending` and `notes` are the
//! acts on it, `change` edits, moves and cancels it, `paper` prints the attendance sheet. `words` names a session's
//! fields for its history. Rules are `domain`'s, queries `view`'s.

mod attending;
mod change;
mod counters;
mod fields;
mod list;
mod new;
mod notes;
mod paper;
mod reading;
mod registering;
mod sheet;
#[cfg(test)]
mod tests;
mod words;

use std::str::FromStr;

use axum::Router;
use axum::extract::Path;
use rusqlite::Connection;

use super::answer::{Answer, Failure, see};
use super::{Desk, SignedIn};
use crate::document::{Kind, OpenDocument};
use crate::domain::catalog::Catalog;
use crate::domain::codes::Level;
use crate::domain::registering::Facts;
use crate::domain::session::Session;
use crate::ids::{PersonId, SessionId};
use crate::site::{SiteError, Work, open_document};
use crate::view::people;

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .merge(list::routes())
        .merge(new::routes())
        .merge(sheet::routes())
        .merge(registering::routes())
        .merge(attending::routes())
        .merge(notes::routes())
        .merge(change::routes())
        .merge(paper::routes())
}

/// Path of a session's sheet.
fn sheet_path(id: SessionId) -> String {
    format!("/ateliers/{id}")
}

/// An id of a path; what is none leads to no page.
fn parsed<T: FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::NotFound)
}

/// An address that a form is sent to, opened again without it.
async fn to_sheet(Path(id): Path<String>) -> Answer {
    see(&sheet_path(parsed(&id)?))
}

/// The session `id` and its document; `None` when there is no such session.
fn find(
    connection: &Connection,
    id: SessionId,
) -> Result<Option<(OpenDocument, Session)>, SiteError> {
    match open_document(connection, id.into())? {
        Some(document) if document.kind == Kind::Session => {
            let session = document.value()?;
            Ok(Some((document, session)))
        }
        _ => Ok(None),
    }
}

/// Changes a session that exists, in one transaction.
async fn edit<R, F>(desk: &Desk, who: &SignedIn, id: SessionId, change: F) -> Result<R, Failure>
where
    R: Send + 'static,
    F: FnOnce(&mut Session) -> R + Send + 'static,
{
    write(desk, who, id, move |work, agent, _| {
        work.edit(id, agent, change)
    })
    .await
}

/// Runs `act` on a session that exists, in one transaction. It is handed the session as it stands.
async fn write<R, F>(desk: &Desk, who: &SignedIn, id: SessionId, act: F) -> Result<R, Failure>
where
    R: Send + 'static,
    F: FnOnce(&mut Work<'_>, crate::ids::AgentId, Session) -> Result<R, SiteError> + Send + 'static,
{
    let agent = who.agent;
    let outcome = desk.site().write(move |work| {
        let Some((_, session)) = find(work.connection(), id)? else {
            return Ok(None);
        };
        act(work, agent, session).map(Some)
    });
    outcome.await?.ok_or(Failure::NotFound)
}

/// What a registration keeps of a person; `None` once their record is erased.
fn facts(connection: &Connection, person: PersonId) -> Result<Option<Facts>, SiteError> {
    let line = people::line_of(connection, person)?;
    Ok(line.map(|line| Facts {
        commune: line.commune,
        birth_year: line.birth_year,
    }))
}

/// « Débutants », of a group.
pub(super) fn group(level: Level) -> String {
    format!("{}s", level.label())
}

/// « Saint-Chinian, Médiathèque, salle de la mairie ».
fn place_words(catalog: &Catalog, code: &str) -> String {
    let room = catalog.places.get(code).map_or("", |place| &place.room);
    let name = catalog.place_name(code);
    if room.is_empty() {
        name.to_owned()
    } else {
        format!("{name}, {room}")
    }
}

/// The same sentence beginning with a capital.
fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}
