//! Requests at the counter (demandes), kept in one register for each place and day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::codes::{AgeBand, Autonomy, Channel, Outcome, Theme};
use super::person::{FieldProblem, NOTES_CHARS_MAX, overlong};
use crate::ids::{AgentId, DemandeId, DocumentId, PersonId, computed};
use crate::time::Timestamp;

/// Minutes of one demande: a long day.
pub const DURATION_MIN_MAX: u16 = 600;

/// Characters of the structure that somebody was sent to: one line.
const STRUCTURE_CHARS_MAX: usize = 200;

/// The demandes of one place on one day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Register {
    /// Code of the place.
    pub place: String,
    /// Local date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// The demandes.
    pub demandes: BTreeMap<DemandeId, Demande>,
}

/// One request at a counter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Demande {
    /// When it was written down.
    pub at: Timestamp,
    /// Who received it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// The person, if they gave their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// Code of the operator (a key of the catalog's operators).
    pub operator: String,
    /// Theme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theme: Option<Theme>,
    /// How it reached us.
    pub channel: Channel,
    /// What became of it.
    pub outcome: Outcome,
    /// Structure that the person was sent to, when `orientee`.
    pub referred_to: String,
    /// How far the person did it alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autonomy: Option<Autonomy>,
    /// Duration in minutes.
    pub duration_min: u16,
    /// INSEE code of the commune on that day, if known.
    pub commune: String,
    /// Age band on that day.
    pub age_band: AgeBand,
    /// Free note.
    pub notes: String,
    /// Struck out: written by mistake. Kept, not counted.
    pub struck: bool,
}

impl Demande {
    /// What must be corrected before this demande can be written down: names of fields with a French message each.
    ///
    /// Whether the operator is one of the catalog's is the caller's business.
    #[must_use]
    pub fn validate(&self) -> Vec<FieldProblem> {
        let duration = !(1..=DURATION_MIN_MAX).contains(&self.duration_min);
        let checks = [
            (
                "operator",
                self.operator
                    .is_empty()
                    .then(|| "Choisissez un opérateur.".to_owned()),
            ),
            (
                "duration",
                duration.then(|| format!("La durée va de 1 à {DURATION_MIN_MAX} minutes.")),
            ),
            (
                "referred_to",
                overlong(&self.referred_to, STRUCTURE_CHARS_MAX),
            ),
            ("notes", overlong(&self.notes, NOTES_CHARS_MAX)),
        ];
        let problems = checks.into_iter();
        problems
            .filter_map(|(field, problem)| Some((field, problem?)))
            .collect()
    }
}

/// The document that holds the demandes of `place` on `date`: the same on every site.
#[must_use]
pub fn register_id(place: &str, date: Date) -> DocumentId {
    DocumentId(computed(&format!("register:{place}:{date}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields that are wrong once this one was changed.
    fn wrong(change: impl FnOnce(&mut Demande)) -> Vec<&'static str> {
        let mut demande = Demande {
            operator: "cnaf".into(),
            duration_min: 15,
            ..Demande::default()
        };
        change(&mut demande);
        let problems = demande.validate();
        problems.into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn an_operator_and_a_duration_are_enough() {
        assert_eq!(wrong(|_| {}), [""; 0]);
        assert_eq!(wrong(|d| d.operator.clear()), ["operator"]);
        assert_eq!(wrong(|d| d.duration_min = 0), ["duration"]);
        assert_eq!(wrong(|d| d.duration_min = 601), ["duration"]);
        assert_eq!(wrong(|d| d.referred_to = "é".repeat(201)), ["referred_to"]);
        assert_eq!(wrong(|d| d.notes = "é".repeat(2_001)), ["notes"]);
    }

    #[test]
    fn a_places_day_has_one_register_on_every_site() {
        let day = jiff::civil::date(2026, 11, 26);
        let id = register_id("saint-chinian", day);
        assert_eq!(id, register_id("saint-chinian", day));
        assert_ne!(id, register_id("quarante", day));
        assert_ne!(
            id,
            register_id("saint-chinian", jiff::civil::date(2026, 11, 27))
        );
    }
}
