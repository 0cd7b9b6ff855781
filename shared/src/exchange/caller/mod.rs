//! The laptop's side of one exchange: it makes requests until the two ledgers are proved equal or nothing more can be
//! done, and commits what comes, as it comes, together with the position that it covers.
//!
//! The driver carries bytes: `next_request`, then `push` for every piece of the response, then `end_of_response`; and
//! again, until there is no next request. It may drop the caller at any moment: the next exchange goes on where the
//! data on the disk says.

mod receipts;
mod receiving;
mod repair;
mod returned;

use std::collections::HashSet;

use minicbor::bytes::{ByteArray, ByteVec};

use receipts::Doubt;
use repair::{Comparing, Fetching};
pub(super) use returned::Body;
use returned::Returned;

use super::backed_up::Backup;
use super::frame::{Ask, Fresh, Tell};
use super::position::{self, Epoch, Position};
use super::receipt::ReceiptFrame;
use super::reconcile::ROUNDS_MAX;
use super::report::{Report, WhyNot};
use super::short::Reader;
use super::upload::{self, Upload};
use super::wire::{Decoder, Effort, Encoder};
use super::{ExchangeError, PIECE_BYTES, PIECE_BYTES_MAX, PIECE_BYTES_MIN, Version, WANT_MAX};
use crate::ids::ReplicaId;
use crate::ledger::changes::Hash;
use crate::site::{Site, Work};
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
    /// A backup that this laptop did not know of.
    backup: Option<Backup>,
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
            backup: None,
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
            backup: known.backup,
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
            (Tell::Backup(backup), Step::News) => {
                self.trip()?.backup = Some(backup);
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
                self.ranges(cursor, message.into()).await
            }
            (Tell::Given, Step::Fetch(_)) => self.given().await,
            _ => Err(ExchangeError::Unexpected("hors de propos")),
        }
    }
}
