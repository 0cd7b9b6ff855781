//! One exchange from its beginning to its end, whoever asks for it: the courier in the background, or `sync`.
//!
//! Only one takes place at a time on a laptop: whoever makes it holds a file.

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
use crate::line::{Line, LineError, Traffic};

/// Name of the file that is held during an exchange.
const LOCK: &str = "exchange.lock";
/// Another process of this laptop may take this long to end its exchange...
const BUSY_TRIES_MAX: u32 = 50;
/// ... and is looked at this often.
const BUSY_PAUSE: Duration = Duration::from_millis(200);

/// What came of an attempt.
#[derive(Debug)]
pub enum Attempted {
    /// The exchange took place, as far as it went.
    Done(Box<Attempt>),
    /// The laptop is not registered with a hub.
    NotEnrolled,
    /// Another process of this laptop is exchanging just now.
    Busy,
}

/// One exchange.
#[derive(Debug)]
pub struct Attempt {
    /// What it brought.
    pub report: Report,
    /// What went over the line.
    pub traffic: Traffic,
    /// When it began.
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
            None => self.has_moved() || !self.report.identical,
            Some(failure) => !matches!(failure, Failure::Line(LineError::Unreachable)),
        }
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

/// Makes one exchange over `line` and writes it into the log; `is_asked` for by a person, or made in the background.
///
/// # Errors
/// When the laptop's own store cannot say who it is, or keep the log.
pub async fn attempt(site: &Site, line: &Line, is_asked: bool) -> Result<Attempted, SiteError> {
    let identity = site.read(|c| Ok((identity::enrolment(c)?, identity::key(c)?)));
    let (Some(enrolment), Some(key)) = identity.await? else {
        return Ok(Attempted::NotEnrolled);
    };
    let Some(held) = hold(site.store().directory()).await? else {
        return Ok(Attempted::Busy);
    };
    let started = site.clock().wall();
    let mut caller = Caller::new(site.clone());
    let mut traffic = Traffic::default();
    let ended = carry(site, line, &enrolment, &key, &mut caller, &mut traffic).await;
    drop(held);
    let duration_ms = site.clock().wall().0 - started.0;
    let attempt = Attempt {
        report: caller.report(),
        traffic,
        started,
        duration_ms: duration_ms.unsigned_abs(),
        failure: ended.err(),
    };
    if is_asked || attempt.is_worth_logging() {
        record(site, &attempt).await?;
    }
    Ok(Attempted::Done(Box::new(attempt)))
}

/// Takes the file; `None` when another process keeps it. The system gives it back when a process ends in any way.
async fn hold(directory: &Path) -> Result<Option<File>, SiteError> {
    let path = directory.join(LOCK);
    let error = |source| LedgerError::File {
        path: path.clone(),
        source,
    };
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

/// Carries requests and answers until the exchange has nothing more to ask.
async fn carry(
    site: &Site,
    line: &Line,
    enrolment: &Enrolment,
    key: &SigningKey,
    caller: &mut Caller,
    traffic: &mut Traffic,
) -> Result<(), Failure> {
    while let Some(body) = caller.next_request().await? {
        let asked = site.clock().wall();
        let mut answer = line.exchange(enrolment, key, body, traffic).await?;
        let waited_ms = site.clock().wall().0 - asked.0;
        caller.response_started(waited_ms.unsigned_abs());
        while let Some(piece) = answer.next_piece(traffic).await? {
            caller.push(&piece).await?;
        }
        caller.end_of_response().await?;
    }
    Ok(())
}

async fn record(site: &Site, attempt: &Attempt) -> Result<(), SiteError> {
    let Attempt {
        report, traffic, ..
    } = attempt;
    let failed = attempt.failure.as_ref().map(Failure::code);
    let logged = Logged {
        started: attempt.started,
        duration_ms: attempt.duration_ms,
        bytes_up: traffic.bytes_up,
        bytes_down: traffic.bytes_down,
        round_trips: traffic.requests,
        sent: report.sent,
        received: report.received,
        refused: report.refused,
        outcome: failed.unwrap_or(report.outcome()).to_owned(),
        identical: failed.is_none() && report.identical,
    };
    site.write(move |work| Ok(log::record(work.connection(), &logged)?))
        .await
}
