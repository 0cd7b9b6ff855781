//! The live stream of a page, as server-sent events: the status line as it changes, and word that the site's records
//! have changed, upon which the script fetches the page again.
//!
//! A message holds the inside of `#status-line`; an event `contenu` the fingerprint of the records, whatever it means.

use std::convert::Infallible;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use axum::{Extension, Router};
use tokio::sync::{mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;

use super::page::StatusLine;
use super::{Desk, SignedIn};
use crate::ledger::{Fingerprint, replica};
use crate::request::Arrival;
use askama::Template;

/// Events that wait for a slow browser; more would be old news.
const EVENTS_AHEAD: usize = 2;

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/etat", get(stream))
}

async fn stream(
    State(desk): State<Desk>,
    arrival: Option<Extension<Arrival>>,
    _who: SignedIn,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (events, stream) = mpsc::channel(EVENTS_AHEAD);
    let telling = Telling::new(desk.inner.config.status.clone(), desk, events);
    tokio::spawn(async move {
        let stopping = async {
            match arrival {
                Some(Extension(arrival)) => arrival.stopping().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = telling.until_gone() => {}
            () = stopping => {}
        }
    });
    Sse::new(ReceiverStream::new(stream)).keep_alive(KeepAlive::default())
}

/// What one page is told.
struct Telling {
    desk: Desk,
    status: watch::Receiver<StatusLine>,
    commits: watch::Receiver<u64>,
    /// What the page has been told of the records.
    seen: Option<Fingerprint>,
    events: mpsc::Sender<Result<Event, Infallible>>,
}

impl Telling {
    fn new(
        status: watch::Receiver<StatusLine>,
        desk: Desk,
        events: mpsc::Sender<Result<Event, Infallible>>,
    ) -> Self {
        Self {
            status,
            commits: desk.site().store().commits(),
            seen: None,
            desk,
            events,
        }
    }

    /// Tells until the browser has gone, or the program that keeps the status line.
    async fn until_gone(mut self) {
        self.status.mark_changed();
        self.commits.mark_changed();
        loop {
            let told = tokio::select! {
                changed = self.status.changed() => match changed {
                    Ok(()) => self.tell_status().await,
                    Err(_) => return,
                },
                // The sender lives in the store, which the desk keeps.
                _ = self.commits.changed() => self.tell_records().await,
                () = self.events.closed() => return,
            };
            if told.is_err() {
                return;
            }
        }
    }

    async fn tell_status(
        &mut self,
    ) -> Result<(), mpsc::error::SendError<Result<Event, Infallible>>> {
        let line = self.status.borrow_and_update().render();
        let event = Event::default().data(line.unwrap_or_default());
        self.events.send(Ok(event)).await
    }

    /// Most commits change no record: a nonce, a sign-in.
    async fn tell_records(
        &mut self,
    ) -> Result<(), mpsc::error::SendError<Result<Event, Infallible>>> {
        let read = self
            .desk
            .site()
            .read(|c| Ok(replica::fingerprint(c)?))
            .await;
        let Ok(fingerprint) = read else {
            // A page that cannot be told stays as it is.
            return Ok(());
        };
        if self.seen == Some(fingerprint) {
            return Ok(());
        }
        self.seen = Some(fingerprint);
        let event = Event::default()
            .event("contenu")
            .data(fingerprint.to_string());
        self.events.send(Ok(event)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::testing::Visitor;
    use crate::domain::catalog::{Catalog, catalog_id};

    #[tokio::test]
    async fn an_open_page_is_told_of_the_line_and_of_records_but_not_of_other_commits() {
        let visitor = Visitor::agent().await;
        let (site, agent) = (visitor.site().clone(), visitor.agent);
        let status = watch::Sender::new(StatusLine::hub(0, 0));
        let (events, mut told) = mpsc::channel(EVENTS_AHEAD);
        let telling = Telling::new(status.subscribe(), visitor.desk.clone(), events);
        let telling = tokio::spawn(telling.until_gone());
        let mut is_of_records = async || {
            let event = told.recv().await.unwrap().unwrap();
            format!("{event:?}").contains("contenu")
        };
        let first = [is_of_records().await, is_of_records().await];
        assert!(first[0] != first[1], "one of each at the beginning");
        site.write(|work| Ok(replica::set_number(work.connection(), "other", 1)?))
            .await
            .unwrap();
        status.send_replace(StatusLine::hub(1, 0));
        assert!(
            !is_of_records().await,
            "the line, and nothing of the commit"
        );
        site.edit(catalog_id(), agent, |catalog: &mut Catalog| {
            catalog.retention_months = Some(9);
        })
        .await
        .unwrap();
        assert!(is_of_records().await);
        drop(status);
        telling.await.unwrap();
        assert!(told.recv().await.is_none());
    }
}
