//! Finding the differences of two sets of changes without sending either: range-based set reconciliation by
//! `negentropy` over (time, hash).
//!
//! The laptop asks and keeps its set in memory for the rounds of one comparison; the hub answers each message from
//! its ledger as it stands and keeps nothing between them. Nothing here reads or writes a ledger.

use std::collections::BTreeSet;

use negentropy::{Id, Negentropy, NegentropyStorageVector};

use super::ExchangeError;
use crate::ledger::changes::Hash;

/// Most messages of one comparison; what is then still unknown is left to the next one.
pub(super) const ROUNDS_MAX: u32 = 32;
/// The longest message: at 32 bytes a difference, 32 rounds find some 250 000 of them.
pub(super) const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// The shortest limit that negentropy takes.
const MESSAGE_BYTES_MIN: usize = 4096;

/// The laptop's side of one comparison.
pub(super) struct Comparison {
    negentropy: Negentropy<'static, NegentropyStorageVector>,
    message: Vec<u8>,
    rounds: u32,
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
    /// Begins the comparison of this set; no message is longer than about `message_bytes`.
    pub(super) fn start(
        set: Vec<(i64, Hash)>,
        message_bytes: usize,
    ) -> Result<Self, ExchangeError> {
        let mut negentropy = over(set, message_bytes)?;
        let message = negentropy
            .initiate()
            .map_err(|_| ExchangeError::Reconciliation)?;
        Ok(Self {
            negentropy,
            message,
            rounds: 0,
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
            Some(_) if self.rounds >= ROUNDS_MAX => Ok(Progress::Partial),
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
