//! The drill: the newest backup is really restored, beside, checked and thrown away. A backup that nobody has restored
//! is a hope.

use std::path::Path;

use shared::time::{Clock, Timestamp};

use super::custody::Custody;
use super::keys::{self, KeyFile};
use super::list::newest;
use super::manifest::Manifest;
use super::settings::private_directory;
use super::state::{Drilled, State};
use super::{BackupError, Tell, restore, verify};

/// Where the backup is restored, in the working directory.
const TARGET: &str = "essai";

/// Restores the newest backup for practice, with a key file, or without one with the drill key, and notes what came of
/// it. Answers its name.
///
/// # Errors
/// Why it would not restore.
pub async fn drill(
    directory: &Path,
    key: Option<KeyFile>,
    now: Timestamp,
    tell: Tell<'_>,
) -> Result<String, BackupError> {
    let found = newest(directory)?;
    let custody = Custody::take(directory)?;
    let outcome = restored(&custody, &found.path, key, now, tell).await;
    let failure = outcome.as_ref().err().map(ToString::to_string);
    let name = found.name();
    State::change(directory, |state| {
        if let Ok(manifest) = &outcome {
            state.note_verified(&found.path, manifest, now);
        }
        let name = name.clone();
        state.drill = Some(Drilled {
            at: now.0,
            name,
            failure,
        });
    })?;
    outcome.map(|_| name)
}

async fn restored(
    custody: &Custody,
    path: &Path,
    key: Option<KeyFile>,
    now: Timestamp,
    tell: Tell<'_>,
) -> Result<Manifest, BackupError> {
    let key = verify::key_or_drill(&custody.directory, key)?;
    let target = custody.work.join(TARGET);
    private_directory(&target)?;
    let hub = keys::own_hub(&custody.directory);
    let manifest = verify::unpack(path, &key, hub, &target, tell)?;
    restore::replay(custody, path, &target)?;
    restore::begin_anew(&target, &manifest, Clock::fixed(now)).await?;
    Ok(manifest)
}
