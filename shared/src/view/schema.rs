//! The derived tables and their version.

use rusqlite::Connection;

use crate::ledger::{LedgerError, replica};

/// Raise it whenever the tables, or what is projected into them, change.
const VERSION: i64 = 5;
const VERSION_KEY: &str = "view_version";

const TABLES: &[&str] = &[
    "person",
    "session",
    "registration",
    "anonymous",
    "session_note",
    "demande",
    "catalog",
    "conflict",
];

const SCHEMA: &str = "
CREATE TABLE person (
    id TEXT NOT NULL PRIMARY KEY,
    family_name TEXT NOT NULL,
    given_name TEXT NOT NULL,
    birth_year INTEGER,
    commune TEXT NOT NULL,
    phone TEXT NOT NULL,
    email TEXT NOT NULL,
    gender TEXT NOT NULL,
    status TEXT NOT NULL,
    level TEXT,
    merged_into TEXT,
    -- What a search looks in: a space before each folded word of name and e-mail.
    words TEXT NOT NULL,
    phone_digits TEXT NOT NULL,
    sort_name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX person_sort ON person (sort_name);
CREATE INDEX person_phone ON person (phone_digits) WHERE phone_digits <> '';
CREATE INDEX person_merged ON person (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    place TEXT NOT NULL,
    date TEXT NOT NULL,
    start TEXT NOT NULL,
    \"end\" TEXT NOT NULL,
    title TEXT NOT NULL,
    level TEXT NOT NULL,
    capacity INTEGER NOT NULL,
    animateur TEXT,
    series TEXT,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    preparation_min INTEGER NOT NULL,
    anonymous_total INTEGER NOT NULL,
    -- Codes of the themes, parted by spaces.
    themes TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_date ON session (date, start);

CREATE TABLE registration (
    session TEXT NOT NULL,
    id TEXT NOT NULL,
    person TEXT NOT NULL,
    at INTEGER NOT NULL,
    status TEXT NOT NULL,
    attendance TEXT NOT NULL,
    walk_in INTEGER NOT NULL,
    commune TEXT NOT NULL,
    age_band TEXT NOT NULL,
    equipment TEXT,
    own_equipment INTEGER NOT NULL,
    -- The session's date, so that somebody's first presence is found without a look at their sessions.
    date TEXT NOT NULL,
    -- Order among the registrations that stand, from 1: seats go to the first ones. 0 when it does not stand.
    rank INTEGER NOT NULL,
    -- Why the person must still be called about this session while it lies ahead.
    to_tell TEXT,
    PRIMARY KEY (session, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX registration_person ON registration (person);
CREATE INDEX registration_to_tell ON registration (session) WHERE to_tell IS NOT NULL;
-- Attendance and rank as well: what a query asks for is looked up again even where the condition says it.
CREATE INDEX registration_present ON registration (person, date, attendance, rank)
    WHERE attendance = 'present' AND rank > 0;

-- Participants counted without a name: the session's counters other than zero.
CREATE TABLE anonymous (
    session TEXT NOT NULL,
    counter TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (session, counter)
) STRICT, WITHOUT ROWID;

CREATE TABLE session_note (
    session TEXT NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    by TEXT,
    text TEXT NOT NULL,
    PRIMARY KEY (session, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE demande (
    register TEXT NOT NULL,
    id TEXT NOT NULL,
    place TEXT NOT NULL,
    date TEXT NOT NULL,
    at INTEGER NOT NULL,
    agent TEXT,
    person TEXT,
    operator TEXT NOT NULL,
    theme TEXT,
    channel TEXT NOT NULL,
    outcome TEXT NOT NULL,
    referred_to TEXT NOT NULL,
    autonomy TEXT,
    duration_min INTEGER NOT NULL,
    commune TEXT NOT NULL,
    age_band TEXT NOT NULL,
    notes TEXT NOT NULL,
    struck INTEGER NOT NULL,
    PRIMARY KEY (register, id)
) STRICT, WITHOUT ROWID;
-- Holds all that the overview asks for, which then never looks at the demandes themselves.
CREATE INDEX demande_date ON demande
    (date, place, struck, operator, theme, outcome, channel, commune, age_band);
CREATE INDEX demande_person ON demande (person) WHERE person IS NOT NULL;

CREATE TABLE catalog (
    id TEXT NOT NULL PRIMARY KEY,
    json TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE conflict (
    document TEXT NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (document, path)
) STRICT, WITHOUT ROWID;
";

/// Whether the tables are those of this program.
///
/// # Errors
/// What SQLite says.
pub fn is_current(connection: &Connection) -> Result<bool, LedgerError> {
    Ok(replica::number(connection, VERSION_KEY)? == VERSION)
}

/// Drops the derived tables and makes them anew, empty.
///
/// # Errors
/// What SQLite says.
pub fn recreate(connection: &Connection) -> Result<(), LedgerError> {
    for table in TABLES {
        connection.execute_batch(&format!("DROP TABLE IF EXISTS {table};"))?;
    }
    connection.execute_batch(SCHEMA)?;
    replica::set_number(connection, VERSION_KEY, VERSION)
}
