//! Documents: how a domain value lives in an Automerge document.
//!
//! Rules, each learnt by measurement:
//! - Every document starts with a *genesis* change computed from its kind and id, which holds the empty maps, so that
//!   two sites never create the same nested object (one side's map would hide the other's). It is computable, so it
//!   is neither stored nor sent.
//! - An edit writes only what it changed, field by field; it never starts from a value that a form or cache kept.
//!   Fields that this program does not know are left alone, so an older laptop does not destroy a newer one's data.
//! - Nothing is ever deleted: a delete loses against a concurrent update. Withdrawal is a value.
//! - Bytes from elsewhere are read under `catch_unwind`, plain change chunks only (see [`foreign`]).
//!
//! Knows Automerge and the domain; knows nothing of SQL or HTTP.

mod conflict;
mod edit;
pub mod foreign;
mod genesis;
mod history;
#[cfg(test)]
mod tests;
mod tree;

pub use conflict::{Conflict, ConflictValue};
pub use edit::Editor;
pub use genesis::Kind;
pub use history::{FieldChange, HistoryEntry};

use automerge::AutoCommit;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::catalog::Catalog;
use crate::domain::demande::Register;
use crate::domain::person::Person;
use crate::domain::session::Session;
use crate::ids::DocumentId;

/// A domain value that has documents of its own.
pub trait Document: Serialize + DeserializeOwned + Default {
    /// Its kind.
    const KIND: Kind;
}

impl Document for Person {
    const KIND: Kind = Kind::Person;
}

impl Document for Session {
    const KIND: Kind = Kind::Session;
}

impl Document for Register {
    const KIND: Kind = Kind::Register;
}

impl Document for Catalog {
    const KIND: Kind = Kind::Catalog;
}

/// What can be wrong with a document's content.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The content does not read as its kind.
    #[error("le contenu ne se lit pas comme «\u{a0}{0}\u{a0}»")]
    Unreadable(Kind),
    /// An edit would make an object where two sites could both make one, or a list.
    #[error("cette forme n’a pas sa place dans un document ({0})")]
    Shape(&'static str),
    /// An edit that no other site would take.
    #[error(
        "ce texte est trop long (256\u{a0}Ko au plus par modification)\u{a0}: raccourcissez-le"
    )]
    TooLarge,
    /// Automerge's own error.
    #[error("document : {0}")]
    Automerge(#[from] automerge::AutomergeError),
}

/// A document in memory: genesis plus every change whose dependencies are there.
#[derive(Debug)]
pub struct OpenDocument {
    /// Its id.
    pub id: DocumentId,
    /// Its kind.
    pub kind: Kind,
    inner: AutoCommit,
}

impl OpenDocument {
    /// The document before any change.
    #[must_use]
    pub fn genesis(kind: Kind, id: DocumentId) -> Self {
        Self {
            id,
            kind,
            inner: genesis::genesis(kind, id),
        }
    }

    /// The hash of a document's genesis, on which its first change depends.
    #[must_use]
    pub fn genesis_hash(kind: Kind, id: DocumentId) -> crate::ledger::changes::Hash {
        let heads = genesis::genesis(kind, id).get_heads();
        heads.first().map_or([0; 32], |head| head.0)
    }

    /// Its content as a domain value.
    ///
    /// # Errors
    /// [`DocumentError::Unreadable`] when a field has the wrong type.
    pub fn value<T: Document>(&self) -> Result<T, DocumentError> {
        serde_json::from_value(tree::read(&self.inner))
            .map_err(|_| DocumentError::Unreadable(self.kind))
    }

    /// Whether the content reads as the document's kind.
    ///
    /// # Errors
    /// [`DocumentError::Unreadable`] when it does not.
    pub fn check(&self) -> Result<(), DocumentError> {
        match self.kind {
            Kind::Person => self.value::<Person>().map(drop),
            Kind::Session => self.value::<Session>().map(drop),
            Kind::Register => self.value::<Register>().map(drop),
            Kind::Catalog => self.value::<Catalog>().map(drop),
        }
    }

    /// The fields on which sites disagree.
    #[must_use]
    pub fn conflicts(&mut self) -> Vec<Conflict> {
        conflict::conflicts(&mut self.inner)
    }

    /// Who changed what and when, oldest first.
    #[must_use]
    pub fn history(&mut self) -> Vec<HistoryEntry> {
        history::history(&mut self.inner)
    }
}
