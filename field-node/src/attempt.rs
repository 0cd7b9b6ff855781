//! One exchange from its beginning to its end, whoever asks for it: the courier in the background, or `sync`.
//!
//! Only one takes place at a time on a laptop: whoever makes it holds a file. One that waits at the hub for news holds
//! it from the first byte of the answer on; whoever exchanges before that overtakes it, which does no harm.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use shared::exchange::log::{self, Logged};
use shared::exchange::{Caller, ExchangeError, Report};
use shared::joining::messages::Reason;
use shared::ledger::LedgerError;
use shared::site::{Site, SiteError};
use shared::time::Timestamp;

use crate::identity::{self, Enrolment};
use crate::line::{HubAnswer, Line, LineError, Traffic};

/// Name of the file that is held during an exchange.
const LOCK: &str = "exchange.lock";
/// Another process of this laptop may take this long to end its exchange...
const BUSY_TRIES_MAX: u32 = 50;
/// ... and is looked at this often.
const BUSY_PAUSE: Duration = Duration::from_millis(200);

/// Why an exchange is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A person asks for it.
    Asked,
    /// It is due.
    Due,
    /// To wait at the hub until it has something new, on a line whose round trip usually takes so long.
    News {
        /// In milliseconds; what the answer took would say nothing of the line.
        round_trip_ms: u64,
    },
}

/// What came of an attempt.
#[derive(Debug)]
pub enum Attempted {
    /// The exchange took place, as far as it went.
    Done(Box<Attempt>),
    /// The laptop is not registered with a hub.
    NotEnrolled,
    /// Another process of this laptop is exchanging just now, or has while this one waited for news.
    Busy,
}

/// One exchange.
#[derive(Debug)]
pub struct Attempt {
    /// What it brought.
    pub report: Report,
    /// What went over the line.
    pub traffic: Traffic,
    /// Why it was made.
    pub why: Why,
    /// The quickest round trip, in milliseconds; none where every answer was waited for or none came.
    pub round_trip_ms: Option<u64>,
    /// How long it waited for news before it began, in milliseconds; none where it did not.
    pub waited_ms: Option<u64>,
    /// When it began; where it waited for news, when these came.
    pub started: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// What stopped it, if anything.
    pub failure: Option<Failure>,
}

/// What stopped an exchange. Nothing that was committed before is lost.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The line or the hub.
    #[error(transparent)]
    Line(#[from] LineError),
    /// What came over the line, or the laptop's own store.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
}

impl Attempt {
    /// A hub that cannot be reached, or has nothing new, is asked again and again: that would fill the log.
    fn is_worth_logging(&self) -> bool {
        match &self.failure {
            _ if self.why == Why::Asked => true,
            None => self.has_moved() || !self.report.identical || self.is_event(),
            // A line that ends while nothing is under way is no exchange that was cut.
            Some(failure) if matches!(self.why, Why::News { .. }) && !self.has_moved() => {
                !failure.is_line()
            }
            Some(failure) => !matches!(failure, Failure::Line(LineError::Unreachable)),
        }
    }

    /// Whether something was noticed that somebody should know, though nothing may have moved.
    fn is_event(&self) -> bool {
        self.traffic.is_copy || self.report.hub_began_anew
    }

    /// Whether it carried anything either way.
    pub(crate) fn has_moved(&self) -> bool {
        self.report.sent + self.report.received > 0
    }
}

impl Failure {
    /// A short code for scripts and the log.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Line(LineError::Unreachable) => "unreachable",
            Self::Line(LineError::Cut) | Self::Exchange(ExchangeError::Truncated) => "cut",
            Self::Line(LineError::Refused(refused)) if refused.error == Reason::LaptopRevoked => {
                "revoked"
            }
            Self::Line(LineError::Refused(_)) => "refused",
            Self::Line(LineError::NotTheHub) => "not_the_hub",
            Self::Line(LineError::Site(_))
            | Self::Exchange(ExchangeError::Site(_) | ExchangeError::Compression(_)) => "laptop",
            Self::Exchange(_) => "not_understood",
        }
    }

    /// Whether only the line is to blame: normal in a village.
    #[must_use]
    pub fn is_line(&self) -> bool {
        matches!(self.code(), "unreachable" | "cut")
    }
}

/// Makes one exchange over `line` and writes it into the log.
///
/// It may be dropped at any moment: what was committed stays, and the next one goes on from there. `told` hears of
/// everything that arrives.
///
/// # Errors
/// When the laptop's own store cannot say who it is, or keep the log.
pub async fn attempt(
    site: &Site,
    line: &Line,
    why: Why,
    told: &mut (dyn FnMut(&Report) + Send),
) -> Result<Attempted, SiteError> {
    let identity = site.read(|c| Ok((identity::enrolment(c)?, identity::key(c)?)));
    let (Some(enrolment), Some(key)) = identity.await? else {
        return Ok(Attempted::NotEnrolled);
    };
    let caller = match why {
        Why::Asked | Why::Due => Caller::new(site.clone()),
        Why::News { .. } => Caller::new(site.clone()).held(),
    };
    let mut carriage = Carriage {
        site,
        line,
        enrolment,
        key,
        caller,
        traffic: Traffic::default(),
        round_trip_ms: None,
        told,
    };
    let asked = site.clock().wall();
    let first = match why {
        Why::Asked | Why::Due => Ok(None),
        Why::News { round_trip_ms } => carriage.wait(round_trip_ms).await,
    };
    if let Ok(Some(answer)) = &first
        && answer.is_overtaken()
    {
        return Ok(Attempted::Busy);
    }
    let Some(held) = hold(site.store().directory()).await? else {
        return Ok(Attempted::Busy);
    };
    let started = site.clock().wall();
    let waited_ms = (started.0 - asked.0).unsigned_abs();
    let ended = match first {
        Ok(first) => carriage.carry(first).await,
        Err(failure) => Err(failure),
    };
    if ended.as_ref().is_err_and(|failure| failure.code() == "cut")
        && let Err(error) = carriage.caller.cut().await
    {
        tracing::warn!(%error, "the length of the next request was not kept");
    }
    drop(held);
    let duration_ms = site.clock().wall().0 - started.0;
    let attempt = Attempt {
        report: carriage.caller.report(),
        traffic: carriage.traffic,
        why,
        round_trip_ms: carriage.round_trip_ms,
        waited_ms: matches!(why, Why::News { .. }).then_some(waited_ms),
        started,
        duration_ms: duration_ms.unsigned_abs(),
        failure: ended.err(),
    };
    if attempt.is_worth_logging() {
        record(site, &attempt).await?;
    }
    Ok(Attempted::Done(Box::new(attempt)))
}

/// Takes the file; `None` when another process keeps it. The system gives it back when a process ends in any way.
pub(crate) async fn hold(directory: &Path) -> Result<Option<File>, SiteError> {
    let path = directory.join(LOCK);
    let error = |source| LedgerError::of_file(&path, source);
    let file = File::create(&path).map_err(error)?;
    for _ in 0..BUSY_TRIES_MAX {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(BUSY_PAUSE).await,
            Err(TryLockError::Error(source)) => return Err(error(source).into()),
        }
    }
    Ok(None)
}

/// One exchange on its way.
struct Carriage<'a> {
    site: &'a Site,
    line: &'a Line,
    enrolment: Enrolment,
    key: SigningKey,
    caller: Caller,
    traffic: Traffic,
    round_trip_ms: Option<u64>,
    told: &'a mut (dyn FnMut(&Report) + Send),
}

impl Carriage<'_> {
    /// Makes the first request and waits for what the hub has to say, however long that takes it.
    async fn wait(&mut self, round_trip_ms: u64) -> Result<Option<HubAnswer>, Failure> {
        let answer = self.ask().await?;
        self.caller.response_started(round_trip_ms);
        Ok(answer)
    }

    /// Carries requests and answers until the exchange has nothing more to ask; `answer` has been asked for already.
    async fn carry(&mut self, mut answer: Option<HubAnswer>) -> Result<(), Failure> {
        loop {
            let mut pieces = match answer.take() {
                Some(pieces) => pieces,
                None => match self.ask_and_measure().await? {
                    Some(pieces) => pieces,
                    None => return Ok(()),
                },
            };
            while let Some(piece) = pieces.next_piece(&mut self.traffic).await? {
                self.caller.push(&piece).await?;
                (self.told)(&self.caller.report());
            }
            self.caller.end_of_response().await?;
        }
    }

    async fn ask_and_measure(&mut self) -> Result<Option<HubAnswer>, Failure> {
        let asked = self.site.clock().wall();
        let answer = self.ask().await?;
        if answer.is_some() {
            let waited_ms = (self.site.clock().wall().0 - asked.0).unsigned_abs();
            self.caller.response_started(waited_ms);
            let quickest = self.round_trip_ms.map_or(waited_ms, |ms| ms.min(waited_ms));
            self.round_trip_ms = Some(quickest);
        }
        Ok(answer)
    }

    /// The head of the answer to the next request, if there is one.
    async fn ask(&mut self) -> Result<Option<HubAnswer>, Failure> {
        let Some(body) = self.caller.next_request().await? else {
            return Ok(None);
        };
        let traffic = &mut self.traffic;
        let answer = self
            .line
            .exchange(&self.enrolment, &self.key, body, traffic);
        Ok(Some(answer.await?))
    }
}

async fn record(site: &Site, attempt: &Attempt) -> Result<(), SiteError> {
    let Attempt {
        report, traffic, ..
    } = attempt;
    let failed = attempt.failure.as_ref().map(Failure::code);
    let event = match (traffic.is_copy, report.hub_began_anew) {
        _ if !report.identical => None,
        (true, _) => Some("copy"),
        (false, true) => Some("hub_restored"),
        (false, false) => None,
    };
    let logged = Logged {
        started: attempt.started,
        duration_ms: attempt.duration_ms,
        bytes_up: traffic.bytes_up,
        bytes_down: traffic.bytes_down,
        round_trips: traffic.requests,
        sent: report.sent,
        received: report.received,
        refused: report.refused,
        outcome: failed.or(event).unwrap_or(report.outcome()).to_owned(),
        identical: failed.is_none() && report.identical,
    };
    site.write(move |work| Ok(log::record(work.connection(), &logged)?))
        .await
}
