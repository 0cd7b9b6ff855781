//! What an agent waits for, measured on a large territory: start to first page, search as you type, opening pages,
//! recording an attendance, rebuilding the view, memory.
//!
//! `cargo bench -p tests --bench desk [-- --json]` fills a directory (5 000 people, 5 000 sessions, 20 000 demandes),
//! runs the real `maison-node` on it and asks for pages over HTTP as a browser does. It prints figures and judges
//! nothing: machines differ.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use shared::site::Site;
use shared::time::Clock;
use tests::agent::{Agent, between};
use tests::program::{self, Program};
use tests::sample::{self, LOGIN, PASSPHRASE, Size};
use tests::usage;

const SIZE: Size = Size {
    people: 5_000,
    sessions: 5_000,
    demandes: 20_000,
};
const SEED: u64 = 20_261_126;
/// Times each page is asked for.
const RUNS: usize = 60;
/// What an agent types into the search, letter by letter.
const TYPED: &[&str] = &[
    "car", "seg", "0612", "jean bap", "el am", "zoe v", "fabre i", "0698",
];

/// One line of the result: milliseconds, or megabytes for memory.
struct Figure {
    name: String,
    median: f64,
    p95: f64,
    unit: &'static str,
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let figures = runtime.block_on(measure());
    let json = std::env::args().any(|argument| argument == "--json");
    for figure in figures {
        let Figure {
            name,
            median,
            p95,
            unit,
        } = figure;
        if json {
            println!(
                "{}",
                serde_json::json!({"figure": name, "median": median, "p95": p95, "unit": unit})
            );
        } else {
            println!("{name:<44} {median:>9.1} {p95:>9.1} {unit}");
        }
    }
}

async fn measure() -> Vec<Figure> {
    let directory = tempfile::tempdir().expect("a directory");
    let today = Clock::default().now().date();
    let started = Instant::now();
    sample::fill(directory.path(), &[], SIZE, today, SEED)
        .await
        .expect("the territory is made");
    eprintln!(
        "{SIZE:?}, seed {SEED}, made in {:.1} s; median and 95th percentile:",
        started.elapsed().as_secs_f64()
    );

    let node = program::node();
    // The first start makes the program's own tables; the one that is measured is an ordinary one.
    Program::serve(node, directory.path(), &[]).stop();
    let started = Instant::now();
    let program = Program::serve(node, directory.path(), &[]);
    let agent = Agent::sign_in(&program, LOGIN, PASSPHRASE).await;
    agent.get("/").await;
    let mut figures = vec![one("start to first page", started.elapsed())];
    let measured = Measured { agent };
    figures.extend(measured.pages(directory.path(), today).await);
    figures.extend(measured.search().await);
    figures.extend(measured.attendance(directory.path(), today).await);
    figures.push(memory(&program));
    program.stop();
    figures.push(rebuild(directory.path()).await);
    figures
}

/// What is measured at the browser of one agent.
struct Measured {
    agent: Agent,
}

impl Measured {
    async fn pages(&self, directory: &Path, today: Date) -> Vec<Figure> {
        let session = a_session(directory, today).await;
        let person = a_person(directory).await;
        let mut figures = Vec::new();
        for (name, path) in [
            ("page: aujourd’hui", "/".to_owned()),
            ("page: personnes", "/personnes".to_owned()),
            ("page: une personne", format!("/personnes/{person}")),
            ("page: ateliers de la semaine", "/ateliers".to_owned()),
            (
                "page: la feuille d’un atelier",
                format!("/ateliers/{session}"),
            ),
            ("page: demandes", "/demandes".to_owned()),
        ] {
            let mut times = Vec::new();
            for _ in 0..RUNS {
                let started = Instant::now();
                self.agent.get(&path).await;
                times.push(started.elapsed());
            }
            figures.push(many(name, times));
        }
        figures
    }

    async fn search(&self) -> Vec<Figure> {
        let mut times = Vec::new();
        for _ in 0..RUNS / TYPED.len() + 1 {
            for typed in TYPED {
                let started = Instant::now();
                let response = self
                    .agent
                    .send("/personnes/recherche", &[("q", typed)])
                    .await;
                assert!(response.status().is_success(), "{}", response.status());
                response.text().await.expect("a page");
                times.push(started.elapsed());
            }
        }
        vec![many("search as you type", times)]
    }

    /// Marks people present, then takes it back, each confirmed on the disk.
    async fn attendance(&self, directory: &Path, today: Date) -> Vec<Figure> {
        let session = a_session(directory, today).await;
        let sheet = self.agent.get(&format!("/ateliers/{session}")).await;
        let action =
            between(&sheet, "action=\"", "/presence\"").expect("a form that marks the attendance");
        let action = format!("{action}/presence");
        let mut times = Vec::new();
        for n in 0..RUNS {
            let value = ["present", "excused"][n % 2];
            let started = Instant::now();
            let response = self.agent.send(&action, &[("attendance", value)]).await;
            assert!(response.status().is_redirection(), "{}", response.status());
            times.push(started.elapsed());
        }
        vec![many("attendance recorded (durable)", times)]
    }
}

async fn a_session(directory: &Path, today: Date) -> String {
    first(
        directory,
        &format!("SELECT id FROM session WHERE date <= '{today}' ORDER BY date DESC LIMIT 1"),
    )
    .await
}

async fn a_person(directory: &Path) -> String {
    first(
        directory,
        "SELECT person FROM registration GROUP BY person ORDER BY count(*) DESC LIMIT 1",
    )
    .await
}

async fn first(directory: &Path, query: &str) -> String {
    let connection = rusqlite::Connection::open(directory.join("maison.db")).expect("the database");
    connection
        .query_row(query, [], |row| row.get(0))
        .expect("a row")
}

async fn rebuild(directory: &Path) -> Figure {
    let site = Site::open(directory, &[], Clock::default(), |_, _| ())
        .await
        .expect("the site");
    let started = Instant::now();
    site.rebuild_view(|_, _| ()).await.expect("the view");
    one("view rebuilt", started.elapsed())
}

fn memory(program: &Program) -> Figure {
    let megabytes = usage::peak_mb(program.id()).unwrap_or(f64::NAN);
    Figure {
        name: "memory, highest".to_owned(),
        median: megabytes,
        p95: megabytes,
        unit: "MB",
    }
}

fn one(name: &str, time: Duration) -> Figure {
    many(name, vec![time])
}

fn many(name: &str, mut times: Vec<Duration>) -> Figure {
    times.sort();
    let at = |share: usize| {
        let index = (times.len() * share / 100).min(times.len() - 1);
        times[index].as_secs_f64() * 1000.0
    };
    Figure {
        name: name.to_owned(),
        median: at(50),
        p95: at(95),
        unit: "ms",
    }
}
