//! The directory `sauvegardes` of a hub, and who is at work in it: one at a time, command or serving program.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use shared::ledger::Store;
use shared::site::erasure_file;

use super::settings::{DIRECTORY, Settings, private_directory};
use super::{BackupError, place};
use crate::opened::ERASURES;

/// Held by whoever makes, opens or removes backups.
const LOCK: &str = "verrou";
/// Where copies and unpacked backups lie meanwhile: as personal as the database, and beside it.
const WORK: &str = "en-cours";

/// The lock on a hub's backups, with what is set. Its working directory is empty at first, and gone at last.
pub(super) struct Custody {
    pub(super) directory: PathBuf,
    pub(super) settings: Settings,
    pub(super) work: PathBuf,
    _lock: File,
}

impl Custody {
    /// Takes it.
    pub(super) fn take(directory: &Path) -> Result<Self, BackupError> {
        let own = directory.join(DIRECTORY);
        private_directory(&own)?;
        let path = own.join(LOCK);
        let lock = File::create(&path).map_err(BackupError::file(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::Busy),
            Err(TryLockError::Error(error)) => return Err(BackupError::file(&path)(error)),
        }
        let work = own.join(WORK);
        empty(&work)?;
        private_directory(&work)?;
        Ok(Self {
            directory: directory.to_owned(),
            settings: Settings::read(directory)?,
            work,
            _lock: lock,
        })
    }

    /// The same where there must be a hub.
    pub(super) fn of_hub(directory: &Path) -> Result<Self, BackupError> {
        if !Store::exists(directory) {
            return Err(BackupError::NoHub(directory.to_owned()));
        }
        Self::take(directory)
    }
}

impl Drop for Custody {
    fn drop(&mut self) {
        if let Err(error) = empty(&self.work) {
            tracing::warn!(%error, "a copy for a backup is not removed yet");
        }
    }
}

fn empty(work: &Path) -> Result<(), BackupError> {
    match std::fs::remove_dir_all(work) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(BackupError::file(work)(error))
        }
        _ => Ok(()),
    }
}

/// Removes what a program that died while it made or opened a backup has left: copies of the database.
///
/// # Errors
/// What the system says; not [`BackupError::Busy`]: whoever is at work removes its own.
pub fn clear(directory: &Path) -> Result<(), BackupError> {
    if !directory.join(DIRECTORY).join(WORK).exists() {
        return Ok(());
    }
    match Custody::take(directory) {
        Ok(_) | Err(BackupError::Busy) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives every place that is there what its copy of the file of erasures lacks.
///
/// # Errors
/// When the settings or the hub's own file cannot be read. A place that fails is told to the log.
pub fn mirror_erasures(directory: &Path) -> Result<(), BackupError> {
    let settings = Settings::read(directory)?;
    if settings.places.is_empty() {
        return Ok(());
    }
    let lines = erasure_file::lines(&directory.join(ERASURES))?;
    for path in &settings.places {
        if let Err(error) = place::mirror(path, &lines) {
            tracing::warn!(%error, "a place has no copy of the last erasures");
        }
    }
    Ok(())
}
