//! `maison-node enrol TICKET`.

use shared::joining::ticket::Ticket;
use shared::program::{Exit, complain, say};
use shared::time::Clock;

use crate::cli::Enrol;
use crate::config::data_directory;
use crate::enrolling::Enrolled;
use crate::opened::{Node, NodeError};

pub(super) async fn enrol(asked: Enrol) -> Result<Exit, NodeError> {
    // A ticket that was copied in groups arrives as several words.
    let ticket: Ticket = match asked.ticket.join(" ").parse() {
        Ok(ticket) => ticket,
        Err(bad) => {
            complain(format!("maison-node\u{a0}: {bad}"));
            return Ok(Exit::Usage);
        }
    };
    let node = Node::open(&data_directory(asked.data)?, Clock::default()).await?;
    match node.enrol(&ticket).await? {
        Enrolled::Done(enrolment) => {
            say(format!(
                "Ce portable est inscrit sous le nom «\u{a0}{}\u{a0}». Il recevra les données du hub au premier échange\u{a0}: \
                 «\u{a0}maison-node serve\u{a0}» ou «\u{a0}maison-node sync\u{a0}».",
                enrolment.name
            ));
            Ok(Exit::Done)
        }
        Enrolled::Again(enrolment) => {
            say(format!(
                "Ce portable était déjà inscrit auprès de ce hub. Il s’appelle maintenant «\u{a0}{}\u{a0}» et cherchera \
                 le hub à l’adresse {}.",
                enrolment.name,
                enrolment.addresses.join(" ou "),
            ));
            Ok(Exit::Done)
        }
        Enrolled::WithAnotherHub(enrolment) => {
            complain(format!(
                "Ce portable est inscrit auprès d’un autre hub, sous le nom «\u{a0}{}\u{a0}»\u{a0}: rien n’a changé. \
                 Pour ce hub-ci, créez un dossier de données neuf (--data).",
                enrolment.name
            ));
            Ok(Exit::Failed)
        }
    }
}
