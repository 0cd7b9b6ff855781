//! `maison-node status`: what the laptop holds and what waits.

use serde::Serialize;
use shared::ids::ReplicaId;
use shared::ledger::{changes, replica};
use shared::program::{Exit, say};
use shared::text::counted;
use shared::time::Clock;

use crate::cli;
use crate::identity::{self, Enrolment};
use crate::opened::{Node, NodeError};

/// What `--json` writes.
#[derive(Debug, Serialize)]
struct Status {
    replica: ReplicaId,
    /// The laptop's name; absent until it is registered.
    name: Option<String>,
    /// URL of the hub; absent until the laptop is registered.
    hub: Option<String>,
    documents: usize,
    changes: u64,
    fingerprint: String,
}

pub(super) async fn status(asked: cli::Status) -> Result<Exit, NodeError> {
    let node = Node::open_existing(&asked.data.data, Clock::default()).await?;
    let status = read(&node).await?;
    if asked.json {
        say(serde_json::json!(status));
    } else {
        say_in_french(&status);
    }
    Ok(Exit::Done)
}

async fn read(node: &Node) -> Result<Status, NodeError> {
    let replica = node.site().replica();
    let status = node.site().read(move |connection| {
        let fingerprint = replica::fingerprint(connection)?;
        let enrolment = identity::enrolment(connection)?;
        Ok(Status {
            replica,
            name: enrolment.as_ref().map(|e| e.name.clone()),
            hub: enrolment.and_then(first_address),
            documents: changes::documents(connection)?.len(),
            changes: fingerprint.count,
            fingerprint: fingerprint.to_string(),
        })
    });
    Ok(status.await?)
}

fn first_address(enrolment: Enrolment) -> Option<String> {
    enrolment.addresses.into_iter().next()
}

fn say_in_french(status: &Status) {
    match (&status.name, &status.hub) {
        (Some(name), Some(hub)) => say(format!("{name}, inscrit auprès du hub {hub}")),
        _ => say(
            "Portable pas encore inscrit\u{a0}: demandez un ticket à l’administrateur, puis «\u{a0}maison-node enrol TICKET\u{a0}».",
        ),
    }
    say(format!(
        "{}, {}\nEmpreinte {}",
        counted(status.documents as u64, "document", "documents"),
        counted(status.changes, "modification", "modifications"),
        status.fingerprint,
    ));
}
