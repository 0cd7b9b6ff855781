//! What a remembered position cannot know: old copies of either side, clones, refused changes.

use super::*;
use crate::document::Kind;
use crate::domain::catalog::{Catalog, catalog_id};
use crate::exchange::{WhyNot, laptop_may_write};
use crate::ledger::quarantine::Again;

/// A laptop and a hub that agree on some people.
async fn pair() -> (Place, Place) {
    let (laptop, hub) = (place().await, hub().await);
    for _ in 0..20 {
        laptop.add_person("Cros").await;
        hub.add_person("Vidal").await;
    }
    assert!(exchange(&laptop, &hub).await.identical);
    (laptop, hub)
}

async fn assert_equal(laptop: &Place, hub: &Place, count: u64) {
    let report = exchange(laptop, hub).await;
    assert!(report.identical, "{report:?}");
    assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);
    assert_eq!(laptop.count().await, count);
    assert_eq!(laptop.pending().await, Pending::default());
    let quiet = exchange(laptop, hub).await;
    assert!(
        quiet.identical && !quiet.reconciled && quiet.round_trips == 1,
        "{quiet:?}"
    );
}

async fn renew_epoch(hub: &Place) {
    hub.site
        .write(|work| Ok(position::renew_own_epoch(work.connection())?))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_hub_restored_from_an_older_copy_gets_back_what_it_lost() {
    for new_epoch in [false, true] {
        let (laptop, hub) = pair().await;
        let image = hub.image();
        for _ in 0..5 {
            laptop.add_person("Cros").await;
            hub.add_person("Vidal").await;
        }
        assert!(exchange(&laptop, &hub).await.identical);
        drop(hub);
        let hub = open(image).await;
        if new_epoch {
            renew_epoch(&hub).await;
        }
        // The restored hub gives the positions it had given before to other changes.
        for _ in 0..3 {
            hub.add_person("Fabre").await;
        }
        laptop.add_person("Cros").await;
        let report = exchange(&laptop, &hub).await;
        assert!(report.identical && report.reconciled, "{report:?}");
        assert_eq!((report.sent, report.received), (11, 3), "{report:?}");
        assert_equal(&laptop, &hub, 54).await;
    }
}

#[tokio::test]
async fn a_hub_restored_twice_with_two_laptops_loses_nothing() {
    let (one, hub) = pair().await;
    let two = place().await;
    exchange(&two, &hub).await;
    let image = hub.image();
    one.add_person("Cros").await;
    exchange(&one, &hub).await;
    two.add_person("Fabre").await;
    exchange(&two, &hub).await;
    drop(hub);
    let hub = open(image).await;
    exchange(&two, &hub).await;
    exchange(&one, &hub).await;
    assert_equal(&two, &hub, 42).await;
    assert_equal(&one, &hub, 42).await;
}

#[tokio::test]
async fn a_renewed_epoch_of_a_hub_that_lost_nothing_costs_one_round_trip() {
    let (laptop, hub) = pair().await;
    renew_epoch(&hub).await;
    let report = exchange(&laptop, &hub).await;
    assert!(report.identical && !report.reconciled, "{report:?}");
    assert_eq!(report.round_trips, 1);
    assert_equal(&laptop, &hub, 40).await;
}

#[tokio::test]
async fn a_laptop_restored_from_an_old_copy_gets_its_own_entries_back() {
    let (laptop, hub) = pair().await;
    let image = laptop.image();
    let lost = laptop.add_person("Fabre").await;
    hub.add_person("Vidal").await;
    exchange(&laptop, &hub).await;
    drop(laptop);
    let laptop = open(image).await;
    laptop.add_person("Cros").await;
    let report = exchange(&laptop, &hub).await;
    assert!(report.identical && report.reconciled, "{report:?}");
    assert_eq!(laptop.family_name(lost).await.unwrap(), "Fabre");
    assert_equal(&laptop, &hub, 43).await;
}

#[tokio::test]
async fn two_laptops_cloned_from_one_directory_keep_both_their_entries() {
    let (one, hub) = pair().await;
    let two = open(one.image()).await;
    assert_eq!(one.site.replica(), two.site.replica());
    for (number, clone) in [&one, &two, &one, &two].into_iter().enumerate() {
        clone.add_person(&format!("Fabre {number}")).await;
        let report = exchange(clone, &hub).await;
        assert!(report.identical, "{report:?}");
    }
    exchange(&one, &hub).await;
    assert_equal(&one, &hub, 44).await;
    assert_equal(&two, &hub, 44).await;
}

#[tokio::test]
async fn a_laptop_that_changes_hub_brings_everything_along() {
    let (laptop, _old) = pair().await;
    let hub = hub().await;
    hub.add_person("Fabre").await;
    laptop.add_person("Cros").await;
    let report = exchange(&laptop, &hub).await;
    assert!(report.identical && report.reconciled, "{report:?}");
    assert_equal(&laptop, &hub, 42).await;
}

#[tokio::test]
async fn a_repair_cut_anywhere_ends_well_on_the_next_line() {
    let (laptop, hub) = pair().await;
    let image = hub.image();
    for _ in 0..10 {
        laptop.add_person("Cros").await;
        hub.add_person("Vidal").await;
    }
    exchange(&laptop, &hub).await;
    drop(hub);
    let hub = open(image).await;
    hub.add_person("Fabre").await;
    let mut is_cut = true;
    let mut cuts = 0;
    while is_cut {
        let line = Line {
            up_max: 400 + 97 * cuts,
            down_max: 300 + 53 * cuts,
            ..Line::default()
        };
        let caller = Caller::new(laptop.site.clone());
        let carried = exchange_over(line, caller, &laptop, &hub).await;
        assert!(carried.error.is_none(), "{:?}", carried.error);
        is_cut = carried.is_cut;
        cuts += 1;
    }
    assert!(cuts > 5);
    assert_equal(&laptop, &hub, 61).await;
}

#[tokio::test]
async fn a_comparison_of_large_sets_takes_few_rounds_and_few_bytes() {
    let (laptop, hub) = (place().await, hub().await);
    for _ in 0..600 {
        laptop.add_person("Cros").await;
    }
    exchange(&laptop, &hub).await;
    let image = laptop.image();
    laptop.add_person("Fabre").await;
    exchange(&laptop, &hub).await;
    let laptop = open(image).await;
    let report = exchange(&laptop, &hub).await;
    println!("{report:?}");
    assert!(report.identical && report.reconciled);
    assert!(report.round_trips <= 6 && report.bytes_up + report.bytes_down < 8_000);
}

#[tokio::test]
async fn a_refused_change_does_not_stop_the_rest_and_is_counted() {
    let (laptop, hub) = pair().await;
    let edit = |catalog: &mut Catalog| catalog.retention_months = Some(1);
    laptop.site.edit(catalog_id(), agent(), edit).await.unwrap();
    let mine = laptop.add_person("Cros").await;
    let report = exchange(&laptop, &hub).await;
    assert!(report.identical && !report.reconciled, "{report:?}");
    assert_eq!((report.sent, report.refused), (2, 1));
    assert_eq!(hub.family_name(mine).await.unwrap(), "Cros");
    assert_eq!(hub.site.catalog().await.unwrap(), Catalog::default());
    let quiet = exchange(&laptop, &hub).await;
    assert!(quiet.identical && !quiet.reconciled, "{quiet:?}");
    assert_eq!((quiet.sent, quiet.refused, quiet.round_trips), (0, 1, 1));
    // It still counts after a comparison, which forgets what it was told before.
    let other = place().await;
    other.add_person("Fabre").await;
    renew_epoch(&hub).await;
    exchange(&other, &hub).await;
    let after = exchange(&laptop, &hub).await;
    assert!(after.identical && after.refused == 1, "{after:?}");
}

#[tokio::test]
async fn changes_of_the_hub_that_a_laptop_cannot_read_are_said_and_not_fetched_again() {
    let (laptop, hub) = pair().await;
    // A kind that a newer hub knows.
    hub.add_person("Fabre").await;
    hub.site
        .write(|work| {
            let sql = "UPDATE document SET kind = 99 WHERE id =
                (SELECT document FROM change ORDER BY seq DESC LIMIT 1)";
            work.connection().execute(sql, [])?;
            Ok(())
        })
        .await
        .unwrap();
    hub.add_person("Vidal").await;
    // The first time the laptop asks once more, for plain changes: it cannot know what a document of that kind begins with.
    for round_trips in [2, 1] {
        let report = exchange(&laptop, &hub).await;
        assert!(!report.identical && !report.reconciled, "{report:?}");
        assert_eq!(
            (report.why_not, report.set_aside),
            (Some(WhyNot::SetAside), 1)
        );
        assert_eq!(report.round_trips, round_trips);
    }
    assert_eq!(laptop.count().await, 41);
    // After a comparison too.
    let image = laptop.image();
    laptop.add_person("Cros").await;
    exchange(&laptop, &hub).await;
    let laptop = open(image).await;
    let report = exchange(&laptop, &hub).await;
    assert!(report.reconciled, "{report:?}");
    let report = exchange(&laptop, &hub).await;
    assert!(!report.reconciled && report.set_aside == 1, "{report:?}");
}

/// A laptop and a hub that have nothing in common, as after a hub's loss of everything that the laptop had sent and got.
async fn strangers(changes: u64) -> (Place, Place) {
    let (laptop, hub) = (place().await, hub().await);
    for place in [&laptop, &hub] {
        let written = place.site.write(move |work| {
            for number in 0..changes {
                work.edit(PersonId::fresh(), agent(), |person: &mut Person| {
                    person.family_name = format!("Cros {number}");
                })?;
            }
            Ok(())
        });
        written.await.unwrap();
    }
    let believe = laptop.site.write(|work| {
        let c = work.connection();
        position::adopt(
            c,
            crate::ids::ReplicaId::fresh(),
            position::Epoch([9; 16]),
            5,
        )?;
        Ok(position::set_acked(c, i64::MAX)?)
    });
    believe.await.unwrap();
    (laptop, hub)
}

#[tokio::test]
async fn a_repair_that_is_cut_goes_on_where_it_was() {
    const CHANGES: u64 = 600;
    /// Less than the hashes of either side.
    const CUT_AFTER: usize = 15_000;
    let (laptop, hub) = strangers(CHANGES).await;
    let whole = exchange(&laptop, &hub).await;
    assert!(whole.identical && whole.reconciled);

    let (laptop, hub) = strangers(CHANGES).await;
    let (mut down, mut cuts, mut comparisons) = (0, 0, 0);
    loop {
        let line = Line {
            down_max: CUT_AFTER,
            ..Line::default()
        };
        let caller = Caller::new(laptop.site.clone()).with_piece_bytes(4_096);
        let carried = exchange_over(line, caller, &laptop, &hub).await;
        assert!(carried.error.is_none(), "{:?}", carried.error);
        down += carried.report.bytes_down;
        comparisons += u32::from(carried.report.reconciled);
        if carried.report.identical {
            break;
        }
        cuts += 1;
        assert!(cuts < 40, "it does not get on");
    }
    println!(
        "{cuts} cuts, {comparisons} comparisons, {down} bytes instead of {}",
        whole.bytes_down
    );
    assert!(cuts > 3);
    assert!(down < 2 * whole.bytes_down);
    assert_equal(&laptop, &hub, 2 * CHANGES).await;
}

#[tokio::test]
async fn a_repair_too_large_for_one_exchange_goes_on_in_the_next() {
    const CHANGES: u64 = 600;
    let (laptop, hub) = strangers(CHANGES).await;
    let mut exchanges = 0;
    loop {
        let mut caller = Caller::new(laptop.site.clone()).with_piece_bytes(4_096);
        caller.rounds_max = 2;
        let carried = exchange_over(Line::default(), caller, &laptop, &hub).await;
        assert!(carried.error.is_none(), "{:?}", carried.error);
        exchanges += 1;
        if carried.report.identical {
            break;
        }
        assert_eq!(carried.report.why_not, Some(WhyNot::Different));
        assert!(exchanges < 20);
    }
    println!("{exchanges} exchanges");
    assert!(exchanges > 1);
    assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);
    assert_eq!(hub.count().await, 2 * CHANGES);
}

async fn set_kind(place: &Place, table: &str, column: &str, id: PersonId, kind: u8) {
    let sql = format!("UPDATE {table} SET kind = ?1 WHERE {column} = ?2");
    let set = place.site.write(move |work| {
        work.connection().execute(&sql, (kind, id))?;
        Ok(())
    });
    set.await.unwrap();
}

#[tokio::test]
async fn what_an_upgraded_hub_takes_after_all_is_no_longer_counted_as_refused() {
    let (laptop, hub) = pair().await;
    let mine = laptop.add_person("Cros").await;
    // A kind that this laptop knows and the hub does not yet.
    set_kind(&laptop, "document", "id", mine, 99).await;
    let report = exchange(&laptop, &hub).await;
    assert_eq!((report.identical, report.refused), (true, 1), "{report:?}");
    let known = Kind::Person.number();
    set_kind(&laptop, "document", "id", mine, known).await;
    set_kind(&hub, "quarantine", "document", mine, known).await;
    let retried = hub
        .site
        .retry_quarantine(Again::All, laptop_may_write)
        .await;
    assert_eq!(retried.unwrap().released, 1);
    assert_eq!(hub.family_name(mine).await.unwrap(), "Cros");
    let report = exchange(&laptop, &hub).await;
    assert_eq!((report.identical, report.refused), (true, 0), "{report:?}");
    assert_equal(&laptop, &hub, 41).await;
}
