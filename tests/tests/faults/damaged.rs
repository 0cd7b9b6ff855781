//! A laptop's database that SQLite gives up: moved aside, made anew with what could be saved, and mended by the hub.

use std::path::Path;

use field_node::Node;
use serde_json::Value;
use shared::time::Clock;
use tests::program::{self, Program};

use crate::stage::Stage;

type Harm = fn(&mut Vec<u8>);

/// What can become of the file. Each leaves less than the one before.
const DAMAGES: [(&str, Harm); 3] = [
    ("the header is gone", |file| file[..100].fill(0)),
    ("a third is zeros", |file| {
        let third = file.len() / 3;
        file[third..2 * third].fill(0);
    }),
    ("it is something else", |file| file.fill(b'x')),
];

fn damage(laptop: &Path, damage: Harm) -> Vec<u8> {
    let path = laptop.join("maison.db");
    // Otherwise the log has newer pages than the database, which then does no harm.
    let connection = rusqlite::Connection::open(&path).unwrap();
    let emptied = "PRAGMA wal_checkpoint(TRUNCATE)";
    let busy: i64 = connection.query_row(emptied, [], |row| row.get(0)).unwrap();
    assert_eq!(busy, 0);
    drop(connection);
    let mut file = std::fs::read(&path).unwrap();
    damage(&mut file);
    std::fs::write(&path, &file).unwrap();
    file
}

/// The directories with damaged databases.
fn aside(laptop: &Path) -> Vec<String> {
    let files = std::fs::read_dir(laptop).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|n| n.starts_with("base-abimee-")).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_damaged_laptop_is_made_anew_and_gets_everything_back() {
    for (what, how) in DAMAGES {
        let mut stage = Stage::new();
        let laptop = stage.laptop();
        stage.write(&["Cros", "Vidal", "Carayon"]).await;
        stage.sync();
        stage.write_at_hub(&["Durand"]).await;
        let all = stage.hub_status()["changes"].as_u64().unwrap();
        let waiting = stage.write(&["Pagès"]).await[0];
        let former = stage.status()["replica"].clone();
        let damaged = damage(&laptop, how);

        let words = ["sync", "--json"];
        let finished = stage.run(program::node(), &words, &laptop);
        let said = &finished.stderr;
        assert!(said.contains("était abîmée"), "{what}: {said}");
        let names = aside(&laptop);
        let [name] = names.as_slice() else {
            panic!("{what}: {names:?}");
        };
        assert!(said.contains(name.as_str()), "{said}");
        let kept = std::fs::read(laptop.join(name).join("maison.db")).unwrap();
        assert!(
            kept == damaged,
            "{what}: the damaged file is kept as it was"
        );

        if said.contains("nouveau ticket") {
            stage.enrol();
            assert_eq!(stage.sync()["identical"], true, "{what}");
        } else {
            let report = finished.success().json();
            assert_eq!(report["identical"], true, "{what}: {report}");
            assert_eq!(report["hub_restored"], false, "{what}: {report}");
            assert_ne!(
                stage.status()["replica"],
                former,
                "{what}: an id of its own"
            );
        }
        stage.assert_equal();
        let (laptop_has, hub_has) = (stage.status(), stage.hub_status());
        assert!(
            laptop_has["changes"].as_u64() >= Some(all),
            "{what}: {hub_has}"
        );
        let node = Node::open(&laptop, Clock::default()).await.unwrap();
        let saved = node.site().document(waiting).await.unwrap().is_some();
        assert_eq!(
            saved,
            what == "the header is gone" || what == "a third is zeros" && saved
        );
        node.close().await;
        let quiet = stage.sync();
        assert_eq!(quiet["round_trips"], 1, "{what}: {quiet}");
        stage.stop_hub();
    }
}

#[tokio::test]
async fn where_everything_is_saved_nothing_is_sent_or_fetched_again() {
    let stage = Stage::new();
    stage.write(&["Cros", "Vidal"]).await;
    stage.sync();
    stage.write(&["Pagès"]).await;
    damage(&stage.laptop(), DAMAGES[0].1);
    let status = stage.status();
    assert_eq!(status["pending"], 1, "what the hub has is known: {status}");
    let report = stage.sync();
    let numbers = ["sent", "received", "reconciled"].map(|name| report[name].clone());
    // What it receives is its new name in the catalog.
    assert_eq!(numbers, [1.into(), 1.into(), Value::Bool(true)], "{report}");
    assert!(report["bytes_down"].as_u64() < Some(2_500), "{report}");
    stage.assert_equal();
}

#[tokio::test]
async fn a_program_that_serves_finds_the_damage_at_its_start_and_says_so() {
    let stage = Stage::new();
    stage.write(&["Cros", "Vidal", "Carayon"]).await;
    // A page in the middle, which opening alone does not read.
    damage(&stage.laptop(), |file| {
        let pages = file.len() / 4096;
        let leaves = (2..pages).filter(|n| file[n * 4096] == 0x0d);
        let last = leaves.max().unwrap();
        file[last * 4096 + 1..last * 4096 + 8].fill(0xff);
    });
    let serving = Program::serve(program::node(), &stage.laptop(), &[]);
    assert_eq!(aside(&stage.laptop()).len(), 1);
    let log = serving.log();
    assert!(log.contains("base-abimee-"), "{log}");
    serving.stop();
    stage.sync();
    stage.assert_equal();
}

#[tokio::test]
async fn a_damaged_hub_refuses_to_open_and_says_what_to_do() {
    let mut stage = Stage::new();
    stage.stop_hub();
    let hub = stage.path("hub");
    let damaged = damage(&hub, DAMAGES[0].1);
    let words = ["serve", "--listen", "127.0.0.1:0"];
    let refused = stage.run(program::hub(), &words, &hub);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("sauvegarde"), "{}", refused.stderr);
    assert!(refused.stderr.contains("erasures"), "{}", refused.stderr);
    assert!(
        std::fs::read(hub.join("maison.db")).unwrap() == damaged,
        "untouched"
    );
}
