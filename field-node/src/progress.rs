//! How far a long exchange has come, and how long the rest will take: for the page, the status line and the terminal.
//!
//! Counts are changes: those that wait here, and the positions of the hub's ledger that its answer covers.

use std::time::Duration;

use shared::exchange::Report;
use shared::text::counted;
use shared::time::Timestamp;

/// A shorter exchange is over before anybody has read how far it is.
const LONG: u64 = 500;
/// Told at most this often, in milliseconds: pages redraw it.
const TOLD_EVERY_MS: i64 = 500;
/// Before this much time has passed nobody can say how long the rest takes, in milliseconds.
const GUESSED_AFTER_MS: i64 = 2_000;

/// Where an exchange stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Changes sent or received.
    pub done: u64,
    /// Changes to send or receive in all, as far as is known.
    pub all: u64,
    /// When it began.
    pub began: Timestamp,
    /// When this was so.
    pub at: Timestamp,
}

impl Progress {
    /// Where an exchange stands that began with `pending` changes to send.
    #[must_use]
    pub fn of(report: &Report, pending: u64, began: Timestamp, at: Timestamp) -> Self {
        let received = report.covered.max(report.received);
        Self {
            done: report.sent + received,
            all: report.sent.max(pending) + report.coming.max(received),
            began,
            at,
        }
    }

    /// Whether it is worth showing.
    #[must_use]
    pub fn is_long(self) -> bool {
        self.all >= LONG
    }

    /// Whether it is time to tell this after `told`.
    #[must_use]
    pub fn is_due_after(self, told: Option<Self>) -> bool {
        told.is_none_or(|told| self.at.0.abs_diff(told.at.0) >= TOLD_EVERY_MS.unsigned_abs())
    }

    /// How long the rest takes, if it goes on as it has; `None` while nobody can say.
    #[must_use]
    pub fn left(self) -> Option<Duration> {
        let elapsed_ms = self.at.0 - self.began.0;
        if elapsed_ms < GUESSED_AFTER_MS || self.done == 0 {
            return None;
        }
        let rest = self.all.saturating_sub(self.done);
        let left_ms =
            u128::from(elapsed_ms.unsigned_abs()) * u128::from(rest) / u128::from(self.done);
        Some(Duration::from_millis(
            u64::try_from(left_ms).unwrap_or(u64::MAX),
        ))
    }

    /// « Encore 3 minutes environ. »; empty while nobody can say.
    #[must_use]
    pub fn left_in_words(self) -> String {
        match self.left().map(|left| left.as_secs()) {
            None => String::new(),
            Some(0..60) => "Encore moins d’une minute.".to_owned(),
            Some(seconds) => {
                let minutes = counted(seconds.div_ceil(60), "minute", "minutes");
                format!("Encore {minutes} environ.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: Timestamp = Timestamp(1_795_681_500_000);

    fn after_ms(report: &Report, ms: i64) -> Progress {
        Progress::of(report, 100, BEGAN, Timestamp(BEGAN.0 + ms))
    }

    #[test]
    fn what_is_sent_and_what_comes_count_together() {
        let fresh = after_ms(&Report::default(), 0);
        assert_eq!((fresh.done, fresh.all, fresh.is_long()), (0, 100, false));
        let report = Report {
            sent: 100,
            coming: 900,
            covered: 150,
            received: 140,
            ..Report::default()
        };
        let progress = after_ms(&report, 10_000);
        assert_eq!((progress.done, progress.all), (250, 1_000));
        assert!(progress.is_long());
        assert_eq!(progress.left(), Some(Duration::from_secs(30)));
    }

    #[test]
    fn the_rest_is_told_in_minutes_once_it_can_be_guessed() {
        let report = Report {
            coming: 900,
            covered: 100,
            ..Report::default()
        };
        assert_eq!(after_ms(&report, 1_999).left_in_words(), "");
        assert_eq!(
            after_ms(&report, 2_000).left_in_words(),
            "Encore moins d’une minute."
        );
        assert_eq!(
            after_ms(&report, 20_000).left_in_words(),
            "Encore 3 minutes environ."
        );
        assert_eq!(after_ms(&Report::default(), 20_000).left(), None);
        assert_eq!(
            after_ms(&report, -5_000).left(),
            None,
            "a clock that was set back"
        );
    }

    #[test]
    fn it_is_told_twice_a_second_at_most() {
        let progress = |ms| after_ms(&Report::default(), ms);
        assert!(progress(0).is_due_after(None));
        assert!(!progress(499).is_due_after(Some(progress(0))));
        assert!(progress(500).is_due_after(Some(progress(0))));
    }
}
