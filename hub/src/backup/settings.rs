//! To whom and to where backups go: a small file in the data directory, `sauvegardes/reglages.json`.
//!
//! Not in the database: it must be readable when that is damaged, older than the program, or the one of a backup from
//! before an administrator left.

use std::io::Write;
use std::path::{Path, PathBuf};

use age::x25519::Recipient;
use serde::{Deserialize, Serialize};
use shared::program::files::Fresh;

use super::BackupError;

/// The directory in the data directory where all that concerns backups lies.
pub(super) const DIRECTORY: &str = "sauvegardes";
/// The file in it.
pub(super) const FILE: &str = "reglages.json";

/// What is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whom backups are encrypted to.
    #[serde(default)]
    pub recipients: Vec<Administrator>,
    /// Directories that each backup is written to.
    #[serde(default)]
    pub places: Vec<PathBuf>,
    /// How many are kept.
    #[serde(default)]
    pub retention: Retention,
}

/// Somebody who can open backups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Administrator {
    /// Their public key: `age1…`.
    pub key: String,
    /// Their name.
    pub name: String,
}

/// How many backups are kept: the newest of so many days, weeks and months that have any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Days.
    pub daily: usize,
    /// Weeks, from Monday on.
    pub weekly: usize,
    /// Months. Few: a backup holds people who were erased since, for as long as it is kept.
    pub monthly: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            daily: 7,
            weekly: 4,
            monthly: 2,
        }
    }
}

impl Settings {
    /// What is set for the hub in `directory`; the defaults where nothing is.
    ///
    /// # Errors
    /// When the file does not read.
    pub fn read(directory: &Path) -> Result<Self, BackupError> {
        let path = path(directory);
        match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(BackupError::file(&path)(error)),
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| BackupError::file(&path)(error.into())),
        }
    }

    /// Keeps them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), BackupError> {
        private_directory(&directory.join(DIRECTORY))?;
        write_json(&path(directory), self)
    }

    /// Adds somebody, or gives the bearer of a key another name.
    ///
    /// # Errors
    /// [`BackupError::NotARecipient`].
    pub fn add_recipient(&mut self, key: &str, name: &str) -> Result<(), BackupError> {
        let key = key.trim();
        let recipient: Result<Recipient, _> = key.parse();
        let key = recipient
            .map_err(|_| BackupError::NotARecipient(key.to_owned()))?
            .to_string();
        self.recipients.retain(|known| known.key != key);
        let name = name.to_owned();
        self.recipients.push(Administrator { key, name });
        Ok(())
    }

    /// The keys of all, if there are enough of them.
    ///
    /// # Errors
    /// [`BackupError::FewRecipients`], or [`BackupError::NotARecipient`] where the file was edited by hand.
    pub(super) fn keys(&self) -> Result<Vec<Recipient>, BackupError> {
        let mut keys: Vec<&str> = self.recipients.iter().map(|one| &*one.key).collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.len() < RECIPIENTS_MIN {
            return Err(BackupError::FewRecipients(keys.len()));
        }
        let parsed = keys.into_iter().map(|key| {
            key.parse()
                .map_err(|_| BackupError::NotARecipient(key.to_owned()))
        });
        parsed.collect()
    }
}

/// One key alone would be the end of the data once it is lost.
const RECIPIENTS_MIN: usize = 2;

/// Where the settings of the hub in `directory` lie.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join(DIRECTORY).join(FILE)
}

/// Makes a directory for the owner's eyes only, where there is none.
pub(super) fn private_directory(path: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::DirBuilderExt;
    let mut private = std::fs::DirBuilder::new();
    let made = private.recursive(true).mode(0o700).create(path);
    made.map_err(BackupError::file(path))
}

/// Writes a value as a file that is never seen half-written.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), BackupError> {
    let write = || {
        let mut bytes = serde_json::to_vec_pretty(value)?;
        bytes.push(b'\n');
        let fresh = Fresh::begin(path)?;
        fresh.writer()?.write_all(&bytes)?;
        fresh.keep()
    };
    write().map_err(BackupError::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_than_two_different_keys_are_refused_with_what_to_do() {
        let mut settings = Settings::default();
        let keys = [1, 2].map(|_| age::x25519::Identity::generate().to_public().to_string());
        for (key, enough) in [(&keys[0], false), (&keys[0], false), (&keys[1], true)] {
            let refused = settings.keys().map(|_| ());
            let words = refused.unwrap_err().to_string();
            assert!(
                words.contains("backup key") && words.contains("age-keygen"),
                "{words}"
            );
            settings
                .add_recipient(&format!(" {key}\n"), "Odile")
                .unwrap();
            assert_eq!(settings.keys().is_ok(), enough);
        }
        assert!(settings.add_recipient("age1nonsense", "X").is_err());
        assert_eq!(settings.recipients.len(), 2);
    }

    #[test]
    fn settings_are_read_as_they_were_written_and_new_ones_have_defaults() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(
            Settings::read(directory.path()).unwrap(),
            Settings::default()
        );
        let settings = Settings {
            places: vec!["/media/usb".into()],
            ..Settings::default()
        };
        settings.write(directory.path()).unwrap();
        assert_eq!(Settings::read(directory.path()).unwrap(), settings);
        std::fs::write(path(directory.path()), "{}").unwrap();
        assert_eq!(Settings::read(directory.path()).unwrap().retention.daily, 7);
        std::fs::write(path(directory.path()), "{").unwrap();
        assert!(Settings::read(directory.path()).is_err());
    }
}
