//! Notes and preparation of a session, who has been told, and settling what sites disagree on.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Form as Body, Router};

use super::registering::name;
use super::sheet::{Filled, sheet_page};
use super::{edit, parsed, sheet_path, to_sheet, write};
use crate::desk::answer::{Answer, Failure, refused, see};
use crate::desk::form::Form;
use crate::desk::page::Flash;
use crate::desk::{Desk, SignedIn};
use crate::domain::session::{Note, PREPARATION_MIN_MAX, Session, note_problem};
use crate::ids::{NoteId, RegistrationId, SessionId};

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/ateliers/{id}/notes", get(to_sheet).post(add_note))
        .route("/ateliers/{id}/preparation", post(set_preparation))
        .route("/ateliers/{id}/{registration}/prevenu", post(tell))
        .route("/ateliers/{id}/{registration}/a-prevenir", post(untell))
        .route("/ateliers/{id}/trancher", post(settle))
}

async fn add_note(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let id = parsed(&id)?;
    let mut form = Form::sent(sent);
    // Browsers send the ends of lines as in an e-mail.
    let text = form.value("text").replace("\r\n", "\n");
    if let Some(problem) = note_problem(&text) {
        form.refuse("text", problem);
        let filled = Filled {
            note: form,
            ..Filled::default()
        };
        return refused(&sheet_page(&desk, &who, id, filled).await?);
    }
    let written = write(&desk, &who, id, move |work, agent, _| {
        let note = Note {
            at: work.stamp(),
            by: Some(agent),
            text,
        };
        work.edit(id, agent, |session: &mut Session| {
            session.notes.insert(NoteId::fresh(), note);
        })
    });
    written.await?;
    desk.flash(&who, Flash::done("Note ajoutée."));
    see(&sheet_path(id))
}

async fn set_preparation(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let id: SessionId = parsed(&id)?;
    let minutes = Form::sent(sent).value("preparation_min").parse();
    let flash = match minutes {
        Ok(minutes) if minutes <= PREPARATION_MIN_MAX => {
            let written = edit(&desk, &who, id, move |session| {
                session.preparation_min = minutes;
            });
            written.await?;
            Flash::done(format!("Préparation\u{a0}: {minutes} minutes."))
        }
        _ => Flash::warning(format!(
            "Indiquez la préparation en minutes, de 0 à {PREPARATION_MIN_MAX}."
        )),
    };
    desk.flash(&who, flash);
    see(&sheet_path(id))
}

async fn tell(
    State(desk): State<Desk>,
    who: SignedIn,
    Path((id, registration)): Path<(String, String)>,
) -> Answer {
    set_told(&desk, &who, parsed(&id)?, parsed(&registration)?, true).await
}

async fn untell(
    State(desk): State<Desk>,
    who: SignedIn,
    Path((id, registration)): Path<(String, String)>,
) -> Answer {
    set_told(&desk, &who, parsed(&id)?, parsed(&registration)?, false).await
}

async fn set_told(
    desk: &Desk,
    who: &SignedIn,
    id: SessionId,
    registration: RegistrationId,
    told: bool,
) -> Answer {
    let person = edit(desk, who, id, move |session| {
        let registration = session.registrations.get_mut(&registration)?;
        registration.told = told;
        Some(registration.person)
    });
    let person = person.await?.ok_or(Failure::NotFound)?;
    let name = name(desk, person).await?;
    let flash = if told {
        let undo = format!("{}/{registration}/a-prevenir", sheet_path(id));
        Flash::done(format!("{name} est prévenu(e).")).with_undo(undo)
    } else {
        Flash::done(format!("{name} reste à prévenir."))
    };
    desk.flash(who, flash);
    see(&sheet_path(id))
}

/// Keeps one of the values of a field on which sites disagree.
async fn settle(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let id: SessionId = parsed(&id)?;
    let form = Form::sent(sent);
    let path = form.value("path").to_owned();
    let value = serde_json::from_str(form.value("value")).map_err(|_| Failure::BadRequest)?;
    let settled = write(&desk, &who, id, move |work, agent, _| {
        work.settle(id, agent, &path, &value)
    });
    let flash = if settled.await? {
        Flash::done("C’est retenu.")
    } else {
        Flash::warning("Quelqu’un a déjà tranché.")
    };
    desk.flash(&who, flash);
    see(&sheet_path(id))
}
