//! What was typed is not lost when the store fails: a form that was sent while the disk is full, for instance, comes back
//! in the page that says so, as hidden fields, and one button sends it again.
//!
//! Files are not kept (the browser still has them), and nothing is where a passphrase was typed.

use askama::Template;
use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};

use super::Desk;
use super::answer::Failure;
use super::guard::FORM_BYTES_MAX;
use super::page::Page;

/// What every field for a passphrase has in its name.
const SECRET: &str = "passphrase";

/// In the extensions of a response: the store has failed, nothing was saved.
#[derive(Clone, Debug)]
pub(super) struct Unsaved {
    pub(super) title: &'static str,
    pub(super) text: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = "{% extends \"base.html\" %}{% block main %}<div class=\"card\"><p class=\"lead\">{{ text }}</p>\
        <p>Ce que vous avez saisi n’est pas enregistré, mais cette page l’a gardé&nbsp;: laissez-la ouverte, puis \
        renvoyez-le d’ici.</p>\
        <form method=\"post\" action=\"{{ action }}\">\
        {% for (name, value) in typed %}<input type=\"hidden\" name=\"{{ name }}\" value=\"{{ value }}\">{% endfor %}\
        <div class=\"acts\"><button class=\"act\">Recommencer</button></div></form></div>{% endblock %}"
)]
struct UnsavedPage {
    page: Page,
    text: String,
    action: String,
    typed: Vec<(String, String)>,
}

/// Keeps what is typed on these pages.
pub(super) fn around(pages: Router<Desk>, desk: &Desk) -> Router<Desk> {
    pages.layer(from_fn_with_state(desk.clone(), keep))
}

async fn keep(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    if !is_form(&request) {
        return next.run(request).await;
    }
    let action = request.uri().path_and_query().map(ToString::to_string);
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, FORM_BYTES_MAX).await else {
        // The browser has broken off.
        return Failure::BadRequest.into_response();
    };
    let request = Request::from_parts(head, Body::from(body.clone()));
    let response = next.run(request).await;
    let Some(unsaved) = response.extensions().get::<Unsaved>().cloned() else {
        return response;
    };
    let typed: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
    if typed.iter().any(|(name, _)| name.contains(SECRET)) {
        return response;
    }
    let page = UnsavedPage {
        page: desk.page_signed_out(unsaved.title),
        text: unsaved.text,
        action: action.unwrap_or_default(),
        typed,
    };
    match page.render() {
        Ok(html) => (response.status(), Html(html)).into_response(),
        Err(_) => response,
    }
}

/// Whether a request brings a form that may be kept.
fn is_form(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let bytes_max = request.body().size_hint().upper();
    request.method() == Method::POST
        && kind.starts_with("application/x-www-form-urlencoded")
        && bytes_max.is_some_and(|bytes| bytes <= FORM_BYTES_MAX as u64)
}
