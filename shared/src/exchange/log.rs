//! The log of exchanges that the laptop's page shows: when, how long, how many bytes, with what outcome.

use rusqlite::Connection;

use crate::ledger::LedgerError;
use crate::time::Timestamp;

/// One exchange as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// Bytes sent.
    pub bytes_up: u64,
    /// Bytes received.
    pub bytes_down: u64,
    /// Requests.
    pub round_trips: u64,
    /// Changes sent.
    pub sent: u64,
    /// Changes received that were new.
    pub received: u64,
    /// Changes of this laptop that the hub has set aside.
    pub refused: u64,
    /// A short code: `identical`, `different`, or the code of what stopped it.
    pub outcome: String,
    /// Whether the two ledgers were proved equal.
    pub identical: bool,
}

/// Exchanges kept in the log: some weeks of a laptop that is often on line.
const LOGGED_MAX: i64 = 500;

/// Adds an exchange to the log and drops what is too old.
///
/// # Errors
/// What SQLite says.
pub fn record(connection: &Connection, logged: &Logged) -> Result<(), LedgerError> {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO exchange_log (started, duration_ms, bytes_up, bytes_down, round_trips,
             sent, received, refused, outcome, identical)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(rusqlite::params![
            logged.started.0,
            number(logged.duration_ms),
            number(logged.bytes_up),
            number(logged.bytes_down),
            number(logged.round_trips),
            number(logged.sent),
            number(logged.received),
            number(logged.refused),
            logged.outcome,
            logged.identical,
        ])?;
    connection
        .prepare_cached("DELETE FROM exchange_log WHERE number <= ?1")?
        .execute([connection.last_insert_rowid() - LOGGED_MAX])?;
    Ok(())
}

/// The last `limit` exchanges, newest first.
///
/// # Errors
/// What SQLite says.
pub fn recent(connection: &Connection, limit: usize) -> Result<Vec<Logged>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT started, duration_ms, bytes_up, bytes_down, round_trips, sent, received, refused,
         outcome, identical FROM exchange_log ORDER BY number DESC LIMIT ?1",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map([limit], |row| {
        let number = |index| row.get::<_, i64>(index).map(i64::unsigned_abs);
        Ok(Logged {
            started: Timestamp(row.get(0)?),
            duration_ms: number(1)?,
            bytes_up: number(2)?,
            bytes_down: number(3)?,
            round_trips: number(4)?,
            sent: number(5)?,
            received: number(6)?,
            refused: number(7)?,
            outcome: row.get(8)?,
            identical: row.get(9)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The last exchange.
///
/// # Errors
/// What SQLite says.
pub fn last_exchange(connection: &Connection) -> Result<Option<Logged>, LedgerError> {
    Ok(recent(connection, 1)?.pop())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::MIGRATIONS;

    #[test]
    fn the_log_keeps_the_newest_exchanges_only() {
        let connection = Connection::open_in_memory().unwrap();
        for script in MIGRATIONS.scripts {
            connection.execute_batch(script).unwrap();
        }
        assert_eq!(last_exchange(&connection).unwrap(), None);
        let logged = |started: i64| Logged {
            started: Timestamp(started),
            duration_ms: 1_200,
            bytes_up: 90,
            bytes_down: 140,
            round_trips: 1,
            sent: 2,
            received: 3,
            refused: 0,
            outcome: "identical".into(),
            identical: true,
        };
        for started in 0..LOGGED_MAX + 20 {
            record(&connection, &logged(started)).unwrap();
        }
        let all = recent(&connection, usize::MAX).unwrap();
        assert_eq!(all.len(), 500);
        assert_eq!(all[0], logged(LOGGED_MAX + 19));
        assert_eq!(last_exchange(&connection).unwrap().as_ref(), all.first());
    }
}
