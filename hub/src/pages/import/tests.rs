//! The import's pages, from choosing a file to the people it made.

use axum::http::StatusCode;
use shared::desk::testing::Seen;
use shared::domain::codes::Role;
use shared::view::people;

use super::*;
use crate::pages::testing::AtHub;

const SAMPLE: &[u8] = include_bytes!("../../../../tests/data/beneficiaires-exemple.csv");
const FAULTY: &[u8] = include_bytes!("../../../../tests/data/beneficiaires-fautifs-cp1252.csv");

async fn staff() -> AtHub {
    AtHub::with(Role::Staff).await
}

async fn known(at: &AtHub) -> u64 {
    at.hub
        .site()
        .read(|connection| Ok(people::count(connection, "")?))
        .await
        .unwrap()
}

/// Uploads a file and gives the address of its preview with the preview.
async fn previewed(at: &AtHub, bytes: &[u8]) -> (String, Seen) {
    let seen = at.upload("/import", "liste.csv", bytes).await;
    let address = seen.location.expect("a preview");
    let page = at.visitor.get(&address).await;
    assert_eq!(page.status, StatusCode::OK);
    (address, page)
}

fn file(lines: &[&str]) -> Vec<u8> {
    let mut text = COLUMNS.join(";");
    for line in lines {
        text.push('\n');
        text.push_str(line);
    }
    text.into_bytes()
}

#[tokio::test]
async fn a_preview_writes_nothing_and_the_import_writes_the_good_lines_once() {
    let at = staff().await;
    let (address, page) = previewed(&at, SAMPLE).await;
    assert!(page.text.contains("<dd>310</dd>") && page.text.contains("<dd>13</dd>"));
    assert_eq!(known(&at).await, 0);
    let seen = at.visitor.act(&address, &[]).await;
    assert!(
        seen.text
            .contains("310 personnes créées, 13 lignes laissées de côté.")
    );
    assert_eq!(known(&at).await, 310);
    let again = at.visitor.act(&address, &[]).await;
    assert!(again.text.contains("Cet aperçu n’est plus là"));
    assert_eq!(known(&at).await, 310);
}

#[tokio::test]
async fn the_same_file_again_is_known_line_by_line() {
    let at = staff().await;
    let lines = file(&["CARAYON;Sylvie;1944", "MAS;Ana"]);
    let (address, _) = previewed(&at, &lines).await;
    at.visitor.act(&address, &[]).await;
    let (address, page) = previewed(&at, &lines).await;
    assert_eq!(page.text.matches("Déjà connue.").count(), 2);
    assert!(page.text.contains("href=\"/personnes/"));
    let seen = at.visitor.act(&address, &[]).await;
    assert!(
        seen.text
            .contains("0 personne créée, 2 lignes laissées de côté.")
    );
    assert_eq!(known(&at).await, 2);
}

#[tokio::test]
async fn a_ticked_line_is_created_although_it_looks_known() {
    let at = staff().await;
    let lines = file(&[
        "MIQUEL;Michel;;;;;06 25 86 96 95",
        "MIQUEL;Josiane;;;;;06 25 86 96 95",
        "Miquel;Michel",
    ]);
    let (address, page) = previewed(&at, &lines).await;
    assert!(
        page.text.contains(r#"value="3" checked"#),
        "a spouse is ticked"
    );
    assert!(page.text.contains(r#"value="4">"#), "who is known is not");
    let seen = at
        .visitor
        .act(&address, &[("create", "3"), ("create", "x")])
        .await;
    assert!(
        seen.text
            .contains("2 personnes créées, 1 ligne laissée de côté.")
    );
    let (address, _) = previewed(&at, &file(&["MIQUEL;Michel"])).await;
    at.visitor.act(&address, &[("create", "2")]).await;
    assert_eq!(known(&at).await, 3);
}

#[tokio::test]
async fn faulty_lines_are_told_and_cannot_be_imported() {
    let at = staff().await;
    let (address, page) = previewed(&at, FAULTY).await;
    assert!(page.text.contains("Le prénom est obligatoire."));
    assert!(
        !page.text.contains("Importer les lignes"),
        "there is nothing to import"
    );
    at.visitor.act(&address, &[("create", "2")]).await;
    assert_eq!(known(&at).await, 0);
}

#[tokio::test]
async fn a_file_that_cannot_be_imported_is_refused_with_its_reason() {
    let at = staff().await;
    let too_large = vec![b'a'; FILE_BYTES_MAX + 1];
    for (bytes, reason) in [
        (&b""[..], "Le fichier est vide."),
        (&too_large, "5\u{a0}Mo au plus"),
        (b"nom;taille\nMas;1,70", "Colonnes inconnues\u{a0}: taille."),
        (b"PK\x03\x04...", "Ce classeur ne se lit pas."),
    ] {
        let seen = at.upload("/import", "liste.csv", bytes).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY, "{reason}");
        assert!(seen.text.contains(reason), "{reason}");
    }
    let nothing = at.upload("/import", "", b"").await;
    assert!(nothing.text.contains("Choisissez un fichier."));
    let no_upload = at.visitor.post("/import", &[("file", "x")]).await;
    assert_eq!(no_upload.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_preview_that_nobody_made_leads_back_to_choosing() {
    let at = staff().await;
    let address = format!("/import/{}", Uuid::nil());
    let seen = at.visitor.get(&address).await;
    assert_eq!(seen.location.as_deref(), Some("/import"));
    let page = at.visitor.get("/import").await;
    assert!(page.text.contains("Cet aperçu n’est plus là"));
}
