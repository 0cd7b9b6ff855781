//! The laptop's own pages, one file each, mounted beside the desk's.

use axum::{Extension, Router};
use shared::desk::{Desk, NavEntry};

use crate::courier::Courier;

/// Entries of the main navigation, after the desk's own.
pub(crate) const NAV: &[NavEntry] = &[];

/// The routes of all pages.
pub(crate) fn routes(courier: Courier) -> Router<Desk> {
    Router::new().layer(Extension(courier))
}
