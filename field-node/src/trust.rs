//! How the laptop knows its hub on an encrypted line: by its key where it has pins, else as browsers do.
//!
//! With pins, nothing else counts: neither the dates in the certificate, which a laptop whose clock is years off could
//! not judge, nor the name, nor who signed it. TLS itself proves that the other side has the key. Without pins, the
//! certificate must be one that the system's authorities vouch for.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;
use shared::joining::pin::{Pin, Pins};
use webpki::EndEntityCert;

/// Whom a line trusts; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    pins: Arc<RwLock<Option<Pins>>>,
}

impl Trust {
    /// Trust in whom the system's authorities vouch for, until it is given pins.
    pub(crate) fn new() -> Self {
        Self {
            pins: Arc::default(),
        }
    }

    /// From now on, for new connections: the hub with these keys; without any, whom the authorities vouch for.
    pub(crate) fn set(&self, pins: Option<Pins>) {
        *self.pins.write().unwrap_or_else(PoisonError::into_inner) = pins;
    }

    /// TLS as this trust wants it: version 1.3, HTTP/2 where the hub speaks it.
    ///
    /// # Errors
    /// None in practice: the cipher knows this version.
    pub(crate) fn config(&self) -> Result<ClientConfig, Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier = HubVerifier {
            trust: self.clone(),
            provider: Arc::clone(&provider),
            public: OnceLock::new(),
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    fn pins(&self) -> Option<Pins> {
        *self.pins.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keys that a hub's own certificate tells of; `None` where it tells of none in reserve.
pub(crate) fn pins_in(certificate: &[u8]) -> Option<Pins> {
    let der = CertificateDer::from(certificate);
    let certificate = EndEntityCert::try_from(&der).ok()?;
    let reserve = certificate.valid_dns_names().find_map(Pin::from_name)?;
    Some(Pins {
        current: Pin::of(&certificate.subject_public_key_info()),
        reserve,
    })
}

#[derive(Debug)]
struct HubVerifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    /// The system's authorities, read when they are first asked for.
    public: OnceLock<Result<Verifier, Error>>,
}

impl HubVerifier {
    fn public(&self) -> Result<&Verifier, Error> {
        let read = || Verifier::new(Arc::clone(&self.provider));
        self.public.get_or_init(read).as_ref().map_err(Clone::clone)
    }
}

impl ServerCertVerifier for HubVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(pins) = self.trust.pins() else {
            let public = self.public()?;
            return public.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            );
        };
        let certificate =
            EndEntityCert::try_from(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        let key = Pin::of(&certificate.subject_public_key_info());
        if pins.know(key) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// Whether TLS came to nothing because the other side is not whom the laptop trusts.
pub(crate) fn is_distrust(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(Error::InvalidCertificate(_)) = error.downcast_ref() {
        return true;
    }
    let wrapped = error.downcast_ref::<std::io::Error>();
    let inner = wrapped.and_then(|error| error.get_ref());
    match inner {
        Some(inner) => is_distrust(inner),
        None => error.source().is_some_and(is_distrust),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, PublicKeyData};
    use std::time::Duration;

    fn pin(key: &KeyPair) -> Pin {
        Pin::of(&key.subject_public_key_info())
    }

    /// What a verifier with these pins says of the key's certificate, which has long expired, at a time.
    fn verdict(pins: Option<Pins>, key: &KeyPair, at_s: u64) -> Result<ServerCertVerified, Error> {
        let mut params = CertificateParams::new(vec!["other.example".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        let certificate = params.self_signed(key).unwrap();
        let trust = Trust::new();
        trust.set(pins);
        let verifier = HubVerifier {
            trust,
            provider: Arc::new(ring::default_provider()),
            public: OnceLock::new(),
        };
        let name = ServerName::try_from("hub.example").unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(at_s));
        verifier.verify_server_cert(certificate.der(), &[], &name, &[], now)
    }

    #[test]
    fn a_pinned_hub_is_known_whatever_its_certificate_and_the_clock_say() {
        let [current, reserve, other] = std::array::from_fn(|_| KeyPair::generate().unwrap());
        let pins = Some(Pins {
            current: pin(&current),
            reserve: pin(&reserve),
        });
        for at_s in [0, 1_795_681_500, 4_000_000_000] {
            assert!(verdict(pins, &current, at_s).is_ok());
            assert!(verdict(pins, &reserve, at_s).is_ok());
            assert!(verdict(pins, &other, at_s).is_err());
        }
        assert!(verdict(None, &current, 1_795_681_500).is_err());
    }

    #[test]
    fn a_certificate_tells_of_the_key_in_reserve() {
        let [current, reserve] = std::array::from_fn(|_| KeyPair::generate().unwrap());
        let names = vec!["hub.example".to_owned(), pin(&reserve).to_name()];
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.self_signed(&current).unwrap();
        let told = Pins {
            current: pin(&current),
            reserve: pin(&reserve),
        };
        assert_eq!(pins_in(certificate.der()), Some(told));
        let without = CertificateParams::new(vec!["hub.example".to_owned()]).unwrap();
        let without = without.self_signed(&current).unwrap();
        assert_eq!(pins_in(without.der()), None);
        assert_eq!(pins_in(b"nonsense"), None);
    }
}
