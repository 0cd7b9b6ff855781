//! A place: a directory of another disk that backups are written to, one after another, each whole or not at all.
//!
//! A place bears a mark, so that the empty mount point of a disk that is not there is not taken for the disk. What is
//! written is read again from the disk itself and compared: some accept everything and keep nothing.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise};
use shared::ledger::LedgerError;
use shared::program::files::Fresh;
use shared::site::erasure_file;

use super::archive::Digesting;
use super::{ENDING, NAME, PlaceError};

/// The file that marks a place.
const MARK: &str = ".maison-sauvegardes";
/// What it says to whoever finds it.
const MARK_TEXT: &str =
    "Ce dossier reçoit les sauvegardes du hub de la Maison mobile. Laissez ce fichier en place.\n";
/// A place's copy of the hub's file of erasures and revocations.
const ERASURES: &str = "capestang.effacements";

/// Marks a directory as a place.
///
/// # Errors
/// [`PlaceError::Missing`] when it is no directory, or what the system says.
pub fn mark(place: &Path) -> Result<(), PlaceError> {
    if !place.is_dir() {
        return Err(PlaceError::Missing);
    }
    let fresh = Fresh::begin(&place.join(MARK))?;
    fresh.writer()?.write_all(MARK_TEXT.as_bytes())?;
    Ok(fresh.keep()?)
}

/// Whether the place is there.
pub(super) fn is_there(place: &Path) -> bool {
    place.join(MARK).is_file()
}

/// Writes a backup and makes sure that it is there: `head`, then all of `sealed`. `forget` makes the system forget
/// what it has of the file in memory ([`from_disk`]).
pub(super) fn put(
    place: &Path,
    name: &str,
    (head, sealed): (&[u8], &File),
    forget: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<PathBuf, PlaceError> {
    if !is_there(place) {
        return Err(PlaceError::Missing);
    }
    sweep(place)?;
    let path = place.join(name);
    let fresh = Fresh::begin(&path)?;
    let mut out = Digesting::new(fresh.writer()?);
    out.write_all(head)?;
    let mut sealed = sealed;
    sealed.rewind()?;
    io::copy(&mut sealed, &mut out)?;
    let (_, sha256, bytes) = out.finish();
    fresh.keep()?;
    let same = forget(&path).and_then(|()| is_same(&path, sha256, bytes));
    match same {
        Ok(true) => Ok(path),
        other => {
            // What is not what it should be must not pass for a backup.
            let _ = std::fs::remove_file(&path);
            Err(other.map_or_else(PlaceError::from, |_| PlaceError::Lies))
        }
    }
}

/// Has the next reading of a file come from its disk, as far as the system knows how.
pub(super) fn from_disk(path: &Path) -> io::Result<()> {
    match fadvise(&File::open(path)?, 0, None, Advice::DontNeed) {
        Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn is_same(path: &Path, sha256: [u8; 32], bytes: u64) -> io::Result<bool> {
    let mut sum = Digesting::new(io::sink());
    io::copy(&mut File::open(path)?, &mut sum)?;
    let (_, read_sha256, read_bytes) = sum.finish();
    Ok((read_sha256, read_bytes) == (sha256, bytes))
}

/// Removes what a program that died has left half-written.
fn sweep(place: &Path) -> io::Result<()> {
    for file in std::fs::read_dir(place)? {
        let file = file?;
        let name = file.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(NAME) && name.ends_with(".partial") {
            std::fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

/// The files in a place that are called as backups are, the newest name first.
pub(super) fn files(place: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_called_so(path))
        .collect();
    paths.sort();
    paths.reverse();
    paths
}

fn is_called_so(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(NAME) && name.ends_with(ENDING))
}

/// Gives a place the lines of the hub's file of erasures that its copy lacks.
pub(super) fn mirror(place: &Path, lines: &[String]) -> Result<(), PlaceError> {
    if !is_there(place) {
        return Err(PlaceError::Missing);
    }
    let added = erasure_file::add_missing(&place.join(ERASURES), lines);
    added.map(|_| ()).map_err(|error| match error {
        LedgerError::File { source, .. } => source.into(),
        LedgerError::DiskFull => PlaceError::Full,
        other => PlaceError::System(io::Error::other(other.to_string())),
    })
}

/// The lines of a place's copy of the file of erasures; none where it cannot be read.
pub(super) fn mirrored(place: &Path) -> Vec<String> {
    erasure_file::lines(&place.join(ERASURES)).unwrap_or_default()
}

/// Opens a backup at its beginning.
pub(super) fn open(path: &Path) -> io::Result<impl Read + Seek + use<>> {
    Ok(io::BufReader::new(File::open(path)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use tempfile::TempDir;

    const BACKUP: &str = "capestang-2026-11-24T19-00.sauvegarde";

    fn place() -> TempDir {
        let place = tempfile::tempdir().unwrap();
        mark(place.path()).unwrap();
        place
    }

    fn sealed() -> File {
        let mut file = tempfile::tempfile().unwrap();
        io::copy(&mut Cursor::new([7; 100_000]), &mut file).unwrap();
        file
    }

    #[test]
    fn a_backup_is_written_whole_and_what_was_left_half_written_goes() {
        let place = place();
        let left = place
            .path()
            .join("capestang-2026-11-23T19-00.sauvegarde.partial");
        std::fs::write(&left, "half").unwrap();
        let path = put(place.path(), BACKUP, (b"head", &sealed()), from_disk).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((&bytes[..4], bytes.len()), (&b"head"[..], 100_004));
        assert!(!left.exists());
        assert_eq!(files(place.path()), [path]);
    }

    #[test]
    fn a_directory_without_the_mark_is_a_disk_that_is_not_there() {
        let mount_point = tempfile::tempdir().unwrap();
        let refused = put(mount_point.path(), BACKUP, (b"", &sealed()), from_disk);
        assert!(matches!(refused, Err(PlaceError::Missing)));
        assert_eq!(std::fs::read_dir(mount_point.path()).unwrap().count(), 0);
        let nowhere = mount_point.path().join("nowhere");
        assert!(matches!(mark(&nowhere), Err(PlaceError::Missing)));
    }

    #[test]
    fn a_place_that_gives_back_something_else_is_found_out_and_keeps_nothing() {
        let place = place();
        let lies: [fn(&Path) -> io::Result<()>; 3] = [
            |path| std::fs::write(path, [0; 100_004]),
            |path| std::fs::write(path, ""),
            |path| std::fs::remove_file(path),
        ];
        for lie in lies {
            let refused = put(place.path(), BACKUP, (b"head", &sealed()), lie);
            assert!(matches!(
                refused,
                Err(PlaceError::Lies | PlaceError::System(_))
            ));
            assert!(files(place.path()).is_empty());
        }
    }
}
