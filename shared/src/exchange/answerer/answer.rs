//! The hub's answer to one request, made from the ledger as it is sent.

use minicbor::bytes::ByteArray;
use rusqlite::Connection;

use super::{Answerer, Heard, Hello, MakeAgain};
use crate::exchange::backed_up;
use crate::exchange::erased::RECORDS_MAX;
use crate::exchange::frame::{Ask, Batch, PlaceFrame, Refusal, Tell};
use crate::exchange::position::{self, Epoch};
use crate::exchange::receipt::{self, Stand};
use crate::exchange::sections::Sections;
use crate::exchange::short::{Known, Writer, Written};
use crate::exchange::wire::{
    BATCH_BYTES, BATCH_CHANGES, Effort, Encoder, FRAME_ITEMS_MAX, refusal,
};
use crate::exchange::{ExchangeError, Version, reconcile, upload};
use crate::ids::ReplicaId;
use crate::ledger::changes::{self, Entry, Hash};
use crate::ledger::erasures::{self, Erasure};
use crate::ledger::{Fingerprint, LedgerError, hub_key, replica};
use crate::site::{Site, Work, rot};
use crate::time::Timestamp;

/// An answer with more changes than these is worth a progress bar.
const LONG_CHANGES: i64 = 500;

/// What the answer has said of this hub, which its receipt confirms.
#[derive(Clone, Copy, Debug)]
struct Said {
    epoch: Epoch,
    at: Timestamp,
    is_followed: bool,
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
pub(in crate::exchange) struct Reached {
    /// The position up to which the laptop has everything once it has the answer.
    pub(in crate::exchange) cursor: i64,
    /// Whether the answer was closed because it grew too large.
    pub(in crate::exchange) has_more: bool,
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
    /// The answer to what was asked.
    pub(super) fn to(asked: Answerer) -> Result<Self, ExchangeError> {
        let heard = Heard {
            cursor: None,
            taken: asked.taken,
            refused: asked.refused.len() as u64,
            is_restored: asked.is_restored,
        };
        let (hello, step) = match (asked.hello, asked.last) {
            _ if let Some(again) = asked.again => (None, Step::MakeAgain(again)),
            (Some(hello), Some(last)) if asked.decoder.is_at_frame_end() => {
                (Some(hello), Step::Open(last))
            }
            _ => return Err(ExchangeError::Truncated),
        };
        let version = asked.decoder.version().unwrap_or(Version::NEWEST);
        Ok(Self {
            site: asked.site,
            laptop: asked.laptop,
            sections: asked.sections,
            hello,
            refused: asked.refused,
            encoder: None,
            version,
            is_short: false,
            writer: Writer::default(),
            begins_anew: false,
            step,
            heard,
            said: None,
            has_brought: asked.changes > 0,
            reached: Reached::default(),
        })
    }

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
    pub(in crate::exchange) fn refused(&self) -> impl Iterator<Item = Hash> {
        self.refused.iter().map(|refusal| *refusal.hash)
    }

    /// How far the answer has come; to be asked after the last chunk.
    pub(in crate::exchange) fn reached(&self) -> Reached {
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
                // What has been written since comes with the next look, after the erasures that it may follow.
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
                written.tell(self.encoder()?, reached)?;
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
        let (message, cursor) = self
            .site
            .read(move |c| {
                let nobody = ReplicaId(uuid::Uuid::nil());
                let all = reconcile::part(i64::MAX, nobody, version);
                Ok((reconcile::respond(c, all, &message), changes::last_seq(c)?))
            })
            .await?;
        let message = message?;
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
        if let Some(said) = self.said
            && self.version >= Version::Two
            && said.is_followed
        {
            let known = self.hello.and_then(|hello| hello.backup);
            let newest = self.site.read(|c| Ok(backed_up::known(c)?)).await?;
            // One that reaches further than this answer is told of with the next.
            let news =
                newest.filter(|newest| Some(newest.at_ms) != known && newest.position <= position);
            if let Some(backup) = news {
                self.encoder()?.push(&Tell::Backup(backup))?;
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
