//! The hub's side of one request: it commits what comes, as it comes, then answers from the ledger as it stands.
//!
//! Nothing is kept between requests. Who asks has been established before: this file trusts the laptop's id and
//! nothing else.

mod answer;

use std::collections::HashSet;
use std::sync::Arc;

pub use answer::Answer;
pub(super) use answer::Reached;

use super::erased::Erased;
use super::frame::{Ask, Batch, Fresh, Refusal, Rows};
use super::position::Epoch;
use super::receipt::{self, Receipt};
use super::sections::Sections;
use super::short::{Reader, Unread};
use super::wire::Decoder;
use super::{ExchangeError, REQUEST_CHANGES_MAX};
use crate::document::Kind;
use crate::document::foreign::claimed_hash;
use crate::domain::catalog::catalog_id;
use crate::ids::ReplicaId;
use crate::ledger::changes::Hash;
use crate::site::{Bearer, Foreign, Received, Site};

/// What is said of an erasure that another hub signed.
const NOT_OURS: &str = "cet effacement ne porte pas la signature de ce hub";

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
    /// The moment of the newest backup that it knows of.
    backup: Option<i64>,
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
                backup,
            } if self.hello.is_none() => {
                self.hello = Some(Hello {
                    epoch: epoch.map(|bytes| Epoch(*bytes)),
                    cursor,
                    receipt: receipt.unwrap_or(cursor),
                    is_plain: is_plain.unwrap_or(false),
                    lacks_key: lacks_key.unwrap_or(false),
                    backup,
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
        Answer::to(self)
    }
}

/// What the hub takes from a laptop: everything but changes to the catalog.
#[must_use]
pub fn laptop_may_write(kind: Kind) -> bool {
    kind != Kind::Catalog
}
