//! A site: one opened place, its ledger, documents and view behind `edit` and `read`.
//!
//! An edit is: load the document, change the value, write what changed, commit, append to the ledger, project into
//! the view, in one SQLite transaction. What comes from another replica goes through [`Work::receive`], which takes
//! what it can and sets the rest aside. Several processes may open the same site (a command beside a serving
//! program): nothing true is kept in memory.

mod erasing;
pub mod erasure_file;
mod examined;
mod retrying;
pub mod rot;
mod salvage;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rusqlite::{Connection, Transaction};

use crate::document::foreign::{self, BadChange};
use crate::document::{Document, DocumentError, Editor, Kind, OpenDocument};
use crate::domain::catalog::Catalog;
use crate::ids::{AgentId, DocumentId, ReplicaId};
use crate::ledger::changes::{self, Appended, Change, Hash};
use crate::ledger::{LedgerError, Migrations, Store, erasures, quarantine, replica};
use crate::time::{Clock, Timestamp, day_month_year};
use crate::view;

pub use erasing::{Bearer, Heard};
pub use examined::{Examined, examine};
pub use retrying::Retried;

/// What can go wrong with a site.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The store.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A document.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A document in the ledger does not load.
    #[error("le document {0} ne se charge pas : {1}")]
    Unloadable(DocumentId, BadChange),
    /// A kind that this program does not know.
    #[error("le document {0} est d’une sorte inconnue : mettez le programme à jour")]
    UnknownKind(DocumentId),
    /// What should be written belongs to somebody who was erased then.
    #[error("{}", erased_words(*.0))]
    Erased(Timestamp),
    /// Only the hub erases people.
    #[error("une personne ne s’efface qu’au hub")]
    NotAHub,
}

impl From<rusqlite::Error> for SiteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}

/// An opened site. Clones share it.
#[derive(Clone, Debug)]
pub struct Site {
    store: Store,
    replica: ReplicaId,
    clock: Arc<Clock>,
    actors: Arc<Mutex<HashMap<AgentId, [u8; 16]>>>,
    /// The file that a hub keeps of its erasures; see [`Site::keep_erasures_in`].
    erasure_file: Arc<OnceLock<PathBuf>>,
}

/// A change from another replica, as the exchange carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The document that it claims to belong to.
    pub document: DocumentId,
    /// Kind number of the document.
    pub kind: u8,
    /// Claimed bytes.
    pub bytes: Vec<u8>,
}

/// What became of received changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// New ones, taken.
    pub taken: u64,
    /// Known before.
    pub known: u64,
    /// Set aside: hash and reason.
    pub refused: Vec<(Hash, String)>,
    /// Of documents that were erased; not kept.
    pub erased: Vec<OfErased>,
}

/// A change that came too late: its document was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfErased {
    /// Its hash, as its sender holds it.
    pub hash: Hash,
    /// The document.
    pub document: DocumentId,
    /// When it was erased.
    pub at: Timestamp,
}

impl OfErased {
    /// What its author is told.
    #[must_use]
    pub fn words(&self) -> String {
        erased_words(self.at)
    }
}

fn erased_words(at: Timestamp) -> String {
    format!(
        "cette personne a été effacée le {}\u{a0}; la saisie n’a pas été gardée",
        day_month_year(at.date())
    )
}

impl Site {
    /// Opens or creates the site in `directory`, rebuilding the view if another version of the program made it.
    ///
    /// `progress` is told (documents done, documents in all) during a rebuild.
    ///
    /// # Errors
    /// See [`Store::open`].
    pub async fn open(
        directory: &Path,
        migrations: &[Migrations],
        clock: impl Into<Arc<Clock>>,
        progress: impl FnMut(usize, usize) + Send + 'static,
    ) -> Result<Self, SiteError> {
        let store = Store::open(directory, migrations)?;
        let opened = Self::over(store.clone(), clock.into(), progress).await;
        if opened.is_err() {
            // Nothing may be left open: the files may be damaged, and somebody may want to move them.
            store.close().await;
        }
        opened
    }

    async fn over(
        store: Store,
        clock: Arc<Clock>,
        progress: impl FnMut(usize, usize) + Send + 'static,
    ) -> Result<Self, SiteError> {
        let replica = store.read(replica::id).await?;
        let site = Self {
            store,
            replica,
            clock,
            actors: Arc::default(),
            erasure_file: Arc::default(),
        };
        let is_current = site.read(|connection| Ok(view::is_current(connection)?));
        if !is_current.await? {
            site.rebuild_view(progress).await?;
        }
        Ok(site)
    }

    /// Closes the site and waits until its files are closed; for ever if a clone of it is kept.
    pub async fn close(self) {
        let Self { store, .. } = self;
        store.close().await;
    }

    /// Drops the view and derives it again from the ledger.
    ///
    /// # Errors
    /// What the store says; documents that do not load are skipped and logged by id.
    pub async fn rebuild_view(
        &self,
        mut progress: impl FnMut(usize, usize) + Send + 'static,
    ) -> Result<(), SiteError> {
        self.write(move |work| {
            view::recreate(work.tx)?;
            let documents = changes::documents(work.tx)?;
            for (done, (id, _)) in documents.iter().enumerate() {
                progress(done, documents.len());
                match work.open(*id) {
                    Ok(Some(mut document)) => view::project(work.tx, &mut document)?,
                    Ok(None) => {}
                    Err(error) => tracing::error!(document = %id, %error, "left out of the view"),
                }
            }
            progress(documents.len(), documents.len());
            Ok(())
        })
        .await
    }

    /// This replica's id.
    #[must_use]
    pub fn replica(&self) -> ReplicaId {
        self.replica
    }

    /// The site's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The store below, for the tables that a program keeps for itself.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Runs `job` in one write transaction; see [`Store::write`] for the contract.
    ///
    /// # Errors
    /// What `job` returns; everything it wrote is then undone.
    pub async fn write<R, F>(&self, job: F) -> Result<R, SiteError>
    where
        R: Send + 'static,
        F: FnOnce(&mut Work<'_>) -> Result<R, SiteError> + Send + 'static,
    {
        let site = self.clone();
        self.store
            .write(move |tx| job(&mut Work { tx, site: &site }))
            .await
    }

    /// Runs `job` on a snapshot; see [`Store::read`].
    ///
    /// # Errors
    /// What `job` returns.
    pub async fn read<R, F>(&self, job: F) -> Result<R, SiteError>
    where
        R: Send + 'static,
        F: FnOnce(&Connection) -> Result<R, SiteError> + Send + 'static,
    {
        self.store.read(job).await
    }

    /// Edits one document in a transaction of its own; see [`Work::edit`].
    ///
    /// # Errors
    /// See [`Work::edit`].
    pub async fn edit<T, R, F>(
        &self,
        id: impl Into<DocumentId>,
        by: AgentId,
        change: F,
    ) -> Result<R, SiteError>
    where
        T: Document,
        R: Send + 'static,
        F: FnOnce(&mut T) -> R + Send + 'static,
    {
        let id = id.into();
        self.write(move |work| work.edit(id, by, change)).await
    }

    /// The document `id` as it stands; `None` when nothing is known of it.
    ///
    /// # Errors
    /// When it does not load.
    pub async fn document(
        &self,
        id: impl Into<DocumentId>,
    ) -> Result<Option<OpenDocument>, SiteError> {
        let id = id.into();
        self.read(move |connection| open_document(connection, id))
            .await
    }

    /// The catalog.
    ///
    /// # Errors
    /// What the store says.
    pub async fn catalog(&self) -> Result<Catalog, SiteError> {
        self.read(|connection| Ok(view::catalog::catalog(connection)?))
            .await
    }

    /// The actor of this run for an agent: drawn once, never stored.
    fn editor(&self, agent: AgentId) -> Editor {
        let mut actors = self.actors.lock().unwrap_or_else(PoisonError::into_inner);
        let actor = *actors
            .entry(agent)
            .or_insert_with(|| *uuid::Uuid::new_v4().as_bytes());
        Editor {
            agent,
            replica: self.replica,
            actor,
        }
    }
}

/// A write transaction at work on a site.
#[derive(Debug)]
pub struct Work<'a> {
    tx: &'a Transaction<'a>,
    site: &'a Site,
}

impl Work<'_> {
    /// The connection, for queries and for the tables that a program keeps for itself.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        self.tx
    }

    /// The next stamp of the site's clock.
    #[must_use]
    pub fn stamp(&self) -> Timestamp {
        self.site.clock.stamp()
    }

    /// The document `id` as it stands in this transaction; `None` when nothing is known of it.
    ///
    /// # Errors
    /// When it does not load.
    pub fn open(&self, id: impl Into<DocumentId>) -> Result<Option<OpenDocument>, SiteError> {
        open_document(self.tx, id.into())
    }

    /// The value of the document `id`; `None` when nothing is known of it.
    ///
    /// # Errors
    /// When it does not load.
    pub fn load<T: Document>(&self, id: impl Into<DocumentId>) -> Result<Option<T>, SiteError> {
        match self.open(id)? {
            None => Ok(None),
            Some(document) => Ok(Some(document.value()?)),
        }
    }

    /// Edits a document, creating it if nothing is known of it. What `change` does not touch is not written.
    ///
    /// # Errors
    /// When the document does not load or the edit has no place in a document.
    pub fn edit<T: Document, R>(
        &mut self,
        id: impl Into<DocumentId>,
        by: AgentId,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, SiteError> {
        let id = id.into();
        let mut document = self
            .open(id)?
            .unwrap_or_else(|| OpenDocument::genesis(T::KIND, id));
        let (outcome, written) =
            document.edit(&self.site.editor(by), self.site.clock.stamp(), change)?;
        self.keep(&mut document, written)?;
        Ok(outcome)
    }

    /// Keeps one of the values on which sites disagree; see [`OpenDocument::settle`]. Says whether there was
    /// something to settle.
    ///
    /// # Errors
    /// When the document does not load.
    pub fn settle(
        &mut self,
        id: impl Into<DocumentId>,
        by: AgentId,
        path: &str,
        value: &serde_json::Value,
    ) -> Result<bool, SiteError> {
        let Some(mut document) = self.open(id)? else {
            return Ok(false);
        };
        let (editor, now) = (self.site.editor(by), self.site.clock.stamp());
        let written = document.settle(&editor, now, path, value)?;
        let settled = written.is_some();
        self.keep(&mut document, written)?;
        Ok(settled)
    }

    /// Appends a change of ours, if there is one, and shows it.
    fn keep(
        &mut self,
        document: &mut OpenDocument,
        written: Option<Change>,
    ) -> Result<(), SiteError> {
        if let Some(change) = written {
            if let Appended::Erased(at) = changes::append(self.tx, &change, self.site.replica)? {
                return Err(SiteError::Erased(at));
            }
            view::project(self.tx, document)?;
        }
        Ok(())
    }

    /// Takes changes that another replica sent; what cannot be taken is set aside with its reason, what belongs to an
    /// erased document is not kept.
    ///
    /// `may_write` says which kinds that replica may write (a laptop may not write the catalog).
    ///
    /// # Errors
    /// What the store says; never what the bytes are.
    pub fn receive(
        &mut self,
        origin: ReplicaId,
        batch: Vec<Foreign>,
        may_write: fn(Kind) -> bool,
    ) -> Result<Received, SiteError> {
        self.receive_vouched(origin, batch, &|kind, _| may_write(kind))
    }

    /// The same where it depends on the change as well: the hub vouches for some that others bring.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn receive_vouched(
        &mut self,
        origin: ReplicaId,
        batch: Vec<Foreign>,
        may_write: &dyn Fn(Kind, &Foreign) -> bool,
    ) -> Result<Received, SiteError> {
        let mut received = Received::default();
        let mut by_document: BTreeMap<(DocumentId, u8), Vec<Change>> = BTreeMap::new();
        for foreign in batch {
            if let Some(at) = erasures::at(self.tx, foreign.document)? {
                received.erased.push(OfErased {
                    hash: foreign::claimed_hash(&foreign.bytes),
                    document: foreign.document,
                    at,
                });
                continue;
            }
            match self.admit(&foreign, may_write) {
                Ok(change) if changes::is_known(self.tx, &change.hash)? => received.known += 1,
                Ok(change) => {
                    by_document
                        .entry((change.document, change.kind))
                        .or_default()
                        .push(change);
                }
                Err(reason) => {
                    self.refuse(&mut received, origin, unparsed(foreign), reason)?;
                }
            }
        }
        for ((id, kind), new) in by_document {
            self.receive_document(origin, id, kind, new, &mut received)?;
        }
        Ok(received)
    }

    fn admit(
        &self,
        foreign: &Foreign,
        may_write: &dyn Fn(Kind, &Foreign) -> bool,
    ) -> Result<Change, String> {
        let kind = Kind::from_number(foreign.kind).ok_or("sorte de document inconnue")?;
        if !may_write(kind, foreign) {
            return Err("ce document ne se modifie qu’au hub".to_owned());
        }
        foreign::parse(foreign.document, kind, foreign.bytes.clone()).map_err(|bad| bad.to_string())
    }

    /// Takes all new changes of one document at once if it survives them, else one by one.
    fn receive_document(
        &mut self,
        origin: ReplicaId,
        id: DocumentId,
        kind: u8,
        new: Vec<Change>,
        received: &mut Received,
    ) -> Result<(), SiteError> {
        let Some(kind) = Kind::from_number(kind) else {
            return Ok(());
        };
        let stored = changes::of_document(self.tx, id)?;
        let all = stored.iter().chain(new.iter().map(|change| &change.bytes));
        match survives(kind, id, all) {
            Ok(mut document) => {
                for change in new {
                    self.take(origin, change, received)?;
                }
                view::project(self.tx, &mut document)?;
            }
            Err(_) => self.receive_one_by_one(origin, kind, id, new, received)?,
        }
        Ok(())
    }

    /// Finds the changes that the document does not survive: among the new ones, or among stored ones that waited
    /// for a dependency which has now come.
    fn receive_one_by_one(
        &mut self,
        origin: ReplicaId,
        kind: Kind,
        id: DocumentId,
        new: Vec<Change>,
        received: &mut Received,
    ) -> Result<(), SiteError> {
        let mut document = OpenDocument::genesis(kind, id);
        let stored = changes::of_document(self.tx, id)?;
        let stored = stored
            .into_iter()
            .filter_map(|bytes| foreign::parse(id, kind, bytes).ok());
        let mut left: Vec<(Change, bool)> = stored
            .map(|change| (change, true))
            .chain(new.into_iter().map(|change| (change, false)))
            .collect();
        let mut before = usize::MAX;
        while left.len() < before {
            before = left.len();
            let mut waiting = Vec::new();
            for (change, is_stored) in left {
                match document.apply_one(&change.bytes) {
                    Ok(true) if is_stored => {}
                    Ok(true) => self.take(origin, change, received)?,
                    Ok(false) => waiting.push((change, is_stored)),
                    Err(bad) => {
                        if is_stored {
                            changes::withdraw(self.tx, &change.hash)?;
                        }
                        self.refuse(received, origin, change, bad.to_string())?;
                    }
                }
            }
            left = waiting;
        }
        for (change, _) in left.into_iter().filter(|(_, is_stored)| !is_stored) {
            self.take(origin, change, received)?;
        }
        view::project(self.tx, &mut document)?;
        Ok(())
    }

    fn take(
        &mut self,
        origin: ReplicaId,
        change: Change,
        received: &mut Received,
    ) -> Result<(), SiteError> {
        match changes::append(self.tx, &change, origin)? {
            Appended::New(_) => received.taken += 1,
            Appended::Known => received.known += 1,
            Appended::Erased(at) => received.erased.push(OfErased {
                hash: change.hash,
                document: change.document,
                at,
            }),
            Appended::ActorClash => {
                self.refuse(
                    received,
                    origin,
                    change,
                    "numéro déjà pris par une autre modification".to_owned(),
                )?;
            }
            Appended::KindClash => {
                self.refuse(
                    received,
                    origin,
                    change,
                    "document d’une autre sorte ici".to_owned(),
                )?;
            }
        }
        Ok(())
    }

    fn refuse(
        &mut self,
        received: &mut Received,
        origin: ReplicaId,
        change: Change,
        reason: String,
    ) -> Result<(), SiteError> {
        quarantine::put(self.tx, &change, origin, self.site.clock.now(), &reason)?;
        tracing::warn!(document = %change.document, %origin, %reason, "set aside");
        received.refused.push((change.hash, reason));
        Ok(())
    }
}

/// The document `id` as it stands in the snapshot of `connection`, for pages that read the view as well; `None` when
/// nothing is known of it.
///
/// # Errors
/// When it does not load.
pub fn open_document(
    connection: &Connection,
    id: DocumentId,
) -> Result<Option<OpenDocument>, SiteError> {
    let Some(number) = changes::kind_of(connection, id)? else {
        return Ok(None);
    };
    let kind = Kind::from_number(number).ok_or(SiteError::UnknownKind(id))?;
    let stored = changes::of_document(connection, id)?;
    let mut document = OpenDocument::genesis(kind, id);
    document
        .apply(stored.iter().map(Vec::as_slice))
        .map_err(|bad| SiteError::Unloadable(id, bad))?;
    Ok(Some(document))
}

/// The document made of `all`, if it can be saved, loaded again and read.
fn survives<'a>(
    kind: Kind,
    id: DocumentId,
    all: impl Iterator<Item = &'a Vec<u8>>,
) -> Result<OpenDocument, BadChange> {
    let mut document = OpenDocument::genesis(kind, id);
    document.apply(all.map(Vec::as_slice))?;
    document.verify()?;
    Ok(document)
}

/// Bytes that were not read as a change, under the hash that they claim.
fn unparsed(foreign: Foreign) -> Change {
    Change {
        document: foreign.document,
        kind: foreign.kind,
        hash: foreign::claimed_hash(&foreign.bytes),
        actor: Vec::new(),
        actor_seq: 0,
        time: 0,
        bytes: foreign.bytes,
    }
}
