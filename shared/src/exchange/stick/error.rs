//! Why a file cannot be made or taken, in words that say what to do next. None of them has changed anything.

use crate::exchange::ExchangeError;
use crate::ledger::LedgerError;
use crate::site::SiteError;
use crate::text::system_words;

/// An error of the stick. A file that is refused has changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum StickError {
    /// The file does not begin as one of ours.
    #[error(
        "ce n’est pas un fichier .maison\u{a0}: choisissez celui que l’autre programme a préparé"
    )]
    NotAStick,
    /// A newer program made it.
    #[error(
        "ce fichier vient d’une version plus récente\u{a0}: mettez ce programme à jour, puis recommencez"
    )]
    Newer,
    /// It is cut or altered.
    #[error(
        "ce fichier est abîmé ou incomplet\u{a0}: rien n’en a été pris. Copiez-le de nouveau, ou préparez-en un autre"
    )]
    Damaged,
    /// It is encrypted to somebody else.
    #[error(
        "ce fichier n’est pas destiné à ce poste\u{a0}: rien n’en a été pris. Le hub prend les fichiers de ses portables, \
         un portable prend le fichier de retour que le hub a préparé pour lui"
    )]
    NotForUs,
    /// The signature is not that of whoever it says it is from.
    #[error(
        "la signature de ce fichier ne convient pas\u{a0}: rien n’en a été pris, prévenez l’administrateur"
    )]
    BadSignature,
    /// The hub does not know the laptop that made it.
    #[error(
        "ce hub ne connaît pas le portable qui a fait ce fichier\u{a0}: inscrivez-le d’abord avec un ticket"
    )]
    UnknownLaptop,
    /// The laptop that made it has been revoked.
    #[error("le portable qui a fait ce fichier a été révoqué\u{a0}: rien n’en a été pris")]
    Revoked,
    /// It answers a state of the laptop that is no longer, or not yet, the present one.
    #[error(
        "ce fichier de retour ne correspond plus à ce portable\u{a0}: rien n’en a été pris. Préparez un nouveau fichier \
         pour le hub, et rapportez le retour qu’il en fera"
    )]
    OutOfPlace,
    /// The laptop does not know its hub, or not its keys.
    #[error(
        "ce portable ne connaît pas encore les clés du hub\u{a0}: demandez un ticket à l’administrateur et inscrivez le portable"
    )]
    NoHubKeys,
    /// The file would be, or is, larger than the limit.
    #[error("ce fichier dépasse la taille permise ({} Mio)\u{a0}: prévenez l’administrateur", super::FILE_BYTES_MAX >> 20)]
    TooLarge,
    /// What it holds breaks the rules of the exchange.
    #[error(transparent)]
    Exchange(ExchangeError),
    /// The disk or the stick.
    #[error(
        "le fichier ne se lit ou ne s’écrit pas ({})\u{a0}: vérifiez la clé USB et la place qui reste, puis recommencez",
        system_words(.0)
    )]
    File(std::io::Error),
}

impl StickError {
    /// A short code for scripts and the log.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAStick => "not_a_stick",
            Self::Newer => "newer",
            Self::Damaged => "damaged",
            Self::NotForUs => "not_for_us",
            Self::BadSignature => "bad_signature",
            Self::UnknownLaptop => "unknown_laptop",
            Self::Revoked => "revoked",
            Self::OutOfPlace => "out_of_place",
            Self::NoHubKeys => "no_hub_keys",
            Self::TooLarge => "too_large",
            Self::Exchange(_) => "not_understood",
            Self::File(_) => "file",
        }
    }
}

impl From<ExchangeError> for StickError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Version { .. } => Self::Newer,
            other => Self::Exchange(other),
        }
    }
}

impl From<SiteError> for StickError {
    fn from(error: SiteError) -> Self {
        Self::Exchange(error.into())
    }
}

impl From<LedgerError> for StickError {
    fn from(error: LedgerError) -> Self {
        Self::Exchange(error.into())
    }
}

/// What a stream of age says: broken content, or a disk that does not read or write.
impl From<std::io::Error> for StickError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{FileTooLarge, InvalidData, UnexpectedEof};
        match error.kind() {
            InvalidData | UnexpectedEof => Self::Damaged,
            FileTooLarge => Self::TooLarge,
            _ => Self::File(error),
        }
    }
}
