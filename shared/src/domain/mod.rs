//! The domain: plain types and rules of the mobile Maison, to the letter of its service's own words.
//!
//! Pure: no clock, no randomness, no SQL, no socket, no Automerge. Time is an argument. The types serialise with
//! serde, which is how `document` lays them out: fields are optional, nothing is ever renamed or re-typed, a set is a
//! map of `true`, and a list is a map keyed by a fresh id.

pub mod activity;
pub mod age;
pub mod anomaly;
pub mod attendance;
pub mod beneficiary;
pub mod catalog;
mod code;
pub mod codes;
pub mod commune;
pub mod demande;
mod merge;
pub mod person;
pub mod registering;
pub mod resemblance;
pub mod search;
pub mod seats;
pub mod session;
