//! Receipts: kept with the data that they are for, and shown to a hub that has forgotten what it signed.

use ed25519_dalek::SigningKey;

use super::*;
use crate::domain::catalog::{Catalog, catalog_id};
use crate::exchange::position::{Epoch, Position};
use crate::exchange::receipt::{self, Receipt, Restored, Stand};
use crate::ids::DocumentId;
use crate::ledger::erasures::{self, Erasure};
use crate::ledger::{changes, hub_key};

impl Place {
    async fn receipt(&self) -> Option<Receipt> {
        self.site.read(|c| Ok(receipt::kept(c)?)).await.unwrap()
    }

    async fn position(&self) -> Position {
        let read = self.site.read(|c| Ok(position::position(c)?));
        read.await.unwrap()
    }

    /// Writes the catalog.
    async fn retain_for(&self, months: u16) {
        let change = move |catalog: &mut Catalog| catalog.retention_months = Some(months);
        let edited = self.site.edit(catalog_id(), agent(), change);
        edited.await.unwrap();
    }

    async fn epoch(&self) -> Option<Epoch> {
        let read = self.site.read(|c| Ok(position::own_epoch(c)?));
        read.await.unwrap()
    }

    async fn restored(&self) -> Option<Restored> {
        let read = self.site.read(|c| Ok(receipt::last_restored(c)?));
        read.await.unwrap()
    }

    async fn last(&self) -> i64 {
        let read = self.site.read(|c| Ok(changes::last_seq(c)?));
        read.await.unwrap()
    }
}

/// Laptops and a hub that agree on some people.
async fn agreed<const N: usize>() -> (Place, [Place; N]) {
    let hub = hub().await;
    for _ in 0..5 {
        hub.add_person("Vidal").await;
    }
    let mut laptops = Vec::new();
    for _ in 0..N {
        let laptop = place().await;
        assert!(exchange(&laptop, &hub).await.identical);
        laptops.push(laptop);
    }
    (hub, laptops.try_into().ok().unwrap())
}

#[tokio::test]
async fn a_laptop_keeps_a_receipt_for_where_it_was_proved_equal_and_is_given_none_twice() {
    let (hub, [laptop]) = agreed().await;
    let first = laptop.receipt().await.unwrap();
    assert_eq!(Some(first.epoch()), hub.epoch().await);
    assert_eq!((first.position, first.at()), (hub.last().await, NOW));
    let idle = exchange(&laptop, &hub).await;
    assert_eq!(laptop.receipt().await, Some(first));
    for writes in [&laptop, &hub] {
        writes.add_person("Cros").await;
        let report = exchange(&laptop, &hub).await;
        assert!(report.bytes_down > idle.bytes_down + 60, "{report:?}");
        let last = laptop.receipt().await.unwrap();
        assert_eq!(last.position, hub.last().await);
    }
    assert!(idle.bytes_up + idle.bytes_down < 130, "{idle:?}");
    let again = exchange(&laptop, &hub).await;
    let bytes = |report: &Report| report.bytes_up + report.bytes_down;
    assert!(bytes(&again).abs_diff(bytes(&idle)) < 8, "{again:?}");
}

#[tokio::test]
async fn a_receipt_that_was_cut_off_is_given_with_the_next_answer() {
    let (hub, [laptop]) = agreed().await;
    hub.add_person("Cros").await;
    let whole = exchange(&laptop, &hub).await;
    hub.add_person("Cros").await;
    let line = Line {
        down_max: usize::try_from(whole.bytes_down).unwrap() - 60,
        step: 1,
        ..Line::default()
    };
    exchange_over(line, Caller::new(laptop.site.clone()), &laptop, &hub).await;
    let kept = laptop.receipt().await.unwrap();
    assert_eq!(kept.position, hub.last().await - 1);
    exchange(&laptop, &hub).await;
    let kept = laptop.receipt().await.unwrap();
    assert_eq!(kept.position, hub.last().await);
}

#[tokio::test]
async fn a_hub_put_back_to_an_older_copy_notices_by_the_first_receipt_and_gets_everything_back() {
    for written_since in [0, 2, 9] {
        let (hub, laptops) = agreed::<3>().await;
        let image = hub.image();
        for laptop in &laptops {
            laptop.add_person("Cros").await;
            hub.add_person("Vidal").await;
            exchange(laptop, &hub).await;
        }
        exchange(&laptops[0], &hub).await;
        let (epoch, shown) = (hub.epoch().await, hub.last().await);
        drop(hub);
        let hub = open(image).await;
        // It gives the positions that it has forgotten to others.
        for _ in 0..written_since {
            hub.add_person("Fabre").await;
        }
        let held = hub.last().await;
        assert_eq!(hub.epoch().await, epoch);
        let report = exchange(&laptops[0], &hub).await;
        assert!(report.identical && report.reconciled, "{report:?}");
        assert!(report.hub_began_anew);
        let anew = hub.epoch().await;
        assert_ne!(anew, epoch);
        let restored = hub.restored().await.unwrap();
        assert_eq!((restored.shown, restored.held), (shown, held));
        assert_eq!(restored.laptop(), laptops[0].site.replica());
        for laptop in laptops.iter().chain(&laptops) {
            let report = exchange(laptop, &hub).await;
            assert!(report.identical, "{report:?}");
        }
        for laptop in &laptops {
            assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);
            assert_eq!(laptop.count().await, 5 + 6 + written_since);
            assert_eq!(laptop.position().await.epoch, anew);
            assert_eq!(laptop.receipt().await.unwrap().position, hub.last().await);
        }
        assert_eq!(hub.epoch().await, anew, "once");
    }
}

#[tokio::test]
async fn a_repair_that_is_cut_anywhere_still_shows_the_receipt() {
    let (hub, [laptop]) = agreed().await;
    let image = hub.image();
    for _ in 0..4 {
        laptop.add_person("Cros").await;
        hub.add_person("Vidal").await;
    }
    exchange(&laptop, &hub).await;
    let epoch = hub.epoch().await;
    drop(hub);
    let hub = open(image).await;
    for down_max in (0..).step_by(37) {
        let line = Line {
            down_max,
            ..Line::default()
        };
        let carried = exchange_over(line, Caller::new(laptop.site.clone()), &laptop, &hub).await;
        if !carried.is_cut {
            assert!(carried.report.identical);
            break;
        }
    }
    assert_ne!(hub.epoch().await, epoch);
    assert!(exchange(&laptop, &hub).await.identical);
    assert_eq!(laptop.count().await, 13);
}

#[tokio::test]
async fn nothing_but_this_hubs_own_signature_of_this_life_proves_anything() {
    let (hub, [laptop]) = agreed().await;
    let true_one = laptop.receipt().await.unwrap();
    let own = hub.site.read(|c| Ok(hub_key::own(c)?)).await.unwrap();
    let (own, other) = (own.unwrap(), SigningKey::from_bytes(&[1; 32]));
    let stand = Stand {
        hub: hub.site.replica(),
        epoch: hub.epoch().await.unwrap(),
        position: 1000,
        fingerprint: Fingerprint::default(),
        at: NOW,
        catalog: [0; 32],
    };
    let elsewhere = Stand {
        hub: laptop.site.replica(),
        ..stand
    };
    let another_life = Stand {
        epoch: Epoch([9; 16]),
        ..stand
    };
    let false_ones = [
        true_one,
        Receipt::sign(&stand, [1; 8], &other),
        Receipt::sign(&elsewhere, [1; 8], &own),
        Receipt::sign(&another_life, [1; 8], &own),
    ];
    let between = (hub.site.replica(), laptop.site.replica());
    let weigh = |receipt: Receipt| {
        let weighed = hub
            .site
            .write(move |work| Ok(receipt::weigh(work.connection(), &receipt, between, NOW)?));
        async { weighed.await.unwrap() }
    };
    for receipt in false_ones {
        assert!(!weigh(receipt).await, "{receipt:?}");
    }
    assert_eq!(hub.restored().await, None);
    let forgotten = Receipt::sign(&stand, [1; 8], &own);
    assert!(weigh(forgotten).await);
    assert!(!weigh(forgotten).await, "that was in another life");
}

#[tokio::test]
async fn what_was_erased_since_is_not_taken_for_forgotten() {
    let (hub, [laptop]) = agreed().await;
    let id = hub.add_person("Cros").await;
    exchange(&laptop, &hub).await;
    let receipt = laptop.receipt().await.unwrap();
    let erasure = Erasure {
        document: DocumentId::from(id),
        merged_into: None,
        at: NOW,
        by: agent(),
        reason: String::new(),
        signature: [0; 64],
    };
    let between = (hub.site.replica(), laptop.site.replica());
    let weighed = hub.site.write(move |work| {
        let c = work.connection();
        erasures::record(c, &erasure, 0)?;
        Ok(receipt::weigh(c, &receipt, between, NOW)?)
    });
    assert!(!weighed.await.unwrap());
}

#[tokio::test]
async fn a_laptop_that_joined_when_hubs_had_no_key_learns_it_and_believes_no_other() {
    let (hub, [laptop]) = agreed().await;
    let known = laptop.site.read(|c| Ok(hub_key::known(c)?)).await.unwrap();
    let own = hub.site.read(|c| Ok(hub_key::own(c)?)).await.unwrap();
    assert_eq!(known, own.map(|key| key.verifying_key()));

    let key = SigningKey::from_bytes(&[1; 32]);
    hub.site
        .write(move |work| {
            let c = work.connection();
            replica::set(c, "hub.signing_key", key.as_bytes())?;
            Ok(())
        })
        .await
        .unwrap();
    let before = laptop.receipt().await;
    hub.retain_for(9).await;
    assert!(exchange(&laptop, &hub).await.identical);
    assert_eq!(laptop.receipt().await, before);
    let still = laptop.site.read(|c| Ok(hub_key::known(c)?)).await.unwrap();
    assert_eq!(still, known);
}

#[tokio::test]
async fn what_a_hub_wrote_into_its_catalog_and_lost_comes_back_from_any_laptop_and_nothing_else_does()
 {
    let (hub, [one, two]) = agreed().await;
    hub.retain_for(1).await;
    exchange(&one, &hub).await;
    let image = hub.image();
    for months in 2..5 {
        hub.retain_for(months).await;
    }
    for laptop in [&one, &two] {
        exchange(laptop, &hub).await;
    }
    let lost = hub.fingerprint().await;
    drop(hub);
    let hub = open(image).await;
    // What it writes meanwhile is no part of what the receipt says, and is there when the rest comes back.
    hub.retain_for(9).await;
    for laptop in [&one, &two, &one] {
        let report = exchange(laptop, &hub).await;
        assert!(report.identical, "{report:?}");
        assert_eq!(report.refused, 0);
        assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);
    }
    assert_eq!(hub.count().await, lost.count + 1);

    // A laptop's own is refused, though the hub lacks it and the laptop shows a receipt.
    one.retain_for(99).await;
    let report = exchange(&one, &hub).await;
    assert_eq!((report.identical, report.refused), (true, 1));
    let (epoch, before) = (hub.epoch().await, hub.fingerprint().await);
    let renewed =
        |work: &mut crate::site::Work<'_>| Ok(position::renew_own_epoch(work.connection())?);
    hub.site.write(renewed).await.unwrap();
    two.add_person("Cros").await;
    for laptop in [&two, &one] {
        exchange(laptop, &hub).await;
    }
    assert_ne!(hub.epoch().await, epoch);
    assert_eq!(hub.count().await, before.count + 1);
    let catalog = hub.site.catalog().await.unwrap();
    assert_ne!(catalog.retention_months, Some(99));
}

#[tokio::test]
async fn only_the_very_changes_that_a_receipt_was_signed_for_are_vouched_for() {
    let (hub, [laptop]) = agreed().await;
    hub.retain_for(1).await;
    hub.retain_for(2).await;
    exchange(&laptop, &hub).await;
    let receipt = laptop.receipt().await.unwrap();
    let hashes = laptop
        .site
        .read(|c| Ok(receipt::catalog_hashes(c, i64::MAX)?));
    let hashes = hashes.await.unwrap();
    assert_eq!(hashes.len(), 64);
    let forged = SigningKey::from_bytes(&[1; 32]);
    let stand = Stand {
        hub: hub.site.replica(),
        epoch: receipt.epoch(),
        position: receipt.position,
        fingerprint: Fingerprint::default(),
        at: NOW,
        catalog: [7; 32],
    };
    let others = Receipt::sign(&stand, [1; 8], &forged);
    let more = [&hashes[..], &[9; 32]].concat();
    let asked = [
        (receipt, hashes.clone(), 2),
        (receipt, hashes[..32].to_vec(), 0),
        (receipt, hashes[..63].to_vec(), 0),
        (receipt, more, 0),
        (others, hashes, 0),
    ];
    for (receipt, catalog, expected) in asked {
        let id = hub.site.replica();
        let vouched = hub
            .site
            .read(move |c| Ok(receipt::vouched(c, &receipt, id, &catalog)?));
        assert_eq!(vouched.await.unwrap().len(), expected);
    }
}
