//! Serving: a listener on this machine, the router behind it, and a graceful end.
//!
//! `axum::serve` alone leaves a half-sent request open for ever; here the head of a request has to arrive in time. The
//! time that a body may take is each route's business.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::request::Arrival;

/// The head of a request has to arrive within this time.
const HEAD_WITHIN: Duration = Duration::from_secs(20);
/// What is under way when the program is told to stop may take this long; live streams never end by themselves.
const STOP_WITHIN: Duration = Duration::from_secs(3);
/// Pause after the system refuses a connection (too many open files), so that the loop does not spin.
const REFUSED_PAUSE: Duration = Duration::from_millis(200);

/// A port that is open and does not answer yet.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

/// Why a port cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum NotListening {
    /// Others on the network would read along.
    #[error(
        "{0} est visible du réseau, et cette version ne chiffre pas encore la ligne\u{a0}: écoutez sur 127.0.0.1 \
         (TLS viendra avec une prochaine version)"
    )]
    NotLoopback(SocketAddr),
    /// What the system says.
    #[error("impossible d’écouter sur {address}\u{a0}: {source}")]
    System {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

impl Listening {
    /// Opens a port of the loopback interface; port 0 takes any free one.
    ///
    /// # Errors
    /// When the address is not a loopback one, or is taken.
    pub async fn on(address: SocketAddr) -> Result<Self, NotListening> {
        if !address.ip().is_loopback() {
            return Err(NotListening::NotLoopback(address));
        }
        let system = |source| NotListening::System { address, source };
        let listener = TcpListener::bind(address).await.map_err(system)?;
        let address = listener.local_addr().map_err(system)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The `host:port` values under which a browser of this machine asks for it.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        vec![
            self.address.to_string(),
            format!("localhost:{}", self.address.port()),
        ]
    }
}

/// Serves `router` until `stop` is done, then lets what is under way end.
pub async fn serve(listening: Listening, router: Router, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let stopping = watch::Sender::new(false);
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listening.listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let arrival = Arrival::new(stopping.subscribe());
                    let watcher = graceful.watcher();
                    connections.spawn(connection(stream, peer, arrival, router.clone(), watcher));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(REFUSED_PAUSE).await;
                }
            },
        }
    }
    drop(listening);
    stopping.send_replace(true);
    // Connections that outlive the pause are cut when the set is dropped.
    let _ = tokio::time::timeout(STOP_WITHIN, graceful.shutdown()).await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    arrival: Arrival,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Pages are small: waiting to fill a packet only costs time.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request| {
        answer(request, peer, arrival.clone(), router.clone())
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN);
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    arrival: Arrival,
    router: Router,
) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(arrival);
    router.oneshot(request).await
}

/// Done when the system asks the program to stop: SIGTERM, or Ctrl-C in a terminal.
pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // Without it Ctrl-C still works.
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn an_address_of_the_network_is_refused() {
        let refused = Listening::on("0.0.0.0:0".parse().unwrap()).await;
        assert!(matches!(refused, Err(NotListening::NotLoopback(_))));
    }

    #[tokio::test]
    async fn a_program_told_to_stop_lets_the_answer_under_way_end() {
        let listening = Listening::on("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listening.address();
        let (arrived, has_arrived) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let waits = std::sync::Mutex::new(Some((arrived, may_go_on)));
        let waits = std::sync::Arc::new(waits);
        let slow = move || {
            let taken = waits.lock().unwrap().take();
            async move {
                let (arrived, may_go_on) = taken.unwrap();
                arrived.send(()).unwrap();
                may_go_on.await.unwrap();
                "done"
            }
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().route("/", get(slow));
        let server = tokio::spawn(serve(listening, router, async {
            let _ = stopped.await;
        }));
        let mut client = TcpStream::connect(address).await.unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        has_arrived.await.unwrap();
        stop.send(()).unwrap();
        go_on.send(()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("done"), "{answer}");
        server.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
