//! A visitor for tests: walks the pages of a desk through its router, as a browser without JavaScript would.
//!
//! Compiled for tests only.

#![allow(clippy::unwrap_used, missing_docs)]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{Request, Response, StatusCode};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

use super::page::StatusLine;
use super::{Desk, DeskConfig, MIGRATIONS, NavEntry, PersonAct, passphrase, router};
use crate::domain::catalog::{Agent, Catalog, Replica, catalog_id, default_catalog};
use crate::domain::codes::Role;
use crate::exchange;
use crate::ids::{AgentId, ReplicaId};
use crate::ledger::{Migrations, changes};
use crate::site::{Foreign, Site};
use crate::time::{Clock, Timestamp};

/// Thursday 26 November 2026, 9:25 at Capestang: Saint-Chinian's morning.
pub const NOW: Timestamp = Timestamp(1_795_681_500_000);
pub const LOGIN: &str = "claire";
pub const PASSPHRASE: &str = "quatre mots bien choisis";
const HOST_NAME: &str = "127.0.0.1:8081";

/// A signed-in agent with a desk of their own.
pub struct Visitor {
    pub desk: Desk,
    pub agent: AgentId,
    router: Router,
    cookie: String,
    _directory: Option<TempDir>,
}

/// One answer.
#[derive(Debug)]
pub struct Seen {
    pub status: StatusCode,
    pub location: Option<String>,
    pub text: String,
    pub bytes: Vec<u8>,
    pub headers: axum::http::HeaderMap,
}

impl Seen {
    /// Whether the page holds `words`, where any space stands for a no-break one or the end of a line as well.
    pub fn says(&self, words: &str) -> bool {
        let plain = |text: &str| text.replace("&nbsp;", " ").replace(['\u{a0}', '\n'], " ");
        plain(&self.text).contains(&plain(words))
    }
}

impl Visitor {
    /// Claire, an agent, on a fresh site with the default catalog at [`NOW`].
    pub async fn agent() -> Self {
        Self::with(
            Role::Agent,
            &[MIGRATIONS, exchange::MIGRATIONS],
            Vec::new(),
            Router::new(),
        )
        .await
    }

    /// An account of `role` on a fresh site with a program's own tables and pages.
    pub async fn with(
        role: Role,
        migrations: &[Migrations],
        nav: Vec<NavEntry>,
        more: Router<Desk>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let site = Site::open(directory.path(), migrations, Clock::fixed(NOW), |_, _| ())
            .await
            .unwrap();
        let mut visitor = Self::on(site, role, nav, more).await;
        visitor._directory = Some(directory);
        visitor
    }

    /// An account of `role` on an open site.
    pub async fn on(site: Site, role: Role, nav: Vec<NavEntry>, more: Router<Desk>) -> Self {
        Self::where_one_may(site, role, nav, &[], more).await
    }

    /// An account of `role` on an open site whose program adds these acts to a person's sheet.
    pub async fn where_one_may(
        site: Site,
        role: Role,
        nav: Vec<NavEntry>,
        person_acts: &'static [PersonAct],
        more: Router<Desk>,
    ) -> Self {
        let (agent, replica) = (AgentId::fresh(), site.replica());
        let passphrase_hash = passphrase::hash(PASSPHRASE).unwrap();
        site.edit(catalog_id(), agent, move |catalog: &mut Catalog| {
            if catalog.places.is_empty() {
                *catalog = default_catalog();
            }
            let here = Replica {
                name: "Portable 1".to_owned(),
            };
            catalog.replicas.insert(replica, here);
            let name = "Claire Fabre".to_owned();
            let login = LOGIN.to_owned();
            catalog.agents.insert(
                agent,
                Agent {
                    login,
                    name,
                    role,
                    passphrase_hash,
                    disabled: false,
                },
            );
        })
        .await
        .unwrap();
        let (_, status) = watch::channel(StatusLine::hub(0, 0));
        let desk = Desk::new(DeskConfig {
            site,
            site_name: watch::channel("Portable 1 — Maison mobile".to_owned()).1,
            nav,
            person_acts,
            status,
            first_start: "Demandez à l’administrateur.",
            hosts: vec![HOST_NAME.to_owned()],
        });
        let router = router(desk.clone(), more);
        let mut visitor = Self {
            desk,
            agent,
            router,
            cookie: String::new(),
            _directory: None,
        };
        visitor.sign_in().await;
        visitor
    }

    pub async fn sign_in(&mut self) {
        let seen = self
            .post(
                "/connexion",
                &[("login", LOGIN), ("passphrase", PASSPHRASE)],
            )
            .await;
        let cookie = seen
            .headers
            .get(SET_COOKIE)
            .expect("the sign-in gives a cookie");
        self.cookie = cookie
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
    }

    /// The site below.
    pub fn site(&self) -> &Site {
        self.desk.site()
    }

    pub async fn get(&self, path: &str) -> Seen {
        self.send(self.request("GET", path).body(Body::empty()).unwrap())
            .await
    }

    /// Posts a form.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let body: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .request("POST", path)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    /// Sends a file as the field `file` of a form, as a browser does.
    pub async fn upload(&self, path: &str, name: &str, bytes: &[u8]) -> Seen {
        let head = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let body = [head.as_bytes(), bytes, b"\r\n--edge--\r\n"].concat();
        let request = self
            .request("POST", path)
            .header(CONTENT_TYPE, "multipart/form-data; boundary=edge")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    /// Posts a form and follows the redirect.
    pub async fn act(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let seen = self.post(path, fields).await;
        match &seen.location {
            Some(location) => self.get(location).await,
            None => seen,
        }
    }

    /// A request with host, origin and cookie.
    pub fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, HOST_NAME)
            .header(ORIGIN, format!("http://{HOST_NAME}"))
            .header(COOKIE, &self.cookie)
    }

    pub async fn send(&self, request: Request<Body>) -> Seen {
        let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 16 << 20).await.unwrap();
        Seen {
            status: parts.status,
            location: parts
                .headers
                .get(LOCATION)
                .map(|l| l.to_str().unwrap().to_owned()),
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes: bytes.to_vec(),
            headers: parts.headers,
        }
    }

    /// Forgets the sign-in, as a browser whose cookies are gone.
    pub fn forget_cookie(&mut self) {
        self.cookie = String::new();
    }
}

/// The fields that a page's form holds, as a browser would send them; choices and notes left out.
pub fn fields(seen: &Seen) -> Vec<(String, String)> {
    let inputs = seen.text.split("<input ").skip(1).map(|tag| {
        let tag = tag.split('>').next().unwrap();
        let attribute = |name: &str| {
            let value = tag.split(&format!("{name}=\"")).nth(1)?;
            let value = value.split('"').next().unwrap();
            Some(value.replace("&#39;", "'").replace("&#38;", "&"))
        };
        let kind = attribute("type").unwrap_or_default();
        (kind, attribute("name"), attribute("value"))
    });
    let texts = inputs.filter(|(kind, ..)| kind != "radio" && kind != "checkbox");
    texts
        .filter_map(|(_, name, value)| Some((name?, value?)))
        .collect()
}

/// Sends the form of a page with some fields filled in differently.
pub async fn fill(visitor: &Visitor, form: &Seen, action: &str, filled: &[(&str, &str)]) -> Seen {
    let mut sent = fields(form);
    sent.retain(|(name, _)| filled.iter().all(|(other, _)| name != other));
    sent.extend(
        filled
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
    );
    let sent: Vec<(&str, &str)> = sent.iter().map(|(n, v)| (&**n, &**v)).collect();
    visitor.post(action, &sent).await
}

/// Another site with everything that the visitor's holds.
pub async fn elsewhere(visitor: &Visitor) -> (Site, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let migrations = &[exchange::MIGRATIONS];
    let opened = Site::open(directory.path(), migrations, Clock::fixed(NOW), |_, _| ());
    let site = opened.await.unwrap();
    give(visitor.site(), &site).await;
    (site, directory)
}

/// Gives every change of one site to another.
pub async fn give(from: &Site, to: &Site) {
    let nobody = ReplicaId(uuid::Uuid::nil());
    let read = from.read(move |c| Ok(changes::since(c, 0, nobody, usize::MAX)?));
    let batch = read.await.unwrap().into_iter().map(|entry| Foreign {
        document: entry.change.document,
        kind: entry.change.kind,
        bytes: entry.change.bytes,
    });
    let (batch, origin) = (batch.collect(), from.replica());
    let received = to.write(move |work| work.receive(origin, batch, |_| true));
    received.await.unwrap();
}
