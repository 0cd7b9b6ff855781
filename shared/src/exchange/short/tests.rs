//! Whatever changes are, they return; whatever bytes are, nothing breaks.

use minicbor::bytes::{ByteArray, ByteVec};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::anatomy::Anatomy;
use super::{Known, Reader, Unread, Writer};
use crate::domain::person::Person;
use crate::domain::session::{Registration, Session};
use crate::exchange::frame::{Fresh, Rows};
use crate::ids::{AgentId, PersonId, RegistrationId, ReplicaId, SessionId};
use crate::ledger::changes::{self, Entry};
use crate::site::{Foreign, Site};
use crate::time::Clock;

struct Place {
    site: Site,
    _directory: tempfile::TempDir,
}

async fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path(), &[], Clock::default(), |_, _| ())
        .await
        .unwrap();
    Place {
        site,
        _directory: directory,
    }
}

fn nobody() -> ReplicaId {
    ReplicaId(uuid::Uuid::nil())
}

fn agent() -> AgentId {
    AgentId(uuid::Uuid::from_u128(1))
}

impl Place {
    async fn entries(&self, after: i64) -> Vec<Entry> {
        self.site
            .read(move |c| Ok(changes::since(c, after, nobody(), 10_000)?))
            .await
            .unwrap()
    }

    async fn person(&self, name: &str) -> PersonId {
        let (id, name) = (PersonId::fresh(), name.to_owned());
        let change = move |person: &mut Person| person.family_name = name;
        self.site.edit(id, agent(), change).await.unwrap();
        id
    }

    async fn register(&self, id: SessionId, person: PersonId) {
        let register = move |session: &mut Session| {
            let registration = Registration {
                person,
                ..Registration::default()
            };
            session
                .registrations
                .insert(RegistrationId::fresh(), registration);
        };
        self.site.edit(id, agent(), register).await.unwrap();
    }

    async fn receive(&self, from: ReplicaId, batch: Vec<Foreign>) {
        let received = self
            .site
            .write(move |work| work.receive(from, batch, |_| true))
            .await
            .unwrap();
        assert_eq!(received.refused, []);
    }

    /// These entries in short form.
    async fn write(&self, upto: i64, entries: Vec<Entry>) -> (Fresh, Rows) {
        let known = Known {
            upto,
            receiver: nobody(),
        };
        let written = self
            .site
            .read(move |c| Ok(Writer::default().write(c, known, &entries)?))
            .await
            .unwrap();
        (written.fresh(), written.rows(None))
    }

    async fn read(&self, fresh: Fresh, rows: Rows) -> Result<Vec<Foreign>, Unread> {
        self.site
            .read(move |c| Ok(Reader::default().read(c, &fresh, &rows)))
            .await
            .unwrap()
    }
}

fn foreign(entries: &[Entry]) -> Vec<Foreign> {
    let changes = entries.iter().map(|entry| entry.change.clone());
    changes
        .map(|change| Foreign {
            document: change.document,
            kind: change.kind,
            bytes: change.bytes,
        })
        .collect()
}

/// A place with people and a session, and the position behind them.
async fn begun() -> (Place, Vec<PersonId>, SessionId, i64) {
    let place = place().await;
    let mut people = Vec::new();
    for name in ["Cros", "Vidal", "Ô\u{fe}þÿ"] {
        people.push(place.person(name).await);
    }
    let session = SessionId::fresh();
    place.register(session, people[0]).await;
    let end = place.entries(0).await.last().unwrap().seq;
    (place, people, session, end)
}

#[tokio::test]
async fn everything_returns_at_a_place_that_has_nothing() {
    let (from, people, session, _) = begun().await;
    for person in &people {
        from.register(session, *person).await;
    }
    let entries = from.entries(0).await;
    let expected = foreign(&entries);
    let (fresh, rows) = from.write(0, entries).await;
    let read = place().await.read(fresh, rows).await.unwrap();
    assert_eq!(read, expected);
}

#[tokio::test]
async fn a_day_returns_at_a_place_that_has_the_rest_and_costs_little() {
    let (from, people, session, end) = begun().await;
    let to = place().await;
    to.receive(from.site.replica(), foreign(&from.entries(0).await))
        .await;
    for person in &people {
        from.register(session, *person).await;
    }
    let entries = from.entries(end).await;
    let (expected, raw) = (
        foreign(&entries),
        entries.iter().map(|e| e.change.bytes.len()),
    );
    let raw: usize = raw.sum();
    let (fresh, rows) = from.write(end, entries).await;
    let short = fresh.bytes.len() + rows.bytes.len();
    assert!(short < raw * 2 / 3, "{short} of {raw} bytes");
    // Ten bytes for a new registration, five for each known id, sixteen for who writes: nothing random beside.
    assert!(fresh.bytes.len() < 3 * 10 + 4 * 5 + 4 + 3 + 16 + 34);
    assert_eq!(to.read(fresh, rows).await.unwrap(), expected);
}

#[tokio::test]
async fn what_is_referred_to_and_not_there_is_asked_for_otherwise() {
    let (from, people, session, end) = begun().await;
    from.register(session, people[1]).await;
    let (fresh, rows) = from.write(end, from.entries(end).await).await;
    let unread = place().await.read(fresh, rows).await;
    assert!(matches!(unread, Err(Unread::Unclear)), "{unread:?}");
}

#[tokio::test]
async fn a_wrong_guess_is_noticed() {
    let (from, people, session, end) = begun().await;
    let to = place().await;
    to.receive(from.site.replica(), foreign(&from.entries(0).await))
        .await;
    from.register(session, people[1]).await;
    let (mut fresh, rows) = from.write(end, from.entries(end).await).await;
    fresh.digest = ByteArray::from([7; 8]);
    let unread = to.read(fresh, rows).await;
    assert!(matches!(unread, Err(Unread::Unclear)), "{unread:?}");
}

#[tokio::test]
async fn bytes_that_are_no_change_travel_whole() {
    let (from, ..) = begun().await;
    let mut entries = from.entries(0).await;
    for (at, bytes) in [(0, vec![]), (1, b"nonsense".to_vec()), (3, vec![254; 300])] {
        entries[at].change.hash = crate::document::foreign::claimed_hash(&bytes);
        entries[at].change.bytes = bytes;
    }
    // A change that the document's last row depends on, and does not read as one.
    let expected = foreign(&entries);
    let (fresh, rows) = from.write(0, entries).await;
    assert_eq!(from.read(fresh, rows).await.unwrap(), expected);
}

#[tokio::test]
async fn a_change_altered_anywhere_returns_or_travels_whole() {
    let (from, ..) = begun().await;
    let entry = from.entries(0).await.remove(0);
    for at in 0..entry.change.bytes.len() {
        for bit in 0..8 {
            let mut entry = entry.clone();
            entry.change.bytes[at] ^= 1 << bit;
            if let Some(parts) = Anatomy::of(&entry.change.bytes) {
                assert_eq!(parts.build().0, entry.change.bytes);
            }
            entry.change.hash = crate::document::foreign::claimed_hash(&entry.change.bytes);
            let expected = foreign(std::slice::from_ref(&entry));
            let (fresh, rows) = from.write(0, vec![entry]).await;
            match from.read(fresh, rows).await {
                Ok(read) => assert_eq!(read, expected),
                // Its dependency may now be none that is here.
                Err(unread) => assert!(matches!(unread, Unread::Unclear), "{unread:?}"),
            }
        }
    }
}

#[tokio::test]
async fn bytes_altered_on_the_way_are_never_taken_for_others() {
    let seed: u64 = std::env::var("SEED").map_or_else(|_| rand::random(), |s| s.parse().unwrap());
    println!("SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (from, people, session, end) = begun().await;
    for person in &people {
        from.register(session, *person).await;
    }
    let entries = from.entries(end).await;
    let expected = foreign(&entries);
    let (fresh, rows) = from.write(end, entries).await;
    for _ in 0..2000 {
        let (mut fresh, mut rows) = (fresh.clone(), rows.clone());
        let mut some: Vec<u8> = match random.random_range(0..2) {
            0 => std::mem::take(&mut *fresh.bytes),
            _ => std::mem::take(&mut *rows.bytes),
        };
        let at = random.random_range(0..some.len());
        match random.random_range(0..3) {
            0 => some[at] = random.random(),
            1 => drop(some.remove(at)),
            _ => some.truncate(at),
        }
        if fresh.bytes.is_empty() {
            fresh.bytes = ByteVec::from(some);
        } else {
            rows.bytes = ByteVec::from(some);
        }
        if let Ok(read) = from.read(fresh, rows).await {
            assert_eq!(read, expected);
        }
    }
}
