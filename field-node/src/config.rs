//! What a serving laptop is told. Everything else lies in its data directory.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::Serve;

/// The settings of a serving laptop.
#[derive(Clone, Debug)]
pub struct Config {
    /// Data directory; held while the laptop serves.
    pub data: PathBuf,
    /// Where to listen: an address of this machine. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Open the browser once the pages can be reached.
    pub open: bool,
    /// Announce the address for a script rather than for a person.
    pub json: bool,
}

impl From<Serve> for Config {
    fn from(serve: Serve) -> Self {
        Self {
            data: serve.data.data,
            listen: serve.listen,
            open: serve.open,
            json: serve.json,
        }
    }
}
