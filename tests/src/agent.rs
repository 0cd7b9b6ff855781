//! An agent at a browser without JavaScript: signs in, asks for pages, sends forms, follows redirects.
//!
//! Pages are read as text; [`main_of`] gives the part that says what the site holds, without name, navigation and
//! status line, which differ from site to site.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{RequestBuilder, Response, StatusCode};

use crate::program::Program;

/// One agent at one site.
pub struct Agent {
    client: reqwest::Client,
    base: String,
    cookie: String,
    cookie_attributes: String,
}

impl Agent {
    /// Signs in.
    ///
    /// # Panics
    /// When the site does not take the passphrase.
    pub async fn sign_in(program: &Program, login: &str, passphrase: &str) -> Self {
        // Another test of this executable may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            // An agent at the hub tells the browser once to go on; what laptops do is tested with laptops.
            .tls_danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        let base = program.page("");
        let mut agent = Self {
            client,
            base,
            cookie: String::new(),
            cookie_attributes: String::new(),
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
        let cookie = cookie.to_str().expect("plain text");
        let (cookie, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        agent.cookie = cookie.to_owned();
        agent.cookie_attributes = attributes.to_owned();
        agent
    }

    /// What the site wants of the browser that keeps its cookie: « Path=/; HttpOnly … ».
    #[must_use]
    pub fn cookie_attributes(&self) -> &str {
        &self.cookie_attributes
    }

    /// The page at `path`.
    ///
    /// # Panics
    /// When there is no such page.
    pub async fn get(&self, path: &str) -> String {
        let request = self.client.get(format!("{}{path}", self.base));
        let response = request
            .header(COOKIE, &self.cookie)
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.expect("a page")
    }

    /// The live stream of this site's pages.
    ///
    /// # Panics
    /// When the site does not give one.
    pub async fn live(&self) -> Live {
        let request = self.client.get(format!("{}/etat", self.base));
        let answer = request.header(COOKIE, &self.cookie).send();
        let response = answer.await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "/etat");
        Live {
            response,
            text: String::new(),
        }
    }

    /// Follows the live stream until the page at `path` says `words`, and answers that page.
    ///
    /// # Panics
    /// With the page, when it has not said so after `patience`.
    pub async fn until(&self, path: &str, words: &str, patience: Duration) -> String {
        let mut live = self.live().await;
        let seen = async {
            loop {
                let page = self.get(path).await;
                if page.contains(words) {
                    return page;
                }
                live.next().await.expect("the stream stays open");
            }
        };
        match tokio::time::timeout(patience, seen).await {
            Ok(page) => page,
            Err(_) => panic!("{path} never said {words}:\n{}", self.get(path).await),
        }
    }

    /// Sends a form and answers what came, redirects not followed.
    ///
    /// # Panics
    /// When the site does not answer.
    pub async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.form(path, fields).send().await.expect("an answer")
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

    /// Sends a form to a site that may be killed meanwhile; whether the site confirmed it.
    pub async fn try_act(&self, path: &str, fields: &[(&str, &str)]) -> bool {
        let answer = self.form(path, fields).send().await;
        answer.is_ok_and(|response| response.status() == StatusCode::SEE_OTHER)
    }

    fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let body: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.client
            .post(format!("{}{path}", self.base))
            .header(COOKIE, &self.cookie)
            .header(ORIGIN, &self.base)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
    }
}

/// What a page is told while it stands on the screen.
pub struct Live {
    response: Response,
    text: String,
}

impl Live {
    /// The next event, as it stands in the stream; `None` when the site has ended the stream.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event = self.text[..end].to_owned();
                self.text.drain(..end + 2);
                return Some(event);
            }
            // A site that was killed has ended its stream as well.
            let piece = self.response.chunk().await.ok().flatten()?;
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
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

/// The fields of the form that is sent to `action`, as a browser would send it untouched: names and values in order.
///
/// # Panics
/// When the page has no such form.
#[must_use]
pub fn form_fields(page: &str, action: &str) -> Vec<(String, String)> {
    let start = page
        .find(&format!("action=\"{action}\""))
        .unwrap_or_else(|| panic!("no form leads to {action}:\n{page}"));
    let end = page[start..]
        .find("</form>")
        .map_or(page.len(), |length| start + length);
    let mut fields = Vec::new();
    let mut select = None;
    for tag in page[start..end].split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap_or((tag, ""));
        let value = attribute(tag, "value").unwrap_or_default();
        match (
            tag.split_whitespace().next().unwrap_or_default(),
            attribute(tag, "name"),
        ) {
            ("input", Some(name)) => {
                let is_choice = matches!(
                    attribute(tag, "type").as_deref(),
                    Some("radio" | "checkbox")
                );
                if !is_choice || tag.contains(" checked") {
                    fields.push((name, value));
                }
            }
            ("textarea", Some(name)) => {
                fields.push((name, unescaped(text.trim_start_matches('\n'))))
            }
            ("select", name) => select = name,
            ("option", _) if tag.contains(" selected") => {
                fields.extend(select.clone().map(|name| (name, value)));
            }
            _ => {}
        }
    }
    fields
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let length = tag[start..].find('"')?;
    Some(unescaped(&tag[start..start + length]))
}

fn unescaped(text: &str) -> String {
    text.replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_a_browser_would_send_it() {
        let page = r#"<form action="/x"><input name="other" value="1"></form>
            <form method="post" action="/personnes/1"><input type="hidden" name="a" value="d&#39;&#38;é">
            <input type="radio" name="r" value="1"><input type="radio" name="r" value="2" checked>
            <select name="s"><option value="">-</option><option value="v" selected>V</option></select>
            <textarea name="t" rows="3">
text</textarea></form>"#;
        let fields = form_fields(page, "/personnes/1");
        let expected = [("a", "d'&é"), ("r", "2"), ("s", "v"), ("t", "text")];
        assert_eq!(
            fields,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
