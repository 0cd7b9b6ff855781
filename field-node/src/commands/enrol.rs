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
        Enrolled::Before(enrolment) => {
            complain(format!(
                "Ce portable est déjà inscrit sous le nom «\u{a0}{}\u{a0}»\u{a0}: le ticket n’a pas été utilisé.",
                enrolment.name
            ));
            Ok(Exit::Failed)
        }
    }
}
