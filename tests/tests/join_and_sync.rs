//! A laptop joins a hub and exchanges with it, both in this process, over a real line on 127.0.0.1.

use std::net::SocketAddr;
use std::path::Path;

use field_node::attempt::{Attempt, Attempted, Failure, Why, attempt};
use field_node::courier::Courier;
use field_node::line::{Line, LineError};
use field_node::{Enrolled, Node, cli, commands};
use hub::Hub;
use hub::devices::{self, tickets};
use shared::domain::person::Person;
use shared::ids::{AgentId, PersonId};
use shared::joining::messages::Reason;
use shared::joining::ticket::Ticket;
use shared::ledger::hub_key;
use shared::program::{Exit, Listening, arguments};
use shared::site::Site;
use shared::time::Clock;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const ANYWHERE: &str = "127.0.0.1:0";

/// A hub that answers on a port of its own.
struct Serving {
    hub: Hub,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Serving {
    async fn start(directory: &Path, listen: &str) -> Self {
        let hub = Hub::open(directory, Clock::default()).await.unwrap();
        let listening = Listening::on(listen.parse().unwrap()).await.unwrap();
        let address = listening.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = hub.clone();
        let served = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            hub::serve(serving, listening, stopped).await.unwrap();
        });
        Self {
            hub,
            address,
            stop,
            served,
        }
    }

    async fn ticket(&self) -> Ticket {
        let addresses = vec![format!("http://{}", self.address)];
        tickets::create(&self.hub, "Portable 1".to_owned(), addresses, None, 72)
            .await
            .unwrap()
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap();
    }
}

async fn node() -> (Node, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::open(directory.path(), Clock::default())
        .await
        .unwrap();
    (node, directory)
}

async fn sync(node: &Node) -> Box<Attempt> {
    let line = Line::new(node.site().clone()).unwrap();
    match attempt(node.site(), &line, Why::Asked, &mut |_| ())
        .await
        .unwrap()
    {
        Attempted::Done(attempt) => attempt,
        other => panic!("{other:?}"),
    }
}

async fn register(site: &Site, name: &str) -> PersonId {
    let (id, name) = (PersonId::fresh(), name.to_owned());
    site.edit::<Person, _, _>(id, AgentId::fresh(), move |person| {
        person.family_name = name
    })
    .await
    .unwrap();
    id
}

async fn name_of(site: &Site, id: PersonId) -> Option<String> {
    let document = site.document(id).await.unwrap()?;
    Some(document.value::<Person>().unwrap().family_name)
}

#[tokio::test]
async fn a_laptop_joins_works_and_becomes_identical_to_the_hub() {
    let directory = tempfile::tempdir().unwrap();
    let serving = Serving::start(directory.path(), ANYWHERE).await;
    let (node, _kept) = node().await;
    let ticket = serving.ticket().await;
    let Enrolled::Done(enrolment) = node.enrol(&ticket).await.unwrap() else {
        panic!("it was registered before");
    };
    assert_eq!(enrolment.name, "Portable 1");
    assert_eq!(enrolment.hub, serving.hub.site().replica());
    let own = serving.hub.site().read(|c| Ok(hub_key::own(c)?)).await;
    let known = node.site().read(|c| Ok(hub_key::known(c)?)).await.unwrap();
    assert_eq!(known, own.unwrap().map(|key| key.verifying_key()));

    let at_hub = register(serving.hub.site(), "Lignon").await;
    let here = register(node.site(), "Carayon").await;
    let first = sync(&node).await;
    assert!(first.failure.is_none(), "{first:?}");
    assert!(first.report.identical);
    assert_eq!((first.report.sent, first.traffic.requests), (1, 1));
    assert_eq!(name_of(serving.hub.site(), here).await.unwrap(), "Carayon");
    assert_eq!(name_of(node.site(), at_hub).await.unwrap(), "Lignon");

    let quiet = sync(&node).await;
    assert!(quiet.report.identical);
    assert_eq!((quiet.report.sent, quiet.report.received), (0, 0));
    assert_eq!(
        quiet.traffic.requests, 1,
        "nothing new costs one round trip"
    );
    let site = serving.hub.site();
    let laptops = site.read(|c| Ok(devices::list(c)?)).await.unwrap();
    assert_eq!(laptops[0].lacks_changes, 0);
    serving.stop().await;
}

#[tokio::test]
async fn without_the_hub_the_laptop_works_on_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let serving = Serving::start(directory.path(), ANYWHERE).await;
    let (node, kept) = node().await;
    node.enrol(&serving.ticket().await).await.unwrap();
    let address = serving.address;
    serving.stop().await;

    let here = register(node.site(), "Carayon").await;
    let failed = sync(&node).await.failure;
    assert!(
        matches!(failed, Some(Failure::Line(LineError::Unreachable))),
        "{failed:?}"
    );
    assert_eq!(name_of(node.site(), here).await.unwrap(), "Carayon");
    let data = kept.path().to_str().unwrap().to_owned();
    let exit = tokio::task::spawn_blocking(move || {
        let words = ["maison-node", "sync", "--json", "--data", &data];
        commands::run_to_end(arguments::parse::<cli::Cli, _, _>(words).unwrap())
    });
    assert_eq!(exit.await.unwrap(), Exit::Unreachable);

    let again = Serving::start(directory.path(), &address.to_string()).await;
    assert!(sync(&node).await.report.identical);
    assert_eq!(name_of(again.hub.site(), here).await.unwrap(), "Carayon");
    again.stop().await;
}

#[tokio::test]
async fn the_courier_carries_a_change_by_itself_and_rests_while_paused() {
    let directory = tempfile::tempdir().unwrap();
    let serving = Serving::start(directory.path(), ANYWHERE).await;
    let (node, _kept) = node().await;
    let courier = Courier::start(node.site().clone()).await.unwrap();
    let mut state = courier.state();
    assert!(!state.borrow().enrolled, "and it does no harm");
    node.enrol(&serving.ticket().await).await.unwrap();
    courier.sync_now().await;
    assert!(state.borrow().identical_since.is_some());
    let name = state.borrow().name.clone();
    assert_eq!(name.as_deref(), Some("Portable 1"), "known at once");

    let here = register(node.site(), "Carayon").await;
    let has_arrived = state.wait_for(|s| s.pending.changes == 0 && !s.running);
    has_arrived.await.unwrap();
    // The courier may not have seen the change yet: the hub is what counts.
    let mut arrivals = serving.hub.site().store().commits();
    while name_of(serving.hub.site(), here).await.is_none() {
        arrivals.changed().await.unwrap();
    }
    // A pause ends the exchange that is under way: its confirmation must have come.
    let is_confirmed = state.wait_for(|s| s.pending.changes == 0 && !s.running);
    is_confirmed.await.unwrap();

    courier.pause(true).await;
    register(node.site(), "Lignon").await;
    let waits = state.wait_for(|s| s.paused && s.pending.changes == 1);
    waits.await.unwrap();
    courier.sync_now().await;
    assert_eq!(
        state.borrow().pending.changes,
        0,
        "asked for, it goes all the same"
    );
    assert!(state.borrow().paused);
    serving.stop().await;
}

#[tokio::test]
async fn a_laptop_that_is_revoked_is_told_so_and_keeps_what_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let serving = Serving::start(directory.path(), ANYWHERE).await;
    let (node, _kept) = node().await;
    node.enrol(&serving.ticket().await).await.unwrap();
    let (replica, now) = (node.site().replica(), serving.hub.site().clock().now());
    let store = serving.hub.site().store();
    store
        .write(move |tx| devices::revoke(tx, replica, now))
        .await
        .unwrap();
    let here = register(node.site(), "Carayon").await;
    let failure = sync(&node).await.failure.unwrap();
    let Failure::Line(LineError::Refused(refused)) = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(refused.error, Reason::LaptopRevoked);
    assert_eq!(name_of(node.site(), here).await.unwrap(), "Carayon");
    serving.stop().await;
}

#[tokio::test]
async fn a_new_ticket_of_the_same_hub_moves_a_laptop_and_one_of_another_hub_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let serving = Serving::start(directory.path(), ANYWHERE).await;
    let (node, _kept) = node().await;
    node.enrol(&serving.ticket().await).await.unwrap();
    assert!(sync(&node).await.report.identical);
    let before = serving.address;
    // The hub moves, and one answer is lost with its old address.
    serving.stop().await;
    let moved = Serving::start(directory.path(), ANYWHERE).await;
    assert_ne!(moved.address, before);
    let here = register(node.site(), "Carayon").await;
    assert!(sync(&node).await.failure.is_some());
    let address = format!("http://{}", moved.address);
    let name = "Portable 7".to_owned();
    let ticket = tickets::create(&moved.hub, name, vec![address.clone()], None, 72).await;
    let Enrolled::Again(enrolment) = node.enrol(&ticket.unwrap()).await.unwrap() else {
        panic!("it was registered before");
    };
    assert_eq!(enrolment.name, "Portable 7");
    assert_eq!(enrolment.addresses, [address]);
    let attempt = sync(&node).await;
    assert!(attempt.report.identical && !attempt.traffic.is_copy);
    assert_eq!(name_of(moved.hub.site(), here).await.unwrap(), "Carayon");

    let elsewhere = tempfile::tempdir().unwrap();
    let other = Serving::start(elsewhere.path(), ANYWHERE).await;
    let enrolled = node.enrol(&other.ticket().await).await.unwrap();
    assert_eq!(enrolled, Enrolled::WithAnotherHub(enrolment));
    assert!(sync(&node).await.report.identical);
    other.stop().await;
    moved.stop().await;
}

#[tokio::test]
async fn laptops_made_from_one_directory_that_had_no_ticket_yet_join_under_ids_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let serving = Serving::start(directory.path(), ANYWHERE).await;
    let (one, kept) = node().await;
    let copied = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(kept.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copied.path().join(file.file_name())).unwrap();
    }
    let two = Node::open(copied.path(), Clock::default()).await.unwrap();
    assert_eq!(one.site().replica(), two.site().replica());
    for node in [&one, &two] {
        let enrolled = node.enrol(&serving.ticket().await).await.unwrap();
        assert!(matches!(enrolled, Enrolled::Done(_)), "{enrolled:?}");
        register(node.site(), "Carayon").await;
    }
    for node in [&one, &two, &one] {
        let attempt = sync(node).await;
        assert!(attempt.report.identical && !attempt.report.reconciled);
    }
    let site = serving.hub.site();
    let laptops = site.read(|c| Ok(devices::list(c)?)).await.unwrap();
    assert_eq!(laptops.len(), 2);
    serving.stop().await;
}
