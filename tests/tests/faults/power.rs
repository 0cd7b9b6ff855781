//! The power goes at any moment of an exchange, at the laptop or at the hub, and takes with it any part of what nobody
//! has waited for: the programs start on every disk that this can leave, what was confirmed is there, and one exchange
//! makes both sides equal.
//!
//! One exchange of the real programs is noted; the disks are made from the notes. `MAISON_FAULTS=all` tries disks of
//! every moment.

use std::ffi::OsStr;
use std::panic::catch_unwind;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tests::faulty_disk::{Disk, Noted, noted};

use crate::image::Image;
use crate::pair::{Pair, Side};
use crate::stage::{is_thorough, seed};

/// So many disks are tried where not all are.
const SAMPLED: usize = 24;
/// Of every moment, where all are tried.
const DISKS_OF_A_MOMENT: usize = 2;
/// What processes share while they run; it is no part of the data, and written without calls.
const SHARED_MEMORY: &str = "maison.db-shm";

/// What both programs did to their disks in one exchange, in the order in which it happened.
fn exchange_noted(pair: &Pair) -> Vec<Noted> {
    let trace = pair.beside("trace");
    let [laptop, hub] = SIDES.map(|side| Disk::noting(&pair.path(side), &trace));
    let exchange = pair.exchange(&laptop, &hub);
    assert_eq!(exchange.laptop.json()["identical"], true, "{exchange:?}");
    let notes = noted(&trace);
    for side in SIDES {
        let image = image(pair, side, &notes);
        assert_same(&image, &pair.path(side));
    }
    notes
}

const SIDES: [Side; 2] = [Side::Laptop, Side::Hub];

fn image(pair: &Pair, side: Side, notes: &[Noted]) -> Image {
    let mut image = Image::of(&pair.path(side), &pair.before(side));
    notes.iter().for_each(|noted| image.go_on(noted));
    image
}

/// The notes tell of everything that was done.
#[track_caller]
fn assert_same(image: &Image, directory: &Path) {
    let mut files = image.whole();
    files.remove(OsStr::new(SHARED_MEMORY));
    let lying: Vec<_> = std::fs::read_dir(directory).unwrap().collect();
    for file in lying {
        let file = file.unwrap();
        if file.file_name() != SHARED_MEMORY {
            let bytes = std::fs::read(file.path()).unwrap();
            let told = files.remove(file.file_name().as_os_str());
            assert!(told == Some(bytes), "{:?}", file.file_name());
        }
    }
    assert!(files.is_empty(), "{:?}", files.keys());
}

/// The moment, as the number of changes before it, and what the disk is drawn from.
type Case = (usize, u64);

fn cases(changes: usize) -> Vec<Case> {
    let mut random = StdRng::seed_from_u64(seed());
    if is_thorough() {
        let moments = (0..=changes).flat_map(|at| [at; DISKS_OF_A_MOMENT]);
        moments.map(|at| (at, random.random())).collect()
    } else {
        let draw = |_| (random.random_range(0..=changes), random.random());
        (0..SAMPLED).map(draw).collect()
    }
}

async fn try_all(dark: Side) {
    let pair = Pair::new().await;
    let notes = exchange_noted(&pair);
    let cases = cases(notes.len());
    println!(
        "{dark:?}: {} changes, {} disks tried",
        notes.len(),
        cases.len()
    );
    // What was wrong with each stands before this.
    let is_wrong = |case: &Case| catch_unwind(|| try_one(&pair, &notes, dark, *case)).is_err();
    let wrong: Vec<_> = cases.into_iter().filter(is_wrong).collect();
    assert!(wrong.is_empty(), "{dark:?}: {wrong:?}");
}

/// The power goes on one side; on the other nothing is lost but the line.
fn try_one(pair: &Pair, notes: &[Noted], dark: Side, (at, seed): Case) {
    let what = (dark, at, seed);
    for side in SIDES {
        let image = image(pair, side, &notes[..at]);
        let directory = pair.path(side);
        if side == dark {
            let mut random = StdRng::seed_from_u64(seed);
            lay(image.after_power_cut(&mut random), &directory);
        } else {
            lay(image.whole(), &directory);
        }
    }
    pair.assert_nothing_lost(&what);
    pair.assert_mended(&what);
}

/// Makes the directory hold these files and no others.
fn lay(files: impl IntoIterator<Item = (impl AsRef<OsStr>, Vec<u8>)>, directory: &Path) {
    std::fs::remove_dir_all(directory).unwrap();
    std::fs::create_dir(directory).unwrap();
    for (name, bytes) in files {
        std::fs::write(directory.join(name.as_ref()), bytes).unwrap();
    }
}

#[tokio::test]
async fn a_laptop_whose_power_goes_loses_nothing_that_it_confirmed() {
    try_all(Side::Laptop).await;
}

#[tokio::test]
async fn a_hub_whose_power_goes_loses_nothing_that_it_confirmed() {
    try_all(Side::Hub).await;
}
