//! The ledger: the append-only set of changes in SQLite, which is a site's whole truth.
//!
//! Append, read since a position, erase, fingerprint, quarantine. It knows nothing of what the changes mean: a document is
//! an id and a kind number, a change is bytes with a hash, an actor, a sequence number and a time.
//!
//! Two doors: [`Store::write`] and [`Store::read`]. The functions of [`changes`], [`quarantine`] and [`replica`] take
//! the connection that a door hands out.

pub mod aside;
pub mod carve;
pub mod changes;
pub mod copies;
pub mod erasures;
mod error;
mod fingerprint;
pub mod hub_key;
pub mod order;
pub mod quarantine;
pub mod replica;
mod schema;
mod store;
#[cfg(test)]
pub(crate) mod testing;

pub use error::LedgerError;
pub use fingerprint::Fingerprint;
pub use schema::Migrations;
pub use store::Store;
