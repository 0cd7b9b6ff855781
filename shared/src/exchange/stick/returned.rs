//! The laptop takes the hub's return file.
//!
//! The bodies are answers of the exchange. Before anything is taken, the file is read to its end, its signature is
//! verified, and where the laptop stands today decides what the file still says to it.

use std::io::{Read, Seek};

use age::x25519::Identity;

use super::content::{DownHead, DownTail, Head, Note, epoch, id};
use super::envelope::{Opener, Part, decoded};
use super::{StickError, apart, check, keys};
use crate::exchange::caller::Body;
use crate::exchange::frame::Tell;
use crate::exchange::position::{self, Position};
use crate::exchange::{Caller, Report};
use crate::ids::ReplicaId;
use crate::ledger::{changes, hub_key};
use crate::site::Site;

/// What became of a return file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returned {
    /// The laptop has what it held.
    Taken(Box<Report>),
    /// The laptop has heard more of the hub since; there was nothing left to take.
    Older,
}

/// Takes the return file of `hub`; `progress` is told (bytes done, in all).
///
/// # Errors
/// Why it is no whole return file for this laptop as it stands, or what the disk or the store says.
pub async fn import<R: Read + Seek + Send + 'static>(
    site: &Site,
    hub: ReplicaId,
    mut file: R,
    progress: impl FnMut(usize, usize) + Send + 'static,
) -> Result<Returned, StickError> {
    let site = site.clone();
    apart(async move {
        let known = site.read(|c| Ok((keys::own(c)?, hub_key::known(c)?)));
        let (identity, hub_key) = known.await?;
        let identity = identity.ok_or(StickError::NotForUs)?;
        let hub_key = hub_key.ok_or(StickError::NoHubKeys)?;
        file.rewind()?;
        let (head, opener) = Opener::begin(&mut file, &identity)?;
        let Head::Down(head) = head else {
            return Err(StickError::NotForUs);
        };
        if id(head.hub) != hub || id(head.laptop) != site.replica() {
            return Err(StickError::NotForUs);
        }
        let mut notes = Vec::new();
        let end = check::<Tell, _>(opener, |note| {
            if !note.is_empty() {
                let mark = decoded::<Note>(note)?.mark;
                notes.extend(mark);
            }
            Ok(())
        })?;
        let tail: DownTail = end.verified(&hub_key)?;
        let here = site.read(|c| Ok(position::position(c)?)).await?;
        match fit(&head, &tail, &here) {
            Fit::Older => return Ok(Returned::Older),
            Fit::OutOfPlace => return Err(StickError::OutOfPlace),
            Fit::Fits => {}
        }
        if !tail.is_whole {
            let is_marked = site.read(move |c| {
                for mark in &notes {
                    let there = changes::hash_at(c, mark.seq)?;
                    // A change that is gone has been erased; a position that never was tells of an old image.
                    if there.is_some_and(|hash| hash != *mark.hash)
                        || mark.seq > changes::last_seq(c)?
                    {
                        return Ok(false);
                    }
                }
                Ok(true)
            });
            if !is_marked.await? {
                return Err(StickError::OutOfPlace);
            }
        }
        let caller = Caller::of_file(site, hub, epoch(tail.epoch), tail.is_whole);
        take(caller, file, &identity, progress).await
    })
    .await
}

/// What a file still says to a laptop that stands where it stands.
#[derive(Debug, PartialEq, Eq)]
enum Fit {
    Fits,
    Older,
    OutOfPlace,
}

fn fit(head: &DownHead, tail: &DownTail, here: &Position) -> Fit {
    let answers = head.answers_epoch.map(epoch);
    match here.epoch == Some(epoch(tail.epoch)) {
        // A hub that was restored without a word stands before the cursor that it was told.
        true if here.cursor > tail.cursor.max(head.answers_cursor) => Fit::Older,
        // An old image of the laptop: it lacks what came before the file as well.
        true if !tail.is_whole && here.cursor < head.answers_cursor => Fit::OutOfPlace,
        true => Fit::Fits,
        // The hub has begun a new life since the laptop last heard of it.
        false if tail.is_whole && here.epoch == answers => Fit::Fits,
        // The laptop has, since.
        false => Fit::OutOfPlace,
    }
}

async fn take<R: Read + Seek>(
    mut caller: Caller,
    mut file: R,
    identity: &Identity,
    mut progress: impl FnMut(usize, usize),
) -> Result<Returned, StickError> {
    let file_bytes = file.seek(std::io::SeekFrom::End(0))?;
    let file_bytes = usize::try_from(file_bytes).unwrap_or(usize::MAX);
    file.rewind()?;
    let (_, mut opener) = Opener::begin::<Head>(file, identity)?;
    let mut is_in_body = false;
    let mut done = 0;
    while let Some(part) = opener.next_part()? {
        match part {
            Part::Body(note) => {
                if std::mem::replace(&mut is_in_body, true) {
                    caller.end_of_response().await?;
                }
                let body = match note.is_empty() {
                    true => Body::News,
                    false => Body::Confirms(decoded::<Note>(&note)?.into_upload()),
                };
                caller.begin_body(body).await?;
            }
            Part::Bytes(bytes) => {
                caller.push(&bytes).await?;
                done += bytes.len();
                progress(done.min(file_bytes), file_bytes);
            }
        }
    }
    if is_in_body {
        caller.end_of_response().await?;
    }
    progress(file_bytes, file_bytes);
    Ok(Returned::Taken(Box::new(caller.report())))
}

#[cfg(test)]
mod tests {
    use minicbor::bytes::ByteArray;

    use super::*;
    use crate::exchange::position::Epoch;

    fn down(epoch: u8, answers: (Option<u8>, i64), is_whole: bool) -> (DownHead, DownTail) {
        let head = DownHead {
            hub: ByteArray::from([1; 16]),
            laptop: ByteArray::from([2; 16]),
            made_ms: 0,
            answers_epoch: answers.0.map(|epoch| ByteArray::from([epoch; 16])),
            answers_cursor: answers.1,
        };
        let tail = DownTail {
            cursor: 20,
            is_whole,
            epoch: ByteArray::from([epoch; 16]),
        };
        (head, tail)
    }

    fn here(epoch: Option<u8>, cursor: i64) -> Position {
        Position {
            hub: ReplicaId(uuid::Uuid::from_u128(1)),
            epoch: epoch.map(|epoch| Epoch([epoch; 16])),
            cursor,
            acked: 0,
        }
    }

    #[test]
    fn where_a_laptop_stands_decides_what_a_file_still_says() {
        let news = down(1, (Some(1), 10), false);
        let whole = down(1, (Some(1), 10), true);
        let lost = down(1, (Some(1), 30), true);
        let restored = down(2, (Some(1), 10), true);
        let first = down(1, (None, 0), true);
        for ((head, tail), epoch, cursor, expected) in [
            (&news, Some(1), 10, Fit::Fits),
            (&news, Some(1), 15, Fit::Fits),
            (&news, Some(1), 20, Fit::Fits),
            (&news, Some(1), 21, Fit::Older),
            (&news, Some(1), 9, Fit::OutOfPlace),
            (&news, Some(3), 10, Fit::OutOfPlace),
            (&news, None, 0, Fit::OutOfPlace),
            (&whole, Some(1), 9, Fit::Fits),
            (&whole, Some(1), 21, Fit::Older),
            (&lost, Some(1), 30, Fit::Fits),
            (&lost, Some(1), 31, Fit::Older),
            (&restored, Some(1), 100, Fit::Fits),
            (&restored, Some(2), 20, Fit::Fits),
            (&restored, Some(2), 21, Fit::Older),
            (&restored, Some(3), 0, Fit::OutOfPlace),
            (&first, None, 0, Fit::Fits),
            (&first, Some(1), 0, Fit::Fits),
            (&first, Some(2), 0, Fit::OutOfPlace),
        ] {
            let fits = fit(head, tail, &here(epoch, cursor));
            assert_eq!(fits, expected, "{head:?} {epoch:?} {cursor}");
        }
    }
}
