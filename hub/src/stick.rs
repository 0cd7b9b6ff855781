//! The exchange by a file: what a laptop sends, and the return file for it.
//!
//! Who may send is the same as on the line: laptops that are registered and not revoked, with their own signature.

use std::fs::File;
use std::io::Seek;

use shared::exchange::stick::{self, FILE_BYTES_MAX, Letter, StickError, Taken};
use shared::ids::ReplicaId;
use shared::program::files::Limited;
use shared::text::counted;

use crate::devices;
use crate::opened::Hub;

/// A laptop's file that was taken, and the return file.
#[derive(Debug)]
pub struct Received {
    /// The laptop.
    pub laptop: ReplicaId,
    /// Its name.
    pub name: String,
    /// What was taken.
    pub taken: Taken,
    /// The return file, at its beginning.
    pub return_file: File,
}

impl Received {
    /// What the return file is called.
    #[must_use]
    pub fn return_name(&self, hub: &Hub) -> String {
        let day = hub.site().clock().now().local().date();
        stick::return_name(&self.name, day)
    }
}

/// Takes a laptop's file and writes the return file to `out`; `progress` is told (bytes done, in all).
///
/// # Errors
/// Why the file cannot be taken; nothing of it has been taken then.
pub async fn receive(
    hub: &Hub,
    file: File,
    out: File,
    progress: impl FnMut(usize, usize) + Send + 'static,
) -> Result<Received, StickError> {
    let letter = Letter::read(hub.site(), file).await?;
    let laptop = letter.laptop();
    let found = hub.site().read(move |c| Ok(devices::find(c, laptop)?));
    let device = found.await?.ok_or(StickError::UnknownLaptop)?;
    if device.revoked.is_some() {
        return Err(StickError::Revoked);
    }
    let out = Limited::new(out, FILE_BYTES_MAX);
    let (taken, out) = letter.take(&device.public_key, out, progress).await?;
    let Taken {
        taken: new,
        refused,
        ..
    } = taken;
    tracing::info!(%laptop, taken = new, refused, "stick");
    let acknowledged = taken.cursor.unwrap_or(0);
    hub.site()
        .write(move |work| {
            let now = work.stamp();
            Ok(devices::note_file(
                work.connection(),
                laptop,
                acknowledged,
                now,
            )?)
        })
        .await?;
    let mut return_file = out.into_inner();
    return_file.rewind()?;
    Ok(Received {
        laptop,
        name: device.name,
        taken,
        return_file,
    })
}

/// What was taken, in a sentence or two.
#[must_use]
pub fn sentence(received: &Received) -> String {
    let Taken {
        changes,
        taken,
        refused,
        ..
    } = received.taken;
    if changes == 0 {
        return format!(
            "{}\u{a0}: ce fichier n’apporte aucune saisie nouvelle.",
            received.name
        );
    }
    let came = counted(changes, "modification reçue", "modifications reçues");
    let new = match taken {
        0 => "aucune n’était nouvelle".to_owned(),
        n => counted(n, "nouvelle", "nouvelles"),
    };
    let refused = match refused {
        0 => "aucune refusée".to_owned(),
        n => counted(n, "refusée", "refusées"),
    };
    format!("{}\u{a0}: {came}, {new}, {refused}.", received.name)
}
