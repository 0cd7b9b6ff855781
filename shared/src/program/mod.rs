//! What both programs do alike: read a command line, log, serve a listener until told to stop, end with an exit code.
//!
//! Nothing here knows what a hub or a laptop is.

pub mod arguments;
mod connection;
mod exit;
pub mod files;
mod listening;
mod progress;
mod pulse;
mod serve;
#[cfg(test)]
mod tests;

use std::io::{IsTerminal, Write};

pub use exit::Exit;
pub use listening::{Cover, Limits, Listening, NotListening};
pub use progress::progress_bar;
pub use serve::{serve, stop_signal};

use tracing_subscriber::EnvFilter;

/// Writes one line to the standard output, for people or for scripts; nobody may be reading any more.
pub fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes one line to the standard error: what went wrong and what to do.
pub fn complain(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Sends the log to the standard error. `filter` is in the language of `tracing` (`info`, `hub=debug`).
///
/// Records hold identifiers and counts; never names, query strings or secrets.
pub fn log_to_stderr(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second call, in tests, changes nothing.
    let _ = subscriber.try_init();
}
