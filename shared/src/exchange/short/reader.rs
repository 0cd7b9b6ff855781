//! From short form to changes.

use rusqlite::Connection;

use super::anatomy::Anatomy;
use super::known;
use super::leb::Bytes;
use super::tables::Tables;
use super::{Digest, MARK, TEXT_COLUMNS, WHOLE};
use crate::document::foreign::claimed_hash;
use crate::exchange::ExchangeError;
use crate::exchange::frame::{Fresh, Rows};
use crate::exchange::wire::{FRAME_BYTES_MAX, FRAME_ITEMS_MAX};
use crate::ids::DocumentId;
use crate::ledger::LedgerError;
use crate::ledger::changes::Hash;
use crate::site::Foreign;

/// Reads the batches of one body, one after another.
#[derive(Debug, Default)]
pub(in crate::exchange) struct Reader {
    tables: Tables,
}

/// Why a batch was not read.
#[derive(Debug)]
pub(in crate::exchange) enum Unread {
    /// It refers to something that is not here, or a guess was wrong: it must come as plain changes.
    Unclear,
    /// It is none, or too large.
    Malformed,
    /// This side's store.
    Ledger(LedgerError),
}

impl From<LedgerError> for Unread {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<rusqlite::Error> for Unread {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<Unread> for ExchangeError {
    fn from(unread: Unread) -> Self {
        match unread {
            // Where nobody can be asked to send it otherwise.
            Unread::Unclear => Self::Unexpected("modifications abrégées"),
            Unread::Malformed => Self::Malformed,
            Unread::Ledger(error) => error.into(),
        }
    }
}

impl Reader {
    /// The changes of a batch. Whatever it answers, nothing is written.
    pub(in crate::exchange) fn read(
        &mut self,
        c: &Connection,
        fresh: &Fresh,
        rows: &Rows,
    ) -> Result<Vec<Foreign>, Unread> {
        self.tables.begin_batch();
        let mut row = Row {
            c,
            tables: &mut self.tables,
            rows: Bytes(&rows.bytes),
            fresh: Bytes(&fresh.bytes),
            hashes: Vec::new(),
        };
        let mut changes = Vec::new();
        let (mut bytes, mut found) = (0, Digest::default());
        while !row.rows.0.is_empty() {
            let (foreign, hash) = row.read()?;
            bytes += foreign.bytes.len();
            found.add(foreign.document, foreign.kind, &hash);
            row.hashes.push((foreign.document, hash));
            changes.push(foreign);
            if bytes > FRAME_BYTES_MAX || changes.len() > FRAME_ITEMS_MAX {
                return Err(Unread::Malformed);
            }
        }
        if !row.fresh.0.is_empty() {
            return Err(Unread::Malformed);
        }
        if found.finish() == *fresh.digest {
            Ok(changes)
        } else {
            Err(Unread::Unclear)
        }
    }
}

/// Rows being read.
struct Row<'a> {
    c: &'a Connection,
    tables: &'a mut Tables,
    rows: Bytes<'a>,
    fresh: Bytes<'a>,
    /// What the rows of this batch have been so far.
    hashes: Vec<(DocumentId, Hash)>,
}

impl Row<'_> {
    fn read(&mut self) -> Result<(Foreign, Hash), Unread> {
        let head = self.rows.byte().ok_or(Unread::Malformed)?;
        self.tables.time = self.tables.time.wrapping_add(self.signed()?);
        let (document, kind) = match head & !WHOLE {
            0 => self.tables.row_before.ok_or(Unread::Malformed)?,
            kind => (DocumentId(uuid::Uuid::from_bytes(self.id()?)), kind),
        };
        self.tables.row_before = Some((document, kind));
        let (bytes, hash) = if head & WHOLE == 0 {
            self.parts(document, kind)?
        } else {
            let bytes = self.rows.with_length().ok_or(Unread::Malformed)?;
            (bytes.to_vec(), claimed_hash(bytes))
        };
        let foreign = Foreign {
            document,
            kind,
            bytes,
        };
        Ok((foreign, hash))
    }

    fn parts(&mut self, id: DocumentId, kind: u8) -> Result<(Vec<u8>, Hash), Unread> {
        let actor = self.actor(id)?;
        let extra = self.author()?;
        let dependencies = self.dependencies(id, kind)?;
        let (number, operation) = (self.signed()?, self.signed()?);
        let seen = self.tables.document(id);
        let number = seen.next_number(actor).wrapping_add_signed(number);
        let first_operation = seen.first_operation.wrapping_add_signed(operation);
        let mut other_actors = Vec::new();
        for _ in 0..self.count()? {
            other_actors.push(self.actor(id)?);
        }
        let parts = Anatomy {
            dependencies,
            actor,
            number,
            first_operation,
            time: self.tables.time,
            other_actors,
            columns: self.columns()?,
            extra,
        };
        let (bytes, hash) = parts.build();
        self.tables
            .document(id)
            .note(actor, number, first_operation, hash);
        Ok((bytes, hash))
    }

    fn author(&mut self) -> Result<Vec<u8>, Unread> {
        match self.number()? {
            0 => {
                let length = self.length()?;
                let author = self.fresh.take(length).ok_or(Unread::Malformed)?.to_vec();
                self.tables.authors.add(author.clone());
                Ok(author)
            }
            place => {
                let author = self.tables.authors.at_place(place);
                author.cloned().ok_or(Unread::Malformed)
            }
        }
    }

    fn dependencies(&mut self, id: DocumentId, kind: u8) -> Result<Vec<Hash>, Unread> {
        match self.number()? {
            0 => {
                let last = self.tables.document(id).last;
                Ok(vec![last.ok_or(Unread::Malformed)?])
            }
            1 => Ok(vec![known::genesis(id, kind).ok_or(Unread::Unclear)?]),
            more => {
                let in_batch: Vec<Hash> = self
                    .hashes
                    .iter()
                    .filter(|(of, _)| *of == id)
                    .map(|(_, hash)| *hash)
                    .collect();
                let mut hashes = Vec::new();
                for _ in 2..more {
                    let prefix = self.fresh.array().ok_or(Unread::Malformed)?;
                    let hash = known::hash_beginning(self.c, id, kind, prefix, &in_batch)?;
                    hashes.push(hash.ok_or(Unread::Unclear)?);
                }
                Ok(hashes)
            }
        }
    }

    fn actor(&mut self, id: DocumentId) -> Result<[u8; 16], Unread> {
        let actor = match self.number()? {
            0 => self.fresh.array().ok_or(Unread::Malformed)?,
            1 => return Ok(*id.as_bytes()),
            2 => {
                let prefix = self.fresh.array().ok_or(Unread::Malformed)?;
                let actor = known::actor_beginning(self.c, id, prefix)?;
                actor.ok_or(Unread::Unclear)?
            }
            ago => {
                let actor = self.tables.actors.at(ago - 2);
                return actor.copied().ok_or(Unread::Malformed);
            }
        };
        self.tables.actors.add(actor);
        Ok(actor)
    }

    fn id(&mut self) -> Result<[u8; 16], Unread> {
        let code = self.number()?;
        self.id_of(code)
    }

    fn id_of(&mut self, code: u64) -> Result<[u8; 16], Unread> {
        let id = match code {
            0 => self.fresh.array().ok_or(Unread::Malformed)?,
            1 => {
                let suffix = self.fresh.array().ok_or(Unread::Malformed)?;
                let id = known::document_ending(self.c, suffix)?;
                *id.ok_or(Unread::Unclear)?.as_bytes()
            }
            2 => {
                let ms = self.tables.time.wrapping_add(self.signed()?);
                let rest: [u8; 10] = self.fresh.array().ok_or(Unread::Malformed)?;
                let mut id = [0; 16];
                id[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
                id[6..].copy_from_slice(&rest);
                id
            }
            ago => {
                let id = self.tables.ids.at(ago - 2);
                return id.copied().ok_or(Unread::Malformed);
            }
        };
        self.tables.ids.add(id);
        Ok(id)
    }

    fn columns(&mut self) -> Result<Vec<(u64, Vec<u8>)>, Unread> {
        let names = match self.number()? {
            0 => {
                let mut names = Vec::new();
                for _ in 0..self.count()? {
                    names.push(self.number()?);
                }
                self.tables.names.add(names.clone());
                names
            }
            place => {
                let names = self.tables.names.at_place(place);
                names.cloned().ok_or(Unread::Malformed)?
            }
        };
        let mut lengths = Vec::new();
        for _ in &names {
            lengths.push(self.length()?);
        }
        let mut columns = Vec::new();
        for (name, length) in names.into_iter().zip(lengths) {
            let content = if TEXT_COLUMNS.contains(&(name & 7)) {
                self.text(length)?
            } else {
                self.rows.take(length).ok_or(Unread::Malformed)?.to_vec()
            };
            columns.push((name, content));
        }
        Ok(columns)
    }

    fn text(&mut self, length: usize) -> Result<Vec<u8>, Unread> {
        if length > FRAME_BYTES_MAX {
            return Err(Unread::Malformed);
        }
        let mut text = Vec::new();
        while text.len() < length {
            match self.rows.byte().ok_or(Unread::Malformed)? {
                MARK => match self.number()? {
                    0 => text.push(MARK),
                    code => {
                        let id = DocumentId(uuid::Uuid::from_bytes(self.id_of(code)?));
                        text.extend_from_slice(id.to_string().as_bytes());
                    }
                },
                byte => text.push(byte),
            }
        }
        if text.len() == length {
            Ok(text)
        } else {
            Err(Unread::Malformed)
        }
    }

    fn number(&mut self) -> Result<u64, Unread> {
        self.rows.number().ok_or(Unread::Malformed)
    }

    fn signed(&mut self) -> Result<i64, Unread> {
        self.rows.signed().ok_or(Unread::Malformed)
    }

    fn length(&mut self) -> Result<usize, Unread> {
        self.rows.length().ok_or(Unread::Malformed)
    }

    /// A number of things of at least one byte each.
    fn count(&mut self) -> Result<usize, Unread> {
        let count = self.length()?;
        if count <= self.rows.0.len() {
            Ok(count)
        } else {
            Err(Unread::Malformed)
        }
    }
}
