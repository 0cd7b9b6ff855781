//! The lease at the hub: lost answers, copies, old images, laptops of the first version, an older hub.

use super::*;
use crate::devices::DeviceState;

impl Laptop {
    /// The same disk once more: the same id, key, nonce and, if one has been drawn, trial.
    fn copy(&self) -> Self {
        Self {
            id: self.id,
            site: self.site.clone(),
            key: self.key.clone(),
            lease: self.lease,
            directory: Arc::clone(&self.directory),
        }
    }

    /// The same disk before a trial was drawn for the nonce, or with the one that was drawn after.
    fn with_own_trial(mut self) -> Self {
        self.lease.trial = Some(Trial::fresh().unwrap());
        self
    }
}

impl Stand {
    /// Sends an idle request; its answer is lost.
    async fn lost(&self, laptop: &Laptop) -> Seen {
        let body = laptop.request().await;
        let claim = laptop.sign(&body).to_header();
        self.post(EXCHANGE_PATH, Some(claim), body).await
    }

    async fn goes(&self, laptop: &mut Laptop) {
        let body = laptop.request().await;
        let seen = self.exchange(laptop, &body).await;
        assert_eq!(seen.status, StatusCode::OK);
    }

    /// Asks as a copy for this id; takes what the hub answers.
    async fn incarnate(&self, copy: &mut Laptop, id: ReplicaId) -> Seen {
        copy.lease.incarnation = Some(id);
        let seen = self.lost(copy).await;
        if seen.status == StatusCode::OK {
            copy.id = id;
            copy.lease.incarnation = None;
            copy.keep(seen.nonce.unwrap());
        }
        seen
    }

    async fn laptops(&self) -> Vec<DeviceState> {
        let site = self.hub.site();
        site.read(|c| Ok(devices::list(c)?)).await.unwrap()
    }
}

const STALE: (StatusCode, Reason) = (StatusCode::UNAUTHORIZED, Reason::Unsigned);

#[tokio::test]
async fn however_many_answers_are_lost_the_laptop_is_itself() {
    let stand = Stand::new().await;
    let mut laptop = stand.joined().await;
    for lost in 0..4 {
        for _ in 0..lost {
            assert_eq!(stand.lost(&laptop).await.status, StatusCode::OK);
        }
        stand.goes(&mut laptop).await;
    }
    assert_eq!(stand.laptops().await.len(), 1);
}

#[tokio::test]
async fn two_copies_used_in_turn_are_noticed_at_the_second_ones_first_request() {
    let stand = Stand::new().await;
    let mut one = stand.joined().await;
    stand.goes(&mut one).await;
    let mut two = one.copy().with_own_trial();
    stand.goes(&mut one).await;
    let seen = stand.lost(&two).await;
    assert_eq!(seen.reason(), STALE);
    let given = seen.nonce.unwrap();
    assert!(given.outruns(two.lease.nonce), "so it knows what it is");

    two.keep(given);
    let id = ReplicaId::fresh();
    let seen = stand.incarnate(&mut two, id).await;
    assert_eq!(seen.status, StatusCode::OK);
    for _ in 0..3 {
        stand.goes(&mut one).await;
        stand.goes(&mut two).await;
    }
    let laptops = stand.laptops().await;
    assert_eq!(laptops.len(), 2, "nobody else was taken for a copy");
    let copy = laptops.iter().find(|state| state.device.replica == id);
    let copy = &copy.unwrap().device;
    assert_eq!(copy.incarnation_of, Some(one.id));
    assert_eq!(copy.name, "Portable 1");
    let catalog = stand.hub.site().catalog().await.unwrap();
    assert_eq!(catalog.replicas[&id].name, "Portable 1");
}

#[tokio::test]
async fn a_copys_request_disturbs_nobody_and_may_be_sent_again_until_it_is_answered() {
    let stand = Stand::new().await;
    let mut one = stand.joined().await;
    let mut two = one.copy().with_own_trial();
    stand.goes(&mut one).await;
    two.keep(stand.lost(&two).await.nonce.unwrap());
    two.lease.incarnation = Some(ReplicaId::fresh());
    let first = stand.lost(&two).await;
    let again = stand.lost(&two).await;
    assert_eq!(
        (first.status, again.status),
        (StatusCode::OK, StatusCode::OK)
    );
    assert_eq!(first.nonce, again.nonce);
    // The laptop moves on twice meanwhile: the copy is given the newer nonce, and is still answered.
    stand.goes(&mut one).await;
    stand.goes(&mut one).await;
    let stale = stand.lost(&two).await;
    assert_eq!(stale.reason(), STALE);
    two.keep(stale.nonce.unwrap());
    let id = two.lease.incarnation.unwrap();
    assert_eq!(stand.incarnate(&mut two, id).await.nonce, first.nonce);
    stand.goes(&mut two).await;
    stand.goes(&mut one).await;

    // A copy of the copy, made before it was answered, asks for the same id: it must take another.
    let mut three = one.copy();
    let taken = stand.incarnate(&mut three, id).await;
    assert_eq!(
        taken.reason(),
        (StatusCode::CONFLICT, Reason::IncarnationTaken)
    );
    let seen = stand.incarnate(&mut three, ReplicaId::fresh()).await;
    assert_eq!(seen.status, StatusCode::OK);
    stand.goes(&mut three).await;
    assert_eq!(stand.laptops().await.len(), 3);
}

#[tokio::test]
async fn a_laptop_that_was_replaced_by_its_old_image_is_not_missed_until_it_is_heard_again() {
    let stand = Stand::new().await;
    let mut one = stand.joined().await;
    let mut image = one.copy().with_own_trial();
    stand.goes(&mut one).await;
    image.keep(stand.lost(&image).await.nonce.unwrap());
    stand.incarnate(&mut image, ReplicaId::fresh()).await;
    stand.goes(&mut image).await;
    let replaced = |laptops: Vec<DeviceState>| -> Vec<bool> {
        laptops.iter().map(|state| state.is_replaced).collect()
    };
    assert_eq!(replaced(stand.laptops().await), [false, true]);
    let site = stand.hub.site();
    let later = Timestamp(NOW.0 + 30 * 24 * HOUR_MS);
    let silent = site.read(move |c| Ok(devices::silent_since(c, later)?));
    assert_eq!(silent.await.unwrap(), (1, 1), "one laptop in all");

    stand.hub.site().clock().set(Timestamp(NOW.0 + HOUR_MS));
    stand.goes(&mut one).await;
    assert_eq!(replaced(stand.laptops().await), [false, false]);
}

#[tokio::test]
async fn revoking_a_laptop_revokes_its_copies_and_they_get_no_other_id() {
    let stand = Stand::new().await;
    let mut one = stand.joined().await;
    let mut two = one.copy().with_own_trial();
    stand.goes(&mut one).await;
    two.keep(stand.lost(&two).await.nonce.unwrap());
    stand.incarnate(&mut two, ReplicaId::fresh()).await;
    let (id, store) = (two.id, stand.hub.site().store());
    let revoked = store.write(move |tx| devices::revoke(tx, id, NOW));
    assert!(revoked.await.unwrap());
    let refused = (StatusCode::FORBIDDEN, Reason::LaptopRevoked);
    assert_eq!(stand.lost(&two).await.reason(), refused);
    assert_eq!(stand.lost(&one).await.reason(), refused);
    let seen = stand.incarnate(&mut one, ReplicaId::fresh()).await;
    assert_eq!(seen.reason(), refused);
}

#[tokio::test]
async fn a_laptop_of_the_first_version_is_believed_over_the_nonce_before() {
    let stand = Stand::new().await;
    let mut laptop = stand.joined().await;
    for _ in 0..3 {
        laptop.lease.trial = None;
        assert_eq!(stand.lost(&laptop).await.status, StatusCode::OK);
        stand.goes(&mut laptop).await;
    }
    // It is updated after an answer was lost.
    laptop.lease.trial = None;
    assert_eq!(stand.lost(&laptop).await.status, StatusCode::OK);
    stand.goes(&mut laptop.with_own_trial()).await;
}

#[tokio::test]
async fn a_new_ticket_gets_no_laptop_out_of_step() {
    let stand = Stand::new().await;
    let mut laptop = stand.joined().await;
    assert_eq!(stand.lost(&laptop).await.status, StatusCode::OK);
    // The answer to the ticket is lost as well.
    let ticket = stand.ticket().await;
    assert_eq!(stand.join(&ticket, &laptop).await.status, StatusCode::OK);
    assert_eq!(stand.lost(&laptop).await.status, StatusCode::OK);
    let again = stand.join(&ticket, &laptop).await;
    let joined: Joined = serde_json::from_slice(&again.body).unwrap();
    laptop.keep(Nonce::from_text(&joined.nonce).unwrap());
    stand.goes(&mut laptop).await;
}
