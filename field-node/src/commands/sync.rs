//! `maison-node sync`: one exchange, and what came of it.

use shared::program::{Exit, complain, say};
use shared::text::counted;
use shared::time::Clock;

use crate::attempt::{Attempt, Attempted, Failure, Why, attempt};
use crate::cli::Sync;
use crate::config::data_directory;
use crate::line::Line;
use crate::opened::{Node, NodeError};

pub(super) async fn sync(asked: Sync) -> Result<Exit, NodeError> {
    let node = Node::open_existing(&data_directory(asked.data)?, Clock::default()).await?;
    let line = Line::new(node.site().clone())?;
    let attempt = match attempt(node.site(), &line, Why::Asked).await? {
        Attempted::Done(attempt) => attempt,
        Attempted::NotEnrolled => {
            complain(
                "Ce portable n’est pas inscrit\u{a0}: demandez un ticket à l’administrateur, puis «\u{a0}maison-node enrol TICKET\u{a0}».",
            );
            return Ok(Exit::Failed);
        }
        Attempted::Busy => {
            complain(
                "Un autre programme de ce portable échange déjà avec le hub\u{a0}: attendez qu’il ait fini, \
                 ou suivez-le sur la page Synchronisation.",
            );
            return Ok(Exit::Unavailable);
        }
    };
    if asked.json {
        say(json(&attempt));
    } else if attempt.failure.is_none() {
        say(sentences(&attempt));
    }
    if let Some(failure) = &attempt.failure {
        complain(format!("maison-node\u{a0}: {failure}"));
    }
    Ok(exit(&attempt))
}

fn exit(attempt: &Attempt) -> Exit {
    match &attempt.failure {
        None if attempt.report.identical => Exit::Done,
        None => Exit::Failed,
        Some(failure) if failure.is_line() => Exit::Unreachable,
        Some(_) => Exit::Failed,
    }
}

fn json(attempt: &Attempt) -> serde_json::Value {
    let Attempt {
        report, traffic, ..
    } = attempt;
    serde_json::json!({
        "identical": attempt.failure.is_none() && report.identical,
        "why_not": report.why_not.map(shared::exchange::WhyNot::code),
        "error": attempt.failure.as_ref().map(Failure::code),
        "round_trips": traffic.requests,
        "bytes_up": traffic.bytes_up,
        "bytes_down": traffic.bytes_down,
        "sent": report.sent,
        "received": report.received,
        "refused": report.refused,
        "set_aside": report.set_aside,
        "reconciled": report.reconciled,
        "copy_noticed": traffic.is_copy,
        "duration_ms": attempt.duration_ms,
    })
}

fn sentences(attempt: &Attempt) -> String {
    let Attempt {
        report, traffic, ..
    } = attempt;
    let proof = match report.why_not {
        None => "Identique au hub.".to_owned(),
        Some(why) => format!("Pas identique au hub\u{a0}: {why}."),
    };
    let refused = match report.refused {
        0 => String::new(),
        n => format!(
            "\n{} par le hub\u{a0}: prévenez l’administrateur.",
            counted(n, "modification refusée", "modifications refusées")
        ),
    };
    format!(
        "{proof}\n{}, {}\u{a0}; {}, {} octets envoyés, {} octets reçus.{refused}",
        counted(
            report.sent,
            "modification envoyée",
            "modifications envoyées"
        ),
        counted(report.received, "reçue", "reçues"),
        counted(traffic.requests, "aller-retour", "allers-retours"),
        traffic.bytes_up,
        traffic.bytes_down,
    )
}
