//! Bodies that are not what they should be: each has its named error, and nothing of it stays.

use minicbor::bytes::{ByteArray, ByteVec};

use super::*;
use crate::exchange::Version;
use crate::exchange::frame::{Ask, Batch, Run, Tell};
use crate::exchange::wire::{Decoder, Effort, Encoder};

fn body(frames: &[Ask]) -> Vec<u8> {
    let mut encoder = Encoder::new(Version::NEWEST, Effort::Usual).unwrap();
    for frame in frames {
        encoder.push(frame).unwrap();
    }
    encoder.finish().unwrap()
}

fn hello() -> Ask {
    Ask::Hello {
        epoch: None,
        cursor: 0,
        receipt: None,
        is_plain: None,
        lacks_key: None,
        backup: None,
    }
}

/// What the hub says to this request.
async fn ask(hub: &Place, request: &[u8]) -> Result<Vec<u8>, ExchangeError> {
    let laptop = crate::ids::ReplicaId(uuid::Uuid::from_u128(7));
    let mut answerer = Answerer::new(hub.site.clone(), laptop)?;
    for bytes in request.chunks(100) {
        answerer.push(bytes).await?;
    }
    let mut answer = answerer.finish()?;
    let mut response = Vec::new();
    while let Some(chunk) = answer.next_chunk().await? {
        response.extend(chunk);
    }
    Ok(response)
}

#[tokio::test]
async fn a_request_that_is_not_an_exchange_is_named_so() {
    let hub = hub().await;
    for request in [&b"<html>"[..], b"GET /", b"\0\0"] {
        let error = ask(&hub, request).await.unwrap_err();
        assert!(matches!(error, ExchangeError::NotAnExchange), "{error:?}");
        assert!(error.is_bad_input());
    }
}

#[tokio::test]
async fn a_truncated_request_is_named_so() {
    let hub = hub().await;
    let whole = body(&[hello(), Ask::News]);
    for length in 0..whole.len() - 3 {
        let error = ask(&hub, &whole[..length]).await.unwrap_err();
        assert!(
            matches!(error, ExchangeError::Truncated),
            "{length}: {error:?}"
        );
    }
    ask(&hub, &whole).await.unwrap();
}

#[tokio::test]
async fn a_garbled_request_is_refused_without_a_panic() {
    let hub = hub().await;
    let whole = body(&[hello(), Ask::Ranges(ByteVec::from(vec![0x61, 0, 0, 2, 0]))]);
    let mut random = StdRng::seed_from_u64(3);
    for _ in 0..2_000 {
        let mut garbled = whole.clone();
        for _ in 0..random.random_range(1..4) {
            let place = random.random_range(2..garbled.len());
            garbled[place] = random.random();
        }
        // Some are valid all the same.
        let _ = ask(&hub, &garbled).await;
    }
}

#[tokio::test]
async fn frames_in_the_wrong_order_are_refused() {
    let hub = hub().await;
    let orders = [
        vec![Ask::News],
        vec![hello(), hello(), Ask::News],
        vec![hello(), Ask::News, Ask::News],
        vec![Ask::Changes(Batch::default())],
    ];
    for order in orders {
        let error = ask(&hub, &body(&order)).await.unwrap_err();
        assert!(matches!(error, ExchangeError::Unexpected(_)), "{error:?}");
    }
}

#[tokio::test]
async fn an_unknown_version_gets_a_refusal_that_every_version_understands() {
    let hub = hub().await;
    let mut request = body(&[hello(), Ask::News]);
    request[1] = 9;
    let response = ask(&hub, &request).await.unwrap();
    assert_eq!(response, [b'M', 0, 1, 2]);
    let laptop = place().await;
    let mut caller = Caller::new(laptop.site.clone());
    caller.next_request().await.unwrap();
    let error = caller.push(&response).await.unwrap_err();
    assert!(matches!(
        error,
        ExchangeError::Version {
            oldest: 1,
            newest: 2
        }
    ));
    assert!(error.to_string().contains("mettez le programme à jour"));
}

#[tokio::test]
async fn more_changes_than_a_request_may_hold_are_refused() {
    let hub = hub().await;
    let run = Run {
        document: ByteArray::from([1; 16]),
        kind: 1,
        changes: vec![ByteVec::from(Vec::new()); 1_000],
    };
    let batch = Ask::Changes(Batch {
        cursor: None,
        runs: vec![run],
    });
    let mut frames = vec![hello()];
    frames.extend(vec![batch; 21]);
    let error = ask(&hub, &body(&frames)).await.unwrap_err();
    assert!(
        matches!(error, ExchangeError::TooMany { max: 20_000 }),
        "{error:?}"
    );
}

#[tokio::test]
async fn nonsense_among_the_changes_is_set_aside_and_the_rest_is_taken() {
    let (laptop, hub) = (place().await, hub().await);
    let good = laptop.add_person("Cros").await;
    let entries = laptop
        .site
        .read(|c| {
            let nobody = crate::ids::ReplicaId(uuid::Uuid::nil());
            Ok(crate::ledger::changes::since(c, 0, nobody, 9)?)
        })
        .await
        .unwrap();
    let mut batch = Batch::of(entries, None);
    batch.runs[0]
        .changes
        .push(ByteVec::from(b"nonsense".to_vec()));
    let request = body(&[hello(), Ask::Changes(batch), Ask::News]);
    let response = ask(&hub, &request).await.unwrap();
    let mut decoder = Decoder::<Tell>::default();
    decoder.push(&response).unwrap();
    let first = decoder.next_frame().unwrap().unwrap();
    assert!(matches!(first, Tell::Refused(list) if list.len() == 1));
    assert_eq!(hub.family_name(good).await.unwrap(), "Cros");
}

#[tokio::test]
async fn a_response_that_makes_no_sense_ends_the_exchange_and_changes_nothing() {
    let laptop = place().await;
    laptop.add_person("Cros").await;
    let welcome = Tell::Welcome {
        place: None,
        now_ms: NOW.0,
        key: None,
        last: None,
    };
    let responses = [
        vec![Tell::Given],
        vec![welcome.clone(), welcome.clone()],
        vec![welcome],
        vec![Tell::Done {
            cursor: 9,
            fingerprint: ByteArray::from([0; 40]),
        }],
    ];
    for frames in responses {
        let mut encoder = Encoder::new(Version::NEWEST, Effort::Usual).unwrap();
        frames.iter().for_each(|frame| encoder.push(frame).unwrap());
        let mut caller = Caller::new(laptop.site.clone());
        caller.next_request().await.unwrap();
        let error = caller.push(&encoder.finish().unwrap()).await.unwrap_err();
        assert!(matches!(error, ExchangeError::Unexpected(_)), "{error:?}");
        assert!(caller.end_of_response().await.is_err());
        assert!(!caller.report().identical);
    }
    assert_eq!(laptop.pending().await.changes, 1);
}
