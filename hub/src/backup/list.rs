//! Which backups there are, in every place that is there.

use std::path::{Path, PathBuf};

use ed25519_dalek::VerifyingKey;
use shared::time::Timestamp;

use super::manifest::Manifest;
use super::settings::{Administrator, Settings};
use super::state::State;
use super::{BackupError, keys, place};

/// Everything that is known of a hub's backups.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The places.
    pub places: Vec<PlaceListed>,
    /// Who can open backups.
    pub recipients: Vec<Administrator>,
    /// What is known of them.
    pub state: State,
}

/// A place with its backups.
#[derive(Clone, Debug)]
pub struct PlaceListed {
    /// The directory.
    pub path: PathBuf,
    /// Whether it is there.
    pub is_there: bool,
    /// Why the last writing to it failed, if it did.
    pub failing: Option<String>,
    /// The hub's backups in it, newest first.
    pub backups: Vec<Found>,
}

/// A backup in a place.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its file.
    pub path: PathBuf,
    /// What it says of itself, signed by the hub.
    pub manifest: Manifest,
    /// Bytes of the file.
    pub bytes: u64,
    /// When it was last verified.
    pub verified: Option<Timestamp>,
}

impl Found {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        self.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }
}

/// What there is for the hub in `directory`. Files that are no backups of this hub are left out; the heads of the others
/// are read, and no more.
///
/// # Errors
/// When the settings cannot be read.
pub fn list(directory: &Path) -> Result<Listed, BackupError> {
    let settings = Settings::read(directory)?;
    let state = State::read(directory);
    let hub = keys::own_hub(directory);
    let places = settings.places.into_iter().map(|path| PlaceListed {
        is_there: place::is_there(&path),
        failing: state
            .failing
            .get(&path)
            .map(|failing| failing.failure.clone()),
        backups: backups(&path, hub.as_ref(), &state),
        path,
    });
    Ok(Listed {
        places: places.collect(),
        recipients: settings.recipients,
        state,
    })
}

/// The backups in one directory, newest first.
pub(super) fn backups(place: &Path, hub: Option<&VerifyingKey>, state: &State) -> Vec<Found> {
    let found = place::files(place).into_iter().filter_map(|path| {
        let mut file = place::open(&path).ok()?;
        let manifest = Manifest::read(&mut file, hub).ok()?;
        Some(Found {
            bytes: std::fs::metadata(&path).ok()?.len(),
            verified: state.verified.get(&path).copied().map(Timestamp),
            manifest,
            path,
        })
    });
    let mut found: Vec<Found> = found.collect();
    found.sort_by_key(|one| std::cmp::Reverse(one.manifest.at()));
    found
}

/// The newest backup in any place; of those in several, one that was verified.
///
/// # Errors
/// [`BackupError::NoBackup`], or when the settings cannot be read.
pub fn newest(directory: &Path) -> Result<Found, BackupError> {
    let all = list(directory)?
        .places
        .into_iter()
        .flat_map(|place| place.backups);
    all.max_by_key(|found| (found.manifest.at(), found.verified))
        .ok_or(BackupError::NoBackup)
}
