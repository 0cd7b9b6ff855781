//! The laptop's own pages, one file each, mounted beside the desk's.

mod notices;
mod stick;
mod synchronisation;

use axum::{Extension, Router};
use shared::desk::{Desk, NavEntry};
use shared::domain::codes::Role;

use crate::courier::Courier;

/// Entries of the main navigation, after the desk's own.
pub(crate) const NAV: &[NavEntry] = &[NavEntry {
    label: "Synchronisation",
    href: synchronisation::PATH,
    key: 's',
    role: Role::Agent,
}];

/// The routes of all pages.
pub(crate) fn routes(courier: Courier) -> Router<Desk> {
    synchronisation::routes()
        .merge(stick::routes())
        .layer(Extension(courier))
}
