//! Changing a session: its description, its date, time and place, and whether it takes place at all.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form as Body, Router};

use super::fields::{self, Clashes};
use super::{edit, find, parsed, place_words, sheet_path};
use crate::desk::answer::{Answer, Failure, page, refused, see};
use crate::desk::form::{Choice, Form};
use crate::desk::page::{Flash, Page};
use crate::desk::{Desk, SignedIn};
use crate::domain::catalog::Catalog;
use crate::domain::codes::{Level, SessionState, Theme};
use crate::domain::registering::newly_seated;
use crate::domain::seats::{Seats, standing, to_tell};
use crate::domain::session::Session;
use crate::ids::{RegistrationId, SessionId};
use crate::text::counted;
use crate::time::{hours, long_date};
use crate::view::people;

#[derive(Template)]
#[template(path = "sessions/edit.html")]
struct EditPage {
    page: Page,
    sheet: String,
    form: Form,
    animateurs: Vec<Choice>,
    themes: Vec<Theme>,
    clashes: Clashes,
}

#[derive(Template)]
#[template(path = "sessions/move.html")]
struct MovePage {
    page: Page,
    sheet: String,
    now: String,
    concerned: String,
    form: Form,
    places: Vec<Choice>,
    clashes: Clashes,
}

#[derive(Template)]
#[template(path = "sessions/cancel.html")]
struct CancelPage {
    page: Page,
    sheet: String,
    now: String,
    concerned: String,
    form: Form,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/ateliers/{id}/modifier", get(show_edit).post(save))
        .route("/ateliers/{id}/deplacer", get(show_move).post(move_it))
        .route("/ateliers/{id}/annuler", get(show_cancel).post(cancel))
        .route("/ateliers/{id}/retablir", post(reinstate))
}

/// A session about to be changed.
struct Open {
    id: SessionId,
    session: Session,
    catalog: Catalog,
}

impl Open {
    async fn at(desk: &Desk, id: &str) -> Result<Self, Failure> {
        let id = parsed(id)?;
        let read = desk.site().read(move |connection| {
            let found = find(connection, id)?;
            Ok((found, crate::view::catalog::catalog(connection)?))
        });
        let (found, catalog) = read.await?;
        let (_, session) = found.ok_or(Failure::NotFound)?;
        Ok(Self {
            id,
            session,
            catalog,
        })
    }

    /// Reads the form onto the session; gives the animateur's clashes that the person has not seen, if any.
    async fn read(&self, desk: &Desk, form: &mut Form) -> Result<Clashes, Failure> {
        let mut session = self.session.clone();
        fields::apply(form, &mut session);
        fields::refuse_problems(form, &session, &self.catalog);
        let (id, catalog) = (self.id, self.catalog.clone());
        let clashes = desk.site().read(move |connection| {
            Clashes::of(connection, &session, &[session.date], Some(id), &catalog)
        });
        Ok(clashes.await?)
    }

    /// « Jeudi 26 novembre 2026, 9 h 30 – 11 h 30, Saint-Chinian, médiathèque »
    fn now(&self) -> String {
        format!(
            "{}, {}, {}",
            super::capitalised(&long_date(self.session.date)),
            hours(self.session.start, self.session.end),
            place_words(&self.catalog, &self.session.place)
        )
    }

    /// Who will have to be called; empty for nobody.
    fn concerned(&self) -> String {
        match standing(&self.session).count() as u64 {
            0 => String::new(),
            n => counted(n, "personne inscrite sera", "personnes inscrites seront"),
        }
    }
}

async fn show_edit(State(desk): State<Desk>, who: SignedIn, Path(id): Path<String>) -> Answer {
    let open = Open::at(&desk, &id).await?;
    let form = fields::about(&open.session);
    page(&edit_page(&desk, &who, &open, form, Clashes::default()))
}

async fn save(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let open = Open::at(&desk, &id).await?;
    let mut form = Form::sent(sent);
    let clashes = open.read(&desk, &mut form).await?;
    if !form.is_good() || (form.changed("animateur") && clashes.are_new(&form)) {
        return refused(&edit_page(&desk, &who, &open, form, clashes));
    }
    let id = open.id;
    let seated = edit(&desk, &who, id, move |session| {
        let before = Seats::of(session);
        fields::apply(&mut form, session);
        newly_seated(&before, &Seats::of(session))
    });
    let flash = match seats_found(&desk, id, seated.await?).await?.as_str() {
        "" => Flash::done("Atelier modifié."),
        names => Flash::warning(format!(
            "Atelier modifié. Une place se libère, à annoncer à\u{a0}: {names}."
        )),
    };
    desk.flash(&who, flash);
    see(&sheet_path(id))
}

async fn show_move(State(desk): State<Desk>, who: SignedIn, Path(id): Path<String>) -> Answer {
    let open = Open::at(&desk, &id).await?;
    let form = fields::when_and_where(&open.session);
    page(&move_page(&desk, &who, &open, form, Clashes::default()))
}

async fn move_it(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let open = Open::at(&desk, &id).await?;
    let mut form = Form::sent(sent);
    let clashes = open.read(&desk, &mut form).await?;
    refuse_reason(&mut form, &open);
    let moves = ["place", "date", "start", "end"];
    if form.is_good() && !moves.into_iter().any(|field| form.changed(field)) {
        form.refuse("date", "Changez la date, l’heure ou le lieu.");
    }
    if !form.is_good() || clashes.are_new(&form) {
        return refused(&move_page(&desk, &who, &open, form, clashes));
    }
    let today = desk.site().clock().now().date();
    let told = edit(&desk, &who, open.id, move |session| {
        fields::apply(&mut form, session);
        session.mark_moved(form.value("reason"));
        to_tell(session, today).len() as u64
    });
    after(
        &desk,
        &who,
        open.id,
        Flash::done("Atelier déplacé."),
        told.await?,
    )
}

async fn show_cancel(State(desk): State<Desk>, who: SignedIn, Path(id): Path<String>) -> Answer {
    let open = Open::at(&desk, &id).await?;
    page(&cancel_page(&desk, &who, &open, Form::default()))
}

async fn cancel(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let open = Open::at(&desk, &id).await?;
    let mut form = Form::sent(sent);
    refuse_reason(&mut form, &open);
    if !form.is_good() {
        return refused(&cancel_page(&desk, &who, &open, form));
    }
    let (id, today) = (open.id, desk.site().clock().now().date());
    let told = edit(&desk, &who, id, move |session| {
        session.cancel(form.value("reason"));
        to_tell(session, today).len() as u64
    });
    let undo = format!("{}/retablir", sheet_path(id));
    let flash = Flash::done("Atelier annulé.").with_undo(undo);
    after(&desk, &who, id, flash, told.await?)
}

async fn reinstate(State(desk): State<Desk>, who: SignedIn, Path(id): Path<String>) -> Answer {
    let id = parsed(&id)?;
    let told = edit(&desk, &who, id, |session| {
        (session.state == SessionState::Cancelled).then(|| session.reinstate())
    });
    let flash = match told.await? {
        Some(true) => Flash::warning(
            "L’atelier a lieu finalement. Des personnes avaient été prévenues\u{a0}: rappelez-les.",
        ),
        Some(false) => Flash::done("L’atelier a lieu finalement."),
        None => Flash::done("L’atelier est déjà prévu."),
    };
    desk.flash(&who, flash);
    see(&sheet_path(id))
}

/// To the sheet after moving or cancelling: to the people who must be told, where there are any.
fn after(
    desk: &Desk,
    who: &SignedIn,
    id: SessionId,
    mut flash: Flash,
    to_tell: u64,
) -> Result<Response, Failure> {
    let mut path = sheet_path(id);
    if to_tell > 0 {
        let people = counted(
            to_tell,
            "personne est à prévenir",
            "personnes sont à prévenir",
        );
        flash.text = format!("{} {people}.", flash.text);
        path.push_str("#a-appeler");
    }
    desk.flash(who, flash);
    see(&path)
}

fn refuse_reason(form: &mut Form, open: &Open) {
    if form.value("reason").is_empty() {
        form.refuse(
            "reason",
            "Dites pourquoi\u{a0}: on le répète aux personnes inscrites.",
        );
        return;
    }
    let session = Session {
        reason: form.value("reason").to_owned(),
        ..open.session.clone()
    };
    let problems = session.validate(&open.catalog.places).into_iter();
    for (_, message) in problems.filter(|(field, _)| *field == "reason") {
        form.refuse("reason", message);
    }
}

/// Names and phones of those who have just moved up to a seat, in one line.
pub(super) async fn seats_found(
    desk: &Desk,
    id: SessionId,
    seated: Vec<RegistrationId>,
) -> Result<String, Failure> {
    let names = desk.site().read(move |connection| {
        let Some((_, session)) = find(connection, id)? else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        for registration in seated.iter().filter_map(|id| session.registrations.get(id)) {
            if let Some(person) = people::line_of(connection, registration.person)? {
                names.push(format!("{} {}", person.display_name(), person.phone));
            }
        }
        Ok(names)
    });
    Ok(names.await?.join(", ").trim_end().to_owned())
}

fn edit_page(desk: &Desk, who: &SignedIn, open: &Open, form: Form, clashes: Clashes) -> EditPage {
    EditPage {
        page: desk.page(who, "Modifier l’atelier", "/ateliers/modifier"),
        sheet: sheet_path(open.id),
        form,
        animateurs: fields::animateurs(&open.catalog, open.session.animateur),
        themes: fields::themes(),
        clashes,
    }
}

fn move_page(desk: &Desk, who: &SignedIn, open: &Open, form: Form, clashes: Clashes) -> MovePage {
    MovePage {
        page: desk.page(who, "Déplacer l’atelier", "/ateliers/deplacer"),
        sheet: sheet_path(open.id),
        now: open.now(),
        concerned: open.concerned(),
        form,
        places: fields::places(&open.catalog),
        clashes,
    }
}

fn cancel_page(desk: &Desk, who: &SignedIn, open: &Open, form: Form) -> CancelPage {
    CancelPage {
        page: desk.page(who, "Annuler l’atelier", "/ateliers/annuler"),
        sheet: sheet_path(open.id),
        now: open.now(),
        concerned: open.concerned(),
        form,
    }
}
