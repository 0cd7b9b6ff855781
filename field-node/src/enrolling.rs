//! Enrolment: the laptop draws its key, keeps it, and trades the ticket for its registration.
//!
//! The key is on the disk before the hub hears of it: if the answer is lost, the same key asks again and gets the same
//! answer.

use shared::joining::signature::Nonce;
use shared::joining::ticket::Ticket;
use shared::ledger::hub_key;

use crate::identity::{self, Enrolment};
use crate::line::{Line, LineError};
use crate::opened::{Node, NodeError};

/// What became of an enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enrolled {
    /// The laptop is registered.
    Done(Enrolment),
    /// It had been before; nothing was asked.
    Before(Enrolment),
}

impl Node {
    /// Registers this laptop with the hub of a ticket.
    ///
    /// # Errors
    /// What the hub or the line says; trying again is harmless.
    pub async fn enrol(&self, ticket: &Ticket) -> Result<Enrolled, NodeError> {
        let before = self.site().read(|c| Ok(identity::enrolment(c)?)).await?;
        if let Some(enrolment) = before {
            return Ok(Enrolled::Before(enrolment));
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let store = self.site().store();
        let key = store
            .write(move |tx| identity::ensure_key(tx, &seed))
            .await?;
        let line = Line::new(self.site().clone())?;
        let (joined, address) = line.join(ticket, &key).await?;
        let nonce = Nonce::from_text(&joined.nonce).ok_or(LineError::NotTheHub)?;
        let hub_key = joined.hub_key();
        let mut addresses = ticket.addresses.clone();
        addresses.sort_by_key(|other| *other != address);
        let enrolment = Enrolment {
            name: joined.name,
            hub: joined.hub,
            addresses,
        };
        let kept = enrolment.clone();
        store
            .write(move |tx| {
                identity::keep_nonce(tx, nonce)?;
                if let Some(hub_key) = &hub_key {
                    hub_key::keep(tx, hub_key)?;
                }
                identity::keep_enrolment(tx, &kept)
            })
            .await?;
        Ok(Enrolled::Done(enrolment))
    }
}
