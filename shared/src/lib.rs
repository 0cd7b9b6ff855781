//! What the hub and the laptops of the mobile Maison must agree on.
//!
//! One idea carries everything: a site's truth is an append-only set of Automerge changes in SQLite, and everything
//! else is derived from it. The layers, each one module with one job; imports point downward only:
//!
//! ```text
//! program              what both programs do alike: command line, log, serving, exit codes
//! desk                 the agents' pages and their handlers
//! exchange             how two sites become equal: messages, proof, reconciliation
//! site                 one opened place: ledger, documents and view behind `edit` and `read`
//! view                 derived SQL tables and their queries
//! document             how a domain value lives in an Automerge document
//! ledger               the append-only set of changes in SQLite
//! joining              how a laptop and a hub come to know each other: tickets, signatures
//! request              how a request came in
//! domain               plain types and rules
//! ids  time  text      identifiers, the clock, comparing and writing French text
//! ```

pub mod desk;
pub mod document;
pub mod domain;
pub mod exchange;
pub mod ids;
pub mod joining;
pub mod ledger;
pub mod program;
pub mod request;
pub mod site;
pub mod text;
pub mod time;
pub mod view;
