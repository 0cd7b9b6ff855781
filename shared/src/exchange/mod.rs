//! The exchange: how two sites become equal. Bytes in, bytes out: no socket, no HTTP, no clock of its own.

mod answerer;
mod caller;
mod difference;
mod error;
pub mod frame;
pub mod log;
pub mod position;
mod reconcile;
mod report;
mod upload;
pub mod wire;

pub use answerer::{Answer, Answerer, Heard};
pub use caller::Caller;
pub use error::ExchangeError;
pub use position::MIGRATIONS;
pub use report::{Report, WhyNot};

/// The version of the protocol that this program speaks.
pub const VERSION: u8 = 1;
/// The usual length of a request body, in bytes: about a minute on the slowest line that we plan for.
pub const PIECE_BYTES: usize = 256 * 1024;
/// Most changes in one request, so that a laptop that sends nonsense cannot fill the hub's memory with refusals.
const REQUEST_CHANGES_MAX: usize = 20_000;
/// Most hashes asked for in one request.
const WANT_MAX: usize = 1000;
/// Most comparisons in one exchange.
const COMPARISONS_MAX: u32 = 3;
