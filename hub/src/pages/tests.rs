//! The hub's pages together: which account may open which, and what they show.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use jiff::civil::{date, time};
use shared::domain::codes::{Attendance, Role};
use shared::domain::session::{Registration, Session};
use shared::ids::{PersonId, RegistrationId, SessionId};

use super::testing::AtHub;

/// Every address of the hub's own pages with the least role that may ask for it, and how.
const ROUTES: &[(&str, &str, Role)] = &[
    ("GET", "/vue-ensemble", Role::Agent),
    ("GET", "/vue-ensemble/quarantaine", Role::Staff),
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
