//! Ce qui n’a pas été pris: changes that laptops sent and the hub set aside, from whom and why.
//!
//! They can be tried again, which the program does by itself after an upgrade; apart from that, what they are is shown
//! so that somebody can ask who wrote them.

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use shared::desk::Desk;
use shared::desk::answer::{Answer, page, see};
use shared::desk::page::{Flash, Page, moment};
use shared::exchange::laptop_may_write;
use shared::ledger::quarantine::{self, Again};
use shared::text::counted;

use super::role::Staff;
use crate::devices;

/// Address of the page.
pub(super) const QUARANTINE: &str = "/vue-ensemble/quarantaine";

/// Changes that the page lists, newest first.
const LINES_MAX: usize = 200;

#[derive(Template)]
#[template(path = "pages/quarantine.html")]
struct QuarantinePage {
    page: Page,
    lines: Vec<Line>,
    more: u64,
}

struct Line {
    when: String,
    from: String,
    record: String,
    why: String,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route(QUARANTINE, get(show))
        .route("/vue-ensemble/quarantaine/reprise", post(retry))
}

async fn retry(State(desk): State<Desk>, Staff(who): Staff) -> Answer {
    let retried = desk
        .site()
        .retry_quarantine(Again::All, laptop_may_write)
        .await?;
    let flash = match (retried.released, retried.kept) {
        (0, 0) => Flash::done("Rien n’est mis de côté."),
        (0, _) => Flash::warning("Rien de plus n’a pu être pris."),
        (released, 0) => Flash::done(format!("{}.", taken(released))),
        (released, _) => {
            Flash::warning(format!("{}. Les autres restent de côté.", taken(released)))
        }
    };
    desk.flash(&who, flash);
    see(QUARANTINE)
}

/// « 2 modifications sont prises »
fn taken(count: u64) -> String {
    let verb = if count < 2 {
        "est prise"
    } else {
        "sont prises"
    };
    format!("{} {verb}", counted(count, "modification", "modifications"))
}

async fn show(State(desk): State<Desk>, Staff(who): Staff) -> Answer {
    let now = desk.site().clock().now().local();
    let read = desk.site().read(move |connection| {
        let devices = devices::list(connection)?.into_iter();
        let names: HashMap<_, _> = devices
            .map(|state| (state.device.replica, state.device.name))
            .collect();
        let set_aside = quarantine::list(connection, LINES_MAX)?;
        let lines: Vec<Line> = set_aside
            .into_iter()
            .map(|change| Line {
                when: moment(change.at.local(), now),
                from: names
                    .get(&change.origin)
                    .cloned()
                    .unwrap_or_else(|| change.origin.to_string()),
                record: change.document.to_string(),
                why: change.reason,
            })
            .collect();
        Ok((lines, quarantine::count(connection)?))
    });
    let (lines, count) = read.await?;
    page(&QuarantinePage {
        page: desk.page(&who, "Modifications mises de côté", QUARANTINE),
        more: count - lines.len() as u64,
        lines,
    })
}
