//! What a serving hub is told. Everything else lies in its data directory.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::Serve;

/// The settings of a serving hub.
#[derive(Clone, Debug)]
pub struct Config {
    /// Data directory; held while the hub serves.
    pub data: PathBuf,
    /// Where to listen; a loopback address as long as the line is not encrypted. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Announce the address for a script rather than for a person.
    pub json: bool,
}

impl From<Serve> for Config {
    fn from(serve: Serve) -> Self {
        Self {
            data: serve.data.data,
            listen: serve.listen,
            json: serve.json,
        }
    }
}
