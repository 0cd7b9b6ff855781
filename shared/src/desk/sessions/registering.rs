//! Registering people on a session's sheet: found or new, ahead or walking in; withdrawing them again.

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form as Body, Router};

use super::change::seats_found;
use super::sheet::{Alike, Filled, sheet_page};
use super::{facts, parsed, sheet_path, to_sheet, write};
use crate::desk::answer::{Answer, Failure, page, refused, see};
use crate::desk::form::Form;
use crate::desk::page::Flash;
use crate::desk::{Desk, SignedIn};
use crate::domain::codes::{Attendance, RegistrationStatus, SessionState};
use crate::domain::person::Person;
use crate::domain::registering::{Entered, Entry, newly_seated};
use crate::domain::seats::{Seats, standing};
use crate::domain::session::Session;
use crate::ids::{AgentId, PersonId, RegistrationId, SessionId};
use crate::site::{SiteError, Work};
use crate::view::people;

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/ateliers/{id}/chercher", get(to_sheet).post(search))
        .route("/ateliers/{id}/inscrire", post(register))
        .route("/ateliers/{id}/nouvelle", get(to_sheet).post(register_new))
        .route(
            "/ateliers/{id}/{registration}/statut/{status}",
            post(set_status),
        )
}

/// Shows the sheet with the people found. A POST, so that no name stands in an address.
async fn search(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let filled = Filled {
        query: Form::sent(sent).value("q").to_owned(),
        ..Filled::default()
    };
    page(&sheet_page(&desk, &who, parsed(&id)?, filled).await?)
}

async fn register(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let id = parsed(&id)?;
    let form = Form::sent(sent);
    let person: PersonId = form
        .value("person")
        .parse()
        .map_err(|_| Failure::BadRequest)?;
    let entry = entry(&form);
    let outcome = write(&desk, &who, id, move |work, agent, session| {
        enter(work, agent, (id, &session), person, entry)
    });
    desk.flash(&who, told(id, entry, outcome.await?)?);
    see(back(&form).unwrap_or(&sheet_path(id)))
}

/// Where the form wants to come back to: the list it was sent from, and nowhere else.
fn back(form: &Form) -> Option<&str> {
    Some(form.value("back")).filter(|back| back.starts_with("/ateliers?"))
}

async fn register_new(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let id = parsed(&id)?;
    let mut form = Form::sent(sent);
    let new: PersonId = form.value("id").parse().map_err(|_| Failure::BadRequest)?;
    let mut person = person_of(&form);
    let now = desk.site().clock().now();
    for (field, message) in person.validate(now.date()) {
        form.refuse(field, message);
    }
    let looked_at = form.value("known") == "no";
    if !form.is_good() {
        return show_again(&desk, &who, id, form, Vec::new()).await;
    }
    let alike = if looked_at {
        Vec::new()
    } else {
        alike(&desk, &person).await?
    };
    if !alike.is_empty() {
        return show_again(&desk, &who, id, form, alike).await;
    }
    person.created_at = Some(now);
    let entry = entry(&form);
    let outcome = write(&desk, &who, id, move |work, agent, session| {
        // The id was drawn when the form was shown: sending it twice writes one person.
        if work.open(new)?.is_none() {
            work.edit(new, agent, |fresh: &mut Person| *fresh = person)?;
        }
        enter(work, agent, (id, &session), new, entry)
    });
    desk.flash(&who, told(id, entry, outcome.await?)?);
    see(&sheet_path(id))
}

fn person_of(form: &Form) -> Person {
    let text = |name: &str| form.value(name).to_owned();
    Person {
        family_name: text("family_name"),
        given_name: text("given_name"),
        phone: text("phone"),
        commune: text("commune"),
        ..Person::default()
    }
    .cleaned()
}

/// People who look like the new one.
async fn alike(desk: &Desk, person: &Person) -> Result<Alike, Failure> {
    let person = person.clone();
    let alike = desk
        .site()
        .read(move |connection| Ok(people::alike(connection, &person, None)?));
    Ok(alike.await?)
}

async fn show_again(
    desk: &Desk,
    who: &SignedIn,
    id: SessionId,
    form: Form,
    alike: Alike,
) -> Answer {
    let filled = Filled {
        person: form,
        alike,
        ..Filled::default()
    };
    refused(&sheet_page(desk, who, id, filled).await?)
}

fn entry(form: &Form) -> Entry {
    if form.has("walk_in", "1") {
        Entry::WalkIn
    } else if form.has("waiting", "1") {
        Entry::AheadOnWaitingList
    } else {
        Entry::Ahead
    }
}

/// What came of registering somebody.
enum Outcome {
    Unknown,
    SessionCancelled,
    Already(String),
    /// Was registered, and has now come.
    Came(String, RegistrationId, Attendance),
    Entered(String, RegistrationId, Entered),
}

/// Registers `person`, unless they stand on the list; whoever does and walks in is marked present.
fn enter(
    work: &mut Work<'_>,
    agent: AgentId,
    (id, session): (SessionId, &Session),
    person: PersonId,
    entry: Entry,
) -> Result<Outcome, SiteError> {
    let Some(line) = people::line_of(work.connection(), person)? else {
        return Ok(Outcome::Unknown);
    };
    let name = line.display_name();
    if session.state == SessionState::Cancelled {
        return Ok(Outcome::SessionCancelled);
    }
    let facts = facts(work.connection(), line.id)?;
    if let Some(registration) = registration_of(work, session, line.id)? {
        if entry != Entry::WalkIn {
            return Ok(Outcome::Already(name));
        }
        let before = work.edit(id, agent, |session: &mut Session| {
            session.mark(registration, Attendance::Present, facts.as_ref())
        })?;
        return Ok(Outcome::Came(
            name,
            registration,
            before.unwrap_or_default(),
        ));
    }
    let (registration, at) = (RegistrationId::fresh(), work.stamp());
    let entered = work.edit(id, agent, |session: &mut Session| {
        session.enter(registration, line.id, facts.as_ref(), at, entry)
    })?;
    Ok(Outcome::Entered(name, registration, entered))
}

/// The registration of `person`, or of a record merged into them, that stands.
fn registration_of(
    work: &Work<'_>,
    session: &Session,
    person: PersonId,
) -> Result<Option<RegistrationId>, SiteError> {
    for (id, registration) in standing(session) {
        if people::resolved(work.connection(), registration.person)? == person {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn told(id: SessionId, entry: Entry, outcome: Outcome) -> Result<Flash, Failure> {
    let undo = |registration, act: &str| format!("{}/{registration}/{act}", sheet_path(id));
    Ok(match outcome {
        Outcome::Unknown => return Err(Failure::NotFound),
        Outcome::SessionCancelled => {
            Flash::warning("L’atelier est annulé\u{a0}: rétablissez-le pour y inscrire quelqu’un.")
        }
        Outcome::Already(name) => Flash::warning(format!("{name} est déjà sur la liste.")),
        Outcome::Came(name, registration, before) => {
            let undo = undo(registration, &format!("presence/{}", before.code()));
            Flash::done(format!("{name} était sur la liste\u{a0}: présence notée.")).with_undo(undo)
        }
        Outcome::Entered(name, registration, entered) => {
            let undo = undo(registration, "statut/revoked");
            let flash = match entered {
                _ if entry == Entry::WalkIn => {
                    Flash::done(format!("{name} est sur la liste, présence notée."))
                }
                Entered::Seated => Flash::done(format!("{name} est inscrit(e).")),
                Entered::Waiting(rank) => {
                    Flash::warning(format!("{name} est en liste d’attente, à la place {rank}."))
                }
            };
            flash.with_undo(undo)
        }
    })
}

async fn set_status(
    State(desk): State<Desk>,
    who: SignedIn,
    Path((id, registration, status)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let id: SessionId = parsed(&id)?;
    let registration: RegistrationId = parsed(&registration)?;
    let status = RegistrationStatus::from_code(&status).ok_or(Failure::NotFound)?;
    let outcome = write(&desk, &who, id, move |work, agent, session| {
        let before = Seats::of(&session);
        work.edit(id, agent, |session: &mut Session| {
            let previous = session.set_status(registration, status)?;
            let person = session.registrations.get(&registration)?.person;
            let seated = newly_seated(&before, &Seats::of(session));
            Some((previous, person, seated))
        })
    });
    let (previous, person, seated) = outcome.await?.ok_or(Failure::NotFound)?;
    let name = name(&desk, person).await?;
    let text = match status {
        RegistrationStatus::Registered => format!("{name} est de nouveau sur la liste."),
        RegistrationStatus::Cancelled | RegistrationStatus::Revoked => {
            format!("{name} n’est plus sur la liste.")
        }
    };
    let flash = match seats_found(&desk, id, seated).await?.as_str() {
        "" => Flash::done(text),
        found => Flash::warning(format!(
            "{text} Une place se libère, à annoncer à\u{a0}: {found}."
        )),
    };
    let undo = format!(
        "{}/{registration}/statut/{}",
        sheet_path(id),
        previous.code()
    );
    desk.flash(&who, flash.with_undo(undo));
    see(&sheet_path(id))
}

/// A person's name for a message.
pub(super) async fn name(desk: &Desk, person: PersonId) -> Result<String, Failure> {
    let line = desk
        .site()
        .read(move |connection| Ok(people::line_of(connection, person)?));
    Ok(line
        .await?
        .map_or_else(|| "Cette personne".to_owned(), |line| line.display_name()))
}
