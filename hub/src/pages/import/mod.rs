//! Importer des bénéficiaires: choose a file, look at what would become of it, decide, import.
//!
//! Two steps. The first reads the file and writes nothing; what was read waits in memory ([`pending`]). The second
//! creates the good lines and those that look like somebody known but that somebody ticked. A line that most probably
//! is known starts unticked, one that merely resembles somebody starts ticked: spouses share a name and a phone.

mod pending;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::routing::get;
use axum::{Extension, Form as Body, Router};
use shared::desk::Desk;
use shared::desk::answer::{Answer, Failure, page, refused, see};
use shared::desk::form::Form;
use shared::desk::page::{Flash, Page};
use shared::domain::beneficiary::{COLUMNS, RowProblem};
use shared::text::{collapsed, counted};
use uuid::Uuid;

use super::role::Staff;
use crate::import::{
    Alike, Chosen, Counts, FILE_BYTES_MAX, FileProblem, Line, Outcome, Preview, With, Written,
    preview_on, write,
};
use pending::{Pending, Waiting};

/// Lines of each sort that the page shows. The others keep their default: wrong and known ones are left out.
const SHOWN_MAX: usize = 300;

/// What is read from a browser and thrown away when a file is too large, so that it gets an answer in place of a
/// broken connection, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Characters of a file's name that are shown.
const NAME_CHARS_MAX: usize = 80;

#[derive(Template)]
#[template(path = "pages/import/choose.html")]
struct ChoosePage {
    page: Page,
    form: Form,
    columns: String,
}

#[derive(Template)]
#[template(path = "pages/import/preview.html")]
struct PreviewPage {
    page: Page,
    token: Uuid,
    file: String,
    lines: usize,
    counts: Counts,
    wrong: Vec<Wrong>,
    alike: Vec<Doubtful>,
    /// Lines of each sort that are not shown.
    more_wrong: usize,
    more_alike: usize,
    is_anything: bool,
}

/// A line to be corrected.
struct Wrong {
    number: u64,
    name: String,
    problems: Vec<RowProblem>,
}

/// A line that looks like others.
struct Doubtful {
    number: u64,
    name: String,
    is_known: bool,
    alike: Vec<Other>,
}

/// Somebody whom a line looks like.
struct Other {
    why: String,
    /// Address of their sheet; empty for a line of the file.
    href: String,
    /// Name, or « la ligne 12 ».
    who: String,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route(
            "/import",
            get(choose)
                .post(look)
                .layer(DefaultBodyLimit::max(BODY_BYTES_MAX)),
        )
        .route("/import/{token}", get(show).post(import))
        .layer(Extension(Arc::new(Pending::default())))
}

async fn choose(State(desk): State<Desk>, Staff(who): Staff) -> Answer {
    page(&choose_page(
        desk.page(&who, TITLE, "/import"),
        Form::default(),
    ))
}

const TITLE: &str = "Importer des bénéficiaires";

fn choose_page(page: Page, form: Form) -> ChoosePage {
    ChoosePage {
        page,
        form,
        columns: COLUMNS.join(", "),
    }
}

async fn look(
    State(desk): State<Desk>,
    Staff(who): Staff,
    Extension(pending): Extension<Arc<Pending>>,
    sent: Result<Multipart, MultipartRejection>,
) -> Answer {
    let problem = match received(sent).await? {
        Received::Nothing => "Choisissez un fichier.".to_owned(),
        Received::TooLarge => FileProblem::TooLarge.to_string(),
        Received::File(name, bytes) => match preview_on(desk.site(), bytes).await? {
            Ok(preview) => {
                let now = desk.site().clock().now();
                let token = pending.keep(who.token_hash, name, preview, now);
                return see(&format!("/import/{token}"));
            }
            Err(problem) => problem.to_string(),
        },
    };
    let mut form = Form::default();
    form.refuse("file", problem);
    refused(&choose_page(desk.page(&who, TITLE, "/import"), form))
}

/// What a browser sent.
enum Received {
    Nothing,
    TooLarge,
    /// Its name and its bytes.
    File(String, Vec<u8>),
}

async fn received(sent: Result<Multipart, MultipartRejection>) -> Result<Received, Failure> {
    let mut sent = sent.map_err(|_| Failure::BadRequest)?;
    while let Some(field) = sent.next_field().await.map_err(broken)? {
        if field.name() == Some("file") {
            return read(field).await.map_err(broken);
        }
    }
    Ok(Received::Nothing)
}

async fn read(mut field: Field<'_>) -> Result<Received, MultipartError> {
    let name = collapsed(field.file_name().unwrap_or_default());
    let mut bytes = Vec::new();
    let mut is_too_large = false;
    while let Some(chunk) = field.chunk().await? {
        if bytes.len() + chunk.len() > FILE_BYTES_MAX {
            is_too_large = true;
            bytes = Vec::new();
        }
        if !is_too_large {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(match (is_too_large, name.is_empty() && bytes.is_empty()) {
        (true, _) => Received::TooLarge,
        (false, true) => Received::Nothing,
        (false, false) => Received::File(name.chars().take(NAME_CHARS_MAX).collect(), bytes),
    })
}

fn broken(_: MultipartError) -> Failure {
    Failure::BadRequest
}

async fn show(
    State(desk): State<Desk>,
    Staff(who): Staff,
    Extension(pending): Extension<Arc<Pending>>,
    Path(token): Path<Uuid>,
) -> Answer {
    let now = desk.site().clock().now();
    let Some(waiting) = pending.find(token, who.token_hash, now) else {
        desk.flash(&who, gone());
        return see("/import");
    };
    page(&preview_page(
        desk.page(&who, TITLE, "/import"),
        token,
        &waiting,
    ))
}

fn gone() -> Flash {
    Flash::warning(
        "Cet aperçu n’est plus là\u{a0}: il a été importé, remplacé, ou a attendu plus d’une demi-heure. \
         Choisissez de nouveau le fichier\u{a0}; ce qui est déjà importé sera reconnu.",
    )
}

fn preview_page(page: Page, token: Uuid, waiting: &Waiting) -> PreviewPage {
    let lines = &waiting.preview.lines;
    let counts = waiting.preview.counts();
    PreviewPage {
        page,
        token,
        file: waiting.file.clone(),
        lines: lines.len(),
        wrong: lines.iter().filter_map(wrong).take(SHOWN_MAX).collect(),
        alike: shown_alike(&waiting.preview).filter_map(doubtful).collect(),
        more_wrong: counts.wrong.saturating_sub(SHOWN_MAX),
        more_alike: counts.alike.saturating_sub(SHOWN_MAX),
        is_anything: counts.good + counts.alike > 0,
        counts,
    }
}

/// The lines that look like others and can be decided about.
fn shown_alike(preview: &Preview) -> impl Iterator<Item = &Line> {
    let alike = preview.lines.iter();
    let alike = alike.filter(|line| matches!(line.outcome, Outcome::Alike(..)));
    alike.take(SHOWN_MAX)
}

fn wrong(line: &Line) -> Option<Wrong> {
    let Outcome::Wrong(problems) = &line.outcome else {
        return None;
    };
    Some(Wrong {
        number: line.number,
        name: line.name.clone(),
        problems: problems.clone(),
    })
}

fn doubtful(line: &Line) -> Option<Doubtful> {
    let Outcome::Alike(_, alike) = &line.outcome else {
        return None;
    };
    Some(Doubtful {
        number: line.number,
        name: line.name.clone(),
        is_known: line.outcome.is_known(),
        alike: alike.iter().map(other).collect(),
    })
}

fn other(alike: &Alike) -> Other {
    let (href, who) = match &alike.with {
        With::Known(id, name) => (format!("/personnes/{id}"), name.clone()),
        With::Line(number) => (String::new(), format!("la ligne {number}")),
    };
    Other {
        why: alike.resemblance.reasons(),
        href,
        who,
    }
}

async fn import(
    State(desk): State<Desk>,
    Staff(who): Staff,
    Extension(pending): Extension<Arc<Pending>>,
    Path(token): Path<Uuid>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let now = desk.site().clock().now();
    let Some(waiting) = pending.take(token, who.token_hash, now) else {
        desk.flash(&who, gone());
        return see("/import");
    };
    let form = Form::sent(sent);
    let ticked = form.all("create").filter_map(|number| number.parse().ok());
    let chosen = chosen(&waiting.preview, &ticked.collect());
    let left_out = waiting.preview.lines.len() - chosen.len();
    let by = who.agent;
    let written = desk.site().write(move |work| write(work, by, chosen));
    desk.flash(&who, done(written.await?, left_out));
    see("/import")
}

/// Every good line, and of those that look like others the ticked ones.
fn chosen(preview: &Preview, ticked: &HashSet<u64>) -> Vec<Chosen> {
    let lines = preview.lines.iter();
    lines
        .filter_map(|line| match &line.outcome {
            Outcome::Good(person) => Some((person, false)),
            Outcome::Alike(person, _) => ticked.contains(&line.number).then_some((person, true)),
            Outcome::Wrong(_) => None,
        })
        .map(|(person, decided)| Chosen {
            person: person.clone(),
            decided,
        })
        .collect()
}

fn done(written: Written, left_out: usize) -> Flash {
    let created = counted(written.created as u64, "personne créée", "personnes créées");
    let left_out = (left_out + written.appeared) as u64;
    match left_out {
        0 => Flash::done(format!("{created}.")),
        n => Flash::done(format!(
            "{created}, {}.",
            counted(n, "ligne laissée de côté", "lignes laissées de côté")
        )),
    }
}
