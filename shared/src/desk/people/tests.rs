//! What the pages about people promise, walked as a browser without JavaScript would.

use axum::http::StatusCode;

use crate::desk::testing::{Visitor, elsewhere, fill, give};
use crate::domain::codes::Level;
use crate::domain::person::Person;
use crate::exchange::position;
use crate::ids::{AgentId, PersonId};
use crate::site::{Site, Work};

async fn add(visitor: &Visitor, given: &str, family: &str, phone: &str) -> PersonId {
    let person = Person {
        given_name: given.to_owned(),
        family_name: family.to_owned(),
        phone: phone.to_owned(),
        ..Person::default()
    };
    put(visitor.site(), visitor.agent, person).await
}

async fn put(site: &Site, agent: AgentId, person: Person) -> PersonId {
    let id = PersonId::fresh();
    let written = site.edit(id, agent, move |fresh: &mut Person| *fresh = person);
    written.await.unwrap();
    id
}

async fn change(site: &Site, id: PersonId, change: fn(&mut Person)) {
    let agent = AgentId(uuid::Uuid::from_u128(7));
    site.edit(id, agent, change).await.unwrap();
}

async fn stored(visitor: &Visitor, id: PersonId) -> Person {
    let document = visitor.site().document(id).await.unwrap().unwrap();
    document.value().unwrap()
}

async fn found(visitor: &Visitor, query: &str) -> String {
    let seen = visitor.post("/personnes/recherche", &[("q", query)]).await;
    assert_eq!(seen.status, StatusCode::OK);
    seen.text
}

#[tokio::test]
async fn a_person_is_found_without_accents_in_any_word_order_and_by_phone_digits() {
    let visitor = Visitor::agent().await;
    add(&visitor, "Élise", "Ségura", "+33 6 12 34 56 78").await;
    add(&visitor, "Paul", "Cros", "04 67 00 00 00").await;
    for query in ["segura eli", "ELISE", "06 12 34", "345678"] {
        let page = found(&visitor, query).await;
        assert!(page.contains("Élise SÉGURA"), "{query}");
        assert!(!page.contains("Paul CROS"), "{query}");
        assert!(page.contains("1 personne<"), "{query}");
    }
    let page = visitor.get("/personnes").await.text;
    assert!(page.contains("2 personnes") && page.contains("Paul CROS"));
}

#[tokio::test]
async fn a_long_list_says_that_it_is_not_whole() {
    let visitor = Visitor::agent().await;
    let agent = visitor.agent;
    let many = visitor.site().write(move |work| {
        for n in 0..52 {
            work.edit(PersonId::fresh(), agent, |person: &mut Person| {
                person.family_name = format!("Cros {n}");
            })?;
        }
        Ok(())
    });
    many.await.unwrap();
    let page = found(&visitor, "cros").await;
    assert!(page.contains("52 personnes. Voici les 50 premières"));
    assert_eq!(page.matches("row-name").count(), 50);
}

#[tokio::test]
async fn a_search_that_finds_nobody_begins_a_new_person_with_what_was_typed() {
    let visitor = Visitor::agent().await;
    let page = found(&visitor, "carayon sylvie 06 12").await;
    assert!(page.contains("Personne de ce nom"));
    assert!(page.contains(r#"name="typed" value="carayon sylvie 06 12""#));
    let typed = [("typed", "carayon sylvie 06 12"), ("then", "session")];
    let form = visitor.post("/personnes/nouvelle/commencer", &typed).await;
    for value in ["Carayon", "Sylvie", "06 12"] {
        assert!(
            form.text.contains(&format!(r#"value="{value}""#)),
            "{value}"
        );
    }
    let filled = [("phone", "06 12 34 56 78")];
    let seen = fill(&visitor, &form, "/personnes/nouvelle", &filled).await;
    let sessions = seen.location.unwrap();
    assert!(sessions.starts_with("/ateliers?pour="), "{sessions}");
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field_and_nothing_is_written() {
    let visitor = Visitor::agent().await;
    let form = visitor.get("/personnes/nouvelle").await;
    let filled = [
        ("family_name", "Cros"),
        ("phone", "12"),
        ("birth_year", "x"),
    ];
    let seen = fill(&visitor, &form, "/personnes/nouvelle", &filled).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    for field in ["given_name", "phone", "birth_year"] {
        assert!(
            seen.text.contains(&format!(r#"id="{field}-error""#)),
            "{field}"
        );
    }
    assert!(
        seen.text.contains(r#"value="Cros""#),
        "what was typed stays"
    );
    assert!(found(&visitor, "cros").await.contains("Personne de ce nom"));
}

#[tokio::test]
async fn people_who_look_the_same_are_shown_before_anything_is_written() {
    let visitor = Visitor::agent().await;
    let known = add(&visitor, "Sylvie", "Carayon", "06 12 34 56 78").await;
    let form = visitor.get("/personnes/nouvelle").await;
    let filled = [("family_name", "CARAYON"), ("given_name", "Silvie")];
    let asked = fill(&visitor, &form, "/personnes/nouvelle", &filled).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(asked.text.contains("Déjà connue") && asked.text.contains("nom proche"));
    assert!(
        asked
            .text
            .contains(&format!(r#"href="/personnes/{known}""#))
    );
    assert!(!found(&visitor, "silvie").await.contains("Silvie CARAYON"));

    let sent = [("known", "no")];
    let seen = fill(&visitor, &asked, "/personnes/nouvelle", &sent).await;
    let sheet = visitor.get(&seen.location.unwrap()).await;
    assert!(sheet.text.contains("Silvie CARAYON est enregistré(e)."));
    let again = fill(&visitor, &asked, "/personnes/nouvelle", &sent).await;
    assert!(again.location.is_some());
    let page = found(&visitor, "silvie").await;
    assert!(page.contains("1 personne<"), "sent twice, written once");
}

#[tokio::test]
async fn a_couple_and_a_swapped_name_and_a_typo_in_the_first_letter_are_noticed() {
    let visitor = Visitor::agent().await;
    add(&visitor, "Sylvie", "Carayon", "06 12 34 56 78").await;
    add(&visitor, "Zoé", "Vidal", "").await;
    let form = visitor.get("/personnes/nouvelle").await;
    for (given, family, phone) in [
        ("Bernard", "Carayon", "+33612345678"),
        ("carayon", "sylvie", ""),
        ("Sylvie", "Karayon", ""),
    ] {
        let filled = [
            ("given_name", given),
            ("family_name", family),
            ("phone", phone),
        ];
        let asked = fill(&visitor, &form, "/personnes/nouvelle", &filled).await;
        assert!(asked.text.contains("Sylvie CARAYON"), "{given} {family}");
        assert!(!asked.text.contains("Zoé VIDAL"), "{given} {family}");
    }
}

#[tokio::test]
async fn a_form_that_lay_open_does_not_put_old_values_back() {
    let visitor = Visitor::agent().await;
    let id = add(&visitor, "Sylvie", "Carayon", "06 12 34 56 78").await;
    let path = format!("/personnes/{id}/modifier");
    let open = visitor.get(&path).await;
    change(visitor.site(), id, |p| {
        p.phone = "06 99 99 99 99".to_owned();
        p.level = Some(Level::Advanced);
    })
    .await;
    let filled = [("email", "sylvie@example.net")];
    let seen = fill(&visitor, &open, &path, &filled).await;
    assert_eq!(seen.location, Some(format!("/personnes/{id}")));
    let person = stored(&visitor, id).await;
    assert_eq!(person.phone, "06 99 99 99 99");
    assert_eq!(person.level, Some(Level::Advanced));
    assert_eq!(person.email, "sylvie@example.net");

    let filled = [("phone", "06 11 11 11 11")];
    let seen = fill(&visitor, &open, &path, &filled).await;
    assert_eq!(stored(&visitor, id).await.phone, "06 11 11 11 11");
    let sheet = visitor.get(&seen.location.unwrap()).await.text;
    assert!(sheet.contains("Quelqu’un d’autre venait de changer\u{a0}: Téléphone."));
    assert!(sheet.contains("06 99 99 99 99"), "the history keeps it");
}

#[tokio::test]
async fn changing_checks_what_was_changed_and_nothing_else() {
    let visitor = Visitor::agent().await;
    // As an older program or an import may have left it.
    let id = add(&visitor, "Sylvie", "Carayon", "à demander").await;
    let path = format!("/personnes/{id}/modifier");
    let open = visitor.get(&path).await;
    let seen = fill(&visitor, &open, &path, &[("family_name", "")]).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(seen.text.contains("Le nom est obligatoire."));
    assert!(!seen.text.contains("dix chiffres, comme"));
    let filled = [("given_name", "Sylviane"), ("notes", "Le matin\r\nplutôt")];
    let seen = fill(&visitor, &open, &path, &filled).await;
    assert!(seen.location.is_some());
    let person = stored(&visitor, id).await;
    assert_eq!(person.given_name, "Sylviane");
    assert_eq!(person.notes, "Le matin\nplutôt");
}

#[tokio::test]
async fn a_commune_outside_the_list_survives_a_form_that_does_not_touch_it() {
    let visitor = Visitor::agent().await;
    let person = Person {
        family_name: "Cros".to_owned(),
        given_name: "Ahmed".to_owned(),
        commune: "34032".to_owned(),
        ..Person::default()
    };
    let id = put(visitor.site(), visitor.agent, person).await;
    let open = visitor.get(&format!("/personnes/{id}/modifier")).await;
    assert!(
        open.text
            .contains(r#"value="34032" selected>hors territoire (34032)<"#)
    );
}

#[tokio::test]
async fn two_values_are_shown_with_their_authors_and_one_tap_keeps_either() {
    let visitor = Visitor::agent().await;
    let id = add(&visitor, "Sylvie", "Carayon", "").await;
    let (other, _directory) = elsewhere(&visitor).await;
    for kept in ["06 11 11 11 11", "06 22 22 22 22"] {
        change(visitor.site(), id, |p| {
            p.phone = "06 11 11 11 11".to_owned()
        })
        .await;
        change(&other, id, |p| p.phone = "06 22 22 22 22".to_owned()).await;
        give(&other, visitor.site()).await;
        let path = format!("/personnes/{id}");
        let sheet = visitor.get(&path).await.text;
        assert!(sheet.contains("deux saisies en même temps"));
        assert!(sheet.contains("Portable 1") && sheet.contains("poste inconnu"));
        let json = format!("\"{kept}\"");
        let kept_one = [("path", "phone"), ("value", &*json)];
        let sheet = visitor
            .act(&format!("{path}/trancher"), &kept_one)
            .await
            .text;
        assert!(!sheet.contains("deux saisies"));
        assert!(sheet.contains("C’est noté."));
        assert_eq!(stored(&visitor, id).await.phone, kept);
        let again = visitor
            .act(&format!("{path}/trancher"), &kept_one)
            .await
            .text;
        assert!(again.contains("Quelqu’un a déjà tranché."));
        give(visitor.site(), &other).await;
        change(visitor.site(), id, |p| p.phone = String::new()).await;
        give(visitor.site(), &other).await;
    }
}

#[tokio::test]
async fn merging_reads_two_records_as_one_and_can_be_undone() {
    let visitor = Visitor::agent().await;
    let kept = add(&visitor, "Sylvie", "Carayon", "").await;
    let other = add(&visitor, "Silvie", "Carayon", "06 12 34 56 78").await;
    let sheet = visitor.get(&format!("/personnes/{kept}")).await.text;
    let path = format!("/personnes/{kept}/reunir/{other}");
    assert!(sheet.contains("nom proche") && sheet.contains(&path));
    let both = visitor.get(&path).await.text;
    assert!(both.contains("<td>Sylvie</td><td>Silvie</td><td>Sylvie</td>"));
    assert!(both.contains("<td></td><td>06 12 34 56 78</td><td>06 12 34 56 78</td>"));

    let sheet = visitor.act(&path, &[]).await.text;
    assert!(sheet.contains("Sylvie CARAYON") && sheet.contains("06 12 34 56 78"));
    assert!(sheet.contains("Fiches réunies à celle-ci") && sheet.contains("Prénom\u{a0}: Silvie"));
    let seen = visitor.get(&format!("/personnes/{other}")).await;
    assert_eq!(seen.location, Some(format!("/personnes/{kept}")));
    for query in ["carayon", "silvie", "06 12 34"] {
        let page = found(&visitor, query).await;
        assert!(
            page.contains("Sylvie CARAYON") && page.contains("1 personne<"),
            "{query}"
        );
        assert!(
            page.contains("06 12 34 56 78"),
            "the blank is filled in lists too"
        );
    }
    // What somebody elsewhere still writes on the merged record is not lost.
    change(visitor.site(), other, |p| {
        p.email = "silvie@example.net".to_owned()
    })
    .await;
    let sheet = visitor.get(&format!("/personnes/{kept}")).await.text;
    assert!(sheet.contains("silvie@example.net"));
    // An edit writes on the record that stands.
    let edit = format!("/personnes/{kept}/modifier");
    let open = visitor.get(&edit).await;
    fill(&visitor, &open, &edit, &[("birth_year", "1953")]).await;
    assert_eq!(stored(&visitor, kept).await.birth_year, Some(1953));
    assert_eq!(stored(&visitor, kept).await.phone, "", "nothing is copied");

    let seen = visitor
        .act(&format!("/personnes/{other}/separer"), &[])
        .await;
    assert!(seen.text.contains("Silvie CARAYON"));
    assert!(found(&visitor, "carayon").await.contains("2 personnes"));
}

#[tokio::test]
async fn records_that_two_sites_merged_into_each_other_stay_one_person_that_is_found() {
    let visitor = Visitor::agent().await;
    let one = add(&visitor, "Sylvie", "Carayon", "").await;
    let two = add(&visitor, "Silvie", "Carayon", "").await;
    let (other, _directory) = elsewhere(&visitor).await;
    visitor
        .post(&format!("/personnes/{one}/reunir/{two}"), &[])
        .await;
    let agent = visitor.agent;
    let merged = other.edit(one, agent, move |p: &mut Person| p.merged_into = Some(two));
    merged.await.unwrap();
    give(&other, visitor.site()).await;
    let stands = one.min(two);
    for page in [
        found(&visitor, "carayon").await,
        visitor.get("/personnes").await.text,
    ] {
        assert!(page.contains(&format!("/personnes/{stands}\"")));
        assert!(page.contains("1 personne<"));
    }
    let seen = visitor.get(&format!("/personnes/{}", one.max(two))).await;
    assert_eq!(seen.location, Some(format!("/personnes/{stands}")));
}

#[tokio::test]
async fn what_people_write_is_shown_as_text_and_names_stay_out_of_titles_and_addresses() {
    let visitor = Visitor::agent().await;
    let nasty = "<script>alert(1)</script>";
    let id = add(&visitor, nasty, "Cros\" onfocus=\"x", "").await;
    change(visitor.site(), id, |p| {
        p.notes = "</textarea><b>x".to_owned()
    })
    .await;
    let pages = [
        visitor.get("/personnes").await,
        visitor.get(&format!("/personnes/{id}")).await,
        visitor.get(&format!("/personnes/{id}/modifier")).await,
        visitor.post("/personnes/recherche", &[("q", nasty)]).await,
    ];
    for seen in pages {
        assert_eq!(seen.status, StatusCode::OK);
        assert!(!seen.text.contains("<script>alert"));
        assert!(!seen.text.contains("onfocus=\"x"));
        assert!(!seen.text.contains("</textarea><b>"));
        let title = seen.text.split("</title>").next().unwrap();
        assert!(!title.to_lowercase().contains("cros"));
    }
    let seen = visitor.get("/personnes/recherche").await;
    assert_eq!(seen.location.as_deref(), Some("/personnes"));
}

#[tokio::test]
async fn a_person_whom_the_hub_does_not_know_yet_is_marked() {
    let visitor = Visitor::agent().await;
    let id = add(&visitor, "Sylvie", "Carayon", "").await;
    let sheet = visitor.get(&format!("/personnes/{id}")).await.text;
    assert!(sheet.contains("Sur ce portable seulement"));
    assert!(found(&visitor, "carayon").await.contains("Sur ce portable"));
    let be_hub = |work: &mut Work<'_>| Ok(position::ensure_own_epoch(work.connection())?);
    visitor.site().write(be_hub).await.unwrap();
    let sheet = visitor.get(&format!("/personnes/{id}")).await.text;
    assert!(sheet.contains("Au hub"), "at the hub everything is");
}

#[tokio::test]
async fn nobody_by_this_id_is_said_so() {
    let visitor = Visitor::agent().await;
    let nobody = PersonId::fresh();
    let catalog = crate::domain::catalog::catalog_id();
    for path in [
        "/personnes/n-importe-quoi".to_owned(),
        format!("/personnes/{nobody}"),
        format!("/personnes/{nobody}/modifier"),
        format!("/personnes/{nobody}/reunir/{nobody}"),
        format!("/personnes/{catalog}"),
    ] {
        assert_eq!(
            visitor.get(&path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    for path in ["modifier", "separer", "trancher"] {
        let path = format!("/personnes/{nobody}/{path}");
        let sent = [("path", "phone"), ("value", "\"x\"")];
        let seen = visitor.act(&path, &sent).await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND, "{path}");
    }
}
