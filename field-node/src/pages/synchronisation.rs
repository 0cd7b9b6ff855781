//! « Synchronisation »: what waits, how the laptop stands with the hub, pause, exchange now, the last exchanges.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Extension, Router};
use jiff::civil::DateTime;
use rusqlite::Connection;
use shared::desk::answer::{self, Answer};
use shared::desk::page::{Flash, Page, moment};
use shared::desk::{Desk, SignedIn};
use shared::document::Kind;
use shared::exchange::durability::{self, Durable};
use shared::exchange::log::{self, Logged};
use shared::exchange::position::{self, PendingDocument};
use shared::ledger::erasures::Lost;
use shared::ledger::{LedgerError, erasures};
use shared::site::rot;
use shared::text::{counted, grouped};
use shared::time::Timestamp;

use super::notices;
use crate::courier::{Courier, CourierState};
use crate::identity::{self, Enrolment};
use crate::lease;
use crate::progress::Progress;
use crate::rescue::{self, Damage};
use crate::status_line::sentence;

pub(super) const PATH: &str = "/synchronisation";

/// What waits is listed up to here; the heading counts all of it.
const WAITING_SHOWN: usize = 20;
/// Erasures shown that took entries of this laptop along.
const LOST_SHOWN: usize = 5;
/// Exchanges shown.
const EXCHANGES_SHOWN: usize = 30;
/// A page that asked for an exchange is answered after this long at the latest; the exchange goes on.
const ASKED_WITHIN: Duration = Duration::from_secs(15);
/// A clock that differs less from the hub's is said to be right.
const CLOCK_RIGHT_MS: u64 = 120_000;

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route(PATH, get(show))
        .route("/synchronisation/maintenant", post(now))
        .route("/synchronisation/pause", post(pause))
        .route("/synchronisation/reprise", post(resume))
}

#[derive(Template)]
#[template(path = "pages/synchronisation.html")]
struct SynchronisationPage {
    page: Page,
    heading: String,
    explanation: String,
    notices: Vec<String>,
    progress: Option<ProgressBar>,
    waiting: Vec<Waiting>,
    more: u64,
    enrolled: bool,
    paused: bool,
    hub: String,
    last: String,
    identical: String,
    at_hub: String,
    backed_up: String,
    clock: String,
    exchanges: Vec<ExchangeLine>,
}

/// How far a long exchange has come.
struct ProgressBar {
    done: u64,
    all: u64,
    words: String,
}

/// Something that waits: a kind of record and when it was last written. No names: the page stays on screen.
struct Waiting {
    name: &'static str,
    at: String,
}

/// One exchange, as the table shows it.
struct ExchangeLine {
    at: String,
    outcome: &'static str,
    sent: u64,
    received: u64,
    bytes_up: String,
    bytes_down: String,
    duration: String,
}

/// What the page reads from the store.
struct Stored {
    enrolment: Option<Enrolment>,
    pending: Vec<PendingDocument>,
    exchanges: Vec<Logged>,
    copy_noticed: Option<Timestamp>,
    durable: Durable,
    damage: Option<Damage>,
    rotten: Option<(Timestamp, u64)>,
    lost: Vec<Lost>,
}

async fn show(
    State(desk): State<Desk>,
    Extension(courier): Extension<Courier>,
    who: SignedIn,
) -> Answer {
    let stored = desk.site().read(|c| Ok(stored(c)?)).await?;
    let state = courier.state().borrow().clone();
    let clock = desk.site().clock();
    let (now, offset_ms) = (clock.now().local(), clock.offset_ms());
    let page = desk.page(&who, "Synchronisation", PATH);
    let shown = stored.pending.len() as u64;
    answer::page(&SynchronisationPage {
        page,
        heading: heading(&state),
        explanation: explanation(&state),
        notices: notices(&stored, clock.now()),
        progress: state.progress.map(progress_bar),
        waiting: waiting(&stored.pending, now),
        more: state.pending.documents.saturating_sub(shown),
        enrolled: state.enrolled,
        paused: state.paused,
        hub: hub(&state, stored.enrolment),
        last: said(state.last_done, now, "Aucun pour l’instant"),
        identical: identical(&state, now),
        at_hub: notices::at_hub(&stored.durable, now),
        backed_up: notices::backed_up(&stored.durable, now),
        clock: clock_sentence(offset_ms),
        exchanges: stored
            .exchanges
            .into_iter()
            .map(|logged| exchange_line(&logged, now))
            .collect(),
    })
}

async fn now(
    State(desk): State<Desk>,
    Extension(courier): Extension<Courier>,
    who: SignedIn,
) -> Answer {
    let ended = tokio::time::timeout(ASKED_WITHIN, courier.sync_now()).await;
    let state = courier.state().borrow().clone();
    desk.flash(&who, outcome(ended.is_ok(), &state));
    answer::see(PATH)
}

async fn pause(
    State(desk): State<Desk>,
    Extension(courier): Extension<Courier>,
    who: SignedIn,
) -> Answer {
    courier.pause(true).await;
    let flash = Flash::done("Les échanges sont en pause\u{a0}: tout reste sur ce portable.");
    desk.flash(&who, flash.with_undo("/synchronisation/reprise"));
    answer::see(PATH)
}

async fn resume(
    State(desk): State<Desk>,
    Extension(courier): Extension<Courier>,
    who: SignedIn,
) -> Answer {
    courier.pause(false).await;
    desk.flash(&who, Flash::done("Les échanges reprennent."));
    answer::see(PATH)
}

/// What came of an exchange that a person asked for.
fn outcome(has_ended: bool, state: &CourierState) -> Flash {
    if !has_ended {
        return Flash::done("L’échange continue\u{a0}: vous pouvez travailler pendant ce temps.");
    }
    match &state.trouble {
        Some(trouble) => Flash::warning(sentence(trouble)),
        None if state.line_up == Some(true) && state.identical_since.is_some() => {
            Flash::done("Échange fait\u{a0}: ce portable est identique au hub.")
        }
        None if state.line_up == Some(true) => {
            Flash::warning("Échange fait, mais ce portable n’est pas encore identique au hub.")
        }
        None => {
            Flash::warning("Le hub ne répond pas. Rien n’est perdu\u{a0}: le portable réessaiera.")
        }
    }
}

fn stored(connection: &Connection) -> Result<Stored, LedgerError> {
    Ok(Stored {
        enrolment: identity::enrolment(connection)?,
        pending: position::pending_documents(connection, WAITING_SHOWN)?,
        exchanges: log::recent(connection, EXCHANGES_SHOWN)?,
        copy_noticed: lease::copy_noticed(connection)?,
        durable: durability::durable(connection)?,
        damage: rescue::damage(connection)?,
        rotten: rot::noticed(connection)?,
        lost: erasures::lost(connection, LOST_SHOWN)?,
    })
}

fn notices(stored: &Stored, now: Timestamp) -> Vec<String> {
    let damaged = notices::damaged(stored.damage.clone(), now);
    let copy = notices::copy(stored.copy_noticed, now);
    damaged
        .into_iter()
        .chain(notices::rotten(stored.rotten, now))
        .chain(copy)
        .chain(notices::lost(&stored.lost, now))
        .collect()
}

fn waiting(pending: &[PendingDocument], now: DateTime) -> Vec<Waiting> {
    let shown = pending.iter();
    shown
        .map(|pending| Waiting {
            name: match Kind::from_number(pending.kind) {
                Some(Kind::Person) => "Fiche d’une personne",
                Some(Kind::Session) => "Atelier, inscriptions ou présences",
                Some(Kind::Register) => "Demandes d’une journée",
                Some(Kind::Catalog) | None => "Autre saisie",
            },
            at: moment(pending.at.local(), now),
        })
        .collect()
}

fn heading(state: &CourierState) -> String {
    match state.pending.changes {
        _ if !state.enrolled => "Ce portable n’est pas encore inscrit".to_owned(),
        0 => "Rien n’attend sur ce portable".to_owned(),
        n => {
            let entries = counted(n, "saisie", "saisies");
            let verb = if n < 2 { "est" } else { "sont" };
            format!("{entries} {verb} sur ce portable seulement")
        }
    }
}

fn progress_bar(progress: Progress) -> ProgressBar {
    let Progress { done, all, .. } = progress;
    let words = format!(
        "{} modifications sur {}. {}",
        grouped(done),
        grouped(all),
        progress.left_in_words()
    );
    ProgressBar { done, all, words }
}

/// What happens next, in a sentence or two.
fn explanation(state: &CourierState) -> String {
    if !state.enrolled {
        return "Demandez un ticket à l’administrateur, puis lancez la commande «\u{a0}maison-node enrol TICKET\u{a0}». \
                Vos saisies sont gardées et partiront ensuite d’elles-mêmes."
            .to_owned();
    }
    if state.paused {
        return "Les échanges sont en pause\u{a0}: rien ne part ni n’arrive avant la reprise."
            .to_owned();
    }
    if state.running {
        return "Un échange avec le hub est en cours\u{a0}: vous pouvez travailler pendant ce temps."
            .to_owned();
    }
    if let Some(trouble) = &state.trouble {
        return sentence(trouble);
    }
    let next = state
        .next_in
        .map(|pause| format!(" Essai suivant {}.", in_words(pause)));
    let next = next.unwrap_or_default();
    match (state.line_up, state.pending.changes) {
        _ if state.waiting => {
            "La ligne est bonne\u{a0}: ce que vous saisissez part aussitôt, ce que d’autres saisissent arrive aussitôt."
                .to_owned()
        }
        (Some(true), _) => {
            "La ligne est bonne\u{a0}: ce que vous saisissez part aussitôt.".to_owned()
        }
        (_, 0) => format!("Le hub ne répond pas\u{a0}: c’est normal sans réseau.{next}"),
        _ => format!(
            "Le hub ne répond pas\u{a0}: c’est normal sans réseau. Elles partiront d’elles-mêmes à la prochaine connexion.{next}"
        ),
    }
}

/// « dans 40 secondes », « dans 4 minutes ».
fn in_words(pause: Duration) -> String {
    match pause.as_secs() {
        0 => "à l’instant".to_owned(),
        seconds @ 1..90 => format!("dans {}", counted(seconds, "seconde", "secondes")),
        seconds => format!(
            "dans {}",
            counted(seconds.div_ceil(60), "minute", "minutes")
        ),
    }
}

fn hub(state: &CourierState, enrolment: Option<Enrolment>) -> String {
    let Some(address) = enrolment.and_then(|e| e.addresses.into_iter().next()) else {
        return "Inconnu".to_owned();
    };
    match state.line_up {
        Some(true) => format!("Joignable ({address})"),
        Some(false) => format!("Injoignable ({address})"),
        None => format!("Pas encore essayé ({address})"),
    }
}

fn identical(state: &CourierState, now: DateTime) -> String {
    match (state.identical_since, state.why_not) {
        (Some(_), _) if state.pending.changes > 0 => "Oui, à ce qui attend près".to_owned(),
        (Some(_), _) if state.line_up != Some(true) => "Oui, au dernier échange".to_owned(),
        (Some(since), _) => format!("Oui, depuis {}", moment(since.local(), now)),
        (None, Some(why)) => format!("Non\u{a0}: {why}"),
        (None, None) => "Pas encore vérifié".to_owned(),
    }
}

fn said(at: Option<Timestamp>, now: DateTime, never: &str) -> String {
    at.map_or_else(|| never.to_owned(), |at| moment(at.local(), now))
}

/// How the laptop's clock stands to the hub's; entries bear the hub's time either way.
fn clock_sentence(offset_ms: i64) -> String {
    if offset_ms.unsigned_abs() < CLOCK_RIGHT_MS {
        return "Juste".to_owned();
    }
    let minutes = counted(offset_ms.unsigned_abs() / 60_000, "minute", "minutes");
    let side = if offset_ms > 0 {
        "En retard"
    } else {
        "En avance"
    };
    format!("{side} de {minutes} sur le hub\u{a0}: réglez l’heure du portable")
}

fn exchange_line(logged: &Logged, now: DateTime) -> ExchangeLine {
    ExchangeLine {
        at: moment(logged.started.local(), now),
        outcome: outcome_label(&logged.outcome),
        sent: logged.sent,
        received: logged.received,
        bytes_up: grouped(logged.bytes_up),
        bytes_down: grouped(logged.bytes_down),
        duration: seconds(logged.duration_ms),
    }
}

fn outcome_label(code: &str) -> &'static str {
    match code {
        "identical" => "Identique au hub",
        "hub_restored" => "Hub remis dans un état plus ancien, identique de nouveau",
        "copy" => "Copie reconnue, identique au hub",
        "different" => "Des différences restent à réparer",
        "stick" => "Par clé USB, identique au hub",
        "stick_different" => "Par clé USB, des différences restent à réparer",
        "set_aside" => "Des données du hub n’ont pas pu être lues",
        "unreachable" => "Hub injoignable",
        "unfinished" | "cut" => "Coupé, repris ensuite",
        "refused" => "Refusé par le hub",
        "revoked" => "Refusé\u{a0}: portable révoqué",
        "not_the_hub" | "not_understood" => "Réponse incompréhensible",
        _ => "Arrêté par ce portable",
    }
}

/// « 0,04 s », « 12,4 s ».
fn seconds(ms: u64) -> String {
    match ms {
        0..1000 => format!("0,{:02}\u{a0}s", ms / 10),
        ms => format!("{},{}\u{a0}s", ms / 1000, ms % 1000 / 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::desk::testing::Visitor;
    use shared::domain::codes::Role;
    use shared::exchange::WhyNot;

    #[test]
    fn durations_and_pauses_read_as_in_french() {
        assert_eq!(seconds(47), "0,04\u{a0}s");
        assert_eq!(seconds(12_490), "12,4\u{a0}s");
        assert_eq!(in_words(Duration::from_secs(40)), "dans 40 secondes");
        assert_eq!(in_words(Duration::from_secs(250)), "dans 5 minutes");
    }

    #[test]
    fn identical_or_not_is_said_with_its_reason() {
        let now = Timestamp(1_795_681_500_000);
        let state = CourierState {
            identical_since: Some(now),
            line_up: Some(true),
            ..CourierState::default()
        };
        assert_eq!(
            identical(&state, now.local()),
            "Oui, depuis 9\u{a0}h\u{a0}25"
        );
        let state = CourierState {
            why_not: Some(WhyNot::Different),
            ..CourierState::default()
        };
        assert!(identical(&state, now.local()).starts_with("Non\u{a0}: des différences"));
    }

    #[test]
    fn a_clock_is_called_wrong_from_two_minutes_on() {
        assert_eq!(clock_sentence(-119_999), "Juste");
        assert!(clock_sentence(180_000).starts_with("En retard de 3 minutes"));
        assert!(clock_sentence(-120_000).starts_with("En avance de 2 minutes"));
    }

    #[tokio::test]
    async fn the_page_counts_what_waits_and_pauses_on_demand() {
        let migrations = &[shared::desk::MIGRATIONS, shared::exchange::MIGRATIONS];
        let alone = Visitor::with(Role::Agent, migrations, Vec::new(), Router::new()).await;
        let courier = Courier::start(alone.site().clone()).await.unwrap();
        let (site, nav) = (alone.site().clone(), super::super::NAV.to_vec());
        let pages = super::super::routes(courier.clone());
        let visitor = Visitor::on(site, Role::Agent, nav, pages).await;

        let seen = visitor.get(PATH).await;
        assert!(seen.text.contains("Ce portable n’est pas encore inscrit"));
        assert!(seen.text.contains("maison-node enrol TICKET"));
        assert!(
            seen.text.contains("Autre saisie"),
            "the catalog was written here"
        );

        let seen = visitor.act("/synchronisation/pause", &[]).await;
        assert!(seen.text.contains("Les échanges sont en pause"));
        assert!(courier.state().borrow().paused);
        let restarted = Courier::start(alone.site().clone()).await.unwrap();
        assert!(restarted.state().borrow().paused, "and stays so");
        let seen = visitor.act("/synchronisation/reprise", &[]).await;
        assert!(seen.text.contains("Les échanges reprennent"));
        assert!(!courier.state().borrow().paused);
    }
}
