//! The list of sessions: one week, all places or one; for a person who wants to register, the weeks ahead.

use std::collections::HashSet;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use jiff::Span;
use jiff::civil::{Date, DateTime, ISOWeekDate};
use rusqlite::Connection;
use serde::Deserialize;

use super::{capitalised, fields, group, sheet_path};
use crate::desk::answer::{Answer, page};
use crate::desk::form::{Choice, Form};
use crate::desk::page::Page;
use crate::desk::{Desk, SignedIn, agent_name};
use crate::domain::catalog::Catalog;
use crate::domain::codes::{RegistrationStatus, SessionState};
use crate::domain::registering::level_remark;
use crate::domain::seats;
use crate::exchange::position;
use crate::ids::{DocumentId, PersonId, SessionId};
use crate::site::SiteError;
use crate::text::counted;
use crate::time::{day_month_year, hours, long_date};
use crate::view::people::{self, PersonLine};
use crate::view::sessions::{SessionLine, between};

/// Weeks shown at once to somebody who looks for a session to register for.
const WEEKS_AHEAD: i64 = 4;

#[derive(Deserialize)]
struct Asked {
    /// `2026-W48`, or any date of the week; this week when it reads as neither.
    #[serde(default)]
    semaine: String,
    /// Code of a place; empty for all.
    #[serde(default)]
    lieu: String,
    /// The person to register.
    #[serde(default)]
    pour: String,
}

#[derive(Template)]
#[template(path = "sessions/list.html")]
struct ListPage {
    page: Page,
    form: Form,
    places: Vec<Choice>,
    period: String,
    previous: String,
    next: String,
    step: &'static str,
    days: Vec<Day>,
    whom: Option<Whom>,
}

/// The person to register.
struct Whom {
    id: PersonId,
    name: String,
    /// Where a registration comes back to.
    back: String,
}

struct Day {
    title: String,
    lines: Vec<Line>,
}

struct Line {
    id: SessionId,
    href: String,
    hours: String,
    title: String,
    note: String,
    group: String,
    cancelled: bool,
    sentence: String,
    taken: usize,
    capacity: usize,
    late: String,
    calls: String,
    disagrees: bool,
    /// The hub has not confirmed everything of it.
    only_here: bool,
    offer: Offer,
}

/// What the list offers to the person to register.
enum Offer {
    Nothing,
    Already,
    Register {
        waiting: bool,
        /// Their level is another one.
        remark: String,
    },
}

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/ateliers", get(show))
}

async fn show(State(desk): State<Desk>, who: SignedIn, Query(asked): Query<Asked>) -> Answer {
    let now = desk.site().clock().now().local();
    let listed = desk
        .site()
        .read(move |connection| list(connection, &asked, now))
        .await?;
    let page_frame = desk.page(&who, "Ateliers", "/ateliers");
    page(&ListPage {
        page: page_frame,
        ..listed
    })
}

fn list(connection: &Connection, asked: &Asked, now: DateTime) -> Result<ListPage, SiteError> {
    let catalog = crate::view::catalog::catalog(connection)?;
    let person = match asked.pour.parse() {
        Ok(id) => people::line_of(connection, id)?,
        Err(_) => None,
    };
    let weeks = if person.is_some() { WEEKS_AHEAD } else { 1 };
    let monday = monday_of(&asked.semaine, now.date());
    let sunday = shifted(monday, weeks).yesterday().unwrap_or(monday);
    let place = Some(&*asked.lieu).filter(|place| !place.is_empty());
    let lines = between(connection, monday, sunday, place)?;
    let lines = lines
        .into_iter()
        .filter(|line| person.is_none() || line.date >= now.date());
    let lines: Vec<SessionLine> = lines.collect();
    let mut context = Context::of(connection, person.as_ref(), now)?;
    let ids = lines.iter().map(|line| line.id.into());
    context.only_here = position::pending_among(connection, ids)?;
    let address = |monday: Date| address(monday, &asked.lieu, person.as_ref());
    Ok(ListPage {
        page: Page::signed_out("", ""),
        form: Form::default()
            .with("semaine", monday.to_string())
            .with("lieu", &asked.lieu),
        places: fields::places(&catalog),
        period: period(monday, sunday),
        previous: address(shifted(monday, -weeks)),
        next: address(shifted(monday, weeks)),
        step: if weeks == 1 { "Semaine" } else { "4 semaines" },
        days: days(
            lines.into_iter(),
            |line| self::line(line, &catalog, &context),
            now.date(),
        ),
        whom: person.as_ref().map(|person| Whom {
            id: person.id,
            name: person.display_name(),
            back: address(monday),
        }),
    })
}

/// The Monday of the week that was asked for.
fn monday_of(asked: &str, today: Date) -> Date {
    let week: Option<ISOWeekDate> = format!("{asked}-1").parse().ok();
    let date = week
        .map(Date::from)
        .or_else(|| asked.parse().ok())
        .unwrap_or(today);
    let days = i64::from(date.weekday().to_monday_zero_offset());
    date.saturating_sub(Span::new().days(days))
}

fn shifted(date: Date, weeks: i64) -> Date {
    date.saturating_add(Span::new().weeks(weeks))
}

/// Address of the list that begins on `monday`.
fn address(monday: Date, place: &str, person: Option<&PersonLine>) -> String {
    let week = monday.iso_week_date();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("semaine", &format!("{}-W{:02}", week.year(), week.week()));
    if !place.is_empty() {
        query.append_pair("lieu", place);
    }
    if let Some(person) = person {
        query.append_pair("pour", &person.id.to_string());
    }
    format!("/ateliers?{}", query.finish())
}

/// « 23 – 29 novembre 2026 », « 30 novembre 2026 – 6 décembre 2026 ».
fn period(monday: Date, sunday: Date) -> String {
    let first = if monday.first_of_month() == sunday.first_of_month() {
        monday.day().to_string()
    } else {
        day_month_year(monday)
    };
    format!("{first}\u{a0}– {}", day_month_year(sunday))
}

fn days(
    lines: impl Iterator<Item = SessionLine>,
    show: impl Fn(SessionLine) -> Line,
    today: Date,
) -> Vec<Day> {
    let mut days: Vec<(Date, Day)> = Vec::new();
    for line in lines {
        let date = line.date;
        if days.last().is_none_or(|(last, _)| *last != date) {
            let mut title = capitalised(&long_date(date));
            if date == today {
                title.push_str(", aujourd’hui");
            }
            let lines = Vec::new();
            days.push((date, Day { title, lines }));
        }
        if let Some((_, day)) = days.last_mut() {
            day.lines.push(show(line));
        }
    }
    days.into_iter().map(|(_, day)| day).collect()
}

fn line(line: SessionLine, catalog: &Catalog, context: &Context) -> Line {
    let cancelled = line.state == SessionState::Cancelled;
    let ahead = line.date >= context.now.date();
    let over = line.date.to_datetime(line.end) <= context.now;
    let place = catalog.place_name(&line.place).to_owned();
    let animateur = line.animateur.map(|id| agent_name(catalog, id).to_owned());
    let reason = Some(line.reason.clone()).filter(|reason| cancelled && !reason.is_empty());
    let note: Vec<String> = [Some(place), animateur, reason]
        .into_iter()
        .flatten()
        .collect();
    let counted_or_none = |show: bool, n: u16, one: &str, several: &str| {
        if show && n > 0 {
            counted(n, one, several)
        } else {
            String::new()
        }
    };
    let missing = counted_or_none(
        over && !cancelled,
        line.unknown,
        "présence à renseigner",
        "présences à renseigner",
    );
    let calls = counted_or_none(
        ahead,
        line.to_tell,
        "personne à prévenir",
        "personnes à prévenir",
    );
    Line {
        href: sheet_path(line.id),
        hours: hours(line.start, line.end),
        title: if line.title.is_empty() {
            "Atelier".to_owned()
        } else {
            line.title.clone()
        },
        note: note.join(", "),
        group: group(line.level),
        cancelled,
        sentence: capitalised(&seats::sentence(
            line.registered.into(),
            line.waiting.into(),
            line.capacity,
        )),
        taken: line.registered.min(line.capacity).into(),
        capacity: line.capacity.into(),
        late: missing,
        calls,
        disagrees: line.conflicts > 0,
        only_here: context.only_here.contains(&line.id.into()),
        offer: context.offer(&line),
        id: line.id,
    }
}

/// What the lines are drawn in the light of.
#[derive(Default)]
struct Context {
    now: DateTime,
    /// The person to register.
    person: Option<PersonLine>,
    /// Their registrations that stand.
    standing: HashSet<SessionId>,
    /// Documents of which the hub has not confirmed everything.
    only_here: HashSet<DocumentId>,
}

impl Context {
    fn of(
        connection: &Connection,
        person: Option<&PersonLine>,
        now: DateTime,
    ) -> Result<Self, SiteError> {
        let mut context = Self {
            now,
            ..Self::default()
        };
        if let Some(person) = person {
            let attended = people::attended(connection, person.id)?;
            let standing = attended
                .into_iter()
                .filter(|attended| attended.status == RegistrationStatus::Registered);
            context.standing = standing.map(|attended| attended.session).collect();
            context.person = Some(person.clone());
        }
        Ok(context)
    }

    fn offer(&self, line: &SessionLine) -> Offer {
        let Some(person) = &self.person else {
            return Offer::Nothing;
        };
        if self.standing.contains(&line.id) {
            return Offer::Already;
        }
        let over = line.date.to_datetime(line.end) <= self.now;
        if over || line.state == SessionState::Cancelled {
            return Offer::Nothing;
        }
        Offer::Register {
            waiting: line.registered >= line.capacity,
            remark: level_remark(person.level, line.level).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_week_is_asked_for_by_its_number_or_by_any_of_its_dates() {
        let today = date(2026, 11, 26);
        for asked in [
            "2026-W48",
            "2026-11-23",
            "2026-11-29",
            "",
            "W48",
            "n’importe quoi",
        ] {
            assert_eq!(monday_of(asked, today), date(2026, 11, 23), "{asked}");
        }
        assert_eq!(monday_of("2026-W53", today), date(2026, 12, 28));
        assert_eq!(monday_of("9999-12-31", today), date(9999, 12, 27));
    }

    #[test]
    fn a_period_names_its_month_once() {
        assert_eq!(
            period(date(2026, 11, 23), date(2026, 11, 29)),
            "23\u{a0}– 29\u{a0}novembre 2026"
        );
        assert_eq!(
            period(date(2026, 11, 30), date(2026, 12, 6)),
            "30\u{a0}novembre 2026\u{a0}– 6\u{a0}décembre 2026"
        );
    }

    #[test]
    fn the_address_of_a_week_leads_back_to_it_over_the_change_of_year() {
        let monday = date(2026, 12, 28);
        assert_eq!(address(monday, "", None), "/ateliers?semaine=2026-W53");
        assert_eq!(
            address(shifted(monday, 1), "quarante", None),
            "/ateliers?semaine=2027-W01&lieu=quarante"
        );
    }
}
