//! What the records of an envelope hold, in CBOR. Types only.
//!
//! Numbers of variants and fields never change; what is added is optional.

use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

use crate::exchange::position::Epoch;
use crate::exchange::upload::Upload;
use crate::ids::ReplicaId;
use crate::ledger::changes::Hash;

/// The first record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub(super) enum Head {
    /// A laptop's file for its hub.
    #[n(0)]
    Up(#[n(0)] UpHead),
    /// The hub's return file for a laptop.
    #[n(1)]
    Down(#[n(0)] DownHead),
}

/// Who writes to whom, and where the laptop stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct UpHead {
    /// The laptop.
    #[n(0)]
    pub(super) laptop: ByteArray<16>,
    /// Its hub.
    #[n(1)]
    pub(super) hub: ByteArray<16>,
    /// When the file was made, by the laptop's clock, in milliseconds since 1970.
    #[n(2)]
    pub(super) made_ms: i64,
    /// The hub's epoch that the laptop follows; none before its first exchange.
    #[n(3)]
    pub(super) epoch: Option<ByteArray<16>>,
    /// Position in the hub's ledger up to which the laptop has everything.
    #[n(4)]
    pub(super) cursor: i64,
    /// The age recipient to which the return file is to be encrypted.
    #[n(5)]
    pub(super) reply_to: String,
}

/// Who writes to whom, and which state of the laptop is answered.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct DownHead {
    /// The hub.
    #[n(0)]
    pub(super) hub: ByteArray<16>,
    /// The laptop.
    #[n(1)]
    pub(super) laptop: ByteArray<16>,
    /// When the file was made, by the hub's clock, in milliseconds since 1970.
    #[n(2)]
    pub(super) made_ms: i64,
    /// The epoch that the laptop's file named.
    #[n(3)]
    pub(super) answers_epoch: Option<ByteArray<16>>,
    /// The cursor that the laptop's file named.
    #[n(4)]
    pub(super) answers_cursor: i64,
}

/// The end of a laptop's file.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct UpTail {
    /// What the hub's fingerprint would be if it had nothing but what the laptop knows of, this file included.
    #[n(0)]
    pub(super) expected: ByteArray<40>,
    /// How many changes the file holds.
    #[n(1)]
    pub(super) changes: u64,
}

/// The end of a return file.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct DownTail {
    /// The hub's last position: the laptop stands there once it has taken the file.
    #[n(0)]
    pub(super) cursor: i64,
    /// Whether the file holds the hub's whole ledger, rather than what is new for the laptop.
    #[n(1)]
    pub(super) is_whole: bool,
    /// The hub's epoch: a new one where the laptop's file has shown that the hub was restored.
    #[n(2)]
    pub(super) epoch: ByteArray<16>,
}

/// What a laptop notes of each body that it sends. The hub gives it back unread, so the laptop keeps nothing.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Note {
    /// How many changes the body holds.
    #[n(0)]
    pub(super) changes: u64,
    /// Position in the laptop's ledger up to which the hub has everything once it has the bodies up to this one.
    #[n(1)]
    pub(super) upto: i64,
    /// Those among the changes that the hub was known to lack.
    #[n(2)]
    pub(super) lacked: Vec<ByteArray<32>>,
    /// The laptop's last change at or before that position: another one there tells of an old image of its disk.
    #[n(3)]
    pub(super) mark: Option<Mark>,
}

/// A change at its place in the laptop's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Mark {
    /// Its position.
    #[n(0)]
    pub(super) seq: i64,
    /// Its hash.
    #[n(1)]
    pub(super) hash: ByteArray<32>,
}

impl Note {
    pub(super) fn of(upload: &Upload, mark: Option<(i64, Hash)>) -> Self {
        Self {
            changes: upload.changes,
            upto: upload.upto,
            lacked: upload.lacked.iter().copied().map(ByteArray::from).collect(),
            mark: mark.map(|(seq, hash)| Mark {
                seq,
                hash: ByteArray::from(hash),
            }),
        }
    }

    /// What the hub confirms when it answers the body.
    pub(super) fn into_upload(self) -> Upload {
        Upload {
            changes: self.changes,
            upto: self.upto,
            lacked: self.lacked.into_iter().map(|hash| *hash).collect(),
            ..Upload::default()
        }
    }
}

pub(super) fn id(bytes: ByteArray<16>) -> ReplicaId {
    ReplicaId(uuid::Uuid::from_bytes(*bytes))
}

pub(super) fn id_bytes(id: ReplicaId) -> ByteArray<16> {
    ByteArray::from(*id.as_bytes())
}

pub(super) fn epoch(bytes: ByteArray<16>) -> Epoch {
    Epoch(*bytes)
}
