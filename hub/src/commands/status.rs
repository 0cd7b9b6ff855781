//! `maison-hub status`: what the hub holds and where its laptops stand.

use rusqlite::Connection;
use serde::Serialize;
use shared::exchange::{durability, position, receipt};
use shared::ids::ReplicaId;
use shared::ledger::{LedgerError, changes, replica};
use shared::program::{Exit, say};
use shared::text::counted;
use shared::time::{Clock, Timestamp, clock_time, short_date};

use crate::backup::returned::{self, Returned};
use crate::backup::{Standing, State};
use crate::cli;
use crate::devices::{self, DeviceState};
use crate::opened::{Hub, HubError};

/// What `--json` writes. Stamps are milliseconds since 1970.
#[derive(Debug, Serialize)]
struct Status {
    replica: ReplicaId,
    documents: usize,
    changes: u64,
    fingerprint: String,
    epoch: Option<String>,
    /// How far the records have got: all that a hub holds is at the hub.
    durable: Durable,
    /// The newest verified backup.
    backup: Option<Standing>,
    /// What each laptop gave back since the hub was restored from a backup.
    returned: Option<SinceRestored>,
    /// When the hub last found out by itself that it had been put back to an older copy.
    restored: Option<Restored>,
    laptops: Vec<Laptop>,
}

/// A restore: when, and of which moment.
#[derive(Debug, Serialize)]
struct SinceRestored {
    at: Timestamp,
    of: Timestamp,
    laptops: Vec<Returned>,
}

/// Records by how far they have got.
#[derive(Debug, Serialize)]
struct Durable {
    hub: u64,
    /// How many are all in a verified backup.
    backup: u64,
}

/// The signed position that a laptop showed, and the last one that the hub then held.
#[derive(Debug, Serialize)]
struct Restored {
    at: Timestamp,
    laptop: ReplicaId,
    shown: i64,
    held: i64,
}

#[derive(Debug, Serialize)]
struct Laptop {
    replica: ReplicaId,
    name: String,
    enrolled: Timestamp,
    last_contact: Option<Timestamp>,
    /// The position of the hub up to which it has said that it has everything.
    acknowledged: i64,
    /// Changes of others that it has not acknowledged.
    pending: u64,
    revoked: Option<Timestamp>,
    /// The replica id that it bore when it was noticed to be a copy or an old image.
    incarnation_of: Option<ReplicaId>,
    /// It has been heard under another replica id since, and not under this one.
    replaced: bool,
}

pub(super) async fn status(asked: cli::Status) -> Result<Exit, HubError> {
    let hub = Hub::open_existing(&asked.data.data, Clock::default()).await?;
    let status = read(&hub).await?;
    if asked.json {
        say(serde_json::json!(status));
    } else {
        say_in_french(&status);
    }
    Ok(Exit::Done)
}

async fn read(hub: &Hub) -> Result<Status, HubError> {
    let replica = hub.site().replica();
    let backup = State::read(hub.site().store().directory()).newest;
    let status = hub.site().read(move |connection| {
        let fingerprint = replica::fingerprint(connection)?;
        Ok(Status {
            replica,
            documents: changes::documents(connection)?.len(),
            changes: fingerprint.count,
            fingerprint: fingerprint.to_string(),
            epoch: position::own_epoch(connection)?.map(|epoch| epoch.to_string()),
            durable: durable(connection)?,
            backup,
            returned: since_restored(connection)?,
            restored: receipt::last_restored(connection)?.map(|restored| Restored {
                at: restored.at(),
                laptop: restored.laptop(),
                shown: restored.shown,
                held: restored.held,
            }),
            laptops: devices::list(connection)?.into_iter().map(laptop).collect(),
        })
    });
    Ok(status.await?)
}

fn since_restored(connection: &Connection) -> Result<Option<SinceRestored>, LedgerError> {
    let Some(restored) = returned::last(connection)? else {
        return Ok(None);
    };
    Ok(Some(SinceRestored {
        at: restored.at,
        of: restored.of,
        laptops: returned::since(connection, &restored)?,
    }))
}

fn durable(connection: &Connection) -> Result<Durable, LedgerError> {
    let durable = durability::durable(connection)?;
    Ok(Durable {
        hub: durable.hub,
        backup: durable.backup,
    })
}

fn laptop(state: DeviceState) -> Laptop {
    Laptop {
        replica: state.device.replica,
        name: state.device.name,
        enrolled: state.device.enrolled,
        last_contact: state.device.last_contact,
        acknowledged: state.device.acknowledged,
        pending: state.lacks_changes,
        revoked: state.device.revoked,
        incarnation_of: state.device.incarnation_of,
        replaced: state.is_replaced,
    }
}

fn say_in_french(status: &Status) {
    say(format!(
        "{}, {}\nEmpreinte {}",
        counted(status.documents as u64, "document", "documents"),
        counted(status.changes, "modification", "modifications"),
        status.fingerprint,
    ));
    say(match &status.backup {
        None => "Aucune sauvegarde vérifiée\u{a0}: voyez «\u{a0}maison-hub backup --help\u{a0}»."
            .to_owned(),
        Some(backup) => {
            let at = Timestamp(backup.at).local();
            let (day, time) = (short_date(at.date()), clock_time(at.time()));
            format!("Dernière sauvegarde vérifiée\u{a0}: {day} à {time}.")
        }
    });
    if let Some(returned) = &status.returned {
        let at = returned.at.local();
        let away = returned
            .laptops
            .iter()
            .filter(|laptop| laptop.contact.is_none());
        say(format!(
            "Restauré {} à {}\u{a0}: {} à faire échanger encore.",
            short_date(at.date()),
            clock_time(at.time()),
            counted(away.count() as u64, "portable", "portables")
        ));
    }
    if let Some(restored) = &status.restored {
        let at = restored.at.local();
        say(format!(
            "Remis dans un état plus ancien, constaté {} à {}\u{a0}: les portables rendent ce qu’ils ont gardé.",
            short_date(at.date()),
            clock_time(at.time())
        ));
    }
    if status.laptops.is_empty() {
        say(
            "Aucun portable inscrit\u{a0}: créez un ticket avec «\u{a0}maison-hub ticket create\u{a0}».",
        );
    }
    for laptop in &status.laptops {
        say(format!("{}\u{a0}: {}", laptop.name, sentence(laptop)));
    }
}

fn sentence(laptop: &Laptop) -> String {
    if laptop.revoked.is_some() {
        return "révoqué".to_owned();
    }
    if laptop.replaced {
        return "remplacé par une copie ou une ancienne image de lui-même".to_owned();
    }
    let Some(contact) = laptop.last_contact else {
        return "inscrit, jamais entendu depuis".to_owned();
    };
    let local = contact.local();
    let lacks = match laptop.pending {
        0 => "à jour".to_owned(),
        n => format!(
            "il lui manque {}",
            counted(n, "modification", "modifications")
        ),
    };
    format!(
        "dernier contact {} à {}, {lacks}",
        short_date(local.date()),
        clock_time(local.time())
    )
}
