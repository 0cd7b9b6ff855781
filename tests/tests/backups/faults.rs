//! Every change that a backup or a restore makes on a disk goes wrong in every way, killed and full among them: the data
//! and the backups before stay whole, and a sound disk makes up for it.
//!
//! `MAISON_FAULTS=all` tries every change and every fault.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use hub::Hub;
use hub::backup::{self, keys};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use shared::ledger::{Store, aside, copies, replica};
use shared::time::{Clock, Timestamp};
use tests::faulty_disk::{Disk, Fault, noted};
use tests::program::{self, Finished};

use crate::world::World;

/// So many of the cases are tried where not all are.
const SAMPLED: usize = 24;

/// What goes wrong, at which change of the disk.
type Case = (usize, Fault);

fn cases(changes: usize) -> Vec<Case> {
    let at = |at| Fault::ALL.map(move |fault| (at, fault));
    let mut cases: Vec<_> = (1..=changes).flat_map(at).collect();
    let given = std::env::var("MAISON_FAULTS").ok();
    if given.as_deref() != Some("all") {
        let seed = given.and_then(|value| value.parse().ok());
        let seed = seed.unwrap_or_else(rand::random);
        println!("MAISON_FAULTS={seed}");
        cases.shuffle(&mut StdRng::seed_from_u64(seed));
        cases.truncate(SAMPLED);
    }
    println!("{changes} changes, {} faults tried", cases.len());
    cases
}

/// A hub that does not serve, with a backup and one entry since.
struct Stage {
    world: World,
    backup: PathBuf,
    /// The fingerprints of the hub in the backup and of the hub of today.
    saved: String,
    today: String,
}

impl Stage {
    async fn new() -> Self {
        let mut world = World::new(&[]);
        world.write("hub", 40).await;
        let made = world
            .at_hub(&["backup", "create", "--json"])
            .success()
            .json();
        world.write("hub", 1).await;
        world.hub.take().unwrap().stop();
        let backup = world.path("usb").join(made["name"].as_str().unwrap());
        let (data, saved) = (
            world.path("hub"),
            made["fingerprint"].as_str().unwrap().to_owned(),
        );
        Self {
            backup,
            saved,
            today: fingerprint(&data),
            world,
        }
    }

    fn command(&self, disk: &Disk, words: &[&str]) -> Finished {
        let data = self.world.path("hub");
        let words = [&["backup"], words, &["--data", data.to_str().unwrap()]].concat();
        program::run_with(disk.variables(), program::hub(), &words)
    }

    /// How many changes a command makes on the disk in `directory`.
    fn changes(&self, directory: &Path, words: &[&str]) -> usize {
        let trace = self.world.path("trace");
        let _ = self
            .command(&Disk::noting(directory, &trace), words)
            .success();
        let changes = noted(&trace).len();
        fs::remove_file(trace).unwrap();
        changes
    }

    /// Whether a backup is whole, with one of the administrators' keys.
    fn verify(&self, path: &Path) -> backup::manifest::Manifest {
        let key = keys::read(&self.world.path("odile.cle")).unwrap();
        let now = Timestamp(1_795_681_500_000);
        // Each time in another directory: a lock is held on by programs that other tests begin to start.
        let elsewhere = tempfile::tempdir().unwrap();
        backup::verify(elsewhere.path(), path, Some(key), now, &mut |_, _, _| ()).unwrap()
    }
}

fn fingerprint(directory: &Path) -> String {
    let connection = copies::look(directory).unwrap();
    copies::integrity(&connection).unwrap();
    replica::fingerprint(&connection).unwrap().to_string()
}

#[track_caller]
fn assert_told(finished: &Finished, (at, fault): Case) {
    let expected = match fault.kills() {
        true => &[None, Some(0)][..],
        // It may have been done all the same.
        false => &[Some(0), Some(1)],
    };
    assert!(
        expected.contains(&finished.code),
        "{at} {fault:?}: {finished:?}"
    );
    for unwanted in ["panicked", "os error", "disk I/O", "unable to", "Carayon"] {
        assert!(
            !finished.stderr.contains(unwanted),
            "{at} {fault:?}: {finished:?}"
        );
    }
    let said = finished.stderr.contains("place") || finished.stderr.contains("disque");
    assert!(
        said || finished.code != Some(1),
        "{at} {fault:?}: {finished:?}"
    );
}

/// Tries all cases, and names those that went wrong at the end.
fn try_all(cases: Vec<Case>, try_one: impl Fn(Case) + std::panic::RefUnwindSafe) {
    let is_wrong = |case: &Case| catch_unwind(|| try_one(*case)).is_err();
    let wrong: Vec<Case> = cases.into_iter().filter(is_wrong).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn no_fault_during_a_backup_harms_the_data_or_the_backups_before() {
    let stage = Stage::new().await;
    for name in ["hub", "usb"] {
        let directory = stage.world.path(name);
        let changes = stage.changes(&directory, &["create"]);
        let stage = std::panic::AssertUnwindSafe(&stage);
        try_all(cases(changes), |case| {
            let disk = Disk::failing(&directory, case.1, case.0);
            let finished = stage.command(&disk, &["create", "--json"]);
            assert_told(&finished, case);
            assert_eq!(fingerprint(&stage.world.path("hub")), stage.today);
            stage.verify(&stage.backup);
            if finished.code == Some(0) {
                let made = finished.json();
                let places = made["places"].as_array().unwrap();
                let taken = places.iter().filter(|place| place["failure"].is_null());
                for place in taken {
                    let path = Path::new(place["path"].as_str().unwrap());
                    stage.verify(&path.join(made["name"].as_str().unwrap()));
                }
            }
        });
    }
    let made = stage
        .command(&Disk::sound(), &["create", "--json"])
        .success()
        .json();
    stage.verify(&stage.world.path("usb").join(made["name"].as_str().unwrap()));
    assert!(stage.world.left_over().is_empty());
}

#[tokio::test]
async fn no_fault_during_a_restore_loses_the_data_of_today_or_leaves_half_a_hub() {
    let stage = Stage::new().await;
    let (data, pristine) = (stage.world.path("hub"), stage.world.path("pristine"));
    copy(&data, &pristine);
    let key = stage.world.path("odile.cle");
    let from = stage.backup.to_str().unwrap();
    let words = ["restore", "--key", key.to_str().unwrap(), from];
    let changes = stage.changes(&data, &words);
    let stage = std::panic::AssertUnwindSafe(&stage);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking({
        let cases = cases(changes);
        let owned = (data.clone(), pristine.clone());
        let (saved, today) = (stage.saved.clone(), stage.today.clone());
        let command: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        move || {
            let (data, pristine) = &owned;
            try_all(cases, |case| {
                let _ = fs::remove_dir_all(data);
                copy(pristine, data);
                let disk = Disk::failing(data, case.1, case.0);
                let words: Vec<&str> = command.iter().map(String::as_str).collect();
                let words = [&["backup"], &words[..], &["--data", data.to_str().unwrap()]].concat();
                let finished = program::run_with(disk.variables(), program::hub(), &words);
                assert_told(&finished, case);
                // As a program that serves does.
                let held = Store::hold(data).unwrap();
                aside::finish(data).unwrap();
                drop(held);
                let stands = fingerprint(data);
                match set_aside(data) {
                    None => assert_eq!(stands, today, "{case:?}: {finished:?}"),
                    Some(aside) => {
                        assert_eq!(stands, saved, "{case:?}: {finished:?}");
                        assert_eq!(fingerprint(&aside), today, "{case:?}");
                    }
                }
                let _ = runtime.block_on(Hub::open(data, Clock::default())).unwrap();
            });
        }
    })
    .await
    .unwrap();
}

/// Where the data of before a restore lie.
fn set_aside(data: &Path) -> Option<PathBuf> {
    fs::read_dir(data).unwrap().find_map(|file| {
        let path = file.unwrap().path();
        let name = path.file_name()?.to_str()?;
        name.starts_with("avant-restauration-").then_some(path)
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_restore_that_died_between_two_moves_is_finished_by_whoever_serves() {
    let mut stage = Stage::new().await;
    let data = stage.world.path("hub");
    let complete = data.join("avant-restauration-2026-11-24-0925.neuve");
    fs::rename(data.join("maison.db"), complete).unwrap();
    let refused = stage.world.at_hub(&["status"]);
    assert!(refused.stderr.contains("jusqu’au bout"), "{refused:?}");
    stage.world.serve();
    assert_eq!(
        stage.world.status("hub")["fingerprint"],
        stage.today.as_str()
    );
}
