//! Trying again what was set aside: once when another version of the program opens the site, or when somebody asks.

use std::collections::BTreeMap;

use super::{Foreign, Site, SiteError, Work};
use crate::document::Kind;
use crate::ids::ReplicaId;
use crate::ledger::quarantine::{self, Again, Held};

/// Changes tried again in one transaction: pages go on being served in between.
const PORTION: usize = 200;

/// What became of changes that were tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Found their place, or have none any more because their document was erased.
    pub released: u64,
    /// Still cannot be taken.
    pub kept: u64,
}

impl Site {
    /// Tries again what was set aside, each change once. `may_write` is as in [`Work::receive`].
    ///
    /// # Errors
    /// What the store says.
    pub async fn retry_quarantine(
        &self,
        again: Again,
        may_write: fn(Kind) -> bool,
    ) -> Result<Retried, SiteError> {
        let mut retried = Retried::default();
        let mut after = 0;
        loop {
            let held = self
                .read(move |c| Ok(quarantine::held(c, again, after, PORTION)?))
                .await?;
            let Some(last) = held.last() else {
                break;
            };
            after = last.number;
            let portion = self.write(move |work| work.retry(held, may_write)).await?;
            retried.released += portion.released;
            retried.kept += portion.kept;
        }
        if retried.released > 0 {
            tracing::info!(retried.released, "taken out of quarantine");
        }
        Ok(retried)
    }
}

impl Work<'_> {
    fn retry(
        &mut self,
        held: Vec<Held>,
        may_write: fn(Kind) -> bool,
    ) -> Result<Retried, SiteError> {
        let mut by_origin: BTreeMap<ReplicaId, Vec<Held>> = BTreeMap::new();
        for change in held {
            by_origin.entry(change.origin).or_default().push(change);
        }
        let mut retried = Retried::default();
        for (origin, held) in by_origin {
            let batch = held.iter().map(|change| Foreign {
                document: change.document,
                kind: change.kind,
                bytes: change.bytes.clone(),
            });
            let received = self.receive(origin, batch.collect(), may_write)?;
            for change in held {
                let is_kept = received
                    .refused
                    .iter()
                    .any(|(hash, _)| *hash == change.hash);
                if is_kept {
                    retried.kept += 1;
                } else {
                    quarantine::release(self.tx, change.number)?;
                    retried.released += 1;
                }
            }
        }
        Ok(retried)
    }
}
