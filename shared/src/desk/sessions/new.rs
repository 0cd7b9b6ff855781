//! A new session, or a weekly series of them.

use askama::Template;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Form as Body, Router};
use jiff::civil::Date;
use serde::Deserialize;

use super::fields::{self, Clashes};
use super::sheet_path;
use crate::desk::answer::{Answer, Failure, page, refused, see};
use crate::desk::form::{Choice, Form};
use crate::desk::page::{Flash, Page};
use crate::desk::place::place_of_the_day;
use crate::desk::{Desk, SignedIn};
use crate::domain::catalog::Catalog;
use crate::domain::codes::{Level, Theme};
use crate::domain::session::{DEFAULT_CAPACITY, SERIES_WEEKS_MAX, Session, weekly_dates};
use crate::ids::{SeriesId, SessionId};
use crate::text::counted;
use crate::time::day_month_year;

const PATH: &str = "/ateliers/nouveau";

#[derive(Template)]
#[template(path = "sessions/new.html")]
struct NewPage {
    page: Page,
    form: Form,
    places: Vec<Choice>,
    animateurs: Vec<Choice>,
    themes: Vec<Theme>,
    clashes: Clashes,
}

#[derive(Deserialize)]
struct Asked {
    /// The date to start with.
    #[serde(default)]
    date: String,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new().route(PATH, get(show).post(create))
}

async fn show(State(desk): State<Desk>, who: SignedIn, Query(asked): Query<Asked>) -> Answer {
    let catalog = desk.site().catalog().await?;
    let today = desk.site().clock().now().date();
    let form = Form::default()
        .with("date", asked.date)
        .with(
            "place",
            place_of_the_day(&catalog, &who, today).unwrap_or_default(),
        )
        .with("animateur", who.agent.to_string())
        .with("capacity", DEFAULT_CAPACITY.to_string())
        .with("weeks", "1");
    page(&new_page(&desk, &who, &catalog, form, Clashes::default()))
}

async fn create(
    State(desk): State<Desk>,
    who: SignedIn,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let catalog = desk.site().catalog().await?;
    let mut form = Form::sent(sent);
    let (session, dates) = planned(&mut form, &catalog);
    if !form.is_good() {
        return refused(&new_page(&desk, &who, &catalog, form, Clashes::default()));
    }
    let (asked, days, known) = (session.clone(), dates.clone(), catalog.clone());
    let clashes = desk
        .site()
        .read(move |connection| Clashes::of(connection, &asked, &days, None, &known))
        .await?;
    if clashes.are_new(&form) {
        return refused(&new_page(&desk, &who, &catalog, form, clashes));
    }
    let first = write(&desk, &who, session, &dates).await?;
    match dates.as_slice() {
        [first_date, .., last_date] => {
            desk.flash(
                &who,
                Flash::done(series_sentence(dates.len(), *first_date, *last_date)),
            );
            see(&format!("/ateliers?semaine={first_date}"))
        }
        _ => {
            desk.flash(&who, Flash::done("Atelier créé."));
            see(&sheet_path(first))
        }
    }
}

/// The session that the form describes and the dates on which it takes place; refuses what is wrong.
fn planned(form: &mut Form, catalog: &Catalog) -> (Session, Vec<Date>) {
    let mut session = Session::default();
    fields::apply(form, &mut session);
    if form.value("level").is_empty() {
        form.refuse("level", "Choisissez un niveau.");
    }
    fields::refuse_problems(form, &session, catalog);
    let weeks = form.value("weeks").parse().unwrap_or(0);
    if !(1..=SERIES_WEEKS_MAX).contains(&weeks) {
        form.refuse(
            "weeks",
            format!("Le nombre de semaines doit être compris entre 1 et {SERIES_WEEKS_MAX}."),
        );
    }
    let dates = weekly_dates(session.date, weeks);
    (session, dates)
}

/// Writes the sessions in one transaction; gives the first one's id.
async fn write(
    desk: &Desk,
    who: &SignedIn,
    session: Session,
    dates: &[Date],
) -> Result<SessionId, Failure> {
    let series = (dates.len() > 1).then(SeriesId::fresh);
    let planned: Vec<(SessionId, Session)> = dates
        .iter()
        .map(|date| {
            let id = series.map_or_else(SessionId::fresh, |series| series.session_on(*date));
            let session = Session {
                date: *date,
                series,
                ..session.clone()
            };
            (id, session)
        })
        .collect();
    let first = planned.first().map(|(id, _)| *id);
    let agent = who.agent;
    desk.site()
        .write(move |work| {
            for (id, session) in planned {
                work.edit(id, agent, |fresh: &mut Session| *fresh = session)?;
            }
            Ok(())
        })
        .await?;
    first.ok_or(Failure::BadRequest)
}

fn series_sentence(count: usize, first: Date, last: Date) -> String {
    format!(
        "{}, du {} au {}.",
        counted(count as u64, "atelier créé", "ateliers créés"),
        day_month_year(first),
        day_month_year(last)
    )
}

fn new_page(
    desk: &Desk,
    who: &SignedIn,
    catalog: &Catalog,
    form: Form,
    clashes: Clashes,
) -> NewPage {
    NewPage {
        page: desk.page(who, "Nouvel atelier", PATH),
        form,
        places: fields::places(catalog),
        animateurs: fields::animateurs(catalog, None),
        themes: fields::themes(),
        clashes,
    }
}
