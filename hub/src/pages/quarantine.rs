//! Ce qui n’a pas été pris: changes that laptops sent and the hub set aside, from whom and why.
//!
//! Nothing can be done about them here: what they are is shown so that somebody can ask who wrote them.

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use shared::desk::Desk;
use shared::desk::answer::{Answer, page};
use shared::desk::page::{Page, moment};
use shared::ledger::quarantine;

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
    Router::new().route(QUARANTINE, get(show))
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
