//! How the hub refuses a laptop's request: a status code, a word for the program, a sentence for people.

use axum::Json;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use shared::joining::messages::{Reason, Refused};
use shared::joining::signature::{NONCE, Nonce};
use shared::site::SiteError;

/// A refusal on its way to a laptop.
#[derive(Debug)]
pub(crate) struct Refusal {
    refused: Refused,
    /// The nonce to try again with, where that would help.
    nonce: Option<Nonce>,
}

impl Refusal {
    /// The request was signed over a nonce that no longer counts: the laptop tries again over this one.
    pub(crate) fn stale(nonce: Nonce) -> Self {
        Self {
            refused: Reason::Unsigned.into(),
            nonce: Some(nonce),
        }
    }

    /// A refusal with a sentence that says more than the reason's own.
    pub(crate) fn because(error: Reason, message: &dyn std::fmt::Display) -> Self {
        let message = message.to_string();
        Self {
            refused: Refused { error, message },
            nonce: None,
        }
    }

    /// The hub cannot do it just now; `error` goes to the log.
    pub(crate) fn unable(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a laptop's request failed");
        Reason::Unable.into()
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self {
            refused: reason.into(),
            nonce: None,
        }
    }
}

impl From<SiteError> for Refusal {
    fn from(error: SiteError) -> Self {
        Self::unable(&error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.refused.error.status();
        let mut response = (status, Json(self.refused)).into_response();
        if let Some(nonce) = self.nonce {
            give_nonce(&mut response, nonce);
        }
        response
    }
}

/// Puts the nonce for the laptop's next request into an answer.
pub(crate) fn give_nonce(response: &mut Response, nonce: Nonce) {
    if let Ok(value) = HeaderValue::from_str(&nonce.to_text()) {
        response.headers_mut().insert(NONCE, value);
    }
}
