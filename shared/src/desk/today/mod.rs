//! Aujourd’hui: the first page of the day. Where the agent is, who is expected there, who must be called, what is not
//! filled in, what does not add up.
//!
//! Everything on it is somebody's next act; what needs no act is on other pages.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Form as Body, Router};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use rusqlite::Connection;

use super::answer::{Answer, Failure, page, see};
use super::form::Form;
use super::page::{Flash, Page};
use super::place::place_of_the_day;
use super::sessions::group;
use super::{Desk, SignedIn, sign_in};
use crate::domain::anomaly::{Anomaly, AnomalyKind, anomalies};
use crate::domain::catalog::Catalog;
use crate::domain::codes::{Attendance, SessionState};
use crate::domain::seats;
use crate::domain::session::Session;
use crate::exchange::position;
use crate::ids::{DocumentId, RegistrationId, SessionId};
use crate::site::SiteError;
use crate::text::{capitalised, counted, dialled};
use crate::time::{clock_time, hours, long_date, short_date};
use crate::view;
use crate::view::people::PersonLine;
use crate::view::sessions::{self, SessionLine};
use crate::view::today::{self, Expected, ToCall, Unfinished, When};

/// How far back a session is worth completing, and how far ahead one is worth checking, in days: four weeks.
const DAYS_AROUND: i64 = 28;
/// Rows of « À compléter » and of « À vérifier » that are in sight; the others are folded away.
const IN_SIGHT: usize = 6;

#[derive(Template)]
#[template(path = "today/today.html")]
struct TodayPage {
    page: Page,
    heading: String,
    /// « Saint-Chinian, Médiathèque, 9 h – 12 h »; empty while the catalog holds no place.
    place: String,
    here: Vec<Card>,
    elsewhere: Vec<Elsewhere>,
    demandes: u64,
    calls: Vec<Call>,
    unfinished: Vec<ToComplete>,
    unfinished_more: Vec<ToComplete>,
    anomalies: Vec<Anomaly>,
    anomalies_more: Vec<Anomaly>,
    only_here: HashSet<DocumentId>,
}

/// One session of the day with those who are expected.
struct Card {
    line: SessionLine,
    expected: Vec<Expected>,
    taken: usize,
    capacity: usize,
}

/// One session of the day at another place.
struct Elsewhere {
    session: SessionId,
    hours: String,
    title: String,
    /// « Capestang, 3 inscrits, 1 place libre »
    note: String,
    is_cancelled: bool,
}

/// Somebody to call.
struct Call {
    /// Absent while the record has not arrived here.
    person: Option<PersonLine>,
    /// « En liste d’attente »
    reason: String,
    session: SessionId,
    /// « jeu. 26 nov. à 9 h 30, Saint-Chinian »
    when: String,
    /// What « C’est fait » posts to.
    told_path: String,
}

/// A session that lacks something.
struct ToComplete {
    session: SessionId,
    /// « mar. 24 nov. à 14 h, Capestang »
    when: String,
    /// « 2 présences à renseigner, temps de préparation »
    missing: String,
}

#[derive(Template)]
#[template(path = "today/place.html")]
struct PlacePage {
    page: Page,
    /// Code, name, and whether the agent is there now.
    places: Vec<(String, String, bool)>,
    /// Names of the tour's stops today.
    tour: String,
}

/// What one snapshot of the site says of today.
struct Known {
    catalog: Catalog,
    sessions: Vec<(SessionLine, Vec<Expected>)>,
    calls: Vec<ToCall>,
    unfinished: Vec<Unfinished>,
    doubtful: Vec<(SessionId, Session)>,
    only_here: HashSet<DocumentId>,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/", get(show))
        .route("/aujourdhui/lieu", get(choose).post(set_place))
        .route("/aujourdhui/prevenu/{session}/{registration}", post(told))
        .route(
            "/aujourdhui/a-prevenir/{session}/{registration}",
            post(untold),
        )
}

async fn show(State(desk): State<Desk>, who: SignedIn) -> Answer {
    let now = desk.site().clock().now().local();
    let known = desk
        .site()
        .read(move |connection| known(connection, now))
        .await?;
    let place = place_of_the_day(&known.catalog, &who, now.date()).unwrap_or_default();
    let at = place.to_owned();
    let demandes = desk
        .site()
        .read(move |c| Ok(today::demandes(c, &at, now.date())?));
    let demandes = demandes.await?;
    let sessions: Vec<(SessionId, &Session)> = known
        .doubtful
        .iter()
        .map(|(id, session)| (*id, session))
        .collect();
    let mut anomalies = anomalies(&sessions, &known.catalog, now);
    // That attendance is missing is said under « À compléter ».
    anomalies.retain(|anomaly| anomaly.kind != AnomalyKind::AttendanceMissing);
    let (here, elsewhere) = known
        .sessions
        .into_iter()
        .partition(|(line, _)| line.place == place);
    let mut unfinished = completions(&known.catalog, &known.unfinished);
    page(&TodayPage {
        page: desk.page(&who, "Aujourd’hui", "/"),
        heading: capitalised(&long_date(now.date())),
        place: described(&known.catalog, place, now.date()),
        here: cards(here),
        elsewhere: elsewhere_of(&known.catalog, elsewhere),
        demandes,
        calls: calls(&known.catalog, known.calls),
        unfinished_more: rest(&mut unfinished),
        unfinished,
        anomalies_more: rest(&mut anomalies),
        anomalies,
        only_here: known.only_here,
    })
}

async fn choose(State(desk): State<Desk>, who: SignedIn) -> Answer {
    let catalog = desk.site().catalog().await?;
    let today = desk.site().clock().now().date();
    let current = place_of_the_day(&catalog, &who, today).unwrap_or_default();
    let places = catalog.places.iter();
    let tour = catalog.stops_on(today).into_iter();
    let tour: Vec<&str> = tour
        .map(|(_, stop)| catalog.place_name(&stop.place))
        .collect();
    page(&PlacePage {
        page: desk.page(&who, "Où êtes-vous\u{a0}?", "/"),
        tour: tour.join(", "),
        places: places
            .map(|(code, place)| (code.clone(), place.name.clone(), code == current))
            .collect(),
    })
}

async fn set_place(
    State(desk): State<Desk>,
    who: SignedIn,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let form = Form::sent(sent);
    let chosen = form.value("place");
    let catalog = desk.site().catalog().await?;
    if !chosen.is_empty() && !catalog.places.contains_key(chosen) {
        return Err(Failure::BadRequest);
    }
    let place = (!chosen.is_empty()).then(|| chosen.to_owned());
    sign_in::set_place(&desk, who.token_hash, place).await?;
    see("/")
}

async fn told(
    State(desk): State<Desk>,
    who: SignedIn,
    Path((session, registration)): Path<(String, String)>,
) -> Answer {
    set_told(&desk, &who, &session, &registration, true).await?;
    let undo = format!("/aujourdhui/a-prevenir/{session}/{registration}");
    desk.flash(
        &who,
        Flash::done("C’est noté\u{a0}: la personne est prévenue.").with_undo(undo),
    );
    see("/")
}

async fn untold(
    State(desk): State<Desk>,
    who: SignedIn,
    Path((session, registration)): Path<(String, String)>,
) -> Answer {
    set_told(&desk, &who, &session, &registration, false).await?;
    see("/")
}

async fn set_told(
    desk: &Desk,
    who: &SignedIn,
    session: &str,
    registration: &str,
    told: bool,
) -> Result<(), Failure> {
    let session: SessionId = session.parse().map_err(|_| Failure::NotFound)?;
    let registration: RegistrationId = registration.parse().map_err(|_| Failure::NotFound)?;
    let edit = desk
        .site()
        .edit(session, who.agent, move |session: &mut Session| {
            let found = session.registrations.get_mut(&registration);
            found.map(|registration| registration.told = told).is_some()
        });
    if edit.await? {
        Ok(())
    } else {
        Err(Failure::NotFound)
    }
}

fn known(connection: &Connection, now: DateTime) -> Result<Known, SiteError> {
    let today = now.date();
    let from = today.saturating_sub(DAYS_AROUND.days());
    let to = today.saturating_add(DAYS_AROUND.days());
    let mut sessions = Vec::new();
    for line in sessions::between(connection, today, today, None)? {
        let expected = today::expected(connection, line.id)?;
        sessions.push((line, expected));
    }
    let people: Vec<DocumentId> = sessions
        .iter()
        .flat_map(|(_, expected): &(SessionLine, Vec<Expected>)| expected)
        .filter_map(|expected| Some(expected.person.as_ref()?.id.into()))
        .collect();
    Ok(Known {
        catalog: view::catalog::catalog(connection)?,
        sessions,
        doubtful: today::doubtful(connection, from, to)?,
        calls: today::to_call(connection, today)?,
        unfinished: today::unfinished(connection, from, now)?,
        only_here: position::pending_among(connection, people)?,
    })
}

/// « Saint-Chinian, Médiathèque, 9 h – 12 h »
fn described(catalog: &Catalog, code: &str, today: Date) -> String {
    let Some(place) = catalog.places.get(code) else {
        return String::new();
    };
    let stops = catalog.stops_on(today);
    let open = stops
        .iter()
        .find(|(_, stop)| stop.place == code)
        .map(|(_, stop)| hours(stop.start, stop.end));
    let parts = [Some(place.name.clone()), Some(place.room.clone()), open];
    let parts: Vec<String> = parts
        .into_iter()
        .flatten()
        .filter(|p| !p.is_empty())
        .collect();
    parts.join(", ")
}

/// Takes off what is not in sight.
fn rest<T>(rows: &mut Vec<T>) -> Vec<T> {
    rows.split_off(IN_SIGHT.min(rows.len()))
}

fn cards(sessions: Vec<(SessionLine, Vec<Expected>)>) -> Vec<Card> {
    let cards = sessions.into_iter().map(|(line, expected)| Card {
        taken: expected.len().min(line.capacity.into()),
        capacity: usize::from(line.capacity),
        line,
        expected,
    });
    cards.collect()
}

fn elsewhere_of(catalog: &Catalog, sessions: Vec<(SessionLine, Vec<Expected>)>) -> Vec<Elsewhere> {
    let rows = sessions.into_iter().map(|(line, expected)| {
        let is_cancelled = line.state == SessionState::Cancelled;
        let mut note = catalog.place_name(&line.place).to_owned();
        if !is_cancelled {
            note.push_str(", ");
            note.push_str(&seats_sentence(&line, &expected));
        }
        Elsewhere {
            session: line.id,
            hours: hours(line.start, line.end),
            title: title(&line).to_owned(),
            note,
            is_cancelled,
        }
    });
    rows.collect()
}

fn calls(catalog: &Catalog, calls: Vec<ToCall>) -> Vec<Call> {
    let calls = calls.into_iter().map(|call| Call {
        reason: capitalised(call.reason.label()),
        session: call.when.session,
        when: moment(catalog, &call.when),
        told_path: format!(
            "/aujourdhui/prevenu/{}/{}",
            call.when.session, call.registration
        ),
        person: call.person,
    });
    calls.collect()
}

fn completions(catalog: &Catalog, unfinished: &[Unfinished]) -> Vec<ToComplete> {
    let rows = unfinished.iter().map(|session| {
        let mut missing = Vec::new();
        if session.unknown > 0 {
            missing.push(counted(
                session.unknown,
                "présence à renseigner",
                "présences à renseigner",
            ));
        }
        if session.no_preparation {
            missing.push("temps de préparation à noter".to_owned());
        }
        ToComplete {
            session: session.when.session,
            when: moment(catalog, &session.when),
            missing: capitalised(&missing.join(", ")),
        }
    });
    rows.collect()
}

/// « jeu. 26 nov. à 9 h 30, Saint-Chinian »
fn moment(catalog: &Catalog, when: &When) -> String {
    let (day, start) = (short_date(when.date), clock_time(when.start));
    format!("{day} à {start}, {}", catalog.place_name(&when.place))
}

impl TodayPage {
    fn is_only_here(&self, person: &PersonLine) -> bool {
        self.only_here.contains(&DocumentId::from(person.id))
    }

    fn phone_href(&self, person: &PersonLine) -> String {
        format!("tel:{}", dialled(&person.phone))
    }
}

impl Card {
    fn is_cancelled(&self) -> bool {
        self.line.state == SessionState::Cancelled
    }

    fn hours(&self) -> String {
        hours(self.line.start, self.line.end)
    }

    fn title(&self) -> &str {
        title(&self.line)
    }

    fn group(&self) -> String {
        group(self.line.level)
    }

    fn sentence(&self) -> String {
        capitalised(&seats_sentence(&self.line, &self.expected))
    }

    /// Style and words of a badge for what became of somebody; no badge while nobody has said.
    fn outcome(&self, expected: &Expected) -> Option<(&'static str, &'static str)> {
        let kind = match expected.attendance {
            Attendance::Unknown => return None,
            Attendance::Present => "done",
            Attendance::Excused => "",
            Attendance::NoShow => "late",
        };
        Some((kind, expected.attendance.label()))
    }
}

fn seats_sentence(line: &SessionLine, expected: &[Expected]) -> String {
    seats::sentence(expected.len(), line.waiting.into(), line.capacity)
}

/// The title that a list shows.
fn title(line: &SessionLine) -> &str {
    if line.title.is_empty() {
        "Atelier"
    } else {
        &line.title
    }
}
