//! The export « activities with one line per participant », in the columns that La Coop's users know.
//!
//! Shapes lines and writes CSV; which activities stand in it, and with what right, is the caller's business.

use jiff::civil::Date;

use super::commune::{Commune, is_insee_code, label};
use crate::time::Timestamp;

/// The columns, in La Coop's order and spelling.
pub const HEADER: [&str; 27] = [
    "Date",
    "Enregistré le",
    "Dernière modification le",
    "Type",
    "Participants",
    "Bénéficiaire",
    "Canaux d'accompagnement",
    "Nom du lieu",
    "Adresse",
    "Commune",
    "Code postal",
    "Code Insee",
    "Durée (min)",
    "Nom de l'atelier",
    "Matériel numérique utilisé",
    "Thématique(s) d'accompagnement",
    "Niveau",
    "Bénéficiaire réorienté",
    "Structure de redirection",
    "Commune du bénéficiaire",
    "Code postal du bénéficiaire",
    "Code Insee du bénéficiaire",
    "Genre du bénéficiaire",
    "Tranche d'âge du bénéficiaire",
    "Statut du bénéficiaire",
    "Notes",
    "ID",
];

/// One participant of one activity. Texts are labels as a person reads them; an empty one is an empty cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActivityRow {
    /// Local date of the activity.
    pub date: Date,
    /// When it was written down.
    pub recorded_at: Option<Timestamp>,
    /// When it was last changed.
    pub modified_at: Option<Timestamp>,
    /// « Atelier » or « Demande ».
    pub kind: String,
    /// Participants of the activity, anonymous ones included.
    pub participants: u32,
    /// Name of the participant; empty for an anonymous one.
    pub beneficiary: String,
    /// Channel of a demande.
    pub channel: String,
    /// Name of the place.
    pub place: String,
    /// Its street address.
    pub address: String,
    /// INSEE code of its commune.
    pub place_commune: String,
    /// Minutes.
    pub duration_min: u16,
    /// Title of the workshop.
    pub title: String,
    /// Equipment used.
    pub equipment: String,
    /// Themes.
    pub themes: Vec<String>,
    /// Level of the workshop.
    pub level: String,
    /// Whether the person was sent on, for a demande.
    pub referred: Option<bool>,
    /// To which structure.
    pub referred_to: String,
    /// INSEE code of the participant's commune on that day.
    pub beneficiary_commune: String,
    /// The participant's gender.
    pub gender: String,
    /// Age band on that day.
    pub age_band: String,
    /// Social status.
    pub status: String,
    /// Notes.
    pub notes: String,
    /// Id of the registration or demande, of the session for anonymous participants; as a UUID, which no spreadsheet
    /// takes for a formula.
    pub id: String,
}

impl ActivityRow {
    /// The cells under [`HEADER`].
    #[must_use]
    pub fn cells(self) -> Vec<String> {
        let [commune, postal_code, insee] = commune_cells(&self.place_commune);
        let [
            beneficiary_commune,
            beneficiary_postal_code,
            beneficiary_insee,
        ] = commune_cells(&self.beneficiary_commune);
        vec![
            self.date.strftime("%d/%m/%Y").to_string(),
            stamp_cell(self.recorded_at),
            stamp_cell(self.modified_at),
            self.kind,
            self.participants.to_string(),
            self.beneficiary,
            self.channel,
            self.place,
            self.address,
            commune,
            postal_code,
            insee,
            self.duration_min.to_string(),
            self.title,
            self.equipment,
            self.themes.join(", "),
            self.level,
            referred_cell(self.referred).to_owned(),
            self.referred_to,
            beneficiary_commune,
            beneficiary_postal_code,
            beneficiary_insee,
            self.gender,
            self.age_band,
            self.status,
            self.notes,
            self.id,
        ]
    }
}

/// Writes rows, the header being the first, as the spreadsheets of French offices open them: UTF-8 with a byte order
/// mark, `;`, CRLF. No cell is ever computed by the spreadsheet (see [`guarded`]).
///
/// # Errors
/// Never seen: writing into memory fails only when there is none left.
pub fn write_csv<R, C>(rows: impl IntoIterator<Item = R>) -> Result<Vec<u8>, csv::Error>
where
    R: IntoIterator<Item = C>,
    C: AsRef<str>,
{
    let mut writer = csv::WriterBuilder::new()
        .delimiter(b';')
        .terminator(csv::Terminator::CRLF)
        .flexible(true)
        .from_writer("\u{feff}".as_bytes().to_vec());
    for row in rows {
        writer.write_record(row.into_iter().map(|cell| guarded(cell.as_ref())))?;
    }
    writer
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))
}

/// The cell with an apostrophe before it if a spreadsheet would take it for a formula (OWASP, « CSV injection »).
#[must_use]
pub fn guarded(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

/// Name, postal code and INSEE code of a stored commune. One outside has its code but no postal code of ours.
fn commune_cells(code: &str) -> [String; 3] {
    if code.is_empty() {
        return Default::default();
    }
    let postal_code = Commune::by_insee(code).map_or("", |commune| commune.postal_code);
    let insee = if is_insee_code(code) { code } else { "" };
    [label(code), postal_code, insee].map(str::to_owned)
}

fn stamp_cell(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| {
        at.local().strftime("%d/%m/%Y %H:%M").to_string()
    })
}

fn referred_cell(referred: Option<bool>) -> &'static str {
    match referred {
        Some(true) => "Oui",
        Some(false) => "Non",
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::commune::OUTSIDE;
    use jiff::civil::{date, time};

    fn row() -> ActivityRow {
        let day = date(2026, 11, 26);
        ActivityRow {
            date: day,
            recorded_at: Some(Timestamp::of_local(day, time(9, 5, 0, 0))),
            modified_at: None,
            kind: "Atelier".into(),
            participants: 3,
            beneficiary: "Sylvie CARAYON".into(),
            channel: String::new(),
            place: "Saint-Chinian".into(),
            address: String::new(),
            place_commune: "34245".into(),
            duration_min: 120,
            title: "Atelier".into(),
            equipment: "Tablette".into(),
            themes: vec!["E-mail".into(), "Bureautique".into()],
            level: "Débutant".into(),
            referred: None,
            referred_to: String::new(),
            beneficiary_commune: "34032".into(),
            gender: "Féminin".into(),
            age_band: "70 ans et plus".into(),
            status: "Retraité".into(),
            notes: String::new(),
            id: "id".into(),
        }
    }

    /// The cell of `row` under this title.
    fn under(title: &str, row: ActivityRow) -> String {
        let at = HEADER.iter().position(|column| *column == title);
        row.cells()[at.expect("a column")].clone()
    }

    #[test]
    fn every_column_has_its_cell() {
        assert_eq!(
            row().cells(),
            [
                "26/11/2026",
                "26/11/2026 09:05",
                "",
                "Atelier",
                "3",
                "Sylvie CARAYON",
                "",
                "Saint-Chinian",
                "",
                "Saint-Chinian",
                "34360",
                "34245",
                "120",
                "Atelier",
                "Tablette",
                "E-mail, Bureautique",
                "Débutant",
                "",
                "",
                "hors territoire",
                "",
                "34032",
                "Féminin",
                "70 ans et plus",
                "Retraité",
                "",
                "id",
            ]
        );
        assert_eq!(row().cells().len(), HEADER.len());
    }

    #[test]
    fn a_commune_that_nobody_gave_or_knows_the_code_of_has_no_code() {
        let of = |commune: &str| ActivityRow {
            beneficiary_commune: commune.into(),
            ..row()
        };
        assert_eq!(under("Commune du bénéficiaire", of("")), "");
        assert_eq!(
            under("Commune du bénéficiaire", of(OUTSIDE)),
            "hors territoire"
        );
        assert_eq!(under("Code Insee du bénéficiaire", of(OUTSIDE)), "");
        assert_eq!(under("Code postal du bénéficiaire", of("34226")), "34310");
    }

    #[test]
    fn being_sent_on_is_said_for_demandes_only() {
        let of = |referred| ActivityRow { referred, ..row() };
        assert_eq!(under("Bénéficiaire réorienté", of(Some(true))), "Oui");
        assert_eq!(under("Bénéficiaire réorienté", of(Some(false))), "Non");
        assert_eq!(under("Bénéficiaire réorienté", of(None)), "");
    }

    #[test]
    fn csv_has_a_byte_order_mark_semicolons_crlf_and_quotes_where_needed() {
        let rows = [vec!["Nom", "Notes"], vec!["SOULIÉ", "a;b \"c\"\nd"]];
        let bytes = write_csv(rows).expect("memory");
        assert_eq!(
            String::from_utf8(bytes).expect("UTF-8"),
            "\u{feff}Nom;Notes\r\nSOULIÉ;\"a;b \"\"c\"\"\nd\"\r\n"
        );
        let empty: [Vec<&str>; 0] = [];
        assert_eq!(write_csv(empty).expect("memory"), "\u{feff}".as_bytes());
    }

    #[test]
    fn no_cell_is_a_formula_in_a_spreadsheet() {
        for cell in ["=1+1", "+33 6", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
            assert_eq!(guarded(cell), format!("'{cell}"));
        }
        for cell in ["", "a=1", "Saint-Chinian", "'=1", "12"] {
            assert_eq!(guarded(cell), cell);
        }
        let bytes = write_csv([["=CMD()"]]).expect("memory");
        assert!(String::from_utf8_lossy(&bytes).contains("'=CMD()"));
    }
}
