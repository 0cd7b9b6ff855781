//! What does not add up across sessions, and somebody should look at. Nothing is corrected or hidden by the machine.
//!
//! A pure function over the sessions of a day or a longer period; the two offline laptops that caused an anomaly are
//! not looked for here, the history of the document names them.

use jiff::civil::DateTime;

use super::attendance::crowding_warning;
use super::catalog::Catalog;
use super::codes::{Attendance, SessionState};
use super::seats::{Seats, standing};
use super::session::Session;
use crate::ids::SessionId;
use crate::text::counted;
use crate::time::{clock_time, short_date};

/// What does not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnomalyKind {
    /// One animateur has two sessions at overlapping times.
    AnimateurInTwoPlaces,
    /// More people were present than there are seats.
    TooManyPresent,
    /// Attendance was recorded on a session that is cancelled; it is kept.
    AttendanceOnCancelled,
    /// The session is over and its attendance is not filled in.
    AttendanceMissing,
}

/// One anomaly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// What does not add up.
    pub kind: AnomalyKind,
    /// The sessions concerned, to link to: two for an animateur in two places, else one.
    pub sessions: Vec<SessionId>,
    /// One line in French, without the name of any participant.
    pub message: String,
}

/// The anomalies of these sessions at the local time `now`, in the order of the sessions' starts.
#[must_use]
pub fn anomalies(
    sessions: &[(SessionId, &Session)],
    catalog: &Catalog,
    now: DateTime,
) -> Vec<Anomaly> {
    let mut sessions = sessions.to_vec();
    sessions.sort_by_key(|(id, session)| (session.date, session.start, *id));
    let mut found = Vec::new();
    for (at, (id, session)) in sessions.iter().enumerate() {
        let later = &sessions[at + 1..];
        let same_day = later
            .iter()
            .take_while(|(_, other)| other.date == session.date);
        found.extend(same_day.filter_map(|(other_id, other)| {
            in_two_places((*id, session), (*other_id, other), catalog)
        }));
        let checks = [
            (AnomalyKind::TooManyPresent, crowding_warning(session)),
            (AnomalyKind::AttendanceOnCancelled, on_cancelled(session)),
            (AnomalyKind::AttendanceMissing, missing(session, now)),
        ];
        found.extend(checks.into_iter().filter_map(|(kind, problem)| {
            let message = format!("{}\u{a0}: {}.", named(session, catalog), problem?);
            Some(Anomaly {
                kind,
                sessions: vec![*id],
                message,
            })
        }));
    }
    found
}

fn in_two_places(
    (id, session): (SessionId, &Session),
    (other_id, other): (SessionId, &Session),
    catalog: &Catalog,
) -> Option<Anomaly> {
    let both_planned =
        session.state == SessionState::Planned && other.state == SessionState::Planned;
    let animateur = session
        .animateur
        .filter(|agent| other.animateur == Some(*agent))?;
    (both_planned && session.overlaps(other)).then(|| {
        let name = catalog
            .agents
            .get(&animateur)
            .map_or("Un animateur", |agent| &agent.name);
        Anomaly {
            kind: AnomalyKind::AnimateurInTwoPlaces,
            sessions: vec![id, other_id],
            message: format!(
                "{name} a deux ateliers en même temps\u{a0}: {}, et {}.",
                named(session, catalog),
                named(other, catalog)
            ),
        }
    })
}

/// Attendance is looked for on every registration, withdrawn ones too: somebody wrote it down.
fn on_cancelled(session: &Session) -> Option<String> {
    let recorded = session
        .registrations
        .values()
        .filter(|registration| registration.attendance != Attendance::Unknown)
        .count() as u64;
    let anonymous = session.anonymous.values().any(|count| *count > 0);
    (session.state == SessionState::Cancelled && (recorded > 0 || anonymous)).then(|| {
        let mut what = Vec::new();
        if recorded > 0 {
            what.push(counted(
                recorded,
                "présence ou absence saisie",
                "présences ou absences saisies",
            ));
        }
        if anonymous {
            what.push("des participants anonymes comptés".to_owned());
        }
        format!("annulé, mais {}", what.join(" et "))
    })
}

/// Only those with a seat are expected; a person who waited in vain has no attendance to fill in.
fn missing(session: &Session, now: DateTime) -> Option<String> {
    let over = session.date.to_datetime(session.end) <= now;
    if !over || session.state == SessionState::Cancelled {
        return None;
    }
    let seats = Seats::of(session);
    let unknown = standing(session)
        .filter(|(id, registration)| {
            registration.attendance == Attendance::Unknown && seats.holds(*id)
        })
        .count() as u64;
    (unknown > 0).then(|| counted(unknown, "présence à renseigner", "présences à renseigner"))
}

/// « Saint-Chinian, jeu. 26 nov. à 9 h 30 ».
fn named(session: &Session, catalog: &Catalog) -> String {
    let place = catalog.place_name(&session.place);
    let (day, start) = (short_date(session.date), clock_time(session.start));
    format!("{place}, {day} à {start}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog::{Agent, default_catalog};
    use crate::domain::codes::RegistrationStatus;
    use crate::domain::session::Registration;
    use crate::ids::{AgentId, RegistrationId};
    use jiff::civil::{date, time};
    use uuid::Uuid;

    const BEFORE: DateTime = date(2026, 11, 26).at(9, 0, 0, 0);
    const AFTER: DateTime = date(2026, 11, 26).at(12, 0, 0, 0);
    const AGENT: AgentId = AgentId(Uuid::from_u128(1));

    fn id(n: u128) -> SessionId {
        SessionId(Uuid::from_u128(n))
    }

    /// Thursday morning at Saint-Chinian with these attendances.
    fn session(attendances: &[Attendance]) -> Session {
        let registration = |(n, attendance): (usize, &Attendance)| {
            let registration = Registration {
                attendance: *attendance,
                ..Registration::default()
            };
            (RegistrationId(Uuid::from_u128(n as u128)), registration)
        };
        Session {
            place: "saint-chinian".into(),
            date: date(2026, 11, 26),
            start: time(9, 30, 0, 0),
            end: time(11, 30, 0, 0),
            animateur: Some(AGENT),
            registrations: attendances.iter().enumerate().map(registration).collect(),
            ..Session::default()
        }
    }

    fn of(sessions: &[(SessionId, &Session)], now: DateTime) -> Vec<Anomaly> {
        let mut catalog = default_catalog();
        let nadia = Agent {
            name: "Nadia".into(),
            ..Agent::default()
        };
        catalog.agents.insert(AGENT, nadia);
        anomalies(sessions, &catalog, now)
    }

    /// Kind and message of the only anomaly of one session.
    fn only(session: &Session, now: DateTime) -> (AnomalyKind, String) {
        let mut found = of(&[(id(1), session)], now);
        assert_eq!(found.len(), 1, "{found:?}");
        let anomaly = found.remove(0);
        assert_eq!(anomaly.sessions, [id(1)]);
        (anomaly.kind, anomaly.message.replace('\u{a0}', " "))
    }

    #[test]
    fn a_day_that_adds_up_has_none() {
        let held = session(&[Attendance::Present, Attendance::Excused, Attendance::NoShow]);
        let cancelled = Session {
            state: SessionState::Cancelled,
            ..session(&[Attendance::Unknown])
        };
        let next = Session {
            start: held.end,
            end: time(12, 0, 0, 0),
            ..session(&[])
        };
        assert_eq!(
            of(
                &[(id(1), &held), (id(2), &cancelled), (id(3), &next)],
                AFTER
            ),
            []
        );
    }

    #[test]
    fn an_animateur_in_two_places_is_named_with_both_sessions() {
        let here = session(&[]);
        let there = Session {
            place: "quarante".into(),
            start: time(11, 0, 0, 0),
            end: time(12, 0, 0, 0),
            ..session(&[])
        };
        let found = of(&[(id(2), &there), (id(1), &here)], BEFORE);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].kind, AnomalyKind::AnimateurInTwoPlaces);
        assert_eq!(found[0].sessions, [id(1), id(2)]);
        assert_eq!(
            found[0].message.replace('\u{a0}', " "),
            "Nadia a deux ateliers en même temps : Saint-Chinian, jeu. 26 nov. à 9 h 30, \
             et Quarante, jeu. 26 nov. à 11 h."
        );
    }

    #[test]
    fn another_animateur_or_nobody_or_another_day_is_no_conflict() {
        let here = session(&[]);
        let other = Session {
            animateur: Some(AgentId(Uuid::from_u128(2))),
            ..session(&[])
        };
        let nobody = Session {
            animateur: None,
            ..session(&[])
        };
        let tomorrow = Session {
            date: date(2026, 11, 27),
            ..session(&[])
        };
        let all = [
            (id(1), &here),
            (id(2), &other),
            (id(3), &nobody),
            (id(4), &nobody),
            (id(5), &tomorrow),
        ];
        assert_eq!(of(&all, BEFORE), []);
    }

    #[test]
    fn more_present_than_seats_is_said() {
        assert_eq!(
            only(&session(&[Attendance::Present; 5]), AFTER),
            (
                AnomalyKind::TooManyPresent,
                "Saint-Chinian, jeu. 26 nov. à 9 h 30 : 5 présents pour 4 places.".into()
            )
        );
    }

    #[test]
    fn attendance_on_a_cancelled_session_is_shown_and_not_lost() {
        let mut session = session(&[Attendance::Present, Attendance::NoShow]);
        session.state = SessionState::Cancelled;
        for registration in session.registrations.values_mut() {
            registration.status = RegistrationStatus::Revoked;
        }
        assert_eq!(
            only(&session, AFTER),
            (
                AnomalyKind::AttendanceOnCancelled,
                "Saint-Chinian, jeu. 26 nov. à 9 h 30 : annulé, mais 2 présences ou absences saisies.".into()
            )
        );
        session.registrations.clear();
        session.anonymous.insert("total".into(), 3);
        let (kind, message) = only(&session, AFTER);
        assert_eq!(kind, AnomalyKind::AttendanceOnCancelled);
        assert!(
            message.ends_with("annulé, mais des participants anonymes comptés."),
            "{message}"
        );
    }

    #[test]
    fn attendance_is_missing_from_the_end_of_the_session_on() {
        let session = session(&[
            Attendance::Unknown,
            Attendance::Present,
            Attendance::Unknown,
        ]);
        assert_eq!(
            of(&[(id(1), &session)], date(2026, 11, 26).at(11, 29, 0, 0)),
            []
        );
        assert_eq!(
            only(&session, date(2026, 11, 26).at(11, 30, 0, 0)),
            (
                AnomalyKind::AttendanceMissing,
                "Saint-Chinian, jeu. 26 nov. à 9 h 30 : 2 présences à renseigner.".into()
            )
        );
    }

    #[test]
    fn a_person_who_only_waited_has_no_attendance_to_fill_in() {
        let mut session = session(&[Attendance::Present, Attendance::Unknown]);
        session.capacity = 1;
        assert_eq!(of(&[(id(1), &session)], AFTER), []);
    }
}
