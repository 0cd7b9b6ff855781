//! Receipts: what a hub signs of its ledger, so that a laptop can prove later that the hub once had more.
//!
//! A receipt says: « in this epoch, at this position, where this change stands, my ledger had this fingerprint ». A
//! laptop keeps the last one whose fingerprint it found true, in the transaction that found it. It shows it when the
//! hub stands at an earlier position than the laptop knows of, or cannot be proved equal; and a hub that finds its own
//! signature on what it has no memory of knows that it was restored from an older copy, and begins a new epoch.
//!
//! Of a receipt only what the laptop cannot know travels down: the mark and the signature. The rest is in the frames
//! around it, or follows from what the laptop then has.
//!
//! A receipt vouches for the catalog as well, by a digest of its changes. A hub takes no change of the catalog from a
//! laptop; but those that it wrote itself and then forgot, it takes back from a laptop that shows them to be all that
//! the receipt was signed for.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

use super::position::{self, Epoch};
use crate::domain::catalog::catalog_id;
use crate::ids::ReplicaId;
use crate::ledger::changes::{self, Hash};
use crate::ledger::{Fingerprint, LedgerError, hub_key, replica};
use crate::time::Timestamp;

const KEPT: &str = "exchange.receipt";
/// Position in the laptop's own ledger when it kept the receipt.
const KEPT_AT: &str = "exchange.receipt_at";
const RESTORED: &str = "exchange.restored";
/// What is signed begins with this.
const CONTEXT: &[u8] = b"maison receipt 1\0";

/// The first bytes of the hash of what stands at a position: enough to tell two histories apart. Zeros where the hub
/// could not say.
pub type Mark = [u8; 8];

/// What a hub said of its ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Receipt {
    /// The hub's replica id.
    #[n(0)]
    hub: ByteArray<16>,
    /// Its epoch.
    #[n(1)]
    epoch: ByteArray<16>,
    /// Its last position.
    #[n(2)]
    pub position: i64,
    /// The change or erasure that stands there.
    #[n(3)]
    mark: ByteArray<8>,
    /// The fingerprint of everything up to there.
    #[n(4)]
    fingerprint: ByteArray<40>,
    /// When the hub said so, by its clock, in milliseconds since 1970.
    #[n(5)]
    at_ms: i64,
    /// SHA-256 of the hashes of the catalog's changes, in their order as bytes.
    #[n(6)]
    catalog: ByteArray<32>,
    /// Its Ed25519 signature.
    #[n(7)]
    signature: ByteArray<64>,
}

/// What of a receipt travels down; see [`super::frame::Tell::Receipt`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReceiptFrame {
    /// The change or erasure that stands at the position of `Done`.
    #[n(0)]
    pub mark: ByteArray<8>,
    /// The hub's Ed25519 signature of the receipt.
    #[n(1)]
    pub signature: ByteArray<64>,
}

/// A hub, in one epoch, at one position, at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    /// The hub's replica id.
    pub hub: ReplicaId,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its last position.
    pub position: i64,
    /// The fingerprint of everything up to there.
    pub fingerprint: Fingerprint,
    /// When, by its clock.
    pub at: Timestamp,
    /// The digest of the catalog's changes: [`catalog_digest`].
    pub catalog: Hash,
}

impl Receipt {
    /// The receipt for a stand, as it came from the hub.
    #[must_use]
    pub fn of(stand: &Stand, frame: &ReceiptFrame) -> Self {
        Self {
            hub: ByteArray::from(*stand.hub.as_bytes()),
            epoch: ByteArray::from(stand.epoch.0),
            position: stand.position,
            mark: frame.mark,
            fingerprint: ByteArray::from(stand.fingerprint.to_bytes()),
            at_ms: stand.at.0,
            catalog: ByteArray::from(stand.catalog),
            signature: frame.signature,
        }
    }

    /// Signs one.
    #[must_use]
    pub fn sign(stand: &Stand, mark: Mark, key: &SigningKey) -> Self {
        let unsigned = ReceiptFrame {
            mark: ByteArray::from(mark),
            signature: ByteArray::from([0; 64]),
        };
        let mut receipt = Self::of(stand, &unsigned);
        receipt.signature = ByteArray::from(key.sign(&receipt.message()).to_bytes());
        receipt
    }

    /// What of it travels down.
    #[must_use]
    pub fn to_frame(&self) -> ReceiptFrame {
        ReceiptFrame {
            mark: self.mark,
            signature: self.signature,
        }
    }

    /// Whether `key` signed it.
    #[must_use]
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        let signature = Signature::from_bytes(&self.signature);
        key.verify_strict(&self.message(), &signature).is_ok()
    }

    /// The hub's replica id.
    #[must_use]
    pub fn hub(&self) -> ReplicaId {
        ReplicaId(uuid::Uuid::from_bytes(*self.hub))
    }

    /// The hub's epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(*self.epoch)
    }

    /// When the hub said so, by its clock.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        Timestamp(self.at_ms)
    }

    fn message(&self) -> Vec<u8> {
        [
            CONTEXT,
            self.hub.as_slice(),
            self.epoch.as_slice(),
            &self.position.to_be_bytes(),
            self.mark.as_slice(),
            self.fingerprint.as_slice(),
            &self.at_ms.to_be_bytes(),
            self.catalog.as_slice(),
        ]
        .concat()
    }
}

/// Keeps a receipt on a laptop, in the place of the one before, if its hub signed it; false if not.
pub(super) fn keep(connection: &Connection, receipt: &Receipt) -> Result<bool, LedgerError> {
    let is_true = hub_key::known(connection)?.is_some_and(|key| receipt.is_signed_by(&key));
    if is_true {
        let bytes = minicbor::to_vec(receipt).map_err(|_| LedgerError::Damaged(KEPT))?;
        replica::set(connection, KEPT, &bytes)?;
        replica::set_number(connection, KEPT_AT, changes::last_seq(connection)?)?;
    }
    Ok(is_true)
}

/// The hub's last receipt that this laptop found true; `None` before the first.
///
/// # Errors
/// When the row is damaged.
pub fn kept(connection: &Connection) -> Result<Option<Receipt>, LedgerError> {
    let bytes = replica::get(connection, KEPT)?;
    bytes
        .map(|bytes| minicbor::decode(&bytes).map_err(|_| LedgerError::Damaged(KEPT)))
        .transpose()
}

/// The hashes of the catalog's changes in this ledger up to its position `upto`, less those that the hub refused, in
/// their order as bytes and one after another.
pub(super) fn catalog_hashes(connection: &Connection, upto: i64) -> Result<Vec<u8>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT hash FROM change WHERE document = ?1 AND seq <= ?2
         AND hash NOT IN (SELECT hash FROM exchange_difference WHERE what = 1) ORDER BY hash",
    )?;
    let mut rows = statement.query((catalog_id(), upto))?;
    let mut hashes = Vec::new();
    while let Some(row) = rows.next()? {
        hashes.extend_from_slice(&row.get::<_, Hash>(0)?);
    }
    Ok(hashes)
}

/// The digest that a receipt bears of the catalog.
pub(super) fn catalog_digest(connection: &Connection) -> Result<Hash, LedgerError> {
    Ok(Sha256::digest(catalog_hashes(connection, i64::MAX)?).into())
}

/// On a laptop whose hub lacks changes of the catalog: its last receipt, of whatever epoch, and what that one was
/// signed for.
pub(super) fn to_vouch(connection: &Connection) -> Result<Option<(Receipt, Vec<u8>)>, LedgerError> {
    let lacks_catalog = connection
        .prepare_cached(
            "SELECT 1 FROM exchange_difference JOIN change USING (hash) WHERE what = 2 AND document = ?1",
        )?
        .exists([catalog_id()])?;
    match kept(connection)? {
        Some(receipt) if lacks_catalog => {
            let upto = replica::number(connection, KEPT_AT)?;
            Ok(Some((receipt, catalog_hashes(connection, upto)?)))
        }
        _ => Ok(None),
    }
}

/// At the hub: the changes of the catalog that it once wrote, if it signed `receipt` for exactly these hashes.
pub(super) fn vouched(
    connection: &Connection,
    receipt: &Receipt,
    hub: ReplicaId,
    catalog: &[u8],
) -> Result<Vec<Hash>, LedgerError> {
    let is_own = receipt.hub() == hub
        && hub_key::own(connection)?.is_some_and(|key| receipt.is_signed_by(&key.verifying_key()))
        && Sha256::digest(catalog).as_slice() == receipt.catalog.as_slice();
    let (hashes, rest) = catalog.as_chunks::<{ size_of::<Hash>() }>();
    Ok(if is_own && rest.is_empty() {
        hashes.to_vec()
    } else {
        Vec::new()
    })
}

/// At the hub: the receipt for its ledger as it stands.
pub(super) fn own(connection: &Connection, stand: &Stand) -> Result<Option<Receipt>, LedgerError> {
    let Some(key) = hub_key::own(connection)? else {
        return Ok(None);
    };
    let mark = mark_at(connection, stand.position)?.unwrap_or_default();
    Ok(Some(Receipt::sign(stand, mark, &key)))
}

/// That a hub found out by itself that it had been restored from an older copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Restored {
    /// When it found out, in milliseconds since 1970.
    #[n(0)]
    at_ms: i64,
    /// The laptop that showed it the receipt.
    #[n(1)]
    laptop: ByteArray<16>,
    /// The position of the receipt.
    #[n(2)]
    pub shown: i64,
    /// The hub's last position then.
    #[n(3)]
    pub held: i64,
}

impl Restored {
    /// When it found out.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        Timestamp(self.at_ms)
    }

    /// The laptop that showed it the receipt.
    #[must_use]
    pub fn laptop(&self) -> ReplicaId {
        ReplicaId(uuid::Uuid::from_bytes(*self.laptop))
    }
}

/// At the hub: begins a new epoch if `receipt`, which `laptop` shows, proves that this ledger is an older copy; says
/// whether it did. A receipt of another hub or another epoch proves nothing.
pub(super) fn weigh(
    connection: &Connection,
    receipt: &Receipt,
    (hub, laptop): (ReplicaId, ReplicaId),
    now: Timestamp,
) -> Result<bool, LedgerError> {
    let is_of_this_life = receipt.hub() == hub
        && position::own_epoch(connection)? == Some(receipt.epoch())
        && hub_key::own(connection)?.is_some_and(|key| receipt.is_signed_by(&key.verifying_key()));
    if !is_of_this_life || !is_forgotten(connection, receipt)? {
        return Ok(false);
    }
    position::renew_own_epoch(connection)?;
    let restored = Restored {
        at_ms: now.0,
        laptop: ByteArray::from(*laptop.as_bytes()),
        shown: receipt.position,
        held: changes::last_seq(connection)?,
    };
    let bytes = minicbor::to_vec(restored).map_err(|_| LedgerError::Damaged(RESTORED))?;
    replica::set(connection, RESTORED, &bytes)?;
    Ok(true)
}

/// When a hub last found out by itself that it had been restored, and how; `None` when it never has.
///
/// # Errors
/// When the row is damaged.
pub fn last_restored(connection: &Connection) -> Result<Option<Restored>, LedgerError> {
    let bytes = replica::get(connection, RESTORED)?;
    bytes
        .map(|bytes| minicbor::decode(&bytes).map_err(|_| LedgerError::Damaged(RESTORED)))
        .transpose()
}

/// Whether this ledger has never been where the receipt says.
fn is_forgotten(connection: &Connection, receipt: &Receipt) -> Result<bool, LedgerError> {
    if receipt.position > changes::last_seq(connection)? {
        return Ok(true);
    }
    // What stood there may have been erased since: that proves nothing.
    let mark = mark_at(connection, receipt.position)?;
    Ok(*receipt.mark != Mark::default() && mark.is_some_and(|mark| mark != *receipt.mark))
}

fn mark_at(connection: &Connection, position: i64) -> Result<Option<Mark>, LedgerError> {
    let hash: Option<Hash> = connection
        .prepare_cached(
            "SELECT hash FROM change WHERE seq = ?1 UNION ALL SELECT hash FROM erasure WHERE seq = ?1",
        )?
        .query_row([position], |row| row.get(0))
        .optional()?;
    Ok(hash.and_then(|hash| hash.first_chunk().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand() -> Stand {
        Stand {
            hub: ReplicaId(uuid::Uuid::from_u128(1)),
            epoch: Epoch([2; 16]),
            position: 17,
            fingerprint: Fingerprint::default(),
            at: Timestamp(1_795_681_500_000),
            catalog: [4; 32],
        }
    }

    #[test]
    fn a_receipt_is_put_together_from_what_travels_and_what_is_known() {
        let key = SigningKey::from_bytes(&[5; 32]);
        let receipt = Receipt::sign(&stand(), [3; 8], &key);
        assert!(receipt.is_signed_by(&key.verifying_key()));
        let heard = Receipt::of(&stand(), &receipt.to_frame());
        assert_eq!(heard, receipt);
        let travels = minicbor::to_vec(receipt.to_frame()).unwrap();
        assert!(travels.len() <= 76, "{}", travels.len());
    }

    #[test]
    fn whatever_is_altered_the_receipt_is_nobodys() {
        let key = SigningKey::from_bytes(&[5; 32]);
        let frame = Receipt::sign(&stand(), [3; 8], &key).to_frame();
        let others = [
            Stand {
                hub: ReplicaId(uuid::Uuid::from_u128(9)),
                ..stand()
            },
            Stand {
                epoch: Epoch([9; 16]),
                ..stand()
            },
            Stand {
                position: 18,
                ..stand()
            },
            Stand {
                at: Timestamp(0),
                ..stand()
            },
            Stand {
                catalog: [9; 32],
                ..stand()
            },
        ];
        for other in others {
            let receipt = Receipt::of(&other, &frame);
            assert!(!receipt.is_signed_by(&key.verifying_key()), "{other:?}");
        }
        let other = ReceiptFrame {
            mark: ByteArray::from([4; 8]),
            ..frame
        };
        assert!(!Receipt::of(&stand(), &other).is_signed_by(&key.verifying_key()));
    }
}
