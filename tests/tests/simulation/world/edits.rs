//! What agents enter: people, sessions, registrations, attendance, demandes; each as a page writes it.

use jiff::civil::date;
use rand::RngExt;
use shared::document::Document;
use shared::document::foreign::claimed_hash;
use shared::domain::codes::Attendance;
use shared::domain::demande::{Demande, Register, register_id};
use shared::domain::person::Person;
use shared::domain::session::{Registration, Session};
use shared::ids::{AgentId, DemandeId, DocumentId, PersonId, RegistrationId, ReplicaId, SessionId};
use shared::ledger::changes;
use shared::site::SiteError;
use shared::time::Timestamp;

use super::{Entry, World};

impl World {
    pub(super) async fn edit(&mut self, at: usize) {
        let number: u32 = self.random.random();
        match self.random.random_range(0..7) {
            0 | 1 => self.write_person(at, number).await,
            2 => self.write_session(at, number).await,
            3 | 4 => self.register(at, number).await,
            5 => self.attend(at).await,
            _ => self.write_demande(at).await,
        }
    }

    /// A new person, or a new name for a known one.
    async fn write_person(&mut self, at: usize, number: u32) {
        let is_new = self.people.is_empty() || self.random.random_bool(0.5);
        let id = if is_new {
            PersonId::fresh()
        } else {
            self.people[self.random.random_range(0..self.people.len())]
        };
        // Told apart from anything else in any file.
        let (name, phone) = (format!("Canari-{number:010}"), format!("07{number:010}"));
        let words = self.canaries.entry(id.into()).or_default();
        words.extend([name.clone(), phone.clone()]);
        let edit = move |person: &mut Person| {
            person.family_name = name;
            person.phone = phone;
        };
        self.write(at, id, edit, "person", id.to_string()).await;
        self.people.push(id);
    }

    async fn write_session(&mut self, at: usize, number: u32) {
        let id = SessionId::fresh();
        let edit = move |session: &mut Session| {
            session.date = date(2026, 11, 26);
            session.capacity = 4;
            session.title = format!("Atelier {number}");
        };
        self.write(at, id, edit, "session", id.to_string()).await;
        self.sessions.push(id);
    }

    async fn register(&mut self, at: usize, number: u32) {
        if self.sessions.is_empty() || self.people.is_empty() {
            return;
        }
        let session = self.sessions[self.random.random_range(0..self.sessions.len())];
        let person = self.people[self.random.random_range(0..self.people.len())];
        let id = RegistrationId::fresh();
        let entry = Registration {
            person,
            at: Timestamp(i64::from(number)),
            ..Registration::default()
        };
        let edit = move |session: &mut Session| {
            session.registrations.insert(id, entry);
        };
        self.write(at, session, edit, "registration", id.to_string())
            .await;
        self.registrations.push((session, id));
    }

    /// Attendance of a registration, where the place knows of it.
    async fn attend(&mut self, at: usize) {
        if self.registrations.is_empty() {
            return;
        }
        let known = self.random.random_range(0..self.registrations.len());
        let (session, id) = self.registrations[known];
        let attendance = match self.random.random_range(0..3) {
            0 => Attendance::Present,
            1 => Attendance::Excused,
            _ => Attendance::NoShow,
        };
        let edit = move |session: &mut Session| {
            if let Some(entry) = session.registrations.get_mut(&id) {
                entry.attendance = attendance;
            }
        };
        self.write(at, session, edit, "session", session.to_string())
            .await;
    }

    /// A demande in the one register that all places share.
    async fn write_demande(&mut self, at: usize) {
        let (id, day) = (DemandeId::fresh(), date(2026, 11, 26));
        let edit = move |register: &mut Register| {
            register.place = "capestang".into();
            register.date = Some(day);
            register.demandes.insert(id, Demande::default());
        };
        let document = register_id("capestang", day);
        self.write(at, document, edit, "demande", id.to_string())
            .await;
    }

    /// Writes as a page does; what it confirmed is kept as an entry.
    async fn write<T: Document>(
        &mut self,
        at: usize,
        id: impl Into<DocumentId>,
        edit: impl FnOnce(&mut T) + Send + 'static,
        table: &'static str,
        row: String,
    ) {
        let (id, agent) = (id.into(), AgentId(uuid::Uuid::from_u128(1)));
        let written = self.places[at]
            .site
            .write(move |work| {
                let before = changes::last_seq(work.connection())?;
                let stored = changes::of_document(work.connection(), id)?;
                let based_on = stored.iter().map(|bytes| claimed_hash(bytes)).collect();
                work.edit(id, agent, edit)?;
                let nobody = ReplicaId(uuid::Uuid::nil());
                let new = changes::since(work.connection(), before, nobody, 1)?;
                Ok(new.first().map(|entry| (entry.change.hash, based_on)))
            })
            .await;
        let written = match written {
            Err(SiteError::Erased(_)) => None,
            other => other.expect("an edit is written"),
        };
        if let Some((hash, based_on)) = written {
            self.entries.push(Entry {
                hash,
                document: id,
                based_on,
                table,
                id: row,
            });
        }
    }
}
