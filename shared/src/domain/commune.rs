//! The 17 communes of the Communauté de Communes Sud-Hérault, and who belongs to the territory.
//!
//! The INSEE code decides, never the postal code: 34310 also covers communes outside. Names are recognised as people
//! write them; nothing here looks a commune up outside the table.

use crate::text::folded;

/// SIREN of the Communauté de Communes, its code as an EPCI.
pub const EPCI_CODE: &str = "200042653";

/// Its name.
pub const EPCI_NAME: &str = "Communauté de Communes Sud-Hérault";

/// Stored in place of an INSEE code for somebody who lives outside, in a commune whose code nobody knows.
pub const OUTSIDE: &str = "hors_territoire";

/// One commune of the territory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Commune {
    /// INSEE code (COG 2026).
    pub insee: &'static str,
    /// Name, as the COG writes it.
    pub name: &'static str,
    /// Postal code; several communes share one.
    pub postal_code: &'static str,
    /// Inhabitants (INSEE).
    pub population: u32,
    /// Latitude of the centroid, in degrees.
    pub latitude: f64,
    /// Longitude of the centroid, in degrees.
    pub longitude: f64,
}

impl Commune {
    /// The commune of this INSEE code, if it is one of the 17.
    #[must_use]
    pub fn by_insee(insee: &str) -> Option<&'static Self> {
        COMMUNES
            .iter()
            .find(|commune| commune.insee == insee.trim())
    }

    /// The commune of this name, whatever the case, accents, hyphens, and « St » for « Saint ».
    ///
    /// « Quarante » is a name; « 40 » is nobody's.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let name = name_key(name);
        COMMUNES
            .iter()
            .find(|commune| name_key(commune.name) == name)
    }

    /// The commune that an unknown name is most probably a misspelling of: « Capestan », « Puiserguier ».
    #[must_use]
    pub fn near_name(name: &str) -> Option<&'static Self> {
        let name = name_key(name);
        COMMUNES.iter().find(|commune| {
            let known = name_key(commune.name);
            // A short name stands one slip away from a real neighbour sooner than a long one does.
            let slips = if known.len() < 8 { 1 } else { 2 };
            strsim::osa_distance(&known, &name) <= slips
        })
    }
}

/// Whether the INSEE code is one of the 17.
#[must_use]
pub fn in_territory(insee: &str) -> bool {
    Commune::by_insee(insee).is_some()
}

/// What a person reads for a stored code: the commune's name, « hors territoire », or « non communiquée ».
#[must_use]
pub fn label(insee: &str) -> &'static str {
    match Commune::by_insee(insee) {
        Some(commune) => commune.name,
        None if insee.trim().is_empty() => "non communiquée",
        None => "hors territoire",
    }
}

/// Whether the text has the form of a commune's INSEE code: a department that exists, then the commune's number.
///
/// Whether that commune exists is not checked: the table holds 17 of France's 35 000.
#[must_use]
pub fn is_insee_code(text: &str) -> bool {
    if text.len() != 5 || !text.is_ascii() {
        return false;
    }
    let overseas = text.starts_with("97");
    let (department, number) = text.split_at(if overseas { 3 } else { 2 });
    let known = match department {
        "2A" | "2B" => true,
        // Corsica left number 20 in 1976.
        "20" => false,
        _ => {
            let digits = department.bytes().all(|b| b.is_ascii_digit());
            digits
                && department
                    .parse()
                    .is_ok_and(|n: u16| matches!(n, 1..=95 | 971..=976))
        }
    };
    known && number.bytes().all(|b| b.is_ascii_digit()) && number.bytes().any(|b| b != b'0')
}

/// A name reduced to what does not vary between spellings.
fn name_key(name: &str) -> String {
    let words = folded(name);
    let words = words
        .split(' ')
        .filter(|word| !matches!(*word, "sur" | "s"));
    let words: Vec<&str> = words
        .map(|word| match word {
            "st" => "saint",
            word => word,
        })
        .collect();
    words.join(" ")
}

/// The 17 communes, by name. Source: INSEE, COG 2026, populations of the same year; centroids of the public contours.
pub const COMMUNES: &[Commune] = &[
    Commune {
        insee: "34015",
        name: "Assignan",
        postal_code: "34360",
        population: 171,
        latitude: 43.4004,
        longitude: 2.8867,
    },
    Commune {
        insee: "34021",
        name: "Babeau-Bouldoux",
        postal_code: "34360",
        population: 314,
        latitude: 43.4382,
        longitude: 2.8930,
    },
    Commune {
        insee: "34052",
        name: "Capestang",
        postal_code: "34310",
        population: 3_476,
        latitude: 43.3220,
        longitude: 3.0481,
    },
    Commune {
        insee: "34065",
        name: "Cazedarnes",
        postal_code: "34460",
        population: 653,
        latitude: 43.4236,
        longitude: 3.0292,
    },
    Commune {
        insee: "34070",
        name: "Cébazan",
        postal_code: "34360",
        population: 650,
        latitude: 43.4054,
        longitude: 2.9882,
    },
    Commune {
        insee: "34074",
        name: "Cessenon-sur-Orb",
        postal_code: "34460",
        population: 2_441,
        latitude: 43.4544,
        longitude: 3.0407,
    },
    Commune {
        insee: "34089",
        name: "Creissan",
        postal_code: "34370",
        population: 1_432,
        latitude: 43.3766,
        longitude: 3.0006,
    },
    Commune {
        insee: "34092",
        name: "Cruzy",
        postal_code: "34310",
        population: 971,
        latitude: 43.3520,
        longitude: 2.9345,
    },
    Commune {
        insee: "34167",
        name: "Montels",
        postal_code: "34310",
        population: 247,
        latitude: 43.2900,
        longitude: 3.0253,
    },
    Commune {
        insee: "34170",
        name: "Montouliers",
        postal_code: "34310",
        population: 236,
        latitude: 43.3352,
        longitude: 2.9064,
    },
    Commune {
        insee: "34201",
        name: "Pierrerue",
        postal_code: "34360",
        population: 299,
        latitude: 43.4413,
        longitude: 2.9633,
    },
    Commune {
        insee: "34206",
        name: "Poilhes",
        postal_code: "34310",
        population: 545,
        latitude: 43.3045,
        longitude: 3.0893,
    },
    Commune {
        insee: "34218",
        name: "Prades-sur-Vernazobre",
        postal_code: "34360",
        population: 376,
        latitude: 43.4581,
        longitude: 2.9768,
    },
    Commune {
        insee: "34225",
        name: "Puisserguier",
        postal_code: "34620",
        population: 3_086,
        latitude: 43.3770,
        longitude: 3.0466,
    },
    Commune {
        insee: "34226",
        name: "Quarante",
        postal_code: "34310",
        population: 1_815,
        latitude: 43.3510,
        longitude: 2.9805,
    },
    Commune {
        insee: "34245",
        name: "Saint-Chinian",
        postal_code: "34360",
        population: 1_802,
        latitude: 43.4212,
        longitude: 2.9319,
    },
    Commune {
        insee: "34339",
        name: "Villespassans",
        postal_code: "34360",
        population: 191,
        latitude: 43.3822,
        longitude: 2.9112,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Option<&'static str> {
        Commune::by_name(name).map(|commune| commune.insee)
    }

    #[test]
    fn the_territory_has_17_communes_and_18_705_inhabitants() {
        assert_eq!(COMMUNES.len(), 17);
        assert_eq!(COMMUNES.iter().map(|c| c.population).sum::<u32>(), 18_705);
    }

    #[test]
    fn every_commune_is_found_by_its_code_and_by_its_name() {
        for commune in COMMUNES {
            assert!(is_insee_code(commune.insee), "{}", commune.name);
            assert_eq!(Commune::by_insee(commune.insee), Some(commune));
            assert_eq!(Commune::by_name(commune.name), Some(commune));
            assert_eq!(label(commune.insee), commune.name);
        }
    }

    #[test]
    fn names_are_known_however_people_write_them() {
        for spelling in [
            "Saint-Chinian",
            "st chinian",
            "Saint Chinian",
            " ST-CHINIAN ",
            "St. Chinian",
        ] {
            assert_eq!(named(spelling), Some("34245"), "{spelling}");
        }
        for spelling in ["Cessenon sur Orb", "CESSENON/ORB", "cessenon s/ orb"] {
            assert_eq!(named(spelling), Some("34074"), "{spelling}");
        }
        assert_eq!(named("cebazan"), Some("34070"));
    }

    #[test]
    fn quarante_is_a_name_and_not_a_number() {
        assert_eq!(named("Quarante"), Some("34226"));
        assert_eq!(named("quarante"), Some("34226"));
        assert_eq!(named("40"), None);
        assert_eq!(Commune::by_insee("40"), None);
    }

    #[test]
    fn a_postal_code_never_decides() {
        assert!(!in_territory("34310"));
        assert_eq!(named("34310"), None);
        // Montady has the postal code of Capestang and lies outside.
        assert!(!in_territory("34161"));
    }

    #[test]
    fn any_other_code_is_outside_and_no_code_is_not_given() {
        assert_eq!(label("34032"), "hors territoire");
        assert_eq!(label(OUTSIDE), "hors territoire");
        assert_eq!(label(""), "non communiquée");
        assert!(!in_territory(OUTSIDE));
        assert!(!in_territory(""));
    }

    #[test]
    fn a_misspelling_is_told_from_a_neighbour() {
        let near = |name| Commune::near_name(name).map(|commune| commune.name);
        assert_eq!(near("Capestan"), Some("Capestang"));
        assert_eq!(near("Puiserguier"), Some("Puisserguier"));
        for neighbour in [
            "Béziers",
            "Montady",
            "Nissan-lez-Enserune",
            "Cazouls-lès-Béziers",
            "Nulle-Part",
            "",
        ] {
            assert_eq!(near(neighbour), None, "{neighbour}");
        }
    }

    #[test]
    fn the_form_of_an_insee_code_is_that_of_an_existing_department() {
        for code in ["34032", "01001", "2A004", "2B033", "97411", "95680"] {
            assert!(is_insee_code(code), "{code}");
        }
        for code in [
            "99999", "96001", "20004", "00001", "34000", "97799", "3403", "340321", "34 32",
            "+3403", "3403é",
        ] {
            assert!(!is_insee_code(code), "{code}");
        }
    }
}
