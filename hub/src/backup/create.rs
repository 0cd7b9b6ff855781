//! Making a backup: copy, examine, seal, open again, write to every place. See the module above.

use std::fs::File;
use std::path::{Path, PathBuf};

use shared::exchange::position;
use shared::ledger::{LedgerError, copies, hub_key};
use shared::site::{erasure_file, examine};
use shared::time::Timestamp;

use super::archive::{self, Sealed};
use super::custody::Custody;
use super::manifest::{Copied, Manifest};
use super::settings;
use super::state::{State, Tried};
use super::{BackupError, ENDING, NAME, Phase, PlaceError, Tell, keys, place};
use crate::opened::ERASURES;

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// What it is called.
    pub name: String,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The places: those that have it, read again and compared, and why others have not. One at least has.
    pub places: Vec<(PathBuf, Result<(), PlaceError>)>,
}

/// Backs up the hub in `directory`, while whoever likes works with it.
///
/// # Errors
/// Why there is no backup.
pub fn create(directory: &Path, now: Timestamp, tell: Tell<'_>) -> Result<Made, BackupError> {
    let custody = Custody::of_hub(directory)?;
    let made = create_in(&custody, now, tell);
    let failure = made.as_ref().err().map(ToString::to_string);
    State::change(directory, |state| {
        state.tried = Some(Tried { at: now.0, failure });
    })?;
    made
}

/// Backs up a database that is about to be migrated, where backups are set up.
///
/// # Errors
/// Why there is no backup.
pub fn before_migration(directory: &Path, now: Timestamp) -> Result<(), BackupError> {
    let settings = settings::Settings::read(directory)?;
    if settings.places.is_empty() {
        tracing::warn!("the database is migrated without a backup: none is set up");
        return Ok(());
    }
    let made = create(directory, now, &mut |_, _, _| ())?;
    tracing::info!(name = %made.name, "backed up before the database is migrated");
    Ok(())
}

fn create_in(custody: &Custody, now: Timestamp, tell: Tell<'_>) -> Result<Made, BackupError> {
    let mut recipients = custody.settings.keys()?;
    if custody.settings.places.is_empty() {
        return Err(BackupError::NoPlace);
    }
    let drill = keys::ensure_drill(&custody.directory)?;
    recipients.push(drill.to_public());
    let copied = copy(custody, now, tell)?;
    let mut sealed = archive::seal(&custody.work, &contents(custody)?, &recipients, tell)?;
    archive::check(&custody.work, &mut sealed, &drill)?;
    let manifest = Manifest::of(&copied, sealed.weighed);
    let head = manifest.head(&copied.key)?;
    let name = free_name(&custody.settings.places, now);
    let places = write(custody, &name, (&head, &sealed), tell);
    note(custody, &name, &manifest, &places, now)?;
    if places.iter().all(|(_, outcome)| outcome.is_err()) {
        let failures = places
            .into_iter()
            .filter_map(|(path, outcome)| Some((path, outcome.err()?)));
        return Err(BackupError::NowhereWritten(failures.collect()));
    }
    Ok(Made {
        name,
        manifest,
        places,
    })
}

/// A copy of the database as it is now, and what it holds.
fn copy(custody: &Custody, now: Timestamp, tell: Tell<'_>) -> Result<Copied, BackupError> {
    let told = |done, all| tell(Phase::Copying, done, all);
    copies::copy(&custody.directory, &custody.work, told)?;
    tracing::debug!("copied");
    let connection = copies::look(&custody.work)?;
    let examined = examine(&connection, |done, all| tell(Phase::Examining, done, all))?;
    Ok(Copied {
        key: hub_key::own(&connection)?.ok_or(LedgerError::Damaged("hub.signing_key"))?,
        at: now,
        epoch: position::own_epoch(&connection)?.ok_or(LedgerError::Damaged("replica.epoch"))?,
        examined,
        schema: copies::schema(&connection)?,
    })
}

/// The files of a backup; the file of erasures may say more than the copy of the database, never less.
fn contents(custody: &Custody) -> Result<Vec<(&'static str, File)>, BackupError> {
    let mut contents = Vec::new();
    for (name, path) in [
        (archive::DATABASE, custody.work.join(archive::DATABASE)),
        (archive::ERASURES, custody.directory.join(ERASURES)),
        (archive::SETTINGS, settings::path(&custody.directory)),
    ] {
        match File::open(&path) {
            Ok(file) => contents.push((name, file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(BackupError::file(&path)(error)),
        }
    }
    Ok(contents)
}

/// `capestang-2026-11-24T19-00.sauvegarde`, or with a number where that is taken.
fn free_name(places: &[PathBuf], now: Timestamp) -> String {
    let dated = format!("{NAME}-{}", now.local().strftime("%Y-%m-%dT%H-%M"));
    let others = (2..).map(|n| format!("{dated}-{n}"));
    let mut names = std::iter::once(dated.clone()).chain(others);
    let free = names.find(|name| {
        let file = format!("{name}{ENDING}");
        !places.iter().any(|place| place.join(&file).exists())
    });
    format!("{}{ENDING}", free.unwrap_or(dated))
}

/// Writes it to every place; what one does is nothing to the others.
fn write(
    custody: &Custody,
    name: &str,
    (head, sealed): (&[u8], &Sealed),
    tell: Tell<'_>,
) -> Vec<(PathBuf, Result<(), PlaceError>)> {
    let erasures = erasure_file::lines(&custody.directory.join(ERASURES)).unwrap_or_default();
    let places = &custody.settings.places;
    let written = places.iter().enumerate().map(|(done, place)| {
        tell(Phase::Placing, done, places.len());
        let put = place::put(place, name, (head, &sealed.file), place::from_disk);
        let outcome = put.and_then(|_| place::mirror(place, &erasures));
        if let Err(error) = &outcome {
            tracing::error!(%error, number = done + 1, "a place has no new backup");
        }
        (place.clone(), outcome)
    });
    let written = written.collect();
    tell(Phase::Placing, places.len(), places.len());
    written
}

fn note(
    custody: &Custody,
    name: &str,
    manifest: &Manifest,
    places: &[(PathBuf, Result<(), PlaceError>)],
    now: Timestamp,
) -> Result<(), BackupError> {
    State::change(&custody.directory, |state| {
        for (place, outcome) in places {
            state.note_put((place, name), outcome, manifest, now);
        }
        // Of files that are gone nothing need be known.
        let known = &custody.settings.places;
        state.failing.retain(|place, _| known.contains(place));
    })
}
