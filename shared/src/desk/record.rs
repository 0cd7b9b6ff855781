//! What a sheet shows of its record itself: who changed what and when, and the fields on which sites disagree.
//!
//! Works for any kind of document; the page says how its fields and their values are called.

use jiff::civil::DateTime;
use serde_json::Value;

use super::page::moment;
use super::{Desk, agent_name};
use crate::document::{Conflict, FieldChange, HistoryEntry};
use crate::domain::catalog::Catalog;
use crate::ids::{AgentId, ReplicaId};
use crate::time::{Timestamp, short_date};

/// Lines of a history that a page shows, newest first; older ones stay in the document.
pub const HISTORY_LINES_MAX: usize = 100;

/// One change of a record, as `history` of `record.html` draws it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryLine {
    /// « jeu. 26 nov. »
    pub date: String,
    /// « Téléphone : 06 12 34 56 78 », one for each field that has a name.
    pub changes: Vec<String>,
    /// Who, when, from where.
    pub signature: String,
}

/// A field on which sites disagree, as `disagreements` of `record.html` draws it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Path of the field in the document.
    pub path: String,
    /// « Téléphone »
    pub name: String,
    /// Its values, the one shown meanwhile first.
    pub rivals: Vec<Rival>,
}

/// One of the values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// As the form sends it: JSON.
    pub sent: String,
    /// As a person reads it.
    pub shown: String,
    /// Who, when, from where.
    pub signature: String,
}

/// Turns the authors of changes into words.
#[derive(Clone, Debug)]
pub struct Signer<'a> {
    catalog: &'a Catalog,
    now: DateTime,
}

impl<'a> Signer<'a> {
    /// For the pages of `desk`, now.
    #[must_use]
    pub fn new(desk: &Desk, catalog: &'a Catalog) -> Self {
        Self {
            catalog,
            now: desk.site().clock().now().local(),
        }
    }

    /// « Lucie Bonnet, hier à 9 h 12, Portable 1 »: the same on every site.
    #[must_use]
    pub fn signature(
        &self,
        agent: Option<AgentId>,
        replica: Option<ReplicaId>,
        at: Timestamp,
    ) -> String {
        let who = agent.map_or("auteur inconnu", |agent| agent_name(self.catalog, agent));
        let place = replica.and_then(|replica| self.catalog.replicas.get(&replica));
        let place = place.map_or("poste inconnu", |replica| &replica.name);
        format!("{who}, {}, {place}", moment(at.local(), self.now))
    }

    /// The history of a record, newest first, at most [`HISTORY_LINES_MAX`] lines. `describe` says a change in one
    /// line, or nothing where no reader would care.
    #[must_use]
    pub fn history(
        &self,
        entries: &[HistoryEntry],
        describe: impl Fn(&FieldChange) -> Option<String>,
    ) -> Vec<HistoryLine> {
        let lines = entries.iter().rev().filter_map(|entry| {
            let mut changes: Vec<String> = Vec::new();
            for change in entry.fields.iter().filter_map(&describe) {
                if !changes.contains(&change) {
                    changes.push(change);
                }
            }
            (!changes.is_empty()).then(|| HistoryLine {
                date: short_date(entry.at.date()),
                changes,
                signature: self.signature(entry.agent, entry.replica, entry.at),
            })
        });
        lines.take(HISTORY_LINES_MAX).collect()
    }

    /// The fields on which sites disagree. `name` names a path, `shown` says a value of it.
    #[must_use]
    pub fn disagreements(
        &self,
        conflicts: Vec<Conflict>,
        name: impl Fn(&str) -> String,
        shown: impl Fn(&str, &Value) -> String,
    ) -> Vec<Disagreement> {
        let conflicts = conflicts.into_iter().map(|conflict| {
            let rivals = conflict.values.iter().map(|rival| Rival {
                sent: rival.value.to_string(),
                shown: shown(&conflict.path, &rival.value),
                signature: self.signature(rival.agent, rival.replica, rival.at),
            });
            Disagreement {
                name: name(&conflict.path),
                rivals: rivals.collect(),
                path: conflict.path,
            }
        });
        conflicts.collect()
    }
}
