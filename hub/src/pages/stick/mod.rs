//! « Par clé USB »: receive a laptop's file, then fetch the return file for it. Administrators only.
//!
//! What a file brings is taken at once. The return file waits ([`waiting`]) until it is fetched; taking the laptop's
//! file again makes it again.

#[cfg(test)]
mod tests;
mod waiting;

use std::sync::Arc;

use askama::Template;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::routing::{get, post};
use axum::{Extension, Router};
use shared::desk::Desk;
use shared::desk::answer::{Answer, page, see};
use shared::desk::page::{Flash, Page};
use shared::desk::transfer::{BEYOND_BYTES_MAX, Sent, download, received};
use shared::exchange::stick::{FILE_BYTES_MAX, StickError};
use shared::program::files::nameless;
use shared::text::capitalised;
use uuid::Uuid;

use super::laptops::PATH;
use super::role::Administrator;
use crate::opened::Hub;
use crate::stick::{self, Received};
use waiting::{Returns, Waiting};

#[derive(Template)]
#[template(path = "pages/stick/taken.html")]
struct TakenPage {
    page: Page,
    token: Uuid,
    waiting: Waiting,
}

pub(super) fn routes() -> Router<Desk> {
    let bytes_max = usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX);
    let limit = DefaultBodyLimit::max(bytes_max.saturating_add(BEYOND_BYTES_MAX));
    Router::new()
        .route("/portables/cle", post(receive).layer(limit))
        .route("/portables/cle/{token}", get(show))
        .route("/portables/cle/{token}/fichier", get(fetch))
        .layer(Extension(Arc::new(Returns::default())))
}

async fn receive(
    State(desk): State<Desk>,
    Administrator(who): Administrator,
    Extension(hub): Extension<Hub>,
    Extension(returns): Extension<Arc<Returns>>,
    sent: Result<Multipart, MultipartRejection>,
) -> Answer {
    let directory = hub.site().store().directory();
    let taken = match received(sent, directory, FILE_BYTES_MAX).await? {
        Sent::Nothing => {
            desk.flash(&who, Flash::warning("Choisissez le fichier d’un portable."));
            return see(PATH);
        }
        Sent::TooLarge => Err(StickError::TooLarge),
        Sent::File(file) => take(&hub, file).await,
    };
    match taken {
        Ok(received) => {
            let now = hub.site().clock().now();
            let token = returns.keep(Waiting::of(received, &hub), who.token_hash, now);
            see(&format!("/portables/cle/{token}"))
        }
        Err(error) => {
            tracing::warn!(code = error.code(), "a laptop's file was not taken");
            let words = format!("{}.", capitalised(&error.to_string()));
            desk.flash(&who, Flash::warning(words));
            see(PATH)
        }
    }
}

async fn take(hub: &Hub, file: std::fs::File) -> Result<Received, StickError> {
    let out = nameless(hub.site().store().directory())?;
    stick::receive(hub, file, out, |_, _| ()).await
}

async fn show(
    State(desk): State<Desk>,
    Administrator(who): Administrator,
    Extension(returns): Extension<Arc<Returns>>,
    Path(token): Path<Uuid>,
) -> Answer {
    let now = desk.site().clock().now();
    let Some(waiting) = returns.find(token, who.token_hash, now) else {
        desk.flash(&who, gone());
        return see(PATH);
    };
    page(&TakenPage {
        page: desk.page(&who, "Fichier d’un portable", PATH),
        token,
        waiting,
    })
}

async fn fetch(
    State(desk): State<Desk>,
    Administrator(who): Administrator,
    Extension(returns): Extension<Arc<Returns>>,
    Path(token): Path<Uuid>,
) -> Answer {
    let now = desk.site().clock().now();
    match returns.find(token, who.token_hash, now) {
        Some(waiting) => download(waiting.file, &waiting.file_name),
        None => {
            desk.flash(&who, gone());
            see(PATH)
        }
    }
}

fn gone() -> Flash {
    Flash::warning(
        "Ce fichier de retour n’est plus là. Recevez de nouveau le fichier du portable\u{a0}: le retour sera refait.",
    )
}
