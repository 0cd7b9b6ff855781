//! Personnes: the list and the search as you type; below it one person's form, sheet and merge.
//!
//! A search is a POST, and no title holds a name: personal data enters neither addresses nor the browser's history.

pub(super) mod fields;
mod form;
mod merge;
mod reading;
mod sheet;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use askama::Template;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Form as Body, Router};
use serde::Deserialize;

use super::answer::{Answer, Failure, page, see};
use super::form::Form;
use super::page::Page;
use super::{Desk, SignedIn};
use crate::exchange::position;
use crate::ids::{DocumentId, PersonId};
use crate::text::counted;
use crate::view::people::{self, PersonLine};

/// People that one page lists; whoever looks further types one more letter.
const LINES_MAX: usize = 50;
/// Characters of a search that are looked at: more than the longest name with a phone number.
const QUERY_CHARS_MAX: usize = 120;

#[derive(Template)]
#[template(path = "people/list.html")]
struct ListPage {
    page: Page,
    query: String,
    /// The person is looked for in order to register them: a tap leads on to the sessions.
    registering: bool,
    found: Found,
}

/// What a search found, as the list draws it.
struct Found {
    lines: Vec<PersonLine>,
    /// Records of which the hub has not confirmed everything.
    only_here: HashSet<DocumentId>,
    sentence: String,
}

/// What the page is opened for; never personal data.
#[derive(Deserialize)]
struct Purpose {
    #[serde(default)]
    pour: String,
}

const REGISTERING: &str = "inscription";

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/personnes", get(list))
        .route("/personnes/recherche", get(restart).post(search))
        .merge(form::routes())
        .merge(sheet::routes())
        .merge(merge::routes())
}

async fn list(State(desk): State<Desk>, who: SignedIn, Query(purpose): Query<Purpose>) -> Answer {
    show(&desk, &who, String::new(), purpose.pour == REGISTERING).await
}

async fn search(
    State(desk): State<Desk>,
    who: SignedIn,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let form = Form::sent(sent);
    let query = form.value("q").chars().take(QUERY_CHARS_MAX).collect();
    show(&desk, &who, query, form.value("pour") == REGISTERING).await
}

/// The address of a search, opened again without what was searched for.
async fn restart() -> Answer {
    see("/personnes")
}

async fn show(desk: &Desk, who: &SignedIn, query: String, registering: bool) -> Answer {
    let found = find(desk, query.clone()).await?;
    let title = if registering {
        "Inscrire une personne"
    } else {
        "Personnes"
    };
    page(&ListPage {
        page: desk.page(who, title, "/personnes"),
        query,
        registering,
        found,
    })
}

async fn find(desk: &Desk, query: String) -> Result<Found, Failure> {
    let found = desk.site().read(move |connection| {
        let lines = people::search(connection, &query, LINES_MAX)?;
        let count = if lines.len() < LINES_MAX {
            lines.len() as u64
        } else {
            people::count(connection, &query)?
        };
        Ok(Found {
            sentence: sentence(lines.len() as u64, count, &query),
            only_here: position::pending_among(
                connection,
                lines.iter().map(|line| line.id.into()),
            )?,
            lines,
        })
    });
    Ok(found.await?)
}

fn sentence(shown: u64, count: u64, query: &str) -> String {
    let people = counted(count, "personne", "personnes");
    match (shown, query) {
        (0, "") => "Personne n’est encore inscrit.".to_owned(),
        (0, _) => "Personne de ce nom ni de ce numéro".to_owned(),
        _ if shown < count && query.is_empty() => {
            format!(
                "{people}. Voici les {shown} premières\u{a0}; cherchez pour trouver les autres."
            )
        }
        _ if shown < count => {
            format!("{people}. Voici les {shown} premières\u{a0}; précisez la recherche.")
        }
        _ => people,
    }
}

impl ListPage {
    /// Where a tap on a person leads.
    fn href(&self, person: &PersonLine) -> String {
        destination(person.id, self.registering)
    }
}

impl Found {
    fn is_only_here(&self, person: &PersonLine) -> bool {
        self.only_here.contains(&DocumentId::from(person.id))
    }
}

/// The sheet of a person, or the sessions that they can be registered in.
fn destination(person: PersonId, registering: bool) -> String {
    if registering {
        format!("/ateliers?pour={person}")
    } else {
        sheet_path(person)
    }
}

/// Path of a person's sheet.
fn sheet_path(person: PersonId) -> String {
    format!("/personnes/{person}")
}
