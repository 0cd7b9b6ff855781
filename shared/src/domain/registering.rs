//! How a person enters a session, is marked on the day, and leaves it again.
//!
//! Each act is a change of the session alone; what it needs of the person's record is handed in. Who then holds a seat
//! is `seats`.

use super::age::age_band;
use super::codes::{Attendance, Level, RegistrationStatus, SessionState};
use super::person::Person;
use super::seats::Seats;
use super::session::{Registration, Session};
use crate::ids::{PersonId, RegistrationId};
use crate::time::Timestamp;

/// What statistics need of a person, and what a registration keeps of them when their record is erased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// INSEE code of the commune; empty when not given.
    pub commune: String,
    /// Year of birth.
    pub birth_year: Option<i16>,
}

impl From<&Person> for Facts {
    fn from(person: &Person) -> Self {
        Self {
            commune: person.commune.clone(),
            birth_year: person.birth_year,
        }
    }
}

/// How somebody enters a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Registers ahead.
    Ahead,
    /// Registers ahead, knowing that the session is full: there is no call to make.
    AheadOnWaitingList,
    /// Came without a registration: registered and present in one act.
    WalkIn,
}

/// What becomes of a registration that has just been written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// Holds a seat.
    Seated,
    /// Stands on the waiting list, the first place being 1.
    Waiting(usize),
}

impl Session {
    /// Writes down a registration of `person`.
    pub fn enter(
        &mut self,
        id: RegistrationId,
        person: PersonId,
        facts: Option<&Facts>,
        at: Timestamp,
        entry: Entry,
    ) -> Entered {
        let walk_in = entry == Entry::WalkIn;
        let mut registration = Registration {
            person,
            at,
            walk_in,
            // Whoever registers for a moved session hears its new date in the same breath.
            told: self.moved || entry == Entry::AheadOnWaitingList,
            ..Registration::default()
        };
        if walk_in {
            registration.attendance = Attendance::Present;
        }
        registration.keep_facts(self.date, facts);
        self.registrations.insert(id, registration);
        match Seats::of(self).rank_waiting(id) {
            None => Entered::Seated,
            Some(rank) => Entered::Waiting(rank),
        }
    }

    /// Marks what became of a registered person; gives what stood before, or `None` without such a registration.
    pub fn mark(
        &mut self,
        id: RegistrationId,
        attendance: Attendance,
        facts: Option<&Facts>,
    ) -> Option<Attendance> {
        let date = self.date;
        let registration = self.registrations.get_mut(&id)?;
        registration.keep_facts(date, facts);
        Some(std::mem::replace(&mut registration.attendance, attendance))
    }

    /// Withdraws a registration, or lets it stand again; gives the status before, or `None` without such a
    /// registration.
    pub fn set_status(
        &mut self,
        id: RegistrationId,
        status: RegistrationStatus,
    ) -> Option<RegistrationStatus> {
        let registration = self.registrations.get_mut(&id)?;
        Some(std::mem::replace(&mut registration.status, status))
    }

    /// Lets a cancelled session take place after all. Where somebody has been told of the cancellation already,
    /// everyone must hear of it, and gives true.
    pub fn reinstate(&mut self) -> bool {
        self.state = SessionState::Planned;
        let told = self.registrations.values().any(|registration| {
            registration.told && registration.status == RegistrationStatus::Registered
        });
        if told {
            self.mark_moved("L’atelier a lieu finalement.");
        } else {
            self.reason = String::new();
        }
        told
    }
}

impl Registration {
    /// Keeps the commune and the age band of the session's day; those of an erased person stay as they were.
    fn keep_facts(&mut self, date: jiff::civil::Date, facts: Option<&Facts>) {
        if let Some(facts) = facts {
            self.commune.clone_from(&facts.commune);
            self.age_band = age_band(facts.birth_year, date);
        }
    }
}

/// Who moved from the waiting list to a seat, in the order of seats.
#[must_use]
pub fn newly_seated(before: &Seats, after: &Seats) -> Vec<RegistrationId> {
    let seated = after.seated.iter().copied();
    seated.filter(|id| before.waiting.contains(id)).collect()
}

/// What to say before registering somebody whose level is not the session's: « Confirmé : l’atelier est pour
/// débutants ». Said, never forbidden.
#[must_use]
pub fn level_remark(person: Option<Level>, session: Level) -> Option<String> {
    let level = person.filter(|level| *level != session)?;
    Some(format!(
        "{}\u{a0}: l’atelier est pour {}s",
        level.label(),
        session.label().to_lowercase()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::codes::AgeBand;
    use crate::domain::seats::{ToTell, to_tell};
    use jiff::civil::date;
    use uuid::Uuid;

    fn id(n: u128) -> RegistrationId {
        RegistrationId(Uuid::from_u128(n))
    }

    fn person(n: u128) -> PersonId {
        PersonId(Uuid::from_u128(n))
    }

    fn sylvie() -> Facts {
        Facts {
            commune: "34245".into(),
            birth_year: Some(1957),
        }
    }

    /// A session of two seats.
    fn session() -> Session {
        Session {
            date: date(2026, 11, 26),
            capacity: 2,
            ..Session::default()
        }
    }

    fn enter(session: &mut Session, n: u128, entry: Entry) -> Entered {
        let at = Timestamp(i64::try_from(n).unwrap_or_default());
        session.enter(id(n), person(n), Some(&sylvie()), at, entry)
    }

    #[test]
    fn a_registration_keeps_commune_and_age_of_the_sessions_day() {
        let mut session = session();
        enter(&mut session, 1, Entry::Ahead);
        let registration = &session.registrations[&id(1)];
        assert_eq!(registration.commune, "34245");
        assert_eq!(registration.age_band, AgeBand::SixtyToSixtyNine);
        assert_eq!(registration.attendance, Attendance::Unknown);
    }

    #[test]
    fn marking_takes_the_commune_again_but_an_erased_person_keeps_theirs() {
        let mut session = session();
        enter(&mut session, 1, Entry::Ahead);
        let moved = Facts {
            commune: "34052".into(),
            ..sylvie()
        };
        let before = session.mark(id(1), Attendance::Present, Some(&moved));
        assert_eq!(before, Some(Attendance::Unknown));
        assert_eq!(session.registrations[&id(1)].commune, "34052");
        let before = session.mark(id(1), Attendance::Excused, None);
        assert_eq!(before, Some(Attendance::Present));
        assert_eq!(session.registrations[&id(1)].commune, "34052");
        assert_eq!(session.mark(id(9), Attendance::Present, None), None);
    }

    #[test]
    fn a_walk_in_is_registered_and_present_at_once() {
        let mut session = session();
        assert_eq!(enter(&mut session, 1, Entry::WalkIn), Entered::Seated);
        let registration = &session.registrations[&id(1)];
        assert!(registration.walk_in);
        assert_eq!(registration.attendance, Attendance::Present);
    }

    #[test]
    fn the_third_of_two_waits_and_is_called_unless_they_knew() {
        let mut session = session();
        enter(&mut session, 1, Entry::Ahead);
        enter(&mut session, 2, Entry::Ahead);
        assert_eq!(enter(&mut session, 3, Entry::Ahead), Entered::Waiting(1));
        let knowing = Entry::AheadOnWaitingList;
        assert_eq!(enter(&mut session, 4, knowing), Entered::Waiting(2));
        assert_eq!(
            to_tell(&session, session.date),
            [(id(3), ToTell::OnWaitingList)]
        );
    }

    #[test]
    fn whoever_registers_for_a_moved_session_knows_its_date() {
        let mut session = session();
        enter(&mut session, 1, Entry::Ahead);
        session.mark_moved("salle prise");
        enter(&mut session, 2, Entry::Ahead);
        assert_eq!(
            to_tell(&session, session.date),
            [(id(1), ToTell::SessionMoved)]
        );
    }

    #[test]
    fn a_withdrawal_names_who_gets_the_seat_and_can_be_taken_back() {
        let mut session = session();
        for n in 1..=4 {
            enter(&mut session, n, Entry::Ahead);
        }
        let before = Seats::of(&session);
        let status = session.set_status(id(1), RegistrationStatus::Cancelled);
        assert_eq!(status, Some(RegistrationStatus::Registered));
        assert_eq!(newly_seated(&before, &Seats::of(&session)), [id(3)]);
        session.set_status(id(1), RegistrationStatus::Registered);
        assert_eq!(Seats::of(&session), before);
    }

    #[test]
    fn a_session_that_takes_place_after_all_is_told_to_whoever_heard_otherwise() {
        let mut session = session();
        enter(&mut session, 1, Entry::Ahead);
        session.cancel("neige");
        assert!(!session.reinstate());
        assert_eq!(
            (session.state, &*session.reason),
            (SessionState::Planned, "")
        );
        assert_eq!(to_tell(&session, session.date), []);

        session.cancel("neige");
        session
            .registrations
            .values_mut()
            .for_each(|registration| registration.told = true);
        assert!(session.reinstate());
        assert_eq!(to_tell(&session, session.date).len(), 1);
    }

    #[test]
    fn another_level_is_said_and_an_unknown_one_is_not() {
        let remark = level_remark(Some(Level::Advanced), Level::Beginner);
        assert_eq!(
            remark.as_deref(),
            Some("Confirmé\u{a0}: l’atelier est pour débutants")
        );
        assert_eq!(level_remark(Some(Level::Beginner), Level::Beginner), None);
        assert_eq!(level_remark(None, Level::Beginner), None);
    }
}
