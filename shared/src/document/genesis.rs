//! Kinds of documents and the genesis change that each document starts with.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, ObjType, ROOT};

use crate::ids::DocumentId;

/// Kinds of documents. The numbers are stored and sent: never re-use one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// One person.
    Person = 1,
    /// One workshop session.
    Session = 2,
    /// The demandes of one place's day.
    Register = 3,
    /// The catalog.
    Catalog = 5,
}

impl Kind {
    /// The kind of a stored number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Person),
            2 => Some(Self::Session),
            3 => Some(Self::Register),
            5 => Some(Self::Catalog),
            _ => None,
        }
    }

    /// The number that the ledger and the exchange hold.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The word written into the document's root.
    fn word(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Session => "session",
            Self::Register => "register",
            Self::Catalog => "catalog",
        }
    }

    /// The maps that its genesis makes. Changing a list changes every document's genesis: never do it.
    pub(super) fn maps(self) -> &'static [&'static str] {
        match self {
            Self::Person => &[],
            Self::Session => &[
                "anonymous",
                "evaluations",
                "notes",
                "registrations",
                "themes",
            ],
            Self::Register => &["demandes"],
            Self::Catalog => &[
                "agents",
                "forms",
                "operators",
                "places",
                "replicas",
                "stops",
            ],
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Person => "personne",
            Self::Session => "atelier",
            Self::Register => "registre des demandes",
            Self::Catalog => "catalogue",
        })
    }
}

/// The document that holds only its genesis: the same bytes, hence the same hash, on every site.
pub(super) fn genesis(kind: Kind, id: DocumentId) -> AutoCommit {
    let mut document = AutoCommit::new().with_actor(ActorId::from(id.as_bytes().as_slice()));
    // These cannot fail on an empty document's root.
    let _ = document.put(ROOT, "kind", kind.word());
    for map in kind.maps() {
        let _ = document.put_object(ROOT, *map, ObjType::Map);
    }
    document.commit_with(CommitOptions::default().with_time(0));
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use automerge::ReadDoc;

    #[test]
    fn genesis_is_the_same_everywhere_and_differs_between_documents() {
        let id = DocumentId(uuid::Uuid::from_u128(7));
        let other = DocumentId(uuid::Uuid::from_u128(8));
        let heads = |kind, id| genesis(kind, id).get_heads();
        assert_eq!(heads(Kind::Session, id), heads(Kind::Session, id));
        assert_ne!(heads(Kind::Session, id), heads(Kind::Session, other));
        assert_ne!(heads(Kind::Session, id), heads(Kind::Register, id));
        assert_eq!(genesis(Kind::Session, id).length(ROOT), 6);
    }

    /// A new version of Automerge that encodes the genesis otherwise would part every document from its past.
    #[test]
    fn genesis_hashes_are_for_ever() {
        let id = DocumentId(uuid::Uuid::from_u128(1));
        let hashes: Vec<String> = [Kind::Person, Kind::Session, Kind::Register, Kind::Catalog]
            .map(|kind| genesis(kind, id).get_heads()[0].to_string()[..12].to_owned())
            .to_vec();
        assert_eq!(
            hashes,
            [
                "e15dec6a95d4",
                "3c01669d22da",
                "a76a719de9a9",
                "55ffb5a0bd14"
            ]
        );
    }
}
