//! One session's sheet: who is registered, waits, was there and must be called; the forms of every act on it.
//!
//! Only shows what `reading` makes of the session. The acts post to `registering`, `attending` and `notes`, which lead back here; where one of them shows
//! its form again, it hands in what was filled in ([`Filled`]).

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;

use super::counters::{self, Family};
use super::{find, parsed, reading};
use crate::desk::answer::{Answer, Failure, page};
use crate::desk::form::{Choice, Form};
use crate::desk::page::Page;
use crate::desk::record::{Disagreement, HistoryLine};
use crate::desk::{Desk, SignedIn};
use crate::domain::codes::{Attendance, RegistrationStatus};
use crate::domain::resemblance::Resemblance;
use crate::exchange::durability::Reached;
use crate::ids::{PersonId, RegistrationId, SessionId};
use crate::time::short_date;
use crate::view::people::PersonLine;

/// People who look like somebody, and why.
pub(super) type Alike = Vec<(PersonLine, Resemblance)>;

/// What a person had filled in when one of the sheet's forms is shown again.
#[derive(Clone, Debug, Default)]
pub(super) struct Filled {
    /// What is searched for.
    pub(super) query: String,
    /// The form of a new person.
    pub(super) person: Form,
    /// People who look like the new person.
    pub(super) alike: Alike,
    /// The form of a note.
    pub(super) note: Form,
    /// The form of the anonymous counters.
    pub(super) counters: Option<Form>,
}

#[derive(Template)]
#[template(path = "sessions/sheet.html")]
pub(super) struct SheetPage {
    page: Page,
    sheet: Sheet,
    filled: Filled,
    counters: Form,
}

/// What the sheet shows of a session.
pub(super) struct Sheet {
    pub(super) path: String,
    pub(super) title: String,
    pub(super) lead: String,
    pub(super) cancelled: bool,
    /// The hub has not confirmed everything of it.
    pub(super) reached: Option<Reached>,
    pub(super) notices: Vec<String>,
    pub(super) sentence: String,
    pub(super) taken: usize,
    pub(super) capacity: usize,
    pub(super) participants: Vec<Row>,
    pub(super) waiting: Vec<Row>,
    pub(super) withdrawn: Vec<Row>,
    pub(super) calls: Vec<Call>,
    /// The day has come: attendance can be marked, people may walk in.
    pub(super) has_come: bool,
    /// It is not over: people may register.
    pub(super) is_ahead: bool,
    pub(super) full: bool,
    pub(super) found: Vec<Found>,
    pub(super) found_sentence: String,
    pub(super) alike: Vec<Found>,
    pub(super) communes: Vec<Choice>,
    /// The id of the new person, if one is written.
    pub(super) fresh: PersonId,
    pub(super) total: u32,
    pub(super) already_seen: u32,
    pub(super) families: Vec<Family>,
    pub(super) notes: Vec<Note>,
    pub(super) preparation_min: u16,
    pub(super) disagreements: Vec<Disagreement>,
    pub(super) history: Vec<HistoryLine>,
}

/// A registration.
pub(super) struct Row {
    pub(super) id: RegistrationId,
    /// Absent once the person's record is erased, or has not arrived yet.
    pub(super) person: Option<PersonId>,
    pub(super) name: String,
    pub(super) note: String,
    pub(super) phone: Phone,
    pub(super) first_visit: bool,
    pub(super) walk_in: bool,
    pub(super) twice: bool,
    pub(super) status: RegistrationStatus,
    pub(super) attendance: Attendance,
}

/// A phone as given and as a link dials it; empty when there is none.
pub(super) struct Phone {
    pub(super) shown: String,
    pub(super) dialled: String,
}

/// Somebody who must be called.
pub(super) struct Call {
    pub(super) id: RegistrationId,
    pub(super) name: String,
    pub(super) phone: Phone,
    pub(super) why: String,
}

/// Somebody who can be registered.
pub(super) struct Found {
    pub(super) id: PersonId,
    pub(super) name: String,
    pub(super) note: String,
}

pub(super) struct Note {
    pub(super) text: String,
    pub(super) signature: String,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/ateliers/{id}", get(show))
}

async fn show(State(desk): State<Desk>, who: SignedIn, Path(id): Path<String>) -> Answer {
    page(&sheet_page(&desk, &who, parsed(&id)?, Filled::default()).await?)
}

/// The sheet of a session, with forms filled in as they were sent.
pub(super) async fn sheet_page(
    desk: &Desk,
    who: &SignedIn,
    id: SessionId,
    filled: Filled,
) -> Result<SheetPage, Failure> {
    let (of_desk, asked) = (desk.clone(), filled.clone());
    let read = desk.site().read(move |connection| {
        let Some((document, session)) = find(connection, id)? else {
            return Ok(None);
        };
        let counters = counters::form(&session);
        let title = format!("Atelier, {}", short_date(session.date));
        let sheet = reading::sheet(connection, &of_desk, (id, document, session), &asked)?;
        Ok(Some((sheet, counters, title)))
    });
    let (sheet, counters, title) = read.await?.ok_or(Failure::NotFound)?;
    Ok(SheetPage {
        page: desk.page(who, title, &sheet.path),
        counters: filled.counters.clone().unwrap_or(counters),
        sheet,
        filled,
    })
}

impl SheetPage {
    /// The marks that one tap gives.
    fn marks(&self) -> &'static [Attendance] {
        &[Attendance::Present, Attendance::Excused, Attendance::NoShow]
    }
}
