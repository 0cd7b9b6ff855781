//! The laptop's side of one exchange: it makes requests until the two ledgers are proved equal or nothing more can be
//! done, and commits what comes, as it comes, together with the position that it covers.
//!
//! The driver carries bytes: `next_request`, then `push` for every piece of the response, then `end_of_response`; and
//! again, until there is no next request. It may drop the caller at any moment: the next exchange goes on where the
//! data on the disk says.

mod receipts;
mod repair;
mod returned;

use std::collections::HashSet;

use minicbor::bytes::{ByteArray, ByteVec};

use receipts::Doubt;
use repair::{Comparing, Fetching};
pub(super) use returned::Body;
use returned::Returned;

use super::difference::{self, Difference};
use super::erased::{self, Erased};
use super::frame::{Ask, Batch, Fresh, PlaceFrame, Refusal, Rows, Tell};
use super::position::{self, Epoch, Position, Proof};
use super::receipt::ReceiptFrame;
use super::reconcile::ROUNDS_MAX;
use super::report::{Report, WhyNot};
use super::short::{Reader, Unread};
use super::upload::{self, Upload};
use super::wire::{Decoder, Effort, Encoder};
use super::{
    COMPARISONS_MAX, ExchangeError, PIECE_BYTES, PIECE_BYTES_MAX, PIECE_BYTES_MIN, Version,
    WANT_MAX,
};
use crate::document::foreign::claimed_hash;
use crate::ids::ReplicaId;
use crate::ledger::Fingerprint;
use crate::ledger::changes::Hash;
use crate::ledger::erasures::{Erasure, hash_of};
use crate::site::{Bearer, Foreign, Site, SiteError, Work};
use crate::time::Timestamp;

/// Bytes of a request that are not changes: greeting, ending and zstd's own.
const BESIDE_BYTES: usize = 128;
/// Bytes of one hash in a request.
const HASH_BYTES: usize = 34;

/// One exchange of a laptop with its hub.
pub struct Caller {
    site: Site,
    version: Version,
    /// One side could not read the other's short form: both send plain changes.
    is_plain: bool,
    /// How long a request may be; read from the disk before the first.
    piece_bytes: Option<usize>,
    step: Step,
    trip: Option<Trip>,
    comparisons: u32,
    /// Most rounds of one comparison; tests make it small.
    pub(super) rounds_max: u32,
    elapsed_ms: i64,
    /// The first request lets the hub hold its answer.
    may_be_held: bool,
    doubt: Doubt,
    report: Report,
    /// Where the answers come from a file.
    returned: Option<Returned>,
}

/// What the next request is for.
enum Step {
    /// Send what is pending, ask what is new, compare fingerprints.
    News,
    /// Find the differences.
    Compare(Box<Comparing>),
    /// Fetch what the hub has and this laptop lacks.
    Fetch(Fetching),
    Finished,
}

/// A hub in one of its lives.
#[derive(Clone, Copy, Debug)]
struct Place {
    hub: ReplicaId,
    epoch: Epoch,
}

/// One request and its response.
struct Trip {
    decoder: Decoder<Tell>,
    before: Position,
    upload: Upload,
    is_welcomed: bool,
    /// The hub's place where it is not the one that this laptop followed.
    place: Option<Place>,
    received: HashSet<Hash>,
    /// The position of the hub that has been reached.
    reached: i64,
    /// The laptop holds a receipt of this life of the hub.
    has_receipt: bool,
    /// What came of a new receipt, before `Done` says the rest of it.
    receipt: Option<ReceiptFrame>,
    /// The hub's time, as `Welcome` said it.
    hub_now: Timestamp,
    reader: Reader,
    /// What the rows of the next frame need.
    fresh: Option<Fresh>,
    is_ended: bool,
    /// The next request is made in another version, or with plain changes: nothing more of this answer is read.
    is_made_again: bool,
}

impl Trip {
    fn new(before: Position, upload: Upload, has_receipt: bool) -> Self {
        Self {
            decoder: Decoder::default(),
            before,
            upload,
            is_welcomed: false,
            place: None,
            received: HashSet::new(),
            reached: before.cursor,
            has_receipt,
            receipt: None,
            hub_now: Timestamp(0),
            reader: Reader::default(),
            fresh: None,
            is_ended: false,
            is_made_again: false,
        }
    }
}

impl Caller {
    /// Begins an exchange.
    #[must_use]
    pub fn new(site: Site) -> Self {
        let report = Report {
            why_not: Some(WhyNot::Unfinished),
            ..Report::default()
        };
        Self {
            site,
            version: Version::NEWEST,
            is_plain: false,
            piece_bytes: None,
            step: Step::News,
            trip: None,
            comparisons: 0,
            rounds_max: ROUNDS_MAX,
            elapsed_ms: 0,
            may_be_held: false,
            doubt: Doubt::None,
            report,
            returned: None,
        }
    }

    /// Lets the hub hold its first answer until it has something to say. Such a request may be dropped at any moment;
    /// it writes nothing here before the answer begins. A hub of version 1 answers at once.
    ///
    /// The time until that answer says nothing of the line: tell [`Self::response_started`] an earlier one.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.may_be_held = true;
        self
    }

    /// Begins with request bodies of at most `piece_bytes`, or of one change where that is larger.
    #[must_use]
    pub fn with_piece_bytes(mut self, piece_bytes: usize) -> Self {
        self.piece_bytes = Some(piece_bytes);
        self
    }

    /// Begins with this version; only tests begin with another than the newest.
    #[must_use]
    pub fn with_version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The whole body of the next request; `None` when the exchange is over.
    ///
    /// After a response that was cut, it makes the same request again, as the ledger then stands.
    ///
    /// # Errors
    /// What the store says.
    pub async fn next_request(&mut self) -> Result<Option<Vec<u8>>, ExchangeError> {
        let mut encoder = Encoder::new(self.version, Effort::Usual)?;
        let (before, remembered) = self
            .site
            .read(|c| Ok((position::position(c)?, position::piece_bytes(c)?)))
            .await?;
        let piece_bytes = *self
            .piece_bytes
            .get_or_insert(remembered.unwrap_or(PIECE_BYTES));
        let known = self.known_receipt(&before).await?;
        encoder.push(&Ask::Hello {
            epoch: before.epoch.map(|epoch| ByteArray::from(epoch.0)),
            cursor: before.cursor,
            receipt: known.to_name,
            is_plain: self.is_plain.then_some(true),
            lacks_key: known.lacks_key.then_some(true),
        })?;
        let has_receipt = known.receipt.is_some();
        if let Some(shown) = self.receipt_to_show(known) {
            encoder.push(&shown)?;
        }
        let last = match &mut self.step {
            Step::Finished => return Ok(None),
            Step::News if self.may_be_held && self.version >= Version::Two => Ask::Await,
            Step::News => Ask::News,
            Step::Compare(comparing) => {
                Ask::Ranges(ByteVec::from(comparing.comparison.message().to_vec()))
            }
            Step::Fetch(fetching) => {
                let count = (piece_bytes / 2 / HASH_BYTES).clamp(1, WANT_MAX);
                fetching.asked = fetching.wanted.iter().take(count).copied().collect();
                Ask::Want(
                    fetching
                        .asked
                        .iter()
                        .copied()
                        .map(ByteArray::from)
                        .collect(),
                )
            }
        };
        let mut body = Vec::new();
        let beside = match &last {
            Ask::Want(hashes) => BESIDE_BYTES + hashes.len() * HASH_BYTES,
            _ => BESIDE_BYTES,
        };
        // While comparing, nothing is sent: what is pending is not compared and goes up afterwards. With what is
        // fetched only erasures go, so that none of what they removed comes back, nor goes up before they have come.
        let room = piece_bytes.saturating_sub(beside);
        let (site, mut upload) = (&self.site, Upload::none(&before));
        if self.version >= Version::Two && !matches!(last, Ask::Ranges(_)) {
            upload::add_erasures(site, &mut upload, &mut encoder, &mut body, room).await?;
        }
        if let Ask::News | Ask::Await = last {
            let is_short = self.version >= Version::Two && !self.is_plain;
            upload = upload::fill(
                site,
                &before,
                upload,
                is_short,
                &mut encoder,
                &mut body,
                room,
            )
            .await?;
        }
        encoder.push(&last)?;
        body.extend(encoder.finish()?);
        self.report.bytes_up += body.len() as u64;
        self.may_be_held = false;
        self.elapsed_ms = 0;
        self.trip = Some(Trip::new(before, upload, has_receipt));
        Ok(Some(body))
    }

    /// Tells how long after the request's last byte the response began; half of it is taken for the way back.
    ///
    /// Optional; without it the way back counts as nothing, which is off by some tenths of a second on a slow line.
    pub fn response_started(&mut self, elapsed_ms: u64) {
        self.elapsed_ms = i64::try_from(elapsed_ms).unwrap_or(0);
    }

    /// Takes bytes of the response as they arrive; each batch is on the disk before the next is read.
    ///
    /// # Errors
    /// An [`ExchangeError`]: the exchange is then over; what was committed stays.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), ExchangeError> {
        self.report.bytes_down += bytes.len() as u64;
        if self.trip()?.is_made_again {
            return Ok(());
        }
        match self.trip()?.decoder.push(bytes) {
            Err(ExchangeError::Version { oldest, newest }) => {
                return self.fall_back(oldest, newest);
            }
            other => other?,
        }
        while !self.trip()?.is_made_again
            && let Some(frame) = self.trip()?.decoder.next_frame()?
        {
            self.handle(frame).await?;
        }
        Ok(())
    }

    /// Turns to the newest version that the hub speaks, if it is spoken here and has not just been tried.
    fn fall_back(&mut self, oldest: u8, newest: u8) -> Result<(), ExchangeError> {
        match Version::from_byte(newest) {
            Some(version) if version < self.version => {
                self.version = version;
                self.trip()?.is_made_again = true;
                Ok(())
            }
            _ => Err(ExchangeError::Version { oldest, newest }),
        }
    }

    /// To be called when the response has been read to its end.
    ///
    /// # Errors
    /// [`ExchangeError::Truncated`] when the response is not complete.
    pub async fn end_of_response(&mut self) -> Result<(), ExchangeError> {
        match self.trip.take() {
            Some(trip) if trip.is_made_again => {
                self.report.round_trips += 1;
                Ok(())
            }
            Some(trip) if trip.is_ended && trip.decoder.is_at_frame_end() => {
                self.report.round_trips += 1;
                Ok(())
            }
            _ => Err(ExchangeError::Truncated),
        }
    }

    /// To be called instead when the line was cut: if the hub had not confirmed the request, the next ones are shorter,
    /// in this exchange and after it.
    ///
    /// # Errors
    /// What the store says.
    pub async fn cut(&mut self) -> Result<(), ExchangeError> {
        let is_confirmed = self.trip.take().is_none_or(|trip| trip.is_welcomed);
        if is_confirmed {
            return Ok(());
        }
        if let Some(bytes) = self.next_piece(|bytes| bytes / 2) {
            let keep = move |work: &mut Work<'_>| {
                position::set_piece_bytes(work.connection(), bytes)?;
                Ok(())
            };
            self.site.write(keep).await?;
        }
        Ok(())
    }

    /// Changes the length of the requests to come; answers it where it is another one.
    fn next_piece(&mut self, change: impl FnOnce(usize) -> usize) -> Option<usize> {
        // What a test asks for, below the shortest, stays.
        let before = self.piece_bytes.filter(|bytes| *bytes >= PIECE_BYTES_MIN)?;
        let bytes = change(before).clamp(PIECE_BYTES_MIN, PIECE_BYTES_MAX);
        self.piece_bytes = Some(bytes);
        (bytes != before).then_some(bytes)
    }

    /// How long a request may be.
    pub(super) fn piece_bytes(&self) -> usize {
        self.piece_bytes.unwrap_or(PIECE_BYTES)
    }

    /// What has come of the exchange so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.report.clone()
    }

    fn trip(&mut self) -> Result<&mut Trip, ExchangeError> {
        self.trip
            .as_mut()
            .ok_or(ExchangeError::Unexpected("réponse sans demande"))
    }

    async fn handle(&mut self, frame: Tell) -> Result<(), ExchangeError> {
        let trip = self.trip()?;
        if trip.is_ended {
            return Err(ExchangeError::Unexpected("après la fin"));
        }
        let is_welcomed = trip.is_welcomed;
        match (frame, &self.step) {
            (Tell::Refused(list), _) if !is_welcomed => self.refused(list).await,
            (
                Tell::Welcome {
                    place,
                    now_ms,
                    key,
                    last,
                },
                _,
            ) if !is_welcomed => {
                self.announce(last)?;
                self.learn_key(key).await?;
                self.welcome(place, now_ms).await
            }
            (Tell::Unclear, _) if !is_welcomed && !self.is_plain => self.make_again_plainly(),
            _ if !is_welcomed => Err(ExchangeError::Unexpected("pas d’accueil")),
            (Tell::Erased(records), Step::News | Step::Fetch(_)) => self.hear(records).await,
            (Tell::Fresh(fresh), Step::News) => {
                self.trip()?.fresh = Some(fresh);
                Ok(())
            }
            (Tell::Anew, Step::News) => {
                self.trip()?.reader = Reader::default();
                Ok(())
            }
            (Tell::Short(rows), Step::News) => self.receive_short(rows).await,
            (Tell::Changes(batch), Step::News) if batch.cursor.is_some() => {
                self.receive(batch).await
            }
            (Tell::Changes(batch), Step::Fetch(_)) if batch.cursor.is_none() => {
                self.receive(batch).await
            }
            (Tell::Receipt(receipt), Step::News) => {
                self.trip()?.receipt = Some(receipt);
                Ok(())
            }
            (Tell::Again, Step::News | Step::Fetch(_)) => self.again(),
            (
                Tell::Done {
                    cursor,
                    fingerprint,
                },
                Step::News,
            ) => self.done(cursor, fingerprint.as_slice()).await,
            (Tell::Ranges { cursor, message }, Step::Compare(_)) => {
                self.ranges(cursor, &message).await
            }
            (Tell::Given, Step::Fetch(_)) => self.given().await,
            _ => Err(ExchangeError::Unexpected("hors de propos")),
        }
    }

    /// Notes what the hub set aside, before what it confirms: a cut in between must not make these look confirmed.
    async fn refused(&mut self, list: Vec<Refusal>) -> Result<(), ExchangeError> {
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
    fn announce(&mut self, last: Option<i64>) -> Result<(), ExchangeError> {
        let cursor = self.trip()?.before.cursor;
        if let Some(last) = last {
            self.report.coming = self.report.covered + last.abs_diff(cursor);
        }
        Ok(())
    }

    /// Follows the hub's clock, and notes as confirmed what the request held.
    async fn welcome(
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
    fn make_again_plainly(&mut self) -> Result<(), ExchangeError> {
        self.is_plain = true;
        self.trip()?.is_made_again = true;
        Ok(())
    }

    /// Erases what the hub has erased; what was written here of it and only here is counted, so that its author hears.
    async fn hear(&mut self, records: Vec<Erased>) -> Result<(), ExchangeError> {
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
    async fn receive(&mut self, batch: Batch) -> Result<(), ExchangeError> {
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
    async fn receive_short(&mut self, rows: Rows) -> Result<(), ExchangeError> {
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
    fn again(&mut self) -> Result<(), ExchangeError> {
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
    async fn done(&mut self, cursor: i64, fingerprint: &[u8]) -> Result<(), ExchangeError> {
        let fingerprint = Fingerprint::from_bytes(fingerprint).ok_or(ExchangeError::Malformed)?;
        let trip = self.trip()?;
        trip.is_ended = true;
        let (place, is_full) = (trip.place, trip.upload.is_full);
        let (receipt, hub_now) = (trip.receipt.take(), trip.hub_now);
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
            (false, false) if may_compare => return self.compare().await,
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
fn stand(
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
