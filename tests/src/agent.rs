//! An agent at a browser without JavaScript: signs in, asks for pages, sends forms, follows redirects.
//!
//! Pages are read as text; [`main_of`] gives the part that says what the site holds, without name, navigation and
//! status line, which differ from site to site.

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{RequestBuilder, Response, StatusCode};

use crate::program::Program;

/// One agent at one site.
pub struct Agent {
    client: reqwest::Client,
    base: String,
    cookie: String,
}

impl Agent {
    /// Signs in.
    ///
    /// # Panics
    /// When the site does not take the passphrase.
    pub async fn sign_in(program: &Program, login: &str, passphrase: &str) -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        let base = program.page("");
        let mut agent = Self {
            client,
            base,
            cookie: String::new(),
        };
        let response = agent
            .send(
                "/connexion",
                &[("login", login), ("passphrase", passphrase)],
            )
            .await;
        let cookie = response
            .headers()
            .get(SET_COOKIE)
            .expect("the sign-in gives a cookie");
        let cookie = cookie.to_str().expect("plain text").split(';').next();
        agent.cookie = cookie.unwrap_or_default().to_owned();
        agent
    }

    /// The page at `path`.
    ///
    /// # Panics
    /// When there is no such page.
    pub async fn get(&self, path: &str) -> String {
        let request = self.client.get(format!("{}{path}", self.base));
        let response = self.answer(request).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.expect("a page")
    }

    /// Sends a form and answers what came, redirects not followed.
    pub async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let body: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header(ORIGIN, &self.base)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        self.answer(request).await
    }

    /// Sends a form that succeeds, and answers the address that the site then leads to.
    ///
    /// # Panics
    /// When the site shows the form again instead; with the page.
    pub async fn act(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let response = self.send(path, fields).await;
        let status = response.status();
        let location = response.headers().get(LOCATION).cloned();
        match location {
            Some(location) if status == StatusCode::SEE_OTHER => {
                location.to_str().expect("a path").to_owned()
            }
            _ => panic!(
                "{path}: {status}\n{}",
                response.text().await.unwrap_or_default()
            ),
        }
    }

    async fn answer(&self, request: RequestBuilder) -> Response {
        request
            .header(COOKIE, &self.cookie)
            .send()
            .await
            .expect("an answer")
    }
}

/// What stands between `<main …>` and `</main>`.
///
/// # Panics
/// When the page has no main part.
#[must_use]
pub fn main_of(page: &str) -> &str {
    between(page, "<main", "</main>").expect("a page has a main part")
}

/// The text after the last `before` that comes before the first `after`.
#[must_use]
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let end = text.find(after)?;
    let start = text[..end].rfind(before)? + before.len();
    Some(&text[start..end])
}
