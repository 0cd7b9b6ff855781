//! The work that the exchange is measured on: what a hub holds, and the days' work of fifty laptops.
//!
//! Made to compare systems: the same operations on people and sessions, one edit for one edit, whatever keeps them.
//! [`files`] reads operations from JSON lines, [`made`] makes some of the same shape from a seed, [`mapping`] says
//! which of our fields each goes into, [`applied`] applies them to a site and compares what sites hold.

pub mod applied;
mod files;
mod made;
mod mapping;

use serde_json::Value;
use shared::document::Kind;
use uuid::Uuid;

/// Laptops that have a day's work.
pub const LAPTOPS: usize = 50;

/// How much a hub holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "verbatim")]
pub enum Size {
    /// 500 people, 400 sessions.
    S,
    /// 5 000 people, 5 000 sessions.
    M,
}

impl Size {
    /// Its letter, in results and as the name of its directory.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::M => "M",
        }
    }
}

/// One edit of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// The document.
    pub id: Uuid,
    /// Its kind, where the operation creates it.
    pub kind: Option<Kind>,
    /// What the edit sets, in order.
    pub sets: Vec<Set>,
}

/// One value: a field, or an entry of a map, which stands for a person in a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// Field, then the key of the entry where there is one.
    pub path: Vec<String>,
    /// What it becomes.
    pub value: Value,
}

/// All the work of one size.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// What the hub holds, each document made in one edit.
    pub seed: Vec<Op>,
    /// The same end state, sessions built up by one edit for each registration, mark and evaluation.
    pub history: Vec<Op>,
    /// A day's work for each of [`LAPTOPS`] laptops.
    pub laptops: Vec<Vec<Op>>,
    /// What is done at the hub meanwhile.
    pub hub: Vec<Op>,
    /// Operations that make what must be held after `seed`.
    pub after_seed: Vec<Op>,
    /// Operations that make what must be held after `seed`, the first laptop's day and the hub's.
    pub after_day: Vec<Op>,
}

/// What is wrong with the work that is given.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// A file.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why it cannot be read.
        why: String,
    },
    /// An operation has something that has no place in our documents.
    #[error("nothing of ours holds {0}")]
    Unmapped(String),
    /// An operation on a document that nobody made.
    #[error("the document {0} is not known")]
    UnknownDocument(Uuid),
    /// The site.
    #[error(transparent)]
    Site(#[from] shared::site::SiteError),
}

impl From<shared::document::DocumentError> for WorkError {
    fn from(error: shared::document::DocumentError) -> Self {
        Self::Site(error.into())
    }
}

impl Work {
    /// Reads the work of a size from a directory that has one directory for each size.
    ///
    /// # Errors
    /// When a file is missing or does not read.
    pub fn read(directory: &std::path::Path, size: Size) -> Result<Self, WorkError> {
        files::read(&directory.join(size.letter()))
    }

    /// Makes work of a size from a seed: the same for the same seed.
    #[must_use]
    pub fn made(size: Size, seed: u64) -> Self {
        match size {
            Size::S => made::made(500, 400, seed),
            Size::M => made::made(5_000, 5_000, seed),
        }
    }
}
