//! The hub's own pages, one file each, mounted beside the desk's.
//!
//! A page's handler takes `Extension<Hub>` for the hub and, like every page, the desk's state for its frame. A new
//! page is: a file here, a line in [`routes`], and a line in [`NAV`] if it has an entry of its own.

mod backups;
mod erasing;
mod erasures;
mod export;
mod import;
mod laptops;
mod overview;
mod period;
mod quarantine;
mod restored;
mod role;
mod stick;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use axum::{Extension, Router};
use shared::desk::{Desk, NavEntry, PersonAct};
use shared::domain::codes::Role;

use crate::opened::Hub;

/// Entries of the main navigation, after the desk's own.
pub(crate) const NAV: &[NavEntry] = &[
    NavEntry {
        label: "Vue d’ensemble",
        href: "/vue-ensemble",
        key: 'v',
        role: Role::Agent,
    },
    NavEntry {
        label: "Import",
        href: "/import",
        key: 'i',
        role: Role::Staff,
    },
    NavEntry {
        label: "Portables",
        href: "/portables",
        key: 'o',
        role: Role::Administrator,
    },
    NavEntry {
        label: "Sauvegardes",
        href: backups::PATH,
        key: 'u',
        role: Role::Administrator,
    },
];

/// What the hub adds to a person's sheet.
pub(crate) const PERSON_ACTS: &[PersonAct] = &[PersonAct {
    label: "Effacer cette personne",
    path: "effacer",
    role: Role::Staff,
}];

/// The routes of all pages.
pub(crate) fn routes(hub: Hub) -> Router<Desk> {
    Router::new()
        .merge(backups::routes())
        .merge(erasing::routes())
        .merge(erasures::routes())
        .merge(export::routes())
        .merge(import::routes())
        .merge(laptops::routes())
        .merge(overview::routes())
        .merge(quarantine::routes())
        .merge(stick::routes())
        .layer(Extension(hub))
}
