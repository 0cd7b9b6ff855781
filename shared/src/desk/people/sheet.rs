//! One person's sheet: contact, what they attended and asked, who looks like them, and the record itself with its
//! history and its disagreements, one of which is settled here in one tap.

use std::cmp::Reverse;

use askama::Template;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Form as Body, Router};
use jiff::civil::{Date, DateTime, Time};

use super::reading::{self, Reading};
use super::{fields, sheet_path};
use crate::desk::answer::{Answer, Failure, page, see};
use crate::desk::form::Form;
use crate::desk::page::{Flash, Page};
use crate::desk::record::{Disagreement, HistoryLine, Signer};
use crate::desk::{Desk, PersonAct, SignedIn};
use crate::document::FieldChange;
use crate::domain::catalog::Catalog;
use crate::domain::codes::{Attendance, RegistrationStatus, SessionState};
use crate::domain::person::Person;
use crate::domain::resemblance::Resemblance;
use crate::exchange::durability::{self, Reached};
use crate::ids::PersonId;
use crate::ledger::erasures;
use crate::text::{counted, dialled};
use crate::time::{day_month_year, short_date};
use crate::view::demandes::{self, DemandeLine};
use crate::view::people::{self, Attended, PersonLine};

/// Visits that a sheet lists, newest first: some years of one person.
const VISITS_MAX: usize = 60;
/// From this score on a sheet asks whether two records are one person; below it are couples with one phone.
const ALIKE_SCORE_MIN: u8 = 60;
/// Records that look the same, shown on a sheet.
const ALIKE_MAX: usize = 4;

#[derive(Template)]
#[template(path = "people/sheet.html")]
struct SheetPage {
    page: Page,
    id: PersonId,
    line: PersonLine,
    reached: Option<Reached>,
    /// Label and words of the fields of « Coordonnées », phone and note apart.
    facts: Vec<(&'static str, String)>,
    notes: String,
    first_visit: String,
    visits_sentence: String,
    visits: Vec<Visit>,
    alike: Vec<(PersonLine, Resemblance)>,
    merged: Vec<Merged>,
    disagreements: Vec<Disagreement>,
    history: Vec<HistoryLine>,
    /// The record had been merged into somebody's who was erased since.
    is_left_over: bool,
    acts: Vec<&'static PersonAct>,
}

/// A registration or a demande, as the list draws it.
struct Visit {
    at: DateTime,
    /// Address of the session; empty for a demande.
    href: String,
    title: String,
    note: String,
    badge: &'static str,
    outcome: &'static str,
}

/// A record that was merged into this one.
struct Merged {
    id: PersonId,
    name: String,
    /// What it says and this one does not.
    differences: Vec<String>,
}

/// What one snapshot of the site says of a person.
struct Known {
    reading: Reading,
    line: PersonLine,
    reached: Option<Reached>,
    attended: Vec<Attended>,
    demandes: Vec<DemandeLine>,
    first_visit: Option<DateTime>,
    alike: Vec<(PersonLine, Resemblance)>,
    is_left_over: bool,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/personnes/{id}", get(show))
        .route("/personnes/{id}/trancher", post(settle))
}

async fn show(State(desk): State<Desk>, who: SignedIn, Path(id): Path<String>) -> Answer {
    let id: PersonId = id.parse().map_err(|_| Failure::NotFound)?;
    let known = known(&desk, id).await?.ok_or(Failure::NotFound)?;
    if known.line.id != id {
        return see(&sheet_path(known.line.id));
    }
    let catalog = desk.site().catalog().await?;
    page(&sheet(&desk, &who, &catalog, known))
}

async fn settle(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let id: PersonId = id.parse().map_err(|_| Failure::NotFound)?;
    let form = Form::sent(sent);
    let path = form.value("path").to_owned();
    let value = serde_json::from_str(form.value("value")).map_err(|_| Failure::BadRequest)?;
    let agent = who.agent;
    let settled = desk
        .site()
        .write(move |work| work.settle(id, agent, &path, &value));
    desk.flash(
        &who,
        if settled.await? {
            Flash::done("C’est noté. L’autre saisie reste dans l’historique.")
        } else {
            Flash::warning("Quelqu’un a déjà tranché. Voici la fiche comme elle est maintenant.")
        },
    );
    see(&sheet_path(id))
}

async fn known(desk: &Desk, id: PersonId) -> Result<Option<Known>, Failure> {
    let known = desk.site().read(move |connection| {
        let Some(reading) = reading::read(connection, id)? else {
            return Ok(None);
        };
        let id = reading.id;
        let Some(line) = people::line_of(connection, id)? else {
            return Ok(None);
        };
        let mut alike = people::alike(connection, &reading.person, Some(id))?;
        alike.retain(|(_, resemblance)| resemblance.score >= ALIKE_SCORE_MIN);
        alike.truncate(ALIKE_MAX);
        Ok(Some(Known {
            line,
            reached: durability::reached(connection, id.into())?,
            attended: people::attended(connection, id)?,
            demandes: demandes::of_person(connection, id)?,
            first_visit: people::first_attended(connection, id)?,
            alike,
            is_left_over: match reading.person.merged_into {
                Some(other) => erasures::is_erased(connection, other.into())?,
                None => false,
            },
            reading,
        }))
    });
    Ok(known.await?)
}

fn sheet(desk: &Desk, who: &SignedIn, catalog: &Catalog, known: Known) -> SheetPage {
    let signer = Signer::new(desk, catalog);
    let Reading {
        id,
        person,
        merged,
        history,
        conflicts,
    } = known.reading;
    let merged = merged
        .into_iter()
        .map(|(source, record)| Merged {
            id: source,
            name: record.display_name(),
            differences: differences(&record, &person),
        })
        .collect();
    SheetPage {
        page: desk.page(who, "Fiche d’une personne", &sheet_path(id)),
        id,
        line: known.line,
        reached: known.reached,
        facts: facts(&person),
        notes: person.notes,
        first_visit: known.first_visit.map_or_else(
            || "Pas encore".to_owned(),
            |first| day_month_year(first.date()),
        ),
        visits_sentence: visits_sentence(&known.attended, &known.demandes),
        visits: visits(
            catalog,
            known.attended,
            known.demandes,
            desk.site().clock().now().date(),
        ),
        alike: known.alike,
        merged,
        disagreements: signer.disagreements(
            conflicts,
            |path| fields::label(path).to_owned(),
            |path, value| match fields::shown_value(path, value) {
                shown if shown.is_empty() => "rien".to_owned(),
                shown => shown,
            },
        ),
        history: signer.history(&history, described),
        is_left_over: known.is_left_over,
        acts: desk.person_acts(who),
    }
}

/// One field of the history, in words.
fn described(change: &FieldChange) -> Option<String> {
    match change.path.as_str() {
        "created_at" => Some("Fiche créée".to_owned()),
        "merged_into" if change.value.is_null() => Some("Fiche séparée de nouveau".to_owned()),
        "merged_into" => Some("Fiche réunie à une autre".to_owned()),
        path => {
            let label = fields::label(path);
            let shown = fields::shown_value(path, &change.value);
            Some(if shown.is_empty() {
                format!("{label}\u{a0}: effacé")
            } else {
                format!("{label}\u{a0}: {shown}")
            })
        }
    }
}

fn facts(person: &Person) -> Vec<(&'static str, String)> {
    let beside = ["family_name", "given_name", "phone", "notes"];
    let always = ["email", "commune", "level"];
    let fields = fields::FIELDS.iter();
    let facts = fields
        .filter(|(name, _)| !beside.contains(name))
        .map(|(name, label)| {
            let shown = fields::shown(name, &fields::text(person, name));
            (name, *label, shown)
        });
    facts
        .filter(|(name, _, shown)| always.contains(name) || !shown.is_empty())
        .map(|(_, label, shown)| (label, shown))
        .collect()
}

/// « Téléphone : 04 67 38 22 22 », for each field that the merged record gives and the other one gives otherwise.
fn differences(merged: &Person, stands: &Person) -> Vec<String> {
    let fields = fields::FIELDS.iter();
    let differences = fields.filter_map(|(name, label)| {
        let text = fields::text(merged, name);
        let shown = fields::shown(name, &text);
        let differs = !shown.is_empty() && text != fields::text(stands, name);
        differs.then(|| format!("{label}\u{a0}: {shown}"))
    });
    differences.collect()
}

fn visits_sentence(attended: &[Attended], demandes: &[DemandeLine]) -> String {
    let present = attended.iter().filter(|a| {
        a.status == RegistrationStatus::Registered && a.attendance == Attendance::Present
    });
    let sessions = counted(present.count() as u64, "atelier suivi", "ateliers suivis");
    let counting = demandes.iter().filter(|demande| !demande.struck).count();
    format!(
        "{sessions}, {}",
        counted(counting as u64, "demande", "demandes")
    )
}

fn visits(
    catalog: &Catalog,
    attended: Vec<Attended>,
    demandes: Vec<DemandeLine>,
    today: Date,
) -> Vec<Visit> {
    let sessions = attended
        .into_iter()
        .map(|a| session_visit(catalog, &a, today));
    let demandes = demandes.into_iter().map(|d| demande_visit(catalog, &d));
    let mut visits: Vec<Visit> = sessions.chain(demandes).collect();
    visits.sort_by_key(|visit| Reverse(visit.at));
    visits.truncate(VISITS_MAX);
    visits
}

fn session_visit(catalog: &Catalog, attended: &Attended, today: Date) -> Visit {
    let (badge, outcome) = match (attended.state, attended.status, attended.attendance) {
        (SessionState::Cancelled, _, Attendance::Unknown) => ("cancelled", "Atelier annulé"),
        (_, RegistrationStatus::Cancelled, _) => ("", "Désinscription"),
        (_, RegistrationStatus::Revoked, _) => ("", RegistrationStatus::Revoked.label()),
        (_, _, Attendance::Unknown) if attended.date >= today => ("", "Inscription"),
        (_, _, Attendance::Unknown) => ("late", Attendance::Unknown.label()),
        (_, _, Attendance::Present) => ("done", Attendance::Present.label()),
        (_, _, Attendance::Excused) => ("", Attendance::Excused.label()),
        (_, _, Attendance::NoShow) => ("late", Attendance::NoShow.label()),
    };
    let title = if attended.title.is_empty() {
        "Atelier"
    } else {
        &attended.title
    };
    Visit {
        at: attended.date.to_datetime(attended.start),
        href: format!("/ateliers/{}", attended.session),
        title: title.to_owned(),
        note: catalog.place_name(&attended.place).to_owned(),
        badge,
        outcome,
    }
}

fn demande_visit(catalog: &Catalog, demande: &DemandeLine) -> Visit {
    let operator = catalog
        .operators
        .get(&demande.operator)
        .map(|operator| operator.name.clone());
    let title = operator
        .into_iter()
        .chain(demande.theme.map(|t| t.label().to_owned()));
    let title: Vec<String> = title.collect();
    let (badge, outcome) = if demande.struck {
        ("cancelled", "Retirée")
    } else {
        ("", demande.outcome.label())
    };
    Visit {
        at: demande.date.to_datetime(Time::midnight()),
        href: String::new(),
        title: title.join(", "),
        note: format!(
            "Demande, {}, {}\u{a0}min",
            catalog.place_name(&demande.place),
            demande.duration_min
        ),
        badge,
        outcome,
    }
}

impl Visit {
    fn date(&self) -> String {
        short_date(self.at.date())
    }
}

impl SheetPage {
    fn phone_href(&self) -> String {
        format!("tel:{}", dialled(&self.line.phone))
    }

    fn settle_path(&self) -> String {
        format!("/personnes/{}/trancher", self.id)
    }
}
