//! Bit rot: a change whose bytes are no longer those that were written. SQLite gives them out as data.
//!
//! Every change is looked at before it is sent, and all of them by [`Site::check`]. One that does not fit its hash, or
//! whose document is not there, is taken out: where the bytes are whole, and it is what stands beside them that rotted, it
//! is put back right; else the bytes are set aside. The other sites have it, or it would be the only one: the proof of the
//! next exchange fails, the comparison finds it lacking here, and it comes back.
//!
//! Noticed as well: rot in the kept fingerprint (counted anew here), in the structure of pages, in an index of the
//! ledger. Not noticed by this: rot in the view (it can be dropped and made again), in a change's time or origin beside
//! its bytes (what they decide, the proof corrects), in a position (likewise), in a private key (the other side says so).

use rusqlite::{Connection, OptionalExtension};

use super::{Foreign, Site, SiteError, Work, open_document, unparsed};
use crate::document::{Kind, foreign};
use crate::ids::{DocumentId, ReplicaId};
use crate::ledger::changes::{self, Entry, Hash};
use crate::ledger::{LedgerError, quarantine, replica};
use crate::time::Timestamp;
use crate::view;

/// Changes looked at in one snapshot.
const PORTION: i64 = 2_000;
const NOTICED: &str = "rot.noticed";
const COUNT: &str = "rot.changes";
/// Why bytes are set aside.
const REASON: &str = "octets abîmés sur le disque\u{a0}: la modification revient d’un autre poste au prochain échange";

/// What a look at everything has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Changes that were rotten, put right where that was possible.
    pub rotten: u64,
    /// Whether the kept fingerprint was not that of the changes; it is now.
    pub was_miscounted: bool,
}

/// The positions of those entries whose bytes do not fit their hash.
#[must_use]
pub fn rotten(entries: &[Entry]) -> Vec<i64> {
    let rotten = entries
        .iter()
        .filter(|entry| !foreign::is_sound(&entry.change.hash, &entry.change.bytes));
    rotten.map(|entry| entry.seq).collect()
}

/// When changes were last found rotten here, and how many since the beginning.
///
/// # Errors
/// When a row is damaged.
pub fn noticed(connection: &Connection) -> Result<Option<(Timestamp, u64)>, LedgerError> {
    match replica::number(connection, NOTICED)? {
        0 => Ok(None),
        at => {
            let count = replica::number(connection, COUNT)?;
            Ok(Some((Timestamp(at), count.unsigned_abs())))
        }
    }
}

impl Site {
    /// Looks through the pages of the database and at every change, and puts right what can be.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] when the pages do not hang together, or what the store says.
    pub async fn check(&self) -> Result<Checked, SiteError> {
        self.store.check().await?;
        let mut checked = Checked::default();
        let mut after = 0;
        loop {
            let (rotten, last) = self.read(move |c| Ok(rotten_after(c, after)?)).await?;
            checked.rotten += rotten.len() as u64;
            if !rotten.is_empty() {
                self.mend(rotten).await?;
            }
            match last {
                Some(last) => after = last,
                None => break,
            }
        }
        checked.was_miscounted = self
            .write(|work| Ok(changes::recount(work.connection())?))
            .await?;
        if checked.was_miscounted {
            tracing::error!("the fingerprint was not that of the changes; counted anew");
        }
        Ok(checked)
    }

    /// Takes out the changes at these positions, which are rotten, and puts back those whose bytes are whole.
    ///
    /// # Errors
    /// What the store says.
    pub async fn mend(&self, rotten: Vec<i64>) -> Result<(), SiteError> {
        self.write(move |work| {
            let mut count = replica::number(work.connection(), COUNT)?;
            for seq in rotten {
                work.mend(seq)?;
                count += 1;
            }
            let now = work.site.clock.now();
            replica::set_number(work.connection(), NOTICED, now.0)?;
            replica::set_number(work.connection(), COUNT, count)?;
            changes::recount(work.connection())?;
            Ok(())
        })
        .await
    }
}

impl Work<'_> {
    fn mend(&mut self, seq: i64) -> Result<(), SiteError> {
        let Some((document, origin, bytes)) = row(self.tx, seq)? else {
            return Ok(());
        };
        changes::take_out(self.tx, seq)?;
        let known = changes::kind_of(self.tx, document)?.and_then(Kind::from_number);
        let kind = known.or_else(|| foreign::kind_by_genesis(document, &bytes));
        let whole = kind.and_then(|kind| foreign::parse(document, kind, bytes.clone()).ok());
        tracing::error!(%document, seq, is_whole = whole.is_some(), "a change was rotten");
        match whole {
            Some(change) => {
                changes::append(self.tx, &change, origin)?;
            }
            None => {
                let kind = kind.map_or(0, Kind::number);
                let rotten = unparsed(Foreign {
                    document,
                    kind,
                    bytes,
                });
                quarantine::put(self.tx, &rotten, origin, self.site.clock.now(), REASON)?;
            }
        }
        if let Ok(Some(mut document)) = open_document(self.tx, document) {
            view::project(self.tx, &mut document)?;
        }
        Ok(())
    }
}

/// The positions of what is rotten among the changes after `after`, and that of the last one looked at.
pub(super) fn rotten_after(
    connection: &Connection,
    after: i64,
) -> Result<(Vec<i64>, Option<i64>), LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, hash, bytes, EXISTS (SELECT 1 FROM document WHERE id = document)
         FROM change WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let mut rows = statement.query((after, PORTION))?;
    let (mut rotten, mut last) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        let seq = row.get(0)?;
        last = Some(seq);
        let hash = Hash::try_from(row.get_ref(1)?.as_blob().unwrap_or_default());
        let bytes = row.get_ref(2)?.as_blob().unwrap_or_default();
        let is_sound = hash.is_ok_and(|hash| foreign::is_sound(&hash, bytes));
        if !is_sound || !row.get::<_, bool>(3)? {
            rotten.push(seq);
        }
    }
    Ok((rotten, last))
}

fn row(
    connection: &Connection,
    seq: i64,
) -> Result<Option<(DocumentId, ReplicaId, Vec<u8>)>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT document, origin, bytes FROM change WHERE seq = ?1")?;
    let found = statement.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    Ok(found.optional()?)
}
