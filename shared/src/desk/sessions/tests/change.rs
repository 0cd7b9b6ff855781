//! Moving, cancelling and editing a session; what two sites write at once; its history.

use super::*;

#[tokio::test]
async fn moving_lists_who_must_be_told_until_somebody_did() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, date(2026, 12, 3)).await;
    let sylvie = person(&visitor, "Sylvie", "Carayon").await;
    register(&visitor, id, sylvie).await;
    let path = format!("/ateliers/{id}/deplacer");
    let form = visitor.get(&path).await;
    assert!(form.says("1 personne inscrite sera à prévenir."));
    let seen = fill(
        &visitor,
        &form,
        &path,
        &[("place", "saint-chinian"), ("reason", "salle prise")],
    )
    .await;
    assert!(seen.says("Changez la date, l’heure ou le lieu."));
    let filled = [
        ("date", "2026-12-04"),
        ("place", "saint-chinian"),
        ("reason", "salle prise"),
    ];
    let seen = fill(&visitor, &form, &path, &filled).await;
    assert_eq!(seen.location, Some(format!("/ateliers/{id}#a-appeler")));
    let seen = visitor.get(&format!("/ateliers/{id}")).await;
    assert!(seen.says("Atelier déplacé. 1 personne est à prévenir."));
    assert!(seen.says("Atelier déplacé : salle prise") && seen.says("Vendredi 4 décembre 2026"));
    assert!(seen.says("atelier déplacé") && seen.says("tel:0600000013"));

    let entry = registration(&visitor, id, sylvie).await;
    let seen = visitor
        .act(&format!("/ateliers/{id}/{entry}/prevenu"), &[])
        .await;
    assert!(seen.says("Sylvie CARAYON est prévenu(e)."));
    assert!(seen.says(r#"aria-labelledby="a-appeler-titre" hidden"#));
    let seen = visitor.act(&undo(&seen), &[]).await;
    assert!(!seen.says(r#"aria-labelledby="a-appeler-titre" hidden"#));
}

#[tokio::test]
async fn moving_writes_only_what_the_person_changed() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, date(2026, 12, 3)).await;
    let path = format!("/ateliers/{id}/deplacer");
    let form = visitor.get(&path).await;
    let agent = visitor.agent;
    let earlier = |s: &mut Session| s.start = time(9, 0, 0, 0);
    visitor.site().edit(id, agent, earlier).await.unwrap();
    let filled = [
        ("date", "2026-12-04"),
        ("place", "saint-chinian"),
        ("reason", "grève"),
    ];
    fill(&visitor, &form, &path, &filled).await;
    let session = stored(visitor.site(), id).await;
    assert_eq!(
        (session.date, session.start),
        (date(2026, 12, 4), time(9, 0, 0, 0))
    );
}

#[tokio::test]
async fn a_cancelled_session_is_shown_as_such_and_can_take_place_after_all() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    let sylvie = person(&visitor, "Sylvie", "Carayon").await;
    register(&visitor, id, sylvie).await;
    let path = format!("/ateliers/{id}/annuler");
    let seen = visitor.post(&path, &[]).await;
    assert!(seen.says("Dites pourquoi"));
    let seen = visitor.act(&path, &[("reason", "Neige")]).await;
    let undo = undo(&seen);
    assert!(seen.says("Atelier annulé : Neige") && seen.says("1 personne est à prévenir."));
    assert!(!seen.says("Inscrire quelqu’un"));
    let listed = visitor.get("/ateliers").await;
    assert!(listed.says("badge-cancelled") && listed.says("1 personne à prévenir"));
    let seen = register(&visitor, id, person(&visitor, "Ana", "Mas").await).await;
    assert!(seen.says("L’atelier est annulé"));

    let entry = registration(&visitor, id, sylvie).await;
    let marked = [("attendance", "present")];
    let seen = visitor
        .act(&format!("/ateliers/{id}/{entry}/presence"), &marked)
        .await;
    assert!(seen.says("annulé, mais 1 présence ou absence saisie."));
    visitor.act(&undo, &[]).await;
    assert_eq!(
        stored(visitor.site(), id).await.state,
        SessionState::Planned
    );
}

#[tokio::test]
async fn title_level_seats_and_animateur_are_edited() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    let mut people = Vec::new();
    for given in ["Ana", "Paul", "Marie"] {
        people.push(person(&visitor, given, "Mas").await);
        register(&visitor, id, people[people.len() - 1]).await;
    }
    let path = format!("/ateliers/{id}/modifier");
    let form = visitor.get(&path).await;
    let filled = [
        ("title", " Photos   de famille "),
        ("capacity", "3"),
        ("level", "avance"),
        ("animateur", ""),
        ("theme", "email"),
        ("start.theme", ""),
    ];
    fill(&visitor, &form, &path, &filled).await;
    let session = stored(visitor.site(), id).await;
    assert_eq!(
        (&*session.title, session.capacity),
        ("Photos de famille", 3)
    );
    assert_eq!((session.level, session.animateur), (Level::Advanced, None));
    assert!(session.themes["email"]);
    let seen = visitor.get(&format!("/ateliers/{id}")).await;
    assert!(seen.says("Une place se libère, à annoncer à : Marie MAS 06 00 00 00 08."));
}

#[tokio::test]
async fn the_last_seat_taken_twice_leaves_both_on_the_sheet_and_one_to_call() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, date(2026, 12, 3)).await;
    let first = person(&visitor, "Ana", "Mas").await;
    register(&visitor, id, first).await;
    let (sylvie, paul) = (
        person(&visitor, "Sylvie", "Carayon").await,
        person(&visitor, "Paul", "Maurel").await,
    );
    let (other, _directory) = elsewhere(&visitor).await;
    register(&visitor, id, sylvie).await;
    let later = Registration {
        person: paul,
        at: Timestamp(i64::MAX),
        ..Registration::default()
    };
    let elsewhere_agent = AgentId::fresh();
    let take = move |s: &mut Session| {
        s.registrations.insert(RegistrationId::fresh(), later);
    };
    other.edit(id, elsewhere_agent, take).await.unwrap();
    give(&other, visitor.site()).await;
    let seen = visitor.get(&format!("/ateliers/{id}")).await;
    assert!(seen.says("Complet, 1 en liste d’attente"));
    assert!(seen.says("Sylvie CARAYON") && seen.says("en liste d’attente</span>"));
    let calls = seen.text.split(r#"id="a-appeler""#).nth(1).unwrap();
    let calls = calls.split("</section>").next().unwrap();
    assert!(calls.contains("Paul MAUREL") && !calls.contains("Sylvie"));
}

#[tokio::test]
async fn two_values_of_one_field_are_both_shown_and_settled_by_one_tap() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    let sylvie = person(&visitor, "Sylvie", "Carayon").await;
    register(&visitor, id, sylvie).await;
    let entry = registration(&visitor, id, sylvie).await;
    let karim = AgentId::fresh();
    let known = Agent {
        name: "Karim Haddad".into(),
        ..Agent::default()
    };
    let add = move |c: &mut Catalog| {
        c.agents.insert(karim, known);
    };
    visitor.site().edit(catalog_id(), karim, add).await.unwrap();
    let (other, _directory) = elsewhere(&visitor).await;
    let path = format!("/ateliers/{id}/{entry}/presence");
    visitor.act(&path, &[("attendance", "present")]).await;
    let absent = move |s: &mut Session| {
        s.mark(entry, Attendance::NoShow, None);
    };
    other.edit(id, karim, absent).await.unwrap();
    give(&other, visitor.site()).await;

    let listed = visitor.get("/ateliers").await;
    assert!(listed.says("Saisies en désaccord"));
    let seen = visitor.get(&format!("/ateliers/{id}")).await;
    assert!(seen.says("Sylvie CARAYON, présence : deux saisies en même temps"));
    assert!(seen.says("Claire Fabre, 9 h 25, Portable 1"));
    assert!(seen.says("Karim Haddad, 9 h 25, poste inconnu"));
    for (value, said) in [
        ("\"excused\"", "déjà tranché"),
        ("\"no_show\"", "C’est retenu."),
    ] {
        let field = format!("registrations/{entry}/attendance");
        let sent = [("path", &*field), ("value", value)];
        let seen = visitor
            .act(&format!("/ateliers/{id}/trancher"), &sent)
            .await;
        assert!(seen.says(said), "{value}");
    }
    let session = stored(visitor.site(), id).await;
    assert_eq!(session.registrations[&entry].attendance, Attendance::NoShow);
    assert!(!visitor.get("/ateliers").await.says("désaccord"));
}

#[tokio::test]
async fn the_history_says_who_did_what_and_from_where() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    let sylvie = person(&visitor, "Sylvie", "Carayon").await;
    register(&visitor, id, sylvie).await;
    let entry = registration(&visitor, id, sylvie).await;
    let path = format!("/ateliers/{id}/{entry}/presence");
    let seen = visitor.act(&path, &[("attendance", "no_show")]).await;
    let history = seen.text.split("Historique de la fiche").nth(1).unwrap();
    let history = history.replace('\u{a0}', " ");
    for line in [
        "Sylvie CARAYON : Absent<br>",
        "Inscription de Sylvie CARAYON<br>",
        "Lieu : Saint-Chinian<br>",
        "Claire Fabre, 9 h 25, Portable 1",
    ] {
        assert!(history.contains(line), "{line}");
    }
    for noise in ["À renseigner", "Inscrit<", "non"] {
        assert!(!history.contains(noise), "{noise}");
    }
}

#[tokio::test]
async fn no_title_holds_a_name_and_what_is_no_session_is_no_page() {
    let visitor = Visitor::agent().await;
    let id = session_on(&visitor, TODAY).await;
    let sylvie = person(&visitor, "Sylvie", "Carayon").await;
    let seen = register(&visitor, id, sylvie).await;
    let title = seen.text.split("</title>").next().unwrap();
    assert!(title.contains("Atelier, jeu.") && !title.contains("Sylvie"));
    for path in [
        "x".to_owned(),
        SessionId::fresh().to_string(),
        sylvie.to_string(),
    ] {
        let seen = visitor.get(&format!("/ateliers/{path}")).await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND);
        let fields = [("preparation_min", "5")];
        let seen = visitor
            .post(&format!("/ateliers/{path}/preparation"), &fields)
            .await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND);
    }
}
