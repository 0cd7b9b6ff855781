//! `Node`: one opened data directory of a laptop, which every page and command works on.
//!
//! A new directory starts empty: everything, the catalog included, comes from the hub. A hub's directory is refused. A
//! damaged database is moved aside and made anew with what could be saved (`crate::rescue`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::exchange::position;
use shared::ledger::quarantine::Again;
use shared::ledger::replica::{self, Claimed};
use shared::ledger::{LedgerError, Migrations, Store, aside};
use shared::program::{Exit, NotListening, complain, progress_bar};
use shared::site::{Site, SiteError};
use shared::text::system_words;
use shared::time::Clock;

use crate::line::LineError;
use crate::rescue::rescue;

/// Whose the directory is, for ever.
pub(crate) const OWNER: &str = "laptop";

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
    #[error("{}", system_words(.0))]
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

    fn is_damage(&self) -> bool {
        matches!(self, Self::Site(SiteError::Ledger(error)) if error.is_damage())
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
        let clock = Arc::new(clock);
        let opened = if aside::is_unfinished(directory) {
            Err(LedgerError::Damaged("elle était en train d’être remplacée").into())
        } else {
            Self::open_sound(directory, &clock).await
        };
        match opened {
            Err(error) if error.is_damage() => {
                // Nothing may be written meanwhile: a program that serves these data has to be closed.
                let held = Store::hold(directory)?;
                Self::open_anew(directory, &clock, &held).await
            }
            opened => opened,
        }
    }

    /// As [`Node::open`], for a program that serves the data and has taken the directory for it: looks through all of
    /// them first.
    ///
    /// # Errors
    /// As [`Node::open`].
    pub async fn open_to_serve(
        directory: &Path,
        clock: Clock,
        held: &File,
    ) -> Result<Self, NodeError> {
        let clock = Arc::new(clock);
        aside::finish(directory)?;
        match Self::open_checked(directory, &clock).await {
            Err(error) if error.is_damage() => Self::open_anew(directory, &clock, held).await,
            opened => opened,
        }
    }

    /// Puts a new database in the place of a damaged one, says so, and opens it.
    async fn open_anew(
        directory: &Path,
        clock: &Arc<Clock>,
        _held: &File,
    ) -> Result<Self, NodeError> {
        if aside::is_unfinished(directory) {
            aside::finish(directory)?;
        } else {
            let damage = rescue(directory, clock.now()).await?;
            complain(format!("maison-node\u{a0}: {}", damage.words("")));
        }
        Self::open_sound(directory, clock).await
    }

    async fn open_checked(directory: &Path, clock: &Arc<Clock>) -> Result<Self, NodeError> {
        let node = Self::open_sound(directory, clock).await?;
        match node.site.check().await {
            Ok(_) => Ok(node),
            Err(error) => {
                node.close().await;
                Err(error.into())
            }
        }
    }

    async fn open_sound(directory: &Path, clock: &Arc<Clock>) -> Result<Self, NodeError> {
        let progress = progress_bar("Préparation des pages");
        let site = Site::open(directory, MIGRATIONS, Arc::clone(clock), progress).await?;
        match Self::over(&site, directory).await {
            Ok(()) => Ok(Self { site }),
            Err(error) => {
                site.close().await;
                Err(error)
            }
        }
    }

    async fn over(site: &Site, directory: &Path) -> Result<(), NodeError> {
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
        Ok(())
    }

    /// Opens the data in `directory` for a command that only makes sense where there are any.
    ///
    /// # Errors
    /// As [`Node::open`], and when there are none.
    pub async fn open_existing(directory: &Path, clock: Clock) -> Result<Self, NodeError> {
        if !Store::exists(directory) && !aside::is_unfinished(directory) {
            return Err(NodeError::NoNode(directory.to_owned()));
        }
        Self::open(directory, clock).await
    }

    /// Closes it and waits until its files are closed; for ever if a clone of it is kept.
    pub async fn close(self) {
        self.site.close().await;
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }
}

/// The tables that a laptop keeps beside the ledger.
pub(crate) const MIGRATIONS: &[Migrations] =
    &[shared::desk::MIGRATIONS, shared::exchange::MIGRATIONS];
