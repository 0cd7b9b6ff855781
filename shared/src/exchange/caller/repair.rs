//! The laptop's side when the proof fails: compare, note what either side lacks, fetch what is lacking here.
//!
//! What a message of the comparison tells is on the disk before the next is sent, so a line that is cut costs the rest
//! of the comparison only.

use std::collections::BTreeSet;

use super::receiving::stand;
use super::{Caller, Place, Step};
use crate::exchange::ExchangeError;
use crate::exchange::difference::{self, Difference};
use crate::exchange::position::{self, Position};
use crate::exchange::reconcile::{self, Comparison, Found, Progress};
use crate::ledger::changes::{self, Hash};
use crate::ledger::{LedgerError, erasures, quarantine};

/// A comparison under way.
pub(super) struct Comparing {
    pub(super) comparison: Comparison,
    found: Found,
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
    /// What an earlier comparison found; nothing for the answer to a request that asked for nothing.
    pub(super) fn of(wanted: BTreeSet<Hash>) -> Self {
        Self {
            wanted,
            asked: Vec::new(),
            then: None,
        }
    }
}

impl Caller {
    /// Fetches what a comparison that was cut found to be lacking here; where there is nothing of that kind, begins to
    /// compare everything that the hub should have with what it has.
    pub(super) async fn repair(&mut self) -> Result<(), ExchangeError> {
        let left = self.site.read(|c| Ok(difference::lacked_here(c)?)).await?;
        if !left.is_empty() {
            self.step = Step::Fetch(Fetching::of(left));
            return Ok(());
        }
        self.comparisons += 1;
        self.report.reconciled = true;
        let version = self.version;
        let (message_bytes, rounds_max) = (self.piece_bytes(), self.rounds_max);
        // All hashes are read in any case: a fingerprint that was kept wrong would make every proof fail.
        let comparison = self
            .site
            .write(move |work| {
                let c = work.connection();
                changes::recount(c)?;
                let Position { hub, acked, .. } = position::position(c)?;
                let part = reconcile::part(acked, hub, version);
                Ok(Comparison::start(c, part, message_bytes, rounds_max))
            })
            .await??;
        self.step = Step::Compare(Box::new(Comparing {
            comparison,
            found: Found::default(),
            from: None,
        }));
        Ok(())
    }

    /// Takes one message of the comparison and notes what it tells; after the last, turns to what is lacking here.
    pub(super) async fn ranges(
        &mut self,
        cursor: i64,
        message: Vec<u8>,
    ) -> Result<(), ExchangeError> {
        let trip = self.trip()?;
        trip.is_ended = true;
        let place = trip.place;
        let Step::Compare(mut comparing) = std::mem::replace(&mut self.step, Step::News) else {
            return Err(ExchangeError::Unexpected("hors de propos"));
        };
        let from = *comparing.from.get_or_insert((place, cursor));
        let (comparing, progress, wanted) = self
            .site
            .write(move |work| {
                let c = work.connection();
                let (progress, found) = match comparing.comparison.answer(c, &message) {
                    Ok(told) => told,
                    Err(error) => return Ok(Err(error)),
                };
                note(c, &found)?;
                comparing.found.extend(found);
                if progress == Progress::Complete {
                    // Now these are all differences that there are.
                    difference::forget_all(c)?;
                    note(c, &comparing.found)?;
                }
                let wanted = match progress {
                    Progress::Continues => BTreeSet::new(),
                    Progress::Complete | Progress::Partial => difference::lacked_here(c)?,
                };
                Ok(Ok((comparing, progress, wanted)))
            })
            .await??;
        if progress == Progress::Continues {
            self.step = Step::Compare(comparing);
            return Ok(());
        }
        self.step = Step::Fetch(Fetching {
            wanted,
            asked: Vec::new(),
            then: (progress == Progress::Complete).then_some(from),
        });
        self.after_fetch().await
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
        let then = fetching.then;
        self.site
            .write(move |work| {
                difference::forget_lacked_here(work.connection())?;
                match then {
                    Some((place, cursor)) => stand(work.connection(), place, cursor),
                    None => Ok(()),
                }
            })
            .await?;
        self.step = Step::News;
        Ok(())
    }
}

/// Keeps what the hub lacks as pending, and what is lacking here as to be asked for.
fn note(c: &rusqlite::Connection, found: &Found) -> Result<(), LedgerError> {
    for hash in &found.have {
        difference::note(c, hash, Difference::HubLacks, "")?;
    }
    for hash in &found.need {
        if changes::is_known(c, hash)? || erasures::by_hash(c, hash)?.is_some() {
            continue;
        }
        let what = match quarantine::holds(c, hash)? {
            true => Difference::SetAsideHere,
            false => Difference::LackedHere,
        };
        difference::note(c, hash, what, "")?;
    }
    Ok(())
}
