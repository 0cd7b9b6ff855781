//! What can go wrong with the store, in words that say what to do next.

use std::path::PathBuf;

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
    /// A file could not be opened or made.
    #[error("impossible d’ouvrir {path} : {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A row does not hold what the ledger wrote there.
    #[error("la base est abîmée ({0}) : gardez le dossier et prévenez l’administrateur")]
    Damaged(&'static str),
    /// The system gives no randomness.
    #[error("le système ne donne pas de nombres aléatoires\u{a0}: {0}")]
    Randomness(#[from] getrandom::Error),
    /// Anything else that SQLite says.
    #[error("erreur de base de données : {0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull,
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::Damaged("SQLite ne la lit plus")
            }
            _ => Self::Sqlite(error),
        }
    }
}
