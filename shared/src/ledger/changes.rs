//! Changes: append, read by document, read since a position.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension, Row};

use super::{Fingerprint, LedgerError, erasures, replica};
use crate::ids::{DocumentId, ReplicaId};
use crate::time::Timestamp;

/// Counts the changes that were withdrawn.
const WITHDRAWN: &str = "ledger.withdrawn";

/// SHA-256 that identifies a change.
pub type Hash = [u8; 32];

/// One change as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The document that it belongs to.
    pub document: DocumentId,
    /// Kind number of the document.
    pub kind: u8,
    /// What identifies it.
    pub hash: Hash,
    /// Who wrote it: one run of one program for one agent.
    pub actor: Vec<u8>,
    /// Its number among the changes of its actor in this document, from 1.
    pub actor_seq: u64,
    /// Its stamp, in milliseconds since 1970.
    pub time: i64,
    /// The bytes, uncompressed.
    pub bytes: Vec<u8>,
}

impl Change {
    /// Bytes that it takes in a message, at most: its own, and the document id and lengths beside them.
    #[must_use]
    pub fn weight(&self) -> usize {
        const BESIDE_BYTES: usize = 32;
        self.bytes.len() + BESIDE_BYTES
    }
}

/// A change with its place in this ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Position: later ones are greater; not the same on two sites.
    pub seq: i64,
    /// The replica that it came from.
    pub origin: ReplicaId,
    /// The change.
    pub change: Change,
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It was new and stands at this position.
    New(i64),
    /// The ledger had it already; nothing changed.
    Known,
    /// Another change has the same document, actor and number (a cloned laptop); nothing changed.
    ActorClash,
    /// The document is of another kind here; nothing changed.
    KindClash,
    /// The document was erased then; nothing changed.
    Erased(Timestamp),
}

/// Appends a change; idempotent by hash. Keeps the fingerprint in the same transaction.
///
/// # Errors
/// What SQLite says.
pub fn append(
    connection: &Connection,
    change: &Change,
    origin: ReplicaId,
) -> Result<Appended, LedgerError> {
    if is_known(connection, &change.hash)? {
        return Ok(Appended::Known);
    }
    if let Some(at) = erasures::at(connection, change.document)? {
        return Ok(Appended::Erased(at));
    }
    if !ensure_document(connection, change.document, change.kind)? {
        return Ok(Appended::KindClash);
    }
    let inserted = connection
        .prepare_cached(
            "INSERT INTO change (document, hash, actor, actor_seq, time, origin, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        )?
        .execute((
            change.document,
            change.hash,
            &change.actor,
            i64::try_from(change.actor_seq).unwrap_or(i64::MAX),
            change.time,
            origin,
            &change.bytes,
        ))?;
    if inserted == 0 {
        return Ok(Appended::ActorClash);
    }
    let seq = connection.last_insert_rowid();
    let mut fingerprint = replica::fingerprint(connection)?;
    fingerprint.add(&change.hash);
    replica::set_fingerprint(connection, &fingerprint)?;
    Ok(Appended::New(seq))
}

/// Takes a change out again: only for one that turns out, once its dependencies have come, not to be one.
///
/// # Errors
/// What SQLite says.
pub fn withdraw(connection: &Connection, hash: &Hash) -> Result<(), LedgerError> {
    let removed = connection
        .prepare_cached("DELETE FROM change WHERE hash = ?1")?
        .execute([hash])?;
    if removed == 1 {
        let mut fingerprint = replica::fingerprint(connection)?;
        fingerprint.subtract(hash);
        replica::set_fingerprint(connection, &fingerprint)?;
        let withdrawn = replica::number(connection, WITHDRAWN)?;
        replica::set_number(connection, WITHDRAWN, withdrawn + 1)?;
    }
    Ok(())
}

/// How much has ever left the ledger again: as long as this stays the same, what lies between two positions does.
///
/// # Errors
/// What SQLite says.
pub fn removals(connection: &Connection) -> Result<i64, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM erasure")?;
    let erased: i64 = statement.query_row([], |row| row.get(0))?;
    Ok(erased + replica::number(connection, WITHDRAWN)?)
}

/// Takes out the row at a position, whatever it holds; the fingerprint is to be counted anew ([`recount`]) in the same
/// transaction.
///
/// # Errors
/// What SQLite says.
pub fn take_out(connection: &Connection, seq: i64) -> Result<(), LedgerError> {
    connection
        .prepare_cached("DELETE FROM change WHERE seq = ?1")?
        .execute([seq])?;
    let withdrawn = replica::number(connection, WITHDRAWN)?;
    replica::set_number(connection, WITHDRAWN, withdrawn + 1)
}

/// Counts the fingerprint anew from every change and erasure, and keeps it where it was wrong; says whether it was.
///
/// # Errors
/// What SQLite says.
pub fn recount(connection: &Connection) -> Result<bool, LedgerError> {
    let mut fingerprint = Fingerprint::default();
    // Not from the index, which may have rotted by itself.
    let mut statement = connection
        .prepare_cached("SELECT hash FROM change NOT INDEXED UNION ALL SELECT hash FROM erasure")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        fingerprint.add(&row.get(0)?);
    }
    // A kept one that does not read is as wrong.
    let was_wrong = replica::fingerprint(connection).ok() != Some(fingerprint);
    if was_wrong {
        replica::set_fingerprint(connection, &fingerprint)?;
    }
    Ok(was_wrong)
}

fn ensure_document(connection: &Connection, id: DocumentId, kind: u8) -> Result<bool, LedgerError> {
    connection
        .prepare_cached("INSERT INTO document (id, kind) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute((id, kind))?;
    Ok(kind_of(connection, id)? == Some(kind))
}

/// Whether the ledger holds a change with this hash.
///
/// # Errors
/// What SQLite says.
pub fn is_known(connection: &Connection, hash: &Hash) -> Result<bool, LedgerError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM change WHERE hash = ?1")?
        .exists([hash])?)
}

/// The kind number of a document, if the ledger has heard of it.
///
/// # Errors
/// What SQLite says.
pub fn kind_of(connection: &Connection, id: DocumentId) -> Result<Option<u8>, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT kind FROM document WHERE id = ?1")?;
    Ok(statement.query_row([id], |row| row.get(0)).optional()?)
}

/// Every document with its kind number, oldest id first.
///
/// # Errors
/// What SQLite says.
pub fn documents(connection: &Connection) -> Result<Vec<(DocumentId, u8)>, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT id, kind FROM document ORDER BY id")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The bytes of a document's changes, in order of arrival.
///
/// # Errors
/// What SQLite says.
pub fn of_document(connection: &Connection, id: DocumentId) -> Result<Vec<Vec<u8>>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT bytes FROM change WHERE document = ?1 ORDER BY seq")?;
    let rows = statement.query_map([id], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The latest stamp among a document's changes.
///
/// # Errors
/// What SQLite says.
pub fn last_stamp(
    connection: &Connection,
    id: DocumentId,
) -> Result<Option<Timestamp>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT max(time) FROM change WHERE document = ?1")?;
    let stamp: Option<i64> = statement.query_row([id], |row| row.get(0))?;
    Ok(stamp.map(Timestamp))
}

/// At most `limit` entries after position `after` that did not come from `except`, in order.
///
/// # Errors
/// What SQLite says.
pub fn since(
    connection: &Connection,
    after: i64,
    except: ReplicaId,
    limit: usize,
) -> Result<Vec<Entry>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, document, kind, hash, actor, actor_seq, time, origin, bytes
         FROM change JOIN document ON document.id = document
         WHERE seq > ?1 AND origin <> ?2 ORDER BY seq LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map((after, except, limit), entry)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The entries at these positions that did not come from `except`, in order: as many as `changes_max` and
/// `weight_max` allow but at least one, and whether there are more.
///
/// # Errors
/// What SQLite says.
pub fn portion_since(
    connection: &Connection,
    positions: RangeInclusive<i64>,
    except: ReplicaId,
    changes_max: usize,
    weight_max: usize,
) -> Result<(Vec<Entry>, bool), LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, document, kind, hash, actor, actor_seq, time, origin, bytes
         FROM change JOIN document ON document.id = document
         WHERE seq BETWEEN ?1 AND ?2 AND origin <> ?3 ORDER BY seq",
    )?;
    let mut portion: Vec<Entry> = Vec::new();
    let mut weight = 0;
    let (first, last) = positions.into_inner();
    for row in statement.query_map((first, last, except), entry)? {
        let next = row?;
        weight += next.change.weight();
        if !portion.is_empty() && (portion.len() >= changes_max || weight > weight_max) {
            return Ok((portion, true));
        }
        portion.push(next);
    }
    Ok((portion, false))
}

/// The entry with this hash.
///
/// # Errors
/// What SQLite says.
pub fn by_hash(connection: &Connection, hash: &Hash) -> Result<Option<Entry>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, document, kind, hash, actor, actor_seq, time, origin, bytes
         FROM change JOIN document ON document.id = document WHERE hash = ?1",
    )?;
    Ok(statement.query_row([hash], entry).optional()?)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let change = Change {
        document: row.get(1)?,
        kind: row.get(2)?,
        hash: row.get(3)?,
        actor: row.get(4)?,
        actor_seq: row.get::<_, i64>(5)?.unsigned_abs(),
        time: row.get(6)?,
        bytes: row.get(8)?,
    };
    Ok(Entry {
        seq: row.get(0)?,
        origin: row.get(7)?,
        change,
    })
}

/// The last position given, to a change or an erasure; 0 when the ledger is empty.
///
/// # Errors
/// What SQLite says.
pub fn last_seq(connection: &Connection) -> Result<i64, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'change'")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Whether there is anything after `after` that did not come from `except`.
///
/// # Errors
/// What SQLite says.
pub fn is_any_since(
    connection: &Connection,
    after: i64,
    except: ReplicaId,
) -> Result<bool, LedgerError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM change WHERE seq > ?1 AND origin <> ?2 LIMIT 1")?
        .exists((after, except))?)
}

/// The last change at or before position `upto`: its position and hash.
///
/// # Errors
/// What SQLite says.
pub fn last_upto(connection: &Connection, upto: i64) -> Result<Option<(i64, Hash)>, LedgerError> {
    let mut statement = connection
        .prepare_cached("SELECT seq, hash FROM change WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1")?;
    let last = statement.query_row([upto], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(last.optional()?)
}

/// The hash of the change at position `seq`, if there is one.
///
/// # Errors
/// What SQLite says.
pub fn hash_at(connection: &Connection, seq: i64) -> Result<Option<Hash>, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT hash FROM change WHERE seq = ?1")?;
    Ok(statement.query_row([seq], |row| row.get(0)).optional()?)
}

/// Position, hash and origin of every change, in order.
///
/// # Errors
/// What SQLite says.
pub fn places(connection: &Connection) -> Result<Vec<(i64, Hash, ReplicaId)>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT seq, hash, origin FROM change ORDER BY seq")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many changes after `after` did not come from `except`, and in how many documents.
///
/// # Errors
/// What SQLite says.
pub fn count_since(
    connection: &Connection,
    after: i64,
    except: ReplicaId,
) -> Result<(u64, u64), LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*), count(DISTINCT document) FROM change WHERE seq > ?1 AND origin <> ?2",
    )?;
    let (changes, documents): (i64, i64) =
        statement.query_row((after, except), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((changes.unsigned_abs(), documents.unsigned_abs()))
}

/// The fingerprint of the changes after `after` that did not come from `except`.
///
/// # Errors
/// What SQLite says.
pub fn fingerprint_since(
    connection: &Connection,
    after: i64,
    except: ReplicaId,
) -> Result<Fingerprint, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT hash FROM change WHERE seq > ?1 AND origin <> ?2")?;
    let mut rows = statement.query((after, except))?;
    let mut fingerprint = Fingerprint::default();
    while let Some(row) = rows.next()? {
        fingerprint.add(&row.get(0)?);
    }
    Ok(fingerprint)
}
