//! Signing in and out. Works offline: accounts come with the catalog.
//!
//! A sign-in is an opaque random token in a cookie; only its hash is kept. A new one is drawn at every sign-in.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Form as Body, Router};
use data_encoding::BASE64URL_NOPAD;
use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::answer::{Answer, Failure, page};
use super::form::Form;
use super::page::Page;
use super::{Desk, SignedIn, passphrase};
use crate::domain::catalog::Catalog;
use crate::ids::AgentId;
use crate::ledger::LedgerError;
use crate::request::{Allowance, Arrival};
use crate::time::Timestamp;

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// A sign-in that was not used for so long is over: a working day with its breaks, in milliseconds.
const IDLE_MS: i64 = 12 * 3600 * 1000;
/// `seen` is written at most this often, so that reading a page does not cost a write.
const SEEN_EVERY_MS: i64 = 15 * 60 * 1000;
/// A passphrase longer than this is not hashed.
const PASSPHRASE_BYTES_MAX: usize = 1024;

/// A source may try in vain so often at once...
const VAIN_BURST: u32 = 10;
/// ... and then once in this time, in milliseconds: a few thousand guesses a day, at passphrases of twelve characters.
const VAIN_EVERY_MS: u32 = 20_000;

/// How often one source may try to sign in in vain. It slows down and never shuts out: an office shares one address.
pub(super) fn allowance() -> Allowance {
    Allowance::new(VAIN_BURST, VAIN_EVERY_MS)
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: Page,
    form: Form,
    back: String,
    /// What to do while nobody has an account here; empty once somebody has.
    first_start: &'static str,
}

#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    vers: String,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/connexion", get(show).post(enter))
        .route("/deconnexion", post(leave))
}

async fn show(State(desk): State<Desk>, Query(back): Query<Back>) -> Answer {
    let catalog = desk.site().catalog().await?;
    let is_open = catalog.agents.values().any(|agent| !agent.disabled);
    page(&SignInPage {
        page: desk.page_signed_out("Connexion"),
        form: Form::default(),
        back: back.vers,
        first_start: if is_open { "" } else { desk.first_start() },
    })
}

async fn enter(
    State(desk): State<Desk>,
    Query(back): Query<Back>,
    arrival: Option<Extension<Arrival>>,
    Body(sent): Body<Vec<(String, String)>>,
) -> Answer {
    let mut form = Form::sent(sent);
    let source = arrival.as_ref().map(|arrival| arrival.source);
    let wall = desk.site().clock().wall();
    if source.is_some_and(|source| !desk.inner.sign_ins.take(source, wall)) {
        form.refuse(
            "login",
            "Trop d’essais depuis ce réseau. Attendez une minute, puis réessayez.",
        );
        let refused = page(&sign_in_page(&desk, form, back))?;
        return Ok((StatusCode::TOO_MANY_REQUESTS, refused).into_response());
    }
    let secret = form.value("passphrase").to_owned();
    let account = account(&desk.site().catalog().await?, form.value("login"));
    let hash = account.as_ref().map(|(_, hash)| hash.clone());
    let right = tokio::task::spawn_blocking(move || {
        secret.len() <= PASSPHRASE_BYTES_MAX && passphrase::verify(&secret, hash.as_deref())
    })
    .await
    .unwrap_or(false);
    let Some((agent, _)) = account.filter(|_| right) else {
        form.refuse(
            "login",
            "Identifiant ou phrase secrète inexacts. Vérifiez les majuscules, puis réessayez.",
        );
        return page(&sign_in_page(&desk, form, back));
    };
    // Whoever has the right passphrase has not guessed: a whole office may sign in at eight.
    if let Some(source) = source {
        desk.inner.sign_ins.give_back(source);
    }
    let token = new_token()?;
    let hash = token_hash(&token);
    desk.site()
        .write(move |work| {
            let now = work.stamp();
            work.connection()
                .execute("DELETE FROM sign_in WHERE seen < ?1", [now.0 - IDLE_MS])?;
            work.connection().execute(
                "INSERT INTO sign_in (token_hash, agent, created, seen) VALUES (?1, ?2, ?3, ?3)",
                (hash, agent, now.0),
            )?;
            Ok(())
        })
        .await?;
    let is_encrypted = arrival.is_some_and(|arrival| arrival.is_encrypted);
    let cookie = format!(
        "{}={token}; Path=/; HttpOnly; SameSite=Strict{}",
        desk.cookie_name(),
        if is_encrypted { "; Secure" } else { "" }
    );
    Ok((
        AppendHeaders([(SET_COOKIE, cookie)]),
        Redirect::to(local(&back.vers)),
    )
        .into_response())
}

/// The form again, with what is wrong with it.
fn sign_in_page(desk: &Desk, form: Form, back: Back) -> SignInPage {
    SignInPage {
        page: desk.page_signed_out("Connexion"),
        form,
        back: back.vers,
        first_start: "",
    }
}

/// Signs everybody out: the hub was restored, and who has signed out since the backup must not be signed in again.
///
/// # Errors
/// What SQLite says.
pub fn end_all(connection: &Connection) -> Result<(), LedgerError> {
    connection.execute("DELETE FROM sign_in", [])?;
    Ok(())
}

async fn leave(State(desk): State<Desk>, who: SignedIn) -> Answer {
    desk.site()
        .write(move |work| {
            work.connection().execute(
                "DELETE FROM sign_in WHERE token_hash = ?1",
                [who.token_hash],
            )?;
            Ok(())
        })
        .await?;
    let cookie = format!(
        "{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict",
        desk.cookie_name()
    );
    Ok((
        AppendHeaders([(SET_COOKIE, cookie)]),
        Redirect::to("/connexion"),
    )
        .into_response())
}

/// A path on this site to return to; never another site.
fn local(path: &str) -> &str {
    let local = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    if local { path } else { "/" }
}

fn account(catalog: &Catalog, login: &str) -> Option<(AgentId, String)> {
    let login = login.to_lowercase();
    let found = catalog
        .agents
        .iter()
        .find(|(_, agent)| agent.login == login && !agent.disabled);
    found.map(|(id, agent)| (*id, agent.passphrase_hash.clone()))
}

fn new_token() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| Failure::Busy)?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

pub(super) fn token_hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

/// What the table knows of a sign-in.
pub(super) struct Found {
    pub(super) agent: AgentId,
    pub(super) place: Option<String>,
    /// `seen` is old enough to be written again.
    pub(super) stale: bool,
}

pub(super) fn find(
    connection: &Connection,
    hash: &TokenHash,
    now: Timestamp,
) -> Result<Option<Found>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT agent, place, seen FROM sign_in WHERE token_hash = ?1 AND seen > ?2",
    )?;
    let found = statement.query_row((hash, now.0 - IDLE_MS), |row| {
        let seen: i64 = row.get(2)?;
        Ok(Found {
            agent: row.get(0)?,
            place: row.get(1)?,
            stale: seen < now.0 - SEEN_EVERY_MS,
        })
    });
    Ok(found.optional()?)
}

pub(super) async fn mark_seen(desk: &Desk, hash: TokenHash) -> Result<(), Failure> {
    desk.site()
        .write(move |work| {
            let now = work.stamp().0;
            work.connection().execute(
                "UPDATE sign_in SET seen = ?2 WHERE token_hash = ?1",
                (hash, now),
            )?;
            Ok(())
        })
        .await?;
    Ok(())
}

/// Keeps where the agent of a sign-in says to be; `None` follows the tour again.
pub(super) async fn set_place(
    desk: &Desk,
    hash: TokenHash,
    place: Option<String>,
) -> Result<(), Failure> {
    desk.site()
        .write(move |work| {
            work.connection().execute(
                "UPDATE sign_in SET place = ?2 WHERE token_hash = ?1",
                (hash, place),
            )?;
            Ok(())
        })
        .await?;
    Ok(())
}

/// Sends whoever is not signed in to the sign-in page, and back afterwards.
pub(super) fn sign_in_first(path_and_query: &str) -> Response {
    let back: String = form_urlencoded::byte_serialize(path_and_query.as_bytes()).collect();
    Redirect::to(&format!("/connexion?vers={back}")).into_response()
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn one_returns_to_this_site_only() {
        assert_eq!(local("/personnes?q=1"), "/personnes?q=1");
        for elsewhere in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil",
            "javascript:1",
        ] {
            assert_eq!(local(elsewhere), "/", "{elsewhere}");
        }
    }
}
