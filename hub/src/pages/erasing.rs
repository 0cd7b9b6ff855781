//! « Effacer cette personne »: what will disappear, from where, and what stays; asked once more, because it cannot be
//! undone. For the staff.
//!
//! What a machine cannot find is said: a free text that names the person. The texts that may are shown, to be read.

use askama::Template;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Extension, Form as Body, Router};
use jiff::civil::Date;
use rusqlite::Connection;
use shared::desk::answer::{Answer, Failure, page, refused, see};
use shared::desk::form::Form;
use shared::desk::page::{Flash, Page};
use shared::desk::{Desk, SignedIn};
use shared::domain::codes::{ErasureReason, RegistrationStatus};
use shared::ids::{PersonId, SessionId};
use shared::ledger::LedgerError;
use shared::text::counted;
use shared::time::short_date;
use shared::view::erasing::{noted, seats_ahead};
use shared::view::people::{self, PersonLine};
use shared::view::{catalog, demandes};

use super::erasures::PATH as ERASURES;
use super::role::Staff;
use crate::devices;
use crate::opened::Hub;

#[derive(Template)]
#[template(path = "pages/erasing.html")]
struct ErasingPage {
    page: Page,
    form: Form,
    id: PersonId,
    name: String,
    /// Names of the records that are read as this person's, which go with it.
    merged: Vec<String>,
    /// The records that the page speaks of: others may have been merged when the form comes back.
    records: String,
    /// « 3 inscriptions, 2 demandes »
    stays: String,
    /// « 1 place retenue »; empty when none is held.
    seats: String,
    texts: Vec<Text>,
    laptops: Vec<String>,
    revoked: Vec<String>,
}

/// A free text that may name the person.
struct Text {
    date: String,
    place: String,
    /// Address of the session; empty for a demande.
    href: String,
    text: String,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/personnes/{id}/effacer", get(confirm).post(erase))
}

async fn confirm(State(desk): State<Desk>, Staff(who): Staff, Path(id): Path<String>) -> Answer {
    let known = known(&desk, &id).await?;
    page(&known.page(&desk, &who, Form::default()))
}

async fn erase(
    State(desk): State<Desk>,
    Staff(who): Staff,
    Extension(hub): Extension<Hub>,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let known = known(&desk, &id).await?;
    let mut form = Form::sent(sent);
    let reason = ErasureReason::from_code(form.value("reason"));
    if reason.is_none() {
        form.refuse("reason", "Dites pourquoi cette personne est effacée.");
    }
    if form.value("records") != known.records {
        form.refuse(
            "records",
            "Des fiches ont été réunies ou séparées entre-temps. Relisez, puis recommencez.",
        );
    }
    let (true, Some(reason)) = (form.is_good(), reason) else {
        return refused(&known.page(&desk, &who, form));
    };
    let erased = hub.erase(known.line.id, who.agent, reason).await?;
    if erased == 0 {
        return Err(Failure::NotFound);
    }
    tracing::info!(document = %known.line.id, by = %who.agent, reason = reason.code(), "erased");
    desk.flash(
        &who,
        Flash::done(
            "La personne est effacée du hub. Chaque portable l’efface à son prochain échange.",
        ),
    );
    see(ERASURES)
}

/// What one snapshot of the hub says of a person who may be erased.
struct Known {
    line: PersonLine,
    merged: Vec<String>,
    records: String,
    registrations: usize,
    demandes: usize,
    seats: usize,
    texts: Vec<Text>,
    laptops: Vec<String>,
    revoked: Vec<String>,
}

async fn known(desk: &Desk, id: &str) -> Result<Known, Failure> {
    let id: PersonId = id.parse().map_err(|_| Failure::NotFound)?;
    let today = desk.site().clock().now().date();
    let read = desk.site().read(move |c| Ok(read(c, id, today)?));
    read.await?.ok_or(Failure::NotFound)
}

fn read(connection: &Connection, id: PersonId, today: Date) -> Result<Option<Known>, LedgerError> {
    let Some(line) = people::line_of(connection, id)? else {
        return Ok(None);
    };
    let members = people::members(connection, line.id)?;
    let mut seats = 0;
    for member in &members {
        seats += seats_ahead(connection, *member, today)?.len();
    }
    let attended = people::attended(connection, line.id)?;
    let catalog = catalog::catalog(connection)?;
    let texts = noted(connection, line.id)?.into_iter().map(|noted| Text {
        date: short_date(noted.date),
        place: catalog.place_name(&noted.place).to_owned(),
        href: noted.session.map(session_path).unwrap_or_default(),
        text: noted.text,
    });
    let (revoked, laptops): (Vec<_>, Vec<_>) = devices::list(connection)?
        .into_iter()
        .filter(|state| !state.is_replaced)
        .partition(|state| state.device.revoked.is_some());
    let names = |states: Vec<devices::DeviceState>| {
        let names = states.into_iter().map(|state| state.device.name);
        names.collect()
    };
    Ok(Some(Known {
        merged: people::names_of(connection, &members[1..])?,
        records: records(&members),
        registrations: attended
            .iter()
            .filter(|a| a.status == RegistrationStatus::Registered)
            .count(),
        demandes: demandes::of_person(connection, line.id)?.len(),
        seats,
        texts: texts.collect(),
        laptops: names(laptops),
        revoked: names(revoked),
        line,
    }))
}

fn session_path(session: SessionId) -> String {
    format!("/ateliers/{session}")
}

fn records(members: &[PersonId]) -> String {
    let ids: Vec<String> = members.iter().map(PersonId::to_string).collect();
    ids.join(" ")
}

impl Known {
    fn page(self, desk: &Desk, who: &SignedIn, form: Form) -> ErasingPage {
        ErasingPage {
            page: desk.page(who, "Effacer une personne", "/personnes/effacer"),
            form,
            id: self.line.id,
            name: self.line.display_name(),
            merged: self.merged,
            records: self.records,
            stays: format!(
                "{}, {}",
                counted(self.registrations as u64, "inscription", "inscriptions"),
                counted(self.demandes as u64, "demande", "demandes")
            ),
            seats: match self.seats as u64 {
                0 => String::new(),
                seats => counted(seats, "place retenue", "places retenues"),
            },
            texts: self.texts,
            laptops: self.laptops,
            revoked: self.revoked,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use jiff::civil::date;
    use shared::domain::codes::{Attendance, Role};
    use shared::domain::demande::{Demande, Register, register_id};
    use shared::domain::person::Person;
    use shared::domain::session::{Note, Registration, Session};
    use shared::ids::{AgentId, DemandeId, NoteId, RegistrationId};

    use super::super::testing::AtHub;
    use super::*;

    const BY: AgentId = AgentId(uuid::Uuid::from_u128(5));

    async fn add(at: &AtHub, given: &str, merged_into: Option<PersonId>) -> PersonId {
        let (id, given) = (PersonId::fresh(), given.to_owned());
        let edit = at.hub.site().edit(id, BY, move |person: &mut Person| {
            person.given_name = given;
            person.family_name = "Canari".into();
            person.merged_into = merged_into;
        });
        edit.await.unwrap();
        id
    }

    /// A session with a note where `person` came, and a demande with a note.
    async fn visit(at: &AtHub, person: PersonId) -> SessionId {
        let (id, day) = (SessionId::fresh(), date(2026, 11, 19));
        let site = at.hub.site();
        site.edit(id, BY, move |session: &mut Session| {
            session.date = day;
            session.place = "saint-chinian".into();
            let came = Registration {
                person,
                attendance: Attendance::Present,
                ..Registration::default()
            };
            session.registrations.insert(RegistrationId::fresh(), came);
            let note = Note {
                text: "Zoé est venue avec sa sœur".into(),
                ..Note::default()
            };
            session.notes.insert(NoteId::fresh(), note);
        })
        .await
        .unwrap();
        site.edit(
            register_id("quarante", day),
            BY,
            move |register: &mut Register| {
                register.place = "quarante".into();
                register.date = Some(day);
                let demande = Demande {
                    person: Some(person),
                    notes: "rappeler Zoé".into(),
                    ..Demande::default()
                };
                register.demandes.insert(DemandeId::fresh(), demande);
            },
        )
        .await
        .unwrap();
        id
    }

    fn path(id: PersonId) -> String {
        format!("/personnes/{id}/effacer")
    }

    #[tokio::test]
    async fn the_page_says_what_disappears_from_where_and_what_stays() {
        let at = AtHub::with(Role::Staff).await;
        let id = add(&at, "Zoé", None).await;
        add(&at, "Zoë", Some(id)).await;
        let session = visit(&at, id).await;
        let sheet = at.visitor.get(&format!("/personnes/{id}")).await;
        assert!(sheet.text.contains(&path(id)));
        let seen = at.visitor.get(&path(id)).await;
        for text in [
            "Effacer Zoé CANARI",
            "Zoë CANARI",
            "1 inscription, 1 demande",
            "Zoé est venue avec sa sœur",
            "rappeler Zoé",
            &format!("/ateliers/{session}"),
        ] {
            assert!(seen.text.contains(text), "{text}");
        }
        assert!(!seen.text.contains("<title>Effacer Zoé"));
    }

    #[tokio::test]
    async fn once_confirmed_the_person_is_gone_and_reads_as_erased_everywhere() {
        let at = AtHub::with(Role::Staff).await;
        let id = add(&at, "Zoé", None).await;
        let session = visit(&at, id).await;
        let records = id.to_string();
        let unsaid = at.visitor.post(&path(id), &[("records", &records)]).await;
        assert_eq!(unsaid.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(unsaid.text.contains("Dites pourquoi"));
        let fields = [("records", &*records), ("reason", "demande")];
        let seen = at.visitor.act(&path(id), &fields).await;
        assert!(seen.text.contains("La personne est effacée du hub."));
        assert!(seen.text.contains("La personne l’a demandé"));
        assert!(!seen.text.contains("Zoé"));
        for gone in [path(id), format!("/personnes/{id}")] {
            let gone = at.visitor.get(&gone).await;
            assert_eq!(gone.status, StatusCode::NOT_FOUND);
        }
        for shown in [
            format!("/ateliers/{session}"),
            format!("/ateliers/{session}/emargement"),
            "/export/activites.csv?from=2026-11-01&to=2026-11-30".to_owned(),
        ] {
            let seen = at.visitor.get(&shown).await;
            assert_eq!(seen.status, StatusCode::OK, "{shown}");
            assert!(seen.text.contains("Personne effacée"), "{shown}");
            assert!(!seen.text.contains("CANARI"), "{shown}");
            assert!(!seen.text.contains(&format!("/personnes/{id}")), "{shown}");
        }
        let sheet = at.visitor.get(&format!("/ateliers/{session}")).await;
        assert!(sheet.text.contains("Inscription de Personne effacée"));
    }

    #[tokio::test]
    async fn records_merged_meanwhile_are_read_again_before_anything_goes() {
        let at = AtHub::with(Role::Administrator).await;
        let id = add(&at, "Zoé", None).await;
        let shown = id.to_string();
        add(&at, "Zoë", Some(id)).await;
        let fields = [("records", &*shown), ("reason", "demande")];
        let seen = at.visitor.post(&path(id), &fields).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(seen.text.contains("entre-temps"));
        assert_eq!(
            at.visitor.get(&format!("/personnes/{id}")).await.status,
            StatusCode::OK
        );
    }

    #[tokio::test]
    async fn an_agent_of_the_mobile_maison_does_not_erase() {
        let at = AtHub::with(Role::Agent).await;
        let id = add(&at, "Zoé", None).await;
        let sheet = at.visitor.get(&format!("/personnes/{id}")).await;
        assert!(!sheet.text.contains("Effacer cette personne"));
        let fields = [("records", &*id.to_string()), ("reason", "demande")];
        for seen in [
            at.visitor.get(&path(id)).await,
            at.visitor.post(&path(id), &fields).await,
        ] {
            assert_eq!(seen.status, StatusCode::FORBIDDEN);
        }
    }

    #[tokio::test]
    async fn a_record_that_was_merged_elsewhere_into_somebody_erased_says_so() {
        let at = AtHub::with(Role::Staff).await;
        let id = add(&at, "Zoé", None).await;
        let records = id.to_string();
        let fields = [("records", &*records), ("reason", "erreur")];
        at.visitor.post(&path(id), &fields).await;
        let late = add(&at, "Zoë", Some(id)).await;
        let sheet = at.visitor.get(&format!("/personnes/{late}")).await;
        assert!(sheet.text.contains("réunie à une autre, effacée depuis"));
    }
}
