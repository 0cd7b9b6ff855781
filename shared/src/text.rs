//! Text as people write it: comparing names and phones, trimming what a form sends.
//!
//! Pure functions on strings; what they are compared for is `domain`'s business.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case without accents, ligatures opened, every other sign a single space: « Élise D’Été » → `elise d ete`.
#[must_use]
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text
        .nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
    {
        match c {
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            c if c.is_alphanumeric() => folded.push(c),
            _ if folded.is_empty() || folded.ends_with(' ') => {}
            _ => folded.push(' '),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// The digits of a phone number in national form: `+33 6 12…`, `0033 6 12…` and `06.12…` all give `0612…`.
#[must_use]
pub fn phone_digits(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let international = text.trim_start().starts_with('+');
    match digits
        .strip_prefix("33")
        .filter(|_| international)
        .or_else(|| digits.strip_prefix("0033"))
    {
        Some(national) => format!("0{}", national.trim_start_matches('0')),
        None => digits,
    }
}

/// What a telephone dials: the national digits, or `+` and all of them for a number abroad.
#[must_use]
pub fn dialled(phone: &str) -> String {
    let digits = phone_digits(phone);
    let abroad = phone.trim_start().starts_with('+') && !digits.starts_with('0');
    if abroad { format!("+{digits}") } else { digits }
}

/// A phone number as it is read aloud, in pairs: « 06 12 34 56 78 ». What is no French number stays as it is.
#[must_use]
pub fn phone_in_pairs(phone: &str) -> String {
    let is_number = |c: char| c.is_ascii_digit() || " .-/()+\u{a0}".contains(c);
    let digits = phone_digits(phone);
    if digits.len() != 10 || !digits.starts_with('0') || !phone.chars().all(is_number) {
        return phone.to_owned();
    }
    let pairs = [0, 2, 4, 6, 8].map(|at| &digits[at..at + 2]);
    pairs.join(" ")
}

/// The text without control characters, each run of blanks a single space, none at either end.
#[must_use]
pub fn collapsed(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The sentence with a capital at its beginning.
#[must_use]
pub fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// « 0 place », « 1 place », « 2 places »: in French the plural begins at two.
#[must_use]
pub fn counted(count: impl Into<u64>, one: &str, several: &str) -> String {
    let count = count.into();
    format!("{count} {}", if count < 2 { one } else { several })
}

/// « 12 345 », with narrow no-break spaces.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// What the system says of a file, in French: what is the matter, and what to do where that can be known.
#[must_use]
pub fn system_words(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    let words = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "le disque est plein\u{a0}: libérez de la place puis recommencez"
        }
        ErrorKind::PermissionDenied => "l’accès en est refusé à ce compte",
        ErrorKind::NotFound => "il n’existe pas",
        ErrorKind::ReadOnlyFilesystem => "le disque est protégé en écriture",
        // Something of ours, in our own words.
        _ if error.raw_os_error().is_none() => return error.to_string(),
        _ => {
            "le disque ne répond pas comme il faut\u{a0}: recommencez\u{a0}; si cela se répète, prévenez l’administrateur"
        }
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_forgets_case_accents_and_signs() {
        assert_eq!(folded("  Élise D’Été-Lœuf "), "elise d ete loeuf");
        assert_eq!(folded("SÉGURA"), folded("segura"));
        assert_eq!(folded(""), "");
    }

    #[test]
    fn the_spellings_of_a_phone_are_one() {
        for spelling in [
            "06 12 34 56 78",
            "+33 6 12 34 56 78",
            "0033612345678",
            "06.12.34.56.78",
            "+33 (0)6 12 34 56 78",
        ] {
            assert_eq!(phone_digits(spelling), "0612345678", "{spelling}");
        }
    }

    #[test]
    fn a_number_abroad_keeps_its_plus() {
        assert_eq!(dialled("+33 6 12 34 56 78"), "0612345678");
        assert_eq!(dialled("06.12.34.56.78"), "0612345678");
        assert_eq!(dialled("+34 912 345 678"), "+34912345678");
    }

    #[test]
    fn collapsing_leaves_single_spaces() {
        assert_eq!(
            collapsed("  Marie\u{a0} Thérèse\t\r\nLIGNON\0 "),
            "Marie Thérèse LIGNON"
        );
        assert_eq!(collapsed(" \n "), "");
    }

    #[test]
    fn long_numbers_are_grouped() {
        assert_eq!(grouped(1_949), "1\u{202f}949");
        assert_eq!(grouped(12), "12");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn a_sentence_begins_with_a_capital() {
        assert_eq!(capitalised("élise d’été"), "Élise d’été");
        assert_eq!(capitalised(""), "");
    }

    #[test]
    fn the_plural_begins_at_two() {
        assert_eq!(counted(0u8, "place", "places"), "0 place");
        assert_eq!(counted(1u8, "place", "places"), "1 place");
        assert_eq!(counted(2u8, "place", "places"), "2 places");
    }

    #[test]
    fn phones_are_shown_in_pairs_unless_they_are_no_french_number() {
        for spelling in [
            "0612345678",
            "06.12.34.56.78",
            "+33 6 12 34 56 78",
            "0033612345678",
        ] {
            assert_eq!(phone_in_pairs(spelling), "06 12 34 56 78");
        }
        for other in ["+34 912 345 678", "06 12 34 56", "0612345678 (fils)", ""] {
            assert_eq!(phone_in_pairs(other), other);
        }
    }
}
