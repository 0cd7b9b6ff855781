//! From changes to short form.

use minicbor::bytes::ByteArray;
use rusqlite::Connection;

use super::anatomy::Anatomy;
use super::known::{self, Known};
use super::tables::Tables;
use super::{
    ACTOR_PREFIX_BYTES, Digest, HASH_PREFIX_BYTES, ID_LETTERS, MARK, NEAR_MS, SUFFIX_BYTES,
    TEXT_COLUMNS, WHOLE, leb,
};
use crate::exchange::ExchangeError;
use crate::exchange::frame::{Ask, Fresh, Rows, Tell};
use crate::exchange::wire::Encoder;
use crate::ids::DocumentId;
use crate::ledger::LedgerError;
use crate::ledger::changes::{self, Entry, Hash};

/// Writes the batches of one body, one after another.
#[derive(Debug, Default)]
pub(in crate::exchange) struct Writer {
    tables: Tables,
}

/// A batch in short form.
#[derive(Debug, Default)]
pub(in crate::exchange) struct Written {
    fresh: Vec<u8>,
    rows: Vec<u8>,
    digest: [u8; 8],
}

impl Written {
    /// Puts it into an answer, with the position that a laptop has reached once it has it.
    pub(in crate::exchange) fn tell(
        self,
        encoder: &mut Encoder,
        reached: i64,
    ) -> Result<(), ExchangeError> {
        encoder.push(&Tell::Fresh(self.fresh()))?;
        encoder.end_block()?;
        encoder.push(&Tell::Short(self.rows(Some(reached))))
    }

    /// Puts it into a request.
    pub(in crate::exchange) fn ask(self, encoder: &mut Encoder) -> Result<(), ExchangeError> {
        encoder.push(&Ask::Fresh(self.fresh()))?;
        encoder.end_block()?;
        encoder.push(&Ask::Short(self.rows(None)))
    }

    /// The frame that goes first.
    pub(super) fn fresh(&self) -> Fresh {
        Fresh {
            digest: ByteArray::from(self.digest),
            bytes: self.fresh.clone().into(),
        }
    }

    /// The frame that goes second; the cursor where it goes to a laptop.
    pub(super) fn rows(self, cursor: Option<i64>) -> Rows {
        Rows {
            cursor,
            bytes: self.rows.into(),
        }
    }
}

impl Writer {
    /// Writes a batch for a receiver who has what is `known`.
    pub(in crate::exchange) fn write(
        &mut self,
        c: &Connection,
        known: Known,
        entries: &[Entry],
    ) -> Result<Written, LedgerError> {
        self.tables.begin_batch();
        let mut row = Row {
            c,
            known,
            tables: &mut self.tables,
            written: Written::default(),
        };
        let mut digest = Digest::default();
        for entry in entries {
            row.write(entry)?;
            let change = &entry.change;
            digest.add(change.document, change.kind, &change.hash);
        }
        row.written.digest = digest.finish();
        Ok(row.written)
    }
}

/// Rows being written.
struct Row<'a> {
    c: &'a Connection,
    known: Known,
    tables: &'a mut Tables,
    written: Written,
}

impl Row<'_> {
    fn write(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let change = &entry.change;
        let (document, kind) = (change.document, change.kind);
        let parts = Anatomy::of(&change.bytes);
        let is_same = self.tables.row_before == Some((document, kind));
        let head = if is_same { 0 } else { kind };
        let whole = if parts.is_none() { WHOLE } else { 0 };
        self.written.rows.push(head | whole);
        let time = parts.as_ref().map_or(self.tables.time, |parts| parts.time);
        self.signed(time.wrapping_sub(self.tables.time));
        self.tables.time = time;
        if !is_same {
            self.document(document)?;
            self.tables.row_before = Some((document, kind));
        }
        match parts {
            None => {
                self.length(change.bytes.len());
                self.written.rows.extend_from_slice(&change.bytes);
                Ok(())
            }
            Some(parts) => self.parts(document, &parts, change.hash),
        }
    }

    fn parts(&mut self, id: DocumentId, parts: &Anatomy, hash: Hash) -> Result<(), LedgerError> {
        self.actor(id, parts.actor)?;
        match self.tables.authors.place(&parts.extra) {
            Some(place) => self.number(place),
            None => {
                self.number(0);
                self.length(parts.extra.len());
                self.written.fresh.extend_from_slice(&parts.extra);
                self.tables.authors.add(parts.extra.clone());
            }
        }
        self.dependencies(id, parts)?;
        let seen = self.tables.document(id);
        let number = difference(parts.number, seen.next_number(parts.actor));
        let operation = difference(parts.first_operation, seen.first_operation);
        seen.note(parts.actor, parts.number, parts.first_operation, hash);
        self.signed(number);
        self.signed(operation);
        self.length(parts.other_actors.len());
        for actor in &parts.other_actors {
            self.actor(id, *actor)?;
        }
        self.columns(parts)
    }

    fn columns(&mut self, parts: &Anatomy) -> Result<(), LedgerError> {
        let names: Vec<u64> = parts.columns.iter().map(|(name, _)| *name).collect();
        match self.tables.names.place(&names) {
            Some(place) => self.number(place),
            None => {
                self.number(0);
                self.length(names.len());
                names.iter().for_each(|name| self.number(*name));
                self.tables.names.add(names);
            }
        }
        for (_, content) in &parts.columns {
            self.length(content.len());
        }
        for (name, content) in &parts.columns {
            if TEXT_COLUMNS.contains(&(name & 7)) {
                self.text(content)?;
            } else {
                self.written.rows.extend_from_slice(content);
            }
        }
        Ok(())
    }

    fn dependencies(&mut self, id: DocumentId, parts: &Anatomy) -> Result<(), LedgerError> {
        let last = self.tables.document(id).last;
        match parts.dependencies[..] {
            [one] if last == Some(one) => self.number(0),
            // No ledger holds a genesis.
            [one] if !changes::is_known(self.c, &one)? => self.number(1),
            _ => {
                self.length(parts.dependencies.len() + 2);
                for hash in &parts.dependencies {
                    let prefix = &hash[..HASH_PREFIX_BYTES];
                    self.written.fresh.extend_from_slice(prefix);
                }
            }
        }
        Ok(())
    }

    fn actor(&mut self, id: DocumentId, actor: [u8; 16]) -> Result<(), LedgerError> {
        if actor == *id.as_bytes() {
            self.number(1);
        } else if let Some(ago) = self.tables.actors.ago(&actor) {
            self.number(ago + 2);
        } else if known::has_actor(self.c, &self.known, id, &actor)? {
            self.number(2);
            let prefix = &actor[..ACTOR_PREFIX_BYTES];
            self.written.fresh.extend_from_slice(prefix);
            self.tables.actors.add(actor);
        } else {
            self.number(0);
            self.written.fresh.extend_from_slice(&actor);
            self.tables.actors.add(actor);
        }
        Ok(())
    }

    fn document(&mut self, id: DocumentId) -> Result<(), LedgerError> {
        let id = *id.as_bytes();
        if !self.id(id)? {
            self.number(0);
            self.written.fresh.extend_from_slice(&id);
            self.tables.ids.add(id);
        }
        Ok(())
    }

    /// Writes an id in one of the short ways, if one fits.
    fn id(&mut self, id: [u8; 16]) -> Result<bool, LedgerError> {
        if let Some(ago) = self.tables.ids.ago(&id) {
            self.number(ago + 2);
            return Ok(true);
        }
        let document = DocumentId(uuid::Uuid::from_bytes(id));
        if self.known.has(self.c, document)? {
            self.number(1);
            let suffix = &id[id.len() - SUFFIX_BYTES..];
            self.written.fresh.extend_from_slice(suffix);
        } else if let Some(ms) = near(id, self.tables.time) {
            self.number(2);
            self.signed(ms);
            self.written.fresh.extend_from_slice(&id[6..]);
        } else {
            return Ok(false);
        }
        self.tables.ids.add(id);
        Ok(true)
    }

    fn text(&mut self, text: &[u8]) -> Result<(), LedgerError> {
        let (mut at, mut letters_end) = (0, 0);
        while let Some(byte) = text.get(at) {
            if letters_end <= at {
                let letters = text[at..].iter().take_while(|byte| is_letter(**byte));
                letters_end = at + letters.count();
            }
            if letters_end - at >= ID_LETTERS
                && let Some(id) = id_in(&text[at..at + ID_LETTERS])
            {
                let before = self.written.rows.len();
                self.written.rows.push(MARK);
                if self.id(id)? {
                    at += ID_LETTERS;
                    continue;
                }
                self.written.rows.truncate(before);
            }
            self.written.rows.push(*byte);
            if *byte == MARK {
                self.number(0);
            }
            at += 1;
        }
        Ok(())
    }

    fn number(&mut self, number: u64) {
        leb::put(&mut self.written.rows, number);
    }

    fn length(&mut self, length: usize) {
        leb::put_length(&mut self.written.rows, length);
    }

    fn signed(&mut self, number: i64) {
        leb::put_signed(&mut self.written.rows, number);
    }
}

/// How far `number` is from the expected one; any two numbers have a difference that returns.
fn difference(number: u64, expected: u64) -> i64 {
    number.wrapping_sub(expected).cast_signed()
}

/// For a UUIDv7 drawn near this time, how far from it.
fn near(id: [u8; 16], time: i64) -> Option<i64> {
    let uuid = uuid::Uuid::from_bytes(id);
    if uuid.get_version_num() != 7 {
        return None;
    }
    let ms = (uuid.as_u128() >> 80) as i64;
    Some(ms.wrapping_sub(time)).filter(|ms| (-NEAR_MS..NEAR_MS).contains(ms))
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// The id that these letters are.
fn id_in(letters: &[u8]) -> Option<[u8; 16]> {
    let letters = std::str::from_utf8(letters).ok()?;
    let id: DocumentId = letters.parse().ok()?;
    // Other letters seldom make a UUID of a known version: fewer questions to the ledger.
    matches!(id.0.get_version_num(), 4 | 5 | 7).then_some(*id.as_bytes())
}
