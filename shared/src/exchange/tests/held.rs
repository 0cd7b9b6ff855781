//! Requests whose answer the hub may hold: what it waits for, and what does not have to wait.

use super::*;
use crate::domain::codes::ErasureReason;
use crate::exchange::{Answer, Version};

/// The hub's answer to the laptop's next request, before its first byte.
async fn answer(caller: &mut Caller, laptop: &Place, hub: &Place) -> Answer {
    let request = caller.next_request().await.unwrap().unwrap();
    let mut answerer = Answerer::new(hub.site.clone(), laptop.site.replica()).unwrap();
    answerer.push(&request).await.unwrap();
    answerer.finish().unwrap()
}

async fn take(caller: &mut Caller, mut answer: Answer) -> Report {
    while let Some(chunk) = answer.next_chunk().await.unwrap() {
        caller.push(&chunk).await.unwrap();
    }
    caller.end_of_response().await.unwrap();
    assert!(caller.next_request().await.unwrap().is_none());
    caller.report()
}

/// A laptop that is identical to its hub.
async fn in_step() -> (Place, Place) {
    let (laptop, hub) = (place().await, hub().await);
    hub.add_person("Lignon").await;
    assert!(exchange(&laptop, &hub).await.identical);
    (laptop, hub)
}

fn held(laptop: &Place) -> Caller {
    Caller::new(laptop.site.clone()).held()
}

#[tokio::test]
async fn an_answer_is_held_until_somebody_else_writes_something() {
    let (laptop, hub) = in_step().await;
    let mut caller = held(&laptop);
    let answer = answer(&mut caller, &laptop, &hub).await;
    assert!(answer.may_wait() && !answer.has_news().await.unwrap());
    let new = hub.add_person("Cros").await;
    assert!(answer.has_news().await.unwrap());
    let report = take(&mut caller, answer).await;
    assert!(report.identical && report.round_trips == 1, "{report:?}");
    assert_eq!(laptop.family_name(new).await.as_deref(), Some("Cros"));
}

#[tokio::test]
async fn what_the_laptop_sends_meanwhile_is_no_news_to_it() {
    let (laptop, hub) = in_step().await;
    let waiting = answer(&mut held(&laptop), &laptop, &hub).await;
    laptop.add_person("Carayon").await;
    assert!(exchange(&laptop, &hub).await.identical);
    assert!(!waiting.has_news().await.unwrap());
}

#[tokio::test]
async fn a_held_answer_that_is_begun_for_nothing_is_an_ordinary_one() {
    let (laptop, hub) = in_step().await;
    let mut caller = held(&laptop);
    let answer = answer(&mut caller, &laptop, &hub).await;
    let report = take(&mut caller, answer).await;
    assert!(report.identical && report.received == 0, "{report:?}");
}

#[tokio::test]
async fn who_brings_something_is_answered_at_once() {
    let (laptop, hub) = in_step().await;
    laptop.add_person("Carayon").await;
    let mut caller = held(&laptop);
    let answer = answer(&mut caller, &laptop, &hub).await;
    assert!(!answer.may_wait());
    assert!(take(&mut caller, answer).await.identical);
    assert_eq!(laptop.pending().await, Pending::default());
}

#[tokio::test]
async fn who_follows_no_or_another_epoch_has_news_at_once() {
    let (laptop, hub) = (place().await, hub().await);
    let first = answer(&mut held(&laptop), &laptop, &hub).await;
    assert!(first.has_news().await.unwrap());
    exchange(&laptop, &hub).await;
    let renew = hub
        .site
        .write(|work| Ok(position::renew_own_epoch(work.connection())?));
    renew.await.unwrap();
    let mut caller = held(&laptop);
    let restored = answer(&mut caller, &laptop, &hub).await;
    assert!(restored.has_news().await.unwrap());
    assert!(take(&mut caller, restored).await.identical);
}

#[tokio::test]
async fn the_version_before_never_waits() {
    let (laptop, hub) = in_step().await;
    let mut caller = held(&laptop).with_version(Version::One);
    assert!(!answer(&mut caller, &laptop, &hub).await.may_wait());
}

#[tokio::test]
async fn an_erasure_ends_the_waiting_too() {
    let (laptop, hub) = in_step().await;
    let id = hub.add_person("Cros").await;
    assert!(exchange(&laptop, &hub).await.identical);
    let mut caller = held(&laptop);
    let answer = answer(&mut caller, &laptop, &hub).await;
    assert!(!answer.has_news().await.unwrap());
    let erase = hub.site.erase(id, agent(), ErasureReason::Request);
    assert_eq!(erase.await.unwrap(), 1);
    assert!(answer.has_news().await.unwrap());
    assert!(take(&mut caller, answer).await.identical);
    assert_eq!(laptop.family_name(id).await, None);
}
