//! The overview of a small month, counted by hand.

use jiff::civil::{date, time};
use uuid::Uuid;

use super::*;
use crate::domain::attendance::TOTAL;
use crate::domain::codes::RegistrationStatus;
use crate::domain::demande::Demande;
use crate::domain::person::Person;
use crate::domain::session::Session;
use crate::ids::SessionId;
use crate::view::testing::{person, put, register, session, view, with};

const SYLVIE: u128 = 1;
const RENE: u128 = 2;
const ANA: u128 = 3;
const PAUL: u128 = 4;
const ZOE: u128 = 5;
/// Sylvie once more, written down elsewhere and merged since.
const SYLVIE_AGAIN: u128 = 6;

/// The month: three sessions held, one cancelled, one to come, one in the month before and one in the month after.
fn november() -> Connection {
    use AgeBand::{SeventyPlus, SixtyToSixtyNine, Undisclosed};
    use Attendance::{Excused, NoShow, Present, Unknown};
    let connection = view();
    for n in [SYLVIE, RENE, ANA, PAUL, ZOE, SYLVIE_AGAIN] {
        let merged_into = (n == SYLVIE_AGAIN).then(|| person(SYLVIE));
        let known = Person {
            family_name: format!("Nom {n}"),
            merged_into,
            ..Person::default()
        };
        put(&connection, person(n), known);
    }
    let afternoon = time(14, 0, 0, 0);
    let morning = time(9, 30, 0, 0);
    let before = session("capestang", date(2026, 10, 6), afternoon, 4);
    let before = with(before, &[(RENE, Present, "34245", SixtyToSixtyNine)]);
    let mut full = with(
        session("capestang", date(2026, 11, 3), afternoon, 4),
        &[
            (SYLVIE, Present, "34052", SeventyPlus),
            (RENE, Present, "34245", SixtyToSixtyNine),
            (ANA, Excused, "", Undisclosed),
            (PAUL, NoShow, "", Undisclosed),
            (ZOE, Unknown, "", Undisclosed),
            (ANA, Present, "34052", SeventyPlus),
        ],
    );
    let withdrawn = full.registrations.values_mut().last().unwrap();
    withdrawn.status = RegistrationStatus::Cancelled;
    full.anonymous.insert(TOTAL.into(), 2);
    full.anonymous.insert("age.soixante_dix_plus".into(), 1);
    let half = Session {
        level: Level::Intermediate,
        ..session("saint-chinian", date(2026, 11, 5), morning, 2)
    };
    let half = with(
        half,
        &[
            (SYLVIE, Present, "34052", SeventyPlus),
            (ANA, Unknown, "", Undisclosed),
        ],
    );
    let cancelled = |day| Session {
        state: SessionState::Cancelled,
        ..session("saint-chinian", date(2026, 11, day), morning, 4)
    };
    let nobody = with(cancelled(12), &[(ANA, Unknown, "", Undisclosed)]);
    let all_the_same = with(
        cancelled(19),
        &[
            (PAUL, Present, "34032", Undisclosed),
            (SYLVIE_AGAIN, Present, "34052", SeventyPlus),
        ],
    );
    let to_come = session("capestang", date(2026, 11, 26), afternoon, 4);
    let to_come = with(to_come, &[(SYLVIE, Unknown, "34052", SeventyPlus)]);
    let after = session("capestang", date(2026, 12, 1), afternoon, 4);
    let sessions = [before, full, half, nobody, all_the_same, to_come, after];
    for (n, session) in (1..).zip(sessions) {
        put(&connection, SessionId(Uuid::from_u128(n)), session);
    }
    let caf = || Demande {
        operator: "caf".into(),
        ..Demande::default()
    };
    let written = |theme, outcome, channel, commune: &str| Demande {
        theme,
        outcome,
        channel,
        commune: commune.into(),
        ..caf()
    };
    let struck = Demande {
        struck: true,
        ..caf()
    };
    let registers = [
        register("capestang", date(2026, 10, 6), vec![caf()]),
        register(
            "capestang",
            date(2026, 11, 3),
            vec![
                written(
                    Some(Theme::Email),
                    Outcome::Settled,
                    Channel::OnSite,
                    "34052",
                ),
                struck,
                Demande {
                    operator: String::new(),
                    ..written(
                        Some(Theme::Email),
                        Outcome::Settled,
                        Channel::Phone,
                        "34032",
                    )
                },
            ],
        ),
        register(
            "saint-chinian",
            date(2026, 11, 5),
            vec![written(None, Outcome::Referred, Channel::OnSite, "")],
        ),
    ];
    for (id, register) in registers {
        put(&connection, id, register);
    }
    connection
}

fn scope() -> Scope {
    Scope {
        from: date(2026, 11, 1),
        to: date(2026, 11, 30),
        place: None,
        level: None,
        now: date(2026, 11, 26).at(12, 0, 0, 0),
    }
}

fn seen(scope: &Scope) -> Overview {
    overview(&november(), scope).unwrap()
}

#[test]
fn each_place_has_its_sessions_people_and_demandes() {
    let overview = seen(&scope());
    let capestang = Activity {
        held: 1,
        cancelled: 0,
        upcoming: 1,
        seats: 4,
        seats_taken: 4,
        registered: 5,
        present: 2,
        excused: 1,
        no_show: 1,
        unknown: 0,
        anonymous: 2,
        people: 2,
        new_people: 1,
        demandes: 2,
    };
    let saint_chinian = Activity {
        held: 2,
        cancelled: 1,
        upcoming: 0,
        seats: 6,
        seats_taken: 4,
        registered: 4,
        present: 3,
        excused: 0,
        no_show: 0,
        unknown: 1,
        anonymous: 0,
        people: 2,
        new_people: 2,
        demandes: 1,
    };
    assert_eq!(overview.places["capestang"], capestang);
    assert_eq!(overview.places["saint-chinian"], saint_chinian);
    assert_eq!(overview.places.len(), 2);
}

#[test]
fn all_places_together_count_each_person_once_and_a_merged_one_as_well() {
    let total = seen(&scope()).total;
    assert_eq!((total.held, total.cancelled, total.upcoming), (3, 1, 1));
    assert_eq!(
        (total.people, total.new_people, total.returning()),
        (3, 2, 1)
    );
    assert_eq!((total.presences(), total.demandes), (7, 3));
    assert_eq!(total.fill_percent(), Some(80));
    assert_eq!(Activity::default().fill_percent(), None);
}

#[test]
fn whoever_was_present_before_the_period_returns() {
    let from_october = Scope {
        from: date(2026, 10, 1),
        ..scope()
    };
    let total = seen(&from_october).total;
    assert_eq!((total.people, total.new_people), (3, 3));
}

#[test]
fn communes_and_ages_are_those_of_the_day() {
    let overview = seen(&scope());
    let residents = |code: &str| {
        let found = overview.communes[code];
        (found.people, found.presences, found.demandes)
    };
    assert_eq!(residents("34052"), (1, 3, 1));
    assert_eq!(residents("34245"), (1, 1, 0));
    assert_eq!(residents(OUTSIDE), (1, 1, 1));
    assert_eq!(residents(""), (0, 0, 1));
    assert_eq!(overview.communes.len(), 4);
    let presences = |band| overview.age_bands[&band].presences;
    assert_eq!(presences(AgeBand::SeventyPlus), 4);
    assert_eq!(presences(AgeBand::SixtyToSixtyNine), 1);
    assert_eq!(presences(AgeBand::Undisclosed), 2);
    assert_eq!(overview.age_bands[&AgeBand::Undisclosed].demandes, 3);
}

#[test]
fn demandes_are_counted_in_every_way_and_struck_ones_in_none() {
    let overview = seen(&scope());
    let operators = [(String::new(), 1), ("caf".to_owned(), 2)];
    assert_eq!(overview.operators, BTreeMap::from(operators));
    let themes = [(None, 1), (Some(Theme::Email), 2)];
    assert_eq!(overview.themes, BTreeMap::from(themes));
    let outcomes = [(Outcome::Settled, 2), (Outcome::Referred, 1)];
    assert_eq!(overview.outcomes, BTreeMap::from(outcomes));
    let channels = [(Channel::OnSite, 2), (Channel::Phone, 1)];
    assert_eq!(overview.channels, BTreeMap::from(channels));
}

#[test]
fn a_place_or_a_level_leaves_the_rest_out() {
    let there = Scope {
        place: Some("capestang".into()),
        ..scope()
    };
    let there = seen(&there);
    assert_eq!(there.places.keys().collect::<Vec<_>>(), ["capestang"]);
    assert_eq!(there.total, seen(&scope()).places["capestang"]);
    let initiated = Scope {
        level: Some(Level::Intermediate),
        ..scope()
    };
    let total = seen(&initiated).total;
    assert_eq!((total.held, total.present, total.anonymous), (1, 1, 0));
    assert_eq!(total.demandes, 3, "demandes have no level");
}

#[test]
fn an_empty_period_is_all_zero() {
    let never = Scope {
        from: date(2020, 1, 1),
        to: date(2020, 1, 31),
        ..scope()
    };
    assert_eq!(seen(&never), Overview::default());
}
