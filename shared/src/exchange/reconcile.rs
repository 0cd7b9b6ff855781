//! Finding the differences of two sets of changes without sending either: range-based set reconciliation by
//! `negentropy` over (time, hash).
//!
//! The laptop asks and keeps its set in memory for the rounds of one comparison; the hub answers each message from
//! its ledger as it stands and keeps nothing between them. Nothing here writes.

use std::collections::BTreeSet;

use negentropy::{Id, Negentropy, NegentropyStorageVector};
use rusqlite::Connection;

use super::{ExchangeError, Version};
use crate::ids::ReplicaId;
use crate::ledger::changes::{self, Hash};
use crate::ledger::{LedgerError, erasures};

/// Most messages of one comparison; what is then still unknown is left to the next one.
pub(super) const ROUNDS_MAX: u32 = 32;
/// The longest message: at 32 bytes a difference, 32 rounds find some 250 000 of them.
pub(super) const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// The shortest limit that negentropy takes.
const MESSAGE_BYTES_MIN: usize = 4096;

/// What is compared: every change up to `acked` or that came from `hub`, and every erasure, as if it were a change of
/// the year 1970; version 1 knows of none.
pub(super) fn set(
    connection: &Connection,
    acked: i64,
    hub: ReplicaId,
    version: Version,
) -> Result<Vec<(i64, Hash)>, LedgerError> {
    let mut set = changes::times_and_hashes(connection, acked, hub)?;
    if version >= Version::Two {
        let hashes = erasures::hashes(connection)?.into_iter();
        set.extend(hashes.map(|hash| (0, hash)));
    }
    Ok(set)
}

/// The laptop's side of one comparison.
pub(super) struct Comparison {
    negentropy: Negentropy<'static, NegentropyStorageVector>,
    message: Vec<u8>,
    rounds: u32,
    rounds_max: u32,
    /// Hashes that only the laptop has, as far as it is known.
    pub(super) have: BTreeSet<Hash>,
    /// Hashes that only the hub has, as far as it is known.
    pub(super) need: BTreeSet<Hash>,
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
    /// Begins the comparison of this set in at most `rounds_max` messages, none longer than about `message_bytes`.
    pub(super) fn start(
        set: Vec<(i64, Hash)>,
        message_bytes: usize,
        rounds_max: u32,
    ) -> Result<Self, ExchangeError> {
        let mut negentropy = over(set, message_bytes)?;
        let message = negentropy
            .initiate()
            .map_err(|_| ExchangeError::Reconciliation)?;
        Ok(Self {
            negentropy,
            message,
            rounds: 0,
            rounds_max,
            have: BTreeSet::new(),
            need: BTreeSet::new(),
        })
    }

    /// The message to send.
    pub(super) fn message(&self) -> &[u8] {
        &self.message
    }

    /// Takes the hub's answer.
    pub(super) fn answer(&mut self, answer: &[u8]) -> Result<Progress, ExchangeError> {
        let (mut have, mut need) = (Vec::new(), Vec::new());
        let next = self
            .negentropy
            .reconcile_with_ids(answer, &mut have, &mut need)
            .map_err(|_| ExchangeError::Reconciliation)?;
        // The same hash may be told twice, where a message was cut and its range compared again.
        self.have.extend(have.into_iter().map(Id::to_bytes));
        self.need.extend(need.into_iter().map(Id::to_bytes));
        self.rounds += 1;
        match next {
            None => Ok(Progress::Complete),
            Some(_) if self.rounds >= self.rounds_max => Ok(Progress::Partial),
            Some(message) => {
                self.message = message;
                Ok(Progress::Continues)
            }
        }
    }
}

/// The hub's answer to one message.
pub(super) fn respond(set: Vec<(i64, Hash)>, message: &[u8]) -> Result<Vec<u8>, ExchangeError> {
    over(set, MESSAGE_BYTES_MAX)?
        .reconcile(message)
        .map_err(|_| ExchangeError::Reconciliation)
}

fn over(
    set: Vec<(i64, Hash)>,
    message_bytes: usize,
) -> Result<Negentropy<'static, NegentropyStorageVector>, ExchangeError> {
    let build = || {
        let mut storage = NegentropyStorageVector::with_capacity(set.len());
        for (time, hash) in set {
            // Both sides must map times alike; the greatest u64 stands for infinity there.
            let time = u64::try_from(time).unwrap_or(0);
            storage.insert(time, Id::from_byte_array(hash))?;
        }
        storage.seal()?;
        let limit = message_bytes.clamp(MESSAGE_BYTES_MIN, MESSAGE_BYTES_MAX);
        Negentropy::owned(storage, limit as u64)
    };
    build().map_err(|_: negentropy::Error| ExchangeError::Reconciliation)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    type Set = BTreeSet<(i64, Hash)>;

    fn random_set(random: &mut StdRng, count: usize) -> Set {
        let mut one = || (random.random_range(-5..1_000), random.random());
        (0..count).map(|_| one()).collect()
    }

    fn hashes<'a>(set: impl Iterator<Item = &'a (i64, Hash)>) -> BTreeSet<Hash> {
        set.map(|(_, hash)| *hash).collect()
    }

    /// Compares as often as it takes, repairing in between; returns the rounds of each comparison.
    fn make_equal(mine: &mut Set, theirs: &mut Set, rounds_max: u32) -> Vec<u32> {
        let mut rounds = Vec::new();
        loop {
            let mut comparison =
                Comparison::start(mine.iter().copied().collect(), 0, rounds_max).unwrap();
            let progress = loop {
                assert!(comparison.message().len() <= MESSAGE_BYTES_MAX);
                let set = theirs.iter().copied().collect();
                let answer = respond(set, comparison.message()).unwrap();
                match comparison.answer(&answer).unwrap() {
                    Progress::Continues => {}
                    over => break over,
                }
            };
            rounds.push(comparison.rounds);
            let only_mine = hashes(mine.difference(theirs));
            let only_theirs = hashes(theirs.difference(mine));
            assert!(comparison.have.is_subset(&only_mine));
            assert!(comparison.need.is_subset(&only_theirs));
            if progress == Progress::Complete {
                assert_eq!((comparison.have, comparison.need), (only_mine, only_theirs));
                return rounds;
            }
            let all: Vec<_> = mine.union(theirs).copied().collect();
            for item in all {
                if comparison.have.contains(&item.1) {
                    theirs.insert(item);
                } else if comparison.need.contains(&item.1) {
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
        let set: Vec<_> = random_set(&mut random, 300).into_iter().collect();
        let good = Comparison::start(set.clone(), 0, ROUNDS_MAX)
            .unwrap()
            .message()
            .to_vec();
        let mut refused = 0;
        for _ in 0..1_000 {
            let mut message = good.clone();
            for _ in 0..random.random_range(1..5) {
                let place = random.random_range(0..message.len());
                message[place] = random.random();
            }
            message.truncate(random.random_range(0..=message.len()));
            refused += u32::from(respond(set.clone(), &message).is_err());
            let mut comparison = Comparison::start(set.clone(), 0, ROUNDS_MAX).unwrap();
            let _ = comparison.answer(&message);
        }
        assert!(refused > 200);
    }
}
