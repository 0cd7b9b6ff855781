//! The certificate that the hub shows: its own, or one from files; exchanged while the hub serves.
//!
//! Its own is made afresh at every start from a key in the hub's database, and known to laptops by that key (see
//! [`own`]). One from files is whatever the administrator has; it is read again when it changes, since such
//! certificates are renewed every few weeks.

mod files;
pub mod own;

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;

use crate::config::CertificateFiles;
use crate::opened::{Hub, HubError};

/// How soon a renewed certificate or another key is shown.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(2);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read as what it should be.
    #[error("{path} ne se lit pas comme un fichier PEM\u{a0}: {source}", path = path.display())]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why not.
        source: rustls::pki_types::pem::Error,
    },
    /// Key and certificate do not belong together, or cannot be used.
    #[error("le certificat et sa clé ne peuvent pas servir\u{a0}: {0}")]
    Unusable(#[from] rustls::Error),
    /// The hub's own key.
    #[error("le certificat du hub ne peut pas être fabriqué\u{a0}: {0}")]
    Own(#[from] rcgen::Error),
}

/// Where the certificate comes from.
#[derive(Clone, Debug)]
pub struct Certificate {
    hub: Hub,
    files: Option<CertificateFiles>,
    /// Names and addresses that the hub's own certificate is for.
    names: Vec<String>,
}

/// A certificate with those that vouch for it, and its key.
#[derive(Debug)]
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// SHA-256 of what it was made from: the same again is no other certificate.
    source: [u8; 32],
}

impl Certificate {
    /// The one in `files`, or without them the hub's own, for these `names`.
    #[must_use]
    pub fn new(hub: Hub, files: Option<CertificateFiles>, names: Vec<String>) -> Self {
        Self { hub, files, names }
    }

    /// The certificate as it is now, and how it is kept so: poll the second for as long as the hub serves.
    ///
    /// # Errors
    /// A [`CertificateError`], or what the store says.
    pub async fn shown(
        self,
    ) -> Result<(watch::Receiver<Arc<ServerConfig>>, impl Future<Output = ()>), HubError> {
        let shown = self.read().await?;
        let config = watch::Sender::new(Arc::new(server_config(&shown)?));
        let receiver = config.subscribe();
        self.note_shown().await?;
        Ok((receiver, self.follow(shown, config)))
    }

    async fn follow(self, mut shown: Shown, config: watch::Sender<Arc<ServerConfig>>) {
        loop {
            tokio::time::sleep(LOOKED_AT_EVERY).await;
            match self.exchanged(&shown, &config).await {
                Ok(None) => {}
                Ok(Some(other)) => shown = other,
                // A half-written file, for instance: the certificate from before goes on.
                Err(error) => tracing::warn!(%error, "the certificate cannot be read again"),
            }
        }
    }

    /// Shows the certificate as it is by now, if it is another than `shown`.
    async fn exchanged(
        &self,
        shown: &Shown,
        config: &watch::Sender<Arc<ServerConfig>>,
    ) -> Result<Option<Shown>, HubError> {
        let now = self.read().await?;
        if now.source == shown.source {
            return Ok(None);
        }
        config.send_replace(Arc::new(server_config(&now)?));
        self.note_shown().await?;
        tracing::info!("another certificate is shown from now on");
        Ok(Some(now))
    }

    async fn note_shown(&self) -> Result<(), HubError> {
        match self.files {
            Some(_) => Ok(()),
            None => own::note_shown(&self.hub).await,
        }
    }

    async fn read(&self) -> Result<Shown, HubError> {
        match &self.files {
            Some(files) => Ok(files::read(files)?),
            None => {
                let keys = own::keys(&self.hub).await?;
                Ok(keys.certificate(&self.names)?)
            }
        }
    }
}

fn server_config(shown: &Shown) -> Result<ServerConfig, HubError> {
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|builder| {
            let builder = builder.with_no_client_auth();
            builder.with_single_cert(shown.chain.clone(), shown.key.clone_key())
        });
    let mut config = config.map_err(CertificateError::from)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // One is enough to come back with fewer bytes; laptops keep their connection anyway.
    config.send_tls13_tickets = 1;
    Ok(config)
}
