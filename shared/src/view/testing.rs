//! Rows for tests: documents made by hand, projected into a view in memory.

#![allow(clippy::unwrap_used)]

use jiff::civil::{Date, Time};
use rusqlite::Connection;
use uuid::Uuid;

use crate::document::{Document, Editor, OpenDocument};
use crate::domain::codes::{AgeBand, Attendance};
use crate::domain::demande::{Demande, Register, register_id};
use crate::domain::session::{Registration, Session};
use crate::ids::{AgentId, DemandeId, DocumentId, PersonId, RegistrationId, ReplicaId};
use crate::time::Timestamp;

/// The id of the person with this number.
pub(super) fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

/// An empty view, beside what it looks at of a ledger.
pub(super) fn view() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE replica (key TEXT PRIMARY KEY, value BLOB);
             CREATE TABLE change (document TEXT, time INTEGER);
             CREATE TABLE erasure (document TEXT PRIMARY KEY, at INTEGER, merged_into TEXT);",
        )
        .unwrap();
    super::recreate(&connection).unwrap();
    connection
}

/// Writes a document and its rows.
pub(super) fn put<T: Document>(connection: &Connection, id: impl Into<DocumentId>, value: T) {
    let editor = Editor {
        agent: AgentId(Uuid::nil()),
        replica: ReplicaId(Uuid::nil()),
        actor: [1; 16],
    };
    let mut document = OpenDocument::genesis(T::KIND, id.into());
    document
        .edit(&editor, Timestamp(1), |empty: &mut T| *empty = value)
        .unwrap();
    super::project(connection, &mut document).unwrap();
}

/// A session of two hours.
pub(super) fn session(place: &str, date: Date, start: Time, capacity: u16) -> Session {
    Session {
        place: place.into(),
        date,
        start,
        end: start.saturating_add(jiff::Span::new().hours(2)),
        capacity,
        ..Session::default()
    }
}

/// Registers people in this order.
pub(super) fn with(mut session: Session, came: &[(u128, Attendance, &str, AgeBand)]) -> Session {
    for (n, (who, attendance, commune, age_band)) in came.iter().enumerate() {
        let registration = Registration {
            person: person(*who),
            at: Timestamp(n as i64),
            attendance: *attendance,
            commune: (*commune).to_owned(),
            age_band: *age_band,
            ..Registration::default()
        };
        let id = RegistrationId(Uuid::from_u128(n as u128));
        session.registrations.insert(id, registration);
    }
    session
}

/// A register with these demandes; what a test does not say is as in a new demande.
pub(super) fn register(place: &str, day: Date, demandes: Vec<Demande>) -> (DocumentId, Register) {
    let demandes = (1..).zip(demandes);
    let register = Register {
        place: place.into(),
        date: Some(day),
        demandes: demandes
            .map(|(n, demande)| (DemandeId(Uuid::from_u128(n)), demande))
            .collect(),
    };
    (register_id(place, day), register)
}
