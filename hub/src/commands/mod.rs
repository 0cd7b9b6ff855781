//! One file per command: read what was asked, call the library, say the outcome in French.
//!
//! A command's outcome is an exit code; what goes wrong is said here, once, on the standard error.

mod agent;
pub mod backup;
mod certificate;
mod example;
mod export;
mod import;
mod serve;
mod status;
mod stick;
mod ticket;

use shared::program::{Exit, complain, log_to_stderr};

use crate::cli::{Agent, Certificate, Cli, Command, Stick, Ticket};
use crate::opened::HubError;

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

async fn run(command: Command) -> Result<Exit, HubError> {
    match command {
        Command::Serve(asked) => serve::serve(asked.into()).await,
        Command::Ticket(Ticket::Create(asked)) => ticket::create(asked).await,
        Command::Ticket(Ticket::List(asked)) => ticket::list(asked).await,
        Command::Certificate(Certificate::Rotate(asked)) => certificate::rotate(asked).await,
        Command::Agent(Agent::Add(asked)) => agent::add(asked).await,
        Command::Agent(Agent::List(asked)) => agent::list(asked).await,
        Command::Agent(Agent::Disable(asked)) => agent::disable(asked).await,
        Command::Example(asked) => example::example(asked).await,
        Command::Import(asked) => import::import(asked).await,
        Command::Export(asked) => export::export(asked).await,
        Command::Stick(Stick::Import(asked)) => stick::import(asked).await,
        Command::Backup(asked) => backup::run(asked).await,
        Command::Status(asked) => status::status(asked).await,
    }
}

fn failed(error: &HubError) -> Exit {
    complain(format!("maison-hub\u{a0}: {error}"));
    error.exit()
}
