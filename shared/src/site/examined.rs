//! Examining a copy of a database: whether it is whole to its last change, and what it holds. Nothing in it is changed
//! or mended; a site that is open does that for itself (see [`super::rot`]).

use rusqlite::Connection;

use super::{SiteError, open_document, rot};
use crate::ledger::{Fingerprint, LedgerError, changes, copies, erasures, replica};

/// What a whole ledger holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Examined {
    /// Its fingerprint, counted anew and found to be the one that is kept.
    pub fingerprint: Fingerprint,
    /// Its last position.
    pub position: i64,
    /// Documents, all of which load.
    pub documents: u64,
    /// Changes, each of which fits its hash.
    pub changes: u64,
    /// Erasures.
    pub erasures: u64,
}

/// Looks through the pages of the database, at every change, loads every document and counts the fingerprint;
/// `progress` is told (documents done, in all).
///
/// # Errors
/// [`LedgerError::Damaged`] or [`SiteError::Unloadable`] at the first thing that is not as it was written.
pub fn examine(
    connection: &Connection,
    mut progress: impl FnMut(usize, usize),
) -> Result<Examined, SiteError> {
    copies::integrity(connection)?;
    let mut after = 0;
    while let (rotten, Some(last)) = rot::rotten_after(connection, after)? {
        if !rotten.is_empty() {
            return Err(
                LedgerError::Damaged("une modification n’est plus celle qui fut écrite").into(),
            );
        }
        after = last;
    }
    let mut fingerprint = Fingerprint::default();
    // Not from the index: it is the rows that are copied out later.
    let mut statement = connection.prepare("SELECT hash FROM change NOT INDEXED")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        fingerprint.add(&row.get(0)?);
    }
    let changes = fingerprint.count;
    let erased = erasures::hashes(connection)?;
    erased.iter().for_each(|hash| fingerprint.add(hash));
    if fingerprint != replica::fingerprint(connection)? {
        return Err(LedgerError::Damaged("l’empreinte n’est pas celle des modifications").into());
    }
    let documents = changes::documents(connection)?;
    for (done, (id, _)) in documents.iter().enumerate() {
        progress(done, documents.len());
        if let Some(mut document) = open_document(connection, *id)? {
            let loads = document.verify();
            loads.map_err(|bad| SiteError::Unloadable(*id, bad))?;
        }
    }
    progress(documents.len(), documents.len());
    Ok(Examined {
        fingerprint,
        position: changes::last_seq(connection)?,
        documents: documents.len() as u64,
        changes,
        erasures: erased.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::person::Person;
    use crate::ids::{AgentId, PersonId};
    use crate::site::Site;
    use crate::time::Clock;

    #[tokio::test]
    async fn a_copy_is_examined_to_its_last_byte() {
        let (directory, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let site = Site::open(directory.path(), &[], Clock::default(), |_, _| ())
            .await
            .unwrap();
        for _ in 0..3 {
            let name = |person: &mut Person| person.family_name = "Carayon".to_owned();
            let edited = site.edit(PersonId::fresh(), AgentId::fresh(), name);
            edited.await.unwrap();
        }
        copies::copy(directory.path(), target.path(), |_, _| ()).unwrap();
        let connection = copies::look(target.path()).unwrap();
        let found = examine(&connection, |_, _| ()).unwrap();
        let kept = site.read(|c| Ok(replica::fingerprint(c)?)).await.unwrap();
        assert_eq!(
            (found.fingerprint, found.documents, found.changes),
            (kept, 3, 3)
        );
        drop(connection);
        for altered in [
            "UPDATE change SET bytes = zeroblob(length(bytes)) WHERE seq = 2",
            "DELETE FROM change WHERE seq = 2",
            "DELETE FROM document WHERE id = (SELECT document FROM change WHERE seq = 2)",
        ] {
            let copy = rusqlite::Connection::open(target.path().join("maison.db")).unwrap();
            copy.execute_batch(&format!("PRAGMA foreign_keys = OFF; BEGIN; {altered}"))
                .unwrap();
            assert!(examine(&copy, |_, _| ()).is_err(), "{altered}");
        }
    }
}
