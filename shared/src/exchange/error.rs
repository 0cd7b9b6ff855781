//! What can go wrong with an exchange, in words that say what to do next. None of them loses what was confirmed.

use crate::ledger::LedgerError;
use crate::site::SiteError;

/// An error of the exchange.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The bytes stop before the end of the message.
    #[error(
        "l’échange a été coupé avant la fin\u{a0}: il reprendra à la prochaine connexion, rien n’est perdu"
    )]
    Truncated,
    /// The bytes do not begin as an exchange does.
    #[error(
        "la réponse n’est pas celle d’un hub de la Maison\u{a0}: vérifiez l’adresse du hub et la connexion (portail d’un wifi public\u{a0}?)"
    )]
    NotAnExchange,
    /// The other side speaks other versions of the protocol.
    #[error(
        "le hub et ce portable n’ont pas de version d’échange en commun (le hub parle les versions {oldest} à {newest})\u{a0}: mettez le programme à jour"
    )]
    Version {
        /// The oldest version that the other side speaks.
        oldest: u8,
        /// The newest one.
        newest: u8,
    },
    /// A frame longer than the limit.
    #[error(
        "message trop grand ({bytes}\u{a0}octets, {max} au plus)\u{a0}: refusé, prévenez l’administrateur"
    )]
    FrameTooLarge {
        /// Its announced length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The stream swells more than honest data can.
    #[error(
        "message qui se décompresse hors de toute mesure\u{a0}: refusé, prévenez l’administrateur"
    )]
    Swollen,
    /// More changes, hashes or documents than the limit.
    #[error(
        "message qui contient trop d’éléments ({max} au plus)\u{a0}: refusé, prévenez l’administrateur"
    )]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// The bytes do not decode.
    #[error(
        "message illisible\u{a0}: l’échange sera repris ; si cela se répète, prévenez l’administrateur"
    )]
    Malformed,
    /// A frame where the protocol has no place for it.
    #[error(
        "message inattendu ({0})\u{a0}: mettez le programme à jour ou prévenez l’administrateur"
    )]
    Unexpected(&'static str),
    /// The two sides do not find their differences.
    #[error(
        "la comparaison avec le hub a échoué\u{a0}: l’échange sera repris ; si cela se répète, prévenez l’administrateur"
    )]
    Reconciliation,
    /// The compression library failed on our own side.
    #[error("compression impossible ({0})\u{a0}: relancez le programme")]
    Compression(std::io::Error),
    /// The site.
    #[error(transparent)]
    Site(#[from] SiteError),
}

impl ExchangeError {
    /// Whether the other side's bytes are at fault, rather than this side's store or machine.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, Self::Site(_) | Self::Compression(_))
    }
}

impl From<LedgerError> for ExchangeError {
    fn from(error: LedgerError) -> Self {
        Self::Site(error.into())
    }
}
