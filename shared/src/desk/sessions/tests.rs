//! What the pages about sessions promise, walked as a browser without JavaScript would.

use axum::http::StatusCode;
use jiff::civil::{Date, date, time};

use crate::desk::testing::{Seen, Visitor, elsewhere, fill, give};
use crate::domain::catalog::{Agent, Catalog, catalog_id};
use crate::domain::codes::{AgeBand, Attendance, Level, RegistrationStatus, SessionState};
use crate::domain::person::Person;
use crate::domain::seats::{Seats, standing};
use crate::domain::session::{Registration, Session};
use crate::ids::{AgentId, PersonId, RegistrationId, SessionId};
use crate::site::Site;
use crate::time::Timestamp;

const TODAY: Date = date(2026, 11, 26);

/// Somebody with a phone, born in 1957, of Saint-Chinian.
async fn person(visitor: &Visitor, given: &str, family: &str) -> PersonId {
    let person = Person {
        given_name: given.to_owned(),
        family_name: family.to_owned(),
        phone: format!("06 00 00 00 {:02}", given.len() + family.len()),
        commune: "34245".to_owned(),
        birth_year: Some(1957),
        ..Person::default()
    };
    let id = PersonId::fresh();
    let written = visitor
        .site()
        .edit(id, visitor.agent, move |fresh: &mut Person| *fresh = person);
    written.await.unwrap();
    id
}

/// A session of two seats at Saint-Chinian, 9:30 to 11:30 on `date`.
async fn session_on(visitor: &Visitor, date: Date) -> SessionId {
    let id = SessionId::fresh();
    let agent = visitor.agent;
    let session = Session {
        place: "saint-chinian".into(),
        date,
        start: time(9, 30, 0, 0),
        end: time(11, 30, 0, 0),
        capacity: 2,
        animateur: Some(agent),
        ..Session::default()
    };
    let written = visitor
        .site()
        .edit(id, agent, move |fresh: &mut Session| *fresh = session);
    written.await.unwrap();
    id
}

async fn stored(site: &Site, id: SessionId) -> Session {
    site.document(id).await.unwrap().unwrap().value().unwrap()
}

/// The one registration of `person` in the session.
async fn registration(visitor: &Visitor, id: SessionId, person: PersonId) -> RegistrationId {
    let session = stored(visitor.site(), id).await;
    let mut found = standing(&session).filter(|(_, r)| r.person == person);
    let id = found.next().unwrap().0;
    assert!(found.next().is_none());
    id
}

async fn register(visitor: &Visitor, id: SessionId, person: PersonId) -> Seen {
    let path = format!("/ateliers/{id}/inscrire");
    visitor.act(&path, &[("person", &person.to_string())]).await
}

/// The path that takes the last act back.
fn undo(seen: &Seen) -> String {
    let flash = seen.text.split(r#"<div id="flash""#).nth(1).unwrap();
    let action = flash.split(r#"action=""#).nth(1).unwrap();
    action.split('"').next().unwrap().to_owned()
}

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
