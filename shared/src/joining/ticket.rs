//! A ticket as text: `MAISON1-` and groups of five letters and digits that a person can read out or copy by hand.
//!
//! The alphabet is Crockford's base 32 (no I, L, O or U; these are read as the digit that they look like, upper and
//! lower case alike). A checksum of 20 bits or more is part of the text, so a slip of the finger is noticed at once,
//! without a network. Whether a ticket is still good is the hub's to say.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::pin::Pins;

/// First word of every ticket; the digit is the version of the form.
const HEAD: &str = "MAISON1";
/// Letters of a group.
const GROUP_LETTERS: usize = 5;
/// Bytes of SHA-256 that stand before the content.
const CHECKSUM_BYTES: usize = 4;
/// Longest text that is looked at, in bytes: some 20 addresses.
const TEXT_BYTES_MAX: usize = 2_000;

/// Bytes of a one-time secret: 128 bits cannot be guessed, so its plain SHA-256 may be kept.
pub const SECRET_BYTES: usize = 16;

/// What a ticket holds.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ticket {
    /// URLs under which the laptop finds the hub, the best first, without a slash at the end.
    #[n(0)]
    pub addresses: Vec<String>,
    /// The one-time secret.
    #[n(1)]
    pub secret: ByteArray<SECRET_BYTES>,
    /// Keys by which the laptop knows the hub; absent where its certificate is one that everybody can verify, or where
    /// the line is not encrypted.
    #[n(2)]
    pub pins: Option<ByteArray<{ Pins::BYTES }>>,
}

/// What is wrong with the text of a ticket, in French.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTicket {
    /// It begins with another word.
    #[error("ce n’est pas un ticket\u{a0}: il doit commencer par MAISON1-")]
    NotATicket,
    /// The checksum does not fit.
    #[error(
        "le ticket comporte une faute de frappe ou n’est pas entier\u{a0}: recopiez-le depuis le hub"
    )]
    Mistyped,
    /// The checksum fits, the content is unknown.
    #[error(
        "ce ticket vient d’une version plus récente\u{a0}: mettez le programme du portable à jour"
    )]
    Newer,
}

impl Ticket {
    /// The keys by which the laptop knows the hub.
    #[must_use]
    pub fn pins(&self) -> Option<Pins> {
        self.pins.map(|bytes| Pins::from_bytes(&bytes))
    }

    /// SHA-256 of the secret: all that the hub keeps of it.
    #[must_use]
    pub fn secret_hash(secret: &[u8]) -> [u8; 32] {
        Sha256::digest(secret).into()
    }
}

/// Never shows the secret.
impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = minicbor::to_vec(self).map_err(|_| fmt::Error)?;
        let mut bytes = checksum(&content).to_vec();
        bytes.extend_from_slice(&content);
        f.write_str(HEAD)?;
        let letters = ENCODING.encode(&bytes);
        for (position, letter) in letters.chars().enumerate() {
            if position % GROUP_LETTERS == 0 {
                f.write_str("-")?;
            }
            write!(f, "{letter}")?;
        }
        Ok(())
    }
}

impl FromStr for Ticket {
    type Err = BadTicket;

    fn from_str(text: &str) -> Result<Self, BadTicket> {
        let text = text.trim();
        let head = text.get(..HEAD.len()).ok_or(BadTicket::NotATicket)?;
        if !head.eq_ignore_ascii_case(HEAD) {
            return Err(BadTicket::NotATicket);
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(BadTicket::Mistyped);
        }
        let letters = &text.as_bytes()[HEAD.len()..];
        let bytes = ENCODING.decode(letters).map_err(|_| BadTicket::Mistyped)?;
        let (sum, content) = bytes
            .split_at_checked(CHECKSUM_BYTES)
            .ok_or(BadTicket::Mistyped)?;
        if sum != checksum(content) {
            return Err(BadTicket::Mistyped);
        }
        minicbor::decode(content).map_err(|_| BadTicket::Newer)
    }
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Sha256::new()
        .chain_update(HEAD)
        .chain_update(content)
        .finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

static ENCODING: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    specification
        .translate
        .from
        .push_str("abcdefghjkmnpqrstvwxyziIlLoO");
    specification
        .translate
        .to
        .push_str("ABCDEFGHJKMNPQRSTVWXYZ111100");
    specification.ignore.push_str("- \t\r\n");
    specification
        .encoding()
        .unwrap_or(data_encoding::BASE32_NOPAD)
});

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> Ticket {
        Ticket {
            addresses: vec!["http://127.0.0.1:8080".to_owned()],
            secret: ByteArray::from([7; SECRET_BYTES]),
            pins: None,
        }
    }

    #[test]
    fn a_ticket_bears_the_keys_of_a_hub_that_makes_its_own_certificate() {
        let pins = Pins::from_bytes(&[9; Pins::BYTES]);
        let pinned = Ticket {
            pins: Some(pins.to_bytes().into()),
            ..ticket()
        };
        let read: Ticket = pinned.to_string().parse().unwrap();
        assert_eq!(read.pins(), Some(pins));
        let read: Ticket = ticket().to_string().parse().unwrap();
        assert_eq!(read.pins(), None, "and none costs no letters");
        assert!(ticket().to_string().len() + 50 < pinned.to_string().len());
    }

    #[test]
    fn a_ticket_returns_however_it_is_copied() {
        let text = ticket().to_string();
        assert!(text.starts_with("MAISON1-"));
        assert_eq!(text.parse(), Ok(ticket()));
        assert_eq!(text.to_lowercase().parse(), Ok(ticket()));
        assert_eq!(
            format!("  {}\n", text.replace('-', " ")).parse(),
            Ok(ticket())
        );
        let by_eye = text[HEAD.len()..].replace('0', "O").replace('1', "l");
        assert_eq!(format!("{HEAD}{by_eye}").parse(), Ok(ticket()));
    }

    #[test]
    fn every_single_slip_is_noticed() {
        let text = ticket().to_string();
        for at in HEAD.len() + 1..text.len() {
            if text.as_bytes()[at] == b'-' {
                continue;
            }
            let other = if &text[at..=at] == "7" { "8" } else { "7" };
            let slip = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(slip.parse::<Ticket>(), Err(BadTicket::Mistyped), "{slip}");
            let missing = format!("{}{}", &text[..at], &text[at + 1..]);
            assert_eq!(missing.parse::<Ticket>(), Err(BadTicket::Mistyped));
        }
    }

    #[test]
    fn what_is_no_ticket_is_said_to_be_none() {
        for text in ["", "MAISON", "bonjour à tous", "MAISON2-ABCDE", "é"] {
            assert_eq!(text.parse::<Ticket>(), Err(BadTicket::NotATicket), "{text}");
        }
        for text in ["MAISON1", "MAISON1-", "MAISON1-U"] {
            assert_eq!(text.parse::<Ticket>(), Err(BadTicket::Mistyped), "{text}");
        }
        let long = format!("MAISON1-{}", "A".repeat(TEXT_BYTES_MAX));
        assert_eq!(long.parse::<Ticket>(), Err(BadTicket::Mistyped));
    }

    #[test]
    fn the_secret_is_not_shown() {
        assert!(!format!("{:?}", ticket()).contains("secret"));
    }
}
