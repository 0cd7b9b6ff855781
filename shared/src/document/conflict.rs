//! Concurrent values of one field: both are kept, both are shown, an edit settles it.

use std::collections::HashMap;

use automerge::{AutoCommit, ChangeHash, ObjId, ObjType, ROOT, ReadDoc, Value as Stored, ValueRef};
use serde_json::Value;

use super::{edit, tree};
use crate::ids::{AgentId, ReplicaId};
use crate::time::Timestamp;

/// A field for which sites hold different values.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// Path of the field: `phone`, `registrations/<id>/attendance`.
    pub path: String,
    /// The values, the one shown meanwhile first.
    pub values: Vec<ConflictValue>,
}

/// One of the values.
#[derive(Clone, Debug, PartialEq)]
pub struct ConflictValue {
    /// The value; null when the field was emptied.
    pub value: Value,
    /// Who wrote it.
    pub agent: Option<AgentId>,
    /// On which replica.
    pub replica: Option<ReplicaId>,
    /// When.
    pub at: Timestamp,
}

/// A path and its distinct values, the winner first, with the operations that wrote them.
type Rivals = (String, Vec<(Value, ObjId)>);

pub(super) fn conflicts(document: &mut AutoCommit) -> Vec<Conflict> {
    let mut rivals = Vec::new();
    visit(document, &ROOT, "", 1, &mut rivals);
    if rivals.is_empty() {
        return Vec::new();
    }
    let times: HashMap<ChangeHash, i64> = document
        .get_changes(&[])
        .iter()
        .map(|change| (change.hash(), change.timestamp()))
        .collect();
    rivals
        .into_iter()
        .map(|(path, values)| Conflict {
            path,
            values: values
                .into_iter()
                .map(|rival| signed(document, &times, rival))
                .collect(),
        })
        .collect()
}

fn visit(
    document: &AutoCommit,
    object: &ObjId,
    prefix: &str,
    depth: usize,
    found: &mut Vec<Rivals>,
) {
    for item in document.map_range(object, ..) {
        let path = |key: &str| match prefix {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        };
        match item.value {
            _ if item.conflict => {
                let Ok(several) = document.get_all(object, item.key.as_ref()) else {
                    continue;
                };
                let distinct = distinct(&several);
                if distinct.len() > 1 {
                    found.push((path(&item.key), distinct));
                }
            }
            ValueRef::Object(ObjType::Map) if depth < tree::DEPTH_MAX => {
                visit(document, &item.id(), &path(&item.key), depth + 1, found);
            }
            _ => {}
        }
    }
}

/// The distinct scalars, winner first (Automerge lists it last). Equal values are no conflict.
fn distinct(stored: &[(Stored<'_>, ObjId)]) -> Vec<(Value, ObjId)> {
    let mut values: Vec<(Value, ObjId)> = Vec::new();
    for (value, op) in stored.iter().rev() {
        let Stored::Scalar(scalar) = value else {
            continue;
        };
        let value = tree::scalar_value(scalar).unwrap_or(Value::Null);
        if values.iter().all(|(known, _)| *known != value) {
            values.push((value, op.clone()));
        }
    }
    values
}

fn signed(
    document: &AutoCommit,
    times: &HashMap<ChangeHash, i64>,
    (value, op): (Value, ObjId),
) -> ConflictValue {
    let author = match &op {
        ObjId::Id(_, actor, _) => document
            .get_author_for_actor(actor)
            .and_then(|author| edit::agent_and_replica(&author)),
        ObjId::Root => None,
    };
    let at = document
        .hash_for_opid(&op)
        .and_then(|hash| times.get(&hash).copied());
    ConflictValue {
        value,
        agent: author.map(|(agent, _)| agent),
        replica: author.map(|(_, replica)| replica),
        at: Timestamp(at.unwrap_or_default()),
    }
}
