//! What a server knows of a request besides its content: whether the program is about to stop.
//!
//! The server puts an [`Arrival`] into the extensions of every request; a request that a test hands to a router has none.

use tokio::sync::watch;

/// How a request came in.
#[derive(Clone, Debug)]
pub struct Arrival {
    stopping: watch::Receiver<bool>,
}

impl Arrival {
    /// A request that came in while `stopping` was false.
    #[must_use]
    pub fn new(stopping: watch::Receiver<bool>) -> Self {
        Self { stopping }
    }

    /// Done when the program is told to stop: answers that never end by themselves end then.
    pub async fn stopping(&self) {
        let mut stopping = self.stopping.clone();
        // The server that is gone has stopped.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
}
