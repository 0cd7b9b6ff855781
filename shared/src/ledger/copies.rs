//! Copies of a database: made while others write to it, and looked at without being changed.
//!
//! Where a copy goes and what becomes of it is not known here. Everything here opens a database by the same function as
//! the store, and needs no more of it than its directory: neither its tables nor a program that is new enough.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::schema::{LEDGER, Migrations};
use super::store::{FILE, connect};
use super::{LedgerError, Store};

/// Pages copied at a time: a megabyte, after which `progress` is told.
const PAGES_A_STEP: i32 = 256;

/// Copies the database in `directory` into `target`, an empty directory, as it is at this moment; `progress` is told
/// (pages done, in all).
///
/// A read transaction pins that moment, so the copy neither waits for writers nor begins again when one commits, and
/// writers do not wait for it; meanwhile their log grows. The copy is not on the disk when this returns.
///
/// # Errors
/// What SQLite says.
pub fn copy(
    directory: &Path,
    target: &Path,
    mut progress: impl FnMut(usize, usize),
) -> Result<(), LedgerError> {
    let source = connect(directory)?;
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mut copy = Connection::open(target.join(FILE))?;
    // It is thrown away if the program ends meanwhile.
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    let backup = Backup::new(&source, &mut copy)?;
    loop {
        let step = backup.step(PAGES_A_STEP)?;
        let at = backup.progress();
        let all = usize::try_from(at.pagecount).unwrap_or(0);
        let left = usize::try_from(at.remaining).unwrap_or(0);
        progress(all.saturating_sub(left), all);
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // The copy is ours alone and the source is only read: this is not waited out.
            _ => return Err(LedgerError::Closed),
        }
    }
}

/// Opens the database in `directory` for looking at it.
///
/// # Errors
/// What SQLite says.
pub fn look(directory: &Path) -> Result<Connection, LedgerError> {
    let connection = connect(directory)?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

/// Whether the pages of the database hang together as SQLite made them, and every index says what its table does.
/// Reads the whole file.
///
/// # Errors
/// [`LedgerError::Damaged`] when they do not.
pub fn integrity(connection: &Connection) -> Result<(), LedgerError> {
    let sql = "PRAGMA integrity_check(1)";
    let found: String = connection.query_row(sql, [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    // What is found names tables and pages, nothing of what is in them.
    tracing::error!(%found, "the database is damaged");
    Err(LedgerError::Damaged("ses pages ne vont plus ensemble"))
}

/// The number that each list of migrations has reached, by module.
///
/// # Errors
/// What SQLite says.
pub fn schema(connection: &Connection) -> Result<BTreeMap<String, u32>, LedgerError> {
    let mut statement = connection.prepare("SELECT module, number FROM migration")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Refuses a schema that this program, with these lists beside the ledger's, is too old for.
///
/// # Errors
/// [`LedgerError::Newer`].
pub fn refuse_newer(
    schema: &BTreeMap<String, u32>,
    lists: &[Migrations],
) -> Result<(), LedgerError> {
    for list in with_ledger(lists) {
        let known = u32::try_from(list.scripts.len()).unwrap_or(u32::MAX);
        let found = schema.get(list.module).copied().unwrap_or(0);
        if found > known {
            return Err(LedgerError::Newer {
                module: list.module,
                found,
                known,
            });
        }
    }
    Ok(())
}

/// Whether there is a database in `directory` that opening it with these lists would migrate.
///
/// # Errors
/// What SQLite says.
pub fn is_behind(directory: &Path, lists: &[Migrations]) -> Result<bool, LedgerError> {
    if !Store::exists(directory) {
        return Ok(false);
    }
    let connection = look(directory)?;
    let sql = "SELECT 1 FROM sqlite_schema WHERE name = 'migration'";
    if !connection.prepare(sql)?.exists([])? {
        return Ok(false);
    }
    let schema = schema(&connection)?;
    let behind = |list: &Migrations| {
        let reached = schema.get(list.module).copied().unwrap_or(0);
        (reached as usize) < list.scripts.len()
    };
    Ok(with_ledger(lists).any(|list| behind(&list)))
}

fn with_ledger(lists: &[Migrations]) -> impl Iterator<Item = Migrations> {
    std::iter::once(LEDGER).chain(lists.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::replica;

    const LIST: Migrations = Migrations {
        module: "m",
        scripts: &["CREATE TABLE m (x)"],
    };

    #[tokio::test]
    async fn a_copy_is_of_one_moment_though_somebody_writes_at_every_step() {
        let (directory, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(directory.path(), &[]).unwrap();
        let filler = vec![7; 3_000_000];
        let first = move |tx: &rusqlite::Transaction<'_>| replica::set(tx, "filler", &filler);
        store.write(first).await.unwrap();
        let writer = connect(directory.path()).unwrap();
        let mut steps = 0;
        copy(directory.path(), target.path(), |_, _| {
            steps += 1;
            replica::set_number(&writer, "later", steps).unwrap();
        })
        .unwrap();
        assert!((3..20).contains(&steps), "{steps}");
        let copied = look(target.path()).unwrap();
        integrity(&copied).unwrap();
        assert_eq!(replica::number(&copied, "later").unwrap(), 0);
        assert_eq!(replica::id(&copied).unwrap(), replica::id(&writer).unwrap());
        assert!(
            replica::set_number(&copied, "later", 1).is_err(),
            "only looked at"
        );
    }

    #[test]
    fn a_database_that_would_be_migrated_is_known_before_it_is() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!is_behind(directory.path(), &[LIST]).unwrap(), "none there");
        assert!(!Store::exists(directory.path()), "none is made");
        drop(Store::open(directory.path(), &[]).unwrap());
        assert!(!is_behind(directory.path(), &[]).unwrap());
        assert!(is_behind(directory.path(), &[LIST]).unwrap());
        drop(Store::open(directory.path(), &[LIST]).unwrap());
        assert!(!is_behind(directory.path(), &[LIST]).unwrap());
        let reached = schema(&look(directory.path()).unwrap()).unwrap();
        assert!(refuse_newer(&reached, &[LIST]).is_ok());
        let none = Migrations {
            scripts: &[],
            ..LIST
        };
        assert!(refuse_newer(&reached, &[none]).is_err());
    }
}
