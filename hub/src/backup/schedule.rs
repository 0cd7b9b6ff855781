//! Backups by themselves while the hub serves: daily at a time, to disks that come back, with what was erased since;
//! then old ones go, and once a week the newest is restored for practice.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Time;
use shared::ledger::LedgerError;
use shared::time::Timestamp;

use super::custody::Custody;
use super::settings::Settings;
use super::state::State;
use super::{BackupError, archive, drill, list, mirror_erasures, place, prune};
use crate::opened::{ERASURES, Hub};

/// How often it is looked whether something is due.
const LOOKED_EVERY: Duration = Duration::from_secs(60);
/// Pause after a backup that failed.
const RETRY_MS: i64 = 30 * 60_000;
/// A drill is due after so long.
const DRILL_EVERY_MS: i64 = 7 * 24 * 3_600_000;

/// Keeps backups of a serving hub, daily from `at` on; it does not end.
pub async fn keep(hub: Hub, at: Time) {
    let mut commits = hub.site().store().commits();
    let mut looked = tokio::time::interval(LOOKED_EVERY);
    let mut mirrored = None;
    loop {
        let directory = hub.site().store().directory().to_owned();
        let erasures = std::fs::metadata(directory.join(ERASURES)).map_or(0, |file| file.len());
        if mirrored != Some(erasures) {
            mirrored = Some(erasures);
            apart(&hub, move |directory, _| mirror_erasures(directory)).await;
        }
        tokio::select! {
            // The sender lives in the store, which `hub` keeps.
            _ = commits.changed() => {}
            _ = looked.tick() => apart(&hub, move |directory, now| look(directory, now, at)).await,
        }
    }
}

/// Does it on a thread that may wait for disks; what goes wrong is told to the log, and to the page by the state.
async fn apart(
    hub: &Hub,
    work: impl FnOnce(&Path, Timestamp) -> Result<(), BackupError> + Send + 'static,
) {
    let directory = hub.site().store().directory().to_owned();
    let now = hub.site().clock().now();
    let done = tokio::task::spawn_blocking(move || work(&directory, now)).await;
    // A copy in the making keeps what was erased meanwhile from leaving the log.
    hub.site().scrub().await;
    match done.unwrap_or_else(|_| Err(LedgerError::Interrupted.into())) {
        Ok(()) | Err(BackupError::Busy) => {}
        Err(error) => tracing::error!(%error, "backups"),
    }
}

pub(super) fn look(directory: &Path, now: Timestamp, at: Time) -> Result<(), BackupError> {
    let settings = Settings::read(directory)?;
    if settings.places.is_empty() || settings.keys().is_err() {
        return Ok(());
    }
    let state = State::read(directory);
    if !is_due(&state, now, at) {
        return catch_up(directory, &settings, &state, now);
    }
    let made = super::create(directory, now, &mut |_, _, _| ())?;
    tracing::info!(name = %made.name, "backed up");
    let removed = prune::prune(directory, None, false)?;
    tracing::info!(count = removed.len(), "old backups removed");
    if is_drill_due(&state, now) {
        let runtime = tokio::runtime::Handle::current();
        let name = runtime.block_on(drill::drill(directory, None, now, &mut |_, _, _| ()))?;
        tracing::info!(%name, "restored for practice");
    }
    Ok(())
}

/// Whether there is no backup since the last time that one was due.
fn is_due(state: &State, now: Timestamp, at: Time) -> bool {
    let today = Timestamp::of_local(now.date(), at);
    let due = match today <= now {
        true => today,
        false => Timestamp::of_local(now.date().yesterday().unwrap_or(now.date()), at),
    };
    match &state.tried {
        Some(tried) if tried.at >= due.0 => tried.failure.is_some() && now.0 - tried.at >= RETRY_MS,
        _ => true,
    }
}

fn is_drill_due(state: &State, now: Timestamp) -> bool {
    let last = state.drill.as_ref().filter(|drill| drill.failure.is_none());
    last.is_none_or(|drill| now.0 - drill.at >= DRILL_EVERY_MS)
}

/// Gives the newest backup to places that lack it and are there: disks that were not when it was made.
fn catch_up(
    directory: &Path,
    settings: &Settings,
    state: &State,
    now: Timestamp,
) -> Result<(), BackupError> {
    let Ok(newest) = list::newest(directory) else {
        return Ok(());
    };
    let name = newest.name();
    let is_lacking = |place: &&PathBuf| {
        let failed = state.failing.get(*place);
        let waits = failed.is_some_and(|failing| now.0 - failing.at < RETRY_MS);
        !waits && place::is_there(place) && !place.join(&name).exists()
    };
    let lacking: Vec<&PathBuf> = settings.places.iter().filter(is_lacking).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let _custody = Custody::take(directory)?;
    let path = &newest.path;
    let mut file = place::open(path).map_err(BackupError::file(path))?;
    super::manifest::Manifest::read(&mut file, None)?;
    archive::verify_sum(&mut file, &newest.manifest)?;
    for place in lacking {
        let file = std::fs::File::open(path).map_err(BackupError::file(path))?;
        let put = place::put(place, &name, (b"", &file), place::from_disk);
        let outcome = put.map(|_| ());
        State::change(directory, |state| {
            state.note_put((place, &name), &outcome, &newest.manifest, now);
        })?;
    }
    mirror_erasures(directory)
}

#[cfg(test)]
mod tests {
    use super::super::state::{Drilled, Tried};
    use super::*;
    use jiff::civil::{date, time};

    const AT: Time = time(19, 0, 0, 0);

    fn moment(day: i8, hour: i8, minute: i8) -> Timestamp {
        Timestamp::of_local(date(2026, 11, day), time(hour, minute, 0, 0))
    }

    fn tried(at: Timestamp, failure: Option<&str>) -> State {
        let failure = failure.map(str::to_owned);
        State {
            tried: Some(Tried { at: at.0, failure }),
            ..State::default()
        }
    }

    #[test]
    fn a_backup_is_due_once_a_day_and_made_up_for_when_the_hub_was_off() {
        let due = |state: &State, now| is_due(state, now, AT);
        assert!(due(&State::default(), moment(24, 8, 0)), "never");
        let before = tried(moment(23, 19, 1), None);
        assert!(!due(&before, moment(24, 18, 59)));
        assert!(due(&before, moment(24, 19, 0)));
        assert!(due(&tried(moment(24, 18, 59), None), moment(24, 19, 0)));
        assert!(due(&before, moment(25, 8, 0)), "off at 19:00");
        let failed = tried(moment(24, 19, 0), Some("full"));
        assert!(!due(&failed, moment(24, 19, 29)));
        assert!(due(&failed, moment(24, 19, 30)));
    }

    #[test]
    fn a_drill_is_due_after_a_week_and_after_one_that_failed() {
        let drilled = |failure: Option<&str>| State {
            drill: Some(Drilled {
                at: moment(17, 19, 5).0,
                name: String::new(),
                failure: failure.map(str::to_owned),
            }),
            ..State::default()
        };
        assert!(is_drill_due(&State::default(), moment(18, 19, 0)));
        assert!(!is_drill_due(&drilled(None), moment(24, 19, 0)));
        assert!(is_drill_due(&drilled(None), moment(24, 19, 5)));
        assert!(is_drill_due(&drilled(Some("no")), moment(18, 19, 0)));
    }
}
