//! Serving: a port, the router behind it, and a graceful end.

use std::time::Duration;

use axum::Router;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::Door;
use super::listening::Listening;

/// Pause after the system refuses a connection (too many open files), so that the loop does not spin.
const REFUSED_PAUSE: Duration = Duration::from_millis(200);

/// Serves `router` until `stop` is done, then lets what is under way end.
pub async fn serve(listening: Listening, router: Router, stop: impl Future<Output = ()>) {
    let Listening {
        listener,
        cover,
        limits,
        ..
    } = listening;
    let stopping = watch::Sender::new(false);
    let door = Door {
        router,
        cover,
        limits,
        stopping: stopping.subscribe(),
    };
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                // A laptop that is turned away comes again; who fills the port is cleared off by the limits.
                Ok(_) if connections.len() >= limits.connections_max => {
                    tracing::warn!("a connection was turned away: too many are open");
                }
                Ok((stream, peer)) => {
                    connections.spawn(door.clone().serve(stream, peer, graceful.watcher()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(REFUSED_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    stopping.send_replace(true);
    // Connections that outlive the pause are cut when the set is dropped.
    let _ = tokio::time::timeout(limits.stop_within, graceful.shutdown()).await;
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
