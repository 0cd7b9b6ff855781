//! The hub erases people, and whoever was erased must be found nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use memchr::memmem;
use rand::RngExt;
use shared::domain::codes::ErasureReason;
use shared::ids::{AgentId, DocumentId};
use shared::ledger::{erasures, hub_key};

use super::{Hash, World};

impl World {
    /// What a hub does when its program opens the directory.
    pub(super) async fn open_as_hub(&self) {
        let hub = &self.places[self.hub()].site;
        let own = hub.write(|work| Ok(hub_key::ensure_own(work.connection()).map(drop)?));
        own.await.expect("a key");
        let file = self.beside.path().join("erasures");
        hub.keep_erasures_in(file).await.expect("erasures are kept");
    }

    /// A laptop learns its hub's key.
    pub(super) async fn meet_hub(&self, laptop: usize) {
        let key = self.places[self.hub()]
            .site
            .read(|c| Ok(hub_key::known(c)?));
        let key = key.await.expect("a reading").expect("a hub has a key");
        let keep = self.places[laptop]
            .site
            .write(move |work| Ok(hub_key::keep(work.connection(), &key)?));
        keep.await.expect("kept");
    }

    /// The hub erases somebody whom it knows.
    pub(super) async fn erase(&mut self) {
        if self.people.is_empty() {
            return;
        }
        let person = self.people[self.random.random_range(0..self.people.len())];
        let by = AgentId(uuid::Uuid::from_u128(1));
        let hub = &self.places[self.hub()].site;
        let erased = hub.erase(person, by, ErasureReason::default()).await;
        erased.expect("erased or not known");
    }

    /// The file of erasures is lost together with the hub's disk: laptops bring back what they have heard.
    pub(super) fn lose_erasure_file(&self) {
        let _ = fs::remove_file(self.beside.path().join("erasures"));
    }

    /// The hashes of a place's erasures.
    pub(super) async fn erasure_hashes(&self, at: usize) -> BTreeSet<Hash> {
        let reading = self.places[at].site.read(|c| Ok(erasures::hashes(c)?));
        reading.await.expect("a reading").into_iter().collect()
    }

    /// The documents that a place knows to be erased.
    pub(super) async fn erased_at(&self, at: usize) -> BTreeSet<DocumentId> {
        let reading = self.places[at].site.read(|c| Ok(erasures::since(c, 0)?));
        let records = reading.await.expect("a reading").into_iter();
        records.map(|record| record.document).collect()
    }

    /// The documents that any place knows to be erased.
    pub async fn erased(&self) -> BTreeSet<DocumentId> {
        let mut erased = BTreeSet::new();
        for at in self.places() {
            erased.extend(self.erased_at(at).await);
        }
        erased
    }

    /// What all places must hold once they have heard of every erasure: changes of other documents, and erasures.
    pub async fn due(&self) -> BTreeSet<Hash> {
        let erased = self.erased().await;
        let mut documents: BTreeMap<Hash, DocumentId> = BTreeMap::new();
        for at in self.places() {
            documents.extend(self.changes(at).await);
        }
        documents.retain(|_, document| !erased.contains(document));
        let changes = documents.into_keys();
        changes
            .chain(erased.into_iter().map(erasures::hash_of))
            .collect()
    }

    /// No file of any place has a word that was written of somebody erased.
    pub async fn assert_erased_are_nowhere(&self) {
        let erased = self.erased().await;
        let words: Vec<&String> = erased
            .iter()
            .filter_map(|id| self.canaries.get(id))
            .flatten()
            .collect();
        let directories = self.places.iter().map(|place| place.directory.path());
        for place in &self.places {
            place.site.scrub().await;
        }
        for directory in directories.chain([self.beside.path()]) {
            for file in fs::read_dir(directory).expect("a directory") {
                let path = file.expect("a file").path();
                let bytes = fs::read(&path).expect("it can be read");
                for word in &words {
                    let is_there = memmem::find(&bytes, word.as_bytes()).is_some();
                    assert!(!is_there, "{word} in {}", path.display());
                }
            }
        }
    }
}
