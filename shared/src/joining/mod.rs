//! Joining: how a laptop and a hub come to know each other, and how the hub knows who asks.
//!
//! 1. An administrator makes a [`ticket`] at the hub: the hub's addresses and a one-time secret, in letters that a
//!    person can copy. The hub keeps only the secret's SHA-256.
//! 2. The laptop draws an Ed25519 key, and trades the ticket for its registration with one [`messages::JoinRequest`].
//!    The same key may ask again (its answer was lost) and gets the same answer; another key is refused. The answer
//!    says the hub's own Ed25519 public key, by which the laptop knows what the hub signs.
//! 3. From then on every request bears a [`signature`] over the method, the path, the body and a nonce that the hub
//!    gave with its last answer. No clock takes part, so a laptop whose clock is years off is still known.
//! 4. That nonce is a [`lease`] as well: by it, copies of a laptop and old images of its disk are noticed, and get a
//!    replica id of their own.
//! 5. With its registration the laptop gets a [`letter`]: by it, a hub that was restored from a backup registers again
//!    those that joined since.
//!
//! Plain values and cryptography only: no socket, no store.

pub mod lease;
pub mod letter;
pub mod messages;
pub mod pin;
pub mod signature;
pub mod ticket;
