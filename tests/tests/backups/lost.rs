//! The hub is lost: restored from what is left, and everybody back.

use std::fs;

use serde_json::Value;
use shared::domain::codes::ErasureReason;
use shared::ids::{AgentId, ReplicaId};
use tests::program;

use crate::world::{MIRROR, PLACES, World};

fn replica(status: &Value) -> ReplicaId {
    status["replica"].as_str().unwrap().parse().unwrap()
}

/// What is left of the file of erasures and revocations when the hub is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// The file in the data directory.
    Own,
    /// The copies in the places.
    Copies,
    /// Nothing.
    Nothing,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_lost_is_restored_and_the_laptops_bring_back_the_rest() {
    for left in [Left::Own, Left::Copies, Left::Nothing] {
        lose_and_restore(left).await;
    }
}

async fn lose_and_restore(left: Left) {
    let mut world = World::new(&["one", "two", "stolen"]);
    let mut people = world.write("one", 3).await;
    people.extend(world.write("hub", 2).await);
    let erased = people.pop().unwrap();
    world.sync("one");
    // The backup is made while a laptop exchanges.
    let unsent = world.write("two", 20).await;
    let two = world.path("two");
    let exchange = std::thread::spawn(move || {
        let words = ["sync", "--json", "--data", two.to_str().unwrap()];
        program::run(program::node(), &words).success().json()
    });
    let made = world.at_hub(&["backup", "create", "--json"]);
    let made = made.success().json();
    assert_eq!(exchange.join().unwrap()["identical"], true);
    people.extend(unsent);
    for place in made["places"].as_array().unwrap() {
        assert_eq!(place["failure"], Value::Null, "{place}");
    }

    // Days of work, an erasure, a theft; a note that nobody has sent when the hub is lost.
    for name in ["one", "two", "hub"] {
        people.extend(world.write(name, 3).await);
    }
    for name in ["one", "two", "one"] {
        world.sync(name);
    }
    // What the backup reaches is known on the laptop, and that it does not reach the rest.
    for name in ["one", "hub"] {
        let durable = &world.status(name)["durable"];
        let (hub, backup) = (durable["hub"].as_u64(), durable["backup"].as_u64());
        assert!(
            backup >= Some(5) && backup.map(|n| n + 9) <= hub,
            "{name}: {durable}"
        );
    }
    let hub = world.hub().await;
    assert_eq!(
        hub.erase(erased, AgentId::fresh(), ErasureReason::Request)
            .await
            .unwrap(),
        1
    );
    assert!(hub.revoke(replica(&world.status("stolen"))).await.unwrap());
    hub.close().await;
    for name in ["one", "two"] {
        world.sync(name);
    }
    people.extend(world.write("two", 1).await);
    let before = world.status("hub");
    world.hub.take().unwrap().kill();
    let kept = fs::read(world.path("hub").join("erasures")).unwrap();
    fs::remove_dir_all(world.path("hub")).unwrap();
    if left == Left::Own {
        fs::create_dir(world.path("hub")).unwrap();
        fs::write(world.path("hub").join("erasures"), kept).unwrap();
    }
    if left != Left::Copies {
        for place in PLACES {
            fs::remove_file(world.path(place).join(MIRROR)).unwrap();
        }
    }

    let restored = world.restore().success();
    assert!(
        restored.stdout.contains("Le hub est restauré"),
        "{restored:?}"
    );
    assert!(world.left_over().is_empty());
    let revoked = |world: &World| {
        let hub = world.status("hub");
        let laptops = hub["laptops"].as_array().unwrap();
        let stolen = laptops.iter().find(|laptop| laptop["name"] == "stolen");
        stolen.unwrap()["revoked"].clone()
    };
    // When all is lost nobody remembers the theft: the page after a restore lists the laptops.
    assert_eq!(
        revoked(&world) != Value::Null,
        left != Left::Nothing,
        "{left:?}"
    );
    world.serve();
    assert_eq!(world.restore().code, Some(3), "it serves");
    for name in ["one", "two", "one", "two"] {
        let report = world.sync(name);
        assert_eq!(report["identical"], true, "{left:?}, {name}: {report}");
        assert_eq!(report["copy_noticed"], false, "{left:?}, {name}: {report}");
    }
    if left != Left::Nothing {
        let refused = world.run(program::node(), &["sync", "--json"], "stolen");
        assert_ne!(refused.code, Some(0), "{refused:?}");
    }
    let after = world.status("hub");
    assert_ne!(after["epoch"], before["epoch"]);
    // A backup of the life before says nothing of what has come back since.
    assert_eq!(world.status("one")["durable"]["backup"], 0);
    // All that the hub held, and what had not been sent.
    assert_eq!(
        after["changes"].as_u64(),
        before["changes"].as_u64().map(|n| n + 1)
    );
    for name in ["one", "two"] {
        assert_eq!(
            world.status(name)["fingerprint"],
            after["fingerprint"],
            "{left:?}"
        );
    }
    let hub = world.hub().await;
    for person in people {
        assert!(hub.site().document(person).await.unwrap().is_some());
    }
    assert!(
        hub.site().document(erased).await.unwrap().is_none(),
        "{left:?}"
    );
    let given = after["returned"]["laptops"].as_array().unwrap();
    let changes = given.iter().filter_map(|laptop| laptop["changes"].as_u64());
    assert!(changes.sum::<u64>() >= 9, "{given:?}");
    drop(hub);
}

#[test]
fn a_serving_hub_backs_up_and_drills_by_itself_and_stops_with_it() {
    let mut world = World::new(&[]);
    world.hub.take().unwrap().stop();
    world.serve();
    world.enrol("one");
    world.sync("one");
    let (status, log) = world.hub.take().unwrap().stop();
    assert!(status.success());
    assert!(
        log.contains("backed up") && log.contains("restored for practice"),
        "{log}"
    );
    let listed = world.at_hub(&["backup", "list", "--json"]).success().json();
    assert_eq!(listed["drill"]["failure"], Value::Null, "{listed}");
    assert_ne!(listed["newest"], Value::Null);
    assert!(world.left_over().is_empty());
}
