//! Erasing people on real files: what goes, what stays, what comes too late.

use super::*;
use crate::domain::codes::{AgeBand, ErasureReason};
use crate::domain::seats::Seats;
use crate::ledger::erasures::{self, Erasure};
use crate::ledger::{Fingerprint, hub_key, testing};
use crate::site::{Bearer, Heard};
use crate::view::overview::{Scope, overview};

const NAME: &str = "Zébulonette";
const PHONE: &str = "06 99 88 77 66";

/// The site of a hub.
async fn hub() -> Place {
    let place = place().await;
    let key = place
        .site
        .write(|work| Ok(hub_key::ensure_own(work.connection())?));
    key.await.unwrap();
    place
}

async fn erase(site: &Site, id: PersonId) -> u64 {
    site.erase(id, agent(), ErasureReason::Request)
        .await
        .unwrap()
}

async fn records(site: &Site) -> Vec<Erasure> {
    site.read(|c| Ok(erasures::since(c, 0)?)).await.unwrap()
}

async fn hear(site: &Site, records: Vec<Erasure>, bearer: Bearer) -> Heard {
    let heard = site.write(move |work| work.hear_erasures(records, bearer, |_, _| Ok(0)));
    heard.await.unwrap()
}

/// A session of this day with `person` on its list.
async fn session_with(
    site: &Site,
    day: jiff::civil::Date,
    person: PersonId,
    attendance: Attendance,
) -> SessionId {
    let id = SessionId::fresh();
    site.edit(id, agent(), move |session: &mut Session| {
        session.date = day;
        session.place = "saint-chinian".into();
        session.capacity = 1;
        let entry = Registration {
            person,
            attendance,
            commune: "34245".into(),
            age_band: AgeBand::SeventyPlus,
            ..Default::default()
        };
        session.registrations.insert(RegistrationId::fresh(), entry);
    })
    .await
    .unwrap();
    id
}

fn files_with(place: &Place, texts: &[&str]) -> Vec<String> {
    testing::files_with(place.directory.path(), texts)
}

#[tokio::test]
async fn an_erased_person_is_nowhere_and_the_others_are_still_there() {
    let hub = hub().await;
    let id = add_person(&hub.site, NAME, "Canari", PHONE).await;
    add_person(&hub.site, "Paul", "Cros", "").await;
    let traces = [NAME, "zebulonette", PHONE, "0699887766"];
    assert!(!files_with(&hub, &traces).is_empty());
    assert_eq!(erase(&hub.site, id).await, 1);
    assert!(hub.site.document(id).await.unwrap().is_none());
    assert_eq!(names(&hub.site, "").await, ["Paul CROS"]);
    assert!(names(&hub.site, "0699").await.is_empty());
    assert_eq!(files_with(&hub, &traces), [""; 0]);
    hub.site.rebuild_view(|_, _| ()).await.unwrap();
    assert_eq!(names(&hub.site, "").await, ["Paul CROS"]);
    assert_eq!(erase(&hub.site, id).await, 0, "once is enough");
    assert_eq!(records(&hub.site).await.len(), 1);
}

#[tokio::test]
async fn only_the_hub_erases() {
    let laptop = place().await;
    let id = add_person(&laptop.site, "Paul", "Cros", "").await;
    let refused = laptop.site.erase(id, agent(), ErasureReason::Request).await;
    assert!(matches!(refused, Err(SiteError::NotAHub)));
    assert_eq!(names(&laptop.site, "").await.len(), 1);
}

#[tokio::test]
async fn who_was_present_still_counts_and_a_seat_to_come_is_free_again() {
    let hub = hub().await;
    let site = &hub.site;
    let id = add_person(site, NAME, "Canari", PHONE).await;
    let came = session_with(site, date(2026, 11, 19), id, Attendance::Present).await;
    let ahead = session_with(site, date(2026, 12, 3), id, Attendance::Unknown).await;
    let scope = Scope {
        from: date(2026, 11, 1),
        to: date(2026, 11, 30),
        place: None,
        level: None,
        now: date(2026, 11, 26).at(12, 0, 0, 0),
    };
    let figures = {
        let scope = scope.clone();
        move |c: &Connection| Ok(overview(c, &scope)?)
    };
    let before = site.read(figures.clone()).await.unwrap();
    assert_eq!((before.total.people, before.total.present), (1, 1));
    erase(site, id).await;
    assert_eq!(site.read(figures.clone()).await.unwrap(), before);
    site.rebuild_view(|_, _| ()).await.unwrap();
    assert_eq!(site.read(figures).await.unwrap(), before);
    let expected = site
        .read(move |c| Ok(crate::view::today::expected(c, came)?))
        .await
        .unwrap();
    assert_eq!(expected[0].nameless, crate::view::erasing::ERASED);
    assert!(expected[0].person.is_none());
    let ahead: Session = site
        .document(ahead)
        .await
        .unwrap()
        .unwrap()
        .value()
        .unwrap();
    assert_eq!(Seats::of(&ahead).free, 1);
}

#[tokio::test]
async fn merged_records_are_one_person_and_are_counted_as_one_after_they_are_erased() {
    let hub = hub().await;
    let site = &hub.site;
    let kept = add_person(site, NAME, "Canari", PHONE).await;
    let other = add_person(site, "Zebulonnette", "Canari", "").await;
    site.edit(other, agent(), move |p: &mut Person| {
        p.merged_into = Some(kept)
    })
    .await
    .unwrap();
    for id in [kept, other] {
        session_with(site, date(2026, 11, 19), id, Attendance::Present).await;
    }
    // From the alias as well as from the record that stands.
    assert_eq!(erase(site, other).await, 2);
    assert!(names(site, "").await.is_empty());
    let scope = Scope {
        from: date(2026, 11, 1),
        to: date(2026, 11, 30),
        place: None,
        level: None,
        now: date(2026, 11, 26).at(12, 0, 0, 0),
    };
    let total = site
        .read(move |c| Ok(overview(c, &scope)?))
        .await
        .unwrap()
        .total;
    assert_eq!((total.people, total.present), (1, 2));
    assert_eq!(
        records(site)
            .await
            .iter()
            .filter_map(|r| r.merged_into)
            .collect::<Vec<_>>(),
        [DocumentId::from(kept)]
    );
}

#[tokio::test]
async fn a_record_merged_elsewhere_into_somebody_erased_stands_by_itself() {
    for erased_first in [true, false] {
        let (hub, laptop) = (hub().await, place().await);
        let gone = add_person(&hub.site, NAME, "Canari", PHONE).await;
        let stays = add_person(&hub.site, "Zoé", "Canari", "").await;
        give(&hub.site, &laptop.site).await;
        laptop
            .site
            .edit(stays, agent(), move |p: &mut Person| {
                p.merged_into = Some(gone)
            })
            .await
            .unwrap();
        erase(&hub.site, gone).await;
        if erased_first {
            hear(&laptop.site, records(&hub.site).await, Bearer::Hub).await;
        }
        give(&laptop.site, &hub.site).await;
        hear(&laptop.site, records(&hub.site).await, Bearer::Hub).await;
        for site in [&hub.site, &laptop.site] {
            assert_eq!(names(site, "").await, ["Zoé CANARI"]);
            assert_eq!(names(site, "canari").await, ["Zoé CANARI"]);
            site.rebuild_view(|_, _| ()).await.unwrap();
            assert_eq!(names(site, "").await, ["Zoé CANARI"]);
        }
        assert_eq!(
            fingerprint(&hub.site).await,
            fingerprint(&laptop.site).await
        );
    }
}

#[tokio::test]
async fn what_comes_too_late_is_not_kept_and_its_author_hears_why() {
    let (hub, laptop) = (hub().await, place().await);
    let id = add_person(&hub.site, NAME, "Canari", PHONE).await;
    give(&hub.site, &laptop.site).await;
    laptop
        .site
        .edit(id, agent(), |p: &mut Person| p.notes = "tardive".into())
        .await
        .unwrap();
    erase(&hub.site, id).await;
    let received = give(&laptop.site, &hub.site).await;
    assert_eq!((received.taken, received.erased.len()), (0, 2));
    let words = received.erased[0].words();
    assert!(
        words.contains("a été effacée le 26\u{a0}novembre 2026"),
        "{words}"
    );
    assert_eq!(files_with(&hub, &[NAME, "tardive"]), [""; 0]);
    let edit = hub
        .site
        .edit(id, agent(), |p: &mut Person| p.notes = "tardive".into());
    assert!(matches!(edit.await, Err(SiteError::Erased(_))));
    assert!(names(&hub.site, "").await.is_empty());
}

#[tokio::test]
async fn a_laptop_that_hears_of_an_erasure_forgets_as_well_and_hearing_twice_changes_nothing() {
    let (hub, laptop) = (hub().await, place().await);
    let id = add_person(&hub.site, NAME, "Canari", PHONE).await;
    give(&hub.site, &laptop.site).await;
    erase(&hub.site, id).await;
    let heard = hear(&laptop.site, records(&hub.site).await, Bearer::Hub).await;
    assert_eq!((heard.erased, heard.refused.len()), (1, 0));
    laptop.site.scrub().await;
    assert_eq!(
        fingerprint(&hub.site).await,
        fingerprint(&laptop.site).await
    );
    assert_eq!(files_with(&laptop, &[NAME, PHONE]), [""; 0]);
    let before = fingerprint(&laptop.site).await;
    let again = hear(&laptop.site, records(&hub.site).await, Bearer::Hub).await;
    assert_eq!(again, Heard::default());
    assert_eq!(fingerprint(&laptop.site).await, before);
    // Also what comes later, of somebody whom this laptop has never known.
    let other = add_person(&hub.site, "Paul", "Cros", "").await;
    erase(&hub.site, other).await;
    hear(&laptop.site, records(&hub.site).await, Bearer::Hub).await;
    assert_eq!(
        fingerprint(&hub.site).await,
        fingerprint(&laptop.site).await
    );
}

#[tokio::test]
async fn a_record_without_the_hubs_signature_erases_nobody() {
    let (hub, other) = (hub().await, hub().await);
    let id = add_person(&hub.site, "Paul", "Cros", "").await;
    give(&hub.site, &other.site).await;
    erase(&other.site, id).await;
    let heard = hear(&hub.site, records(&other.site).await, Bearer::Laptop).await;
    assert_eq!((heard.erased, heard.refused.len()), (0, 1));
    let mut unsigned = records(&other.site).await;
    unsigned[0].signature = [0; 64];
    let laptop = place().await;
    let heard = hear(&laptop.site, unsigned.clone(), Bearer::Laptop).await;
    assert_eq!(heard.refused.len(), 1, "no key is known there");
    assert_eq!(names(&hub.site, "").await.len(), 1);
}

#[tokio::test]
async fn what_was_set_aside_of_an_erased_person_goes_too() {
    let hub = hub().await;
    let id = add_person(&hub.site, NAME, "Canari", PHONE).await;
    let nonsense = Foreign {
        document: id.into(),
        kind: 99,
        bytes: NAME.into(),
    };
    let origin = ReplicaId::fresh();
    for _ in 0..2 {
        let batch = vec![nonsense.clone()];
        hub.site
            .write(move |work| work.receive(origin, batch, |_| true))
            .await
            .unwrap();
        erase(&hub.site, id).await;
        let count = hub.site.read(|c| Ok(quarantine::count(c)?));
        assert_eq!(count.await.unwrap(), 0);
    }
    assert_eq!(files_with(&hub, &[NAME]), [""; 0]);
}

/// The site of a hub that keeps its erasures in a file of their own, in another directory.
async fn hub_with_file(file: &Path) -> Place {
    let hub = hub().await;
    hub.site.keep_erasures_in(file.to_owned()).await.unwrap();
    hub
}

fn image(of: &Place) -> TempDir {
    let image = tempfile::tempdir().unwrap();
    let database = Connection::open(of.directory.path().join("maison.db")).unwrap();
    let copy = image.path().join("maison.db");
    database
        .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
        .unwrap();
    image
}

#[tokio::test]
async fn erasures_survive_a_hub_restored_from_an_older_copy() {
    let beside = tempfile::tempdir().unwrap();
    let file = beside.path().join("erasures");
    let hub = hub_with_file(&file).await;
    let id = add_person(&hub.site, NAME, "Canari", PHONE).await;
    let older = image(&hub);
    erase(&hub.site, id).await;
    let expected: Fingerprint = fingerprint(&hub.site).await;
    let site = open(older.path()).await;
    let restored = Place {
        site,
        directory: older,
    };
    assert_eq!(names(&restored.site, "").await.len(), 1);
    let erased = restored.site.keep_erasures_in(file.clone()).await.unwrap();
    assert_eq!(erased, 1);
    assert_eq!(fingerprint(&restored.site).await, expected);
    assert_eq!(files_with(&restored, &[NAME, PHONE]), [""; 0]);
    let lines = std::fs::read_to_string(&file).unwrap();
    assert!(!lines.contains(NAME));
    let again = restored.site.keep_erasures_in(file.clone()).await.unwrap();
    assert_eq!(again, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), lines);
}

#[tokio::test]
async fn a_file_that_lacks_erasures_gets_them_and_damaged_or_foreign_lines_harm_nobody() {
    let beside = tempfile::tempdir().unwrap();
    let file = beside.path().join("erasures");
    let (hub, other) = (hub().await, hub().await);
    let gone = add_person(&hub.site, "Paul", "Cros", "").await;
    let stays = add_person(&hub.site, "Ahmed", "Cros", "").await;
    give(&hub.site, &other.site).await;
    erase(&hub.site, gone).await;
    other.site.keep_erasures_in(file.clone()).await.unwrap();
    erase(&other.site, stays).await;
    // Somebody else's line, one that does not read, one that is torn.
    let foreign = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{foreign}nonsense\n\n{}", &foreign[..40])).unwrap();
    let erased = hub.site.keep_erasures_in(file.clone()).await.unwrap();
    assert_eq!(erased, 0);
    assert_eq!(names(&hub.site, "").await, ["Ahmed CROS"]);
    let last = std::fs::read_to_string(&file).unwrap();
    let last = last.lines().last().unwrap().to_owned();
    assert!(last.starts_with(&format!("erased {gone} - ")), "{last}");
}

#[tokio::test]
async fn an_erasure_that_cannot_be_kept_in_the_file_is_not_done() {
    let beside = tempfile::tempdir().unwrap();
    let hub = hub_with_file(&beside.path().join("erasures")).await;
    let id = add_person(&hub.site, "Paul", "Cros", "").await;
    beside.close().unwrap();
    let refused = hub.site.erase(id, agent(), ErasureReason::Mistake).await;
    assert!(matches!(
        refused,
        Err(SiteError::Ledger(LedgerError::File { .. }))
    ));
    assert_eq!(names(&hub.site, "").await.len(), 1);
}
