//! How far records have got, through whole exchanges.

use super::*;
use crate::domain::catalog::{Catalog, catalog_id};
use crate::exchange::durability::{self, Durable, Reached};
use crate::ids::DocumentId;

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
