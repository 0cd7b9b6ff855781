//! The hub at Capestang: the desk, the laptops and their exchange, accounts, overview, import and export.
//!
//! ```text
//! cli  config       the command line, and what a serving hub is told
//! commands          one file per command: read what was asked, call, say the outcome
//! server            the router: the desk with the hub's own pages, and the laptops' routes
//! pages             the hub's own pages, one file each
//! joining exchange  the laptops' routes; `signed` knows who asks, `body` reads within limits, `refusal` says no
//! certificate       what the hub shows on an encrypted line: its own, or one from files
//! stick             the exchange by a file
//! devices           laptops and tickets, in tables of their own
//! accounts          agents in the catalog
//! import export     a beneficiary file, from its bytes to people; the activities of a period as CSV
//! backup            copies that restore on a new machine: made, verified, drilled, restored; the prose of it
//! example           what a new hub can be filled with, to try the programs on
//! opened            `Hub`: one opened data directory, the state of everything above
//! ```
//!
//! The library opens no socket by itself: it serves a listener that it is given until a future is done.

mod accounts;
pub mod backup;
mod body;
pub mod certificate;
pub mod cli;
pub mod commands;
pub mod config;
pub mod devices;
mod example;
mod exchange;
pub mod export;
pub mod import;
mod joining;
mod opened;
pub mod pages;
mod refusal;
mod server;
mod signed;
pub mod stick;
#[cfg(test)]
mod tests;

pub use opened::{Hub, HubError, PROGRAM};
pub use server::{router, serve};
