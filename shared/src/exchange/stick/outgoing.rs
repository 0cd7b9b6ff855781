//! The laptop's file for its hub: everything that the hub may lack, and where the laptop stands.
//!
//! The bodies are requests of the exchange, each within the limits of one, that ask for nothing: the hub writes by
//! itself what the laptop may lack.

use std::io::Write;

use ed25519_dalek::SigningKey;
use minicbor::bytes::ByteArray;

use super::content::{Head, Note, UpHead, UpTail, id_bytes};
use super::envelope::{Sealer, encoded};
use super::{StickError, apart, keys};
use crate::exchange::Version;
use crate::exchange::frame::Ask;
use crate::exchange::position::{self, Position};
use crate::exchange::receipt;
use crate::exchange::upload::{self, Upload};
use crate::exchange::wire::{Effort, Encoder};
use crate::ids::ReplicaId;
use crate::ledger::Fingerprint;
use crate::ledger::changes;
use crate::site::Site;

/// Where a body is closed: one is held in memory while it is made.
const BODY_BYTES: usize = 1024 * 1024;
/// Room for erasures in the first body: thousands, that only a hub restored from a copy of years ago has lost.
const ERASURES_BYTES_MAX: usize = 1024 * 1024;

/// What a laptop's file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// How many changes.
    pub changes: u64,
}

/// Writes the laptop's file for `hub` to `out`, signed with `key`; `progress` is told (changes done, in all).
///
/// # Errors
/// [`StickError::NoHubKeys`], or what the disk or the store says.
pub async fn export<W: Write + Send + 'static>(
    site: &Site,
    key: SigningKey,
    hub: ReplicaId,
    out: W,
    progress: impl FnMut(usize, usize) + Send + 'static,
) -> Result<(Exported, W), StickError> {
    let site = site.clone();
    apart(async move {
        let recipient = site.read(|c| Ok(keys::hub(c)?)).await?;
        let recipient = recipient.ok_or(StickError::NoHubKeys)?;
        let reply_to = site
            .write(|work| Ok(keys::ensure_recipient(work.connection())?))
            .await?;
        let position = site.read(|c| Ok(position::position(c)?)).await?;
        let head = Head::Up(UpHead {
            laptop: id_bytes(site.replica()),
            hub: id_bytes(hub),
            made_ms: site.clock().now().0,
            epoch: position.epoch.map(|epoch| ByteArray::from(epoch.0)),
            cursor: position.cursor,
            reply_to,
        });
        let sealer = Sealer::begin(out, &recipient, &head)?;
        let writing = Writing {
            site,
            sealer,
            position,
            changes: 0,
            progress,
        };
        writing.write(&key).await
    })
    .await
}

struct Writing<W: Write, P> {
    site: Site,
    sealer: Sealer<W>,
    /// Where the laptop stands, as if each body that is written were confirmed.
    position: Position,
    changes: u64,
    progress: P,
}

impl<W: Write, P: FnMut(usize, usize)> Writing<W, P> {
    async fn write(mut self, key: &SigningKey) -> Result<(Exported, W), StickError> {
        let all = self
            .site
            .read(|c| Ok(position::pending(c)?.changes))
            .await?;
        let mut before = None;
        let expected = loop {
            let upload = self.body(before).await?;
            self.changes += upload.changes;
            self.position.acked = upload.upto;
            before = Some(upload.lacked_after);
            let done = usize::try_from(self.changes).unwrap_or(usize::MAX);
            let all = usize::try_from(all).unwrap_or(usize::MAX).max(done);
            (self.progress)(done, all);
            if upload.is_full {
                continue;
            }
            // What is written just now belongs into another body: the fingerprint must be of what the file holds.
            if let Some(expected) = self.expected_at(upload.upto).await? {
                break expected;
            }
        };
        let changes = self.changes;
        let tail = UpTail {
            expected: ByteArray::from(expected.to_bytes()),
            changes,
        };
        Ok((Exported { changes }, self.sealer.close(&tail, key)?))
    }

    /// Writes one request. `before` is up to where those before it hold what the hub is known to lack; the first one
    /// holds the erasures as well.
    ///
    /// Changes go plainly, so that whatever the hub has meanwhile lost, it can read them.
    async fn body(&mut self, before: Option<i64>) -> Result<Upload, StickError> {
        let mut encoder = Encoder::new(Version::NEWEST, Effort::Usual)?;
        encoder.push(&Ask::Hello {
            epoch: self.position.epoch.map(|epoch| ByteArray::from(epoch.0)),
            cursor: self.position.cursor,
            is_plain: Some(true),
            receipt: None,
            lacks_key: None,
            backup: None,
        })?;
        if let Some(shown) = self.receipt().await? {
            encoder.push(&shown)?;
        }
        let mut body = Vec::new();
        let mut upload = Upload::none(&self.position);
        upload.lacked_after = before.unwrap_or(0);
        if before.is_none() {
            let room = ERASURES_BYTES_MAX;
            upload::add_erasures(&self.site, &mut upload, &mut encoder, &mut body, room).await?;
        }
        let upload = upload::fill(
            &self.site,
            &self.position,
            upload,
            false,
            &mut encoder,
            &mut body,
            BODY_BYTES,
        )
        .await?;
        encoder.push(&Ask::Want(Vec::new()))?;
        body.extend(encoder.finish()?);
        let upto = upload.upto;
        let mark = self
            .site
            .read(move |c| Ok(changes::last_upto(c, upto)?))
            .await?;
        self.sealer.body(&encoded(&Note::of(&upload, mark))?)?;
        self.sealer.bytes(&body)?;
        Ok(upload)
    }

    /// What the hub last signed: there is no second question in which it could be shown. One that was restored from an
    /// older copy learns it from this, and takes back what it has lost of its catalog.
    async fn receipt(&mut self) -> Result<Option<Ask>, StickError> {
        let read = self
            .site
            .read(|c| Ok((receipt::to_vouch(c)?, receipt::kept(c)?)));
        Ok(match read.await? {
            (Some((receipt, catalog)), _) => Some(Ask::Receipt {
                receipt,
                catalog: Some(catalog.into()),
            }),
            (None, kept) => kept.map(|receipt| Ask::Receipt {
                receipt,
                catalog: None,
            }),
        })
    }

    /// What the hub's fingerprint will be, if nothing was written after position `upto`.
    async fn expected_at(&mut self, upto: i64) -> Result<Option<Fingerprint>, StickError> {
        let expected = self.site.read(move |c| {
            if changes::last_seq(c)? > upto {
                return Ok(None);
            }
            Ok(Some(position::expected_when_all_is_taken(c)?))
        });
        Ok(expected.await?)
    }
}
