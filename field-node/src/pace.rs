//! When the next exchange is due: pure functions of what happened and of a random number.

use std::time::Duration;

/// While the line is up and nothing changes, the hub is asked this often.
const IDLE_EVERY: Duration = Duration::from_secs(20);
/// After a change, a little more is awaited: one act often makes several changes.
pub(crate) const GATHER: Duration = Duration::from_millis(300);
/// First pause after a failure; doubled for each further one.
const RETRY_FIRST: Duration = Duration::from_secs(2);
/// Longest pause: a laptop in a village notices a line within this time.
const RETRY_MAX: Duration = Duration::from_secs(300);

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
}
