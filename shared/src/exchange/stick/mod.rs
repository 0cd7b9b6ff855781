//! The stick: the exchange in a file, for a laptop that sees no network for long.
//!
//! ```text
//!  laptop                            hub                               laptop
//!    │  Head(epoch, cursor)            │                                  │
//!    │  body: Hello Changes… Want()    │   each body taken as from the    │
//!    │  …                              │   line; then the return file:    │
//!    │  Tail(expected fingerprint)     │  Head(epoch, what it answers)    │
//!    ├───────────── file ────────────► │  body: Refused… Welcome Given    │   what is confirmed
//!                                      │  …                               │
//!                                      │  body: Welcome Changes… Done     │   news, and the proof
//!                                      │  Tail(cursor, whole?)            │
//!                                      ├───────────── file ─────────────► │
//! ```
//!
//! The bodies are requests and answers of the exchange, in its newest version, each within the limits of one; on both
//! sides the code of the exchange takes them. Around them stands an envelope (see [`envelope`]): encrypted with age to
//! the receiver, signed by the sender. Nothing personal lies outside of it.
//!
//! # What makes it safe
//!
//! - **Whole or not at all.** A file is read to its end and its signature is verified before anything of it is taken.
//! - **Any number of times, in any order.** Changes are taken by hash, as on the line. A file holds no state that is
//!   not on the disks already: the laptop sends everything that is not confirmed, and with each body a note to itself
//!   (up to which position of its own it reaches) that the hub gives back. A return file that was overtaken says
//!   nothing: the laptop's cursor in the hub's epoch tells.
//! - **No remembered position is trusted.** The laptop's file says what the hub's fingerprint would be if it had only
//!   what the laptop knows of. The hub takes the file and compares: if that and its own fingerprint, less the news,
//!   agree, the news are all that the laptop lacks. Otherwise (a restored hub, an old image of the laptop, a clone,
//!   somebody erased since, a first file) the return file holds the **whole ledger**, and the laptop finds every
//!   difference by itself: what only it has is pending again, by position or by name. Either way the proof at the end
//!   is that of the exchange.
//! - **An epoch is followed only from the one that the file answers.** A return file of another life of the hub than
//!   the laptop follows and named is refused, with a word on what to do.
//!
//! What it does not do: it does not follow the hub's clock, moves no nonce (a file that is taken twice changes
//! nothing), and needs neither file to be kept.
//!
//! Limits: [`FILE_BYTES_MAX`]; a record, the limits of the exchange within it. A hub's whole ledger costs the laptop
//! the hashes of it in memory, as a comparison does.

mod at_hub;
mod content;
mod envelope;
mod error;
mod keys;
mod outgoing;
mod returned;

use std::io::Read;

use jiff::civil::Date;
use minicbor::Decode;

pub use at_hub::{Letter, Taken};
pub use error::StickError;
pub use keys::{ensure_recipient, keep_hub};
pub use outgoing::{Exported, export};
pub use returned::{Returned, import};

use super::ExchangeError;
use super::wire::Decoder;
use crate::ledger::LedgerError;
use crate::text::folded;
use envelope::{End, Opener, Part};

/// The largest file that is made or taken, in bytes: the whole ledger of a large territory after ten years, thrice.
pub const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// What a laptop's file for its hub is called: « portable-1-pour-le-hub-2026-11-24.maison ».
#[must_use]
pub fn letter_name(laptop: &str, day: Date) -> String {
    format!("{}-pour-le-hub-{day}.maison", plain(laptop))
}

/// What the return file for a laptop is called: « retour-pour-portable-1-2026-11-24.maison ».
#[must_use]
pub fn return_name(laptop: &str, day: Date) -> String {
    format!("retour-pour-{}-{day}.maison", plain(laptop))
}

/// A name in signs that every file system takes.
fn plain(name: &str) -> String {
    let plain: String = folded(name).chars().filter(char::is_ascii).collect();
    plain.trim().replace(' ', "-")
}

/// Reads the bodies to their end without taking anything of them; `note` is shown each body's note.
fn check<F, R>(
    mut opener: Opener<R>,
    mut note: impl FnMut(&[u8]) -> Result<(), StickError>,
) -> Result<End, StickError>
where
    F: for<'b> Decode<'b, ()>,
    R: Read,
{
    let mut body: Option<Decoder<F>> = None;
    let is_whole = |body: &Option<Decoder<F>>| body.as_ref().is_none_or(Decoder::is_at_frame_end);
    while let Some(part) = opener.next_part()? {
        match (part, &mut body) {
            (Part::Body(bytes), _) => {
                note(&bytes)?;
                if !is_whole(&body) {
                    return Err(ExchangeError::Truncated.into());
                }
                body = Some(Decoder::default());
            }
            (Part::Bytes(bytes), Some(decoder)) => {
                decoder.push(&bytes)?;
                while decoder.next_frame()?.is_some() {}
            }
            (Part::Bytes(_), None) => return Err(StickError::Damaged),
        }
    }
    if !is_whole(&body) {
        return Err(ExchangeError::Truncated.into());
    }
    opener.end()
}

/// Does the work on a thread that may wait for a disk.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, StickError>> + Send + 'static,
) -> Result<T, StickError> {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(work))
        .await
        .map_err(|_| LedgerError::Interrupted)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_after_the_laptop_in_signs_that_every_system_takes() {
        let day = jiff::civil::date(2026, 11, 24);
        let name = letter_name("Portable n°\u{a0}1 (Hérault)", day);
        assert_eq!(name, "portable-n-1-herault-pour-le-hub-2026-11-24.maison");
        assert_eq!(
            return_name("Portable 2", day),
            "retour-pour-portable-2-2026-11-24.maison"
        );
    }
}
