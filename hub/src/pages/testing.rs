//! Visitors of a hub of their own, for tests of its pages.

use shared::desk::testing::{NOW, Seen, Visitor};
use shared::domain::codes::Role;
use shared::time::Clock;
use tempfile::TempDir;

use super::{NAV, PERSON_ACTS, routes};
use crate::opened::Hub;

/// Somebody signed in at a new hub.
pub(super) struct AtHub {
    pub(super) hub: Hub,
    pub(super) visitor: Visitor,
    _directory: TempDir,
}

impl AtHub {
    pub(super) async fn with(role: Role) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let hub = Hub::open(directory.path(), Clock::fixed(NOW))
            .await
            .unwrap();
        let pages = routes(hub.clone());
        let visitor =
            Visitor::where_one_may(hub.site().clone(), role, NAV.to_vec(), PERSON_ACTS, pages)
                .await;
        Self {
            hub,
            visitor,
            _directory: directory,
        }
    }

    /// Sends a file as the field `file` of a form, as a browser does.
    pub(super) async fn upload(&self, path: &str, name: &str, bytes: &[u8]) -> Seen {
        self.visitor.upload(path, name, bytes).await
    }
}
