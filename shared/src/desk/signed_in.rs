//! Who is signed in: an extractor that every page behind the sign-in asks for.

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};

use super::answer::Failure;
use super::{Desk, sign_in};
use crate::domain::codes::Role;
use crate::ids::AgentId;

/// The script fetches a page again with this, to show what has changed: nobody looks at the whole of it.
const REFRESH: HeaderName = HeaderName::from_static("maison-refresh");

/// An agent who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who; every change bears this id.
    pub agent: AgentId,
    /// Name shown.
    pub name: String,
    /// What the account may do, as the catalog says now.
    pub role: Role,
    /// The place that the agent chose to work at today, if it is not the tour's.
    pub place: Option<String>,
    /// Which sign-in.
    pub token_hash: sign_in::TokenHash,
    /// The page is fetched to bring the one on the screen up to date.
    pub is_refresh: bool,
}

impl FromRequestParts<Desk> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Response> {
        match signed_in(&parts.headers, desk).await {
            Ok(Some(who)) => Ok(who),
            Ok(None) => {
                // A form sent after the sign-in ended cannot be sent again by a redirect: back to the page it was on.
                let back = if parts.method == Method::GET {
                    parts.uri.path_and_query().map_or("/", |path| path.as_str())
                } else {
                    "/"
                };
                Err(sign_in::sign_in_first(back))
            }
            Err(failure) => Err(failure.into_response()),
        }
    }
}

async fn signed_in(headers: &HeaderMap, desk: &Desk) -> Result<Option<SignedIn>, Failure> {
    let Some(token) = cookie(headers, &desk.cookie_name()) else {
        return Ok(None);
    };
    let token_hash = sign_in::token_hash(token);
    let now = desk.site().clock().now();
    let found = desk
        .site()
        .read(move |connection| {
            let found = sign_in::find(connection, &token_hash, now)?;
            Ok((found, crate::view::catalog::catalog(connection)?))
        })
        .await?;
    let (Some(found), catalog) = found else {
        return Ok(None);
    };
    // A full disk keeps nobody from reading.
    if found.stale
        && let Err(error) = sign_in::mark_seen(desk, token_hash).await
    {
        tracing::warn!(%error, "a sign-in was not noted as used");
    }
    let account = catalog
        .agents
        .get(&found.agent)
        .filter(|account| !account.disabled);
    Ok(account.map(|account| SignedIn {
        agent: found.agent,
        name: account.name.clone(),
        role: account.role,
        place: found.place,
        token_hash,
        is_refresh: headers.contains_key(REFRESH),
    }))
}

/// The value of the cookie `name`.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}
