//! Receiving a laptop's file: by role, what is said, what is refused, the return file.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH};
use ed25519_dalek::SigningKey;
use shared::desk::testing::NOW;
use shared::domain::codes::Role;
use shared::domain::person::Person;
use shared::exchange::stick as exchange_stick;
use shared::ids::{AgentId, PersonId, ReplicaId};
use shared::joining::signature::Nonce;
use shared::ledger::hub_key;
use shared::site::Site;
use shared::time::Clock;
use tempfile::TempDir;

use super::*;
use crate::devices;
use crate::pages::testing::AtHub;

/// A laptop that has joined the hub and written something.
struct Laptop {
    site: Site,
    _directory: TempDir,
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[4; 32])
}

async fn laptop(hub: &Hub, is_known: bool) -> Laptop {
    let directory = tempfile::tempdir().unwrap();
    let migrations = &[shared::exchange::MIGRATIONS];
    let site = Site::open(directory.path(), migrations, Clock::fixed(NOW), |_, _| ())
        .await
        .unwrap();
    let replica = site.replica();
    let keys = hub.site().write(move |work| {
        let c = work.connection();
        if is_known {
            let key = key().verifying_key();
            devices::register(c, replica, "Portable 1", &key, Nonce([1; 16]), NOW)?;
        }
        Ok((
            hub_key::ensure_own(c)?,
            exchange_stick::ensure_recipient(c)?,
        ))
    });
    let (hub_key, recipient) = keys.await.unwrap();
    let person = |person: &mut Person| person.family_name = "Cros".to_owned();
    site.edit(PersonId::fresh(), AgentId::fresh(), person)
        .await
        .unwrap();
    site.write(move |work| {
        hub_key::keep(work.connection(), &hub_key.verifying_key())?;
        Ok(exchange_stick::keep_hub(work.connection(), &recipient)?)
    })
    .await
    .unwrap();
    Laptop {
        site,
        _directory: directory,
    }
}

impl Laptop {
    async fn file(&self, hub: ReplicaId) -> Vec<u8> {
        let out = Vec::new();
        let made = exchange_stick::export(&self.site, key(), hub, out, |_, _| ());
        made.await.unwrap().1
    }
}

#[tokio::test]
async fn an_administrator_receives_a_file_and_fetches_the_return_file() {
    let at = AtHub::with(Role::Administrator).await;
    let laptop = laptop(&at.hub, true).await;
    let file = laptop.file(at.hub.site().replica()).await;
    let seen = at.upload("/portables/cle", "a.maison", &file).await;
    let shown = seen.location.unwrap();
    let seen = at.visitor.get(&shown).await;
    assert!(
        seen.says("Portable 1 : 1 modification reçue, 1 nouvelle, aucune refusée."),
        "{}",
        seen.text
    );
    assert!(seen.says("tout ce que le hub détient"));
    let fetched = at.visitor.get(&format!("{shown}/fichier")).await;
    let name = fetched.headers[CONTENT_DISPOSITION].to_str().unwrap();
    assert!(
        name.contains("retour-pour-portable-1-2026-11-26.maison"),
        "{name}"
    );
    assert_ne!(fetched.headers[CONTENT_LENGTH], "0");
    assert!(fetched.text.starts_with("MAISON-STICK 1"));
    // The list knows that the laptop was heard of.
    let replica = laptop.site.replica();
    let found = at.hub.site().read(move |c| Ok(devices::find(c, replica)?));
    assert!(found.await.unwrap().unwrap().last_contact.is_some());
}

#[tokio::test]
async fn nobody_else_may() {
    for role in [Role::Agent, Role::Staff] {
        let at = AtHub::with(role).await;
        let seen = at.upload("/portables/cle", "a.maison", b"MAISON").await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN);
        let token = Uuid::new_v4();
        for path in ["", "/fichier"] {
            let seen = at
                .visitor
                .get(&format!("/portables/cle/{token}{path}"))
                .await;
            assert_eq!(seen.status, StatusCode::FORBIDDEN);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_taken_is_said_in_plain_words() {
    let at = AtHub::with(Role::Administrator).await;
    let stranger = laptop(&at.hub, false).await;
    let revoked = laptop(&at.hub, true).await;
    let replica = revoked.site.replica();
    at.hub
        .site()
        .write(move |work| Ok(devices::revoke(work.connection(), replica, NOW)?))
        .await
        .unwrap();
    let hub = at.hub.site().replica();
    let (stranger, revoked) = (stranger.file(hub).await, revoked.file(hub).await);
    for (file, words) in [
        (&b""[..], "Choisissez le fichier d’un portable."),
        (b"PK a workbook", "Ce n’est pas un fichier .maison"),
        (&stranger[..200], "Ce fichier est abîmé ou incomplet"),
        (&stranger, "Ce hub ne connaît pas le portable"),
        (&revoked, "a été révoqué"),
    ] {
        let seen = at.upload("/portables/cle", "a.maison", file).await;
        assert_eq!(seen.location.as_deref(), Some(PATH));
        let seen = at.visitor.get(PATH).await;
        assert!(seen.says(words), "{words}\n{}", seen.text);
    }
    let gone = format!("/portables/cle/{}", Uuid::new_v4());
    assert_eq!(at.visitor.get(&gone).await.location.as_deref(), Some(PATH));
    assert!(at.visitor.get(PATH).await.says("n’est plus là"));
}
