//! `maison-hub backup restore`: puts a backup in the place of the hub's data, and says what comes next.

use shared::program::{Exit, complain, say};
use shared::time::Clock;

use super::arguments::Restore;
use super::{absolute, bars, show};
use crate::backup::restore::{self, From};
use crate::backup::{BackupError, keys};
use crate::opened::Hub;

pub(super) async fn restore(asked: Restore) -> Result<Exit, BackupError> {
    let data = &asked.data.data;
    let key = keys::read(&asked.key)?;
    let from = match &asked.from {
        Some(path) => From::Path(absolute(path)?),
        None => From::Newest,
    };
    let restored = restore::restore(data, from, key, Clock::default(), &mut bars()).await?;
    // Opened once as it will be served.
    Hub::open_to_serve(data, Clock::default())
        .await?
        .close()
        .await;
    say(format!(
        "Le hub est restauré dans son état du {} ({}).",
        show::day_and_hour(restored.manifest.at()),
        restored.path.display()
    ));
    if !restored.is_vouched {
        complain(
            "Ni ce dossier ni le fichier de clé ne disaient de quel hub doit être la sauvegarde\u{a0}: assurez-vous qu’elle vient \
             bien d’un emplacement de confiance.",
        );
    }
    if let Some(aside) = restored.aside {
        say(format!(
            "Les données d’avant sont dans {}\u{a0}: supprimez ce dossier quand tout est en ordre, il contient des noms.",
            aside.display()
        ));
    }
    say(
        "Lancez «\u{a0}maison-hub serve\u{a0}»\u{a0}: chaque portable rend à son prochain échange ce qu’il a gardé, et la page \
         «\u{a0}Sauvegardes\u{a0}» dit lesquels sont revenus. Un portable inscrit depuis cette sauvegarde a besoin d’un nouveau \
         ticket\u{a0}; ceux qui n’avaient pas servi ne valent plus.",
    );
    Ok(Exit::Done)
}
