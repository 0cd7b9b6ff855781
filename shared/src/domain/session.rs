//! A workshop session and what happens in it: registrations, attendance, anonymous counters, notes.
//!
//! Plain data and its small rules; who holds a seat is `seats`, who was there is `attendance`.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use super::catalog::Place;
use super::codes::{
    AgeBand, Attendance, Equipment, Level, RegistrationStatus, SessionState, Theme,
};
use super::person::{FieldProblem, NOTES_CHARS_MAX, overlong};
use crate::ids::{AgentId, NoteId, PersonId, RegistrationId, SeriesId, SessionId, computed};
use crate::time::Timestamp;

/// Seats of a session unless somebody says otherwise: groups of three or four people.
pub const DEFAULT_CAPACITY: u16 = 4;

/// Seats that the largest of the halls could hold; more is a slip of the keyboard.
pub const CAPACITY_MAX: u16 = 50;

/// Minutes of preparation for one session: a long day, when two hours a week are usual.
pub const PREPARATION_MIN_MAX: u16 = 600;

/// Sessions of one weekly series: a year of weeks.
pub const SERIES_WEEKS_MAX: u16 = 53;

/// Characters of a title or a reason: one line.
const LINE_CHARS_MAX: usize = 200;

/// Years that a date may have; the service began in this century.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2100;

/// One workshop session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// Code of the place (a key of the catalog's places).
    pub place: String,
    /// Local date.
    pub date: Date,
    /// Local start.
    pub start: Time,
    /// Local end, after the start on the same day.
    pub end: Time,
    /// Title on pages and on the attendance sheet; empty means « Atelier ».
    pub title: String,
    /// Level of the group.
    pub level: Level,
    /// Number of seats.
    pub capacity: u16,
    /// Codes of the themes (`Theme`), each `true` while it holds.
    pub themes: BTreeMap<String, bool>,
    /// The animateur.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub animateur: Option<AgentId>,
    /// The weekly series that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesId>,
    /// Planned or cancelled.
    pub state: SessionState,
    /// Its date, time or place changed after people had registered, who must hear of it (`told` starts again).
    pub moved: bool,
    /// Why it was cancelled or moved, in the words of whoever did it.
    pub reason: String,
    /// Registrations, waiting list included; order and seats are derived.
    pub registrations: BTreeMap<RegistrationId, Registration>,
    /// Participants counted without a name: `total`, `already_seen`, `gender.feminin`, `age.soixante_dix_plus`, …
    pub anonymous: BTreeMap<String, u32>,
    /// Notes, oldest first by their time.
    pub notes: BTreeMap<NoteId, Note>,
    /// Minutes of preparation by the animateur.
    pub preparation_min: u16,
}

/// One person's registration in a session. Entries are never removed: withdrawal is a status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// Who.
    pub person: PersonId,
    /// When it was written down; decides the order of seats.
    pub at: Timestamp,
    /// Whether it still stands.
    pub status: RegistrationStatus,
    /// What became of the person on the day.
    pub attendance: Attendance,
    /// Came without a registration, written down on the spot.
    pub walk_in: bool,
    /// INSEE code of the commune on that day; survives the person's erasure.
    pub commune: String,
    /// Age band at the session's date; survives the person's erasure.
    pub age_band: AgeBand,
    /// Equipment used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equipment: Option<Equipment>,
    /// The equipment was the person's own.
    pub own_equipment: bool,
    /// Set once somebody has told a person who lost their seat (or whose session moved or was cancelled).
    pub told: bool,
}

/// A note on a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<AgentId>,
    /// The text.
    pub text: String,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            place: String::new(),
            date: Date::ZERO,
            start: Time::midnight(),
            end: Time::midnight(),
            title: String::new(),
            level: Level::default(),
            capacity: DEFAULT_CAPACITY,
            themes: BTreeMap::new(),
            animateur: None,
            series: None,
            state: SessionState::default(),
            moved: false,
            reason: String::new(),
            registrations: BTreeMap::new(),
            anonymous: BTreeMap::new(),
            notes: BTreeMap::new(),
            preparation_min: 0,
        }
    }
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            person: PersonId(uuid::Uuid::nil()),
            at: Timestamp::default(),
            status: RegistrationStatus::default(),
            attendance: Attendance::default(),
            walk_in: false,
            commune: String::new(),
            age_band: AgeBand::default(),
            equipment: None,
            own_equipment: false,
            told: false,
        }
    }
}

impl SeriesId {
    /// The session of this series on `date`: the same on every laptop that generates it.
    #[must_use]
    pub fn session_on(&self, date: Date) -> SessionId {
        SessionId(computed(&format!("session:{self}:{date}")))
    }
}

impl Session {
    /// What must be corrected before this session can be written down: names of fields with a French message each.
    #[must_use]
    pub fn validate(&self, places: &BTreeMap<String, Place>) -> Vec<FieldProblem> {
        let wrong = |is_wrong: bool, message: &str| is_wrong.then(|| message.to_owned());
        let checks = [
            (
                "place",
                wrong(
                    !places.contains_key(&self.place),
                    "Choisissez un lieu de la liste.",
                ),
            ),
            (
                "date",
                wrong(!YEARS.contains(&self.date.year()), "Choisissez une date."),
            ),
            (
                "end",
                wrong(
                    self.end <= self.start,
                    "L’heure de fin doit suivre l’heure de début.",
                ),
            ),
            ("title", overlong(&self.title, LINE_CHARS_MAX)),
            (
                "capacity",
                out_of_range("Le nombre de places", 1, self.capacity, CAPACITY_MAX),
            ),
            ("reason", overlong(&self.reason, LINE_CHARS_MAX)),
            (
                "preparation_min",
                out_of_range(
                    "Le nombre de minutes de préparation",
                    0,
                    self.preparation_min,
                    PREPARATION_MIN_MAX,
                ),
            ),
        ];
        let problems = checks.into_iter();
        problems
            .filter_map(|(field, problem)| Some((field, problem?)))
            .collect()
    }

    /// Whether both take place at the same time on the same day, if only for a minute.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.date == other.date && self.start < other.end && other.start < self.end
    }

    /// Length in minutes; 0 for a session that ends before it starts.
    #[must_use]
    pub fn duration_min(&self) -> u16 {
        let minutes = |time: Time| i32::from(time.hour()) * 60 + i32::from(time.minute());
        u16::try_from(minutes(self.end) - minutes(self.start)).unwrap_or(0)
    }

    /// « Atelier » unless somebody gave it a title.
    #[must_use]
    pub fn shown_title(&self) -> &str {
        if self.title.is_empty() {
            "Atelier"
        } else {
            &self.title
        }
    }

    /// Whether it is about `theme`.
    #[must_use]
    pub fn has_theme(&self, theme: Theme) -> bool {
        self.themes.get(theme.code()).copied().unwrap_or(false)
    }

    /// Marks that date, time or place have just changed: everyone registered must be told, again if need be.
    pub fn mark_moved(&mut self, reason: &str) {
        self.moved = true;
        self.start_telling(reason);
    }

    /// Cancels the session: everyone registered must be told. What was recorded on it stays.
    pub fn cancel(&mut self, reason: &str) {
        self.state = SessionState::Cancelled;
        self.start_telling(reason);
    }

    fn start_telling(&mut self, reason: &str) {
        self.reason = reason.trim().to_owned();
        for registration in self.registrations.values_mut() {
            registration.told = false;
        }
    }
}

/// The dates of a weekly series from `first` on, at most [`SERIES_WEEKS_MAX`] of them.
#[must_use]
pub fn weekly_dates(first: Date, weeks: u16) -> Vec<Date> {
    (0..i64::from(weeks.min(SERIES_WEEKS_MAX)))
        .map_while(|week| first.checked_add(jiff::Span::new().weeks(week)).ok())
        .collect()
}

/// What is wrong with the text of a note, in French.
#[must_use]
pub fn note_problem(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return Some("La note est vide.".to_owned());
    }
    overlong(text, NOTES_CHARS_MAX)
}

fn out_of_range(what: &str, min: u16, value: u16, max: u16) -> Option<String> {
    (!(min..=max).contains(&value))
        .then(|| format!("{what} doit être compris entre {min} et {max}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    fn session() -> Session {
        Session {
            place: "saint-chinian".into(),
            date: date(2026, 11, 26),
            start: time(9, 30, 0, 0),
            end: time(11, 30, 0, 0),
            ..Session::default()
        }
    }

    /// The fields that are wrong once this one was changed.
    fn wrong(change: impl FnOnce(&mut Session)) -> Vec<&'static str> {
        let places = BTreeMap::from([("saint-chinian".to_owned(), Place::default())]);
        let mut session = session();
        change(&mut session);
        let problems = session.validate(&places);
        problems.into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn a_plain_session_is_valid_and_an_empty_one_is_not() {
        assert_eq!(wrong(|_| {}), [""; 0]);
        assert_eq!(wrong(|s| *s = Session::default()), ["place", "date", "end"]);
    }

    #[test]
    fn the_end_follows_the_start() {
        assert_eq!(wrong(|s| s.end = s.start), ["end"]);
        assert_eq!(wrong(|s| s.end = time(9, 29, 0, 0)), ["end"]);
        assert_eq!(wrong(|s| s.end = time(9, 31, 0, 0)), [""; 0]);
    }

    #[test]
    fn capacity_preparation_and_place_have_limits() {
        assert_eq!(wrong(|s| s.capacity = 1), [""; 0]);
        assert_eq!(wrong(|s| s.capacity = 50), [""; 0]);
        assert_eq!(wrong(|s| s.capacity = 0), ["capacity"]);
        assert_eq!(wrong(|s| s.capacity = 51), ["capacity"]);
        assert_eq!(wrong(|s| s.preparation_min = 600), [""; 0]);
        assert_eq!(wrong(|s| s.preparation_min = 601), ["preparation_min"]);
        assert_eq!(wrong(|s| s.place = "béziers".into()), ["place"]);
        assert_eq!(wrong(|s| s.date = date(1926, 11, 26)), ["date"]);
        assert_eq!(wrong(|s| s.title = "t".repeat(201)), ["title"]);
        assert_eq!(wrong(|s| s.reason = "t".repeat(201)), ["reason"]);
    }

    #[test]
    fn messages_say_what_to_do() {
        let mut session = session();
        session.capacity = 60;
        assert_eq!(
            session.validate(&BTreeMap::new()),
            [
                ("place", "Choisissez un lieu de la liste.".to_owned()),
                (
                    "capacity",
                    "Le nombre de places doit être compris entre 1 et 50.".to_owned()
                ),
            ]
        );
    }

    #[test]
    fn a_weekly_series_keeps_its_weekday_over_the_change_of_year() {
        assert_eq!(
            weekly_dates(date(2026, 12, 17), 4),
            [
                date(2026, 12, 17),
                date(2026, 12, 24),
                date(2026, 12, 31),
                date(2027, 1, 7)
            ]
        );
        assert_eq!(weekly_dates(date(2026, 12, 17), 0), []);
        assert_eq!(weekly_dates(date(2026, 12, 17), u16::MAX).len(), 53);
        assert_eq!(weekly_dates(Date::MAX, 3), [Date::MAX]);
    }

    #[test]
    fn a_series_gives_each_date_the_same_session_everywhere() {
        let series = SeriesId(uuid::Uuid::from_u128(7));
        let day = date(2026, 11, 26);
        assert_eq!(series.session_on(day), series.session_on(day));
        assert_ne!(series.session_on(day), series.session_on(date(2026, 12, 3)));
    }

    #[test]
    fn sessions_overlap_by_a_minute_but_not_back_to_back() {
        let at = |start, end| Session {
            start,
            end,
            ..session()
        };
        let morning = session();
        assert!(morning.overlaps(&at(time(11, 29, 0, 0), time(12, 0, 0, 0))));
        assert!(morning.overlaps(&at(time(10, 0, 0, 0), time(10, 30, 0, 0))));
        assert!(!morning.overlaps(&at(time(11, 30, 0, 0), time(12, 0, 0, 0))));
        let day_after = Session {
            date: date(2026, 11, 27),
            ..session()
        };
        assert!(!morning.overlaps(&day_after));
    }

    #[test]
    fn duration_and_title_are_those_of_the_session() {
        assert_eq!(session().duration_min(), 120);
        assert_eq!(
            Session {
                end: time(9, 0, 0, 0),
                ..session()
            }
            .duration_min(),
            0
        );
        assert_eq!(session().shown_title(), "Atelier");
        assert_eq!(
            Session {
                title: "E-mail".into(),
                ..session()
            }
            .shown_title(),
            "E-mail"
        );
    }

    #[test]
    fn moving_and_cancelling_start_the_calls_again_and_lose_nothing() {
        let id = RegistrationId(uuid::Uuid::from_u128(1));
        let told = Registration {
            told: true,
            attendance: Attendance::Present,
            ..Registration::default()
        };
        let mut session = session();
        session.registrations.insert(id, told);
        session.mark_moved(" salle prise ");
        assert!(session.moved);
        assert_eq!(session.reason, "salle prise");
        assert!(!session.registrations[&id].told);

        session.cancel("neige");
        assert_eq!(session.state, SessionState::Cancelled);
        assert_eq!(session.registrations[&id].attendance, Attendance::Present);
    }

    #[test]
    fn a_note_has_a_text_of_bounded_length() {
        assert_eq!(note_problem("vient en bus"), None);
        assert!(note_problem(" \n").is_some());
        assert!(note_problem(&"é".repeat(2_001)).is_some());
    }
}
