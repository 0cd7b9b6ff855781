//! `maison-hub stick import`: takes a laptop's file and writes the return file.

use std::path::{Path, PathBuf};

use shared::exchange::stick::{FILE_BYTES_MAX, StickError};
use shared::program::files::{self, Fresh};
use shared::program::{Exit, complain, progress_bar, say};
use shared::time::Clock;

use crate::cli::StickImport;
use crate::opened::{Hub, HubError};
use crate::stick::{self, Received};

pub(super) async fn import(asked: StickImport) -> Result<Exit, HubError> {
    let hub = Hub::open_existing(&asked.data.data, Clock::default()).await?;
    let (received, path) = match receive(&hub, &asked.file, asked.return_to).await {
        Ok(received) => received,
        Err(error) => {
            complain(format!("maison-hub\u{a0}: {error}"));
            return Ok(Exit::Failed);
        }
    };
    if asked.json {
        say(json(&received, &path));
    } else {
        say(stick::sentence(&received));
        say(format!(
            "Fichier de retour\u{a0}: {}. Rapportez-le au portable.",
            path.display()
        ));
    }
    Ok(Exit::Done)
}

async fn receive(
    hub: &Hub,
    file: &Path,
    return_to: Option<PathBuf>,
) -> Result<(Received, PathBuf), StickError> {
    let directory = hub.site().store().directory();
    let copy = files::copied(file, directory, FILE_BYTES_MAX)?;
    let out = files::nameless(directory)?;
    let progress = progress_bar("Lecture du fichier");
    let mut received = stick::receive(hub, copy, out, progress).await?;
    let beside = || file.parent().unwrap_or(Path::new("")).to_owned();
    let path = match return_to {
        Some(path) if !path.is_dir() => path,
        other => other.unwrap_or_else(beside).join(received.return_name(hub)),
    };
    let fresh = Fresh::begin(&path)?;
    std::io::copy(&mut received.return_file, &mut fresh.writer()?)?;
    fresh.keep()?;
    Ok((received, path))
}

fn json(received: &Received, path: &Path) -> serde_json::Value {
    serde_json::json!({
        "laptop": received.name,
        "changes": received.taken.changes,
        "taken": received.taken.taken,
        "refused": received.taken.refused,
        "whole": received.taken.is_whole,
        "return": path,
    })
}
