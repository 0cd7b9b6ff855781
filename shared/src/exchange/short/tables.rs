//! What both sides of a body have seen so far: filled alike by writer and reader, row by row.

use std::collections::HashMap;

use crate::ids::DocumentId;
use crate::ledger::changes::Hash;

/// Where both sides begin their tables anew, before the next batch.
const ENTRIES_MAX: usize = 100_000;

/// The tables of one body.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) ids: Seen<[u8; 16]>,
    pub(super) actors: Seen<[u8; 16]>,
    pub(super) authors: Seen<Vec<u8>>,
    /// Lists of columns' names.
    pub(super) names: Seen<Vec<u64>>,
    pub(super) time: i64,
    /// Document and kind of the row before.
    pub(super) row_before: Option<(DocumentId, u8)>,
    documents: HashMap<DocumentId, DocumentSeen>,
}

/// What the rows so far tell of one document.
#[derive(Debug, Default)]
pub(super) struct DocumentSeen {
    pub(super) last: Option<Hash>,
    pub(super) first_operation: u64,
    /// Each actor's last number.
    numbers: HashMap<[u8; 16], u64>,
}

impl Tables {
    /// To be called before each batch: tables do not grow for ever.
    pub(super) fn begin_batch(&mut self) {
        let entries = self.ids.list.len() + self.actors.list.len() + self.authors.list.len();
        if entries + self.names.list.len() + self.documents.len() > ENTRIES_MAX {
            *self = Self::default();
        }
    }

    pub(super) fn document(&mut self, id: DocumentId) -> &mut DocumentSeen {
        self.documents.entry(id).or_default()
    }
}

impl DocumentSeen {
    /// The number that the next change of `actor` would have if nobody left one out.
    pub(super) fn next_number(&self, actor: [u8; 16]) -> u64 {
        self.numbers
            .get(&actor)
            .map_or(1, |last| last.wrapping_add(1))
    }

    /// Notes a row.
    pub(super) fn note(&mut self, actor: [u8; 16], number: u64, first_operation: u64, hash: Hash) {
        self.numbers.insert(actor, number);
        self.first_operation = first_operation;
        self.last = Some(hash);
    }
}

/// Things in the order in which they were first seen.
#[derive(Debug)]
pub(super) struct Seen<T> {
    list: Vec<T>,
    places: HashMap<T, usize>,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            places: HashMap::new(),
        }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Seen<T> {
    /// Adds one that has not been seen.
    pub(super) fn add(&mut self, thing: T) {
        self.places.insert(thing.clone(), self.list.len());
        self.list.push(thing);
    }

    /// How long ago it was seen: 1 for the last one added.
    pub(super) fn ago(&self, thing: &T) -> Option<u64> {
        let place = self.places.get(thing)?;
        Some((self.list.len() - place) as u64)
    }

    /// The one that was seen so long ago.
    pub(super) fn at(&self, ago: u64) -> Option<&T> {
        let ago = usize::try_from(ago).ok()?;
        let place = self.list.len().checked_sub(ago)?;
        self.list.get(place)
    }

    /// The place of one, from 1.
    pub(super) fn place(&self, thing: &T) -> Option<u64> {
        self.places.get(thing).map(|place| *place as u64 + 1)
    }

    /// The one at a place, from 1.
    pub(super) fn at_place(&self, place: u64) -> Option<&T> {
        self.list.get(usize::try_from(place.checked_sub(1)?).ok()?)
    }
}
