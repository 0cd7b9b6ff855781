//! Who was there: named people marked present, and participants counted without a name.
//!
//! Anonymous participants are counters, never invented people. Who holds a seat is `seats`.

use std::collections::BTreeMap;

use super::codes::{Attendance, RegistrationStatus};
use super::session::Session;
use crate::text::counted;

/// Counter of all anonymous participants.
pub const TOTAL: &str = "total";

/// Counter of those among them who had come before.
pub const ALREADY_SEEN: &str = "already_seen";

/// Families of counters by code (`gender.feminin`, `age.soixante_dix_plus`, `status.retraite`), with their French
/// names. Each is optional and may cover only some of the participants.
pub const FAMILIES: &[(&str, &str)] = &[
    ("gender", "par genre"),
    ("age", "par tranche d’âge"),
    ("status", "par statut"),
];

/// People present: those marked so, whose registration stands, and the anonymous ones.
#[must_use]
pub fn present(session: &Session) -> u32 {
    let named = session.registrations.values().filter(|registration| {
        registration.status == RegistrationStatus::Registered
            && registration.attendance == Attendance::Present
    });
    let anonymous = session.anonymous.get(TOTAL).copied().unwrap_or(0);
    u32::try_from(named.count())
        .unwrap_or(u32::MAX)
        .saturating_add(anonymous)
}

/// A warning, in French, when more people are present than there are seats. A warning only: they were there.
#[must_use]
pub fn crowding_warning(session: &Session) -> Option<String> {
    let (present, capacity) = (present(session), session.capacity);
    (present > u32::from(capacity)).then(|| {
        let seats = counted(capacity, "place", "places");
        let present = counted(present, "présent", "présents");
        format!("{present} pour {seats}")
    })
}

/// What is wrong with the anonymous counters, in French: « déjà venus » and each family's sum must not exceed the total.
#[must_use]
pub fn anonymous_problem(counters: &BTreeMap<String, u32>) -> Option<String> {
    let total = u64::from(counters.get(TOTAL).copied().unwrap_or(0));
    let of = counted(total, "participant anonyme", "participants anonymes");
    let already_seen = u64::from(counters.get(ALREADY_SEEN).copied().unwrap_or(0));
    if already_seen > total {
        return Some(format!(
            "Déjà venus\u{a0}: {already_seen}, mais {of} en tout."
        ));
    }
    FAMILIES.iter().find_map(|(family, name)| {
        let sum = family_sum(counters, family);
        (sum > total).then(|| format!("Le compte {name} donne {sum}, mais il y a {of} en tout."))
    })
}

/// Counts one anonymous participant more (`step` 1) or fewer (−1); a French sentence when that does not add up.
///
/// # Errors
/// The sentence of [`anonymous_problem`], or that there is nobody left to take away. The counter then stands as it was.
pub fn count_one(
    counters: &mut BTreeMap<String, u32>,
    counter: &str,
    step: i8,
) -> Result<(), String> {
    let before = counters.get(counter).copied().unwrap_or(0);
    let after = before
        .checked_add_signed(i32::from(step))
        .ok_or("Il n’y a personne à retirer.")?;
    let mut changed = counters.clone();
    changed.insert(counter.to_owned(), after);
    // One who had come before is one more participant, too.
    if counter == ALREADY_SEEN && step > 0 && after > changed.get(TOTAL).copied().unwrap_or(0) {
        changed.insert(TOTAL.to_owned(), after);
    }
    match anonymous_problem(&changed) {
        Some(problem) => Err(problem),
        None => {
            *counters = changed;
            Ok(())
        }
    }
}

fn family_sum(counters: &BTreeMap<String, u32>, family: &str) -> u64 {
    counters
        .iter()
        .filter(|(key, _)| key.split_once('.').is_some_and(|(of, _)| of == family))
        .map(|(_, count)| u64::from(*count))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::Registration;
    use crate::ids::RegistrationId;
    use uuid::Uuid;

    fn counters(pairs: &[(&str, u32)]) -> BTreeMap<String, u32> {
        pairs.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect()
    }

    fn session(attendances: &[Attendance], anonymous: u32) -> Session {
        let mut session = Session {
            anonymous: counters(&[(TOTAL, anonymous)]),
            ..Session::default()
        };
        for (n, attendance) in attendances.iter().enumerate() {
            let registration = Registration {
                attendance: *attendance,
                ..Registration::default()
            };
            let id = RegistrationId(Uuid::from_u128(n as u128));
            session.registrations.insert(id, registration);
        }
        session
    }

    #[test]
    fn present_people_are_the_named_and_the_anonymous() {
        let session = session(
            &[
                Attendance::Present,
                Attendance::NoShow,
                Attendance::Excused,
                Attendance::Unknown,
            ],
            2,
        );
        assert_eq!(present(&session), 3);
        assert_eq!(present(&Session::default()), 0);
    }

    #[test]
    fn a_withdrawn_registration_is_nobody_present() {
        let mut session = session(&[Attendance::Present], 0);
        for registration in session.registrations.values_mut() {
            registration.status = RegistrationStatus::Cancelled;
        }
        assert_eq!(present(&session), 0);
    }

    #[test]
    fn more_people_than_seats_are_counted_with_a_warning() {
        assert_eq!(
            crowding_warning(&session(&[Attendance::Present; 4], 0)),
            None
        );
        assert_eq!(
            crowding_warning(&session(&[Attendance::Present; 4], 2)).as_deref(),
            Some("6 présents pour 4 places")
        );
        let mut alone = session(&[Attendance::Present; 2], 0);
        alone.capacity = 1;
        assert_eq!(
            crowding_warning(&alone).as_deref(),
            Some("2 présents pour 1 place")
        );
    }

    #[test]
    fn counters_may_be_partial_but_never_exceed_the_total() {
        for good in [
            counters(&[]),
            counters(&[(TOTAL, 3), (ALREADY_SEEN, 3)]),
            counters(&[
                (TOTAL, 3),
                ("gender.feminin", 2),
                ("gender.masculin", 1),
                ("age.soixante_dix_plus", 1),
                ("status.retraite", 3),
            ]),
        ] {
            assert_eq!(anonymous_problem(&good), None, "{good:?}");
        }
        assert_eq!(
            anonymous_problem(&counters(&[(TOTAL, 1), (ALREADY_SEEN, 2)])).as_deref(),
            Some("Déjà venus\u{a0}: 2, mais 1 participant anonyme en tout.")
        );
        assert_eq!(
            anonymous_problem(&counters(&[
                (TOTAL, 2),
                ("gender.feminin", 2),
                ("gender.masculin", 1)
            ]))
            .as_deref(),
            Some("Le compte par genre donne 3, mais il y a 2 participants anonymes en tout.")
        );
        assert!(anonymous_problem(&counters(&[("age.moins_de_douze", 1)])).is_some());
    }

    #[test]
    fn counting_one_by_one_never_goes_below_zero_or_above_the_total() {
        let mut counted = counters(&[]);
        assert!(count_one(&mut counted, TOTAL, -1).is_err());
        count_one(&mut counted, TOTAL, 1).unwrap();
        count_one(&mut counted, ALREADY_SEEN, 1).unwrap();
        assert!(count_one(&mut counted, TOTAL, -1).is_err(), "one was seen");
        count_one(&mut counted, ALREADY_SEEN, 1).unwrap();
        assert_eq!(counted, counters(&[(TOTAL, 2), (ALREADY_SEEN, 2)]));
        assert!(count_one(&mut counters(&[(TOTAL, u32::MAX)]), TOTAL, 1).is_err());
    }

    #[test]
    fn huge_counters_do_not_overflow() {
        let huge = counters(&[(TOTAL, u32::MAX), ("age.a", u32::MAX), ("age.b", u32::MAX)]);
        assert!(anonymous_problem(&huge).is_some());
    }
}
