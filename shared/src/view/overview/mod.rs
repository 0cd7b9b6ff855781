//! The overview of a period: what happened in the workshops and at the counters, by place, and who came.
//!
//! Three passes over the rows of the period, tallied here: grouping them seven ways in SQL would read them seven
//! times. What the figures count:
//! - A session is *held* when it was not cancelled and has begun, or when anybody was present: what was written down
//!   in the village counts, even if the hub had cancelled the session meanwhile. Other cancelled ones are *cancelled*,
//!   other planned ones *upcoming*.
//! - Registrations, absences and seats are those of held sessions. A registration that was withdrawn is none.
//! - *People* are those present under their name, each once however many records of them were merged. *New* are
//!   those who had never been present before the period, at any place and level.
//! - A struck demande is none. Demandes have no level: a choice of level leaves them all in.
//!
//! Nothing is hidden here where few people are concerned: who may see the figures is the caller's business.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::{Date, DateTime};
use rusqlite::{Connection, Row};

use super::people;
use crate::domain::codes::{AgeBand, Attendance, Channel, Level, Outcome, SessionState, Theme};
use crate::domain::commune::{OUTSIDE, in_territory};
use crate::ids::PersonId;
use crate::ledger::LedgerError;

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// First day.
    pub from: Date,
    /// Last day, included.
    pub to: Date,
    /// Code of the only place.
    pub place: Option<String>,
    /// The only level of sessions.
    pub level: Option<Level>,
    /// The local time now: what has not begun is not held.
    pub now: DateTime,
}

/// The figures of a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// By place, under its code. Somebody who went to two places counts in both.
    pub places: BTreeMap<String, Activity>,
    /// All places together.
    pub total: Activity,
    /// By commune of residence: its INSEE code if it is one of the territory's, [`OUTSIDE`], or empty when not given.
    pub communes: BTreeMap<String, Residents>,
    /// By age band on the day.
    pub age_bands: BTreeMap<AgeBand, Ages>,
    /// Demandes by code of the operator; an empty one when none was noted.
    pub operators: BTreeMap<String, u32>,
    /// Demandes by theme.
    pub themes: BTreeMap<Option<Theme>, u32>,
    /// Demandes by outcome.
    pub outcomes: BTreeMap<Outcome, u32>,
    /// Demandes by channel.
    pub channels: BTreeMap<Channel, u32>,
}

/// What happened at one place, or at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Sessions held.
    pub held: u32,
    /// Sessions cancelled.
    pub cancelled: u32,
    /// Sessions that have not begun.
    pub upcoming: u32,
    /// Seats of the sessions held.
    pub seats: u32,
    /// Of those, taken by a registration.
    pub seats_taken: u32,
    /// Registrations, waiting lists included.
    pub registered: u32,
    /// Registered people who were present.
    pub present: u32,
    /// Registered people who were excused.
    pub excused: u32,
    /// Registered people who did not come.
    pub no_show: u32,
    /// Registered people with a seat whose attendance nobody wrote down.
    pub unknown: u32,
    /// Participants counted without a name.
    pub anonymous: u32,
    /// Different people who were present under their name.
    pub people: u32,
    /// Of those, present for the first time.
    pub new_people: u32,
    /// Demandes.
    pub demandes: u32,
}

impl Activity {
    /// Everybody who was present, anonymous participants included.
    #[must_use]
    pub fn presences(&self) -> u32 {
        self.present + self.anonymous
    }

    /// People who had been present before the period.
    #[must_use]
    pub fn returning(&self) -> u32 {
        self.people - self.new_people
    }

    /// Seats taken in percent of the seats; `None` where there was no seat.
    #[must_use]
    pub fn fill_percent(&self) -> Option<u32> {
        (self.seats > 0).then(|| (self.seats_taken * 100 + self.seats / 2) / self.seats)
    }

    fn add(&mut self, other: &Self) {
        self.held += other.held;
        self.cancelled += other.cancelled;
        self.upcoming += other.upcoming;
        self.seats += other.seats;
        self.seats_taken += other.seats_taken;
        self.registered += other.registered;
        self.present += other.present;
        self.excused += other.excused;
        self.no_show += other.no_show;
        self.unknown += other.unknown;
        self.anonymous += other.anonymous;
        self.demandes += other.demandes;
    }
}

/// Who came from one commune.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residents {
    /// Different people who were present; somebody who moved counts in both communes.
    pub people: u32,
    /// Their presences.
    pub presences: u32,
    /// Demandes.
    pub demandes: u32,
}

/// Who came of one age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    /// Presences, anonymous participants included.
    pub presences: u32,
    /// Demandes.
    pub demandes: u32,
}

/// The overview of a period.
///
/// # Errors
/// What SQLite says.
pub fn overview(connection: &Connection, scope: &Scope) -> Result<Overview, LedgerError> {
    let mut overview = Overview::default();
    let mut came = Came::new(connection)?;
    sessions(connection, scope, &mut overview, &mut came)?;
    anonymous_ages(connection, scope, &mut overview)?;
    demandes(connection, scope, &mut overview)?;
    for place in overview.places.values() {
        overview.total.add(place);
    }
    came.count(connection, scope, &mut overview)?;
    Ok(overview)
}

/// The conditions of a scope on sessions, with [`sessions_asked`] as parameters.
const SESSIONS_IN_SCOPE: &str =
    "s.date BETWEEN ?1 AND ?2 AND (?3 IS NULL OR s.place = ?3) AND (?4 IS NULL OR s.level = ?4)";

fn sessions_asked(scope: &Scope) -> (String, String, Option<&str>, Option<Level>) {
    let place = scope.place.as_deref();
    (
        scope.from.to_string(),
        scope.to.to_string(),
        place,
        scope.level,
    )
}

/// One session while its registrations are read.
struct Open {
    id: String,
    place: String,
    planned: bool,
    begun: bool,
    capacity: u32,
    sums: Activity,
}

/// Sessions with their registrations, session by session in the order of the index.
fn sessions(
    connection: &Connection,
    scope: &Scope,
    overview: &mut Overview,
    came: &mut Came,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT s.id, s.place, s.state, s.date, s.start, s.capacity, s.anonymous_total,
             r.person, r.attendance, r.rank, r.commune, r.age_band
         FROM session s LEFT JOIN registration r ON r.session = s.id AND r.rank > 0
         WHERE {SESSIONS_IN_SCOPE} ORDER BY s.date, s.start, s.id"
    ))?;
    let mut rows = statement.query(sessions_asked(scope))?;
    let mut open: Option<Open> = None;
    while let Some(row) = rows.next()? {
        let id = text(row, 0)?;
        if open.as_ref().is_none_or(|session| session.id != id) {
            let before = open.replace(Open::of(row, scope)?);
            before
                .into_iter()
                .for_each(|session| overview.close(session));
        }
        // A session without registrations is one row without any.
        let person: Option<PersonId> = row.get(7)?;
        if let Some((session, person)) = open.as_mut().zip(person) {
            registration(row, person, session, overview, came)?;
        }
    }
    open.into_iter().for_each(|session| overview.close(session));
    Ok(())
}

impl Open {
    fn of(row: &Row<'_>, scope: &Scope) -> rusqlite::Result<Self> {
        let start = super::sessions::date(row, 3)?.to_datetime(super::sessions::time(row, 4)?);
        Ok(Self {
            id: row.get(0)?,
            place: row.get(1)?,
            planned: row.get::<_, SessionState>(2)? == SessionState::Planned,
            begun: start <= scope.now,
            capacity: row.get(5)?,
            sums: Activity {
                anonymous: row.get(6)?,
                ..Activity::default()
            },
        })
    }
}

fn registration(
    row: &Row<'_>,
    person: PersonId,
    session: &mut Open,
    overview: &mut Overview,
    came: &mut Came,
) -> rusqlite::Result<()> {
    let rank: u32 = row.get(9)?;
    let sums = &mut session.sums;
    sums.registered += 1;
    match row.get(8)? {
        Attendance::Present => {
            sums.present += 1;
            let commune = residence(text(row, 10)?);
            tally(&mut overview.communes, commune, |r| r.presences += 1);
            overview
                .age_bands
                .entry(row.get(11)?)
                .or_default()
                .presences += 1;
            came.note(person, &session.place, commune);
        }
        Attendance::Excused => sums.excused += 1,
        Attendance::NoShow => sums.no_show += 1,
        Attendance::Unknown if rank <= session.capacity => sums.unknown += 1,
        Attendance::Unknown => {}
    }
    Ok(())
}

impl Overview {
    /// Counts a session whose registrations have all been read.
    fn close(&mut self, session: Open) {
        let place = self.places.entry(session.place).or_default();
        if session.sums.presences() > 0 || (session.planned && session.begun) {
            place.add(&Activity {
                held: 1,
                seats: session.capacity,
                seats_taken: session.sums.registered.min(session.capacity),
                ..session.sums
            });
        } else if session.planned {
            place.upcoming += 1;
        } else {
            place.cancelled += 1;
        }
    }
}

/// The key of a commune in [`Overview::communes`].
fn residence(code: &str) -> &str {
    if code.is_empty() || in_territory(code) {
        code
    } else {
        OUTSIDE
    }
}

/// Anonymous participants by age band; those whose age nobody noted are « non communiqué ».
fn anonymous_ages(
    connection: &Connection,
    scope: &Scope,
    overview: &mut Overview,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT a.counter, sum(a.count) FROM session s JOIN anonymous a ON a.session = s.id
         WHERE s.anonymous_total > 0 AND {SESSIONS_IN_SCOPE} GROUP BY a.counter"
    ))?;
    let mut rows = statement.query(sessions_asked(scope))?;
    let mut left: u32 = overview.places.values().map(|place| place.anonymous).sum();
    while let Some(row) = rows.next()? {
        let band = text(row, 0)?
            .strip_prefix("age.")
            .and_then(AgeBand::from_code);
        if let Some(band) = band.filter(|band| *band != AgeBand::Undisclosed) {
            let count: u32 = row.get(1)?;
            overview.age_bands.entry(band).or_default().presences += count;
            left = left.saturating_sub(count);
        }
    }
    if left > 0 {
        overview
            .age_bands
            .entry(AgeBand::Undisclosed)
            .or_default()
            .presences += left;
    }
    Ok(())
}

fn demandes(
    connection: &Connection,
    scope: &Scope,
    overview: &mut Overview,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT place, operator, theme, outcome, channel, commune, age_band FROM demande
         WHERE date BETWEEN ?1 AND ?2 AND (?3 IS NULL OR place = ?3) AND NOT struck",
    )?;
    let (from, to, place, _) = sessions_asked(scope);
    let mut rows = statement.query((from, to, place))?;
    while let Some(row) = rows.next()? {
        tally(&mut overview.places, text(row, 0)?, |p| p.demandes += 1);
        tally(&mut overview.operators, text(row, 1)?, |count| *count += 1);
        *overview.themes.entry(row.get(2)?).or_default() += 1;
        *overview.outcomes.entry(row.get(3)?).or_default() += 1;
        *overview.channels.entry(row.get(4)?).or_default() += 1;
        let commune = residence(text(row, 5)?);
        tally(&mut overview.communes, commune, |r| r.demandes += 1);
        overview.age_bands.entry(row.get(6)?).or_default().demandes += 1;
    }
    Ok(())
}

/// Counts under `key`, which is copied only the first time.
fn tally<T: Default>(map: &mut BTreeMap<String, T>, key: &str, count: impl FnOnce(&mut T)) {
    match map.get_mut(key) {
        Some(found) => count(found),
        None => count(map.entry(key.to_owned()).or_default()),
    }
}

fn text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row str> {
    Ok(row.get_ref(column)?.as_str()?)
}

/// Who was present, each person once.
#[derive(Default)]
struct Came {
    /// The person that each merged record leads to.
    merged: HashMap<PersonId, PersonId>,
    by_place: BTreeMap<String, HashSet<PersonId>>,
    by_commune: BTreeMap<String, HashSet<PersonId>>,
}

impl Came {
    fn new(connection: &Connection) -> Result<Self, LedgerError> {
        let mut statement = connection.prepare_cached(
            "SELECT id FROM person WHERE merged_into IS NOT NULL
                 UNION ALL SELECT document FROM erasure WHERE merged_into IS NOT NULL",
        )?;
        let ids = statement.query_map([], |row| row.get(0))?;
        let ids = ids.collect::<rusqlite::Result<Vec<PersonId>>>()?;
        let mut came = Self::default();
        for id in ids {
            came.merged.insert(id, people::resolved(connection, id)?);
        }
        Ok(came)
    }

    fn resolved(&self, person: PersonId) -> PersonId {
        self.merged.get(&person).copied().unwrap_or(person)
    }

    fn note(&mut self, person: PersonId, place: &str, commune: &str) {
        let person = self.resolved(person);
        for (map, key) in [(&mut self.by_place, place), (&mut self.by_commune, commune)] {
            tally(map, key, |people: &mut HashSet<_>| {
                people.insert(person);
            });
        }
    }

    /// Writes the counts of people into the overview.
    fn count(
        self,
        connection: &Connection,
        scope: &Scope,
        overview: &mut Overview,
    ) -> rusqlite::Result<()> {
        let before = self.present_before(connection, scope.from)?;
        let counts = |people: &HashSet<PersonId>| {
            let new = people.difference(&before).count();
            (number(people.len()), number(new))
        };
        let mut everybody = HashSet::new();
        for (place, people) in self.by_place {
            let activity = overview.places.entry(place).or_default();
            (activity.people, activity.new_people) = counts(&people);
            everybody.extend(people);
        }
        (overview.total.people, overview.total.new_people) = counts(&everybody);
        for (commune, people) in self.by_commune {
            overview.communes.entry(commune).or_default().people = number(people.len());
        }
        Ok(())
    }

    /// Everybody who was present on a day before `from`.
    fn present_before(
        &self,
        connection: &Connection,
        from: Date,
    ) -> rusqlite::Result<HashSet<PersonId>> {
        let mut statement = connection.prepare_cached(
            "SELECT DISTINCT person FROM registration
             WHERE attendance = 'present' AND rank > 0 AND date < ?1",
        )?;
        let ids = statement.query_map([from.to_string()], |row| row.get(0))?;
        ids.map(|id| Ok(self.resolved(id?))).collect()
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
