//! A line in memory between a laptop and the hub: it carries so many bytes each way, then it is cut; or a program dies.

use std::future::Future;
use std::task::Poll;

use shared::exchange::{Answerer, Caller, ExchangeError, Sections};
use shared::ids::ReplicaId;
use shared::site::Site;

/// How a line behaves.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Bytes that it carries to the hub.
    pub up_max: usize,
    /// Bytes that it carries to the laptop.
    pub down_max: usize,
    /// Bytes that arrive at once.
    pub step: usize,
    /// How often the exchange goes on before its program dies, between any two things that it waits for.
    pub life: usize,
}

impl Line {
    /// One that is never cut.
    pub const GOOD: Self = Self {
        up_max: usize::MAX,
        down_max: usize::MAX,
        step: 1400,
        life: usize::MAX,
    };
}

/// Carries one exchange; keeps every request that was made. The caller's report says how far it got.
pub async fn carry(
    mut line: Line,
    caller: &mut Caller,
    laptop: ReplicaId,
    hub: &Site,
    sections: &Sections,
    requests: &mut Vec<(ReplicaId, Vec<u8>)>,
) -> Result<(), ExchangeError> {
    while let Some(request) = caller.next_request().await? {
        requests.push((laptop, request.clone()));
        let arrives = &request[..request.len().min(line.up_max)];
        let Some(response) = answer(hub, sections, laptop, arrives, line.step).await? else {
            return Ok(());
        };
        // A hub that cannot read the short form says so before it has heard all; nobody is there to hear it.
        if request.len() > line.up_max {
            return Ok(());
        }
        line.up_max -= request.len();
        for bytes in response[..response.len().min(line.down_max)].chunks(line.step) {
            caller.push(bytes).await?;
        }
        if response.len() > line.down_max {
            return Ok(());
        }
        line.down_max -= response.len();
        caller.end_of_response().await?;
    }
    Ok(())
}

/// Runs `work` until it is done or has been polled so often, then drops it where it stands.
pub async fn while_alive<T>(polls: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

/// The hub's whole response; `None` to a request that was cut.
pub async fn answer(
    hub: &Site,
    sections: &Sections,
    laptop: ReplicaId,
    request: &[u8],
    step: usize,
) -> Result<Option<Vec<u8>>, ExchangeError> {
    let mut answerer = Answerer::new(hub.clone(), laptop)?.with_sections(sections.clone());
    for bytes in request.chunks(step) {
        answerer.push(bytes).await?;
    }
    let mut answer = match answerer.finish() {
        Err(ExchangeError::Truncated) => return Ok(None),
        other => other?,
    };
    let mut response = Vec::new();
    while let Some(chunk) = answer.next_chunk().await? {
        response.extend(chunk);
    }
    Ok(Some(response))
}
