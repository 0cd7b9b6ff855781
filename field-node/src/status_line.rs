//! The status line of a laptop: from what the courier knows to one calm sentence.

use jiff::civil::DateTime;
use shared::desk::page::StatusLine;
use shared::time::Timestamp;

use crate::courier::CourierState;

/// The line at `now`.
pub(crate) fn status_line(state: &CourierState, now: DateTime) -> StatusLine {
    let pending = state.pending.changes;
    let last = state.last_done.map(Timestamp::local);
    if !state.enrolled {
        return StatusLine::attention(
            "Ce portable n’est pas encore inscrit auprès du hub.",
            pending,
        );
    }
    if state.paused {
        return StatusLine::paused(pending, last, now);
    }
    if let Some(progress) = state.progress {
        return StatusLine::exchanging(progress.done, progress.all, progress.left_in_words());
    }
    if let Some(trouble) = &state.trouble {
        return StatusLine::attention(sentence(trouble), pending);
    }
    if state.line_up != Some(true) {
        return StatusLine::offline(pending, last, now);
    }
    match (pending, state.identical_since, state.why_not) {
        (0, Some(since), _) => StatusLine::up_to_date(since.local(), now),
        (_, _, Some(why)) => StatusLine::attention(
            sentence(&format!("Pas identique au hub\u{a0}: {why}")),
            pending,
        ),
        _ => StatusLine::waiting(pending),
    }
}

/// A message as a sentence: with a capital letter and a full stop.
pub(crate) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    let rest = letters.as_str().trim_end_matches('.');
    format!("{first}{rest}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::desk::page::StatusKind;
    use shared::exchange::WhyNot;
    use shared::exchange::position::Pending;

    use crate::progress::Progress;

    const NOW: Timestamp = Timestamp(1_795_681_500_000);

    fn up() -> CourierState {
        CourierState {
            enrolled: true,
            line_up: Some(true),
            last_done: Some(NOW),
            identical_since: Some(NOW),
            ..CourierState::default()
        }
    }

    fn line(state: &CourierState) -> StatusLine {
        status_line(state, NOW.local())
    }

    #[test]
    fn identical_is_said_only_while_nothing_waits() {
        let state = up();
        assert_eq!(line(&state).kind, StatusKind::UpToDate);
        let pending = Pending {
            changes: 2,
            documents: 1,
        };
        let state = CourierState { pending, ..state };
        assert_eq!(line(&state).text, "En ligne. 2 saisies à envoyer au hub.");
    }

    #[test]
    fn no_line_is_normal_and_a_refusal_is_not() {
        let down = CourierState {
            line_up: Some(false),
            ..up()
        };
        assert_eq!(line(&down).kind, StatusKind::Offline);
        let refused = CourierState {
            trouble: Some("ce portable a été révoqué".to_owned()),
            ..up()
        };
        assert_eq!(line(&refused).kind, StatusKind::Attention);
        assert_eq!(line(&refused).text, "Ce portable a été révoqué.");
        let different = CourierState {
            identical_since: None,
            why_not: Some(WhyNot::Different),
            ..up()
        };
        assert_eq!(line(&different).kind, StatusKind::Attention);
    }

    #[test]
    fn a_long_exchange_says_how_far_it_has_come_even_after_trouble() {
        let progress = Progress {
            done: 1_240,
            all: 15_000,
            began: NOW,
            at: Timestamp(NOW.0 + 10_000),
        };
        let state = CourierState {
            progress: Some(progress),
            line_up: Some(false),
            ..up()
        };
        let line = line(&state);
        assert_eq!(
            line.text,
            "Échange avec le hub\u{a0}: 1\u{202f}240 modifications sur 15\u{202f}000."
        );
        assert_eq!(line.detail, "Encore 2 minutes environ.");
    }

    #[test]
    fn a_pause_and_a_missing_registration_come_first() {
        let paused = CourierState {
            paused: true,
            trouble: Some("x".to_owned()),
            ..up()
        };
        assert!(line(&paused).text.starts_with("Échanges en pause."));
        let fresh = CourierState::default();
        assert_eq!(
            line(&fresh).text,
            "Ce portable n’est pas encore inscrit auprès du hub."
        );
    }
}
