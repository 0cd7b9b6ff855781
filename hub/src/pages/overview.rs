//! Vue d’ensemble: the figures of a period, the laptops, and what could not be taken from them.
//!
//! Figures only, no names, so every account of the hub may look; who may export or see the laptops' details is told
//! by the links that are shown. Small figures are not hidden: the page is for the service itself.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use shared::desk::answer::{Answer, page};
use shared::desk::form::{Choice, Form};
use shared::desk::page::{Page, moment};
use shared::desk::{Desk, SignedIn};
use shared::domain::catalog::Catalog;
use shared::domain::codes::{AgeBand, Level, Role};
use shared::domain::commune;
use shared::ledger::quarantine;
use shared::text::counted;
use shared::time::Timestamp;
use shared::view::catalog::catalog;
use shared::view::overview::{Activity, Overview, Scope, overview};

use super::erasures::PATH as ERASURES;
use super::period::{self, Asked};
use super::quarantine::QUARANTINE;
use super::restored;
use crate::devices::{self, DeviceState};

#[derive(Template)]
#[template(path = "pages/overview.html")]
struct OverviewPage {
    page: Page,
    form: Form,
    places: Vec<Choice>,
    levels: &'static [Level],
    shortcuts: Vec<(&'static str, String)>,
    period: String,
    export: Option<String>,
    total: Activity,
    by_place: Vec<(String, Activity)>,
    demandes_max: u32,
    /// In two columns: the themes are many.
    tallies: [Vec<Tally>; 2],
    communes: Vec<Visits>,
    ages: Vec<Visits>,
    laptops: Vec<Laptop>,
    opens_laptops: bool,
    /// That the hub was put back to an older copy, if it was lately.
    restored: Option<String>,
    /// How much was set aside; empty when nothing was.
    set_aside: String,
    sees_quarantine: bool,
}

/// One way of counting demandes.
struct Tally {
    title: &'static str,
    id: &'static str,
    head: &'static str,
    /// Label and count, the most frequent first.
    lines: Vec<(String, u32)>,
    max: u32,
}

/// Visits of the people of one commune or age.
struct Visits {
    label: String,
    people: u32,
    presences: u32,
    demandes: u32,
    max: u32,
}

/// One laptop in a line.
struct Laptop {
    name: String,
    contact: String,
    lacks: String,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/vue-ensemble", get(show))
}

async fn show(
    State(desk): State<Desk>,
    who: SignedIn,
    Query(query): Query<Vec<(String, String)>>,
) -> Answer {
    let now = desk.site().clock().now();
    let read = desk.site().read(move |connection| {
        let catalog = catalog(connection)?;
        let asked = period::asked(query, &catalog, now.date());
        let scope = Scope {
            from: asked.from,
            to: asked.to,
            place: asked.place.clone(),
            level: asked.level,
            now: now.local(),
        };
        Ok((
            overview(connection, &scope)?,
            asked,
            catalog,
            devices::list(connection)?,
            quarantine::count(connection)?,
            restored::notice(connection, now)?,
        ))
    });
    let (overview, asked, catalog, laptops, quarantined, restored) = read.await?;
    let may_see_people = who.role >= Role::Staff;
    page(&OverviewPage {
        page: desk.page(&who, "Vue d’ensemble", "/vue-ensemble"),
        places: period::places(&catalog),
        levels: Level::ALL,
        shortcuts: shortcuts(&asked, now),
        period: asked.sentence(),
        export: may_see_people.then(|| asked.query((asked.from, asked.to))),
        total: overview.total,
        by_place: by_place(&overview, &catalog, &asked),
        demandes_max: overview
            .places
            .values()
            .map(|p| p.demandes)
            .max()
            .unwrap_or(0),
        communes: communes(&overview),
        ages: ages(&overview),
        tallies: tallies(overview, &catalog),
        laptops: laptops
            .into_iter()
            .filter_map(|state| laptop(state, now))
            .collect(),
        restored,
        opens_laptops: who.role >= Role::Administrator,
        set_aside: set_aside(quarantined),
        sees_quarantine: may_see_people,
        form: asked.form,
    })
}

fn shortcuts(asked: &Asked, now: Timestamp) -> Vec<(&'static str, String)> {
    let today = now.date();
    let (this_year, _) = period::school_year(today);
    let last_year = this_year.yesterday().map_or(this_year, |day| day);
    let periods = [
        ("Ce mois", period::month(today)),
        ("Mois dernier", period::month_before(today)),
        ("Cette année scolaire", period::school_year(today)),
        ("L’année scolaire d’avant", period::school_year(last_year)),
    ];
    periods
        .map(|(label, days)| (label, asked.query(days)))
        .into()
}

/// Every place of the service, or the one asked for; then places that the catalog no longer holds.
fn by_place(overview: &Overview, catalog: &Catalog, asked: &Asked) -> Vec<(String, Activity)> {
    let mut places = overview.places.clone();
    for code in catalog.places.keys() {
        if asked.place.as_ref().is_none_or(|only| only == code) {
            places.entry(code.clone()).or_default();
        }
    }
    let mut lines: Vec<(String, Activity)> = places
        .into_iter()
        .map(|(code, activity)| (catalog.place_name(&code).to_owned(), activity))
        .collect();
    lines.sort_by_key(|(_, place)| Reverse(place.presences() + place.demandes));
    lines
}

fn tallies(overview: Overview, catalog: &Catalog) -> [Vec<Tally>; 2] {
    let operator = |code: &String| match catalog.operators.get(code) {
        Some(operator) => operator.name.clone(),
        None if code.is_empty() => "Non précisé".to_owned(),
        None => code.clone(),
    };
    let operators = Tally::new(
        "Demandes par opérateur",
        "par-operateur",
        "Opérateur",
        overview.operators,
        operator,
    );
    let themes = Tally::new(
        "Demandes par thème",
        "par-theme",
        "Thème",
        overview.themes,
        |theme| {
            theme
                .map_or("Non précisé", |theme| theme.label())
                .to_owned()
        },
    );
    let outcomes = Tally::new(
        "Suite donnée",
        "par-suite",
        "Suite",
        overview.outcomes,
        |outcome| outcome.label().to_owned(),
    );
    let channels = Tally::new(
        "Demandes par canal",
        "par-canal",
        "Canal",
        overview.channels,
        |channel| channel.label().to_owned(),
    );
    [vec![operators, outcomes, channels], vec![themes]]
}

impl Tally {
    fn new<K>(
        title: &'static str,
        id: &'static str,
        head: &'static str,
        counts: BTreeMap<K, u32>,
        label: impl Fn(&K) -> String,
    ) -> Self {
        let lines = counts.iter().map(|(key, count)| (label(key), *count));
        let mut lines: Vec<(String, u32)> = lines.collect();
        lines.sort_by_key(|(_, count)| Reverse(*count));
        Self {
            title,
            id,
            head,
            max: lines.first().map_or(0, |(_, count)| *count),
            lines,
        }
    }
}

/// Communes of the territory by visits; then outside, then not given.
fn communes(overview: &Overview) -> Vec<Visits> {
    let mut lines: Vec<(&str, Visits)> = overview
        .communes
        .iter()
        .map(|(code, residents)| {
            let visits = Visits {
                label: capitalised(commune::label(code)),
                people: residents.people,
                presences: residents.presences,
                demandes: residents.demandes,
                max: 0,
            };
            (code.as_str(), visits)
        })
        .collect();
    lines.sort_by_key(|(code, visits)| {
        let rank = match *code {
            "" => 2,
            commune::OUTSIDE => 1,
            _ => 0,
        };
        (rank, Reverse(visits.all()))
    });
    with_max(lines.into_iter().map(|(_, visits)| visits).collect())
}

fn ages(overview: &Overview) -> Vec<Visits> {
    let bands = AgeBand::ALL.iter();
    let bands = bands.filter_map(|band| Some((band, overview.age_bands.get(band)?)));
    let lines = bands.map(|(band, ages)| Visits {
        label: band.label().to_owned(),
        people: 0,
        presences: ages.presences,
        demandes: ages.demandes,
        max: 0,
    });
    with_max(lines.collect())
}

fn with_max(mut lines: Vec<Visits>) -> Vec<Visits> {
    let max = lines.iter().map(Visits::all).max().unwrap_or(0);
    for line in &mut lines {
        line.max = max;
    }
    lines
}

impl Visits {
    fn all(&self) -> u32 {
        self.presences + self.demandes
    }
}

/// A laptop that is still in use.
fn laptop(state: DeviceState, now: Timestamp) -> Option<Laptop> {
    let device = &state.device;
    let is_in_use = device.revoked.is_none() && !state.is_replaced;
    is_in_use.then(|| Laptop {
        name: device.name.clone(),
        contact: contact(device.last_contact, now),
        lacks: lacks(&state),
    })
}

/// « hier à 17 h 40 ».
pub(super) fn contact(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map_or_else(|| "jamais".to_owned(), |at| moment(at.local(), now.local()))
}

/// What a laptop has not confirmed to have: it confirms at its next exchange, so the last ones may be there already.
pub(super) fn lacks(state: &DeviceState) -> String {
    match state.lacks_changes {
        0 => "rien".to_owned(),
        changes => format!(
            "{} sur {}",
            counted(changes, "modification", "modifications"),
            counted(state.lacks_documents, "fiche", "fiches")
        ),
    }
}

/// « 2 modifications mises de côté ».
fn set_aside(count: u64) -> String {
    match count {
        0 => String::new(),
        n => counted(
            n,
            "modification mise de côté",
            "modifications mises de côté",
        ),
    }
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}
