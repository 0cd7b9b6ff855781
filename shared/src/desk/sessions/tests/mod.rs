//! What the pages about sessions promise, walked as a browser without JavaScript would.

mod change;
mod list;
mod sheet;

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

pub(super) const TODAY: Date = date(2026, 11, 26);

/// Somebody with a phone, born in 1957, of Saint-Chinian.
pub(super) async fn person(visitor: &Visitor, given: &str, family: &str) -> PersonId {
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
pub(super) async fn session_on(visitor: &Visitor, date: Date) -> SessionId {
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

pub(super) async fn stored(site: &Site, id: SessionId) -> Session {
    site.document(id).await.unwrap().unwrap().value().unwrap()
}

/// The one registration of `person` in the session.
pub(super) async fn registration(
    visitor: &Visitor,
    id: SessionId,
    person: PersonId,
) -> RegistrationId {
    let session = stored(visitor.site(), id).await;
    let mut found = standing(&session).filter(|(_, r)| r.person == person);
    let id = found.next().unwrap().0;
    assert!(found.next().is_none());
    id
}

pub(super) async fn register(visitor: &Visitor, id: SessionId, person: PersonId) -> Seen {
    let path = format!("/ateliers/{id}/inscrire");
    visitor.act(&path, &[("person", &person.to_string())]).await
}

/// The path that takes the last act back.
pub(super) fn undo(seen: &Seen) -> String {
    let flash = seen.text.split(r#"<div id="flash""#).nth(1).unwrap();
    let action = flash.split(r#"action=""#).nth(1).unwrap();
    action.split('"').next().unwrap().to_owned()
}
