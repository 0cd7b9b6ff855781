//! The line to the hub: HTTP requests, signed, with a nonce that is kept for the next one.
//!
//! Knows how to reach, sign, try again as [`crate::lease`] says and count bytes; knows nothing of what the bytes mean.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::tls::TlsInfo;
use reqwest::{Client, Method, Request, Response, StatusCode};
use rusqlite::Connection;
use shared::ids::ReplicaId;
use shared::joining::lease::Trial;
use shared::joining::letter::Letter;
use shared::joining::messages::{EXCHANGE_PATH, JOIN_PATH, JoinRequest, Joined, Reason, Refused};
use shared::joining::pin::Pins;
use shared::joining::signature::{Claim, NONCE, Nonce, Signed};
use shared::joining::ticket::Ticket;
use shared::ledger::{LedgerError, replica};
use shared::site::{Site, SiteError};

use crate::identity::{self, Enrolment};
use crate::lease::{self, Signing, Step, Taken};
use crate::trust::{self, Trust};

/// A hub that does not pick up within this time cannot be reached.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// A line that brings nothing for this long is taken for dead.
const IDLE: Duration = Duration::from_secs(30);
/// A copy whose hub was restored needs four requests more than others; who needs another one is refused.
const STEPS_MAX: u32 = 5;
/// A connection is used again for this long: less than the hub keeps it.
const KEPT_OPEN: Duration = Duration::from_secs(50);
/// Longest refusal or registration that is read, in bytes.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// Why the hub did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// No connection: without a network this is normal.
    #[error("le hub ne répond pas\u{a0}: c’est normal sans réseau")]
    Unreachable,
    /// The connection broke.
    #[error("la ligne a été coupée pendant l’échange\u{a0}: il reprendra où il en était")]
    Cut,
    /// The hub says no, and why.
    #[error("{}", .0.message)]
    Refused(Refused),
    /// Something else answers at the hub's address.
    #[error("à l’adresse du hub répond autre chose que le hub\u{a0}: prévenez l’administrateur")]
    NotTheHub,
    /// The laptop's own store.
    #[error(transparent)]
    Site(#[from] SiteError),
}

/// What went over the line, as far as a program sees it: bodies, and heads as HTTP/1.1 writes them out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests that were answered, whatever the answer.
    pub requests: u64,
    /// Bytes to the hub.
    pub bytes_up: u64,
    /// Bytes from the hub.
    pub bytes_down: u64,
    /// The laptop was noticed to be a copy, or an old image of its disk.
    pub is_copy: bool,
}

/// The line of one laptop to its hub. The connection is kept open between requests.
#[derive(Clone, Debug)]
pub struct Line {
    client: Client,
    trust: Trust,
    site: Site,
}

/// An answer of the hub, to be read piece by piece.
#[derive(Debug)]
pub struct HubAnswer {
    response: Response,
    /// Another process of this laptop has spoken with the hub since the request was made.
    is_overtaken: bool,
}

impl Line {
    /// A line for the laptop of this site.
    ///
    /// # Errors
    /// [`LineError::Unreachable`] when the system gives no sockets.
    pub fn new(site: Site) -> Result<Self, LineError> {
        let trust = Trust::new();
        let tls = trust.config().map_err(|_| LineError::Unreachable)?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .tls_info(true)
            .pool_idle_timeout(KEPT_OPEN)
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(IDLE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build();
        Ok(Self {
            client: client.map_err(|_| LineError::Unreachable)?,
            trust,
            site,
        })
    }

    /// Trades a ticket for a registration, and answers it with the address at which the hub was found.
    ///
    /// # Errors
    /// A [`LineError`]; asking again with the same key is harmless.
    pub async fn join(
        &self,
        ticket: &Ticket,
        key: &SigningKey,
    ) -> Result<(Joined, String), LineError> {
        let replica = self.site.read(|c| Ok(replica::id(c)?)).await?;
        let request = JoinRequest::new(ticket, replica, key);
        self.trust.set(ticket.pins());
        let mut found = LineError::Unreachable;
        for address in &ticket.addresses {
            match self.join_at(address, &request).await {
                // What answers elsewhere may be the hub all the same.
                Err(LineError::Unreachable) => {}
                Err(LineError::NotTheHub) => found = LineError::NotTheHub,
                joined => return Ok((joined?, address.clone())),
            }
        }
        Err(found)
    }

    async fn join_at(&self, address: &str, request: &JoinRequest) -> Result<Joined, LineError> {
        let body = serde_json::to_vec(request).map_err(|_| LineError::NotTheHub)?;
        let request = self
            .client
            .post(format!("{address}{JOIN_PATH}"))
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let response = request.send().await.map_err(|error| cause(&error))?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let joined = message(response).await?;
        serde_json::from_slice(&joined).map_err(|_| LineError::NotTheHub)
    }

    /// Has this laptop registered again by a hub that was restored from a copy of before it joined; false where the hub
    /// does not.
    async fn join_again(
        &self,
        address: &str,
        letter: &Letter,
        key: &SigningKey,
    ) -> Result<bool, LineError> {
        let replica = self.site.read(|c| Ok(replica::id(c)?)).await?;
        let request = JoinRequest::again(letter.clone(), replica, key);
        let joined = match self.join_at(address, &request).await {
            Err(LineError::Refused(_)) => return Ok(false),
            joined => joined?,
        };
        let nonce = Nonce::from_text(&joined.nonce).ok_or(LineError::NotTheHub)?;
        self.write(move |tx| lease::registered_again(tx, nonce))
            .await?;
        tracing::warn!("the hub had forgotten this laptop and has registered it again");
        Ok(true)
    }

    /// Sends one request of an exchange, signed, at the first address that answers.
    ///
    /// # Errors
    /// A [`LineError`].
    pub async fn exchange(
        &self,
        enrolment: &Enrolment,
        key: &SigningKey,
        body: Vec<u8>,
        traffic: &mut Traffic,
    ) -> Result<HubAnswer, LineError> {
        self.trust.set(enrolment.pins);
        let mut found = LineError::Unreachable;
        for (position, address) in enrolment.addresses.iter().enumerate() {
            let letter = enrolment.letter.as_ref();
            match self.exchange_at(address, key, letter, &body, traffic).await {
                Err(LineError::Unreachable) => {}
                // A hotel's network answers for everybody; the hub may answer elsewhere.
                Err(LineError::NotTheHub) => found = LineError::NotTheHub,
                Ok(answer) => {
                    self.learn(enrolment, position, &answer).await?;
                    return Ok(answer);
                }
                Err(error) => return Err(error),
            }
        }
        Err(found)
    }

    /// One request; and others where the hub says that it was signed over an old nonce, or by a copy.
    async fn exchange_at(
        &self,
        address: &str,
        key: &SigningKey,
        mut letter: Option<&Letter>,
        body: &[u8],
        traffic: &mut Traffic,
    ) -> Result<HubAnswer, LineError> {
        let (mut steps, mut is_overtaken) = (0, false);
        loop {
            let signing = self.signing().await?;
            let request = self.signed(address, key, body, &signing)?;
            let request_bytes = request_bytes(&request, body.len());
            let sent = self.client.execute(request).await;
            let response = sent.map_err(|error| cause(&error))?;
            traffic.requests += 1;
            traffic.bytes_up += request_bytes;
            traffic.bytes_down += head_bytes(response.headers());
            let (status, given) = (response.status(), given_nonce(&response));
            let is_let_through = status == StatusCode::OK;
            // What a stale nonce means is decided below.
            if let Some(nonce) = given.filter(|_| status != StatusCode::UNAUTHORIZED) {
                let keep =
                    move |tx: &Connection| lease::keep_answer(tx, &signing, is_let_through, nonce);
                is_overtaken |= !self.write(keep).await?;
            }
            if is_let_through {
                return Ok(HubAnswer {
                    response,
                    is_overtaken,
                });
            }
            let refused = refusal(response).await;
            let step = match &refused {
                LineError::Refused(refused) if steps < STEPS_MAX => {
                    step(&signing, refused.error, given)
                }
                _ => Step::GiveUp,
            };
            steps += 1;
            match self.take(&signing, step).await? {
                Taken::Again => traffic.is_copy |= matches!(step, Step::BeCopy(_)),
                Taken::Overtaken => is_overtaken = true,
                Taken::Not => match letter.take().filter(|_| is_unknown(&refused)) {
                    Some(letter) if self.join_again(address, letter, key).await? => {}
                    _ => return Err(refused),
                },
            }
        }
    }

    fn signed(
        &self,
        address: &str,
        key: &SigningKey,
        body: &[u8],
        signing: &Signing,
    ) -> Result<Request, LineError> {
        let signed = Signed {
            method: "POST",
            path: EXCHANGE_PATH,
            body,
        };
        let claim = Claim::sign(signing.replica, key, signed, &signing.lease);
        self.client
            .request(Method::POST, format!("{address}{EXCHANGE_PATH}"))
            .header(AUTHORIZATION, claim.to_header())
            .body(body.to_vec())
            .build()
            .map_err(|_| LineError::NotTheHub)
    }

    /// Who signs the next request and over what, with a trial that is on the disk.
    async fn signing(&self) -> Result<Signing, LineError> {
        let fresh = Trial::fresh().map_err(|_| LineError::Unreachable)?;
        self.write(move |tx| lease::signing(tx, fresh)).await
    }

    /// Does what follows from a refusal.
    async fn take(&self, signing: &Signing, step: Step) -> Result<Taken, LineError> {
        let (signing, now) = (*signing, self.site.clock().now());
        let take = move |tx: &Connection| lease::take(tx, &signing, step, ReplicaId::fresh(), now);
        let taken = self.write(take).await?;
        if taken == Taken::Again && matches!(step, Step::BeCopy(_)) {
            tracing::warn!("this laptop is a copy, or an old image of its disk");
        }
        Ok(taken)
    }

    async fn write<R: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<R, LedgerError> + Send + 'static,
    ) -> Result<R, LineError> {
        let written = self.site.store().write(move |tx| job(tx)).await;
        written.map_err(|error: LedgerError| LineError::Site(error.into()))
    }

    /// Puts the address that answered first, and keeps the keys that the hub's certificate tells of.
    async fn learn(
        &self,
        enrolment: &Enrolment,
        position: usize,
        answer: &HubAnswer,
    ) -> Result<(), LineError> {
        let mut learnt = enrolment.clone();
        learnt.addresses.swap(0, position);
        if enrolment.pins.is_some() {
            learnt.pins = answer.pins().or(enrolment.pins);
        }
        if learnt == *enrolment {
            return Ok(());
        }
        self.write(move |tx| identity::keep_enrolment(tx, &learnt))
            .await
    }
}

impl HubAnswer {
    /// Whether another process of this laptop has spoken with the hub since the request was made: the answer is then
    /// to one who stood elsewhere.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        self.is_overtaken
    }

    /// The keys that the hub's own certificate tells of.
    fn pins(&self) -> Option<Pins> {
        let info = self.response.extensions().get::<TlsInfo>()?;
        trust::pins_in(info.peer_certificate()?)
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// [`LineError::Cut`].
    pub async fn next_piece(
        &mut self,
        traffic: &mut Traffic,
    ) -> Result<Option<Vec<u8>>, LineError> {
        let piece = self.response.chunk().await.map_err(|_| LineError::Cut)?;
        Ok(piece.map(|piece| {
            traffic.bytes_down += piece.len() as u64;
            piece.to_vec()
        }))
    }
}

fn is_unknown(refused: &LineError) -> bool {
    matches!(refused, LineError::Refused(refused) if refused.error == Reason::LaptopUnknown)
}

/// What follows from the hub's reason not to let a request through.
fn step(signing: &Signing, reason: Reason, given: Option<Nonce>) -> Step {
    match (reason, given) {
        (Reason::Unsigned, Some(given)) => lease::after_stale(signing, given),
        (Reason::LaptopUnknown, _) => Step::AsRegistered,
        (Reason::IncarnationTaken, _) => Step::AnotherIncarnation,
        _ => Step::GiveUp,
    }
}

fn cause(error: &reqwest::Error) -> LineError {
    if trust::is_distrust(error) {
        LineError::NotTheHub
    } else if error.is_connect() {
        LineError::Unreachable
    } else {
        LineError::Cut
    }
}

fn given_nonce(response: &Response) -> Option<Nonce> {
    Nonce::from_text(response.headers().get(NONCE)?.to_str().ok()?)
}

async fn refusal(response: Response) -> LineError {
    let Ok(body) = message(response).await else {
        return LineError::NotTheHub;
    };
    match serde_json::from_slice(&body) {
        Ok(refused) => LineError::Refused(refused),
        Err(_) => LineError::NotTheHub,
    }
}

/// A short body, whole.
async fn message(mut response: Response) -> Result<Vec<u8>, LineError> {
    let mut whole = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|_| LineError::Cut)? {
        if whole.len() + piece.len() > MESSAGE_BYTES_MAX {
            return Err(LineError::NotTheHub);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

/// Bytes of a request as HTTP/1.1 writes it: `host`, `accept` and `content-length` are added on the way out.
fn request_bytes(request: &Request, body_bytes: usize) -> u64 {
    let url = request.url();
    let line = "POST  HTTP/1.1\r\n".len() + url.path().len();
    let host = "host:\u{a0}:\r\n".len() + url.host_str().map_or(0, str::len) + digits(url.port());
    let accept = "accept: */*\r\n".len();
    let length = "content-length: \r\n".len() + body_bytes.to_string().len();
    let written = line + host + accept + length + body_bytes;
    written as u64 + header_bytes(request.headers())
}

fn digits(port: Option<u16>) -> usize {
    port.map_or(0, |port| port.to_string().len())
}

/// Bytes of an answer's head.
fn head_bytes(headers: &HeaderMap) -> u64 {
    "HTTP/1.1 200 OK\r\n".len() as u64 + header_bytes(headers)
}

/// Headers with the empty line after them.
fn header_bytes(headers: &HeaderMap) -> u64 {
    let lines = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + ": \r\n".len() + value.len());
    (lines.sum::<usize>() + "\r\n".len()) as u64
}
