//! The ledger as `negentropy` wants it: a sorted list. It stays in the database; in memory there is a mark every so many
//! entries, from which to read on.

use std::cell::RefCell;
use std::ops::{ControlFlow, Range};

use negentropy::{Bound, Error, Id, Item, NegentropyStorageBase};
use rusqlite::Connection;

use crate::ledger::LedgerError;
use crate::ledger::order::{self, Part, Placed};

/// Entries from one mark to the next. At 256, a million changes are some 160 KB of marks.
pub(super) const STRIDE: usize = 256;

/// A part of the ledger as it stands in one transaction.
pub(super) struct Held<'c> {
    connection: &'c Connection,
    part: Part,
    stride: usize,
    marks: Vec<Placed>,
    size: usize,
    /// What SQLite said, for which `negentropy` has no word.
    failed: RefCell<Option<LedgerError>>,
}

impl<'c> Held<'c> {
    /// Reads through the part once.
    pub(super) fn new(
        connection: &'c Connection,
        part: Part,
        stride: usize,
    ) -> Result<Self, LedgerError> {
        let mut held = Self {
            connection,
            part,
            stride,
            marks: Vec::new(),
            size: 0,
            failed: RefCell::default(),
        };
        let (marks, size) = (&mut held.marks, &mut held.size);
        order::read_from(connection, part, &(0, [0; 32]), |entry| {
            if size.is_multiple_of(stride) {
                marks.push(entry);
            }
            *size += 1;
            ControlFlow::Continue(())
        })?;
        Ok(held)
    }

    /// What SQLite said when `negentropy` failed, if that was why.
    pub(super) fn failure(&self) -> Option<LedgerError> {
        self.failed.borrow_mut().take()
    }

    /// Reads the entries of a range in order, with their indices, until `each` breaks off.
    fn read(
        &self,
        range: Range<usize>,
        mut each: impl FnMut(usize, Placed) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        if range.is_empty() {
            return Ok(());
        }
        let mark = range.start / self.stride;
        let first = self.marks.get(mark).ok_or(Error::BadRange)?;
        let mut index = mark * self.stride;
        let read = order::read_from(self.connection, self.part, first, |entry| {
            if index >= range.end {
                return ControlFlow::Break(());
            }
            let here = index;
            index += 1;
            if here < range.start {
                return ControlFlow::Continue(());
            }
            each(here, entry)
        });
        read.map_err(|error| {
            *self.failed.borrow_mut() = Some(error);
            Error::BadRange
        })
    }
}

fn item((time, hash): Placed) -> Item {
    Item::with_timestamp_and_id(time, Id::from_byte_array(hash))
}

impl NegentropyStorageBase for Held<'_> {
    fn size(&self) -> Result<usize, Error> {
        Ok(self.size)
    }

    fn get_item(&self, index: usize) -> Result<Option<Item>, Error> {
        let mut found = None;
        if index < self.size {
            self.read(index..index + 1, |_, entry| {
                found = Some(item(entry));
                ControlFlow::Break(())
            })?;
        }
        Ok(found)
    }

    fn iterate(
        &self,
        begin: usize,
        end: usize,
        each: &mut dyn FnMut(Item, usize) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        if begin > end || end > self.size {
            return Err(Error::BadRange);
        }
        let mut outcome = Ok(());
        self.read(begin..end, |index, entry| match each(item(entry), index) {
            Ok(true) => ControlFlow::Continue(()),
            Ok(false) => ControlFlow::Break(()),
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        })?;
        outcome
    }

    fn find_lower_bound(&self, first: usize, last: usize, value: &Bound) -> usize {
        let marks = self.marks.partition_point(|mark| item(*mark) < value.item);
        // What is sought stands after the last mark that is before it, or on the next.
        let start = marks.saturating_sub(1) * self.stride;
        let end = (marks * self.stride).min(self.size);
        let mut found = end;
        let read = self.read(start..end, |index, entry| {
            if item(entry) < value.item {
                return ControlFlow::Continue(());
            }
            found = index;
            ControlFlow::Break(())
        });
        // Without a way to fail here: the failure is kept, and whoever asks `negentropy` looks for it at the end.
        drop(read);
        found.clamp(first, last.max(first))
    }
}

#[cfg(test)]
mod tests {
    use negentropy::NegentropyStorageVector;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::ids::ReplicaId;
    use crate::ledger::changes::Hash;
    use crate::ledger::testing::ledger_of;

    fn entries(held: &impl NegentropyStorageBase, begin: usize, end: usize) -> Vec<(Item, usize)> {
        let mut entries = Vec::new();
        held.iterate(begin, end, &mut |item, index| {
            entries.push((item, index));
            Ok(true)
        })
        .unwrap();
        entries
    }

    #[test]
    fn the_ledger_reads_like_the_sorted_list_of_its_entries() {
        for seed in 0..40 {
            println!("seed {seed}");
            let mut random = StdRng::seed_from_u64(seed);
            let changes: Vec<(i64, Hash)> = (0..random.random_range(0..60))
                .map(|_| (random.random_range(-3..6), random.random()))
                .collect();
            let erasures: Vec<Hash> = (0..random.random_range(0..5))
                .map(|_| random.random())
                .collect();
            let mut list = NegentropyStorageVector::new();
            let placed = changes.iter().map(|(time, hash)| ((*time).max(0), hash));
            for (time, hash) in placed.chain(erasures.iter().map(|hash| (0, hash))) {
                let id = Id::from_byte_array(*hash);
                list.insert(time.unsigned_abs(), id).unwrap();
            }
            list.seal().unwrap();
            let ledger = ledger_of(changes, &erasures);
            let part = Part {
                upto: i64::MAX,
                origin: ReplicaId::fresh(),
                with_erasures: true,
            };
            let held = Held::new(&ledger, part, random.random_range(1..9)).unwrap();

            let size = list.size().unwrap();
            assert_eq!(held.size().unwrap(), size);
            assert_eq!(entries(&held, 0, size), entries(&list, 0, size));
            assert_eq!(held.get_item(size).unwrap(), None);
            for _ in 0..20 {
                let begin = random.random_range(0..=size);
                let end = random.random_range(begin..=size);
                assert_eq!(entries(&held, begin, end), entries(&list, begin, end));
                assert_eq!(
                    *held.fingerprint(begin, end).unwrap(),
                    *list.fingerprint(begin, end).unwrap()
                );
                let bound = match held.get_item(random.random_range(0..=size)).unwrap() {
                    Some(item) if random.random() => Bound::from_item(&item),
                    _ => Bound::with_timestamp(random.random_range(0..8)),
                };
                assert_eq!(
                    held.find_lower_bound(begin, size, &bound),
                    list.find_lower_bound(begin, size, &bound)
                );
            }
            assert!(held.failure().is_none());
        }
    }

    #[test]
    fn only_the_part_is_read() {
        let changes = (0..9u8).map(|number| (i64::from(number), [number; 32]));
        let ledger = ledger_of(changes, &[[99; 32]]);
        let part = |upto, origin| Part {
            upto,
            origin,
            with_erasures: false,
        };
        let size = |part| Held::new(&ledger, part, 2).unwrap().size().unwrap();
        assert_eq!(size(part(4, ReplicaId::fresh())), 4);
        let origin = ledger.query_row("SELECT origin FROM change LIMIT 1", [], |row| row.get(0));
        assert_eq!(size(part(4, origin.unwrap())), 9);
    }
}
