//! Portables: who has what, tickets for new ones, and revoking one that is lost. Administrators only.
//!
//! A ticket's text is shown once, by the answer to the form itself: it holds a secret, which must neither stand in an
//! address nor wait anywhere. The laptop will look for the hub under the address that this page was opened with.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::routing::{get, post};
use axum::{Extension, Form as Body, Router};
use jiff::civil::{Date, DateTime};
use shared::desk::Desk;
use shared::desk::answer::{Answer, Failure, page, refused, see};
use shared::desk::form::Form;
use shared::desk::page::{Flash, Page, moment};
use shared::ids::ReplicaId;
use shared::joining::ticket::Ticket;
use shared::request::Arrival;
use shared::text::collapsed;
use shared::time::{Timestamp, clock_time, short_date};

use super::overview::{contact, lacks};
use super::restored;
use super::role::Administrator;
use crate::HubError;
use crate::certificate::own;
use crate::devices::tickets::{self, Issued};
use crate::devices::{self, Device, DeviceState};
use crate::opened::Hub;

/// Hours that a ticket is good for: from a Friday to the Monday after.
const TICKET_HOURS: u32 = 72;
/// Characters of a laptop's name.
const NAME_CHARS_MAX: usize = 60;

const TITLE: &str = "Portables";
pub(super) const PATH: &str = "/portables";

#[derive(Template)]
#[template(path = "pages/laptops.html")]
struct LaptopsPage {
    page: Page,
    form: Form,
    laptops: Vec<Laptop>,
    tickets: Vec<Waiting>,
    fresh: Option<Fresh>,
    /// That the hub was put back to an older copy, if it was lately.
    restored: Option<String>,
}

/// A laptop in the list.
struct Laptop {
    id: ReplicaId,
    name: String,
    enrolled: String,
    contact: String,
    lacks: String,
    /// What was noticed of it, if anything.
    remark: String,
    state: LaptopState,
}

enum LaptopState {
    UpToDate,
    Behind,
    Silent,
    /// Heard under another id since: this one was its disk's before.
    Replaced,
    Revoked,
}

/// A ticket that nobody has used yet.
struct Waiting {
    name: String,
    until: String,
}

/// A ticket that was just made.
struct Fresh {
    name: String,
    text: String,
    hours: u32,
}

#[derive(Template)]
#[template(path = "pages/laptop_revoke.html")]
struct RevokePage {
    page: Page,
    laptop: Laptop,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route(PATH, get(list))
        .route("/portables/tickets", post(create))
        .route("/portables/{id}/revoquer", get(confirm).post(revoke))
}

async fn list(State(desk): State<Desk>, Administrator(who): Administrator) -> Answer {
    let frame = desk.page(&who, TITLE, PATH);
    page(&laptops_page(&desk, frame, Form::default(), None).await?)
}

async fn create(
    State(desk): State<Desk>,
    Administrator(who): Administrator,
    Extension(hub): Extension<Hub>,
    arrival: Option<Extension<Arrival>>,
    headers: HeaderMap,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let mut form = Form::sent(sent);
    let name = collapsed(form.value("name"));
    if name.is_empty() {
        form.refuse(
            "name",
            "Donnez un nom au portable, comme «\u{a0}Portable 3\u{a0}».",
        );
    } else if name.chars().count() > NAME_CHARS_MAX {
        form.refuse("name", "Ce nom est trop long\u{a0}: 60 caractères au plus.");
    }
    let frame = desk.page(&who, TITLE, PATH);
    if !form.is_good() {
        return refused(&laptops_page(&desk, frame, form, None).await?);
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_encrypted = arrival.is_some_and(|arrival| arrival.is_encrypted);
    let scheme = if is_encrypted { "https" } else { "http" };
    let address = format!("{scheme}://{}", host.ok_or(Failure::BadRequest)?);
    let ticket = make_ticket(&hub, &name, address).await.map_err(|error| {
        tracing::error!(%error, "no ticket could be made");
        Failure::Busy
    })?;
    let fresh = Fresh {
        name,
        text: ticket.to_string(),
        hours: TICKET_HOURS,
    };
    page(&laptops_page(&desk, frame, Form::default(), Some(fresh)).await?)
}

/// A ticket with the address under which the administrator asked for this page.
async fn make_ticket(hub: &Hub, name: &str, address: String) -> Result<Ticket, HubError> {
    let pins = match hub.shows_own_certificate() {
        true => Some(own::keys(hub).await?.pins()),
        false => None,
    };
    tickets::create(hub, name.to_owned(), vec![address], pins, TICKET_HOURS).await
}

async fn laptops_page(
    desk: &Desk,
    page: Page,
    form: Form,
    fresh: Option<Fresh>,
) -> Result<LaptopsPage, Failure> {
    let now = desk.site().clock().now();
    let read = desk.site().read(move |connection| {
        Ok((
            devices::list(connection)?,
            tickets::list(connection)?,
            restored::notice(connection, now)?,
        ))
    });
    let (laptops, tickets, restored) = read.await?;
    Ok(LaptopsPage {
        page,
        form,
        restored,
        laptops: laptops
            .into_iter()
            .map(|state| laptop(state, now))
            .collect(),
        tickets: tickets
            .into_iter()
            .filter_map(|ticket| waiting(ticket, now))
            .collect(),
        fresh,
    })
}

fn waiting(ticket: Issued, now: Timestamp) -> Option<Waiting> {
    let waits = ticket.used_by.is_none() && ticket.expires > now;
    waits.then(|| Waiting {
        name: ticket.name,
        until: until(ticket.expires.local(), now.local().date()),
    })
}

/// « jusqu’au dim. 29 nov. à 10 h ».
fn until(at: DateTime, today: Date) -> String {
    let time = clock_time(at.time());
    if at.date() == today {
        format!("jusqu’à {time}")
    } else {
        format!("jusqu’au {} à {time}", short_date(at.date()))
    }
}

fn laptop(state: DeviceState, now: Timestamp) -> Laptop {
    Laptop {
        id: state.device.replica,
        contact: contact(state.device.last_contact, now),
        enrolled: moment(state.device.enrolled.local(), now.local()),
        lacks: lacks(&state),
        remark: remark(&state, now),
        state: LaptopState::of(&state, now),
        name: state.device.name,
    }
}

/// Whether it is a copy, and since when that is known.
fn remark(state: &DeviceState, now: Timestamp) -> String {
    if state.device.incarnation_of.is_none() || state.device.revoked.is_some() {
        return String::new();
    }
    format!(
        "Copie ou ancienne image d’un portable, reconnue ({}). Elle a reçu sa propre identité\u{a0}; rien n’est perdu.",
        moment(state.device.enrolled.local(), now.local())
    )
}

impl LaptopState {
    fn of(state: &DeviceState, now: Timestamp) -> Self {
        match &state.device {
            Device {
                revoked: Some(_), ..
            } => Self::Revoked,
            _ if state.is_replaced => Self::Replaced,
            device if device.is_silent(now) => Self::Silent,
            _ if state.lacks_changes > 0 => Self::Behind,
            _ => Self::UpToDate,
        }
    }

    /// Kind of the badge.
    fn badge(&self) -> &'static str {
        match self {
            Self::UpToDate => "done",
            Self::Behind => "waiting",
            Self::Silent => "late",
            Self::Replaced | Self::Revoked => "cancelled",
        }
    }

    fn label(&self) -> &'static str {
        match self {
            Self::UpToDate => "À jour",
            Self::Behind => "En attente",
            Self::Silent => "Sans nouvelles",
            Self::Replaced => "Remplacé",
            Self::Revoked => "Révoqué",
        }
    }

    /// Whether anything is still expected of it.
    fn is_in_use(&self) -> bool {
        !matches!(self, Self::Replaced | Self::Revoked)
    }

    fn is_revoked(&self) -> bool {
        matches!(self, Self::Revoked)
    }
}

async fn confirm(
    State(desk): State<Desk>,
    Administrator(who): Administrator,
    Path(id): Path<String>,
) -> Answer {
    let laptop = find(&desk, &id).await?;
    page(&RevokePage {
        page: desk.page(&who, "Révoquer un portable", "/portables/revoquer"),
        laptop,
    })
}

/// A laptop that is not revoked yet.
async fn find(desk: &Desk, id: &str) -> Result<Laptop, Failure> {
    let id: ReplicaId = id.parse().map_err(|_| Failure::NotFound)?;
    let now = desk.site().clock().now();
    let read = desk
        .site()
        .read(|connection| Ok(devices::list(connection)?));
    let laptops = read.await?;
    let found = laptops
        .into_iter()
        .find(|state| state.device.replica == id && state.device.revoked.is_none());
    found
        .map(|state| laptop(state, now))
        .ok_or(Failure::NotFound)
}

async fn revoke(
    State(desk): State<Desk>,
    Administrator(who): Administrator,
    Extension(hub): Extension<Hub>,
    Path(id): Path<String>,
) -> Answer {
    let Laptop { id, name, .. } = find(&desk, &id).await?;
    hub.revoke(id).await?;
    desk.flash(
        &who,
        Flash::done(format!(
            "{name} est révoqué\u{a0}: il ne peut plus échanger avec le hub."
        )),
    );
    see(PATH)
}
