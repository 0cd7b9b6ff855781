//! A laptop and a hub that meet once, to join, and from then on exchange by files only; as processes, by command.

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

/// What no file outside of the databases may hold.
const CANARY: &str = "Canari";

struct World(TempDir);

impl World {
    /// A hub, and a laptop that has joined it and heard nothing of it.
    fn new() -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        let hub = Program::serve(program::hub(), &world.path("hub"), &[]);
        let address = format!("http://{}", hub.address());
        let words = [
            "ticket",
            "create",
            "--name",
            "Portable 1",
            "--address",
            &address,
            "--json",
        ];
        let ticket = world.at_hub(&words).success().json();
        let ticket = ticket["ticket"].as_str().unwrap();
        let _ = world.on_laptop(&["enrol", ticket]).success();
        hub.stop();
        std::fs::create_dir(world.path("stick")).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn at_hub(&self, words: &[&str]) -> Finished {
        run(program::hub(), words, &self.path("hub"))
    }

    fn on_laptop(&self, words: &[&str]) -> Finished {
        run(program::node(), words, &self.path("laptop"))
    }

    async fn site(&self, name: &str) -> Site {
        let path = self.path(name);
        if name == "hub" {
            return Hub::open(&path, Clock::default())
                .await
                .unwrap()
                .site()
                .clone();
        }
        Node::open(&path, Clock::default())
            .await
            .unwrap()
            .site()
            .clone()
    }

    async fn write(&self, name: &str, people: u32) {
        let site = self.site(name).await;
        for number in 0..people {
            let person =
                move |person: &mut Person| person.family_name = format!("{CANARY} {number}");
            site.edit(PersonId::fresh(), AgentId::fresh(), person)
                .await
                .unwrap();
        }
    }

    /// The one file on the stick whose name begins so.
    fn on_stick(&self, start: &str) -> String {
        let files = std::fs::read_dir(self.path("stick")).unwrap();
        let mut files = files.map(|file| file.unwrap().path());
        let named = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(start) && name.ends_with(".maison")
        };
        files.find(named).unwrap().to_str().unwrap().to_owned()
    }

    /// There and back; what both sides say.
    fn round_trip(&self) -> (Value, Value) {
        let stick = self.path("stick");
        let stick = stick.to_str().unwrap();
        let _ = self.on_laptop(&["stick", "export", stick]).success();
        let file = self.on_stick("portable-1-pour-le-hub-");
        let taken = self.at_hub(&["stick", "import", &file, "--return", stick, "--json"]);
        let taken = taken.success().json();
        let file = self.on_stick("retour-pour-portable-1-");
        assert_eq!(taken["return"], file);
        let returned = self.on_laptop(&["stick", "import", &file, "--json"]);
        (taken, returned.success().json())
    }

    fn assert_equal(&self) {
        let status = |finished: Finished| finished.success().json();
        let hub = status(self.at_hub(&["status", "--json"]));
        let laptop = status(self.on_laptop(&["status", "--json"]));
        assert_eq!(hub["fingerprint"], laptop["fingerprint"]);
        assert_eq!(
            (&laptop["pending"], &laptop["identical"]),
            (&0.into(), &true.into())
        );
    }
}

fn run(program: &Path, words: &[&str], data: &Path) -> Finished {
    program::run(
        program,
        &[words, &["--data", data.to_str().unwrap()]].concat(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_exchange_by_files_only_become_equal_and_stay_so() {
    let world = World::new();
    world.write("laptop", 3).await;
    world.write("hub", 2).await;
    let (taken, returned) = world.round_trip();
    assert_eq!((&taken["taken"], &taken["refused"]), (&3.into(), &0.into()));
    assert_eq!(returned["identical"], true);
    world.assert_equal();

    // Again, with what is new on both sides; then with nothing.
    world.write("laptop", 1).await;
    world.write("hub", 1).await;
    let (taken, returned) = world.round_trip();
    assert_eq!(
        (&taken["changes"], &taken["whole"]),
        (&1.into(), &false.into())
    );
    assert_eq!(
        (&returned["sent"], &returned["received"]),
        (&1.into(), &1.into())
    );
    let (taken, returned) = world.round_trip();
    assert_eq!(
        (&taken["changes"], &returned["received"]),
        (&0.into(), &0.into())
    );
    world.assert_equal();

    for file in ["portable-1-pour-le-hub-", "retour-pour-portable-1-"] {
        let bytes = std::fs::read(world.on_stick(file)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(CANARY));
    }
    let files = std::fs::read_dir(world.path("stick")).unwrap();
    assert_eq!(files.count(), 2, "nothing half-written stays behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_or_misplaced_file_is_refused_with_a_word_and_changes_nothing() {
    let world = World::new();
    world.write("laptop", 3).await;
    let stick = world.path("stick");
    let _ = world
        .on_laptop(&["stick", "export", stick.to_str().unwrap()])
        .success();
    let file = world.on_stick("portable-1-pour-le-hub-");
    let before = world.at_hub(&["status", "--json"]).success().json();

    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = stick.join("abime.maison");
    std::fs::write(&damaged, &bytes).unwrap();
    let refused = world.at_hub(&["stick", "import", damaged.to_str().unwrap()]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("abîmé ou incomplet"), "{refused:?}");
    let misplaced = world.on_laptop(&["stick", "import", &file]);
    assert_eq!(misplaced.code, Some(1));
    assert!(
        misplaced.stderr.contains("n’est pas destiné"),
        "{misplaced:?}"
    );
    let after = world.at_hub(&["status", "--json"]).success().json();
    assert_eq!(before["fingerprint"], after["fingerprint"]);
    assert!(!stick.join("retour-pour-portable-1.maison").exists());
}
