//! Whether two records may be the same person. Proposed to a person who decides, never merged by the machine.
//!
//! Spouses share a surname and a phone, a hall holds two people of one name: every answer therefore says why, in words
//! that an agent can judge. Who is compared with whom is the caller's business.

use super::person::Person;
use crate::text::{folded, phone_digits};

/// From this score on two records most probably name one person.
const STRONG: u8 = 80;

/// Jaro-Winkler similarity from which two full names differ by a typo rather than by the person.
const CLOSE_NAMES: f64 = 0.92;

/// The same for a given name or a family name alone, which is shorter and so varies more.
const CLOSE_PART: f64 = 0.88;

/// What two full names that are close must at least have in common: the letters that both hold, as a share of each
/// name, both shares added. Jaro's similarity is (m/a + m/b + (m − t)/m) / 3 with m letters in common at most, and
/// Winkler adds 0.4 of what is missing to 1 at most.
const SHARED_LETTERS: f64 = 3.0 * (CLOSE_NAMES - 0.4) / 0.6 - 1.0;

/// How much two records look like the same person, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resemblance {
    /// 1 to 100; for sorting. The same full name alone gives 90.
    pub score: u8,
    /// The reasons, weightiest first: « même nom », « nom proche », « même téléphone », …
    pub why: Vec<&'static str>,
}

impl Resemblance {
    /// Most probably the same person: somebody should decide before a second record is made.
    #[must_use]
    pub fn is_strong(&self) -> bool {
        self.score >= STRONG
    }

    /// « même nom, même téléphone ».
    #[must_use]
    pub fn reasons(&self) -> String {
        self.why.join(", ")
    }
}

/// Compares two records; `None` when neither name, phone nor e-mail brings them together.
#[must_use]
pub fn looks_like(a: &Person, b: &Person) -> Option<Resemblance> {
    let phone = same_nonempty(&phone_digits(&a.phone), &phone_digits(&b.phone));
    let email = same_nonempty(&a.email.to_lowercase(), &b.email.to_lowercase());
    let (mut score, mut why): (i8, Vec<_>) = match names(a, b) {
        Names::Same => (90, vec!["même nom"]),
        Names::Close => (60, vec!["nom proche"]),
        Names::SameFamily if phone || email => (35, vec!["même nom de famille"]),
        Names::SameFamily | Names::Different if phone || email => (20, Vec::new()),
        Names::SameFamily | Names::Different => return None,
    };
    for (same, reason) in [(phone, "même téléphone"), (email, "même adresse e-mail")] {
        if same {
            score += 10;
            why.push(reason);
        }
    }
    match (a.birth_year, b.birth_year) {
        (Some(a), Some(b)) if a == b => {
            score += 10;
            why.push("même année de naissance");
        }
        (Some(_), Some(_)) => {
            score -= 25;
            why.push("années de naissance différentes");
        }
        _ => {}
    }
    Some(Resemblance {
        score: score.clamp(1, 100).unsigned_abs(),
        why,
    })
}

/// What a quick look keeps of a person: comparing two is some hundred times cheaper than [`looks_like`], so that
/// whole files can be compared with everybody who is known.
#[derive(Clone, Debug)]
pub struct Sketch {
    phone: String,
    email: String,
    /// How often each letter stands in the full name: a to z, and all other signs together.
    letters: [u8; 27],
    /// Signs of the full name.
    length: f64,
}

impl Sketch {
    /// The sketch of a person.
    #[must_use]
    pub fn of(person: &Person) -> Self {
        let name = folded(&person.given_name) + " " + &folded(&person.family_name);
        let mut letters = [0u8; 27];
        for c in name.chars() {
            let at = if c.is_ascii_lowercase() {
                usize::from(c as u8 - b'a')
            } else {
                26
            };
            letters[at] = letters[at].saturating_add(1);
        }
        Self {
            phone: phone_digits(&person.phone),
            email: person.email.to_lowercase(),
            letters,
            length: letters.iter().map(|n| f64::from(*n)).sum(),
        }
    }

    /// Whether [`looks_like`] is worth asking: never false where it would find something.
    #[must_use]
    pub fn may_resemble(&self, other: &Self) -> bool {
        let both = self.letters.iter().zip(&other.letters);
        let shared: u32 = both.map(|(a, b)| u32::from(*a.min(b))).sum();
        let shared = f64::from(shared);
        // A hair below, so that rounding never hides anybody.
        shared / self.length + shared / other.length >= SHARED_LETTERS - 1e-9
            || same_nonempty(&self.phone, &other.phone)
            || same_nonempty(&self.email, &other.email)
    }
}

/// What the names alone say.
enum Names {
    /// The same words, in either order.
    Same,
    /// A typo apart, in either order.
    Close,
    /// Only the family name.
    SameFamily,
    Different,
}

fn names(a: &Person, b: &Person) -> Names {
    let (given, family) = (folded(&a.given_name), folded(&a.family_name));
    let (given_b, family_b) = (folded(&b.given_name), folded(&b.family_name));
    if given.is_empty() || given_b.is_empty() || family.is_empty() || family_b.is_empty() {
        return Names::Different;
    }
    let close = |one: [&str; 2], other: [&str; 2]| {
        strsim::jaro_winkler(&one.join(" "), &other.join(" ")) >= CLOSE_NAMES
            && one
                .iter()
                .zip(other)
                .all(|(one, other)| close_part(one, other))
    };
    let one = [&*given, &*family];
    let straight = [&*given_b, &*family_b];
    let swapped = [&*family_b, &*given_b];
    if one.join(" ") == straight.join(" ") || one.join(" ") == swapped.join(" ") {
        Names::Same
    } else if close(one, straight) || close(one, swapped) {
        Names::Close
    } else if family == family_b {
        Names::SameFamily
    } else {
        Names::Different
    }
}

/// Whether one part of two close names may be a misspelling of the other. Without it, a long given name in common
/// hides that the surnames have nothing to do with each other (Marie-Thérèse HÉRAIL and Marie-Thérèse RASCOL).
fn close_part(one: &str, other: &str) -> bool {
    strsim::osa_distance(one, other) <= 1 || strsim::jaro_winkler(one, other) >= CLOSE_PART
}

fn same_nonempty(a: &str, b: &str) -> bool {
    !a.is_empty() && a == b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(given: &str, family: &str) -> Person {
        Person {
            given_name: given.into(),
            family_name: family.into(),
            ..Person::default()
        }
    }

    /// `person` with a phone and a year of birth, 0 meaning none.
    fn known(given: &str, family: &str, phone: &str, birth_year: i16) -> Person {
        Person {
            phone: phone.into(),
            birth_year: (birth_year != 0).then_some(birth_year),
            ..person(given, family)
        }
    }

    fn compared(a: &Person, b: &Person) -> (u8, String) {
        let resemblance = looks_like(a, b).expect("they look alike");
        assert_eq!(Some(&resemblance), looks_like(b, a).as_ref(), "both ways");
        (resemblance.score, resemblance.reasons())
    }

    #[test]
    fn the_same_name_is_strong_whatever_case_accents_and_order() {
        let sylvie = person("Sylvie", "CARAYON");
        for other in [
            person("SYLVIE", "carayon"),
            person("Carayon", "Sylvie"),
            person("Sylvié", "Carayon"),
        ] {
            assert_eq!(compared(&sylvie, &other), (90, "même nom".into()));
            assert!(looks_like(&sylvie, &other).is_some_and(|r| r.is_strong()));
        }
        let split_otherwise = (person("Marcel", "DA SILVA"), person("Marcel Da", "Silva"));
        assert_eq!(compared(&split_otherwise.0, &split_otherwise.1).0, 90);
    }

    #[test]
    fn phone_and_year_confirm_the_same_name() {
        let first = known("Mamadou", "SICARD", "06 95 29 78 04", 1955);
        let second = known("Mamadou", "Sicard", "0695297804", 1955);
        assert_eq!(
            compared(&first, &second),
            (
                100,
                "même nom, même téléphone, même année de naissance".into()
            )
        );
    }

    #[test]
    fn two_different_years_of_birth_lower_the_score() {
        let first = known("Sylvie", "NÈGRE", "", 1992);
        let second = known("Sylvie", "NÈGRE", "", 1942);
        let (score, why) = compared(&first, &second);
        assert_eq!(
            (score, &*why),
            (65, "même nom, années de naissance différentes")
        );
        assert!(!looks_like(&first, &second).is_some_and(|r| r.is_strong()));
        assert_eq!(compared(&first, &known("Sylvie", "NÈGRE", "", 0)).0, 90);
    }

    #[test]
    fn a_couple_with_one_surname_and_one_phone_is_flagged_but_weakly() {
        let he = known("Michel", "MIQUEL", "06 25 86 96 95", 1972);
        let she = known("Josiane", "MIQUEL", "+33 6 25 86 96 95", 0);
        let (score, why) = compared(&he, &she);
        assert_eq!((score, &*why), (45, "même nom de famille, même téléphone"));
    }

    #[test]
    fn a_typo_apart_is_close_but_not_strong_even_with_the_same_phone() {
        for (a, b) in [
            (("Sylvie", "Carayon"), ("Silvie", "Carayon")),
            (("Sylvie", "Carayon"), ("Carrayon", "Sylvie")),
            (("Ana", "Mas"), ("Ana", "Maz")),
            (("Mohamed", "Barthes"), ("Mohammed", "Barthès")),
        ] {
            let (a, b) = (person(a.0, a.1), person(b.0, b.1));
            assert_eq!(compared(&a, &b), (60, "nom proche".into()), "{b:?}");
        }
        let he = known("Michel", "MIQUEL", "0625869695", 0);
        let she = known("Michèle", "MIQUEL", "0625869695", 0);
        assert_eq!(
            compared(&he, &she),
            (70, "nom proche, même téléphone".into())
        );
        assert!(!looks_like(&he, &she).is_some_and(|r| r.is_strong()));
    }

    #[test]
    fn a_phone_or_an_email_in_common_is_worth_a_word() {
        let a = known("Ana", "Mas", "0612345678", 1950);
        let b = known("Paul", "Roux", "06 12 34 56 78", 1980);
        assert_eq!(
            compared(&a, &b),
            (5, "même téléphone, années de naissance différentes".into())
        );
        let with_email = |person: Person| Person {
            email: "Famille.Mas@example.net".into(),
            ..person
        };
        assert_eq!(
            compared(
                &with_email(person("Ana", "Mas")),
                &with_email(person("Paul", "Mas"))
            ),
            (45, "même nom de famille, même adresse e-mail".into())
        );
    }

    #[test]
    fn the_quick_look_hides_nobody_who_looks_alike() {
        let names = [
            ("Sylvie", "Carayon"),
            ("Silvie", "Carrayon"),
            ("Carayon", "Sylvie"),
            ("Marcel", "DA SILVA"),
            ("Marcel Da", "Silva"),
            ("Ana", "Mas"),
            ("Ana", "Maz"),
            ("Mohamed", "Barthes"),
            ("Mohammed", "Barthès"),
            ("Michel", "MIQUEL"),
            ("Michèle", "MIQUEL"),
            ("Marie-Thérèse", "Hérail"),
            ("Marie-Thérèse", "Rascol"),
            ("李", "王"),
            ("", ""),
        ];
        let people = names.map(|(given, family)| person(given, family));
        let mut left_out = 0;
        for a in &people {
            for b in &people {
                let may = Sketch::of(a).may_resemble(&Sketch::of(b));
                assert!(may || looks_like(a, b).is_none(), "{a:?} {b:?}");
                left_out += usize::from(!may);
            }
        }
        assert!(left_out > 150, "{left_out}");
        let (ana, paul) = (
            known("Ana", "Mas", "0612345678", 0),
            known("Paul", "Roux", "06 12 34 56 78", 0),
        );
        assert!(Sketch::of(&ana).may_resemble(&Sketch::of(&paul)));
    }

    #[test]
    fn different_people_and_blank_records_do_not_look_alike() {
        for (a, b) in [
            (person("Sylvie", "Carayon"), person("Sylvie", "Cabrol")),
            (person("Sylvie", "Carayon"), person("Jeanne", "Carayon")),
            (
                person("Marie-Thérèse", "Hérail"),
                person("Marie-Thérèse", "Rascol"),
            ),
            (person("Ahmed", "Cros"), person("Ahmed", "Rossi")),
            (Person::default(), Person::default()),
            (person("Sylvie", ""), person("", "Sylvie")),
        ] {
            assert_eq!(looks_like(&a, &b), None, "{a:?} {b:?}");
        }
    }
}
