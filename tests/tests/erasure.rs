//! Erasing somebody, as processes: a name and a phone that must be nowhere afterwards, in no byte of any file of the hub
//! and of a laptop nor in what they logged, while both run; and that come back with no older copy.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use field_node::Node;
use hub::Hub;
use serde_json::Value;
use shared::domain::catalog::{Agent as Account, Catalog, catalog_id};
use shared::domain::codes::{AgeBand, Attendance, Role};
use shared::domain::person::Person;
use shared::domain::session::{Registration, Session};
use shared::ids::{AgentId, PersonId, RegistrationId, SessionId};
use shared::site::Site;
use shared::time::Clock;
use tempfile::TempDir;
use tests::agent::{Agent, form_fields};
use tests::program::{self, Program};

const LOGIN: &str = "claire";
const PASSPHRASE: &str = "quatre mots bien choisis";

/// What must be nowhere: the name as it is written and as it is searched for, the phone in both ways, what a laptop
/// wrote meanwhile.
const TRACES: [&str; 5] = [
    "Zébulonette",
    "zebulonette",
    "06 99 88 77 66",
    "0699887766",
    "06 98 76 54 32",
];

/// A hub, one laptop, and somebody who came to a session.
struct World {
    directory: TempDir,
    person: PersonId,
    session: SessionId,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let hub = Hub::open(&directory.path().join("hub"), Clock::default()).await;
        let hub = hub.expect("a hub");
        add_account(hub.site()).await;
        let (person, session) = add_visit(hub.site()).await;
        Self {
            directory,
            person,
            session,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn serve(&self, program: &Path, name: &str) -> Program {
        tokio::task::block_in_place(|| Program::serve(program, &self.path(name), &[]))
    }

    fn command(&self, program: &Path, words: &[&str], name: &str) -> program::Finished {
        let path = self.path(name);
        let words = [words, &["--data", path.to_str().expect("plain names")]].concat();
        tokio::task::block_in_place(|| program::run(program, &words)).success()
    }

    fn enrol(&self, hub: SocketAddr) {
        let address = format!("http://{hub}");
        let words = ["ticket", "create", "--json", "--name", "Portable 1"];
        let words = [&words[..], &["--address", &address]].concat();
        let ticket = self.command(program::hub(), &words, "hub").json();
        let ticket = ticket["ticket"].as_str().expect("a ticket").to_owned();
        let _ = self.command(program::node(), &["enrol", &ticket], "laptop");
    }

    fn sync(&self) -> Value {
        self.command(program::node(), &["sync", "--json"], "laptop")
            .json()
    }

    /// A copy of the hub's database as it is now, for later.
    fn keep_copy(&self) {
        let database = rusqlite::Connection::open(self.path("hub").join("maison.db"));
        let copy = self.path("older.db");
        let copied =
            database.and_then(|c| c.execute("VACUUM INTO ?1", [copy.to_str().expect("plain")]));
        copied.expect("a copy");
    }

    /// Puts the copy in the place of the database of a hub that does not run.
    fn put_back(&self) {
        let directory = self.path("hub");
        for beside in ["maison.db-wal", "maison.db-shm"] {
            let _ = std::fs::remove_file(directory.join(beside));
        }
        std::fs::copy(self.path("older.db"), directory.join("maison.db")).expect("a copy");
    }

    fn assert_no_trace(&self, name: &str) {
        assert_eq!(self.traces(name), [""; 0]);
    }

    /// The files of a site that hold a trace, and which.
    fn traces(&self, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        for file in std::fs::read_dir(self.path(name)).expect("a directory") {
            let path = file.expect("a file").path();
            let bytes = std::fs::read(&path).expect("its bytes");
            let is_there = |trace: &str| bytes.windows(trace.len()).any(|w| w == trace.as_bytes());
            let traces = TRACES.iter().filter(|trace| is_there(trace));
            found.extend(traces.map(|trace| format!("{trace} in {}", path.display())));
        }
        found
    }
}

fn assert_nothing_logged(log: &str) {
    for trace in TRACES {
        assert!(!log.contains(trace), "{trace} was logged");
    }
}

async fn add_account(site: &Site) {
    let passphrase_hash = shared::desk::passphrase::hash(PASSPHRASE).expect("randomness");
    let add = move |catalog: &mut Catalog| {
        let account = Account {
            login: LOGIN.to_owned(),
            name: "Claire Fabre".to_owned(),
            role: Role::Staff,
            passphrase_hash,
            disabled: false,
        };
        catalog.agents.insert(AgentId::fresh(), account);
    };
    let added = site.edit(catalog_id(), AgentId::fresh(), add).await;
    added.expect("an account");
}

/// Somebody, among others so that the pages of the database fill up, who was present at a session.
async fn add_visit(site: &Site) -> (PersonId, SessionId) {
    let (person, session, by) = (PersonId::fresh(), SessionId::fresh(), AgentId::fresh());
    let today = site.clock().now().date();
    let written = site.write(move |work| {
        for number in 0..300 {
            let id = if number == 150 {
                person
            } else {
                PersonId::fresh()
            };
            work.edit(id, by, |someone: &mut Person| {
                someone.given_name = format!("Ahmed {number}");
                someone.family_name = "Cros".to_owned();
            })?;
        }
        work.edit(person, by, |someone: &mut Person| {
            someone.given_name = "Zébulonette".to_owned();
            someone.phone = "06 99 88 77 66".to_owned();
        })?;
        work.edit(session, by, |workshop: &mut Session| {
            workshop.place = "saint-chinian".to_owned();
            workshop.date = today;
            let came = Registration {
                person,
                attendance: Attendance::Present,
                commune: "34245".to_owned(),
                age_band: AgeBand::SeventyPlus,
                ..Registration::default()
            };
            workshop.registrations.insert(RegistrationId::fresh(), came);
        })
    });
    written.await.expect("a visit");
    (person, session)
}

/// Erases the person by the page that says what will happen.
async fn erase(hub: &Program, person: PersonId) {
    let agent = Agent::sign_in(hub, LOGIN, PASSPHRASE).await;
    let sheet = agent.get(&format!("/personnes/{person}")).await;
    let path = format!("/personnes/{person}/effacer");
    assert!(sheet.contains(&path), "the sheet leads there");
    let mut fields = form_fields(&agent.get(&path).await, &path);
    fields.retain(|(name, _)| name != "reason");
    fields.push(("reason".to_owned(), "demande".to_owned()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (&**n, &**v)).collect();
    let seen = agent.get(&agent.act(&path, &fields).await).await;
    assert!(seen.contains("La personne est effacée du hub"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_erased_is_in_no_byte_of_any_file_and_no_copy_brings_them_back() {
    let world = World::new().await;
    world.keep_copy();
    let hub = world.serve(program::hub(), "hub");
    world.enrol(hub.address());
    assert_eq!(world.sync()["identical"], true);
    assert!(
        !world.traces("laptop").is_empty(),
        "the laptop has the person"
    );

    // Changed on the laptop, erased at the hub, neither knowing of the other.
    let laptop = Node::open(&world.path("laptop"), Clock::default()).await;
    let change = |someone: &mut Person| someone.phone = "06 98 76 54 32".to_owned();
    let site = laptop.expect("the laptop").site().clone();
    let changed = site.edit(world.person, AgentId::fresh(), change).await;
    changed.expect("an edit");
    drop(site);
    erase(&hub, world.person).await;
    world.assert_no_trace("hub");
    assert_nothing_logged(&hub.log());

    let laptop = world.serve(program::node(), "laptop");
    let agent = Agent::sign_in(&laptop, LOGIN, PASSPHRASE).await;
    let shown = agent.act("/synchronisation/maintenant", &[]).await;
    let seen = agent.get(&shown).await;
    assert!(seen.contains("identique au hub"), "{seen}");
    assert!(seen.contains("1 saisie de ce portable n’a pas été gardée"));
    world.assert_no_trace("laptop");
    world.assert_no_trace("hub");
    let sheet = agent.get(&format!("/ateliers/{}", world.session)).await;
    assert!(sheet.contains("Personne effacée") && sheet.contains("Présent"));
    let (_, log) = laptop.stop();
    assert_nothing_logged(&log);
    let address = hub.address();
    let (_, log) = hub.stop();
    assert_nothing_logged(&log);

    // An older database is put back, the file of erasures beside it is today's: before anybody is answered.
    let listen = address.to_string();
    let serve = || {
        let data = world.path("hub");
        let words = ["serve", "--json", "--listen", &listen, "--data"];
        let words = [&words[..], &[data.to_str().expect("plain names")]].concat();
        tokio::task::block_in_place(|| Program::start(program::hub(), &words))
    };
    world.put_back();
    assert!(!world.traces("hub").is_empty(), "the copy has the person");
    let hub = serve();
    world.assert_no_trace("hub");
    hub.kill();

    // The file is lost as well: the laptop brings the erasure back.
    world.put_back();
    std::fs::remove_file(world.path("hub").join("erasures")).expect("the file of erasures");
    let hub = serve();
    assert!(
        !world.traces("hub").is_empty(),
        "nobody knows of it any more"
    );
    world.enrol(address);
    assert_eq!(world.sync()["identical"], true);
    world.assert_no_trace("hub");
    world.assert_no_trace("laptop");
    drop(hub);
}
