//! A backup or a restore that is killed, or finds the disk full, wherever it stands.

use std::fs;
use std::path::Path;

use hub::Hub;
use shared::time::Clock;
use tests::program::{self, Finished};

use crate::world::World;

/// Runs a command of the hub that may write `blocks` (of 512 bytes) to any one file: beyond that the disk is full, or the
/// program is killed in the middle of the writing.
fn within(world: &World, blocks: usize, is_killed: bool, words: &[&str]) -> Finished {
    let ignored = if is_killed { "" } else { "trap '' XFSZ; " };
    let (program, data) = (program::hub(), world.path("hub"));
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "ulimit -c 0; {ignored}ulimit -f {blocks}; exec '{}' backup {} --data '{}'",
        program.display(),
        words.join(" "),
        data.display()
    );
    program::run(Path::new("/bin/sh"), &["-c", &script])
}

/// From nothing at all to just less than a whole backup or database of this test.
const BLOCKS: [usize; 6] = [0, 1, 8, 40, 120, 400];

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_killed_or_finds_no_room_harms_neither_the_data_nor_the_backups_before() {
    let world = World::new(&[]);
    world.write("hub", 120).await;
    let _ = world.at_hub(&["backup", "create"]).success();
    let (older, before) = (world.newest(), world.status("hub"));
    let older = older["name"].as_str().unwrap();
    let (mut full, mut killed) = (0, 0);
    for blocks in BLOCKS {
        for is_killed in [false, true] {
            let finished = within(&world, blocks, is_killed, &["create"]);
            match finished.code {
                Some(0) => continue,
                Some(_) => full += 1,
                None => killed += 1,
            }
            assert_eq!(world.status("hub")["fingerprint"], before["fingerprint"]);
        }
    }
    assert!(full >= 3 && killed >= 3, "{full} full, {killed} killed");
    let _ = world.verify(older).success();
    let _ = world.at_hub(&["backup", "create"]).success();
    let newest = world.newest();
    assert_ne!(newest["name"], older);
    let _ = world.verify(newest["name"].as_str().unwrap()).success();
    assert!(world.left_over().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_or_finds_no_room_leaves_the_data_of_today() {
    let mut world = World::new(&[]);
    world.write("hub", 120).await;
    let _ = world.at_hub(&["backup", "create"]).success();
    let backup = world.newest();
    world.write("hub", 1).await;
    let today = world.status("hub");
    world.hub.take().unwrap().stop();
    let key = world.path("odile.cle");
    let words = ["restore", "--key", key.to_str().unwrap()];
    let (mut full, mut killed) = (0, 0);
    for blocks in BLOCKS {
        for is_killed in [false, true] {
            let finished = within(&world, blocks, is_killed, &words);
            match finished.code {
                Some(0) => panic!("{blocks} blocks were enough"),
                Some(_) => full += 1,
                None => killed += 1,
            }
            assert_eq!(world.status("hub")["fingerprint"], today["fingerprint"]);
            if !is_killed {
                assert!(world.left_over().is_empty(), "{blocks}");
            }
        }
    }
    assert!(full >= 3 && killed >= 3, "{full} full, {killed} killed");
    let _ = world
        .at_hub(&["backup", "restore", "--key", key.to_str().unwrap()])
        .success();
    assert_ne!(world.status("hub")["fingerprint"], today["fingerprint"]);
    assert!(world.left_over().is_empty());
    let set_aside = fs::read_dir(world.path("hub")).unwrap().find_map(|file| {
        let path = file.unwrap().path();
        path.file_name()?
            .to_str()?
            .starts_with("avant-restauration-")
            .then_some(path)
    });
    let aside = Hub::open(&set_aside.unwrap(), Clock::default())
        .await
        .unwrap();
    let print = aside
        .site()
        .read(|c| Ok(shared::ledger::replica::fingerprint(c)?));
    assert_eq!(
        print.await.unwrap().to_string(),
        today["fingerprint"].as_str().unwrap()
    );

    // One that died between two moves is finished by whoever serves; nobody else touches the data before.
    let data = world.path("hub");
    let complete = data.join("avant-restauration-2026-11-24-0925.neuve");
    fs::rename(data.join("maison.db"), complete).unwrap();
    assert!(world.at_hub(&["status"]).stderr.contains("jusqu’au bout"));
    world.serve();
    assert_eq!(world.newest()["name"], backup["name"]);
    let _ = world.status("hub");
}
