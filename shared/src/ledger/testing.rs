//! What tests of several layers need: traces of somebody in the files of a store, and a ledger of hashes alone.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use rusqlite::Connection;

use super::changes::Hash;
use super::schema::{LEDGER, migrate};
use crate::ids::ReplicaId;

/// The names of the files in `directory` that hold one of these texts, byte for byte.
pub(crate) fn files_with(directory: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(directory).unwrap() {
        let file = file.unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        let mut texts = texts.iter();
        if texts.any(|text| bytes.windows(text.len()).any(|w| w == text.as_bytes())) {
            found.push(file.file_name().into_string().unwrap());
        }
    }
    found
}

/// A ledger of changes with these times and hashes, and nothing else of theirs, and of erasures with these hashes.
pub(crate) fn ledger_of(
    changes: impl IntoIterator<Item = (i64, Hash)>,
    erasures: &[Hash],
) -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &[LEDGER]).unwrap();
    let origin = ReplicaId::fresh();
    connection
        .execute("INSERT INTO document VALUES ('d', 1)", [])
        .unwrap();
    for (number, (time, hash)) in (1i64..).zip(changes) {
        let sql = "INSERT INTO change VALUES (?1, 'd', ?2, x'00', ?1, ?3, ?4, x'')";
        let row = (number, hash, time, origin);
        connection.execute(sql, row).unwrap();
    }
    for (number, hash) in (1i64..).zip(erasures) {
        let sql = "INSERT INTO erasure VALUES (?1, ?1, ?2, NULL, 0, '', '', x'', 0)";
        connection.execute(sql, (number, hash)).unwrap();
    }
    connection
}
