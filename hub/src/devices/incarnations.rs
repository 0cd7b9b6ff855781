//! Incarnations: how a copy of a laptop, or an old image of its disk, gets a replica id of its own.
//!
//! It keeps the laptop's key and name. What a copy is and how it is noticed stands in `shared::joining::lease`.

use rusqlite::Connection;
use shared::ids::ReplicaId;
use shared::joining::signature::Nonce;
use shared::ledger::LedgerError;
use shared::time::Timestamp;

use super::{Device, find};

/// What becomes of a copy that asks for an id of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Incarnated {
    /// It bears that id from now on, and its first request is expected over this nonce.
    Now(Nonce),
    /// The same again: its answer was lost, for it has not yet asked for anything under that id.
    Before(Nonce),
    /// The id is somebody's: the copy draws another one.
    Taken,
}

/// Registers `incarnation` under the key and the name of `former`; `nonce` is for its first request.
///
/// # Errors
/// What SQLite says.
pub(crate) fn incarnate(
    connection: &Connection,
    former: &Device,
    incarnation: ReplicaId,
    nonce: Nonce,
    at: Timestamp,
) -> Result<Incarnated, LedgerError> {
    if let Some(known) = find(connection, incarnation)? {
        let is_unused = known.nonce_before.is_none() && known.revoked.is_none();
        let is_same =
            known.incarnation_of == Some(former.replica) && known.public_key == former.public_key;
        return Ok(if is_same && is_unused {
            Incarnated::Before(known.nonce)
        } else {
            Incarnated::Taken
        });
    }
    connection.execute(
        "INSERT INTO device (replica, name, public_key, enrolled, nonce, last_contact, incarnation_of)
         VALUES (?1, ?2, ?3, ?4, ?5, ?4, ?6)",
        (
            incarnation,
            &former.name,
            former.public_key.as_bytes(),
            at.0,
            nonce.0,
            former.replica,
        ),
    )?;
    Ok(Incarnated::Now(nonce))
}
