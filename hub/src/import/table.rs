//! A file as rows of texts: CSV (`;`, `,` or tab; UTF-8 with or without a byte order mark, Windows-1252) or XLSX.
//!
//! Knows nothing of what stands in the columns. Everything is bounded: bytes, rows, columns, and what a workbook
//! unpacks to; the first sheet of a workbook is the one that is read.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, ExcelDateTime, Reader, Xlsx};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::FileProblem;

/// The largest file that is read, in bytes: ten thousand rows with notes stay below a third of it.
pub const FILE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Rows of one file, more than the territory has households in its largest communes.
pub const ROWS_MAX: usize = 10_000;

/// Columns of one row; the layout has ten.
const COLUMNS_MAX: usize = 50;

/// What a workbook may unpack to, in bytes: a workbook is a ZIP file, and 5 MB of it may claim to hold gigabytes.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A row that is not blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Where it stands in the file, as an editor or a spreadsheet counts, from 1.
    pub(super) number: u64,
    /// Its cells.
    pub(super) cells: Vec<String>,
}

/// The rows of a file that are not blank, in order, the header being the first.
pub(super) fn rows(bytes: &[u8]) -> Result<Vec<Row>, FileProblem> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FileProblem::TooLarge);
    }
    match bytes {
        [] => Err(FileProblem::Empty),
        [b'P', b'K', 3, 4, ..] => of_workbook(bytes),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => Err(FileProblem::OldWorkbook),
        _ => of_text(&decoded(bytes)?),
    }
}

/// The text of a CSV file: as its byte order mark says, else UTF-8 where it is, else Windows-1252.
fn decoded(bytes: &[u8]) -> Result<String, FileProblem> {
    let (encoding, mark_bytes) = Encoding::for_bom(bytes).unwrap_or_else(|| {
        let utf_8 = std::str::from_utf8(bytes).is_ok();
        (if utf_8 { UTF_8 } else { WINDOWS_1252 }, 0)
    });
    let (text, _) = encoding.decode_without_bom_handling(&bytes[mark_bytes..]);
    if text.contains('\0') {
        return Err(FileProblem::NotATable);
    }
    // One sign at the end of a line, so that lines can be counted.
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn of_text(text: &str) -> Result<Vec<Row>, FileProblem> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator(text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut rows = Rows::default();
    for record in reader.records() {
        let record = record.map_err(|_| FileProblem::NotATable)?;
        let number = record.position().map_or(0, |at| line_at(text, at));
        rows.push(number, record.iter().map(str::to_owned).collect())?;
    }
    rows.all()
}

/// The line on which the record found at `at` begins: the reader does not count the blank lines that it skips.
fn line_at(text: &str, at: &csv::Position) -> u64 {
    let from = usize::try_from(at.byte()).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| **byte == b'\n').count();
    at.line() + blank as u64
}

/// The sign that parts the columns: of the three, the one that the first line holds most often.
fn separator(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty());
    let header = header.unwrap_or_default().as_bytes();
    let times = |sign: u8| header.iter().filter(|byte| **byte == sign).count();
    // The last of equals wins: `;` where there is none of them.
    [b'\t', b',', b';']
        .into_iter()
        .max_by_key(|sign| times(*sign))
        .unwrap_or(b';')
}

fn of_workbook(bytes: &[u8]) -> Result<Vec<Row>, FileProblem> {
    measure(bytes)?;
    // Crafted workbooks have made readers panic; it must not matter here.
    catch_unwind(AssertUnwindSafe(|| read_workbook(bytes))).unwrap_or(Err(FileProblem::BadWorkbook))
}

/// Unpacks everything once without keeping it: what the file itself says of its size may be a lie.
fn measure(bytes: &[u8]) -> Result<(), FileProblem> {
    let bad = |_| FileProblem::BadWorkbook;
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(bad)?;
    let mut left = UNPACKED_BYTES_MAX;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(bad)?;
        let unpacked = std::io::copy(&mut entry.take(left + 1), &mut std::io::sink());
        left = left
            .checked_sub(unpacked.map_err(|_| FileProblem::BadWorkbook)?)
            .ok_or(FileProblem::TooLarge)?;
    }
    Ok(())
}

fn read_workbook(bytes: &[u8]) -> Result<Vec<Row>, FileProblem> {
    let bad = |_| FileProblem::BadWorkbook;
    let mut workbook = Xlsx::new(Cursor::new(bytes)).map_err(bad)?;
    let sheet = workbook.sheet_names().into_iter().next();
    let sheet = sheet.ok_or(FileProblem::Empty)?;
    // Cell by cell: the whole rectangle of a sheet with one cell in its last corner would not fit into memory.
    let mut cells = workbook.worksheet_cells_reader(&sheet).map_err(bad)?;
    let mut sheet: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    while let Some(cell) = cells.next_cell().map_err(bad)? {
        let text = cell_text(cell.get_value());
        if text.trim().is_empty() {
            continue;
        }
        let (row, column) = cell.get_position();
        let column = column as usize;
        if column >= COLUMNS_MAX {
            return Err(FileProblem::TooWide);
        }
        let row = sheet.entry(row).or_default();
        row.resize(row.len().max(column + 1), String::new());
        row[column] = text;
        if sheet.len() > ROWS_MAX + 1 {
            return Err(FileProblem::TooManyRows);
        }
    }
    let mut rows = Rows::default();
    for (row, cells) in sheet {
        rows.push(u64::from(row) + 1, cells)?;
    }
    rows.all()
}

/// A cell as one reads it in the spreadsheet, dates as `26/11/2026`.
fn cell_text(cell: &DataRef<'_>) -> String {
    match cell {
        DataRef::Empty => String::new(),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::Bool(true) => "VRAI".to_owned(),
        DataRef::Bool(false) => "FAUX".to_owned(),
        DataRef::DateTime(at) => date_text(at),
        // `2026-11-26T00:00:00`
        DataRef::DateTimeIso(text) => text.split('T').next().unwrap_or_default().to_owned(),
        DataRef::DurationIso(text) => text.clone(),
        // The result of a formula that failed (#REF!): refused like a formula.
        DataRef::Error(error) => format!("={error}"),
    }
}

fn date_text(at: &ExcelDateTime) -> String {
    if at.is_duration() {
        return at.as_f64().to_string();
    }
    let (year, month, day, ..) = at.to_ymd_hms_milli();
    format!("{day:02}/{month:02}/{year:04}")
}

/// Rows as they are read, within bounds.
#[derive(Default)]
struct Rows(Vec<Row>);

impl Rows {
    fn push(&mut self, number: u64, cells: Vec<String>) -> Result<(), FileProblem> {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            return Ok(());
        }
        if cells.len() > COLUMNS_MAX {
            return Err(FileProblem::TooWide);
        }
        // One more for the header.
        if self.0.len() > ROWS_MAX {
            return Err(FileProblem::TooManyRows);
        }
        self.0.push(Row { number, cells });
        Ok(())
    }

    fn all(self) -> Result<Vec<Row>, FileProblem> {
        if self.0.is_empty() {
            return Err(FileProblem::Empty);
        }
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_xlsxwriter::{ExcelDateTime as WrittenDate, Format, Workbook};
    use std::io::Write;

    fn cells(bytes: &[u8]) -> Vec<Vec<String>> {
        let rows = rows(bytes).expect("a table");
        rows.into_iter().map(|row| row.cells).collect()
    }

    fn workbook(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> Vec<u8> {
        let mut workbook = Workbook::new();
        fill(workbook.add_worksheet());
        workbook.save_to_buffer().unwrap()
    }

    #[test]
    fn each_separator_is_recognised() {
        for text in ["a;b,c;d\n1;2,3;4\n", "a\tb,c\td\n1\t2,3\t4\n"] {
            assert_eq!(
                cells(text.as_bytes()),
                [["a", "b,c", "d"], ["1", "2,3", "4"]]
            );
        }
        assert_eq!(cells(b"a,b\n\"1;2\",3\n"), [["a", "b"], ["1;2", "3"]]);
        assert_eq!(cells(b"a|b\n"), [["a|b"]]);
    }

    #[test]
    fn each_encoding_is_recognised() {
        let text = "prénom;année\nÈve;1950\n";
        let expected = [["prénom", "année"], ["Ève", "1950"]];
        assert_eq!(cells(text.as_bytes()), expected);
        assert_eq!(cells(format!("\u{feff}{text}").as_bytes()), expected);
        let (windows, ..) = WINDOWS_1252.encode(text);
        assert_eq!(cells(&windows), expected);
        let utf_16: Vec<u8> = "\u{feff}"
            .encode_utf16()
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(cells(&utf_16), expected);
    }

    #[test]
    fn rows_are_counted_as_an_editor_does_and_blank_ones_are_left_out() {
        let read = rows(b"\r\na;b\r\n;;\r\n\"1\n1\";2\r\n3;4").unwrap();
        let numbers: Vec<u64> = read.iter().map(|row| row.number).collect();
        assert_eq!(numbers, [2, 4, 6]);
        assert_eq!(read[1].cells, ["1\n1", "2"]);
    }

    #[test]
    fn a_workbook_gives_its_cells_as_one_reads_them() {
        let bytes = workbook(|sheet| {
            let date = Format::new().set_num_format("dd/mm/yyyy");
            sheet.write(1, 0, "nom").unwrap();
            sheet.write(1, 2, "année").unwrap();
            sheet.write(3, 0, 1944).unwrap();
            sheet.write(3, 1, 612_345_678).unwrap();
            let born = WrittenDate::from_ymd(1944, 5, 3).unwrap();
            sheet
                .write_datetime_with_format(3, 2, &born, &date)
                .unwrap();
            sheet.write(3, 3, 1.5).unwrap();
            sheet.write(3, 4, true).unwrap();
        });
        let read = rows(&bytes).unwrap();
        assert_eq!(read[0].number, 2);
        assert_eq!(read[0].cells, ["nom", "", "année"]);
        assert_eq!(read[1].number, 4);
        assert_eq!(
            read[1].cells,
            ["1944", "612345678", "03/05/1944", "1.5", "VRAI"]
        );
    }

    #[test]
    fn what_is_no_table_is_told_apart() {
        let told = |bytes: &[u8]| rows(bytes).expect_err("no table");
        assert_eq!(told(b""), FileProblem::Empty);
        assert_eq!(told(b"\n \n;;\n"), FileProblem::Empty);
        assert_eq!(told(b"a;b\0c\n"), FileProblem::NotATable);
        assert_eq!(told(b"\x89PNG\r\n\x1a\n\0\0"), FileProblem::NotATable);
        assert_eq!(told(b"PK\x03\x04nonsense"), FileProblem::BadWorkbook);
        assert_eq!(told(b"\xD0\xCF\x11\xE0\xA1\xB1"), FileProblem::OldWorkbook);
        let blank = workbook(|_| ());
        assert_eq!(told(&blank), FileProblem::Empty);
        let cut = workbook(|sheet| {
            sheet.write(0, 0, "nom").unwrap();
        });
        for length in [cut.len() / 4, cut.len() / 2, cut.len() - 1] {
            assert_eq!(told(&cut[..length]), FileProblem::BadWorkbook, "{length}");
        }
    }

    #[test]
    fn every_limit_is_told() {
        let told = |bytes: &[u8]| rows(bytes).expect_err("too much");
        assert_eq!(told(&vec![b'a'; FILE_BYTES_MAX + 1]), FileProblem::TooLarge);
        assert_eq!(
            told("a;b\n".repeat(ROWS_MAX + 2).as_bytes()),
            FileProblem::TooManyRows
        );
        let full = "a;b\n".repeat(ROWS_MAX + 1);
        assert_eq!(rows(full.as_bytes()).unwrap().len(), ROWS_MAX + 1);
        assert_eq!(told(";a".repeat(51).as_bytes()), FileProblem::TooWide);
        let far = workbook(|sheet| {
            sheet.write(1_048_575, 16_383, "loin").unwrap();
        });
        assert_eq!(told(&far), FileProblem::TooWide);
    }

    #[test]
    fn a_workbook_that_unpacks_to_too_much_is_not_opened() {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let deflated = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        archive.start_file("xl/workbook.xml", deflated).unwrap();
        let zeros = vec![0; 1024 * 1024];
        for _ in 0..65 {
            archive.write_all(&zeros).unwrap();
        }
        let bytes = archive.finish().unwrap().into_inner();
        assert!(bytes.len() < FILE_BYTES_MAX);
        assert_eq!(rows(&bytes), Err(FileProblem::TooLarge));
    }
}
