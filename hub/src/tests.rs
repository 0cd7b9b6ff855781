//! The laptops' routes through the hub's router: joining, signatures, and bodies of every bad kind.

mod lease;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::AUTHORIZATION;
use axum::http::{Request, StatusCode};
use ed25519_dalek::SigningKey;
use shared::desk::page::StatusLine;
use shared::domain::catalog::{Catalog, catalog_id};
use shared::exchange::Caller;
use shared::ids::ReplicaId;
use shared::joining::lease::{Lease, Trial};
use shared::joining::messages::{EXCHANGE_PATH, JOIN_PATH, JoinRequest, Joined, Reason, Refused};
use shared::joining::signature::{Claim, NONCE, Nonce, Signed};
use shared::joining::ticket::Ticket;
use shared::site::Site;
use shared::time::{Clock, Timestamp};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::devices::{self, tickets};
use crate::{Hub, router};

const NOW: Timestamp = Timestamp(1_795_681_500_000);
const HOUR_MS: i64 = 3_600_000;

/// A hub with its router.
struct Stand {
    hub: Hub,
    router: Router,
    _directory: TempDir,
}

/// A laptop: its id, its key, its site, and what it signs over: the nonce that it was given last, and its trial.
struct Laptop {
    id: ReplicaId,
    site: Site,
    key: SigningKey,
    lease: Lease,
    directory: Arc<TempDir>,
}

/// One answer.
#[derive(Debug)]
struct Seen {
    status: StatusCode,
    nonce: Option<Nonce>,
    body: Vec<u8>,
}

impl Seen {
    #[track_caller]
    fn reason(&self) -> (StatusCode, Reason) {
        let refused: Refused = serde_json::from_slice(&self.body).unwrap();
        assert!(!refused.message.is_empty());
        (self.status, refused.error)
    }
}

impl Stand {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let hub = Hub::open(directory.path(), Clock::fixed(NOW))
            .await
            .unwrap();
        let (_, status) = watch::channel(StatusLine::hub(0, 0));
        let router = router(&hub, vec!["127.0.0.1:8080".to_owned()], status);
        Self {
            hub,
            router,
            _directory: directory,
        }
    }

    async fn ticket(&self) -> Ticket {
        tickets::create(&self.hub, "Portable 1".to_owned(), Vec::new(), None, 72)
            .await
            .unwrap()
    }

    async fn post(&self, path: &str, authorization: Option<String>, body: impl Into<Body>) -> Seen {
        let mut request = Request::post(path);
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let nonce = head.headers.get(NONCE);
        Seen {
            status: head.status,
            nonce: nonce.map(|value| Nonce::from_text(value.to_str().unwrap()).unwrap()),
            body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }

    async fn join(&self, ticket: &Ticket, laptop: &Laptop) -> Seen {
        let request = JoinRequest::new(ticket, laptop.id, &laptop.key);
        let body = serde_json::to_vec(&request).unwrap();
        self.post(JOIN_PATH, None, body).await
    }

    /// A laptop that has joined.
    async fn joined(&self) -> Laptop {
        let mut laptop = Laptop::new(1).await;
        let seen = self.join(&self.ticket().await, &laptop).await;
        let joined: Joined = serde_json::from_slice(&seen.body).unwrap();
        laptop.keep(Nonce::from_text(&joined.nonce).unwrap());
        laptop
    }

    /// Sends a body over the laptop's present nonce; the laptop keeps the nonce that it is given.
    async fn exchange(&self, laptop: &mut Laptop, body: &[u8]) -> Seen {
        let claim = laptop.sign(body).to_header();
        let seen = self.post(EXCHANGE_PATH, Some(claim), body.to_vec()).await;
        if let Some(nonce) = seen.nonce {
            laptop.keep(nonce);
        }
        seen
    }
}

impl Laptop {
    async fn new(key: u8) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let migrations = &[shared::exchange::MIGRATIONS];
        let site = Site::open(directory.path(), migrations, Clock::fixed(NOW), |_, _| {})
            .await
            .unwrap();
        Self {
            id: site.replica(),
            site,
            key: SigningKey::from_bytes(&[key; 32]),
            lease: Lease {
                nonce: Nonce([0; 16]),
                trial: None,
                incarnation: None,
            },
            directory: Arc::new(directory),
        }
    }

    /// Keeps a nonce and draws a trial for it.
    fn keep(&mut self, nonce: Nonce) {
        self.lease.nonce = nonce;
        self.lease.trial = Some(Trial::fresh().unwrap());
    }

    fn sign(&self, body: &[u8]) -> Claim {
        let signed = Signed {
            method: "POST",
            path: EXCHANGE_PATH,
            body,
        };
        Claim::sign(self.id, &self.key, signed, &self.lease)
    }

    async fn request(&self) -> Vec<u8> {
        let mut caller = Caller::new(self.site.clone());
        caller.next_request().await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_ticket_lets_one_laptop_in_and_each_refusal_says_why() {
    let stand = Stand::new().await;
    let ticket = stand.ticket().await;
    let (first, second) = (Laptop::new(1).await, Laptop::new(2).await);
    let seen = stand.join(&ticket, &first).await;
    assert_eq!(seen.status, StatusCode::OK);
    let joined: Joined = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(joined.name, "Portable 1");
    assert_eq!(joined.hub, stand.hub.site().replica());
    let again = stand.join(&ticket, &first).await;
    assert_eq!(again.body, seen.body, "the answer was lost");
    assert_eq!(
        stand.join(&ticket, &second).await.reason(),
        (StatusCode::CONFLICT, Reason::TicketUsed)
    );
    let late = stand.ticket().await;
    stand
        .hub
        .site()
        .clock()
        .set(Timestamp(NOW.0 + 72 * HOUR_MS));
    assert_eq!(
        stand.join(&late, &second).await.reason(),
        (StatusCode::GONE, Reason::TicketExpired)
    );
    let unknown = Ticket {
        addresses: Vec::new(),
        secret: [9; 16].into(),
        pins: None,
    };
    assert_eq!(
        stand.join(&unknown, &second).await.reason(),
        (StatusCode::NOT_FOUND, Reason::TicketUnknown)
    );
}

#[tokio::test]
async fn nonsense_instead_of_a_request_to_join_is_refused() {
    let stand = Stand::new().await;
    for body in [&b""[..], b"{}", b"\xff\xfe", b"[1,2]"] {
        let seen = stand.post(JOIN_PATH, None, body).await;
        assert_eq!(
            seen.reason(),
            (StatusCode::BAD_REQUEST, Reason::Malformed),
            "{body:?}"
        );
    }
    let seen = stand.post(JOIN_PATH, None, vec![b' '; 5000]).await;
    assert_eq!(
        seen.reason(),
        (StatusCode::PAYLOAD_TOO_LARGE, Reason::TooLarge)
    );
}

#[tokio::test]
async fn a_signed_exchange_brings_the_hubs_data_and_is_noted() {
    let stand = Stand::new().await;
    let mut laptop = stand.joined().await;
    let mut caller = Caller::new(laptop.site.clone());
    while let Some(body) = caller.next_request().await.unwrap() {
        let seen = stand.exchange(&mut laptop, &body).await;
        assert_eq!(seen.status, StatusCode::OK);
        caller.push(&seen.body).await.unwrap();
        caller.end_of_response().await.unwrap();
    }
    assert!(caller.report().identical);
    assert_eq!(
        laptop.site.catalog().await.unwrap(),
        stand.hub.site().catalog().await.unwrap()
    );
    let body = laptop.request().await;
    stand.exchange(&mut laptop, &body).await;
    let site = stand.hub.site();
    let noted = site.read(|c| Ok(devices::list(c)?)).await.unwrap();
    assert_eq!(noted[0].device.last_contact, Some(NOW));
    assert_eq!(noted[0].lacks_changes, 0);
    for (since, silent) in [(NOW.0, 0), (NOW.0 + 1, 1)] {
        let counted = site.read(move |c| Ok(devices::silent_since(c, Timestamp(since))?));
        assert_eq!(counted.await.unwrap(), (1, silent));
    }
}

#[tokio::test]
async fn a_request_that_was_not_signed_by_the_laptop_for_now_is_refused() {
    let stand = Stand::new().await;
    let mut laptop = stand.joined().await;
    let body = laptop.request().await;
    let good = laptop.sign(&body).to_header();
    let post = |authorization: Option<String>, body: Vec<u8>| {
        stand.post(EXCHANGE_PATH, authorization, body)
    };
    let unsigned = (StatusCode::UNAUTHORIZED, Reason::Unsigned);
    assert_eq!(post(None, body.clone()).await.reason(), unsigned);
    let altered = [&body[..], b" "].concat();
    let seen = post(Some(good.clone()), altered).await;
    assert_eq!(seen.reason(), unsigned, "altered on the way");
    assert_eq!(
        seen.nonce,
        Some(laptop.lease.nonce),
        "an honest laptop may try again"
    );
    laptop.key = SigningKey::from_bytes(&[7; 32]);
    let forged = laptop.sign(&body).to_header();
    assert_eq!(post(Some(forged), body.clone()).await.reason(), unsigned);
    let stranger = Laptop::new(3).await;
    let claim = stranger.sign(&body).to_header();
    assert_eq!(
        post(Some(claim), body.clone()).await.reason(),
        (StatusCode::FORBIDDEN, Reason::LaptopUnknown)
    );
    assert_eq!(post(Some(good), body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_recorded_request_counts_until_the_next_one_and_never_gets_the_laptop_out_of_step() {
    let stand = Stand::new().await;
    let mut laptop = stand.joined().await;
    let body = laptop.request().await;
    let recorded = laptop.sign(&body).to_header();
    let replay = || stand.post(EXCHANGE_PATH, Some(recorded.clone()), body.clone());
    assert_eq!(
        stand.exchange(&mut laptop, &body).await.status,
        StatusCode::OK
    );
    // The answer may have been lost: once more is taken, and given the nonce that is already the laptop's.
    let again = replay().await;
    assert_eq!(
        (again.status, again.nonce),
        (StatusCode::OK, Some(laptop.lease.nonce))
    );
    assert_eq!(
        stand.exchange(&mut laptop, &body).await.status,
        StatusCode::OK
    );
    let old = replay().await;
    assert_eq!(old.reason(), (StatusCode::UNAUTHORIZED, Reason::Unsigned));
    assert_eq!(old.nonce, Some(laptop.lease.nonce));
    assert_eq!(
        stand.exchange(&mut laptop, &body).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_revoked_laptop_is_refused_whatever_it_sends() {
    let stand = Stand::new().await;
    let mut laptop = stand.joined().await;
    let replica: ReplicaId = laptop.site.replica();
    let store = stand.hub.site().store();
    store
        .write(move |tx| devices::revoke(tx, replica, NOW))
        .await
        .unwrap();
    let body = laptop.request().await;
    let seen = stand.exchange(&mut laptop, &body).await;
    assert_eq!(
        seen.reason(),
        (StatusCode::FORBIDDEN, Reason::LaptopRevoked)
    );
    let ticket = stand.ticket().await;
    assert_eq!(
        stand.join(&ticket, &laptop).await.reason(),
        (StatusCode::FORBIDDEN, Reason::LaptopRevoked)
    );
}

#[tokio::test]
async fn a_laptop_that_waits_is_answered_when_somebody_writes_but_not_once_it_is_revoked() {
    let stand = Stand::new().await;
    let mut laptop = stand.joined().await;
    let mut caller = Caller::new(laptop.site.clone());
    while let Some(body) = caller.next_request().await.unwrap() {
        let seen = stand.exchange(&mut laptop, &body).await;
        caller.push(&seen.body).await.unwrap();
        caller.end_of_response().await.unwrap();
    }
    let write = || {
        let site = stand.hub.site().clone();
        async move {
            let retention = |catalog: &mut Catalog| {
                catalog.retention_months = Some(catalog.retention_months.unwrap_or(12) + 1);
            };
            site.edit(catalog_id(), crate::PROGRAM, retention)
                .await
                .unwrap()
        }
    };
    let mut caller = Caller::new(laptop.site.clone()).held();
    let body = caller.next_request().await.unwrap().unwrap();
    let (seen, _) = tokio::join!(stand.exchange(&mut laptop, &body), write());
    assert_eq!(seen.status, StatusCode::OK);
    caller.push(&seen.body).await.unwrap();
    caller.end_of_response().await.unwrap();
    assert_eq!(caller.report().received, 1);

    let replica: ReplicaId = laptop.site.replica();
    let store = stand.hub.site().store().clone();
    let mut commits = store.commits();
    let revoke = async {
        // Once it has been let in, that is has been given another nonce.
        commits.changed().await.unwrap();
        store
            .write(move |tx| devices::revoke(tx, replica, NOW))
            .await
            .unwrap();
        write().await;
    };
    let body = Caller::new(laptop.site.clone()).held().next_request().await;
    let body = body.unwrap().unwrap();
    let (seen, ()) = tokio::join!(stand.exchange(&mut laptop, &body), revoke);
    let revoked = (StatusCode::FORBIDDEN, Reason::LaptopRevoked);
    assert_eq!(seen.reason(), revoked);
}

#[tokio::test]
async fn bodies_that_are_garbage_cut_or_too_large_are_refused_and_the_laptop_goes_on() {
    let stand = Stand::new().await;
    let mut laptop = stand.joined().await;
    let good = laptop.request().await;
    let malformed = (StatusCode::BAD_REQUEST, Reason::Malformed);
    let garbage: Vec<u8> = (0..999u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect();
    for bad in [
        &b""[..],
        b"GET / HTTP/1.1",
        &garbage,
        &good[..good.len() / 2],
    ] {
        let seen = stand.exchange(&mut laptop, bad).await;
        assert_eq!(seen.reason(), malformed, "{bad:?}");
    }
    let large = vec![0; 2 * 1024 * 1024];
    let seen = stand.exchange(&mut laptop, &large).await;
    assert_eq!(
        seen.reason(),
        (StatusCode::PAYLOAD_TOO_LARGE, Reason::TooLarge)
    );
    assert_eq!(
        stand.exchange(&mut laptop, &good).await.status,
        StatusCode::OK
    );
}
