//! `maison-hub export`.

use std::io::Write;
use std::path::Path;

use shared::domain::catalog::Catalog;
use shared::program::files::Fresh;
use shared::program::{Exit, complain, say};
use shared::text::system_words;
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
    match write(&path, &bytes) {
        Ok(()) => {
            say(format!("Écrit dans {}.", path.display()));
            Ok(Exit::Done)
        }
        Err(error) => {
            complain(format!(
                "Le fichier {} ne s’écrit pas\u{a0}: {}",
                path.display(),
                system_words(&error)
            ));
            Ok(Exit::Failed)
        }
    }
}

/// A file that is there is replaced by a whole one, or stays.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let file = Fresh::begin(path)?;
    file.writer()?.write_all(bytes)?;
    file.keep()
}

fn codes(catalog: &Catalog) -> String {
    let codes: Vec<&str> = catalog.places.keys().map(String::as_str).collect();
    codes.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Data;
    use jiff::civil::date;

    #[tokio::test]
    async fn a_period_is_written_to_a_file_and_nonsense_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        Hub::open(directory.path(), Clock::default()).await.unwrap();
        let out = directory.path().join("activites.csv");
        let asked = |to, place: Option<&str>| Export {
            data: Data {
                data: directory.path().to_owned(),
            },
            from: date(2026, 9, 1),
            to,
            place: place.map(str::to_owned),
            out: Some(out.clone()),
        };
        let until = date(2026, 12, 31);
        let before = date(2026, 8, 31);
        assert_eq!(export(asked(before, None)).await.unwrap(), Exit::Usage);
        let nowhere = export(asked(until, Some("paris"))).await.unwrap();
        assert_eq!(nowhere, Exit::Usage);
        assert!(!out.exists());
        let there = export(asked(until, Some("quarante"))).await.unwrap();
        assert_eq!(there, Exit::Done);
        let written = std::fs::read_to_string(&out).unwrap();
        assert!(written.starts_with("\u{feff}Date;") && written.ends_with(";ID\r\n"));
    }
}
