//! A hub that serves and a laptop that exchanges by command, as processes, in directories of the test's own.

use std::path::{Path, PathBuf};

use field_node::Node;
use hub::Hub;
use serde_json::Value;
use shared::domain::person::Person;
use shared::ids::{AgentId, PersonId};
use shared::site::Site;
use shared::time::Clock;
use tempfile::TempDir;
use tests::program::{self, Finished, Program};

/// The one laptop of a stage.
pub const LAPTOP: &str = "portable";

/// Whether every fault is to be tried rather than a sample.
pub fn is_thorough() -> bool {
    std::env::var("MAISON_FAULTS").is_ok_and(|value| value == "all")
}

/// What a sample is drawn from: the number in `MAISON_FAULTS`, to try one again, or another one every time. It is printed.
pub fn seed() -> u64 {
    let given = std::env::var("MAISON_FAULTS").ok();
    let seed = given.and_then(|value| value.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    println!("MAISON_FAULTS={seed}");
    seed
}

/// The sites.
pub struct Stage {
    directory: TempDir,
    hub: Option<Program>,
}

impl Stage {
    /// A hub, and a laptop that has exchanged with it once.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let hub = Program::serve(program::hub(), &directory.path().join("hub"), &[]);
        let stage = Self {
            directory,
            hub: Some(hub),
        };
        stage.enrol();
        assert_eq!(stage.sync()["identical"], true);
        stage
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn laptop(&self) -> PathBuf {
        self.path(LAPTOP)
    }

    fn hub(&self) -> &Program {
        self.hub.as_ref().unwrap()
    }

    pub fn stop_hub(&mut self) {
        self.hub.take().unwrap().stop();
    }

    pub fn run(&self, program: &Path, words: &[&str], directory: &Path) -> Finished {
        let mut words = words.to_vec();
        words.extend(["--data", directory.to_str().unwrap()]);
        program::run(program, &words)
    }

    pub fn enrol(&self) {
        let address = self.hub().page("");
        let words = [
            "ticket",
            "create",
            "--name",
            LAPTOP,
            "--address",
            &address,
            "--json",
        ];
        let ticket = self.run(program::hub(), &words, &self.path("hub"));
        let ticket = ticket.success().json();
        let words = ["enrol", ticket["ticket"].as_str().unwrap()];
        let _ = self.run(program::node(), &words, &self.laptop()).success();
    }

    /// One exchange; the JSON that it printed.
    pub fn sync(&self) -> Value {
        let finished = self.run(program::node(), &["sync", "--json"], &self.laptop());
        finished.success().json()
    }

    pub fn status(&self) -> Value {
        let finished = self.run(program::node(), &["status", "--json"], &self.laptop());
        finished.success().json()
    }

    pub fn hub_status(&self) -> Value {
        let finished = self.run(program::hub(), &["status", "--json"], &self.path("hub"));
        finished.success().json()
    }

    /// Writes people's sheets on the laptop and closes it.
    pub async fn write(&self, names: &[&str]) -> Vec<PersonId> {
        write_on_laptop(&self.laptop(), names).await
    }

    /// The same at the hub, beside the program that serves.
    pub async fn write_at_hub(&self, names: &[&str]) -> Vec<PersonId> {
        write_at_hub(&self.path("hub"), names).await
    }

    #[track_caller]
    pub fn assert_equal(&self) {
        let (laptop, hub) = (self.status(), self.hub_status());
        assert_eq!(laptop["fingerprint"], hub["fingerprint"]);
        assert_eq!(laptop["pending"], 0);
    }
}

/// Writes people's sheets on a laptop that does not serve.
pub async fn write_on_laptop(laptop: &Path, names: &[&str]) -> Vec<PersonId> {
    let node = Node::open(laptop, Clock::default()).await.unwrap();
    let ids = write(node.site(), names).await;
    node.close().await;
    ids
}

/// The same at a hub, which may serve meanwhile.
pub async fn write_at_hub(hub: &Path, names: &[&str]) -> Vec<PersonId> {
    let site = open_hub(hub).await;
    let ids = write(&site, names).await;
    site.close().await;
    ids
}

/// The site of a hub, which may serve meanwhile.
pub async fn open_hub(directory: &Path) -> Site {
    let hub = Hub::open(directory, Clock::default()).await.unwrap();
    hub.site().clone()
}

/// Writes people's sheets.
pub async fn write(site: &Site, names: &[&str]) -> Vec<PersonId> {
    let mut ids = Vec::new();
    for name in names {
        let (id, name) = (PersonId::fresh(), (*name).to_owned());
        let name_it = move |person: &mut Person| person.family_name = name;
        site.edit(id, AgentId::fresh(), name_it).await.unwrap();
        ids.push(id);
    }
    ids
}
