//! `maison-hub serve`: hold the directory, open the port, announce it, serve until told to stop.

use shared::ledger::{Store, aside};
use shared::program::{Cover, Exit, Listening, say, stop_signal};
use shared::time::Clock;

use crate::backup;
use crate::certificate::Certificate;
use crate::config::{Config, LineCover};
use crate::opened::{Hub, HubError};

pub(super) async fn serve(config: Config) -> Result<Exit, HubError> {
    let _held = Store::hold(&config.data)?;
    aside::finish(&config.data)?;
    backup::clear(&config.data).map_err(Box::new)?;
    let mut hub = Hub::open_to_serve(&config.data, Clock::default()).await?;
    let files = match &config.line {
        LineCover::Bare => return serve_on(hub, &config, Cover::Bare).await,
        LineCover::Proxy => return serve_on(hub, &config, Cover::Proxy).await,
        LineCover::Own => {
            hub = hub.with_own_certificate();
            None
        }
        LineCover::Files(files) => Some(files.clone()),
    };
    let names = certificate_names(&config);
    let (shown, follow) = Certificate::new(hub.clone(), files, names).shown().await?;
    tokio::select! {
        exit = serve_on(hub, &config, Cover::Tls(shown)) => exit,
        // It ends with the program only.
        () = follow => Ok(Exit::Done),
    }
}

async fn serve_on(hub: Hub, config: &Config, cover: Cover) -> Result<Exit, HubError> {
    let listening = Listening::covered(config.listen, cover).await?;
    let listening = listening.named(config.names.clone());
    announce(&listening, config.json);
    tracing::info!(address = %listening.address(), "serving");
    let backups = tokio::spawn(backup::schedule::keep(hub.clone(), config.backup_at));
    let served = crate::server::serve(hub, listening, stop_signal()).await;
    backups.abort();
    served?;
    tracing::info!("stopped");
    Ok(Exit::Done)
}

/// What the hub's own certificate is for.
fn certificate_names(config: &Config) -> Vec<String> {
    let mut names = config.names.clone();
    names.push("localhost".to_owned());
    let address = config.listen.ip();
    if !address.is_unspecified() {
        names.push(address.to_string());
    }
    names
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
