//! The import of a beneficiary file: from its bytes to what would become of each line, and from there to people.
//!
//! Two steps, used by the page and by the command alike. [`preview`] writes nothing: it tells good lines, lines that
//! look like somebody who is known or like a line above, and lines to be corrected. [`write`] takes the people that
//! somebody chose and makes a document of each, all in one transaction. What stands in which column, and who looks
//! like whom, are rules of the domain.

mod alike;
mod table;
#[cfg(test)]
mod tests;

use jiff::civil::Date;
use shared::domain::beneficiary::{Columns, RowProblem, person_of_row};
use shared::domain::person::Person;
use shared::ids::{AgentId, PersonId};
use shared::site::{Site, SiteError, Work};
use shared::text::collapsed;
use shared::view::people::{self, PersonLine};

pub use alike::{Alike, With};
pub use table::{FILE_BYTES_MAX, ROWS_MAX};

use alike::Everybody;
use table::Row;

/// Why a file as a whole cannot be imported; the sentence says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    /// Nothing in it.
    #[error("Le fichier est vide.")]
    Empty,
    /// More bytes, packed or unpacked, than are read.
    #[error(
        "Le fichier est trop gros\u{a0}: 5\u{a0}Mo au plus. Partagez-le en plusieurs fichiers."
    )]
    TooLarge,
    /// More rows than are read.
    #[error(
        "Le fichier a trop de lignes\u{a0}: 10\u{a0}000 au plus. Partagez-le en plusieurs fichiers."
    )]
    TooManyRows,
    /// More columns than a beneficiary file could have.
    #[error("Le fichier a trop de colonnes. Gardez les dix colonnes du modèle.")]
    TooWide,
    /// Neither text nor a workbook.
    #[error(
        "Ce fichier n’est ni un CSV ni un classeur XLSX. Dans le tableur, enregistrez-le au format CSV ou XLSX."
    )]
    NotATable,
    /// A workbook in the format of before 2007, or one that a password protects.
    #[error(
        "Ce classeur est dans un ancien format, ou protégé par un mot de passe. Dans le tableur, enregistrez-le au \
         format XLSX sans mot de passe, ou en CSV."
    )]
    OldWorkbook,
    /// A workbook that does not open.
    #[error(
        "Ce classeur ne se lit pas. Ouvrez-le dans le tableur et enregistrez-le de nouveau au format XLSX, ou en CSV."
    )]
    BadWorkbook,
    /// The header is not that of a beneficiary file.
    #[error("{0}")]
    Columns(String),
    /// A header and nothing below.
    #[error("Le fichier n’a aucune ligne sous l’en-tête.")]
    NoLine,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// Its lines below the header, in order.
    pub lines: Vec<Line>,
}

/// One line of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Where it stands, as an editor or a spreadsheet counts, from 1.
    pub number: u64,
    /// Given name and family name as far as they can be read, to recognise the line.
    pub name: String,
    /// What would become of it.
    pub outcome: Outcome,
}

/// What would become of a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Somebody new.
    Good(Person),
    /// Somebody who looks like others, the likeliest first: a person decides.
    Alike(Person, Vec<Alike>),
    /// Not a person yet: what to correct.
    Wrong(Vec<RowProblem>),
}

impl Outcome {
    /// Most probably somebody who is known already.
    #[must_use]
    pub fn is_known(&self) -> bool {
        let Self::Alike(_, alike) = self else {
            return false;
        };
        alike.iter().any(|other| other.resemblance.is_strong())
    }
}

/// How many lines of each sort a file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Somebody new.
    pub good: usize,
    /// Somebody who looks like others.
    pub alike: usize,
    /// To be corrected.
    pub wrong: usize,
}

impl Preview {
    /// How many lines of each sort.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for line in &self.lines {
            match line.outcome {
                Outcome::Good(_) => counts.good += 1,
                Outcome::Alike(..) => counts.alike += 1,
                Outcome::Wrong(_) => counts.wrong += 1,
            }
        }
        counts
    }
}

/// The [`preview`] of a file on a site, as of today.
///
/// # Errors
/// What the store says.
pub async fn preview_on(
    site: &Site,
    bytes: Vec<u8>,
) -> Result<Result<Preview, FileProblem>, SiteError> {
    let today = site.clock().now().date();
    site.read(move |connection| Ok(preview(&bytes, &people::everybody(connection)?, today)))
        .await
}

/// Reads a file as of `today` and compares its lines with the people who are known and with each other.
///
/// # Errors
/// When the file as a whole is not a beneficiary file.
pub fn preview(bytes: &[u8], known: &[PersonLine], today: Date) -> Result<Preview, FileProblem> {
    let mut rows = table::rows(bytes)?.into_iter();
    let header = rows.next().ok_or(FileProblem::Empty)?.cells;
    let columns = Columns::of_header(&header).map_err(|problem| {
        FileProblem::Columns(if header.len() == 1 {
            "Les colonnes ne sont séparées ni par un point-virgule, ni par une virgule, ni par une tabulation. \
             Dans le tableur, enregistrez le fichier en CSV avec le point-virgule, ou en XLSX."
                .to_owned()
        } else {
            problem
        })
    })?;
    let mut everybody = Everybody::known(known);
    let lines: Vec<Line> = rows
        .map(|row| line(&row, &header, &columns, &mut everybody, today))
        .collect();
    if lines.is_empty() {
        return Err(FileProblem::NoLine);
    }
    Ok(Preview { lines })
}

fn line(
    row: &Row,
    header: &[String],
    columns: &Columns,
    everybody: &mut Everybody,
    today: Date,
) -> Line {
    let cells = columns.cells(&row.cells);
    let person = match row.cells.get(header.len()..) {
        Some(more) if more.iter().any(|cell| !cell.trim().is_empty()) => Err(vec![shifted()]),
        _ => person_of_row(&cells, today),
    };
    let [family_name, given_name, ..] = cells;
    let outcome = match person {
        Err(problems) => Outcome::Wrong(problems),
        Ok(person) => {
            let alike = everybody.like(&person);
            everybody.add(person.clone(), With::Line(row.number));
            if alike.is_empty() {
                Outcome::Good(person)
            } else {
                Outcome::Alike(person, alike)
            }
        }
    };
    Line {
        number: row.number,
        name: shown_name(given_name, family_name),
        outcome,
    }
}

/// A line with more cells than the header: a separator inside a text has moved what follows it.
fn shifted() -> RowProblem {
    RowProblem {
        column: "notes",
        message: "Cette ligne a plus de cellules que l’en-tête\u{a0}: mettez entre guillemets le texte qui contient \
            le séparateur."
            .to_owned(),
    }
}

fn shown_name(given_name: &str, family_name: &str) -> String {
    /// Enough to recognise a line by.
    const CHARS_MAX: usize = 60;
    let name = collapsed(&format!("{given_name} {family_name}"));
    name.chars().take(CHARS_MAX).collect()
}

/// A person to write down.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Who.
    pub person: Person,
    /// Somebody saw who looks like them, and decided. Otherwise the person is left out if, since the preview, the
    /// same one has appeared.
    pub decided: bool,
}

/// What a write did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// People who are new.
    pub created: usize,
    /// Left out because they have appeared since the preview.
    pub appeared: usize,
}

/// Writes people down, each a document of its own, in the name of `by`.
///
/// # Errors
/// What the store says; nothing is then written.
pub fn write(work: &mut Work<'_>, by: AgentId, chosen: Vec<Chosen>) -> Result<Written, SiteError> {
    let known = Everybody::known(&people::everybody(work.connection())?);
    let mut written = Written::default();
    for Chosen { person, decided } in chosen {
        if !decided && known.holds(&person) {
            written.appeared += 1;
            continue;
        }
        let created_at = Some(work.stamp());
        work.edit(PersonId::fresh(), by, |new: &mut Person| {
            *new = Person {
                created_at,
                ..person
            };
        })?;
        written.created += 1;
    }
    Ok(written)
}
