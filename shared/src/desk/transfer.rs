//! Files that a browser sends or fetches, as they come, in pieces: on the disk without a name, never in memory whole.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Multipart;
use axum::extract::multipart::{MultipartError, MultipartRejection};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::IntoResponse;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::answer::{Answer, Failure};
use crate::ledger::LedgerError;

/// What is read from a browser beyond the limit and thrown away, so that it gets an answer in place of a broken
/// connection, in bytes.
pub const BEYOND_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of one piece.
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces read ahead of a slow browser.
const PIECES_AHEAD: usize = 4;

/// What a browser sent in a form.
#[derive(Debug)]
pub enum Sent {
    /// No file was chosen.
    Nothing,
    /// It is larger than the limit.
    TooLarge,
    /// The file, at its beginning; it has no name and is gone when it is closed.
    File(File),
}

/// Takes the field `file` of a form, of at most `bytes_max`, into `directory`.
///
/// # Errors
/// [`Failure::BadRequest`] when the form is broken off, or what the disk says.
pub async fn received(
    sent: Result<Multipart, MultipartRejection>,
    directory: &Path,
    bytes_max: u64,
) -> Result<Sent, Failure> {
    let mut sent = sent.map_err(|_| Failure::BadRequest)?;
    while let Some(mut field) = sent.next_field().await.map_err(broken)? {
        if field.name() != Some("file") {
            continue;
        }
        let mut file = tempfile::tempfile_in(directory).map_err(|error| disk(&error))?;
        let mut bytes = 0;
        while let Some(piece) = field.chunk().await.map_err(broken)? {
            bytes += piece.len() as u64;
            if bytes <= bytes_max {
                file = written(file, piece).await?;
            }
        }
        return Ok(match bytes {
            0 => Sent::Nothing,
            _ if bytes > bytes_max => Sent::TooLarge,
            _ => {
                file.rewind().map_err(|error| disk(&error))?;
                Sent::File(file)
            }
        });
    }
    Ok(Sent::Nothing)
}

async fn written(mut file: File, piece: Bytes) -> Result<File, Failure> {
    let write = move || file.write_all(&piece).map(|()| file);
    let outcome = tokio::task::spawn_blocking(write).await;
    outcome
        .map_err(|_| Failure::Busy)?
        .map_err(|error| disk(&error))
}

/// Gives a file to the browser under this name.
///
/// # Errors
/// What the disk says.
pub fn download(file: Arc<File>, name: &str) -> Answer {
    let length = file.metadata().map_err(|error| disk(&error))?.len();
    let (pieces, body) = mpsc::channel(PIECES_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut reached = 0;
        while reached < length {
            let mut piece = vec![0; PIECE_BYTES];
            let read = file.read_at(&mut piece, reached);
            let read = read.map(|read| {
                piece.truncate(read);
                reached += read as u64;
                piece
            });
            let is_last = !read.as_ref().is_ok_and(|piece| !piece.is_empty());
            if pieces.blocking_send(read).is_err() || is_last {
                return;
            }
        }
    });
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_LENGTH, length.to_string()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(body))).into_response())
}

fn broken(_: MultipartError) -> Failure {
    Failure::BadRequest
}

fn disk(error: &std::io::Error) -> Failure {
    tracing::error!(%error, "a file on its way cannot be kept");
    match error.kind() {
        std::io::ErrorKind::StorageFull => Failure::Site(LedgerError::DiskFull.into()),
        _ => Failure::Busy,
    }
}
