//! `maison-node status`: what the laptop holds and what waits.

use rusqlite::Connection;
use serde::Serialize;
use shared::exchange::{durability, position};
use shared::ids::{DocumentId, ReplicaId};
use shared::ledger::{LedgerError, changes, replica};
use shared::program::{Exit, say};
use shared::text::counted;
use shared::time::{Clock, Timestamp, clock_time, short_date};

use crate::cli;
use crate::config::data_directory;
use crate::courier;
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
    /// Epoch of the hub; absent before the first exchange.
    epoch: Option<String>,
    /// Position in the hub's ledger up to which this laptop has everything.
    cursor: i64,
    /// Changes that only this laptop holds.
    pending: u64,
    /// How far the records have got.
    durable: Durable,
    /// When an exchange last came to its end, in milliseconds since 1970.
    last_exchange: Option<Timestamp>,
    /// Whether that exchange proved the laptop identical to the hub.
    identical: Option<bool>,
    /// Whether an agent paused the exchange.
    paused: bool,
}

/// Records by how far they have got. One that is not named is at the hub.
#[derive(Debug, Serialize)]
struct Durable {
    /// How many have something that is on this laptop only, ...
    laptop: u64,
    /// ... and their ids, at most [`NAMED_MAX`].
    laptop_records: Vec<DocumentId>,
    /// How many are all at the hub.
    hub: u64,
    /// What the hub has signed; absent before the first exchange.
    receipt: Option<Signed>,
    /// How many are all in a verified backup of the hub.
    backup: u64,
    /// The moment that this backup is of; absent where none is known.
    backup_at: Option<Timestamp>,
}

/// A receipt of the hub, whose signature has been verified.
#[derive(Debug, Serialize)]
struct Signed {
    epoch: String,
    position: i64,
    at: Timestamp,
}

/// More are counted but not named: they would hide the rest.
const NAMED_MAX: usize = 1000;

pub(super) async fn status(asked: cli::Status) -> Result<Exit, NodeError> {
    let node = Node::open_existing(&data_directory(asked.data)?, Clock::default()).await?;
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
        let position = position::position(connection)?;
        let proof = position::last_proof(connection)?;
        Ok(Status {
            replica,
            name: enrolment.as_ref().map(|e| e.name.clone()),
            hub: enrolment.and_then(first_address),
            documents: changes::documents(connection)?.len(),
            changes: fingerprint.count,
            fingerprint: fingerprint.to_string(),
            epoch: position.epoch.map(|epoch| epoch.to_string()),
            cursor: position.cursor,
            pending: position::pending(connection)?.changes,
            durable: durable(connection)?,
            last_exchange: proof.map(|proof| proof.at),
            identical: proof.map(|proof| proof.identical),
            paused: courier::is_paused(connection)?,
        })
    });
    Ok(status.await?)
}

fn durable(connection: &Connection) -> Result<Durable, LedgerError> {
    let durable = durability::durable(connection)?;
    Ok(Durable {
        laptop: durable.laptop,
        laptop_records: durability::only_here(connection, NAMED_MAX)?,
        hub: durable.hub,
        backup: durable.backup,
        backup_at: durable.newest.map(|backup| backup.at()),
        receipt: durable.receipt.map(|receipt| Signed {
            epoch: receipt.epoch().to_string(),
            position: receipt.position,
            at: receipt.at(),
        }),
    })
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
    say(match status.pending {
        0 => "Rien n’attend.".to_owned(),
        n => format!(
            "{} sur ce portable seulement.",
            counted(n, "modification", "modifications")
        ),
    });
    let durable = &status.durable;
    let at_hub = counted(durable.hub, "fiche", "fiches");
    match &durable.receipt {
        None => say(format!("Au hub\u{a0}: {at_hub}.")),
        Some(receipt) => {
            let at = receipt.at.local();
            say(format!(
                "Au hub\u{a0}: {at_hub}\u{a0}; dernier reçu signé du hub\u{a0}: {} à {}.",
                short_date(at.date()),
                clock_time(at.time())
            ));
        }
    }
    if let Some(at) = durable.backup_at.map(Timestamp::local) {
        say(format!(
            "Dans une sauvegarde vérifiée du hub\u{a0}: {}\u{a0}; elle est du {} à {}.",
            counted(durable.backup, "fiche", "fiches"),
            short_date(at.date()),
            clock_time(at.time())
        ));
    }
    if status.paused {
        say("Les échanges sont en pause.");
    }
}
