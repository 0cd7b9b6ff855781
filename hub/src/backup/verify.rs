//! Verifying a backup: opened to its last byte, beside everything else, and thrown away again.

use std::path::Path;

use ed25519_dalek::VerifyingKey;
use shared::exchange::position;
use shared::ledger::{LedgerError, copies, hub_key};
use shared::site::examine;
use shared::time::Timestamp;

use super::custody::Custody;
use super::keys::{self, KeyFile};
use super::manifest::Manifest;
use super::state::State;
use super::{BackupError, Phase, Tell, archive, place};
use crate::opened::MIGRATIONS;

/// Verifies the backup at `path` with a key file, or without one with the drill key, and notes that it was.
///
/// # Errors
/// What is wrong with it.
pub fn verify(
    directory: &Path,
    path: &Path,
    key: Option<KeyFile>,
    now: Timestamp,
    tell: Tell<'_>,
) -> Result<Manifest, BackupError> {
    let custody = Custody::take(directory)?;
    let key = key_or_drill(directory, key)?;
    let manifest = unpack(path, &key, keys::own_hub(directory), &custody.work, tell)?;
    State::change(directory, |state| state.note_verified(path, &manifest, now))?;
    Ok(manifest)
}

/// The key file, or without it the drill key.
pub(super) fn key_or_drill(directory: &Path, key: Option<KeyFile>) -> Result<KeyFile, BackupError> {
    if let Some(key) = key {
        return Ok(key);
    }
    let drill = keys::drill(directory)?.ok_or(BackupError::NoKey)?;
    Ok(KeyFile {
        identities: vec![drill],
        hub: None,
    })
}

/// Unpacks the backup at `path` into `target`, an empty directory, and makes sure that it is what it says: signature,
/// sum, encryption, every page, change and document, and the fingerprint.
///
/// It must be of `hub`, or of the hub that the key file names; where nobody knows one, of the hub whose key is in it.
pub(super) fn unpack(
    path: &Path,
    key: &KeyFile,
    hub: Option<VerifyingKey>,
    target: &Path,
    tell: Tell<'_>,
) -> Result<Manifest, BackupError> {
    let mut file = place::open(path).map_err(BackupError::file(path))?;
    let manifest = Manifest::read(&mut file, hub.or(key.hub).as_ref())?;
    copies::refuse_newer(&manifest.schema, MIGRATIONS)?;
    archive::verify_sum(&mut file, &manifest)?;
    // Once more from the beginning: a wrong key is told from a damaged file.
    let mut file = place::open(path).map_err(BackupError::file(path))?;
    Manifest::read(&mut file, None)?;
    archive::unpack(file, &key.identities, &manifest, target, tell)?;
    examine_unpacked(&manifest, target, tell)?;
    Ok(manifest)
}

fn examine_unpacked(manifest: &Manifest, target: &Path, tell: Tell<'_>) -> Result<(), BackupError> {
    if !shared::ledger::Store::exists(target) {
        return Err(BackupError::Differs);
    }
    let connection = copies::look(target)?;
    let examined = examine(&connection, |done, all| tell(Phase::Examining, done, all))?;
    let own = hub_key::own(&connection)?.ok_or(LedgerError::Damaged("hub.signing_key"))?;
    let is_same = manifest.fits(&examined)
        && manifest.is_of(&own.verifying_key())
        && position::own_epoch(&connection)? == Some(manifest.epoch())
        && copies::schema(&connection)? == manifest.schema;
    is_same.then_some(()).ok_or(BackupError::Differs)
}
