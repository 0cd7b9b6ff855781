//! A caller that reads the hub's answers from a file: what it may not believe of them, since they are old, and how it
//! finds the differences when the file holds the hub's whole ledger.
//!
//! The bodies come as on the line. The hub's clock is not followed, positions only move forward, and a proof that
//! fails ends it: there is nobody to compare with.

use std::collections::{BTreeSet, HashSet};

use rusqlite::Connection;

use super::receiving::stand;
use super::repair::Fetching;
use super::{Caller, Place, Step, Trip};
use crate::exchange::difference::{self, Difference};
use crate::exchange::position::{self, Epoch};
use crate::exchange::upload::Upload;
use crate::exchange::{COMPARISONS_MAX, ExchangeError};
use crate::ids::ReplicaId;
use crate::ledger::changes::{self, Hash};
use crate::ledger::erasures;
use crate::site::{Site, SiteError};

/// What a file has told so far.
pub(super) struct Returned {
    place: Place,
    /// What the hub holds, where the file tells all of it.
    whole: Option<HashSet<Hash>>,
    /// What the hub set aside of the file that it answers.
    refused: HashSet<Hash>,
}

/// What a body of a return file is.
pub(in crate::exchange) enum Body {
    /// It confirms this body of the laptop's file.
    Confirms(Upload),
    /// It tells what the hub has.
    News,
}

impl Caller {
    /// A caller for a return file of this hub in this epoch, with its whole ledger or with news only.
    pub(in crate::exchange) fn of_file(
        site: Site,
        hub: ReplicaId,
        epoch: Epoch,
        is_whole: bool,
    ) -> Self {
        let returned = Returned {
            place: Place { hub, epoch },
            whole: is_whole.then(HashSet::new),
            refused: HashSet::new(),
        };
        Self {
            comparisons: COMPARISONS_MAX,
            returned: Some(returned),
            ..Self::new(site)
        }
    }

    /// To be called before the bytes of each body.
    pub(in crate::exchange) async fn begin_body(
        &mut self,
        body: Body,
    ) -> Result<(), ExchangeError> {
        let before = self.site.read(|c| Ok(position::position(c)?)).await?;
        let upload = match body {
            Body::News => {
                self.step = Step::News;
                Upload::none(&before)
            }
            Body::Confirms(upload) => {
                self.step = Step::Fetch(Fetching::of(BTreeSet::new()));
                // Where everything is told, what is confirmed is found by looking.
                match self.returned.as_ref().is_some_and(Returned::is_whole) {
                    true => Upload::none(&before),
                    false => upload,
                }
            }
        };
        self.trip = Some(Trip::new(before, upload, false));
        Ok(())
    }

    /// The position to keep with a batch: from the line, the one that it says; from a file, none that is behind where
    /// the laptop stands, and none while the whole ledger is told.
    pub(super) fn cursor_to_keep(
        &mut self,
        cursor: Option<i64>,
    ) -> Result<Option<i64>, ExchangeError> {
        let before = self.trip()?.before;
        Ok(match &self.returned {
            None => cursor,
            Some(returned) if returned.is_whole() => None,
            Some(_) => cursor.filter(|cursor| *cursor >= before.cursor),
        })
    }
}

impl Returned {
    fn is_whole(&self) -> bool {
        self.whole.is_some()
    }

    /// Notes what the hub set aside.
    pub(super) fn refused(&mut self, hashes: impl IntoIterator<Item = Hash>) {
        self.refused.extend(hashes);
    }

    /// Notes what the hub holds.
    pub(super) fn received(&mut self, hashes: &HashSet<Hash>) {
        if let Some(whole) = &mut self.whole {
            whole.extend(hashes);
        }
    }

    /// What settles the differences once everything has been told.
    pub(super) fn take_whole(&mut self) -> Option<Whole> {
        Some(Whole {
            place: self.place,
            hub_has: self.whole.take()?,
            refused: std::mem::take(&mut self.refused),
        })
    }
}

/// Everything that the hub has, and what it has just refused.
pub(super) struct Whole {
    place: Place,
    hub_has: HashSet<Hash>,
    refused: HashSet<Hash>,
}

impl Whole {
    /// Notes every difference between the two ledgers, and stands at the hub's position `cursor`.
    ///
    /// What comes after the last change of this laptop that the hub has, is pending by position; what it lacks before
    /// that, by name. What this laptop set aside was noted as it came.
    pub(super) fn settle(&self, c: &Connection, cursor: i64) -> Result<(), SiteError> {
        let hub = self.place.hub;
        stand(c, Some(self.place), cursor)?;
        difference::retain(c, &self.refused, &self.hub_has)?;
        let here = changes::places(c)?;
        let is_there = |hash: &Hash| self.hub_has.contains(hash) || self.refused.contains(hash);
        let mut there = here
            .iter()
            .rev()
            .skip_while(|(_, hash, origin)| *origin == hub || !is_there(hash));
        let acked = there.next().map_or(0, |(seq, ..)| *seq);
        for (seq, hash, origin) in &here {
            if !is_there(hash) && (*seq <= acked || *origin == hub) {
                difference::note(c, hash, Difference::HubLacks, "")?;
            }
        }
        position::set_acked(c, acked)?;
        let erased = erasures::hashes(c)?;
        for hash in erased.iter().filter(|hash| !is_there(hash)) {
            difference::note(c, hash, Difference::HubLacks, "")?;
        }
        Ok(())
    }
}
