//! What can go wrong with the store, in words that say what to do next.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::{Error, ErrorCode};

use crate::text::system_words;

/// An error of the store. None of them loses what was confirmed before.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The disk has no room left.
    #[error("le disque est plein : rien n’a été perdu, libérez de la place puis recommencez")]
    DiskFull,
    /// Another process serves this directory.
    #[error("le dossier {0} est déjà ouvert par un autre programme : fermez-le d’abord")]
    Held(PathBuf),
    /// A newer program wrote this database.
    #[error(
        "ces données viennent d’une version plus récente ({module} {found}, ce programme connaît {known}) : mettez le programme à jour"
    )]
    Newer {
        /// Which list of migrations.
        module: &'static str,
        /// The number that the database has reached.
        found: u32,
        /// The number that this program knows.
        known: u32,
    },
    /// The SQLite in use is older than the one that is safe.
    #[error("SQLite {0} est trop ancien : il faut 3.51.3 ou plus récent")]
    OldSqlite(&'static str),
    /// The writer thread is gone: the program is stopping.
    #[error("le programme s’arrête : recommencez dans un instant")]
    Closed,
    /// A job panicked; its transaction was rolled back.
    #[error("une erreur interne a interrompu l’opération : rien n’a été enregistré, recommencez")]
    Interrupted,
    /// SQLite cannot open or make one of its files, and does not say why.
    #[error(
        "les fichiers de données ne s’ouvrent pas\u{a0}: vérifiez que le disque a encore de la place et que leur dossier vous \
         est ouvert, puis recommencez"
    )]
    Unopened,
    /// A file could not be opened or written, for another reason than that the disk is full.
    #[error("impossible d’ouvrir ou d’écrire {path}\u{a0}: {}", system_words(.source))]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A row does not hold what the ledger wrote there.
    #[error(
        "la base de données est abîmée ({0})\u{a0}: ne supprimez rien. Sur un portable, relancez le programme\u{a0}: il \
         la met de côté et reprend tout ce qui se lit encore. Au hub, remettez une sauvegarde"
    )]
    Damaged(&'static str),
    /// The disk does not read or write. Where it does not keep what it took, it may as well be full.
    #[error(
        "le disque ne répond pas comme il faut\u{a0}: rien de ce qui a été confirmé n’est perdu. Vérifiez qu’il reste de la \
         place, puis recommencez\u{a0}; si cela se répète, prévenez l’administrateur\u{a0}: le disque est peut-être en fin \
         de vie"
    )]
    Disk,
    /// The system gives no randomness.
    #[error("le système ne donne pas de nombres aléatoires\u{a0}: {0}")]
    Randomness(#[from] getrandom::Error),
    /// Anything else that SQLite says.
    #[error("erreur de base de données : {0}")]
    Sqlite(rusqlite::Error),
}

impl LedgerError {
    /// That a file at `path` could not be opened or written.
    #[must_use]
    pub fn of_file(path: &Path, source: std::io::Error) -> Self {
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::File {
                path: path.to_owned(),
                source,
            },
        }
    }

    /// Whether what was written in the files is not there any more: a program that knows how begins anew.
    ///
    /// SQL that does not fit the tables counts as well: all of it is ours, so the tables are not what we made.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::Unknown | ErrorCode::TypeMismatch | ErrorCode::ConstraintViolation)
            ),
            _ => false,
        }
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::SystemIoFailure) => Self::Disk,
            Some(ErrorCode::CannotOpen) => Self::Unopened,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged("elle ne se lit plus")
            }
            None if is_unread(&error) => Self::Damaged("une valeur ne se lit plus"),
            _ => Self::Sqlite(error),
        }
    }
}

/// Whether a value or a row is not what was written there.
fn is_unread(error: &Error) -> bool {
    matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..)
            | Error::QueryReturnedNoRows
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Error as SystemError;

    fn words(kind: ErrorKind) -> String {
        let error = LedgerError::of_file(Path::new("/données"), kind.into());
        error.to_string()
    }

    #[test]
    fn what_the_system_says_of_a_file_is_told_in_french() {
        assert!(words(ErrorKind::StorageFull).starts_with("le disque est plein"));
        assert!(words(ErrorKind::PermissionDenied).contains("/données\u{a0}: l’accès"));
        // Input/output error
        let broken = LedgerError::of_file(Path::new("/données"), SystemError::from_raw_os_error(5));
        assert!(broken.to_string().contains("le disque ne répond pas"));
    }
}
