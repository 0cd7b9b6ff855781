//! Why there is no backup, or why one cannot be used, in words that say what to do next. None of them has lost anything.

use std::io;
use std::path::{Path, PathBuf};

use shared::ledger::LedgerError;
use shared::program::Exit;
use shared::site::SiteError;
use shared::text::system_words;

use crate::opened::HubError;

/// An error of backups.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Fewer than two administrators could open it.
    #[error(
        "une sauvegarde se chiffre pour deux personnes au moins, et il n’y {} ici. Faites une clé par administrateur, \
         sur sa propre clé USB\u{a0}: «\u{a0}maison-hub backup key --data DOSSIER --name \"Odile Roques\" FICHIER\u{a0}»\u{a0}; ou donnez \
         la clé publique d’une clé faite avec age-keygen\u{a0}: «\u{a0}maison-hub backup recipient add --data DOSSIER --name NOM age1…\u{a0}»",
        recipients(*.0)
    )]
    FewRecipients(usize),
    /// There is nowhere to write it.
    #[error(
        "aucun emplacement de sauvegarde\u{a0}: ajoutez un dossier d’un autre disque ou d’une autre machine avec «\u{a0}maison-hub \
         backup place add --data DOSSIER EMPLACEMENT\u{a0}»"
    )]
    NoPlace,
    /// Every place failed.
    #[error("la sauvegarde n’a pu être écrite nulle part\u{a0}: {}", lines(.0))]
    NowhereWritten(Vec<(PathBuf, PlaceError)>),
    /// Another program is at it.
    #[error(
        "une sauvegarde, un essai ou une restauration est en cours\u{a0}: recommencez dans un instant"
    )]
    Busy,
    /// There is no hub to save.
    #[error("il n’y a pas de hub dans le dossier {0}\u{a0}: corrigez --data")]
    NoHub(PathBuf),
    /// No backup was found.
    #[error(
        "aucune sauvegarde de ce hub dans les emplacements\u{a0}: branchez le disque qui en a, ou donnez le fichier"
    )]
    NoBackup,
    /// The file does not begin as one of ours.
    #[error("ce fichier n’est pas une sauvegarde du hub\u{a0}: choisissez un fichier .sauvegarde")]
    NotABackup,
    /// A newer program made it.
    #[error(
        "cette sauvegarde vient d’une version plus récente\u{a0}: installez cette version, puis recommencez"
    )]
    Newer,
    /// It is cut or altered.
    #[error(
        "cette sauvegarde est incomplète ou abîmée\u{a0}: rien n’en a été pris. Essayez le même fichier d’un autre \
         emplacement, ou une sauvegarde plus ancienne"
    )]
    Damaged,
    /// The signature is not that of the hub.
    #[error(
        "la signature de cette sauvegarde ne convient pas\u{a0}: elle n’a pas été faite par ce hub, ou a été modifiée. Rien n’en a été pris"
    )]
    BadSignature,
    /// No key at hand opens it.
    #[error(
        "cette clé n’ouvre pas cette sauvegarde\u{a0}: donnez avec --key le fichier de clé d’un administrateur pour qui elle \
         fut faite"
    )]
    WrongKey,
    /// There is no key to open it with.
    #[error(
        "cette machine n’a pas de clé pour ouvrir une sauvegarde\u{a0}: donnez avec --key le fichier de clé d’un administrateur"
    )]
    NoKey,
    /// A text is no public key of age.
    #[error("«\u{a0}{0}\u{a0}» n’est pas une clé publique\u{a0}: elle commence par age1")]
    NotARecipient(String),
    /// A file is no key file.
    #[error(
        "{0} n’est pas un fichier de clé\u{a0}: il contient une ligne qui commence par AGE-SECRET-KEY-1"
    )]
    NotAKeyFile(PathBuf),
    /// There is a file already where a key was to be written.
    #[error(
        "le fichier {0} existe déjà\u{a0}: une clé n’en remplace jamais une autre. Choisissez un autre nom"
    )]
    KeyFileExists(PathBuf),
    /// What was unpacked is not what the manifest says.
    #[error(
        "le contenu de cette sauvegarde n’est pas celui qu’elle annonce\u{a0}: essayez une sauvegarde plus ancienne, et prévenez \
         l’administrateur"
    )]
    Differs,
    /// A place.
    #[error("{path}\u{a0}: {source}", path = .0.display(), source = .1)]
    Place(PathBuf, PlaceError),
    /// What was restored could not be closed.
    #[error(
        "la base restaurée ne se ferme pas\u{a0}: rien n’est changé. Vérifiez que le disque a encore de la place, puis recommencez"
    )]
    NotClosed,
    /// A file.
    #[error(
        "{path} ne se lit ou ne s’écrit pas\u{a0}: {}",
        system_words(.source),
        path = .path.display()
    )]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The site.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The hub that was unpacked.
    #[error(transparent)]
    Hub(#[from] Box<HubError>),
}

impl From<HubError> for BackupError {
    fn from(error: HubError) -> Self {
        Self::Hub(Box::new(error))
    }
}

impl BackupError {
    /// The exit code of a command that ends in this.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Busy => Exit::Unavailable,
            Self::Ledger(LedgerError::Held(_) | LedgerError::Newer { .. }) => Exit::Unavailable,
            Self::Site(error) => Exit::of(error),
            Self::Hub(error) => error.exit(),
            _ => Exit::Failed,
        }
    }

    /// Says which file it is about.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }

    /// What a broken stream of a backup means, read from or written to `path`.
    pub(super) fn stream(path: &Path) -> impl FnOnce(io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, InvalidData, Other, UnexpectedEof};
        let path = path.to_owned();
        move |source| match source.kind() {
            InvalidData | UnexpectedEof | FileTooLarge if source.raw_os_error().is_none() => {
                Self::Damaged
            }
            // zstd has no kind of its own.
            Other => Self::Damaged,
            _ => Self::File { path, source },
        }
    }
}

/// Why a place has no backup.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It is not there, or not what it was.
    #[error("absent\u{a0}: branchez le disque, ou ajoutez de nouveau l’emplacement")]
    Missing,
    /// It gives back other bytes than were written.
    #[error("ce disque ne rend pas ce qui y est écrit\u{a0}: remplacez-le")]
    Lies,
    /// It is full.
    #[error("plus de place\u{a0}: libérez-en, ou remplacez le disque")]
    Full,
    /// The system.
    #[error("ne s’écrit ou ne se lit pas\u{a0}: {}", system_words(.0))]
    System(io::Error),
}

impl From<io::Error> for PlaceError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Self::Full,
            _ => Self::System(error),
        }
    }
}

fn recipients(count: usize) -> &'static str {
    if count == 0 {
        "a aucune clé"
    } else {
        "en a qu’une"
    }
}

fn lines(places: &[(PathBuf, PlaceError)]) -> String {
    let lines = places
        .iter()
        .map(|(path, error)| format!("{}\u{a0}: {error}", path.display()));
    lines.collect::<Vec<_>>().join("\u{a0}; ")
}
