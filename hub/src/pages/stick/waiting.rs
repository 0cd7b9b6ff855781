//! Return files that wait to be fetched: on the disk without a name, so that none stays behind.
//!
//! A few in all, for whoever received the laptop's file, for an hour.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use shared::desk::sign_in::TokenHash;
use shared::time::Timestamp;
use uuid::Uuid;

use crate::opened::Hub;
use crate::stick::{self, Received};

/// Return files kept at the same time: more than there are laptops in a territory.
const KEPT_MAX: usize = 16;
/// How long one is kept.
const KEPT_MS: i64 = 60 * 60 * 1000;

/// A return file that waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    /// The laptop's name.
    pub(super) laptop: String,
    /// What was taken, in a sentence.
    pub(super) taken: String,
    /// How many changes were refused.
    pub(super) refused: u64,
    /// Whether the return file holds everything that the hub has.
    pub(super) is_whole: bool,
    /// What the return file is called.
    pub(super) file_name: String,
    /// The return file.
    pub(super) file: Arc<File>,
}

impl Waiting {
    pub(super) fn of(received: Received, hub: &Hub) -> Self {
        Self {
            taken: stick::sentence(&received),
            refused: received.taken.refused,
            is_whole: received.taken.is_whole,
            file_name: received.return_name(hub),
            laptop: received.name,
            file: Arc::new(received.return_file),
        }
    }
}

/// All that wait, oldest first.
#[derive(Debug, Default)]
pub(super) struct Returns(Mutex<Vec<Kept>>);

#[derive(Debug)]
struct Kept {
    token: Uuid,
    owner: TokenHash,
    since: Timestamp,
    waiting: Waiting,
}

impl Returns {
    /// Keeps a return file for `owner` and gives the token that its address holds.
    pub(super) fn keep(&self, waiting: Waiting, owner: TokenHash, now: Timestamp) -> Uuid {
        let token = Uuid::new_v4();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| kept.is_fresh(now));
        if all.len() >= KEPT_MAX {
            all.remove(0);
        }
        all.push(Kept {
            token,
            owner,
            since: now,
            waiting,
        });
        token
    }

    /// The return file behind a token, if it is this sign-in's and not too old.
    pub(super) fn find(&self, token: Uuid, owner: TokenHash, now: Timestamp) -> Option<Waiting> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().find(|kept| kept.token == token);
        found
            .filter(|kept| kept.owner == owner && kept.is_fresh(now))
            .map(|kept| kept.waiting.clone())
    }
}

impl Kept {
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.0 - self.since.0 < KEPT_MS
    }
}
