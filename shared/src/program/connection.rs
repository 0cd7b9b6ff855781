//! One connection from its beginning to its end: TLS where there is some, HTTP/1.1 or HTTP/2, and what ends it when
//! nothing comes.
//!
//! HTTP libraries leave a connection that says nothing, or half a head, open for ever. Here one rule holds for every
//! protocol: a connection must bring a request, and then go on (see [`Limits`]). While no request is under way only what
//! the server writes counts, so that a head which trickles in does not keep a connection open.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::HOST;
use axum::http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::listening::{Cover, Limits};
use super::pulse::{Pulse, Pulsing, UnderWay, Watched};
use crate::request::{Arrival, Source};

/// What HTTP/2 calls itself in TLS.
const ALPN_HTTP2: &[u8] = b"h2";
/// Requests at once on one connection of HTTP/2: a browser loads a page, its style and its stream.
const STREAMS_MAX: u32 = 32;
/// What connections of one port share.
#[derive(Clone, Debug)]
pub(super) struct Door {
    pub(super) router: Router,
    pub(super) cover: Cover,
    pub(super) limits: Limits,
    pub(super) stopping: watch::Receiver<bool>,
}

impl Door {
    /// Serves a connection until it ends, or nothing comes.
    pub(super) async fn serve(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        // Pages are small: waiting to fill a packet only costs time.
        let _ = stream.set_nodelay(true);
        let pulsing = Pulsing::default();
        let quiet = too_quiet(pulsing.subscribe(), self.limits);
        let stream = Watched::new(stream, pulsing.clone());
        tokio::select! {
            () = self.carry(stream, peer, pulsing, watcher) => {}
            () = quiet => tracing::debug!("a connection said nothing and was closed"),
        }
    }

    async fn carry(
        self,
        stream: Watched<TcpStream>,
        peer: SocketAddr,
        pulsing: Pulsing,
        watcher: Watcher,
    ) {
        let Cover::Tls(config) = &self.cover else {
            return self.speak(stream, false, peer, pulsing, watcher).await;
        };
        let acceptor = TlsAcceptor::from(Arc::clone(&config.borrow()));
        match acceptor.accept(stream).await {
            Ok(stream) => {
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(ALPN_HTTP2);
                self.speak(stream, is_http2, peer, pulsing, watcher).await;
            }
            Err(error) => tracing::debug!(%error, "a connection did not come to be encrypted"),
        }
    }

    async fn speak(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        is_http2: bool,
        peer: SocketAddr,
        pulsing: Pulsing,
        watcher: Watcher,
    ) {
        let builder = Builder::new(TokioExecutor::new());
        let mut builder = match is_http2 {
            true => builder.http2_only(),
            false => builder.http1_only(),
        };
        builder.http2().max_concurrent_streams(STREAMS_MAX);
        let service = hyper::service::service_fn(move |request| {
            self.clone().answer(request, peer, pulsing.under_way())
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    async fn answer(
        self,
        request: Request<Incoming>,
        peer: SocketAddr,
        under_way: UnderWay,
    ) -> Result<Response<Body>, Infallible> {
        let mut request = request.map(|body| Timed::body(body, self.limits));
        name_host(&mut request);
        let source = match self.cover {
            Cover::Proxy => forwarded_for(request.headers()).unwrap_or(peer.ip()),
            Cover::Bare | Cover::Tls(_) => peer.ip(),
        };
        let is_encrypted = !matches!(self.cover, Cover::Bare);
        let arrival = Arrival::new(Source::of(source), is_encrypted, self.stopping);
        request.extensions_mut().insert(arrival);
        let response = self.router.oneshot(request).await?;
        Ok(response.map(|body| During::body(body, under_way)))
    }
}

/// HTTP/2 says the host in the address of a request only; pages look for it in one place.
fn name_host<B>(request: &mut Request<B>) {
    if request.headers().contains_key(HOST) {
        return;
    }
    let authority = request.uri().authority().map(|a| a.as_str().to_owned());
    if let Some(host) = authority.and_then(|a| HeaderValue::from_str(&a).ok()) {
        request.headers_mut().insert(HOST, host);
    }
}

/// What the proxy in front, which adds its own view last, says of the sender.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let mut all = headers.get_all("x-forwarded-for").iter();
    let last = all.next_back()?.to_str().ok()?.rsplit(',').next()?;
    last.trim().parse().ok()
}

/// Done when a connection has kept quiet for too long.
async fn too_quiet(mut pulse: watch::Receiver<Pulse>, limits: Limits) {
    let first = pulse.wait_for(|pulse| pulse.requests > 0);
    if timeout(limits.first_within, first).await.is_err() {
        return;
    }
    loop {
        let seen = *pulse.borrow_and_update();
        let within = match seen.under_way {
            0 => limits.idle_within,
            _ => limits.stall_within,
        };
        let gone_on = pulse.wait_for(|now| now.has_gone_on(seen));
        if timeout(within, gone_on).await.is_err() {
            return;
        }
    }
}

/// A request's body that has to arrive in time.
struct Timed {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
}

impl Timed {
    fn body(body: Incoming, limits: Limits) -> Body {
        if body.is_end_stream() {
            return Body::empty();
        }
        Body::new(Self {
            body,
            deadline: Box::pin(sleep(limits.body_within)),
        })
    }
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.deadline.as_mut().poll(context).is_ready() {
            let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
            return Poll::Ready(Some(Err(late.into())));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        HttpBody::size_hint(&self.body)
    }
}

/// An answer's body: as long as it is being sent, its request is under way.
struct During {
    body: Body,
    _under_way: UnderWay,
}

impl During {
    fn body(body: Body, under_way: UnderWay) -> Body {
        Body::new(Self {
            body,
            _under_way: under_way,
        })
    }
}

impl HttpBody for During {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        HttpBody::size_hint(&self.body)
    }
}
