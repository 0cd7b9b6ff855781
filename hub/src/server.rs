//! The hub as a server: the desk with the hub's own pages, the laptops' routes, and the status line.

use std::time::Duration;

use axum::Router;
use shared::desk::page::StatusLine;
use shared::desk::{self, Desk, DeskConfig};
use shared::program::{self, Listening};
use shared::site::SiteError;
use shared::time::Timestamp;
use tokio::sync::watch;

use crate::opened::Hub;
use crate::{devices, exchange, joining, pages};

const SITE_NAME: &str = "Capestang — hub";

/// How often silence is looked for when nothing else happens.
const STATUS_EVERY: Duration = Duration::from_secs(60);

/// Serves the hub on a port that is already open, until `stop` is done.
///
/// # Errors
/// When the store cannot be read.
pub async fn serve(
    hub: Hub,
    listening: Listening,
    stop: impl Future<Output = ()>,
) -> Result<(), SiteError> {
    let status = watch::Sender::new(status_line(&hub).await?);
    let router = router(&hub, listening.hosts(), status.subscribe());
    let follow = follow_status(hub, status);
    tokio::select! {
        () = program::serve(listening, router, stop) => {}
        () = follow => {}
    }
    Ok(())
}

/// Everything that the hub answers; `hosts` are the names under which browsers may ask for pages.
pub fn router(hub: &Hub, hosts: Vec<String>, status: watch::Receiver<StatusLine>) -> Router {
    let desk = Desk::new(DeskConfig {
        site: hub.site().clone(),
        site_name: watch::channel(SITE_NAME.to_owned()).1,
        nav: pages::NAV.to_vec(),
        person_acts: pages::PERSON_ACTS,
        status,
        first_start: FIRST_START,
        hosts,
    });
    let laptops = joining::routes().merge(exchange::routes());
    let laptops = laptops.with_state(hub.clone());
    desk::router(desk, pages::routes(hub.clone())).merge(laptops)
}

/// What the sign-in page says at a hub without accounts.
const FIRST_START: &str = "L’administrateur crée le premier compte sur la machine du hub, avec \
    «\u{a0}maison-hub agent add\u{a0}», puis chacun peut se connecter ici.";

/// Keeps the status line true: after every commit, and now and then for laptops that fall silent.
async fn follow_status(hub: Hub, status: watch::Sender<StatusLine>) {
    let mut commits = hub.site().store().commits();
    loop {
        // The sender lives in the store, which `hub` keeps.
        let _ = tokio::time::timeout(STATUS_EVERY, commits.changed()).await;
        match status_line(&hub).await {
            Ok(line) => {
                status.send_if_modified(|shown| {
                    let differs = *shown != line;
                    *shown = line;
                    differs
                });
            }
            Err(error) => tracing::warn!(%error, "the status line cannot be told"),
        }
    }
}

async fn status_line(hub: &Hub) -> Result<StatusLine, SiteError> {
    let since = Timestamp(hub.site().clock().now().0 - devices::SILENT_MS);
    let (all, silent) = hub
        .site()
        .read(move |connection| Ok(devices::silent_since(connection, since)?))
        .await?;
    Ok(StatusLine::hub(all, silent))
}
