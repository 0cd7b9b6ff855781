//! A hub with an account, and laptops that have joined it and hold what it holds: all as processes, stopped at the end.

use std::path::{Path, PathBuf};

use shared::domain::catalog::{Agent as Account, Catalog, catalog_id};
use shared::domain::codes::Role;
use shared::domain::person::Person;
use shared::ids::{AgentId, PersonId};
use shared::time::Clock;
use tempfile::TempDir;

use crate::agent::Agent;
use crate::program::{self, Program};

const LOGIN: &str = "claire";
const PASSPHRASE: &str = "quatre mots bien choisis";

/// The sites.
pub struct Stand {
    directory: TempDir,
    /// Serving; none while it is started again.
    hub: Option<Program>,
    /// The laptops, serving.
    pub laptops: Vec<Program>,
}

impl Stand {
    /// A hub that is told `more` besides where to listen, and `laptops` laptops that are told `address` of it.
    ///
    /// # Panics
    /// When a program does not do what it is told.
    pub async fn new(more: &[&str], laptops: usize, address: impl Fn(&Program) -> String) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let at_hub = directory.path().join("hub");
        add_account(&at_hub).await;
        let hub = Program::serve(program::hub(), &at_hub, more);
        let mut stand = Self {
            directory,
            hub: Some(hub),
            laptops: Vec::new(),
        };
        for n in 1..=laptops {
            stand.enrol(n, &address(stand.hub()));
            let laptop = Program::serve(program::node(), &stand.laptop(n), &[]);
            stand.laptops.push(laptop);
        }
        stand
    }

    /// The hub, serving.
    ///
    /// # Panics
    /// Never: it is there but while it is started again.
    #[must_use]
    pub fn hub(&self) -> &Program {
        self.hub.as_ref().expect("the hub serves")
    }

    /// Stops the hub and starts it again, on another port, told `more`.
    ///
    /// # Panics
    /// When it does not stop or start.
    #[track_caller]
    pub fn restart_hub(&mut self, more: &[&str]) {
        if let Some(hub) = self.hub.take() {
            let (status, log) = hub.stop();
            assert!(status.success(), "{log}");
        }
        let hub = Program::serve(program::hub(), &self.hub_directory(), more);
        self.hub = Some(hub);
    }

    /// The hub's data directory.
    #[must_use]
    pub fn hub_directory(&self) -> PathBuf {
        self.directory.path().join("hub")
    }

    /// The data directory of a laptop, counted from 1.
    #[must_use]
    pub fn laptop(&self, n: usize) -> PathBuf {
        self.directory.path().join(format!("portable-{n}"))
    }

    /// Registers a laptop under this address of the hub, and makes its first exchange.
    ///
    /// # Panics
    /// When the hub refuses.
    #[track_caller]
    pub fn enrol(&self, n: usize, address: &str) {
        self.join(n, address);
        let synced = command(program::node(), &self.laptop(n), &["sync", "--json"]);
        assert_eq!(synced.json()["identical"], true, "{synced:?}");
    }

    /// Registers a laptop under this address of the hub.
    ///
    /// # Panics
    /// When the hub refuses.
    #[track_caller]
    pub fn join(&self, n: usize, address: &str) {
        let ticket = self.ticket(&format!("Portable {n}"), address, &[]);
        let _ = command(program::node(), &self.laptop(n), &["enrol", &ticket]).success();
    }

    /// A ticket for a laptop of this name and this address of the hub.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    #[must_use]
    pub fn ticket(&self, name: &str, address: &str, more: &[&str]) -> String {
        let asked = [
            "ticket",
            "create",
            "--json",
            "--name",
            name,
            "--address",
            address,
        ];
        let asked = [&asked[..], more].concat();
        let made = command(program::hub(), &self.hub_directory(), &asked).success();
        made.json()["ticket"].as_str().expect("a ticket").to_owned()
    }

    /// Adds so many people at the hub, as if they had been imported.
    ///
    /// # Panics
    /// When the hub's store refuses.
    pub async fn add_people(&self, count: usize) {
        let hub = hub::Hub::open(&self.hub_directory(), Clock::default()).await;
        let hub = hub.expect("the hub's data");
        let agent = AgentId::fresh();
        let added = hub.site().write(move |work| {
            for n in 0..count {
                work.edit(PersonId::fresh(), agent, |person: &mut Person| {
                    person.family_name = format!("Famille {n}");
                    person.notes = uuid::Uuid::new_v4().to_string();
                })?;
            }
            Ok(())
        });
        added.await.expect("people");
    }

    /// Somebody who works at one of the sites.
    pub async fn agent(&self, site: &Program) -> Agent {
        Agent::sign_in(site, LOGIN, PASSPHRASE).await
    }
}

/// Runs a command on a data directory to its end.
#[track_caller]
#[must_use]
pub fn command(program: &Path, data: &Path, words: &[&str]) -> program::Finished {
    let data = data
        .to_str()
        .expect("temporary directories have plain names");
    program::run(program, &[words, &["--data", data]].concat())
}

async fn add_account(at_hub: &Path) {
    let hub = hub::Hub::open(at_hub, Clock::default())
        .await
        .expect("a hub");
    let agent = AgentId::fresh();
    let passphrase_hash = shared::desk::passphrase::hash(PASSPHRASE).expect("randomness");
    let site = hub.site();
    let added = site.edit(catalog_id(), agent, move |catalog: &mut Catalog| {
        let account = Account {
            login: LOGIN.to_owned(),
            name: "Claire Fabre".to_owned(),
            role: Role::Administrator,
            passphrase_hash,
            disabled: false,
        };
        catalog.agents.insert(agent, account);
    });
    added.await.expect("an account");
}
