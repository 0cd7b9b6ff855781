//! How far records have got, through whole exchanges.

use super::*;
use crate::domain::catalog::{Catalog, catalog_id};
use crate::exchange::backed_up::{self, Backup};
use crate::exchange::durability::{self, Durable, Reached};
use crate::ids::DocumentId;
use crate::ledger::changes;

impl Place {
    async fn reached(&self, id: impl Into<DocumentId>) -> Option<Reached> {
        let id = id.into();
        let read = self.site.read(move |c| Ok(durability::reached(c, id)?));
        read.await.unwrap()
    }

    async fn durable(&self) -> Durable {
        let read = self.site.read(|c| Ok(durability::durable(c)?));
        read.await.unwrap()
    }
}

#[tokio::test]
async fn a_record_is_on_this_laptop_only_until_the_hub_has_confirmed_all_of_it() {
    let (laptop, hub) = (place().await, hub().await);
    let (here, there) = (
        laptop.add_person("Cros").await,
        hub.add_person("Vidal").await,
    );
    assert_eq!(laptop.reached(here).await, Some(Reached::Laptop));
    assert_eq!(laptop.reached(there).await, None);
    let before = laptop.durable().await;
    assert_eq!((before.laptop, before.hub, before.receipt), (1, 0, None));

    exchange(&laptop, &hub).await;
    for id in [here, there] {
        assert_eq!(laptop.reached(id).await, Some(Reached::Hub));
        assert_eq!(hub.reached(id).await, Some(Reached::Hub));
    }
    laptop.rename(there, "Fabre").await;
    assert_eq!(laptop.reached(there).await, Some(Reached::Laptop));
    let durable = laptop.durable().await;
    assert_eq!((durable.laptop, durable.hub), (1, 1));
    assert_eq!(durable.receipt.unwrap().position, 2);
    let at_hub = hub.durable().await;
    assert_eq!((at_hub.laptop, at_hub.hub, at_hub.receipt), (0, 2, None));
}

#[tokio::test]
async fn what_the_hub_refused_is_on_this_laptop_only() {
    let (laptop, hub) = (place().await, hub().await);
    laptop
        .site
        .edit(catalog_id(), agent(), |catalog: &mut Catalog| {
            catalog.retention_months = Some(1);
        })
        .await
        .unwrap();
    assert_eq!(exchange(&laptop, &hub).await.refused, 1);
    assert_eq!(laptop.pending().await, Pending::default());
    assert_eq!(laptop.reached(catalog_id()).await, Some(Reached::Laptop));
    assert_eq!(laptop.durable().await.laptop, 1);
}

#[tokio::test]
async fn what_a_restored_hub_has_lost_is_on_the_laptop_only_until_it_has_it_again() {
    let (laptop, hub) = (place().await, hub().await);
    exchange(&laptop, &hub).await;
    let image = hub.image();
    let id = laptop.add_person("Cros").await;
    exchange(&laptop, &hub).await;
    drop(hub);
    let hub = open(image).await;
    // Cut further and further on: at some point the comparison has ended, and what the hub lacks has not arrived.
    let mut is_told = false;
    for up_max in (100..).step_by(50) {
        let line = Line {
            up_max,
            ..Line::default()
        };
        exchange_over(line, Caller::new(laptop.site.clone()), &laptop, &hub).await;
        if hub.reached(id).await.is_some() {
            break;
        }
        is_told |= laptop.reached(id).await == Some(Reached::Laptop);
    }
    assert!(is_told);
    exchange(&laptop, &hub).await;
    assert_eq!(laptop.reached(id).await, Some(Reached::Hub));
}

impl Place {
    /// At a hub: everything that it has by now is in a verified backup.
    async fn back_up(&self, at_ms: i64) {
        let backed_up = self.site.write(move |work| {
            let position = changes::last_seq(work.connection())?;
            Ok(backed_up::keep_own(
                work.connection(),
                Backup { position, at_ms },
            )?)
        });
        backed_up.await.unwrap();
    }
}

#[tokio::test]
async fn a_record_is_in_a_backup_once_that_reaches_all_of_it() {
    let (laptop, hub) = (place().await, hub().await);
    let (here, there) = (
        laptop.add_person("Cros").await,
        hub.add_person("Vidal").await,
    );
    exchange(&laptop, &hub).await;
    hub.back_up(1_000).await;
    let late = laptop.add_person("Fabre").await;
    laptop.rename(there, "Vidal-Cros").await;
    let safe = Reached::Backup(Timestamp(1_000));
    assert_eq!(hub.reached(there).await, Some(safe));
    assert_eq!(
        laptop.reached(here).await,
        Some(Reached::Hub),
        "not told yet"
    );

    exchange(&laptop, &hub).await;
    assert_eq!(laptop.reached(here).await, Some(safe));
    for place in [&laptop, &hub] {
        assert_eq!(place.reached(late).await, Some(Reached::Hub));
        assert_eq!(
            place.reached(there).await,
            Some(Reached::Hub),
            "since changed"
        );
        let durable = place.durable().await;
        assert_eq!((durable.hub, durable.backup), (3, 1));
    }
    assert_eq!(laptop.reached(late).await.unwrap().label(), "Au hub");

    hub.back_up(2_000).await;
    exchange(&laptop, &hub).await;
    for id in [here, there, late] {
        assert_eq!(
            laptop.reached(id).await,
            Some(Reached::Backup(Timestamp(2_000)))
        );
    }
    // One of the same is told of as well, once.
    let quiet = exchange(&laptop, &hub).await.bytes_down;
    hub.back_up(3_000).await;
    assert!(exchange(&laptop, &hub).await.bytes_down > quiet);
    assert_eq!(exchange(&laptop, &hub).await.bytes_down, quiet);
    assert_eq!(
        laptop.reached(late).await,
        Some(Reached::Backup(Timestamp(3_000)))
    );
    laptop.rename(here, "Cros-Vidal").await;
    assert_eq!(laptop.reached(here).await, Some(Reached::Laptop));
}

#[tokio::test]
async fn a_backup_of_another_life_of_the_hub_counts_for_nothing() {
    let (laptop, hub) = (place().await, hub().await);
    let id = laptop.add_person("Cros").await;
    exchange(&laptop, &hub).await;
    hub.back_up(1_000).await;
    exchange(&laptop, &hub).await;
    assert_eq!(
        laptop.reached(id).await,
        Some(Reached::Backup(Timestamp(1_000)))
    );
    let begin_anew = |work: &mut crate::site::Work<'_>| {
        position::renew_own_epoch(work.connection())?;
        Ok(())
    };
    hub.site.write(begin_anew).await.unwrap();
    assert_eq!(hub.reached(id).await, Some(Reached::Hub));
    exchange(&laptop, &hub).await;
    assert_eq!(laptop.reached(id).await, Some(Reached::Hub));
}
