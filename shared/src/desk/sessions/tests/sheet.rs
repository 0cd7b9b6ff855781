//! Registering, attendance, counters, notes and the paper of one session.

use super::*;

#[tokio::test]
async fn somebody_found_on_the_sheet_is_registered_and_no_longer_found() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    let sylvie = person(&visitor, "Sylvie", "Carayon").await;
    person(&visitor, "Bernard", "Carayon").await;
    let search = format!("/ateliers/{id}/chercher");
    let seen = visitor.post(&search, &[("q", "cara")]).await;
    assert!(
        seen.says("Sylvie CARAYON") && seen.says("Bernard CARAYON") && seen.says("2 personnes.")
    );
    let seen = register(&visitor, id, sylvie).await;
    assert!(seen.says("Sylvie CARAYON est inscrit(e)."));
    assert!(seen.says("Première visite") && seen.says("06 00 00 00 13"));
    assert!(seen.says("Sur ce portable seulement"));
    let seen = visitor.post(&search, &[("q", "cara")]).await;
    assert!(seen.says("1 personne."));
    let seen = register(&visitor, id, sylvie).await;
    assert!(seen.says("Sylvie CARAYON est déjà sur la liste."));
    let entry = &stored(visitor.site(), id).await.registrations;
    let entry = entry.values().next().unwrap();
    assert_eq!(
        (&*entry.commune, entry.age_band),
        ("34245", AgeBand::SixtyToSixtyNine)
    );
    let seen = visitor.get(&search).await;
    assert_eq!(seen.location, Some(format!("/ateliers/{id}")));
}

#[tokio::test]
async fn a_new_person_is_registered_without_leaving_the_sheet_after_a_look_at_those_alike() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    person(&visitor, "Sylvie", "Carayon").await;
    let path = format!("/ateliers/{id}/nouvelle");
    let new = PersonId::fresh().to_string();
    let mut filled = vec![
        ("id", &*new),
        ("family_name", "Carayon"),
        ("given_name", "Silvie"),
    ];
    let seen = visitor.post(&path, &filled).await;
    assert!(seen.says("Déjà connue ?") && seen.says("nom proche"));
    assert!(
        seen.says(r#"value="Silvie""#),
        "the form is still filled in"
    );
    assert!(stored(visitor.site(), id).await.registrations.is_empty());
    filled.push(("known", "no"));
    let seen = visitor.act(&path, &filled).await;
    assert!(seen.says("Silvie CARAYON est inscrit(e)."));
    // Sent twice: one person, one registration.
    let seen = visitor.act(&path, &filled).await;
    assert!(seen.says("déjà sur la liste"));
    let seen = visitor
        .post(&path, &[("id", &*new), ("family_name", "Vidal")])
        .await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(seen.says("Le prénom est obligatoire."));
}

#[tokio::test]
async fn attendance_is_one_tap_and_undo_brings_back_what_stood_before() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    let sylvie = person(&visitor, "Sylvie", "Carayon").await;
    register(&visitor, id, sylvie).await;
    let entry = registration(&visitor, id, sylvie).await;
    let path = format!("/ateliers/{id}/{entry}/presence");
    visitor.act(&path, &[("attendance", "excused")]).await;
    let seen = visitor.act(&path, &[("attendance", "present")]).await;
    assert!(seen.says("Sylvie CARAYON : Présent."));
    assert!(seen.says(r#"value="present" aria-pressed="true""#));
    let mark = |session: Session| session.registrations[&entry].attendance;
    assert_eq!(mark(stored(visitor.site(), id).await), Attendance::Present);
    visitor.act(&undo(&seen), &[]).await;
    assert_eq!(mark(stored(visitor.site(), id).await), Attendance::Excused);
    let seen = visitor.post(&path, &[("attendance", "dancing")]).await;
    assert_eq!(seen.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_returning_person_is_no_first_visit() {
    let visitor = Visitor::agent().await;
    let before = session_on(&visitor, date(2026, 11, 19)).await;
    let sylvie = person(&visitor, "Sylvie", "Carayon").await;
    let walk_in = [("person", &*sylvie.to_string()), ("walk_in", "1")];
    let seen = visitor
        .act(&format!("/ateliers/{before}/inscrire"), &walk_in)
        .await;
    assert!(seen.says("Première visite") && seen.says("Sans rendez-vous"));
    let id = session_on(&visitor, TODAY).await;
    let seen = register(&visitor, id, sylvie).await;
    assert!(!seen.says("Première visite"));
}

#[tokio::test]
async fn a_full_session_has_a_waiting_list_and_a_withdrawal_names_who_gets_the_seat() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    let mut people = Vec::new();
    for given in ["Ana", "Paul", "Marie-Thérèse"] {
        people.push(person(&visitor, given, "Mas").await);
    }
    register(&visitor, id, people[0]).await;
    let seen = register(&visitor, id, people[1]).await;
    assert!(seen.says("Complet, 2 inscrits") && seen.says("Enregistrer en liste d’attente"));
    let waiting = [("person", &*people[2].to_string()), ("waiting", "1")];
    let seen = visitor
        .act(&format!("/ateliers/{id}/inscrire"), &waiting)
        .await;
    assert!(seen.says("en liste d’attente, à la place 1") && seen.says("1er en attente"));
    assert!(
        seen.says(r#"aria-labelledby="a-appeler-titre" hidden"#),
        "she was there"
    );

    let entry = registration(&visitor, id, people[0]).await;
    let seen = visitor
        .act(&format!("/ateliers/{id}/{entry}/statut/cancelled"), &[])
        .await;
    assert!(seen.says("Ana MAS n’est plus sur la liste."));
    assert!(seen.says("à annoncer à : Marie-Thérèse MAS 06 00 00 00 18."));
    assert!(seen.says("Annulé (par la personne)"));
    let seen = visitor.act(&undo(&seen), &[]).await;
    assert!(seen.says("Ana MAS est de nouveau sur la liste."));
    let session = stored(visitor.site(), id).await;
    assert_eq!(Seats::of(&session).waiting.len(), 1);
    assert_eq!(
        session.registrations[&entry].status,
        RegistrationStatus::Registered
    );
}

#[tokio::test]
async fn walk_ins_beyond_the_seats_are_taken_with_a_warning() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    for given in ["Ana", "Paul", "Marie-Thérèse"] {
        let id_of = person(&visitor, given, "Mas").await.to_string();
        let fields = [("person", &*id_of), ("walk_in", "1")];
        visitor
            .post(&format!("/ateliers/{id}/inscrire"), &fields)
            .await;
    }
    let seen = visitor.get(&format!("/ateliers/{id}")).await;
    assert!(seen.says("3 présents pour 2 places."));
    assert!(
        !seen.says("en attente</span>"),
        "whoever came is a participant"
    );
}

#[tokio::test]
async fn anonymous_counters_go_up_and_down_and_must_add_up() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    let path = format!("/ateliers/{id}/anonymes");
    visitor
        .act(&path, &[("counter", "total"), ("step", "1")])
        .await;
    let seen = visitor
        .act(&path, &[("counter", "already_seen"), ("step", "1")])
        .await;
    assert!(seen.says("1</output>"));
    let seen = visitor
        .act(&path, &[("counter", "total"), ("step", "-1")])
        .await;
    assert!(seen.says("Déjà venus : 1, mais 0 participant anonyme en tout."));
    let detail = format!("{path}/detail");
    let seen = visitor.post(&detail, &[("gender.feminin", "2")]).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(seen.says("par genre donne 2"));
    visitor
        .act(&detail, &[("gender.feminin", "1"), ("age.toto", "1")])
        .await;
    let session = stored(visitor.site(), id).await;
    let counters: Vec<_> = session.anonymous.into_iter().collect();
    let named = |name: &str, n| (name.to_owned(), n);
    assert_eq!(
        counters,
        [
            named("already_seen", 1),
            named("gender.feminin", 1),
            named("total", 1)
        ]
    );
}

#[tokio::test]
async fn notes_are_added_and_never_replaced_and_preparation_is_kept() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    let path = format!("/ateliers/{id}/notes");
    visitor
        .act(
            &path,
            &[("text", "Revoir le copier-coller.\r\nEt l’impression.")],
        )
        .await;
    let seen = visitor.act(&path, &[("text", "Salle froide")]).await;
    assert!(seen.says("Revoir le copier-coller. Et l’impression.") && seen.says("Salle froide"));
    assert!(seen.says("Claire Fabre, 9 h 25") && seen.says("Ni santé, ni opinions"));
    let seen = visitor.post(&path, &[("text", " ")]).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    let path = format!("/ateliers/{id}/preparation");
    let seen = visitor.act(&path, &[("preparation_min", "45")]).await;
    assert!(seen.says("Préparation : 45 minutes."));
    let seen = visitor.act(&path, &[("preparation_min", "9000")]).await;
    assert!(seen.says("de 0 à 600"));
    assert_eq!(stored(visitor.site(), id).await.preparation_min, 45);
}

#[tokio::test]
async fn the_paper_is_blank_before_and_completed_after_and_holds_no_phone() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    let sylvie = person(&visitor, "Sylvie", "Carayon").await;
    register(&visitor, id, sylvie).await;
    let path = format!("/ateliers/{id}/emargement");
    let seen = visitor.get(&path).await;
    for words in [
        "Communauté de Communes Sud-Hérault",
        "Atelier, débutants",
        "Saint-Chinian, Médiathèque, salle de la mairie",
        "Jeudi 26 novembre 2026, de 9 h 30 à 11 h 30",
        "Claire Fabre",
        "<th scope=\"row\">CARAYON Sylvie</th><td></td>",
        "<td>4</td><td></td>",
    ] {
        assert!(seen.says(words), "{words}");
    }
    assert!(!seen.says("06 00") && !seen.says("1957"));
    let entry = registration(&visitor, id, sylvie).await;
    let mark = format!("/ateliers/{id}/{entry}/presence");
    visitor.post(&mark, &[("attendance", "present")]).await;
    let seen = visitor.get(&path).await;
    assert!(seen.says("CARAYON Sylvie</th><td>Présent</td>") && !seen.says("<td>2</td>"));
}
