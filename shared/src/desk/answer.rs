//! What a handler gives back: a page, a redirect, or one of the few failures that a person can meet.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::page::Page;
use super::unsaved::Unsaved;
use crate::ledger::LedgerError;
use crate::site::SiteError;
use crate::text::capitalised;

/// What every handler returns.
pub type Answer = Result<Response, Failure>;

/// Why a page cannot be shown. The text says what to do; nothing that was confirmed is lost.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No such page or record.
    #[error("Cette page n’existe pas, ou plus. Revenez à l’accueil.")]
    NotFound,
    /// The account may not do this.
    #[error("Votre compte ne permet pas cette action. Demandez à un administrateur.")]
    Forbidden,
    /// The request is not one that our pages send.
    #[error(
        "Cette demande est incomplète. Revenez en arrière, rechargez la page puis recommencez."
    )]
    BadRequest,
    /// The machine cannot answer just now.
    #[error("Le programme est occupé. Recommencez dans un instant.")]
    Busy,
    /// The store.
    #[error("{0}")]
    Site(#[from] SiteError),
}

#[derive(Template)]
#[template(
    ext = "html",
    source = "{% extends \"base.html\" %}{% block main %}<div class=\"card\"><p class=\"lead\">{{ text }}</p>\
        <div class=\"acts\"><a class=\"act\" href=\"/\">Revenir à l’accueil</a></div></div>{% endblock %}"
)]
struct FailurePage {
    page: Page,
    text: String,
}

/// Renders a page.
///
/// # Errors
/// None in practice: templates are compiled.
pub fn page<T: Template>(template: &T) -> Answer {
    match template.render() {
        Ok(html) => Ok(Html(html).into_response()),
        Err(error) => {
            tracing::error!(%error, "a template does not render");
            Err(Failure::Busy)
        }
    }
}

/// Renders a form that was refused: the same page, with a status that says so.
///
/// # Errors
/// See [`page`].
pub fn refused<T: Template>(template: &T) -> Answer {
    page(template).map(|response| (StatusCode::UNPROCESSABLE_ENTITY, response).into_response())
}

/// After an act: to the page that shows its result.
///
/// # Errors
/// None; the type is that of handlers.
pub fn see(path: &str) -> Answer {
    Ok(Redirect::to(path).into_response())
}

/// The answer to an address that no page has.
pub async fn not_found() -> Failure {
    Failure::NotFound
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, title) = match &self {
            Self::NotFound => (StatusCode::NOT_FOUND, "Page introuvable"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "Action réservée"),
            Self::BadRequest => (StatusCode::BAD_REQUEST, "Demande incomplète"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Un instant"),
            Self::Site(SiteError::Ledger(LedgerError::DiskFull)) => {
                (StatusCode::INSUFFICIENT_STORAGE, "Le disque est plein")
            }
            Self::Site(SiteError::Erased(_)) => (StatusCode::GONE, "Personne effacée"),
            Self::Site(error) => {
                tracing::error!(%error, "a page failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "Cela n’a pas marché")
            }
        };
        let text = match &self {
            Self::Site(error) => format!("{}.", capitalised(&error.to_string())),
            other => other.to_string(),
        };
        let page = Page::signed_out("Maison mobile", title);
        let html = FailurePage {
            page,
            text: text.clone(),
        }
        .render()
        .unwrap_or_else(|_| text.clone());
        let mut response = (status, Html(html)).into_response();
        if status.is_server_error() {
            response.extensions_mut().insert(Unsaved { title, text });
        }
        response
    }
}
