//! Finding the differences of two sets of changes without sending either: range-based set reconciliation by
//! `negentropy` over (time, hash).
//!
//! Neither side holds its set: both read it in place for each message, and the hub keeps nothing between two. Nothing
//! here writes.

mod held;

use std::collections::BTreeSet;

use negentropy::{Id, Negentropy};
use rusqlite::Connection;

use self::held::{Held, STRIDE};
use super::{ExchangeError, Version};
use crate::ids::ReplicaId;
use crate::ledger::changes::Hash;
use crate::ledger::order::Part;

/// Most messages of one comparison; what is then still unknown is left to the next one.
pub(super) const ROUNDS_MAX: u32 = 32;
/// The longest message: at 32 bytes a difference, 32 rounds find some 250 000 of them.
pub(super) const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// The shortest limit that negentropy takes.
const MESSAGE_BYTES_MIN: usize = 4096;

/// What is compared: every change up to `acked` or that came from `hub`, and every erasure; version 1 knows of none.
pub(super) fn part(acked: i64, hub: ReplicaId, version: Version) -> Part {
    Part {
        upto: acked,
        origin: hub,
        with_erasures: version >= Version::Two,
    }
}

/// The laptop's side of one comparison.
pub(super) struct Comparison {
    part: Part,
    message_bytes: usize,
    message: Vec<u8>,
    rounds: u32,
    rounds_max: u32,
}

/// Differences of two sets.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Hashes that only the laptop has.
    pub(super) have: BTreeSet<Hash>,
    /// Hashes that only the hub has.
    pub(super) need: BTreeSet<Hash>,
}

impl Found {
    /// Adds what else was found; the same hash may be told twice, where a message was cut and its range compared again.
    pub(super) fn extend(&mut self, other: Self) {
        self.have.extend(other.have);
        self.need.extend(other.need);
    }
}

/// How far a comparison is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is another message to send.
    Continues,
    /// Every difference is known.
    Complete,
    /// The rounds are used up: the differences so far are true, others may remain.
    Partial,
}

impl Comparison {
    /// Begins the comparison of this part in at most `rounds_max` messages, none longer than about `message_bytes`.
    pub(super) fn start(
        connection: &Connection,
        part: Part,
        message_bytes: usize,
        rounds_max: u32,
    ) -> Result<Self, ExchangeError> {
        let message = over(connection, part, message_bytes, |negentropy| {
            negentropy.initiate()
        })?;
        Ok(Self {
            part,
            message_bytes,
            message,
            rounds: 0,
            rounds_max,
        })
    }

    /// The message to send.
    pub(super) fn message(&self) -> &[u8] {
        &self.message
    }

    /// Takes the hub's answer, and says what it tells.
    pub(super) fn answer(
        &mut self,
        connection: &Connection,
        answer: &[u8],
    ) -> Result<(Progress, Found), ExchangeError> {
        let (mut have, mut need) = (Vec::new(), Vec::new());
        let next = over(connection, self.part, self.message_bytes, |negentropy| {
            negentropy.set_initiator();
            negentropy.reconcile_with_ids(answer, &mut have, &mut need)
        })?;
        let found = Found {
            have: have.into_iter().map(Id::to_bytes).collect(),
            need: need.into_iter().map(Id::to_bytes).collect(),
        };
        self.rounds += 1;
        let progress = match next {
            None => Progress::Complete,
            Some(_) if self.rounds >= self.rounds_max => Progress::Partial,
            Some(message) => {
                self.message = message;
                Progress::Continues
            }
        };
        Ok((progress, found))
    }
}

/// The hub's answer to one message.
pub(super) fn respond(
    connection: &Connection,
    part: Part,
    message: &[u8],
) -> Result<Vec<u8>, ExchangeError> {
    over(connection, part, MESSAGE_BYTES_MAX, |negentropy| {
        negentropy.reconcile(message)
    })
}

fn over<T>(
    connection: &Connection,
    part: Part,
    message_bytes: usize,
    ask: impl FnOnce(&mut Negentropy<'_, Held<'_>>) -> Result<T, negentropy::Error>,
) -> Result<T, ExchangeError> {
    let held = Held::new(connection, part, STRIDE)?;
    let limit = message_bytes.clamp(MESSAGE_BYTES_MIN, MESSAGE_BYTES_MAX);
    let answered =
        Negentropy::borrowed(&held, limit as u64).and_then(|mut negentropy| ask(&mut negentropy));
    match held.failure() {
        Some(error) => Err(error.into()),
        None => answered.map_err(|_| ExchangeError::Reconciliation),
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::ledger::testing::ledger_of;

    type Set = BTreeSet<(i64, Hash)>;

    fn random_set(random: &mut StdRng, count: usize) -> Set {
        let mut one = || (random.random_range(-5..1_000), random.random());
        (0..count).map(|_| one()).collect()
    }

    fn all() -> Part {
        part(i64::MAX, ReplicaId::fresh(), Version::NEWEST)
    }

    fn hashes<'a>(set: impl Iterator<Item = &'a (i64, Hash)>) -> BTreeSet<Hash> {
        set.map(|(_, hash)| *hash).collect()
    }

    /// Compares as often as it takes, repairing in between; returns the rounds of each comparison.
    fn make_equal(mine: &mut Set, theirs: &mut Set, rounds_max: u32) -> Vec<u32> {
        let mut rounds = Vec::new();
        loop {
            let here = ledger_of(mine.iter().copied(), &[]);
            let there = ledger_of(theirs.iter().copied(), &[]);
            let mut comparison = Comparison::start(&here, all(), 0, rounds_max).unwrap();
            let mut found = Found::default();
            let progress = loop {
                assert!(comparison.message().len() <= MESSAGE_BYTES_MAX);
                let answer = respond(&there, all(), comparison.message()).unwrap();
                let (progress, more) = comparison.answer(&here, &answer).unwrap();
                found.extend(more);
                if progress != Progress::Continues {
                    break progress;
                }
            };
            rounds.push(comparison.rounds);
            let only_mine = hashes(mine.difference(theirs));
            let only_theirs = hashes(theirs.difference(mine));
            assert!(found.have.is_subset(&only_mine));
            assert!(found.need.is_subset(&only_theirs));
            if progress == Progress::Complete {
                assert_eq!((found.have, found.need), (only_mine, only_theirs));
                return rounds;
            }
            let all: Vec<_> = mine.union(theirs).copied().collect();
            for item in all {
                if found.have.contains(&item.1) {
                    theirs.insert(item);
                } else if found.need.contains(&item.1) {
                    mine.insert(item);
                }
            }
        }
    }

    #[test]
    fn every_difference_is_found_and_nothing_else() {
        for seed in 0..30 {
            println!("seed {seed}");
            let mut random = StdRng::seed_from_u64(seed);
            let common = random_set(&mut random, 400 * seed as usize / 10);
            let (mut mine, mut theirs) = (common.clone(), common);
            let count = random.random_range(0..200);
            mine.extend(random_set(&mut random, count));
            let count = random.random_range(0..200);
            theirs.extend(random_set(&mut random, count));
            assert_eq!(make_equal(&mut mine, &mut theirs, ROUNDS_MAX).len(), 1);
        }
    }

    #[test]
    fn more_than_the_rounds_can_say_is_found_in_several_comparisons() {
        let mut random = StdRng::seed_from_u64(7);
        let mut mine = random_set(&mut random, 1_000);
        let mut theirs = random_set(&mut random, 1_000);
        let rounds = make_equal(&mut mine, &mut theirs, 3);
        println!("rounds {rounds:?}");
        assert!(rounds.len() > 1 && rounds.len() < 10, "{rounds:?}");
    }

    #[test]
    fn messages_that_make_no_sense_are_errors_and_never_panic() {
        let mut random = StdRng::seed_from_u64(8);
        let ledger = ledger_of(random_set(&mut random, 300), &[]);
        let good = Comparison::start(&ledger, all(), 0, ROUNDS_MAX)
            .unwrap()
            .message()
            .to_vec();
        let mut comparison = Comparison::start(&ledger, all(), 0, ROUNDS_MAX).unwrap();
        let mut refused = 0;
        for _ in 0..1_000 {
            let mut message = good.clone();
            for _ in 0..random.random_range(1..5) {
                let place = random.random_range(0..message.len());
                message[place] = random.random();
            }
            message.truncate(random.random_range(0..=message.len()));
            refused += u32::from(respond(&ledger, all(), &message).is_err());
            let _ = comparison.answer(&ledger, &message);
        }
        assert!(refused > 200);
    }
}
