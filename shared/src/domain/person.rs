//! A person: identity and contact, nothing about attendance.
//!
//! Minimal by law: no social situation, no national number. Knows how names and phones are compared, not where
//! people are kept.

use serde::{Deserialize, Serialize};

use super::codes::{Gender, Level, SocialStatus};
use crate::ids::PersonId;
use crate::time::Timestamp;

/// One person known to the service. Every text is trimmed; an empty text means « not given ».
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// Family name, as the person writes it.
    pub family_name: String,
    /// Given name.
    pub given_name: String,
    /// Year of birth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birth_year: Option<i16>,
    /// INSEE code of the commune of residence; empty when not given.
    pub commune: String,
    /// Postal code, as given; never decides membership of the territory.
    pub postal_code: String,
    /// Phone, as given.
    pub phone: String,
    /// E-mail, as given.
    pub email: String,
    /// Gender.
    pub gender: Gender,
    /// Social status.
    pub status: SocialStatus,
    /// Level, if it has been assessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Contact of one responsible adult, for minors.
    pub responsible_adult: String,
    /// Free note. Pages warn against sensitive content.
    pub notes: String,
    /// When the person was first written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Set when this record was merged into another one (source → destination).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<PersonId>,
}

impl Person {
    /// « Sylvie CARAYON »: the given name, then the family name in capitals.
    #[must_use]
    pub fn display_name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name.to_uppercase())
            .trim()
            .to_owned()
    }
}
