//! Bytes that fuzzers found, and honest messages altered at random, break nothing and take little memory.
//!
//! `SEED` repeats a run, `ALTERED` says how many alterations of each message are tried (300).
//! `WRITE_CORPUS=1` writes the honest messages where the fuzzers begin.

use std::fs;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tests::decoders::{Ground, NAMES};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");

#[test]
fn what_fuzzers_found_breaks_nothing_any_more() {
    let ground = Ground::default();
    for name in NAMES {
        let files = files(&Path::new(CORPUS).join(name));
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            ground.read(name, &file);
        }
    }
}

#[test]
fn honest_messages_altered_anywhere_break_nothing() {
    let seed: u64 = number("SEED").unwrap_or_else(rand::random);
    println!("SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let ground = Ground::default();
    let altered = number("ALTERED").unwrap_or(300);
    for (name, honest) in ground.honest() {
        if std::env::var_os("WRITE_CORPUS").is_some() {
            let directory = Path::new(CORPUS).join(name);
            fs::create_dir_all(&directory).expect("a directory");
            fs::write(directory.join("honest"), &honest).expect("written");
        }
        for _ in 0..altered {
            let mut bytes = honest.clone();
            for _ in 0..random.random_range(1..5) {
                alter(&mut bytes, &mut random);
            }
            ground.read(name, &bytes);
        }
    }
}

fn alter(bytes: &mut Vec<u8>, random: &mut StdRng) {
    let at = random.random_range(0..=bytes.len());
    match random.random_range(0..5) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, random.random()),
        2 => {
            let again = bytes[at..].to_vec();
            bytes.extend(again);
        }
        3 if at < bytes.len() => drop(bytes.remove(at)),
        _ if at < bytes.len() => bytes[at] = random.random(),
        _ => {}
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

fn files(directory: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .map(|entry| fs::read(entry.expect("a file").path()).expect("it reads"))
        .collect()
}
