//! `Hub`: one opened data directory, which every page, route and command works on.
//!
//! A new directory starts with the default catalog. A laptop's directory is refused. Whoever was erased is erased
//! again here, and whatever laptop was revoked is revoked again, should an older copy of the database have brought them
//! back, before anybody is answered. A database that a newer program migrates is backed up first.

use std::path::{Path, PathBuf};

use shared::domain::catalog::{Catalog, Replica, catalog_id, default_catalog};
use shared::domain::codes::ErasureReason;
use shared::exchange::backed_up::{self, Backup};
use shared::exchange::{Sections, laptop_may_write, position};
use shared::ids::{AgentId, PersonId, ReplicaId};
use shared::ledger::quarantine::Again;
use shared::ledger::replica::{self, Claimed};
use shared::ledger::{LedgerError, Migrations, Store, aside, copies, hub_key};
use shared::program::{Exit, NotListening, progress_bar};
use shared::site::{Site, SiteError};
use shared::text::system_words;
use shared::time::Clock;

use crate::backup::{self, BackupError};
use crate::certificate::CertificateError;
use crate::devices::{self, revocations};

/// The author of what the program writes by itself or an administrator by command.
pub const PROGRAM: AgentId = AgentId(uuid::Uuid::nil());

/// What the histories that pages show call the hub.
const NAME: &str = "Capestang";

/// The file of erasures and revocations in the data directory. What it says wins over a copy that is restored.
pub(crate) const ERASURES: &str = "erasures";

/// Whose the directory is, for ever.
const OWNER: &str = "hub";

/// Why a command of the hub cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The site.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The port.
    #[error(transparent)]
    NotListening(#[from] NotListening),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// There is no hub in the directory.
    #[error(
        "il n’y a pas de hub dans le dossier {0}\u{a0}: créez-le avec «\u{a0}maison-hub serve\u{a0}», ou corrigez --data"
    )]
    NoHub(PathBuf),
    /// The directory is a laptop's.
    #[error("le dossier {0} est celui d’un portable\u{a0}: donnez celui du hub")]
    NotAHub(PathBuf),
    /// The database is damaged.
    #[error(
        "la base de données du hub, dans le dossier {0}, est abîmée\u{a0}: ne supprimez rien et ne lancez pas de hub neuf à \
         sa place. Restaurez la dernière sauvegarde avec «\u{a0}maison-hub backup restore\u{a0}»\u{a0}: ces fichiers sont mis de \
         côté. Laissez le fichier «\u{a0}erasures\u{a0}» où il est\u{a0}; les portables rendront ce qui manque"
    )]
    Damaged(PathBuf),
    /// A restore has not come to its end.
    #[error(
        "une restauration n’est pas allée jusqu’au bout dans le dossier {0}\u{a0}: relancez «\u{a0}maison-hub serve\u{a0}», qui la finit"
    )]
    Unfinished(PathBuf),
    /// There is no backup, where there must be one first.
    #[error(
        "la base de données doit être mise à jour, et n’a pas pu être sauvegardée avant\u{a0}: {0}"
    )]
    NotBackedUp(Box<BackupError>),
    /// A backup.
    #[error(transparent)]
    Backup(#[from] Box<BackupError>),
    /// The system gives no randomness.
    #[error("le système ne donne pas de nombres aléatoires\u{a0}: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The passphrase could not be hashed or read.
    #[error("la phrase secrète ne peut pas être lue\u{a0}: {0}")]
    Passphrase(String),
    /// The system.
    #[error("{}", system_words(.0))]
    System(#[from] std::io::Error),
}

impl From<LedgerError> for HubError {
    fn from(error: LedgerError) -> Self {
        Self::Site(error.into())
    }
}

impl HubError {
    /// The exit code of a command that ends in this.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Site(error) => Exit::of(error),
            Self::Backup(error) => error.exit(),
            _ => Exit::Failed,
        }
    }

    /// Says where it is, if it is that the data are damaged: the hub never replaces its own.
    fn at(self, directory: &Path) -> Self {
        match self {
            Self::Site(SiteError::Ledger(error)) if error.is_damage() => {
                tracing::error!(%error, "the database is damaged");
                Self::Damaged(directory.to_owned())
            }
            error => error,
        }
    }
}

/// An opened hub. Clones share it.
#[derive(Clone, Debug)]
pub struct Hub {
    site: Site,
    shows_own_certificate: bool,
    sections: Sections,
}

impl Hub {
    /// Opens the hub in `directory`, creating it with the default catalog where there is none.
    ///
    /// # Errors
    /// When the directory is a laptop's, damaged, or cannot be opened.
    pub async fn open(directory: &Path, clock: Clock) -> Result<Self, HubError> {
        if aside::is_unfinished(directory) {
            return Err(HubError::Unfinished(directory.to_owned()));
        }
        // What is damaged is found out below.
        if copies::is_behind(directory, MIGRATIONS).unwrap_or(false) {
            let (path, now) = (directory.to_owned(), clock.now());
            let saved = tokio::task::spawn_blocking(move || backup::before_migration(&path, now));
            let saved = saved.await.map_err(|_| LedgerError::Interrupted)?;
            saved.map_err(|error| HubError::NotBackedUp(Box::new(error)))?;
        }
        Self::open_copy(directory, clock).await
    }

    /// As [`Hub::open`], where the directory holds a copy of a hub that nobody else knows of.
    pub(crate) async fn open_copy(directory: &Path, clock: Clock) -> Result<Self, HubError> {
        let opened = Self::open_sound(directory, clock).await;
        opened.map_err(|error| error.at(directory))
    }

    /// As [`Hub::open`], for a program that serves the data: looks through all of them first.
    ///
    /// # Errors
    /// As [`Hub::open`].
    pub async fn open_to_serve(directory: &Path, clock: Clock) -> Result<Self, HubError> {
        let hub = Self::open(directory, clock).await?;
        let checked = hub.site.check().await;
        checked.map_err(|error| HubError::from(error).at(directory))?;
        Ok(hub)
    }

    async fn open_sound(directory: &Path, clock: Clock) -> Result<Self, HubError> {
        let progress = progress_bar("Préparation des pages");
        let site = Site::open(directory, MIGRATIONS, clock, progress).await?;
        let replica = site.replica();
        let claimed = site
            .write(move |work| {
                let claimed = replica::claim(work.connection(), OWNER)?;
                if claimed != Claimed::Others {
                    hub_key::ensure_own(work.connection())?;
                }
                if claimed == Claimed::New {
                    position::ensure_own_epoch(work.connection())?;
                    work.edit::<Catalog, _>(catalog_id(), PROGRAM, |catalog| {
                        *catalog = default_catalog();
                        let name = NAME.to_owned();
                        catalog.replicas.insert(replica, Replica { name });
                    })?;
                }
                Ok(claimed)
            })
            .await?;
        match claimed {
            Claimed::New | Claimed::Before => {}
            Claimed::Others => return Err(HubError::NotAHub(directory.to_owned())),
        }
        site.keep_erasures_in(directory.join(ERASURES)).await?;
        let path = directory.join(ERASURES);
        let revoked = site
            .store()
            .write(move |tx| revocations::keep_in(tx, &path));
        if revoked.await? > 0 {
            tracing::warn!("revoked again what an older copy had brought back");
        }
        site.retry_quarantine(Again::OtherVersions, laptop_may_write)
            .await?;
        Ok(Self {
            site,
            shows_own_certificate: false,
            sections: Sections::default(),
        })
    }

    /// Opens the hub in `directory` for a command that only makes sense where there is one.
    ///
    /// # Errors
    /// As [`Hub::open`], and when there is none.
    pub async fn open_existing(directory: &Path, clock: Clock) -> Result<Self, HubError> {
        if !Store::exists(directory) && !aside::is_unfinished(directory) {
            return Err(HubError::NoHub(directory.to_owned()));
        }
        Self::open(directory, clock).await
    }

    /// Closes it and waits until its files are closed; for ever if a clone of it is kept.
    pub async fn close(self) {
        self.site.close().await;
    }

    /// Refuses a laptop from now on, and after every restore as well. False when there is no such laptop.
    ///
    /// # Errors
    /// What the store says, or when the file beside it cannot be written; nothing is changed then.
    pub async fn revoke(&self, replica: ReplicaId) -> Result<bool, SiteError> {
        let path = self.site.store().directory().join(ERASURES);
        let revoked = self.site.write(move |work| {
            let now = work.stamp();
            let is_known = devices::revoke(work.connection(), replica, now)?;
            revocations::keep_in(work.connection(), &path)?;
            Ok(is_known)
        });
        let is_known = revoked.await?;
        self.mirror().await;
        Ok(is_known)
    }

    /// Tells the ledger of the newest verified backup, where it does not know of it yet: pages and laptops hear of it
    /// from there. Whoever makes backups may be another process.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn learn_of_backup(&self) -> Result<(), SiteError> {
        let directory = self.site.store().directory().to_owned();
        let news = self.site.read(move |c| {
            let epoch = position::own_epoch(c)?.map(|epoch| epoch.to_string());
            let newest = backup::State::read(&directory).newest;
            let newest = newest.filter(|newest| Some(&newest.epoch) == epoch.as_ref());
            let newest = newest.map(|newest| Backup {
                position: newest.position,
                at_ms: newest.at,
            });
            let known = backed_up::known(c)?;
            Ok(newest.filter(|newest| known != Some(*newest)))
        });
        if let Some(backup) = news.await? {
            self.site
                .write(move |work| Ok(backed_up::keep_own(work.connection(), backup)?))
                .await?;
        }
        Ok(())
    }

    /// Erases a person; see [`Site::erase`].
    ///
    /// # Errors
    /// As there.
    pub async fn erase(
        &self,
        person: PersonId,
        by: AgentId,
        reason: ErasureReason,
    ) -> Result<u64, SiteError> {
        let erased = self.site.erase(person, by, reason).await?;
        self.mirror().await;
        Ok(erased)
    }

    /// Tells the places of backups whom the hub has just erased or revoked, as far as they are there.
    async fn mirror(&self) {
        let directory = self.site.store().directory().to_owned();
        let mirror = move || backup::mirror_erasures(&directory);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(mirror).await {
            tracing::warn!(%error, "the places of backups do not know of the last erasure");
        }
    }

    /// The hub as it serves with a certificate of its own: laptops must know its keys.
    #[must_use]
    pub fn with_own_certificate(self) -> Self {
        Self {
            shows_own_certificate: true,
            ..self
        }
    }

    /// Whether laptops must know its keys.
    #[must_use]
    pub fn shows_own_certificate(&self) -> bool {
        self.shows_own_certificate
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// What its answers to laptops have in common.
    pub(crate) fn sections(&self) -> Sections {
        self.sections.clone()
    }
}

/// The tables that a hub keeps beside the ledger.
pub(crate) const MIGRATIONS: &[Migrations] = &[
    crate::devices::MIGRATIONS,
    shared::desk::MIGRATIONS,
    shared::exchange::MIGRATIONS,
];

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::person::Person;

    #[tokio::test]
    async fn a_new_hub_starts_with_the_default_catalog_and_keeps_what_is_changed() {
        let directory = tempfile::tempdir().unwrap();
        let hub = Hub::open(directory.path(), Clock::default()).await.unwrap();
        let catalog = hub.site().catalog().await.unwrap();
        assert_eq!(catalog.places, default_catalog().places);
        assert_eq!(catalog.replicas[&hub.site().replica()].name, "Capestang");
        hub.site()
            .edit::<Catalog, _, _>(catalog_id(), PROGRAM, |catalog| {
                catalog.retention_months = Some(12)
            })
            .await
            .unwrap();
        let again = Hub::open_existing(directory.path(), Clock::default())
            .await
            .unwrap();
        let catalog = again.site().catalog().await.unwrap();
        assert_eq!(catalog.retention_months, Some(12));
    }

    #[tokio::test]
    async fn whoever_was_erased_stays_so_when_an_older_database_is_put_back() {
        let directory = tempfile::tempdir().unwrap();
        let hub = Hub::open(directory.path(), Clock::default()).await.unwrap();
        let id = PersonId::fresh();
        let add = |person: &mut Person| person.family_name = "Zébulonette".into();
        hub.site().edit(id, PROGRAM, add).await.unwrap();
        let restored = tempfile::tempdir().unwrap();
        let database = restored.path().join("maison.db");
        rusqlite::Connection::open(directory.path().join("maison.db"))
            .and_then(|c| c.execute("VACUUM INTO ?1", [database.to_str()]))
            .unwrap();
        let erased = hub.site().erase(id, PROGRAM, ErasureReason::Retention);
        assert_eq!(erased.await.unwrap(), 1);
        // The database is the older one, the file beside it is today's.
        let beside = directory.path().join(ERASURES);
        std::fs::copy(beside, restored.path().join(ERASURES)).unwrap();
        let again = Hub::open_existing(restored.path(), Clock::default())
            .await
            .unwrap();
        assert!(again.site().document(id).await.unwrap().is_none());
        for file in std::fs::read_dir(restored.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let name = "Zébulonette".as_bytes();
            assert!(!bytes.windows(name.len()).any(|part| part == name));
        }
    }

    #[tokio::test]
    async fn a_missing_hub_and_a_laptops_directory_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let missing = Hub::open_existing(directory.path(), Clock::default()).await;
        assert!(matches!(missing, Err(HubError::NoHub(_))));
        assert!(!Store::exists(directory.path()), "nothing was created");
        let store = Store::open(directory.path(), &[]).unwrap();
        store
            .write(|tx| replica::claim(tx, "laptop"))
            .await
            .unwrap();
        let refused = Hub::open(directory.path(), Clock::default()).await;
        assert!(matches!(refused, Err(HubError::NotAHub(_))));
    }
}
