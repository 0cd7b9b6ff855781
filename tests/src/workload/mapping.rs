//! Which of our fields each value of the work goes into. Nothing is dropped but what the levels and marks below join: an
//! edit from one such level to another is none of ours.
//!
//! | theirs | ours |
//! |---|---|
//! | person `family`, `given`, `phone`, `birth`, `commune`, `notes` | the same |
//! | person `level`: alpha, A1.1, A1; A2, B1; B2 | `debutant`; `intermediaire`; `avance` |
//! | person `consent`, a date | `created_at`, that day's beginning |
//! | person `equipment` | `responsible_adult`, the free text that nothing else of theirs uses |
//! | session `site`, `level`, `topic`, `capacity` | `place`, `level`, `title`, `capacity` |
//! | session `start` | `date` and `start` |
//! | a registration of a person | an entry of `registrations` under a fresh id; waiting ones are `told` so, as ours are |
//! | the mark of a person: present or late; absent | `attendance` of their registration: `present`; `no_show` |
//! | a mark without a registration | a registration of somebody who just came in |
//! | the time of a mark | `anonymous`, the numbers of a session, under the registration's id |
//! | the evaluation by a person | an entry of `notes` under a fresh id, at its time: the person's id and the score |

use jiff::civil::{Date, DateTime, Time};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::codes::{Attendance, Level};
use shared::domain::person::Person;
use shared::domain::registering::Entry;
use shared::domain::session::{Note, Session};
use shared::ids::{NoteId, PersonId, RegistrationId};
use shared::time::Timestamp;
use uuid::Uuid;

use super::{Set, WorkError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registered {
    status: Standing,
    at: u32,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Standing {
    Registered,
    Waiting,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Marked {
    mark: Mark,
    at: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mark {
    Present,
    Late,
    Absent,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Evaluated {
    score: u32,
    at: u32,
}

/// A value of the work in one of our kinds of documents.
pub(super) trait Mapped {
    /// Sets it.
    fn set(&mut self, set: &Set) -> Result<(), WorkError>;

    /// Itself as JSON in which nothing depends on fresh ids, so that two ways to the same facts give the same.
    fn facts(&self) -> Result<Value, WorkError>;
}

impl Mapped for Person {
    fn set(&mut self, set: &Set) -> Result<(), WorkError> {
        let [field] = set.path.as_slice() else {
            return Err(unmapped(set));
        };
        match field.as_str() {
            "family" => self.family_name = read(set)?,
            "given" => self.given_name = read(set)?,
            "phone" => self.phone = read(set)?,
            "birth" => self.birth_year = Some(read(set)?),
            "commune" => self.commune = read(set)?,
            "notes" => self.notes = read(set)?,
            "level" => self.level = Some(level(set)?),
            "consent" => {
                let date: Date = read(set)?;
                self.created_at = Some(Timestamp::of_local(date, Time::midnight()));
            }
            "equipment" => self.responsible_adult = read(set)?,
            _ => return Err(unmapped(set)),
        }
        Ok(())
    }

    fn facts(&self) -> Result<Value, WorkError> {
        as_json(self)
    }
}

impl Mapped for Session {
    fn set(&mut self, set: &Set) -> Result<(), WorkError> {
        match set.path.as_slice() {
            [field] => set_field(self, field, set),
            [map, person] => {
                let person: Uuid = person.parse().map_err(|_| unmapped(set))?;
                set_entry(self, map, PersonId(person), set)
            }
            _ => Err(unmapped(set)),
        }
    }

    fn facts(&self) -> Result<Value, WorkError> {
        let mut facts = as_json(self)?;
        facts["registrations"] = self
            .registrations
            .iter()
            .map(|(id, registration)| {
                let marked_at = self.anonymous.get(&id.to_string());
                (
                    registration.person.to_string(),
                    json!({"registration": registration, "marked_at": marked_at}),
                )
            })
            .collect();
        let mut notes: Vec<String> = self
            .notes
            .values()
            .map(|note| format!("{} {}", note.at.0, note.text))
            .collect();
        notes.sort();
        facts["notes"] = json!(notes);
        facts["anonymous"] = Value::Null;
        Ok(facts)
    }
}

fn set_field(session: &mut Session, field: &str, set: &Set) -> Result<(), WorkError> {
    match field {
        "site" => session.place = read(set)?,
        "level" => session.level = level(set)?,
        "topic" => session.title = read(set)?,
        "capacity" => session.capacity = read(set)?,
        "start" => {
            let start: DateTime = read(set)?;
            (session.date, session.start) = (start.date(), start.time());
        }
        _ => return Err(unmapped(set)),
    }
    Ok(())
}

fn set_entry(
    session: &mut Session,
    map: &str,
    person: PersonId,
    set: &Set,
) -> Result<(), WorkError> {
    match map {
        "registrations" => {
            let Registered { status, at } = read(set)?;
            let entry = match status {
                Standing::Registered => Entry::Ahead,
                Standing::Waiting => Entry::AheadOnWaitingList,
            };
            session.enter(RegistrationId::fresh(), person, None, stamp(at), entry);
        }
        "attendance" => {
            let Marked { mark, at } = read(set)?;
            let id = registration_of(session, person).unwrap_or_else(|| {
                let id = RegistrationId::fresh();
                session.enter(id, person, None, stamp(at), Entry::WalkIn);
                id
            });
            let attendance = match mark {
                Mark::Present | Mark::Late => Attendance::Present,
                Mark::Absent => Attendance::NoShow,
            };
            session.mark(id, attendance, None);
            session.anonymous.insert(id.to_string(), at);
        }
        "evaluation" => {
            let Evaluated { score, at } = read(set)?;
            let id = evaluation_by(session, person).unwrap_or_else(NoteId::fresh);
            let note = Note {
                at: stamp(at),
                by: None,
                text: format!("{person} {score}"),
            };
            session.notes.insert(id, note);
        }
        _ => return Err(unmapped(set)),
    }
    Ok(())
}

fn registration_of(session: &Session, person: PersonId) -> Option<RegistrationId> {
    let mut entries = session.registrations.iter();
    entries.find_map(|(id, entry)| (entry.person == person).then_some(*id))
}

fn evaluation_by(session: &Session, person: PersonId) -> Option<NoteId> {
    let person = person.to_string();
    let mut notes = session.notes.iter();
    notes.find_map(|(id, note)| note.text.starts_with(&person).then_some(*id))
}

fn level(set: &Set) -> Result<Level, WorkError> {
    match read::<String>(set)?.as_str() {
        "alpha" | "A1.1" | "A1" => Ok(Level::Beginner),
        "A2" | "B1" => Ok(Level::Intermediate),
        "B2" => Ok(Level::Advanced),
        _ => Err(unmapped(set)),
    }
}

/// Theirs are seconds.
fn stamp(at: u32) -> Timestamp {
    Timestamp(i64::from(at) * 1_000)
}

fn read<T: for<'a> Deserialize<'a>>(set: &Set) -> Result<T, WorkError> {
    T::deserialize(&set.value).map_err(|_| unmapped(set))
}

fn as_json(value: &impl serde::Serialize) -> Result<Value, WorkError> {
    serde_json::to_value(value).map_err(|error| WorkError::Unmapped(error.to_string()))
}

fn unmapped(set: &Set) -> WorkError {
    WorkError::Unmapped(format!("{} = {}", set.path.join("/"), set.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: &str = "7c8019fd-5053-43ab-9d34-d1adfadb99b4";

    fn set(path: &[&str], value: Value) -> Set {
        Set {
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            value,
        }
    }

    fn session(sets: &[Set]) -> Session {
        let mut session = Session::default();
        for set in sets {
            session.set(set).unwrap();
        }
        session
    }

    #[test]
    fn every_field_of_a_person_has_its_place() {
        let mut person = Person::default();
        for (field, value) in [
            ("family", json!("Millet")),
            ("given", json!("Souleymane")),
            ("phone", json!("0624522546")),
            ("birth", json!(1974)),
            ("commune", json!("48139")),
            ("level", json!("A2")),
            ("equipment", json!("smartphone+laptop")),
            ("consent", json!("2024-02-25")),
            ("notes", json!("attestation revoir")),
        ] {
            person.set(&set(&[field], value)).unwrap();
        }
        assert_eq!(person.display_name(), "Souleymane MILLET");
        assert_eq!(person.birth_year, Some(1974));
        assert_eq!(person.level, Some(Level::Intermediate));
        assert_eq!(person.responsible_adult, "smartphone+laptop");
        assert_eq!(
            person.created_at.unwrap().date(),
            jiff::civil::date(2024, 2, 25)
        );
        assert!(person.set(&set(&["shoe size"], json!(42))).is_err());
        assert!(person.set(&set(&["birth"], json!("old"))).is_err());
    }

    #[test]
    fn registration_mark_and_evaluation_of_a_session_keep_person_and_time() {
        let registered = set(
            &["registrations", PERSON],
            json!({"status": "waiting", "at": 1_743_972_823}),
        );
        let marked = set(
            &["attendance", PERSON],
            json!({"mark": "absent", "at": 1_767_125_456}),
        );
        let evaluated = set(
            &["evaluation", PERSON],
            json!({"score": 13, "at": 1_766_834_110}),
        );
        let session = session(&[
            set(&["start"], json!("2025-09-18T08:00")),
            registered,
            marked,
            evaluated,
        ]);
        assert_eq!(session.start, jiff::civil::time(8, 0, 0, 0));
        let (id, entry) = session.registrations.iter().next().unwrap();
        assert!(entry.told && !entry.walk_in);
        assert_eq!(entry.attendance, Attendance::NoShow);
        assert_eq!(entry.at, Timestamp(1_743_972_823_000));
        assert_eq!(session.anonymous[&id.to_string()], 1_767_125_456);
        let note = session.notes.values().next().unwrap();
        assert_eq!(note.at, Timestamp(1_766_834_110_000));
        let (person, score) = note.text.split_once(' ').unwrap();
        assert_eq!((person, score), (entry.person.to_string().as_str(), "13"));
    }

    #[test]
    fn a_mark_without_a_registration_is_somebody_who_came_in() {
        let marked = set(
            &["attendance", PERSON],
            json!({"mark": "late", "at": 1_767_125_456}),
        );
        let session = session(&[marked]);
        let entry = session.registrations.values().next().unwrap();
        assert!(entry.walk_in);
        assert_eq!(entry.attendance, Attendance::Present);
    }

    #[test]
    fn a_second_mark_or_evaluation_takes_the_place_of_the_first() {
        let twice = |map: &str, first: Value, second: Value| {
            let path = [map, PERSON];
            session(&[set(&path, first), set(&path, second)])
        };
        let marked = twice(
            "attendance",
            json!({"mark": "absent", "at": 3}),
            json!({"mark": "late", "at": 4}),
        );
        let (id, entry) = marked.registrations.iter().next().unwrap();
        assert_eq!(marked.registrations.len(), 1);
        assert_eq!(entry.attendance, Attendance::Present);
        assert_eq!(marked.anonymous[&id.to_string()], 4);
        let evaluated = twice(
            "evaluation",
            json!({"score": 13, "at": 3}),
            json!({"score": 2, "at": 4}),
        );
        assert_eq!(evaluated.notes.len(), 1);
    }

    #[test]
    fn facts_do_not_depend_on_fresh_ids() {
        let sets = [
            set(
                &["registrations", PERSON],
                json!({"status": "registered", "at": 5}),
            ),
            set(&["attendance", PERSON], json!({"mark": "present", "at": 6})),
            set(&["evaluation", PERSON], json!({"score": 7, "at": 8})),
        ];
        let (here, there) = (session(&sets), session(&sets));
        assert_ne!(here, there);
        assert_eq!(here.facts().unwrap(), there.facts().unwrap());
        let other = session(&sets[..2]);
        assert_ne!(here.facts().unwrap(), other.facts().unwrap());
    }

    #[test]
    fn what_has_no_place_is_refused() {
        let mut session = Session::default();
        let wrong = set(
            &["attendance", PERSON],
            json!({"mark": "late", "at": 3, "by": "x"}),
        );
        assert!(session.set(&wrong).is_err());
        assert!(session.set(&set(&["attendance", "x"], json!({}))).is_err());
        assert!(session.set(&set(&["moon"], json!("full"))).is_err());
    }
}
