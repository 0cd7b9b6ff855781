//! The laptop's side when the proof fails: compare, note what the hub lacks, fetch what is lacking here.

use std::collections::BTreeSet;

use super::receiving::stand;
use super::{Caller, Place, Step};
use crate::exchange::ExchangeError;
use crate::exchange::difference::{self, Difference};
use crate::exchange::position::{self, Position};
use crate::exchange::reconcile::{self, Comparison, Progress};
use crate::ledger::changes::{self, Hash};
use crate::ledger::{erasures, quarantine};

/// A comparison under way.
pub(super) struct Comparing {
    pub(super) comparison: Comparison,
    /// Where the hub stood at the first answer: what it gets later comes as news.
    from: Option<(Option<Place>, i64)>,
}

/// What the hub has and this laptop lacks, on its way.
pub(super) struct Fetching {
    pub(super) wanted: BTreeSet<Hash>,
    pub(super) asked: Vec<Hash>,
    /// Where to stand once everything is here; nowhere when the comparison was not complete.
    then: Option<(Option<Place>, i64)>,
}

impl Fetching {
    /// The answer to a request that asked for nothing.
    pub(super) fn nothing() -> Self {
        Self {
            wanted: BTreeSet::new(),
            asked: Vec::new(),
            then: None,
        }
    }
}

impl Caller {
    /// Begins a comparison of everything that the hub should have with what it has.
    pub(super) async fn compare(&mut self) -> Result<(), ExchangeError> {
        self.comparisons += 1;
        self.report.reconciled = true;
        let version = self.version;
        // All hashes are read in any case: a fingerprint that was kept wrong would make every proof fail.
        let set = self
            .site
            .write(move |work| {
                let c = work.connection();
                changes::recount(c)?;
                let Position { hub, acked, .. } = position::position(c)?;
                Ok(reconcile::set(c, acked, hub, version)?)
            })
            .await?;
        let comparison = Comparison::start(set, self.piece_bytes(), self.rounds_max)?;
        self.step = Step::Compare(Box::new(Comparing {
            comparison,
            from: None,
        }));
        Ok(())
    }

    /// Takes one message of the comparison; after the last, notes what the hub lacks and turns to what is lacking.
    pub(super) async fn ranges(
        &mut self,
        cursor: i64,
        message: &[u8],
    ) -> Result<(), ExchangeError> {
        let trip = self.trip()?;
        trip.is_ended = true;
        let place = trip.place;
        let Step::Compare(comparing) = &mut self.step else {
            return Ok(());
        };
        let from = *comparing.from.get_or_insert((place, cursor));
        let progress = comparing.comparison.answer(message)?;
        if progress == Progress::Continues {
            return Ok(());
        }
        let is_complete = progress == Progress::Complete;
        let have = std::mem::take(&mut comparing.comparison.have);
        let need = std::mem::take(&mut comparing.comparison.need);
        let wanted = self.note_differences(is_complete, have, need).await?;
        self.step = Step::Fetch(Fetching {
            wanted,
            asked: Vec::new(),
            then: is_complete.then_some(from),
        });
        self.after_fetch().await
    }

    /// Keeps what the hub lacks as pending and returns what is to be fetched.
    async fn note_differences(
        &self,
        is_complete: bool,
        have: BTreeSet<Hash>,
        need: BTreeSet<Hash>,
    ) -> Result<BTreeSet<Hash>, ExchangeError> {
        let wanted = self
            .site
            .write(move |work| {
                let c = work.connection();
                if is_complete {
                    difference::forget_all(c)?;
                }
                for hash in &have {
                    difference::note(c, hash, Difference::HubLacks, "")?;
                }
                let mut wanted = BTreeSet::new();
                for hash in need {
                    if changes::is_known(c, &hash)? || erasures::by_hash(c, &hash)?.is_some() {
                        continue;
                    } else if quarantine::holds(c, &hash)? {
                        difference::note(c, &hash, Difference::SetAsideHere, "")?;
                    } else {
                        wanted.insert(hash);
                    }
                }
                Ok(wanted)
            })
            .await?;
        Ok(wanted)
    }

    /// What was asked for has been given, as far as the hub has it.
    pub(super) async fn given(&mut self) -> Result<(), ExchangeError> {
        let trip = self.trip()?;
        trip.is_ended = true;
        if let Step::Fetch(fetching) = &mut self.step {
            // What it no longer has is not asked for again: the proof will tell.
            for hash in std::mem::take(&mut fetching.asked) {
                fetching.wanted.remove(&hash);
            }
        }
        self.after_fetch().await
    }

    /// Once everything wanted is here, stands where the hub stood when the comparison began.
    async fn after_fetch(&mut self) -> Result<(), ExchangeError> {
        let Step::Fetch(fetching) = &self.step else {
            return Ok(());
        };
        if !fetching.wanted.is_empty() {
            return Ok(());
        }
        if let Some((place, cursor)) = fetching.then {
            self.site
                .write(move |work| stand(work.connection(), place, cursor))
                .await?;
        }
        self.step = Step::News;
        Ok(())
    }
}
