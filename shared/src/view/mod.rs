//! The view: SQL tables derived from the documents, and the queries that screens and reports ask.
//!
//! Nothing here is true by itself: every row can be made again from the ledger. The view carries a version; when the
//! program's differs, the tables are dropped and made again. Knows nothing of where changes come from.

pub mod activities;
pub mod catalog;
mod codes;
pub mod demandes;
pub mod erasing;
pub mod overview;
pub mod people;
mod project;
mod schema;
pub mod sessions;
#[cfg(test)]
mod testing;
pub mod today;

pub use project::{forget, project};
pub use schema::{is_current, recreate};
