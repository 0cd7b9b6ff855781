//! The hub's pages together: which account may open which, and what they show.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use ed25519_dalek::SigningKey;
use jiff::civil::{date, time};
use shared::desk::testing::NOW;
use shared::domain::codes::{Attendance, Role};
use shared::domain::session::{Registration, Session};
use shared::exchange::frame::Ask;
use shared::exchange::receipt::{Receipt, Stand};
use shared::exchange::wire::{Effort, Encoder};
use shared::exchange::{Answerer, Version, position};
use shared::ids::{DocumentId, PersonId, RegistrationId, ReplicaId, SessionId};
use shared::joining::signature::Nonce;
use shared::joining::ticket::Ticket;
use shared::ledger::{Fingerprint, LedgerError, hub_key};
use shared::site::Foreign;

use super::testing::AtHub;
use crate::devices::tickets::{self, Trade};
use crate::devices::{self, incarnations};

/// Every address of the hub's own pages with the least role that may ask for it, and how.
const ROUTES: &[(&str, &str, Role)] = &[
    ("GET", "/vue-ensemble", Role::Agent),
    ("GET", "/vue-ensemble/quarantaine", Role::Staff),
    ("POST", "/vue-ensemble/quarantaine/reprise", Role::Staff),
    ("GET", "/vue-ensemble/effacements", Role::Staff),
    ("GET", "/personnes/x/effacer", Role::Staff),
    ("POST", "/personnes/x/effacer", Role::Staff),
    ("GET", "/export", Role::Staff),
    ("GET", "/export/activites.csv", Role::Staff),
    ("GET", "/import", Role::Staff),
    ("POST", "/import", Role::Staff),
    (
        "GET",
        "/import/00000000-0000-0000-0000-000000000000",
        Role::Staff,
    ),
    (
        "POST",
        "/import/00000000-0000-0000-0000-000000000000",
        Role::Staff,
    ),
    ("GET", "/portables", Role::Administrator),
    ("POST", "/portables/tickets", Role::Administrator),
    ("GET", "/portables/x/revoquer", Role::Administrator),
    ("POST", "/portables/x/revoquer", Role::Administrator),
    ("GET", "/sauvegardes", Role::Administrator),
    ("POST", "/sauvegardes/maintenant", Role::Administrator),
];

#[tokio::test]
async fn every_page_is_open_to_its_roles_and_to_nobody_else() {
    for role in [Role::Agent, Role::Staff, Role::Administrator] {
        let at = AtHub::with(role).await;
        for (method, path, least) in ROUTES {
            let seen = match *method {
                "GET" => at.visitor.get(path).await,
                _ => at.visitor.post(path, &[]).await,
            };
            let is_refused = seen.status == StatusCode::FORBIDDEN;
            assert_eq!(is_refused, role < *least, "{role} {method} {path}");
            assert!(!seen.status.is_server_error(), "{role} {method} {path}");
        }
    }
}

#[tokio::test]
async fn nobody_sees_a_page_without_signing_in() {
    let mut at = AtHub::with(Role::Administrator).await;
    at.visitor.forget_cookie();
    for (method, path, _) in ROUTES {
        let seen = match *method {
            "GET" => at.visitor.get(path).await,
            _ => at.visitor.post(path, &[]).await,
        };
        let location = seen.location.unwrap_or_default();
        assert!(location.starts_with("/connexion"), "{method} {path}");
    }
}

#[tokio::test]
async fn tabs_are_those_that_the_account_may_open() {
    let agent = AtHub::with(Role::Agent).await;
    let seen = agent.visitor.get("/vue-ensemble").await;
    assert!(!seen.text.contains(r#"href="/import""#));
    assert!(!seen.text.contains("/export"));
    let staff = AtHub::with(Role::Staff).await;
    let seen = staff.visitor.get("/vue-ensemble").await;
    assert!(
        seen.text.contains(r#"href="/import""#) && seen.text.contains("/export?from=2026-09-01")
    );
}

/// A session on 5 November with one person present, at Saint-Chinian.
async fn with_a_session(at: &AtHub) {
    let registration = Registration {
        person: PersonId::fresh(),
        attendance: Attendance::Present,
        commune: "34245".to_owned(),
        ..Registration::default()
    };
    let session = Session {
        place: "saint-chinian".to_owned(),
        date: date(2026, 11, 5),
        start: time(9, 30, 0, 0),
        end: time(11, 30, 0, 0),
        registrations: [(RegistrationId::fresh(), registration)].into(),
        ..Session::default()
    };
    at.hub
        .site()
        .edit(SessionId::fresh(), at.visitor.agent, |new: &mut Session| {
            *new = session
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn the_overview_shows_the_period_asked_for() {
    let at = AtHub::with(Role::Staff).await;
    with_a_session(&at).await;
    let november = at
        .visitor
        .get("/vue-ensemble?from=2026-11-01&to=2026-11-30")
        .await;
    assert!(november.text.contains("<dt>séances tenues</dt><dd>1</dd>"));
    assert!(
        november.text.contains("25\u{a0}% des places prises")
            || november.text.contains("25&nbsp;% des places prises")
    );
    assert!(november.text.contains("Saint-Chinian"));
    let october = at
        .visitor
        .get("/vue-ensemble?from=2026-10-01&to=2026-10-31")
        .await;
    assert!(october.text.contains("<dt>séances tenues</dt><dd>0</dd>"));
    let nonsense = at.visitor.get("/vue-ensemble?from=hier").await;
    assert_eq!(nonsense.status, StatusCode::OK);
    assert!(nonsense.text.contains("Indiquez une date"));
}

#[tokio::test]
async fn the_export_is_a_file_of_the_period_asked_for() {
    let at = AtHub::with(Role::Staff).await;
    with_a_session(&at).await;
    let seen = at
        .visitor
        .get("/export/activites.csv?from=2026-11-01&to=2026-11-30")
        .await;
    assert_eq!(seen.headers[CONTENT_TYPE], "text/csv; charset=utf-8");
    assert_eq!(
        seen.headers[CONTENT_DISPOSITION],
        "attachment; filename=\"activites-2026-11-01-2026-11-30.csv\""
    );
    assert!(seen.text.starts_with("\u{feff}Date;"));
    assert_eq!(seen.text.lines().count(), 2);
    let elsewhere = at
        .visitor
        .get("/export/activites.csv?from=2026-11-01&to=2026-11-30&place=quarante")
        .await;
    assert_eq!(elsewhere.text.lines().count(), 1);
    let refused = at
        .visitor
        .get("/export/activites.csv?from=2026-11-30&to=2026-11-01")
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// Registers « Portable 1 » with a ticket made on the page.
async fn with_a_laptop(at: &AtHub) -> ReplicaId {
    let seen = at
        .visitor
        .post("/portables/tickets", &[("name", " Portable  1 ")])
        .await;
    let text = seen.text.split("<p class=\"ticket\">").nth(1).unwrap();
    let ticket: Ticket = text.split('<').next().unwrap().parse().unwrap();
    assert_eq!(ticket.addresses, ["http://127.0.0.1:8081"]);
    let (id, key) = (
        ReplicaId::fresh(),
        SigningKey::from_bytes(&[1; 32]).verifying_key(),
    );
    let hash = Ticket::secret_hash(ticket.secret.as_slice());
    let trade = at
        .hub
        .site()
        .store()
        .write(move |tx| tickets::trade(tx, &hash, id, &key, Nonce([1; 16]), NOW));
    assert!(matches!(
        trade.await,
        Ok::<_, LedgerError>(Trade::Joined(_))
    ));
    id
}

#[tokio::test]
async fn a_ticket_is_shown_once_and_its_laptop_is_listed_until_it_is_revoked() {
    let at = AtHub::with(Role::Administrator).await;
    let empty = at.visitor.get("/portables").await;
    assert!(empty.text.contains("Aucun portable inscrit."));
    let id = with_a_laptop(&at).await;
    let listed = at.visitor.get("/portables").await;
    assert!(listed.text.contains("Portable 1") && listed.text.contains("jamais"));
    assert!(
        !listed.text.contains("MAISON1-"),
        "the ticket is not shown again"
    );
    let path = format!("/portables/{id}/revoquer");
    let asked = at.visitor.get(&path).await;
    assert!(asked.text.contains("Révoquer Portable 1"));
    let done = at.visitor.act(&path, &[]).await;
    assert!(done.text.contains("Portable 1 est révoqué"));
    assert!(done.text.contains("badge-cancelled"));
    assert_eq!(
        at.visitor.post(&path, &[]).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_laptop_needs_a_name() {
    let at = AtHub::with(Role::Administrator).await;
    for name in ["", "  ", &"x".repeat(61)] {
        let seen = at
            .visitor
            .post("/portables/tickets", &[("name", name)])
            .await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!seen.text.contains("MAISON1-"));
    }
}

#[tokio::test]
async fn the_overview_tells_of_laptops_and_of_what_was_set_aside() {
    let at = AtHub::with(Role::Administrator).await;
    let id = with_a_laptop(&at).await;
    let before = at.visitor.get("/vue-ensemble").await;
    assert!(before.text.contains("Portable 1") && !before.text.contains("mise de côté"));
    let aside = Foreign {
        document: DocumentId::fresh(),
        kind: 1,
        bytes: vec![1, 2, 3],
    };
    at.hub
        .site()
        .write(move |work| work.receive(id, vec![aside], |_| true))
        .await
        .unwrap();
    let after = at.visitor.get("/vue-ensemble").await;
    assert!(after.text.contains("1 modification mise de côté"));
    let list = at.visitor.get("/vue-ensemble/quarantaine").await;
    assert!(list.text.contains("<td>Portable 1</td>"));
    let tried = at
        .visitor
        .act("/vue-ensemble/quarantaine/reprise", &[])
        .await;
    assert!(tried.text.contains("Rien de plus n’a pu être pris."));
    assert!(tried.text.contains("<td>Portable 1</td>"));
}

#[tokio::test]
async fn a_copy_of_a_laptop_is_listed_beside_it_and_says_what_it_is() {
    let at = AtHub::with(Role::Administrator).await;
    let id = with_a_laptop(&at).await;
    let before = at.visitor.get("/portables").await;
    assert!(!before.text.contains("Copie ou ancienne image"));
    let copied = at.hub.site().store().write(move |tx| {
        let former = devices::find(tx, id)?.ok_or(LedgerError::Damaged("device"))?;
        let nonce = Nonce([2; 16]);
        incarnations::incarnate(tx, &former, ReplicaId::fresh(), nonce, NOW)
    });
    copied.await.unwrap();
    let after = at.visitor.get("/portables").await;
    assert!(after.text.contains("Copie ou ancienne image d’un portable"));
    assert!(after.text.contains("Remplacé"), "until it is heard again");
    let overview = at.visitor.get("/vue-ensemble").await.text;
    assert_eq!(
        overview
            .matches("<th scope=\"row\">Portable 1</th>")
            .count(),
        1
    );
}

/// A laptop shows a receipt of a position that the hub has never been at.
async fn show_receipt(at: &AtHub, laptop: ReplicaId) {
    let site = at.hub.site();
    let own = site.read(|c| Ok((hub_key::own(c)?, position::own_epoch(c)?)));
    let (key, epoch) = own.await.unwrap();
    let stand = Stand {
        hub: site.replica(),
        epoch: epoch.unwrap(),
        position: 1000,
        fingerprint: Fingerprint::default(),
        at: NOW,
        catalog: [0; 32],
    };
    let receipt = Receipt::sign(&stand, [1; 8], &key.unwrap());
    let mut encoder = Encoder::new(Version::NEWEST, Effort::Usual).unwrap();
    let hello = Ask::Hello {
        epoch: None,
        cursor: 0,
        receipt: None,
        is_plain: None,
        lacks_key: None,
        backup: None,
    };
    let shown = Ask::Receipt {
        receipt,
        catalog: None,
    };
    for frame in [hello, shown, Ask::News] {
        encoder.push(&frame).unwrap();
    }
    let mut answerer = Answerer::new(site.clone(), laptop).unwrap();
    answerer.push(&encoder.finish().unwrap()).await.unwrap();
    assert!(answerer.finish().unwrap().heard().is_restored);
}

#[tokio::test]
async fn a_hub_that_was_put_back_says_who_showed_it() {
    let at = AtHub::with(Role::Administrator).await;
    let id = with_a_laptop(&at).await;
    let words = "remises dans un état plus ancien\u{a0}: Portable 1 l’a montré";
    for path in ["/portables", "/vue-ensemble"] {
        assert!(!at.visitor.get(path).await.text.contains(words));
    }
    show_receipt(&at, id).await;
    for path in ["/portables", "/vue-ensemble"] {
        assert!(at.visitor.get(path).await.text.contains(words), "{path}");
    }
}
