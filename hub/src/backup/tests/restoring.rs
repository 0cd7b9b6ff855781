//! Restoring backups: the hub that comes of it, the drill, and what is refused.

use shared::domain::codes::ErasureReason;
use shared::exchange::position;
use shared::joining::ticket::Ticket;

use super::*;
use crate::devices::tickets::{self, Trade};
use crate::opened::HubError;

#[tokio::test]
async fn a_restored_hub_is_itself_in_a_new_epoch_with_nobody_erased_or_revoked_back() {
    let stage = Stage::new().await;
    let (gone, lost) = (stage.add("Canari").await, stage.join(1).await);
    let path = stage.backup();
    let before = fingerprint(&stage.hub).await;
    let late = stage.join(2).await;
    stage
        .hub
        .site()
        .erase(gone, PROGRAM, ErasureReason::Request)
        .await
        .unwrap();
    for id in [lost, late] {
        assert!(stage.hub.revoke(id).await.unwrap());
    }
    mirror_erasures(&stage.data()).unwrap();
    let epoch = |hub: &Hub| {
        let hub = hub.clone();
        async move {
            hub.site()
                .read(|c| Ok(position::own_epoch(c)?))
                .await
                .unwrap()
        }
    };
    // On a new machine: what was erased and revoked since is known by the copy in the place.
    let restored = stage.restore("new", &path).await.unwrap();
    assert!(restored.aside.is_none());
    assert_eq!(restored.manifest.fingerprint(), Some(before));
    let hub = stage.opened("new").await;
    assert_eq!(hub.site().replica(), stage.hub.site().replica());
    assert_ne!(epoch(&hub).await, epoch(&stage.hub).await);
    assert!(hub.site().document(gone).await.unwrap().is_none());
    assert!(device(&hub, lost).await.unwrap().revoked.is_some());
    assert!(
        device(&hub, late).await.unwrap().revoked.is_some(),
        "never heard of"
    );
    for file in names(&stage.path("new"))
        .into_iter()
        .filter(|name| name.starts_with("maison"))
    {
        assert!(!holds(&stage.path("new").join(file), "Canari"));
    }
    assert_eq!(
        Settings::read(&stage.path("new")).unwrap().recipients.len(),
        2
    );
}

#[tokio::test]
async fn a_ticket_that_waited_is_void_after_a_restore_and_a_revoked_key_joins_no_more() {
    let stage = Stage::new().await;
    let made = tickets::create(&stage.hub, "Portable 3".to_owned(), Vec::new(), None, 72);
    let ticket = Ticket::secret_hash(made.await.unwrap().secret.as_slice());
    let trade = |hub: Hub, hash: [u8; 32], n: u8| async move {
        let key = SigningKey::from_bytes(&[n; 32]).verifying_key();
        let job = move |tx: &rusqlite::Transaction<'_>| {
            tickets::trade(
                tx,
                &hash,
                replica_id(9),
                &key,
                Nonce([1; 16]),
                Timestamp(NOW.0 + 3000),
            )
        };
        hub.site().store().write(job).await.unwrap()
    };
    let path = stage.backup();
    stage.restore("new", &path).await.unwrap();
    let hub = stage.opened("new").await;
    assert_eq!(trade(hub.clone(), ticket, 5).await, Trade::Expired);
    let revoked = stage.join(1).await;
    stage.hub.revoke(revoked).await.unwrap();
    assert_eq!(trade(stage.hub.clone(), ticket, 1).await, Trade::Revoked);
}

#[tokio::test]
async fn a_restore_sets_the_data_of_today_aside_and_refuses_a_hub_that_serves() {
    let stage = Stage::new().await;
    let path = stage.backup();
    let later = stage.add("Cros").await;
    let today = fingerprint(&stage.hub).await;
    let held = Store::hold(&stage.data()).unwrap();
    let refused = stage.restore("hub", &path).await.unwrap_err();
    assert!(matches!(refused, BackupError::Ledger(LedgerError::Held(_))));
    assert_eq!(refused.exit(), shared::program::Exit::Unavailable);
    drop(held);
    let Stage { directory, hub } = stage;
    hub.close().await;
    let key = keys::read(&directory.path().join("paul.cle")).unwrap();
    let data = directory.path().join("hub");
    let clock = Clock::fixed(NOW);
    let restored = restore::restore(&data, From::Newest, key, clock, &mut |_, _, _| ()).await;
    let aside = restored.unwrap().aside.unwrap();
    let hub = Hub::open(&data, Clock::fixed(NOW)).await.unwrap();
    assert!(hub.site().document(later).await.unwrap().is_none());
    let restoration = hub.site().read(|c| Ok(returned::last(c)?)).await.unwrap();
    assert_eq!(restoration.unwrap().of, NOW);
    let old = Hub::open(&aside, Clock::fixed(NOW)).await.unwrap();
    assert_eq!(fingerprint(&old).await, today);
}

#[tokio::test]
async fn a_restore_that_fails_changes_nothing_and_leaves_nothing() {
    let stage = Stage::new().await;
    let path = stage.backup();
    let before = (names(&stage.data()), fingerprint(&stage.hub).await);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(stage.restore("hub", &path).await.is_err());
    fs::write(&path, whole).unwrap();
    keys::draw(&stage.data(), &stage.path("autre.cle")).unwrap();
    let key = keys::read(&stage.path("autre.cle")).unwrap();
    let from = From::Path(path.clone());
    let refused = restore::restore(
        &stage.data(),
        from,
        key,
        Clock::fixed(NOW),
        &mut |_, _, _| (),
    )
    .await;
    assert!(matches!(refused, Err(BackupError::WrongKey)));
    let mut after = names(&stage.data());
    after.retain(|name| name != "maison.lock");
    assert_eq!((after, fingerprint(&stage.hub).await), before);
}

#[tokio::test]
async fn a_backup_of_an_older_version_is_migrated_and_one_of_a_newer_is_refused() {
    let stage = Stage::new().await;
    let migrated = |number: u32, more: &'static str| {
        let sql = format!("{more}; UPDATE migration SET number = {number} WHERE module = 'desk'");
        let job =
            move |tx: &rusqlite::Transaction<'_>| Ok::<_, LedgerError>(tx.execute_batch(&sql)?);
        stage.hub.site().store().write(job)
    };
    migrated(0, "DROP TABLE sign_in").await.unwrap();
    let older = stage.path("older");
    fs::rename(stage.backup(), &older).unwrap();
    migrated(99, "SELECT 1").await.unwrap();
    let newer = stage.path("newer");
    fs::rename(stage.backup(), &newer).unwrap();
    stage.restore("new", &older).await.unwrap();
    assert_eq!(
        fingerprint(&stage.opened("new").await).await,
        fingerprint(&stage.hub).await
    );
    let refused = stage.restore("newest", &newer).await.unwrap_err();
    assert!(matches!(
        refused,
        BackupError::Ledger(LedgerError::Newer { found: 99, .. })
    ));
    assert!(!Store::exists(&stage.path("newest")));
}

#[tokio::test]
async fn a_database_is_backed_up_before_it_is_migrated_or_not_migrated() {
    let stage = Stage::new().await;
    let behind = |tx: &rusqlite::Transaction<'_>| {
        let sql = "DROP TABLE sign_in; UPDATE migration SET number = 0 WHERE module = 'desk'";
        Ok::<_, LedgerError>(tx.execute_batch(sql)?)
    };
    stage.hub.site().store().write(behind).await.unwrap();
    for name in ["one", "other"] {
        fs::remove_file(stage.path(name).join(".maison-sauvegardes")).unwrap();
    }
    let refused = Hub::open(&stage.data(), Clock::fixed(NOW)).await;
    assert!(matches!(refused, Err(HubError::NotBackedUp(_))));
    mark(&stage.path("one")).unwrap();
    Hub::open(&stage.data(), Clock::fixed(NOW)).await.unwrap();
    let saved = newest(&stage.data()).unwrap();
    assert_eq!(saved.manifest.schema["desk"], 0);
}

#[tokio::test]
async fn a_drill_restores_for_practice_notes_it_and_leaves_nothing() {
    let stage = Stage::new().await;
    assert!(matches!(stage.drill().await, Err(BackupError::NoBackup)));
    let path = stage.backup();
    assert_eq!(stage.drill().await.unwrap(), NAME_OF_BACKUP);
    let noted = State::read(&stage.data()).drill.unwrap();
    assert_eq!((noted.at, noted.failure), (NOW.0, None));
    assert!(!stage.data().join("sauvegardes/en-cours").exists());
    for place in ["one", "other"] {
        let path = stage.path(place).join(path.file_name().unwrap());
        let whole = fs::read(&path).unwrap();
        let mut altered = whole.clone();
        let last = altered.len() - 100;
        altered[last] ^= 1;
        fs::write(&path, altered).unwrap();
    }
    assert!(matches!(stage.drill().await, Err(BackupError::Damaged)));
    let noted = State::read(&stage.data()).drill.unwrap();
    assert!(noted.failure.unwrap().contains("abîmée"));
}
