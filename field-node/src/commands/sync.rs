//! `maison-node sync`: one exchange, and what came of it. Ctrl-C ends it; the next one goes on where it was.

use shared::exchange::{Report, WhyNot, position};
use shared::program::{Exit, complain, progress_bar, say, stop_signal};
use shared::text::counted;
use shared::time::{Clock, Timestamp};

use crate::attempt::{Attempt, Attempted, Failure, Why, attempt};
use crate::cli::Sync;
use crate::config::data_directory;
use crate::line::Line;
use crate::opened::{Node, NodeError};
use crate::progress::Progress;

pub(super) async fn sync(asked: Sync) -> Result<Exit, NodeError> {
    let node = Node::open_existing(&data_directory(asked.data)?, Clock::default()).await?;
    let line = Line::new(node.site().clone())?;
    let pending = node.site().read(|c| Ok(position::pending(c)?)).await?;
    let mut told = teller(pending.changes);
    let attempted = tokio::select! {
        attempted = attempt(node.site(), &line, Why::Asked, &mut told) => attempted?,
        () = stop_signal() => {
            complain(
                "Interrompu\u{a0}: ce qui est arrivé est gardé, le prochain échange reprendra où celui-ci en était.",
            );
            return Ok(Exit::Failed);
        }
    };
    let attempt = match attempted {
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

/// What tells a terminal how far a long exchange has come.
fn teller(pending: u64) -> impl FnMut(&Report) + Send {
    let mut bar = progress_bar("Échange avec le hub");
    move |report| {
        // The bar measures the time itself.
        let progress = Progress::of(report, pending, Timestamp(0), Timestamp(0));
        if progress.is_long() {
            let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            bar(size(progress.done), size(progress.all));
        }
    }
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
        "why_not": report.why_not.map(WhyNot::code),
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
        "hub_restored": report.hub_began_anew,
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
