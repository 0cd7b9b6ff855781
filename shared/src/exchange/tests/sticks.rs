//! Exchanges by files only: once, late, twice, in the wrong order, between old copies and clones, and damaged.

use std::io::Cursor;

use ed25519_dalek::SigningKey;

use super::*;
use crate::domain::catalog::{Catalog, catalog_id};
use crate::domain::codes::ErasureReason;
use crate::exchange::stick::{self, Letter, Returned, StickError, Taken};
use crate::ids::ReplicaId;
use crate::ledger::testing::files_with;
use crate::ledger::{erasures, hub_key};

/// The key of every laptop here.
fn laptop_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// Trades the keys, as joining does.
async fn join(laptop: &Place, hub: &Place) {
    let keys = hub.site.write(|work| {
        let c = work.connection();
        Ok((hub_key::ensure_own(c)?, stick::ensure_recipient(c)?))
    });
    let (key, recipient) = keys.await.unwrap();
    let kept = laptop.site.write(move |work| {
        hub_key::keep(work.connection(), &key.verifying_key())?;
        Ok(stick::keep_hub(work.connection(), &recipient)?)
    });
    assert!(kept.await.unwrap());
}

async fn pair() -> (Place, Place) {
    let (laptop, hub) = (place().await, hub().await);
    join(&laptop, &hub).await;
    for number in 0..5 {
        laptop.add_person(&format!("Cros {number}")).await;
        hub.add_person(&format!("Vidal {number}")).await;
    }
    (laptop, hub)
}

async fn renew_epoch(hub: &Place) {
    let renewed = hub
        .site
        .write(|work| Ok(position::renew_own_epoch(work.connection())?));
    renewed.await.unwrap();
}

/// The laptop's file for the hub.
async fn letter(laptop: &Place, hub: ReplicaId) -> Vec<u8> {
    let out = Vec::new();
    let exported = stick::export(&laptop.site, laptop_key(), hub, out, |_, _| ());
    exported.await.unwrap().1
}

/// The hub takes a file and makes the return file.
async fn taken(hub: &Place, file: &[u8]) -> Result<(Taken, Vec<u8>), StickError> {
    let letter = Letter::read(&hub.site, Cursor::new(file.to_vec())).await?;
    let key = laptop_key().verifying_key();
    letter.take(&key, Vec::new(), |_, _| ()).await
}

async fn returned(laptop: &Place, hub: ReplicaId, file: &[u8]) -> Result<Returned, StickError> {
    let file = Cursor::new(file.to_vec());
    stick::import(&laptop.site, hub, file, |_, _| ()).await
}

async fn report(laptop: &Place, hub: ReplicaId, file: &[u8]) -> Report {
    match returned(laptop, hub, file).await.unwrap() {
        Returned::Taken(report) => *report,
        Returned::Older => panic!("older"),
    }
}

/// There and back.
async fn round_trip(laptop: &Place, hub: &Place) -> (Taken, Report) {
    let id = hub.site.replica();
    let (taken, file) = taken(hub, &letter(laptop, id).await).await.unwrap();
    (taken, report(laptop, id, &file).await)
}

async fn assert_equal(laptop: &Place, hub: &Place, count: u64) {
    let (taken, report) = round_trip(laptop, hub).await;
    assert!(report.identical && !taken.is_whole, "{taken:?} {report:?}");
    assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);
    assert_eq!(laptop.count().await, count);
    assert_eq!(laptop.pending().await, Pending::default());
    let over_the_line = exchange(laptop, hub).await;
    assert!(over_the_line.identical, "{over_the_line:?}");
    assert_eq!(over_the_line.round_trips, 1, "{over_the_line:?}");
}

/// Everything that a file could have changed.
async fn state(place: &Place) -> (Fingerprint, Pending, position::Position, usize) {
    let read = place.site.read(|c| {
        let differences = c.query_row("SELECT count(*) FROM exchange_difference", [], |row| {
            row.get::<_, i64>(0)
        });
        Ok((
            replica::fingerprint(c)?,
            position::pending(c)?,
            position::position(c)?,
            usize::try_from(differences?).unwrap(),
        ))
    });
    read.await.unwrap()
}

#[tokio::test]
async fn two_who_never_had_a_line_become_equal_and_a_file_taken_twice_changes_nothing() {
    let (laptop, hub) = pair().await;
    let id = hub.site.replica();
    let file = letter(&laptop, id).await;
    let (first, back) = taken(&hub, &file).await.unwrap();
    assert_eq!((first.changes, first.taken, first.refused), (5, 5, 0));
    let (again, back_again) = taken(&hub, &file).await.unwrap();
    assert_eq!((again.changes, again.taken), (5, 0));
    let received = report(&laptop, id, &back).await;
    assert!(received.identical, "{received:?}");
    assert_eq!(received.received, 5);
    let before = state(&laptop).await;
    for back in [&back, &back_again] {
        assert_eq!(report(&laptop, id, back).await.received, 0);
        assert_eq!(state(&laptop).await, before);
    }
    assert_equal(&laptop, &hub, 10).await;
}

#[tokio::test]
async fn what_is_new_since_the_last_stick_is_all_that_the_next_one_holds() {
    let (laptop, hub) = pair().await;
    round_trip(&laptop, &hub).await;
    laptop.add_person("Cros").await;
    hub.add_person("Vidal").await;
    let (taken, report) = round_trip(&laptop, &hub).await;
    assert_eq!((taken.changes, taken.is_whole), (1, false));
    assert_eq!((report.sent, report.received), (1, 1), "{report:?}");
    assert_equal(&laptop, &hub, 12).await;
}

#[tokio::test]
async fn a_return_file_that_is_lost_or_late_or_overtaken_does_no_harm() {
    let (laptop, hub) = pair().await;
    let id = hub.site.replica();
    round_trip(&laptop, &hub).await;
    laptop.add_person("Cros").await;
    hub.add_person("Vidal").await;
    let (_, first) = taken(&hub, &letter(&laptop, id).await).await.unwrap();
    laptop.add_person("Fabre").await;
    hub.add_person("Maury").await;
    // The first one was left at home: the next file holds its changes again.
    let (second_taken, second) = taken(&hub, &letter(&laptop, id).await).await.unwrap();
    assert_eq!((second_taken.changes, second_taken.taken), (2, 1));
    assert!(!second_taken.is_whole);
    laptop.add_person("Roques").await;
    let received = report(&laptop, id, &second).await;
    assert!(received.identical && received.received == 2, "{received:?}");
    assert_eq!(laptop.pending().await.changes, 1, "written since");
    let before = state(&laptop).await;
    let overtaken = returned(&laptop, id, &first).await.unwrap();
    assert_eq!(overtaken, Returned::Older);
    assert_eq!(state(&laptop).await, before);
    assert_equal(&laptop, &hub, 15).await;
}

#[tokio::test]
async fn files_that_a_line_has_overtaken_do_no_harm_on_either_side() {
    let (laptop, hub) = pair().await;
    let id = hub.site.replica();
    exchange(&laptop, &hub).await;
    laptop.add_person("Cros").await;
    let early = letter(&laptop, id).await;
    let (_, back) = taken(&hub, &early).await.unwrap();
    hub.add_person("Vidal").await;
    laptop.add_person("Fabre").await;
    exchange(&laptop, &hub).await;
    let before = state(&laptop).await;
    let overtaken = returned(&laptop, id, &back).await.unwrap();
    assert_eq!(overtaken, Returned::Older);
    assert_eq!(state(&laptop).await, before);
    // The hub takes the early file once more and answers with everything; that is still true.
    let (again, back) = taken(&hub, &early).await.unwrap();
    assert_eq!(again.taken, 0);
    let received = report(&laptop, id, &back).await;
    assert!(received.identical, "{received:?}");
    assert_eq!(state(&laptop).await, before);
    assert_equal(&laptop, &hub, 13).await;
}

#[tokio::test]
async fn a_return_file_that_begins_before_where_the_laptop_stands_moves_it_forward() {
    let (laptop, hub) = pair().await;
    let id = hub.site.replica();
    exchange(&laptop, &hub).await;
    for _ in 0..3 {
        hub.add_person("Vidal").await;
    }
    let (_, early) = taken(&hub, &letter(&laptop, id).await).await.unwrap();
    hub.add_person("Maury").await;
    let (_, late) = taken(&hub, &letter(&laptop, id).await).await.unwrap();
    // Both begin at the same place.
    assert!(report(&laptop, id, &early).await.identical);
    let cursor = state(&laptop).await.2.cursor;
    let received = report(&laptop, id, &late).await;
    assert!(received.identical && received.received == 1);
    assert_eq!(state(&laptop).await.2.cursor, cursor + 1);
    assert_equal(&laptop, &hub, 14).await;
}

#[tokio::test]
async fn a_hub_restored_from_an_older_copy_gets_back_what_it_lost() {
    for new_epoch in [false, true] {
        let (laptop, hub) = pair().await;
        let id = hub.site.replica();
        round_trip(&laptop, &hub).await;
        let image = hub.image();
        for _ in 0..3 {
            laptop.add_person("Cros").await;
            hub.add_person("Vidal").await;
        }
        let (_, early) = taken(&hub, &letter(&laptop, id).await).await.unwrap();
        report(&laptop, id, &early).await;
        drop(hub);
        let hub = open(image).await;
        if new_epoch {
            renew_epoch(&hub).await;
        }
        hub.add_person("Fabre").await;
        laptop.add_person("Cros").await;
        let (taken, received) = round_trip(&laptop, &hub).await;
        assert!(taken.is_whole, "{taken:?}");
        assert!(received.identical && received.received == 1, "{received:?}");
        let pending = laptop.pending().await;
        assert_eq!(pending.changes, 6, "what the hub lost, of both");
        if new_epoch {
            let stale = returned(&laptop, id, &early).await;
            assert!(matches!(stale, Err(StickError::OutOfPlace)), "{stale:?}");
            assert_eq!(laptop.pending().await, pending);
        }
        assert_equal(&laptop, &hub, 18).await;
    }
}

#[tokio::test]
async fn a_laptop_restored_from_an_old_copy_gets_its_own_entries_back() {
    let (laptop, hub) = pair().await;
    let id = hub.site.replica();
    round_trip(&laptop, &hub).await;
    let image = laptop.image();
    let lost = laptop.add_person("Fabre").await;
    hub.add_person("Vidal").await;
    let (_, back) = taken(&hub, &letter(&laptop, id).await).await.unwrap();
    report(&laptop, id, &back).await;
    drop(laptop);
    let laptop = open(image).await;
    // What the return file confirms, this laptop does not have.
    let before = state(&laptop).await;
    let refused = returned(&laptop, id, &back).await;
    assert!(matches!(refused, Err(StickError::OutOfPlace)));
    laptop.add_person("Cros").await;
    let refused = returned(&laptop, id, &back).await;
    assert!(matches!(refused, Err(StickError::OutOfPlace)));
    assert_eq!(state(&laptop).await.2, before.2);
    let (taken, received) = round_trip(&laptop, &hub).await;
    assert!(taken.is_whole && received.identical, "{received:?}");
    assert_eq!(laptop.family_name(lost).await.unwrap(), "Fabre");
    assert_equal(&laptop, &hub, 13).await;
}

#[tokio::test]
async fn two_laptops_cloned_from_one_directory_keep_both_their_entries() {
    let (one, hub) = pair().await;
    round_trip(&one, &hub).await;
    let two = open(one.image()).await;
    for (number, clone) in [&one, &two, &one, &two].into_iter().enumerate() {
        clone.add_person(&format!("Fabre {number}")).await;
        let (_, received) = round_trip(clone, &hub).await;
        assert!(received.identical, "{received:?}");
    }
    round_trip(&one, &hub).await;
    assert_equal(&one, &hub, 14).await;
    assert_equal(&two, &hub, 14).await;
}

#[tokio::test]
async fn what_the_hub_refuses_is_told_and_not_sent_again() {
    let (laptop, hub) = pair().await;
    round_trip(&laptop, &hub).await;
    for months in [1, 2] {
        let edit = move |catalog: &mut Catalog| catalog.retention_months = Some(months);
        laptop.site.edit(catalog_id(), agent(), edit).await.unwrap();
        let mine = laptop.add_person("Cros").await;
        let (taken, received) = round_trip(&laptop, &hub).await;
        assert_eq!((taken.refused, taken.is_whole), (1, false));
        assert!(received.identical, "{received:?}");
        assert_eq!(hub.family_name(mine).await.unwrap(), "Cros");
        assert_eq!(laptop.pending().await, Pending::default());
        let (quiet, received) = round_trip(&laptop, &hub).await;
        assert_eq!((quiet.changes, quiet.is_whole), (0, false));
        assert!(received.identical && received.refused == u64::from(months));
    }
}

#[tokio::test]
async fn erasures_go_both_ways_and_a_restored_hub_hears_of_its_own_again() {
    let (laptop, hub) = pair().await;
    round_trip(&laptop, &hub).await;
    let image = hub.image();
    let erased = laptop.add_person("Fabre").await;
    round_trip(&laptop, &hub).await;
    let erase = hub.site.write(move |work| {
        work.erase(erased, agent(), ErasureReason::Request)?;
        Ok(())
    });
    erase.await.unwrap();
    laptop.rename(erased, "Fabre-Cros").await;
    let (taken, received) = round_trip(&laptop, &hub).await;
    assert_eq!(taken.refused, 1, "it came too late");
    assert!(received.identical, "{received:?}");
    assert_eq!(laptop.family_name(erased).await, None);
    assert_equal(&laptop, &hub, 11).await;
    // The copy knows the person no more than the erasure; a second laptop brings the one, this one the other.
    drop(hub);
    let hub = open(image).await;
    let (_, received) = round_trip(&laptop, &hub).await;
    assert!(received.identical, "{received:?}");
    let (taken, _) = round_trip(&laptop, &hub).await;
    assert_eq!(taken.refused, 0);
    assert_equal(&laptop, &hub, 11).await;
}

#[tokio::test]
async fn a_damaged_or_foreign_file_changes_nothing_on_either_side() {
    let (laptop, hub) = pair().await;
    let (other_laptop, other_hub) = pair().await;
    join(&other_laptop, &hub).await;
    let id = hub.site.replica();
    let file = letter(&laptop, id).await;
    let before = state(&hub).await;
    for length in (0..file.len()).step_by(7) {
        assert!(taken(&hub, &file[..length]).await.is_err(), "{length}");
    }
    for place in (0..file.len()).step_by(7) {
        let mut altered = file.clone();
        altered[place] ^= 4;
        assert!(taken(&hub, &altered).await.is_err(), "{place}");
    }
    let refused = taken(&other_hub, &file).await;
    assert!(matches!(refused, Err(StickError::NotForUs)), "{refused:?}");
    // Somebody who knows the hub's recipient, but has not the laptop's key.
    let forged = stick::export(
        &laptop.site,
        SigningKey::from_bytes(&[8; 32]),
        id,
        Vec::new(),
        |_, _| (),
    );
    let refused = taken(&hub, &forged.await.unwrap().1).await;
    assert!(matches!(refused, Err(StickError::BadSignature)));
    // A laptop that takes this hub for its own.
    let astray = letter(&other_laptop, other_hub.site.replica()).await;
    let refused = taken(&hub, &astray).await;
    assert!(matches!(refused, Err(StickError::NotForUs)));
    assert_eq!(state(&hub).await, before);

    let (_, back) = taken(&hub, &file).await.unwrap();
    let before = state(&laptop).await;
    for length in (0..back.len()).step_by(7) {
        assert!(returned(&laptop, id, &back[..length]).await.is_err());
    }
    for place in (0..back.len()).step_by(7) {
        let mut altered = back.clone();
        altered[place] ^= 4;
        assert!(returned(&laptop, id, &altered).await.is_err(), "{place}");
    }
    for (laptop, file) in [(&laptop, &file), (&other_laptop, &back)] {
        let refused = returned(laptop, id, file).await;
        assert!(matches!(refused, Err(StickError::NotForUs)), "{refused:?}");
    }
    assert_eq!(state(&laptop).await, before);
    assert!(report(&laptop, id, &back).await.identical);
}

#[tokio::test]
async fn a_file_that_another_hub_signed_is_refused() {
    let (laptop, hub) = pair().await;
    let (_, back) = taken(&hub, &letter(&laptop, hub.site.replica()).await)
        .await
        .unwrap();
    let key = SigningKey::from_bytes(&[3; 32]).verifying_key();
    let kept = laptop
        .site
        .write(move |work| Ok(hub_key::keep(work.connection(), &key)?));
    kept.await.unwrap();
    let refused = returned(&laptop, hub.site.replica(), &back).await;
    assert!(matches!(refused, Err(StickError::BadSignature)));
    assert_eq!(laptop.count().await, 5);
}

#[tokio::test]
async fn more_than_one_body_can_hold_goes_up_and_down() {
    let (laptop, hub) = (place().await, hub().await);
    join(&laptop, &hub).await;
    for place in [&laptop, &hub] {
        let written = place.site.write(|work| {
            for number in 0..60u32 {
                // Long texts that hardly compress, and others that compress beyond measure.
                let mut random = StdRng::seed_from_u64(number.into());
                let notes = match number % 2 {
                    0 => (0..10_000)
                        .map(|_| char::from(random.random_range(b' '..b'~')))
                        .collect::<String>(),
                    _ => "oui ".repeat(50_000),
                };
                work.edit(PersonId::fresh(), agent(), |person: &mut Person| {
                    person.family_name = notes;
                })?;
            }
            Ok(())
        });
        written.await.unwrap();
    }
    let (taken, report) = round_trip(&laptop, &hub).await;
    assert_eq!((taken.taken, report.received), (60, 60));
    assert!(report.identical, "{report:?}");
    assert_equal(&laptop, &hub, 120).await;
}

#[tokio::test]
async fn whatever_order_files_lines_and_old_copies_come_in_all_become_equal() {
    for seed in 0..12 {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut agents = Agents::new(seed);
        let mut hub = hub().await;
        let id = hub.site.replica();
        let mut laptops = [place().await, place().await];
        for laptop in &laptops {
            join(laptop, &hub).await;
        }
        let mut letters: Vec<Vec<u8>> = Vec::new();
        let mut returns: [Vec<Vec<u8>>; 2] = [Vec::new(), Vec::new()];
        let mut hub_image = None;
        for _ in 0..40 {
            let who = random.random_range(0..2);
            match random.random_range(0..12) {
                0..4 => agents.edit(&laptops[who]).await,
                4..6 => agents.edit(&hub).await,
                6 => letters.push(letter(&laptops[who], id).await),
                7 if !letters.is_empty() => {
                    let file = letters[random.random_range(0..letters.len())].clone();
                    let made = Letter::read(&hub.site, Cursor::new(file)).await.unwrap();
                    let who = usize::from(made.laptop() != laptops[0].site.replica());
                    let key = laptop_key().verifying_key();
                    let (_, back) = made.take(&key, Vec::new(), |_, _| ()).await.unwrap();
                    returns[who].push(back);
                }
                8..10 if !returns[who].is_empty() => {
                    let file = &returns[who][random.random_range(0..returns[who].len())];
                    match returned(&laptops[who], id, file).await {
                        Ok(_) | Err(StickError::OutOfPlace) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
                10 => {
                    exchange(&laptops[who], &hub).await;
                }
                11 => match (random.random_range(0..3), hub_image.take()) {
                    (0, _) => {
                        let image = laptops[who].image();
                        agents.edit(&laptops[who]).await;
                        round_trip(&laptops[who], &hub).await;
                        laptops[who] = open(image).await;
                    }
                    (_, None) => hub_image = Some(hub.image()),
                    (is_told, Some(image)) => {
                        hub = open(image).await;
                        if is_told == 1 {
                            renew_epoch(&hub).await;
                        }
                    }
                },
                _ => {}
            }
        }
        // Twice each: what a restored hub lost comes back with one, and reaches the other with the next.
        for laptop in [&laptops[0], &laptops[1], &laptops[0], &laptops[1]] {
            for _ in 0..2 {
                let (_, report) = round_trip(laptop, &hub).await;
                assert!(report.identical, "{report:?}");
            }
        }
        for laptop in &laptops {
            round_trip(laptop, &hub).await;
            assert_equal(laptop, &hub, hub.count().await).await;
        }
    }
}

/// A laptop and a hub that both know somebody, by files only.
async fn pair_with_somebody() -> (Place, Place, PersonId) {
    let (laptop, hub) = pair().await;
    let id = hub.add_person("Zébulonette").await;
    assert!(round_trip(&laptop, &hub).await.1.identical);
    (laptop, hub, id)
}

async fn erase(hub: &Place, id: PersonId) {
    let erased = hub.site.erase(id, agent(), ErasureReason::Request).await;
    assert_eq!(erased.unwrap(), 1);
}

async fn assert_forgotten(laptop: &Place, hub: &Place, count: u64) {
    assert_equal(laptop, hub, count).await;
    for place in [laptop, hub] {
        let files = files_with(place.directory.path(), &["Zébulonette", "zebulonette"]);
        assert_eq!(files, [""; 0]);
    }
}

#[tokio::test]
async fn an_erasure_comes_with_the_stick_and_older_files_bring_nobody_back() {
    let (laptop, hub, id) = pair_with_somebody().await;
    laptop.rename(id, "Zébulonette bis").await;
    let old_letter = letter(&laptop, hub.site.replica()).await;
    let (_, old_return) = taken(&hub, &old_letter).await.unwrap();
    erase(&hub, id).await;
    laptop.rename(id, "Zébulonette ter").await;
    let (_, report) = round_trip(&laptop, &hub).await;
    assert!(report.identical, "{report:?}");
    let lost = laptop.site.read(|c| Ok(erasures::lost(c, 9)?)).await;
    assert_eq!(lost.unwrap().len(), 1, "its author hears");
    assert_forgotten(&laptop, &hub, 11).await;
    taken(&hub, &old_letter).await.unwrap();
    let hub_id = hub.site.replica();
    returned(&laptop, hub_id, &old_return).await.unwrap();
    assert_forgotten(&laptop, &hub, 11).await;
}

#[tokio::test]
async fn a_hub_restored_from_an_older_copy_hears_by_stick_whom_it_had_erased() {
    for new_epoch in [false, true] {
        let (laptop, hub, id) = pair_with_somebody().await;
        let image = hub.image();
        erase(&hub, id).await;
        assert!(round_trip(&laptop, &hub).await.1.identical);
        drop(hub);
        let hub = open(image).await;
        if new_epoch {
            renew_epoch(&hub).await;
        }
        hub.add_person("Fabre").await;
        for _ in 0..2 {
            round_trip(&laptop, &hub).await;
        }
        assert_forgotten(&laptop, &hub, 12).await;
    }
}
