//! Demandes at the counter: one short form, ready again at once, and the list of the day at the same place.
//!
//! A person may be named by a small search beside the form. The search and the choice are POSTs that show the form
//! again as it was filled in, so no name stands in an address. What a form means is `writing`'s business.

#[cfg(test)]
mod tests;
mod writing;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Form as Body, Router};
use jiff::civil::Date;
use rusqlite::Connection;
use serde::Deserialize;

use super::answer::{Answer, Failure, page, refused, see};
use super::form::{Choice, Form};
use super::page::{Flash, Page};
use super::people::fields::communes;
use super::place::place_of_the_day;
use super::{Desk, SignedIn};
use crate::domain::catalog::Catalog;
use crate::domain::codes::{Autonomy, Channel, DURATIONS_MIN, Outcome, Theme};
use crate::domain::demande::register_id;
use crate::exchange::durability::{self, Reached};
use crate::ids::{DemandeId, DocumentId, PersonId};
use crate::site::SiteError;
use crate::text::counted;
use crate::time::clock_time;
use crate::view::demandes::{DemandeLine, of_day};
use crate::view::people::{self, PersonLine};

/// People that the search beside the form shows.
const FOUND_MAX: usize = 6;

/// The themes in sight: what people come for most, few enough for the whole form to stand on one screen.
const USUAL_THEMES: &[Theme] = &[
    Theme::Papers,
    Theme::Family,
    Theme::SocialHealth,
    Theme::Work,
    Theme::Housing,
    Theme::Transport,
    Theme::Money,
];

#[derive(Template)]
#[template(path = "demandes/page.html")]
struct DemandesPage {
    page: Page,
    form: Form,
    /// The id of the demande if it is written: sending the form twice writes one.
    fresh: DemandeId,
    place: String,
    place_name: String,
    operators: Vec<Choice>,
    more_themes: Vec<Theme>,
    durations: Vec<Choice>,
    communes: Vec<Choice>,
    chosen: Option<PersonLine>,
    query: String,
    found: Vec<PersonLine>,
    found_sentence: String,
    day: Vec<Line>,
    day_sentence: String,
    /// The hub has not confirmed everything of the day's register.
    reached: Option<Reached>,
}

/// A demande of the day.
struct Line {
    /// Where its acts are sent to.
    path: String,
    operator: String,
    note: String,
    struck: bool,
}

/// What the form starts with.
#[derive(Deserialize)]
struct Asked {
    /// Code of the channel of the last demande.
    #[serde(default)]
    canal: String,
    /// The person that the demande is for.
    #[serde(default)]
    pour: String,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/demandes", get(show).post(save))
        .route("/demandes/chercher", get(restart).post(search))
        .route("/demandes/pour", get(restart).post(choose))
        .route("/demandes/{register}/{demande}/rayer", post(strike))
        .route("/demandes/{register}/{demande}/remettre", post(unstrike))
}

async fn show(State(desk): State<Desk>, who: SignedIn, Query(asked): Query<Asked>) -> Answer {
    let form = Form::default()
        .with(
            "channel",
            Channel::from_code(&asked.canal).unwrap_or_default().code(),
        )
        .with("person", asked.pour);
    page(&demandes_page(&desk, &who, with_usual_answers(form), String::new()).await?)
}

/// An address that only forms are sent to, opened again.
async fn restart() -> Answer {
    see("/demandes")
}

async fn search(
    State(desk): State<Desk>,
    who: SignedIn,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let sent = Form::sent(sent);
    let form = with_usual_answers(Form::default().with("channel", Channel::default().code()));
    page(&demandes_page(&desk, &who, form, sent.value("q").to_owned()).await?)
}

/// The form as it was filled in, for another person, or for nobody in particular.
async fn choose(
    State(desk): State<Desk>,
    who: SignedIn,
    Body(mut sent): Body<Vec<(String, String)>>,
) -> Answer {
    let chosen = Form::sent(sent.clone()).value("chosen").to_owned();
    sent.retain(|(name, _)| name != "person");
    let form = Form::sent(sent).with("person", chosen);
    page(&demandes_page(&desk, &who, form, String::new()).await?)
}

async fn save(
    State(desk): State<Desk>,
    who: SignedIn,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let mut form = Form::sent(sent);
    let catalog = desk.site().catalog().await?;
    let today = desk.site().clock().now().date();
    let demande = writing::read(&mut form, &catalog, today);
    let place = form.value("place").to_owned();
    if !catalog.places.contains_key(&place) {
        return Err(Failure::BadRequest);
    }
    if !form.is_good() {
        return refused(&demandes_page(&desk, &who, form, String::new()).await?);
    }
    let id: DemandeId = form.value("id").parse().map_err(|_| Failure::BadRequest)?;
    let channel = demande.channel.code();
    writing::write(&desk, &who, (place.clone(), today), id, demande).await?;
    let undo = format!("/demandes/{}/{id}/rayer", register_id(&place, today));
    desk.flash(&who, Flash::done("Demande notée.").with_undo(undo));
    see(&format!("/demandes?canal={channel}"))
}

async fn strike(
    State(desk): State<Desk>,
    who: SignedIn,
    Path((register, demande)): Path<(String, String)>,
) -> Answer {
    let (register, demande) = ids(&register, &demande)?;
    writing::set_struck(&desk, &who, register, demande, true).await?;
    let undo = format!("/demandes/{register}/{demande}/remettre");
    desk.flash(&who, Flash::done("Demande rayée.").with_undo(undo));
    see("/demandes")
}

async fn unstrike(
    State(desk): State<Desk>,
    who: SignedIn,
    Path((register, demande)): Path<(String, String)>,
) -> Answer {
    let (register, demande) = ids(&register, &demande)?;
    writing::set_struck(&desk, &who, register, demande, false).await?;
    desk.flash(&who, Flash::done("Demande remise."));
    see("/demandes")
}

fn ids(register: &str, demande: &str) -> Result<(DocumentId, DemandeId), Failure> {
    let register = register.parse().map_err(|_| Failure::NotFound)?;
    let demande = demande.parse().map_err(|_| Failure::NotFound)?;
    Ok((register, demande))
}

/// The commonest answers, so that one tap on the operator is enough.
fn with_usual_answers(form: Form) -> Form {
    form.with("outcome", Outcome::default().code())
        .with("duration", DURATIONS_MIN[0].to_string())
}

async fn demandes_page(
    desk: &Desk,
    who: &SignedIn,
    form: Form,
    query: String,
) -> Result<DemandesPage, Failure> {
    let (frame, who) = (desk.page(who, "Demandes", "/demandes"), who.clone());
    let today = desk.site().clock().now().date();
    let read = desk.site().read(move |connection| {
        let catalog = crate::view::catalog::catalog(connection)?;
        // A form that comes back stays at the place that it was shown for.
        let sent = Some(form.value("place")).filter(|place| catalog.places.contains_key(*place));
        let place = sent.or_else(|| place_of_the_day(&catalog, &who, today));
        let place = place.unwrap_or_default().to_owned();
        drawn(connection, frame, form, query, &catalog, (place, today))
    });
    Ok(read.await?)
}

fn drawn(
    connection: &Connection,
    page: Page,
    form: Form,
    query: String,
    catalog: &Catalog,
    (place, today): (String, Date),
) -> Result<DemandesPage, SiteError> {
    let chosen = match form.value("person").parse::<PersonId>() {
        Ok(id) => people::line_of(connection, id)?,
        Err(_) => None,
    };
    let (found, found_sentence) = found(connection, &query)?;
    let register = register_id(&place, today);
    let day = of_day(connection, &place, today)?;
    let counted_ones = day.iter().filter(|line| !line.struck).count() as u64;
    let sent: Option<DemandeId> = form.value("id").parse().ok();
    Ok(DemandesPage {
        page,
        fresh: sent.unwrap_or_else(DemandeId::fresh),
        place_name: catalog.place_name(&place).to_owned(),
        operators: operators(catalog, today),
        more_themes: more_themes(),
        durations: durations(),
        communes: communes(form.value("commune")),
        chosen,
        query,
        found,
        found_sentence,
        day_sentence: counted(counted_ones, "demande", "demandes"),
        reached: durability::reached(connection, register)?,
        day: day
            .into_iter()
            .map(|line| self::line(line, register, catalog))
            .collect(),
        place,
        form,
    })
}

fn found(connection: &Connection, query: &str) -> Result<(Vec<PersonLine>, String), SiteError> {
    if query.is_empty() {
        return Ok((Vec::new(), String::new()));
    }
    let mut found = people::search(connection, query, FOUND_MAX + 1)?;
    let sentence = match found.len() {
        0 => "Personne de ce nom.".to_owned(),
        n if n > FOUND_MAX => format!("Plus de {FOUND_MAX} personnes\u{a0}: précisez."),
        n => format!("{}.", counted(n as u64, "personne", "personnes")),
    };
    found.truncate(FOUND_MAX);
    Ok((found, sentence))
}

fn operators(catalog: &Catalog, today: Date) -> Vec<Choice> {
    let operators = catalog.operators_on(today).into_iter();
    operators
        .map(|(code, operator)| Choice::new(code, &operator.name))
        .collect()
}

/// The themes beside the usual ones: démarches first.
fn more_themes() -> Vec<Theme> {
    let themes = Theme::ALL
        .iter()
        .copied()
        .filter(|theme| !USUAL_THEMES.contains(theme));
    let (digital, procedures): (Vec<_>, Vec<_>) = themes.partition(|theme| theme.is_digital());
    [procedures, digital].concat()
}

fn durations() -> Vec<Choice> {
    let minutes = DURATIONS_MIN.iter();
    minutes
        .map(|minutes| Choice::new(minutes.to_string(), format!("{minutes}\u{a0}min")))
        .collect()
}

fn line(line: DemandeLine, register: DocumentId, catalog: &Catalog) -> Line {
    let operator = catalog.operators.get(&line.operator);
    let mut note = vec![clock_time(line.at.local().time())];
    note.extend(line.theme.map(|theme| theme.label().to_lowercase()));
    note.push(line.outcome.label().to_lowercase());
    if line.channel != Channel::default() {
        note.push(line.channel.label().to_lowercase());
    }
    note.push(format!("{}\u{a0}min", line.duration_min));
    Line {
        path: format!("/demandes/{register}/{}", line.id),
        operator: operator.map_or(line.operator, |operator| operator.name.clone()),
        note: note.join(", "),
        struck: line.struck,
    }
}

impl DemandesPage {
    /// The folded part holds something.
    fn more_is_open(&self) -> bool {
        let folded = ["autonomy", "commune", "notes"];
        folded
            .into_iter()
            .any(|name| !self.form.value(name).is_empty() || !self.form.error(name).is_empty())
    }
}
