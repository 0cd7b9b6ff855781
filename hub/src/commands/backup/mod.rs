//! `maison-hub backup …`: who can open backups and where they go; making, checking, removing them. What is shown of
//! them is in [`show`], putting one back in [`restore`].

pub mod arguments;
mod restore;
mod show;

use std::path::{Path, PathBuf};

use shared::program::{Exit, complain, progress_bar, say};
use shared::text::counted;
use shared::time::{Clock, Timestamp};

use crate::backup::keys::{self, KeyFile};
use crate::backup::settings::{Retention, Settings};
use crate::backup::{self, BackupError, Made, Phase, drill, prune};
use crate::opened::HubError;
use arguments::{Backup, Place, Recipient};

pub(super) async fn run(asked: Backup) -> Result<Exit, HubError> {
    let done = match asked {
        Backup::Key(asked) => key(&asked),
        Backup::Recipient(Recipient::Add(asked)) => recipient_add(&asked),
        Backup::Recipient(Recipient::Remove(asked)) => recipient_remove(&asked),
        Backup::Place(Place::Add(asked)) => place_add(&asked),
        Backup::Place(Place::Remove(asked)) => place_remove(&asked),
        Backup::Create(asked) => create(&asked),
        Backup::List(asked) => show::list(&asked),
        Backup::Verify(asked) => verify(&asked),
        Backup::Drill(asked) => drilled(asked).await,
        Backup::Restore(asked) => restore::restore(asked).await,
        Backup::Prune(asked) => pruned(&asked),
    };
    done.map_err(|error| HubError::Backup(Box::new(error)))
}

fn now() -> Timestamp {
    Clock::default().now()
}

/// A progress bar for each phase in turn.
fn bars() -> impl FnMut(Phase, usize, usize) + Send {
    type Bar = Box<dyn FnMut(usize, usize) + Send>;
    let mut bar: Option<(Phase, Bar)> = None;
    move |phase, done, all| {
        if bar.as_ref().is_none_or(|(shown, _)| *shown != phase) {
            bar = Some((phase, Box::new(progress_bar(phase.label()))));
        }
        if let Some((_, tell)) = &mut bar {
            tell(done, all);
        }
    }
}

fn key_file(path: Option<&Path>) -> Result<Option<KeyFile>, BackupError> {
    path.map(keys::read).transpose()
}

fn key(asked: &arguments::Key) -> Result<Exit, BackupError> {
    let data = &asked.data.data;
    let mut settings = Settings::read(data)?;
    let public = keys::draw(data, &asked.file)?;
    settings.add_recipient(&public, &asked.name)?;
    settings.write(data)?;
    say(format!(
        "Clé écrite dans {}, pour {}\u{a0}: gardez ce fichier loin du hub. Sans lui ni la clé d’une autre personne, \
         aucune sauvegarde ne s’ouvre.\nClé publique\u{a0}: {public}",
        asked.file.display(),
        asked.name
    ));
    say_how_many(&settings);
    Ok(Exit::Done)
}

fn say_how_many(settings: &Settings) {
    match settings.recipients.len() {
        1 => say("Il en faut encore une, d’une autre personne, avant la première sauvegarde."),
        count => say(format!(
            "Les sauvegardes s’ouvriront avec l’une de {count} clés."
        )),
    }
}

fn recipient_add(asked: &arguments::RecipientAdd) -> Result<Exit, BackupError> {
    let mut settings = Settings::read(&asked.data.data)?;
    settings.add_recipient(&asked.key, &asked.name)?;
    settings.write(&asked.data.data)?;
    say_how_many(&settings);
    Ok(Exit::Done)
}

fn recipient_remove(asked: &arguments::RecipientRemove) -> Result<Exit, BackupError> {
    let mut settings = Settings::read(&asked.data.data)?;
    let before = settings.recipients.len();
    settings.recipients.retain(|one| one.key != asked.key);
    if settings.recipients.len() == before {
        complain("Aucune clé de ce nom. «\u{a0}maison-hub backup list\u{a0}» les montre.");
        return Ok(Exit::Failed);
    }
    settings.write(&asked.data.data)?;
    say("Retirée. Les sauvegardes déjà faites s’ouvrent encore avec elle.");
    Ok(Exit::Done)
}

/// The same directory under one name, however it was given.
fn absolute(path: &Path) -> Result<PathBuf, BackupError> {
    std::path::absolute(path).map_err(|source| BackupError::File {
        path: path.to_owned(),
        source,
    })
}

fn place_add(asked: &arguments::PlaceArguments) -> Result<Exit, BackupError> {
    let data = &asked.data.data;
    let place = absolute(&asked.place)?;
    backup::mark(&place).map_err(|error| BackupError::Place(place.clone(), error))?;
    let mut settings = Settings::read(data)?;
    if !settings.places.contains(&place) {
        settings.places.push(place);
    }
    settings.write(data)?;
    say("Ajouté. La prochaine sauvegarde y sera écrite.");
    Ok(Exit::Done)
}

fn place_remove(asked: &arguments::PlaceArguments) -> Result<Exit, BackupError> {
    let data = &asked.data.data;
    let place = absolute(&asked.place)?;
    let mut settings = Settings::read(data)?;
    let before = settings.places.len();
    settings.places.retain(|known| *known != place);
    if settings.places.len() == before {
        complain(
            "Ce dossier n’est pas un emplacement. «\u{a0}maison-hub backup list\u{a0}» les montre.",
        );
        return Ok(Exit::Failed);
    }
    settings.write(data)?;
    say("Retiré. Les sauvegardes qui s’y trouvent restent.");
    Ok(Exit::Done)
}

fn create(asked: &arguments::Create) -> Result<Exit, BackupError> {
    let made = backup::create(&asked.data.data, now(), &mut bars())?;
    if asked.json {
        say(created_json(&made));
    } else {
        let manifest = &made.manifest;
        say(format!(
            "{}\u{a0}: {}, {}, vérifiée.",
            made.name,
            counted(manifest.documents, "document", "documents"),
            counted(manifest.changes, "modification", "modifications"),
        ));
    }
    for (place, outcome) in &made.places {
        if let Err(error) = outcome {
            complain(format!("{}\u{a0}: {error}", place.display()));
        }
    }
    Ok(Exit::Done)
}

fn created_json(made: &Made) -> serde_json::Value {
    let places = made.places.iter().map(|(path, outcome)| {
        let failure = outcome.as_ref().err().map(ToString::to_string);
        serde_json::json!({ "path": path, "failure": failure })
    });
    serde_json::json!({
        "name": made.name,
        "at": made.manifest.at(),
        "documents": made.manifest.documents,
        "changes": made.manifest.changes,
        "bytes": made.manifest.sealed_bytes,
        "fingerprint": made.manifest.fingerprint().map(|fingerprint| fingerprint.to_string()),
        "places": places.collect::<Vec<_>>(),
    })
}

fn verify(asked: &arguments::Verify) -> Result<Exit, BackupError> {
    let data = &asked.data.data;
    let file = match &asked.file {
        Some(file) => absolute(file)?,
        None => backup::newest(data)?.path,
    };
    let key = key_file(asked.key.as_deref())?;
    let manifest = backup::verify(data, &file, key, now(), &mut bars())?;
    say(format!(
        "{} est entière et se lit\u{a0}: {}, {}, du {}.",
        file.display(),
        counted(manifest.documents, "document", "documents"),
        counted(manifest.changes, "modification", "modifications"),
        show::day_and_hour(manifest.at()),
    ));
    Ok(Exit::Done)
}

async fn drilled(asked: arguments::Drill) -> Result<Exit, BackupError> {
    let key = key_file(asked.key.as_deref())?;
    let name = drill::drill(&asked.data.data, key, now(), &mut bars()).await?;
    say(format!(
        "{name} se restaure\u{a0}: tout y est. L’essai est effacé."
    ));
    Ok(Exit::Done)
}

fn pruned(asked: &arguments::Prune) -> Result<Exit, BackupError> {
    let data = &asked.data.data;
    let mut settings = Settings::read(data)?;
    let kept = settings.retention;
    let rule = Retention {
        daily: asked.daily.unwrap_or(kept.daily),
        weekly: asked.weekly.unwrap_or(kept.weekly),
        monthly: asked.monthly.unwrap_or(kept.monthly),
    };
    let removed = prune::prune(data, Some(rule), asked.dry_run)?;
    if !asked.dry_run && rule != kept {
        settings.retention = rule;
        settings.write(data)?;
    }
    for path in &removed {
        say(path.display());
    }
    let count = counted(removed.len() as u64, "sauvegarde", "sauvegardes");
    say(match asked.dry_run {
        true => format!("{count} à supprimer\u{a0}; rien n’est fait."),
        false => format!("{count} en moins."),
    });
    Ok(Exit::Done)
}
