//! The messages of joining, as JSON: what the laptop asks, what the hub answers, and how the hub refuses any request.

use axum::http::StatusCode;
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::letter::Letter;
use super::signature::Nonce;
use super::ticket::Ticket;
use crate::ids::ReplicaId;

/// Where a laptop trades a ticket for its registration.
pub const JOIN_PATH: &str = "/api/v1/join";
/// Where the exchange takes place.
pub const EXCHANGE_PATH: &str = "/api/v1/exchange";

/// What the proof is signed over begins with this.
const CONTEXT: &[u8] = b"maison join 1\0";

/// A laptop asks to be registered, with a ticket or with the letter of an earlier registration.
#[derive(Clone, Serialize, Deserialize)]
pub struct JoinRequest {
    /// The ticket's one-time secret, base 64; empty where there is a letter.
    secret: String,
    /// The letter of a laptop that the hub has forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<Letter>,
    /// The laptop's replica id.
    pub replica: ReplicaId,
    /// The laptop's Ed25519 public key, base 64.
    public_key: String,
    /// Signature by that key over secret, id and key, base 64: whoever asks holds the private key.
    proof: String,
}

impl JoinRequest {
    /// The request of the laptop `replica` that holds `key`.
    #[must_use]
    pub fn new(ticket: &Ticket, replica: ReplicaId, key: &SigningKey) -> Self {
        Self::proved(ticket.secret.as_slice(), replica, key)
    }

    /// The same without a ticket, of a laptop that has been registered before.
    #[must_use]
    pub fn again(letter: Letter, replica: ReplicaId, key: &SigningKey) -> Self {
        Self {
            letter: Some(letter),
            ..Self::proved(&[], replica, key)
        }
    }

    fn proved(secret: &[u8], replica: ReplicaId, key: &SigningKey) -> Self {
        let public_key = key.verifying_key();
        let proof = key.sign(&proof_message(secret, replica, &public_key));
        Self {
            secret: BASE64URL_NOPAD.encode(secret),
            letter: None,
            replica,
            public_key: BASE64URL_NOPAD.encode(public_key.as_bytes()),
            proof: BASE64URL_NOPAD.encode(&proof.to_bytes()),
        }
    }

    /// SHA-256 of the secret and the public key, if the request is well made and the proof holds.
    #[must_use]
    pub fn verified(&self) -> Option<([u8; 32], VerifyingKey)> {
        let secret = BASE64URL_NOPAD.decode(self.secret.as_bytes()).ok()?;
        let key = BASE64URL_NOPAD.decode(self.public_key.as_bytes()).ok()?;
        let key = VerifyingKey::from_bytes(&key.try_into().ok()?).ok()?;
        let proof = BASE64URL_NOPAD.decode(self.proof.as_bytes()).ok()?;
        let proof = Signature::from_slice(&proof).ok()?;
        key.verify_strict(&proof_message(&secret, self.replica, &key), &proof)
            .ok()?;
        Some((Ticket::secret_hash(&secret), key))
    }
}

fn proof_message(secret: &[u8], replica: ReplicaId, key: &VerifyingKey) -> Vec<u8> {
    [
        CONTEXT,
        &Ticket::secret_hash(secret),
        replica.as_bytes(),
        key.as_bytes(),
    ]
    .concat()
}

/// The laptop is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The name that the administrator gave to the laptop.
    pub name: String,
    /// The hub's replica id.
    pub hub: ReplicaId,
    /// The nonce for the first signed request.
    pub nonce: String,
    /// The hub's Ed25519 public key, base 64; a hub of the first version says none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    /// The age recipient to which files for the hub are encrypted; a hub of the first version says none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stick_recipient: Option<String>,
    /// What registers the laptop again with a hub that has forgotten it; a hub of the first version gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<Letter>,
}

impl Joined {
    /// The answer of the hub `hub` that holds `key` to the laptop that holds `laptop`, which it calls `name`.
    #[must_use]
    pub fn new(
        name: String,
        hub: ReplicaId,
        nonce: Nonce,
        key: &SigningKey,
        laptop: &VerifyingKey,
    ) -> Self {
        Self {
            letter: Some(Letter::new(key, laptop, name.clone())),
            name,
            hub,
            nonce: nonce.to_text(),
            public_key: Some(BASE64URL_NOPAD.encode(key.verifying_key().as_bytes())),
            stick_recipient: None,
        }
    }

    /// The same, with the recipient for files on a stick.
    #[must_use]
    pub fn with_stick_recipient(mut self, recipient: String) -> Self {
        self.stick_recipient = Some(recipient);
        self
    }

    /// The hub's public key, where it says one that is a key.
    #[must_use]
    pub fn hub_key(&self) -> Option<VerifyingKey> {
        let key = BASE64URL_NOPAD.decode(self.public_key.as_ref()?.as_bytes());
        VerifyingKey::from_bytes(&key.ok()?.try_into().ok()?).ok()
    }
}

/// Why the hub does not do what was asked: a word for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// For programs.
    pub error: Reason,
    /// For people, in French.
    pub message: String,
}

/// The words for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The request does not read as one.
    Malformed,
    /// No such ticket.
    TicketUnknown,
    /// The ticket has been used by another laptop.
    TicketUsed,
    /// The ticket is too old.
    TicketExpired,
    /// The laptop has been registered with another key.
    KeyChanged,
    /// The hub does not know the laptop.
    LaptopUnknown,
    /// The laptop has been revoked.
    LaptopRevoked,
    /// The replica id that a copy asked for is somebody's: it draws another.
    IncarnationTaken,
    /// The signature does not fit; where only the nonce is old, the answer bears the current one.
    Unsigned,
    /// The body is larger than the hub takes.
    TooLarge,
    /// The body did not arrive in time or was cut.
    TooSlow,
    /// The same source asked in vain too often; it has to wait.
    TooOften,
    /// The hub itself is in trouble; try again later.
    Unable,
    /// A word of a newer hub.
    #[serde(other)]
    Other,
}

impl Reason {
    /// The status code of the answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::Other => StatusCode::BAD_REQUEST,
            Self::TicketUnknown => StatusCode::NOT_FOUND,
            Self::TicketUsed | Self::KeyChanged | Self::IncarnationTaken => StatusCode::CONFLICT,
            Self::TicketExpired => StatusCode::GONE,
            Self::LaptopUnknown | Self::LaptopRevoked => StatusCode::FORBIDDEN,
            Self::Unsigned => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::Unable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The sentence for people.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Malformed | Self::Other => "la demande est incompréhensible",
            Self::TicketUnknown => {
                "le hub ne connaît pas ce ticket\u{a0}: demandez-en un nouveau à l’administrateur"
            }
            Self::TicketUsed => {
                "ce ticket a déjà servi pour un autre portable\u{a0}: demandez-en un nouveau à l’administrateur"
            }
            Self::TicketExpired => {
                "ce ticket n’est plus valable\u{a0}: demandez-en un nouveau à l’administrateur"
            }
            Self::KeyChanged => {
                "ce portable est déjà inscrit avec une autre clé\u{a0}: prévenez l’administrateur"
            }
            Self::LaptopUnknown => {
                "le hub ne connaît pas ce portable\u{a0}: inscrivez-le avec un ticket"
            }
            Self::LaptopRevoked => {
                "ce portable a été révoqué par l’administrateur\u{a0}: il n’échange plus avec le hub"
            }
            Self::IncarnationTaken => {
                "l’identité que ce portable demande est déjà prise\u{a0}: il en demandera une autre"
            }
            Self::Unsigned => {
                "la signature de la demande n’est pas celle de ce portable\u{a0}: prévenez l’administrateur"
            }
            Self::TooLarge => "la demande est trop grande pour le hub",
            Self::TooOften => {
                "trop d’essais sans succès depuis ce réseau\u{a0}: attendez quelques minutes, puis réessayez"
            }
            Self::TooSlow => {
                "la demande n’est pas arrivée entière\u{a0}: la ligne est sans doute trop lente"
            }
            Self::Unable => "le hub ne peut pas répondre pour l’instant\u{a0}: réessayez plus tard",
        }
    }
}

impl From<Reason> for Refused {
    fn from(error: Reason) -> Self {
        Self {
            error,
            message: error.message().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minicbor::bytes::ByteArray;

    fn request() -> JoinRequest {
        let ticket = Ticket {
            addresses: Vec::new(),
            secret: ByteArray::from([5; 16]),
            pins: None,
        };
        let replica = ReplicaId(uuid::Uuid::from_u128(7));
        JoinRequest::new(&ticket, replica, &SigningKey::from_bytes(&[1; 32]))
    }

    #[test]
    fn a_request_proves_that_its_sender_holds_the_key() {
        let (hash, key) = request().verified().unwrap();
        assert_eq!(hash, Ticket::secret_hash(&[5; 16]));
        assert_eq!(key, SigningKey::from_bytes(&[1; 32]).verifying_key());
    }

    #[test]
    fn a_request_with_anything_exchanged_is_not_believed() {
        let other_key = SigningKey::from_bytes(&[2; 32]).verifying_key();
        let mut stolen = request();
        stolen.public_key = BASE64URL_NOPAD.encode(other_key.as_bytes());
        assert!(stolen.verified().is_none());
        let mut moved = request();
        moved.replica = ReplicaId(uuid::Uuid::from_u128(8));
        assert!(moved.verified().is_none());
        let mut garbled = request();
        garbled.proof = "é".to_owned();
        assert!(garbled.verified().is_none());
    }

    #[test]
    fn a_hub_says_its_key_and_one_of_the_first_version_says_none() {
        let (key, laptop) = (
            SigningKey::from_bytes(&[3; 32]),
            SigningKey::from_bytes(&[1; 32]),
        );
        let (key, laptop) = (&key, &laptop.verifying_key());
        let hub = ReplicaId(uuid::Uuid::from_u128(9));
        let joined = Joined::new("Portable 1".to_owned(), hub, Nonce([1; 16]), key, laptop);
        let sent = serde_json::to_string(&joined).unwrap();
        let heard: Joined = serde_json::from_str(&sent).unwrap();
        assert_eq!(heard.hub_key(), Some(key.verifying_key()));
        assert!(heard.letter.unwrap().is_by(&key.verifying_key(), laptop));
        let first = sent.replace(r#","public_key":"#, r#","another_word":"#);
        let heard: Joined = serde_json::from_str(&first).unwrap();
        assert_eq!(heard.hub_key(), None);
        assert_eq!(heard.stick_recipient, None);
        assert_eq!(heard.nonce, joined.nonce);
    }

    #[test]
    fn a_word_of_a_newer_hub_is_still_a_refusal() {
        let refused: Refused =
            serde_json::from_str(r#"{"error":"moon_phase","message":"Attendez."}"#).unwrap();
        assert_eq!(refused.error, Reason::Other);
        assert_eq!(refused.message, "Attendez.");
    }
}
