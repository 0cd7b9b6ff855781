//! Putting another database in the place of one, which is moved aside and never deleted: a new one for a damaged one,
//! or a restored one for the one of today.
//!
//! The new one is made in a directory of its own. Once it is complete it bears, beside the damaged one, the name of the
//! directory that this one is to go to; from then on a program that dies only leaves moves to be finished. Whoever
//! calls holds the data directory ([`super::Store::hold`]).

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::LedgerError;
use super::store::{FILE, SHM, WAL};
use crate::time::Timestamp;

/// Where the new database is made.
const IN_THE_MAKING: &str = "base-en-cours";

/// Why a database is moved aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is damaged.
    Damaged,
    /// A backup is put in its place.
    Restored,
}

impl Why {
    /// How the name of the directory begins where it will lie.
    fn prefix(self) -> &'static str {
        match self {
            Self::Damaged => "base-abimee-",
            Self::Restored => "avant-restauration-",
        }
    }
}

/// How the name of a complete new database ends, after that of the directory for the old one.
const COMPLETE: &str = ".neuve";

/// An empty directory for the other database, and the name of the one where the present one will lie:
/// `base-abimee-2026-11-24-0925`, by the clock of Capestang.
///
/// # Errors
/// [`LedgerError::File`].
pub fn begin(directory: &Path, why: Why, at: Timestamp) -> Result<(PathBuf, String), LedgerError> {
    let new = directory.join(IN_THE_MAKING);
    if new.exists() {
        std::fs::remove_dir_all(&new).map_err(|source| LedgerError::of_file(&new, source))?;
    }
    let mut private = DirBuilder::new();
    private.mode(0o700);
    (private.create(&new)).map_err(|source| LedgerError::of_file(&new, source))?;
    let dated = format!("{}{}", why.prefix(), at.local().strftime("%Y-%m-%d-%H%M"));
    let others = (2..).map(|n| format!("{dated}-{n}"));
    let mut names = std::iter::once(dated.clone()).chain(others);
    let free = names.find(|name| !directory.join(name).exists());
    Ok((new, free.unwrap_or(dated)))
}

/// Moves the present database to `aside` and the new one, which is closed, into its place.
///
/// # Errors
/// [`LedgerError::File`]: what is not done yet is left to [`finish`].
pub fn replace(directory: &Path, aside: &str) -> Result<(), LedgerError> {
    let new = directory.join(IN_THE_MAKING).join(FILE);
    rename(&new, &directory.join(format!("{aside}{COMPLETE}")))?;
    sync(directory)?;
    finish(directory)?;
    Ok(())
}

/// Whether a new database is complete and not yet in its place.
#[must_use]
pub fn is_unfinished(directory: &Path) -> bool {
    complete(directory).is_some()
}

/// Finishes what a program that died has left of [`replace`]; nothing where there is nothing left.
///
/// # Errors
/// [`LedgerError::File`].
pub fn finish(directory: &Path) -> Result<(), LedgerError> {
    let Some(aside) = complete(directory) else {
        return Ok(());
    };
    let to = directory.join(&aside);
    let mut private = DirBuilder::new();
    private.recursive(true).mode(0o700);
    (private.create(&to)).map_err(|source| LedgerError::of_file(&to, source))?;
    for name in [WAL, SHM, FILE] {
        let from = directory.join(name);
        if from.exists() {
            rename(&from, &to.join(name))?;
        }
    }
    sync(&to)?;
    let complete = directory.join(format!("{aside}{COMPLETE}"));
    rename(&complete, &directory.join(FILE))?;
    sync(directory)?;
    // Where there was no database before.
    let _ = std::fs::remove_dir(&to);
    // It is made empty before it is used again.
    let _ = std::fs::remove_dir_all(directory.join(IN_THE_MAKING));
    Ok(())
}

/// The names of the directories of databases that were moved aside for this reason, oldest first.
#[must_use]
pub fn moved(directory: &Path, why: Why) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(why.prefix()) && !name.ends_with(COMPLETE))
        .collect();
    names.sort();
    names
}

/// The name of the directory for the damaged database, where the new one is complete.
fn complete(directory: &Path) -> Option<String> {
    let files = std::fs::read_dir(directory).ok()?;
    let mut names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    names.find_map(|name| {
        let aside = name.strip_suffix(COMPLETE)?;
        let is_ours = |why: Why| aside.starts_with(why.prefix());
        let is_ours = is_ours(Why::Damaged) || is_ours(Why::Restored);
        is_ours.then(|| aside.to_owned())
    })
}

fn rename(from: &Path, to: &Path) -> Result<(), LedgerError> {
    std::fs::rename(from, to).map_err(|source| LedgerError::of_file(from, source))
}

/// Makes the names in a directory last.
fn sync(directory: &Path) -> Result<(), LedgerError> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| LedgerError::of_file(directory, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp(1_795_681_500_000);

    fn names(directory: &Path) -> Vec<String> {
        let files = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_replacement_that_was_stopped_after_any_move_is_finished_later() {
        for (moved, why) in (0..4).flat_map(|n| [(n, Why::Damaged), (n, Why::Restored)]) {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path();
            for name in [FILE, WAL, SHM] {
                std::fs::write(path.join(name), "old").unwrap();
            }
            let (new, aside) = begin(path, why, AT).unwrap();
            assert_eq!(aside, format!("{}2026-11-26-0925", why.prefix()));
            std::fs::write(new.join(FILE), "new").unwrap();
            assert!(!is_unfinished(path));
            std::fs::rename(new.join(FILE), path.join(format!("{aside}.neuve"))).unwrap();
            std::fs::create_dir(path.join(&aside)).unwrap();
            for name in [WAL, SHM, FILE].iter().take(moved) {
                std::fs::rename(path.join(name), path.join(&aside).join(name)).unwrap();
            }
            assert!(is_unfinished(path));
            finish(path).unwrap();
            finish(path).unwrap();
            assert_eq!(names(path), [aside.as_str(), FILE]);
            assert_eq!(std::fs::read(path.join(FILE)).unwrap(), b"new");
            assert_eq!(names(&path.join(&aside)), [FILE, SHM, WAL]);
            assert_eq!(super::moved(path, why), [aside.as_str()]);
            assert_eq!(begin(path, why, AT).unwrap().1, format!("{aside}-2"));
        }
    }
}
