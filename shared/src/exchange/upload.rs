//! What a laptop puts into one request: the changes that the hub may lack, as many as a piece holds.

use rusqlite::Connection;

use crate::ids::ReplicaId;
use crate::ledger::LedgerError;
use crate::ledger::changes::{self, Entry, Hash};
use crate::ledger::erasures::Erasure;
use crate::site::{Site, rot};

use super::erased::{RECORD_BYTES, RECORDS_MAX};
use super::frame::{Ask, Batch};
use super::position::Position;
use super::short::{Known, Writer};
use super::wire::{BATCH_BYTES, BATCH_CHANGES, Encoder};
use super::{ExchangeError, REQUEST_CHANGES_MAX, difference};

/// What one request carries; once the hub has answered, what it has confirmed.
#[derive(Debug, Default)]
pub(super) struct Upload {
    /// How many changes.
    pub(super) changes: u64,
    /// Position in this ledger up to which the hub then has everything that did not come from it.
    pub(super) upto: i64,
    /// Those among the changes that the hub was known to lack.
    pub(super) lacked: Vec<Hash>,
    /// Position in this ledger up to which what the hub is known to lack has been sent.
    pub(super) lacked_after: i64,
    /// Whether there is more than the piece could hold.
    pub(super) is_full: bool,
}

impl Upload {
    /// A request without changes confirms nothing.
    pub(super) fn none(position: &Position) -> Self {
        Self {
            upto: position.acked,
            ..Self::default()
        }
    }
}

/// One batch read from the ledger.
struct Portion {
    entries: Vec<Entry>,
    lacked: bool,
    upto: i64,
    is_last: bool,
}

/// Adds the erasures that the hub has lost, before any changes, up to `body_bytes_max`.
pub(super) async fn add_erasures(
    site: &Site,
    upload: &mut Upload,
    encoder: &mut Encoder,
    body: &mut Vec<u8>,
    body_bytes_max: usize,
) -> Result<(), ExchangeError> {
    let room = (body_bytes_max / RECORD_BYTES).max(1);
    let mut lacking = site
        .read(move |c| Ok(difference::lacking_erasures(c, room + 1)?))
        .await?;
    upload.is_full = lacking.len() > room;
    lacking.truncate(room);
    for portion in lacking.chunks(RECORDS_MAX) {
        let (hashes, records): (Vec<Hash>, Vec<Erasure>) = portion.iter().cloned().unzip();
        let records = records.into_iter().map(Into::into).collect();
        encoder.push(&Ask::Erased(records))?;
        body.extend(encoder.flush()?);
        upload.changes += hashes.len() as u64;
        upload.lacked.extend(hashes);
    }
    Ok(())
}

/// Fills `body` up to `body_bytes_max` with changes; one that is larger than that goes alone.
pub(super) async fn fill(
    site: &Site,
    position: &Position,
    mut upload: Upload,
    is_short: bool,
    encoder: &mut Encoder,
    body: &mut Vec<u8>,
    body_bytes_max: usize,
) -> Result<Upload, ExchangeError> {
    if upload.is_full {
        return Ok(upload);
    }
    let hub = position.hub;
    let known = Known {
        upto: position.acked,
        receiver: hub,
    };
    let mut writer = is_short.then(Writer::default);
    loop {
        let room = body_bytes_max.saturating_sub(body.len()).min(BATCH_BYTES);
        let (after, count) = (upload.upto, BATCH_CHANGES);
        let lacked_after = upload.lacked_after;
        let (portion, written, kept, rotten) = site
            .read(move |c| {
                let portion = next_portion(c, lacked_after, after, hub, count, room)?;
                let rotten = rot::rotten(&portion.entries);
                if !rotten.is_empty() {
                    return Ok((portion, None, writer, rotten));
                }
                // A hub that lacks what it should have is not to be expected to understand references.
                let written = match &mut writer {
                    Some(writer) if !portion.lacked => {
                        Some(writer.write(c, known, &portion.entries)?)
                    }
                    _ => None,
                };
                Ok((portion, written, writer, rotten))
            })
            .await?;
        writer = kept;
        if !rotten.is_empty() {
            site.mend(rotten).await?;
            continue;
        }
        let weight: usize = portion.entries.iter().map(|e| e.change.weight()).sum();
        let is_closed = weight > room
            || upload.changes + portion.entries.len() as u64 > REQUEST_CHANGES_MAX as u64
            || encoder.is_nearly_swollen();
        if is_closed && upload.changes > 0 && !portion.entries.is_empty() {
            upload.is_full = true;
            return Ok(upload);
        }
        upload.changes += portion.entries.len() as u64;
        upload.upto = portion.upto;
        if portion.lacked {
            upload.lacked_after = portion.entries.last().map_or(lacked_after, |e| e.seq);
            let hashes = portion.entries.iter().map(|e| e.change.hash);
            upload.lacked.extend(hashes);
        }
        if !portion.entries.is_empty() {
            match written {
                Some(written) => written.ask(encoder)?,
                None => encoder.push(&Ask::Changes(Batch::of(portion.entries, None)))?,
            }
            body.extend(encoder.flush()?);
        }
        if portion.is_last {
            return Ok(upload);
        }
    }
}

fn next_portion(
    connection: &Connection,
    lacked_after: i64,
    after: i64,
    hub: ReplicaId,
    changes_max: usize,
    weight_max: usize,
) -> Result<Portion, LedgerError> {
    let lacked = difference::lacking(connection, lacked_after, changes_max)?;
    if !lacked.is_empty() {
        return Ok(Portion {
            entries: by_hashes(connection, lacked, changes_max, weight_max)?.0,
            lacked: true,
            upto: after,
            is_last: false,
        });
    }
    let (entries, more) = changes::portion_since(
        connection,
        after.saturating_add(1)..=i64::MAX,
        hub,
        changes_max,
        weight_max,
    )?;
    let upto = match entries.last() {
        Some(last) if more => last.seq,
        _ => changes::last_seq(connection)?.max(after),
    };
    Ok(Portion {
        entries,
        lacked: false,
        upto,
        is_last: !more,
    })
}

/// The entries with these hashes that the ledger holds, in the order asked for: as many as `changes_max` and
/// `weight_max` allow but at least one; and the hashes that are left.
pub(super) fn by_hashes(
    connection: &Connection,
    mut hashes: Vec<Hash>,
    changes_max: usize,
    weight_max: usize,
) -> Result<(Vec<Entry>, Vec<Hash>), LedgerError> {
    let mut entries: Vec<Entry> = Vec::new();
    let (mut weight, mut looked_up) = (0, 0);
    for hash in &hashes {
        if let Some(entry) = changes::by_hash(connection, hash)? {
            weight += entry.change.weight();
            if !entries.is_empty() && (entries.len() >= changes_max || weight > weight_max) {
                break;
            }
            entries.push(entry);
        }
        looked_up += 1;
    }
    let left = hashes.split_off(looked_up);
    Ok((entries, left))
}
