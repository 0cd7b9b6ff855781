//! `Node`: one opened data directory of a laptop, which every page and command works on.
//!
//! A new directory starts empty: everything, the catalog included, comes from the hub. A hub's directory is refused.

use std::path::{Path, PathBuf};

use shared::exchange::position;
use shared::ledger::quarantine::Again;
use shared::ledger::replica::{self, Claimed};
use shared::ledger::{LedgerError, Migrations, Store};
use shared::program::{Exit, NotListening, progress_bar};
use shared::site::{Site, SiteError};
use shared::time::Clock;

use crate::line::LineError;

/// Whose the directory is, for ever.
const OWNER: &str = "laptop";

/// Why a command of the laptop cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The site.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The port.
    #[error(transparent)]
    NotListening(#[from] NotListening),
    /// There are no data in the directory.
    #[error(
        "il n’y a pas de données de portable dans le dossier {0}\u{a0}: créez-les avec «\u{a0}maison-node enrol\u{a0}» \
         ou «\u{a0}maison-node serve\u{a0}», ou corrigez --data"
    )]
    NoNode(PathBuf),
    /// The directory is the hub's.
    #[error("le dossier {0} est celui du hub\u{a0}: donnez celui du portable")]
    NotANode(PathBuf),
    /// No directory was named and there is none to fall back on.
    #[error("dites où sont les données du portable\u{a0}: --data DOSSIER")]
    NoHome,
    /// The system gives no randomness.
    #[error("le système ne donne pas de nombres aléatoires\u{a0}: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The hub.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The system.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

impl From<LedgerError> for NodeError {
    fn from(error: LedgerError) -> Self {
        Self::Site(error.into())
    }
}

impl NodeError {
    /// The exit code of a command that ends in this.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Site(error) | Self::Line(LineError::Site(error)) => Exit::of(error),
            Self::Line(LineError::Unreachable | LineError::Cut) => Exit::Unreachable,
            Self::NoHome => Exit::Usage,
            _ => Exit::Failed,
        }
    }
}

/// An opened laptop. Clones share it.
#[derive(Clone, Debug)]
pub struct Node {
    site: Site,
}

impl Node {
    /// Opens the laptop's data in `directory`, creating them where there are none.
    ///
    /// # Errors
    /// When the directory is a hub's, or cannot be opened.
    pub async fn open(directory: &Path, clock: Clock) -> Result<Self, NodeError> {
        let progress = progress_bar("Préparation des pages");
        let site = Site::open(directory, MIGRATIONS, clock, progress).await?;
        let claim = |tx: &rusqlite::Transaction<'_>| replica::claim(tx, OWNER);
        match site.store().write(claim).await? {
            Claimed::New | Claimed::Before => {}
            Claimed::Others => return Err(NodeError::NotANode(directory.to_owned())),
        }
        // Stamps follow the hub's time, as the last exchange found it.
        let offset_ms = site.read(|c| Ok(position::offset_ms(c)?)).await?;
        site.clock().correct(offset_ms);
        site.retry_quarantine(Again::OtherVersions, |_| true)
            .await?;
        Ok(Self { site })
    }

    /// Opens the data in `directory` for a command that only makes sense where there are any.
    ///
    /// # Errors
    /// As [`Node::open`], and when there are none.
    pub async fn open_existing(directory: &Path, clock: Clock) -> Result<Self, NodeError> {
        if !Store::exists(directory) {
            return Err(NodeError::NoNode(directory.to_owned()));
        }
        Self::open(directory, clock).await
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }
}

/// The tables that a laptop keeps beside the ledger.
const MIGRATIONS: &[Migrations] = &[shared::desk::MIGRATIONS, shared::exchange::MIGRATIONS];
