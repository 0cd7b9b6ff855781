//! Erasing people: here at the hub, or as a record that another replica brings.
//!
//! A person is a document of their own, so erasing one removes the document: changes, history, rows, what was set
//! aside; and leaves a record (see [`erasures`]). Records merged into the person are the person, and go with them.
//! Sessions and demandes refer to people by id only: they stay, with the commune and age band of their day.

use super::{Site, SiteError, Work, erasure_file};
use crate::document::Kind;
use crate::domain::codes::{ErasureReason, RegistrationStatus};
use crate::domain::session::Session;
use crate::ids::{AgentId, DocumentId, PersonId};
use crate::ledger::changes::{self, Hash};
use crate::ledger::erasures::{self, Erasure};
use crate::ledger::{LedgerError, hub_key};
use crate::view::{self, erasing, people};

/// Who brings the record of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// The hub, to one of its laptops.
    Hub,
    /// A laptop, to the hub: what the hub has lost since, with the hub's own signature.
    Laptop,
}

/// What became of records that another replica brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Documents that are erased now and were not before.
    pub erased: u64,
    /// Records without the right signature: their hashes.
    pub refused: Vec<Hash>,
}

impl Site {
    /// Erases a person and every record merged into them, at the hub; then cleans the files of what was erased, which
    /// other writes wait for. Answers how many records were erased: 0 when nobody is known by this id.
    ///
    /// # Errors
    /// [`SiteError::NotAHub`] on a laptop, or what the store says; nothing is erased then.
    pub async fn erase(
        &self,
        person: PersonId,
        by: AgentId,
        reason: ErasureReason,
    ) -> Result<u64, SiteError> {
        let erased = self
            .write(move |work| work.erase(person, by, reason))
            .await?;
        self.scrub().await;
        Ok(erased)
    }

    /// Cleans the files of what was erased. What cannot be cleaned now stays due; see [`crate::ledger::Store::scrub`].
    pub async fn scrub(&self) {
        match self.store.scrub().await {
            Ok(true) => {}
            Ok(false) => tracing::info!("the files are cleaned of what was erased later"),
            Err(error) => {
                tracing::warn!(%error, "what was erased is not out of the files yet");
            }
        }
    }
}

impl Work<'_> {
    /// Erases a person and every record merged into them; frees the seats that they hold in sessions to come. Answers
    /// how many records were erased. Their bytes leave the files with [`Site::scrub`].
    ///
    /// # Errors
    /// [`SiteError::NotAHub`] on a laptop, or what the store says.
    pub fn erase(
        &mut self,
        person: PersonId,
        by: AgentId,
        reason: ErasureReason,
    ) -> Result<u64, SiteError> {
        let key = hub_key::own(self.tx)?.ok_or(SiteError::NotAHub)?;
        let stands = people::resolved(self.tx, person)?;
        let members = people::members(self.tx, stands)?;
        let at = self.stamp();
        let mut erased = 0;
        for member in members {
            if changes::kind_of(self.tx, member.into())? != Some(Kind::Person.number()) {
                continue;
            }
            self.free_seats(member, by)?;
            let erasure = Erasure {
                document: member.into(),
                merged_into: (member != stands).then_some(stands.into()),
                at,
                by,
                reason: reason.code().to_owned(),
                signature: [0; 64],
            };
            erased += u64::from(self.enact(&erasure.signed(&key), 0)?);
        }
        Ok(erased)
    }

    /// Withdraws a person from the sessions that lie ahead, so that somebody else finds the seat.
    fn free_seats(&mut self, person: PersonId, by: AgentId) -> Result<(), SiteError> {
        let today = self.site.clock.now().date();
        for (session, registration) in erasing::seats_ahead(self.tx, person, today)? {
            self.edit(session, by, |session: &mut Session| {
                session.set_status(registration, RegistrationStatus::Revoked)
            })?;
        }
        Ok(())
    }

    /// Takes records that another replica brought, each only with the hub's signature. `lost` counts the changes of a
    /// document that this replica has written and no other one is known to have.
    ///
    /// # Errors
    /// What the store says.
    pub fn hear_erasures(
        &mut self,
        records: Vec<Erasure>,
        bearer: Bearer,
        lost: impl Fn(&rusqlite::Connection, DocumentId) -> Result<u64, LedgerError>,
    ) -> Result<Heard, SiteError> {
        let key = hub_key::known(self.tx)?;
        let mut heard = Heard::default();
        for record in records {
            let is_good = record.reason.len() <= erasures::REASON_BYTES_MAX
                && match &key {
                    Some(key) => record.is_signed_by(key),
                    // A laptop that was registered before hubs had keys believes its hub, as in everything else.
                    None => bearer == Bearer::Hub,
                };
            if is_good {
                let lost = lost(self.tx, record.document)?;
                heard.erased += u64::from(self.enact(&record, lost)?);
            } else {
                tracing::warn!(document = %record.document, "an erasure without the hub's signature");
                heard.refused.push(erasures::hash_of(record.document));
            }
        }
        Ok(heard)
    }

    /// Keeps a record and removes its document. False when that was done before.
    ///
    /// The file beside the database has the record before the database does: it may say more, never less.
    fn enact(&mut self, erasure: &Erasure, lost: u64) -> Result<bool, SiteError> {
        if erasures::is_erased(self.tx, erasure.document)? {
            return Ok(false);
        }
        if let Some(path) = self.site.erasure_file.get() {
            erasure_file::append_records(path, std::slice::from_ref(erasure))?;
        }
        self.remove(erasure, lost)
    }

    /// As [`Self::enact`], where the file has the record already.
    pub(super) fn remove(&mut self, erasure: &Erasure, lost: u64) -> Result<bool, SiteError> {
        let is_new = erasures::record(self.tx, erasure, lost)?;
        if is_new {
            view::forget(self.tx, erasure.document)?;
        }
        Ok(is_new)
    }
}
