//! Age at a date, as far as a year of birth tells it.
//!
//! Only the year is asked for, so age is the difference of years: everyone counts as having had this year's birthday.
//! It is always taken at the date of the session or demande: today's date would change last year's report.

use jiff::civil::Date;

use super::codes::AgeBand;

/// Nobody who attends was born before this; an earlier year is a slip of the keyboard.
pub const BIRTH_YEAR_MIN: i16 = 1900;

/// The age band on `at`; a missing year, or one after `at`, is « non communiqué ».
#[must_use]
pub fn age_band(birth_year: Option<i16>, at: Date) -> AgeBand {
    let Some(year) = birth_year else {
        return AgeBand::Undisclosed;
    };
    match i32::from(at.year()) - i32::from(year) {
        i32::MIN..=-1 => AgeBand::Undisclosed,
        0..=11 => AgeBand::UnderTwelve,
        12..=17 => AgeBand::TwelveToSeventeen,
        18..=24 => AgeBand::EighteenToTwentyFour,
        25..=39 => AgeBand::TwentyFiveToThirtyNine,
        40..=59 => AgeBand::FortyToFiftyNine,
        60..=69 => AgeBand::SixtyToSixtyNine,
        70.. => AgeBand::SeventyPlus,
    }
}

/// What is wrong with a year of birth, in French; `None` when it is possible.
#[must_use]
pub fn birth_year_problem(year: i16, today: Date) -> Option<String> {
    let this_year = today.year();
    (!(BIRTH_YEAR_MIN..=this_year).contains(&year)).then(|| {
        format!("L’année de naissance doit être comprise entre {BIRTH_YEAR_MIN} et {this_year}.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn each_band_begins_and_ends_where_its_name_says() {
        let at = date(2026, 11, 26);
        for (age, band) in [
            (0, AgeBand::UnderTwelve),
            (11, AgeBand::UnderTwelve),
            (12, AgeBand::TwelveToSeventeen),
            (17, AgeBand::TwelveToSeventeen),
            (18, AgeBand::EighteenToTwentyFour),
            (24, AgeBand::EighteenToTwentyFour),
            (25, AgeBand::TwentyFiveToThirtyNine),
            (39, AgeBand::TwentyFiveToThirtyNine),
            (40, AgeBand::FortyToFiftyNine),
            (59, AgeBand::FortyToFiftyNine),
            (60, AgeBand::SixtyToSixtyNine),
            (69, AgeBand::SixtyToSixtyNine),
            (70, AgeBand::SeventyPlus),
            (104, AgeBand::SeventyPlus),
        ] {
            assert_eq!(age_band(Some(2026 - age), at), band, "{age}");
        }
    }

    #[test]
    fn the_band_is_that_of_the_given_date_whatever_comes_later() {
        assert_eq!(
            age_band(Some(1956), date(2025, 12, 31)),
            AgeBand::SixtyToSixtyNine
        );
        assert_eq!(age_band(Some(1956), date(2026, 1, 1)), AgeBand::SeventyPlus);
    }

    #[test]
    fn an_unknown_or_later_year_gives_no_band() {
        assert_eq!(age_band(None, date(2026, 1, 1)), AgeBand::Undisclosed);
        assert_eq!(age_band(Some(2027), date(2026, 1, 1)), AgeBand::Undisclosed);
    }

    #[test]
    fn impossible_years_are_named() {
        let today = date(2026, 11, 26);
        for year in [1900, 1950, 2026] {
            assert_eq!(birth_year_problem(year, today), None, "{year}");
        }
        for year in [-5, 0, 48, 1899, 2027] {
            assert_eq!(
                birth_year_problem(year, today).as_deref(),
                Some("L’année de naissance doit être comprise entre 1900 et 2026."),
                "{year}"
            );
        }
    }
}
