//! A directory as a disk may hold it when the power goes, from the notes of what programs did to its files.
//!
//! What was waited for is there. Of what was written since, any part may be there or not: each write, each 512-byte sector
//! of it, whatever came later. A file that was made, renamed or taken away may be so or not until its directory was waited
//! for, in order for each name. That is less than what any file system promises.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use tests::faulty_disk::{Change, Noted};

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;
/// How likely something that was not waited for is there all the same: an image has one of these.
const LIKELY: [f64; 5] = [0.0, 0.1, 0.5, 0.9, 1.0];

type Names = BTreeMap<OsString, usize>;

/// A directory with everything that may become of it.
#[derive(Clone)]
pub struct Image {
    directory: PathBuf,
    files: Vec<Content>,
    /// As programs see it.
    names: Names,
    /// As it was when it was last waited for, and what was done to it since.
    kept_names: Names,
    renamings: Vec<Renaming>,
}

#[derive(Clone, Default)]
struct Content {
    /// As it was when it was last waited for, and what was done to it since.
    kept: Vec<u8>,
    changes: Vec<Change>,
}

/// Which names stand for which file now.
type Renaming = Vec<(OsString, Option<usize>)>;

impl Image {
    /// A directory whose content, which is that of `before`, is all on the disk.
    pub fn of(directory: &Path, before: &Path) -> Self {
        let (mut files, mut names) = (Vec::new(), Names::new());
        for file in std::fs::read_dir(before).unwrap() {
            let file = file.unwrap();
            names.insert(file.file_name(), files.len());
            files.push(Content {
                kept: std::fs::read(file.path()).unwrap(),
                changes: Vec::new(),
            });
        }
        Self {
            directory: directory.to_owned(),
            files,
            kept_names: names.clone(),
            names,
            renamings: Vec::new(),
        }
    }

    /// Goes on by what a program did, if it did it here.
    pub fn go_on(&mut self, noted: &Noted) {
        if noted.path == self.directory {
            assert_eq!(noted.change, Change::Sync);
            self.kept_names = self.names.clone();
            self.renamings.clear();
        } else if let Some(name) = self.name(&noted.path) {
            self.change(name, &noted.change);
        }
    }

    fn name(&self, path: &Path) -> Option<OsString> {
        let name = path.strip_prefix(&self.directory).ok()?;
        Some(name.as_os_str().to_owned())
    }

    fn change(&mut self, name: OsString, change: &Change) {
        match change {
            Change::Create => {
                self.files.push(Content::default());
                self.rename(vec![(name, Some(self.files.len() - 1))]);
            }
            Change::Unlink => self.rename(vec![(name, None)]),
            Change::Rename(to) => {
                let to = self.name(to).expect("nothing is moved out of it");
                self.rename(vec![(to, self.names.get(&name).copied()), (name, None)]);
            }
            // What has no name any more is lost whatever happens.
            _ if !self.names.contains_key(&name) => {}
            Change::Sync => {
                let file = &mut self.files[self.names[&name]];
                file.kept = file.whole();
                file.changes.clear();
            }
            Change::Write(..) | Change::Truncate(_) => {
                let file = &mut self.files[self.names[&name]];
                file.changes.push(change.clone());
            }
        }
    }

    fn rename(&mut self, renaming: Renaming) {
        apply(&renaming, &mut self.names);
        self.renamings.push(renaming);
    }

    /// The files as programs see them.
    pub fn whole(&self) -> BTreeMap<&OsStr, Vec<u8>> {
        let names = self.names.iter();
        names
            .map(|(name, file)| (name.as_os_str(), self.files[*file].whole()))
            .collect()
    }

    /// The files as the disk may have them when the power goes now.
    pub fn after_power_cut(&self, random: &mut StdRng) -> BTreeMap<OsString, Vec<u8>> {
        let likely = *LIKELY.choose(random).expect("there are some");
        let mut names = self.kept_names.clone();
        let mut lost = BTreeSet::new();
        for renaming in &self.renamings {
            let follows_lost = renaming.iter().any(|(name, _)| lost.contains(name));
            if follows_lost || !random.random_bool(likely) {
                lost.extend(renaming.iter().map(|(name, _)| name.clone()));
            } else {
                apply(renaming, &mut names);
            }
        }
        let files = names.into_iter();
        files
            .map(|(name, file)| (name, self.files[file].after_power_cut(likely, random)))
            .collect()
    }
}

fn apply(renaming: &Renaming, names: &mut Names) {
    for (name, file) in renaming {
        match file {
            Some(file) => names.insert(name.clone(), *file),
            None => names.remove(name),
        };
    }
}

impl Content {
    fn whole(&self) -> Vec<u8> {
        let mut bytes = self.kept.clone();
        for change in &self.changes {
            match change {
                Change::Write(offset, data) => put(&mut bytes, *offset as usize, data),
                Change::Truncate(length) => bytes.resize(*length as usize, 0),
                _ => {}
            }
        }
        bytes
    }

    fn after_power_cut(&self, likely: f64, random: &mut StdRng) -> Vec<u8> {
        let mut bytes = self.kept.clone();
        for change in &self.changes {
            match change {
                Change::Write(offset, data) => {
                    write(&mut bytes, *offset as usize, data, likely, random);
                }
                Change::Truncate(length) if random.random_bool(likely) => {
                    bytes.resize(*length as usize, 0);
                }
                _ => {}
            }
        }
        bytes
    }
}

/// One write of which everything, nothing or some sectors are there.
fn write(bytes: &mut Vec<u8>, offset: usize, data: &[u8], likely: f64, random: &mut impl Rng) {
    let is_torn = likely > 0.0 && likely < 1.0 && random.random_bool(0.3);
    let is_there = random.random_bool(likely);
    let mut from = 0;
    while from < data.len() {
        let sector_end = SECTOR_BYTES - (offset + from) % SECTOR_BYTES;
        let to = data.len().min(from + sector_end);
        if (is_torn && random.random_bool(0.5)) || (!is_torn && is_there) {
            put(bytes, offset + from, &data[from..to]);
        }
        from = to;
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(data);
}
