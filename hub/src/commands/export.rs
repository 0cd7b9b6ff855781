//! `maison-hub export`.

use std::io::Write;

use shared::domain::catalog::Catalog;
use shared::program::{Exit, complain, say};
use shared::time::Clock;

use crate::cli::Export;
use crate::export::{Period, activities_csv};
use crate::opened::{Hub, HubError};

pub(super) async fn export(asked: Export) -> Result<Exit, HubError> {
    if asked.to < asked.from {
        complain("Le dernier jour (--to) est avant le premier (--from).");
        return Ok(Exit::Usage);
    }
    let hub = Hub::open_existing(&asked.data.data, Clock::default()).await?;
    let catalog = hub.site().catalog().await?;
    if let Some(unknown) = asked
        .place
        .as_ref()
        .filter(|code| !catalog.places.contains_key(*code))
    {
        complain(format!(
            "Aucun lieu «\u{a0}{unknown}\u{a0}». Au choix\u{a0}: {}.",
            codes(&catalog)
        ));
        return Ok(Exit::Usage);
    }
    let period = Period {
        from: asked.from,
        to: asked.to,
        place: asked.place,
    };
    let bytes = activities_csv(hub.site(), period).await?;
    let Some(path) = asked.out else {
        std::io::stdout().lock().write_all(&bytes)?;
        return Ok(Exit::Done);
    };
    match std::fs::write(&path, bytes) {
        Ok(()) => {
            say(format!("Écrit dans {}.", path.display()));
            Ok(Exit::Done)
        }
        Err(error) => {
            complain(format!(
                "Le fichier {} ne s’écrit pas\u{a0}: {error}",
                path.display()
            ));
            Ok(Exit::Failed)
        }
    }
}

fn codes(catalog: &Catalog) -> String {
    let codes: Vec<&str> = catalog.places.keys().map(String::as_str).collect();
    codes.join(", ")
}
