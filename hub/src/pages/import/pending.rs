//! Previews that wait for somebody's decision, in memory: the file itself is kept nowhere, on disk least of all.
//!
//! One for each sign-in, a few in all, for half an hour. Whoever asks later chooses the file again.

use std::sync::{Mutex, PoisonError};

use shared::desk::sign_in::TokenHash;
use shared::time::Timestamp;
use uuid::Uuid;

use crate::import::Preview;

/// Previews kept at the same time: ten thousand lines each, some 5 MB of memory.
const KEPT_MAX: usize = 4;
/// How long a decision may take: time for a call about a doubtful line.
const KEPT_MS: i64 = 30 * 60 * 1000;

/// A preview that waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    /// Name of the file, as the browser told it.
    pub(super) file: String,
    /// What it holds.
    pub(super) preview: std::sync::Arc<Preview>,
    token: Uuid,
    owner: TokenHash,
    since: Timestamp,
}

/// All that wait, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<Vec<Waiting>>);

impl Pending {
    /// Keeps a preview for `owner` and gives the token that its address holds.
    pub(super) fn keep(
        &self,
        owner: TokenHash,
        file: String,
        preview: Preview,
        now: Timestamp,
    ) -> Uuid {
        let token = Uuid::new_v4();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|waiting| waiting.owner != owner && waiting.is_fresh(now));
        if all.len() >= KEPT_MAX {
            all.remove(0);
        }
        all.push(Waiting {
            file,
            preview: std::sync::Arc::new(preview),
            token,
            owner,
            since: now,
        });
        token
    }

    /// The preview behind a token, if it is this sign-in's and not too old.
    pub(super) fn find(&self, token: Uuid, owner: TokenHash, now: Timestamp) -> Option<Waiting> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().find(|waiting| waiting.token == token);
        found
            .filter(|waiting| waiting.owner == owner && waiting.is_fresh(now))
            .cloned()
    }

    /// The same, once only: a second press of the button finds nothing.
    pub(super) fn take(&self, token: Uuid, owner: TokenHash, now: Timestamp) -> Option<Waiting> {
        let found = self.find(token, owner, now);
        if found.is_some() {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|waiting| waiting.token != token);
        }
        found
    }
}

impl Waiting {
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.0 - self.since.0 < KEPT_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_681_500_000);
    const OWNER: TokenHash = [1; 32];

    fn keep(pending: &Pending, owner: TokenHash, at: Timestamp) -> Uuid {
        let preview = Preview { lines: Vec::new() };
        pending.keep(owner, "a.csv".to_owned(), preview, at)
    }

    #[test]
    fn only_the_sign_in_that_brought_the_file_finds_it_for_half_an_hour() {
        let pending = Pending::default();
        let token = keep(&pending, OWNER, NOW);
        assert!(pending.find(token, OWNER, NOW).is_some());
        assert!(pending.find(token, [2; 32], NOW).is_none());
        assert!(pending.find(Uuid::nil(), OWNER, NOW).is_none());
        let late = Timestamp(NOW.0 + KEPT_MS);
        assert!(pending.find(token, OWNER, late).is_none());
    }

    #[test]
    fn a_preview_is_taken_once_and_replaced_by_the_next() {
        let pending = Pending::default();
        let first = keep(&pending, OWNER, NOW);
        let second = keep(&pending, OWNER, NOW);
        assert!(pending.take(first, OWNER, NOW).is_none());
        assert!(pending.take(second, OWNER, NOW).is_some());
        assert!(pending.take(second, OWNER, NOW).is_none());
    }

    #[test]
    fn the_oldest_makes_room() {
        let pending = Pending::default();
        let owners = (0..=KEPT_MAX).map(|n| [n as u8; 32]);
        let tokens: Vec<_> = owners
            .map(|owner| (keep(&pending, owner, NOW), owner))
            .collect();
        let found = |(token, owner): (Uuid, TokenHash)| pending.find(token, owner, NOW).is_some();
        assert!(!found(tokens[0]));
        assert!(tokens[1..].iter().copied().all(found));
    }
}
