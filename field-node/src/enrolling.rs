//! Enrolment: the laptop draws its key, keeps it, and trades the ticket for its registration.
//!
//! The key is on the disk before the hub hears of it: if the answer is lost, the same key asks again and gets the same
//! answer.

use shared::exchange::stick;
use shared::ids::ReplicaId;
use shared::joining::messages::Reason;
use shared::joining::signature::Nonce;
use shared::joining::ticket::Ticket;
use shared::ledger::{hub_key, replica};

use crate::identity::{self, Enrolment};
use crate::lease;
use crate::line::{Line, LineError};
use crate::opened::{Node, NodeError};

/// What became of an enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enrolled {
    /// The laptop is registered.
    Done(Enrolment),
    /// It was registered with this hub before, and now knows the name and the addresses of the new ticket.
    Again(Enrolment),
    /// It is registered with another hub, whose registration it keeps.
    WithAnotherHub(Enrolment),
}

impl Node {
    /// Registers this laptop with the hub of a ticket; a laptop that is registered there already gets the ticket's
    /// name and addresses.
    ///
    /// # Errors
    /// What the hub or the line says; trying again is harmless.
    pub async fn enrol(&self, ticket: &Ticket) -> Result<Enrolled, NodeError> {
        let before = self.site().read(|c| Ok(identity::enrolment(c)?)).await?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let store = self.site().store();
        let key = store
            .write(move |tx| identity::ensure_key(tx, &seed))
            .await?;
        let line = Line::new(self.site().clone())?;
        let (joined, address) = match line.join(ticket, &key).await {
            // Somebody bears this id with another key: the directory was copied before either had a ticket.
            Err(LineError::Refused(refused))
                if refused.error == Reason::KeyChanged && before.is_none() =>
            {
                store
                    .write(|tx| replica::set_id(tx, ReplicaId::fresh()))
                    .await?;
                line.join(ticket, &key).await?
            }
            other => other?,
        };
        if let Some(before) = &before
            && before.hub != joined.hub
        {
            return Ok(Enrolled::WithAnotherHub(before.clone()));
        }
        let nonce = Nonce::from_text(&joined.nonce).ok_or(LineError::NotTheHub)?;
        let (hub_key, recipient) = (joined.hub_key(), joined.stick_recipient);
        let mut addresses = ticket.addresses.clone();
        addresses.sort_by_key(|other| *other != address);
        let enrolment = Enrolment {
            name: joined.name,
            hub: joined.hub,
            addresses,
            pins: ticket.pins(),
            letter: joined.letter,
        };
        let kept = enrolment.clone();
        store
            .write(move |tx| {
                lease::keep(tx, nonce)?;
                if let Some(hub_key) = &hub_key {
                    hub_key::keep(tx, hub_key)?;
                }
                if let Some(recipient) = &recipient {
                    stick::keep_hub(tx, recipient)?;
                }
                identity::keep_enrolment(tx, &kept)
            })
            .await?;
        Ok(match before {
            None => Enrolled::Done(enrolment),
            Some(_) => Enrolled::Again(enrolment),
        })
    }
}
