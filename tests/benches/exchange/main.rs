//! What an exchange costs, measured on the real programs through an emulated line: time, bytes, round trips, the
//! hub's processor and memory.
//!
//! ```text
//! cargo bench -p tests --bench exchange -- [--json] [--data DIR] [--size S|M] [--workload W1,W2,…]
//!                                          [--link loop|2g] [--runs N]
//! ```
//!
//! | workload | |
//! |---|---|
//! | W1 | an empty laptop gets everything, each document made in one edit |
//! | W1h | the same, sessions made by one edit for each registration, mark and evaluation |
//! | W2 | laptop and hub in sync; a day's work on the laptop, another at the hub; one exchange |
//! | W3 | nothing new: connect, verify, stop |
//! | W4 | fifty laptops, each with a day's work, at once; always on an unshaped line |
//!
//! Each run starts from copies of prepared directories. A laptop is registered beforehand; what is measured is one
//! `maison-node sync` as a process, from its start to its end. Bytes are what the line carries, both ways, HTTP heads
//! included; there is no TLS. After every run both sides must hold the same, and what the work makes. Without `--data`
//! the work is made from a seed; with it, it is read from `DIR/S` or `DIR/M` (see `tests/src/workload`).
//!
//! The medians go to stderr as a table; with `--json` each run goes to stdout as one JSON object. It judges nothing
//! but equality: machines differ.

mod outcome;
mod run;
mod stage;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use tests::shaped::Shape;
use tests::workload::{Size, Work};

use outcome::Outcome;
use run::Bench;

const SEED: u64 = 20_261_126;

#[derive(Parser)]
struct Arguments {
    /// One JSON object a run on stdout
    #[arg(long)]
    json: bool,
    /// Directory of the work, with a directory for each size; made from a seed without
    #[arg(long)]
    data: Option<PathBuf>,
    /// How much the hub holds
    #[arg(long, value_enum, default_value = "S")]
    size: Size,
    /// Which workloads; all without
    #[arg(long, value_enum, value_delimiter = ',')]
    workload: Vec<Workload>,
    /// Which line; both without
    #[arg(long, value_enum)]
    link: Option<Line>,
    /// Runs of each
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "verbatim")]
enum Workload {
    W1,
    W1h,
    W2,
    W3,
    W4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Line {
    Loop,
    #[value(name = "2g")]
    TwoG,
}

impl Line {
    fn name(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::TwoG => "2g",
        }
    }

    fn shape(self) -> Shape {
        match self {
            Self::Loop => Shape::LOOP,
            Self::TwoG => Shape::TWO_G,
        }
    }
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let work = match &arguments.data {
        Some(directory) => Work::read(directory, arguments.size),
        None => Ok(Work::made(arguments.size, SEED)),
    };
    let work = match work {
        Ok(work) => work,
        Err(error) => {
            eprintln!("{error}");
            return std::process::ExitCode::FAILURE;
        }
    };
    let outcomes = measure(&arguments, work);
    eprint!("{}", outcome::table(&outcomes));
    if outcomes.iter().all(|outcome| outcome.ok) {
        std::process::ExitCode::SUCCESS
    } else {
        std::process::ExitCode::FAILURE
    }
}

fn measure(arguments: &Arguments, work: Work) -> Vec<Outcome> {
    let mut bench = Bench::new(work);
    let mut outcomes = Vec::new();
    for (workload, line) in cases(arguments) {
        for run in 1..=arguments.runs {
            let outcome = Outcome::of(arguments.size, workload, line, run);
            let outcome = bench.run(outcome);
            if arguments.json {
                println!("{}", outcome.json());
            }
            outcomes.push(outcome);
        }
    }
    outcomes
}

/// What to measure, in order.
fn cases(arguments: &Arguments) -> Vec<(Workload, Line)> {
    let all = Workload::value_variants();
    let workloads = all
        .iter()
        .filter(|one| arguments.workload.is_empty() || arguments.workload.contains(one));
    let mut cases = Vec::new();
    for workload in workloads {
        for line in Line::value_variants() {
            let is_wanted = match workload {
                Workload::W4 => *line == Line::Loop,
                _ => arguments.link.is_none_or(|wanted| wanted == *line),
            };
            if is_wanted {
                cases.push((*workload, *line));
            }
        }
    }
    cases
}
