//! When the next exchange is due, and whether it may wait at the hub: pure functions of what happened and of a random
//! number.

use std::time::Duration;

/// While the line is up and nothing changes, the hub is asked this often.
const IDLE_EVERY: Duration = Duration::from_secs(20);
/// After a change, a little more is awaited: one act often makes several changes.
pub(crate) const GATHER: Duration = Duration::from_millis(300);
/// First pause after a failure; doubled for each further one.
const RETRY_FIRST: Duration = Duration::from_secs(2);
/// Longest pause: a laptop in a village notices a line within this time.
const RETRY_MAX: Duration = Duration::from_secs(300);

/// A line whose round trip takes no longer carries a waiting request without pain: mobile networks of this century do,
/// 2G and satellites do not.
const GOOD_ROUND_TRIP_MS: u64 = 300;
/// Round trips that are remembered: one slow one among them (a large request, a hub at work) says nothing.
pub(crate) const ROUND_TRIPS_KEPT: usize = 3;
/// A wait at the hub that ends sooner than this for nothing was no wait: the hub does not hold its answers.
const WAIT_MIN: Duration = Duration::from_secs(5);
/// Pause between news and the next wait: what is written at several desks at once comes together.
const AFTER_NEWS: Duration = Duration::from_millis(500);

/// What to do after an exchange that went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Wait at the hub for news, after a pause.
    Await(Duration),
    /// Ask again after a pause.
    Ask(Duration),
}

/// Whether a laptop may wait at the hub: from its last quickest round trips, in milliseconds.
pub(crate) fn good_round_trip_ms(round_trips_ms: &[u64]) -> Option<u64> {
    let mut sorted = round_trips_ms.to_vec();
    sorted.sort_unstable();
    let middle = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    (middle <= GOOD_ROUND_TRIP_MS).then_some(middle)
}

/// What follows an exchange after which nothing is left to do, on a good line. `waited` is how long it waited for news,
/// if it did.
pub(crate) fn after(waited: Option<Duration>, has_moved: bool, jitter: f64) -> Next {
    match waited {
        _ if has_moved => Next::Await(AFTER_NEWS),
        Some(waited) if waited < WAIT_MIN => Next::Ask(pause_after(0, jitter)),
        _ => Next::Await(Duration::ZERO),
    }
}

/// How long to wait after `failures` failed exchanges in a row. `jitter` lies in 0..1; it spreads a quarter of the
/// pause to either side, so that laptops that lost the hub together do not come back together.
pub(crate) fn pause_after(failures: u32, jitter: f64) -> Duration {
    let pause = match failures {
        0 => IDLE_EVERY,
        n => RETRY_FIRST
            .saturating_mul(2u32.saturating_pow(n - 1))
            .min(RETRY_MAX),
    };
    pause.mul_f64(0.75 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_two_seconds_up_to_five_minutes() {
        let seconds: Vec<u64> = (0..12).map(|n| pause_after(n, 0.5).as_secs()).collect();
        assert_eq!(seconds, [20, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(pause_after(u32::MAX, 0.5), RETRY_MAX);
    }

    #[test]
    fn chance_moves_a_pause_by_a_quarter_at_most() {
        assert_eq!(pause_after(3, 0.0), Duration::from_secs(6));
        assert_eq!(pause_after(3, 1.0), Duration::from_secs(10));
        assert_eq!(pause_after(3, f64::INFINITY), Duration::from_secs(10));
    }

    #[test]
    fn a_line_is_good_when_its_usual_round_trip_is_short() {
        assert_eq!(good_round_trip_ms(&[]), None);
        assert_eq!(good_round_trip_ms(&[40]), Some(40));
        assert_eq!(good_round_trip_ms(&[9_000, 40]), Some(40));
        assert_eq!(good_round_trip_ms(&[600, 40, 620]), None);
        assert_eq!(good_round_trip_ms(&[300, 9_000, 200]), Some(300));
    }

    #[test]
    fn a_hub_that_does_not_hold_its_answers_is_asked_now_and_then() {
        let (second, held) = (Duration::from_secs(1), Duration::from_secs(25));
        assert_eq!(after(None, false, 0.5), Next::Await(Duration::ZERO));
        assert_eq!(after(Some(held), false, 0.5), Next::Await(Duration::ZERO));
        assert_eq!(after(Some(second), true, 0.5), Next::Await(AFTER_NEWS));
        assert_eq!(after(Some(second), false, 0.5), Next::Ask(IDLE_EVERY));
    }
}
