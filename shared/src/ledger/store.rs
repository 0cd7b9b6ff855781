//! The store: one SQLite file, one writer thread, a small pool of readers, and the lock on its directory.
//!
//! Async code never touches a connection directly; it hands a closure to one of the two doors.

use std::fs::{File, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{Semaphore, oneshot, watch};

use super::schema::{LEDGER, Migrations, migrate};
use super::{LedgerError, copies, erasures, replica};

/// Name of the database in the data directory.
pub(super) const FILE: &str = "maison.db";
/// Its write-ahead log, which is part of it.
pub(super) const WAL: &str = "maison.db-wal";
/// What the processes that have it open share.
pub(super) const SHM: &str = "maison.db-shm";
/// Name of the lock that a serving program holds.
const LOCK: &str = "maison.lock";
/// SQLite below 3.51.3 can corrupt a WAL.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// How long a writer waits for another process (a command beside a serving program), in milliseconds.
const BUSY_MS: u64 = 10_000;
/// Readings at once. Each has a connection with its caches, some megabytes; who asks for more waits.
const READERS_MAX: usize = 6;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// An opened store. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    // Before the writer, so that the writer's connection is the last to be closed.
    readers: Mutex<Vec<Connection>>,
    reading: Arc<Semaphore>,
    writer: mpsc::Sender<Job>,
    commits: watch::Sender<u64>,
    /// Closed when the writer thread has ended.
    ended: watch::Receiver<()>,
}

impl Store {
    /// Opens or creates the store in `directory` and brings its tables up to date.
    ///
    /// # Errors
    /// [`LedgerError::Newer`], [`LedgerError::OldSqlite`], [`LedgerError::File`], or what SQLite says.
    pub fn open(directory: &Path, migrations: &[Migrations]) -> Result<Self, LedgerError> {
        if rusqlite::version_number() < SQLITE_VERSION_MIN {
            return Err(LedgerError::OldSqlite(rusqlite::version()));
        }
        std::fs::create_dir_all(directory)
            .map_err(|source| LedgerError::of_file(directory, source))?;
        let mut connection = connect(directory)?;
        let mut lists = vec![LEDGER];
        lists.extend_from_slice(migrations);
        migrate(&mut connection, &lists)?;
        replica::ensure_id(&connection)?;
        if let Err(error) = erasures::scrub(&connection) {
            tracing::warn!(%error, "what was erased is not out of the files yet");
        }
        let (writer, jobs) = mpsc::channel::<Job>();
        let (running, ended) = watch::channel(());
        std::thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || {
                run(connection, &jobs);
                drop(running);
            })
            .map_err(|source| LedgerError::of_file(directory, source))?;
        let inner = Inner {
            directory: directory.to_owned(),
            readers: Mutex::default(),
            reading: Arc::new(Semaphore::new(READERS_MAX)),
            writer,
            commits: watch::Sender::new(0),
            ended,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Whether there is a store in `directory`.
    #[must_use]
    pub fn exists(directory: &Path) -> bool {
        directory.join(FILE).exists()
    }

    /// Takes the directory for a serving program; held until the returned file is dropped.
    ///
    /// # Errors
    /// [`LedgerError::Held`] when another process serves it.
    pub fn hold(directory: &Path) -> Result<File, LedgerError> {
        std::fs::create_dir_all(directory)
            .map_err(|source| LedgerError::of_file(directory, source))?;
        let path = directory.join(LOCK);
        let file = File::create(&path).map_err(|source| LedgerError::of_file(&path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(LedgerError::Held(directory.to_owned())),
            Err(TryLockError::Error(source)) => Err(LedgerError::of_file(&path, source)),
        }
    }

    /// Looks through every page of the database: whether they hang together as SQLite made them, and whether every index
    /// says what its table does. Reads the whole file. The quicker check would not do: an index that has lost a change
    /// lets it be appended twice.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] when they do not.
    pub async fn check(&self) -> Result<(), LedgerError> {
        self.read(copies::integrity).await
    }

    /// Closes the store and waits until its files are closed; for ever if a clone of it is kept.
    pub async fn close(self) {
        let mut ended = self.inner.ended.clone();
        drop(self);
        while ended.changed().await.is_ok() {}
    }

    /// Where the store lies.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.inner.directory
    }

    /// Told a new number after every commit of this process.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.inner.commits.subscribe()
    }

    /// The one door for writing: runs `job` in one `BEGIN IMMEDIATE` transaction on the writer thread.
    ///
    /// Writes run one after another; `Ok` is returned after the commit is on the disk, any `Err` after a rollback.
    /// Dropping the future does not stop a job that has been handed over.
    ///
    /// # Errors
    /// What `job` returns, or the store's own error in `E`.
    pub async fn write<R, E, F>(&self, job: F) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<LedgerError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<R, E> + Send + 'static,
    {
        let (answer, done) = oneshot::channel();
        let commits = self.inner.commits.clone();
        let job: Job = Box::new(move |connection| {
            let outcome = in_transaction(connection, job);
            if outcome.is_ok() {
                commits.send_modify(|number| *number += 1);
            }
            // Whoever asked may have gone; the write stands all the same.
            let _ = answer.send(outcome);
        });
        self.inner
            .writer
            .send(job)
            .map_err(|_| LedgerError::Closed)?;
        done.await.map_err(|_| LedgerError::Interrupted)?
    }

    /// Writes the database anew if something was erased from it, so that no byte of that is left in its files; until
    /// then other writes wait. Says whether that is done: a long reading keeps it from being done now, and it is then
    /// done the next time, at the latest when the store is opened again.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn scrub(&self) -> Result<bool, LedgerError> {
        let (answer, done) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let _ = answer.send(erasures::scrub(connection));
        });
        self.inner
            .writer
            .send(job)
            .map_err(|_| LedgerError::Closed)?;
        done.await.map_err(|_| LedgerError::Interrupted)?
    }

    /// The one door for reading: runs `job` on a snapshot (one read transaction) on a blocking thread.
    ///
    /// # Errors
    /// What `job` returns, or the store's own error in `E`.
    pub async fn read<R, E, F>(&self, job: F) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<LedgerError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<R, E> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        let turn = Arc::clone(&inner.reading).acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut reader = inner.reader()?;
            let snapshot = reader.transaction().map_err(LedgerError::from)?;
            let outcome = job(&snapshot);
            snapshot.finish().map_err(LedgerError::from)?;
            inner.give_back(reader);
            outcome
        })
        .await
        .map_err(|_| LedgerError::Interrupted)?
    }
}

impl Inner {
    fn reader(&self) -> Result<Connection, LedgerError> {
        let kept = self
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        kept.map_or_else(|| connect(&self.directory), Ok)
    }

    fn give_back(&self, reader: Connection) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.push(reader);
    }
}

fn run(mut connection: Connection, jobs: &mpsc::Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        // A job that panics is rolled back by its transaction's drop and told to whoever asked; the next one goes on.
        let _ = catch_unwind(AssertUnwindSafe(|| job(&mut connection)));
    }
}

fn in_transaction<R, E, F>(connection: &mut Connection, job: F) -> Result<R, E>
where
    E: From<LedgerError>,
    F: FnOnce(&Transaction<'_>) -> Result<R, E>,
{
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(LedgerError::from)?;
    let value = job(&transaction)?;
    transaction.commit().map_err(LedgerError::from)?;
    Ok(value)
}

pub(super) fn connect(directory: &Path) -> Result<Connection, LedgerError> {
    let connection = Connection::open(directory.join(FILE))?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    // FULL because NORMAL loses acknowledged commits at a power cut; no mmap so that a read error is an error.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
         PRAGMA mmap_size = 0; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
    )?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}
