//! Applies operations to a site as its programs would, one edit for one operation, and compares what sites hold.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::document::{Document, Kind, OpenDocument};
use shared::domain::catalog::Catalog;
use shared::domain::demande::Register;
use shared::domain::person::Person;
use shared::domain::session::Session;
use shared::ids::{AgentId, DocumentId};
use shared::ledger::Fingerprint;
use shared::ledger::changes;
use shared::ledger::replica;
use shared::site::{Site, SiteError, open_document};

use super::mapping::Mapped;
use super::{Op, WorkError};

/// Operations that share a transaction, which changes nothing of what is written but the time that it takes.
const TOGETHER: usize = 500;

/// Everything that a site holds: each document's content, and the fingerprint of the changes that made it.
#[derive(Debug, PartialEq)]
pub struct Held {
    /// Content of every document.
    pub documents: BTreeMap<DocumentId, Value>,
    /// Fingerprint of all changes.
    pub fingerprint: Fingerprint,
}

/// People and sessions as facts that do not depend on fresh ids.
pub type Facts = BTreeMap<DocumentId, Value>;

/// Applies operations in their order, by one agent.
///
/// # Errors
/// When an operation has something that our documents do not, or the site fails.
pub async fn apply(site: &Site, by: AgentId, operations: &[Op]) -> Result<(), WorkError> {
    for some in operations.chunks(TOGETHER) {
        let some = some.to_vec();
        site.write(move |work| {
            for operation in &some {
                if let Err(error) = apply_one(work, by, operation) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        })
        .await??;
    }
    Ok(())
}

fn apply_one(
    work: &mut shared::site::Work<'_>,
    by: AgentId,
    operation: &Op,
) -> Result<(), WorkError> {
    let id = DocumentId(operation.id);
    let stored = changes::kind_of(work.connection(), id).map_err(SiteError::from)?;
    match operation.kind.or(stored.and_then(Kind::from_number)) {
        Some(Kind::Person) => {
            work.edit(id, by, |person: &mut Person| set_all(person, operation))?
        }
        Some(Kind::Session) => {
            work.edit(id, by, |session: &mut Session| set_all(session, operation))?
        }
        _ => Err(WorkError::UnknownDocument(operation.id)),
    }
}

fn set_all(value: &mut impl Mapped, operation: &Op) -> Result<(), WorkError> {
    operation.sets.iter().try_for_each(|set| value.set(set))
}

/// Everything that a site holds.
///
/// # Errors
/// When a document does not load.
pub async fn held(site: &Site) -> Result<Held, SiteError> {
    site.read(|connection| {
        let mut documents = BTreeMap::new();
        for (id, _) in changes::documents(connection)? {
            if let Some(document) = open_document(connection, id)? {
                documents.insert(id, content(&document)?);
            }
        }
        Ok(Held {
            documents,
            fingerprint: replica::fingerprint(connection)?,
        })
    })
    .await
}

fn content(document: &OpenDocument) -> Result<Value, SiteError> {
    fn json<T: Document>(document: &OpenDocument) -> Result<Value, SiteError> {
        let value: T = document.value()?;
        // What has just been read from JSON can be written as JSON.
        Ok(serde_json::to_value(&value).unwrap_or_default())
    }
    match document.kind {
        Kind::Person => json::<Person>(document),
        Kind::Session => json::<Session>(document),
        Kind::Register => json::<Register>(document),
        Kind::Catalog => json::<Catalog>(document),
    }
}

/// The people and sessions of a site.
///
/// # Errors
/// When a document does not load.
pub async fn facts(site: &Site) -> Result<Facts, WorkError> {
    site.read(|connection| {
        let mut facts = Vec::new();
        for (id, _) in changes::documents(connection)? {
            let Some(document) = open_document(connection, id)? else {
                continue;
            };
            match document.kind {
                Kind::Person => facts.push((id, document.value::<Person>()?.facts())),
                Kind::Session => facts.push((id, document.value::<Session>()?.facts())),
                Kind::Register | Kind::Catalog => {}
            }
        }
        Ok(facts)
    })
    .await?
    .into_iter()
    .map(|(id, facts)| Ok((id, facts?)))
    .collect()
}

/// The facts that operations make, without a site.
///
/// # Errors
/// When an operation has something that our documents do not.
pub fn facts_of<'a>(operations: impl IntoIterator<Item = &'a Op>) -> Result<Facts, WorkError> {
    let mut people: BTreeMap<DocumentId, Person> = BTreeMap::new();
    let mut sessions: BTreeMap<DocumentId, Session> = BTreeMap::new();
    for operation in operations {
        let id = DocumentId(operation.id);
        match operation.kind {
            Some(Kind::Person) => drop(people.insert(id, Person::default())),
            Some(Kind::Session) => drop(sessions.insert(id, Session::default())),
            _ => {}
        }
        match (people.get_mut(&id), sessions.get_mut(&id)) {
            (Some(person), _) => set_all(person, operation)?,
            (_, Some(session)) => set_all(session, operation)?,
            _ => return Err(WorkError::UnknownDocument(operation.id)),
        }
    }
    let people = people.iter().map(|(id, person)| Ok((*id, person.facts()?)));
    let sessions = sessions
        .iter()
        .map(|(id, session)| Ok((*id, session.facts()?)));
    people.chain(sessions).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Size, Work};
    use shared::time::Clock;

    async fn site() -> (Site, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let site = Site::open(directory.path(), &[], Clock::default(), |_, _| ())
            .await
            .unwrap();
        (site, directory)
    }

    async fn count(site: &Site) -> usize {
        let count = held(site).await.unwrap().fingerprint.count;
        usize::try_from(count).unwrap()
    }

    /// A site with the documents that a day's work touches.
    fn needed(work: &Work, day: &[Op]) -> Vec<Op> {
        let is_touched = |made: &&Op| day.iter().any(|op| op.id == made.id);
        work.seed.iter().filter(is_touched).cloned().collect()
    }

    #[tokio::test]
    async fn every_operation_is_one_change_and_the_facts_are_those_expected() {
        let work = Work::made(Size::S, 1);
        let (site, _kept) = site().await;
        let day: Vec<Op> = [work.laptops[0].clone(), work.hub.clone()].concat();
        let base = needed(&work, &day);
        apply(&site, AgentId::fresh(), &base).await.unwrap();
        assert_eq!(count(&site).await, base.len());
        apply(&site, AgentId::fresh(), &day).await.unwrap();
        assert_eq!(count(&site).await, base.len() + 40 + 20);
        let expected = facts_of(base.iter().chain(&day)).unwrap();
        assert_eq!(facts(&site).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn sites_that_differ_in_one_mark_do_not_hold_the_same() {
        let work = Work::made(Size::S, 1);
        let (here, _here) = site().await;
        let base = needed(&work, &work.hub);
        apply(&here, AgentId::fresh(), &base).await.unwrap();
        let before = held(&here).await.unwrap();
        assert_eq!(before, held(&here).await.unwrap());
        let last = work.hub.last().unwrap().clone();
        apply(&here, AgentId::fresh(), &[last]).await.unwrap();
        let after = held(&here).await.unwrap();
        assert_ne!(before.documents, after.documents);
        assert_ne!(before.fingerprint, after.fingerprint);
    }

    #[tokio::test]
    async fn an_edit_of_nothing_is_refused() {
        let work = Work::made(Size::S, 1);
        let (site, _kept) = site().await;
        let edit = work
            .hub
            .iter()
            .find(|op| op.kind.is_none())
            .unwrap()
            .clone();
        let error = apply(&site, AgentId::fresh(), &[edit]).await.unwrap_err();
        assert!(matches!(error, WorkError::UnknownDocument(_)), "{error}");
    }
}
