//! Records of erasures on their way: the frame that holds one, and what a laptop does when it hears of one.

use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use rusqlite::Connection;

use super::position::{self, Position};
use crate::ids::{AgentId, DocumentId};
use crate::ledger::LedgerError;
use crate::ledger::erasures::Erasure;
use crate::time::Timestamp;

/// Records in one frame: some 30 KB.
pub(super) const RECORDS_MAX: usize = 200;
/// Bytes that a record takes in a body, at most.
pub(super) const RECORD_BYTES: usize = 180;

/// The record of one erasure.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Erased {
    /// The document.
    #[n(0)]
    pub document: ByteArray<16>,
    /// The document that it was an alias of.
    #[n(1)]
    pub merged_into: Option<ByteArray<16>>,
    /// When it was erased, in milliseconds since 1970.
    #[n(2)]
    pub at_ms: i64,
    /// By whom.
    #[n(3)]
    pub by: ByteArray<16>,
    /// Code of the reason.
    #[n(4)]
    pub reason: String,
    /// The hub's signature.
    #[n(5)]
    pub signature: ByteArray<64>,
}

impl From<Erasure> for Erased {
    fn from(erasure: Erasure) -> Self {
        Self {
            document: ByteArray::from(*erasure.document.as_bytes()),
            merged_into: erasure
                .merged_into
                .map(|id| ByteArray::from(*id.as_bytes())),
            at_ms: erasure.at.0,
            by: ByteArray::from(*erasure.by.as_bytes()),
            reason: erasure.reason,
            signature: ByteArray::from(erasure.signature),
        }
    }
}

impl From<Erased> for Erasure {
    fn from(erased: Erased) -> Self {
        let id = |bytes: ByteArray<16>| DocumentId(uuid::Uuid::from_bytes(*bytes));
        Self {
            document: id(erased.document),
            merged_into: erased.merged_into.map(id),
            at: Timestamp(erased.at_ms),
            by: AgentId(uuid::Uuid::from_bytes(*erased.by)),
            reason: erased.reason,
            signature: *erased.signature,
        }
    }
}

/// Forgets in which changes of a document the hub differs, before the document is erased on this laptop; answers how
/// many changes were written here that the hub does not have, because it has not heard or not taken them.
pub(super) fn let_go(connection: &Connection, document: DocumentId) -> Result<u64, LedgerError> {
    let Position { acked, hub, .. } = position::position(connection)?;
    let lost: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM change WHERE document = ?1 AND origin <> ?2 AND (seq > ?3
             OR hash IN (SELECT hash FROM exchange_difference WHERE what = 1))",
        )?
        .query_row((document, hub, acked), |row| row.get(0))?;
    connection
        .prepare_cached(
            "DELETE FROM exchange_difference WHERE hash IN
             (SELECT hash FROM change WHERE document = ?1
              UNION ALL SELECT hash FROM quarantine WHERE document = ?1)",
        )?
        .execute([document])?;
    Ok(lost.unsigned_abs())
}
