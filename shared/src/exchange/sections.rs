//! What is the same for every laptop, compressed once: whole sections of the ledger.
//!
//! After a day on which many laptops have worked, each of them lacks what all others wrote. A section is the changes at
//! so many neighbouring positions, whoever wrote them, for a laptop that has everything before. It is made when the
//! first laptop needs it and kept while there is room, so that an answer costs the hub no more the more laptops there
//! are. Nothing true is kept here: what has left the ledger since makes a section anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::frame::Tell;
use super::short::{Known, Writer};
use super::wire::{BATCH_BYTES, BATCH_CHANGES, Effort, Encoder};
use super::{ExchangeError, Version};
use crate::ids::ReplicaId;
use crate::ledger::changes;
use crate::site::{Site, rot};

/// Positions in a section: some 20 KB, a second or two on the slowest line.
const POSITIONS: i64 = 512;
/// Bytes of all sections that are kept: a month of a large territory.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// The sections of one hub. Clones share them.
#[derive(Clone, Debug)]
pub struct Sections {
    positions: i64,
    /// Held while a section is made: of many laptops that need it at once, one has it made.
    making: Arc<tokio::sync::Mutex<()>>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// What had left the ledger when these were made.
    removals: i64,
    /// By the position before each.
    sections: BTreeMap<i64, Arc<[u8]>>,
    bytes: usize,
}

impl Default for Sections {
    fn default() -> Self {
        Self::of(POSITIONS)
    }
}

impl Sections {
    /// Sections of so many positions; tests make them short.
    #[must_use]
    pub fn of(positions: i64) -> Self {
        Self {
            positions,
            making: Arc::default(),
            kept: Arc::default(),
        }
    }

    /// Where the section after a position ends, if there is one and the ledger has all of it.
    pub(super) fn end(&self, after: i64, last: i64) -> Option<i64> {
        let end = after + self.positions;
        (after > 0 && after % self.positions == 0 && end <= last).then_some(end)
    }

    /// How far a laptop is to be answered by itself: up to the next section.
    pub(super) fn limit(&self, after: i64, last: i64) -> i64 {
        let next = (after / self.positions + 1) * self.positions;
        if next + self.positions <= last {
            next
        } else {
            last
        }
    }

    /// The bytes of the section after a position, which [`Self::end`] has said to be there.
    pub(super) async fn bytes(&self, site: &Site, after: i64) -> Result<Arc<[u8]>, ExchangeError> {
        let removals = site.read(|c| Ok(changes::removals(c)?)).await?;
        if let Some(bytes) = self.kept(removals, after) {
            return Ok(bytes);
        }
        let _alone = self.making.lock().await;
        if let Some(bytes) = self.kept(removals, after) {
            return Ok(bytes);
        }
        let (removals, bytes) = self.make(site, after).await?;
        self.keep(removals, after, &bytes);
        Ok(bytes)
    }

    fn kept(&self, removals: i64, after: i64) -> Option<Arc<[u8]>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let section = kept.sections.get(&after)?;
        (kept.removals == removals).then(|| section.clone())
    }

    fn keep(&self, removals: i64, after: i64, bytes: &Arc<[u8]>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.removals != removals {
            *kept = Kept {
                removals,
                ..Kept::default()
            };
        }
        // The oldest are those that the fewest laptops still need.
        while kept.bytes + bytes.len() > BYTES_MAX
            && let Some((_, oldest)) = kept.sections.pop_first()
        {
            kept.bytes -= oldest.len();
        }
        kept.bytes += bytes.len();
        if let Some(before) = kept.sections.insert(after, bytes.clone()) {
            kept.bytes -= before.len();
        }
    }

    async fn make(&self, site: &Site, after: i64) -> Result<(i64, Arc<[u8]>), ExchangeError> {
        let end = after + self.positions;
        let nobody = ReplicaId(uuid::Uuid::nil());
        // What one who has everything before has: whoever wrote it.
        let known = Known {
            upto: after,
            receiver: nobody,
        };
        let read = site
            .read(move |c| {
                let (mut batches, mut writer) = (Vec::new(), Writer::default());
                let mut reached = after;
                while reached < end {
                    let positions = reached + 1..=end;
                    let (entries, more) =
                        changes::portion_since(c, positions, nobody, BATCH_CHANGES, BATCH_BYTES)?;
                    let rotten = rot::rotten(&entries);
                    if !rotten.is_empty() {
                        return Ok(Err(rotten));
                    }
                    reached = match entries.last() {
                        Some(entry) if more => entry.seq,
                        _ => end,
                    };
                    batches.push((writer.write(c, known, &entries)?, reached));
                }
                Ok(Ok((changes::removals(c)?, batches)))
            })
            .await?;
        let (removals, batches) = match read {
            Ok(read) => read,
            Err(rotten) => {
                site.mend(rotten).await?;
                return Box::pin(self.make(site, after)).await;
            }
        };
        let mut encoder = Encoder::section(Version::Two, Effort::Thorough)?;
        encoder.push(&Tell::Anew)?;
        for (written, reached) in batches {
            written.tell(&mut encoder, reached)?;
        }
        Ok((removals, encoder.finish()?.into()))
    }
}
