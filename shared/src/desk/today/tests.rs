//! What the first page of the day promises. It is Thursday 26 November 2026, 9:25: Saint-Chinian's morning.

use axum::http::StatusCode;
use jiff::civil::{Date, date, time};

use crate::desk::testing::Visitor;
use crate::domain::catalog::{Catalog, catalog_id};
use crate::domain::codes::{Attendance, Level, RegistrationStatus, SessionState};
use crate::domain::person::Person;
use crate::domain::session::{Registration, Session};
use crate::ids::{PersonId, RegistrationId, SessionId};
use crate::time::Timestamp;

const TODAY: Date = date(2026, 11, 26);

async fn person(visitor: &Visitor, given: &str, family: &str, phone: &str) -> PersonId {
    let id = PersonId::fresh();
    let person = Person {
        given_name: given.to_owned(),
        family_name: family.to_owned(),
        phone: phone.to_owned(),
        ..Person::default()
    };
    let written = visitor
        .site()
        .edit(id, visitor.agent, move |fresh: &mut Person| *fresh = person);
    written.await.unwrap();
    id
}

/// A session of two seats at a place, in the morning; these people registered in this order.
fn session(place: &str, on: Date, people: &[PersonId]) -> Session {
    let registrations = people.iter().enumerate().map(|(n, person)| {
        let registration = Registration {
            person: *person,
            at: Timestamp(1 + n as i64),
            ..Registration::default()
        };
        (RegistrationId::fresh(), registration)
    });
    Session {
        place: place.to_owned(),
        date: on,
        start: time(9, 30, 0, 0),
        end: time(11, 30, 0, 0),
        title: format!("Atelier de {place}"),
        level: Level::Beginner,
        capacity: 2,
        preparation_min: 30,
        registrations: registrations.collect(),
        ..Session::default()
    }
}

async fn plan(visitor: &Visitor, session: Session) -> SessionId {
    let id = SessionId::fresh();
    let written = visitor
        .site()
        .edit(id, visitor.agent, move |fresh: &mut Session| {
            *fresh = session
        });
    written.await.unwrap();
    id
}

fn mark(session: &mut Session, attendance: Attendance) {
    for registration in session.registrations.values_mut() {
        registration.attendance = attendance;
    }
}

/// The part of a page between the heading with this id and the next section.
fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let begin = page.find(&format!("id=\"{id}\"")).expect(id);
    page[begin..].split("</section>").next().unwrap()
}

#[tokio::test]
async fn the_stop_of_the_tour_its_session_and_who_is_expected_are_in_sight() {
    let visitor = Visitor::agent().await;
    let sylvie = person(&visitor, "Sylvie", "Carayon", "06 12 34 56 78").await;
    let rene = person(&visitor, "René", "Ségura", "").await;
    let mut earlier = session("capestang", date(2026, 11, 19), &[sylvie]);
    mark(&mut earlier, Attendance::Present);
    plan(&visitor, earlier).await;
    let here = plan(&visitor, session("saint-chinian", TODAY, &[sylvie, rene])).await;
    plan(&visitor, session("quarante", TODAY, &[])).await;

    let page = visitor.get("/").await.text;
    assert!(page.contains("<h1>Jeudi 26\u{a0}novembre 2026</h1>"));
    assert!(
        page.contains("Saint-Chinian, Médiathèque, salle de la mairie, 9\u{a0}h\u{a0}– 12\u{a0}h")
    );
    let card = section(&page, "seance-1");
    assert!(card.contains(&format!("/ateliers/{here}")));
    assert!(card.contains("Complet, 2 inscrits"));
    assert!(card.contains("Sylvie CARAYON") && card.contains(r#"href="tel:0612345678""#));
    assert!(card.contains("René SÉGURA") && card.contains("Pas de téléphone"));
    assert_eq!(
        card.matches("Première visite").count(),
        1,
        "Sylvie has come before"
    );
    let elsewhere = section(&page, "ailleurs");
    assert!(elsewhere.contains("Atelier de quarante"));
    assert!(elsewhere.contains("Quarante, aucun inscrit, 2 places libres"));
}

#[tokio::test]
async fn a_visit_on_a_record_that_was_merged_is_no_first_visit() {
    let visitor = Visitor::agent().await;
    let sylvie = person(&visitor, "Sylvie", "Carayon", "").await;
    let silvie = person(&visitor, "Silvie", "Carayon", "").await;
    let mut earlier = session("capestang", date(2026, 11, 19), &[silvie]);
    mark(&mut earlier, Attendance::Present);
    plan(&visitor, earlier).await;
    plan(&visitor, session("saint-chinian", TODAY, &[sylvie])).await;
    assert!(visitor.get("/").await.text.contains("Première visite"));
    let merge = format!("/personnes/{sylvie}/reunir/{silvie}");
    visitor.post(&merge, &[]).await;
    assert!(!visitor.get("/").await.text.contains("Première visite"));
}

#[tokio::test]
async fn an_agent_who_is_elsewhere_says_so_and_follows_the_tour_again() {
    let visitor = Visitor::agent().await;
    plan(&visitor, session("quarante", TODAY, &[])).await;
    let choice = visitor.get("/aujourdhui/lieu").await.text;
    assert!(choice.contains(r#"value="saint-chinian" aria-current="true""#));
    let path = "/aujourdhui/lieu";
    let page = visitor.act(path, &[("place", "quarante")]).await.text;
    assert!(section(&page, "seance-1").contains("Atelier de quarante"));
    let seen = visitor.post(path, &[("place", "nulle-part")]).await;
    assert_eq!(seen.status, StatusCode::BAD_REQUEST);
    let page = visitor.act(path, &[("place", "")]).await.text;
    assert!(page.contains("Pas d’atelier ici aujourd’hui."));
}

#[tokio::test]
async fn whoever_lost_a_seat_is_to_be_called_until_somebody_has() {
    let visitor = Visitor::agent().await;
    let mut people = Vec::new();
    for given in ["Sylvie", "René", "Paul"] {
        people.push(person(&visitor, given, "Maurel", "06 11 22 33 44").await);
    }
    let id = plan(&visitor, session("capestang", date(2026, 12, 1), &people)).await;
    let page = visitor.get("/").await.text;
    let calls = section(&page, "a-appeler-titre");
    assert!(calls.contains("Paul MAUREL") && !calls.contains("René MAUREL"));
    assert!(calls.contains("En liste d’attente") && calls.contains("tel:0611223344"));
    assert!(calls.contains("mar.\u{a0}1\u{a0}déc. à 9\u{a0}h\u{a0}30, Capestang"));

    let tap = calls.split("action=\"").nth(1).unwrap();
    let tap = tap.split('"').next().unwrap();
    let page = visitor.act(tap, &[]).await.text;
    assert!(page.contains("la personne est prévenue"));
    assert!(!page.contains("a-appeler-titre"));
    let document = visitor.site().document(id).await.unwrap().unwrap();
    let session: Session = document.value().unwrap();
    assert_eq!(session.registrations.values().filter(|r| r.told).count(), 1);

    let undo = tap.replace("/prevenu/", "/a-prevenir/");
    assert!(page.contains(&format!("action=\"{undo}\"")));
    let page = visitor.act(&undo, &[]).await.text;
    assert!(section(&page, "a-appeler-titre").contains("Paul MAUREL"));

    let registration = RegistrationId::fresh();
    let nobody = format!("/aujourdhui/prevenu/{id}/{registration}");
    assert_eq!(
        visitor.post(&nobody, &[]).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_cancelled_or_moved_session_is_told_with_its_reason() {
    let visitor = Visitor::agent().await;
    let paul = person(&visitor, "Paul", "Maurel", "").await;
    let mut cancelled = session("saint-chinian", date(2026, 12, 3), &[paul]);
    cancelled.cancel("Animatrice malade");
    plan(&visitor, cancelled).await;
    let mut moved = session("saint-chinian", date(2026, 12, 10), &[paul]);
    moved.mark_moved("");
    plan(&visitor, moved).await;
    let page = visitor.get("/").await.text;
    let calls = section(&page, "a-appeler-titre");
    assert!(calls.contains("Atelier annulé") && calls.contains("Atelier déplacé"));
}

#[tokio::test]
async fn what_is_not_filled_in_comes_up_for_four_weeks() {
    let visitor = Visitor::agent().await;
    let sylvie = person(&visitor, "Sylvie", "Carayon", "").await;
    let blank = |on| session("capestang", on, &[sylvie]);
    plan(&visitor, blank(date(2026, 11, 24))).await;
    let mut unprepared = blank(date(2026, 11, 17));
    mark(&mut unprepared, Attendance::Present);
    unprepared.preparation_min = 0;
    plan(&visitor, unprepared.clone()).await;
    let nothing_missing = [
        Session {
            preparation_min: 30,
            date: date(2026, 11, 18),
            ..unprepared
        },
        Session {
            state: SessionState::Cancelled,
            ..blank(date(2026, 11, 19))
        },
        blank(date(2026, 10, 28)),
        blank(TODAY),
    ];
    for session in nothing_missing {
        plan(&visitor, session).await;
    }
    let page = visitor.get("/").await.text;
    let list = section(&page, "a-completer");
    assert_eq!(list.matches("row-name").count(), 2, "{list}");
    assert!(list.contains("mar.\u{a0}24\u{a0}nov. à 9\u{a0}h\u{a0}30, Capestang"));
    assert!(list.contains("1 présence à renseigner") && list.contains("Temps de préparation"));
}

#[tokio::test]
async fn what_does_not_add_up_is_shown_and_nothing_is_corrected() {
    let visitor = Visitor::agent().await;
    let sylvie = person(&visitor, "Sylvie", "Carayon", "").await;
    let mut held = session("saint-chinian", date(2026, 11, 19), &[sylvie]);
    mark(&mut held, Attendance::Present);
    held.cancel("");
    plan(&visitor, held).await;
    for place in ["saint-chinian", "quarante"] {
        let mut twice = session(place, date(2026, 12, 3), &[]);
        twice.animateur = Some(visitor.agent);
        plan(&visitor, twice).await;
    }
    let mut crowded = session("capestang", date(2026, 11, 24), &[sylvie]);
    mark(&mut crowded, Attendance::Present);
    crowded.anonymous.insert("total".to_owned(), 2);
    plan(&visitor, crowded).await;
    let page = visitor.get("/").await.text;
    let list = section(&page, "a-verifier");
    assert!(list.contains("annulé, mais 1 présence ou absence saisie"));
    assert!(list.contains("Claire Fabre a deux ateliers en même temps"));
    assert!(list.contains("3 présents pour 2 places"));
    assert_eq!(list.matches("<li").count(), 3);
}

#[tokio::test]
async fn somebody_who_withdrew_is_not_expected() {
    let visitor = Visitor::agent().await;
    let sylvie = person(&visitor, "Sylvie", "Carayon", "").await;
    let mut today = session("saint-chinian", TODAY, &[sylvie]);
    for registration in today.registrations.values_mut() {
        registration.status = RegistrationStatus::Cancelled;
    }
    plan(&visitor, today).await;
    assert!(!visitor.get("/").await.text.contains("Sylvie CARAYON"));
}

#[tokio::test]
async fn a_laptop_that_knows_no_place_yet_says_when_it_will() {
    let visitor = Visitor::agent().await;
    let emptied = visitor
        .site()
        .edit(catalog_id(), visitor.agent, |catalog: &mut Catalog| {
            catalog.places.clear();
        });
    emptied.await.unwrap();
    let page = visitor.get("/").await.text;
    assert!(page.contains("arriveront au premier échange avec le hub"));
    assert!(page.contains("Inscrire une personne"));
}
