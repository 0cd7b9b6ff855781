//! The file of erasures beside a hub's database: one signed line for each, only ever appended to.
//!
//! A restore replaces the database and not this file, so replaying it whenever the site is opened erases again whom
//! the copy brought back. Lines hold ids, a date and the code of a reason, no personal data. A line that is torn or
//! does not bear the hub's signature is left out and told to the log, and harms no other.
//!
//! A line begins with a word that says of which kind it is. The hub keeps others here that a restore must not undo
//! either ([`lines`], [`append`]); what they mean is its own business.

use std::collections::{BTreeSet, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;

use super::{Site, SiteError};
use crate::ledger::erasures::{self, Erasure};
use crate::ledger::{LedgerError, hub_key};
use crate::time::Timestamp;

/// What a line of this form begins with.
const ERASED: &str = "erased";
/// Stands where there is no document that an alias led to.
const NOTHING: &str = "-";

impl Site {
    /// Keeps every erasure in the file at `path` as well, from now on; to be called by a hub, before anybody is
    /// answered. What the file has and the database lacks is erased (again), what the database has and the file lacks
    /// is added to it. Answers how many documents were erased by that.
    ///
    /// # Errors
    /// When the file cannot be read or written: a hub that cannot tell whom it has erased does not open.
    pub async fn keep_erasures_in(&self, path: PathBuf) -> Result<u64, SiteError> {
        let path = self.erasure_file.get_or_init(|| path).clone();
        let erased = self
            .write(move |work| {
                let known = hub_key::known(work.tx)?;
                let (mut kept, mut erased) = (HashSet::new(), 0);
                for record in read(&path)? {
                    if known.is_some_and(|key| record.is_signed_by(&key)) {
                        erased += u64::from(work.remove(&record, 0)?);
                        kept.insert(record.document);
                    } else {
                        tracing::error!(document = %record.document, "not signed by this hub: left out");
                    }
                }
                let mut lacking = erasures::since(work.tx, 0)?;
                lacking.retain(|record| !kept.contains(&record.document));
                append_records(&path, &lacking)?;
                Ok(erased)
            })
            .await?;
        if erased > 0 {
            tracing::warn!(erased, "erased again what an older copy had brought back");
            self.scrub().await;
        }
        Ok(erased)
    }
}

/// Adds records to the file and waits until they are on the disk.
pub(super) fn append_records(path: &Path, records: &[Erasure]) -> Result<(), LedgerError> {
    append(path, &records.iter().map(line).collect::<Vec<_>>())
}

/// Adds lines, without their ends, to the file at `path` and waits until they are on the disk.
///
/// # Errors
/// [`LedgerError::File`].
pub fn append(path: &Path, lines: &[String]) -> Result<(), LedgerError> {
    if lines.is_empty() {
        return Ok(());
    }
    let write = || {
        let is_new = !path.exists();
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)?;
        let mut text = String::new();
        if !ends_with_a_line(&mut file)? {
            text.push('\n');
        }
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if is_new && let Some(directory) = path.parent() {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    };
    write().map_err(|source| LedgerError::of_file(path, source))
}

/// Whether the file is empty or its last line is whole.
fn ends_with_a_line(file: &mut File) -> std::io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Every line of the file at `path` that is not empty; none where there is no file. What they say is not verified.
///
/// # Errors
/// [`LedgerError::File`].
pub fn lines(path: &Path) -> Result<Vec<String>, LedgerError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LedgerError::of_file(path, error)),
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

/// Adds to the file at `path` the lines of another copy of it that it lacks; says how many.
///
/// # Errors
/// [`LedgerError::File`].
pub fn add_missing(path: &Path, other: &[String]) -> Result<usize, LedgerError> {
    let known: BTreeSet<String> = lines(path)?.into_iter().collect();
    let mut lacking = other.to_vec();
    lacking.retain(|line| !known.contains(line));
    append(path, &lacking)?;
    Ok(lacking.len())
}

/// Every record of the file that reads as one; signatures are not verified here.
fn read(path: &Path) -> Result<Vec<Erasure>, LedgerError> {
    let mut records = Vec::new();
    for (number, line) in (1..).zip(lines(path)?) {
        let is_erasure = line.split(' ').next() == Some(ERASED);
        match record(&line) {
            Some(record) => records.push(record),
            None if is_erasure => {
                tracing::error!(number, "a line of the file of erasures does not read");
            }
            // Of another kind.
            None => {}
        }
    }
    Ok(records)
}

fn line(record: &Erasure) -> String {
    let merged_into = record
        .merged_into
        .map_or_else(|| NOTHING.to_owned(), |id| id.to_string());
    format!(
        "{ERASED} {} {merged_into} {} {} {} {}",
        record.document,
        record.at.0,
        record.by,
        record.reason,
        BASE64URL_NOPAD.encode(&record.signature)
    )
}

/// Reads [`line`].
fn record(line: &str) -> Option<Erasure> {
    let fields: Vec<&str> = line.split(' ').collect();
    let [ERASED, document, merged_into, at, by, reason, signature] = fields[..] else {
        return None;
    };
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
    Some(Erasure {
        document: document.parse().ok()?,
        merged_into: match merged_into {
            NOTHING => None,
            id => Some(id.parse().ok()?),
        },
        at: Timestamp(at.parse().ok()?),
        by: by.parse().ok()?,
        reason: reason.to_owned(),
        signature: signature.try_into().ok()?,
    })
}
