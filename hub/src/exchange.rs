//! The route of the exchange: carries a laptop's signed request to the exchange, and the answer back as it is made.
//!
//! A laptop that would rather wait than hear that nothing is new is answered at the first news, or after a while.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use shared::exchange::{Answer, Answerer, ExchangeError};
use shared::joining::messages::{EXCHANGE_PATH, Reason};
use shared::request::Arrival;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::devices;
use crate::opened::Hub;
use crate::refusal::{Refusal, give_nonce};
use crate::signed::{self, Admitted};

/// The longest request; one change alone is smaller than a quarter of it.
const BODY_BYTES_MAX: usize = shared::exchange::PIECE_BYTES_MAX;
/// Chunks made ahead of a slow line.
const CHUNKS_AHEAD: usize = 2;
/// Longest wait of a laptop: less than the half minute after which it, or a proxy in between, takes the line for dead.
const HOLD: Duration = Duration::from_secs(25);

pub(crate) fn routes() -> Router<Hub> {
    Router::new().route(EXCHANGE_PATH, post(exchange))
}

async fn exchange(State(hub): State<Hub>, request: Request) -> Result<Response, Refusal> {
    let arrival = request.extensions().get::<Arrival>().cloned();
    let admitted = signed::admit(&hub, request, BODY_BYTES_MAX).await?;
    let nonce = admitted.nonce;
    // Whatever comes of it, the nonce has moved on and the laptop needs to know the next.
    let mut response = match answer(&hub, admitted, arrival).await {
        Ok(body) => Response::new(body),
        Err(refusal) => refusal.into_response(),
    };
    give_nonce(&mut response, nonce);
    Ok(response)
}

impl From<ExchangeError> for Refusal {
    fn from(error: ExchangeError) -> Self {
        if error.is_bad_input() {
            tracing::warn!(%error, "a laptop's request was not understood");
            Self::because(Reason::Malformed, &error)
        } else {
            Self::unable(&error)
        }
    }
}

/// Takes the request; the answer is sent whole when it is short, else chunk by chunk.
async fn answer(hub: &Hub, admitted: Admitted, arrival: Option<Arrival>) -> Result<Body, Refusal> {
    let laptop = admitted.replica;
    hub.learn_of_backup().await.map_err(ExchangeError::from)?;
    let mut answerer = Answerer::new(hub.site().clone(), laptop)?.with_sections(hub.sections());
    answerer.push(&admitted.body).await?;
    let mut answer = answerer.finish()?;
    if answer.may_wait() {
        hold(hub, &answer, arrival).await?;
        // It may have been revoked while it waited.
        signed::known(hub, laptop).await?;
    }
    let first = answer.next_chunk().await?.unwrap_or_default();
    let heard = answer.heard();
    if heard.is_restored {
        tracing::warn!(%laptop, "this hub was restored from an older copy: a new epoch begins");
    }
    if heard.taken + heard.refused > 0 {
        tracing::info!(%laptop, taken = heard.taken, refused = heard.refused, "exchange");
    }
    let acknowledged = heard.cursor.unwrap_or(0);
    hub.site()
        .store()
        .write(move |tx| devices::note_acknowledged(tx, laptop, acknowledged))
        .await
        .map_err(ExchangeError::from)?;
    match answer.next_chunk().await? {
        None => Ok(Body::from(first)),
        Some(second) => Ok(stream(answer, [first, second])),
    }
}

/// Waits until there is something to answer; not for ever, and not when the program stops.
async fn hold(hub: &Hub, answer: &Answer, arrival: Option<Arrival>) -> Result<(), ExchangeError> {
    let mut commits = hub.site().store().commits();
    let news = async {
        while !answer.has_news().await? {
            // The sender lives in the store, which `hub` keeps.
            let _ = commits.changed().await;
        }
        Ok(())
    };
    let stopping = async {
        match arrival {
            Some(arrival) => arrival.stopping().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        news = news => news,
        () = tokio::time::sleep(HOLD) => Ok(()),
        () = stopping => Ok(()),
    }
}

/// The chunks made already, then the others as they are made.
fn stream(mut answer: Answer, made: [Vec<u8>; 2]) -> Body {
    let (chunks, body) = mpsc::channel(CHUNKS_AHEAD);
    tokio::spawn(async move {
        let mut made = made.into_iter();
        loop {
            let chunk = match made.next() {
                Some(chunk) => Ok(chunk),
                None => match answer.next_chunk().await.transpose() {
                    Some(chunk) => chunk,
                    None => return,
                },
            };
            if let Err(error) = &chunk {
                tracing::warn!(%error, "an answer was cut");
            }
            let is_last = chunk.is_err();
            // A laptop that has gone comes again and goes on where it was.
            if chunks.send(chunk).await.is_err() || is_last {
                return;
            }
        }
    });
    Body::from_stream(ReceiverStream::new(body))
}
