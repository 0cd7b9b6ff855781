//! The laptop as a server: the desk with the laptop's own pages, on a port of this machine.

use shared::desk::page::StatusLine;
use shared::desk::{self, Desk, DeskConfig};
use shared::program::{self, Listening};
use shared::site::SiteError;
use tokio::sync::watch;

use crate::opened::Node;
use crate::{identity, pages};

/// Serves the laptop's pages on a port that is already open, until `stop` is done.
///
/// # Errors
/// When the store cannot be read.
pub async fn serve(
    node: Node,
    listening: Listening,
    stop: impl Future<Output = ()>,
) -> Result<(), SiteError> {
    let now = node.site().clock().now().local();
    let status = watch::Sender::new(StatusLine::offline(0, None, now));
    let desk = Desk::new(DeskConfig {
        site: node.site().clone(),
        site_name: site_name(&node).await?,
        nav: pages::NAV.to_vec(),
        status: status.subscribe(),
        hosts: listening.hosts(),
    });
    let router = desk::router(desk, pages::routes(node));
    program::serve(listening, router, stop).await;
    Ok(())
}

/// « Portable 1 — Maison mobile ».
async fn site_name(node: &Node) -> Result<String, SiteError> {
    let enrolment = node
        .site()
        .read(|connection| Ok(identity::enrolment(connection)?))
        .await?;
    let name = enrolment.map_or_else(|| "Portable à inscrire".to_owned(), |e| e.name);
    Ok(format!("{name} — Maison mobile"))
}
