//! The command line of `maison-hub backup`, as clap reads it. The texts are what `--help` shows.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::Data;

/// `backup …`
#[derive(Debug, Subcommand)]
pub enum Backup {
    /// Fait la clé d’un administrateur, dans un fichier à garder loin du hub ; il en faut deux au moins
    Key(Key),
    /// Gère les clés publiques de ceux qui pourront ouvrir les sauvegardes
    #[command(subcommand)]
    Recipient(Recipient),
    /// Gère les emplacements : dossiers d’autres disques ou d’autres machines
    #[command(subcommand)]
    Place(Place),
    /// Sauvegarde maintenant, aussi pendant que le hub sert
    Create(Create),
    /// Montre les emplacements et leurs sauvegardes, et le dernier essai de restauration
    List(List),
    /// Contrôle une sauvegarde jusqu’au dernier octet
    Verify(Verify),
    /// Essaie de restaurer la dernière sauvegarde, à côté, puis efface l’essai
    Drill(Drill),
    /// Restaure une sauvegarde ; les données présentes sont mises de côté, jamais écrasées
    Restore(Restore),
    /// Supprime les sauvegardes que la règle ne garde pas ; jamais la seule vérifiée
    Prune(Prune),
}

/// `backup key`
#[derive(Args, Debug)]
pub struct Key {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Nom de qui gardera la clé
    #[arg(long, value_name = "NOM")]
    pub name: String,
    /// Fichier de clé à écrire, sur la clé USB de cette personne
    #[arg(value_name = "FICHIER")]
    pub file: PathBuf,
}

/// `backup recipient …`
#[derive(Debug, Subcommand)]
pub enum Recipient {
    /// Ajoute la clé publique d’une clé faite avec age-keygen
    Add(RecipientAdd),
    /// Retire une clé : les sauvegardes suivantes ne s’ouvrent plus avec elle
    Remove(RecipientRemove),
}

/// `backup recipient add`
#[derive(Args, Debug)]
pub struct RecipientAdd {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Nom de qui garde la clé
    #[arg(long, value_name = "NOM")]
    pub name: String,
    /// Clé publique : age1…
    #[arg(value_name = "CLÉ")]
    pub key: String,
}

/// `backup recipient remove`
#[derive(Args, Debug)]
pub struct RecipientRemove {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Clé publique : age1…
    #[arg(value_name = "CLÉ")]
    pub key: String,
}

/// `backup place …`
#[derive(Debug, Subcommand)]
pub enum Place {
    /// Ajoute un dossier, et y met une marque par laquelle le hub reconnaît que le disque est là
    Add(PlaceArguments),
    /// Retire un dossier ; ce qui s’y trouve reste
    Remove(PlaceArguments),
}

/// `backup place add`, `backup place remove`
#[derive(Args, Debug)]
pub struct PlaceArguments {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Dossier
    #[arg(value_name = "EMPLACEMENT")]
    pub place: PathBuf,
}

/// `backup create`
#[derive(Args, Debug)]
pub struct Create {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Pour un script : un objet JSON
    #[arg(long)]
    pub json: bool,
}

/// `backup list`
#[derive(Args, Debug)]
pub struct List {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Pour un script : un objet JSON
    #[arg(long)]
    pub json: bool,
}

/// `backup verify`
#[derive(Args, Debug)]
pub struct Verify {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Sauvegarde (la plus récente sinon)
    #[arg(value_name = "FICHIER")]
    pub file: Option<PathBuf>,
    /// Fichier de clé d’un administrateur (la clé d’essai de cette machine sinon)
    #[arg(long, value_name = "FICHIER")]
    pub key: Option<PathBuf>,
}

/// `backup drill`
#[derive(Args, Debug)]
pub struct Drill {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Fichier de clé d’un administrateur (la clé d’essai de cette machine sinon)
    #[arg(long, value_name = "FICHIER")]
    pub key: Option<PathBuf>,
}

/// `backup restore`
#[derive(Args, Debug)]
pub struct Restore {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Sauvegarde, ou dossier dont on prend la plus récente (la plus récente des emplacements sinon)
    #[arg(value_name = "FICHIER")]
    pub from: Option<PathBuf>,
    /// Fichier de clé d’un administrateur
    #[arg(long, value_name = "FICHIER")]
    pub key: PathBuf,
}

/// `backup prune`
#[derive(Args, Debug)]
pub struct Prune {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// N’efface rien : dit ce qui le serait
    #[arg(long)]
    pub dry_run: bool,
    /// Garder la dernière de tant de jours, désormais (7 au départ)
    #[arg(long, value_name = "NOMBRE")]
    pub daily: Option<usize>,
    /// Garder la dernière de tant de semaines, désormais (4 au départ)
    #[arg(long, value_name = "NOMBRE")]
    pub weekly: Option<usize>,
    /// Garder la dernière de tant de mois, désormais (2 au départ)
    #[arg(long, value_name = "NOMBRE")]
    pub monthly: Option<usize>,
}
