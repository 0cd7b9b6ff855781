//! Time: the stamp that documents hold, the hybrid clock that makes it, and French dates.
//!
//! This is the one file of the crate that reads the machine's clock. Everything else is handed a `Timestamp`.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 00:00 UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Local civil date and time at Capestang.
    #[must_use]
    pub fn local(self) -> jiff::civil::DateTime {
        let instant =
            jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        instant.to_zoned_datetime(paris()).datetime()
    }

    /// Local date at Capestang.
    #[must_use]
    pub fn date(self) -> Date {
        self.local().date()
    }

    /// The stamp of a local date and time at Capestang (the earlier one of an ambiguous hour).
    #[must_use]
    pub fn of_local(date: Date, time: Time) -> Self {
        let zoned = paris()
            .to_ambiguous_zoned_datetime(date.to_datetime(time))
            .compatible();
        Self(zoned.map_or(0, |z| z.timestamp().as_millisecond()))
    }
}

fn paris() -> TimeZone {
    static PARIS: std::sync::LazyLock<TimeZone> =
        std::sync::LazyLock::new(|| TimeZone::get("Europe/Paris").unwrap_or(TimeZone::UTC));
    PARIS.clone()
}

/// A hybrid logical clock: never goes back, never gives the same stamp twice, and follows the hub's time.
#[derive(Debug, Default)]
pub struct Clock {
    last_ms: AtomicI64,
    offset_ms: AtomicI64,
    /// A fixed wall time for tests and simulation; 0 means the machine's own.
    fixed_ms: AtomicI64,
}

impl Clock {
    /// A clock that stands at `at` until it is moved: for tests, demonstrations and simulation.
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        let clock = Self::default();
        clock.set(at);
        clock
    }

    /// Moves a fixed clock.
    pub fn set(&self, at: Timestamp) {
        self.fixed_ms.store(at.0, Ordering::Relaxed);
    }

    /// The next stamp: the corrected wall time, or one millisecond after the last stamp, whichever is later.
    pub fn stamp(&self) -> Timestamp {
        let wall = self.now().0;
        let previous = self
            .last_ms
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| {
                Some(wall.max(last + 1))
            });
        Timestamp(previous.map_or(wall, |last| wall.max(last + 1)))
    }

    /// The corrected wall time; for pages, not for documents.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.wall().0 + self.offset_ms.load(Ordering::Relaxed))
    }

    /// The machine's own time, uncorrected.
    pub fn wall(&self) -> Timestamp {
        match self.fixed_ms.load(Ordering::Relaxed) {
            0 => wall_now(),
            fixed => Timestamp(fixed),
        }
    }

    /// Follows the hub: from now on stamps are the machine's time plus this difference.
    pub fn correct(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    /// How far the machine's clock is behind the hub's, in milliseconds.
    pub fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }
}

/// The machine's clock.
fn wall_now() -> Timestamp {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

const WEEKDAYS: [&str; 7] = [
    "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
];
const MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

/// « jeudi 26 novembre 2026 »; the first of a month is « 1er ».
#[must_use]
pub fn long_date(date: Date) -> String {
    format!(
        "{} {}",
        WEEKDAYS[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())],
        day_month_year(date)
    )
}

/// « 26 novembre 2026 ».
#[must_use]
pub fn day_month_year(date: Date) -> String {
    let day = if date.day() == 1 {
        "1er".to_owned()
    } else {
        date.day().to_string()
    };
    format!(
        "{day}\u{a0}{} {}",
        MONTHS[usize::from(date.month().unsigned_abs()) - 1],
        date.year()
    )
}

/// « jeu. 26 nov. », for narrow places.
#[must_use]
pub fn short_date(date: Date) -> String {
    const DAYS: [&str; 7] = ["lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."];
    const SHORT: [&str; 12] = [
        "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
        "déc.",
    ];
    let day = DAYS[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())];
    format!(
        "{day}\u{a0}{}\u{a0}{}",
        date.day(),
        SHORT[usize::from(date.month().unsigned_abs()) - 1]
    )
}

/// « 9 h 30 », « 14 h ».
#[must_use]
pub fn clock_time(time: Time) -> String {
    match time.minute() {
        0 => format!("{}\u{a0}h", time.hour()),
        minute => format!("{}\u{a0}h\u{a0}{minute:02}", time.hour()),
    }
}

/// « 9 h 30 – 11 h 30 ».
#[must_use]
pub fn hours(start: Time, end: Time) -> String {
    format!("{}\u{a0}– {}", clock_time(start), clock_time(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    #[test]
    fn dates_read_as_in_french() {
        assert_eq!(long_date(date(2026, 11, 26)), "jeudi 26\u{a0}novembre 2026");
        assert_eq!(long_date(date(2027, 8, 1)), "dimanche 1er\u{a0}août 2027");
        assert_eq!(short_date(date(2026, 11, 26)), "jeu.\u{a0}26\u{a0}nov.");
        assert_eq!(clock_time(time(9, 30, 0, 0)), "9\u{a0}h\u{a0}30");
        assert_eq!(clock_time(time(14, 0, 0, 0)), "14\u{a0}h");
        assert_eq!(
            hours(time(14, 0, 0, 0), time(15, 45, 0, 0)),
            "14\u{a0}h\u{a0}– 15\u{a0}h\u{a0}45"
        );
    }

    #[test]
    fn local_time_is_that_of_capestang() {
        let winter = Timestamp::of_local(date(2026, 11, 26), time(9, 30, 0, 0));
        assert_eq!(winter.0, 1_795_681_800_000);
        assert_eq!(winter.local(), date(2026, 11, 26).at(9, 30, 0, 0));
        let summer = Timestamp::of_local(date(2026, 7, 16), time(9, 30, 0, 0));
        assert_eq!(summer.local(), date(2026, 7, 16).at(9, 30, 0, 0));
    }

    #[test]
    fn stamps_never_go_back() {
        let clock = Clock::fixed(Timestamp(1_000));
        let first = clock.stamp();
        clock.set(Timestamp(10));
        let second = clock.stamp();
        assert!(second > first);
        clock.correct(60_000);
        assert!(clock.stamp() >= Timestamp(60_010));
    }
}
