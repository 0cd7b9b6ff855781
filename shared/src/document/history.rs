//! The history of a record, read from the document itself: who, when, from where, what changed.

use std::collections::HashMap;

use automerge::legacy::{Key, ObjectId, OpId, OpType};
use automerge::{ActorId, AutoCommit};
use serde_json::Value;

use super::{edit, tree};
use crate::ids::{AgentId, ReplicaId};
use crate::time::Timestamp;

/// One change of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub agent: Option<AgentId>,
    /// On which replica.
    pub replica: Option<ReplicaId>,
    /// What it wrote.
    pub fields: Vec<FieldChange>,
}

/// One field that a change wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Path of the field: `phone`, `registrations/<id>/attendance`.
    pub path: String,
    /// The value written; null when the field was emptied.
    pub value: Value,
}

pub(super) fn history(document: &mut AutoCommit) -> Vec<HistoryEntry> {
    let changes = document.get_changes(&[]);
    let mut authors: HashMap<ActorId, (AgentId, ReplicaId)> = HashMap::new();
    let mut maps: HashMap<OpId, String> = HashMap::new();
    let mut entries = Vec::new();
    // Changes come in causal order, so a map is known before anything is written into it.
    for change in &changes {
        if let Some(author) = change
            .author()
            .and_then(|author| edit::agent_and_replica(&author))
        {
            authors.insert(change.actor_id().clone(), author);
        }
        let author = authors.get(change.actor_id());
        let fields = fields(change, &mut maps);
        if author.is_some() && !fields.is_empty() {
            let entry = HistoryEntry {
                at: Timestamp(change.timestamp()),
                agent: author.map(|a| a.0),
                replica: author.map(|a| a.1),
                fields,
            };
            entries.push((change.start_op(), change.actor_id(), entry));
        }
    }
    // Automerge answers changes in the order of their arrival. Those of one millisecond follow their Lamport time,
    // so that the page is the same on every site.
    entries.sort_by(|(a_op, a_actor, a), (b_op, b_actor, b)| {
        (a.at, a_op, a_actor).cmp(&(b.at, b_op, b_actor))
    });
    entries.into_iter().map(|(.., entry)| entry).collect()
}

fn fields(change: &automerge::Change, maps: &mut HashMap<OpId, String>) -> Vec<FieldChange> {
    let expanded = change.decode();
    let mut fields = Vec::new();
    for (counter, op) in (expanded.start_op.get()..).zip(&expanded.operations) {
        let Key::Map(key) = &op.key else { continue };
        let path = match &op.obj {
            ObjectId::Root => key.to_string(),
            ObjectId::Id(id) => match maps.get(id) {
                Some(prefix) => format!("{prefix}/{key}"),
                None => continue,
            },
        };
        match &op.action {
            OpType::Make(_) => {
                maps.insert(OpId(counter, expanded.actor_id.clone()), path);
            }
            OpType::Put(scalar) => {
                let value = tree::scalar_value(scalar).unwrap_or(Value::Null);
                fields.push(FieldChange { path, value });
            }
            _ => {}
        }
    }
    fields
}
