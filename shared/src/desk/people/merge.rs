//! Two records that are one person: both side by side, then one is read through the other. Proposed by resemblance,
//! decided here by somebody, and undone as easily: nothing is copied and nothing is deleted.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};

use super::{fields, reading, sheet_path};
use crate::desk::answer::{Answer, Failure, page, see};
use crate::desk::page::{Flash, Page};
use crate::desk::{Desk, SignedIn};
use crate::domain::person::Person;
use crate::ids::PersonId;
use crate::text::counted;
use crate::view::people;

#[derive(Template)]
#[template(path = "people/merge.html")]
struct MergePage {
    page: Page,
    kept: Side,
    other: Side,
    rows: Vec<Row>,
}

/// One of the two records.
struct Side {
    id: PersonId,
    /// « 3 inscriptions »
    registrations: String,
}

/// One field of both.
struct Row {
    label: &'static str,
    kept: String,
    other: String,
    /// What the sheet will show.
    result: String,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/personnes/{id}/reunir/{other}", get(compare).post(merge))
        .route("/personnes/{id}/separer", post(separate))
}

async fn compare(
    State(desk): State<Desk>,
    who: SignedIn,
    Path((kept, other)): Path<(String, String)>,
) -> Answer {
    let (kept, other) = pair(&kept, &other)?;
    let found = desk.site().read(move |connection| {
        let (kept, other) = (
            reading::read(connection, kept)?,
            reading::read(connection, other)?,
        );
        let (Some(kept), Some(other)) = (kept, other) else {
            return Ok(None);
        };
        let count = |id| Ok::<_, crate::site::SiteError>(people::attended(connection, id)?.len());
        let (of_kept, of_other) = (count(kept.id)?, count(other.id)?);
        Ok(Some((
            (kept.id, kept.person, of_kept),
            (other.id, other.person, of_other),
        )))
    });
    let (kept, other) = found.await?.ok_or(Failure::NotFound)?;
    if kept.0 == other.0 {
        return see(&sheet_path(kept.0));
    }
    page(&MergePage {
        page: desk.page(&who, "Réunir deux fiches", "/personnes"),
        rows: rows(&kept.1, &other.1),
        kept: side(kept.0, kept.2),
        other: side(other.0, other.2),
    })
}

async fn merge(
    State(desk): State<Desk>,
    who: SignedIn,
    Path((kept, other)): Path<(String, String)>,
) -> Answer {
    let (kept, other) = pair(&kept, &other)?;
    let agent = who.agent;
    let merged = desk.site().write(move |work| {
        let kept = people::resolved(work.connection(), kept)?;
        let other = people::resolved(work.connection(), other)?;
        let known = people::line_of(work.connection(), kept)?.is_some()
            && people::line_of(work.connection(), other)?.is_some();
        if !known {
            return Ok(None);
        }
        if kept != other {
            work.edit(other, agent, |person: &mut Person| {
                person.merged_into = Some(kept)
            })?;
        }
        Ok(Some((kept, other)))
    });
    let (kept, other) = merged.await?.ok_or(Failure::NotFound)?;
    let flash = Flash::done("Les deux fiches n’en font plus qu’une.");
    desk.flash(&who, flash.with_undo(format!("/personnes/{other}/separer")));
    see(&sheet_path(kept))
}

async fn separate(State(desk): State<Desk>, who: SignedIn, Path(id): Path<String>) -> Answer {
    let id: PersonId = id.parse().map_err(|_| Failure::NotFound)?;
    let agent = who.agent;
    let known = desk.site().write(move |work| {
        let known = people::line_of(work.connection(), id)?.is_some();
        if known {
            work.edit(id, agent, |person: &mut Person| person.merged_into = None)?;
        }
        Ok(known)
    });
    if !known.await? {
        return Err(Failure::NotFound);
    }
    desk.flash(
        &who,
        Flash::done("Les deux fiches sont de nouveau séparées. Voici la seconde."),
    );
    see(&sheet_path(id))
}

fn pair(kept: &str, other: &str) -> Result<(PersonId, PersonId), Failure> {
    match (kept.parse(), other.parse()) {
        (Ok(kept), Ok(other)) => Ok((kept, other)),
        _ => Err(Failure::NotFound),
    }
}

fn side(id: PersonId, registrations: usize) -> Side {
    Side {
        id,
        registrations: counted(registrations as u64, "inscription", "inscriptions"),
    }
}

fn rows(kept: &Person, other: &Person) -> Vec<Row> {
    let mut result = kept.clone();
    result.fill_from(other);
    let shown = |person: &Person, name: &str| fields::shown(name, &fields::text(person, name));
    let rows = fields::FIELDS.iter().map(|(name, label)| Row {
        label,
        kept: shown(kept, name),
        other: shown(other, name),
        result: shown(&result, name),
    });
    rows.filter(|row| !row.result.is_empty()).collect()
}
