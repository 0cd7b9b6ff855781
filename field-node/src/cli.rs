//! The command line of `maison-node`, as clap reads it. The texts are what `--help` shows.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Le portable de la Maison mobile : il travaille sans réseau et échange avec le hub dès que la ligne revient.
#[derive(Debug, Parser)]
#[command(name = "maison-node", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Détail du journal écrit sur la sortie d’erreur : error, warn, info (sinon), debug ; ou variable MAISON_LOG
    #[arg(
        long,
        value_name = "NIVEAU",
        env = "MAISON_LOG",
        default_value = "info",
        global = true
    )]
    pub log: String,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sert les pages sur ce portable, jusqu’à Ctrl-C ou SIGTERM
    Serve(Serve),
    /// Inscrit ce portable auprès du hub, avec le ticket que l’administrateur a créé
    Enrol(Enrol),
    /// Fait un échange avec le hub, tout de suite
    Sync(Sync),
    /// Échange avec le hub par un fichier, sur une clé USB
    #[command(subcommand)]
    Stick(Stick),
    /// Montre ce que le portable détient et ce qui attend
    Status(Status),
}

/// Where the data lie.
#[derive(Args, Debug)]
pub struct Data {
    /// Dossier des données (« maison » dans vos données personnelles sinon, ou variable MAISON_DATA)
    #[arg(long, value_name = "DOSSIER", env = "MAISON_DATA")]
    pub data: Option<PathBuf>,
}

/// `serve`
#[derive(Args, Debug)]
pub struct Serve {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Adresse et port d’écoute sur ce portable (127.0.0.1:8081 sinon) ; port 0 : n’importe quel port libre
    #[arg(long, value_name = "ADRESSE", default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// Ouvre le navigateur sur la page d’accueil
    #[arg(long)]
    pub open: bool,
    /// Annonce l’adresse sur une ligne JSON : {"listening":"http://…"}
    #[arg(long)]
    pub json: bool,
}

/// `enrol`
#[derive(Args, Debug)]
pub struct Enrol {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Ticket : MAISON1-… ; majuscules, minuscules et espaces au choix
    #[arg(value_name = "TICKET", required = true)]
    pub ticket: Vec<String>,
}

/// `sync`
#[derive(Args, Debug)]
pub struct Sync {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Pour un script : un objet JSON
    #[arg(long)]
    pub json: bool,
}

/// `stick …`
#[derive(Debug, Subcommand)]
pub enum Stick {
    /// Écrit le fichier à porter au hub, chiffré pour lui
    Export(StickExport),
    /// Prend le fichier de retour que le hub a préparé
    Import(StickImport),
}

/// `stick export`
#[derive(Args, Debug)]
pub struct StickExport {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Fichier à écrire, ou dossier où il recevra un nom
    #[arg(value_name = "FICHIER")]
    pub path: PathBuf,
}

/// `stick import`
#[derive(Args, Debug)]
pub struct StickImport {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Fichier de retour du hub
    #[arg(value_name = "FICHIER")]
    pub file: PathBuf,
    /// Pour un script : un objet JSON
    #[arg(long)]
    pub json: bool,
}

/// `status`
#[derive(Args, Debug)]
pub struct Status {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Pour un script : un objet JSON
    #[arg(long)]
    pub json: bool,
}
