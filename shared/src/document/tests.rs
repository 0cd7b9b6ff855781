//! What documents promise, tried through their public face.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ROOT, ReadDoc};

use super::*;
use crate::domain::codes::{Attendance, Level};
use crate::domain::session::Registration;
use crate::ids::{AgentId, PersonId, RegistrationId, ReplicaId};
use crate::ledger::changes::Change;
use crate::time::Timestamp;

fn editor(n: u8) -> Editor {
    Editor {
        agent: AgentId(uuid::Uuid::from_u128(u128::from(n))),
        replica: ReplicaId(uuid::Uuid::from_u128(1000 + u128::from(n))),
        actor: [n; 16],
    }
}

fn person() -> OpenDocument {
    OpenDocument::genesis(Kind::Person, DocumentId(uuid::Uuid::from_u128(42)))
}

fn session() -> OpenDocument {
    OpenDocument::genesis(Kind::Session, DocumentId(uuid::Uuid::from_u128(43)))
}

fn edit<T: Document>(
    document: &mut OpenDocument,
    by: u8,
    at: i64,
    change: impl FnOnce(&mut T),
) -> Change {
    document
        .edit(&editor(by), Timestamp(at), change)
        .unwrap()
        .1
        .expect("the edit changes something")
}

fn feed(document: &mut OpenDocument, changes: &[&Change]) -> usize {
    document
        .apply(changes.iter().map(|change| change.bytes.as_slice()))
        .unwrap()
}

#[test]
fn an_edit_that_changes_nothing_commits_nothing() {
    let mut document = person();
    let (_, change) = document
        .edit(&editor(1), Timestamp(1), |_: &mut Person| ())
        .unwrap();
    assert!(change.is_none());
}

#[test]
fn an_edit_reads_back_elsewhere_and_carries_author_and_time() {
    let mut here = person();
    let first = edit(&mut here, 1, 1_000, |p: &mut Person| {
        p.family_name = "Ségura".into()
    });
    let second = edit(&mut here, 1, 2_000, |p: &mut Person| {
        p.level = Some(Level::Advanced)
    });
    assert_eq!(
        (first.actor_seq, second.actor_seq, second.time),
        (1, 2, 2_000)
    );

    let mut there = person();
    assert_eq!(feed(&mut there, &[&second, &first]), 0);
    let value: Person = there.value().unwrap();
    assert_eq!(
        (value.family_name.as_str(), value.level),
        ("Ségura", Some(Level::Advanced))
    );
    let history = there.history();
    assert_eq!(history.len(), 2);
    assert_eq!(history[1].at, Timestamp(2_000));
    assert_eq!(history[1].agent, Some(editor(1).agent));
    assert_eq!(history[1].replica, Some(editor(1).replica));
    assert_eq!(history[1].fields[0].path, "level");
}

#[test]
fn the_history_is_in_one_order_on_every_site_even_within_a_millisecond() {
    let (mut here, mut there) = (person(), person());
    let one = edit(&mut here, 1, 1_000, |p: &mut Person| p.phone = "04".into());
    let two = edit(&mut there, 2, 1_000, |p: &mut Person| {
        p.given_name = "Inès".into()
    });
    feed(&mut here, &[&two]);
    feed(&mut there, &[&one]);
    assert_eq!(here.history(), there.history());
}

#[test]
fn a_change_whose_dependency_is_missing_waits() {
    let mut here = person();
    let first = edit(&mut here, 1, 1, |p: &mut Person| p.phone = "04".into());
    let second = edit(&mut here, 1, 2, |p: &mut Person| p.phone = "06".into());
    let mut there = person();
    assert_eq!(feed(&mut there, &[&second]), 1);
    assert_eq!(there.value::<Person>().unwrap().phone, "");
    let mut there = person();
    assert_eq!(feed(&mut there, &[&second, &first]), 0);
    assert_eq!(there.value::<Person>().unwrap().phone, "06");
}

#[test]
fn concurrent_values_stay_visible_until_an_edit_settles_them() {
    let (mut here, mut there) = (person(), person());
    let one = edit(&mut here, 1, 1_000, |p: &mut Person| {
        p.phone = "06 11".into()
    });
    let two = edit(&mut there, 2, 2_000, |p: &mut Person| {
        p.phone = "06 22".into()
    });
    feed(&mut here, &[&two]);
    feed(&mut there, &[&one]);
    let conflicts = here.conflicts();
    assert_eq!(conflicts, there.conflicts());
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].path, "phone");
    let shown = here.value::<Person>().unwrap().phone;
    assert_eq!(conflicts[0].values[0].value, shown);
    let mut told: Vec<_> = conflicts[0]
        .values
        .iter()
        .map(|v| (v.at.0, v.agent))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            (1_000, Some(editor(1).agent)),
            (2_000, Some(editor(2).agent))
        ]
    );

    let settled = edit(&mut here, 1, 3_000, |p: &mut Person| {
        p.phone = "06 33".into()
    });
    feed(&mut there, &[&settled]);
    assert!(here.conflicts().is_empty());
    assert!(there.conflicts().is_empty());
}

#[test]
fn either_of_two_values_can_be_kept_and_nothing_else() {
    for kept in ["34052", "34245"] {
        let (mut here, mut there) = (session(), session());
        let id = RegistrationId(uuid::Uuid::from_u128(1));
        let registered = edit(&mut here, 1, 1, |s: &mut Session| {
            s.registrations.insert(id, Registration::default());
        });
        feed(&mut there, &[&registered]);
        let write = |document: &mut OpenDocument, n, commune: &str| {
            edit(document, n, 2, |s: &mut Session| {
                s.registrations.get_mut(&id).unwrap().commune = commune.into();
            })
        };
        let one = write(&mut here, 1, "34052");
        let two = write(&mut there, 2, "34245");
        feed(&mut here, &[&two]);
        feed(&mut there, &[&one]);
        let path = here.conflicts()[0].path.clone();
        let mut settle = |path: &str, value: &str| {
            let value = serde_json::Value::from(value);
            here.settle(&editor(1), Timestamp(3), path, &value).unwrap()
        };
        assert_eq!(settle(&path, "34226"), None, "nobody wrote that");
        assert_eq!(settle("title", kept), None, "nobody disagrees there");
        let settled = settle(&path, kept).unwrap();
        feed(&mut there, &[&settled]);
        for document in [&mut here, &mut there] {
            assert!(document.conflicts().is_empty());
            let value: Session = document.value().unwrap();
            assert_eq!(value.registrations[&id].commune, kept);
        }
    }
}

#[test]
fn equal_concurrent_values_are_no_conflict() {
    let (mut here, mut there) = (person(), person());
    edit(&mut here, 1, 1, |p: &mut Person| p.phone = "06".into());
    let two = edit(&mut there, 2, 2, |p: &mut Person| p.phone = "06".into());
    feed(&mut here, &[&two]);
    assert!(here.conflicts().is_empty());
}

#[test]
fn registrations_made_apart_are_all_kept() {
    let (mut here, mut there) = (session(), session());
    let register = |s: &mut Session, n: u128| {
        let person = PersonId(uuid::Uuid::from_u128(n));
        let entry = Registration {
            person,
            at: Timestamp(1),
            ..Default::default()
        };
        s.registrations
            .insert(RegistrationId(uuid::Uuid::from_u128(n)), entry);
    };
    let one = edit(&mut here, 1, 1, |s: &mut Session| register(s, 1));
    let two = edit(&mut there, 2, 2, |s: &mut Session| register(s, 2));
    feed(&mut here, &[&two]);
    feed(&mut there, &[&one]);
    assert_eq!(here.value::<Session>().unwrap().registrations.len(), 2);
    assert_eq!(
        here.value::<Session>().unwrap(),
        there.value::<Session>().unwrap()
    );
    assert!(here.conflicts().is_empty());

    let mark = edit(&mut there, 2, 3, |s: &mut Session| {
        s.registrations
            .values_mut()
            .for_each(|r| r.attendance = Attendance::Present);
    });
    feed(&mut here, &[&mark]);
    let value: Session = here.value().unwrap();
    assert!(
        value
            .registrations
            .values()
            .all(|r| r.attendance == Attendance::Present)
    );
}

#[test]
fn fields_and_codes_from_the_future_survive_an_older_edit() {
    let mut document = person();
    document
        .inner
        .put(ROOT, "preferred_channel", "pigeon")
        .unwrap();
    document.inner.put(ROOT, "level", "expert").unwrap();
    document.inner.put(ROOT, "gender", "autre_code").unwrap();
    document
        .inner
        .commit_with(CommitOptions::default().with_time(5));
    edit(&mut document, 1, 6, |p: &mut Person| {
        p.family_name = "Cros".into()
    });
    let text = |key: &str| {
        document
            .inner
            .get(ROOT, key)
            .unwrap()
            .unwrap()
            .0
            .into_string()
            .unwrap()
    };
    assert_eq!(text("preferred_channel"), "pigeon");
    assert_eq!(text("level"), "expert");
    assert_eq!(text("gender"), "autre_code");
    assert_eq!(text("family_name"), "Cros");
}

#[test]
fn lists_and_stray_maps_are_refused() {
    #[derive(serde::Serialize, serde::Deserialize, Default)]
    #[serde(default)]
    struct Listed {
        names: Vec<String>,
        stray: std::collections::BTreeMap<String, bool>,
    }
    impl Document for Listed {
        const KIND: Kind = Kind::Person;
    }
    let list = person().edit(&editor(1), Timestamp(1), |l: &mut Listed| {
        l.names.push("x".into())
    });
    assert!(matches!(list, Err(DocumentError::Shape(_))));
    let stray = person().edit(&editor(1), Timestamp(1), |l: &mut Listed| {
        l.stray.insert("x".into(), true);
    });
    assert!(matches!(stray, Err(DocumentError::Shape(_))));
}

#[test]
fn nonsense_is_refused_by_name_and_never_panics() {
    let id = DocumentId(uuid::Uuid::from_u128(42));
    let parse = |bytes: Vec<u8>| foreign::parse(id, Kind::Person, bytes);
    let good = edit(&mut person(), 1, 1, |p: &mut Person| p.phone = "06".into());
    assert_eq!(parse(good.bytes.clone()), Ok(good.clone()));

    use foreign::BadChange::{NotAPlainChange, TooLarge, Undecodable};
    assert_eq!(parse(Vec::new()), Err(NotAPlainChange));
    assert_eq!(parse(vec![0; 300]), Err(NotAPlainChange));
    assert_eq!(parse(vec![1; foreign::CHANGE_BYTES_MAX + 1]), Err(TooLarge));
    let mut whole = person();
    assert_eq!(parse(whole.inner.save()), Err(NotAPlainChange));
    let mut trailing = good.bytes.clone();
    trailing.push(0);
    assert_eq!(parse(trailing), Err(Undecodable));
    for cut in 9..good.bytes.len() {
        assert_eq!(
            parse(good.bytes[..cut].to_vec()),
            Err(Undecodable),
            "cut at {cut}"
        );
    }
    for flipped in 0..good.bytes.len() {
        let mut bytes = good.bytes.clone();
        bytes[flipped] ^= 1;
        assert!(parse(bytes).is_err(), "bit flipped in byte {flipped}");
    }
}

#[test]
fn content_of_another_type_is_noticed() {
    let mut document = person();
    document.inner.put(ROOT, "phone", 12).unwrap();
    document
        .inner
        .commit_with(CommitOptions::default().with_time(5));
    assert_eq!(document.verify(), Err(foreign::BadChange::WrongContent));
}

#[test]
fn an_edit_that_no_other_site_would_take_is_refused_where_it_is_made() {
    let long = "x".repeat(foreign::CHANGE_BYTES_MAX);
    let refused = person().edit(&editor(1), Timestamp(1), |p: &mut Person| p.notes = long);
    assert!(matches!(refused, Err(DocumentError::TooLarge)));
}
