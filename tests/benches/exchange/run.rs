//! One measured run: copies of the prepared directories, the work done on them, the exchange, and the proof.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use shared::ids::AgentId;
use shared::site::Site;
use tests::program::{Finished, Program};
use tests::shaped::ShapedLink;
use tests::usage;
use tests::workload::applied::{self, Facts};
use tests::workload::{LAPTOPS, Op, Work};
use tokio::runtime::Runtime;

use crate::Workload;
use crate::outcome::Outcome;
use crate::stage::{Stage, succeeded, words};

/// The work, the line, and what has been prepared so far.
pub struct Bench {
    work: Work,
    link: ShapedLink,
    runtime: Runtime,
    prepared: Vec<(Start, Stage)>,
}

/// Where a run starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Empty,
    EmptyHistory,
    InSync,
    AllInSync,
}

impl Start {
    fn of(workload: Workload) -> Self {
        match workload {
            Workload::W1 => Self::Empty,
            Workload::W1h => Self::EmptyHistory,
            Workload::W2 | Workload::W3 => Self::InSync,
            Workload::W4 => Self::AllInSync,
        }
    }
}

impl Bench {
    pub fn new(work: Work) -> Self {
        Self {
            work,
            // Leads nowhere until the first hub is started.
            link: ShapedLink::to(([127, 0, 0, 1], 9).into()),
            runtime: Runtime::new().expect("a runtime can be made"),
            prepared: Vec::new(),
        }
    }

    /// Does one run and fills in its outcome, whatever happens.
    pub fn run(&mut self, mut outcome: Outcome) -> Outcome {
        // What waits for a program panics when it does not come; other runs must not suffer.
        let run = catch_unwind(AssertUnwindSafe(|| self.attempt(&mut outcome)));
        let done = run.unwrap_or_else(|panic| Err(panic_words(panic.as_ref())));
        outcome.ok = done.is_ok() && outcome.equal;
        outcome.reason = done.err();
        outcome
    }

    fn attempt(&mut self, outcome: &mut Outcome) -> Result<(), String> {
        let workload = outcome.workload;
        let stage = self.stage(Start::of(workload))?;
        self.runtime.block_on(self.work_offline(workload, &stage))?;
        let hub = stage.serve(&self.link);
        self.link.shape(outcome.link.shape());
        let exchanged = self.exchange(&stage, &hub, outcome);
        if exchanged.is_ok() && workload == Workload::W4 {
            // Whoever was early lacks what the others brought; the second round is not measured.
            stage.sync_all(0..stage.laptops)?;
        }
        hub.stop();
        exchanged?;
        self.runtime.block_on(self.prove(&stage, outcome))
    }

    /// A copy of the prepared directories, which are prepared on the first call.
    fn stage(&mut self, start: Start) -> Result<Stage, String> {
        if !self.prepared.iter().any(|(known, _)| *known == start) {
            let stage = self.prepare(start)?;
            self.prepared.push((start, stage));
        }
        let known = self.prepared.iter().find(|(known, _)| *known == start);
        known.ok_or("not prepared")?.1.copy()
    }

    fn prepare(&self, start: Start) -> Result<Stage, String> {
        let enrolled = |operations: &[Op], laptops| {
            self.runtime
                .block_on(Stage::enrolled(&self.link, operations, laptops))
        };
        let started = Instant::now();
        let stage = match start {
            Start::Empty => enrolled(&self.work.seed, 1)?,
            Start::EmptyHistory => enrolled(&self.work.history, 1)?,
            Start::InSync => enrolled(&self.work.seed, 1)?.in_sync(&self.link)?,
            Start::AllInSync => enrolled(&self.work.seed, LAPTOPS)?.in_sync(&self.link)?,
        };
        eprintln!(
            "{start:?} prepared in {:.1} s",
            started.elapsed().as_secs_f64()
        );
        Ok(stage)
    }

    async fn work_offline(&self, workload: Workload, stage: &Stage) -> Result<(), String> {
        match workload {
            Workload::W1 | Workload::W1h | Workload::W3 => {}
            Workload::W2 => {
                apply(&stage.open_laptop(0).await?, &self.work.laptops[0]).await?;
                apply(&stage.open_hub().await?, &self.work.hub).await?;
            }
            Workload::W4 => {
                for (laptop, day) in self.work.laptops.iter().enumerate() {
                    apply(&stage.open_laptop(laptop).await?, day).await?;
                }
            }
        }
        Ok(())
    }

    /// The exchange of every laptop at once.
    fn exchange(&self, stage: &Stage, hub: &Program, outcome: &mut Outcome) -> Result<(), String> {
        let cpu_before = usage::cpu_s(hub.id());
        let started = Instant::now();
        let finished: Vec<Finished> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..stage.laptops)
                .map(|laptop| scope.spawn(move || stage.sync(laptop)))
                .collect();
            let ended = running.into_iter().map(|thread| thread.join());
            ended.collect::<Result<_, _>>()
        })
        .map_err(|panic| panic_words(panic.as_ref()))?;
        outcome.wall_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.link.settle();
        let tally = self.link.tally();
        outcome.bytes_up = tally.bytes_up;
        outcome.bytes_down = tally.bytes_down;
        outcome.connections = tally.connections;
        let cpu_after = usage::cpu_s(hub.id());
        outcome.hub_cpu_s = cpu_after.zip(cpu_before).map_or(f64::NAN, |(a, b)| a - b);
        outcome.hub_peak_mb = usage::peak_mb(hub.id()).unwrap_or(f64::NAN);
        outcome.client_cpu_s = finished.iter().filter_map(|one| one.cpu_s).sum();
        for one in &finished {
            succeeded(one)?;
            outcome.round_trips += one.json()["round_trips"].as_u64().unwrap_or_default();
        }
        Ok(())
    }

    /// Both sides hold the same, and what the work makes.
    async fn prove(&self, stage: &Stage, outcome: &mut Outcome) -> Result<(), String> {
        let hub = stage.open_hub().await?;
        let expected = applied::held(&hub).await.map_err(words)?;
        outcome.docs = expected.documents.len();
        for laptop in 0..stage.laptops {
            let site = stage.open_laptop(laptop).await?;
            let held = applied::held(&site).await.map_err(words)?;
            if held != expected {
                return Err(format!("laptop {laptop} does not hold what the hub holds"));
            }
        }
        outcome.equal = true;
        let operations = match outcome.workload {
            Workload::W1 | Workload::W1h | Workload::W3 => &self.work.after_seed,
            Workload::W2 => &self.work.after_day,
            // Fifty days' work on the same sessions end in no order that could be foreseen.
            Workload::W4 => return Ok(()),
        };
        let facts = applied::facts(&hub).await.map_err(words)?;
        same_facts(&facts, &applied::facts_of(operations).map_err(words)?)
    }
}

async fn apply(site: &Site, operations: &[Op]) -> Result<(), String> {
    applied::apply(site, AgentId::fresh(), operations)
        .await
        .map_err(words)
}

fn same_facts(held: &Facts, expected: &Facts) -> Result<(), String> {
    let differ = expected
        .iter()
        .filter(|(id, facts)| held.get(*id) != Some(*facts))
        .count();
    if differ > 0 || held.len() != expected.len() {
        return Err(format!(
            "{differ} of {} documents are not what the work makes; {} are held",
            expected.len(),
            held.len()
        ));
    }
    Ok(())
}

fn panic_words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panicked".to_owned())
}
