//! `maison-node serve`: hold the directory, open the port, announce it, serve until told to stop.

use shared::ledger::{LedgerError, Store};
use shared::program::{Exit, Listening, complain, say, stop_signal};
use shared::time::Clock;

use crate::config::Config;
use crate::opened::{Node, NodeError};

pub(super) async fn serve(config: Config) -> Result<Exit, NodeError> {
    let held = match Store::hold(&config.data) {
        // A second click on the icon: the pages are there already.
        Err(LedgerError::Held(_)) if config.open && config.listen.port() != 0 => {
            open_browser(&format!("http://{}", config.listen));
            return Ok(Exit::Done);
        }
        held => held?,
    };
    let listening = Listening::on(config.listen).await?;
    let node = Node::open_to_serve(&config.data, Clock::default(), &held).await?;
    announce(&listening, &config);
    tracing::info!(address = %listening.address(), "serving");
    crate::server::serve(node, listening, stop_signal()).await?;
    tracing::info!("stopped");
    drop(held);
    Ok(Exit::Done)
}

fn announce(listening: &Listening, config: &Config) {
    let url = listening.url();
    if config.json {
        say(serde_json::json!({ "listening": url }));
    } else {
        say(format!(
            "Les pages du portable sont à l’adresse {url} (Ctrl-C pour arrêter)."
        ));
    }
    if config.open {
        open_browser(&url);
    }
}

/// Opens the browser that the desktop prefers. The port answers as soon as the browser has started.
fn open_browser(url: &str) {
    if let Err(error) = std::process::Command::new("xdg-open").arg(url).spawn() {
        complain(format!(
            "Le navigateur ne s’ouvre pas tout seul ({error})\u{a0}: ouvrez {url}"
        ));
    }
}
