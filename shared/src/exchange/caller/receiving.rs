//! What the laptop does with each frame of an answer: notes what is confirmed, takes what comes with the position that
//! it covers, and lets the proof decide.

use std::collections::HashSet;

use super::returned::Returned;
use super::{Caller, Place, Step, receipts};
use crate::document::foreign::claimed_hash;
use crate::exchange::backed_up;
use crate::exchange::difference::{self, Difference};
use crate::exchange::erased::{self, Erased};
use crate::exchange::frame::{Batch, PlaceFrame, Refusal, Rows};
use crate::exchange::position::{self, Epoch, Position, Proof};
use crate::exchange::report::WhyNot;
use crate::exchange::short::Unread;
use crate::exchange::{COMPARISONS_MAX, ExchangeError, Version};
use crate::ledger::Fingerprint;
use crate::ledger::changes::Hash;
use crate::ledger::erasures::{Erasure, hash_of};
use crate::site::{Bearer, Foreign, SiteError, Work};
use crate::time::Timestamp;
impl Caller {
    /// Notes what the hub set aside, before what it confirms: a cut in between must not make these look confirmed.
    pub(super) async fn refused(&mut self, list: Vec<Refusal>) -> Result<(), ExchangeError> {
        if let Some(returned) = &mut self.returned {
            returned.refused(list.iter().map(|refusal| *refusal.hash));
        }
        self.site
            .write(move |work| {
                for refusal in list {
                    difference::note(
                        work.connection(),
                        &refusal.hash,
                        Difference::HubRefused,
                        &refusal.reason,
                    )?;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// Notes how much is to come, where the hub says so.
    pub(super) fn announce(&mut self, last: Option<i64>) -> Result<(), ExchangeError> {
        let cursor = self.trip()?.before.cursor;
        if let Some(last) = last {
            self.report.coming = self.report.covered + last.abs_diff(cursor);
        }
        Ok(())
    }

    /// Follows the hub's clock, and notes as confirmed what the request held.
    pub(super) async fn welcome(
        &mut self,
        place: Option<PlaceFrame>,
        now_ms: i64,
    ) -> Result<(), ExchangeError> {
        // The time in a file is the hour at which it was written.
        if self.returned.is_none() {
            let offset_ms = now_ms + self.elapsed_ms / 2 - self.site.clock().wall().0;
            self.site.clock().correct(offset_ms);
            self.report.hub_time_offset_ms = Some(offset_ms);
        }
        let trip = self.trip()?;
        trip.is_welcomed = true;
        trip.hub_now = Timestamp(now_ms);
        trip.place = place.map(|place| Place {
            hub: place.hub_id(),
            epoch: Epoch(*place.epoch),
        });
        let Position { hub, epoch, .. } = trip.before;
        // A file that tells everything names its place even where it is known.
        let began_anew = epoch.is_some_and(|epoch| epoch != Epoch::NONE)
            && trip
                .place
                .is_some_and(|place| place.hub == hub && Some(place.epoch) != epoch);
        let first = match (trip.before.epoch, trip.place) {
            (None, None) => return Err(ExchangeError::Unexpected("hub sans nom")),
            // The first hub that this laptop meets: there is nothing to compare, everything is news.
            (None, Some(_)) => trip.place.take(),
            (Some(_), _) => None,
        };
        self.report.hub_began_anew |= began_anew;
        let trip = self.trip()?;
        let upload = std::mem::take(&mut trip.upload);
        let (changes, is_full) = (upload.changes, upload.is_full);
        trip.upload.is_full = is_full;
        let longer = is_full
            .then(|| self.next_piece(|bytes| bytes * 2))
            .flatten();
        if changes == 0 && first.is_none() {
            return Ok(());
        }
        self.site
            .write(move |work| {
                let c = work.connection();
                if let Some(place) = first {
                    position::adopt(c, place.hub, place.epoch, 0)?;
                }
                let acked = position::position(c)?.acked;
                position::set_acked(c, acked.max(upload.upto))?;
                for hash in &upload.lacked {
                    difference::forget(c, hash, Difference::HubLacks)?;
                }
                if let Some(bytes) = longer {
                    position::set_piece_bytes(c, bytes)?;
                }
                Ok(())
            })
            .await?;
        self.report.sent += changes;
        Ok(())
    }

    /// From the next request on, both sides send plain changes.
    pub(super) fn make_again_plainly(&mut self) -> Result<(), ExchangeError> {
        self.is_plain = true;
        self.trip()?.is_made_again = true;
        Ok(())
    }

    /// Erases what the hub has erased; what was written here of it and only here is counted, so that its author hears.
    pub(super) async fn hear(&mut self, records: Vec<Erased>) -> Result<(), ExchangeError> {
        let records: Vec<Erasure> = records.into_iter().map(Into::into).collect();
        let hashes = records.iter().map(|record| hash_of(record.document));
        let hashes: HashSet<Hash> = hashes.collect();
        if let Some(returned) = &mut self.returned {
            returned.received(&hashes);
        }
        self.trip()?.received.extend(hashes);
        let erased = self
            .site
            .write(move |work| {
                let heard = work.hear_erasures(records, Bearer::Hub, erased::let_go)?;
                for hash in &heard.refused {
                    difference::note(work.connection(), hash, Difference::SetAsideHere, "")?;
                }
                position::skip_acked(work.connection())?;
                Ok(heard.erased)
            })
            .await?;
        if erased > 0 {
            self.site.scrub().await;
        }
        self.report.received += erased;
        Ok(())
    }

    /// Takes changes, and the position that they cover, in one transaction.
    pub(super) async fn receive(&mut self, batch: Batch) -> Result<(), ExchangeError> {
        let cursor = self.cursor_to_keep(batch.cursor)?;
        self.check_cursor(cursor)?;
        let version = self.version;
        let (taken, hashes) = self
            .site
            .write(move |work| take(work, batch.into_foreign(), cursor, version))
            .await?;
        self.note_received(taken, hashes, cursor)
    }

    /// The same for changes in short form.
    pub(super) async fn receive_short(&mut self, rows: Rows) -> Result<(), ExchangeError> {
        let cursor = rows.cursor;
        if cursor.is_none() {
            return Err(ExchangeError::Malformed);
        }
        self.check_cursor(cursor)?;
        let version = self.version;
        let trip = self.trip()?;
        let fresh = trip.fresh.take().ok_or(ExchangeError::Malformed)?;
        let mut reader = std::mem::take(&mut trip.reader);
        let read = self
            .site
            .write(
                move |work| match reader.read(work.connection(), &fresh, &rows) {
                    Ok(batch) => Ok(Ok((reader, take(work, batch, cursor, version)?))),
                    Err(unread) => Ok(Err(unread)),
                },
            )
            .await?;
        match read {
            Ok((reader, (taken, hashes))) => {
                self.trip()?.reader = reader;
                self.note_received(taken, hashes, cursor)
            }
            Err(Unread::Unclear) => self.make_again_plainly(),
            Err(unread) => Err(unread.into()),
        }
    }

    fn check_cursor(&mut self, cursor: Option<i64>) -> Result<(), ExchangeError> {
        if cursor.is_some() && self.trip()?.place.is_some() {
            return Err(ExchangeError::Unexpected("position d’une autre époque"));
        }
        Ok(())
    }

    fn note_received(
        &mut self,
        taken: u64,
        hashes: HashSet<Hash>,
        cursor: Option<i64>,
    ) -> Result<(), ExchangeError> {
        if let Some(returned) = &mut self.returned {
            returned.received(&hashes);
        }
        let trip = self.trip()?;
        trip.received.extend(hashes);
        let covers = cursor.map_or(0, |cursor| cursor.abs_diff(trip.reached));
        trip.reached = cursor.unwrap_or(trip.reached);
        self.report.received += taken;
        self.report.covered += covers;
        Ok(())
    }

    /// The response was closed because it grew too large; it must have brought something.
    pub(super) fn again(&mut self) -> Result<(), ExchangeError> {
        let trip = self.trip()?;
        trip.is_ended = true;
        let received = std::mem::take(&mut trip.received);
        if received.is_empty() {
            return Err(ExchangeError::Unexpected("rien, et encore"));
        }
        if let Step::Fetch(fetching) = &mut self.step {
            fetching.wanted.retain(|hash| !received.contains(hash));
        }
        Ok(())
    }

    /// The proof: compares fingerprints, keeps the outcome, and decides what is next.
    pub(super) async fn done(
        &mut self,
        cursor: i64,
        fingerprint: &[u8],
    ) -> Result<(), ExchangeError> {
        let fingerprint = Fingerprint::from_bytes(fingerprint).ok_or(ExchangeError::Malformed)?;
        let trip = self.trip()?;
        trip.is_ended = true;
        let (place, is_full) = (trip.place, trip.upload.is_full);
        let (receipt, hub_now) = (trip.receipt.take(), trip.hub_now);
        let backup = trip.backup.take();
        let is_behind = place.is_none() && cursor < trip.before.cursor;
        let offset_ms = self.report.hub_time_offset_ms;
        let whole = self.returned.as_mut().and_then(Returned::take_whole);
        let (at, version) = (self.site.clock().now(), self.version);
        let (is_proved, refused, set_aside) = self
            .site
            .write(move |work| {
                let c = work.connection();
                if let Some(whole) = &whole {
                    whole.settle(c, cursor)?;
                }
                position::skip_acked(c)?;
                if let Some(offset_ms) = offset_ms {
                    position::set_offset_ms(c, offset_ms)?;
                }
                let is_proved = position::expected_of_hub(c, version)? == fingerprint;
                // A position of a life of the hub that is not proved equal would be a guess.
                if is_proved || place.is_none() {
                    stand(c, place, cursor)?;
                }
                // What speaks against the hub is not given up for what it says now.
                if let Some(receipt) = receipt.filter(|_| is_proved && !is_behind) {
                    receipts::keep(c, &receipt, (cursor, fingerprint), hub_now)?;
                }
                if is_proved {
                    backed_up::note(c, cursor, position::position(c)?.acked)?;
                }
                if let Some(backup) = backup {
                    backed_up::hear(c, backup)?;
                }
                let refused = difference::count(c, Difference::HubRefused)?;
                let set_aside = difference::count(c, Difference::SetAsideHere)?;
                if is_proved || !is_full {
                    let identical = is_proved && set_aside == 0;
                    position::set_proof(c, Proof { at, identical })?;
                }
                Ok((is_proved, refused, set_aside))
            })
            .await?;
        self.report.refused = refused;
        self.report.set_aside = set_aside;
        let is_doubtful = is_behind || (!is_proved && !is_full);
        let shows_receipt = place.is_none() && is_doubtful && self.turn_doubtful()?;
        self.decide(is_proved, is_full).await?;
        if shows_receipt && matches!(self.step, Step::Finished) {
            self.step = Step::News;
        }
        Ok(())
    }

    async fn decide(&mut self, is_proved: bool, is_full: bool) -> Result<(), ExchangeError> {
        let may_compare = self.comparisons < COMPARISONS_MAX;
        self.report.identical = is_proved && self.report.set_aside == 0;
        self.report.why_not = match (is_proved, self.report.set_aside) {
            (false, _) if is_full || may_compare => Some(WhyNot::Unfinished),
            (false, _) => Some(WhyNot::Different),
            (true, 0) => None,
            (true, _) => Some(WhyNot::SetAside),
        };
        // While more is pending nothing is judged: after a lost answer, the hub may have what is still to be sent.
        self.step = match (is_full, is_proved) {
            (true, _) => Step::News,
            (false, false) if may_compare => return self.repair().await,
            (false, _) => Step::Finished,
        };
        Ok(())
    }
}

/// Takes changes of the hub and the position that they cover; answers how many were new, and the hashes of all.
fn take(
    work: &mut Work<'_>,
    batch: Vec<Foreign>,
    cursor: Option<i64>,
    version: Version,
) -> Result<(u64, HashSet<Hash>), SiteError> {
    let hashes: HashSet<Hash> = batch.iter().map(|f| claimed_hash(&f.bytes)).collect();
    let hub = position::position(work.connection())?.hub;
    let received = work.receive(hub, batch, |_| true)?;
    let c = work.connection();
    for (hash, reason) in &received.refused {
        if hashes.contains(hash) {
            difference::note(c, hash, Difference::SetAsideHere, reason)?;
        }
    }
    for late in &received.erased {
        // A hub that does not take the erasure keeps the document, which is known then to differ.
        let hash = hash_of(late.document);
        if version < Version::Two || difference::holds(c, &hash, Difference::HubRefused)? {
            difference::note(c, &late.hash, Difference::SetAsideHere, "")?;
        }
    }
    if let Some(cursor) = cursor {
        position::set_cursor(c, cursor)?;
    }
    position::skip_acked(c)?;
    Ok((received.taken, hashes))
}

/// Stands at a position of the hub, in another life of it where `place` says so.
pub(super) fn stand(
    connection: &rusqlite::Connection,
    place: Option<Place>,
    cursor: i64,
) -> Result<(), SiteError> {
    match place {
        Some(place) => position::adopt(connection, place.hub, place.epoch, cursor)?,
        None => position::set_cursor(connection, cursor)?,
    }
    Ok(())
}
