//! The hub takes a laptop's file, and writes the return file: what it confirms, what it refused, what the laptop lacks.
//!
//! Each body is taken as a request from the line, and answered as one. Then, in the laptop's place, the hub asks
//! itself what is new; or, where the two ledgers are not proved equal but for that, for everything it has.

use std::io::{Read, Seek, Write};

use age::x25519::Recipient;
use ed25519_dalek::VerifyingKey;
use minicbor::bytes::ByteArray;

use super::content::{DownHead, DownTail, Head, UpHead, UpTail, epoch, id, id_bytes};
use super::envelope::{End, Opener, Part, Sealer};
use super::{StickError, apart, check, keys};
use crate::exchange::answerer::{Answer, Reached};
use crate::exchange::frame::Ask;
use crate::exchange::position::{self, Epoch};
use crate::exchange::wire::{Effort, Encoder};
use crate::exchange::{Answerer, Version};
use crate::ids::ReplicaId;
use crate::ledger::{Fingerprint, LedgerError, changes, hub_key, replica};
use crate::site::Site;

/// A laptop's file that has been read to its end and is whole; whose it is, is still to be verified.
pub struct Letter<R> {
    site: Site,
    file: R,
    head: UpHead,
    end: End,
}

/// What the hub took of a laptop's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Changes that the file holds.
    pub changes: u64,
    /// Those that were new here.
    pub taken: u64,
    /// Those that were set aside.
    pub refused: u64,
    /// Position in this ledger up to which the laptop has everything; `None` when it follows another epoch.
    pub cursor: Option<i64>,
    /// Whether the return file holds the whole ledger, since the two were not proved equal.
    pub is_whole: bool,
}

impl<R: Read + Seek + Send + 'static> Letter<R> {
    /// Reads a file from its beginning to its end. Nothing is taken of it.
    ///
    /// # Errors
    /// Why it is no whole file of a laptop for this hub.
    pub async fn read(site: &Site, mut file: R) -> Result<Self, StickError> {
        let site = site.clone();
        apart(async move {
            let identity = site.read(|c| Ok(keys::own(c)?)).await?;
            let identity = identity.ok_or(StickError::NotForUs)?;
            file.rewind()?;
            let (head, opener) = Opener::begin(&mut file, &identity)?;
            let Head::Up(head) = head else {
                return Err(StickError::NotForUs);
            };
            if id(head.hub) != site.replica() {
                return Err(StickError::NotForUs);
            }
            let end = check::<Ask, _>(opener, |_| Ok(()))?;
            Ok(Self {
                site,
                file,
                head,
                end,
            })
        })
        .await
    }

    /// The laptop that it says it is from.
    #[must_use]
    pub fn laptop(&self) -> ReplicaId {
        id(self.head.laptop)
    }

    /// Takes what the laptop with the public key `key` sent, and writes the return file to `out`; `progress` is told
    /// (bytes done, in all).
    ///
    /// # Errors
    /// [`StickError::BadSignature`], or what the disk or the store says. Taking the file again does no harm.
    pub async fn take<W: Write + Send + 'static>(
        self,
        key: &VerifyingKey,
        out: W,
        progress: impl FnMut(usize, usize) + Send + 'static,
    ) -> Result<(Taken, W), StickError> {
        let tail: UpTail = self.end.verified(key)?;
        apart(async move {
            let Self {
                site,
                mut file,
                head,
                ..
            } = self;
            let identity = site
                .write(|work| Ok(keys::ensure_own(work.connection())?))
                .await?;
            let file_bytes = file.seek(std::io::SeekFrom::End(0))?;
            let sealer = begin_return(&site, &head, out)?;
            let taking = Taking {
                site,
                laptop: id(head.laptop),
                sealer,
                taken: Taken {
                    changes: tail.changes,
                    taken: 0,
                    refused: 0,
                    cursor: None,
                    is_whole: false,
                },
                refused: Fingerprint::default(),
                progress,
                file_bytes: usize::try_from(file_bytes).unwrap_or(usize::MAX),
            };
            file.rewind()?;
            let (_, opener) = Opener::begin::<Head>(file, &identity)?;
            taking.run(opener, &head, &tail).await
        })
        .await
    }
}

fn begin_return<W: Write>(site: &Site, head: &UpHead, out: W) -> Result<Sealer<W>, StickError> {
    let reply_to: Recipient = head.reply_to.parse().map_err(|_| StickError::Damaged)?;
    let down = Head::Down(DownHead {
        hub: id_bytes(site.replica()),
        laptop: head.laptop,
        made_ms: site.clock().now().0,
        answers_epoch: head.epoch,
        answers_cursor: head.cursor,
    });
    Sealer::begin(out, &reply_to, &down)
}

/// A file at work.
struct Taking<W: Write, P> {
    site: Site,
    laptop: ReplicaId,
    sealer: Sealer<W>,
    taken: Taken,
    /// Count and sum of the hashes that were refused.
    refused: Fingerprint,
    progress: P,
    file_bytes: usize,
}

impl<W: Write, P: FnMut(usize, usize)> Taking<W, P> {
    async fn run<R: Read>(
        mut self,
        mut opener: Opener<R>,
        head: &UpHead,
        tail: &UpTail,
    ) -> Result<(Taken, W), StickError> {
        let mut body: Option<(Vec<u8>, Answerer)> = None;
        let mut done = 0;
        while let Some(part) = opener.next_part()? {
            match part {
                Part::Body(note) => {
                    self.confirm(body.take()).await?;
                    body = Some((note, Answerer::new(self.site.clone(), self.laptop)?));
                }
                Part::Bytes(bytes) => {
                    if let Some((_, answerer)) = &mut body {
                        answerer.push(&bytes).await?;
                    }
                    done += bytes.len();
                    (self.progress)(done.min(self.file_bytes), self.file_bytes);
                }
            }
        }
        self.confirm(body.take()).await?;
        // Only now: a receipt among what was taken may have shown that this hub was restored.
        let own = self.site.write(|work| {
            let c = work.connection();
            Ok((hub_key::ensure_own(c)?, position::ensure_own_epoch(c)?))
        });
        let (key, own_epoch) = own.await?;
        self.taken.is_whole = !self.is_proved(head, tail, own_epoch).await?;
        let cursor = self.tell(head, own_epoch).await?;
        (self.progress)(self.file_bytes, self.file_bytes);
        let tail = DownTail {
            cursor,
            is_whole: self.taken.is_whole,
            epoch: ByteArray::from(own_epoch.0),
        };
        Ok((self.taken, self.sealer.close(&tail, &key)?))
    }

    /// Answers one body of the laptop's file: what was refused, and that the rest is on the disk.
    async fn confirm(&mut self, body: Option<(Vec<u8>, Answerer)>) -> Result<(), StickError> {
        let Some((note, answerer)) = body else {
            return Ok(());
        };
        let answer = answerer.finish()?;
        answer.refused().for_each(|hash| self.refused.add(&hash));
        self.sealer.body(&note)?;
        let answer = self.write_answer(answer).await?;
        let heard = answer.heard();
        self.taken.taken += heard.taken;
        self.taken.refused += heard.refused;
        self.taken.cursor = heard.cursor;
        Ok(())
    }

    async fn write_answer(&mut self, mut answer: Answer) -> Result<Answer, StickError> {
        while let Some(chunk) = answer.next_chunk().await? {
            self.sealer.bytes(&chunk)?;
        }
        Ok(answer)
    }

    /// Whether the two ledgers are the same but for what the laptop has not heard since its cursor.
    async fn is_proved(
        &mut self,
        head: &UpHead,
        tail: &UpTail,
        own_epoch: Epoch,
    ) -> Result<bool, StickError> {
        if head.epoch.map(epoch) != Some(own_epoch) {
            return Ok(false);
        }
        let (cursor, laptop) = (head.cursor, self.laptop);
        let read = self.site.read(move |c| Ok(known_to(c, cursor, laptop)?));
        let mut known = read.await?;
        known.merge(&self.refused);
        Ok(known.to_bytes() == *tail.expected)
    }

    /// Writes what the laptop lacks, and answers the position that it then has reached.
    async fn tell(&mut self, head: &UpHead, own_epoch: Epoch) -> Result<i64, StickError> {
        // Whoever has nothing gets everything; what the laptop wrote itself as well.
        let (who, mut from) = match self.taken.is_whole {
            true => (ReplicaId(uuid::Uuid::nil()), (None, 0)),
            false => (self.laptop, (Some(own_epoch), head.cursor)),
        };
        loop {
            let mut answerer = Answerer::new(self.site.clone(), who)?;
            answerer.push(&question(from)?).await?;
            self.sealer.body(&[])?;
            let answer = self.write_answer(answerer.finish()?).await?;
            let Reached { cursor, has_more } = answer.reached();
            if !has_more {
                return Ok(cursor);
            }
            from = (Some(own_epoch), cursor);
        }
    }
}

/// The request of somebody who stands there: « what is new? » Plainly: a laptop that has lost something must still be
/// able to read it.
fn question((epoch, cursor): (Option<Epoch>, i64)) -> Result<Vec<u8>, StickError> {
    let mut encoder = Encoder::new(Version::NEWEST, Effort::Usual)?;
    encoder.push(&Ask::Hello {
        epoch: epoch.map(|epoch| ByteArray::from(epoch.0)),
        cursor,
        is_plain: Some(true),
        receipt: None,
        lacks_key: None,
        backup: None,
    })?;
    encoder.push(&Ask::News)?;
    Ok(encoder.finish()?)
}

/// The fingerprint of what is here, less what came after `cursor` from others than `laptop`.
fn known_to(
    connection: &rusqlite::Connection,
    cursor: i64,
    laptop: ReplicaId,
) -> Result<Fingerprint, LedgerError> {
    let mut known = replica::fingerprint(connection)?;
    known.remove(&changes::fingerprint_since(connection, cursor, laptop)?);
    Ok(known)
}
