//! Taking what was carved out of a damaged database: every change that is still itself, whatever stands around it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Foreign, Site, SiteError};
use crate::document::{Kind, foreign};
use crate::ids::{DocumentId, ReplicaId};
use crate::ledger::carve::CarvedChange;

/// Changes taken in one transaction.
const PORTION: usize = 500;

impl Site {
    /// Takes carved changes, each under the replica that it came from, and answers how many. What does not fit its own
    /// checksum is left out, as is what belongs to no document whose kind is known: by the first of its changes, which
    /// build on the genesis of that kind, or else by `kinds`.
    ///
    /// # Errors
    /// What the store says.
    pub async fn salvage(
        &self,
        carved: Vec<CarvedChange>,
        kinds: &HashMap<DocumentId, BTreeSet<u8>>,
    ) -> Result<u64, SiteError> {
        let mut taken = 0;
        let mut portion = Vec::new();
        let mut by_document: BTreeMap<DocumentId, Vec<CarvedChange>> = BTreeMap::new();
        for change in carved {
            by_document.entry(change.document).or_default().push(change);
        }
        for (document, changes) in by_document {
            let Some(kind) = kind_of(document, &changes, kinds) else {
                tracing::warn!(%document, changes = changes.len(), "of an unknown kind, not saved");
                continue;
            };
            portion.extend(changes.into_iter().map(|change| (kind, change)));
            if portion.len() >= PORTION {
                taken += self.take_portion(std::mem::take(&mut portion)).await?;
            }
        }
        Ok(taken + self.take_portion(portion).await?)
    }

    async fn take_portion(&self, portion: Vec<(Kind, CarvedChange)>) -> Result<u64, SiteError> {
        let mut by_origin: BTreeMap<ReplicaId, Vec<Foreign>> = BTreeMap::new();
        for (kind, change) in portion {
            let CarvedChange {
                document,
                origin,
                bytes,
                ..
            } = change;
            if foreign::parse(document, kind, bytes.clone()).is_ok() {
                by_origin.entry(origin).or_default().push(Foreign {
                    document,
                    kind: kind.number(),
                    bytes,
                });
            }
        }
        self.write(move |work| {
            let mut taken = 0;
            for (origin, batch) in by_origin {
                taken += work.receive(origin, batch, |_| true)?.taken;
            }
            Ok(taken)
        })
        .await
    }
}

fn kind_of(
    document: DocumentId,
    changes: &[CarvedChange],
    kinds: &HashMap<DocumentId, BTreeSet<u8>>,
) -> Option<Kind> {
    let mut by_genesis = changes
        .iter()
        .filter_map(|change| foreign::kind_by_genesis(document, &change.bytes));
    by_genesis.next().or_else(|| {
        let mut known = kinds
            .get(&document)?
            .iter()
            .filter_map(|n| Kind::from_number(*n));
        known.next().filter(|_| known.next().is_none())
    })
}
