//! What an exchange does when nothing goes wrong, and what it costs.

use super::*;
use crate::exchange::position::Position;

#[tokio::test]
async fn one_round_trip_makes_both_sides_equal_and_proves_it() {
    let (laptop, hub) = (place().await, hub().await);
    let mine = laptop.add_person("Cros").await;
    let theirs = hub.add_person("Vidal").await;
    assert_eq!(laptop.pending().await.changes, 1);
    let report = exchange(&laptop, &hub).await;
    assert!(report.identical && report.why_not.is_none());
    assert_eq!(
        (report.round_trips, report.sent, report.received),
        (1, 1, 1)
    );
    assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);
    assert_eq!(hub.family_name(mine).await.unwrap(), "Cros");
    assert_eq!(laptop.family_name(theirs).await.unwrap(), "Vidal");
    assert_eq!(laptop.pending().await, Pending::default());
    assert_eq!(hub.pending().await, Pending::default());
}

#[tokio::test]
async fn nothing_new_costs_one_round_trip_and_under_500_bytes_whatever_is_held() {
    let (laptop, hub) = (place().await, hub().await);
    let mut costs = Vec::new();
    for held in [10, 300] {
        while laptop.count().await < held {
            laptop.add_person("Cros").await;
        }
        exchange(&laptop, &hub).await;
        let report = exchange(&laptop, &hub).await;
        println!(
            "{held} held: {} B up, {} B down",
            report.bytes_up, report.bytes_down
        );
        assert!(report.identical);
        assert_eq!(
            (report.round_trips, report.sent, report.received),
            (1, 0, 0)
        );
        assert!(report.bytes_up + report.bytes_down < 500);
        costs.push(report.bytes_up + report.bytes_down);
    }
    assert!(
        costs[1] - costs[0] < 16,
        "grows with what is held: {costs:?}"
    );
}

#[tokio::test]
async fn a_laptop_does_not_get_its_own_changes_back() {
    let (laptop, hub) = (place().await, hub().await);
    laptop.add_person("Cros").await;
    exchange(&laptop, &hub).await;
    hub.add_person("Vidal").await;
    let report = exchange(&laptop, &hub).await;
    assert_eq!((report.sent, report.received), (0, 1));
    let Position { cursor, .. } = laptop
        .site
        .read(|c| Ok(position::position(c)?))
        .await
        .unwrap();
    assert_eq!(cursor, 2);
}

#[tokio::test]
async fn random_edits_on_several_laptops_end_equal() {
    for seed in 0..6 {
        println!("seed {seed}");
        let mut agents = Agents::new(seed);
        let hub = hub().await;
        let laptops = [place().await, place().await, place().await];
        for _ in 0..40 {
            let who = agents.random.random_range(0..=laptops.len());
            let place = laptops.get(who).unwrap_or(&hub);
            agents.edit(place).await;
            if who < laptops.len() && agents.random.random_bool(0.3) {
                assert!(exchange(place, &hub).await.identical);
            }
        }
        for laptop in laptops.iter().chain(&laptops) {
            let report = exchange(laptop, &hub).await;
            assert!(report.identical && !report.reconciled, "{report:?}");
        }
        for laptop in &laptops {
            assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);
            assert_eq!(laptop.pending().await, Pending::default());
        }
    }
}

#[tokio::test]
async fn much_to_send_goes_in_pieces_of_the_length_asked_for() {
    const PIECE_BYTES: usize = 2_000;
    let (laptop, hub) = (place().await, hub().await);
    for number in 0..300 {
        laptop.add_person(&format!("Cros {number}")).await;
    }
    let caller = || Caller::new(laptop.site.clone()).with_piece_bytes(PIECE_BYTES);
    let body = caller().next_request().await.unwrap().unwrap();
    assert!(
        body.len() <= PIECE_BYTES && body.len() > PIECE_BYTES / 3,
        "{}",
        body.len()
    );
    let carried = exchange_over(Line::default(), caller(), &laptop, &hub).await;
    assert!(
        carried.report.identical && carried.report.round_trips >= 3,
        "{carried:?}"
    );
    assert_eq!(carried.report.sent, 300);
    assert_eq!(hub.fingerprint().await, laptop.fingerprint().await);
}

#[tokio::test]
async fn a_change_larger_than_a_piece_goes_alone() {
    let (laptop, hub) = (place().await, hub().await);
    laptop.add_person("Cros").await;
    // Random, so that compression does not make it small.
    let mut random = StdRng::seed_from_u64(1);
    let large: String = (0..20_000)
        .map(|_| char::from(random.random_range(b' '..b'~')))
        .collect();
    laptop.add_person(&large).await;
    laptop.add_person("Vidal").await;
    let caller = Caller::new(laptop.site.clone()).with_piece_bytes(4_000);
    let carried = exchange_over(Line::default(), caller, &laptop, &hub).await;
    assert!(carried.report.identical, "{carried:?}");
    assert_eq!((carried.report.sent, carried.report.round_trips), (3, 3));
}

#[tokio::test]
async fn the_hub_hears_how_far_a_laptop_is() {
    let (laptop, hub) = (place().await, hub().await);
    hub.add_person("Cros").await;
    let first = Caller::new(laptop.site.clone());
    let carried = exchange_over(Line::default(), first, &laptop, &hub).await;
    assert_eq!(carried.heard.cursor, None);
    laptop.add_person("Vidal").await;
    let second = Caller::new(laptop.site.clone());
    let carried = exchange_over(Line::default(), second, &laptop, &hub).await;
    assert_eq!((carried.heard.cursor, carried.heard.taken), (Some(1), 1));
}

#[tokio::test]
async fn the_laptop_follows_the_hubs_clock() {
    let (laptop, hub) = (place().await, hub().await);
    laptop.site.clock().set(Timestamp(NOW.0 - 7_200_000));
    let mut caller = Caller::new(laptop.site.clone());
    let request = caller.next_request().await.unwrap().unwrap();
    let mut answerer = Answerer::new(hub.site.clone(), laptop.site.replica()).unwrap();
    answerer.push(&request).await.unwrap();
    let mut answer = answerer.finish().unwrap();
    caller.response_started(3_000);
    while let Some(chunk) = answer.next_chunk().await.unwrap() {
        caller.push(&chunk).await.unwrap();
    }
    caller.end_of_response().await.unwrap();
    assert_eq!(caller.report().hub_time_offset_ms, Some(7_201_500));
    assert_eq!(laptop.site.clock().now(), Timestamp(NOW.0 + 1_500));
    let kept = laptop.site.read(|c| Ok(position::offset_ms(c)?)).await;
    assert_eq!(kept.unwrap(), 7_201_500);
}

#[tokio::test]
async fn what_is_pending_is_known_by_document() {
    let (laptop, hub) = (place().await, hub().await);
    let sent = laptop.add_person("Cros").await;
    exchange(&laptop, &hub).await;
    let waiting = laptop.add_person("Vidal").await;
    laptop.rename(waiting, "Vidal-Cros").await;
    let (pending, documents, of_sent, of_waiting) = laptop
        .site
        .read(move |c| {
            Ok((
                position::pending(c)?,
                position::pending_among(c, [sent.into(), waiting.into()])?,
                position::is_pending(c, sent.into())?,
                position::is_pending(c, waiting.into())?,
            ))
        })
        .await
        .unwrap();
    assert_eq!((pending.changes, pending.documents), (2, 1));
    assert_eq!(documents, [waiting.into()].into());
    assert!(!of_sent && of_waiting);
}

#[tokio::test]
async fn text_that_compresses_beyond_measure_goes_in_several_messages() {
    let (laptop, hub) = (place().await, hub().await);
    for place in [&laptop, &hub] {
        for _ in 0..25 {
            let notes = |person: &mut Person| person.notes = "x".repeat(200_000);
            let id = PersonId::fresh();
            place.site.edit(id, agent(), notes).await.unwrap();
        }
    }
    let report = exchange(&laptop, &hub).await;
    assert!(report.identical && !report.reconciled, "{report:?}");
    assert!(report.round_trips >= 2 && report.bytes_up + report.bytes_down < 50_000);
    assert_eq!((report.sent, report.received), (25, 25));
}
