//! Finding a person by typing: what is looked into, and what was typed.
//!
//! Both sides are folded in the same way, so any word order, accents and spelling of a phone number find the person.
//! Where the texts are kept and compared is `view`'s business.

use super::person::{PHONE_SIGNS, Person};
use crate::text::{folded, phone_digits};

/// Terms of one search; nobody types more, and each costs a comparison per person.
pub const SEARCH_TERMS_MAX: usize = 8;

impl Person {
    /// What the search as you type looks into: names, phone digits and the e-mail before its `@`, folded.
    #[must_use]
    pub fn search_text(&self) -> String {
        let mailbox = self.email.split('@').next().unwrap_or_default();
        let parts = [
            folded(&self.given_name),
            folded(&self.family_name),
            phone_digits(&self.phone),
            folded(mailbox),
        ];
        let parts: Vec<String> = parts.into_iter().filter(|p| !p.is_empty()).collect();
        parts.join(" ")
    }
}

/// One term of a search. Holds letters and digits only, so that it is safe inside a `LIKE` pattern as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// A folded word, or the beginning of one.
    Word(String),
    /// Digits in a row of a phone number in national form.
    Digits(String),
}

impl Term {
    /// The text to find in a [`Person::search_text`].
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Digits(text) => text,
        }
    }
}

/// Splits what was typed into terms that must all be found: words in any order, and the groups of a phone number put
/// together (`+33 6 12` → `0612`). Words after the eighth are left out.
#[must_use]
pub fn search_terms(query: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut phone = String::new();
    for typed in query.split_whitespace() {
        if is_phone_part(typed) {
            phone.push_str(typed);
            continue;
        }
        push_digits(&mut terms, &mut phone);
        terms.extend(
            folded(typed)
                .split_whitespace()
                .map(|w| Term::Word(w.to_owned())),
        );
    }
    push_digits(&mut terms, &mut phone);
    terms.truncate(SEARCH_TERMS_MAX);
    terms
}

fn push_digits(terms: &mut Vec<Term>, phone: &mut String) {
    let digits = phone_digits(&std::mem::take(phone));
    if !digits.is_empty() {
        terms.push(Term::Digits(digits));
    }
}

/// What a new person's form starts with when `query` did not find them: digits are a phone, a word with `@` an e-mail,
/// words in capitals the family name; without capitals the first word is the family name, as on a list of names.
#[must_use]
pub fn started_from(query: &str) -> Person {
    let mut person = Person::default();
    let (mut names, mut phone) = (Vec::new(), Vec::new());
    for typed in query.split_whitespace() {
        if is_phone_part(typed) {
            phone.push(typed);
        } else if typed.contains('@') {
            typed.clone_into(&mut person.email);
        } else {
            names.push(typed);
        }
    }
    let in_capitals = |name: &&&str| name.chars().count() > 1 && name.to_uppercase() == **name;
    let capitals = names.iter().filter(in_capitals).count();
    let (family, given): (Vec<&str>, Vec<&str>) = if (1..names.len()).contains(&capitals) {
        names.iter().partition(|name| in_capitals(name))
    } else {
        let first = names.len().min(1);
        (names[..first].to_vec(), names[first..].to_vec())
    };
    person.family_name = with_initials(&family);
    person.given_name = with_initials(&given);
    person.phone = phone.join(" ");
    person
}

/// The words with a capital at the beginning of each part, where somebody typed none.
fn with_initials(words: &[&str]) -> String {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() {
            text.push(' ');
        }
        let typed_small = word.to_lowercase() == **word;
        let mut at_start = typed_small;
        for c in word.chars() {
            if at_start {
                text.extend(c.to_uppercase());
            } else {
                text.push(c);
            }
            at_start = typed_small && !c.is_alphanumeric();
        }
    }
    text
}

/// `06`, `06.12`, `+33`, `(0)6`: signs of a phone number only.
fn is_phone_part(typed: &str) -> bool {
    typed
        .chars()
        .all(|c| c.is_ascii_digit() || PHONE_SIGNS.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sylvie() -> Person {
        Person {
            given_name: "Sylvie".into(),
            family_name: "Carayon".into(),
            ..Person::default()
        }
    }

    #[test]
    fn search_looks_into_names_phone_and_mailbox() {
        let person = Person {
            family_name: "EL AMRANI".into(),
            given_name: "Hélène".into(),
            phone: "+33 6 78 96 52 34".into(),
            email: "helene.el@example.net".into(),
            ..Person::default()
        };
        assert_eq!(
            person.search_text(),
            "helene el amrani 0678965234 helene el"
        );
        assert_eq!(sylvie().search_text(), "sylvie carayon");
    }

    #[test]
    fn what_is_typed_becomes_words_and_digits() {
        let word = |text: &str| Term::Word(text.into());
        let digits = |text: &str| Term::Digits(text.into());
        assert_eq!(
            search_terms("  Élise D’Été "),
            [word("elise"), word("d"), word("ete")]
        );
        assert_eq!(
            search_terms("carayon 07 20 62"),
            [word("carayon"), digits("072062")]
        );
        assert_eq!(
            search_terms("07.20 62 carayon"),
            [digits("072062"), word("carayon")]
        );
        assert_eq!(search_terms("+33 6 12"), [digits("0612")]);
        assert_eq!(search_terms("85 95"), [digits("8595")]);
        assert_eq!(
            search_terms("marie-thérèse"),
            [word("marie"), word("therese")]
        );
        assert_eq!(search_terms(" - % _ "), []);
        assert_eq!(
            search_terms("100% a_b"),
            [word("100"), word("a"), word("b")]
        );
        assert_eq!(search_terms(&"mot ".repeat(500)).len(), SEARCH_TERMS_MAX);
    }

    #[test]
    fn what_found_nobody_begins_a_new_person() {
        let started = |query: &str| {
            let person = started_from(query);
            [
                person.family_name,
                person.given_name,
                person.phone,
                person.email,
            ]
        };
        assert_eq!(started("carayon"), ["Carayon", "", "", ""]);
        assert_eq!(started("carayon sylvie"), ["Carayon", "Sylvie", "", ""]);
        assert_eq!(started("Sylvie CARAYON"), ["CARAYON", "Sylvie", "", ""]);
        assert_eq!(
            started("d’été jean-luc 06 12 34"),
            ["D’Été", "Jean-Luc", "06 12 34", ""]
        );
        assert_eq!(
            started("CARAYON SYLVIE a@b.fr"),
            ["CARAYON", "SYLVIE", "", "a@b.fr"]
        );
        assert_eq!(started("  "), ["", "", "", ""]);
    }

    #[test]
    fn any_word_order_accents_and_phone_spelling_find_the_person() {
        let person = Person {
            phone: "+33 7 20 62 85 95".into(),
            ..sylvie()
        };
        let found = |query: &str| {
            let text = person.search_text();
            search_terms(query)
                .iter()
                .all(|term| text.contains(term.text()))
        };
        for query in [
            "sylvie carayon",
            "CARAYON Sylvie",
            "cara syl",
            "07 20 62",
            "8595",
            "+33720",
        ] {
            assert!(found(query), "{query}");
        }
        assert!(!found("sylvie cabrol"));
    }
}
