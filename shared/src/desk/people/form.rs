//! The form of a person: a new one, with a word about people who look the same before anything is written, and
//! changes to a known one.
//!
//! Changing writes only the fields that were changed *in the form*: it holds what it showed (`was.phone`) beside what
//! stands in it, so a form that lay open while somebody else wrote does not put old values back.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Form as Body, Router};

use super::{Purpose, REGISTERING, destination, fields, reading, sheet_path};
use crate::desk::answer::{Answer, Failure, page, refused, see};
use crate::desk::form::{Choice, Form};
use crate::desk::page::{Flash, Page};
use crate::desk::{Desk, SignedIn};
use crate::domain::codes::{Gender, SocialStatus};
use crate::domain::person::{FieldProblem, Person};
use crate::domain::resemblance::Resemblance;
use crate::domain::search::started_from;
use crate::ids::{AgentId, PersonId};
use crate::site::{SiteError, Work};
use crate::view::people::{self, PersonLine};

/// People who look the same, shown before a new one is written; the likeliest come first.
const ALIKE_MAX: usize = 6;

/// Before the name of a field: what the form showed when it was opened.
const WAS: &str = "was.";

#[derive(Template)]
#[template(path = "people/form.html")]
struct FormPage {
    page: Page,
    form: Form,
    /// Where the form is sent to.
    action: String,
    /// Where « Abandonner » leads.
    back: String,
    is_new: bool,
    alike: Vec<(PersonLine, Resemblance)>,
    communes: Vec<Choice>,
    levels: Vec<Choice>,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/personnes/nouvelle", get(blank).post(create))
        .route("/personnes/nouvelle/commencer", post(begin))
        .route("/personnes/{id}/modifier", get(open).post(change))
}

async fn blank(State(desk): State<Desk>, who: SignedIn, Query(purpose): Query<Purpose>) -> Answer {
    let then = if purpose.pour == REGISTERING {
        "session"
    } else {
        ""
    };
    let form = form_of(&Person::default()).with("then", then);
    page(&new_page(&desk, &who, form, Vec::new()))
}

/// Begins with what was typed into the search.
async fn begin(
    State(desk): State<Desk>,
    who: SignedIn,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let sent = Form::sent(sent);
    let form = form_of(&started_from(sent.value("typed"))).with("then", sent.value("then"));
    page(&new_page(&desk, &who, form, Vec::new()))
}

async fn create(
    State(desk): State<Desk>,
    who: SignedIn,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let mut form = Form::sent(sent);
    let mut person = fields::person(&mut form, "");
    let now = desk.site().clock().now();
    for (field, message) in person.validate(now.date()) {
        form.refuse(field, message);
    }
    if !form.is_good() {
        return refused(&new_page(&desk, &who, form, Vec::new()));
    }
    // Drawn when the form was opened: sending it twice writes one person.
    let id: PersonId = form.value("id").parse().map_err(|_| Failure::BadRequest)?;
    let then = destination(id, form.value("then") == "session");
    if form.value("known") != "no" {
        let alike = alike(&desk, id, person.clone()).await?;
        if !alike.is_empty() {
            return page(&new_page(&desk, &who, form, alike));
        }
    }
    person.created_at = Some(now);
    let flash = Flash::done(format!("{} est enregistré(e).", person.display_name()));
    let agent = who.agent;
    let write = desk.site().write(move |work| {
        if work.open(id)?.is_none() {
            work.edit(id, agent, |fresh: &mut Person| *fresh = person)?;
        }
        Ok(())
    });
    write.await?;
    desk.flash(&who, flash);
    see(&then)
}

async fn alike(
    desk: &Desk,
    id: PersonId,
    person: Person,
) -> Result<Vec<(PersonLine, Resemblance)>, Failure> {
    let alike = desk.site().read(move |connection| {
        let mut alike = people::alike(connection, &person, Some(id))?;
        alike.truncate(ALIKE_MAX);
        Ok(alike)
    });
    Ok(alike.await?)
}

async fn open(State(desk): State<Desk>, who: SignedIn, Path(id): Path<String>) -> Answer {
    let id: PersonId = id.parse().map_err(|_| Failure::NotFound)?;
    let found = desk.site().read(move |c| reading::read(c, id)).await?;
    let found = found.ok_or(Failure::NotFound)?;
    page(&known_page(&desk, &who, found.id, form_of(&found.person)))
}

/// What became of a form with changes.
enum Changed {
    /// Written; names of fields that somebody else had changed meanwhile, whose value this form replaced.
    Done(Vec<&'static str>),
    Refused(Vec<FieldProblem>),
    Unknown,
}

async fn change(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(id): Path<String>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let id: PersonId = id.parse().map_err(|_| Failure::NotFound)?;
    let mut form = Form::sent(sent);
    let new = fields::person(&mut form, "");
    if !form.is_good() {
        return refused(&known_page(&desk, &who, id, form));
    }
    let old = fields::person(&mut form, WAS);
    let agent = who.agent;
    let changed = desk.site().write(move |work| {
        let id = people::resolved(work.connection(), id)?;
        Ok((id, write_changes(work, id, agent, &old, &new)?))
    });
    match changed.await? {
        (id, Changed::Done(overtaken)) => {
            desk.flash(&who, done(&overtaken));
            see(&sheet_path(id))
        }
        (id, Changed::Refused(problems)) => {
            for (field, message) in problems {
                form.refuse(field, message);
            }
            refused(&known_page(&desk, &who, id, form))
        }
        (_, Changed::Unknown) => Err(Failure::NotFound),
    }
}

/// Writes the fields in which `new` differs from `old`, both as the form knew them. What the form did not touch is
/// neither written nor checked.
fn write_changes(
    work: &mut Work<'_>,
    id: PersonId,
    agent: AgentId,
    old: &Person,
    new: &Person,
) -> Result<Changed, SiteError> {
    let Some(before) = reading::read(work.connection(), id)? else {
        return Ok(Changed::Unknown);
    };
    let touched: Vec<&'static str> = fields::FIELDS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| fields::text(old, name) != fields::text(new, name))
        .collect();
    let mut problems = new.validate(work.stamp().date());
    problems.retain(|(field, _)| touched.contains(field));
    if !problems.is_empty() {
        return Ok(Changed::Refused(problems));
    }
    let overtaken = touched.iter().copied().filter(|name| {
        let stands = fields::text(&before.person, name);
        stands != fields::text(old, name) && stands != fields::text(new, name)
    });
    let overtaken = overtaken.collect();
    work.edit(id, agent, |person: &mut Person| {
        for name in &touched {
            // A year that is no number was refused when the form was read.
            let _ = fields::set(person, name, &fields::text(new, name));
        }
    })?;
    Ok(Changed::Done(overtaken))
}

fn done(overtaken: &[&'static str]) -> Flash {
    if overtaken.is_empty() {
        return Flash::done("Fiche enregistrée.");
    }
    let labels: Vec<&str> = overtaken.iter().map(|name| fields::label(name)).collect();
    Flash::warning(format!(
        "Fiche enregistrée. Quelqu’un d’autre venait de changer\u{a0}: {}. Sa saisie reste dans l’historique.",
        labels.join(", ")
    ))
}

/// A form that holds a person, and what it held when it was opened.
fn form_of(person: &Person) -> Form {
    let mut form = Form::default().with("id", PersonId::fresh().to_string());
    for (name, _) in fields::FIELDS {
        let text = fields::text(person, name);
        form = form.with(&format!("{WAS}{name}"), &*text).with(name, text);
    }
    form
}

fn new_page(
    desk: &Desk,
    who: &SignedIn,
    form: Form,
    alike: Vec<(PersonLine, Resemblance)>,
) -> FormPage {
    FormPage {
        page: desk.page(who, "Nouvelle personne", "/personnes"),
        communes: fields::communes(form.value("commune")),
        levels: fields::levels(),
        form,
        action: "/personnes/nouvelle".to_owned(),
        back: "/personnes".to_owned(),
        is_new: true,
        alike,
    }
}

fn known_page(desk: &Desk, who: &SignedIn, id: PersonId, form: Form) -> FormPage {
    FormPage {
        page: desk.page(who, "Modifier une fiche", "/personnes"),
        action: format!("/personnes/{id}/modifier"),
        back: sheet_path(id),
        is_new: false,
        ..new_page(desk, who, form, Vec::new())
    }
}

impl FormPage {
    /// What the form showed when it was opened: names and texts of hidden fields.
    fn shown_before(&self) -> Vec<(String, &str)> {
        let names = fields::FIELDS
            .iter()
            .map(|(name, _)| format!("{WAS}{name}"));
        names
            .map(|name| {
                let text = self.form.value(&name);
                (name, text)
            })
            .collect()
    }

    /// Whether the folded-away fields hold something, or something wrong.
    fn more_is_open(&self) -> bool {
        let given = |name| {
            let text = self.form.value(name);
            !text.is_empty() && text != Gender::Undisclosed.code()
        };
        ["postal_code", "gender", "status", "responsible_adult"]
            .into_iter()
            .any(|name| given(name) || !self.form.error(name).is_empty())
    }

    /// Where « C’est cette personne » leads.
    fn known_href(&self, person: &PersonLine) -> String {
        destination(person.id, self.leads_to_sessions())
    }

    /// Whether the person is to be registered in a session next.
    fn leads_to_sessions(&self) -> bool {
        self.form.value("then") == "session"
    }
}
