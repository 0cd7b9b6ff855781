//! The laptop of the mobile Maison: the desk offline, and the exchange with the hub.
//!
//! ```text
//! cli  config       the command line, and what a serving laptop is told
//! commands          one file per command: read what was asked, call, say the outcome
//! server            the router: the desk with the laptop's own pages
//! pages             the laptop's own pages, one file each
//! courier           exchanges in the background; `pace` says when, `attempt` is one exchange, `progress` how far it has
//!                   come, `status_line` the words
//! enrolling         trading a ticket for a registration
//! line              signed HTTP requests to the hub
//! lease             the nonce of the next request, and what the laptop does when it is shown to be a copy
//! trust             how the laptop knows the hub on an encrypted line
//! stick             the exchange by a file
//! identity          the laptop's key, and the hub that it is registered with
//! rescue            a damaged database: moved aside, a new one with what could be saved
//! opened            `Node`: one opened data directory, the state of everything above
//! ```
//!
//! The library opens no port by itself: it serves a listener that it is given until a future is done.

pub mod attempt;
pub mod cli;
pub mod commands;
pub mod config;
pub mod courier;
mod enrolling;
pub mod identity;
pub mod lease;
pub mod line;
mod opened;
mod pace;
pub mod pages;
pub mod progress;
mod rescue;
mod server;
mod status_line;
pub mod stick;
mod trust;

pub use enrolling::Enrolled;
pub use opened::{Node, NodeError};
pub use rescue::{Damage, damage};
pub use server::serve;
