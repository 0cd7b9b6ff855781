//! What a serving laptop is told. Everything else lies in its data directory.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::{Data, Serve};
use crate::opened::NodeError;

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

impl TryFrom<Serve> for Config {
    type Error = NodeError;

    fn try_from(serve: Serve) -> Result<Self, NodeError> {
        Ok(Self {
            data: data_directory(serve.data)?,
            listen: serve.listen,
            open: serve.open,
            json: serve.json,
        })
    }
}

/// The directory that was named, or the one that the desktop entry means: `maison` among the person's own data.
///
/// # Errors
/// When none was named and the person has no home.
pub fn data_directory(named: Data) -> Result<PathBuf, NodeError> {
    if let Some(directory) = named.data {
        return Ok(directory);
    }
    let own = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let own = own.filter(|path| path.is_absolute());
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share"));
    let own = own.or_else(home).ok_or(NodeError::NoHome)?;
    Ok(own.join("maison"))
}
