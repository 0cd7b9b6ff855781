//! The laptop of the mobile Maison: the desk offline, and the exchange with the hub.
//!
//! ```text
//! cli  config       the command line, and what a serving laptop is told
//! commands          one file per command: read what was asked, call, say the outcome
//! server            the router: the desk with the laptop's own pages
//! pages             the laptop's own pages, one file each
//! enrolling         trading a ticket for a registration
//! line              signed HTTP requests to the hub
//! identity          the laptop's key, and the hub that it is registered with
//! opened            `Node`: one opened data directory, the state of everything above
//! ```
//!
//! The library opens no port by itself: it serves a listener that it is given until a future is done.

pub mod cli;
pub mod commands;
pub mod config;
mod enrolling;
pub mod identity;
pub mod line;
mod opened;
pub mod pages;
mod server;

pub use opened::{Node, NodeError};
pub use server::serve;
