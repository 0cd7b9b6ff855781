//! The laptop's side of receipts: keeps the last one that was found true, and shows it to a hub that seems to have
//! forgotten what it signed.

use ed25519_dalek::VerifyingKey;
use minicbor::bytes::{ByteArray, ByteVec};
use rusqlite::Connection;

use super::Caller;
use crate::exchange::backed_up;
use crate::exchange::frame::Ask;
use crate::exchange::position::{self, Position};
use crate::exchange::receipt::{self, Receipt, ReceiptFrame, Stand};
use crate::exchange::{ExchangeError, Version};
use crate::ledger::{Fingerprint, LedgerError, hub_key};
use crate::time::Timestamp;

/// Whether the hub seems to have forgotten something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Not so far.
    None,
    /// It does: the next request shows the receipt.
    Shows,
    /// It has been shown the receipt, which is enough for one exchange.
    Shown,
}

/// What the next request says of receipts.
pub(super) struct KnownReceipt {
    /// The last one of the hub's present life, as this laptop knows it.
    pub(super) receipt: Option<Receipt>,
    /// Its position, where the hub could not guess it.
    pub(super) to_name: Option<i64>,
    /// What vouches for the changes of the catalog that the hub lacks, if it lacks some.
    pub(super) to_vouch: Option<(Receipt, Vec<u8>)>,
    /// The laptop does not know the hub's key.
    pub(super) lacks_key: bool,
    /// The moment of the newest backup that it knows of.
    pub(super) backup: Option<i64>,
}

impl Caller {
    /// Reads what the next request says of receipts; a hub of version 1 is told nothing.
    pub(super) async fn known_receipt(
        &self,
        before: &Position,
    ) -> Result<KnownReceipt, ExchangeError> {
        let (hub, epoch) = (before.hub, before.epoch);
        let read = self.site.read(|c| {
            let lacks_key = hub_key::known(c)?.is_none();
            let backup = backed_up::known(c)?.map(|backup| backup.at_ms);
            Ok((receipt::kept(c)?, receipt::to_vouch(c)?, lacks_key, backup))
        });
        let (kept, to_vouch, lacks_key, backup) = read.await?;
        let receipt = kept.filter(|kept| kept.hub() == hub && Some(kept.epoch()) == epoch);
        let position = receipt.map_or(0, |receipt| receipt.position);
        let is_told = self.version >= Version::Two;
        Ok(KnownReceipt {
            receipt: receipt.filter(|_| is_told),
            to_name: (is_told && position != before.cursor).then_some(position),
            to_vouch: to_vouch.filter(|_| is_told),
            lacks_key: is_told && lacks_key,
            backup: backup.filter(|_| is_told),
        })
    }

    /// What the next request shows, if it does: a hub that seems to have forgotten something, its receipt; a hub that
    /// lacks changes of its own catalog, what the receipt says of them.
    pub(super) fn receipt_to_show(&mut self, known: KnownReceipt) -> Option<Ask> {
        let receipt = known.receipt.filter(|_| self.doubt == Doubt::Shows);
        if receipt.is_some() {
            self.doubt = Doubt::Shown;
        }
        let (receipt, catalog) = match (known.to_vouch, receipt) {
            (Some((receipt, catalog)), _) => (receipt, Some(ByteVec::from(catalog))),
            (None, receipt) => (receipt?, None),
        };
        Some(Ask::Receipt { receipt, catalog })
    }

    /// The hub seems to have forgotten something: says whether the next request shows it a receipt.
    pub(super) fn turn_doubtful(&mut self) -> Result<bool, ExchangeError> {
        let turns = self.doubt == Doubt::None && self.trip()?.has_receipt;
        if turns {
            self.doubt = Doubt::Shows;
        }
        Ok(turns)
    }

    /// Keeps the hub's public key where the laptop lacks it: it joined when hubs said none.
    pub(super) async fn learn_key(&self, key: Option<ByteArray<32>>) -> Result<(), ExchangeError> {
        let Some(key) = key else {
            return Ok(());
        };
        let key = VerifyingKey::from_bytes(&key).map_err(|_| ExchangeError::Malformed)?;
        self.site
            .write(move |work| {
                let c = work.connection();
                if hub_key::known(c)?.is_none() {
                    hub_key::keep(c, &key)?;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }
}

/// Keeps a receipt for where this laptop stands with the hub by now.
pub(super) fn keep(
    connection: &Connection,
    frame: &ReceiptFrame,
    (position, fingerprint): (i64, Fingerprint),
    at: Timestamp,
) -> Result<(), LedgerError> {
    let place = position::position(connection)?;
    let Some(epoch) = place.epoch else {
        return Ok(());
    };
    let stand = Stand {
        hub: place.hub,
        epoch,
        position,
        fingerprint,
        at,
        catalog: receipt::catalog_digest(connection)?,
    };
    if !receipt::keep(connection, &Receipt::of(&stand, frame))? {
        tracing::warn!("a receipt does not bear the signature of this laptop's hub");
    }
    Ok(())
}
