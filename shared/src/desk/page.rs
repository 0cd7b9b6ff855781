//! What every page of the desk has around its own matter: site name, navigation, status line, flash message.
//!
//! `base.html` draws a [`Page`]; a page's own template struct has a `page: Page` field and extends it. The sentences
//! of the status line are made here, from numbers; where the numbers come from is the caller's business.

use askama::Template;
use jiff::civil::DateTime;

use crate::text::{counted, grouped};
use crate::time::{clock_time, short_date};

/// The frame of one page, as `base.html` draws it.
#[derive(Clone, Debug)]
pub struct Page {
    /// Title of the window and, unless the page has a heading of its own, of the page. Browsers keep it in their
    /// history, so it never holds a person's name.
    pub title: String,
    /// « Portable 1 — Maison mobile », « Capestang — hub ».
    pub site_name: String,
    /// Main navigation, in reading order; empty while nobody is signed in.
    pub nav: Vec<NavItem>,
    /// Name of the agent who is signed in.
    pub agent: Option<String>,
    /// How this site stands with the hub; absent while nobody is signed in.
    pub status: Option<StatusLine>,
    /// What the last act did, shown once.
    pub flash: Option<Flash>,
}

/// One entry of the main navigation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NavItem {
    /// Words shown.
    pub label: &'static str,
    /// Path of the page.
    pub href: &'static str,
    /// Letter that follows `g` on the keyboard.
    pub key: char,
    /// The page shown, or one below it.
    pub current: bool,
}

/// What the last act did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash {
    /// Done, or done with something to look at.
    pub kind: FlashKind,
    /// One sentence.
    pub text: String,
    /// Path that takes a POST to undo the act.
    pub undo: Option<String>,
}

/// How a flash message looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashKind {
    /// The act is done.
    Done,
    /// The act is done, or refused, and somebody should look.
    Warning,
}

/// How this site stands with the hub, in one calm sentence. Renders the inside of `#status-line`, which is also what
/// the live stream `/etat` sends.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "status.html")]
pub struct StatusLine {
    /// Decides the colour; the words say the same.
    pub kind: StatusKind,
    /// One sentence, two at most.
    pub text: String,
    /// A second thought in smaller type; may be empty.
    pub detail: String,
}

/// The four states of the status line. Being offline is normal and looks so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusKind {
    /// Proved identical to the hub.
    UpToDate,
    /// On the way: something waits for the next exchange.
    Waiting,
    /// No line to the hub; nothing is wrong.
    Offline,
    /// Somebody should look.
    Attention,
}

impl Page {
    /// A page of a site before anybody is signed in: no navigation, no status.
    #[must_use]
    pub fn signed_out(site_name: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            site_name: site_name.into(),
            nav: Vec::new(),
            agent: None,
            status: None,
            flash: None,
        }
    }

    /// Query that makes the addresses of style sheet and script change with their content.
    #[must_use]
    pub fn assets_version(&self) -> &'static str {
        super::assets::version()
    }
}

impl NavItem {
    /// An entry that is current when `path` is its page or below it.
    #[must_use]
    pub fn new(label: &'static str, href: &'static str, key: char, path: &str) -> Self {
        let below = path
            .strip_prefix(href)
            .is_some_and(|rest| rest.is_empty() || (href != "/" && rest.starts_with('/')));
        Self {
            label,
            href,
            key,
            current: below,
        }
    }
}

impl Flash {
    /// « Inscription enregistrée. »
    #[must_use]
    pub fn done(text: impl Into<String>) -> Self {
        Self {
            kind: FlashKind::Done,
            text: text.into(),
            undo: None,
        }
    }

    /// Something that somebody should look at.
    #[must_use]
    pub fn warning(text: impl Into<String>) -> Self {
        Self {
            kind: FlashKind::Warning,
            ..Self::done(text)
        }
    }

    /// The same message with a button « Annuler » that posts to `path`.
    #[must_use]
    pub fn with_undo(self, path: impl Into<String>) -> Self {
        Self {
            undo: Some(path.into()),
            ..self
        }
    }

    /// Name of the style.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self.kind {
            FlashKind::Done => "flash-done",
            FlashKind::Warning => "flash-warning",
        }
    }
}

impl StatusLine {
    /// The fingerprints agreed at `since`, and nothing has changed on either side.
    #[must_use]
    pub fn up_to_date(since: DateTime, now: DateTime) -> Self {
        Self::new(
            StatusKind::UpToDate,
            format!("Identique au hub depuis {}.", moment(since, now)),
        )
    }

    /// The line is up and `only_here` entries are about to leave, or an exchange is under way.
    #[must_use]
    pub fn waiting(only_here: u64) -> Self {
        let text = match only_here {
            0 => "En ligne. Échange avec le hub en cours.".to_owned(),
            n => format!("En ligne. {} à envoyer au hub.", entries(n)),
        };
        Self::new(StatusKind::Waiting, text)
    }

    /// A long exchange is under way: `done` changes of `all`; `left` says how long the rest takes, if anybody can.
    #[must_use]
    pub fn exchanging(done: u64, all: u64, left: String) -> Self {
        let text = format!(
            "Échange avec le hub\u{a0}: {} modifications sur {}.",
            grouped(done),
            grouped(all)
        );
        let mut line = Self::new(StatusKind::Waiting, text);
        line.detail = left;
        line
    }

    /// No line to the hub, the last good exchange was at `last`.
    #[must_use]
    pub fn offline(only_here: u64, last: Option<DateTime>, now: DateTime) -> Self {
        let mut line = Self::new(
            StatusKind::Offline,
            format!("Hors ligne\u{a0}: c’est normal. {}", here(only_here)),
        );
        line.detail = last_exchange(last, now);
        line
    }

    /// Somebody paused the exchange.
    #[must_use]
    pub fn paused(only_here: u64, last: Option<DateTime>, now: DateTime) -> Self {
        let mut line = Self::new(
            StatusKind::Attention,
            format!("Échanges en pause. {}", here(only_here)),
        );
        line.detail = last_exchange(last, now);
        line
    }

    /// Something that somebody should look at, in one whole sentence; entries that are only here are told as well.
    #[must_use]
    pub fn attention(sentence: impl Into<String>, only_here: u64) -> Self {
        let mut line = Self::new(StatusKind::Attention, sentence.into());
        if only_here > 0 {
            line.detail = here(only_here);
        }
        line
    }

    /// The hub's own line: `laptops` are enrolled, `behind` of them have not been heard of for a while.
    #[must_use]
    pub fn hub(laptops: u64, behind: u64) -> Self {
        match (laptops, behind) {
            (0, _) => Self::new(StatusKind::Offline, "Aucun portable inscrit.".to_owned()),
            (n, 0) => Self::new(
                StatusKind::UpToDate,
                format!("{} à jour.", counted(n, "portable", "portables")),
            ),
            (n, behind) => Self::new(
                StatusKind::Waiting,
                format!(
                    "{} sur {n} sans nouvelles récentes.",
                    counted(behind, "portable", "portables")
                ),
            ),
        }
    }

    /// Name of the style.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self.kind {
            StatusKind::UpToDate => "status-up-to-date",
            StatusKind::Waiting => "status-waiting",
            StatusKind::Offline => "status-offline",
            StatusKind::Attention => "status-attention",
        }
    }

    fn new(kind: StatusKind, text: String) -> Self {
        Self {
            kind,
            text,
            detail: String::new(),
        }
    }
}

/// « 3 saisies ».
fn entries(n: u64) -> String {
    counted(n, "saisie", "saisies")
}

/// « 3 saisies sur ce portable seulement. »
fn here(n: u64) -> String {
    match n {
        0 => "Rien n’attend sur ce portable.".to_owned(),
        n => format!("{} sur ce portable seulement.", entries(n)),
    }
}

/// « Dernier échange : hier à 17 h 40. »
fn last_exchange(last: Option<DateTime>, now: DateTime) -> String {
    match last {
        None => "Aucun échange avec le hub pour l’instant.".to_owned(),
        Some(last) => format!("Dernier échange\u{a0}: {}.", moment(last, now)),
    }
}

/// A moment as one says it at `now`: « 9 h 12 », « hier à 17 h 40 », « jeu. 19 nov. à 11 h ».
#[must_use]
pub fn moment(at: DateTime, now: DateTime) -> String {
    let time = clock_time(at.time());
    if at.date() == now.date() {
        time
    } else if Some(at.date()) == now.date().yesterday().ok() {
        format!("hier à {time}")
    } else {
        format!("{} à {time}", short_date(at.date()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[derive(Template)]
    #[template(
        ext = "html",
        source = r#"{% extends "base.html" %}{% block main %}<p>Rien.</p>{% endblock %}"#
    )]
    struct Bare {
        page: Page,
    }

    #[test]
    fn a_page_marks_where_one_is_and_offers_to_undo() {
        let mut page = Page::signed_out("Portable 1 — Maison mobile", "Personnes");
        page.nav = vec![NavItem::new("Personnes", "/personnes", 'p', "/personnes/1")];
        page.agent = Some("Sylvie".to_owned());
        page.status = Some(StatusLine::waiting(2));
        page.flash = Some(Flash::done("Noté.").with_undo("/demandes/1/annuler"));
        let html = Bare { page }.to_string();
        assert!(html.contains(r#"<a href="/personnes" data-go="p" aria-current="page">"#));
        assert!(html.contains(r#"<form method="post" action="/demandes/1/annuler">"#));
        assert!(
            html.contains(
                r#"role="status" data-stream="/etat"><span class="status status-waiting">"#
            )
        );
        assert!(html.contains("<h1>Personnes</h1>"));
    }

    #[test]
    fn a_page_before_sign_in_shows_neither_navigation_nor_status() {
        let page = Page::signed_out("Portable 1 — Maison mobile", "Bonjour");
        let html = Bare { page }.to_string();
        assert!(!html.contains("<nav") && !html.contains("status-line"));
        assert!(
            !html.contains("style=") && !html.contains("<style"),
            "the policy forbids it"
        );
    }

    fn now() -> DateTime {
        date(2026, 11, 26).at(11, 5, 0, 0)
    }

    #[test]
    fn being_offline_is_said_to_be_normal_and_what_is_only_here_is_counted() {
        let last = Some(date(2026, 11, 25).at(17, 40, 0, 0));
        let line = StatusLine::offline(3, last, now());
        assert_eq!(
            line.text,
            "Hors ligne\u{a0}: c’est normal. 3 saisies sur ce portable seulement."
        );
        assert_eq!(
            line.detail,
            "Dernier échange\u{a0}: hier à 17\u{a0}h\u{a0}40."
        );
        assert_eq!(
            StatusLine::offline(1, None, now()).text,
            "Hors ligne\u{a0}: c’est normal. 1 saisie sur ce portable seulement."
        );
        assert_eq!(
            StatusLine::offline(0, None, now()).text,
            "Hors ligne\u{a0}: c’est normal. Rien n’attend sur ce portable."
        );
    }

    #[test]
    fn identical_is_said_with_its_hour_and_on_another_day_with_its_date() {
        let at = |day, hour, minute| date(2026, 11, day).at(hour, minute, 0, 0);
        assert_eq!(
            StatusLine::up_to_date(at(26, 9, 12), now()).text,
            "Identique au hub depuis 9\u{a0}h\u{a0}12."
        );
        assert_eq!(
            StatusLine::up_to_date(at(19, 11, 0), now()).text,
            "Identique au hub depuis jeu.\u{a0}19\u{a0}nov. à 11\u{a0}h."
        );
    }

    #[test]
    fn what_waits_is_counted_in_the_singular_and_the_plural() {
        assert_eq!(
            StatusLine::waiting(1).text,
            "En ligne. 1 saisie à envoyer au hub."
        );
        assert_eq!(
            StatusLine::waiting(12).text,
            "En ligne. 12 saisies à envoyer au hub."
        );
        assert_eq!(
            StatusLine::waiting(0).text,
            "En ligne. Échange avec le hub en cours."
        );
    }

    #[test]
    fn the_hub_counts_its_laptops() {
        assert_eq!(StatusLine::hub(2, 0).text, "2 portables à jour.");
        assert_eq!(StatusLine::hub(1, 0).text, "1 portable à jour.");
        assert_eq!(
            StatusLine::hub(5, 1).text,
            "1 portable sur 5 sans nouvelles récentes."
        );
        assert_eq!(StatusLine::hub(0, 0).text, "Aucun portable inscrit.");
    }

    #[test]
    fn the_line_renders_escaped_with_its_style() {
        let html = StatusLine::attention("<b>", 2).to_string();
        assert!(html.contains("status-attention"));
        assert!(!html.contains("<b>"));
        assert!(html.contains("2 saisies sur ce portable seulement."));
    }

    #[test]
    fn an_entry_is_current_on_its_page_and_below_it() {
        let current = |href, path| NavItem::new("x", href, 'x', path).current;
        assert!(current("/personnes", "/personnes"));
        assert!(current("/personnes", "/personnes/nouvelle"));
        assert!(!current("/personnes", "/personnes-x"));
        assert!(current("/", "/"));
        assert!(!current("/", "/personnes"));
    }
}
