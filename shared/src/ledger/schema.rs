//! The ledger's tables, and how any module's tables are migrated.
//!
//! Migrations are numbered and append-only, one transaction each; a database that a newer program wrote is refused;
//! each leaves a database that the previous release still reads. Derived tables are not here: see `view`.

use rusqlite::{Connection, OptionalExtension};

use super::LedgerError;

/// One module's append-only list of migrations; its position in the list (from 1) is a migration's number.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// Name of the module, for ever.
    pub module: &'static str,
    /// SQL scripts in order. Never change one that has been released.
    pub scripts: &'static [&'static str],
}

pub(super) const LEDGER: Migrations = Migrations {
    module: "ledger",
    scripts: &[
        "
    CREATE TABLE document (
        id TEXT NOT NULL PRIMARY KEY,
        kind INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE change (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        document TEXT NOT NULL REFERENCES document (id),
        hash BLOB NOT NULL UNIQUE,
        actor BLOB NOT NULL,
        actor_seq INTEGER NOT NULL,
        time INTEGER NOT NULL,
        origin TEXT NOT NULL,
        bytes BLOB NOT NULL,
        UNIQUE (document, actor, actor_seq)
    ) STRICT;
    CREATE TABLE quarantine (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        origin TEXT NOT NULL,
        document TEXT NOT NULL,
        kind INTEGER NOT NULL,
        hash BLOB NOT NULL UNIQUE,
        reason TEXT NOT NULL,
        bytes BLOB NOT NULL
    ) STRICT;
    CREATE TABLE replica (
        key TEXT NOT NULL PRIMARY KEY,
        value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    ",
        "
    CREATE TABLE erasure (
        document TEXT NOT NULL PRIMARY KEY,
        -- From the sequence of the changes, which therefore exists from the start.
        seq INTEGER NOT NULL UNIQUE,
        hash BLOB NOT NULL UNIQUE,
        merged_into TEXT,
        at INTEGER NOT NULL,
        by TEXT NOT NULL,
        reason TEXT NOT NULL,
        signature BLOB NOT NULL,
        -- Changes written here, and known nowhere else, that went with the document.
        lost INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO sqlite_sequence (name, seq)
        SELECT 'change', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'change');
    -- The version of the program that set the change aside.
    ALTER TABLE quarantine ADD COLUMN program TEXT NOT NULL DEFAULT '';
    ",
        "
    -- The exchange names known documents by the last letters of their ids.
    CREATE INDEX document_ending ON document (substr(id, 16));
    ",
        "
    -- In this order two ledgers are compared; a clock may have said a time before 1970.
    CREATE INDEX change_order ON change (max(time, 0), hash);
    ",
    ],
};

/// Brings the database to the newest number of every list.
///
/// # Errors
/// [`LedgerError::Newer`] when a newer program has been here, before anything is changed.
pub(super) fn migrate(
    connection: &mut Connection,
    lists: &[Migrations],
) -> Result<(), LedgerError> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS migration
            (module TEXT NOT NULL PRIMARY KEY, number INTEGER NOT NULL) STRICT;",
    )?;
    for list in lists {
        let known = u32::try_from(list.scripts.len()).unwrap_or(u32::MAX);
        let found = number_of(connection, list.module)?;
        if found > known {
            return Err(LedgerError::Newer {
                module: list.module,
                found,
                known,
            });
        }
    }
    for list in lists {
        let reached = number_of(connection, list.module)?;
        for (number, script) in (1u32..).zip(list.scripts).skip(reached as usize) {
            let transaction = connection.transaction()?;
            transaction.execute_batch(script)?;
            transaction.execute(
                "INSERT INTO migration VALUES (?1, ?2)
                 ON CONFLICT (module) DO UPDATE SET number = ?2",
                (list.module, number),
            )?;
            transaction.commit()?;
        }
    }
    Ok(())
}

fn number_of(connection: &Connection, module: &str) -> Result<u32, LedgerError> {
    let number = connection
        .query_row(
            "SELECT number FROM migration WHERE module = ?1",
            [module],
            |row| row.get(0),
        )
        .optional()?;
    Ok(number.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Migrations = Migrations {
        module: "m",
        scripts: &["CREATE TABLE a (x)"],
    };
    const TWO: Migrations = Migrations {
        module: "m",
        scripts: &["CREATE TABLE a (x)", "CREATE TABLE b (x)"],
    };

    #[test]
    fn a_database_of_a_newer_program_is_refused_untouched() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &[TWO]).unwrap();
        let refused = migrate(&mut connection, &[LEDGER, ONE]);
        assert!(matches!(
            refused,
            Err(LedgerError::Newer {
                module: "m",
                found: 2,
                known: 1
            })
        ));
        assert_eq!(number_of(&connection, "ledger").unwrap(), 0);
    }

    #[test]
    fn migrations_run_once_each() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &[ONE]).unwrap();
        migrate(&mut connection, &[TWO]).unwrap();
        migrate(&mut connection, &[TWO]).unwrap();
        assert_eq!(number_of(&connection, "m").unwrap(), 2);
    }
}
