//! Pins: how a laptop knows a hub that makes its own certificate, whatever the certificate says and whatever the time.
//!
//! A pin is the first half of the SHA-256 of a public key. The ticket bears two: of the key that the hub uses and of one
//! that it keeps in reserve. When the hub turns to the reserve, laptops know it already; and every certificate that the
//! hub makes names the next reserve, as a DNS name that means nothing to others. So a laptop that has spoken with the hub
//! since a change of keys is ready for the next one.

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// 128 bits: nobody finds another key with the same, and a ticket stays short enough to be copied by hand.
const PIN_BYTES: usize = 16;
/// Last part of the name of a reserve; `invalid` never resolves (RFC 2606).
const RESERVE: &str = ".reserve.maison.invalid";

/// A public key, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin(pub [u8; PIN_BYTES]);

/// The keys of one hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    /// The key that it uses.
    pub current: Pin,
    /// The key that it will use next.
    pub reserve: Pin,
}

impl Pin {
    /// The pin of a public key, from its `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn of(public_key_der: &[u8]) -> Self {
        let mut pin = [0; PIN_BYTES];
        pin.copy_from_slice(&Sha256::digest(public_key_der)[..PIN_BYTES]);
        Self(pin)
    }

    /// The DNS name under which a certificate names this key as the next one.
    #[must_use]
    pub fn to_name(self) -> String {
        let letters = BASE32_NOPAD.encode(&self.0).to_lowercase();
        format!("{letters}{RESERVE}")
    }

    /// Reads [`Self::to_name`]; `None` for any other name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let letters = name.strip_suffix(RESERVE)?.to_uppercase();
        let pin = BASE32_NOPAD.decode(letters.as_bytes()).ok()?;
        Some(Self(pin.try_into().ok()?))
    }
}

impl Pins {
    /// Bytes of [`Self::to_bytes`].
    pub const BYTES: usize = 2 * PIN_BYTES;

    /// As a ticket bears them.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..PIN_BYTES].copy_from_slice(&self.current.0);
        bytes[PIN_BYTES..].copy_from_slice(&self.reserve.0);
        bytes
    }

    /// Reads [`Self::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let (mut current, mut reserve) = ([0; PIN_BYTES], [0; PIN_BYTES]);
        current.copy_from_slice(&bytes[..PIN_BYTES]);
        reserve.copy_from_slice(&bytes[PIN_BYTES..]);
        Self {
            current: Pin(current),
            reserve: Pin(reserve),
        }
    }

    /// Whether the hub may show this key.
    #[must_use]
    pub fn know(&self, key: Pin) -> bool {
        [self.current, self.reserve].contains(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_named_by_a_name_that_reads_back() {
        let pin = Pin::of(b"a key");
        assert_ne!(pin, Pin::of(b"another key"));
        let name = pin.to_name();
        assert!(name.split('.').all(|label| label.len() <= 63), "{name}");
        assert_eq!(Pin::from_name(&name), Some(pin));
        assert_eq!(
            Pin::from_name(&name.to_uppercase()),
            None,
            "our own spelling only"
        );
        for other in [
            "",
            "hub.example.org",
            ".reserve.maison.invalid",
            "aa.reserve.maison.invalid",
        ] {
            assert_eq!(Pin::from_name(other), None, "{other}");
        }
    }

    #[test]
    fn pins_travel_in_bytes() {
        let pins = Pins {
            current: Pin([1; 16]),
            reserve: Pin([2; 16]),
        };
        assert_eq!(Pins::from_bytes(&pins.to_bytes()), pins);
        assert!(pins.know(Pin([1; 16])) && pins.know(Pin([2; 16])));
        assert!(!pins.know(Pin([3; 16])));
    }
}
