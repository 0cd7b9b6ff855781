//! How the fields of a session and their values are called, for its history and for disagreements.

use std::collections::HashMap;

use jiff::civil::{Date, Time};
use serde_json::Value;

use crate::desk::agent_name;
use crate::document::{FieldChange, HistoryEntry};
use crate::domain::attendance::{ALREADY_SEEN, TOTAL};
use crate::domain::catalog::Catalog;
use crate::domain::codes::{
    AgeBand, Attendance, Gender, Level, RegistrationStatus, SessionState, SocialStatus, Theme,
};
use crate::domain::commune;
use crate::ids::RegistrationId;
use crate::time::{clock_time, day_month_year};

/// What ids stand for on one sheet.
pub(super) struct Words<'a> {
    pub(super) catalog: &'a Catalog,
    /// Names of the people who are or were registered.
    pub(super) names: HashMap<RegistrationId, String>,
}

impl Words<'_> {
    /// What a field is called.
    pub(super) fn name(&self, path: &str) -> String {
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["registrations", id, field] => {
                format!("{}, {}", self.person(id), registration_field(field))
            }
            ["anonymous", counter] => format!("Sans nom, {}", counter_name(counter)),
            ["themes", code] => format!(
                "Thème {}",
                Theme::from_code(code).map_or(*code, |theme| theme.label())
            ),
            _ => session_field(path).to_owned(),
        }
    }

    /// A value of the field at `path`, as a person reads it.
    pub(super) fn value(&self, path: &str, value: &Value) -> String {
        let text = match value {
            Value::Null => return "rien".to_owned(),
            Value::Bool(true) => return "oui".to_owned(),
            Value::Bool(false) => return "non".to_owned(),
            Value::String(text) if text.is_empty() => return "rien".to_owned(),
            Value::String(text) => text.as_str(),
            other => return other.to_string(),
        };
        let field = path.rsplit('/').next().unwrap_or_default();
        let label = match field {
            "place" => Some(self.catalog.place_name(text)),
            "animateur" => text.parse().ok().map(|id| agent_name(self.catalog, id)),
            "level" => Level::from_code(text).map(Level::label),
            "state" => SessionState::from_code(text).map(SessionState::label),
            "status" => RegistrationStatus::from_code(text).map(RegistrationStatus::label),
            "attendance" => Attendance::from_code(text).map(Attendance::label),
            "commune" => Some(commune::label(text)),
            "age_band" => AgeBand::from_code(text).map(AgeBand::label),
            "date" => {
                return text
                    .parse::<Date>()
                    .map_or_else(|_| text.to_owned(), day_month_year);
            }
            "start" | "end" => {
                return text
                    .parse::<Time>()
                    .map_or_else(|_| text.to_owned(), clock_time);
            }
            _ => None,
        };
        label.unwrap_or(text).to_owned()
    }

    /// One change of the history in one line; nothing where no reader would care.
    pub(super) fn change(&self, change: &FieldChange) -> Option<String> {
        let path = change.path.as_str();
        let said = |name: &str| Some(format!("{name}\u{a0}: {}", self.value(path, &change.value)));
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["registrations", id, "person"] => Some(format!("Inscription de {}", self.person(id))),
            ["registrations", id, "told"] => {
                let told = change.value == Value::Bool(true);
                told.then(|| format!("{} a été prévenu(e)", self.person(id)))
            }
            ["registrations", id, "walk_in"] => {
                let walk_in = change.value == Value::Bool(true);
                walk_in.then(|| format!("{} sans rendez-vous", self.person(id)))
            }
            ["registrations", id, "status" | "attendance"] => said(&self.person(id)),
            ["registrations", ..] | ["series" | "moved"] => None,
            ["notes", _, "text"] => Some("Note ajoutée".to_owned()),
            ["notes", ..] => None,
            _ => said(&self.name(path)),
        }
    }

    fn person(&self, registration: &str) -> String {
        let id = registration.parse().ok();
        let name = id.and_then(|id: RegistrationId| self.names.get(&id));
        name.map_or("Personne inconnue", String::as_str).to_owned()
    }
}

/// The history without what goes without saying: the first values of a new registration.
pub(super) fn tidied(mut history: Vec<HistoryEntry>) -> Vec<HistoryEntry> {
    for entry in &mut history {
        let new: Vec<String> = entry
            .fields
            .iter()
            .filter_map(|change| change.path.strip_suffix("/person").map(str::to_owned))
            .collect();
        let goes_without_saying = |change: &FieldChange| {
            let (map, field) = change.path.rsplit_once('/').unwrap_or_default();
            let first = match field {
                "status" => change.value == RegistrationStatus::default().code(),
                "attendance" => change.value == Attendance::default().code(),
                // Whoever registers knowing that they wait is told at once.
                "told" => true,
                _ => false,
            };
            first && new.iter().any(|registration| registration == map)
        };
        entry.fields.retain(|change| !goes_without_saying(change));
    }
    history
}

fn session_field(path: &str) -> &str {
    match path {
        "place" => "Lieu",
        "date" => "Date",
        "start" => "Début",
        "end" => "Fin",
        "title" => "Titre",
        "level" => "Niveau",
        "capacity" => "Places",
        "animateur" => "Animateur",
        "series" => "Série",
        "state" => "Atelier",
        "moved" => "Déplacé",
        "reason" => "Raison",
        "preparation_min" => "Préparation (minutes)",
        other => other,
    }
}

fn registration_field(field: &str) -> &str {
    match field {
        "attendance" => "présence",
        "status" => "inscription",
        "told" => "prévenu(e)",
        "walk_in" => "sans rendez-vous",
        "commune" => "commune",
        "age_band" => "âge",
        other => other,
    }
}

/// What an anonymous counter counts: « total », « déjà venus », « Féminin ».
pub(super) fn counter_name(counter: &str) -> &str {
    let label = match counter.split_once('.') {
        Some(("gender", code)) => Gender::from_code(code).map(Gender::label),
        Some(("age", code)) => AgeBand::from_code(code).map(AgeBand::label),
        Some(("status", code)) => SocialStatus::from_code(code).map(SocialStatus::label),
        _ if counter == TOTAL => Some("total"),
        _ if counter == ALREADY_SEEN => Some("déjà venus"),
        _ => None,
    };
    label.unwrap_or(counter)
}
