//! What a ledger holds in the order of time and hash, in which two ledgers are compared. Read in place: nothing here
//! grows with the ledger.

use std::ops::ControlFlow;

use rusqlite::Connection;

use super::LedgerError;
use super::changes::Hash;
use crate::ids::ReplicaId;

/// A time, in milliseconds since 1970 and never before, and a hash.
pub type Placed = (u64, Hash);

/// The part of the ledger that is compared.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Changes up to this position,
    pub upto: i64,
    /// and those that came from here, wherever they stand.
    pub origin: ReplicaId,
    /// Erasures as well, as if they were changes of the first millisecond of 1970.
    pub with_erasures: bool,
}

/// Reads the part from `first` on, in order, until `each` breaks off.
///
/// # Errors
/// What SQLite says.
pub fn read_from(
    connection: &Connection,
    part: Part,
    first: &Placed,
    mut each: impl FnMut(Placed) -> ControlFlow<()>,
) -> Result<(), LedgerError> {
    let (time, hash) = first;
    let Ok(time) = i64::try_from(*time) else {
        // Nothing is as late as that.
        return Ok(());
    };
    // Two statements where one with a row-value comparison would do, because SQLite searches an index of an expression
    // for each of these only.
    let mut at_once = connection.prepare_cached(
        "SELECT hash FROM change
             WHERE max(time, 0) = ?1 AND hash >= ?2 AND (seq <= ?3 OR origin = ?4)
         UNION ALL SELECT hash FROM erasure WHERE ?5 AND ?1 = 0 AND hash >= ?2
         ORDER BY 1",
    )?;
    let mut rows = at_once.query((time, hash, part.upto, part.origin, part.with_erasures))?;
    while let Some(row) = rows.next()? {
        if each((time.unsigned_abs(), row.get(0)?)).is_break() {
            return Ok(());
        }
    }
    let mut later = connection.prepare_cached(
        "SELECT max(time, 0), hash FROM change
         WHERE max(time, 0) > ?1 AND (seq <= ?2 OR origin = ?3) ORDER BY 1, 2",
    )?;
    let mut rows = later.query((time, part.upto, part.origin))?;
    while let Some(row) = rows.next()? {
        let time: i64 = row.get(0)?;
        if each((time.unsigned_abs(), row.get(1)?)).is_break() {
            return Ok(());
        }
    }
    Ok(())
}
