//! The catalog: places, tour, agents, operators. Written by the hub only; every laptop carries a copy.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time, Weekday};
use serde::{Deserialize, Serialize};

use super::codes::Role;
use crate::ids::{AgentId, DocumentId, computed};

/// What the service is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Catalog {
    /// The service's places by code (`saint-chinian`).
    pub places: BTreeMap<String, Place>,
    /// Stops of the tour by code.
    pub stops: BTreeMap<String, Stop>,
    /// Accounts.
    pub agents: BTreeMap<AgentId, Agent>,
    /// Operators by code (`france-travail`), dated and editable.
    pub operators: BTreeMap<String, Operator>,
    /// Months after the last contact after which a person is anonymised (24 unless the hub says otherwise).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_months: Option<u16>,
}

/// A place where the service receives people.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// « Saint-Chinian ».
    pub name: String,
    /// INSEE code of its commune.
    pub commune: String,
    /// Street address.
    pub address: String,
    /// Room or hall.
    pub room: String,
    /// The fixed Maison rather than a stop of the mobile one.
    pub fixed: bool,
}

/// A recurring stop of the mobile Maison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stop {
    /// Code of the place.
    pub place: String,
    /// Day of the week, 1 (Monday) to 7.
    pub weekday: i8,
    /// Local opening.
    pub start: Time,
    /// Local closing.
    pub end: Time,
    /// In which ISO weeks: `every`, `even` or `odd`.
    pub weeks: String,
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Agent {
    /// Name to sign in with, unique, lower case.
    pub login: String,
    /// Name shown.
    pub name: String,
    /// What the account may do.
    pub role: Role,
    /// argon2id, in PHC form.
    pub passphrase_hash: String,
    /// No longer allowed to sign in.
    pub disabled: bool,
}

/// An operator that demandes concern.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Operator {
    /// « Cnaf (CAF) ».
    pub name: String,
    /// First day on which it is offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Last day on which it is offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            place: String::new(),
            weekday: 1,
            start: Time::midnight(),
            end: Time::midnight(),
            weeks: "every".to_owned(),
        }
    }
}

impl Stop {
    /// Whether the mobile Maison stops here on `date`.
    #[must_use]
    pub fn is_on(&self, date: Date) -> bool {
        let parity = match self.weeks.as_str() {
            "even" => date.iso_week_date().week() % 2 == 0,
            "odd" => date.iso_week_date().week() % 2 == 1,
            _ => true,
        };
        parity
            && Weekday::from_monday_one_offset(self.weekday).is_ok_and(|day| day == date.weekday())
    }
}

/// The one catalog document.
#[must_use]
pub fn catalog_id() -> DocumentId {
    DocumentId(computed("catalog"))
}
