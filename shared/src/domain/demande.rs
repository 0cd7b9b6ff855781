//! Requests at the counter (demandes), kept in one register for each place and day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::codes::{AgeBand, Autonomy, Channel, Outcome, Theme};
use crate::ids::{AgentId, DemandeId, DocumentId, PersonId, computed};
use crate::time::Timestamp;

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

/// The document that holds the demandes of `place` on `date`: the same on every site.
#[must_use]
pub fn register_id(place: &str, date: Date) -> DocumentId {
    DocumentId(computed(&format!("register:{place}:{date}")))
}
