//! Samples for the exchange's dictionary (`shared/src/exchange/dictionary`): the content of many small exchanges.
//!
//! ```text
//! cargo run -p tests --example dictionary_samples -- samples
//! zstd --train samples/* --maxdict=16384 --dictID=1 -o shared/src/exchange/dictionary
//! ```
//!
//! A dictionary belongs to one version of the protocol: once that is released, a new dictionary means a new version.
//! What agents write freely (notes, titles) is left out, so that it holds what the programs write, and common names.

use std::io::Read;
use std::path::Path;

use jiff::ToSpan;
use jiff::civil::date;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shared::domain::codes::{AgeBand, Autonomy, Channel, Outcome, Theme};
use shared::domain::commune::COMMUNES;
use shared::domain::demande::{Demande, Register, register_id};
use shared::exchange::{Answerer, Caller};
use shared::ids::{AgentId, DemandeId, PersonId};
use shared::site::Site;
use shared::time::Clock;
use tests::workload::{Op, Size, Work, applied};

/// Codes of the usual operators.
const OPERATORS: &[&str] = &[
    "ants",
    "caf",
    "carsat",
    "cpam",
    "dgfip",
    "france_travail",
    "msa",
];
const SEEDS: u64 = 4;
const DICTIONARY: &[u8] = include_bytes!("../../shared/src/exchange/dictionary");
/// Magic and version.
const HEAD_BYTES: usize = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let directory = std::env::args().nth(1).expect("a directory to write to");
    std::fs::create_dir_all(&directory).expect("it can be made");
    for seed in 0..SEEDS {
        Samples::new(seed).await.make(Path::new(&directory)).await;
    }
}

struct Samples {
    seed: u64,
    random: StdRng,
    work: Work,
    hub: Site,
    laptop: Site,
    _directories: [tempfile::TempDir; 2],
    written: usize,
}

impl Samples {
    async fn new(seed: u64) -> Self {
        let directories = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let [hub, laptop] = &directories;
        Self {
            seed,
            random: StdRng::seed_from_u64(seed),
            work: Work::made(Size::S, seed),
            hub: site(hub.path()).await,
            laptop: site(laptop.path()).await,
            _directories: directories,
            written: 0,
        }
    }

    async fn make(mut self, directory: &Path) {
        let agents = [AgentId::fresh(), AgentId::fresh()];
        self.apply(&self.hub, agents[0], &self.work.seed).await;
        self.exchange(None).await;
        let days = std::mem::take(&mut self.work.laptops);
        for pair in days.chunks_exact(2) {
            let (mut here, mut there) = (&pair[0][..], &pair[1][..]);
            while !here.is_empty() || !there.is_empty() {
                let some = self.random.random_range(3..12);
                for (site, day, agent) in [
                    (&self.laptop, &mut here, agents[1]),
                    (&self.hub, &mut there, agents[0]),
                ] {
                    let (now, later) = day.split_at(day.len().min(some));
                    self.apply(site, agent, now).await;
                    *day = later;
                }
                self.demandes(agents[1]).await;
                self.exchange(Some(directory)).await;
            }
        }
    }

    async fn apply(&self, site: &Site, by: AgentId, operations: &[Op]) {
        let mut operations = operations.to_vec();
        for operation in &mut operations {
            operation
                .sets
                .retain(|set| !["notes", "topic"].contains(&set.path[0].as_str()));
        }
        applied::apply(site, by, &operations)
            .await
            .expect("applied");
    }

    /// Some demandes of a day, with codes from all that there are.
    async fn demandes(&mut self, by: AgentId) {
        for _ in 0..self.random.random_range(0..4) {
            let demande = Demande {
                agent: Some(by),
                person: self.random.random_bool(0.5).then(PersonId::fresh),
                operator: self.one_of(OPERATORS).to_owned(),
                theme: Some(self.one_of(Theme::ALL)),
                channel: self.one_of(Channel::ALL),
                outcome: self.one_of(Outcome::ALL),
                autonomy: Some(self.one_of(Autonomy::ALL)),
                duration_min: self.random.random_range(1..12) * 5,
                commune: self.one_of(COMMUNES).insee.to_owned(),
                age_band: self.one_of(AgeBand::ALL),
                ..Demande::default()
            };
            let day = date(2026, 1, 5).saturating_add(self.random.random_range(0..300).days());
            let write = move |register: &mut Register| {
                register.demandes.insert(DemandeId::fresh(), demande);
            };
            let register = register_id("quarante", day);
            let written = self.laptop.edit(register, by, write).await;
            written.expect("written");
        }
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.random.random_range(0..all.len())]
    }

    /// One exchange; both bodies are kept where there is a directory.
    async fn exchange(&mut self, directory: Option<&Path>) {
        let mut caller = Caller::new(self.laptop.clone());
        while let Some(request) = caller.next_request().await.expect("a request") {
            let answerer = Answerer::new(self.hub.clone(), self.laptop.replica());
            let mut answerer = answerer.expect("an answerer");
            answerer.push(&request).await.expect("understood");
            let mut answer = answerer.finish().expect("answered");
            let mut response = Vec::new();
            while let Some(chunk) = answer.next_chunk().await.expect("a chunk") {
                response.extend(chunk);
            }
            caller.push(&response).await.expect("understood");
            caller.end_of_response().await.expect("complete");
            for body in directory.iter().flat_map(|_| [&request, &response]) {
                self.keep(directory.expect("just seen"), body);
            }
        }
    }

    fn keep(&mut self, directory: &Path, body: &[u8]) {
        let decoder = zstd::Decoder::with_dictionary(&body[HEAD_BYTES..], DICTIONARY);
        let mut content = Vec::new();
        let mut decoder = decoder.expect("a decoder").single_frame();
        decoder.read_to_end(&mut content).expect("decoded");
        let name = format!("{}-{:05}", self.seed, self.written);
        std::fs::write(directory.join(name), content).expect("written");
        self.written += 1;
    }
}

async fn site(directory: &Path) -> Site {
    let migrations = [shared::exchange::MIGRATIONS];
    Site::open(directory, &migrations, Clock::default(), |_, _| ())
        .await
        .expect("a site")
}
