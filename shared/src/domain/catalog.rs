//! The catalog: places, tour, agents, operators. Written by the hub only; every laptop carries a copy.
//!
//! What it is made of and what it answers; who may sign in with an account is not decided here.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time, Weekday};
use serde::{Deserialize, Serialize};

use super::codes::Role;
use crate::ids::{AgentId, DocumentId, ReplicaId, computed};
use crate::text::folded;

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
    /// Where changes are made: the hub and each laptop that joined it, for the histories that pages show.
    pub replicas: BTreeMap<ReplicaId, Replica>,
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

/// The hub, or a laptop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Replica {
    /// « Capestang », « Portable 1 ».
    pub name: String,
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

impl Catalog {
    /// Name of a place, or its code when the catalog does not know it.
    #[must_use]
    pub fn place_name<'a>(&'a self, code: &'a str) -> &'a str {
        self.places.get(code).map_or(code, |place| &place.name)
    }

    /// The stops of the mobile Maison on `date` with their codes, by opening time.
    #[must_use]
    pub fn stops_on(&self, date: Date) -> Vec<(&str, &Stop)> {
        let stops = self.stops.iter().filter(|(_, stop)| stop.is_on(date));
        let mut stops: Vec<_> = stops.map(|(code, stop)| (code.as_str(), stop)).collect();
        stops.sort_by_key(|(code, stop)| (stop.start, *code));
        stops
    }

    /// The operators offered on `date` with their codes, by name; « Autre » comes last.
    #[must_use]
    pub fn operators_on(&self, date: Date) -> Vec<(&str, &Operator)> {
        let operators = self
            .operators
            .iter()
            .filter(|(_, operator)| operator.is_offered(date));
        let mut operators: Vec<_> = operators.map(|(code, o)| (code.as_str(), o)).collect();
        operators.sort_by_cached_key(|(code, o)| (*code == OTHER_OPERATOR, folded(&o.name)));
        operators
    }
}

impl Operator {
    fn is_offered(&self, date: Date) -> bool {
        self.from.is_none_or(|from| from <= date) && self.until.is_none_or(|until| date <= until)
    }
}

/// The catalog of a new hub: the five places, a tour to be corrected, the operators, and nobody who may sign in.
#[must_use]
pub fn default_catalog() -> Catalog {
    Catalog {
        replicas: BTreeMap::new(),
        places: PLACES.iter().map(default_place).collect(),
        stops: STOPS.iter().map(default_stop).collect(),
        agents: BTreeMap::new(),
        operators: OPERATORS
            .iter()
            .map(|(code, name)| {
                let operator = Operator {
                    name: (*name).to_owned(),
                    ..Operator::default()
                };
                ((*code).to_owned(), operator)
            })
            .collect(),
        retention_months: Some(RETENTION_MONTHS),
    }
}

/// Months after the last contact, unless the hub says otherwise.
pub const RETENTION_MONTHS: u16 = 24;

/// Code of the operator of demandes that concern no other.
pub const OTHER_OPERATOR: &str = "autre";

/// Code, name, INSEE code, room and whether fixed.
const PLACES: &[(&str, &str, &str, &str, bool)] = &[
    ("capestang", "Capestang", "34052", "La Maison", true),
    ("cessenon-sur-orb", "Cessenon-sur-Orb", "34074", "", false),
    (
        "saint-chinian",
        "Saint-Chinian",
        "34245",
        "Médiathèque, salle de la mairie",
        false,
    ),
    ("puisserguier", "Puisserguier", "34225", "", false),
    ("quarante", "Quarante", "34226", "", false),
];

/// Place, weekday, opening and closing hours, weeks: one half-day for each of the four villages. Thursday morning at
/// Saint-Chinian is a fact of the service; the rest is a plausible start for the staff to edit.
const STOPS: &[(&str, i8, i8, i8, &str)] = &[
    ("cessenon-sur-orb", 2, 9, 12, "every"),
    ("puisserguier", 3, 14, 17, "even"),
    ("quarante", 3, 14, 17, "odd"),
    ("saint-chinian", 4, 9, 12, "every"),
];

/// Code and name.
const OPERATORS: &[(&str, &str)] = &[
    ("la-poste", "La Poste"),
    ("france-travail", "France Travail"),
    ("cnaf", "Cnaf (CAF)"),
    ("cnam", "Cnam (CPAM)"),
    ("cnav", "Cnav (Carsat)"),
    ("msa", "MSA"),
    ("france-titres", "France Titres (ANTS)"),
    ("justice", "Justice"),
    ("dgfip", "DGFiP"),
    ("cheque-energie", "Chèque énergie"),
    ("france-renov", "France Rénov’ (Anah)"),
    ("agirc-arrco", "Agirc-Arrco"),
    ("urssaf", "Urssaf"),
    (OTHER_OPERATOR, "Autre"),
];

fn default_place(place: &(&str, &str, &str, &str, bool)) -> (String, Place) {
    let (code, name, commune, room, fixed) = *place;
    let place = Place {
        name: name.to_owned(),
        commune: commune.to_owned(),
        address: String::new(),
        room: room.to_owned(),
        fixed,
    };
    (code.to_owned(), place)
}

fn default_stop(stop: &(&str, i8, i8, i8, &str)) -> (String, Stop) {
    let (place, weekday, opens, closes, weeks) = *stop;
    let stop = Stop {
        place: place.to_owned(),
        weekday,
        start: Time::constant(opens, 0, 0, 0),
        end: Time::constant(closes, 0, 0, 0),
        weeks: weeks.to_owned(),
    };
    (place.to_owned(), stop)
}

/// The one catalog document.
#[must_use]
pub fn catalog_id() -> DocumentId {
    DocumentId(computed("catalog"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::commune::label;
    use jiff::civil::date;

    fn stops(date: Date) -> Vec<String> {
        let catalog = default_catalog();
        let stops = catalog.stops_on(date);
        stops
            .into_iter()
            .map(|(_, stop)| stop.place.clone())
            .collect()
    }

    #[test]
    fn the_fixed_maison_is_at_capestang_and_the_mobile_one_tours_four_villages() {
        let catalog = default_catalog();
        let fixed: Vec<_> = catalog
            .places
            .iter()
            .filter(|(_, place)| place.fixed)
            .collect();
        assert_eq!(fixed.len(), 1);
        assert_eq!(fixed[0].0, "capestang");
        assert_eq!(catalog.places.len(), 5);
        for (code, place) in &catalog.places {
            assert_eq!(label(&place.commune), place.name, "{code}");
            let toured = catalog.stops.values().any(|stop| stop.place == *code);
            assert_eq!(toured, !place.fixed, "{code}");
        }
        assert!(catalog.agents.is_empty());
        assert_eq!(catalog.retention_months, Some(24));
    }

    #[test]
    fn saint_chinian_is_every_thursday_morning() {
        for week in 0..10 {
            let thursday = date(2026, 11, 26) + jiff::Span::new().weeks(week);
            assert_eq!(stops(thursday), ["saint-chinian"]);
        }
        assert_eq!(stops(date(2026, 11, 29)), [""; 0]);
    }

    #[test]
    fn two_villages_take_turns_by_iso_week() {
        // 25 November 2026 is a Wednesday of ISO week 48.
        assert_eq!(stops(date(2026, 11, 25)), ["puisserguier"]);
        assert_eq!(stops(date(2026, 12, 2)), ["quarante"]);
        // Week 53 and then week 1 are both odd: the same village twice.
        assert_eq!(stops(date(2026, 12, 30)), ["quarante"]);
        assert_eq!(stops(date(2027, 1, 6)), ["quarante"]);
    }

    #[test]
    fn stops_of_a_day_come_by_opening_time() {
        let mut catalog = default_catalog();
        let early = Stop {
            weekday: 4,
            start: Time::constant(8, 0, 0, 0),
            ..catalog.stops["quarante"].clone()
        };
        let early = Stop {
            weeks: "every".into(),
            ..early
        };
        catalog.stops.insert("zz".into(), early);
        let codes: Vec<_> = catalog
            .stops_on(date(2026, 11, 26))
            .into_iter()
            .map(|(code, _)| code)
            .collect();
        assert_eq!(codes, ["zz", "saint-chinian"]);
    }

    #[test]
    fn operators_are_listed_by_name_and_autre_last() {
        let catalog = default_catalog();
        let names: Vec<_> = catalog
            .operators_on(date(2026, 11, 26))
            .into_iter()
            .map(|(_, operator)| operator.name.as_str())
            .collect();
        assert_eq!(names.len(), 14);
        assert_eq!(names[..3], ["Agirc-Arrco", "Chèque énergie", "Cnaf (CAF)"]);
        assert_eq!(names[13], "Autre");
    }

    #[test]
    fn an_operator_is_offered_between_its_dates_only() {
        let mut catalog = default_catalog();
        catalog.operators.retain(|code, _| code == "msa");
        let msa = catalog.operators.get_mut("msa").expect("listed");
        msa.from = Some(date(2026, 1, 1));
        msa.until = Some(date(2026, 12, 31));
        assert_eq!(catalog.operators_on(date(2025, 12, 31)).len(), 0);
        assert_eq!(catalog.operators_on(date(2026, 1, 1)).len(), 1);
        assert_eq!(catalog.operators_on(date(2026, 12, 31)).len(), 1);
        assert_eq!(catalog.operators_on(date(2027, 1, 1)).len(), 0);
    }

    #[test]
    fn an_unknown_place_is_shown_by_its_code() {
        let catalog = default_catalog();
        assert_eq!(catalog.place_name("saint-chinian"), "Saint-Chinian");
        assert_eq!(catalog.place_name("cruzy"), "cruzy");
    }
}
