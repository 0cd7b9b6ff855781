//! Many laptops and a hub that holds much, on real ledgers in this process: what one exchange costs the hub, and whether
//! it grows.
//!
//! ```text
//! cargo bench -p tests --bench scale -- [--laptops 300] [--held 1000,10000,100000] [--each 20]
//! ```
//!
//! *A morning*: so many laptops, each with a day's work (40 edits), exchange once with one hub. Each gets what the ones
//! before it brought. What the hub takes and answers is timed; the arrivals are then spread at random over ten simulated
//! minutes, in front of a hub that does one thing at a time, which says how long a laptop would have waited.
//!
//! *What is held*: the same day's work against hubs that hold so many changes already.
//!
//! A laptop is a copy of the hub's disk made to stand where the hub stands: what is measured is not the first exchange.
//! Every hundredth laptop takes the answer and must be proved equal.

use std::path::Path;
use std::time::Instant;

use clap::Parser;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::Connection;
use shared::domain::person::Person;
use shared::exchange::{Answerer, Caller, MIGRATIONS, Sections, position};
use shared::ids::{AgentId, PersonId, ReplicaId};
use shared::ledger::{changes, hub_key, replica};
use shared::site::Site;
use shared::time::Clock;
use tempfile::TempDir;
use tests::usage;
use tests::workload::{Op, Size, Work, applied};
use uuid::Uuid;

const SEED: u64 = 20_261_126;
/// Ten minutes in which all laptops come.
const WINDOW_MS: f64 = 600_000.0;
/// Edits that share a transaction when a hub is filled.
const TOGETHER: u64 = 1000;

#[derive(Parser)]
struct Arguments {
    /// Laptops of the morning
    #[arg(long, default_value_t = 300)]
    laptops: usize,
    /// Changes that hubs hold
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000")]
    held: Vec<u64>,
    /// Laptops for each of these
    #[arg(long, default_value_t = 20)]
    each: usize,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let work = Work::made(Size::S, SEED);
    if arguments.laptops > 0 {
        let hub = Hub::seeded(&work).await;
        let costs = hub.exchanges(&work, arguments.laptops).await;
        println!("A morning: {} laptops with 40 edits each", costs.len());
        print(&costs);
        print_waiting(&costs);
    }
    for held in arguments.held {
        let hub = Hub::seeded(&work).await;
        hub.fill(held).await;
        let costs = hub.exchanges(&work, arguments.each).await;
        println!("A hub that holds {held} changes, {} laptops", costs.len());
        print(&costs);
    }
}

/// A hub and the disk that its laptops begin with.
struct Hub {
    site: Site,
    sections: Sections,
    directory: TempDir,
}

/// What one exchange cost the hub.
#[derive(Clone, Copy, Debug)]
struct Cost {
    ms: f64,
    up: usize,
    down: usize,
}

async fn open(directory: &Path) -> Site {
    let site = Site::open(directory, &[MIGRATIONS], Clock::default(), |_, _| ());
    site.await.expect("a site")
}

impl Hub {
    async fn seeded(work: &Work) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let site = open(directory.path()).await;
        let begin = site.write(|work| {
            position::ensure_own_epoch(work.connection())?;
            hub_key::ensure_own(work.connection())?;
            Ok(())
        });
        begin.await.expect("a hub");
        let agent = AgentId::fresh();
        applied::apply(&site, agent, &work.seed)
            .await
            .expect("applied");
        Self {
            site,
            sections: Sections::default(),
            directory,
        }
    }

    /// Adds edits of people until the ledger holds so many changes.
    async fn fill(&self, held: u64) {
        let agent = AgentId::fresh();
        let last = self.site.read(|c| Ok(changes::last_seq(c)?)).await;
        let mut count = last.expect("a reading").unsigned_abs();
        while count < held {
            let some = (held - count).min(TOGETHER);
            let fill = self.site.write(move |work| {
                for number in 0..some {
                    let (name, phone) = (format!("Cros {number}"), format!("06{number:08}"));
                    work.edit(PersonId::fresh(), agent, |person: &mut Person| {
                        person.family_name = name;
                        person.phone = phone;
                    })?;
                }
                Ok(())
            });
            fill.await.expect("filled");
            count += some;
        }
    }

    async fn exchanges(&self, work: &Work, laptops: usize) -> Vec<Cost> {
        let template = self.disk_of_a_laptop().await;
        let mut costs = Vec::new();
        for number in 0..laptops {
            let disk = tempfile::tempdir().expect("a directory");
            let file = disk.path().join("maison.db");
            std::fs::copy(template.path().join("maison.db"), &file).expect("a copy");
            rename(&file);
            let laptop = open(disk.path()).await;
            let day = own(&work.laptops[number % work.laptops.len()]);
            applied::apply(&laptop, AgentId::fresh(), &day)
                .await
                .expect("applied");
            costs.push(self.exchange(&laptop, number % 100 == 0).await);
        }
        costs
    }

    /// One exchange, whose answer the laptop takes only where that is to be checked.
    async fn exchange(&self, laptop: &Site, is_checked: bool) -> Cost {
        let mut caller = Caller::new(laptop.clone());
        let request = caller.next_request().await.expect("a request");
        let request = request.expect("something to say");
        let started = Instant::now();
        let answerer = Answerer::new(self.site.clone(), laptop.replica());
        let mut answerer = answerer
            .expect("memory")
            .with_sections(self.sections.clone());
        answerer.push(&request).await.expect("understood");
        let mut answer = answerer.finish().expect("whole");
        let mut response = Vec::new();
        while let Some(chunk) = answer.next_chunk().await.expect("answered") {
            response.extend(chunk);
        }
        let ms = started.elapsed().as_secs_f64() * 1000.0;
        if is_checked {
            caller.push(&response).await.expect("understood");
            caller.end_of_response().await.expect("whole");
            assert!(caller.report().identical, "{:?}", caller.report());
        }
        Cost {
            ms,
            up: request.len(),
            down: response.len(),
        }
    }

    /// A copy of this disk that stands where this hub stands.
    async fn disk_of_a_laptop(&self) -> TempDir {
        let disk = tempfile::tempdir().expect("a directory");
        let file = disk.path().join("maison.db");
        let source = Connection::open(self.directory.path().join("maison.db")).expect("a database");
        let copied = source.execute("VACUUM INTO ?1", [file.to_str()]);
        copied.expect("a copy");
        let laptop = Connection::open(&file).expect("a database");
        let epoch = position::own_epoch(&laptop)
            .expect("a reading")
            .expect("a hub");
        let last = changes::last_seq(&laptop).expect("a reading");
        let forgotten =
            "DELETE FROM replica WHERE key IN ('exchange.own_epoch', 'hub.signing_key')";
        laptop.execute(forgotten, []).expect("forgotten");
        let key = hub_key::known(&source).expect("a reading").expect("a key");
        let stand = || {
            hub_key::keep(&laptop, &key)?;
            replica::set(&laptop, "exchange.hub", self.site.replica().as_bytes())?;
            replica::set(&laptop, "exchange.epoch", &epoch.0)?;
            replica::set_number(&laptop, "exchange.cursor", last)?;
            replica::set_number(&laptop, "exchange.acked", last)
        };
        stand().expect("it stands");
        disk
    }
}

/// Makes a copied disk another laptop's.
fn rename(file: &Path) {
    let disk = Connection::open(file).expect("a database");
    replica::set(&disk, "id", ReplicaId::fresh().as_bytes()).expect("renamed");
}

/// A day's work with documents of its own.
fn own(day: &[Op]) -> Vec<Op> {
    let mut renamed = std::collections::HashMap::new();
    let mut day = day.to_vec();
    for operation in &mut day {
        if operation.kind.is_some() {
            renamed.insert(operation.id, Uuid::new_v4());
        }
        operation.id = *renamed.get(&operation.id).unwrap_or(&operation.id);
    }
    day
}

fn print(costs: &[Cost]) {
    let ms = sorted(costs.iter().map(|cost| cost.ms));
    let busy_s = ms.iter().sum::<f64>() / 1000.0;
    let (up, down) = (
        sorted(costs.iter().map(|cost| cost.up as f64)),
        sorted(costs.iter().map(|cost| cost.down as f64)),
    );
    println!(
        "  hub busy {busy_s:.1} s, {:.0} exchanges a second; one takes {:.1} ms (median), {:.1} ms (p99)",
        costs.len() as f64 / busy_s,
        at(&ms, 0.5),
        at(&ms, 0.99)
    );
    println!(
        "  bytes up {:.0}, down {:.0} (median) {:.0} (most); peak memory {:.0} MB",
        at(&up, 0.5),
        at(&down, 0.5),
        at(&down, 1.0),
        usage::peak_mb(std::process::id()).unwrap_or(0.0)
    );
}

/// How long laptops that come at random within the window wait for a hub that serves one after another.
fn print_waiting(costs: &[Cost]) {
    let mut random = StdRng::seed_from_u64(SEED);
    let arrivals = sorted(costs.iter().map(|_| random.random_range(0.0..WINDOW_MS)));
    let mut free_at = 0.0f64;
    let waits = arrivals.iter().zip(costs).map(|(arrival, cost)| {
        free_at = free_at.max(*arrival) + cost.ms;
        free_at - arrival
    });
    let waits = sorted(waits.collect::<Vec<_>>());
    println!(
        "  within ten minutes: a laptop is answered after {:.0} ms (median), {:.0} ms (p99); the hub is busy {:.0} % of the time",
        at(&waits, 0.5),
        at(&waits, 0.99),
        costs.iter().map(|cost| cost.ms).sum::<f64>() / WINDOW_MS * 100.0
    );
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

fn at(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() - 1) as f64 * share;
    sorted[place.round() as usize]
}
