//! The letter of registration: the hub's word that whoever holds a key is a laptop of its territory.
//!
//! A laptop gets one when it joins. A hub that was restored from a backup does not know the laptops that joined since;
//! shown its own signature, it registers them again, without a ticket and without anybody's help. A revoked laptop's
//! letter opens nothing: revocations outlive a restore.

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

/// What is signed begins with this.
const CONTEXT: &[u8] = b"maison letter 1\0";

/// A letter; it is worth nothing without the laptop's private key, whose public key it does not repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The name that the administrator gave to the laptop.
    pub name: String,
    /// The hub's signature over the laptop's public key and its name, base 64.
    signature: String,
}

impl Letter {
    /// The letter of the hub that holds `hub` for the laptop that holds `laptop`.
    #[must_use]
    pub fn new(hub: &SigningKey, laptop: &VerifyingKey, name: String) -> Self {
        let signature = hub.sign(&message(laptop, &name)).to_bytes();
        Self {
            name,
            signature: BASE64URL_NOPAD.encode(&signature),
        }
    }

    /// Whether the hub with this key wrote it for the laptop with that one.
    #[must_use]
    pub fn is_by(&self, hub: &VerifyingKey, laptop: &VerifyingKey) -> bool {
        let signature = BASE64URL_NOPAD.decode(self.signature.as_bytes());
        let signature = signature
            .ok()
            .and_then(|bytes| Signature::from_slice(&bytes).ok());
        signature.is_some_and(|signature| {
            let message = message(laptop, &self.name);
            hub.verify_strict(&message, &signature).is_ok()
        })
    }
}

fn message(laptop: &VerifyingKey, name: &str) -> Vec<u8> {
    [CONTEXT, laptop.as_bytes(), name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_of_one_hub_for_one_laptop_under_one_name() {
        let key = |n: u8| SigningKey::from_bytes(&[n; 32]);
        let (hub, laptop) = (key(1), key(2).verifying_key());
        let letter = Letter::new(&hub, &laptop, "Portable 1".to_owned());
        assert!(letter.is_by(&hub.verifying_key(), &laptop));
        assert!(!letter.is_by(&key(3).verifying_key(), &laptop));
        assert!(!letter.is_by(&hub.verifying_key(), &key(3).verifying_key()));
        for other in [
            Letter {
                name: "Portable 2".to_owned(),
                ..letter.clone()
            },
            Letter {
                signature: "A".repeat(86),
                ..letter.clone()
            },
            Letter {
                signature: "?".to_owned(),
                ..letter
            },
        ] {
            assert!(!other.is_by(&hub.verifying_key(), &laptop));
        }
    }
}
