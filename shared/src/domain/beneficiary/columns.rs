//! The header of a beneficiary file: which of the ten columns stands where.
//!
//! All ten must be there, in any order; reading what stands in them is the parent module's work.

use super::shortened;
use crate::text::{collapsed, folded};

/// The columns of the layout, in its order, as its users know them.
pub const COLUMNS: [&str; 10] = [
    "nom",
    "prénom",
    "année de naissance",
    "commune",
    "INSEE",
    "code postal",
    "téléphone",
    "e-mail",
    "genre",
    "notes",
];

/// Where each of [`COLUMNS`] stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns([usize; 10]);

impl Columns {
    /// The columns in the order of the layout.
    pub const IN_ORDER: Self = Self([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);

    /// Recognises a header, whatever the order, case, accents and the `*` of mandatory columns.
    ///
    /// # Errors
    /// A French sentence that names the columns that are missing, unknown or there twice.
    pub fn of_header<S: AsRef<str>>(header: &[S]) -> Result<Self, String> {
        let mut places: [Option<usize>; 10] = [None; 10];
        let (mut unknown, mut twice) = (Vec::new(), Vec::new());
        for (at, title) in header
            .iter()
            .map(|title| collapsed(title.as_ref()))
            .enumerate()
        {
            match place_of_title(&title) {
                Some(column) if places[column].is_some() => twice.push(COLUMNS[column].to_owned()),
                Some(column) => places[column] = Some(at),
                None if title.is_empty() => {}
                None => unknown.push(shortened(&title)),
            }
        }
        let missing = COLUMNS.iter().zip(&places);
        let missing: Vec<String> = missing
            .filter(|(_, place)| place.is_none())
            .map(|(column, _)| (*column).to_owned())
            .collect();
        let problems = [
            problem_with("manquantes", &missing),
            problem_with("inconnues", &unknown),
            problem_with("en double", &twice),
        ];
        let problems: Vec<String> = problems.into_iter().flatten().collect();
        if problems.is_empty() {
            Ok(Self(places.map(Option::unwrap_or_default)))
        } else {
            Err(format!(
                "Les colonnes du fichier ne sont pas celles attendues. {} Colonnes attendues\u{a0}: {}.",
                problems.join(" "),
                COLUMNS.join(", ")
            ))
        }
    }

    /// The cells of a row in the order of [`COLUMNS`]; a row that is too short has empty ones.
    #[must_use]
    pub fn cells<'a, S: AsRef<str>>(&self, row: &'a [S]) -> [&'a str; 10] {
        self.0.map(|at| row.get(at).map_or("", AsRef::as_ref))
    }
}

/// The place in [`COLUMNS`] of a header's title.
fn place_of_title(title: &str) -> Option<usize> {
    let title = folded(title);
    let title = match title.as_str() {
        "code insee" => "insee",
        "email" | "mail" | "courriel" => "e mail",
        title => title,
    };
    COLUMNS.iter().position(|column| folded(column) == title)
}

/// « Colonnes inconnues : taille, poids. »
fn problem_with(what: &str, columns: &[String]) -> Option<String> {
    (!columns.is_empty()).then(|| format!("Colonnes {what}\u{a0}: {}.", columns.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_recognised_in_any_order_and_spelling() {
        let header = [
            "Prénom*",
            "NOM *",
            "Code INSEE",
            "commune",
            "notes",
            "genre",
            "email",
            "Telephone",
            "code postal",
            "Annee de naissance",
            "",
        ];
        let columns = Columns::of_header(&header).expect("a known header");
        let row = [
            "Sylvie", "Carayon", "34245", "", "", "F", "", "", "", "1944",
        ];
        assert_eq!(
            columns.cells(&row),
            [
                "Carayon", "Sylvie", "1944", "", "34245", "", "", "", "F", ""
            ]
        );
    }

    #[test]
    fn a_wrong_header_says_which_columns_are_missing_unknown_or_twice() {
        let mut header: Vec<&str> = COLUMNS.to_vec();
        header[9] = "taille";
        header.push("Nom");
        assert_eq!(
            Columns::of_header(&header).map_err(|e| e.replace('\u{a0}', " ")),
            Err("Les colonnes du fichier ne sont pas celles attendues. Colonnes manquantes : notes. \
                 Colonnes inconnues : taille. Colonnes en double : nom. Colonnes attendues : nom, prénom, \
                 année de naissance, commune, INSEE, code postal, téléphone, e-mail, genre, notes."
                .to_owned())
        );
        assert!(Columns::of_header::<&str>(&[]).is_err());
    }
}
