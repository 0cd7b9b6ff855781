//! What every request must respect before a page sees it, and the headers that every answer bears.
//!
//! - The `Host` must be one of ours: a foreign name that resolves to this machine (DNS rebinding) gets nothing.
//! - A request that changes something must come from our own pages: `Sec-Fetch-Site: same-origin`, or an `Origin`
//!   that is exactly ours where a browser does not send it.
//! - Pages are never kept by the browser, never framed, and load nothing from elsewhere.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use super::{Desk, assets};

/// The largest form that our pages send, files apart, in bytes.
pub(super) const FORM_BYTES_MAX: usize = 64 * 1024;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Puts the guard around the pages.
pub(super) fn around(pages: Router<Desk>, desk: &Desk) -> Router<Desk> {
    pages
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn_with_state(desk.clone(), check))
}

async fn check(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    if let Err(refusal) = admit(
        &desk.inner.config.hosts,
        request.method(),
        request.headers(),
    ) {
        return refusal.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(assets::CONTENT_SECURITY_POLICY),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

type Refusal = (StatusCode, &'static str);

/// Whether a request may go on.
fn admit(hosts: &[String], method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = text(headers, &HOST).unwrap_or_default();
    if !hosts.iter().any(|ours| ours == host) {
        return Err((StatusCode::MISDIRECTED_REQUEST, "Adresse inconnue.\n"));
    }
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let ours = match text(headers, &SEC_FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => text(headers, &ORIGIN).is_some_and(|origin| {
            origin
                .split_once("://")
                .is_some_and(|(_, authority)| authority == host)
        }),
    };
    if ours {
        Ok(())
    } else {
        Err((
            StatusCode::FORBIDDEN,
            "Cette demande ne vient pas de nos pages.\n",
        ))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Method, headers: &[(&'static str, &str)]) -> Result<(), Refusal> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        admit(&["127.0.0.1:8081".to_owned()], &method, &headers)
    }

    #[test]
    fn only_our_own_name_is_answered() {
        assert!(asked(Method::GET, &[("host", "127.0.0.1:8081")]).is_ok());
        for host in ["evil.example:8081", "127.0.0.1:8080", "127.0.0.1", ""] {
            assert!(asked(Method::GET, &[("host", host)]).is_err(), "{host}");
        }
        assert!(asked(Method::GET, &[]).is_err());
    }

    #[test]
    fn only_our_own_pages_may_change_anything() {
        let host = ("host", "127.0.0.1:8081");
        let post = |more: &[(&'static str, &str)]| asked(Method::POST, &[&[host], more].concat());
        assert!(post(&[("sec-fetch-site", "same-origin")]).is_ok());
        assert!(post(&[("origin", "http://127.0.0.1:8081")]).is_ok());
        assert!(post(&[]).is_err());
        assert!(post(&[("origin", "http://evil.example")]).is_err());
        assert!(post(&[("origin", "null")]).is_err());
        for site in ["cross-site", "same-site", "none"] {
            let headers = [
                ("sec-fetch-site", site),
                ("origin", "http://127.0.0.1:8081"),
            ];
            assert!(post(&headers).is_err(), "{site}");
        }
    }
}
