//! The attendance sheet on paper: blank before the session, completed after. No phone, age or status on paper.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use rusqlite::Connection;

use super::{capitalised, find, group, parsed, place_words, sheet_path};
use crate::desk::answer::{Answer, Failure, page};
use crate::desk::page::Page;
use crate::desk::{Desk, SignedIn, agent_name};
use crate::domain::attendance::TOTAL;
use crate::domain::catalog::Catalog;
use crate::domain::codes::{Attendance, SessionState};
use crate::domain::commune::EPCI_NAME;
use crate::domain::seats::{Seats, standing};
use crate::domain::session::Session;
use crate::ids::SessionId;
use crate::site::SiteError;
use crate::time::{clock_time, long_date};
use crate::view::{erasing, people};

/// Lines for people who walk in, beside the seats that are free.
const SPARE_LINES: usize = 2;

#[derive(Template)]
#[template(path = "sessions/paper.html")]
struct PaperPage {
    page: Page,
    sheet: String,
    organisation: &'static str,
    title: String,
    place: String,
    when: String,
    animateur: String,
    lines: Vec<Line>,
    anonymous: u32,
}

struct Line {
    name: String,
    /// What was recorded, once it was; the signature stands above it.
    mark: &'static str,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/ateliers/{id}/emargement", get(show))
}

async fn show(State(desk): State<Desk>, who: SignedIn, Path(id): Path<String>) -> Answer {
    let id: SessionId = parsed(&id)?;
    let frame = desk.page(&who, "Feuille d’émargement", &sheet_path(id));
    let read = desk.site().read(move |connection| {
        let Some((_, session)) = find(connection, id)? else {
            return Ok(None);
        };
        let catalog = crate::view::catalog::catalog(connection)?;
        let lines = lines(connection, &session)?;
        Ok(Some(paper(frame, id, &session, &catalog, lines)))
    });
    page(&read.await?.ok_or(Failure::NotFound)?)
}

fn paper(
    page: Page,
    id: SessionId,
    session: &Session,
    catalog: &Catalog,
    lines: Vec<Line>,
) -> PaperPage {
    let animateur = session.animateur.map(|agent| agent_name(catalog, agent));
    let cancelled = match session.state {
        SessionState::Planned => "",
        SessionState::Cancelled => " (annulé)",
    };
    PaperPage {
        page,
        sheet: sheet_path(id),
        organisation: EPCI_NAME,
        title: format!(
            "{}, {}{cancelled}",
            session.shown_title(),
            group(session.level).to_lowercase()
        ),
        place: place_words(catalog, &session.place),
        when: format!(
            "{}, de {} à {}",
            capitalised(&long_date(session.date)),
            clock_time(session.start),
            clock_time(session.end)
        ),
        animateur: animateur.unwrap_or_default().to_owned(),
        lines,
        anonymous: session.anonymous.get(TOTAL).copied().unwrap_or(0),
    }
}

/// Those with a seat and those who came, in the order of seats, then spare lines as long as nobody is marked.
fn lines(connection: &Connection, session: &Session) -> Result<Vec<Line>, SiteError> {
    let seats = Seats::of(session);
    let mut lines = Vec::new();
    for (id, registration) in standing(session) {
        if !seats.holds(id) && registration.attendance != Attendance::Present {
            continue;
        }
        let name = match people::line_of(connection, registration.person)? {
            Some(line) => format!("{} {}", line.family_name.to_uppercase(), line.given_name),
            None => erasing::nameless(connection, registration.person)?.to_owned(),
        };
        let mark = match registration.attendance {
            Attendance::Unknown => "",
            known => known.label(),
        };
        lines.push(Line { name, mark });
    }
    if lines.iter().all(|line| line.mark.is_empty()) {
        let spare = usize::from(seats.free) + SPARE_LINES;
        lines.extend((0..spare).map(|_| Line {
            name: String::new(),
            mark: "",
        }));
    }
    Ok(lines)
}
