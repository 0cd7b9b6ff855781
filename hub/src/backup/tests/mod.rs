//! Backups of a hub, in directories of the test's own: what works, and every backup that must not be believed.

mod restoring;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ed25519_dalek::SigningKey;
use shared::domain::person::Person;
use shared::ids::{PersonId, ReplicaId};
use shared::joining::signature::Nonce;
use shared::ledger::{Fingerprint, LedgerError, Store, replica};
use shared::time::{Clock, Timestamp};
use tempfile::TempDir;

use super::restore::From;
use super::settings::Settings;
use super::*;
use crate::devices::{self, Device};
use crate::opened::{Hub, PROGRAM};

/// Thursday 26 November 2026, 9:25 at Capestang.
const NOW: Timestamp = Timestamp(1_795_681_500_000);
const NAME_OF_BACKUP: &str = "capestang-2026-11-26T09-25.sauvegarde";

/// A hub with two people in it, two key files, two places.
struct Stage {
    directory: TempDir,
    hub: Hub,
}

impl Stage {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("hub");
        let hub = Hub::open(&data, Clock::fixed(NOW)).await.unwrap();
        let stage = Self { directory, hub };
        let mut settings = Settings::default();
        for name in ["odile.cle", "paul.cle"] {
            let public = keys::draw(&data, &stage.path(name)).unwrap();
            settings.add_recipient(&public, name).unwrap();
        }
        for name in ["one", "other"] {
            let place = stage.path(name);
            fs::create_dir(&place).unwrap();
            mark(&place).unwrap();
            settings.places.push(place);
        }
        settings.write(&data).unwrap();
        for name in ["Zébulonette", "Carayon"] {
            stage.add(name).await;
        }
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("hub")
    }

    async fn add(&self, name: &'static str) -> PersonId {
        let id = PersonId::fresh();
        let edit = |person: &mut Person| person.family_name = name.to_owned();
        self.hub.site().edit(id, PROGRAM, edit).await.unwrap();
        id
    }

    async fn join(&self, n: u8) -> ReplicaId {
        let (id, key) = (
            replica_id(n),
            SigningKey::from_bytes(&[n; 32]).verifying_key(),
        );
        let job = move |tx: &rusqlite::Transaction<'_>| {
            devices::register(tx, id, "Portable", &key, Nonce([n; 16]), NOW)
        };
        self.hub.site().store().write(job).await.unwrap();
        id
    }

    fn create(&self) -> Result<Made, BackupError> {
        create(&self.data(), NOW, &mut |_, _, _| ())
    }

    /// A backup, and its file in the first place.
    fn backup(&self) -> PathBuf {
        self.path("one").join(self.create().unwrap().name)
    }

    fn verify(&self, path: &Path, key: Option<&str>) -> Result<manifest::Manifest, BackupError> {
        let key = key.map(|key| keys::read(&self.path(key)).unwrap());
        verify(&self.data(), path, key, NOW, &mut |_, _, _| ())
    }

    /// What the schedule of a hub that backs up at 8:00 does at `now`.
    async fn look(&self, now: Timestamp) {
        let data = self.data();
        let job = move || schedule::look(&data, now, jiff::civil::time(8, 0, 0, 0));
        tokio::task::spawn_blocking(job).await.unwrap().unwrap();
    }

    async fn drill(&self) -> Result<String, BackupError> {
        drill::drill(&self.data(), None, NOW, &mut |_, _, _| ()).await
    }

    async fn restore(&self, into: &str, from: &Path) -> Result<restore::Restored, BackupError> {
        let key = keys::read(&self.path("odile.cle")).unwrap();
        let from = From::Path(from.to_owned());
        let clock = Clock::fixed(Timestamp(NOW.0 + 1000));
        restore::restore(&self.path(into), from, key, clock, &mut |_, _, _| ()).await
    }

    /// A restored hub.
    async fn opened(&self, name: &str) -> Hub {
        let clock = Clock::fixed(Timestamp(NOW.0 + 2000));
        Hub::open_existing(&self.path(name), clock).await.unwrap()
    }
}

fn replica_id(n: u8) -> ReplicaId {
    ReplicaId(uuid::Uuid::from_u128(n.into()))
}

async fn fingerprint(hub: &Hub) -> Fingerprint {
    let read = hub.site().read(|c| Ok(replica::fingerprint(c)?));
    read.await.unwrap()
}

async fn device(hub: &Hub, id: ReplicaId) -> Option<Device> {
    let read = hub.site().read(move |c| Ok(devices::find(c, id)?));
    read.await.unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let files = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn holds(path: &Path, words: &str) -> bool {
    let bytes = fs::read(path).unwrap();
    bytes
        .windows(words.len())
        .any(|part| part == words.as_bytes())
}

#[tokio::test]
async fn a_backup_is_in_every_place_verified_unreadable_and_leaves_nothing_else() {
    let stage = Stage::new().await;
    let made = stage.create().unwrap();
    assert_eq!(made.name, NAME_OF_BACKUP);
    assert_eq!(
        made.manifest.fingerprint(),
        Some(fingerprint(&stage.hub).await)
    );
    let listed = list(&stage.data()).unwrap();
    for (place, name) in listed.places.iter().zip(["one", "other"]) {
        let found = &place.backups[0];
        assert_eq!((place.is_there, found.verified), (true, Some(NOW)));
        assert_eq!(found.path, stage.path(name).join(NAME_OF_BACKUP));
        assert!(!holds(&found.path, "Carayon"));
    }
    assert_eq!(
        listed.state.newest.unwrap().position,
        made.manifest.position
    );
    assert_eq!(
        stage.create().unwrap().name,
        "capestang-2026-11-26T09-25-2.sauvegarde"
    );
    assert_eq!(
        names(&stage.data().join("sauvegardes")),
        ["essai.cle", "etat.json", "reglages.json", "verrou"]
    );
    use std::os::unix::fs::PermissionsExt;
    let own = fs::metadata(stage.data().join("sauvegardes")).unwrap();
    assert_eq!(own.permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn each_administrator_and_the_drill_key_open_a_backup_and_nobody_else_does() {
    let stage = Stage::new().await;
    let path = stage.backup();
    for key in [Some("odile.cle"), Some("paul.cle"), None] {
        let manifest = stage.verify(&path, key).unwrap();
        assert_eq!(manifest.documents, 3);
    }
    keys::draw(&stage.data(), &stage.path("autre.cle")).unwrap();
    let refused = stage.verify(&path, Some("autre.cle"));
    assert!(matches!(refused, Err(BackupError::WrongKey)));
    let elsewhere = Stage::new().await;
    let refused = elsewhere.verify(&path, None);
    assert!(matches!(refused, Err(BackupError::NoKey)), "{refused:?}");
    let key = keys::read(&stage.path("odile.cle")).unwrap();
    let refused = verify(&elsewhere.data(), &path, Some(key), NOW, &mut |_, _, _| ());
    assert!(
        matches!(refused, Err(BackupError::BadSignature)),
        "another hub's"
    );
}

#[tokio::test]
async fn a_key_or_a_place_too_few_is_refused_with_what_to_do() {
    let stage = Stage::new().await;
    let whole = Settings::read(&stage.data()).unwrap();
    let mut settings = whole.clone();
    settings.recipients.pop();
    settings.write(&stage.data()).unwrap();
    assert!(matches!(stage.create(), Err(BackupError::FewRecipients(1))));
    let settings = Settings {
        places: Vec::new(),
        ..whole
    };
    settings.write(&stage.data()).unwrap();
    assert!(matches!(stage.create(), Err(BackupError::NoPlace)));
    let tried = State::read(&stage.data()).tried.unwrap();
    assert!(tried.failure.unwrap().contains("backup place add"));
}

#[tokio::test]
async fn a_place_that_is_not_there_harms_no_other_and_gets_the_backup_when_it_is() {
    let stage = Stage::new().await;
    fs::rename(stage.path("one"), stage.path("unplugged")).unwrap();
    fs::create_dir(stage.path("one")).unwrap();
    let made = stage.create().unwrap();
    assert!(matches!(made.places[0].1, Err(PlaceError::Missing)));
    assert!(made.places[1].1.is_ok());
    assert!(
        names(&stage.path("one")).is_empty(),
        "the empty mount point"
    );
    mark(&stage.path("one")).unwrap();
    stage.look(Timestamp(NOW.0 + 60_000)).await;
    assert!(
        names(&stage.path("one")).len() == 1,
        "it is not tried every minute"
    );
    stage.look(Timestamp(NOW.0 + 3_600_000)).await;
    assert!(stage.path("one").join(&made.name).exists());
    assert!(list(&stage.data()).unwrap().places[0].failing.is_none());
}

#[tokio::test]
async fn a_backup_that_no_place_takes_is_none_and_the_older_ones_stay() {
    let stage = Stage::new().await;
    let older = stage.backup();
    for name in ["one", "other"] {
        fs::remove_file(stage.path(name).join(".maison-sauvegardes")).unwrap();
    }
    let nowhere = stage.create();
    assert!(matches!(nowhere, Err(BackupError::NowhereWritten(_))));
    assert_eq!(names(&stage.path("one")), [NAME_OF_BACKUP]);
    assert!(stage.verify(&older, Some("odile.cle")).is_ok());
}

#[tokio::test]
async fn what_is_cut_altered_or_of_another_form_is_refused_and_called_so() {
    let stage = Stage::new().await;
    let path = stage.backup();
    let whole = fs::read(&path).unwrap();
    let try_it = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        stage.verify(&path, Some("odile.cle")).unwrap_err()
    };
    for length in (0..whole.len()).step_by(97).chain([whole.len() - 1]) {
        let error = try_it(&whole[..length]);
        let is_called_so = matches!(error, BackupError::Damaged | BackupError::NotABackup);
        assert!(is_called_so, "{length}: {error:?}");
    }
    for place in (0..whole.len()).step_by(61) {
        let mut altered = whole.clone();
        altered[place] ^= 1;
        try_it(&altered);
    }
    try_it(&[&whole[..], b"more"].concat());
    let newer = [b"MAISON-SAUVEGARDE 2\n", &whole[20..]].concat();
    assert!(matches!(try_it(&newer), BackupError::Newer));
    assert!(matches!(
        try_it(b"PK\x03\x04 a workbook"),
        BackupError::NotABackup
    ));
    // The other place has it still.
    let good = stage.path("other").join(NAME_OF_BACKUP);
    assert!(stage.verify(&good, Some("odile.cle")).is_ok());
}

#[tokio::test]
async fn a_damaged_hub_makes_no_backup_that_passes_for_one() {
    let stage = Stage::new().await;
    let spoil = |tx: &rusqlite::Transaction<'_>| {
        let sql = "UPDATE change SET bytes = zeroblob(length(bytes)) WHERE seq = 2";
        Ok::<_, LedgerError>(tx.execute(sql, [])?)
    };
    stage.hub.site().store().write(spoil).await.unwrap();
    let refused = stage.create();
    assert!(matches!(refused, Err(BackupError::Site(_))), "{refused:?}");
    assert_eq!(names(&stage.path("one")), [".maison-sauvegardes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_while_writers_write() {
    let stage = Stage::new().await;
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (hub, stop) = (stage.hub.clone(), stop.clone());
        async move {
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) || written < 5 {
                let edit = |person: &mut Person| person.family_name = "Cros".to_owned();
                let edited = hub.site().edit(PersonId::fresh(), PROGRAM, edit);
                edited.await.unwrap();
                written += 1;
            }
        }
    });
    let made = tokio::task::block_in_place(|| stage.create()).unwrap();
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    let path = stage.path("other").join(made.name);
    stage.verify(&path, Some("paul.cle")).unwrap();
    assert!(made.manifest.changes < fingerprint(&stage.hub).await.count);
}

#[tokio::test]
async fn what_a_program_that_died_has_left_is_removed_and_only_one_is_at_work() {
    let stage = Stage::new().await;
    let work = stage.data().join("sauvegardes/en-cours");
    fs::create_dir_all(&work).unwrap();
    fs::write(work.join("maison.db"), "Zébulonette").unwrap();
    clear(&stage.data()).unwrap();
    assert!(!work.exists());
    let custody = custody::Custody::take(&stage.data()).unwrap();
    assert!(matches!(stage.create(), Err(BackupError::Busy)));
    clear(&stage.data()).unwrap();
    assert!(work.exists(), "whoever is at work");
    drop(custody);
    assert!(stage.create().is_ok());
}

#[tokio::test]
async fn pruning_touches_only_this_hubs_backups_and_never_the_only_verified_one() {
    let stage = Stage::new().await;
    let foreign = Stage::new().await;
    let theirs = stage
        .path("one")
        .join("capestang-2020-01-01T00-00.sauvegarde");
    fs::copy(foreign.backup(), &theirs).unwrap();
    let mut made = Vec::new();
    for day in 0..4 {
        let at = Timestamp(NOW.0 + day * 24 * 3_600_000);
        made.push(create(&stage.data(), at, &mut |_, _, _| ()).unwrap().name);
    }
    State::change(&stage.data(), |state| {
        state.verified.retain(|path, _| path.ends_with(&made[1]));
    })
    .unwrap();
    let rule = Some(settings::Retention {
        daily: 1,
        weekly: 0,
        monthly: 0,
    });
    let would = prune::prune(&stage.data(), rule, true).unwrap();
    assert_eq!(names(&stage.path("one")).len(), 6, "nothing is done");
    assert_eq!(prune::prune(&stage.data(), rule, false).unwrap(), would);
    let one = names(&stage.path("one"));
    let own: Vec<&String> = one.iter().filter(|name| made.contains(name)).collect();
    assert_eq!(own, [&made[1], &made[3]]);
    assert!(theirs.exists());
}

#[tokio::test]
async fn the_schedule_backs_up_prunes_and_drills_once() {
    let stage = Stage::new().await;
    stage.look(NOW).await;
    let state = State::read(&stage.data());
    assert_eq!(state.tried.unwrap().failure, None);
    assert_eq!(state.drill.unwrap().failure, None);
    stage.look(Timestamp(NOW.0 + 60_000)).await;
    assert_eq!(list(&stage.data()).unwrap().places[0].backups.len(), 1);
}
