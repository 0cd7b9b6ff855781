//! The signature that every request of a laptop bears, and the nonce that it is made over.
//!
//! ```text
//! authorization: Maison <replica, 22 letters>.<Ed25519 signature, base 64>
//! signed:        "maison request 1" 0 METHOD " " path 0 nonce (16 bytes) SHA-256(body)
//! maison-nonce:  <nonce, base 64>                       in every answer of the hub
//! ```
//!
//! The hub takes its current nonce and the one before (the answer that carried the current one may have been lost). A
//! request over an older nonce is answered 401 with the current one, and the laptop asks once more.

use axum::http::HeaderName;
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::ids::ReplicaId;

/// The header in which the hub gives a nonce.
pub const NONCE: HeaderName = HeaderName::from_static("maison-nonce");

/// Scheme of the `authorization` header.
const SCHEME: &str = "Maison ";
/// What is signed begins with this, so that no signature made for another purpose fits.
const CONTEXT: &[u8] = b"maison request 1\0";

/// What a request is signed over besides its content: drawn by the hub, used for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce(pub [u8; 16]);

impl Nonce {
    /// A fresh one.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn fresh() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// As the header holds it.
    #[must_use]
    pub fn to_text(self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }

    /// Reads [`Self::to_text`].
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

/// A request as far as it is signed.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `POST`.
    pub method: &'a str,
    /// Path with its query, if any.
    pub path: &'a str,
    /// The whole body.
    pub body: &'a [u8],
}

impl Signed<'_> {
    fn message(&self, nonce: Nonce) -> Vec<u8> {
        let mut message = CONTEXT.to_vec();
        message.extend_from_slice(self.method.as_bytes());
        message.push(b' ');
        message.extend_from_slice(self.path.as_bytes());
        message.push(0);
        message.extend_from_slice(&nonce.0);
        message.extend_from_slice(&Sha256::digest(self.body));
        message
    }
}

/// What the `authorization` header says, before it has been verified.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Who the sender says it is.
    pub replica: ReplicaId,
    signature: Signature,
}

impl Claim {
    /// Signs a request.
    #[must_use]
    pub fn sign(replica: ReplicaId, key: &SigningKey, request: Signed<'_>, nonce: Nonce) -> Self {
        let signature = key.sign(&request.message(nonce));
        Self { replica, signature }
    }

    /// The value of the `authorization` header.
    #[must_use]
    pub fn to_header(&self) -> String {
        let signature = BASE64URL_NOPAD.encode(&self.signature.to_bytes());
        format!("{SCHEME}{}.{signature}", self.replica)
    }

    /// Reads [`Self::to_header`].
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        let (replica, signature) = value.strip_prefix(SCHEME)?.split_once('.')?;
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
        Some(Self {
            replica: replica.parse().ok()?,
            signature: Signature::from_slice(&signature).ok()?,
        })
    }

    /// Whether `key` made this signature of `request` over `nonce`.
    #[must_use]
    pub fn is_of(&self, key: &VerifyingKey, request: Signed<'_>, nonce: Nonce) -> bool {
        key.verify_strict(&request.message(nonce), &self.signature)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE_HERE: Nonce = Nonce([3; 16]);
    const REQUEST: Signed<'_> = Signed {
        method: "POST",
        path: "/api/v1/exchange",
        body: b"content",
    };

    fn key(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn claim() -> Claim {
        let replica = ReplicaId(uuid::Uuid::from_u128(9));
        let claim = Claim::sign(replica, &key(1), REQUEST, NONCE_HERE);
        Claim::from_header(&claim.to_header()).unwrap()
    }

    #[test]
    fn a_signature_travels_in_a_header_and_verifies() {
        assert_eq!(claim().replica, ReplicaId(uuid::Uuid::from_u128(9)));
        assert!(claim().is_of(&key(1).verifying_key(), REQUEST, NONCE_HERE));
        assert_eq!(Nonce::from_text(&NONCE_HERE.to_text()), Some(NONCE_HERE));
    }

    #[test]
    fn whatever_is_altered_the_signature_no_longer_fits() {
        let key = key(1).verifying_key();
        let altered = [
            Signed {
                method: "GET",
                ..REQUEST
            },
            Signed {
                path: "/api/v1/exchange?",
                ..REQUEST
            },
            Signed {
                body: b"content ",
                ..REQUEST
            },
        ];
        for request in altered {
            assert!(!claim().is_of(&key, request, NONCE_HERE), "{request:?}");
        }
        assert!(
            !claim().is_of(&key, REQUEST, Nonce([4; 16])),
            "an old nonce"
        );
        assert!(
            !claim().is_of(&self::key(2).verifying_key(), REQUEST, NONCE_HERE),
            "another key"
        );
    }

    #[test]
    fn nonsense_in_the_header_is_no_claim() {
        let good = claim().to_header();
        for header in [
            "",
            "Maison ",
            "Basic abc",
            "Maison a.b",
            &good[..good.len() - 4],
            &good[7..],
        ] {
            assert!(Claim::from_header(header).is_none(), "{header}");
        }
        for nonce in ["", "abc", &"A".repeat(23)] {
            assert!(Nonce::from_text(nonce).is_none(), "{nonce}");
        }
    }
}
