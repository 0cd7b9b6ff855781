//! A person: identity and contact, nothing about attendance.
//!
//! Minimal by law: no social situation, no national number. Says what a valid person is; how one is
//! found by typing is `search`, who may be the same person is `resemblance`.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::age::birth_year_problem;
use super::codes::{Gender, Level, SocialStatus};
use super::commune::{OUTSIDE, is_insee_code};
use crate::ids::PersonId;
use crate::text::{collapsed, folded, phone_digits, phone_in_pairs};
use crate::time::Timestamp;

/// Characters of one name; the longest that a civil register was seen to hold stays far below.
pub const NAME_CHARS_MAX: usize = 100;

/// Characters of the notes: a few lines, not a file about somebody.
pub const NOTES_CHARS_MAX: usize = 2_000;

/// Characters of the responsible adult's contact: a name and a phone.
pub const CONTACT_CHARS_MAX: usize = 200;

/// Bytes of an e-mail address (RFC 5321).
const EMAIL_BYTES_MAX: usize = 254;

/// What people put between the digits of a phone number, besides blanks.
pub(crate) const PHONE_SIGNS: &str = "+.-/()";

/// What is wrong with a field: its name as in the struct and in forms, and a French sentence.
pub type FieldProblem = (&'static str, String);

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

    /// The same person, every text trimmed and on one line (notes keep their lines), the phone in pairs: whoever writes
    /// one number writes one value, so that two sites do not disagree about its dots.
    #[must_use]
    pub fn cleaned(self) -> Self {
        Self {
            family_name: collapsed(&self.family_name),
            given_name: collapsed(&self.given_name),
            commune: collapsed(&self.commune),
            postal_code: collapsed(&self.postal_code).replace(' ', ""),
            phone: phone_in_pairs(&collapsed(&self.phone)),
            email: collapsed(&self.email),
            responsible_adult: collapsed(&self.responsible_adult),
            notes: self.notes.trim().to_owned(),
            ..self
        }
    }

    /// What must be corrected before this person can be written down: names of fields with a French message each.
    ///
    /// Expects a [`Self::cleaned`] person.
    #[must_use]
    pub fn validate(&self, today: Date) -> Vec<FieldProblem> {
        let birth_year = self.birth_year.and_then(|y| birth_year_problem(y, today));
        let checks = [
            ("family_name", name_problem(&self.family_name, "Le nom")),
            ("given_name", name_problem(&self.given_name, "Le prénom")),
            ("birth_year", birth_year),
            ("commune", commune_problem(&self.commune)),
            ("postal_code", postal_code_problem(&self.postal_code)),
            ("phone", phone_problem(&self.phone)),
            ("email", email_problem(&self.email)),
            (
                "responsible_adult",
                overlong(&self.responsible_adult, CONTACT_CHARS_MAX),
            ),
            ("notes", overlong(&self.notes, NOTES_CHARS_MAX)),
        ];
        let problems = checks.into_iter();
        problems
            .filter_map(|(field, problem)| Some((field, problem?)))
            .collect()
    }
}

fn name_problem(name: &str, what: &str) -> Option<String> {
    if folded(name).is_empty() {
        return Some(format!("{what} est obligatoire."));
    }
    overlong(name, NAME_CHARS_MAX)
}

/// A message for a text of more than `chars_max` characters.
pub(crate) fn overlong(text: &str, chars_max: usize) -> Option<String> {
    let chars = text.chars().count();
    (chars > chars_max)
        .then(|| format!("Ce texte a {chars} caractères\u{a0}; le maximum est {chars_max}."))
}

fn commune_problem(code: &str) -> Option<String> {
    let known = code.is_empty() || code == OUTSIDE || is_insee_code(code);
    (!known).then(|| "Ce code n’est pas un code INSEE de commune.".to_owned())
}

fn postal_code_problem(code: &str) -> Option<String> {
    let plausible = code.len() == 5
        && code.bytes().all(|b| b.is_ascii_digit())
        && ("01000"..="98999").contains(&code);
    (!code.is_empty() && !plausible)
        .then(|| "Le code postal doit avoir cinq chiffres, comme 34360.".to_owned())
}

fn phone_problem(phone: &str) -> Option<String> {
    let digits = phone_digits(phone);
    let national = digits.len() == 10 && digits.starts_with('0') && !digits.starts_with("00");
    let abroad = match digits.strip_prefix("00") {
        Some(abroad) => abroad,
        None if phone.starts_with('+') => &digits,
        None => "",
    };
    let abroad = !abroad.starts_with('0') && (8..=15).contains(&abroad.len());
    let signs = phone
        .chars()
        .all(|c| c.is_ascii_digit() || c == ' ' || PHONE_SIGNS.contains(c));
    (!phone.is_empty() && !(signs && (national || abroad))).then(|| {
        "Le téléphone doit avoir dix chiffres, comme 06 12 34 56 78, ou commencer par + et l’indicatif du pays."
            .to_owned()
    })
}

fn email_problem(email: &str) -> Option<String> {
    let plausible = email.len() <= EMAIL_BYTES_MAX
        && !email.contains(char::is_whitespace)
        && email.split_once('@').is_some_and(|(mailbox, domain)| {
            !mailbox.is_empty()
                && !domain.contains('@')
                && domain.split('.').count() > 1
                && domain.split('.').all(|label| !label.is_empty())
        });
    (!email.is_empty() && !plausible)
        .then(|| "L’adresse e-mail doit ressembler à nom@exemple.fr.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const TODAY: Date = date(2026, 11, 26);

    fn sylvie() -> Person {
        Person {
            given_name: "Sylvie".into(),
            family_name: "Carayon".into(),
            ..Person::default()
        }
    }

    fn fields(person: &Person) -> Vec<&'static str> {
        let problems = person.validate(TODAY);
        problems.into_iter().map(|(field, _)| field).collect()
    }

    /// The fields that are wrong once this one was changed.
    fn wrong(change: impl FnOnce(&mut Person)) -> Vec<&'static str> {
        let mut person = sylvie();
        change(&mut person);
        fields(&person.cleaned())
    }

    #[test]
    fn a_given_name_and_a_family_name_are_enough() {
        assert_eq!(sylvie().validate(TODAY), []);
    }

    #[test]
    fn both_names_are_needed() {
        assert_eq!(fields(&Person::default()), ["family_name", "given_name"]);
        assert_eq!(wrong(|p| p.family_name = " \t".into()), ["family_name"]);
        assert_eq!(wrong(|p| p.given_name = "--".into()), ["given_name"]);
        let problems = Person::default().validate(TODAY);
        assert_eq!(problems[1].1, "Le prénom est obligatoire.");
    }

    #[test]
    fn overlong_texts_are_refused_by_characters_and_not_by_bytes() {
        assert_eq!(wrong(|p| p.family_name = "é".repeat(100)), [""; 0]);
        assert_eq!(wrong(|p| p.family_name = "é".repeat(101)), ["family_name"]);
        assert_eq!(wrong(|p| p.notes = "é".repeat(2000)), [""; 0]);
        assert_eq!(wrong(|p| p.notes = "é".repeat(2001)), ["notes"]);
        assert_eq!(
            wrong(|p| p.responsible_adult = "é".repeat(201)),
            ["responsible_adult"]
        );
    }

    #[test]
    fn a_year_of_birth_lies_between_1900_and_this_year() {
        assert_eq!(wrong(|p| p.birth_year = Some(1900)), [""; 0]);
        assert_eq!(wrong(|p| p.birth_year = Some(2026)), [""; 0]);
        assert_eq!(wrong(|p| p.birth_year = Some(1899)), ["birth_year"]);
        assert_eq!(wrong(|p| p.birth_year = Some(2027)), ["birth_year"]);
    }

    #[test]
    fn phones_have_ten_digits_or_a_country() {
        for phone in [
            "",
            "06 12 34 56 78",
            "0467000000",
            "04.67.41.61.95",
            "+33 6 08 55 23 27",
            "0033612345678",
            "+33 (0)6 12 34 56 78",
            "+34 912 345 678",
            "0034912345678",
        ] {
            assert_eq!(wrong(|p| p.phone = phone.into()), [""; 0], "{phone}");
        }
        for phone in [
            "12",
            "061234567",
            "06123456789",
            "+336123456",
            "6 12 34 56 78",
            "06 12 34 56 78 ou 79",
            "+",
            "+1234567890123456",
        ] {
            assert_eq!(wrong(|p| p.phone = phone.into()), ["phone"], "{phone}");
        }
    }

    #[test]
    fn an_email_has_a_mailbox_and_a_domain() {
        for email in ["", "sylvie.carayon@example.net", " a@b.fr "] {
            assert_eq!(wrong(|p| p.email = email.into()), [""; 0], "{email}");
        }
        let overlong = format!("{}@b.fr", "a".repeat(250));
        for email in [
            "pas un mail",
            "a@b",
            "@b.fr",
            "a@b@c.fr",
            "a@.fr",
            "a@b.",
            &overlong,
        ] {
            assert_eq!(wrong(|p| p.email = email.into()), ["email"], "{email}");
        }
    }

    #[test]
    fn a_commune_is_a_code_and_a_postal_code_five_digits() {
        for commune in ["", "34245", "34032", OUTSIDE] {
            assert_eq!(wrong(|p| p.commune = commune.into()), [""; 0], "{commune}");
        }
        for commune in ["Saint-Chinian", "99999", "40"] {
            assert_eq!(
                wrong(|p| p.commune = commune.into()),
                ["commune"],
                "{commune}"
            );
        }
        assert_eq!(wrong(|p| p.postal_code = "34 360".into()), [""; 0]);
        for code in ["00000", "3436", "34360A", "99123"] {
            assert_eq!(
                wrong(|p| p.postal_code = code.into()),
                ["postal_code"],
                "{code}"
            );
        }
    }

    #[test]
    fn cleaning_trims_every_text_and_keeps_the_lines_of_notes() {
        let person = Person {
            given_name: " Marie\u{a0} Thérèse ".into(),
            notes: " vient en bus\nrappeler le soir \n".into(),
            email: " a@b.fr\r\n".into(),
            ..sylvie()
        };
        let person = person.cleaned();
        assert_eq!(person.given_name, "Marie Thérèse");
        assert_eq!(person.notes, "vient en bus\nrappeler le soir");
        assert_eq!(person.email, "a@b.fr");
    }
}
