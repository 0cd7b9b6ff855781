//! The laptop as a server: the desk with the laptop's own pages, on a port of this machine, and the courier beside it.

use std::time::Duration;

use shared::desk::page::StatusLine;
use shared::desk::{self, Desk, DeskConfig};
use shared::program::{self, Listening};
use shared::site::Site;
use tokio::sync::watch;

use crate::courier::{Courier, CourierState};
use crate::opened::{Node, NodeError};
use crate::pages;
use crate::status_line::status_line;

/// « Hier » begins at midnight: the line is told anew even when nothing happens.
const STATUS_EVERY: Duration = Duration::from_secs(60);

/// What the sign-in page says on a laptop that has met no hub yet.
const FIRST_START: &str = "Si ce portable n’est pas encore inscrit, l’administrateur tape sur ce portable \
    «\u{a0}maison-node enrol\u{a0}» suivi du ticket. S’il l’est, les comptes arrivent au premier échange avec le hub\u{a0}: \
    connectez-le au réseau.";

/// Serves the laptop's pages on a port that is already open, until `stop` is done.
///
/// # Errors
/// When the store cannot be read.
pub async fn serve(
    node: Node,
    listening: Listening,
    stop: impl Future<Output = ()>,
) -> Result<(), NodeError> {
    let site = node.site().clone();
    let courier = Courier::start(site.clone()).await?;
    let state = courier.state();
    let status = watch::Sender::new(line(&site, &state));
    let name = watch::Sender::new(site_name(&state.borrow()));
    let desk = Desk::new(DeskConfig {
        site: site.clone(),
        site_name: name.subscribe(),
        person_acts: &[],
        nav: pages::NAV.to_vec(),
        status: status.subscribe(),
        first_start: FIRST_START,
        hosts: listening.hosts(),
    });
    let router = desk::router(desk, pages::routes(courier));
    tokio::select! {
        () = program::serve(listening, router, stop) => {}
        () = follow(&site, state, status, name) => {}
    }
    Ok(())
}

/// Keeps the status line and the laptop's name true: `enrol` is another process.
async fn follow(
    site: &Site,
    mut state: watch::Receiver<CourierState>,
    status: watch::Sender<StatusLine>,
    name: watch::Sender<String>,
) {
    loop {
        let is_news = match tokio::time::timeout(STATUS_EVERY, state.changed()).await {
            Ok(Ok(())) => true,
            Err(_) => false,
            // The courier has ended, so the program is ending.
            Ok(Err(_)) => return std::future::pending().await,
        };
        name.send_replace(site_name(&state.borrow()));
        let line = line(site, &state);
        // The same line again is told as well: an open page may say more of the courier than the line does.
        status.send_if_modified(|shown| {
            let differs = *shown != line;
            *shown = line;
            differs || is_news
        });
    }
}

fn line(site: &Site, state: &watch::Receiver<CourierState>) -> StatusLine {
    status_line(&state.borrow(), site.clock().now().local())
}

/// « Portable 1 — Maison mobile ».
fn site_name(state: &CourierState) -> String {
    let name = state.name.as_deref().unwrap_or("Portable à inscrire");
    format!("{name} — Maison mobile")
}
