//! The command line of `maison-hub`, as clap reads it. The texts are what `--help` shows.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use jiff::civil::{Date, Time};
use shared::domain::codes::Role;

use crate::commands::backup::arguments::Backup;

/// Le hub de la Maison mobile : il réunit ce que les portables ont saisi.
#[derive(Debug, Parser)]
#[command(name = "maison-hub", version)]
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
    /// Sert les pages et reçoit les portables, jusqu’à Ctrl-C ou SIGTERM
    Serve(Serve),
    /// Prépare l’inscription des portables
    #[command(subcommand)]
    Ticket(Ticket),
    /// Gère les clés par lesquelles les portables reconnaissent le hub
    #[command(subcommand)]
    Certificate(Certificate),
    /// Gère les comptes des agents
    #[command(subcommand)]
    Agent(Agent),
    /// Remplit un hub neuf avec un exemple : douze semaines des deux ateliers hebdomadaires
    Example(Example),
    /// Importe des bénéficiaires d’un fichier CSV ou XLSX à dix colonnes
    Import(Import),
    /// Écrit les activités d’une période en CSV, une ligne par participant
    Export(Export),
    /// Échange avec un portable par un fichier, sur une clé USB
    #[command(subcommand)]
    Stick(Stick),
    /// Sauvegarde le hub, vérifie ses sauvegardes, les restaure
    #[command(subcommand)]
    Backup(Backup),
    /// Montre ce que le hub détient et où en sont les portables
    Status(Status),
}

/// Where the data lie.
#[derive(Args, Debug)]
pub struct Data {
    /// Dossier des données
    #[arg(long, value_name = "DOSSIER")]
    pub data: PathBuf,
}

/// `serve`
#[derive(Args, Debug)]
pub struct Serve {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Adresse et port d’écoute (127.0.0.1:8080 sinon) ; port 0 : n’importe quel port libre
    #[arg(long, value_name = "ADRESSE", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Chiffre la ligne avec un certificat que le hub fabrique ; les portables le reconnaissent par leur ticket
    #[arg(long, conflicts_with_all = ["certificate", "behind_proxy"])]
    pub tls: bool,
    /// Chiffre la ligne avec ce certificat (fichier PEM, autorités comprises), relu quand il change
    #[arg(
        long,
        value_name = "FICHIER",
        requires = "key",
        conflicts_with = "behind_proxy"
    )]
    pub certificate: Option<PathBuf>,
    /// Clé privée du certificat (fichier PEM)
    #[arg(long, value_name = "FICHIER", requires = "certificate")]
    pub key: Option<PathBuf>,
    /// Un mandataire (proxy) chiffre la ligne devant le hub et dit dans X-Forwarded-For qui demande
    #[arg(long)]
    pub behind_proxy: bool,
    /// Nom ou adresse sous lequel les navigateurs demandent le hub, sans le port ; peut être répété
    #[arg(long, value_name = "NOM")]
    pub name: Vec<String>,
    /// Heure de la sauvegarde quotidienne (19:00 sinon), s’il y a des clés et des emplacements : voir « backup --help »
    #[arg(long, value_name = "HEURE", default_value = "19:00", value_parser = time)]
    pub backup_at: Time,
    /// Annonce l’adresse sur une ligne JSON : {"listening":"http://…"}
    #[arg(long)]
    pub json: bool,
}

/// `ticket …`
#[derive(Debug, Subcommand)]
pub enum Ticket {
    /// Crée un ticket d’inscription, à usage unique, pour un portable
    Create(TicketCreate),
    /// Liste les tickets
    List(TicketList),
}

/// `ticket create`
#[derive(Args, Debug)]
pub struct TicketCreate {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Nom du portable, tel que les pages le montreront : « Portable 1 »
    #[arg(long, value_name = "NOM")]
    pub name: String,
    /// Adresse à laquelle le portable joindra le hub (http://127.0.0.1:8080 sinon) ; peut être répétée
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub address: Vec<String>,
    /// Le certificat du hub (ou de son mandataire) est d’une autorité connue de tous : le ticket ne porte pas de clé
    #[arg(long)]
    pub public_certificate: bool,
    /// Durée de validité en heures (72 sinon)
    #[arg(long, value_name = "HEURES", default_value_t = 72, value_parser = clap::value_parser!(u32).range(1..=720))]
    pub valid_hours: u32,
    /// Écrit le ticket sur une ligne JSON : {"ticket":"…"}
    #[arg(long)]
    pub json: bool,
}

/// `certificate …`
#[derive(Debug, Subcommand)]
pub enum Certificate {
    /// Passe à la clé de réserve et en prépare une autre ; un hub qui sert la montre quelques secondes après
    Rotate(CertificateRotate),
}

/// `certificate rotate`
#[derive(Args, Debug)]
pub struct CertificateRotate {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Même si des portables ne reconnaîtront plus le hub ; il leur faudra un nouveau ticket
    #[arg(long)]
    pub force: bool,
}

/// `ticket list`
#[derive(Args, Debug)]
pub struct TicketList {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
}

/// `agent …`
#[derive(Debug, Subcommand)]
pub enum Agent {
    /// Ajoute un compte ; la phrase secrète est demandée, ou lue sur l’entrée standard
    Add(AgentAdd),
    /// Liste les comptes
    List(AgentList),
    /// Ferme un compte : il ne peut plus se connecter, ses saisies restent
    Disable(AgentDisable),
}

/// `agent add`
#[derive(Args, Debug)]
pub struct AgentAdd {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Identifiant de connexion : lettres minuscules, chiffres, points, tirets
    #[arg(value_name = "IDENTIFIANT")]
    pub login: String,
    /// Nom montré par les pages
    #[arg(long, value_name = "NOM")]
    pub name: String,
    /// Rôle : agent, staff (équipe de Capestang) ou administrator
    #[arg(long, value_name = "RÔLE", value_parser = role)]
    pub role: Role,
    /// For scripts and tests; a person types it where nobody can read it in the list of processes.
    #[arg(long, env = "MAISON_PASSPHRASE", hide = true)]
    pub passphrase: Option<String>,
}

/// `agent list`
#[derive(Args, Debug)]
pub struct AgentList {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
}

/// `agent disable`
#[derive(Args, Debug)]
pub struct AgentDisable {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Identifiant de connexion
    #[arg(value_name = "IDENTIFIANT")]
    pub login: String,
}

/// `example`
#[derive(Args, Debug)]
pub struct Example {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Identifiant de l’animateur des ateliers
    #[arg(long, value_name = "IDENTIFIANT")]
    pub agent: Option<String>,
}

/// `import`
#[derive(Args, Debug)]
pub struct Import {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Fichier CSV ou XLSX : nom, prénom, année de naissance, commune, INSEE, code postal, téléphone, e-mail, genre, notes
    #[arg(value_name = "FICHIER")]
    pub file: PathBuf,
    /// Identifiant du compte (équipe de Capestang ou administrateur) au nom duquel les personnes sont créées
    #[arg(long, value_name = "IDENTIFIANT")]
    pub agent: String,
    /// N’écrit rien : dit ce que l’import ferait, avec le même code de retour
    #[arg(long)]
    pub dry_run: bool,
    /// Importe les lignes bonnes même s’il y en a à corriger ou qui ressemblent à des personnes connues
    #[arg(long)]
    pub only_good: bool,
    /// Pour un script : un objet JSON
    #[arg(long)]
    pub json: bool,
}

/// `export`
#[derive(Args, Debug)]
pub struct Export {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Premier jour : 2026-09-01
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub from: Date,
    /// Dernier jour, compris
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub to: Date,
    /// Un seul lieu, par son code : capestang, saint-chinian…
    #[arg(long, value_name = "LIEU")]
    pub place: Option<String>,
    /// Fichier à écrire (la sortie standard sinon) ; il contient des noms
    #[arg(long, value_name = "FICHIER")]
    pub out: Option<PathBuf>,
}

/// `stick …`
#[derive(Debug, Subcommand)]
pub enum Stick {
    /// Prend le fichier d’un portable et écrit le fichier de retour à lui rapporter
    Import(StickImport),
}

/// `stick import`
#[derive(Args, Debug)]
pub struct StickImport {
    /// Where the data lie.
    #[command(flatten)]
    pub data: Data,
    /// Fichier que le portable a écrit
    #[arg(value_name = "FICHIER")]
    pub file: PathBuf,
    /// Fichier de retour à écrire, ou dossier où il recevra un nom (à côté du fichier sinon)
    #[arg(long = "return", value_name = "RETOUR")]
    pub return_to: Option<PathBuf>,
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

fn date(text: &str) -> Result<Date, String> {
    text.parse()
        .map_err(|_| "donnez une date comme 2026-09-01".to_owned())
}

fn time(text: &str) -> Result<Time, String> {
    Time::strptime("%H:%M", text).map_err(|_| "donnez une heure comme 19:00".to_owned())
}

fn role(code: &str) -> Result<Role, String> {
    Role::from_code(code).ok_or_else(|| "au choix\u{a0}: agent, staff, administrator".to_owned())
}
