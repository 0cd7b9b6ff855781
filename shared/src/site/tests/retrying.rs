//! What was set aside is tried again by another version of the program, once, or when somebody asks.

use super::*;
use crate::ledger::quarantine::Again;
use crate::site::Retried;

/// A site where a change waits that a program before this one did not understand, and nonsense.
async fn upgraded() -> (Place, Place) {
    let (one, two) = (place().await, place().await);
    add_person(&one.site, "Paul", "Cros", "").await;
    let mut batch = changes_of(&one.site).await;
    batch[0].kind = 99;
    let nonsense = Foreign {
        bytes: b"nonsense".to_vec(),
        ..batch[0].clone()
    };
    batch.push(nonsense);
    let origin = one.site.replica();
    two.site
        .write(move |work| {
            work.receive(origin, batch, |_| true)?;
            // The kind becomes one that this program knows, as if the other one had not.
            let sql = "UPDATE quarantine SET kind = ?1, program = '0.0.9'";
            work.connection().execute(sql, [Kind::Person.number()])?;
            Ok(())
        })
        .await
        .unwrap();
    (one, two)
}

#[tokio::test]
async fn what_an_older_program_set_aside_is_tried_again_once() {
    let (one, two) = upgraded().await;
    let retry = || two.site.retry_quarantine(Again::OtherVersions, |_| true);
    let expected = Retried {
        released: 1,
        kept: 1,
    };
    assert_eq!(retry().await.unwrap(), expected);
    assert_eq!(names(&two.site, "").await, ["Paul CROS"]);
    assert_eq!(fingerprint(&one.site).await, fingerprint(&two.site).await);
    let left = two.site.read(|c| Ok(quarantine::list(c, 9)?));
    assert_eq!(left.await.unwrap().len(), 1);
    assert_eq!(
        retry().await.unwrap(),
        Retried::default(),
        "never in a loop"
    );
    let asked = two.site.retry_quarantine(Again::All, |_| true).await;
    assert_eq!(
        asked.unwrap(),
        Retried {
            released: 0,
            kept: 1
        }
    );
}

#[tokio::test]
async fn who_may_not_write_still_may_not_when_it_is_tried_again() {
    let (_one, two) = upgraded().await;
    let retried = two
        .site
        .retry_quarantine(Again::All, |kind| kind != Kind::Person)
        .await;
    assert_eq!(
        retried.unwrap(),
        Retried {
            released: 0,
            kept: 2
        }
    );
    assert!(names(&two.site, "").await.is_empty());
}
