//! An edit: read, change, write what differs, commit.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Author, AutoCommit, ObjId, ObjType, ROOT, ReadDoc, Value as Stored};
use serde_json::{Map, Value};

use super::foreign::CHANGE_BYTES_MAX;
use super::{Document, DocumentError, OpenDocument, tree};
use crate::ids::{AgentId, ReplicaId};
use crate::ledger::changes::Change;
use crate::time::Timestamp;

/// Who edits: an agent on a replica, under the actor id of this run of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Editor {
    /// The agent.
    pub agent: AgentId,
    /// The replica.
    pub replica: ReplicaId,
    /// Random, drawn once for each run of a program and agent, never stored: a restored disk image that re-used
    /// sequence numbers would be refused for ever.
    pub actor: [u8; 16],
}

impl Editor {
    /// The 32 bytes of Automerge's `author`: agent, then replica.
    fn author(&self) -> Author<'static> {
        let mut bytes = self.agent.as_bytes().to_vec();
        bytes.extend_from_slice(self.replica.as_bytes());
        Author::from(bytes)
    }
}

/// Agent and replica of an `author`, where it is one of ours.
pub(super) fn agent_and_replica(author: &Author<'_>) -> Option<(AgentId, ReplicaId)> {
    let (agent, replica) = author.as_bytes().split_at_checked(16)?;
    Some((
        AgentId(uuid::Uuid::from_slice(agent).ok()?),
        ReplicaId(uuid::Uuid::from_slice(replica).ok()?),
    ))
}

impl OpenDocument {
    /// Applies `change` to the content and commits what it changed, if anything, as one Automerge change.
    ///
    /// # Errors
    /// When the content does not read as `T`, or the edit is too large or makes a shape that documents do not have.
    /// Nothing is then written, but the document in memory is to be dropped.
    pub fn edit<T: Document, R>(
        &mut self,
        editor: &Editor,
        now: Timestamp,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<(R, Option<Change>), DocumentError> {
        let mut value: T = self.value()?;
        let before = to_map(&value)?;
        let outcome = change(&mut value);
        let after = to_map(&value)?;
        self.sign(editor);
        write_map(&mut self.inner, &ROOT, 1, &before, &after)?;
        let written = self.commit(now);
        // Other sites refuse a larger one, so it must not come into being.
        if let Some(change) = &written
            && change.bytes.len() > CHANGE_BYTES_MAX
        {
            return Err(DocumentError::TooLarge);
        }
        Ok((outcome, written))
    }

    /// Settles a disagreement: writes `value`, one of those that the field at `path` holds, even if it is the one
    /// shown meanwhile. `None` when there is no such disagreement (any more).
    ///
    /// # Errors
    /// What Automerge says.
    pub fn settle(
        &mut self,
        editor: &Editor,
        now: Timestamp,
        path: &str,
        value: &Value,
    ) -> Result<Option<Change>, DocumentError> {
        let is_rival = self.conflicts().into_iter().any(|conflict| {
            conflict.path == path && conflict.values.iter().any(|rival| rival.value == *value)
        });
        if !is_rival {
            return Ok(None);
        }
        let mut object = ROOT;
        let (maps, key) = path.rsplit_once('/').unwrap_or(("", path));
        for map in maps.split('/').filter(|map| !map.is_empty()) {
            let Some((Stored::Object(ObjType::Map), child)) = self.inner.get(&object, map)? else {
                return Ok(None);
            };
            object = child;
        }
        let scalar = tree::scalar_of(value).ok_or(DocumentError::Shape("liste"))?;
        self.sign(editor);
        self.inner.put(&object, key, scalar)?;
        Ok(self.commit(now))
    }

    /// What is written from now on is this editor's.
    fn sign(&mut self, editor: &Editor) {
        self.inner.set_author(Some(editor.author()));
        self.inner.set_actor(ActorId::from(editor.actor.as_slice()));
    }

    /// Commits what was written, if anything, as one change.
    fn commit(&mut self, now: Timestamp) -> Option<Change> {
        self.inner
            .commit_with(CommitOptions::default().with_time(now.0))?;
        self.inner.get_last_local_change().map(|change| Change {
            document: self.id,
            kind: self.kind.number(),
            hash: change.hash().0,
            actor: change.actor_id().to_bytes().to_vec(),
            actor_seq: change.seq(),
            time: change.timestamp(),
            bytes: change.raw_bytes().to_vec(),
        })
    }
}

fn to_map<T: Document>(value: &T) -> Result<Map<String, Value>, DocumentError> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(DocumentError::Shape("la valeur n’est pas un objet")),
    }
}

fn write_map(
    document: &mut AutoCommit,
    object: &ObjId,
    depth: usize,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<(), DocumentError> {
    for (key, value) in after {
        let old = before.get(key);
        if old == Some(value) {
            continue;
        }
        match value {
            Value::Object(entries) => {
                let child = child_map(document, object, depth, key)?;
                let nothing = Map::new();
                let old = old.and_then(Value::as_object).unwrap_or(&nothing);
                write_map(document, &child, depth + 1, old, entries)?;
            }
            scalar => {
                let scalar = tree::scalar_of(scalar).ok_or(DocumentError::Shape("liste"))?;
                document.put(object, key.as_str(), scalar)?;
            }
        }
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        // A deletion would lose against a concurrent update.
        document.put(object, key.as_str(), automerge::ScalarValue::Null)?;
    }
    Ok(())
}

/// The map under `key`; a new one only as an entry of a genesis map, keyed by its creator's fresh id.
fn child_map(
    document: &mut AutoCommit,
    object: &ObjId,
    depth: usize,
    key: &str,
) -> Result<ObjId, DocumentError> {
    if let Some((Stored::Object(ObjType::Map), child)) = document.get(object, key)? {
        return Ok(child);
    }
    if depth + 1 != tree::DEPTH_MAX {
        return Err(DocumentError::Shape("objet hors des tables de départ"));
    }
    Ok(document.put_object(object, key, ObjType::Map)?)
}
