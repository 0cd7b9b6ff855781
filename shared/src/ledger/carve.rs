//! Carving: what can still be read in the files of a damaged database, page by page, without SQLite.
//!
//! SQLite gives up a table at the first page that it cannot follow, and the whole file where the first page is
//! damaged. But each page of a b-tree says by itself where its rows lie, so every row in a page that is whole can be
//! read, whatever has become of the pages that lead there. Nothing is written, and nothing that is found is believed:
//! a change proves itself by its hash to whoever takes it, and what stands under a key is for the one who knows the key.
//!
//! Committed pages of the write-ahead log take the place of those in the database. Pages that SQLite has freed are
//! zeros (`secure_delete`), so nothing that was erased comes back this way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::store::{FILE, WAL};
use super::{LedgerError, changes::Hash};
use crate::ids::{DocumentId, ReplicaId};

/// The page size that SQLite chooses; every database of ours has it, so the header need not be asked.
const PAGE_BYTES: usize = 4096;
/// The header of the file, in its first page.
const FILE_HEADER_BYTES: usize = 100;
/// The header of the write-ahead log, and of each page in it.
const WAL_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// Pages of a longest row: a change has at most 256 KB.
const OVERFLOW_PAGES_MAX: usize = 80;

/// What was found.
#[derive(Debug, Default)]
pub struct Carved {
    /// Rows that look like changes, by their position in the damaged ledger.
    pub changes: BTreeMap<i64, CarvedChange>,
    /// What may be the kind number of a document.
    pub kinds: HashMap<DocumentId, BTreeSet<u8>>,
    /// Everything that looks like the `replica` table.
    pub keys: BTreeMap<String, Vec<u8>>,
}

/// A row that looks like a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarvedChange {
    /// The document that it is filed under.
    pub document: DocumentId,
    /// The hash that stands beside it.
    pub hash: Hash,
    /// The replica that it came from.
    pub origin: ReplicaId,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Reads whatever is left in the database files of `directory`.
///
/// # Errors
/// [`LedgerError::File`] when the database cannot be opened at all; pages that the disk does not give are left out.
pub fn carve(directory: &Path) -> Result<Carved, LedgerError> {
    let pages = Pages::open(directory)?;
    let mut carved = Carved::default();
    for number in 1..=pages.count {
        if let Some(page) = pages.page(number) {
            let start = if number == 1 { FILE_HEADER_BYTES } else { 0 };
            read_page(&pages, &page, start, &mut carved);
        }
    }
    Ok(carved)
}

/// The pages as SQLite would see them.
struct Pages {
    file: File,
    wal: Option<File>,
    /// Where in the log the newest version of a page lies.
    in_wal: HashMap<u32, u64>,
    count: u32,
}

impl Pages {
    fn open(directory: &Path) -> Result<Self, LedgerError> {
        let path = directory.join(FILE);
        let open = || {
            let file = File::open(&path)?;
            let bytes = file.metadata()?.len();
            Ok((file, bytes))
        };
        let (file, bytes) = open().map_err(|source| LedgerError::of_file(&path, source))?;
        let wal = File::open(directory.join(WAL)).ok();
        let in_wal = wal.as_ref().map(committed).unwrap_or_default();
        let in_file = u32::try_from(bytes / PAGE_BYTES as u64).unwrap_or(u32::MAX);
        let last_in_wal = in_wal.keys().max().copied().unwrap_or(0);
        Ok(Self {
            file,
            wal,
            in_wal,
            count: in_file.max(last_in_wal),
        })
    }

    /// A page; none where the disk does not give it.
    fn page(&self, number: u32) -> Option<Vec<u8>> {
        let mut page = vec![0; PAGE_BYTES];
        match (self.in_wal.get(&number), &self.wal) {
            (Some(offset), Some(wal)) => wal.read_exact_at(&mut page, *offset).ok()?,
            _ => {
                let offset = u64::from(number.checked_sub(1)?) * PAGE_BYTES as u64;
                self.file.read_exact_at(&mut page, offset).ok()?;
            }
        }
        Some(page)
    }
}

/// Where the newest committed version of each page lies in a log. The sums of the frames are not checked: a page that
/// is damaged there is no worse than one in the database.
fn committed(wal: &File) -> HashMap<u32, u64> {
    let mut header = [0; WAL_HEADER_BYTES];
    if wal.read_exact_at(&mut header, 0).is_err() {
        return HashMap::new();
    }
    let salts = &header[16..24];
    let (mut committed, mut open) = (HashMap::new(), HashMap::new());
    let mut offset = WAL_HEADER_BYTES as u64;
    let mut frame = [0; FRAME_HEADER_BYTES];
    while wal.read_exact_at(&mut frame, offset).is_ok() && frame[8..16] == *salts {
        let number = u32_at(&frame, 0).unwrap_or(0);
        open.insert(number, offset + FRAME_HEADER_BYTES as u64);
        // The last frame of a transaction says how many pages the database then has.
        if u32_at(&frame, 4).is_some_and(|pages| pages > 0) {
            committed.extend(open.drain());
        }
        offset += (FRAME_HEADER_BYTES + PAGE_BYTES) as u64;
    }
    committed
}

/// The sorts of pages that hold rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// Leaf of a table with row ids.
    Table,
    /// Leaf of an index, or of a table without row ids.
    Index,
    /// Inner page of the same, which holds rows as well.
    InnerIndex,
}

fn read_page(pages: &Pages, page: &[u8], start: usize, carved: &mut Carved) {
    let (sort, header_bytes) = match page.get(start) {
        Some(0x0d) => (Sort::Table, 8),
        Some(0x0a) => (Sort::Index, 8),
        Some(0x02) => (Sort::InnerIndex, 12),
        _ => return,
    };
    let cells = u16_at(page, start + 3).unwrap_or(0);
    for cell in 0..usize::from(cells) {
        let Some(at) = u16_at(page, start + header_bytes + 2 * cell) else {
            return;
        };
        if let Some((row_id, values)) = read_cell(pages, page, usize::from(at), sort) {
            recognise(sort, row_id, values, carved);
        }
    }
}

/// The row id (0 where there is none) and the values of one row.
fn read_cell(pages: &Pages, page: &[u8], mut at: usize, sort: Sort) -> Option<(i64, Vec<Value>)> {
    if sort == Sort::InnerIndex {
        at += 4;
    }
    let length = usize::try_from(varint(page, &mut at)?).ok()?;
    let row_id = match sort {
        Sort::Table => varint(page, &mut at)?,
        Sort::Index | Sort::InnerIndex => 0,
    };
    let payload = payload(pages, page, at, length, sort)?;
    Some((row_id, record(&payload)?))
}

/// A row's bytes: those in the page, and those in the pages that overflow took.
fn payload(pages: &Pages, page: &[u8], at: usize, length: usize, sort: Sort) -> Option<Vec<u8>> {
    let most = match sort {
        Sort::Table => PAGE_BYTES - 35,
        Sort::Index | Sort::InnerIndex => (PAGE_BYTES - 12) * 64 / 255 - 23,
    };
    if length <= most {
        return Some(page.get(at..at + length)?.to_vec());
    }
    if length > OVERFLOW_PAGES_MAX * PAGE_BYTES {
        return None;
    }
    let least = (PAGE_BYTES - 12) * 32 / 255 - 23;
    let wanted = least + (length - least) % (PAGE_BYTES - 4);
    let local = if wanted <= most { wanted } else { least };
    let mut bytes = page.get(at..at + local)?.to_vec();
    let mut next = u32_at(page, at + local)?;
    while bytes.len() < length {
        let overflow = pages.page(next)?;
        let left = (length - bytes.len()).min(PAGE_BYTES - 4);
        bytes.extend_from_slice(overflow.get(4..4 + left)?);
        next = u32_at(&overflow, 0)?;
    }
    Some(bytes)
}

/// A value of a row; what our tables do not hold is `Other`.
#[derive(Debug, PartialEq)]
enum Value {
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
    Other,
}

/// The values of a record in SQLite's format.
fn record(payload: &[u8]) -> Option<Vec<Value>> {
    let mut at = 0;
    let header_end = usize::try_from(varint(payload, &mut at)?).ok()?;
    let mut body = header_end;
    let mut values = Vec::new();
    while at < header_end {
        let sort = varint(payload, &mut at)?;
        let length = match sort {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(sort).ok()?,
            5 => 6,
            6 | 7 => 8,
            12.. => usize::try_from((sort - 12) / 2).ok()?,
            _ => return None,
        };
        let bytes = payload.get(body..body.checked_add(length)?)?;
        body += length;
        values.push(match sort {
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            1..=6 => Value::Integer(big_endian(bytes)),
            12.. if sort % 2 == 0 => Value::Blob(bytes.to_vec()),
            13.. => String::from_utf8(bytes.to_vec()).map_or(Value::Other, Value::Text),
            _ => Value::Other,
        });
    }
    Some(values)
}

fn recognise(sort: Sort, row_id: i64, mut values: Vec<Value>, carved: &mut Carved) {
    if sort == Sort::Table {
        if let Some(change) = change(&mut values) {
            carved.changes.insert(row_id, change);
        }
        return;
    }
    match values.as_mut_slice() {
        [Value::Text(id), Value::Integer(kind)] => {
            if let (Ok(id), Ok(kind)) = (id.parse(), u8::try_from(*kind)) {
                carved.kinds.entry(id).or_default().insert(kind);
            }
        }
        [Value::Text(key), Value::Blob(value)] => {
            carved
                .keys
                .insert(std::mem::take(key), std::mem::take(value));
        }
        _ => {}
    }
}

fn change(values: &mut [Value]) -> Option<CarvedChange> {
    let [
        _,
        Value::Text(document),
        Value::Blob(hash),
        Value::Blob(_),
        Value::Integer(_),
        Value::Integer(_),
        Value::Text(origin),
        Value::Blob(bytes),
    ] = values
    else {
        return None;
    };
    Some(CarvedChange {
        document: document.parse().ok()?,
        hash: hash.as_slice().try_into().ok()?,
        origin: origin.parse().ok()?,
        bytes: std::mem::take(bytes),
    })
}

/// SQLite's integer of one to nine bytes.
fn varint(bytes: &[u8], at: &mut usize) -> Option<i64> {
    let mut value: u64 = 0;
    for count in 1..=9 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if count == 9 {
            value = value << 8 | u64::from(byte);
            break;
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            break;
        }
    }
    Some(value.cast_signed())
}

fn big_endian(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|first| *first >= 0x80);
    let start = if negative { -1 } else { 0 };
    bytes
        .iter()
        .fold(start, |value: i64, byte| value << 8 | i64::from(*byte))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::changes::{self, Change};
    use crate::ledger::{Store, replica};
    use uuid::Uuid;

    const CHANGES: u32 = 300;

    fn change(n: u32) -> Change {
        let mut hash = [7; 32];
        hash[..4].copy_from_slice(&n.to_be_bytes());
        // Every tenth one overflows its page.
        let length = if n.is_multiple_of(10) {
            9_000
        } else {
            20 + n as usize
        };
        Change {
            document: DocumentId(Uuid::from_u128(u128::from(n / 3))),
            kind: 1,
            hash,
            actor: vec![9; 16],
            actor_seq: u64::from(n) + 1,
            time: -1 - i64::from(n),
            bytes: vec![n as u8; length],
        }
    }

    async fn written(directory: &Path) -> Store {
        let store = Store::open(directory, &[]).unwrap();
        let write = |tx: &rusqlite::Transaction<'_>| {
            for n in 0..CHANGES {
                changes::append(tx, &change(n), ReplicaId(Uuid::from_u128(5)))?;
            }
            replica::set(tx, "laptop.key", &[3; 32])
        };
        store.write(write).await.unwrap();
        store
    }

    fn assert_whole(carved: &Carved) {
        assert_eq!(carved.changes.len(), CHANGES as usize);
        for (found, n) in carved.changes.values().zip(0..) {
            let expected = change(n);
            assert_eq!(
                (found.document, found.hash, &found.bytes),
                (expected.document, expected.hash, &expected.bytes)
            );
            assert_eq!(found.origin, ReplicaId(Uuid::from_u128(5)));
        }
        assert!(carved.kinds.values().all(|kinds| kinds.contains(&1)));
        assert_eq!(carved.keys["laptop.key"], [3; 32]);
    }

    #[tokio::test]
    async fn everything_is_found_in_the_log_and_in_the_database() {
        let directory = tempfile::tempdir().unwrap();
        let store = written(directory.path()).await;
        assert_whole(&carve(directory.path()).unwrap());
        store.close().await;
        assert!(!directory.path().join(WAL).exists());
        assert_whole(&carve(directory.path()).unwrap());
    }

    #[tokio::test]
    async fn a_page_that_is_lost_costs_its_own_rows_only() {
        let directory = tempfile::tempdir().unwrap();
        written(directory.path()).await.close().await;
        let path = directory.path().join(FILE);
        let whole = std::fs::read(&path).unwrap();
        for page in 0..whole.len() / PAGE_BYTES {
            let mut damaged = whole.clone();
            damaged[page * PAGE_BYTES..][..PAGE_BYTES].fill(0xa5);
            std::fs::write(&path, damaged).unwrap();
            let found = carve(directory.path()).unwrap().changes.len();
            assert!(found + 60 > CHANGES as usize, "page {page}: {found}");
        }
    }
}
