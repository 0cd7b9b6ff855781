//! Who holds a seat, who waits, and who must be called.
//!
//! A seat goes to the earliest registrations still standing, in the order (time, id), up to the capacity. Nothing of it
//! is stored: every site computes the same answer from the same document, so two laptops that filled the last seat
//! offline agree as soon as they have exchanged, and the one who was bumped appears in [`to_tell`]. Who was really
//! there on the day is `attendance`.

use jiff::civil::Date;

use super::code::codes;
use super::codes::{Attendance, RegistrationStatus, SessionState};
use super::session::{Registration, Session};
use crate::ids::RegistrationId;
use crate::text::counted;

/// The seats of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seats {
    /// Number of seats.
    pub capacity: u16,
    /// Who holds one, earliest first. Walk-ins count like anybody else.
    pub seated: Vec<RegistrationId>,
    /// The waiting list, first in line first.
    pub waiting: Vec<RegistrationId>,
    /// How many of it still wait: who came all the same, or is known not to have come, waits no more.
    pub still_waiting: usize,
    /// Seats that nobody holds.
    pub free: u16,
}

codes! {
    /// Why a registered person must be called; the label is what to say. The first two differ from the third in that
    /// the person has no seat: whether they knew it when they registered or lost it since is all the same.
    ToTell {
        OnWaitingList = "waiting", "en liste d’attente";
        MovedAndWaiting = "moved_and_waiting", "atelier déplacé, en liste d’attente";
        SessionMoved = "moved", "atelier déplacé";
        SessionCancelled = "cancelled", "atelier annulé";
    } default OnWaitingList
}

impl Seats {
    /// The seats of `session`.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let capacity = usize::from(session.capacity);
        let beyond = standing(session).skip(capacity);
        let still_waiting = beyond.filter(|(_, r)| is_awaited(r)).count();
        let mut seated: Vec<RegistrationId> = standing(session).map(|(id, _)| id).collect();
        let waiting = seated.split_off(capacity.min(seated.len()));
        let taken = u16::try_from(seated.len()).unwrap_or(u16::MAX);
        Self {
            capacity: session.capacity,
            free: session.capacity.saturating_sub(taken),
            seated,
            waiting,
            still_waiting,
        }
    }

    /// Whether this registration holds a seat.
    #[must_use]
    pub fn holds(&self, id: RegistrationId) -> bool {
        self.seated.contains(&id)
    }

    /// Place in the waiting list, the first being 1.
    #[must_use]
    pub fn rank_waiting(&self, id: RegistrationId) -> Option<usize> {
        self.waiting.iter().position(|w| *w == id).map(|at| at + 1)
    }

    /// « 3 inscrits, 1 place libre », « complet, 2 en liste d’attente ».
    #[must_use]
    pub fn sentence(&self) -> String {
        let standing = self.seated.len() + self.waiting.len();
        sentence(standing, self.still_waiting, self.capacity)
    }
}

/// The sentence of [`Seats::sentence`] for so many registrations that stand, of which so many still wait.
#[must_use]
pub fn sentence(standing: usize, still_waiting: usize, capacity: u16) -> String {
    let taken = match standing {
        0 => "aucun inscrit".to_owned(),
        taken => counted(taken as u64, "inscrit", "inscrits"),
    };
    let free = usize::from(capacity).saturating_sub(standing);
    match (free, still_waiting) {
        (0, 0) => format!("complet, {taken}"),
        (0, waiting) => format!("complet, {waiting} en liste d’attente"),
        (free, _) => format!(
            "{taken}, {}",
            counted(free as u64, "place libre", "places libres")
        ),
    }
}

/// Whether nobody has said yet what became of a registration: whoever walked in was there.
fn is_awaited(registration: &Registration) -> bool {
    !registration.walk_in && registration.attendance == Attendance::Unknown
}

/// The registrations still standing, in the order of seats.
pub fn standing(session: &Session) -> impl Iterator<Item = (RegistrationId, &Registration)> {
    let mut standing: Vec<_> = session
        .registrations
        .iter()
        .filter(|(_, registration)| registration.status == RegistrationStatus::Registered)
        .map(|(id, registration)| (*id, registration))
        .collect();
    standing.sort_by_key(|(id, registration)| (registration.at, *id));
    standing.into_iter()
}

/// Who must still be called about a session of today or later, and why, in the order of seats.
///
/// Nobody is called who has been told already, who walked in, or whose attendance is known: they were there.
#[must_use]
pub fn to_tell(session: &Session, today: Date) -> Vec<(RegistrationId, ToTell)> {
    if session.date < today {
        return Vec::new();
    }
    let seats = Seats::of(session);
    standing(session)
        .filter(|(_, registration)| !registration.told && is_awaited(registration))
        .filter_map(|(id, _)| Some((id, reason(session, seats.holds(id))?)))
        .collect()
}

fn reason(session: &Session, seated: bool) -> Option<ToTell> {
    match (session.state, session.moved, seated) {
        (SessionState::Cancelled, _, _) => Some(ToTell::SessionCancelled),
        (SessionState::Planned, true, true) => Some(ToTell::SessionMoved),
        (SessionState::Planned, true, false) => Some(ToTell::MovedAndWaiting),
        (SessionState::Planned, false, false) => Some(ToTell::OnWaitingList),
        (SessionState::Planned, false, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use jiff::civil::date;
    use uuid::Uuid;

    const DAY: Date = date(2026, 11, 26);

    fn id(n: u128) -> RegistrationId {
        RegistrationId(Uuid::from_u128(n))
    }

    /// A session of four seats on `DAY` with one registration for each (id, time).
    fn session(registrations: &[(u128, i64)]) -> Session {
        let mut session = Session {
            date: DAY,
            ..Session::default()
        };
        for (n, at) in registrations {
            let registration = Registration {
                at: Timestamp(*at),
                ..Registration::default()
            };
            session.registrations.insert(id(*n), registration);
        }
        session
    }

    fn change(session: &mut Session, n: u128, change: impl FnOnce(&mut Registration)) {
        change(session.registrations.get_mut(&id(n)).expect("registered"));
    }

    fn sentence(registered: u128) -> String {
        let registrations: Vec<_> = (0..registered).map(|n| (n, 0)).collect();
        Seats::of(&session(&registrations)).sentence()
    }

    #[test]
    fn the_earliest_registrations_hold_the_seats_and_the_others_wait_in_order() {
        let seats = Seats::of(&session(&[
            (1, 60),
            (2, 50),
            (3, 40),
            (4, 30),
            (5, 20),
            (6, 10),
        ]));
        assert_eq!(seats.seated, [id(6), id(5), id(4), id(3)]);
        assert_eq!(seats.waiting, [id(2), id(1)]);
        assert_eq!(seats.free, 0);
        assert!(seats.holds(id(3)));
        assert!(!seats.holds(id(2)));
        assert_eq!(seats.rank_waiting(id(1)), Some(2));
        assert_eq!(seats.rank_waiting(id(6)), None);
    }

    #[test]
    fn the_same_instant_is_settled_by_the_registration_id() {
        let seats = Seats::of(&session(&[(9, 10), (2, 10), (7, 10), (4, 10), (5, 10)]));
        assert_eq!(seats.waiting, [id(9)]);
    }

    #[test]
    fn two_laptops_that_fill_the_last_seat_offline_agree_on_who_is_bumped() {
        let shared = [(1, 1), (2, 2), (3, 3)];
        let mut here = session(&shared);
        here.registrations
            .extend(session(&[(10, 200)]).registrations);
        let mut there = session(&shared);
        there
            .registrations
            .extend(session(&[(20, 100)]).registrations);
        assert_eq!(Seats::of(&here).free, 0);
        assert_eq!(Seats::of(&there).free, 0);

        here.registrations.extend(there.registrations.clone());
        there.registrations.extend(here.registrations.clone());
        assert_eq!(Seats::of(&here), Seats::of(&there));
        assert_eq!(to_tell(&here, DAY), [(id(10), ToTell::OnWaitingList)]);
    }

    #[test]
    fn a_withdrawal_frees_the_seat_for_the_first_in_line() {
        let mut session = session(&[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6)]);
        change(&mut session, 2, |r| {
            r.status = RegistrationStatus::Cancelled
        });
        let seats = Seats::of(&session);
        assert_eq!(seats.seated, [id(1), id(3), id(4), id(5)]);
        assert_eq!(seats.waiting, [id(6)]);
        change(&mut session, 1, |r| r.status = RegistrationStatus::Revoked);
        assert_eq!(Seats::of(&session).waiting, []);
    }

    #[test]
    fn walk_ins_count_as_registered() {
        let mut session = session(&[(1, 1), (2, 2)]);
        change(&mut session, 2, |r| r.walk_in = true);
        assert_eq!(Seats::of(&session).free, 2);
    }

    #[test]
    fn seats_are_said_in_clear_words() {
        assert_eq!(sentence(0), "aucun inscrit, 4 places libres");
        assert_eq!(sentence(1), "1 inscrit, 3 places libres");
        assert_eq!(sentence(3), "3 inscrits, 1 place libre");
        assert_eq!(sentence(4), "complet, 4 inscrits");
        assert_eq!(sentence(5), "complet, 1 en liste d’attente");
        assert_eq!(sentence(6), "complet, 2 en liste d’attente");
    }

    #[test]
    fn who_walks_in_beyond_the_seats_does_not_wait() {
        let mut session = session(&[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6)]);
        change(&mut session, 6, |r| r.walk_in = true);
        let seats = Seats::of(&session);
        assert_eq!(seats.sentence(), "complet, 1 en liste d’attente");
        change(&mut session, 5, |r| r.attendance = Attendance::Present);
        assert_eq!(Seats::of(&session).sentence(), "complet, 6 inscrits");
    }

    #[test]
    fn a_lowered_capacity_puts_the_last_ones_on_the_waiting_list() {
        let mut session = session(&[(1, 1), (2, 2), (3, 3)]);
        session.capacity = 2;
        assert_eq!(to_tell(&session, DAY), [(id(3), ToTell::OnWaitingList)]);
        session.capacity = 0;
        assert_eq!(
            Seats::of(&session).sentence(),
            "complet, 3 en liste d’attente"
        );
    }

    #[test]
    fn a_cancelled_session_lists_everyone_standing_who_was_not_told() {
        let mut session = session(&[(1, 1), (2, 2), (3, 3)]);
        session.state = SessionState::Cancelled;
        change(&mut session, 1, |r| r.told = true);
        change(&mut session, 2, |r| {
            r.status = RegistrationStatus::Cancelled
        });
        assert_eq!(to_tell(&session, DAY), [(id(3), ToTell::SessionCancelled)]);
    }

    #[test]
    fn a_moved_session_lists_those_with_a_seat_and_those_without() {
        let mut session = session(&[(1, 1), (2, 2)]);
        session.capacity = 1;
        session.moved = true;
        assert_eq!(
            to_tell(&session, DAY),
            [
                (id(1), ToTell::SessionMoved),
                (id(2), ToTell::MovedAndWaiting)
            ]
        );
    }

    #[test]
    fn nobody_is_called_who_holds_a_seat_or_was_there_or_when_it_is_over() {
        let mut session = session(&[(1, 1), (2, 2), (3, 3), (4, 4)]);
        assert_eq!(to_tell(&session, DAY), []);
        session.capacity = 1;
        change(&mut session, 2, |r| r.walk_in = true);
        change(&mut session, 3, |r| r.attendance = Attendance::Present);
        assert_eq!(to_tell(&session, DAY), [(id(4), ToTell::OnWaitingList)]);
        let day_after = date(2026, 11, 27);
        assert_eq!(to_tell(&session, day_after), []);
    }
}
