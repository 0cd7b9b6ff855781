//! Sauvegardes: how old the newest verified backup is, the last drill, the places; and what the laptops gave back after
//! a restore. Administrators only. Keys and places are set by command, on the machine of the hub.

use std::path::PathBuf;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Extension, Router};
use shared::desk::Desk;
use shared::desk::answer::{Answer, Failure, page, see};
use shared::desk::page::{Flash, Page, moment};
use shared::ledger::aside;
use shared::text::{capitalised, counted};
use shared::time::Timestamp;

use super::role::Administrator;
use crate::backup::returned::{self, Returned};
use crate::backup::{self, BackupError, Listed, Made, PlaceListed};
use crate::opened::Hub;

const TITLE: &str = "Sauvegardes";
pub(super) const PATH: &str = "/sauvegardes";
const HOUR_MS: i64 = 3_600_000;
/// A backup older than this is late: one daily backup was missed, and half a day was not enough to notice.
const LATE_MS: i64 = 36 * HOUR_MS;
/// A browser waits this long for a backup before it is told that it goes on.
const WAITED: Duration = Duration::from_secs(8);

#[derive(Template)]
#[template(path = "pages/backups.html")]
struct BackupsPage {
    page: Page,
    /// When the newest verified backup was made, and how long ago; nothing when there is none.
    newest: Option<(String, String)>,
    is_late: bool,
    /// What is lacking before there can be backups, if anything.
    lacking: Option<String>,
    /// Why the last try failed, if it did.
    failure: Option<String>,
    /// The last drill, in words.
    drill: String,
    drill_failed: bool,
    places: Vec<Place>,
    /// The names of those whose keys open backups.
    recipients: String,
    restored: Option<Restoration>,
    /// Directories of data from before a restore, which somebody should remove some day.
    set_aside: String,
}

/// A place in the list.
struct Place {
    path: String,
    badge: &'static str,
    state: String,
    newest: String,
    verified: String,
    count: usize,
}

/// What became of laptops since the hub was restored.
struct Restoration {
    at: String,
    of: String,
    laptops: Vec<Laptop>,
}

struct Laptop {
    name: String,
    contact: String,
    gave: String,
}

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route(PATH, get(show))
        .route("/sauvegardes/maintenant", post(create))
}

async fn show(
    State(desk): State<Desk>,
    Administrator(who): Administrator,
    Extension(hub): Extension<Hub>,
) -> Answer {
    let now = desk.site().clock().now();
    let directory = hub.site().store().directory().to_owned();
    let read = move || {
        let moved = aside::moved(&directory, aside::Why::Restored);
        let paths = moved.iter().map(|name| display(directory.join(name)));
        let set_aside: Vec<String> = paths.collect();
        backup::list(&directory).map(|listed| (listed, set_aside.join(", ")))
    };
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.map_err(|_| Failure::Busy)?.map_err(unreadable)?;
    let restored = desk.site().read(|connection| {
        let Some(restored) = returned::last(connection)? else {
            return Ok(None);
        };
        let laptops = returned::since(connection, &restored)?;
        Ok(Some((restored, laptops)))
    });
    let restored = restored.await?.map(|(restored, laptops)| Restoration {
        at: moment(restored.at.local(), now.local()),
        of: moment(restored.of.local(), now.local()),
        laptops: laptops.into_iter().map(|one| laptop(one, now)).collect(),
    });
    let frame = desk.page(&who, TITLE, PATH);
    page(&backups_page(frame, read, restored, now))
}

fn unreadable(error: BackupError) -> Failure {
    tracing::error!(%error, "the settings of backups cannot be read");
    Failure::Busy
}

fn backups_page(
    page: Page,
    (listed, set_aside): (Listed, String),
    restored: Option<Restoration>,
    now: Timestamp,
) -> BackupsPage {
    let said = |at: i64| moment(Timestamp(at).local(), now.local());
    let state = &listed.state;
    let newest = state.newest.as_ref().map(|newest| newest.at);
    let drilled = state.drill.as_ref();
    let tried = state.tried.as_ref();
    let names: Vec<&str> = listed.recipients.iter().map(|one| &*one.name).collect();
    BackupsPage {
        page,
        newest: newest.map(|at| (said(at), age(now.0 - at))),
        is_late: is_late(newest, now),
        lacking: lacking(&listed),
        failure: tried.and_then(|tried| {
            let why = tried.failure.as_ref()?;
            Some(format!("{}\u{a0}: {why}", said(tried.at)))
        }),
        drill: match drilled {
            None => "Aucun encore".to_owned(),
            Some(drill) => match &drill.failure {
                None => format!("Réussi, {}", said(drill.at)),
                Some(why) => format!("Échoué, {}\u{a0}: {why}", said(drill.at)),
            },
        },
        drill_failed: drilled.is_some_and(|drill| drill.failure.is_some()),
        recipients: names.join(", "),
        places: listed
            .places
            .into_iter()
            .map(|one| place(one, now))
            .collect(),
        restored,
        set_aside,
    }
}

fn lacking(listed: &Listed) -> Option<String> {
    if listed.recipients.len() < 2 {
        Some(BackupError::FewRecipients(listed.recipients.len()).to_string())
    } else if listed.places.is_empty() {
        Some(BackupError::NoPlace.to_string())
    } else {
        None
    }
    .map(|words| format!("{}.", capitalised(&words)))
}

/// Whether the newest verified backup, if there is one, is so old that somebody must see to it.
fn is_late(newest: Option<i64>, now: Timestamp) -> bool {
    newest.is_none_or(|at| now.0 - at > LATE_MS)
}

/// « il y a 14 heures ».
fn age(ms: i64) -> String {
    let hours = (ms / HOUR_MS).unsigned_abs();
    match hours {
        0 => "il y a moins d’une heure".to_owned(),
        1..48 => format!("il y a {}", counted(hours, "heure", "heures")),
        _ => format!("il y a {}", counted(hours / 24, "jour", "jours")),
    }
}

fn place(listed: PlaceListed, now: Timestamp) -> Place {
    let (badge, state) = match (listed.is_there, listed.failing) {
        (false, _) => ("waiting", "Absent".to_owned()),
        (true, Some(why)) => ("late", format!("En échec\u{a0}: {why}")),
        (true, None) => ("done", "En ordre".to_owned()),
    };
    let newest = listed.backups.first();
    let said = |at: Timestamp| moment(at.local(), now.local());
    Place {
        path: display(listed.path),
        badge,
        state,
        newest: newest.map_or_else(String::new, |one| said(one.manifest.at())),
        verified: newest.map_or_else(String::new, |one| match one.verified {
            Some(at) => said(at),
            None => "Non".to_owned(),
        }),
        count: listed.backups.len(),
    }
}

fn display(path: PathBuf) -> String {
    path.display().to_string()
}

fn laptop(returned: Returned, now: Timestamp) -> Laptop {
    Laptop {
        name: returned.name,
        contact: returned.contact.map_or_else(
            || "Pas encore revenu".to_owned(),
            |at| moment(at.local(), now.local()),
        ),
        gave: match (returned.contact, returned.changes) {
            (None, 0) => String::new(),
            (Some(_), 0) => "Rien ne manquait".to_owned(),
            (_, changes) => format!(
                "{} de {}",
                counted(changes, "modification", "modifications"),
                counted(returned.documents, "fiche", "fiches"),
            ),
        },
    }
}

async fn create(
    State(desk): State<Desk>,
    Administrator(who): Administrator,
    Extension(hub): Extension<Hub>,
) -> Answer {
    let (directory, now) = (
        hub.site().store().directory().to_owned(),
        hub.site().clock().now(),
    );
    let making = move || backup::create(&directory, now, &mut |_, _, _| ());
    // It goes on when the browser is no longer waiting.
    let making = tokio::spawn(async move {
        let made = tokio::task::spawn_blocking(making).await;
        // Its copy kept what was erased meanwhile from leaving the files.
        hub.site().scrub().await;
        made
    });
    let flash = match tokio::time::timeout(WAITED, making).await {
        Err(_) => Flash::warning(
            "La sauvegarde est en cours\u{a0}: rechargez cette page dans un instant.",
        ),
        Ok(Err(_) | Ok(Err(_))) => return Err(Failure::Busy),
        Ok(Ok(Ok(Ok(made)))) => done(&made),
        Ok(Ok(Ok(Err(error)))) => {
            tracing::error!(%error, "no backup was made");
            Flash::warning(format!("{}.", capitalised(&error.to_string())))
        }
    };
    desk.flash(&who, flash);
    see(PATH)
}

fn done(made: &Made) -> Flash {
    let failed = made.places.iter().filter(|(_, outcome)| outcome.is_err());
    match failed.count() {
        0 => Flash::done("Sauvegardé et vérifié."),
        count => Flash::warning(format!(
            "Sauvegardé et vérifié, sauf à {}.",
            counted(count as u64, "emplacement", "emplacements")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::AtHub;
    use super::*;
    use crate::backup::settings::Settings;
    use crate::backup::{keys, mark};
    use shared::desk::testing::NOW;
    use shared::domain::codes::Role;

    #[tokio::test]
    async fn the_page_says_what_is_lacking_then_backs_up_and_says_what_failed() {
        let at = AtHub::with(Role::Administrator).await;
        let data = at.hub.site().store().directory().to_owned();
        let seen = at.visitor.get("/sauvegardes").await;
        assert!(seen.says("Aucune sauvegarde vérifiée") && seen.says("backup key"));
        assert!(
            seen.text.contains("card-late")
                && !seen.text.contains("<button class=\"act\">Sauvegarder")
        );

        let elsewhere = tempfile::tempdir().unwrap();
        mark(elsewhere.path()).unwrap();
        let mut settings = Settings::default();
        for name in ["Odile Roques", "Paul Cros"] {
            let path = elsewhere.path().join(name);
            settings
                .add_recipient(&keys::draw(&data, &path).unwrap(), name)
                .unwrap();
        }
        settings.places = vec![elsewhere.path().to_owned()];
        settings.write(&data).unwrap();
        let sent = at.visitor.post("/sauvegardes/maintenant", &[]).await;
        assert_eq!(sent.location.as_deref(), Some("/sauvegardes"));
        let seen = at.visitor.get("/sauvegardes").await;
        for words in [
            "Sauvegardé et vérifié.",
            "il y a moins d’une heure",
            "Odile Roques, Paul Cros",
            "En ordre",
        ] {
            assert!(seen.says(words), "{words}: {}", seen.text);
        }
        assert!(!seen.text.contains("card-late"));
        std::fs::remove_file(elsewhere.path().join(".maison-sauvegardes")).unwrap();
        at.visitor.post("/sauvegardes/maintenant", &[]).await;
        let seen = at.visitor.get("/sauvegardes").await;
        assert!(seen.says("Absent") && seen.says("La dernière tentative a échoué"));
    }

    #[test]
    fn a_backup_is_late_after_a_day_and_a_half() {
        let hours = |n: i64| Some(NOW.0 - n * HOUR_MS);
        assert!(!is_late(hours(36), NOW) && is_late(hours(37), NOW) && is_late(None, NOW));
        let said = [0, 1, 47, 48].map(|hours| age(hours * HOUR_MS));
        let expected = ["moins d’une heure", "1 heure", "47 heures", "2 jours"];
        assert_eq!(said, expected.map(|words| format!("il y a {words}")));
    }

    #[tokio::test]
    async fn after_a_restore_it_names_who_has_not_been_back() {
        let at = AtHub::with(Role::Administrator).await;
        let note = |tx: &rusqlite::Transaction<'_>| returned::note(tx, NOW, NOW);
        at.hub.site().store().write(note).await.unwrap();
        let before = at
            .hub
            .site()
            .store()
            .directory()
            .join("avant-restauration-2026-11-26-0925");
        std::fs::create_dir(before).unwrap();
        let seen = at.visitor.get("/sauvegardes").await;
        assert!(seen.says("avant-restauration-2026-11-26-0925"));
        assert!(seen.says("Depuis la restauration") && seen.says("Aucun portable inscrit"));
        let overview = at.visitor.get("/vue-ensemble").await;
        assert!(overview.says("Le hub a été restauré"), "{}", overview.text);
    }
}
