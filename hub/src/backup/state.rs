//! What is known of backups: which files were verified and when, the last try, the last drill, the state of places. A
//! small file beside the settings, `sauvegardes/etat.json`; without it nothing is lost but the memory of checks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shared::time::Timestamp;

use super::manifest::Manifest;
use super::settings::{DIRECTORY, private_directory, write_json};
use super::{BackupError, PlaceError};

const FILE: &str = "etat.json";

/// What is known. Stamps are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// When each file was last verified, by its path.
    #[serde(default)]
    pub verified: BTreeMap<PathBuf, i64>,
    /// The newest backup that was ever verified.
    #[serde(default)]
    pub newest: Option<Standing>,
    /// The last time that one was to be made.
    #[serde(default)]
    pub tried: Option<Tried>,
    /// The last drill.
    #[serde(default)]
    pub drill: Option<Drilled>,
    /// Why the last writing to a place failed, by place.
    #[serde(default)]
    pub failing: BTreeMap<PathBuf, Failing>,
}

/// How far the newest verified backup reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// The moment that it is of.
    pub at: i64,
    /// The hub's epoch then, in hexadecimal.
    pub epoch: String,
    /// The last position of the hub's ledger in it.
    pub position: i64,
}

/// That a backup was to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// When.
    pub at: i64,
    /// Why there is none; nothing when there is.
    pub failure: Option<String>,
}

/// That a place did not take a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// When.
    pub at: i64,
    /// Why.
    pub failure: String,
}

/// That a backup was restored for practice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drilled {
    /// When.
    pub at: i64,
    /// Which.
    pub name: String,
    /// Why it failed; nothing when it did not.
    pub failure: Option<String>,
}

impl State {
    /// What is known at the hub in `directory`. One that does not read is as none.
    #[must_use]
    pub fn read(directory: &Path) -> Self {
        let bytes = std::fs::read(path(directory)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Changes what is known; whoever calls holds the lock.
    pub(super) fn change(
        directory: &Path,
        change: impl FnOnce(&mut Self),
    ) -> Result<(), BackupError> {
        let mut state = Self::read(directory);
        change(&mut state);
        private_directory(&directory.join(DIRECTORY))?;
        write_json(&path(directory), &state)
    }

    /// Notes what became of writing a backup to a place.
    pub(super) fn note_put(
        &mut self,
        (place, name): (&Path, &str),
        outcome: &Result<(), PlaceError>,
        manifest: &Manifest,
        now: Timestamp,
    ) {
        match outcome {
            Ok(()) => {
                self.failing.remove(place);
                self.note_verified(&place.join(name), manifest, now);
            }
            Err(error) => {
                let (at, failure) = (now.0, error.to_string());
                self.failing
                    .insert(place.to_owned(), Failing { at, failure });
            }
        }
    }

    /// Notes that the file at `path` was verified.
    pub(super) fn note_verified(&mut self, path: &Path, manifest: &Manifest, now: Timestamp) {
        self.verified.insert(path.to_owned(), now.0);
        let at = manifest.at().0;
        if self.newest.as_ref().is_none_or(|newest| newest.at <= at) {
            self.newest = Some(Standing {
                name: path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                at,
                epoch: manifest.epoch().to_string(),
                position: manifest.position,
            });
        }
    }
}

fn path(directory: &Path) -> PathBuf {
    directory.join(DIRECTORY).join(FILE)
}
