//! Reading a session from a snapshot of the site into what its sheet shows.

use std::collections::{HashMap, HashSet};

use jiff::civil::DateTime;
use rusqlite::Connection;

use super::counters;
use super::fields::Clashes;
use super::sheet::{Alike, Call, Filled, Found, Note, Phone, Row, Sheet};
use super::words::{Words, tidied};
use super::{capitalised, group, place_words, sheet_path};
use crate::desk::page::moment;
use crate::desk::people::fields::communes;
use crate::desk::record::Signer;
use crate::desk::{Desk, agent_name};
use crate::document::OpenDocument;
use crate::domain::anomaly::{AnomalyKind, anomalies};
use crate::domain::attendance::{ALREADY_SEEN, TOTAL, crowding_warning};
use crate::domain::catalog::Catalog;
use crate::domain::codes::{Attendance, RegistrationStatus, SessionState};
use crate::domain::registering::level_remark;
use crate::domain::seats::{Seats, standing, to_tell};
use crate::domain::session::{Registration, Session};
use crate::exchange::durability;
use crate::ids::{PersonId, RegistrationId, SessionId};
use crate::site::SiteError;
use crate::text::{counted, dialled};
use crate::time::{hours, long_date};
use crate::view::erasing;
use crate::view::people::{self, PersonLine};

/// People that a search on the sheet shows: as many as fit beside the list without scrolling far.
const FOUND_MAX: usize = 8;

/// What the sheet shows of a session; `filled` is what its forms were filled in with.
pub(super) fn sheet(
    connection: &Connection,
    desk: &Desk,
    (id, document, session): (SessionId, OpenDocument, Session),
    filled: &Filled,
) -> Result<Sheet, SiteError> {
    let catalog = crate::view::catalog::catalog(connection)?;
    let (people, nameless) = people_of(connection, &session)?;
    let reader = Reader {
        connection,
        id,
        session: &session,
        now: desk.site().clock().now().local(),
        signer: Signer::new(desk, &catalog),
        catalog: &catalog,
        people,
        nameless,
    };
    reader.sheet(document, filled)
}

/// A session in a snapshot, being read for its sheet.
struct Reader<'a> {
    connection: &'a Connection,
    id: SessionId,
    session: &'a Session,
    catalog: &'a Catalog,
    now: DateTime,
    signer: Signer<'a>,
    people: HashMap<RegistrationId, PersonLine>,
    /// What stands for the names of those whose record is not here.
    nameless: HashMap<RegistrationId, &'static str>,
}

impl Reader<'_> {
    fn sheet(&self, mut document: OpenDocument, filled: &Filled) -> Result<Sheet, SiteError> {
        let session = self.session;
        let seats = Seats::of(session);
        let mut participants = Vec::new();
        let mut waiting = Vec::new();
        let mut seen = HashSet::new();
        for (id, registration) in standing(session) {
            let mut row = self.row(id, registration)?;
            row.twice = row.person.is_some_and(|person| !seen.insert(person));
            let came = registration.walk_in || registration.attendance != Attendance::Unknown;
            if seats.holds(id) || came {
                participants.push(row);
            } else {
                waiting.push(row);
            }
        }
        let (found, found_sentence) = self.found(&filled.query, &seen)?;
        let words = Words {
            catalog: self.catalog,
            names: self.names(),
        };
        Ok(Sheet {
            path: sheet_path(self.id),
            title: session.shown_title().to_owned(),
            lead: self.lead(),
            cancelled: session.state == SessionState::Cancelled,
            reached: durability::reached(self.connection, self.id.into())?,
            notices: self.notices()?,
            sentence: capitalised(&seats.sentence()),
            taken: seats.seated.len(),
            capacity: session.capacity.into(),
            participants,
            waiting,
            withdrawn: self.withdrawn()?,
            calls: self.calls(),
            has_come: session.date <= self.now.date(),
            is_ahead: session.date.to_datetime(session.end) > self.now,
            full: seats.free == 0,
            found,
            found_sentence,
            alike: self.alike(&filled.alike, &seen),
            communes: communes(""),
            fresh: PersonId::fresh(),
            total: session.anonymous.get(TOTAL).copied().unwrap_or(0),
            already_seen: session.anonymous.get(ALREADY_SEEN).copied().unwrap_or(0),
            families: counters::families(),
            notes: self.notes(),
            preparation_min: session.preparation_min,
            disagreements: self.signer.disagreements(
                document.conflicts(),
                |path| words.name(path),
                |path, value| words.value(path, value),
            ),
            history: self
                .signer
                .history(&tidied(document.history()), |change| words.change(change)),
        })
    }

    /// « Jeudi 26 novembre 2026, 9 h 30 – 11 h 30. Saint-Chinian, médiathèque. Débutants. Lucie Bonnet. »
    fn lead(&self) -> String {
        let session = self.session;
        let animateur = match session.animateur {
            Some(agent) => agent_name(self.catalog, agent),
            None => "Pas encore d’animateur",
        };
        format!(
            "{}, {}. {}. {}. {animateur}.",
            capitalised(&long_date(session.date)),
            hours(session.start, session.end),
            place_words(self.catalog, &session.place),
            group(session.level),
        )
    }

    /// What somebody should look at before anything else.
    fn notices(&self) -> Result<Vec<String>, SiteError> {
        let session = self.session;
        let because = |what: &str| match session.reason.as_str() {
            "" => format!("{what}."),
            reason => format!("{what}\u{a0}: {reason}"),
        };
        let mut notices = Vec::new();
        match session.state {
            SessionState::Cancelled => notices.push(because("Atelier annulé")),
            SessionState::Planned if session.moved => notices.push(because("Atelier déplacé")),
            SessionState::Planned => {}
        }
        let known = anomalies(&[(self.id, session)], self.catalog, self.now);
        let on_cancelled = known
            .into_iter()
            .filter(|anomaly| anomaly.kind == AnomalyKind::AttendanceOnCancelled);
        notices.extend(on_cancelled.map(|anomaly| anomaly.message));
        notices.extend(crowding_warning(session).map(|warning| format!("{warning}.")));
        if session.state == SessionState::Planned {
            let dates = [session.date];
            let clashes = Clashes::of(
                self.connection,
                session,
                &dates,
                Some(self.id),
                self.catalog,
            )?;
            notices.extend(clashes.sentences);
        }
        Ok(notices)
    }

    fn row(&self, id: RegistrationId, registration: &Registration) -> Result<Row, SiteError> {
        let person = self.people.get(&id);
        let start = self.session.date.to_datetime(self.session.start);
        let first_visit = match person {
            Some(person) => people::first_attended(self.connection, person.id)?
                .is_none_or(|first| first >= start),
            None => false,
        };
        Ok(Row {
            id,
            person: person.map(|person| person.id),
            name: self.name(id),
            note: person.map(|person| self.about(person)).unwrap_or_default(),
            phone: phone(person),
            first_visit,
            walk_in: registration.walk_in,
            twice: false,
            status: registration.status,
            attendance: registration.attendance,
        })
    }

    fn withdrawn(&self) -> Result<Vec<Row>, SiteError> {
        let registrations = self.session.registrations.iter();
        registrations
            .filter(|(_, registration)| registration.status != RegistrationStatus::Registered)
            .map(|(id, registration)| self.row(*id, registration))
            .collect()
    }

    fn calls(&self) -> Vec<Call> {
        let calls = to_tell(self.session, self.now.date()).into_iter();
        calls
            .filter(|(id, _)| self.nameless.get(id) != Some(&erasing::ERASED))
            .map(|(id, why)| Call {
                id,
                name: self.name(id),
                phone: phone(self.people.get(&id)),
                why: why.label().to_owned(),
            })
            .collect()
    }

    /// People who match `query` and do not stand on the list, and how many.
    fn found(
        &self,
        query: &str,
        registered: &HashSet<PersonId>,
    ) -> Result<(Vec<Found>, String), SiteError> {
        if query.trim().is_empty() {
            return Ok((Vec::new(), String::new()));
        }
        let limit = FOUND_MAX + registered.len() + 1;
        let mut lines = people::search(self.connection, query, limit)?;
        lines.retain(|line| !registered.contains(&line.id));
        let sentence = if lines.len() > FOUND_MAX {
            lines.truncate(FOUND_MAX);
            format!("Plus de {FOUND_MAX} personnes\u{a0}: précisez.")
        } else {
            match lines.len() as u64 {
                0 => "Personne de ce nom à inscrire.".to_owned(),
                n => format!("{}.", counted(n, "personne", "personnes")),
            }
        };
        Ok((
            lines.iter().map(|line| self.candidate(line, "")).collect(),
            sentence,
        ))
    }

    /// People who look like a new person; who is on the list is said.
    fn alike(&self, alike: &Alike, registered: &HashSet<PersonId>) -> Vec<Found> {
        let alike = alike.iter().take(FOUND_MAX);
        alike
            .map(|(line, resemblance)| {
                let mut why = resemblance.reasons();
                if registered.contains(&line.id) {
                    why.push_str(", déjà sur la liste");
                }
                self.candidate(line, &why)
            })
            .collect()
    }

    fn candidate(&self, line: &PersonLine, why: &str) -> Found {
        let remark = level_remark(line.level, self.session.level).unwrap_or_default();
        // On one line, whatever stands before it.
        let phone = line.phone.replace(' ', "\u{a0}");
        let parts = [remark, line.about(), why.to_owned(), phone];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Found {
            id: line.id,
            name: line.display_name(),
            note: parts.join(", "),
        }
    }

    fn notes(&self) -> Vec<Note> {
        let mut notes: Vec<_> = self.session.notes.values().collect();
        notes.sort_by_key(|note| note.at);
        notes
            .into_iter()
            .map(|note| {
                let who = note.by.map_or("", |agent| agent_name(self.catalog, agent));
                Note {
                    text: note.text.clone(),
                    signature: format!("{who}, {}", moment(note.at.local(), self.now)),
                }
            })
            .collect()
    }

    /// « Initié, né en 1953, Saint-Chinian »
    fn about(&self, person: &PersonLine) -> String {
        let level = person.level.map(|level| level.label().to_owned());
        let about = Some(person.about()).filter(|about| !about.is_empty());
        level
            .into_iter()
            .chain(about)
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn names(&self) -> HashMap<RegistrationId, String> {
        let registrations = self.session.registrations.keys();
        registrations.map(|id| (*id, self.name(*id))).collect()
    }

    fn name(&self, id: RegistrationId) -> String {
        let nameless = self.nameless.get(&id).copied().unwrap_or_default();
        let person = self.people.get(&id);
        person.map_or_else(|| nameless.to_owned(), PersonLine::display_name)
    }
}

fn phone(person: Option<&PersonLine>) -> Phone {
    let shown = person
        .map(|person| person.phone.clone())
        .unwrap_or_default();
    Phone {
        dialled: dialled(&shown),
        shown,
    }
}

type People = (
    HashMap<RegistrationId, PersonLine>,
    HashMap<RegistrationId, &'static str>,
);

/// The people of a session's registrations, and what stands for the names of those whose record is not here.
fn people_of(connection: &Connection, session: &Session) -> Result<People, SiteError> {
    let (mut found, mut nameless) = People::default();
    for (id, registration) in &session.registrations {
        match people::line_of(connection, registration.person)? {
            Some(line) => {
                found.insert(*id, line);
            }
            None => {
                nameless.insert(*id, erasing::nameless(connection, registration.person)?);
            }
        }
    }
    Ok((found, nameless))
}
