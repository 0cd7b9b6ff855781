//! « Personnes effacées »: when, by whom and why, and which laptops have not heard yet. No names: they are gone.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use shared::desk::answer::{Answer, page};
use shared::desk::page::{Page, moment};
use shared::desk::{Desk, agent_name};
use shared::domain::codes::ErasureReason;
use shared::ledger::erasures;
use shared::view::catalog::catalog;

use super::role::Staff;
use crate::devices;

/// Address of the page.
pub(super) const PATH: &str = "/vue-ensemble/effacements";

/// Erasures that the page lists, newest first.
const LINES_MAX: usize = 200;

#[derive(Template)]
#[template(path = "pages/erasures.html")]
struct ErasuresPage {
    page: Page,
    lines: Vec<Line>,
}

struct Line {
    when: String,
    by: String,
    why: String,
    /// Names of the laptops that have not heard; empty when all have.
    lacking: String,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new().route(PATH, get(show))
}

async fn show(State(desk): State<Desk>, Staff(who): Staff) -> Answer {
    let now = desk.site().clock().now().local();
    let read = desk.site().read(move |connection| {
        let catalog = catalog(connection)?;
        let devices = devices::list(connection)?;
        let newest = erasures::newest(connection, LINES_MAX)?.into_iter();
        let lines: Vec<Line> = newest
            .map(|(position, erasure)| {
                let lacking = devices.iter().filter(|state| {
                    let device = &state.device;
                    let exchanges = device.revoked.is_none() && !state.is_replaced;
                    exchanges && device.acknowledged < position
                });
                let lacking: Vec<&str> = lacking.map(|state| &*state.device.name).collect();
                Line {
                    when: moment(erasure.at.local(), now),
                    by: agent_name(&catalog, erasure.by).to_owned(),
                    why: match ErasureReason::from_code(&erasure.reason) {
                        Some(reason) => reason.label().to_owned(),
                        None => erasure.reason,
                    },
                    lacking: lacking.join(", "),
                }
            })
            .collect();
        Ok(lines)
    });
    let lines = read.await?;
    page(&ErasuresPage {
        page: desk.page(&who, "Personnes effacées", PATH),
        lines,
    })
}
