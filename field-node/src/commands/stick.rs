//! `maison-node stick export|import`: the exchange by a file.

use std::path::PathBuf;

use shared::exchange::WhyNot;
use shared::exchange::stick::{FILE_BYTES_MAX, Returned};
use shared::program::files::{self, Fresh};
use shared::program::{Exit, complain, progress_bar, say};
use shared::text::counted;
use shared::time::Clock;

use crate::cli::{StickExport, StickImport};
use crate::config::data_directory;
use crate::opened::{Node, NodeError};
use crate::stick::{self, Trouble};

pub(super) async fn export(asked: StickExport) -> Result<Exit, NodeError> {
    let node = Node::open_existing(&data_directory(asked.data)?, Clock::default()).await?;
    Ok(match write(&node, asked.path).await {
        Ok(said) => {
            say(said);
            Exit::Done
        }
        Err(trouble) => refused(&trouble),
    })
}

async fn write(node: &Node, path: PathBuf) -> Result<String, Trouble> {
    let path = match path.is_dir() {
        true => path.join(stick::letter_name(node.site()).await?),
        false => path,
    };
    let fresh = Fresh::begin(&path)?;
    let progress = progress_bar("Préparation du fichier");
    let (exported, _) = stick::export(node.site(), fresh.writer()?, progress).await?;
    fresh.keep()?;
    Ok(format!(
        "{} dans {}. Portez ce fichier au hub, puis rapportez le fichier de retour\u{a0}: d’ici là, tout reste aussi sur ce portable.",
        counted(exported.changes, "modification", "modifications"),
        path.display()
    ))
}

pub(super) async fn import(asked: StickImport) -> Result<Exit, NodeError> {
    let node = Node::open_existing(&data_directory(asked.data)?, Clock::default()).await?;
    let directory = node.site().store().directory();
    let taken = match files::copied(&asked.file, directory, FILE_BYTES_MAX) {
        Ok(copy) => stick::import(node.site(), copy, progress_bar("Lecture du fichier")).await,
        Err(error) => Err(error.into()),
    };
    let returned = match taken {
        Ok(returned) => returned,
        Err(trouble) => return Ok(refused(&trouble)),
    };
    let identical = match &returned {
        Returned::Taken(report) => report.identical,
        Returned::Older => true,
    };
    if asked.json {
        say(json(&returned));
    } else {
        say(stick::sentences(&returned));
    }
    Ok(if identical { Exit::Done } else { Exit::Failed })
}

fn refused(trouble: &Trouble) -> Exit {
    complain(format!("maison-node\u{a0}: {trouble}"));
    match trouble {
        Trouble::Busy => Exit::Unavailable,
        _ => Exit::Failed,
    }
}

fn json(returned: &Returned) -> serde_json::Value {
    match returned {
        Returned::Older => serde_json::json!({ "older": true }),
        Returned::Taken(report) => serde_json::json!({
            "older": false,
            "identical": report.identical,
            "why_not": report.why_not.map(WhyNot::code),
            "sent": report.sent,
            "received": report.received,
            "refused": report.refused,
            "set_aside": report.set_aside,
        }),
    }
}
