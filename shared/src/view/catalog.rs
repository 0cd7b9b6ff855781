//! The catalog as the pages read it.

use rusqlite::{Connection, OptionalExtension};

use crate::domain::catalog::Catalog;
use crate::ledger::LedgerError;

/// The catalog; an empty one on a laptop that has not met its hub yet.
///
/// # Errors
/// What SQLite says.
pub fn catalog(connection: &Connection) -> Result<Catalog, LedgerError> {
    let json: Option<String> = connection
        .prepare_cached("SELECT json FROM catalog")?
        .query_row([], |row| row.get(0))
        .optional()?;
    match json {
        None => Ok(Catalog::default()),
        Some(json) => serde_json::from_str(&json).map_err(|_| LedgerError::Damaged("catalog")),
    }
}
