//! The accessibility statement, which every page's foot leads to.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::routing::get;

use super::Desk;
use super::answer::{Answer, page};
use super::page::Page;

#[derive(Template)]
#[template(path = "accessibility.html")]
struct Statement {
    page: Page,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/accessibilite", get(show))
}

async fn show(State(desk): State<Desk>) -> Answer {
    page(&Statement {
        page: desk.page_signed_out("Accessibilité"),
    })
}
