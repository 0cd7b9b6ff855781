//! A hub and a laptop, as processes, that each hold what the other lacks; what has been confirmed to anybody by then; and
//! whether all of it is still there, whatever happened to a disk meanwhile.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ToSql};
use shared::domain::codes::ErasureReason;
use shared::ids::AgentId;
use tempfile::TempDir;
use tests::faulty_disk::Disk;
use tests::link::Link;
use tests::program::{self, Finished, Program};

use crate::stage;

/// Names that no message may bear.
const NAMES: [&str; 9] = [
    "Cros", "Vidal", "Carayon", "Durand", "Bonnet", "Fabre", "Roques", "Calvet", "Azalbert",
];

/// A site of the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Laptop,
    Hub,
}

impl Side {
    fn directory(self) -> &'static str {
        match self {
            Self::Laptop => "portable",
            Self::Hub => "hub",
        }
    }
}

/// Hashes of changes, or ids of documents.
type Set = BTreeSet<Vec<u8>>;

/// The pair. Nothing of it runs between two exchanges.
pub struct Pair {
    directory: TempDir,
    link: Link,
    /// The changes that each side has confirmed to whoever made them, save those of who was erased.
    on_laptop: Set,
    at_hub: Set,
    erased: String,
}

/// What came of one exchange between programs.
#[derive(Debug)]
pub struct Exchange {
    pub laptop: Finished,
    /// What the hub wrote for people.
    pub hub_log: String,
}

impl Pair {
    /// Two sites before an exchange in which changes go both ways, and an erasure to the laptop.
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at_hub = directory.path().join(Side::Hub.directory());
        let hub = Program::serve(program::hub(), &at_hub, &[]);
        let mut pair = Self {
            link: Link::to(hub.address()),
            directory,
            on_laptop: Set::new(),
            at_hub: Set::new(),
            erased: String::new(),
        };
        pair.enrol();
        pair.write(Side::Hub, &NAMES[..2]).await;
        let erased = pair.write(Side::Hub, &NAMES[8..]).await;
        pair.write(Side::Laptop, &NAMES[2..4]).await;
        assert_identical(&pair.sync(&Disk::sound()));
        pair.write(Side::Laptop, &NAMES[4..6]).await;
        pair.write(Side::Hub, &NAMES[6..8]).await;
        let site = stage::open_hub(&at_hub).await;
        let erase = site.erase(erased[0], AgentId::fresh(), ErasureReason::Request);
        assert_eq!(erase.await.unwrap(), 1);
        site.close().await;
        hub.stop();
        pair.erased = erased[0].to_string();
        for side in [Side::Laptop, Side::Hub] {
            copy(&pair.path(side), &pair.before(side));
        }
        pair.at_hub = Ledger::of(&pair.before(Side::Hub)).changes();
        let laptop = Ledger::of(&pair.before(Side::Laptop));
        pair.on_laptop = laptop.hashes(
            "SELECT hash FROM change WHERE document <> ?1",
            [&pair.erased],
        );
        pair
    }

    /// The data directory of a side.
    pub fn path(&self, side: Side) -> PathBuf {
        self.directory.path().join(side.directory())
    }

    /// What it was before the exchange.
    pub fn before(&self, side: Side) -> PathBuf {
        let name = format!("{}-before", side.directory());
        self.directory.path().join(name)
    }

    /// A path for something else.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Puts both sides back where they were before the exchange.
    pub fn put_back(&self) {
        for side in [Side::Laptop, Side::Hub] {
            copy(&self.before(side), &self.path(side));
        }
    }

    fn enrol(&self) {
        let address = self.link.url();
        let hub = self.path(Side::Hub);
        let words = ["ticket", "create", "--name", "portable", "--json"];
        let more = ["--address", &address, "--data", hub.to_str().unwrap()];
        let ticket = program::run(program::hub(), &[&words[..], &more].concat());
        let ticket = ticket.success().json();
        let laptop = self.path(Side::Laptop);
        let ticket = ticket["ticket"].as_str().unwrap();
        let words = ["enrol", ticket, "--data", laptop.to_str().unwrap()];
        let _ = program::run(program::node(), &words).success();
    }

    async fn write(&self, side: Side, names: &[&str]) -> Vec<shared::ids::PersonId> {
        let path = self.path(side);
        match side {
            Side::Laptop => stage::write_on_laptop(&path, names).await,
            Side::Hub => stage::write_at_hub(&path, names).await,
        }
    }

    fn sync(&self, disk: &Disk) -> Finished {
        let laptop = self.path(Side::Laptop);
        let words = ["sync", "--json", "--data", laptop.to_str().unwrap()];
        program::run_with(disk.variables(), program::node(), &words)
    }

    /// One exchange with these disks; nothing runs afterwards. The hub may not even start.
    pub fn exchange(&self, laptop: &Disk, hub: &Disk) -> Exchange {
        let path = self.path(Side::Hub);
        match Program::try_serve(hub.variables(), program::hub(), &path) {
            Ok(hub) => {
                self.link.point_at(hub.address());
                let laptop = self.sync(laptop);
                let (_, hub_log) = hub.stop();
                Exchange { laptop, hub_log }
            }
            Err(ended) => Exchange {
                laptop: self.sync(laptop),
                hub_log: ended.stderr,
            },
        }
    }

    /// What must be so whatever happened, before any program has mended anything: what was confirmed is where it was
    /// confirmed, and the laptop believes nothing of the hub that is not so.
    #[track_caller]
    pub fn assert_nothing_lost(&self, what: &dyn Debug) {
        let [laptop, hub] = self.ledgers();
        let (on_laptop, at_hub) = (laptop.changes(), hub.changes());
        assert!(on_laptop.is_superset(&self.on_laptop), "{what:?}: laptop");
        assert!(at_hub.is_superset(&self.at_hub), "{what:?}: hub");
        let acked = laptop.acknowledged(&self.erased);
        assert!(at_hub.is_superset(&acked), "{what:?}: acknowledged");
        assert_eq!(laptop.key("exchange.epoch"), hub.key("exchange.own_epoch"));
        let cursor = laptop.number("exchange.cursor");
        let covered = hub.hashes("SELECT hash FROM change WHERE seq <= ?1", [cursor]);
        assert!(on_laptop.is_superset(&covered), "{what:?}: cursor {cursor}");
        let erased = hub.hashes("SELECT hash FROM erasure WHERE seq <= ?1", [cursor]);
        let heard = laptop.hashes("SELECT hash FROM erasure", [0; 0]);
        assert!(heard.is_superset(&erased), "{what:?}: erasures");
        let known = "SELECT value FROM replica WHERE key = 'exchange.cursor' AND ?1 >
            (SELECT seq FROM sqlite_sequence WHERE name = 'change')";
        assert_eq!(hub.hashes(known, [cursor]).len(), 0, "{what:?}: ahead");
    }

    /// The programs start on what is there, and one exchange on sound disks makes both sides equal, with everything in
    /// it, and without anybody being taken for a copy or for an older one.
    #[track_caller]
    pub fn assert_mended(&self, what: &dyn Debug) {
        let exchange = self.exchange(&Disk::sound(), &Disk::sound());
        let report = exchange.laptop.json();
        for (name, expected) in [
            ("identical", true),
            ("copy_noticed", false),
            ("hub_restored", false),
        ] {
            assert_eq!(report[name], expected, "{what:?}: {name}: {exchange:?}");
        }
        let [laptop, hub] = self.ledgers();
        let everything = &self.on_laptop | &self.at_hub;
        assert_eq!(laptop.changes(), hub.changes(), "{what:?}");
        assert!(hub.changes().is_superset(&everything), "{what:?}");
        for (ledger, side) in [(&laptop, Side::Laptop), (&hub, Side::Hub)] {
            let of_erased = ledger.hashes(
                "SELECT hash FROM change WHERE document = ?1",
                [&self.erased],
            );
            assert_eq!(of_erased.len(), 0, "{what:?}: {side:?}");
            let before = Ledger::of(&self.before(side));
            assert_eq!(ledger.key("id"), before.key("id"), "{what:?}: {side:?}");
            let files = names(&self.path(side));
            let strange = files.iter().find(|name| !is_expected(name));
            assert_eq!(strange, None, "{what:?}: {side:?} has {files:?}");
        }
    }

    /// The ledgers as they lie there; the files are not touched.
    fn ledgers(&self) -> [Ledger; 2] {
        [Side::Laptop, Side::Hub].map(|side| Ledger::of(&self.path(side)))
    }
}

/// Whether what a program said to people is what it may say: in French, of what they know, about nobody.
#[track_caller]
pub fn assert_said_well(said: &str, what: &dyn Debug) {
    for unwanted in ["panicked", "os error", "disk I/O", "unable to", "database"] {
        assert!(!said.contains(unwanted), "{what:?}: {said}");
    }
    for name in NAMES {
        assert!(!said.contains(name), "{what:?}: {said}");
    }
}

#[track_caller]
fn assert_identical(finished: &Finished) {
    assert_eq!(finished.json()["identical"], true, "{finished:?}");
}

/// A program that was killed may leave its log and its locks, nothing half-made.
fn is_expected(name: &str) -> bool {
    let files = ["maison.db", "maison.lock", "exchange.lock", "erasures"];
    files.contains(&name) || ["maison.db-wal", "maison.db-shm"].contains(&name)
}

fn names(directory: &Path) -> Vec<String> {
    let files = std::fs::read_dir(directory).unwrap();
    files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Makes `to` the same as `from`.
fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir(to).unwrap();
    for name in names(from) {
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

/// A copy of a site's database, to be asked.
struct Ledger {
    connection: Connection,
    // After the connection, which is closed first.
    _directory: TempDir,
}

impl Ledger {
    fn of(site: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(site, directory.path());
        let connection = Connection::open(directory.path().join("maison.db")).unwrap();
        Self {
            connection,
            _directory: directory,
        }
    }

    fn hashes<const N: usize>(&self, sql: &str, asked: [impl ToSql; N]) -> Set {
        let mut statement = self.connection.prepare(sql).unwrap();
        let rows = statement.query_map(rusqlite::params_from_iter(asked), |row| row.get(0));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn changes(&self) -> Set {
        self.hashes("SELECT hash FROM change", [0; 0])
    }

    fn key(&self, key: &str) -> Vec<u8> {
        let sql = "SELECT value FROM replica WHERE key = ?1";
        let value = self.connection.query_row(sql, [key], |row| row.get(0));
        value.unwrap()
    }

    fn number(&self, key: &str) -> i64 {
        i64::from_be_bytes(self.key(key).try_into().unwrap())
    }

    /// What the laptop believes that the hub has, save of who was erased.
    fn acknowledged(&self, erased: &str) -> Set {
        let (acked, hub) = (self.number("exchange.acked"), self.key("exchange.hub"));
        let hub = uuid::Uuid::from_slice(&hub).unwrap().to_string();
        let sql = "SELECT hash FROM change WHERE (seq <= ?1 OR origin = ?2) AND document <> ?3
            AND hash NOT IN (SELECT hash FROM exchange_difference WHERE what = 2)";
        let asked: [&dyn ToSql; 3] = [&acked, &hub, &erased];
        self.hashes(sql, asked)
    }
}
