//! The 10-column beneficiary file: from the cells of one row to a valid person, or to what is wrong in which column.
//!
//! Pure: decoding the file (CSV or XLSX, UTF-8 or Windows-1252) is the caller's work, and so is looking for duplicates
//! (`resemblance`). The rules are those of a form (`person`), plus what only a spreadsheet does: formulas, free spellings
//! of a gender, communes by name.

mod columns;

use jiff::civil::Date;

pub use columns::{COLUMNS, Columns};

use super::codes::Gender;
use super::commune::{Commune, OUTSIDE, in_territory, is_insee_code, label};
use super::person::{PHONE_SIGNS, Person};
use crate::text::{collapsed, folded};

/// What is wrong in one cell of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// One of [`COLUMNS`].
    pub column: &'static str,
    /// What to correct, in French.
    pub message: String,
}

/// Reads one row, its cells in the order of [`COLUMNS`], as of `today`. `created_at` is left for the caller.
///
/// # Errors
/// Everything that is wrong with the row, in the order of the columns: at least one problem.
pub fn person_of_row(cells: &[&str; 10], today: Date) -> Result<Person, Vec<RowProblem>> {
    let mut problems: Vec<RowProblem> = formulas(cells).collect();
    // What was refused as a formula counts as blank, so that it is not told a second time as something else.
    let refused: Vec<&str> = problems.iter().map(|problem| problem.column).collect();
    let mut cells = *cells;
    for (cell, column) in cells.iter_mut().zip(COLUMNS) {
        if refused.contains(&column) {
            *cell = "";
        }
    }
    let person = read(&cells, &mut problems).cleaned();
    for (field, message) in person.validate(today) {
        let column = column_of_field(field);
        if !problems.iter().any(|problem| problem.column == column) {
            problems.push(RowProblem { column, message });
        }
    }
    if problems.is_empty() {
        return Ok(person);
    }
    problems.sort_by_key(|problem| COLUMNS.iter().position(|column| *column == problem.column));
    Err(problems)
}

/// The cells that a spreadsheet would compute.
fn formulas(cells: &[&str; 10]) -> impl Iterator<Item = RowProblem> {
    let cells = COLUMNS.iter().zip(cells);
    cells
        .filter(|(column, cell)| is_formula(column, cell))
        .map(|(column, _)| RowProblem {
            column,
            message: "Une formule de tableur n’est pas acceptée\u{a0}: écrivez du texte."
                .to_owned(),
        })
}

/// The person as far as the cells can be read; what cannot is blank and added to `problems`.
fn read(cells: &[&str; 10], problems: &mut Vec<RowProblem>) -> Person {
    let [
        family_name,
        given_name,
        year,
        commune,
        insee,
        postal_code,
        phone,
        email,
        gender,
        notes,
    ] = cells.map(str::to_owned);
    let mut taken = |column: &'static str, message: String| {
        problems.push(RowProblem { column, message });
    };
    Person {
        family_name,
        given_name,
        birth_year: birth_year(&year).unwrap_or_else(|message| {
            taken("année de naissance", message);
            None
        }),
        commune: commune_code(&commune, &insee).unwrap_or_else(|(column, message)| {
            taken(column, message);
            String::new()
        }),
        postal_code,
        phone: with_leading_zero(phone),
        email,
        gender: gender_of(&gender).unwrap_or_else(|message| {
            taken("genre", message);
            Gender::default()
        }),
        notes,
        ..Person::default()
    }
}

/// The code to store for what stands under « commune » and « INSEE », or the column that is wrong and why.
///
/// One of our names gives its code, and must agree with the code beside it. A commune outside keeps its own code;
/// without one it is [`OUTSIDE`], unless its name looks like a misspelling of one of ours.
fn commune_code(name: &str, insee: &str) -> Result<String, (&'static str, String)> {
    let (name, code) = (collapsed(name), collapsed(insee).to_uppercase());
    if !code.is_empty() && !is_insee_code(&code) {
        let code = shortened(&code);
        let message = format!("«\u{a0}{code}\u{a0}» n’est pas un code INSEE de commune.");
        return Err(("INSEE", message));
    }
    let disagree = || {
        let (name, of) = (shortened(&name), label(&code));
        let message = format!(
            "La commune et le code INSEE ne concordent pas\u{a0}: {name}, mais {code} ({of})."
        );
        Err(("INSEE", message))
    };
    match Commune::by_name(&name) {
        Some(named) if code.is_empty() || named.insee == code => Ok(named.insee.to_owned()),
        Some(_) => disagree(),
        None if !name.is_empty() && in_territory(&code) => disagree(),
        None if !code.is_empty() || name.is_empty() => Ok(code),
        None => outside(&name),
    }
}

fn outside(name: &str) -> Result<String, (&'static str, String)> {
    match Commune::near_name(name) {
        Some(near) => Err((
            "commune",
            format!(
                "Commune inconnue\u{a0}: vouliez-vous dire {}\u{a0}?",
                near.name
            ),
        )),
        None => Ok(OUTSIDE.to_owned()),
    }
}

/// A year, or the year of a whole date: the day is nothing that the service needs to know.
fn birth_year(text: &str) -> Result<Option<i16>, String> {
    let text = collapsed(text);
    if text.is_empty() {
        return Ok(None);
    }
    let four_digits = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    let year = if four_digits {
        text.parse().ok()
    } else {
        let dates = ["%d/%m/%Y", "%Y-%m-%d"].into_iter();
        let date = dates.filter(|_| text.len() == "2026-11-26".len());
        date.filter_map(|form| Date::strptime(form, &text).ok())
            .map(|date| date.year())
            .next()
    };
    year.map(Some)
        .ok_or_else(|| "L’année de naissance doit avoir quatre chiffres, comme 1950.".to_owned())
}

fn gender_of(text: &str) -> Result<Gender, String> {
    match folded(text).as_str() {
        "f" | "femme" | "feminin" => Ok(Gender::Female),
        "m" | "h" | "homme" | "masculin" => Ok(Gender::Male),
        "" | "n" | "nc" | "non communique" => Ok(Gender::Undisclosed),
        _ => Err("Le genre doit être F, M ou vide.".to_owned()),
    }
}

/// A spreadsheet that took a phone for a number dropped its leading zero.
fn with_leading_zero(phone: String) -> String {
    let number =
        phone.len() == 9 && phone.bytes().all(|b| b.is_ascii_digit()) && !phone.starts_with('0');
    if number { format!("0{phone}") } else { phone }
}

/// Whether a spreadsheet would compute the cell. A phone may begin with `+`.
fn is_formula(column: &str, cell: &str) -> bool {
    let trimmed = cell.trim();
    let international = column == "téléphone"
        && trimmed.starts_with('+')
        && trimmed
            .chars()
            .all(|c| c.is_ascii_digit() || c.is_whitespace() || PHONE_SIGNS.contains(c));
    let computed = cell.starts_with(['\t', '\r']) || trimmed.starts_with(['=', '+', '-', '@']);
    computed && !international
}

/// The column that a field of `Person` comes from.
fn column_of_field(field: &str) -> &'static str {
    match field {
        "family_name" => "nom",
        "given_name" => "prénom",
        "birth_year" => "année de naissance",
        "commune" => "commune",
        "postal_code" => "code postal",
        "phone" => "téléphone",
        "email" => "e-mail",
        _ => "notes",
    }
}

/// What a message repeats of a cell: enough to recognise it.
fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    match text.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::resemblance::looks_like;
    use jiff::civil::date;

    const TODAY: Date = date(2026, 11, 26);
    const SAMPLE: &[u8] = include_bytes!("../../../../tests/data/beneficiaires-exemple.csv");
    const FAULTY: &[u8] = include_bytes!("../../../../tests/data/beneficiaires-fautifs-cp1252.csv");

    /// The rows of a sample file, its header checked.
    fn rows(bytes: &[u8], encoding: &'static encoding_rs::Encoding) -> Vec<Vec<String>> {
        let (text, _, malformed) = encoding.decode(bytes);
        assert!(!malformed);
        let mut lines = text
            .lines()
            .map(|line| line.split(';').map(str::to_owned).collect());
        let header: Vec<String> = lines.next().expect("a header");
        assert!(Columns::of_header(&header).is_ok_and(|c| c == Columns::IN_ORDER));
        lines.collect()
    }

    fn read_row<S: AsRef<str>>(row: &[S]) -> Result<Person, Vec<RowProblem>> {
        person_of_row(&Columns::IN_ORDER.cells(row), TODAY)
    }

    /// A good row with one cell changed: the person, or columns and messages.
    fn with(column: &str, cell: &str) -> Result<Person, Vec<(&'static str, String)>> {
        let mut row = [
            "Carayon", "Sylvie", "1944", "", "", "34310", "", "", "F", "",
        ];
        let at = COLUMNS.iter().position(|c| *c == column).expect("a column");
        row[at] = cell;
        read_row(&row).map_err(told)
    }

    fn told(problems: Vec<RowProblem>) -> Vec<(&'static str, String)> {
        problems
            .into_iter()
            .map(|p| (p.column, p.message))
            .collect()
    }

    fn wrong_columns(problems: Vec<RowProblem>) -> Vec<&'static str> {
        problems.into_iter().map(|problem| problem.column).collect()
    }

    fn commune(name: &str, insee: &str) -> Result<String, Vec<(&'static str, String)>> {
        let row = ["Carayon", "Sylvie", "", name, insee];
        read_row(&row).map(|person| person.commune).map_err(told)
    }

    #[test]
    fn every_row_of_the_sample_is_a_valid_person() {
        let people: Vec<Person> = rows(SAMPLE, encoding_rs::UTF_8)
            .iter()
            .map(|row| read_row(row).expect("a good row"))
            .collect();
        assert_eq!(people.len(), 323);
        let first = Person {
            family_name: "CARAYON".into(),
            given_name: "Sylvie".into(),
            birth_year: Some(1944),
            commune: "34052".into(),
            postal_code: "34310".into(),
            phone: "07 20 62 85 95".into(),
            email: "sylvie.carayon@example.net".into(),
            gender: Gender::Female,
            ..Person::default()
        };
        assert_eq!(people[0], first);
        // Everybody of the sample names a commune, and some live outside, with or without a code.
        assert!(people.iter().all(|person| !person.commune.is_empty()));
        assert!(people.iter().any(|person| person.commune == "34032"));
        assert!(people.iter().any(|person| person.commune == OUTSIDE));
    }

    #[test]
    fn the_duplicates_of_the_sample_are_strong_and_its_couple_is_not() {
        let rows = rows(SAMPLE, encoding_rs::UTF_8);
        let people: Vec<Person> = rows.iter().filter_map(|row| read_row(row).ok()).collect();
        let (mut strong, mut couples) = (Vec::new(), Vec::new());
        for (at, one) in people.iter().enumerate() {
            for other in &people[at + 1..] {
                let Some(found) = looks_like(one, other) else {
                    continue;
                };
                if found.is_strong() && found.why.contains(&"même téléphone") {
                    strong.push(one.display_name());
                } else if found.reasons() == "même nom de famille, même téléphone" {
                    couples.push(one.display_name());
                }
            }
        }
        assert_eq!(strong, ["Mamadou SICARD", "Manon JULLIAN"]);
        assert_eq!(couples, ["Michel MIQUEL"]);
    }

    #[test]
    fn the_faulty_file_is_explained_line_by_line() {
        let rows = rows(FAULTY, encoding_rs::WINDOWS_1252);
        let columns: Vec<Vec<&str>> = rows
            .iter()
            .map(|row| read_row(row).map_or_else(wrong_columns, |_| Vec::new()))
            .collect();
        assert_eq!(
            columns,
            [
                vec!["prénom"],
                vec!["nom"],
                vec!["année de naissance", "e-mail"],
                vec![
                    "année de naissance",
                    "INSEE",
                    "code postal",
                    "téléphone",
                    "genre"
                ],
                vec!["INSEE"],
                vec!["nom", "notes"],
                vec!["nom"],
            ]
        );
        assert_eq!(
            told(read_row(&rows[4]).expect_err("a bad row"))[0].1,
            "La commune et le code INSEE ne concordent pas\u{a0}: Quarante, mais 34052 (Capestang)."
        );
    }

    #[test]
    fn a_commune_is_known_by_its_name_or_its_code_or_both() {
        assert_eq!(commune("st chinian", ""), Ok("34245".into()));
        assert_eq!(commune("", "34245"), Ok("34245".into()));
        assert_eq!(commune("Quarante", "34226"), Ok("34226".into()));
        assert_eq!(commune("", ""), Ok(String::new()));
    }

    #[test]
    fn a_commune_outside_keeps_its_code_if_it_has_one() {
        assert_eq!(commune("Béziers", "34032"), Ok("34032".into()));
        assert_eq!(commune("Ajaccio", "2a004"), Ok("2A004".into()));
        assert_eq!(commune("", "34032"), Ok("34032".into()));
        assert_eq!(commune("Béziers", ""), Ok(OUTSIDE.into()));
    }

    #[test]
    fn a_name_and_a_code_that_disagree_are_refused_both_ways() {
        for (name, insee) in [
            ("Quarante", "34052"),
            ("Quarante", "34032"),
            ("Béziers", "34052"),
        ] {
            let problems = commune(name, insee).expect_err("they disagree");
            assert!(problems[0].1.contains("ne concordent pas"), "{problems:?}");
        }
    }

    #[test]
    fn a_misspelt_commune_and_a_nonsense_code_are_explained() {
        let misspelt = "Commune inconnue\u{a0}: vouliez-vous dire Capestang\u{a0}?".to_owned();
        assert_eq!(commune("Capestan", ""), Err(vec![("commune", misspelt)]));
        let nonsense = "«\u{a0}99999\u{a0}» n’est pas un code INSEE de commune.".to_owned();
        assert_eq!(
            commune("Nulle-Part", "99999"),
            Err(vec![("INSEE", nonsense)])
        );
        let problems = commune("", &"9".repeat(5_000)).expect_err("nonsense");
        assert!(problems[0].1.chars().count() < 120);
    }

    #[test]
    fn genders_are_read_as_people_write_them() {
        for (gender, spellings) in [
            (Gender::Female, vec!["F", "f", "Femme", "FÉMININ"]),
            (Gender::Male, vec!["M", "H", "Homme", "Masculin"]),
            (Gender::Undisclosed, vec!["", " ", "N", "Non communiqué"]),
        ] {
            for spelling in spellings {
                let read = with("genre", spelling).map(|person| person.gender);
                assert_eq!(read, Ok(gender), "{spelling}");
            }
        }
        let message = "Le genre doit être F, M ou vide.".to_owned();
        assert_eq!(with("genre", "X"), Err(vec![("genre", message)]));
    }

    #[test]
    fn years_are_four_digits_and_possible() {
        let year = |cell: &str| with("année de naissance", cell).map(|person| person.birth_year);
        assert_eq!(year(" 1948 "), Ok(Some(1948)));
        assert_eq!(year(""), Ok(None));
        assert_eq!(year("03/05/1944"), Ok(Some(1944)));
        assert_eq!(year("1944-05-03"), Ok(Some(1944)));
        for (cell, message) in [
            (
                "19-48",
                "L’année de naissance doit avoir quatre chiffres, comme 1950.",
            ),
            (
                "48",
                "L’année de naissance doit avoir quatre chiffres, comme 1950.",
            ),
            (
                "31/02/1944",
                "L’année de naissance doit avoir quatre chiffres, comme 1950.",
            ),
            (
                "2031",
                "L’année de naissance doit être comprise entre 1900 et 2026.",
            ),
        ] {
            assert_eq!(
                year(cell),
                Err(vec![("année de naissance", message.to_owned())])
            );
        }
    }

    #[test]
    fn spreadsheet_formulas_are_refused_in_every_column_but_a_phone_may_begin_with_plus() {
        for column in COLUMNS {
            for formula in [
                "=1+1",
                "+A1",
                "-A1",
                "@SUM(A1)",
                "\t=1",
                " =CMD()",
                "+33 6|calc",
            ] {
                let problems = with(column, formula).expect_err("a formula");
                assert_eq!(problems.len(), 1, "{column} {formula} {problems:?}");
                assert_eq!(problems[0].0, column);
                assert!(problems[0].1.starts_with("Une formule"), "{problems:?}");
            }
        }
        let phone = with("téléphone", "+33 6 08 55 23 27").map(|person| person.phone);
        assert_eq!(phone, Ok("06 08 55 23 27".into()));
        assert!(with("e-mail", "+33608552327").is_err());
    }

    #[test]
    fn a_phone_regains_the_zero_that_a_spreadsheet_dropped() {
        let phone = with("téléphone", "612345678").map(|person| person.phone);
        assert_eq!(phone, Ok("06 12 34 56 78".into()));
        assert!(with("téléphone", "12").is_err());
    }

    #[test]
    fn a_short_row_has_empty_cells() {
        assert_eq!(
            read_row(&["Carayon", "Sylvie"]).map(|p| p.display_name()),
            Ok("Sylvie CARAYON".into())
        );
        assert_eq!(
            read_row::<&str>(&[]).map_err(wrong_columns),
            Err(vec!["nom", "prénom"])
        );
    }
}
