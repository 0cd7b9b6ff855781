//! The activities of a period, one line per participant: what the export is made of.
//!
//! A workshop gives one line for each person who was present and one for all that were counted without a name; each
//! demande gives one line. Who was absent stands in no line.

use std::collections::HashMap;

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Row};

use super::{catalog, erasing, people};
use crate::domain::activity::ActivityRow;
use crate::domain::catalog::Catalog;
use crate::domain::codes::{
    AgeBand, Channel, Equipment, Gender, Level, Outcome, SocialStatus, Theme,
};
use crate::domain::session::Session;
use crate::ids::{DemandeId, DocumentId, PersonId, RegistrationId};
use crate::ledger::{LedgerError, changes, erasures};
use crate::text::counted;
use crate::time::Timestamp;

/// Every line of the period, both days included, at one place or all, by date; workshops before demandes.
///
/// # Errors
/// What SQLite says.
pub fn activities(
    connection: &Connection,
    from: Date,
    to: Date,
    place: Option<&str>,
) -> Result<Vec<ActivityRow>, LedgerError> {
    let mut reader = Reader {
        connection,
        catalog: catalog::catalog(connection)?,
        people: HashMap::new(),
        rows: Vec::new(),
    };
    let asked = (from.to_string(), to.to_string(), place);
    reader.workshops(&asked)?;
    reader.demandes(&asked)?;
    reader.rows.sort_by_key(|row| row.date);
    Ok(reader.rows)
}

type Asked<'a> = (String, String, Option<&'a str>);

/// What of a person stands in a line.
#[derive(Clone, Default)]
struct Beneficiary {
    name: String,
    gender: Gender,
    status: SocialStatus,
}

/// One session with somebody present.
struct Workshop {
    document: DocumentId,
    /// What its lines have in common.
    line: ActivityRow,
    anonymous: u32,
}

struct Reader<'a> {
    connection: &'a Connection,
    catalog: Catalog,
    /// Those read before: regulars stand in many lines.
    people: HashMap<PersonId, Beneficiary>,
    rows: Vec<ActivityRow>,
}

impl Reader<'_> {
    fn workshops(&mut self, asked: &Asked<'_>) -> Result<(), LedgerError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT s.id, s.place, s.date, s.start, s.\"end\", s.title, s.level, s.themes, s.anonymous_total,
                 (SELECT count(*) FROM registration r
                  WHERE r.session = s.id AND r.rank > 0 AND r.attendance = 'present') AS present,
                 (SELECT group_concat(text, ' / ') FROM
                     (SELECT n.text FROM session_note n WHERE n.session = s.id ORDER BY n.at, n.id))
             FROM session s
             WHERE s.date BETWEEN ?1 AND ?2 AND (?3 IS NULL OR s.place = ?3)
                 AND (s.anonymous_total > 0 OR present > 0)
             ORDER BY s.date, s.start, s.id",
        )?;
        let workshops = statement.query_map(asked.clone(), |row| self.workshop(row))?;
        for workshop in workshops.collect::<rusqlite::Result<Vec<_>>>()? {
            self.participants(workshop)?;
        }
        Ok(())
    }

    fn workshop(&self, row: &Row<'_>) -> rusqlite::Result<Workshop> {
        let session = Session {
            start: super::sessions::time(row, 3)?,
            end: super::sessions::time(row, 4)?,
            title: row.get(5)?,
            ..Session::default()
        };
        let themes = row.get_ref(7)?.as_str()?.split_whitespace();
        let themes = themes.filter_map(|code| Some(Theme::from_code(code)?.label().to_owned()));
        let anonymous = row.get(8)?;
        let present: u32 = row.get(9)?;
        Ok(Workshop {
            document: row.get(0)?,
            line: ActivityRow {
                kind: "Atelier".to_owned(),
                participants: present.saturating_add(anonymous),
                duration_min: session.duration_min(),
                title: session.shown_title().to_owned(),
                themes: themes.collect(),
                level: row.get::<_, Level>(6)?.label().to_owned(),
                notes: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
                ..self.at_place(row.get_ref(1)?.as_str()?, super::sessions::date(row, 2)?)
            },
            anonymous,
        })
    }

    fn participants(&mut self, workshop: Workshop) -> Result<(), LedgerError> {
        let Workshop {
            document,
            mut line,
            anonymous,
        } = workshop;
        line.modified_at = changes::last_stamp(self.connection, document)?;
        let mut statement = self.connection.prepare_cached(
            "SELECT id, person, at, commune, age_band, equipment, own_equipment FROM registration
             WHERE session = ?1 AND rank > 0 AND attendance = 'present' ORDER BY rank",
        )?;
        let present = statement.query_map([document], |row| {
            let person: PersonId = row.get(1)?;
            Ok((
                person,
                ActivityRow {
                    recorded_at: Some(Timestamp(row.get(2)?)),
                    beneficiary_commune: row.get(3)?,
                    age_band: row.get::<_, AgeBand>(4)?.label().to_owned(),
                    equipment: equipment(row.get(5)?, row.get(6)?),
                    id: row.get::<_, RegistrationId>(0)?.0.to_string(),
                    ..line.clone()
                },
            ))
        })?;
        for present in present.collect::<rusqlite::Result<Vec<_>>>()? {
            let (person, line) = present;
            let line = self.with_person(line, person)?;
            self.rows.push(line);
        }
        if anonymous > 0 {
            self.rows.push(ActivityRow {
                beneficiary: counted(anonymous, "participant anonyme", "participants anonymes"),
                id: document.0.to_string(),
                ..line
            });
        }
        Ok(())
    }

    fn demandes(&mut self, asked: &Asked<'_>) -> Result<(), LedgerError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, place, date, at, person, operator, theme, channel, outcome, referred_to,
                 duration_min, commune, age_band, notes FROM demande
             WHERE date BETWEEN ?1 AND ?2 AND (?3 IS NULL OR place = ?3) AND NOT struck
             ORDER BY date, at, id",
        )?;
        let demandes = statement.query_map(asked.clone(), |row| self.demande(row))?;
        for demande in demandes.collect::<rusqlite::Result<Vec<_>>>()? {
            let (person, line) = demande;
            let line = match person {
                Some(person) => self.with_person(line, person)?,
                None => line,
            };
            self.rows.push(line);
        }
        Ok(())
    }

    fn demande(&self, row: &Row<'_>) -> rusqlite::Result<(Option<PersonId>, ActivityRow)> {
        let theme: Option<Theme> = row.get(6)?;
        let outcome: Outcome = row.get(8)?;
        let line = ActivityRow {
            kind: "Demande".to_owned(),
            recorded_at: Some(Timestamp(row.get(3)?)),
            participants: 1,
            channel: row.get::<_, Channel>(7)?.label().to_owned(),
            duration_min: row.get(10)?,
            themes: theme.iter().map(|theme| theme.label().to_owned()).collect(),
            referred: Some(outcome == Outcome::Referred),
            referred_to: row.get(9)?,
            beneficiary_commune: row.get(11)?,
            age_band: row.get::<_, AgeBand>(12)?.label().to_owned(),
            notes: self.demande_notes(row.get_ref(5)?.as_str()?, row.get(13)?),
            id: row.get::<_, DemandeId>(0)?.0.to_string(),
            ..self.at_place(row.get_ref(1)?.as_str()?, super::sessions::date(row, 2)?)
        };
        Ok((row.get(4)?, line))
    }

    /// No column of the layout holds the operator that a demande concerns: it stands first in the notes.
    fn demande_notes(&self, operator: &str, notes: String) -> String {
        if operator.is_empty() {
            return notes;
        }
        let operators = &self.catalog.operators;
        let name = operators
            .get(operator)
            .map_or(operator, |known| &known.name);
        let parts = [format!("Opérateur\u{a0}: {name}"), notes];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(" / ")
    }

    /// A line of which only the place and the day are known.
    fn at_place(&self, code: &str, date: Date) -> ActivityRow {
        let place = self.catalog.places.get(code);
        ActivityRow {
            date,
            place: self.catalog.place_name(code).to_owned(),
            address: place.map_or_else(String::new, |place| place.address.clone()),
            place_commune: place.map_or_else(String::new, |place| place.commune.clone()),
            ..ActivityRow::default()
        }
    }

    fn with_person(&mut self, line: ActivityRow, id: PersonId) -> Result<ActivityRow, LedgerError> {
        let person = match self.people.get(&id) {
            Some(known) => known.clone(),
            None => {
                let person = beneficiary(self.connection, id)?;
                self.people.insert(id, person.clone());
                person
            }
        };
        Ok(ActivityRow {
            beneficiary: person.name,
            gender: person.gender.label().to_owned(),
            status: person.status.label().to_owned(),
            ..line
        })
    }
}

/// The person behind a record; no name while the record has not arrived or once it was erased.
fn beneficiary(connection: &Connection, id: PersonId) -> Result<Beneficiary, LedgerError> {
    let Some(line) = people::line_of(connection, id)? else {
        let is_erased = erasures::is_erased(connection, id.into())?;
        return Ok(Beneficiary {
            name: if is_erased { erasing::ERASED } else { "" }.to_owned(),
            ..Beneficiary::default()
        });
    };
    let mut statement = connection.prepare_cached("SELECT status FROM person WHERE id = ?1")?;
    let status: Option<SocialStatus> = statement
        .query_row([line.id], |row| row.get(0))
        .optional()?;
    Ok(Beneficiary {
        name: line.display_name(),
        gender: line.gender,
        status: status.unwrap_or_default(),
    })
}

fn equipment(used: Option<Equipment>, own: bool) -> String {
    match used {
        None => String::new(),
        Some(used) if own => format!("{} (personnel)", used.label()),
        Some(used) => used.label().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attendance::TOTAL;
    use crate::domain::catalog::{catalog_id, default_catalog};
    use crate::domain::codes::{Attendance, Channel};
    use crate::domain::demande::Demande;
    use crate::domain::person::Person;
    use crate::domain::session::Note;
    use crate::ids::{NoteId, SessionId};
    use crate::view::testing::{person, put, register, session, view, with};
    use jiff::civil::{date, time};
    use uuid::Uuid;

    const DAY: Date = date(2026, 11, 26);
    const SYLVIE: u128 = 1;
    const SYLVIE_AGAIN: u128 = 2;
    const ANA: u128 = 3;

    /// One workshop with three people present, one of them by name twice over, and two demandes.
    fn a_morning() -> Connection {
        let connection = view();
        put(&connection, catalog_id(), default_catalog());
        let sylvie = Person {
            given_name: "Sylvie".into(),
            family_name: "Carayon".into(),
            status: SocialStatus::Retired,
            ..Person::default()
        };
        let again = Person {
            gender: Gender::Female,
            merged_into: Some(person(SYLVIE)),
            ..sylvie.clone()
        };
        put(&connection, person(SYLVIE), sylvie);
        put(&connection, person(SYLVIE_AGAIN), again);
        let workshop = session("saint-chinian", DAY, time(9, 30, 0, 0), 4);
        let mut workshop = with(
            workshop,
            &[
                (
                    SYLVIE_AGAIN,
                    Attendance::Present,
                    "34245",
                    AgeBand::SeventyPlus,
                ),
                (ANA, Attendance::NoShow, "", AgeBand::Undisclosed),
            ],
        );
        workshop.themes.insert("email".into(), true);
        workshop.themes.insert("bureautique".into(), false);
        workshop.anonymous.insert(TOTAL.into(), 2);
        for (n, text) in [(1, "salle froide"), (2, "imprimante en panne")] {
            let note = Note {
                at: Timestamp(n),
                by: None,
                text: text.into(),
            };
            let id = NoteId(Uuid::from_u128(n.unsigned_abs().into()));
            workshop.notes.insert(id, note);
        }
        for registration in workshop.registrations.values_mut() {
            registration.equipment = Some(Equipment::Tablet);
            registration.own_equipment = true;
        }
        let id = SessionId(Uuid::from_u128(1));
        put(&connection, id, workshop);
        connection
            .execute(
                "INSERT INTO change VALUES (?1, 60000)",
                [DocumentId::from(id)],
            )
            .unwrap();
        let referred = Demande {
            at: Timestamp(120_000),
            person: Some(person(SYLVIE)),
            operator: "autre".into(),
            theme: Some(Theme::Health),
            channel: Channel::Phone,
            outcome: Outcome::Referred,
            referred_to: "Mairie".into(),
            duration_min: 30,
            notes: "rappeler".into(),
            ..Demande::default()
        };
        let struck = Demande {
            struck: true,
            ..Demande::default()
        };
        let (id, written) = register("capestang", DAY, vec![referred, struck]);
        put(&connection, id, written);
        connection
    }

    fn seen(place: Option<&str>) -> Vec<ActivityRow> {
        activities(&a_morning(), DAY, DAY, place).unwrap()
    }

    #[test]
    fn a_workshop_gives_a_line_for_each_person_present_and_one_for_the_anonymous() {
        let rows = seen(Some("saint-chinian"));
        let names: Vec<&str> = rows.iter().map(|row| row.beneficiary.as_str()).collect();
        assert_eq!(names, ["Sylvie CARAYON", "2 participants anonymes"]);
        let expected = ActivityRow {
            date: DAY,
            recorded_at: Some(Timestamp(0)),
            modified_at: Some(Timestamp(60_000)),
            kind: "Atelier".into(),
            participants: 3,
            beneficiary: "Sylvie CARAYON".into(),
            place: "Saint-Chinian".into(),
            place_commune: "34245".into(),
            duration_min: 120,
            title: "Atelier".into(),
            equipment: "Tablette (personnel)".into(),
            themes: vec!["E-mail".into()],
            level: "Débutant".into(),
            beneficiary_commune: "34245".into(),
            gender: "Féminin".into(),
            age_band: "70 ans et plus".into(),
            status: "Retraité".into(),
            notes: "salle froide / imprimante en panne".into(),
            id: rows[0].id.clone(),
            ..ActivityRow::default()
        };
        assert_eq!(rows[0], expected);
        assert_eq!((rows[1].participants, &*rows[1].age_band), (3, ""));
    }

    #[test]
    fn a_demande_gives_one_line_with_its_operator_in_the_notes_and_a_struck_one_none() {
        let rows = seen(Some("capestang"));
        let expected = ActivityRow {
            date: DAY,
            recorded_at: Some(Timestamp(120_000)),
            kind: "Demande".into(),
            participants: 1,
            beneficiary: "Sylvie CARAYON".into(),
            channel: "Téléphone".into(),
            place: "Capestang".into(),
            place_commune: "34052".into(),
            duration_min: 30,
            themes: vec!["Santé".into()],
            referred: Some(true),
            referred_to: "Mairie".into(),
            gender: "Féminin".into(),
            age_band: "Non communiqué".into(),
            status: "Retraité".into(),
            notes: "Opérateur\u{a0}: Autre / rappeler".into(),
            id: rows[0].id.clone(),
            ..ActivityRow::default()
        };
        assert_eq!(rows, [expected]);
    }

    #[test]
    fn all_places_together_and_no_other_day() {
        assert_eq!(seen(None).len(), 3);
        let other = date(2026, 11, 27);
        assert_eq!(activities(&a_morning(), other, other, None).unwrap(), []);
    }
}
