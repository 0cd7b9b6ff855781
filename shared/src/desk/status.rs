//! The live status line: server-sent events whose data is the inside of `#status-line`.

use std::convert::Infallible;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};

use super::{Desk, SignedIn};

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/etat", get(stream))
}

async fn stream(
    State(desk): State<Desk>,
    _who: SignedIn,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let lines = WatchStream::new(desk.inner.config.status.clone());
    let events = lines.map(|line| Ok(Event::default().data(line.render().unwrap_or_default())));
    Sse::new(events).keep_alive(KeepAlive::default())
}
