//! The example that a new hub can be filled with, to try the programs on: the two weekly workshops and some of the
//! people that an import brought, registered and marked. No person in it exists; a hub in use is left alone.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, time};
use shared::domain::codes::{Attendance, Level};
use shared::domain::person::Person;
use shared::domain::registering::{Entry, Facts};
use shared::domain::session::{Session, weekly_dates};
use shared::ids::{AgentId, PersonId, RegistrationId, SeriesId};
use shared::site::{SiteError, Work};
use shared::time::Timestamp;
use shared::view::people;

use crate::opened::{Hub, HubError, PROGRAM};

/// Weeks of the example, half before today and half after (the programme runs for twelve).
const WEEKS: u16 = 12;
/// People registered in a session of the example: one seat stays free.
const REGISTERED: usize = 3;

/// What became of the example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// So many sessions were made.
    Done(usize),
    /// The hub holds sessions already; nothing was changed.
    InUse,
}

/// A weekly workshop of the service (project description « Le numérique en un clic »).
struct Weekly {
    series: SeriesId,
    place: &'static str,
    weekday: Weekday,
    start_hour: i8,
    start_minute: i8,
    title: &'static str,
    level: Level,
}

/// Fixed, so that filling twice makes the same sessions.
const WORKSHOPS: [Weekly; 2] = [
    Weekly {
        series: SeriesId(uuid::Uuid::from_u128(0xca9e_57a9)),
        place: "capestang",
        weekday: Weekday::Tuesday,
        start_hour: 14,
        start_minute: 0,
        title: "Bien démarrer avec l’ordinateur",
        level: Level::Beginner,
    },
    Weekly {
        series: SeriesId(uuid::Uuid::from_u128(0x5a17_c419)),
        place: "saint-chinian",
        weekday: Weekday::Thursday,
        start_hour: 9,
        start_minute: 30,
        title: "Le numérique en un clic",
        level: Level::Beginner,
    },
];

/// Fills the hub around `today`; the workshops are led by `animateur`.
pub(crate) async fn fill(
    hub: &Hub,
    today: Date,
    animateur: Option<AgentId>,
) -> Result<Filled, HubError> {
    let filled = hub.site().write(move |work| {
        let sessions: i64 =
            work.connection()
                .query_row("SELECT count(*) FROM session", [], |row| row.get(0))?;
        if sessions > 0 {
            return Ok(Filled::InUse);
        }
        let people = people::search(work.connection(), "", usize::from(u16::MAX))?;
        let mut people = people.iter().map(|line| line.id).cycle();
        for workshop in &WORKSHOPS {
            for date in weekly_dates(first_date(today, workshop.weekday), WEEKS) {
                let coming: Vec<PersonId> = people.by_ref().take(REGISTERED).collect();
                add_session(work, workshop, date, today, animateur, &coming)?;
            }
        }
        Ok(Filled::Done(WORKSHOPS.len() * usize::from(WEEKS)))
    });
    Ok(filled.await?)
}

/// The first of [`WEEKS`] such weekdays around `today`.
fn first_date(today: Date, weekday: Weekday) -> Date {
    let since = today.weekday().since(weekday);
    today - i32::from(since).days() - (i32::from(WEEKS / 2 - 1) * 7).days()
}

fn add_session(
    work: &mut Work<'_>,
    workshop: &Weekly,
    date: Date,
    today: Date,
    animateur: Option<AgentId>,
    coming: &[PersonId],
) -> Result<(), SiteError> {
    let start = time(workshop.start_hour, workshop.start_minute, 0, 0);
    let end = time(workshop.start_hour + 2, workshop.start_minute, 0, 0);
    // Registered by phone one after another, the week before.
    let first_call = Timestamp::of_local(date - 7.days(), time(10, 0, 0, 0));
    let records = coming
        .iter()
        .map(|id| Ok((*id, work.load::<Person>(*id)?.as_ref().map(Facts::from))))
        .collect::<Result<Vec<_>, SiteError>>()?;
    work.edit(
        workshop.series.session_on(date),
        PROGRAM,
        |session: &mut Session| {
            session.place = workshop.place.to_owned();
            session.date = date;
            session.start = start;
            session.end = end;
            session.title = workshop.title.to_owned();
            session.level = workshop.level;
            session.series = Some(workshop.series);
            session.animateur = animateur;
            let is_past = date < today;
            if is_past {
                session.preparation_min = 60;
            }
            for (n, (person, facts)) in (0i64..).zip(&records) {
                let id = RegistrationId::fresh();
                let at = Timestamp(first_call.0 + n * 600_000);
                session.enter(id, *person, facts.as_ref(), at, Entry::Ahead);
                if is_past {
                    let came = if n == 2 {
                        Attendance::Excused
                    } else {
                        Attendance::Present
                    };
                    session.mark(id, came, facts.as_ref());
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use shared::time::Clock;
    use shared::view::sessions;

    #[tokio::test]
    async fn a_new_hub_gets_twelve_weeks_of_two_workshops_and_one_in_use_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let hub = Hub::open(directory.path(), Clock::default()).await.unwrap();
        let today = date(2026, 11, 24);
        assert_eq!(fill(&hub, today, None).await.unwrap(), Filled::Done(24));
        assert_eq!(fill(&hub, today, None).await.unwrap(), Filled::InUse);
        let lines = hub
            .site()
            .read(|c| {
                Ok(sessions::between(
                    c,
                    date(2026, 1, 1),
                    date(2027, 12, 31),
                    None,
                )?)
            })
            .await
            .unwrap();
        assert_eq!(lines.len(), 24);
        let thursday = lines
            .iter()
            .find(|line| line.date == date(2026, 11, 26))
            .unwrap();
        assert_eq!(
            (thursday.place.as_str(), thursday.start),
            ("saint-chinian", time(9, 30, 0, 0))
        );
        let today_line = lines.iter().find(|line| line.date == today).unwrap();
        assert_eq!(
            (today_line.place.as_str(), today_line.capacity),
            ("capestang", 4)
        );
        assert!(lines.iter().filter(|line| line.date < today).count() >= 10);
        assert!(lines.iter().filter(|line| line.date > today).count() >= 12);
    }
}
