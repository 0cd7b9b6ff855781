//! The places of a simulation and what happens to them: edits, erasures, exchanges on bad lines, restarts, old images,
//! clones, clocks that jump, programs of the version before, requests that arrive again.

mod edits;
mod erasing;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::Connection;
use rusqlite::types::Value;
use shared::exchange::{Caller, MIGRATIONS, Report, Sections, Version, position};
use shared::ids::{DocumentId, PersonId, RegistrationId, ReplicaId, SessionId};
use shared::ledger::{Fingerprint, changes, erasures, replica};
use shared::site::Site;
use shared::time::{Clock, Timestamp};
use tempfile::TempDir;

use crate::line::{Line, answer, carry, while_alive};

pub use shared::ledger::changes::Hash;

/// When every simulation begins.
const NOW: i64 = 1_795_681_800_000;
const LAPTOPS_MAX: usize = 5;

/// One place: a directory and the site that is open on it.
struct Place {
    site: Site,
    directory: TempDir,
    /// An older state of its disk.
    image: Option<TempDir>,
    /// The version of the exchange that its program speaks.
    version: Version,
}

/// Something that an agent entered, and where a page shows it.
#[derive(Debug)]
pub struct Entry {
    /// The change that holds it.
    pub hash: Hash,
    /// The document that it is in.
    pub document: DocumentId,
    /// The changes of the document that the place had: without one of them, the entry waits.
    pub based_on: Vec<Hash>,
    table: &'static str,
    id: String,
}

/// The hub (place 0), the laptops, and everything that anybody entered.
pub struct World {
    random: StdRng,
    places: Vec<Place>,
    people: Vec<PersonId>,
    sessions: Vec<SessionId>,
    registrations: Vec<(SessionId, RegistrationId)>,
    entries: Vec<Entry>,
    requests: Vec<(ReplicaId, Vec<u8>)>,
    /// Of the hub, as its program keeps them; short, so that every simulation has some.
    sections: Sections,
    /// Words that were written of each person and of nobody else.
    canaries: BTreeMap<DocumentId, Vec<String>>,
    /// What the hub keeps beside its database: a restore leaves it as it is.
    beside: TempDir,
    has_erasures: bool,
    has_old_versions: bool,
    /// No disk is replaced or cloned: positions must then be right by themselves, without any repair.
    is_calm: bool,
}

async fn open(directory: &Path, now: i64) -> Site {
    let clock = Clock::fixed(Timestamp(now));
    Site::open(directory, &[MIGRATIONS], clock, |_, _| ())
        .await
        .expect("a site opens")
}

async fn place(directory: TempDir, now: i64) -> Place {
    Place {
        site: open(directory.path(), now).await,
        directory,
        image: None,
        version: Version::NEWEST,
    }
}

fn empty_directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

/// The disk as it is at this moment.
fn image(directory: &Path) -> TempDir {
    let image = empty_directory();
    let database = Connection::open(directory.join("maison.db")).expect("a database");
    let copy = image.path().join("maison.db");
    database
        .execute("VACUUM INTO ?1", [copy.to_str()])
        .expect("a copy");
    image
}

impl World {
    pub async fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut places = Vec::new();
        for _ in 0..=random.random_range(1..=3) {
            places.push(place(empty_directory(), NOW).await);
        }
        let mut world = Self {
            random,
            places,
            people: Vec::new(),
            sessions: Vec::new(),
            registrations: Vec::new(),
            entries: Vec::new(),
            requests: Vec::new(),
            sections: Sections::of(8),
            canaries: BTreeMap::new(),
            beside: empty_directory(),
            has_erasures: seed % 4 != 2,
            has_old_versions: seed % 4 >= 2,
            is_calm: seed.is_multiple_of(2),
        };
        world.renew_epoch().await;
        world.open_as_hub().await;
        for laptop in world.laptops() {
            world.meet_hub(laptop).await;
            world.choose_version(laptop);
        }
        world
    }

    /// A program of any version is installed at a laptop.
    fn choose_version(&mut self, laptop: usize) {
        if self.has_old_versions {
            let which = self.random.random_range(0..2);
            self.places[laptop].version = [Version::OLDEST, Version::NEWEST][which];
        }
    }

    /// From now on every laptop has the newest program.
    pub fn upgrade_all(&mut self) {
        for place in &mut self.places {
            place.version = Version::NEWEST;
        }
    }

    pub fn hub(&self) -> usize {
        0
    }

    pub fn places(&self) -> std::ops::Range<usize> {
        0..self.places.len()
    }

    pub fn laptops(&self) -> std::ops::Range<usize> {
        1..self.places.len()
    }

    pub fn is_calm(&self) -> bool {
        self.is_calm
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// One thing happens.
    pub async fn event(&mut self) {
        let any = self.random.random_range(self.places());
        let laptop = self.random.random_range(self.laptops());
        match self.random.random_range(0..100) {
            0..55 => self.edit(any).await,
            55..80 => self.exchange_on_any_line(laptop).await,
            80..84 => self.restart(any).await,
            84..88 => self.places[any].image = Some(image(self.places[any].directory.path())),
            88..94 if self.is_calm => self.edit(any).await,
            88..90 => self.restore(laptop).await,
            90..92 => self.restore(self.hub()).await,
            92..94 => self.clone_laptop(laptop).await,
            94..96 => self.repeat_request().await,
            96..98 if self.has_erasures => self.erase().await,
            _ => self.jump_clock(any),
        }
    }

    async fn exchange_on_any_line(&mut self, laptop: usize) {
        let line = match self.random.random_range(0..6) {
            0 | 1 => Line::GOOD,
            2 | 3 => Line {
                up_max: self.random.random_range(0..3_000),
                down_max: self.random.random_range(0..3_000),
                step: self.random.random_range(1..500),
                ..Line::GOOD
            },
            _ => Line {
                life: self.random.random_range(1..10),
                ..Line::GOOD
            },
        };
        let piece_bytes = self.random.random_range(500..20_000);
        self.exchange_over(laptop, line, piece_bytes).await;
    }

    /// An exchange on a good line.
    pub async fn exchange(&mut self, laptop: usize) -> Report {
        self.exchange_over(laptop, Line::GOOD, 256 * 1024).await
    }

    async fn exchange_over(&mut self, laptop: usize, line: Line, piece_bytes: usize) -> Report {
        let site = self.places[laptop].site.clone();
        let mut caller = Caller::new(site.clone())
            .with_piece_bytes(piece_bytes)
            .with_version(self.places[laptop].version);
        let hub = self.places[0].site.clone();
        let carried = carry(
            line,
            &mut caller,
            site.replica(),
            &hub,
            &self.sections,
            &mut self.requests,
        );
        if let Some(outcome) = while_alive(line.life, carried).await {
            outcome.expect("only the line fails");
        }
        let report = caller.report();
        if report.identical || self.is_calm {
            self.assert_pending_is_true(laptop).await;
        }
        if report.identical {
            let (mine, mut theirs) = (self.hashes(laptop).await, self.hashes(self.hub()).await);
            if self.places[laptop].version == Version::One {
                // It is told of no erasure, and what it is told to be equal to leaves them out.
                theirs = theirs
                    .difference(&self.erasure_hashes(0).await)
                    .copied()
                    .collect();
            }
            assert!(
                theirs.is_subset(&mine),
                "told identical without all of the hub"
            );
        }
        assert!(!(self.is_calm && report.reconciled), "a position was wrong");
        report
    }

    /// What a laptop says is not at the hub yet is at least what is not there, save what the hub has erased.
    async fn assert_pending_is_true(&self, laptop: usize) {
        let reading = self.places[laptop].site.read(|c| Ok(position::pending(c)?));
        let pending = reading.await.expect("a reading");
        let (mine, theirs) = (self.changes(laptop).await, self.hashes(self.hub()).await);
        let erased = self.erased_at(self.hub()).await;
        let only_here = mine
            .iter()
            .filter(|(hash, document)| !theirs.contains(*hash) && !erased.contains(*document))
            .count() as u64;
        assert!(only_here <= pending.changes, "{only_here} {pending:?}");
    }

    async fn restart(&mut self, at: usize) {
        let place = &mut self.places[at];
        let now = place.site.clock().wall().0;
        place.site = open(place.directory.path(), now).await;
        if at == self.hub() {
            self.sections = Sections::of(8);
            self.open_as_hub().await;
        } else {
            self.choose_version(at);
        }
    }

    /// The disk is replaced by an older image of itself, if there is one.
    async fn restore(&mut self, at: usize) {
        let Some(older) = self.places[at].image.take() else {
            return;
        };
        let now = self.places[at].site.clock().wall().0;
        self.places[at] = place(older, now).await;
        if at == self.hub() {
            if self.random.random_bool(0.5) {
                self.renew_epoch().await;
            }
            self.sections = Sections::of(8);
            if self.random.random_bool(0.3) {
                self.lose_erasure_file();
            }
            self.open_as_hub().await;
        }
    }

    async fn renew_epoch(&self) {
        let renew = self.places[0]
            .site
            .write(|work| Ok(position::renew_own_epoch(work.connection())?));
        renew.await.expect("an epoch");
    }

    async fn clone_laptop(&mut self, laptop: usize) {
        if self.places.len() <= LAPTOPS_MAX {
            let copy = image(self.places[laptop].directory.path());
            let now = self.places[laptop].site.clock().wall().0;
            self.places.push(place(copy, now).await);
        }
    }

    /// A request of long ago arrives at the hub again, from whatever kept it.
    async fn repeat_request(&mut self) {
        if self.requests.is_empty() {
            return;
        }
        let which = self.random.random_range(0..self.requests.len());
        let (laptop, request) = &self.requests[which];
        let answered = answer(&self.places[0].site, &self.sections, *laptop, request, 1400).await;
        answered.expect("the hub answers");
    }

    /// Every request that was ever made arrives again.
    pub async fn repeat_all_requests(&self) {
        for (laptop, request) in &self.requests {
            let answered =
                answer(&self.places[0].site, &self.sections, *laptop, request, 1400).await;
            answered.expect("the hub answers");
        }
    }

    fn jump_clock(&mut self, at: usize) {
        const YEARS_3_MS: i64 = 3 * 365 * 86_400_000;
        let jump = self.random.random_range(-YEARS_3_MS..YEARS_3_MS);
        self.places[at].site.clock().set(Timestamp(NOW + jump));
    }

    /// The changes in a place's ledger, with their documents.
    async fn changes(&self, at: usize) -> BTreeMap<Hash, DocumentId> {
        let nobody = ReplicaId(uuid::Uuid::nil());
        let reading = self.places[at]
            .site
            .read(move |c| Ok(changes::since(c, 0, nobody, usize::MAX)?));
        let all = reading.await.expect("a reading").into_iter();
        all.map(|entry| (entry.change.hash, entry.change.document))
            .collect()
    }

    /// The hashes of everything in a place's ledger, changes and erasures.
    pub async fn hashes(&self, at: usize) -> BTreeSet<Hash> {
        let changes = self.changes(at).await;
        let erasures = self.places[at].site.read(|c| Ok(erasures::hashes(c)?));
        let erasures = erasures.await.expect("a reading");
        changes.into_keys().chain(erasures).collect()
    }

    pub async fn fingerprint(&self, at: usize) -> Fingerprint {
        let reading = self.places[at].site.read(|c| Ok(replica::fingerprint(c)?));
        reading.await.expect("a reading")
    }

    /// Whether a place's pages show an entry.
    pub async fn sees(&self, at: usize, entry: &Entry) -> bool {
        let sql = format!("SELECT 1 FROM {} WHERE id = ?1", entry.table);
        let id = entry.id.clone();
        let reading = self.places[at]
            .site
            .read(move |c| Ok(c.prepare(&sql)?.exists([id])?));
        reading.await.expect("a reading")
    }

    /// Every row of every derived table.
    pub async fn view(&self, at: usize) -> Vec<(String, Vec<Value>)> {
        let reading = self.places[at].site.read(|c| {
            let mut tables = c.prepare(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'
                 AND name NOT LIKE 'exchange%' AND name NOT IN
                 ('migration', 'document', 'change', 'erasure', 'quarantine', 'replica') ORDER BY name",
            )?;
            let tables: Vec<String> = tables
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let mut all = Vec::new();
            for table in tables {
                let mut rows = c.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2"))?;
                let columns = rows.column_count();
                let rows = rows.query_map([], |row| (0..columns).map(|i| row.get(i)).collect())?;
                for row in rows {
                    all.push((table.clone(), row?));
                }
            }
            Ok(all)
        });
        reading.await.expect("a reading")
    }
}
