//! A port that is open: where, how the line is protected, under which names browsers ask for it, within which limits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How a line is protected.
#[derive(Clone, Debug)]
pub enum Cover {
    /// Not at all; nobody reads along on the loopback interface.
    Bare,
    /// By a reverse proxy in front, which says in `X-Forwarded-For` where a request comes from.
    Proxy,
    /// By TLS; the certificate may be exchanged while the program serves.
    Tls(watch::Receiver<Arc<ServerConfig>>),
}

/// How long a server waits, and for how many.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A connection has to bring the head of its first request within this time, greetings of TLS included.
    pub first_within: Duration,
    /// A connection on which nothing is asked and nothing is sent may stay open for this long: longer than a laptop's
    /// pause between two exchanges.
    pub idle_within: Duration,
    /// A request under way on whose connection nothing moves at all is given up after this long; longer than the hub
    /// holds an answer.
    pub stall_within: Duration,
    /// A request's body has to be there within this time; routes may be stricter, and say so more kindly.
    pub body_within: Duration,
    /// Connections at once, below the 1 024 files that a process may have open by default. More are turned away.
    pub connections_max: usize,
    /// What is under way when the program is told to stop may take this long.
    pub stop_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_within: Duration::from_secs(20),
            idle_within: Duration::from_secs(60),
            stall_within: Duration::from_secs(120),
            body_within: Duration::from_secs(330),
            connections_max: 800,
            stop_within: Duration::from_secs(3),
        }
    }
}

/// A port that is open and does not answer yet.
#[derive(Debug)]
pub struct Listening {
    pub(super) listener: TcpListener,
    pub(super) cover: Cover,
    pub(super) limits: Limits,
    address: SocketAddr,
    names: Vec<String>,
}

/// Why a port cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum NotListening {
    /// Others on the network would read along.
    #[error(
        "{0} est visible du réseau, et rien n’y chiffre la ligne\u{a0}: écoutez sur 127.0.0.1\u{a0}; ou, au hub, ajoutez \
         --tls, ou --certificate et --key, ou --behind-proxy si un mandataire (proxy) la chiffre devant"
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
        Self::covered(address, Cover::Bare).await
    }

    /// Opens a port of any interface, if the line is protected there.
    ///
    /// # Errors
    /// When it is not, or the address is taken.
    pub async fn covered(address: SocketAddr, cover: Cover) -> Result<Self, NotListening> {
        if matches!(cover, Cover::Bare) && !address.ip().is_loopback() {
            return Err(NotListening::NotLoopback(address));
        }
        let system = |source| NotListening::System { address, source };
        let listener = TcpListener::bind(address).await.map_err(system)?;
        let address = listener.local_addr().map_err(system)?;
        Ok(Self {
            listener,
            cover,
            limits: Limits::default(),
            address,
            names: Vec::new(),
        })
    }

    /// Answers under these names as well, with or without the port.
    #[must_use]
    pub fn named(mut self, names: Vec<String>) -> Self {
        self.names = names;
        self
    }

    /// Serves within other limits than the usual ones.
    #[must_use]
    pub fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = match self.cover {
            Cover::Bare | Cover::Proxy => "http",
            Cover::Tls(_) => "https",
        };
        format!("{scheme}://{}", self.address)
    }

    /// The values of `Host` under which a browser asks for it: from this machine, and by its names.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        let port = self.address.port();
        let mut hosts = vec![self.address.to_string(), format!("localhost:{port}")];
        if self.address.ip().is_unspecified() {
            hosts.push(format!("127.0.0.1:{port}"));
        }
        for name in &self.names {
            hosts.extend([name.clone(), format!("{name}:{port}")]);
        }
        hosts
    }
}
