//! The frames of an exchange: what a laptop says and what the hub answers. Types only; `wire` turns them into bytes.
//!
//! Arrays without names, so that a frame costs few bytes. Numbers of variants and positions of fields are sent:
//! within one version of the protocol they never change.

use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};

use super::backed_up::Backup;
use super::erased::Erased;
use super::receipt::{Receipt, ReceiptFrame};
use super::wire::bounded;
use crate::ids::{DocumentId, ReplicaId};
use crate::ledger::changes::{Entry, Hash};
use crate::site::Foreign;

/// What a laptop sends: one `Hello`, any number of `Erased`, then of `Changes` or of `Fresh` and `Short`, then one of the
/// others, which ends the request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Ask {
    /// Where the laptop stands with this hub.
    #[n(0)]
    Hello {
        /// The hub's epoch as the laptop knows it; none before the first exchange.
        #[n(0)]
        epoch: Option<ByteArray<16>>,
        /// Position in the hub's ledger up to which the laptop has everything.
        #[n(1)]
        cursor: i64,
        /// From version 2 on: the position of the hub's last receipt that the laptop has, where it is not the cursor.
        #[n(2)]
        receipt: Option<i64>,
        /// From version 2 on: the answer is to hold plain changes, since its short form could not be read.
        #[n(3)]
        is_plain: Option<bool>,
        /// From version 2 on: the laptop joined when hubs had no key, and wants to know it.
        #[n(4)]
        lacks_key: Option<bool>,
        /// From version 2 on: the moment of the newest verified backup that the laptop knows of, in milliseconds since 1970.
        #[n(5)]
        backup: Option<i64>,
    },
    /// Changes that the hub may lack.
    #[n(1)]
    Changes(#[n(0)] Batch),
    /// Ends the request: « what is new, and are we equal? »
    #[n(2)]
    News,
    /// Ends the request: one message of the reconciliation.
    #[n(3)]
    Ranges(#[n(0)] ByteVec),
    /// Ends the request: « give me the changes with these hashes ».
    #[n(4)]
    Want(
        #[n(0)]
        #[cbor(decode_with = "bounded")]
        Vec<ByteArray<32>>,
    ),
    /// From version 2 on, before any changes: erasures that the hub has lost since.
    #[n(6)]
    Erased(
        #[n(0)]
        #[cbor(decode_with = "bounded")]
        Vec<Erased>,
    ),
    /// From version 2 on, before any changes: what the hub once signed, since it seems to have forgotten it.
    #[n(7)]
    Receipt {
        /// The receipt.
        #[n(0)]
        receipt: Receipt,
        /// Where changes of the catalog follow: the hashes that the receipt's digest was made of, 32 bytes each.
        #[n(1)]
        catalog: Option<ByteVec>,
    },
    /// From version 2 on, ends the request: like `News`, but the hub may hold its answer until it has something to say.
    #[n(8)]
    Await,
    /// From version 2 on: changes that the hub may lack, in short form; the fresh bytes that they need come before.
    #[n(5)]
    Short(#[n(0)] Rows),
    /// From version 2 on: what the rows of the next frame need.
    #[n(9)]
    Fresh(#[n(0)] Fresh),
}

/// What the hub answers: any number of `Refused`, one `Welcome`, any number of `Erased` and of `Changes` or `Fresh` and
/// `Short`, then one of the others, which ends the response.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Tell {
    /// Changes of this request that the hub set aside.
    #[n(0)]
    Refused(
        #[n(0)]
        #[cbor(decode_with = "bounded")]
        Vec<Refusal>,
    ),
    /// The hub has on its disk everything that the request held, save what it refused.
    #[n(1)]
    Welcome {
        /// The hub and its epoch, where the laptop named another epoch or none.
        #[n(0)]
        place: Option<PlaceFrame>,
        /// The hub's time, in milliseconds since 1970.
        #[n(1)]
        now_ms: i64,
        /// From version 2 on, where the laptop lacks it: the hub's Ed25519 public key.
        #[n(2)]
        key: Option<ByteArray<32>>,
        /// From version 2 on, where the answer is long: the hub's last position, for a progress bar.
        #[n(3)]
        last: Option<i64>,
    },
    /// Changes that the laptop may lack.
    #[n(2)]
    Changes(#[n(0)] Batch),
    /// Ends the answer to `News`: position and fingerprint of the hub's ledger, from one snapshot.
    #[n(3)]
    Done {
        /// The position up to which everything has been sent.
        #[n(0)]
        cursor: i64,
        /// The 40 bytes of the fingerprint.
        #[n(1)]
        fingerprint: ByteArray<40>,
    },
    /// Ends the answer: there is more than one response may hold; ask again.
    #[n(4)]
    Again,
    /// Ends the answer to `Ranges`.
    #[n(5)]
    Ranges {
        /// The position of the hub's ledger when it compared.
        #[n(0)]
        cursor: i64,
        /// The answering message of the reconciliation.
        #[n(1)]
        message: ByteVec,
    },
    /// Ends the answer to `Want`: that was all.
    #[n(6)]
    Given,
    /// From version 2 on, just before `Done`, where the laptop has no receipt for that position: the hub's signature of
    /// `Done`, of the time of `Welcome`, and of the change that stands there.
    #[n(9)]
    Receipt(#[n(0)] ReceiptFrame),
    /// From version 2 on, before `Done`: a newer verified backup than the laptop knows of.
    #[n(13)]
    Backup(#[n(0)] Backup),
    /// From version 2 on: changes that the laptop may lack, in short form.
    #[n(7)]
    Short(#[n(0)] Rows),
    /// From version 2 on: what the rows of the next frame need.
    #[n(10)]
    Fresh(#[n(0)] Fresh),
    /// From version 2 on: the tables of the short form begin anew, since what follows is the same for every laptop.
    #[n(12)]
    Anew,
    /// The whole answer, from version 2 on: the request's short form could not be read and is to be sent as plain
    /// changes. Nothing of it counts as confirmed.
    #[n(11)]
    Unclear,
    /// From version 2 on, before the changes of the same look at the ledger: erasures that the laptop may lack.
    #[n(8)]
    Erased(
        #[n(0)]
        #[cbor(decode_with = "bounded")]
        Vec<Erased>,
    ),
}

/// The random bytes of a batch in short form (see [`super::short`]).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Fresh {
    /// What the batch is recognised by.
    #[n(0)]
    pub digest: ByteArray<8>,
    /// The bytes, in the order in which the rows need them.
    #[n(1)]
    pub bytes: ByteVec,
}

/// The rows of a batch in short form (see [`super::short`]).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Rows {
    /// From the hub: the position up to which the laptop has everything once it has these.
    #[n(0)]
    pub cursor: Option<i64>,
    /// One row for each change.
    #[n(1)]
    pub bytes: ByteVec,
}

/// The hub and its epoch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PlaceFrame {
    /// The hub's replica id.
    #[n(0)]
    pub hub: ByteArray<16>,
    /// Its epoch.
    #[n(1)]
    pub epoch: ByteArray<16>,
}

/// One change that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Refusal {
    /// Its hash.
    #[n(0)]
    pub hash: ByteArray<32>,
    /// Why, in plain French.
    #[n(1)]
    pub reason: String,
}

/// Changes in their sender's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Batch {
    /// From the hub: the position up to which the laptop has everything once it has these.
    #[n(0)]
    pub cursor: Option<i64>,
    /// The changes, neighbours of one document together.
    #[n(1)]
    #[cbor(decode_with = "bounded")]
    pub runs: Vec<Run>,
}

/// Neighbouring changes of one document.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Run {
    /// The document.
    #[n(0)]
    pub document: ByteArray<16>,
    /// Its kind number.
    #[n(1)]
    pub kind: u8,
    /// Each change's bytes.
    #[n(2)]
    #[cbor(decode_with = "bounded")]
    pub changes: Vec<ByteVec>,
}

impl Batch {
    /// Makes a batch of ledger entries, keeping their order.
    #[must_use]
    pub fn of(entries: Vec<Entry>, cursor: Option<i64>) -> Self {
        let mut runs: Vec<Run> = Vec::new();
        for Entry { change, .. } in entries {
            let document = ByteArray::from(*change.document.as_bytes());
            match runs.last_mut() {
                Some(run) if run.document == document => run.changes.push(change.bytes.into()),
                _ => runs.push(Run {
                    document,
                    kind: change.kind,
                    changes: vec![change.bytes.into()],
                }),
            }
        }
        Self { cursor, runs }
    }

    /// How many changes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.runs.iter().map(|run| run.changes.len()).sum()
    }

    /// Whether it holds no change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The changes as a site receives them.
    #[must_use]
    pub fn into_foreign(self) -> Vec<Foreign> {
        let mut all = Vec::with_capacity(self.len());
        for run in self.runs {
            let document = DocumentId(uuid::Uuid::from_bytes(*run.document));
            for bytes in run.changes {
                all.push(Foreign {
                    document,
                    kind: run.kind,
                    bytes: bytes.into(),
                });
            }
        }
        all
    }
}

impl Refusal {
    /// What the hub says of one change that it set aside; long reasons are cut.
    #[must_use]
    pub fn new(hash: Hash, reason: &str) -> Self {
        /// A reason is a short sentence; a frame of refusals must stay small.
        const REASON_CHARS_MAX: usize = 200;
        Self {
            hash: ByteArray::from(hash),
            reason: reason.chars().take(REASON_CHARS_MAX).collect(),
        }
    }
}

impl PlaceFrame {
    /// The hub's replica id.
    #[must_use]
    pub fn hub_id(&self) -> ReplicaId {
        ReplicaId(uuid::Uuid::from_bytes(*self.hub))
    }
}
