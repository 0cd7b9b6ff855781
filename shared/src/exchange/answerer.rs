//! The hub's side of one request: it commits what comes, as it comes, then answers from the ledger as it stands.
//!
//! Nothing is kept between requests. Who asks has been established before: this file trusts the laptop's id and
//! nothing else.

use std::collections::HashSet;
use std::sync::Arc;

use minicbor::bytes::ByteArray;
use rusqlite::Connection;

use super::erased::{Erased, RECORDS_MAX};
use super::frame::{Ask, Batch, Fresh, PlaceFrame, Refusal, Rows, Tell};
use super::position::{self, Epoch};
use super::receipt::{self, Receipt, Stand};
use super::sections::Sections;
use super::short::{Known, Reader, Unread, Writer, Written};
use super::wire::{BATCH_BYTES, BATCH_CHANGES, Decoder, Effort, Encoder, FRAME_ITEMS_MAX, refusal};
use super::{ExchangeError, REQUEST_CHANGES_MAX, Version, reconcile, upload};
use crate::document::Kind;
use crate::document::foreign::claimed_hash;
use crate::domain::catalog::catalog_id;
use crate::ids::ReplicaId;
use crate::ledger::changes::{self, Entry, Hash};
use crate::ledger::erasures::{self, Erasure};
use crate::ledger::{Fingerprint, LedgerError, hub_key, replica};
use crate::site::{Bearer, Foreign, Received, Site, Work, rot};
use crate::time::Timestamp;

/// What is said of an erasure that another hub signed.
const NOT_OURS: &str = "cet effacement ne porte pas la signature de ce hub";

/// An answer with more changes than these is worth a progress bar.
const LONG_CHANGES: i64 = 500;

/// Takes one request of one laptop.
pub struct Answerer {
    site: Site,
    laptop: ReplicaId,
    sections: Sections,
    decoder: Decoder<Ask>,
    hello: Option<Hello>,
    reader: Reader,
    /// What the rows of the next frame need.
    fresh: Option<Fresh>,
    last: Option<Ask>,
    refused: Vec<Refusal>,
    changes: usize,
    taken: u64,
    /// A receipt has shown that this hub had been restored from an older copy.
    is_restored: bool,
    /// Changes of the catalog that it has shown to be this hub's own.
    vouched: Arc<HashSet<Hash>>,
    /// Why nothing more of the request is read, where the laptop is to make it again in another way.
    again: Option<MakeAgain>,
}

/// How a laptop is to make its request again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MakeAgain {
    InOtherVersion,
    WithPlainChanges,
}

/// Where the laptop says that it stands.
#[derive(Clone, Copy, Debug, Default)]
struct Hello {
    epoch: Option<Epoch>,
    cursor: i64,
    /// The position of the last receipt that it has.
    receipt: i64,
    is_plain: bool,
    lacks_key: bool,
}

/// What the answer has said of this hub, which its receipt confirms.
#[derive(Clone, Copy, Debug)]
struct Said {
    epoch: Epoch,
    at: Timestamp,
    is_followed: bool,
}

/// What a request told the hub, for the page that lists the laptops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Position in this ledger up to which the laptop has everything; `None` when it follows another epoch.
    pub cursor: Option<i64>,
    /// Changes that were new here.
    pub taken: u64,
    /// Changes that were set aside.
    pub refused: u64,
    /// The laptop showed that this hub had been restored from an older copy: a new epoch has begun.
    pub is_restored: bool,
}

impl Answerer {
    /// Expects one request of this laptop.
    ///
    /// # Errors
    /// [`ExchangeError::Compression`] when there is no memory.
    pub fn new(site: Site, laptop: ReplicaId) -> Result<Self, ExchangeError> {
        Ok(Self {
            site,
            laptop,
            sections: Sections::default(),
            decoder: Decoder::default(),
            hello: None,
            reader: Reader::default(),
            fresh: None,
            last: None,
            refused: Vec::new(),
            changes: 0,
            taken: 0,
            is_restored: false,
            vouched: Arc::default(),
            again: None,
        })
    }

    /// Takes what is the same for every laptop from these sections.
    #[must_use]
    pub fn with_sections(mut self, sections: Sections) -> Self {
        self.sections = sections;
        self
    }

    /// Takes bytes of the request as they arrive; each batch of changes is on the disk before the next is read.
    ///
    /// # Errors
    /// An [`ExchangeError`]: the request is then to be dropped. What was committed stays, and does no harm: the laptop
    /// sends it again.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), ExchangeError> {
        if self.again.is_some() {
            return Ok(());
        }
        match self.decoder.push(bytes) {
            Err(ExchangeError::Version { .. }) => self.again = Some(MakeAgain::InOtherVersion),
            other => other?,
        }
        while self.again.is_none()
            && let Some(frame) = self.decoder.next_frame()?
        {
            self.handle(frame).await?;
        }
        Ok(())
    }

    async fn handle(&mut self, frame: Ask) -> Result<(), ExchangeError> {
        match frame {
            _ if self.last.is_some() => Err(ExchangeError::Unexpected("après la fin")),
            Ask::Hello {
                epoch,
                cursor,
                receipt,
                is_plain,
                lacks_key,
            } if self.hello.is_none() => {
                self.hello = Some(Hello {
                    epoch: epoch.map(|bytes| Epoch(*bytes)),
                    cursor,
                    receipt: receipt.unwrap_or(cursor),
                    is_plain: is_plain.unwrap_or(false),
                    lacks_key: lacks_key.unwrap_or(false),
                });
                Ok(())
            }
            Ask::Hello { .. } => Err(ExchangeError::Unexpected("second début")),
            _ if self.hello.is_none() => Err(ExchangeError::Unexpected("pas de début")),
            Ask::Erased(records) => self.hear(records).await,
            Ask::Receipt { receipt, catalog } => {
                let catalog = catalog.map(Into::into).unwrap_or_default();
                self.weigh(receipt, catalog).await
            }
            Ask::Changes(batch) => self.receive(batch).await,
            Ask::Fresh(fresh) => {
                self.fresh = Some(fresh);
                Ok(())
            }
            Ask::Short(rows) => self.receive_short(rows).await,
            last @ (Ask::News | Ask::Await | Ask::Ranges(_) | Ask::Want(_)) => {
                self.last = Some(last);
                Ok(())
            }
        }
    }

    /// Takes what this hub had erased itself before it was restored from an older copy.
    async fn hear(&mut self, records: Vec<Erased>) -> Result<(), ExchangeError> {
        self.count(records.len())?;
        let records = records.into_iter().map(Into::into).collect();
        let heard = self
            .site
            .write(move |work| work.hear_erasures(records, Bearer::Laptop, |_, _| Ok(0)))
            .await?;
        if heard.erased > 0 {
            self.site.scrub().await;
        }
        self.taken += heard.erased;
        let refused = heard.refused.into_iter();
        self.refused
            .extend(refused.map(|hash| Refusal::new(hash, NOT_OURS)));
        Ok(())
    }

    /// Looks whether this ledger is an older copy of the one that the receipt was signed for, and which changes of the
    /// catalog it vouches for.
    async fn weigh(&mut self, receipt: Receipt, catalog: Vec<u8>) -> Result<(), ExchangeError> {
        let (hub, laptop) = (self.site.replica(), self.laptop);
        let now = self.site.clock().now();
        let weighed = self.site.write(move |work| {
            let c = work.connection();
            let is_restored = receipt::weigh(c, &receipt, (hub, laptop), now)?;
            Ok((is_restored, receipt::vouched(c, &receipt, hub, &catalog)?))
        });
        let (is_restored, vouched) = weighed.await?;
        self.is_restored |= is_restored;
        self.vouched = Arc::new(vouched.into_iter().collect());
        Ok(())
    }

    async fn receive(&mut self, batch: Batch) -> Result<(), ExchangeError> {
        self.count(batch.len())?;
        let (laptop, vouched) = (self.laptop, Arc::clone(&self.vouched));
        let received = self
            .site
            .write(move |work| {
                let may_write = |kind, foreign: &Foreign| {
                    laptop_may_write(kind)
                        || (foreign.document == catalog_id()
                            && vouched.contains(&claimed_hash(&foreign.bytes)))
                };
                work.receive_vouched(laptop, batch.into_foreign(), &may_write)
            })
            .await?;
        self.note(received);
        Ok(())
    }

    async fn receive_short(&mut self, rows: Rows) -> Result<(), ExchangeError> {
        let fresh = self.fresh.take().ok_or(ExchangeError::Malformed)?;
        let mut reader = std::mem::take(&mut self.reader);
        let laptop = self.laptop;
        let read = self
            .site
            .write(move |work| {
                let batch = match reader.read(work.connection(), &fresh, &rows) {
                    Ok(batch) => batch,
                    Err(unread) => return Ok(Err(unread)),
                };
                let count = batch.len();
                Ok(Ok((
                    reader,
                    count,
                    work.receive(laptop, batch, laptop_may_write)?,
                )))
            })
            .await?;
        match read {
            Ok((reader, count, received)) => {
                self.reader = reader;
                self.count(count)?;
                self.note(received);
                Ok(())
            }
            Err(Unread::Unclear) => {
                self.again = Some(MakeAgain::WithPlainChanges);
                Ok(())
            }
            Err(unread) => Err(unread.into()),
        }
    }

    fn count(&mut self, changes: usize) -> Result<(), ExchangeError> {
        self.changes += changes;
        if self.changes > REQUEST_CHANGES_MAX {
            return Err(ExchangeError::TooMany {
                max: REQUEST_CHANGES_MAX,
            });
        }
        Ok(())
    }

    fn note(&mut self, received: Received) {
        self.taken += received.taken;
        let refused = received.refused.into_iter();
        self.refused
            .extend(refused.map(|(hash, reason)| Refusal::new(hash, &reason)));
        let erased = received.erased.into_iter();
        self.refused
            .extend(erased.map(|late| Refusal::new(late.hash, &late.words())));
    }

    /// The answer, once the whole request has been pushed.
    ///
    /// # Errors
    /// [`ExchangeError::Truncated`] when the request is not complete.
    pub fn finish(self) -> Result<Answer, ExchangeError> {
        let heard = Heard {
            cursor: None,
            taken: self.taken,
            refused: self.refused.len() as u64,
            is_restored: self.is_restored,
        };
        let (hello, step) = match (self.hello, self.last) {
            _ if let Some(again) = self.again => (None, Step::MakeAgain(again)),
            (Some(hello), Some(last)) if self.decoder.is_at_frame_end() => {
                (Some(hello), Step::Open(last))
            }
            _ => return Err(ExchangeError::Truncated),
        };
        let version = self.decoder.version().unwrap_or(Version::NEWEST);
        Ok(Answer {
            site: self.site,
            laptop: self.laptop,
            sections: self.sections,
            hello,
            refused: self.refused,
            encoder: None,
            version,
            is_short: false,
            writer: Writer::default(),
            begins_anew: false,
            step,
            heard,
            said: None,
            has_brought: self.changes > 0,
            reached: Reached::default(),
        })
    }
}

/// What the hub takes from a laptop: everything but changes to the catalog.
#[must_use]
pub fn laptop_may_write(kind: Kind) -> bool {
    kind != Kind::Catalog
}

/// The answer to one request, made as it is read.
pub struct Answer {
    site: Site,
    laptop: ReplicaId,
    sections: Sections,
    hello: Option<Hello>,
    refused: Vec<Refusal>,
    /// Made when it is known what is to be sent: it takes memory, and many laptops may be waiting.
    encoder: Option<Encoder>,
    /// The version of the request.
    version: Version,
    /// News go in short form.
    is_short: bool,
    writer: Writer,
    /// A section was sent: the laptop has seen other tables than the writer's.
    begins_anew: bool,
    step: Step,
    heard: Heard,
    said: Option<Said>,
    /// The request held changes, whose confirmation the laptop waits for.
    has_brought: bool,
    reached: Reached,
}

/// How far an answer to `News` has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reached {
    /// The position up to which the laptop has everything once it has the answer.
    pub(super) cursor: i64,
    /// Whether the answer was closed because it grew too large.
    pub(super) has_more: bool,
}

enum Step {
    MakeAgain(MakeAgain),
    Open(Ask),
    News {
        after: i64,
        /// Erasures up to this position have been told.
        erased_after: i64,
    },
    /// The laptop follows another epoch: it must compare, so it gets the fingerprint only.
    Proof,
    Want(Vec<Hash>),
    Closed,
}

/// What one look at the ledger gives to the answer.
struct News {
    entries: Vec<Entry>,
    /// The same in short form, where the laptop reads it, and the writer for the next batch.
    written: Option<(Written, Writer)>,
    /// The position up to which the laptop then has everything.
    reached: i64,
    end: Option<(i64, Fingerprint)>,
}

impl Answer {
    /// What the request told the hub; the cursor is known from the first chunk on.
    #[must_use]
    pub fn heard(&self) -> Heard {
        self.heard
    }

    /// Whether the laptop would rather wait than be told that nothing is new. Whoever carries the answer then asks
    /// [`Self::has_news`] after every commit, and begins the answer when there is some or after a time of its choice.
    #[must_use]
    pub fn may_wait(&self) -> bool {
        matches!(self.step, Step::Open(Ask::Await)) && !self.has_brought
    }

    /// Whether the ledger has something to tell by now that did not come from the laptop itself.
    ///
    /// # Errors
    /// What the store says.
    pub async fn has_news(&self) -> Result<bool, ExchangeError> {
        let (hello, laptop) = (self.hello, self.laptop);
        let has_news = self.site.read(move |c| {
            let followed = hello.filter(|hello| hello.epoch.is_some());
            match followed {
                Some(hello) if hello.epoch == position::own_epoch(c)? => {
                    Ok(changes::is_any_since(c, hello.cursor, laptop)?
                        || erasures::count_since(c, hello.cursor)? > 0)
                }
                // It has to be told which hub this is.
                _ => Ok(true),
            }
        });
        Ok(has_news.await?)
    }

    /// The hashes of the request's changes that were set aside; to be asked before the first chunk.
    pub(super) fn refused(&self) -> impl Iterator<Item = Hash> {
        self.refused.iter().map(|refusal| *refusal.hash)
    }

    /// How far the answer has come; to be asked after the last chunk.
    pub(super) fn reached(&self) -> Reached {
        self.reached
    }

    /// The next bytes of the response, to be sent at once; `None` after the last.
    ///
    /// # Errors
    /// What the store says, or [`ExchangeError::Reconciliation`] for a message that does not decode. A response cut
    /// there does no harm.
    pub async fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, ExchangeError> {
        if let Step::Open(_) = self.step {
            self.open().await?;
        }
        match std::mem::replace(&mut self.step, Step::Closed) {
            Step::MakeAgain(MakeAgain::InOtherVersion) => Ok(Some(refusal())),
            Step::MakeAgain(MakeAgain::WithPlainChanges) => self.close(&Tell::Unclear).map(Some),
            Step::News {
                after,
                erased_after,
            } => self.news(after, erased_after).await.map(Some),
            Step::Proof => {
                let version = self.version;
                let end = self.site.read(move |c| Ok(end(c, version)?)).await?;
                self.prove(end).await.map(Some)
            }
            Step::Want(hashes) => self.want(hashes).await.map(Some),
            Step::Open(Ask::Ranges(message)) => self.ranges(message.into()).await.map(Some),
            Step::Open(_) | Step::Closed => Ok(None),
        }
    }

    /// An empty laptop's first answer is worth the most thorough compression: it is the longest, and comes once.
    fn effort(&self) -> Effort {
        match (&self.hello, &self.step) {
            (Some(Hello { cursor: 0, .. }), Step::Open(Ask::News)) => Effort::Thorough,
            _ => Effort::Usual,
        }
    }

    /// Says what was refused and who answers, and turns to what was asked.
    async fn open(&mut self) -> Result<(), ExchangeError> {
        let known = self
            .site
            .read(|c| Ok(position::own_epoch(c)?.zip(hub_key::own(c)?)));
        let (epoch, key) = match known.await? {
            Some(known) => known,
            None => {
                let ensure = |work: &mut Work<'_>| {
                    let c = work.connection();
                    Ok((position::ensure_own_epoch(c)?, hub_key::ensure_own(c)?))
                };
                self.site.write(ensure).await?
            }
        };
        self.encoder = Some(Encoder::new(self.version, self.effort())?);
        for refused in std::mem::take(&mut self.refused).chunks(FRAME_ITEMS_MAX / 2) {
            self.encoder()?.push(&Tell::Refused(refused.to_vec()))?;
        }
        let hello = self.hello.unwrap_or_default();
        self.is_short = self.version >= Version::Two && !hello.is_plain;
        let is_followed = hello.epoch == Some(epoch);
        let place = (!is_followed).then(|| PlaceFrame {
            hub: ByteArray::from(*self.site.replica().as_bytes()),
            epoch: ByteArray::from(epoch.0),
        });
        let last = self.site.read(|c| Ok(changes::last_seq(c)?)).await?;
        let is_long = last > hello.cursor + LONG_CHANGES && self.version >= Version::Two;
        let at = self.site.clock().now();
        self.said = Some(Said {
            epoch,
            at,
            is_followed,
        });
        let key = ByteArray::from(key.verifying_key().to_bytes());
        self.encoder()?.push(&Tell::Welcome {
            place,
            now_ms: at.0,
            key: hello.lacks_key.then_some(key),
            last: is_long.then_some(last),
        })?;
        self.heard.cursor = is_followed.then_some(hello.cursor);
        self.step = match std::mem::replace(&mut self.step, Step::Closed) {
            Step::Open(Ask::News | Ask::Await) if is_followed => news_from(hello.cursor),
            Step::Open(Ask::News | Ask::Await) if hello.epoch.is_none() => news_from(0),
            Step::Open(Ask::News | Ask::Await) => Step::Proof,
            Step::Open(Ask::Want(hashes)) => {
                let hashes: Vec<Hash> = hashes.into_iter().map(|h| *h).collect();
                self.wanted_erasures(hashes.clone()).await?;
                Step::Want(hashes)
            }
            other => other,
        };
        Ok(())
    }

    /// Tells those among the wanted hashes that stand for erasures, before any changes.
    async fn wanted_erasures(&mut self, hashes: Vec<Hash>) -> Result<(), ExchangeError> {
        let found = self.site.read(move |c| {
            let mut found = Vec::new();
            for hash in hashes {
                found.extend(erasures::by_hash(c, &hash)?);
            }
            Ok(found)
        });
        let found = found.await?;
        self.tell_erasures(found)
    }

    fn tell_erasures(&mut self, erasures: Vec<Erasure>) -> Result<(), ExchangeError> {
        if self.version < Version::Two {
            return Ok(());
        }
        for records in erasures.chunks(RECORDS_MAX) {
            let records = records.iter().cloned().map(Into::into).collect();
            self.encoder()?.push(&Tell::Erased(records))?;
        }
        Ok(())
    }

    /// The erasures after `erased_after`, then the changes after `after`; with the last of them, from the same snapshot,
    /// position and fingerprint.
    async fn news(&mut self, after: i64, erased_after: i64) -> Result<Vec<u8>, ExchangeError> {
        let told = self.site.read(move |c| {
            let erasures = erasures::since(c, erased_after)?;
            Ok((erasures, changes::last_seq(c)?))
        });
        let (erasures, last) = told.await?;
        self.tell_erasures(erasures)?;
        let cursor = self.heard.cursor.unwrap_or(0);
        // An empty laptop's answer is shorter in one piece.
        let has_sections = self.is_short && cursor > 0;
        if has_sections && let Some(end) = self.sections.end(after, last) {
            return self.section(after, end, last).await;
        }
        let upto = match has_sections {
            true => self.sections.limit(after, last),
            false => last,
        };
        let (laptop, version) = (self.laptop, self.version);
        let known = Known {
            upto: cursor,
            receiver: laptop,
        };
        let mut writer = self.is_short.then(|| std::mem::take(&mut self.writer));
        let read = self
            .site
            .read(move |c| {
                // What is written from now on comes with the next exchange, after the erasures that it may follow.
                let positions = after + 1..=upto;
                let (entries, more) =
                    changes::portion_since(c, positions, laptop, BATCH_CHANGES, BATCH_BYTES)?;
                let rotten = rot::rotten(&entries);
                if !rotten.is_empty() {
                    return Ok(Err((rotten, writer)));
                }
                let written = match &mut writer {
                    Some(writer) => Some(writer.write(c, known, &entries)?),
                    None => None,
                };
                let reached = match entries.last() {
                    Some(entry) if more => entry.seq,
                    _ => upto,
                };
                let is_all = !more && changes::last_seq(c)? == upto;
                Ok(Ok(News {
                    written: written.zip(writer),
                    reached,
                    end: if is_all { Some(end(c, version)?) } else { None },
                    entries,
                }))
            })
            .await?;
        let News {
            entries,
            written,
            reached,
            end,
        } = match read {
            Ok(news) => news,
            Err((rotten, writer)) => {
                self.writer = writer.unwrap_or_default();
                self.site.mend(rotten).await?;
                self.step = Step::News {
                    after,
                    erased_after: last,
                };
                return self.encoder()?.flush();
            }
        };
        if std::mem::take(&mut self.begins_anew) && !entries.is_empty() {
            self.encoder()?.push(&Tell::Anew)?;
        }
        match written {
            _ if entries.is_empty() => {}
            None => {
                let batch = Batch::of(entries, Some(reached));
                self.encoder()?.push(&Tell::Changes(batch))?;
            }
            Some((written, writer)) => {
                self.writer = writer;
                self.encoder()?.push(&Tell::Fresh(written.fresh()))?;
                self.encoder()?.end_block()?;
                self.encoder()?
                    .push(&Tell::Short(written.rows(Some(reached))))?;
            }
        }
        self.reached = Reached {
            cursor: end.map_or(reached, |(last, _)| last),
            has_more: end.is_none(),
        };
        match end {
            Some(end) => self.prove(end).await,
            None if self.encoder()?.is_nearly_swollen() => self.close(&Tell::Again),
            None => {
                self.step = Step::News {
                    after: reached,
                    erased_after: last,
                };
                self.encoder()?.flush()
            }
        }
    }

    /// The changes up to `end`, whoever wrote them, as every laptop gets them.
    async fn section(&mut self, after: i64, end: i64, last: i64) -> Result<Vec<u8>, ExchangeError> {
        let mut bytes = self.encoder()?.finish()?;
        bytes.extend_from_slice(&self.sections.bytes(&self.site, after).await?);
        self.writer = Writer::default();
        self.begins_anew = true;
        self.step = Step::News {
            after: end,
            erased_after: last,
        };
        Ok(bytes)
    }

    /// The changes with these hashes, those that are here.
    async fn want(&mut self, hashes: Vec<Hash>) -> Result<Vec<u8>, ExchangeError> {
        let asked = hashes.clone();
        let (entries, rest) = self
            .site
            .read(move |c| Ok(upload::by_hashes(c, hashes, BATCH_CHANGES, BATCH_BYTES)?))
            .await?;
        let rotten = rot::rotten(&entries);
        if !rotten.is_empty() {
            self.site.mend(rotten).await?;
            self.step = Step::Want(asked);
            return self.encoder()?.flush();
        }
        if !entries.is_empty() {
            self.encoder()?
                .push(&Tell::Changes(Batch::of(entries, None)))?;
        }
        if rest.is_empty() {
            self.close(&Tell::Given)
        } else if self.encoder()?.is_nearly_swollen() {
            self.close(&Tell::Again)
        } else {
            self.step = Step::Want(rest);
            self.encoder()?.flush()
        }
    }

    /// One message of the reconciliation.
    async fn ranges(&mut self, message: Vec<u8>) -> Result<Vec<u8>, ExchangeError> {
        let version = self.version;
        let (set, cursor) = self
            .site
            .read(move |c| {
                let nobody = ReplicaId(uuid::Uuid::nil());
                let set = reconcile::set(c, i64::MAX, nobody, version)?;
                Ok((set, changes::last_seq(c)?))
            })
            .await?;
        let message = tokio::task::spawn_blocking(move || reconcile::respond(set, &message))
            .await
            .map_err(|_| ExchangeError::Reconciliation)??;
        self.close(&Tell::Ranges {
            cursor,
            message: message.into(),
        })
    }

    /// Ends the answer with what the laptop needs for the proof, and a receipt where it has none for that position.
    async fn prove(
        &mut self,
        (position, fingerprint): (i64, Fingerprint),
    ) -> Result<Vec<u8>, ExchangeError> {
        let has_receipt = self.hello.map(|hello| hello.receipt) == Some(position);
        if let Some(said) = self.said
            && self.version >= Version::Two
            && !(said.is_followed && has_receipt)
        {
            let hub = self.site.replica();
            let receipt = self.site.read(move |c| {
                let stand = Stand {
                    hub,
                    epoch: said.epoch,
                    position,
                    fingerprint,
                    at: said.at,
                    catalog: receipt::catalog_digest(c)?,
                };
                Ok(receipt::own(c, &stand)?)
            });
            if let Some(receipt) = receipt.await? {
                self.encoder()?.push(&Tell::Receipt(receipt.to_frame()))?;
            }
        }
        self.close(&Tell::Done {
            cursor: position,
            fingerprint: ByteArray::from(fingerprint.to_bytes()),
        })
    }

    fn encoder(&mut self) -> Result<&mut Encoder, ExchangeError> {
        match &mut self.encoder {
            Some(encoder) => Ok(encoder),
            none => Ok(none.insert(Encoder::new(self.version, Effort::Usual)?)),
        }
    }

    fn close(&mut self, last: &Tell) -> Result<Vec<u8>, ExchangeError> {
        self.encoder()?.push(last)?;
        self.encoder()?.finish()
    }
}

fn news_from(cursor: i64) -> Step {
    Step::News {
        after: cursor,
        erased_after: cursor,
    }
}

/// The last position and the fingerprint; version 1 knows of no erasures.
fn end(connection: &Connection, version: Version) -> Result<(i64, Fingerprint), LedgerError> {
    let mut fingerprint = replica::fingerprint(connection)?;
    if version < Version::Two {
        for hash in erasures::hashes(connection)? {
            fingerprint.subtract(&hash);
        }
    }
    Ok((changes::last_seq(connection)?, fingerprint))
}
