//! Programs of two versions: each gets what it understands.

use super::*;
use crate::exchange::Version;

#[tokio::test]
async fn a_laptop_of_the_version_before_is_served_as_well() {
    let (old, new, hub) = (place().await, place().await, hub().await);
    let mut agents = Agents::new(1);
    for _ in 0..10 {
        agents.edit(&old).await;
        agents.edit(&new).await;
        agents.edit(&hub).await;
    }
    for _ in 0..2 {
        let caller = Caller::new(old.site.clone()).with_version(Version::One);
        let carried = exchange_over(Line::default(), caller, &old, &hub).await;
        assert!(carried.report.identical, "{carried:?}");
        assert!(exchange(&new, &hub).await.identical);
    }
    let all = [old.fingerprint().await, new.fingerprint().await];
    assert_eq!(all, [hub.fingerprint().await; 2]);
}

#[tokio::test]
async fn a_laptop_turns_to_the_version_that_an_older_hub_speaks() {
    let (laptop, hub) = (place().await, hub().await);
    laptop.add_person("Cros").await;
    let mut caller = Caller::new(laptop.site.clone());
    let request = caller.next_request().await.unwrap().unwrap();
    assert_eq!(request[1], 2);
    // What a hub that speaks version 1 only says to it.
    caller.push(&[b'M', 0, 1, 1]).await.unwrap();
    caller.end_of_response().await.unwrap();
    let carried = exchange_over(Line::default(), caller, &laptop, &hub).await;
    assert!(carried.report.identical, "{carried:?}");
    assert_eq!(carried.report.round_trips, 2);
    assert_eq!(hub.fingerprint().await, laptop.fingerprint().await);
}

#[tokio::test]
async fn versions_without_a_common_one_are_told_and_nothing_is_lost() {
    let laptop = place().await;
    laptop.add_person("Cros").await;
    let mut caller = Caller::new(laptop.site.clone());
    caller.next_request().await.unwrap();
    let error = caller.push(&[b'M', 0, 3, 9]).await.unwrap_err();
    let told = ExchangeError::Version {
        oldest: 3,
        newest: 9,
    };
    assert_eq!(error.to_string(), told.to_string());
    assert_eq!(laptop.pending().await.changes, 1);
}
