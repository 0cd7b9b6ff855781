//! Pages that only some accounts may open: extractors that refuse the others.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use shared::desk::answer::Failure;
use shared::desk::{Desk, SignedIn};
use shared::domain::codes::Role;

/// A member of the Capestang staff, or an administrator.
pub(super) struct Staff(pub(super) SignedIn);

/// An administrator.
pub(super) struct Administrator(pub(super) SignedIn);

impl FromRequestParts<Desk> for Staff {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Response> {
        at_least(Role::Staff, parts, desk).await.map(Self)
    }
}

impl FromRequestParts<Desk> for Administrator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Response> {
        at_least(Role::Administrator, parts, desk).await.map(Self)
    }
}

async fn at_least(role: Role, parts: &mut Parts, desk: &Desk) -> Result<SignedIn, Response> {
    let who = SignedIn::from_request_parts(parts, desk).await?;
    if who.role >= role {
        Ok(who)
    } else {
        Err(Failure::Forbidden.into_response())
    }
}
