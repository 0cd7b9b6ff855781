//! Backups: copies of everything that a hub is, which restore on a new machine.
//!
//! # A backup
//!
//! One file, `capestang-2026-11-24T19-00.sauvegarde`, named by the clock of Capestang:
//!
//! ```text
//! "MAISON-SAUVEGARDE 1" newline      plain: what it is, and the version of this form
//! length (4 bytes, big-endian), manifest (CBOR)      no personal data: see `manifest`
//! Ed25519 signature of the manifest by the hub (64 bytes)
//! age v1 file, to every administrator and to the hub's own drill key
//!   zstd stream
//!     file…      length of the name (1 byte), name, length (8 bytes, big-endian), content
//!     0          one byte, the end
//! ```
//!
//! The files are `maison.db` (with it the hub's signing key and the keys of its line), `erasures` (whom the hub has erased
//! and which laptops it has revoked) and `reglages.json` (to whom and to where backups go). The manifest is signed and
//! names length and SHA-256 of the age file, so what was cut or altered is told from what is for another key.
//!
//! # How one is made
//!
//! ```text
//! copy of one moment, while laptops exchange       ledger::copies     in the data directory, for the owner's eyes only
//!   ─► every page, change and document looked at   site::examine      a hub that is damaged makes no backup, and says so
//!   ─► zstd ─► age ─► opened again, compared       archive            with the drill key
//!   ─► each place: written, renamed, on the disk,  place              one place that fails harms no other
//!      read again from there, compared
//! ```
//!
//! Only then a backup counts as verified. A program that dies leaves the copy in `sauvegardes/en-cours`, which whoever
//! takes the lock next empties, and a file that ends in `.partial`, which the next backup to that place removes.
//!
//! # Who can read it
//!
//! At least two administrators, each with a key file of their own ([`keys`]), kept away from the hub: one who is ill or
//! gone must not be the end of the data. The hub encrypts to them and cannot decrypt for them.
//!
//! A drill that nobody attends needs a key as well. It is the hub's own *drill key*, `sauvegardes/essai.cle`: it never
//! leaves the machine, is in no backup, and opens nothing that does not lie beside it in the clear already (whoever
//! reads it reads the database). Once the machine is lost it is lost too, and the administrators' keys open the backups.
//!
//! # A restore
//!
//! ```text
//! verify ─► unpack beside ─► replay erasures and revocations ─► new epoch ─► swap ─► open
//! ```
//!
//! What was erased or revoked since the backup stays so: the file `erasures` that still lies in the data directory is
//! replayed, and so is the copy of it that every place keeps (`capestang.effacements`, renewed at each erasure and
//! revocation). If all of these are lost, laptops bring the erasures back. The old data are set aside under
//! `avant-restauration-…`, never overwritten; see [`shared::ledger::aside`] for a program that dies in between. Tickets
//! that nobody had used are void: they may have been used since. [`returned`] says what each laptop gave back.
//!
//! # When
//!
//! Every day at a time ([`schedule`]), before a database is migrated, and when somebody asks. Weekly the newest one is
//! really restored, beside, and thrown away ([`drill`]). Old ones go by a rule ([`prune`]), the only verified one never.
//!
//! What this is not: it holds no certificate that came from files, and no program.

mod archive;
mod create;
mod custody;
pub mod drill;
mod error;
pub mod keys;
mod list;
pub mod manifest;
mod place;
pub mod prune;
pub mod restore;
pub mod returned;
pub mod schedule;
pub mod settings;
mod state;
#[cfg(test)]
mod tests;
mod verify;

pub use create::{Made, before_migration, create};
pub use custody::{clear, mirror_erasures};
pub use error::{BackupError, PlaceError};
pub use list::{Found, Listed, PlaceListed, list, newest};
pub use place::mark;
pub use state::{Drilled, Standing, State};
pub use verify::verify;

/// How the name of a backup, and of everything of ours in a place, begins.
const NAME: &str = "capestang";
/// How the name of a backup ends.
const ENDING: &str = ".sauvegarde";

/// What is being done, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The database is copied; in pages.
    Copying,
    /// A copy is examined; in documents.
    Examining,
    /// The copy is compressed and encrypted; in kibibytes.
    Sealing,
    /// It is written to the places; in places.
    Placing,
    /// A backup is read; in kibibytes.
    Unpacking,
}

impl Phase {
    /// In words.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Copying => "Copie de la base",
            Self::Examining => "Contrôle de la copie",
            Self::Sealing => "Chiffrement",
            Self::Placing => "Écriture aux emplacements",
            Self::Unpacking => "Lecture de la sauvegarde",
        }
    }
}

/// Is told how far a phase has come: (phase, done, in all).
pub type Tell<'a> = &'a mut (dyn FnMut(Phase, usize, usize) + Send);
