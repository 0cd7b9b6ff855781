//! The list of sessions and new ones.

use super::*;

#[tokio::test]
async fn the_list_shows_the_week_with_seats_in_clear_words() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    session_on(&visitor, date(2026, 12, 3)).await;
    let sylvie = person(&visitor, "Sylvie", "Carayon").await;
    register(&visitor, id, sylvie).await;
    let seen = visitor.get("/ateliers").await;
    assert!(seen.says("Jeudi 26 novembre 2026, aujourd’hui"));
    assert!(seen.says("23 – 29 novembre 2026"));
    assert!(seen.says("1 inscrit, 1 place libre"));
    assert!(!seen.says("3 décembre"));
    assert!(!seen.says("Sylvie"));
    let seen = visitor.get("/ateliers?semaine=2026-W49").await;
    assert!(seen.says("Jeudi 3 décembre 2026") && seen.says("Aucun inscrit, 2 places libres"));
    let seen = visitor
        .get("/ateliers?semaine=2026-11-26&lieu=quarante")
        .await;
    assert!(seen.says("Aucun atelier"));
}

#[tokio::test]
async fn a_person_is_registered_from_the_list_in_one_tap_and_their_level_is_said_before() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, date(2026, 12, 3)).await;
    let sylvie = person(&visitor, "Sylvie", "Carayon").await;
    let agent = visitor.agent;
    let level = |p: &mut Person| p.level = Some(Level::Advanced);
    visitor.site().edit(sylvie, agent, level).await.unwrap();
    let path = format!("/ateliers?pour={sylvie}");
    let seen = visitor.get(&path).await;
    assert!(seen.says("Choisissez un atelier pour"));
    assert!(seen.says("Confirmé : l’atelier est pour débutants."));
    let act = format!("/ateliers/{id}/inscrire");
    let fields = [("person", &*sylvie.to_string()), ("back", &*path)];
    let seen = visitor.act(&act, &fields).await;
    assert!(seen.says("Sylvie CARAYON est inscrit(e)."));
    assert!(seen.says("badge-done\">Inscrit<"));
    // Nowhere else than to the list.
    let fields = [("person", &*sylvie.to_string()), ("back", "//evil.example")];
    let seen = visitor.post(&act, &fields).await;
    assert_eq!(seen.location, Some(format!("/ateliers/{id}")));
}

#[tokio::test]
async fn a_weekly_series_is_created_in_one_act() {
    let visitor = Visitor::agent().await;
    let form = visitor.get("/ateliers/nouveau?date=2026-12-03").await;
    assert!(form.says(r#"<option value="saint-chinian" selected>"#));
    let filled = [
        ("place", "saint-chinian"),
        ("start", "09:30"),
        ("end", "11:30"),
        ("level", "debutant"),
        ("weeks", "12"),
        ("theme", "email"),
    ];
    let seen = fill(&visitor, &form, "/ateliers/nouveau", &filled).await;
    assert_eq!(
        seen.location.as_deref(),
        Some("/ateliers?semaine=2026-12-03")
    );
    let seen = visitor.get("/ateliers?semaine=2026-12-03").await;
    assert!(seen.says("12 ateliers créés, du 3 décembre 2026 au 18 février 2027."));
    let seen = visitor.get("/ateliers?semaine=2027-02-18").await;
    assert!(seen.says("9 h 30 – 11 h 30"));
}

#[tokio::test]
async fn what_is_missing_in_a_new_session_is_said_and_nothing_is_written() {
    let visitor = Visitor::agent().await;
    let filled = [
        ("start", "11:00"),
        ("end", "09:00"),
        ("capacity", "900"),
        ("weeks", "99"),
    ];
    let seen = visitor.post("/ateliers/nouveau", &filled).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    for message in [
        "Choisissez un lieu",
        "Choisissez une date",
        "Choisissez un niveau",
        "doit suivre",
        "entre 1 et 50",
        "entre 1 et 53",
    ] {
        assert!(seen.says(message), "{message}");
    }
}

#[tokio::test]
async fn an_animateur_in_two_places_is_said_before_and_never_forbidden() {
    let visitor = Visitor::agent().await;
    session_on(&visitor, TODAY).await;
    let agent = visitor.agent.to_string();
    let mut filled = vec![
        ("place", "quarante"),
        ("date", "2026-11-26"),
        ("start", "11:00"),
        ("end", "12:00"),
        ("level", "avance"),
        ("capacity", "4"),
        ("weeks", "1"),
        ("animateur", &*agent),
    ];
    let seen = visitor.post("/ateliers/nouveau", &filled).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        seen.says(
            "Claire Fabre a déjà un atelier : Saint-Chinian, jeu. 26 nov., 9 h 30 – 11 h 30."
        )
    );
    let known = seen.text.split(r#"name="seen" value=""#).nth(1).unwrap();
    filled.push(("seen", known.split('"').next().unwrap()));
    let seen = visitor.act("/ateliers/nouveau", &filled).await;
    assert!(seen.says("Atelier créé."));
    assert!(
        seen.says("Claire Fabre a déjà un atelier"),
        "the sheet says it as well"
    );
}
