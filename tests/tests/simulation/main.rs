//! Simulation: a hub and its laptops through whatever a seed brings, then quiet; what must hold afterwards.
//!
//! Real ledgers on disk and the real exchange, over a line in memory that cuts and repeats. A seed decides every event;
//! ids and hashes are drawn by the sites themselves, so a seed repeats the events and not the bytes.
//!
//! `SIM_SEEDS` says how many seeds to run (200), `SIM_FIRST` from which (0). A failing run prints its seed:
//! `SIM_FIRST=17 SIM_SEEDS=1 cargo test -p tests --test simulation` runs it again.

mod line;
mod world;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use world::{Hash, World};

const SEEDS: u64 = 200;
const EVENTS: usize = 60;
/// After quiet every laptop calls so often. Clones find each other's entries by comparing, in the second round at the
/// latest.
const QUIET_ROUNDS: usize = 3;

fn number(variable: &str, otherwise: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn whatever_happened_all_are_equal_after_quiet_and_nothing_is_lost() {
    let first = number("SIM_FIRST", 0);
    let next = AtomicU64::new(first);
    let end = first + number("SIM_SEEDS", SEEDS);
    // Twice as many as processors, since they wait for the disk.
    let workers = 2 * std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = { runtime }.build().expect("a runtime");
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let told = Told(seed);
                    runtime.block_on(run(seed));
                    std::mem::forget(told);
                }
            });
        }
    });
}

/// Prints the seed when it is dropped by a panic.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        eprintln!("FAILED: SIM_FIRST={} SIM_SEEDS=1", self.0);
    }
}

async fn run(seed: u64) {
    let mut world = World::new(seed).await;
    for _ in 0..EVENTS {
        world.event().await;
    }
    world.upgrade_all();
    let due = world.due().await;
    quiet(&mut world).await;
    for place in world.places() {
        let held = world.hashes(place).await;
        assert_eq!(held, due, "something is lost or made up");
    }
    let (hub, view) = (world.hub(), world.view(world.hub()).await);
    for place in world.places() {
        assert_eq!(world.fingerprint(place).await, world.fingerprint(hub).await);
        assert_eq!(world.view(place).await, view);
    }
    assert_entries_are_seen(&world, &due).await;
    assert_nothing_more_to_say(&mut world).await;
    world.assert_erased_are_nowhere().await;
    // What comes again may bring back what was lost with the disks that held it, and nothing else; and that once.
    world.repeat_all_requests().await;
    let repeated = world.hashes(world.hub()).await;
    if world.is_calm() {
        assert_eq!(repeated, due, "a repetition changed something");
    }
    world.repeat_all_requests().await;
    let again = world.hashes(world.hub()).await;
    assert_eq!(again, repeated, "a repetition changed something");
    world.assert_erased_are_nowhere().await;
}

async fn quiet(world: &mut World) {
    for _ in 0..QUIET_ROUNDS {
        for laptop in world.laptops() {
            let report = world.exchange(laptop).await;
            assert!(report.identical, "{report:?}");
        }
    }
}

/// Every entry that a page confirmed is on the hub's pages, unless its person was erased, or disks were replaced by older
/// images and it, or what it was based on, was on no other.
async fn assert_entries_are_seen(world: &World, hashes: &BTreeSet<Hash>) {
    let erased = world.erased().await;
    let expected: Vec<_> = world
        .entries()
        .iter()
        .filter(|entry| hashes.contains(&entry.hash) && !erased.contains(&entry.document))
        .filter(|entry| entry.based_on.iter().all(|hash| hashes.contains(hash)))
        .collect();
    for entry in expected {
        assert!(world.sees(world.hub(), entry).await, "{entry:?}");
    }
}

async fn assert_nothing_more_to_say(world: &mut World) {
    for laptop in world.laptops() {
        let report = world.exchange(laptop).await;
        let told = (report.round_trips, report.sent, report.received);
        assert_eq!(told, (1, 0, 0), "{report:?}");
        assert!(report.identical && !report.reconciled, "{report:?}");
    }
}
