//! The import from the bytes of a file to people on a site.

use jiff::civil::date;
use rust_xlsxwriter::Workbook;
use shared::domain::beneficiary::COLUMNS;
use shared::site::Site;
use shared::time::{Clock, Timestamp};

use super::*;

const SAMPLE: &[u8] = include_bytes!("../../../tests/data/beneficiaires-exemple.csv");
const FAULTY: &[u8] = include_bytes!("../../../tests/data/beneficiaires-fautifs-cp1252.csv");
const TODAY: Date = date(2026, 11, 26);
const NOW: Timestamp = Timestamp(1_795_681_500_000);

fn previewed(bytes: &[u8]) -> Preview {
    preview(bytes, &[], TODAY).expect("a beneficiary file")
}

/// A file with these lines under the header.
fn file(lines: &[&str]) -> Vec<u8> {
    let mut text = COLUMNS.join(";");
    for line in lines {
        text.push('\n');
        text.push_str(line);
    }
    text.into_bytes()
}

fn refused(bytes: &[u8]) -> FileProblem {
    preview(bytes, &[], TODAY).expect_err("no beneficiary file")
}

async fn site() -> (tempfile::TempDir, Site) {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path(), &[], Clock::fixed(NOW), |_, _| ())
        .await
        .unwrap();
    (directory, site)
}

async fn known(site: &Site) -> Vec<PersonLine> {
    site.read(|connection| Ok(people::everybody(connection)?))
        .await
        .unwrap()
}

/// Writes the good lines, and of those that look like others the ones that most probably are new.
async fn import(site: &Site, preview: Preview) -> Written {
    let lines = preview.lines.into_iter();
    let chosen = lines
        .filter_map(|line| match line.outcome {
            Outcome::Good(person) => Some((person, false)),
            outcome if outcome.is_known() => None,
            Outcome::Alike(person, _) => Some((person, true)),
            Outcome::Wrong(_) => None,
        })
        .map(|(person, decided)| Chosen { person, decided })
        .collect();
    site.write(move |work| write(work, AgentId::fresh(), chosen))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_second_import_of_the_same_file_finds_everybody_known() {
    let (_directory, site) = site().await;
    let first = previewed(SAMPLE);
    let counts = first.counts();
    assert_eq!(
        (counts.good + counts.alike, counts.wrong, first.lines.len()),
        (323, 0, 323)
    );
    let in_the_file_twice = first.lines.iter().filter(|line| line.outcome.is_known());
    let in_the_file_twice = in_the_file_twice.count();
    let written = import(&site, first).await;
    assert_eq!(written.created, 323 - in_the_file_twice);
    let again = preview(SAMPLE, &known(&site).await, TODAY).unwrap();
    assert!(again.lines.iter().all(|line| line.outcome.is_known()));
    assert_eq!(import(&site, again).await, Written::default());
    assert_eq!(known(&site).await.len(), written.created);
}

#[tokio::test]
async fn a_person_is_written_with_everything_the_line_says_and_when() {
    let (_directory, site) = site().await;
    let preview = previewed(&file(&[
        "CARAYON;Sylvie;1944;Capestang;;34310;07 20 62 85 95;s@example.net;F;vient en bus",
    ]));
    import(&site, preview).await;
    let id = known(&site).await[0].id;
    let document = site.document(id).await.unwrap().expect("a document");
    let person: Person = document.value().unwrap();
    assert_eq!(person.commune, "34052");
    assert_eq!(person.notes, "vient en bus");
    assert!(person.created_at >= Some(NOW));
}

#[tokio::test]
async fn somebody_who_appeared_since_the_preview_is_left_out_unless_somebody_decided() {
    let (_directory, site) = site().await;
    let lines = previewed(&file(&["CARAYON;Sylvie", "MAS;Ana"]));
    import(&site, lines.clone()).await;
    let written = import(&site, lines.clone()).await;
    assert_eq!(
        written,
        Written {
            created: 0,
            appeared: 2
        }
    );
    let chosen = lines.lines.into_iter().map(|line| match line.outcome {
        Outcome::Good(person) => Chosen {
            person,
            decided: true,
        },
        other => panic!("{other:?}"),
    });
    let chosen = chosen.collect();
    let written = site
        .write(move |work| write(work, AgentId::fresh(), chosen))
        .await
        .unwrap();
    assert_eq!(written.created, 2);
}

#[test]
fn every_encoding_and_a_workbook_give_the_same_lines() {
    let expected = previewed(SAMPLE);
    let text = std::str::from_utf8(SAMPLE)
        .unwrap()
        .trim_start_matches('\u{feff}');
    assert!(previewed(text.as_bytes()) == expected);
    let (windows, ..) = encoding_rs::WINDOWS_1252.encode(text);
    assert!(previewed(&windows) == expected);
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, line) in (0..).zip(text.lines()) {
        for (column, cell) in (0..).zip(line.split(';')) {
            match cell.parse::<f64>() {
                // Years and codes are numbers in a spreadsheet.
                Ok(number) if !cell.starts_with('0') => sheet.write(row, column, number).unwrap(),
                _ => sheet.write(row, column, cell).unwrap(),
            };
        }
    }
    assert!(previewed(&workbook.save_to_buffer().unwrap()) == expected);
}

#[test]
fn each_faulty_line_says_its_columns() {
    let preview = previewed(FAULTY);
    assert_eq!(preview.counts().wrong, 7);
    let numbers: Vec<u64> = preview.lines.iter().map(|line| line.number).collect();
    assert_eq!(numbers, [2, 3, 4, 5, 6, 7, 8]);
    let Outcome::Wrong(problems) = &preview.lines[2].outcome else {
        panic!("{:?}", preview.lines[2]);
    };
    let columns: Vec<&str> = problems.iter().map(|problem| problem.column).collect();
    assert_eq!(columns, ["année de naissance", "e-mail"]);
    assert_eq!(preview.lines[2].name, "Paul PETIT");
}

#[test]
fn bad_lines_do_not_keep_the_good_ones_from_being_good() {
    let preview = previewed(&file(&["CARAYON;Sylvie", ";Lucie", "MAS;Ana"]));
    let counts = preview.counts();
    assert_eq!((counts.good, counts.wrong), (2, 1));
}

#[test]
fn a_line_that_stands_twice_names_the_first() {
    let preview = previewed(&file(&[
        "CARAYON;Sylvie;1944;;;;07 20 62 85 95",
        "MAS;Ana",
        "Carayon;SYLVIE;1944;;;;+33 7 20 62 85 95",
    ]));
    let Outcome::Alike(_, alike) = &preview.lines[2].outcome else {
        panic!("{:?}", preview.lines[2]);
    };
    assert_eq!(alike[0].with, With::Line(2));
    assert_eq!(
        alike[0].resemblance.reasons(),
        "même nom, même téléphone, même année de naissance"
    );
    assert!(preview.lines[2].outcome.is_known());
}

#[test]
fn a_spouse_on_the_same_phone_is_shown_but_not_taken_for_known() {
    let preview = previewed(&file(&[
        "MIQUEL;Michel;1972;;;;06 25 86 96 95",
        "MIQUEL;Josiane;;;;;06 25 86 96 95",
    ]));
    assert!(matches!(preview.lines[1].outcome, Outcome::Alike(..)));
    assert!(!preview.lines[1].outcome.is_known());
}

#[test]
fn the_likeliest_of_many_comes_first() {
    let mut lines = vec!["MIQUEL;Michel;;;;;06 25 86 96 95"; 1];
    let relatives = ["Josiane", "Paul", "Ana", "Inès", "Chloé"]
        .map(|name| format!("MIQUEL;{name};;;;;06 25 86 96 95"));
    lines.extend(relatives.iter().map(String::as_str));
    lines.push("MIQUEL;Michel;;;;;06 25 86 96 95");
    let preview = previewed(&file(&lines));
    let Outcome::Alike(_, alike) = &preview.lines[6].outcome else {
        panic!("{:?}", preview.lines[6]);
    };
    assert_eq!((alike.len(), &alike[0].with), (3, &With::Line(2)));
}

#[test]
fn a_separator_inside_a_text_is_found_out() {
    let preview = previewed(&file(&["MAS;Ana;;;;;;;F;le matin;ou le soir"]));
    let Outcome::Wrong(problems) = &preview.lines[0].outcome else {
        panic!("{:?}", preview.lines[0]);
    };
    assert!(problems[0].message.contains("plus de cellules"));
}

#[test]
fn a_file_that_is_not_a_beneficiary_file_is_explained() {
    assert_eq!(refused(b""), FileProblem::Empty);
    assert_eq!(refused(&file(&[])), FileProblem::NoLine);
    assert_eq!(refused(&file(&[";;;;", ""])), FileProblem::NoLine);
    let FileProblem::Columns(missing) = refused(b"nom;taille\nMas;1,70\n") else {
        panic!("the columns are wrong");
    };
    assert!(missing.contains("Colonnes inconnues\u{a0}: taille."));
    assert!(missing.contains("manquantes"));
    let bars = COLUMNS.join("|");
    let FileProblem::Columns(bars) = refused(bars.as_bytes()) else {
        panic!("the separator is wrong");
    };
    assert!(
        bars.starts_with("Les colonnes ne sont séparées ni"),
        "{bars}"
    );
}
