//! A damaged database: it is moved aside, never deleted, and a new one takes its place with everything that could be
//! saved. The hub gives the rest.
//!
//! What is saved: who this laptop is (key, registration, the hub's key, its id), and every change that still fits its own
//! checksum. Positions are not believed. The next exchange sends what the hub is not known to have, asks for an id of
//! this laptop's own (`crate::lease`: so what it wrote and lost is news to it), and compares fingerprints: where everything
//! was saved that is all, else a comparison finds what is lacking on either side.
//!
//! Not here: single changes whose bytes rotted in a database that otherwise reads (`Site::check`).

use std::path::Path;

use ed25519_dalek::VerifyingKey;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use shared::exchange::position;
use shared::ids::ReplicaId;
use shared::ledger::carve::{self, Carved, CarvedChange};
use shared::ledger::{LedgerError, aside, changes, hub_key, replica};
use shared::program::progress_bar;
use shared::site::{Site, SiteError};
use shared::text::grouped;
use shared::time::{Clock, Timestamp};

use crate::identity::{self, Enrolment};
use crate::lease;
use crate::opened::{MIGRATIONS, OWNER};

const DAMAGE: &str = "laptop.damage";

/// What became of a damaged database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// When it was found.
    pub at: Timestamp,
    /// Name of the directory, within that of the data, where its files are.
    pub directory: String,
    /// How many changes were saved.
    pub saved: u64,
    /// Whether the laptop still knows who it is.
    pub is_registered: bool,
}

impl Damage {
    /// What to say of it, `when` being empty or « (9 h 25) » with a space before.
    #[must_use]
    pub fn words(&self, when: &str) -> String {
        let saved = match self.saved {
            0 => "Aucune saisie n’a pu en être reprise".to_owned(),
            1 => "1 modification en est reprise".to_owned(),
            n => format!("{} modifications en sont reprises", grouped(n)),
        };
        let next = if self.is_registered {
            "ce qui manque reviendra du hub au prochain échange, tout seul."
        } else {
            "mais ce portable a perdu son inscription\u{a0}: demandez un nouveau ticket à l’administrateur, puis lancez \
             «\u{a0}maison-node enrol TICKET\u{a0}»\u{a0}; ce qui manque reviendra du hub ensuite."
        };
        format!(
            "La base de données de ce portable était abîmée{when}. Elle est mise de côté dans le dossier «\u{a0}{}\u{a0}», \
             à côté de la nouvelle\u{a0}: rien n’en est supprimé. {saved}\u{a0}; {next}",
            self.directory
        )
    }
}

/// The last time that this laptop's database was found damaged, if ever.
///
/// # Errors
/// When the row is damaged.
pub fn damage(connection: &Connection) -> Result<Option<Damage>, LedgerError> {
    let json = replica::get(connection, DAMAGE)?;
    json.map(|json| serde_json::from_slice(&json).map_err(|_| LedgerError::Damaged(DAMAGE)))
        .transpose()
}

/// Moves the database in `directory` aside and puts a new one in its place. Whoever calls holds the directory, and has
/// nothing open in it.
///
/// # Errors
/// When the disk does not let it; nothing has been moved then, or the next opening finishes it.
pub(crate) async fn rescue(directory: &Path, at: Timestamp) -> Result<Damage, SiteError> {
    let from = directory.to_owned();
    let carved = tokio::task::spawn_blocking(move || carve::carve(&from)).await;
    let carved = carved.map_err(|_| LedgerError::Interrupted)??;
    let (new, name) = aside::begin(directory, aside::Why::Damaged, at)?;
    let progress = progress_bar("Reprise des données");
    let site = Site::open(&new, MIGRATIONS, Clock::default(), progress).await?;
    let damage = fill(&site, carved, at, name).await;
    site.close().await;
    let damage = damage?;
    aside::replace(directory, &damage.directory)?;
    tracing::warn!(saved = damage.saved, "a damaged database was moved aside");
    Ok(damage)
}

async fn fill(
    site: &Site,
    carved: Carved,
    at: Timestamp,
    directory: String,
) -> Result<Damage, SiteError> {
    let saved = Saved::of(&carved);
    let (confirmed, pending) = split(carved.changes, &saved);
    let mut count = site.salvage(confirmed, &carved.kinds).await?;
    // What is taken from here on is what the hub is not known to have.
    let acked = site.read(|c| Ok(changes::last_seq(c)?)).await?;
    count += site.salvage(pending, &carved.kinds).await?;
    let damage = Damage {
        at,
        directory,
        saved: count,
        is_registered: saved.is_registered(),
    };
    let noted = damage.clone();
    site.write(move |work| Ok(keep(work.connection(), &saved, acked, &noted)?))
        .await?;
    Ok(damage)
}

type Changes = Vec<CarvedChange>;

/// Those that the hub is thought to have, and those that wait.
fn split(all: std::collections::BTreeMap<i64, CarvedChange>, saved: &Saved) -> (Changes, Changes) {
    let mut confirmed = Vec::new();
    let mut pending = Vec::new();
    for (seq, change) in all {
        if seq <= saved.acked || Some(change.origin) == saved.hub {
            confirmed.push(change);
        } else {
            pending.push(change);
        }
    }
    (confirmed, pending)
}

/// What of the `replica` table makes sense.
struct Saved {
    id: Option<ReplicaId>,
    registered_as: Option<ReplicaId>,
    key: Option<[u8; 32]>,
    enrolment: Option<Enrolment>,
    hub_key: Option<VerifyingKey>,
    hub: Option<ReplicaId>,
    acked: i64,
}

impl Saved {
    fn of(carved: &Carved) -> Self {
        let id_under = |key: &str| {
            let bytes = bytes_under::<16>(carved, key)?;
            Some(ReplicaId(uuid::Uuid::from_bytes(bytes)))
        };
        let enrolment = carved.keys.get(identity::ENROLMENT);
        let enrolment: Option<Enrolment> =
            enrolment.and_then(|json| serde_json::from_slice(json).ok());
        Self {
            id: id_under(replica::ID),
            registered_as: id_under(lease::REGISTERED_AS),
            key: bytes_under(carved, identity::KEY),
            hub_key: bytes_under(carved, hub_key::KNOWN)
                .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok()),
            hub: enrolment
                .as_ref()
                .map(|enrolment| enrolment.hub)
                .or_else(|| id_under(position::HUB)),
            acked: bytes_under(carved, position::ACKED).map_or(0, i64::from_be_bytes),
            enrolment,
        }
    }

    fn is_registered(&self) -> bool {
        self.id.is_some() && self.key.is_some() && self.enrolment.is_some()
    }
}

fn bytes_under<const N: usize>(carved: &Carved, key: &str) -> Option<[u8; N]> {
    carved.keys.get(key)?.as_slice().try_into().ok()
}

fn keep(
    connection: &Connection,
    saved: &Saved,
    acked: i64,
    damage: &Damage,
) -> Result<(), LedgerError> {
    replica::claim(connection, OWNER)?;
    if let (true, Some(id), Some(key), Some(enrolment)) =
        (damage.is_registered, saved.id, &saved.key, &saved.enrolment)
    {
        replica::set_id(connection, id)?;
        identity::ensure_key(connection, key)?;
        identity::keep_enrolment(connection, enrolment)?;
        if let Some(first) = saved.registered_as {
            replica::set(connection, lease::REGISTERED_AS, first.as_bytes())?;
        }
        if let Some(key) = &saved.hub_key {
            hub_key::keep(connection, key)?;
        }
        lease::begin_anew(connection, ReplicaId::fresh())?;
    }
    if let Some(hub) = saved.hub {
        position::doubt(connection, hub, acked)?;
    }
    let json = serde_json::to_vec(damage).map_err(|_| LedgerError::Damaged(DAMAGE))?;
    replica::set(connection, DAMAGE, &json)
}
