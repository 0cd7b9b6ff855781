//! Who was there: one tap for each participant, with undo, and counters for those who gave no name.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Form as Body, Router};

use super::counters::is_counter;
use super::registering::name;
use super::sheet::{Filled, sheet_page};
use super::{edit, facts, parsed, sheet_path, to_sheet, write};
use crate::desk::answer::{Answer, Failure, refused, see};
use crate::desk::form::Form;
use crate::desk::page::Flash;
use crate::desk::{Desk, SignedIn};
use crate::domain::attendance::{anonymous_problem, count_one};
use crate::domain::codes::Attendance;
use crate::domain::session::Session;
use crate::ids::{RegistrationId, SessionId};

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/ateliers/{id}/{registration}/presence", post(mark))
        .route(
            "/ateliers/{id}/{registration}/presence/{attendance}",
            post(mark_back),
        )
        .route("/ateliers/{id}/anonymes", post(count))
        .route(
            "/ateliers/{id}/anonymes/detail",
            get(to_sheet).post(count_families),
        )
}

async fn mark(
    State(desk): State<Desk>,
    who: SignedIn,
    Path((id, registration)): Path<(String, String)>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let form = Form::sent(sent);
    let attendance = Attendance::from_code(form.value("attendance")).ok_or(Failure::BadRequest)?;
    write_mark(
        &desk,
        &who,
        parsed(&id)?,
        parsed(&registration)?,
        attendance,
    )
    .await
}

/// The same with what is to stand in the path: what « Annuler » beside the message sends.
async fn mark_back(
    State(desk): State<Desk>,
    who: SignedIn,
    Path((id, registration, attendance)): Path<(String, String, String)>,
) -> Answer {
    let attendance = Attendance::from_code(&attendance).ok_or(Failure::NotFound)?;
    write_mark(
        &desk,
        &who,
        parsed(&id)?,
        parsed(&registration)?,
        attendance,
    )
    .await
}

async fn write_mark(
    desk: &Desk,
    who: &SignedIn,
    id: SessionId,
    registration: RegistrationId,
    attendance: Attendance,
) -> Answer {
    let outcome = write(desk, who, id, move |work, agent, session| {
        let Some(person) = session.registrations.get(&registration).map(|r| r.person) else {
            return Ok(None);
        };
        let facts = facts(work.connection(), person)?;
        let before = work.edit(id, agent, |session: &mut Session| {
            session.mark(registration, attendance, facts.as_ref())
        })?;
        Ok(before.map(|before| (before, person)))
    });
    let (before, person) = outcome.await?.ok_or(Failure::NotFound)?;
    let said = format!(
        "{}\u{a0}: {}.",
        name(desk, person).await?,
        attendance.label()
    );
    let undo = format!(
        "{}/{registration}/presence/{}",
        sheet_path(id),
        before.code()
    );
    desk.flash(who, Flash::done(said).with_undo(undo));
    see(&sheet_path(id))
}

async fn count(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let id = parsed(&id)?;
    let form = Form::sent(sent);
    let counter = form.value("counter").to_owned();
    let step = match form.value("step") {
        "1" => 1,
        "-1" => -1,
        _ => return Err(Failure::BadRequest),
    };
    if !is_counter(&counter) {
        return Err(Failure::BadRequest);
    }
    let counted = edit(&desk, &who, id, move |session| {
        count_one(&mut session.anonymous, &counter, step)
    });
    if let Err(problem) = counted.await? {
        desk.flash(&who, Flash::warning(problem));
    }
    see(&sheet_path(id))
}

async fn count_families(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let id = parsed(&id)?;
    let mut form = Form::sent(sent);
    let counts = changed_counts(&mut form);
    if form.is_good() {
        let written = edit(&desk, &who, id, move |session| {
            let mut counters = session.anonymous.clone();
            counters.extend(counts);
            match anonymous_problem(&counters) {
                Some(problem) => Err(problem),
                None => {
                    session.anonymous = counters;
                    Ok(())
                }
            }
        });
        match written.await? {
            Ok(()) => {
                desk.flash(&who, Flash::done("Comptes notés."));
                return see(&sheet_path(id));
            }
            Err(problem) => form.refuse("gender.feminin", problem),
        }
    }
    let filled = Filled {
        counters: Some(form),
        ..Filled::default()
    };
    refused(&sheet_page(&desk, &who, id, filled).await?)
}

/// The counters that the person changed; an emptied one counts nobody.
fn changed_counts(form: &mut Form) -> Vec<(String, u32)> {
    let names: Vec<String> = form
        .names()
        .filter(|name| is_counter(name) && form.changed(name))
        .map(str::to_owned)
        .collect();
    let mut counts = Vec::new();
    for name in names {
        match form.value(&name) {
            "" => counts.push((name, 0)),
            count => match count.parse() {
                Ok(count) => counts.push((name, count)),
                Err(_) => form.refuse(&name, "Indiquez un nombre de personnes."),
            },
        }
    }
    counts
}
