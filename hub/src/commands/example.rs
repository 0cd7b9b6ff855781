//! `maison-hub example`.

use shared::program::{Exit, complain, say};
use shared::time::Clock;

use crate::cli::Example;
use crate::example::{Filled, fill};
use crate::opened::{Hub, HubError};

pub(super) async fn example(asked: Example) -> Result<Exit, HubError> {
    let hub = Hub::open(&asked.data.data, Clock::default()).await?;
    let catalog = hub.site().catalog().await?;
    let animateur = match &asked.agent {
        None => None,
        Some(login) => match catalog
            .agents
            .iter()
            .find(|(_, agent)| agent.login == *login)
        {
            Some((id, _)) => Some(*id),
            None => {
                complain(format!(
                    "Aucun compte «\u{a0}{login}\u{a0}»\u{a0}: voyez «\u{a0}maison-hub agent list\u{a0}»."
                ));
                return Ok(Exit::Failed);
            }
        },
    };
    let today = hub.site().clock().now().date();
    match fill(&hub, today, animateur).await? {
        Filled::Done(sessions) => {
            say(format!("{sessions} ateliers d’exemple ajoutés."));
            Ok(Exit::Done)
        }
        Filled::InUse => {
            complain("Ce hub tient déjà des ateliers\u{a0}: l’exemple ne va que dans un hub neuf.");
            Ok(Exit::Failed)
        }
    }
}
