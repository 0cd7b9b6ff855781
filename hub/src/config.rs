//! What a serving hub is told. Everything else lies in its data directory.

use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::civil::Time;

use crate::cli::Serve;

/// The settings of a serving hub.
#[derive(Clone, Debug)]
pub struct Config {
    /// Data directory; held while the hub serves.
    pub data: PathBuf,
    /// Where to listen; a loopback address unless the line is encrypted. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// What encrypts the line.
    pub line: LineCover,
    /// Names and addresses under which browsers ask for the hub, besides where it listens.
    pub names: Vec<String>,
    /// When the daily backup is made, by the clock of Capestang.
    pub backup_at: Time,
    /// Announce the address for a script rather than for a person.
    pub json: bool,
}

/// What encrypts the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineCover {
    /// Nothing: on this machine only.
    Bare,
    /// A reverse proxy in front.
    Proxy,
    /// The hub, with a certificate that it makes itself.
    Own,
    /// The hub, with a certificate from files.
    Files(CertificateFiles),
}

/// A certificate in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM: the certificate, then those that vouch for it.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

impl From<Serve> for Config {
    fn from(serve: Serve) -> Self {
        let line = match (serve.certificate, serve.key) {
            (Some(certificate), Some(key)) => {
                LineCover::Files(CertificateFiles { certificate, key })
            }
            _ if serve.tls => LineCover::Own,
            _ if serve.behind_proxy => LineCover::Proxy,
            _ => LineCover::Bare,
        };
        Self {
            data: serve.data.data,
            listen: serve.listen,
            line,
            names: serve.name,
            backup_at: serve.backup_at,
            json: serve.json,
        }
    }
}
