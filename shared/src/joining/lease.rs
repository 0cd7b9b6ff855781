//! The lease: how the hub tells a laptop from a copy of it, or from an old image of its disk.
//!
//! The hub gives a nonce with every answer, and the next request is signed over it. A nonce counts: its first bytes are
//! one more than those of the nonce before. For each nonce the laptop draws a *trial*, which is on its disk before the
//! first request over that nonce leaves, and which every request over that nonce bears. So the hub knows:
//!
//! ```text
//! request over                        trial     it is
//! the hub's current nonce             any       the laptop; the nonce moves on
//! the nonce before                    the same  the laptop, whose answer was lost; nothing moves
//! the nonce before                    another   somebody with an older disk: 401 with the current nonce
//! any other nonce                               401 with the current nonce
//! ```
//!
//! A laptop that is shown a *later* nonce than the one it kept is a copy or an old image: the laptop itself, with a
//! newer disk, has been there. One that is shown an *earlier* nonce sees that the hub is older than itself; it takes
//! the hub's nonce and goes on (what the hub lost, receipts and the exchange's proof find out).
//!
//! A copy draws a fresh replica id, its *incarnation*, keeps it, and asks under its old id to be called that from now
//! on; the hub registers it under the same key and name. The old id's nonce does not move, so the laptop that bears it
//! rightly notices nothing; the same request may be sent again until an answer comes. From then on what the old id
//! wrote is news to the copy: what an image had lost comes back by itself, and two copies no longer hide each other's
//! entries. No entry is ever refused for being a copy's.
//!
//! No crash makes a healthy laptop look like a copy. Its kept nonce is always the hub's current one or the one before:
//! the hub moves on only for a request over the current one, which nobody else sends; and if the answer is lost, the
//! trial is still on the disk when the laptop asks again, after a restart as well.
//!
//! Laptops of the first version bear no trial; over the nonce before they are believed as they were.

use data_encoding::BASE64URL_NOPAD;

use super::signature::Nonce;
use crate::ids::ReplicaId;

/// Drawn by a laptop for one nonce, on its disk before the first request over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial(pub [u8; 6]);

impl Trial {
    /// A fresh one.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn fresh() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 6];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Eight letters.
    #[must_use]
    pub fn to_text(self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }

    /// Reads [`Self::to_text`].
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

/// What a laptop signs a request over, besides the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The hub's last nonce that the laptop kept.
    pub nonce: Nonce,
    /// The trial that it drew for this nonce; none from a laptop of the first version.
    pub trial: Option<Trial>,
    /// Set by a copy: the replica id that it wants to bear from now on.
    pub incarnation: Option<ReplicaId>,
}

/// Bytes of a nonce that count; the others are random.
const COUNT_BYTES: usize = 4;

impl Nonce {
    /// The nonce that follows `before`, with the randomness of this fresh one.
    #[must_use]
    pub fn following(self, before: Self) -> Self {
        let mut bytes = self.0;
        bytes[..COUNT_BYTES].copy_from_slice(&before.count().wrapping_add(1).to_be_bytes());
        Self(bytes)
    }

    /// Whether this one shows, to whoever kept `kept`, that the laptop has been at the hub since: it was given later,
    /// or instead of it.
    #[must_use]
    pub fn outruns(self, kept: Self) -> bool {
        // Counts begin anywhere and wrap around; half of the circle is more exchanges than a laptop makes in its life.
        self != kept && self.count().wrapping_sub(kept.count()) <= u32::MAX / 2
    }

    fn count(self) -> u32 {
        let [a, b, c, d, ..] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_count_from_anywhere_and_around() {
        let first = Nonce([255; 16]);
        let second = Nonce([7; 16]).following(first);
        let third = Nonce([8; 16]).following(second);
        assert_eq!(second.0[..5], [0, 0, 0, 0, 7]);
        assert!(second.outruns(first) && third.outruns(first) && third.outruns(second));
        assert!(!first.outruns(second) && !first.outruns(third) && !first.outruns(first));
    }

    #[test]
    fn another_nonce_with_the_same_count_was_given_to_somebody_else() {
        let before = Nonce([3; 16]);
        let mine = Nonce([1; 16]).following(before);
        let others = Nonce([2; 16]).following(before);
        assert!(mine.outruns(others) && others.outruns(mine));
    }

    #[test]
    fn a_trial_travels_as_eight_letters() {
        let trial = Trial([255, 0, 1, 2, 3, 4]);
        assert_eq!(trial.to_text().len(), 8);
        assert_eq!(Trial::from_text(&trial.to_text()), Some(trial));
        for bad in ["", "é", "AAAA", "AAAAAAAAA"] {
            assert!(Trial::from_text(bad).is_none(), "{bad}");
        }
    }
}
