//! Restoring a backup in the place of a hub that is lost or damaged, or on a new machine. See the module above.

use std::fs::File;
use std::path::{Path, PathBuf};

use shared::desk::sign_in;
use shared::exchange::position;
use shared::ledger::{Store, aside};
use shared::site::erasure_file;
use shared::time::Clock;

use super::custody::Custody;
use super::keys::{self, KeyFile};
use super::manifest::Manifest;
use super::state::State;
use super::{BackupError, Tell, archive, list, place, returned, settings, verify};
use crate::devices::tickets;
use crate::opened::{ERASURES, Hub};

/// What is restored from.
#[derive(Clone, Debug)]
pub enum From {
    /// The newest backup in the hub's places.
    Newest,
    /// A backup, or the newest one in a directory.
    Path(PathBuf),
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// The backup.
    pub path: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Where the data lie that were there before; nothing where there were none.
    pub aside: Option<PathBuf>,
    /// Whether something here said which hub it must be of: the data that were here, or the key file.
    pub is_vouched: bool,
}

/// Restores a backup into `directory`. What is there stays as it is until the backup has been unpacked, checked and
/// opened beside it; then it is set aside.
///
/// # Errors
/// [`shared::ledger::LedgerError::Held`] while the hub serves, or why it is not restored; nothing is changed then.
pub async fn restore(
    directory: &Path,
    from: From,
    key: KeyFile,
    clock: Clock,
    tell: Tell<'_>,
) -> Result<Restored, BackupError> {
    let _held = Store::hold(directory)?;
    aside::finish(directory)?;
    let custody = Custody::take(directory)?;
    let path = chosen(directory, from)?;
    let now = clock.now();
    let is_vouched = key.hub.is_some() || keys::own_hub(directory).is_some();
    let (new, name) = aside::begin(directory, aside::Why::Restored, now)?;
    let made = make(&custody, &path, &key, (&new, clock), tell).await;
    let manifest = match made {
        Ok(manifest) => manifest,
        Err(error) => {
            // It is as personal as the hub, and of no use.
            let _ = std::fs::remove_dir_all(&new);
            return Err(error);
        }
    };
    tracing::info!(step = "ready", "restoring");
    keep_beside(directory, &new)?;
    aside::replace(directory, &name)?;
    tracing::info!(step = "done", "restoring");
    State::change(directory, |state| {
        state.note_verified(&path, &manifest, now)
    })?;
    let aside = directory.join(name);
    Ok(Restored {
        path,
        manifest,
        aside: aside.exists().then_some(aside),
        is_vouched,
    })
}

/// The newest backup of a directory, or the file itself.
fn chosen(directory: &Path, from: From) -> Result<PathBuf, BackupError> {
    match from {
        From::Newest => Ok(list::newest(directory)?.path),
        From::Path(path) if path.is_dir() => {
            let hub = keys::own_hub(directory);
            let found = list::backups(&path, hub.as_ref(), &State::default());
            let newest = found.into_iter().next().ok_or(BackupError::NoBackup)?;
            Ok(newest.path)
        }
        From::Path(path) => Ok(path),
    }
}

/// Makes the restored hub in `new`, closed and on the disk.
async fn make(
    custody: &Custody,
    path: &Path,
    key: &KeyFile,
    (new, clock): (&Path, Clock),
    tell: Tell<'_>,
) -> Result<Manifest, BackupError> {
    let hub = keys::own_hub(&custody.directory);
    let manifest = verify::unpack(path, key, hub, new, tell)?;
    tracing::info!(step = "unpacked", "restoring");
    replay(custody, path, new)?;
    begin_anew(new, &manifest, clock).await?;
    let database = new.join(archive::DATABASE);
    let synced = File::open(&database).and_then(|file| file.sync_all());
    synced.map_err(BackupError::file(&database))?;
    Ok(manifest)
}

/// Gives the hub that was unpacked into `target` every erasure and revocation that is still known: by the file in the
/// data directory, by the copies in the places and by that beside the backup. Each is signed; who opens the hub looks.
pub(super) fn replay(custody: &Custody, path: &Path, target: &Path) -> Result<(), BackupError> {
    let mut lines = erasure_file::lines(&custody.directory.join(ERASURES))?;
    let places = custody.settings.places.iter().map(PathBuf::as_path);
    for place in places.chain(path.parent()) {
        lines.extend(place::mirrored(place));
    }
    erasure_file::add_missing(&target.join(ERASURES), &lines)?;
    Ok(())
}

/// Opens the hub that was unpacked into `target` and begins its new life.
pub(super) async fn begin_anew(
    target: &Path,
    manifest: &Manifest,
    clock: Clock,
) -> Result<(), BackupError> {
    let hub = Hub::open_copy(target, clock).await?;
    let (now, of) = (hub.site().clock().now(), manifest.at());
    let begun = hub.site().write(move |work| {
        position::renew_own_epoch(work.connection())?;
        tickets::void_open(work.connection(), now)?;
        sign_in::end_all(work.connection())?;
        Ok(returned::note(work.connection(), now, of)?)
    });
    begun.await?;
    hub.close().await;
    if target.join("maison.db-wal").exists() {
        return Err(BackupError::NotClosed);
    }
    Ok(())
}

/// Puts beside the database what a restore does not swap: the file of erasures, which only grows, and the settings of a
/// hub that has none here.
fn keep_beside(directory: &Path, new: &Path) -> Result<(), BackupError> {
    let known = erasure_file::lines(&new.join(ERASURES))?;
    erasure_file::add_missing(&directory.join(ERASURES), &known)?;
    let (from, to) = (new.join(settings::FILE), settings::path(directory));
    if from.exists() && !to.exists() {
        std::fs::rename(&from, &to).map_err(BackupError::file(&to))?;
    }
    Ok(())
}
