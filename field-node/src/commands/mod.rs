//! One file per command: read what was asked, call the library, say the outcome in French.
//!
//! A command's outcome is an exit code; what goes wrong is said here, once, on the standard error.

mod enrol;
mod serve;
mod status;
mod stick;
mod sync;

use shared::program::{Exit, complain, log_to_stderr};

use crate::cli::{Cli, Command, Stick};
use crate::opened::NodeError;

/// Runs a command to its end and says what went wrong, if anything.
#[must_use]
pub fn run_to_end(cli: Cli) -> Exit {
    log_to_stderr(&cli.log);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    runtime
        .block_on(run(cli.command))
        .unwrap_or_else(|error| failed(&error))
}

async fn run(command: Command) -> Result<Exit, NodeError> {
    match command {
        Command::Serve(asked) => serve::serve(asked.try_into()?).await,
        Command::Enrol(asked) => enrol::enrol(asked).await,
        Command::Sync(asked) => sync::sync(asked).await,
        Command::Stick(Stick::Export(asked)) => stick::export(asked).await,
        Command::Stick(Stick::Import(asked)) => stick::import(asked).await,
        Command::Status(asked) => status::status(asked).await,
    }
}

fn failed(error: &NodeError) -> Exit {
    complain(format!("maison-node\u{a0}: {error}"));
    error.exit()
}
