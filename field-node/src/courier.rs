//! The courier: exchanges with the hub in the background, so that nobody has to think of it.
//!
//! At once after a change when the line is up; while nothing changes it waits at the hub for news where the line is
//! good, else it asks now and then; with growing pauses while the line is down; and on demand. A pause that an agent
//! asked for ends what is under way and outlives a restart. How long to wait is decided in [`crate::pace`], what an
//! exchange is in [`crate::attempt`].

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use rusqlite::Connection;
use shared::exchange::position::{self, Pending};
use shared::exchange::{Report, WhyNot};
use shared::ledger::{LedgerError, replica};
use shared::site::{Site, SiteError};
use shared::time::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

use crate::attempt::{Attempt, Attempted, Why, attempt};
use crate::identity;
use crate::line::{Line, LineError};
use crate::pace::{self, GATHER, Next, ROUND_TRIPS_KEPT, pause_after};
use crate::progress::Progress;

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
    /// The name that the hub gave to it.
    pub name: Option<String>,
    /// An agent paused the exchange.
    pub paused: bool,
    /// An exchange is under way.
    pub running: bool,
    /// How far it has come, if it is a long one.
    pub progress: Option<Progress>,
    /// It waits at the hub: what others write is here at once.
    pub waiting: bool,
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
            is_repeat: false,
            round_trips_ms: VecDeque::new(),
            doing: Doing::Pausing,
            came: Box::pin(std::future::ready(Came::Due)),
            asking: Vec::new(),
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
    let name = identity::enrolment(connection)?.map(|enrolment| enrolment.name);
    Ok(CourierState {
        enrolled: name.is_some(),
        name,
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
    /// The last exchange was made for what had been written during the one before.
    is_repeat: bool,
    /// The quickest round trips of the last exchanges, the newest last.
    round_trips_ms: VecDeque<u64>,
    doing: Doing,
    /// How what it is doing ends; dropping it ends it at once.
    came: Pin<Box<dyn Future<Output = Came> + Send>>,
    /// Who asked for the exchange that is under way.
    asking: Vec<oneshot::Sender<()>>,
}

/// What the courier is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Nothing, for a while.
    Pausing,
    /// Nothing for a moment: a change was made, and others of the same act may follow.
    Gathering,
    /// It waits at the hub for news.
    Awaiting,
    /// An exchange.
    Exchanging,
}

/// How that ended.
enum Came {
    /// An exchange is due.
    Due,
    /// A wait at the hub may begin.
    MayWait,
    /// An exchange has ended.
    Ended(Result<Attempted, SiteError>),
}

impl Run {
    async fn until_dropped(mut self, mut asked: mpsc::Receiver<Ask>) {
        let mut commits = self.site.store().commits();
        loop {
            tokio::select! {
                ask = asked.recv() => match ask {
                    None => return,
                    Some(Ask::Now(done)) => {
                        self.asking.push(done);
                        if self.doing != Doing::Exchanging {
                            self.exchange(Why::Asked);
                        }
                    }
                    Some(Ask::Pause(paused, done)) => {
                        self.pause(paused).await;
                        let _ = done.send(());
                    }
                },
                // The sender lives in the store, which `self` keeps.
                _ = commits.changed() => if self.has_news().await {
                    self.gather();
                },
                came = &mut self.came => match came {
                    Came::Due => self.wake().await,
                    Came::MayWait => self.wait(),
                    Came::Ended(outcome) => self.end(outcome).await,
                },
            }
        }
    }

    /// An exchange is due.
    async fn wake(&mut self) {
        if self.refresh().await && !self.state.borrow().paused {
            self.exchange(Why::Due);
        } else {
            self.rest(ENROLMENT_EVERY, Came::Due);
        }
    }

    /// Whether a commit left something to send and the line is known to be up.
    async fn has_news(&mut self) -> bool {
        if matches!(self.doing, Doing::Gathering | Doing::Exchanging) {
            return false;
        }
        let enrolled = self.refresh().await;
        let state = self.state.borrow();
        enrolled
            && !state.paused
            && state.pending.changes > self.left
            && state.line_up == Some(true)
    }

    /// Waits a little for what belongs to the same act.
    fn gather(&mut self) {
        self.rest(GATHER, Came::Due);
        self.doing = Doing::Gathering;
    }

    /// Keeps that an agent pauses the exchange or ends the pause. What is under way ends; it will go on where it was.
    async fn pause(&mut self, paused: bool) {
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
        self.rest(Duration::ZERO, Came::Due);
        self.asking.clear();
    }

    /// Begins an exchange.
    fn exchange(&mut self, why: Why) {
        self.change(|state| {
            state.running = true;
            state.waiting = false;
            state.next_in = None;
        });
        self.attempt(Doing::Exchanging, why);
    }

    /// Waits at the hub for news.
    fn wait(&mut self) {
        let Some(round_trip_ms) = pace::good_round_trip_ms(self.round_trips_ms.make_contiguous())
        else {
            return self.rest(Duration::ZERO, Came::Due);
        };
        self.change(|state| {
            state.waiting = true;
            state.next_in = None;
        });
        self.attempt(Doing::Awaiting, Why::News { round_trip_ms });
    }

    fn attempt(&mut self, doing: Doing, why: Why) {
        let (site, line) = (self.site.clone(), self.line.clone());
        let mut told = self.teller();
        self.doing = doing;
        self.came =
            Box::pin(async move { Came::Ended(attempt(&site, &line, why, &mut told).await) });
    }

    /// What tells pages how far an exchange has come.
    fn teller(&self) -> impl FnMut(&Report) + Send + 'static {
        let (site, state) = (self.site.clone(), self.state.clone());
        let pending = state.borrow().pending.changes;
        let mut began = None;
        move |report| {
            let now = site.clock().wall();
            let began = *began.get_or_insert(now);
            let progress = Progress::of(report, pending, began, now);
            state.send_if_modified(|state| {
                let is_due = progress.is_long() && progress.is_due_after(state.progress);
                if is_due {
                    state.progress = Some(progress);
                }
                is_due
            });
        }
    }

    /// An exchange has ended: keeps what came of it, and decides what is next.
    async fn end(&mut self, outcome: Result<Attempted, SiteError>) {
        let mut done = None;
        match outcome {
            Ok(Attempted::Done(attempt)) => {
                self.note(&attempt);
                done = Some(attempt);
            }
            Ok(Attempted::NotEnrolled) => self.change(|state| state.enrolled = false),
            // The other process does the work.
            Ok(Attempted::Busy) => {}
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                self.in_trouble(&error);
            }
        }
        self.refresh().await;
        self.left = self.state.borrow().pending.changes;
        self.decide(done.as_deref());
        // Whoever asked sees what has come of it.
        self.asking.clear();
    }

    fn decide(&mut self, done: Option<&Attempt>) {
        let agrees = self.failures == 0 && self.state.borrow().identical_since.is_some();
        // What was written during the exchange goes at once; but only once, should the hub not confirm it.
        self.is_repeat = self.left > 0 && agrees && !self.is_repeat;
        if self.is_repeat {
            return self.gather();
        }
        let is_good = pace::good_round_trip_ms(self.round_trips_ms.make_contiguous()).is_some();
        let is_paused = self.state.borrow().paused;
        match done {
            Some(done) if agrees && is_good && self.left == 0 && !is_paused => {
                let waited = done.waited_ms.map(Duration::from_millis);
                match pace::after(waited, done.has_moved(), chance()) {
                    Next::Await(pause) => self.rest(pause, Came::MayWait),
                    Next::Ask(pause) => self.rest(pause, Came::Due),
                }
            }
            _ => self.rest(pause_after(self.failures, chance()), Came::Due),
        }
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
            self.round_trips_ms.clear();
            tracing::info!(code = failure.code(), "the exchange did not end");
            let trouble = (!failure.is_line()).then(|| failure.to_string());
            let line_up = !failure.is_line();
            self.change(|state| {
                state.line_up = Some(line_up);
                state.trouble = trouble;
            });
            return;
        }
        if let Some(round_trip_ms) = attempt.round_trip_ms {
            self.round_trips_ms.push_back(round_trip_ms);
            if self.round_trips_ms.len() > ROUND_TRIPS_KEPT {
                self.round_trips_ms.pop_front();
            }
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
                identity::enrolment(connection)?,
                position::pending(connection)?,
                position::last_proof(connection)?,
            ))
        });
        match read.await {
            Ok((enrolment, pending, proof)) => {
                let enrolled = enrolment.is_some();
                self.change(|state| {
                    // Newer than what the line has brought: by a file, or by a command.
                    if let Some(proof) = proof.filter(|proof| Some(proof.at) > state.last_done) {
                        state.last_done = Some(proof.at);
                        let since = state.identical_since.unwrap_or(proof.at);
                        state.identical_since = proof.identical.then_some(since);
                    }
                    state.enrolled = enrolled;
                    state.name = enrolment.map(|enrolment| enrolment.name);
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

    /// Does nothing for a while, then what `then` says; ends whatever is under way.
    fn rest(&mut self, pause: Duration, then: Came) {
        self.change(|state| {
            state.running = false;
            state.progress = None;
            state.waiting = false;
            state.next_in = Some(pause);
        });
        self.doing = Doing::Pausing;
        self.came = Box::pin(async move {
            sleep(pause).await;
            then
        });
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
