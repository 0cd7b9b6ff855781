//! The period, place and level that a page was asked for, with what one sees when nothing was asked.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use shared::desk::form::{Choice, Form};
use shared::domain::catalog::Catalog;
use shared::domain::codes::Level;
use shared::time::day_month_year;

/// What was asked for, valid, and the form that says so.
pub(super) struct Asked {
    pub(super) from: Date,
    pub(super) to: Date,
    pub(super) place: Option<String>,
    pub(super) level: Option<Level>,
    pub(super) form: Form,
}

/// Reads a query. Without dates the period is the school year around `today`: the programme of workshops follows it,
/// and a month holds too few sessions to compare anything. Dates that make no period are refused and stand in.
pub(super) fn asked(query: Vec<(String, String)>, catalog: &Catalog, today: Date) -> Asked {
    let sent = Form::sent(query);
    let (mut from, mut to) = school_year(today);
    let mut form = Form::default();
    for (name, day) in [("from", &mut from), ("to", &mut to)] {
        match sent.value(name) {
            "" => form = form.with(name, day.to_string()),
            text => {
                form = form.with(name, text);
                match text.parse() {
                    Ok(given) => *day = given,
                    Err(_) => form.refuse(name, "Indiquez une date comme 2026-09-01."),
                }
            }
        }
    }
    if to < from {
        form.refuse("to", "Le dernier jour doit suivre le premier.");
        to = from;
    }
    let place = Some(sent.value("place")).filter(|code| catalog.places.contains_key(*code));
    let level = Level::from_code(sent.value("level"));
    form = form
        .with("place", place.unwrap_or_default())
        .with("level", level.map_or("", Level::code));
    Asked {
        from,
        to,
        place: place.map(str::to_owned),
        level,
        form,
    }
}

impl Asked {
    /// « Du 1er septembre 2026 au 31 août 2027 ».
    pub(super) fn sentence(&self) -> String {
        format!(
            "Du {} au {}",
            day_month_year(self.from),
            day_month_year(self.to)
        )
    }

    /// The same question about other days, as a query.
    pub(super) fn query(&self, (from, to): (Date, Date)) -> String {
        let place = self.place.as_deref().unwrap_or_default();
        let level = self.level.map_or("", Level::code);
        format!("from={from}&to={to}&place={place}&level={level}")
    }
}

/// The school year around a day: 1 September to 31 August.
pub(super) fn school_year(day: Date) -> (Date, Date) {
    let year = if day.month() >= 9 {
        day.year()
    } else {
        day.year() - 1
    };
    (date(year, 9, 1), date(year + 1, 8, 31))
}

/// The month around a day.
pub(super) fn month(day: Date) -> (Date, Date) {
    (day.first_of_month(), day.last_of_month())
}

/// The month before.
pub(super) fn month_before(day: Date) -> (Date, Date) {
    month(day.first_of_month().saturating_sub(1.day()))
}

/// The places of the service as answers of a list.
pub(super) fn places(catalog: &Catalog) -> Vec<Choice> {
    let places = catalog.places.iter();
    places
        .map(|(code, place)| Choice::new(code, &place.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::catalog::default_catalog;

    const TODAY: Date = date(2026, 11, 26);

    fn read(query: &[(&str, &str)]) -> Asked {
        let query = query.iter().map(|(n, v)| ((*n).into(), (*v).into()));
        asked(query.collect(), &default_catalog(), TODAY)
    }

    #[test]
    fn without_dates_one_sees_the_school_year() {
        let seen = read(&[]);
        assert_eq!((seen.from, seen.to), (date(2026, 9, 1), date(2027, 8, 31)));
        assert_eq!(seen.form.value("from"), "2026-09-01");
        assert!(seen.form.is_good());
        assert_eq!(school_year(date(2026, 8, 31)).0, date(2025, 9, 1));
        assert_eq!(month_before(date(2026, 1, 15)).0, date(2025, 12, 1));
    }

    #[test]
    fn dates_place_and_level_are_those_asked_for() {
        let seen = read(&[
            ("from", "2026-11-01"),
            ("to", "2026-11-30"),
            ("place", "quarante"),
            ("level", "avance"),
        ]);
        assert_eq!((seen.from, seen.to), month(TODAY));
        assert_eq!(seen.place.as_deref(), Some("quarante"));
        assert_eq!(seen.level, Some(Level::Advanced));
        assert_eq!(
            seen.query(month_before(TODAY)),
            "from=2026-10-01&to=2026-10-31&place=quarante&level=avance"
        );
    }

    #[test]
    fn dates_that_make_no_period_are_refused_and_unknown_codes_left_out() {
        let seen = read(&[("from", "hier"), ("place", "x\"y"), ("level", "dieu")]);
        assert!(!seen.form.error("from").is_empty());
        assert_eq!((seen.place, seen.level), (None, None));
        let seen = read(&[("from", "2026-11-30"), ("to", "2026-11-01")]);
        assert!(!seen.form.error("to").is_empty());
        assert_eq!(seen.from, seen.to);
    }
}
