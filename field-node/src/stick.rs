//! The exchange by a file: what the laptop sends to its hub, and what the hub's return file brings.
//!
//! Like an exchange over the line it holds the file that lets only one take place at a time, and stands in the log.

use std::fs::File;

use ed25519_dalek::SigningKey;
use shared::exchange::log::{self, Logged};
use shared::exchange::stick::{self, Exported, FILE_BYTES_MAX, Returned, StickError};
use shared::program::files::Limited;
use shared::site::{Site, SiteError};
use shared::text::counted;

use crate::attempt::hold;
use crate::identity::{self, Enrolment};

/// Why a file was not made or not taken. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The laptop is not registered with a hub.
    #[error(
        "ce portable n’est pas inscrit\u{a0}: demandez un ticket à l’administrateur, puis «\u{a0}maison-node enrol TICKET\u{a0}»"
    )]
    NotEnrolled,
    /// Another exchange is under way.
    #[error("un échange avec le hub est en cours\u{a0}: recommencez quand il sera fini")]
    Busy,
    /// The file.
    #[error(transparent)]
    Stick(#[from] StickError),
}

impl From<SiteError> for Trouble {
    fn from(error: SiteError) -> Self {
        Self::Stick(error.into())
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Stick(error.into())
    }
}

/// What the file for the hub is called today.
///
/// # Errors
/// When the laptop is not registered.
pub async fn letter_name(site: &Site) -> Result<String, Trouble> {
    let (enrolment, _) = identity(site).await?;
    let day = site.clock().now().local().date();
    Ok(stick::letter_name(&enrolment.name, day))
}

/// Writes the file for the hub to `out`; `progress` is told (changes done, in all).
///
/// # Errors
/// Why it cannot be made.
pub async fn export(
    site: &Site,
    out: File,
    progress: impl FnMut(usize, usize) + Send + 'static,
) -> Result<(Exported, File), Trouble> {
    let (enrolment, key) = identity(site).await?;
    let held = hold(site.store().directory()).await?;
    let _held = held.ok_or(Trouble::Busy)?;
    let out = Limited::new(out, FILE_BYTES_MAX);
    let (exported, out) = stick::export(site, key, enrolment.hub, out, progress).await?;
    Ok((exported, out.into_inner()))
}

/// Takes a return file of the hub; `progress` is told (bytes done, in all).
///
/// # Errors
/// Why it cannot be taken.
pub async fn import(
    site: &Site,
    file: File,
    progress: impl FnMut(usize, usize) + Send + 'static,
) -> Result<Returned, Trouble> {
    let (enrolment, _) = identity(site).await?;
    let held = hold(site.store().directory()).await?;
    let _held = held.ok_or(Trouble::Busy)?;
    let started = site.clock().wall();
    let bytes_down = file.metadata()?.len();
    let returned = stick::import(site, enrolment.hub, file, progress).await?;
    if let Returned::Taken(report) = &returned {
        let outcome = if report.identical {
            "stick"
        } else {
            "stick_different"
        };
        let logged = Logged {
            started,
            duration_ms: (site.clock().wall().0 - started.0).unsigned_abs(),
            bytes_up: 0,
            bytes_down,
            round_trips: 0,
            sent: report.sent,
            received: report.received,
            refused: report.refused,
            outcome: outcome.to_owned(),
            identical: report.identical,
        };
        site.write(move |work| Ok(log::record(work.connection(), &logged)?))
            .await?;
    }
    Ok(returned)
}

async fn identity(site: &Site) -> Result<(Enrolment, SigningKey), Trouble> {
    let read = site.read(|c| Ok((identity::enrolment(c)?, identity::key(c)?)));
    match read.await? {
        (Some(enrolment), Some(key)) => Ok((enrolment, key)),
        _ => Err(Trouble::NotEnrolled),
    }
}

/// What came of a return file, for people.
#[must_use]
pub fn sentences(returned: &Returned) -> String {
    let Returned::Taken(report) = returned else {
        return "Ce portable avait déjà reçu tout ce que ce fichier contient.".to_owned();
    };
    let proof = match report.why_not {
        None => "Identique au hub, tel qu’il était en écrivant ce fichier.".to_owned(),
        Some(why) => format!("Pas identique au hub\u{a0}: {why}."),
    };
    let refused = match report.refused {
        0 => String::new(),
        n => format!(
            " {} par le hub\u{a0}: prévenez l’administrateur.",
            counted(n, "modification refusée", "modifications refusées")
        ),
    };
    let received = counted(report.received, "nouveauté reçue", "nouveautés reçues");
    format!("{proof} {received}.{refused}")
}
