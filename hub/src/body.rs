//! The body of a laptop's request, read whole within limits of size and time.
//!
//! It is read whole because it is signed as a whole: nothing is done with a byte of it before the signature is known
//! to fit.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use shared::joining::messages::Reason;
use tokio_stream::StreamExt;

/// A line that brings nothing for this long is taken for dead.
const IDLE: Duration = Duration::from_secs(30);
/// A body may take this long in all: the largest one at some 2 kB/s.
const WHOLE_WITHIN: Duration = Duration::from_secs(300);

/// Reads a body of at most `bytes_max`.
///
/// # Errors
/// [`Reason::TooLarge`], or [`Reason::TooSlow`] when it does not arrive whole in time.
pub(crate) async fn read(body: Body, bytes_max: usize) -> Result<Vec<u8>, Reason> {
    let announced = body.size_hint().lower();
    if announced > bytes_max as u64 {
        return Err(Reason::TooLarge);
    }
    let whole = collect(body, bytes_max);
    tokio::time::timeout(WHOLE_WITHIN, whole)
        .await
        .unwrap_or(Err(Reason::TooSlow))
}

async fn collect(body: Body, bytes_max: usize) -> Result<Vec<u8>, Reason> {
    let mut pieces = body.into_data_stream();
    let mut whole = Vec::new();
    loop {
        match tokio::time::timeout(IDLE, pieces.next()).await {
            Ok(Some(Ok(piece))) if whole.len() + piece.len() <= bytes_max => {
                whole.extend_from_slice(&piece);
            }
            Ok(Some(Ok(_))) => return Err(Reason::TooLarge),
            Ok(None) => return Ok(whole),
            Ok(Some(Err(_))) | Err(_) => return Err(Reason::TooSlow),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn pieces(count: usize) -> Body {
        let stream = tokio_stream::iter((0..count).map(|_| Ok::<_, Infallible>(vec![0u8; 10])));
        Body::from_stream(stream)
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        assert_eq!(read(pieces(3), 30).await.map(|body| body.len()), Ok(30));
        assert_eq!(read(pieces(4), 30).await, Err(Reason::TooLarge));
        assert_eq!(
            read(Body::from(vec![0; 31]), 30).await,
            Err(Reason::TooLarge)
        );
        assert_eq!(read(Body::empty(), 0).await, Ok(Vec::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_given_up() {
        let silent = Body::from_stream(tokio_stream::pending::<Result<Vec<u8>, Infallible>>());
        assert_eq!(read(silent, 30).await, Err(Reason::TooSlow));
    }

    #[tokio::test]
    async fn a_body_that_is_cut_is_not_taken() {
        let broken = tokio_stream::iter([Ok(vec![1u8]), Err(std::io::Error::other("cut"))]);
        assert_eq!(
            read(Body::from_stream(broken), 30).await,
            Err(Reason::TooSlow)
        );
    }
}
