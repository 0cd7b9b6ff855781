//! What a site promises, on real files.

mod erasing;
mod retrying;

use jiff::civil::date;
use tempfile::TempDir;

use super::*;
use crate::domain::codes::{Attendance, RegistrationStatus};
use crate::domain::demande::{Demande, Register, register_id};
use crate::domain::person::Person;
use crate::domain::session::{Registration, Session};
use crate::ids::{DemandeId, PersonId, RegistrationId, SessionId};
use crate::view::{people, sessions};

struct Place {
    site: Site,
    directory: TempDir,
}

async fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let site = open(directory.path()).await;
    Place { site, directory }
}

async fn open(directory: &Path) -> Site {
    Site::open(
        directory,
        &[],
        Clock::fixed(Timestamp(1_795_681_800_000)),
        |_, _| (),
    )
    .await
    .unwrap()
}

fn agent() -> AgentId {
    AgentId(uuid::Uuid::from_u128(1))
}

async fn add_person(site: &Site, given: &str, family: &str, phone: &str) -> PersonId {
    let id = PersonId::fresh();
    let (given, family, phone) = (given.to_owned(), family.to_owned(), phone.to_owned());
    site.edit(id, agent(), move |person: &mut Person| {
        person.given_name = given;
        person.family_name = family;
        person.phone = phone;
    })
    .await
    .unwrap();
    id
}

async fn changes_of(site: &Site) -> Vec<Foreign> {
    let nobody = ReplicaId(uuid::Uuid::nil());
    let entries = site
        .read(move |c| Ok(changes::since(c, 0, nobody, usize::MAX)?))
        .await
        .unwrap();
    entries
        .into_iter()
        .map(|entry| Foreign {
            document: entry.change.document,
            kind: entry.change.kind,
            bytes: entry.change.bytes,
        })
        .collect()
}

async fn give(from: &Site, to: &Site) -> Received {
    let batch = changes_of(from).await;
    let origin = from.replica();
    to.write(move |work| work.receive(origin, batch, |_| true))
        .await
        .unwrap()
}

async fn fingerprint(site: &Site) -> crate::ledger::Fingerprint {
    site.read(|c| Ok(replica::fingerprint(c)?)).await.unwrap()
}

async fn names(site: &Site, query: &'static str) -> Vec<String> {
    let lines = site
        .read(move |c| Ok(people::search(c, query, 50)?))
        .await
        .unwrap();
    lines.iter().map(people::PersonLine::display_name).collect()
}

#[tokio::test]
async fn a_person_is_found_by_words_in_any_order_and_by_phone() {
    let place = place().await;
    add_person(&place.site, "Élise", "D’Été", "+33 6 12 34 56 78").await;
    add_person(&place.site, "Paul", "Cros", "04 67 00 00 00").await;
    for query in ["elise", "ete eli", "d'été", "06 12 34", "345678"] {
        assert_eq!(names(&place.site, query).await, ["Élise D’ÉTÉ"], "{query}");
    }
    assert_eq!(names(&place.site, "").await.len(), 2);
    assert!(names(&place.site, "lise").await.is_empty());
}

#[tokio::test]
async fn what_was_confirmed_is_there_after_reopening() {
    let place = place().await;
    let id = add_person(&place.site, "Paul", "Cros", "").await;
    let before = fingerprint(&place.site).await;
    let replica = place.site.replica();
    drop(place.site);
    let again = open(place.directory.path()).await;
    assert_eq!(
        (fingerprint(&again).await, again.replica()),
        (before, replica)
    );
    let person: Person = again.document(id).await.unwrap().unwrap().value().unwrap();
    assert_eq!(person.family_name, "Cros");
}

#[tokio::test]
async fn two_runs_of_a_program_never_share_an_actor() {
    let place = place().await;
    let id = add_person(&place.site, "Paul", "Cros", "").await;
    let again = open(place.directory.path()).await;
    again
        .edit(id, agent(), |p: &mut Person| p.phone = "06".into())
        .await
        .unwrap();
    let nobody = ReplicaId(uuid::Uuid::nil());
    let entries = again
        .read(move |c| Ok(changes::since(c, 0, nobody, 9)?))
        .await
        .unwrap();
    assert_eq!(entries.len(), 2);
    assert_ne!(entries[0].change.actor, entries[1].change.actor);
}

#[tokio::test]
async fn two_sites_become_equal_and_receiving_twice_changes_nothing() {
    let (one, two) = (place().await, place().await);
    let id = add_person(&one.site, "Paul", "Cros", "").await;
    give(&one.site, &two.site).await;
    one.site
        .edit(id, agent(), |p: &mut Person| p.phone = "06 11".into())
        .await
        .unwrap();
    two.site
        .edit(id, agent(), |p: &mut Person| p.phone = "06 22".into())
        .await
        .unwrap();
    add_person(&two.site, "Ahmed", "Cros", "").await;
    let received = give(&one.site, &two.site).await;
    assert_eq!((received.taken, received.known), (1, 1));
    give(&two.site, &one.site).await;
    assert_eq!(fingerprint(&one.site).await, fingerprint(&two.site).await);
    assert_eq!(
        names(&one.site, "cros").await,
        names(&two.site, "cros").await
    );
    let again = give(&two.site, &one.site).await;
    assert_eq!((again.taken, again.known), (0, 4));
    let conflicts = one.site.document(id).await.unwrap().unwrap().conflicts();
    assert_eq!(conflicts.len(), 1);
}

#[tokio::test]
async fn the_last_seat_taken_on_two_sites_gives_the_same_answer_on_both() {
    let (one, two) = (place().await, place().await);
    let id = SessionId::fresh();
    one.site
        .edit(id, agent(), |s: &mut Session| {
            s.date = date(2026, 11, 26);
            s.capacity = 1;
        })
        .await
        .unwrap();
    give(&one.site, &two.site).await;
    for (site, at) in [(&one.site, 2_000), (&two.site, 1_000)] {
        let person = add_person(site, "Paul", "Cros", "").await;
        site.edit(id, agent(), move |s: &mut Session| {
            let entry = Registration {
                person,
                at: Timestamp(at),
                ..Default::default()
            };
            s.registrations.insert(RegistrationId::fresh(), entry);
        })
        .await
        .unwrap();
    }
    give(&one.site, &two.site).await;
    give(&two.site, &one.site).await;
    let ranks = |c: &Connection| {
        let mut statement = c
            .prepare("SELECT at, rank FROM registration ORDER BY at")
            .unwrap();
        let rows = statement
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
            .unwrap();
        Ok(rows.collect::<rusqlite::Result<Vec<(i64, i64)>>>().unwrap())
    };
    for site in [&one.site, &two.site] {
        assert_eq!(site.read(ranks).await.unwrap(), [(1_000, 1), (2_000, 2)]);
    }
}

#[tokio::test]
async fn a_rebuilt_view_equals_the_one_that_grew() {
    let place = place().await;
    let site = &place.site;
    let person = add_person(site, "Paul", "Cros", "06 11 22 33 44").await;
    let session = SessionId::fresh();
    site.edit(session, agent(), move |s: &mut Session| {
        s.date = date(2026, 11, 26);
        s.place = "saint-chinian".into();
        let entry = Registration {
            person,
            attendance: Attendance::Present,
            ..Default::default()
        };
        s.registrations.insert(RegistrationId::fresh(), entry);
        let entry = Registration {
            status: RegistrationStatus::Cancelled,
            ..Default::default()
        };
        s.registrations.insert(RegistrationId::fresh(), entry);
        s.anonymous.insert("total".into(), 3);
    })
    .await
    .unwrap();
    let day = date(2026, 11, 26);
    site.edit(
        register_id("quarante", day),
        agent(),
        move |r: &mut Register| {
            r.place = "quarante".into();
            r.date = Some(day);
            r.demandes.insert(
                DemandeId::fresh(),
                Demande {
                    duration_min: 15,
                    ..Default::default()
                },
            );
        },
    )
    .await
    .unwrap();
    let lines = move |c: &Connection| {
        let sessions = sessions::between(c, day, day, None)?;
        let demandes = crate::view::demandes::of_day(c, "quarante", day)?;
        Ok((
            sessions,
            demandes,
            people::search(c, "", 9)?,
            people::attended(c, person)?,
        ))
    };
    let before = site.read(lines).await.unwrap();
    assert_eq!(
        (
            before.0[0].registered,
            before.0[0].present,
            before.0[0].anonymous
        ),
        (1, 1, 3)
    );
    assert_eq!((before.1.len(), before.2.len(), before.3.len()), (1, 1, 1));
    site.rebuild_view(|_, _| ()).await.unwrap();
    assert_eq!(site.read(lines).await.unwrap(), before);
}

#[tokio::test]
async fn nonsense_is_set_aside_with_its_origin_and_the_rest_is_taken() {
    let (one, two) = (place().await, place().await);
    add_person(&one.site, "Paul", "Cros", "").await;
    let mut batch = changes_of(&one.site).await;
    let good = batch[0].clone();
    batch.push(Foreign {
        bytes: b"nonsense".to_vec(),
        ..good.clone()
    });
    batch.push(Foreign { kind: 99, ..good });
    let origin = one.site.replica();
    let received = two
        .site
        .write(move |work| work.receive(origin, batch, |_| true))
        .await
        .unwrap();
    assert_eq!((received.taken, received.refused.len()), (1, 2));
    let aside = two
        .site
        .read(|c| Ok(quarantine::list(c, 10)?))
        .await
        .unwrap();
    assert_eq!(aside.len(), 2);
    assert!(aside.iter().all(|q| q.origin == origin));
    assert_eq!(fingerprint(&one.site).await, fingerprint(&two.site).await);
}

#[tokio::test]
async fn a_laptop_may_not_write_the_catalog() {
    let (laptop, hub) = (place().await, place().await);
    laptop
        .site
        .edit(
            crate::domain::catalog::catalog_id(),
            agent(),
            |c: &mut Catalog| {
                c.retention_months = Some(1);
            },
        )
        .await
        .unwrap();
    let (batch, origin) = (changes_of(&laptop.site).await, laptop.site.replica());
    let may_write = |kind| kind != Kind::Catalog;
    let received = hub
        .site
        .write(move |work| work.receive(origin, batch, may_write))
        .await
        .unwrap();
    assert_eq!((received.taken, received.refused.len()), (0, 1));
    assert_eq!(hub.site.catalog().await.unwrap(), Catalog::default());
}

#[tokio::test]
async fn changes_that_arrive_before_their_dependencies_wait_and_count() {
    let (one, two) = (place().await, place().await);
    let id = add_person(&one.site, "Paul", "Cros", "").await;
    one.site
        .edit(id, agent(), |p: &mut Person| p.phone = "06 11".into())
        .await
        .unwrap();
    let batch = changes_of(&one.site).await;
    let origin = one.site.replica();
    for foreign in batch.into_iter().rev() {
        two.site
            .write(move |work| work.receive(origin, vec![foreign], |_| true))
            .await
            .unwrap();
    }
    assert_eq!(fingerprint(&one.site).await, fingerprint(&two.site).await);
    let person: Person = two
        .site
        .document(id)
        .await
        .unwrap()
        .unwrap()
        .value()
        .unwrap();
    assert_eq!(person.phone, "06 11");
}

#[tokio::test]
async fn an_actor_used_twice_costs_only_the_second_change() {
    let (one, two) = (place().await, place().await);
    let id = DocumentId(uuid::Uuid::from_u128(5));
    let forged = |phone: &str| {
        let editor = Editor {
            agent: agent(),
            replica: one.site.replica(),
            actor: [7; 16],
        };
        let mut document = OpenDocument::genesis(Kind::Person, id);
        let edit = |person: &mut Person| person.phone = phone.into();
        let bytes = document
            .edit(&editor, Timestamp(1), edit)
            .unwrap()
            .1
            .unwrap()
            .bytes;
        Foreign {
            document: id,
            kind: Kind::Person.number(),
            bytes,
        }
    };
    let (first, clash) = (forged("1"), forged("2"));
    let origin = one.site.replica();
    for foreign in [first, clash] {
        two.site
            .write(move |work| work.receive(origin, vec![foreign], |_| true))
            .await
            .unwrap();
    }
    let person: Person = two
        .site
        .document(id)
        .await
        .unwrap()
        .unwrap()
        .value()
        .unwrap();
    assert_eq!(person.phone, "1");
    assert_eq!(
        two.site
            .read(|c| Ok(quarantine::list(c, 10)?))
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_directory_in_use_and_a_newer_database_are_refused_in_plain_words() {
    let place = place().await;
    let held = Store::hold(place.directory.path()).unwrap();
    let refused = Store::hold(place.directory.path()).unwrap_err();
    assert!(matches!(refused, LedgerError::Held(_)));
    assert!(
        refused
            .to_string()
            .contains("déjà ouvert par un autre programme")
    );
    drop(held);
    Store::hold(place.directory.path()).unwrap();

    place
        .site
        .write(|work| {
            work.connection()
                .execute("UPDATE migration SET number = 999", [])?;
            Ok(())
        })
        .await
        .unwrap();
    let newer = Store::open(place.directory.path(), &[]).unwrap_err();
    assert!(
        newer.to_string().contains("mettez le programme à jour"),
        "{newer}"
    );
}

#[tokio::test]
async fn a_full_disk_says_so_and_loses_nothing() {
    let place = place().await;
    add_person(&place.site, "Paul", "Cros", "").await;
    let before = fingerprint(&place.site).await;
    // The writer's own connection is told that the file may not grow: what SQLite meets when the disk is full.
    place
        .site
        .write(|work| {
            let pages: i64 = work
                .connection()
                .query_row("PRAGMA page_count", [], |r| r.get(0))?;
            work.connection()
                .execute_batch(&format!("PRAGMA max_page_count = {pages}"))?;
            Ok(())
        })
        .await
        .unwrap();
    let notes = "x".repeat(100_000);
    let full = place
        .site
        .edit(PersonId::fresh(), agent(), |p: &mut Person| p.notes = notes)
        .await;
    let message = full.unwrap_err().to_string();
    assert!(message.contains("le disque est plein"), "{message}");
    assert_eq!(fingerprint(&place.site).await, before);
    place
        .site
        .write(|work| {
            Ok(work
                .connection()
                .execute_batch("PRAGMA max_page_count = 1000000")?)
        })
        .await
        .unwrap();
    add_person(&place.site, "Ahmed", "Cros", "").await;
    assert_eq!(names(&place.site, "cros").await.len(), 2);
}

#[tokio::test]
async fn a_write_that_panics_is_undone_and_the_next_one_goes_on() {
    let place = place().await;
    let panicking = place
        .site
        .write(|work| {
            work.edit(PersonId::fresh(), agent(), |p: &mut Person| {
                p.phone = "06".into()
            })?;
            if work.stamp().0 > 0 {
                panic!("planted");
            }
            Ok(())
        })
        .await;
    assert!(matches!(
        panicking,
        Err(SiteError::Ledger(LedgerError::Interrupted))
    ));
    assert_eq!(names(&place.site, "").await.len(), 0);
    add_person(&place.site, "Paul", "Cros", "").await;
    assert_eq!(names(&place.site, "").await.len(), 1);
}
