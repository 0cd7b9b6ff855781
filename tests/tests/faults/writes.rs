//! Every change that an exchange makes on a disk goes wrong in every way, on the laptop's side and on the hub's: what was
//! confirmed is still there, a sound disk makes both sides equal, and whoever reads the messages knows what to do.
//!
//! `MAISON_FAULTS=all` tries every change and every fault.

use std::panic::catch_unwind;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tests::faulty_disk::{Disk, Fault, noted};

use crate::pair::{Exchange, Pair, Side, assert_said_well};
use crate::stage::{is_thorough, seed};

/// So many of the cases are tried where not all are.
const SAMPLED: usize = 24;

/// How many changes one side makes on its disk in the exchange.
fn changes(pair: &Pair, side: Side) -> usize {
    let trace = pair.beside("trace");
    let noting = Disk::noting(&pair.path(side), &trace);
    let exchange = match side {
        Side::Laptop => pair.exchange(&noting, &Disk::sound()),
        Side::Hub => pair.exchange(&Disk::sound(), &noting),
    };
    assert_eq!(exchange.laptop.json()["identical"], true, "{exchange:?}");
    noted(&trace).len()
}

fn cases(changes: usize) -> Vec<(usize, Fault)> {
    let at = |at| Fault::ALL.map(move |fault| (at, fault));
    let mut cases: Vec<_> = (1..=changes).flat_map(at).collect();
    if !is_thorough() {
        cases.shuffle(&mut StdRng::seed_from_u64(seed()));
        cases.truncate(SAMPLED);
    }
    cases
}

async fn try_all(side: Side) {
    let pair = Pair::new().await;
    let changes = changes(&pair, side);
    let cases = cases(changes);
    println!("{side:?}: {changes} changes, {} faults tried", cases.len());
    // What was wrong with each stands before this.
    let is_wrong = |case: &(usize, Fault)| catch_unwind(|| try_one(&pair, side, *case)).is_err();
    let wrong: Vec<_> = cases.into_iter().filter(is_wrong).collect();
    assert!(wrong.is_empty(), "{side:?}: {wrong:?}");
}

fn try_one(pair: &Pair, side: Side, (at, fault): (usize, Fault)) {
    let what = (side, at, fault);
    pair.put_back();
    let faulty = Disk::failing(&pair.path(side), fault, at);
    let exchange = match side {
        Side::Laptop => pair.exchange(&faulty, &Disk::sound()),
        Side::Hub => pair.exchange(&Disk::sound(), &faulty),
    };
    assert_told(side, fault, &exchange, &what);
    pair.assert_nothing_lost(&what);
    pair.assert_mended(&what);
}

/// Whether the programs ended as they should, and said what is the matter.
#[track_caller]
fn assert_told(side: Side, fault: Fault, exchange: &Exchange, what: &(Side, usize, Fault)) {
    let laptop = &exchange.laptop;
    assert_said_well(&laptop.stderr, what);
    assert_said_well(&exchange.hub_log, what);
    let expected = match side {
        // It may have been done all the same, or the fault came after the end.
        Side::Laptop if fault.kills() => &[None, Some(0)][..],
        Side::Laptop => &[Some(0), Some(1)],
        // The hub is gone or refuses: the line is to blame, or it says so itself.
        Side::Hub => &[Some(0), Some(1), Some(4)],
    };
    assert!(expected.contains(&laptop.code), "{what:?}: {exchange:?}");
    let words = match side {
        Side::Laptop => &laptop.stderr,
        Side::Hub => &exchange.hub_log,
    };
    let named = if fault.is_full() {
        // « libérez de la place », « vérifiez qu’il reste de la place »
        words.contains("de la place")
    } else {
        words.contains("le disque ne répond pas") || words.contains("ne s’ouvrent pas")
    };
    let failed = laptop.code == Some(1) && !fault.kills();
    assert!(named || !failed, "{what:?}: {exchange:?}");
}

#[tokio::test]
async fn no_fault_of_a_laptops_disk_loses_anything() {
    try_all(Side::Laptop).await;
}

#[tokio::test]
async fn no_fault_of_the_hubs_disk_loses_anything() {
    try_all(Side::Hub).await;
}
