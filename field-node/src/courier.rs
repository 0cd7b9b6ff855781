//! The courier: exchanges with the hub in the background, so that nobody has to think of it.
//!
//! At once after a change when the line is up; now and then while it is up and nothing changes; with growing pauses
//! while it is down; and on demand. A pause that an agent asked for outlives a restart. How long to wait is decided in
//! [`crate::pace`], what an exchange is in [`crate::attempt`].

use std::pin::Pin;
use std::time::Duration;

use rusqlite::Connection;
use shared::exchange::WhyNot;
use shared::exchange::position::{self, Pending};
use shared::ledger::{LedgerError, replica};
use shared::site::{Site, SiteError};
use shared::time::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Sleep, sleep};

use crate::attempt::{Attempt, Attempted, attempt};
use crate::identity;
use crate::line::{Line, LineError};
use crate::pace::{GATHER, pause_after};

/// Key under which a pause is kept.
const PAUSED: &str = "courier.paused";
/// While the laptop is not registered, this often is looked whether it has been: `enrol` is another process.
const ENROLMENT_EVERY: Duration = Duration::from_secs(2);
/// Asks for an exchange that wait at once; a second click joins the first.
const ASKED_MAX: usize = 16;

/// What the courier knows, for the status line and the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CourierState {
    /// The laptop is registered with a hub.
    pub enrolled: bool,
    /// An agent paused the exchange.
    pub paused: bool,
    /// An exchange is under way.
    pub running: bool,
    /// Whether the hub could be reached at the last attempt; `None` before the first.
    pub line_up: Option<bool>,
    /// When an exchange last came to its end.
    pub last_done: Option<Timestamp>,
    /// Since when the laptop has been identical to the hub, if it is.
    pub identical_since: Option<Timestamp>,
    /// Why it is not, as the last exchange that came to its end found.
    pub why_not: Option<WhyNot>,
    /// What somebody should look at, in French. A line that is down is no such thing.
    pub trouble: Option<String>,
    /// What only this laptop holds.
    pub pending: Pending,
    /// Pause before the next attempt.
    pub next_in: Option<Duration>,
}

/// The handle of a running courier; clones share it. The courier ends when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Courier {
    asks: mpsc::Sender<Ask>,
    state: watch::Receiver<CourierState>,
}

enum Ask {
    Now(oneshot::Sender<()>),
    Pause(bool, oneshot::Sender<()>),
}

impl Courier {
    /// Starts the courier of a site.
    ///
    /// # Errors
    /// When the site cannot be read, or the system gives no sockets.
    pub async fn start(site: Site) -> Result<Self, LineError> {
        let line = Line::new(site.clone())?;
        let first = site.read(|c| Ok(remembered(c)?)).await?;
        let (asks, asked) = mpsc::channel(ASKED_MAX);
        let (state, seen) = watch::channel(first);
        let run = Run {
            site,
            line,
            state,
            failures: 0,
            left: 0,
            is_gathering: false,
            is_repeat: false,
        };
        tokio::spawn(run.until_dropped(asked));
        Ok(Self { asks, state: seen })
    }

    /// What the courier knows, and every change of it.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<CourierState> {
        self.state.clone()
    }

    /// Makes an exchange now, paused or not, and returns when it has ended in any way.
    pub async fn sync_now(&self) {
        self.ask(Ask::Now).await;
    }

    /// Pauses the exchange, or ends the pause; kept over a restart.
    pub async fn pause(&self, paused: bool) {
        self.ask(|done| Ask::Pause(paused, done)).await;
    }

    async fn ask(&self, ask: impl FnOnce(oneshot::Sender<()>) -> Ask) {
        let (done, is_done) = oneshot::channel();
        if self.asks.send(ask(done)).await.is_ok() {
            // A courier that stops answers nobody, and nothing more is to be done then.
            let _ = is_done.await;
        }
    }
}

/// What a new courier knows from the database.
fn remembered(connection: &Connection) -> Result<CourierState, LedgerError> {
    let proof = position::last_proof(connection)?;
    Ok(CourierState {
        enrolled: identity::enrolment(connection)?.is_some(),
        paused: is_paused(connection)?,
        last_done: proof.map(|proof| proof.at),
        identical_since: proof.filter(|proof| proof.identical).map(|proof| proof.at),
        pending: position::pending(connection)?,
        ..CourierState::default()
    })
}

/// Whether an agent paused the exchange.
pub(crate) fn is_paused(connection: &Connection) -> Result<bool, LedgerError> {
    Ok(replica::number(connection, PAUSED)? != 0)
}

/// A courier at work.
struct Run {
    site: Site,
    line: Line,
    state: watch::Sender<CourierState>,
    /// Failed exchanges in a row.
    failures: u32,
    /// What was left to send after the last exchange: only more than that is news.
    left: u64,
    /// A change was made and the exchange is about to begin.
    is_gathering: bool,
    /// The last exchange was made for what had been written during the one before.
    is_repeat: bool,
}

type Alarm = Pin<Box<Sleep>>;

impl Run {
    async fn until_dropped(mut self, mut asked: mpsc::Receiver<Ask>) {
        let mut commits = self.site.store().commits();
        let mut alarm: Alarm = Box::pin(sleep(Duration::ZERO));
        loop {
            tokio::select! {
                ask = asked.recv() => match ask {
                    None => return,
                    Some(Ask::Now(done)) => {
                        alarm = self.exchange(true).await;
                        let _ = done.send(());
                    }
                    Some(Ask::Pause(paused, done)) => {
                        alarm = self.pause(paused).await;
                        let _ = done.send(());
                    }
                },
                // The sender lives in the store, which `self` keeps.
                _ = commits.changed() => if self.has_news().await {
                    alarm = self.gather();
                },
                () = &mut alarm => alarm = self.wake().await,
            }
        }
    }

    /// The alarm has gone off.
    async fn wake(&mut self) -> Alarm {
        if self.refresh().await && !self.state.borrow().paused {
            self.exchange(false).await
        } else {
            self.set_alarm(ENROLMENT_EVERY)
        }
    }

    /// Whether a commit left something to send and the line is known to be up.
    async fn has_news(&mut self) -> bool {
        let enrolled = self.refresh().await;
        let state = self.state.borrow();
        enrolled
            && !state.paused
            && !self.is_gathering
            && state.pending.changes > self.left
            && state.line_up == Some(true)
    }

    /// Waits a little for what belongs to the same act.
    fn gather(&mut self) -> Alarm {
        self.is_gathering = true;
        self.set_alarm(GATHER)
    }

    async fn pause(&mut self, paused: bool) -> Alarm {
        let kept = self.site.write(move |work| {
            Ok(replica::set_number(
                work.connection(),
                PAUSED,
                i64::from(paused),
            )?)
        });
        match kept.await {
            Ok(()) => self.change(|state| state.paused = paused),
            Err(error) => self.in_trouble(&error),
        }
        self.failures = 0;
        self.set_alarm(Duration::ZERO)
    }

    async fn exchange(&mut self, is_asked: bool) -> Alarm {
        self.is_gathering = false;
        self.change(|state| {
            state.running = true;
            state.next_in = None;
        });
        match attempt(&self.site, &self.line, is_asked).await {
            Ok(Attempted::Done(attempt)) => self.note(&attempt),
            Ok(Attempted::NotEnrolled) => self.change(|state| state.enrolled = false),
            // The other process does the work.
            Ok(Attempted::Busy) => {}
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                self.in_trouble(&error);
            }
        }
        self.change(|state| state.running = false);
        self.refresh().await;
        self.left = self.state.borrow().pending.changes;
        let agrees = self.failures == 0 && self.state.borrow().identical_since.is_some();
        // What was written during the exchange goes at once; but only once, should the hub not confirm it.
        self.is_repeat = self.left > 0 && agrees && !self.is_repeat;
        if self.is_repeat {
            return self.gather();
        }
        self.set_alarm(pause_after(self.failures, chance()))
    }

    /// Keeps what came of an exchange.
    fn note(&mut self, attempt: &Attempt) {
        let report = &attempt.report;
        let now = self.site.clock().now();
        self.failures = match attempt.failure {
            None => 0,
            Some(_) => self.failures.saturating_add(1),
        };
        if let Some(failure) = &attempt.failure {
            tracing::info!(code = failure.code(), "the exchange did not end");
            let trouble = (!failure.is_line()).then(|| failure.to_string());
            let line_up = !failure.is_line();
            self.change(|state| {
                state.line_up = Some(line_up);
                state.trouble = trouble;
            });
            return;
        }
        let moved = attempt.has_moved();
        if moved || !report.identical {
            let (sent, received) = (report.sent, report.received);
            tracing::info!(sent, received, outcome = report.outcome(), "exchange");
        }
        self.change(|state| {
            state.line_up = Some(true);
            state.trouble = None;
            state.last_done = Some(now);
            state.why_not = report.why_not;
            state.identical_since = match (report.identical, state.identical_since) {
                (false, _) => None,
                (true, Some(since)) if !moved => Some(since),
                (true, _) => Some(now),
            };
        });
    }

    /// Reads again what other processes and pages may have changed; answers whether the laptop is registered.
    async fn refresh(&mut self) -> bool {
        let read = self.site.read(|connection| {
            Ok((
                identity::enrolment(connection)?.is_some(),
                position::pending(connection)?,
            ))
        });
        match read.await {
            Ok((enrolled, pending)) => {
                self.change(|state| {
                    state.enrolled = enrolled;
                    state.pending = pending;
                });
                enrolled
            }
            Err(error) => {
                self.in_trouble(&error);
                false
            }
        }
    }

    fn in_trouble(&mut self, error: &SiteError) {
        tracing::error!(%error, "the courier cannot use its store");
        self.change(|state| state.trouble = Some(error.to_string()));
    }

    fn set_alarm(&mut self, after: Duration) -> Alarm {
        self.change(|state| state.next_in = Some(after));
        Box::pin(sleep(after))
    }

    fn change(&self, change: impl FnOnce(&mut CourierState)) {
        self.state.send_if_modified(|state| {
            let before = state.clone();
            change(state);
            *state != before
        });
    }
}

/// A random number in 0..1; the middle when the system gives none.
fn chance() -> f64 {
    getrandom::u32().map_or(0.5, |n| f64::from(n) / f64::from(u32::MAX))
}
