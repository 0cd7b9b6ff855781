//! The hub's own pages, one file each, mounted beside the desk's.
//!
//! A page's handler takes `Extension<Hub>` for the hub and, like every page, the desk's state for its frame. A new
//! page is: a file here, a line in [`routes`], and a line in [`NAV`] if it has an entry of its own.

use axum::{Extension, Router};
use shared::desk::{Desk, NavEntry};

use crate::opened::Hub;

/// Entries of the main navigation, after the desk's own.
pub(crate) const NAV: &[NavEntry] = &[];

/// The routes of all pages.
pub(crate) fn routes(hub: Hub) -> Router<Desk> {
    Router::new().layer(Extension(hub))
}
