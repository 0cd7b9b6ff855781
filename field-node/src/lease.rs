//! The lease on the laptop's disk: nonce, trial, and what the laptop does when it is shown that it is a copy.
//!
//! Why it is done so stands in `shared::joining::lease`. Every step here is one transaction, and each state that a
//! crash can leave is one from which the next request goes on. The nonce of an answer is kept as soon as its head has
//! come, before any data: the data have positions of their own, and a nonce that was kept is never an older one.

use rusqlite::Connection;
use shared::ids::ReplicaId;
use shared::joining::lease::{Lease, Trial};
use shared::joining::signature::Nonce;
use shared::ledger::{LedgerError, replica};
use shared::time::Timestamp;

const NONCE: &str = "laptop.nonce";
const TRIAL: &str = "laptop.trial";
/// The replica id that this laptop, a copy, has asked to bear.
const INCARNATION: &str = "laptop.incarnation";
/// The replica id under which it was registered with its ticket, where it now bears another.
pub(crate) const REGISTERED_AS: &str = "laptop.registered_as";
const COPY_NOTICED: &str = "laptop.copy_noticed";

/// Who signs the next request, and over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signing {
    /// The replica id that the hub knows.
    pub(crate) replica: ReplicaId,
    /// The nonce, or one that will be refused with the right one, with its trial and incarnation.
    pub(crate) lease: Lease,
    /// Whether the nonce was given by the hub.
    pub(crate) is_given: bool,
}

/// What the laptop does about an answer that did not let its request through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask again over this nonce.
    Again(Nonce),
    /// It is a copy: ask again over this nonce for an id of its own.
    BeCopy(Nonce),
    /// It has become a copy of a laptop that the hub has forgotten: ask again under the id that it was registered as.
    AsRegistered,
    /// Somebody bears the id that it asked for: ask again for another.
    AnotherIncarnation,
    /// It is refused.
    GiveUp,
}

/// After a request over `signing` was answered 401 with the hub's current nonce.
pub(crate) fn after_stale(signing: &Signing, given: Nonce) -> Step {
    let is_first = signing.lease.incarnation.is_some() || !signing.is_given;
    if given == signing.lease.nonce {
        // It is not the nonce that the hub finds wrong.
        Step::GiveUp
    } else if given.outruns(signing.lease.nonce) && !is_first {
        Step::BeCopy(given)
    } else {
        // The first request of all, a copy's that was overtaken, or a hub older than this laptop.
        Step::Again(given)
    }
}

/// What the next request is signed over. A trial that is not on the disk yet is drawn from `fresh` and kept: this must
/// be committed before the request leaves.
pub(crate) fn signing(connection: &Connection, fresh: Trial) -> Result<Signing, LedgerError> {
    let incarnation = id_under(connection, INCARNATION)?;
    let own = replica::id(connection)?;
    let replica = match (incarnation, id_under(connection, REGISTERED_AS)?) {
        // Where it asks for the id that it bears already, the hub has forgotten that one.
        (Some(incarnation), Some(registered)) if incarnation == own => registered,
        _ => own,
    };
    let nonce = bytes_under(connection, NONCE)?.map(Nonce);
    let trial = match bytes_under(connection, TRIAL)?.map(Trial) {
        Some(trial) => trial,
        None => {
            replica::set(connection, TRIAL, &fresh.0)?;
            fresh
        }
    };
    Ok(Signing {
        replica,
        lease: Lease {
            nonce: nonce.unwrap_or(Nonce([0; 16])),
            trial: Some(trial),
            incarnation,
        },
        is_given: nonce.is_some(),
    })
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is taken: ask again.
    Again,
    /// Another process of this laptop has spoken with the hub meanwhile: ask again as things now stand.
    Overtaken,
    /// There is nothing to be done.
    Not,
}

/// Takes a step that follows from the refusal of a request over `signing`; `fresh` is for a copy.
pub(crate) fn take(
    connection: &Connection,
    signing: &Signing,
    step: Step,
    fresh: ReplicaId,
    at: Timestamp,
) -> Result<Taken, LedgerError> {
    if step == Step::GiveUp {
        return Ok(Taken::Not);
    }
    if !still_stands(connection, signing)? {
        return Ok(Taken::Overtaken);
    }
    match step {
        Step::Again(nonce) => keep(connection, nonce)?,
        Step::BeCopy(nonce) => {
            keep(connection, nonce)?;
            replica::set_number(connection, COPY_NOTICED, at.0)?;
            replica::set(connection, INCARNATION, fresh.as_bytes())?;
        }
        Step::AnotherIncarnation => replica::set(connection, INCARNATION, fresh.as_bytes())?,
        Step::AsRegistered if !ask_as_registered(connection)? => return Ok(Taken::Not),
        Step::AsRegistered | Step::GiveUp => {}
    }
    Ok(Taken::Again)
}

/// Keeps the nonce of the answer to a request over `signing`; a copy whose request was let through bears its own id
/// from now on. False when another process has spoken with the hub meanwhile: what it kept is newer.
pub(crate) fn keep_answer(
    connection: &Connection,
    signing: &Signing,
    is_let_through: bool,
    nonce: Nonce,
) -> Result<bool, LedgerError> {
    if !still_stands(connection, signing)? {
        return Ok(false);
    }
    match signing.lease.incarnation {
        None => keep(connection, nonce)?,
        Some(incarnation) if is_let_through => bear(connection, incarnation, nonce)?,
        // The nonce is for an id that it does not bear yet.
        Some(_) => {}
    }
    Ok(true)
}

/// Whether the next request would be signed by the same laptop and over the same nonce.
fn still_stands(connection: &Connection, signing: &Signing) -> Result<bool, LedgerError> {
    let nonce = bytes_under(connection, NONCE)?.map(Nonce);
    let given = signing.is_given.then_some(signing.lease.nonce);
    Ok(nonce == given && id_under(connection, INCARNATION)? == signing.lease.incarnation)
}

/// Keeps a nonce for the next request, which will draw a trial for it; nothing where it is kept already.
pub(crate) fn keep(connection: &Connection, nonce: Nonce) -> Result<(), LedgerError> {
    if bytes_under(connection, NONCE)? == Some(nonce.0) {
        return Ok(());
    }
    replica::set(connection, NONCE, &nonce.0)?;
    replica::forget(connection, TRIAL)
}

/// Makes the next request ask for the id that this laptop bears, under the one that it was registered as; false where
/// that is the same, or has been tried.
fn ask_as_registered(connection: &Connection) -> Result<bool, LedgerError> {
    let own = replica::id(connection)?;
    let is_copy = id_under(connection, REGISTERED_AS)?.is_some_and(|id| id != own)
        && id_under(connection, INCARNATION)? != Some(own);
    if is_copy {
        replica::set(connection, INCARNATION, own.as_bytes())?;
        replica::forget(connection, NONCE)?;
    }
    Ok(is_copy)
}

/// After a hub that had forgotten this laptop has registered it again under the id that it bears.
pub(crate) fn registered_again(connection: &Connection, nonce: Nonce) -> Result<(), LedgerError> {
    replica::forget(connection, REGISTERED_AS)?;
    replica::forget(connection, INCARNATION)?;
    keep(connection, nonce)
}

fn bear(connection: &Connection, incarnation: ReplicaId, nonce: Nonce) -> Result<(), LedgerError> {
    if id_under(connection, REGISTERED_AS)?.is_none() {
        let former = replica::id(connection)?;
        replica::set(connection, REGISTERED_AS, former.as_bytes())?;
    }
    replica::set_id(connection, incarnation)?;
    replica::forget(connection, INCARNATION)?;
    keep(connection, nonce)
}

/// Makes this laptop, whose database was saved from a damaged one, ask for an id of its own: what it has lost of what it
/// wrote is then news to it.
pub(crate) fn begin_anew(
    connection: &Connection,
    incarnation: ReplicaId,
) -> Result<(), LedgerError> {
    replica::set(connection, INCARNATION, incarnation.as_bytes())
}

/// When this laptop was last noticed to be a copy or an old image, if ever.
///
/// # Errors
/// When the row is damaged.
pub fn copy_noticed(connection: &Connection) -> Result<Option<Timestamp>, LedgerError> {
    match replica::number(connection, COPY_NOTICED)? {
        0 => Ok(None),
        at => Ok(Some(Timestamp(at))),
    }
}

fn id_under(connection: &Connection, key: &'static str) -> Result<Option<ReplicaId>, LedgerError> {
    let bytes: Option<[u8; 16]> = bytes_under(connection, key)?;
    Ok(bytes.map(|bytes| ReplicaId(uuid::Uuid::from_bytes(bytes))))
}

fn bytes_under<const N: usize>(
    connection: &Connection,
    key: &'static str,
) -> Result<Option<[u8; N]>, LedgerError> {
    let bytes = replica::get(connection, key)?;
    bytes
        .map(|bytes| bytes.try_into().map_err(|_| LedgerError::Damaged(key)))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_681_500_000);

    /// What the hub does with a request, as `maison-hub` does it.
    #[derive(Clone)]
    struct Hub {
        nonce: Nonce,
        before: Option<(Nonce, Trial)>,
        drawn: u8,
    }

    impl Hub {
        fn new() -> Self {
            Self {
                nonce: Nonce([250; 16]),
                before: None,
                drawn: 0,
            }
        }

        /// The nonce of the answer, or of the refusal.
        fn answer(&mut self, lease: &Lease) -> Result<Nonce, Nonce> {
            let used = (lease.nonce, lease.trial.unwrap());
            if used.0 == self.nonce {
                self.drawn += 1;
                self.before = Some(used);
                self.nonce = Nonce([self.drawn; 16]).following(self.nonce);
            }
            if self.before == Some(used) {
                Ok(self.nonce)
            } else {
                Err(self.nonce)
            }
        }
    }

    fn disk() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE replica (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT",
            )
            .unwrap();
        replica::set_id(&connection, ReplicaId::fresh()).unwrap();
        connection
    }

    fn image(of: &Connection) -> Connection {
        let image = disk();
        let mut rows = of.prepare("SELECT key, value FROM replica").unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        for row in rows.unwrap() {
            let (key, value): (String, Vec<u8>) = row.unwrap();
            replica::set(&image, &key, &value).unwrap();
        }
        image
    }

    fn sign(disk: &Connection) -> Signing {
        signing(disk, Trial::fresh().unwrap()).unwrap()
    }

    /// One exchange that comes to its end, or what follows from its refusal.
    fn exchange(disk: &Connection, hub: &mut Hub) -> Option<Step> {
        let signing = sign(disk);
        match hub.answer(&signing.lease) {
            Ok(given) => {
                keep(disk, given).unwrap();
                None
            }
            Err(given) => Some(after_stale(&signing, given)),
        }
    }

    /// A laptop and a hub that know each other.
    fn pair() -> (Connection, Hub) {
        let (disk, mut hub) = (disk(), Hub::new());
        let Some(Step::Again(given)) = exchange(&disk, &mut hub) else {
            panic!("the first nonce is asked for");
        };
        keep(&disk, given).unwrap();
        assert_eq!(exchange(&disk, &mut hub), None);
        (disk, hub)
    }

    /// Every order of five attempts, each of which a crash or a cut stops: before its trial is kept, before the
    /// request arrives, before the answer's nonce is kept, or not at all. Nothing but the disk is remembered.
    #[test]
    fn no_crash_and_no_lost_answer_makes_a_healthy_laptop_look_like_a_copy() {
        for mut order in 0..4_u32.pow(5) {
            let (disk, mut hub) = pair();
            for _ in 0..5 {
                let stopped_at = order % 4;
                order /= 4;
                if stopped_at == 0 {
                    continue;
                }
                let signing = sign(&disk);
                if stopped_at == 1 {
                    continue;
                }
                let given = hub.answer(&signing.lease).expect("it is itself");
                if stopped_at == 3 {
                    keep(&disk, given).unwrap();
                }
            }
            assert_eq!(exchange(&disk, &mut hub), None);
        }
    }

    #[test]
    fn a_copy_is_noticed_however_few_exchanges_it_missed() {
        for missed in 1..5 {
            let (one, mut hub) = pair();
            let two = image(&one);
            for _ in 0..missed {
                assert_eq!(exchange(&one, &mut hub), None);
            }
            let noticed = exchange(&two, &mut hub);
            assert!(matches!(noticed, Some(Step::BeCopy(_))), "{missed}");
            assert_eq!(exchange(&one, &mut hub), None, "the other is itself");
        }
    }

    #[test]
    fn a_hub_older_than_the_laptop_is_followed_and_nobody_is_a_copy() {
        let (disk, mut hub) = pair();
        let older = hub.clone();
        for _ in 0..3 {
            assert_eq!(exchange(&disk, &mut hub), None);
        }
        let mut hub = older;
        let Some(Step::Again(given)) = exchange(&disk, &mut hub) else {
            panic!("taken for a copy");
        };
        keep(&disk, given).unwrap();
        assert_eq!(exchange(&disk, &mut hub), None);
    }

    fn taken(disk: &Connection, signing: &Signing, step: Step) -> Taken {
        take(disk, signing, step, ReplicaId::fresh(), NOW).unwrap()
    }

    #[test]
    fn a_copy_asks_for_the_same_id_until_it_bears_it() {
        let (disk, mut hub) = pair();
        let former = replica::id(&disk).unwrap();
        let given = Nonce([8; 16]).following(hub.nonce);
        assert_eq!(
            taken(&disk, &sign(&disk), Step::BeCopy(given)),
            Taken::Again
        );
        let signing = sign(&disk);
        let id = signing.lease.incarnation.unwrap();
        assert_eq!((signing.replica, signing.lease.nonce), (former, given));
        hub.nonce = Nonce([9; 16]).following(given);
        let overtaken = after_stale(&signing, hub.nonce);
        assert_eq!(overtaken, Step::Again(hub.nonce), "and not for another");
        assert_eq!(taken(&disk, &signing, overtaken), Taken::Again);
        let signing = sign(&disk);
        assert_eq!(signing.lease.incarnation, Some(id));
        assert!(keep_answer(&disk, &signing, false, Nonce([7; 16])).unwrap());
        assert_eq!(sign(&disk), signing, "the hub could not answer");
        assert!(keep_answer(&disk, &signing, true, Nonce([1; 16])).unwrap());
        let signing = sign(&disk);
        assert_eq!((signing.replica, signing.lease.incarnation), (id, None));
        assert_eq!(copy_noticed(&disk).unwrap(), Some(NOW));

        // A hub that has forgotten the copy's id is asked under the one that it gave a ticket to.
        assert_eq!(taken(&disk, &signing, Step::AsRegistered), Taken::Again);
        let signing = sign(&disk);
        assert_eq!(
            (signing.replica, signing.lease.incarnation),
            (former, Some(id))
        );
        assert_eq!(
            taken(&disk, &signing, Step::AsRegistered),
            Taken::Not,
            "once"
        );
        assert!(keep_answer(&disk, &signing, true, Nonce([2; 16])).unwrap());
        assert_eq!(sign(&disk).replica, id);
    }

    #[test]
    fn a_request_that_waited_while_another_process_exchanged_makes_nobody_a_copy() {
        let (disk, mut hub) = pair();
        let waiting = sign(&disk);
        let answered = hub.answer(&waiting.lease).unwrap();
        for _ in 0..2 {
            assert_eq!(exchange(&disk, &mut hub), None);
        }
        let before = sign(&disk);
        assert!(!keep_answer(&disk, &waiting, true, answered).unwrap());
        // The same where the request that waited came to the hub after the others.
        let step = after_stale(&waiting, hub.nonce);
        assert_eq!(taken(&disk, &waiting, step), Taken::Overtaken);
        assert_eq!(sign(&disk), before);
    }
}
