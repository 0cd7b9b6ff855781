//! Signing in, and what surrounds every page.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};

use super::testing::{LOGIN, PASSPHRASE, Visitor};
use crate::domain::catalog::{Catalog, catalog_id};

#[tokio::test]
async fn nobody_sees_a_page_without_signing_in_and_comes_back_to_it_afterwards() {
    let mut visitor = Visitor::agent().await;
    visitor.forget_cookie();
    let seen = visitor.get("/etat?x=1").await;
    assert_eq!(
        seen.location.as_deref(),
        Some("/connexion?vers=%2Fetat%3Fx%3D1")
    );
    let path = "/connexion?vers=%2Fetat";
    let seen = visitor
        .post(path, &[("login", LOGIN), ("passphrase", PASSPHRASE)])
        .await;
    assert_eq!(seen.location.as_deref(), Some("/etat"));
}

#[tokio::test]
async fn a_wrong_passphrase_and_an_unknown_name_are_told_alike() {
    let visitor = Visitor::agent().await;
    let wrong = visitor
        .post("/connexion", &[("login", LOGIN), ("passphrase", "x")])
        .await;
    let unknown = visitor
        .post(
            "/connexion",
            &[("login", "zoé"), ("passphrase", PASSPHRASE)],
        )
        .await;
    for seen in [&wrong, &unknown] {
        assert!(seen.text.contains("Identifiant ou phrase secrète inexacts"));
        assert!(!seen.text.contains(PASSPHRASE));
        assert!(seen.headers.get("set-cookie").is_none());
    }
}

#[tokio::test]
async fn signing_out_ends_the_sign_in_itself() {
    let visitor = Visitor::agent().await;
    assert_eq!(
        visitor.get("/nulle-part").await.status,
        StatusCode::NOT_FOUND
    );
    visitor.post("/deconnexion", &[]).await;
    let seen = visitor.get("/etat").await;
    assert_eq!(seen.location.as_deref(), Some("/connexion?vers=%2Fetat"));
}

#[tokio::test]
async fn a_disabled_account_is_out_at_once() {
    let visitor = Visitor::agent().await;
    let agent = visitor.agent;
    visitor
        .site()
        .edit(catalog_id(), agent, move |catalog: &mut Catalog| {
            catalog
                .agents
                .entry(agent)
                .and_modify(|account| account.disabled = true);
        })
        .await
        .unwrap();
    assert!(visitor.get("/etat").await.location.is_some());
}

#[tokio::test]
async fn pages_are_not_kept_and_load_nothing_from_elsewhere() {
    let visitor = Visitor::agent().await;
    let seen = visitor.get("/accessibilite").await;
    assert_eq!(seen.status, StatusCode::OK);
    assert_eq!(seen.headers[CACHE_CONTROL], "no-store");
    assert!(
        seen.headers[CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .contains("default-src 'none'")
    );
    let asset = visitor.get("/style.css").await;
    assert!(
        asset.headers[CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
}

#[tokio::test]
async fn a_site_without_accounts_says_what_to_do_instead_of_asking_for_one() {
    let mut visitor = Visitor::agent().await;
    let agent = visitor.agent;
    let open = visitor.get("/connexion").await;
    assert!(open.text.contains("Identifiant") && !open.text.contains("Aucun compte"));
    visitor
        .site()
        .edit(catalog_id(), agent, |catalog: &mut Catalog| {
            catalog
                .agents
                .values_mut()
                .for_each(|account| account.disabled = true);
        })
        .await
        .unwrap();
    visitor.forget_cookie();
    let closed = visitor.get("/connexion").await;
    assert!(closed.text.contains("Demandez à l’administrateur."));
    assert!(!closed.text.contains("Identifiant"));
}

#[tokio::test]
async fn what_was_typed_comes_back_when_the_store_fails_but_no_passphrase() {
    let visitor = Visitor::agent().await;
    let broken = rusqlite::Connection::open(visitor.site().store().directory().join("maison.db"));
    // No table to write to: as good as a disk that does not write.
    (broken.unwrap())
        .execute_batch("DROP TABLE change; DROP TABLE sign_in")
        .unwrap();
    let typed = [("family_name", "d’Été & \"fils\""), ("given_name", "Zoé")];
    let seen = visitor.post("/personnes/nouvelle", &typed).await;
    assert_eq!(seen.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(seen.says("cette page l’a gardé"), "{}", seen.text);
    assert!(seen.text.contains("action=\"/personnes/nouvelle\""));
    let secret = [("login", LOGIN), ("passphrase", PASSPHRASE)];
    let seen = visitor.post("/connexion?vers=%2Fpersonnes", &secret).await;
    assert_eq!(seen.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!seen.text.contains(PASSPHRASE) && !seen.says("l’a gardé"));
}
