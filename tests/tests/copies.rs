//! Copies and old images, as processes: a laptop's directory copied, both used in turn; a laptop restored from an older
//! copy; a hub restored by copying files back. Each is noticed and mended by itself, and nothing is lost.

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
use tests::program::{self, Program};

/// A hub that serves, and laptops that exchange by command.
struct World {
    directory: TempDir,
    hub: Option<Program>,
    address: SocketAddr,
}

impl World {
    fn new(laptops: &[&str]) -> Self {
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
        world
    }

    /// Stops the hub for what `meanwhile` does with its files; it serves again at the same address.
    fn without_hub(&mut self, meanwhile: impl FnOnce(&Self)) {
        self.hub.take().unwrap().stop();
        meanwhile(self);
        let (path, address) = (self.path("hub"), self.address.to_string());
        let words = ["serve", "--listen", &address, "--json", "--data"];
        let words = [&words[..], &[path.to_str().unwrap()]].concat();
        self.hub = Some(Program::start(program::hub(), &words));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, program: &Path, words: &[&str], name: &str) -> Value {
        let path = self.path(name);
        let mut words = words.to_vec();
        words.extend(["--data", path.to_str().unwrap(), "--json"]);
        program::run(program, &words).success().json()
    }

    fn enrol(&self, name: &str) {
        let address = format!("http://{}", self.address);
        let words = ["ticket", "create", "--name", name, "--address", &address];
        let ticket = self.command(program::hub(), &words, "hub");
        let path = self.path(name);
        let ticket = ticket["ticket"].as_str().unwrap();
        let words = ["enrol", "--data", path.to_str().unwrap(), ticket];
        let _ = program::run(program::node(), &words).success();
    }

    /// One exchange; the JSON that it printed.
    fn sync(&self, name: &str) -> Value {
        self.command(program::node(), &["sync"], name)
    }

    /// What the program says of its data. A directory called « hub… » is a hub's.
    fn status(&self, name: &str) -> Value {
        let program = match name {
            "hub" => program::hub(),
            _ => program::node(),
        };
        self.command(program, &["status"], name)
    }

    /// A copy of a directory whose program does not run, as a file manager would make it.
    fn copy(&self, from: &str, to: &str) {
        let target = self.path(to);
        let _ = std::fs::remove_dir_all(&target);
        std::fs::create_dir(&target).unwrap();
        for file in std::fs::read_dir(self.path(from)).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), target.join(file.file_name())).unwrap();
        }
    }

    /// Writes people's sheets on a laptop, or at the hub beside the serving program.
    async fn write(&self, name: &str, people: u32) {
        let path = self.path(name);
        let site = match name {
            "hub" => Hub::open(&path, Clock::default())
                .await
                .unwrap()
                .site()
                .clone(),
            _ => Node::open(&path, Clock::default())
                .await
                .unwrap()
                .site()
                .clone(),
        };
        write(&site, people).await;
    }

    fn assert_equal(&self, laptops: &[&str], changes: u64) {
        let hub = self.status("hub");
        assert_eq!(hub["changes"], changes, "nothing was lost");
        for name in laptops {
            let laptop = self.status(name);
            assert_eq!(laptop["fingerprint"], hub["fingerprint"], "{name}");
            assert_eq!(laptop["pending"], 0, "{name}");
            let durable = &laptop["durable"];
            assert_eq!(durable["laptop"], 0, "{name}");
            assert_eq!(durable["hub"], hub["durable"]["hub"], "{name}");
            assert_eq!(durable["receipt"]["epoch"], hub["epoch"], "{name}");
        }
    }

    /// The ids of the laptops that the hub lists, and whether each is said to be a copy.
    fn copies(&self) -> Vec<Value> {
        let hub = self.status("hub");
        let laptops = hub["laptops"].as_array().unwrap();
        laptops
            .iter()
            .map(|l| l["incarnation_of"].clone())
            .collect()
    }
}

async fn write(site: &Site, people: u32) {
    for number in 0..people {
        site.edit(
            PersonId::fresh(),
            AgentId::fresh(),
            move |person: &mut Person| {
                person.family_name = format!("Carayon {number}");
            },
        )
        .await
        .unwrap();
    }
}

fn at_hub(world: &World) -> u64 {
    world.status("hub")["changes"].as_u64().unwrap()
}

#[tokio::test]
async fn a_copied_laptop_and_its_original_are_told_apart_and_both_keep_everything() {
    let world = World::new(&["one"]);
    world.write("one", 3).await;
    world.sync("one");
    world.copy("one", "two");
    let before = at_hub(&world);
    let mut noticed = 0;
    for name in ["one", "two", "one", "two", "two", "one"] {
        world.write(name, 2).await;
        let report = world.sync(name);
        assert_eq!(report["identical"], true, "{report}");
        noticed += u32::from(report["copy_noticed"] == true);
    }
    assert_eq!(noticed, 1, "one of them is the copy");
    world.sync("two");
    // The copy's name in the catalog is a change of the hub's own.
    world.assert_equal(&["one", "two"], before + 12 + 1);
    let ids = [world.status("one"), world.status("two")].map(|s| s["replica"].clone());
    assert_ne!(ids[0], ids[1]);
    assert_eq!(world.copies(), [Value::Null, ids[0].clone()]);
}

#[tokio::test]
async fn a_laptop_restored_from_an_older_copy_gets_back_what_it_lost_and_keeps_what_it_wrote() {
    for missed in [1, 3] {
        let world = World::new(&["one", "other"]);
        world.copy("one", "image");
        for _ in 0..missed {
            world.write("one", 1).await;
            world.write("other", 1).await;
            world.sync("one");
            world.sync("other");
        }
        let before = at_hub(&world);
        world.copy("image", "one");
        world.write("one", 2).await;
        let report = world.sync("one");
        assert_eq!(report["identical"], true, "{report}");
        assert_eq!(report["copy_noticed"], true, "{report}");
        assert_eq!(report["reconciled"], false, "what it lost was news to it");
        world.sync("other");
        world.sync("one");
        world.assert_equal(&["one", "other"], before + 2 + 1);
        let quiet = world.sync("one");
        assert_eq!(
            (&quiet["round_trips"], &quiet["copy_noticed"]),
            (&1.into(), &false.into())
        );
    }
}

#[tokio::test]
async fn a_hub_put_back_by_copying_files_notices_by_itself_and_gets_everything_back() {
    let laptops = ["one", "two", "three"];
    let mut world = World::new(&laptops);
    world.without_hub(|world| world.copy("hub", "image"));
    let epoch = world.status("hub")["epoch"].clone();
    for name in laptops {
        world.write(name, 3).await;
        world.write("hub", 1).await;
        world.sync(name);
    }
    // A laptop that is copied after the image was made: the hub will have forgotten its new id as well.
    world.copy("three", "four");
    world.write("three", 1).await;
    world.sync("three");
    assert_eq!(world.sync("four")["copy_noticed"], true);
    let laptops = ["one", "two", "three", "four"];
    for name in laptops {
        world.sync(name);
    }
    let before = at_hub(&world);
    world.without_hub(|world| world.copy("image", "hub"));
    assert!(at_hub(&world) < before);
    assert_eq!(world.status("hub")["restored"], Value::Null);
    world.write("hub", 2).await;
    world.write("two", 1).await;

    let mut anew = 0;
    for name in laptops.iter().chain(&laptops) {
        let report = world.sync(name);
        assert_eq!(report["identical"], true, "{name}: {report}");
        assert_eq!(
            report["refused"], 0,
            "the catalog comes back as well: {report}"
        );
        assert_eq!(report["copy_noticed"], false, "{name} is none: {report}");
        anew += u32::from(report["hub_restored"] == true);
    }
    assert_eq!(anew, 4, "each laptop is told once");
    world.assert_equal(&laptops, before + 3);
    let hub = world.status("hub");
    assert_ne!(hub["epoch"], epoch);
    assert_eq!(hub["restored"]["laptop"], world.status("one")["replica"]);
    let log = world.hub.take().unwrap().stop().1;
    assert!(log.contains("restored from an older copy"), "{log}");
}

#[tokio::test]
async fn a_laptop_that_joined_after_the_image_of_the_hub_is_registered_again_without_a_ticket() {
    let mut world = World::new(&["one"]);
    world.without_hub(|world| world.copy("hub", "image"));
    for name in ["two", "lost"] {
        world.enrol(name);
        world.write(name, 3).await;
        assert_eq!(world.sync(name)["identical"], true);
    }
    // A copy bears an id that the hub will not know either.
    world.copy("two", "three");
    world.sync("two");
    assert_eq!(world.sync("three")["copy_noticed"], true);
    let lost = world.status("lost")["replica"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let hub = Hub::open(&world.path("hub"), Clock::default())
        .await
        .unwrap();
    assert!(hub.revoke(lost).await.unwrap());
    hub.close().await;
    let before = at_hub(&world);

    // As in a restore, the file beside the database stays.
    world.without_hub(|world| {
        let file = world.path("hub").join("erasures");
        let kept = std::fs::read(&file).expect("the file of revocations");
        world.copy("image", "hub");
        std::fs::write(&file, kept).unwrap();
    });
    world.write("two", 1).await;
    for name in ["two", "three", "one", "two", "three"] {
        let report = world.sync(name);
        assert_eq!(report["identical"], true, "{name}: {report}");
        assert_eq!(report["copy_noticed"], false, "{name}: {report}");
    }
    // The sheet, and the names of the two laptops in the catalog, once more.
    world.assert_equal(&["one", "two", "three"], before + 1 + 2);
    let names: Vec<Value> = world.status("hub")["laptops"].as_array().unwrap().clone();
    assert!(
        names.iter().any(|laptop| laptop["name"] == "two"),
        "{names:?}"
    );

    let path = world.path("lost");
    let words = ["sync", "--json", "--data", path.to_str().unwrap()];
    let refused = program::run(program::node(), &words);
    assert_eq!(refused.json()["error"], "revoked", "{refused:?}");
}
