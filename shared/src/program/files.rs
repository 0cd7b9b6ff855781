//! Files that both programs write and read for somebody: none is ever seen half-written, none is left behind, none is
//! larger than it may be.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// How the name of a file ends while it is being written.
const PARTIAL: &str = ".partial";

/// A file without a name in `directory`: it is gone when the program closes it or ends in any way.
///
/// # Errors
/// What the system says.
pub fn nameless(directory: &Path) -> io::Result<File> {
    tempfile::tempfile_in(directory)
}

/// A copy of the file at `path`, without a name, in `directory`: nobody can change it or pull it out meanwhile.
///
/// # Errors
/// What the system says; [`io::ErrorKind::FileTooLarge`] beyond `bytes_max`.
pub fn copied(path: &Path, directory: &Path, bytes_max: u64) -> io::Result<File> {
    let mut copy = Limited::new(nameless(directory)?, bytes_max);
    // One byte more than may be, so that too much is noticed.
    io::copy(&mut File::open(path)?.take(bytes_max + 1), &mut copy)?;
    let mut copy = copy.into_inner();
    copy.rewind()?;
    Ok(copy)
}

/// A writer that takes so many bytes, then fails with [`io::ErrorKind::FileTooLarge`].
#[derive(Debug)]
pub struct Limited<W> {
    inner: W,
    left: u64,
}

impl<W> Limited<W> {
    /// Writes at most `bytes_max` to `inner`.
    pub fn new(inner: W, bytes_max: u64) -> Self {
        Self {
            inner,
            left: bytes_max,
        }
    }

    /// What it writes to.
    pub fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: Write> Write for Limited<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = (self.left)
            .checked_sub(bytes.len() as u64)
            .ok_or(io::ErrorKind::FileTooLarge)?;
        let written = self.inner.write(bytes)?;
        self.left += (bytes.len() - written) as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A file that gets its name once it is whole and on the disk; dropped before, it leaves nothing.
#[derive(Debug)]
pub struct Fresh {
    file: File,
    partial: PathBuf,
    path: PathBuf,
    is_kept: bool,
}

impl Fresh {
    /// Begins the file that will be `path`, under another name beside it.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(path: &Path) -> io::Result<Self> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(PARTIAL);
        let partial = PathBuf::from(partial);
        Ok(Self {
            file: File::create(&partial)?,
            partial,
            path: path.to_owned(),
            is_kept: false,
        })
    }

    /// What to write to.
    ///
    /// # Errors
    /// What the system says.
    pub fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Gives the file its name, in the place of one that bore it before.
    ///
    /// # Errors
    /// What the system says; nothing bears the name then that did not before.
    pub fn keep(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.partial, &self.path)?;
        self.is_kept = true;
        let directory = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        match File::open(directory.unwrap_or(Path::new(".")))?.sync_all() {
            // Not every file system knows how to.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            other => other,
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.is_kept {
            // There is nothing better to do than to try.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let files = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_whole_and_leaves_nothing_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("retour.maison");
        for is_whole in [false, true] {
            let fresh = Fresh::begin(&path).unwrap();
            fresh.writer().unwrap().write_all(b"whole").unwrap();
            assert_eq!(names(directory.path()), ["retour.maison.partial"]);
            if is_whole {
                fresh.keep().unwrap();
                assert_eq!(names(directory.path()), ["retour.maison"]);
            } else {
                drop(fresh);
                assert_eq!(names(directory.path()), [""; 0]);
            }
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn a_copy_has_no_name_and_no_more_than_its_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, [7; 10]).unwrap();
        let mut copy = copied(&path, directory.path(), 10).unwrap();
        let mut bytes = Vec::new();
        copy.read_to_end(&mut bytes).unwrap();
        assert_eq!(
            (bytes.len(), names(directory.path())),
            (10, vec!["a".into()])
        );
        let refused = copied(&path, directory.path(), 9).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
    }
}
