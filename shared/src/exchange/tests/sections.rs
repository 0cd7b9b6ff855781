//! Sections: many laptops get what others wrote from what was compressed once.

use super::*;
use crate::domain::codes::ErasureReason;

#[tokio::test]
async fn many_laptops_get_the_same_sections_and_are_equal() {
    let hub = hub().await;
    let mut agents = Agents::new(3);
    let mut laptops = Vec::new();
    for _ in 0..4 {
        laptops.push(place().await);
    }
    hub.add_person("Fabre").await;
    for laptop in &laptops {
        assert!(exchange(laptop, &hub).await.identical);
    }
    for round in 0..3 {
        for laptop in &laptops {
            for _ in 0..7 {
                agents.edit(laptop).await;
            }
        }
        for laptop in laptops.iter().chain(&laptops) {
            let report = exchange(laptop, &hub).await;
            assert!(
                report.identical && !report.reconciled,
                "{round}: {report:?}"
            );
            assert_eq!(report.round_trips, 1, "{round}: {report:?}");
        }
    }
    for laptop in &laptops {
        assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);
    }
}

#[tokio::test]
async fn who_was_erased_is_in_no_section_that_is_sent_later() {
    let (hub, first, second) = (hub().await, place().await, place().await);
    hub.add_person("Fabre").await;
    for laptop in [&first, &second] {
        exchange(laptop, &hub).await;
    }
    let mut gone = None;
    for number in 0..40 {
        gone = Some(hub.add_person(&format!("Cros {number}")).await);
    }
    let gone = gone.unwrap();
    exchange(&first, &hub).await;
    hub.site
        .erase(gone, agent(), ErasureReason::default())
        .await
        .unwrap();
    for laptop in [&first, &second] {
        let report = exchange(laptop, &hub).await;
        assert!(report.identical && !report.reconciled, "{report:?}");
        assert_eq!(laptop.family_name(gone).await, None);
    }
    assert_eq!(second.hashes().await, hub.hashes().await);
}

impl Place {
    async fn hashes(&self) -> Vec<crate::ledger::changes::Hash> {
        let nobody = crate::ids::ReplicaId(uuid::Uuid::nil());
        let all = self
            .site
            .read(move |c| Ok(crate::ledger::changes::since(c, 0, nobody, 1000)?));
        let all = all.await.unwrap().into_iter();
        let mut hashes: Vec<_> = all.map(|entry| entry.change.hash).collect();
        hashes.sort_unstable();
        hashes
    }
}
