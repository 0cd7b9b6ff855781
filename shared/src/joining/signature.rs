//! The signature that every request of a laptop bears, and the nonce that it is made over.
//!
//! ```text
//! authorization: Maison <replica, 22 letters>.<Ed25519 signature, base 64>.<trial, 8 letters>[.<incarnation>]
//! signed:        "maison request 2" 0 METHOD " " path 0 nonce (16 bytes) trial (6 bytes) incarnation (16 or none)
//!                SHA-256(body)
//! maison-nonce:  <nonce, base 64>                       in every answer of the hub
//! ```
//!
//! The hub takes its current nonce and the one before (the answer that carried the current one may have been lost). A
//! request over an older nonce is answered 401 with the current one, and the laptop asks once more. What trial and
//! incarnation are for, see [`super::lease`]. A laptop of the first version sends and signs neither, under
//! "maison request 1".

use axum::http::HeaderName;
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::lease::{Lease, Trial};
use crate::ids::ReplicaId;

/// The header in which the hub gives a nonce.
pub const NONCE: HeaderName = HeaderName::from_static("maison-nonce");

/// Scheme of the `authorization` header.
const SCHEME: &str = "Maison ";
/// What is signed begins with this, so that no signature made for another purpose fits.
const CONTEXT: &[u8] = b"maison request 2\0";
/// The same for a laptop of the first version.
const CONTEXT_FIRST: &[u8] = b"maison request 1\0";

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
    fn message(&self, lease: &Lease) -> Vec<u8> {
        let context = lease.trial.map_or(CONTEXT_FIRST, |_| CONTEXT);
        let mut message = context.to_vec();
        message.extend_from_slice(self.method.as_bytes());
        message.push(b' ');
        message.extend_from_slice(self.path.as_bytes());
        message.push(0);
        message.extend_from_slice(&lease.nonce.0);
        if let Some(trial) = lease.trial {
            message.extend_from_slice(&trial.0);
        }
        if let Some(incarnation) = lease.incarnation {
            message.extend_from_slice(incarnation.as_bytes());
        }
        message.extend_from_slice(&Sha256::digest(self.body));
        message
    }
}

/// What the `authorization` header says, before it has been verified.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Who the sender says it is.
    pub replica: ReplicaId,
    /// The trial that it drew for the nonce; none from a laptop of the first version.
    pub trial: Option<Trial>,
    /// The replica id that a copy wants to bear from now on.
    pub incarnation: Option<ReplicaId>,
    signature: Signature,
}

impl Claim {
    /// Signs a request.
    #[must_use]
    pub fn sign(replica: ReplicaId, key: &SigningKey, request: Signed<'_>, lease: &Lease) -> Self {
        Self {
            replica,
            trial: lease.trial,
            incarnation: lease.incarnation,
            signature: key.sign(&request.message(lease)),
        }
    }

    /// The value of the `authorization` header.
    #[must_use]
    pub fn to_header(&self) -> String {
        let signature = BASE64URL_NOPAD.encode(&self.signature.to_bytes());
        let mut header = format!("{SCHEME}{}.{signature}", self.replica);
        let trial = self.trial.map(Trial::to_text);
        let incarnation = self.incarnation.map(|id| id.to_string());
        for part in [trial, incarnation].into_iter().flatten() {
            header.push('.');
            header.push_str(&part);
        }
        header
    }

    /// Reads [`Self::to_header`].
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        let mut parts = value.strip_prefix(SCHEME)?.split('.');
        let replica = parts.next()?.parse().ok()?;
        let signature = BASE64URL_NOPAD.decode(parts.next()?.as_bytes()).ok()?;
        let claim = Self {
            replica,
            signature: Signature::from_slice(&signature).ok()?,
            trial: parts
                .next()
                .map(|t| Trial::from_text(t).ok_or(()))
                .transpose()
                .ok()?,
            incarnation: parts.next().map(str::parse).transpose().ok()?,
        };
        parts.next().is_none().then_some(claim)
    }

    /// Whether `key` made this signature of `request` over `nonce`.
    #[must_use]
    pub fn is_of(&self, key: &VerifyingKey, request: Signed<'_>, nonce: Nonce) -> bool {
        let lease = Lease {
            nonce,
            trial: self.trial,
            incarnation: self.incarnation,
        };
        key.verify_strict(&request.message(&lease), &self.signature)
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

    fn replica(n: u128) -> ReplicaId {
        ReplicaId(uuid::Uuid::from_u128(n))
    }

    fn claim_with(trial: Option<Trial>, incarnation: Option<ReplicaId>) -> Claim {
        let lease = Lease {
            nonce: NONCE_HERE,
            trial,
            incarnation,
        };
        let claim = Claim::sign(replica(9), &key(1), REQUEST, &lease);
        Claim::from_header(&claim.to_header()).unwrap()
    }

    fn claim() -> Claim {
        claim_with(Some(Trial([2; 6])), None)
    }

    #[test]
    fn trial_and_incarnation_are_signed_with_the_rest() {
        let key = key(1).verifying_key();
        let copy = claim_with(Some(Trial([2; 6])), Some(replica(10)));
        assert_eq!(copy.incarnation, Some(replica(10)));
        let first = claim_with(None, None);
        assert_eq!(first.trial, None);
        for whole in [&copy, &claim(), &first] {
            assert!(whole.is_of(&key, REQUEST, NONCE_HERE), "{whole:?}");
        }
        let altered = [
            Claim {
                trial: Some(Trial([3; 6])),
                ..copy
            },
            Claim {
                trial: None,
                ..copy
            },
            Claim {
                incarnation: Some(replica(11)),
                ..copy
            },
            Claim {
                incarnation: None,
                ..copy
            },
            Claim {
                trial: Some(Trial([2; 6])),
                ..first
            },
        ];
        for claim in altered {
            assert!(!claim.is_of(&key, REQUEST, NONCE_HERE), "{claim:?}");
        }
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
            &format!("{good}.x"),
            &format!("{good}.{}.x", replica(1)),
        ] {
            assert!(Claim::from_header(header).is_none(), "{header}");
        }
        for nonce in ["", "abc", &"A".repeat(23)] {
            assert!(Nonce::from_text(nonce).is_none(), "{nonce}");
        }
    }
}
