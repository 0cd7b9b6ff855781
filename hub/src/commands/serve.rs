//! `maison-hub serve`: hold the directory, open the port, announce it, serve until told to stop.

use shared::ledger::Store;
use shared::program::{Exit, Listening, say, stop_signal};
use shared::time::Clock;

use crate::config::Config;
use crate::opened::{Hub, HubError};

pub(super) async fn serve(config: Config) -> Result<Exit, HubError> {
    let held = Store::hold(&config.data)?;
    let listening = Listening::on(config.listen).await?;
    let hub = Hub::open(&config.data, Clock::default()).await?;
    announce(&listening, config.json);
    tracing::info!(address = %listening.address(), "serving");
    crate::server::serve(hub, listening, stop_signal()).await?;
    tracing::info!("stopped");
    drop(held);
    Ok(Exit::Done)
}

fn announce(listening: &Listening, json: bool) {
    let url = listening.url();
    if json {
        say(serde_json::json!({ "listening": url }));
    } else {
        say(format!(
            "Le hub répond à l’adresse {url} (Ctrl-C pour l’arrêter)."
        ));
    }
}
