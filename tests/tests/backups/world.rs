//! A hub that backs up to two places for two administrators, and laptops that exchange by command, as processes.

use std::fs;
use std::net::SocketAddr;
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

/// Places that backups go to.
pub const PLACES: [&str; 2] = ["disk", "usb"];
/// A place's copy of the hub's file of erasures and revocations.
pub const MIRROR: &str = "capestang.effacements";

/// A hub that backs up to two places for two administrators, and laptops that exchange by command.
pub struct World {
    directory: TempDir,
    pub hub: Option<Program>,
    pub address: SocketAddr,
}

impl World {
    pub fn new(laptops: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let hub = Program::serve(program::hub(), &directory.path().join("hub"), &[]);
        let world = Self {
            address: hub.address(),
            hub: Some(hub),
            directory,
        };
        for name in laptops {
            world.enrol(name);
            assert_eq!(world.sync(name)["identical"], true);
        }
        world.set_up();
        world
    }

    fn set_up(&self) {
        for (name, file) in [("Odile Roques", "odile.cle"), ("Paul Cros", "paul.cle")] {
            let path = self.path(file);
            let words = ["backup", "key", "--name", name, path.to_str().unwrap()];
            let _ = self.at_hub(&words).success();
        }
        for place in PLACES {
            fs::create_dir(self.path(place)).unwrap();
            let path = self.path(place);
            let words = ["backup", "place", "add", path.to_str().unwrap()];
            let _ = self.at_hub(&words).success();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn run(&self, program: &Path, words: &[&str], name: &str) -> Finished {
        let path = self.path(name);
        program::run(
            program,
            &[words, &["--data", path.to_str().unwrap()]].concat(),
        )
    }

    /// A command on the hub's data, beside the program that serves them.
    pub fn at_hub(&self, words: &[&str]) -> Finished {
        self.run(program::hub(), words, "hub")
    }

    pub fn serve(&mut self) {
        let (path, address) = (self.path("hub"), self.address.to_string());
        let words = ["serve", "--listen", &address, "--json", "--data"];
        let words = [&words[..], &[path.to_str().unwrap()]].concat();
        self.hub = Some(Program::start(program::hub(), &words));
    }

    pub fn enrol(&self, name: &str) {
        let address = format!("http://{}", self.address);
        let words = [
            "ticket",
            "create",
            "--json",
            "--name",
            name,
            "--address",
            &address,
        ];
        let ticket = self.at_hub(&words).success().json();
        let words = ["enrol", ticket["ticket"].as_str().unwrap()];
        let _ = self.run(program::node(), &words, name).success();
    }

    /// One exchange; the JSON that it printed.
    pub fn sync(&self, name: &str) -> Value {
        let finished = self.run(program::node(), &["sync", "--json"], name);
        finished.success().json()
    }

    pub fn status(&self, name: &str) -> Value {
        let program = match name {
            "hub" => program::hub(),
            _ => program::node(),
        };
        self.run(program, &["status", "--json"], name)
            .success()
            .json()
    }

    /// The hub's data, opened beside the program that serves them.
    pub async fn hub(&self) -> Hub {
        Hub::open(&self.path("hub"), Clock::default())
            .await
            .unwrap()
    }

    /// Writes people's sheets at a laptop or the hub.
    pub async fn write(&self, name: &str, people: usize) -> Vec<PersonId> {
        if name == "hub" {
            return write(self.hub().await.site(), people).await;
        }
        let node = Node::open(&self.path(name), Clock::default())
            .await
            .unwrap();
        let written = write(node.site(), people).await;
        node.close().await;
        written
    }

    pub fn restore(&self) -> Finished {
        let (key, from) = (self.path("paul.cle"), self.path("usb"));
        let words = ["backup", "restore", "--key", key.to_str().unwrap()];
        self.at_hub(&[&words[..], &[from.to_str().unwrap()]].concat())
    }

    /// Files that nobody is to find: half-written backups, copies of the database.
    pub fn left_over(&self) -> Vec<PathBuf> {
        let mut left = Vec::new();
        for place in PLACES {
            let files = fs::read_dir(self.path(place)).unwrap();
            left.extend(files.map(|file| file.unwrap().path()));
        }
        left.retain(|path| path.extension().is_some_and(|ending| ending == "partial"));
        for name in ["sauvegardes/en-cours", "base-en-cours"] {
            left.push(self.path("hub").join(name));
        }
        left.retain(|path| path.exists());
        left
    }
}

async fn write(site: &Site, people: usize) -> Vec<PersonId> {
    let mut written = Vec::new();
    for number in 0..people {
        let id = PersonId::fresh();
        let name = move |person: &mut Person| person.family_name = format!("Carayon {number}");
        site.edit(id, AgentId::fresh(), name).await.unwrap();
        written.push(id);
    }
    written
}
