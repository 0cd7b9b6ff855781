//! The agents' pages (« desk »), mounted by both programs: one file per page, beside its template.
//!
//! What pages share: [`page`] is the frame that `base.html` draws, [`form`] what the field macros of `parts.html`
//! draw, [`assets`] the style sheet and the script, [`sign_in`] who is there, [`guard`] what every request must
//! respect, [`answer`] what a handler gives back, [`unsaved`] what was typed when the store fails, [`transfer`] files on
//! their way. The desk does not know whether it runs on a laptop or at the hub: what differs (name, further pages,
//! status line) is in [`DeskConfig`].

mod accessibility;
pub mod answer;
pub mod assets;
mod demandes;
pub mod form;
pub mod guard;
pub mod page;
pub mod passphrase;
mod people;
pub mod place;
pub mod record;
mod sessions;
pub mod sign_in;
mod signed_in;
mod status;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod today;
pub mod transfer;
mod unsaved;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use tokio::sync::watch;

pub use signed_in::SignedIn;

use crate::domain::codes::Role;
use crate::ids::AgentId;
use crate::ledger::Migrations;
use crate::request::Allowance;
use crate::site::Site;
use page::{Flash, NavItem, Page, StatusLine};

/// The desk's own tables: who is signed in on this site.
pub const MIGRATIONS: Migrations = Migrations {
    module: "desk",
    scripts: &["
    CREATE TABLE sign_in (
        token_hash BLOB NOT NULL PRIMARY KEY,
        agent TEXT NOT NULL,
        created INTEGER NOT NULL,
        seen INTEGER NOT NULL,
        place TEXT
    ) STRICT, WITHOUT ROWID;
    "],
};

/// A page that a program adds to the navigation.
#[derive(Clone, Copy, Debug)]
pub struct NavEntry {
    /// Words shown.
    pub label: &'static str,
    /// Path of the page.
    pub href: &'static str,
    /// Letter that follows `g` on the keyboard.
    pub key: char,
    /// The least role that may open the page.
    pub role: Role,
}

/// An act on a person that a program adds to their sheet.
#[derive(Clone, Copy, Debug)]
pub struct PersonAct {
    /// Words shown.
    pub label: &'static str,
    /// What follows the sheet's path.
    pub path: &'static str,
    /// The least role that may do it.
    pub role: Role,
}

/// The pages of the desk itself.
const NAV: &[NavEntry] = &[
    NavEntry {
        label: "Aujourd’hui",
        href: "/",
        key: 'a',
        role: Role::Agent,
    },
    NavEntry {
        label: "Personnes",
        href: "/personnes",
        key: 'p',
        role: Role::Agent,
    },
    NavEntry {
        label: "Ateliers",
        href: "/ateliers",
        key: 't',
        role: Role::Agent,
    },
    NavEntry {
        label: "Demandes",
        href: "/demandes",
        key: 'd',
        role: Role::Agent,
    },
];

/// What differs from one site to another.
#[derive(Debug)]
pub struct DeskConfig {
    /// The opened site.
    pub site: Site,
    /// « Portable 1 — Maison mobile », « Capestang — hub »; a laptop gets its name while it serves.
    pub site_name: watch::Receiver<String>,
    /// Pages that the program adds to the navigation.
    pub nav: Vec<NavEntry>,
    /// Acts that the program adds to a person's sheet.
    pub person_acts: &'static [PersonAct],
    /// How the site stands with the hub; the program keeps it up to date.
    pub status: watch::Receiver<StatusLine>,
    /// What to do while no account is known on this site: the sign-in page says it.
    pub first_start: &'static str,
    /// The `host:port` values under which the pages may be asked for.
    pub hosts: Vec<String>,
}

/// The desk of one site: the state of every handler. Clones share it.
#[derive(Clone, Debug)]
pub struct Desk {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: DeskConfig,
    /// Messages for the next page, by sign-in. Lost at a restart: they only repeat what the page shows.
    flashes: Mutex<HashMap<sign_in::TokenHash, Flash>>,
    /// How often a source may try to sign in in vain.
    sign_ins: Allowance,
}

impl Desk {
    /// The desk of a site.
    #[must_use]
    pub fn new(config: DeskConfig) -> Self {
        Self {
            inner: Arc::new(Inner {
                config,
                flashes: Mutex::default(),
                sign_ins: sign_in::allowance(),
            }),
        }
    }

    /// The site below.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.inner.config.site
    }

    /// The frame of a page at `path` for whoever is signed in; shows the message of the last act, once.
    #[must_use]
    pub fn page(&self, who: &SignedIn, title: impl Into<String>, path: &str) -> Page {
        let config = &self.inner.config;
        let entries = NAV.iter().chain(&config.nav);
        Page {
            title: title.into(),
            site_name: config.site_name.borrow().clone(),
            nav: entries
                .filter(|e| who.role >= e.role)
                .map(|e| NavItem::new(e.label, e.href, e.key, path))
                .collect(),
            agent: Some(who.name.clone()),
            status: Some(config.status.borrow().clone()),
            // A page that is brought up to date must not swallow what the next one is to say.
            flash: (!who.is_refresh)
                .then(|| self.flashes().remove(&who.token_hash))
                .flatten(),
        }
    }

    /// The frame of a page for nobody in particular.
    #[must_use]
    pub fn page_signed_out(&self, title: impl Into<String>) -> Page {
        Page::signed_out(self.inner.config.site_name.borrow().clone(), title)
    }

    /// What else the program lets `who` do with a person, below their sheet.
    fn person_acts(&self, who: &SignedIn) -> Vec<&'static PersonAct> {
        let acts = self.inner.config.person_acts.iter();
        acts.filter(|act| who.role >= act.role).collect()
    }

    /// What to do while no account is known on this site.
    fn first_start(&self) -> &'static str {
        self.inner.config.first_start
    }

    /// Leaves a message for the next page of whoever is signed in.
    pub fn flash(&self, who: &SignedIn, flash: Flash) {
        self.flashes().insert(who.token_hash, flash);
    }

    /// Name of the cookie: cookies do not tell ports apart, and several sites may share one machine.
    fn cookie_name(&self) -> String {
        format!("maison_{}", self.site().replica())
    }

    fn flashes(&self) -> std::sync::MutexGuard<'_, HashMap<sign_in::TokenHash, Flash>> {
        self.inner
            .flashes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The desk's pages with the program's own `more` ones, all behind the [`guard`].
pub fn router(desk: Desk, more: Router<Desk>) -> Router {
    let pages = Router::new()
        .merge(assets::routes())
        .merge(accessibility::routes())
        .merge(sessions::routes())
        .merge(demandes::routes())
        .merge(sign_in::routes())
        .merge(status::routes())
        .merge(today::routes())
        .merge(people::routes())
        .merge(more)
        .fallback(answer::not_found);
    let pages = unsaved::around(pages, &desk);
    guard::around(pages, &desk).with_state(desk)
}

/// Name of an agent for a page; « ancien compte » when the catalog no longer holds it.
#[must_use]
pub fn agent_name(catalog: &crate::domain::catalog::Catalog, id: AgentId) -> &str {
    catalog
        .agents
        .get(&id)
        .map_or("ancien compte", |agent| &agent.name)
}
