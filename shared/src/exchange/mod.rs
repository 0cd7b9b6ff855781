//! The exchange: how two sites become equal. Bytes in, bytes out: no socket, no HTTP, no clock of its own.
//!
//! A laptop calls, the hub answers; laptops never speak to each other. Two ledgers are two sets of changes, and an
//! exchange makes them one: the laptop sends what the hub lacks, the hub sends what the laptop lacks, and a comparison
//! of fingerprints proves that nothing is missing. What is remembered between exchanges only makes them short.
//!
//! # What a laptop remembers
//!
//! In the ledger's `replica` table (see [`position`]):
//! - `hub`, `epoch`: which hub, in which of its lives. A hub that is restored from a copy begins a new epoch;
//! - `cursor`: the position in the *hub's* ledger up to which the laptop has everything that it did not write itself;
//! - `acked`: the position in *its own* ledger up to which the hub has everything that did not come from the hub.
//!   What lies above is *pending*: on this laptop only, as far as anybody knows.
//!
//! And the single changes that are exceptions (`difference`): refused by the hub, lacking at the hub though `acked`
//! says otherwise, set aside here. The hub remembers nothing of any laptop but the origin of each change.
//!
//! # Invariants
//!
//! 1. A position is stored in the same transaction as the data that it covers, or later; never before.
//! 2. Nobody trusts a remembered position: the proof decides, and what it finds wrong is repaired.
//! 3. A change is acknowledged only when it is on the hub's disk. Sending it again changes nothing.
//! 4. A change that cannot be taken is set aside with its reason, told to its sender, and in nobody's way.
//! 5. The hub takes no change to the catalog from a laptop.
//! 6. Erasures travel before content, both ways, and win over whatever is or will be known of their document.
//! 7. Both sides hold at most one frame and one batch in memory, whatever the other sends and however much is held; a
//!    comparison reads the ledger in place.
//!
//! # One round trip
//!
//! ```text
//! laptop                                          hub
//!   │ Hello(epoch, cursor)                          │
//!   │ Erased(lost by the hub)…                      │
//!   │ Changes(pending)…          each committed ──► │
//!   │ News                                          │
//!   ├─────────────────────────────────────────────► │
//!   │                       Refused(hash, reason)…  │
//!   │               Welcome(hub and epoch?, time)   │   everything in the request is on the hub's disk
//!   │ ◄── each committed     Erased(…)…             │   what was erased after the cursor
//!   │                        Changes(…, cursor)…    │   what lies after the cursor and is not the laptop's
//!   │                    Done(cursor, fingerprint)  │   from the snapshot of the last reading
//!   │ ◄─────────────────────────────────────────────┤
//! ```
//!
//! `Refused` comes before `Welcome`, which confirms the rest: a response that is cut in between must not make a
//! refused change look confirmed. Each `Changes` carries the cursor that the laptop then has, and both are written in
//! one transaction. A request is at most a piece long; when more is pending, the next request carries on. Pieces double
//! after one that went through and halve after one that was cut ([`PIECE_BYTES_MIN`] to [`PIECE_BYTES_MAX`]). A response
//! that is cut anywhere is simply followed by another request: the ledger and the positions say where to go on.
//!
//! # Short form and sections
//!
//! In version 2, `Changes` of pending entries and of news go in short form: `Fresh`, then `Short` (see [`short`]). Whoever
//! cannot read it says so and gets plain `Changes` for the rest of the exchange: the hub by `Unclear`, which is then its
//! whole answer and confirms nothing; the laptop by `is_plain` in its next `Hello`. What a comparison finds goes as plain
//! `Changes`, since two ledgers that differ cannot be expected to understand references.
//!
//! Where a laptop lacks whole [`sections`] of the hub's ledger, it gets these as every laptop does, its own changes
//! included, each begun with `Anew`; what lies before and after goes to it alone.
//!
//! # Waiting at the hub
//!
//! On a good line a laptop ends its request with `Await` instead of `News`: the hub holds its answer until its ledger
//! has something that did not come from this laptop, for as long as the driver at the hub likes (some 25 s), and then
//! answers as to `News`. So what is written at one desk is on the others within a second or two, for no more bytes
//! than asking now and then. A request that holds changes is answered at once. The laptop drops a held request when it
//! has something to send itself: no position has moved, and the hub takes a request over the nonce before.
//!
//! # The proof
//!
//! At `Done` the laptop computes what the hub's fingerprint must be: its own, less what is pending, less what the hub
//! refused, plus what the hub has and this laptop set aside. Equal: the ledgers are the same but for these, which the
//! report names. The cursor is then the hub's last position.
//!
//! While more is pending than the request held, a proof that fails says nothing: after a lost answer, the hub may have
//! changes that the laptop counts as pending. It is the last request that decides.
//!
//! A laptop that meets its first hub has no epoch: everything is news, from position 0. A laptop that names another
//! epoch gets no news, only `Done`: if the fingerprints agree nothing was lost, and it follows the new epoch; else it
//! compares.
//!
//! # When the proof fails
//!
//! ```text
//!             ┌────────┐ Done, equal                    ┌──────────┐
//!   start ──► │  News  ├──────────────────────────────► │ Finished │
//!             └─┬────▲─┘ Done, differs, 3 comparisons ► └──────────┘
//!    Done,      │    │   nothing wanted (any more):
//!    differs    │    │   stand where the hub stood at the first `Ranges`
//!             ┌─▼────┴─┐   Ranges: all known    ┌───────┐
//!             │Compare ├──────────────────────► │ Fetch │  Want(hashes) / Changes…, Given
//!             └────────┘  or 32 rounds          └───────┘
//!          Ranges / Ranges
//! ```
//!
//! Compare is range-based set reconciliation ([negentropy](https://logperiodic.com/rbsr.html)) over (time, hash) of all
//! changes but the pending ones. What only the laptop has becomes *lacking at the hub*, which is pending again and goes
//! up with the next requests; this replaces what was known of refusals, since the hub says them again. What only the
//! hub has is asked for by hash. Then the laptop stands where the hub stood when the comparison began (what came later
//! is news) and asks for the proof again. When the rounds are used up, the differences found so far are repaired and no
//! position moves; the next comparison is shorter. What each message tells is on the laptop's disk before the next is
//! sent, so after a cut the next exchange fetches what was found and then compares what is left.
//!
//! This repairs a hub restored from an older copy (same epoch or new), a laptop restored from an old copy, two laptops
//! cloned from one directory (each compares whenever the other has sent, until the lease has told them apart: see
//! `joining::lease`), another hub in the place of the first, and whatever a bug leaves behind.
//!
//! # Backups
//!
//! A laptop names the newest verified backup of the hub that it knows of; told of a newer one, it knows which of its
//! records are in it ([`backed_up`]).
//!
//! # Erasures
//!
//! A person who was erased leaves a record, signed by the hub ([`crate::ledger::erasures`]). It has a position like a
//! change, so the cursor covers it, and counts in fingerprints and comparisons by a hash of its document alone.
//!
//! - Down: `Erased` with the records after the cursor goes before the `Changes` of the same look at the ledger, and
//!   those that are wanted before what else is. The laptop removes the document; what was written on it and had not been
//!   taken by the hub is counted, and the laptop's page tells its author.
//! - A change to an erased document that reaches the hub is not kept: `Refused` says so.
//! - Up: what the hub had erased and has lost with a restore is *lacking at the hub*, like a change, and goes before any
//!   change of the same request. The hub takes only its own signature.
//! - While a laptop fetches what a comparison found, only erasures go up. Otherwise a laptop that does not know of one
//!   yet would send the whole document again, and would be told that entries were refused which nobody wants back.
//! - Version 1 knows of no erasures: its fingerprints and comparisons leave them out, its laptop keeps the document and
//!   is refused what it sends of it, which its proof takes into account. Upgraded, it compares, and forgets.
//!
//! # Receipts
//!
//! Where the laptop has no receipt for the position of `Done`, the hub's [`receipt`] comes just before: its signature of
//! where it stands. The laptop keeps it in the transaction that proves the ledgers equal, and so holds, for everything
//! that it counts as being at the hub, the hub's own word.
//!
//! A hub that was put back to an older copy by copying files does not know it. When `Done` stands before the laptop's
//! cursor, or the proof fails, the next request shows the receipt. A hub that finds its own signature of a position
//! that it has not reached, or where something else stands, begins a new epoch by itself: from then on every laptop
//! compares instead of believing its cursor. A receipt of another epoch proves nothing, so this happens once.
//!
//! # The clock
//!
//! `Welcome` carries the hub's time; the laptop's clock follows it: hub time, plus half of the time that the response
//! took to begin (told by the driver, optional), less the machine's own. Good to a second or two on a bad line, which
//! is enough: the order of edits does not depend on it.
//!
//! # In a file
//!
//! A laptop that sees no network for long exchanges by a [`stick`]: the same requests and answers in two files.
//!
//! # Versions and limits
//!
//! Every body names its version, and the hub answers in the version of the request; one that it does not speak is
//! answered by the versions that it does, in a form that every version understands (see [`wire`]), and the laptop turns
//! to the newest of them that it speaks as well. The version before is still spoken: laptops may have been away. Limits
//! stand beside the code that checks them: frame, items in a frame, swelling of the compressed stream, changes in a
//! request, hashes asked for, rounds, comparisons. Each has its named error or its place in the report.

mod answerer;
pub mod backed_up;
mod caller;
mod difference;
pub mod durability;
pub mod erased;
mod error;
pub mod frame;
pub mod log;
pub mod position;
pub mod receipt;
mod reconcile;
mod report;
mod sections;
mod short;
pub mod stick;
mod upload;
pub mod wire;

#[cfg(test)]
mod tests;

pub use answerer::{Answer, Answerer, Heard, laptop_may_write};
pub use caller::Caller;
pub use error::ExchangeError;
pub use position::MIGRATIONS;
pub use report::{Report, WhyNot};
pub use sections::Sections;

/// The versions of the protocol that this program speaks. A laptop speaks the newest that its hub does; a hub answers
/// in the version of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Version {
    /// Changes go as Automerge writes them.
    One = 1,
    /// Changes go in short form, over a dictionary that both sides have; and the frames that `frame` names.
    Two = 2,
}

impl Version {
    /// The oldest that is still served: laptops may have been away for long.
    pub const OLDEST: Self = Self::One;
    /// What two programs of today speak.
    pub const NEWEST: Self = Self::Two;

    /// The version of a body's second byte, if it is spoken here.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        [Self::One, Self::Two]
            .into_iter()
            .find(|version| *version as u8 == byte)
    }
}

/// The length of the first request's body, in bytes: some ten seconds on the slowest line that we plan for.
const PIECE_BYTES: usize = 64 * 1024;
/// The shortest piece, for a line that is cut again and again.
const PIECE_BYTES_MIN: usize = 8 * 1024;
/// The longest piece.
pub const PIECE_BYTES_MAX: usize = 1024 * 1024;
/// Most changes in one request, so that a laptop that sends nonsense cannot fill the hub's memory with refusals.
const REQUEST_CHANGES_MAX: usize = 20_000;
/// Most hashes asked for in one request.
const WANT_MAX: usize = 1000;
/// Most comparisons in one exchange.
const COMPARISONS_MAX: u32 = 3;
