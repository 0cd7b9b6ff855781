//! « Par clé USB », on the synchronisation page: fetch the file for the hub, give the hub's return file.

use std::sync::Arc;

use axum::Router;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::routing::{get, post};
use shared::desk::answer::{Answer, see};
use shared::desk::page::Flash;
use shared::desk::transfer::{BEYOND_BYTES_MAX, Sent, download, received};
use shared::desk::{Desk, SignedIn};
use shared::exchange::stick::{FILE_BYTES_MAX, Returned, StickError};
use shared::program::files::nameless;
use shared::text::capitalised;

use super::synchronisation::PATH;
use crate::stick::{self, Trouble};

pub(super) fn routes() -> Router<Desk> {
    let bytes_max = usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX);
    let limit = DefaultBodyLimit::max(bytes_max.saturating_add(BEYOND_BYTES_MAX));
    Router::new()
        .route("/synchronisation/cle/fichier", get(fetch))
        .route("/synchronisation/cle", post(give).layer(limit))
}

async fn fetch(State(desk): State<Desk>, who: SignedIn) -> Answer {
    match made(&desk).await {
        Ok((file, name)) => download(Arc::new(file), &name),
        Err(trouble) => {
            desk.flash(&who, warning(&trouble));
            see(PATH)
        }
    }
}

async fn made(desk: &Desk) -> Result<(std::fs::File, String), Trouble> {
    let name = stick::letter_name(desk.site()).await?;
    let out = nameless(desk.site().store().directory())?;
    let (_, file) = stick::export(desk.site(), out, |_, _| ()).await?;
    Ok((file, name))
}

async fn give(
    State(desk): State<Desk>,
    who: SignedIn,
    sent: Result<Multipart, MultipartRejection>,
) -> Answer {
    let directory = desk.site().store().directory();
    let taken = match received(sent, directory, FILE_BYTES_MAX).await? {
        Sent::Nothing => {
            desk.flash(
                &who,
                Flash::warning("Choisissez le fichier de retour du hub."),
            );
            return see(PATH);
        }
        Sent::TooLarge => Err(StickError::TooLarge.into()),
        Sent::File(file) => stick::import(desk.site(), file, |_, _| ()).await,
    };
    let flash = match &taken {
        Err(trouble) => warning(trouble),
        Ok(returned) if is_good(returned) => Flash::done(stick::sentences(returned)),
        Ok(returned) => Flash::warning(stick::sentences(returned)),
    };
    desk.flash(&who, flash);
    see(PATH)
}

fn is_good(returned: &Returned) -> bool {
    match returned {
        Returned::Taken(report) => report.identical && report.refused == 0,
        Returned::Older => true,
    }
}

fn warning(trouble: &Trouble) -> Flash {
    Flash::warning(format!("{}.", capitalised(&trouble.to_string())))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use ed25519_dalek::SigningKey;
    use shared::desk::testing::{NOW, Visitor};
    use shared::domain::codes::Role;
    use shared::domain::person::Person;
    use shared::exchange::position;
    use shared::exchange::stick::{self as exchange_stick, Letter};
    use shared::ids::{AgentId, PersonId};
    use shared::ledger::hub_key;
    use shared::site::Site;
    use shared::time::Clock;
    use std::io::Cursor;

    use super::*;
    use crate::courier::Courier;
    use crate::identity::{self, Enrolment};

    const SEED: [u8; 32] = [4; 32];

    /// A laptop's pages, and the hub that it is registered with.
    async fn registered() -> (Visitor, Visitor, Site, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let tables = &[shared::exchange::MIGRATIONS];
        let hub = Site::open(directory.path(), tables, Clock::fixed(NOW), |_, _| ())
            .await
            .unwrap();
        let keys = hub.write(|work| {
            let c = work.connection();
            position::ensure_own_epoch(c)?;
            Ok((
                hub_key::ensure_own(c)?,
                exchange_stick::ensure_recipient(c)?,
            ))
        });
        let (key, recipient) = keys.await.unwrap();
        let tables = &[shared::desk::MIGRATIONS, shared::exchange::MIGRATIONS];
        let alone = Visitor::with(Role::Agent, tables, Vec::new(), Router::new()).await;
        let enrolment = Enrolment {
            name: "Portable 1".to_owned(),
            hub: hub.replica(),
            addresses: Vec::new(),
            pins: None,
            letter: None,
        };
        let kept = alone.site().write(move |work| {
            let c = work.connection();
            identity::ensure_key(c, &SEED)?;
            identity::keep_enrolment(c, &enrolment)?;
            hub_key::keep(c, &key.verifying_key())?;
            Ok(exchange_stick::keep_hub(c, &recipient)?)
        });
        assert!(kept.await.unwrap());
        let courier = Courier::start(alone.site().clone()).await.unwrap();
        courier.pause(true).await;
        let pages = super::super::routes(courier);
        let nav = super::super::NAV.to_vec();
        let visitor = Visitor::on(alone.site().clone(), Role::Agent, nav, pages).await;
        (visitor, alone, hub, directory)
    }

    #[tokio::test]
    async fn a_file_goes_to_the_hub_and_its_answer_comes_back() {
        let (visitor, _alone, hub, _directory) = registered().await;
        let seen = visitor.get(PATH).await;
        assert!(seen.says("Préparer le fichier pour le hub"));
        let path = "/synchronisation/cle/fichier";
        let answer = visitor.get(path).await;
        let name = answer.headers["content-disposition"].to_str().unwrap();
        assert!(
            name.contains("portable-1-pour-le-hub-2026-11-26.maison"),
            "{name}"
        );

        let person = |person: &mut Person| person.family_name = "Cros".to_owned();
        hub.edit(PersonId::fresh(), AgentId::fresh(), person)
            .await
            .unwrap();
        let letter = Letter::read(&hub, Cursor::new(answer.bytes)).await.unwrap();
        let key = SigningKey::from_bytes(&SEED).verifying_key();
        let (taken, back) = letter.take(&key, Vec::new(), |_, _| ()).await.unwrap();
        assert!(taken.refused > 0, "the catalog was written here");

        let seen = visitor
            .upload("/synchronisation/cle", "b.maison", &back)
            .await;
        assert_eq!(seen.location.as_deref(), Some(PATH));
        let seen = visitor.get(PATH).await;
        assert!(seen.says("1 nouveauté reçue."), "{}", seen.text);
        assert!(seen.says("Par clé USB, identique au hub"), "{}", seen.text);
    }

    #[tokio::test]
    async fn what_cannot_be_taken_is_said_in_plain_words() {
        let (visitor, _alone, _hub, _directory) = registered().await;
        for (bytes, words) in [
            (&b""[..], "Choisissez le fichier de retour du hub."),
            (b"PK a workbook", "Ce n’est pas un fichier .maison"),
        ] {
            // The laptop draws its own key when it makes its first file.
            visitor.get("/synchronisation/cle/fichier").await;
            let seen = visitor
                .upload("/synchronisation/cle", "b.maison", bytes)
                .await;
            assert_eq!(seen.status, StatusCode::SEE_OTHER);
            let seen = visitor.get(PATH).await;
            assert!(seen.says(words), "{words}\n{}", seen.text);
        }
    }

    #[tokio::test]
    async fn a_laptop_that_is_not_registered_is_told_how() {
        let tables = &[shared::desk::MIGRATIONS, shared::exchange::MIGRATIONS];
        let alone = Visitor::with(Role::Agent, tables, Vec::new(), Router::new()).await;
        let courier = Courier::start(alone.site().clone()).await.unwrap();
        let pages = super::super::routes(courier);
        let visitor = Visitor::on(alone.site().clone(), Role::Agent, Vec::new(), pages).await;
        let seen = visitor.get("/synchronisation/cle/fichier").await;
        assert_eq!(seen.location.as_deref(), Some(PATH));
        assert!(visitor.get(PATH).await.says("n’est pas inscrit"));
    }
}
