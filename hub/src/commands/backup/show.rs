//! `maison-hub backup list`: places, backups, keys, the last drill.

use shared::program::{Exit, say};
use shared::time::{Timestamp, clock_time, day_month_year};

use super::arguments::List;
use crate::backup::{self, BackupError, Found, Listed, PlaceListed};

pub(super) fn list(asked: &List) -> Result<Exit, BackupError> {
    let listed = backup::list(&asked.data.data)?;
    if asked.json {
        say(json(&listed));
    } else {
        in_french(&listed);
    }
    Ok(Exit::Done)
}

/// Stamps are milliseconds since 1970.
fn json(listed: &Listed) -> serde_json::Value {
    let found = |found: &Found| {
        serde_json::json!({
            "name": found.name(),
            "at": found.manifest.at(),
            "bytes": found.bytes,
            "verified": found.verified,
            "program": found.manifest.program,
        })
    };
    let places = listed.places.iter().map(|place| {
        serde_json::json!({
            "path": place.path,
            "there": place.is_there,
            "failing": place.failing,
            "backups": place.backups.iter().map(found).collect::<Vec<_>>(),
        })
    });
    serde_json::json!({
        "places": places.collect::<Vec<_>>(),
        "recipients": listed.recipients,
        "newest": listed.state.newest,
        "tried": listed.state.tried,
        "drill": listed.state.drill,
    })
}

fn in_french(listed: &Listed) {
    if listed.places.is_empty() {
        say(BackupError::NoPlace);
    }
    for place in &listed.places {
        say(format!("{}{}", place.path.display(), state(place)));
        for found in &place.backups {
            say(line(found));
        }
    }
    if listed.recipients.len() < 2 {
        say(BackupError::FewRecipients(listed.recipients.len()));
    }
    for one in &listed.recipients {
        say(format!(
            "Peut ouvrir les sauvegardes\u{a0}: {}, {}",
            one.name, one.key
        ));
    }
    say(match &listed.state.drill {
        None => "Aucun essai de restauration encore.".to_owned(),
        Some(drill) => {
            let at = day_and_hour(Timestamp(drill.at));
            let outcome = drill.failure.as_deref().unwrap_or("réussi");
            format!("Dernier essai de restauration, le {at}\u{a0}: {outcome}.")
        }
    });
}

fn state(place: &PlaceListed) -> String {
    match (&place.failing, place.is_there) {
        (_, false) => "\u{a0}: absent".to_owned(),
        (Some(failing), true) => format!("\u{a0}: {failing}"),
        (None, true) => String::new(),
    }
}

fn line(found: &Found) -> String {
    let verified = match found.verified {
        None => "non vérifiée".to_owned(),
        Some(at) => format!("vérifiée le {}", day_and_hour(at)),
    };
    let name = found.name();
    format!("  {name}  {} Kio  {verified}", found.bytes.div_ceil(1024))
}

/// « 24 novembre 2026 à 19 h ».
pub(super) fn day_and_hour(at: Timestamp) -> String {
    let at = at.local();
    format!("{} à {}", day_month_year(at.date()), clock_time(at.time()))
}
