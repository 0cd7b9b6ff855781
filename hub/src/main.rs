//! The program `maison-hub`: hands the command line to the library.

use hub::{cli::Cli, commands};
use shared::program::{Exit, arguments};

fn main() -> Exit {
    match arguments::parse::<Cli, _, _>(std::env::args_os()) {
        Ok(cli) => commands::run_to_end(cli),
        Err(exit) => exit,
    }
}
