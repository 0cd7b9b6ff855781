//! Exporter les activités: choose a period and a place, get the CSV file.
//!
//! The file holds names: staff and administrators only. Its address holds a period and a place, never a person.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use shared::desk::Desk;
use shared::desk::answer::{Answer, Failure, page, refused};
use shared::desk::form::{Choice, Form};
use shared::desk::page::Page;
use shared::domain::activity::HEADER;

use super::period::{self, Asked};
use super::role::Staff;
use crate::export::{Period, activities_csv};

const TITLE: &str = "Exporter les activités";
/// The page that leads here.
const ABOVE: &str = "/vue-ensemble";

#[derive(Template)]
#[template(path = "pages/export.html")]
struct ExportPage {
    page: Page,
    form: Form,
    places: Vec<Choice>,
    columns: String,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/export", get(show))
        .route("/export/activites.csv", get(file))
}

async fn show(
    State(desk): State<Desk>,
    Staff(who): Staff,
    Query(query): Query<Vec<(String, String)>>,
) -> Answer {
    let (asked, places) = read(&desk, query).await?;
    page(&export_page(
        desk.page(&who, TITLE, ABOVE),
        asked.form,
        places,
    ))
}

async fn file(
    State(desk): State<Desk>,
    Staff(who): Staff,
    Query(query): Query<Vec<(String, String)>>,
) -> Answer {
    let (asked, places) = read(&desk, query).await?;
    if !asked.form.is_good() {
        let frame = desk.page(&who, TITLE, ABOVE);
        return refused(&export_page(frame, asked.form, places));
    }
    let period = Period {
        from: asked.from,
        to: asked.to,
        place: asked.place,
    };
    let disposition = format!("attachment; filename=\"{}\"", period.file_name());
    let bytes = activities_csv(desk.site(), period).await.map_err(|error| {
        tracing::error!(%error, "the export failed");
        Failure::Busy
    })?;
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, bytes).into_response())
}

async fn read(desk: &Desk, query: Vec<(String, String)>) -> Result<(Asked, Vec<Choice>), Failure> {
    let catalog = desk.site().catalog().await?;
    let today = desk.site().clock().now().date();
    let asked = period::asked(query, &catalog, today);
    Ok((asked, period::places(&catalog)))
}

fn export_page(page: Page, form: Form, places: Vec<Choice>) -> ExportPage {
    ExportPage {
        page,
        form,
        places,
        columns: HEADER.join(", ").replace('\'', "’"),
    }
}
