//! Exit codes: what a script may trust.

use std::process::{ExitCode, Termination};

use crate::ledger::LedgerError;
use crate::site::SiteError;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: not done; the standard error says why.
    Failed,
    /// 2: the command line cannot be understood.
    Usage,
    /// 3: another program holds the data directory, or a newer version wrote it.
    Unavailable,
    /// 4: the hub cannot be reached.
    Unreachable,
}

/// The codes as `--help` explains them.
pub(super) const EXIT_CODES: &str = "\
Codes de retour :
  0  fait
  1  pas fait ; le message dit pourquoi
  2  ligne de commande incomprise
  3  dossier tenu par un autre programme, ou écrit par une version plus récente
  4  hub injoignable";

impl Exit {
    /// The code of a command that the site could not serve.
    #[must_use]
    pub fn of(error: &SiteError) -> Self {
        match error {
            SiteError::Ledger(LedgerError::Held(_) | LedgerError::Newer { .. }) => {
                Self::Unavailable
            }
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}
