//! Erasures travel before content, both ways, in whatever order the sides hear of them.

use super::*;
use crate::domain::codes::ErasureReason;
use crate::exchange::{Version, WhyNot};
use crate::ledger::erasures;
use crate::ledger::testing::files_with;

/// The name that must be nowhere in the end.
const CANARY: &str = "Zébulonette";

/// A hub, two laptops, and somebody whom all three know.
struct Three {
    one: Place,
    two: Place,
    hub: Place,
    id: PersonId,
}

async fn three() -> Three {
    let (one, two, hub) = (place().await, place().await, hub().await);
    let id = one.add_person(CANARY).await;
    for place in [&one, &two, &hub] {
        place.add_person("Cros").await;
    }
    for laptop in [&one, &two, &one] {
        assert!(exchange(laptop, &hub).await.identical);
    }
    Three { one, two, hub, id }
}

async fn erase(hub: &Place, id: PersonId) {
    let erased = hub.site.erase(id, agent(), ErasureReason::Request).await;
    assert_eq!(erased.unwrap(), 1);
}

async fn lost(laptop: &Place) -> u64 {
    let lost = laptop.site.read(|c| Ok(erasures::lost(c, 9)?)).await;
    lost.unwrap().iter().map(|lost| lost.changes).sum()
}

/// Both sides are proved equal, quietly, and have no byte of the erased person on their disks.
async fn assert_forgotten(laptop: &Place, hub: &Place) {
    let report = exchange(laptop, hub).await;
    assert!(report.identical, "{report:?}");
    let quiet = exchange(laptop, hub).await;
    let is_quiet = quiet.identical && !quiet.reconciled && quiet.round_trips == 1;
    assert!(is_quiet, "{quiet:?}");
    assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);
    assert_eq!(laptop.pending().await, Pending::default());
    for place in [laptop, hub] {
        assert!(!has_trace(place), "a trace is left");
    }
}

/// Whether any file of the site holds the name, as it is written or as it is searched for.
fn has_trace(place: &Place) -> bool {
    !files_with(place.directory.path(), &[CANARY, "zebulonette"]).is_empty()
}

#[tokio::test]
async fn a_laptop_forgets_whom_the_hub_erased() {
    let Three { one, two, hub, id } = three().await;
    assert!(has_trace(&one) && has_trace(&hub));
    erase(&hub, id).await;
    let report = exchange(&one, &hub).await;
    assert!(report.identical && !report.reconciled, "{report:?}");
    assert_eq!((report.round_trips, report.received), (1, 1));
    assert!(one.site.document(id).await.unwrap().is_none());
    assert_eq!(lost(&one).await, 0, "nothing that only it had");
    assert_forgotten(&one, &hub).await;
    assert_forgotten(&two, &hub).await;
}

#[tokio::test]
async fn what_was_changed_meanwhile_is_not_kept_and_its_author_hears() {
    let Three { one, two, hub, id } = three().await;
    erase(&hub, id).await;
    one.rename(id, &format!("{CANARY} bis")).await;
    one.add_person("Fabre").await;
    let report = exchange(&one, &hub).await;
    assert!(report.identical && !report.reconciled, "{report:?}");
    assert_eq!((report.sent, report.refused), (2, 0));
    assert_eq!((lost(&one).await, lost(&hub).await), (1, 0));
    assert_forgotten(&one, &hub).await;
    assert_forgotten(&two, &hub).await;
    assert_eq!(lost(&one).await, 1, "said once");
}

#[tokio::test]
async fn a_laptop_that_must_compare_learns_of_erasures_without_blame() {
    let Three { one, two, hub, id } = three().await;
    erase(&hub, id).await;
    hub.site
        .write(|work| Ok(position::renew_own_epoch(work.connection())?))
        .await
        .unwrap();
    one.add_person("Fabre").await;
    let report = exchange(&one, &hub).await;
    assert!(report.identical && report.reconciled, "{report:?}");
    assert_eq!((report.sent, report.refused), (1, 0), "{report:?}");
    assert_eq!(lost(&one).await, 0);
    assert_forgotten(&one, &hub).await;
    assert_forgotten(&two, &hub).await;
}

#[tokio::test]
async fn a_hub_restored_from_an_older_copy_hears_from_its_laptops_whom_it_had_erased() {
    for (who_knows_comes_first, new_epoch) in
        [(true, true), (true, false), (false, true), (false, false)]
    {
        let Three { one, two, hub, id } = three().await;
        let image = hub.image();
        erase(&hub, id).await;
        exchange(&one, &hub).await;
        drop(hub);
        let hub = open(image).await;
        if new_epoch {
            hub.site
                .write(|work| Ok(position::renew_own_epoch(work.connection())?))
                .await
                .unwrap();
        }
        assert!(hub.family_name(id).await.is_some());
        hub.add_person("Vidal").await;
        two.rename(id, &format!("{CANARY} bis")).await;
        let order = if who_knows_comes_first {
            [&one, &two, &one]
        } else {
            [&two, &one, &two]
        };
        for laptop in order {
            let report = exchange(laptop, &hub).await;
            assert!(report.identical, "{report:?}");
        }
        assert_forgotten(&one, &hub).await;
        assert_forgotten(&two, &hub).await;
    }
}

#[tokio::test]
async fn an_exchange_with_erasures_cut_anywhere_ends_well_on_the_next_line() {
    let Three { one, two, hub, id } = three().await;
    let image = hub.image();
    erase(&hub, id).await;
    exchange(&one, &hub).await;
    drop(hub);
    let hub = open(image).await;
    two.rename(id, &format!("{CANARY} bis")).await;
    for laptop in [&one, &two] {
        let (mut is_cut, mut cuts) = (true, 0);
        while is_cut {
            let line = Line {
                up_max: 100 + 37 * cuts,
                down_max: 50 + 29 * cuts,
                step: 7,
            };
            let caller = Caller::new(laptop.site.clone());
            let carried = exchange_over(line, caller, laptop, &hub).await;
            assert!(carried.error.is_none(), "{:?}", carried.error);
            is_cut = carried.is_cut;
            cuts += 1;
        }
        assert!(cuts > 2);
    }
    assert_forgotten(&one, &hub).await;
    assert_forgotten(&two, &hub).await;
}

#[tokio::test]
async fn a_laptop_of_the_version_before_goes_on_and_forgets_once_it_is_upgraded() {
    let Three { one, hub, id, .. } = three().await;
    one.rename(id, &format!("{CANARY} bis")).await;
    erase(&hub, id).await;
    one.add_person("Fabre").await;
    let old = || Caller::new(one.site.clone()).with_version(Version::One);
    let carried = exchange_over(Line::default(), old(), &one, &hub).await;
    assert!(carried.report.identical, "{carried:?}");
    assert!(carried.report.refused > 0, "it hears what was not taken");
    let quiet = exchange_over(Line::default(), old(), &one, &hub)
        .await
        .report;
    assert!(quiet.identical && !quiet.reconciled, "{quiet:?}");
    assert!(one.family_name(id).await.is_some());
    assert!(!has_trace(&hub));
    assert_forgotten(&one, &hub).await;
}

#[tokio::test]
async fn more_erasures_than_a_frame_holds_travel_both_ways() {
    const PEOPLE: usize = 450;
    let (one, two, hub) = (place().await, place().await, hub().await);
    let write = hub.site.write(|work| {
        let mut ids = Vec::new();
        for number in 0..PEOPLE {
            let id = PersonId::fresh();
            work.edit(id, agent(), |person: &mut Person| {
                person.family_name = format!("{CANARY} {number}");
            })?;
            ids.push(id);
        }
        Ok(ids)
    });
    let ids = write.await.unwrap();
    exchange(&one, &hub).await;
    exchange(&two, &hub).await;
    let image = hub.image();
    let erase_all = hub.site.write(move |work| {
        for id in ids {
            work.erase(id, agent(), ErasureReason::Retention)?;
        }
        Ok(())
    });
    erase_all.await.unwrap();
    let report = exchange(&one, &hub).await;
    assert_eq!((report.identical, report.received), (true, PEOPLE as u64));
    drop(hub);
    let hub = open(image).await;
    // In small pieces, too.
    let caller = Caller::new(one.site.clone()).with_piece_bytes(8_000);
    let carried = exchange_over(Line::default(), caller, &one, &hub).await;
    assert!(carried.report.identical, "{carried:?}");
    assert_forgotten(&one, &hub).await;
    assert_forgotten(&two, &hub).await;
}

#[tokio::test]
async fn another_hub_does_not_take_the_erasures_of_the_first_and_the_exchange_still_ends() {
    let Three { one, two, hub, id } = three().await;
    erase(&hub, id).await;
    exchange(&one, &hub).await;
    let other = super::hub().await;
    // The other hub has everything from a laptop that had not heard.
    exchange(&two, &other).await;
    for _ in 0..2 {
        let report = exchange(&one, &other).await;
        assert_eq!(report.why_not, Some(WhyNot::SetAside), "{report:?}");
    }
    assert!(one.site.document(id).await.unwrap().is_none());
    assert!(other.family_name(id).await.is_some());
    let quiet = exchange(&one, &other).await;
    assert!(!quiet.reconciled && quiet.round_trips == 1, "{quiet:?}");
}

#[tokio::test]
async fn whatever_is_edited_erased_and_restored_everybody_ends_equal() {
    for seed in 0..5 {
        println!("seed {seed}");
        let mut agents = Agents::new(seed);
        let mut laptops = [place().await, place().await, place().await];
        let mut hub = hub().await;
        let mut copies = Vec::new();
        let mut erased = Vec::new();
        for _ in 0..60 {
            let laptop = agents.random.random_range(0..3);
            match agents.random.random_range(0..12) {
                0 => copies.push(hub.image()),
                1 if !copies.is_empty() => {
                    let copy = agents.random.random_range(0..copies.len());
                    hub = open(copies.swap_remove(copy)).await;
                }
                2 => {
                    let image = laptops[laptop].image();
                    laptops[laptop] = open(image).await;
                }
                3 | 4 => {
                    let people = agents.people.clone();
                    if let Some(id) = agents.pick(&people) {
                        let erase = hub.site.erase(id, agent(), ErasureReason::Request);
                        if erase.await.unwrap() > 0 {
                            erased.push(id);
                        }
                    }
                }
                5..8 => agents.edit_if_not_erased(&laptops[laptop]).await,
                8 => agents.edit_if_not_erased(&hub).await,
                _ => {
                    exchange(&laptops[laptop], &hub).await;
                }
            }
        }
        for _ in 0..3 {
            for laptop in &laptops {
                let report = exchange(laptop, &hub).await;
                assert!(report.identical, "{report:?}");
            }
        }
        let known = hub.site.read(|c| Ok(erasures::since(c, 0)?)).await.unwrap();
        for laptop in &laptops {
            assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);
            for record in &known {
                let document = laptop.site.document(record.document).await.unwrap();
                assert!(document.is_none());
            }
        }
        println!("{} of {} erasures known", known.len(), erased.len());
    }
}

impl Agents {
    /// An edit; one of somebody who was erased there is refused, as on a page.
    async fn edit_if_not_erased(&mut self, place: &Place) {
        let erased = place.site.read(|c| Ok(erasures::since(c, 0)?)).await;
        for record in erased.unwrap() {
            self.people.retain(|id| record.document != (*id).into());
        }
        self.edit(place).await;
    }
}
