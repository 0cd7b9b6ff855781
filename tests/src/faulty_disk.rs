//! A program's disk, made to fail or observed: what the library in tests/faulty-disk is told, and the notes that it takes.
//!
//! Linux only, as that library is.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::program::{self, Variables};

/// What can go wrong at a change of the disk. Names are those of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// EIO, nothing is changed.
    Broken,
    /// ENOSPC, nothing is changed.
    Full,
    /// Half of what was to be written is, then EIO.
    Torn,
    /// Half of what was to be written is, then the process is no more.
    TornKilled,
    /// The process is no more.
    Killed,
    /// ENOSPC whenever something needs room, from this change on.
    FullFromNow,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Broken,
        Self::Full,
        Self::Torn,
        Self::TornKilled,
        Self::Killed,
        Self::FullFromNow,
    ];

    /// Whether it ends the program.
    #[must_use]
    pub fn kills(self) -> bool {
        matches!(self, Self::TornKilled | Self::Killed)
    }

    /// Whether the program is told that there is no room.
    #[must_use]
    pub fn is_full(self) -> bool {
        matches!(self, Self::Full | Self::FullFromNow)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Full => "full",
            Self::Torn => "torn",
            Self::TornKilled => "torn-killed",
            Self::Killed => "killed",
            Self::FullFromNow => "full-from-now",
        }
    }
}

/// The disk of a program that is to be started: environment variables.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    variables: Vec<(&'static str, OsString)>,
}

impl Disk {
    /// A disk that does what it should.
    #[must_use]
    pub fn sound() -> Self {
        Self::default()
    }

    /// A disk on which the change number `at`, counted from 1, of what lies in `directory` goes wrong.
    #[must_use]
    pub fn failing(directory: &Path, fault: Fault, at: usize) -> Self {
        Self::watching(directory)
            .with("FAULTY_DISK_FAULT", fault.name())
            .with("FAULTY_DISK_AT", at.to_string())
    }

    /// A disk on which nothing that needs room in `directory` succeeds for as long as there is a file `sign`.
    #[must_use]
    pub fn full_while(directory: &Path, sign: &Path) -> Self {
        Self::failing(directory, Fault::FullFromNow, 1).with("FAULTY_DISK_WHILE", sign)
    }

    /// A sound disk; every change of what lies in `directory` is noted at the end of the file `trace`.
    #[must_use]
    pub fn noting(directory: &Path, trace: &Path) -> Self {
        Self::watching(directory).with("FAULTY_DISK_TRACE", trace)
    }

    /// What the program is started with.
    #[must_use]
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    fn watching(directory: &Path) -> Self {
        Self::default()
            .with("LD_PRELOAD", program::faulty_disk())
            .with("FAULTY_DISK_DIRECTORY", directory)
    }

    fn with(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name, value.as_ref().to_owned()));
        self
    }
}

/// A change that a program made, at least began to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Which file, by its name at that time.
    pub path: PathBuf,
    /// What.
    pub change: Change,
}

/// What a program did to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Made it, empty.
    Create,
    /// Wrote these bytes from this offset on.
    Write(u64, Vec<u8>),
    /// Gave it this length.
    Truncate(u64),
    /// Waited until it was on the disk; of a directory, until the names in it were.
    Sync,
    /// Took its name away.
    Unlink,
    /// Gave it this name.
    Rename(PathBuf),
}

/// The notes in `trace`, in order.
///
/// # Panics
/// When it is not a file of notes.
#[must_use]
pub fn noted(trace: &Path) -> Vec<Noted> {
    let bytes = std::fs::read(trace).expect("there are notes");
    let mut rest = bytes.as_slice();
    let mut notes = Vec::new();
    while !rest.is_empty() {
        notes.push(next(&mut rest).expect("a whole record"));
    }
    notes
}

/// Reads one record; see tests/faulty-disk/src/trace.rs.
fn next(bytes: &mut &[u8]) -> Option<Noted> {
    let mut take = |count: usize| {
        let (taken, rest) = bytes.split_at_checked(count)?;
        *bytes = rest;
        Some(taken)
    };
    let kind = take(1)?[0];
    let offset = u64::from_le_bytes(take(8)?.try_into().ok()?);
    let mut length = || Some(u32::from_le_bytes(take(4)?.try_into().ok()?) as usize);
    let (path_bytes, data_bytes) = (length()?, length()?);
    let path = PathBuf::from(OsString::from_vec(take(path_bytes)?.to_vec()));
    let data = take(data_bytes)?;
    let change = match kind {
        1 => Change::Create,
        2 => Change::Write(offset, data.to_vec()),
        3 => Change::Truncate(offset),
        4 => Change::Sync,
        5 => Change::Unlink,
        6 => Change::Rename(OsStr::from_bytes(data).into()),
        _ => return None,
    };
    Some(Noted { path, change })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a shell does with such a disk; `$D` is the directory that is meant.
    fn shell(disk: &Disk, data: &Path, script: &str) -> program::Finished {
        let script = format!("D={}; {script}", data.display());
        program::run_with(disk.variables(), Path::new("/bin/sh"), &["-c", &script])
    }

    #[test]
    fn a_fault_comes_at_the_change_that_it_is_meant_for() {
        let directory = tempfile::tempdir().expect("a directory");
        let data = directory.path().join("data");
        let read = |name| std::fs::read(data.join(name)).ok();
        let left = |fault, at| {
            let _ = std::fs::remove_dir_all(&data);
            std::fs::create_dir(&data).expect("a directory");
            // Each file is made, then written to.
            let script = "printf 1234 >$D/a; printf 5678 >$D/b; printf 90 >$D-other; true";
            let finished = shell(&Disk::failing(&data, fault, at), &data, script);
            assert_eq!(finished.code.is_none(), fault.kills(), "{finished:?}");
            (read("a"), read("b"))
        };
        let some = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(left(Fault::Broken, 2), (some(""), some("5678")));
        assert_eq!(left(Fault::Full, 3), (some("1234"), None));
        assert_eq!(left(Fault::Torn, 4), (some("1234"), some("56")));
        assert_eq!(left(Fault::FullFromNow, 2), (some(""), None));
        assert_eq!(left(Fault::Killed, 4), (some("1234"), some("")));
        assert_eq!(left(Fault::TornKilled, 4), (some("1234"), some("56")));
    }

    #[test]
    fn every_change_is_noted_in_order() {
        let directory = tempfile::tempdir().expect("a directory");
        let trace = directory.path().join("trace");
        let data = directory.path().join("data");
        std::fs::create_dir(&data).expect("a directory");
        let script = "printf ab >$D/a; printf c >>$D/a; printf d >$D/a; sync $D/a";
        let _ = shell(&Disk::noting(&data, &trace), &data, script).success();
        let notes = noted(&trace);
        assert!(notes.iter().all(|note| note.path == data.join("a")));
        let changes: Vec<_> = notes.into_iter().map(|note| note.change).collect();
        let write = |offset, text: &str| Change::Write(offset, text.as_bytes().to_vec());
        let expected = [
            Change::Create,
            write(0, "ab"),
            write(2, "c"),
            Change::Truncate(0),
            write(0, "d"),
            Change::Sync,
        ];
        assert_eq!(changes, expected);
    }
}
