//! What a server knows of a request besides its content: where it comes from, whether the line is encrypted, whether the
//! program is about to stop; and how often one source may ask.
//!
//! The server puts an [`Arrival`] into the extensions of every request; a request that a test hands to a router has none.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::time::Timestamp;

/// Sources that are remembered at once: more than a territory has, less than memory notices.
const SOURCES_MAX: usize = 4096;

/// How a request came in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// From where.
    pub source: Source,
    /// Nobody reads along: TLS here, or a reverse proxy in front.
    pub is_encrypted: bool,
    stopping: watch::Receiver<bool>,
}

/// Where requests come from, as far as they are counted together: an IPv4 address, or the network of an IPv6 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

/// How often each source may do what costs something: `burst` times at once, then once every `every_ms`.
#[derive(Debug)]
pub struct Allowance {
    burst: i64,
    every_ms: i64,
    /// When each source will have its whole burst again, in milliseconds since 1970; gone by then.
    whole_at: Mutex<HashMap<Source, i64>>,
}

impl Arrival {
    /// A request that came in while `stopping` was false.
    #[must_use]
    pub fn new(source: Source, is_encrypted: bool, stopping: watch::Receiver<bool>) -> Self {
        Self {
            source,
            is_encrypted,
            stopping,
        }
    }

    /// Done when the program is told to stop: answers that never end by themselves end then.
    pub async fn stopping(&self) {
        let mut stopping = self.stopping.clone();
        // The server that is gone has stopped.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
}

impl Source {
    /// The source that an address belongs to. One household or machine has a whole /64 of IPv6 addresses.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self(Ipv6Addr::from_bits(network).into())
            }
        }
    }
}

impl Allowance {
    /// An allowance that nobody has used.
    #[must_use]
    pub fn new(burst: u32, every_ms: u32) -> Self {
        Self {
            burst: i64::from(burst),
            every_ms: i64::from(every_ms),
            whole_at: Mutex::default(),
        }
    }

    /// Takes once from what `source` may; false when it has nothing left.
    pub fn take(&self, source: Source, now: Timestamp) -> bool {
        let whole_ms = self.burst * self.every_ms;
        let mut all = self.lock();
        make_room(&mut all, now.0);
        let at = all.entry(source).or_insert(now.0);
        // A clock that was set back must not shut anybody out.
        *at = (*at).clamp(now.0, now.0 + whole_ms);
        let may = *at + self.every_ms <= now.0 + whole_ms;
        if may {
            *at += self.every_ms;
        }
        may
    }

    /// Gives back what was taken for something that turned out to be honest.
    pub fn give_back(&self, source: Source) {
        if let Some(at) = self.lock().get_mut(&source) {
            *at -= self.every_ms;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Source, i64>> {
        self.whole_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets sources that have their whole burst again; and, among too many that have not, the one that has it first.
fn make_room(all: &mut HashMap<Source, i64>, now_ms: i64) {
    if all.len() < SOURCES_MAX {
        return;
    }
    all.retain(|_, at| *at > now_ms);
    if all.len() >= SOURCES_MAX
        && let Some(first) = all
            .iter()
            .min_by_key(|(_, at)| **at)
            .map(|(source, _)| *source)
    {
        all.remove(&first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_681_500_000;

    fn source(n: u32) -> Source {
        Source::of(IpAddr::V4(n.into()))
    }

    fn taken(allowance: &Allowance, who: u32, at_ms: i64) -> usize {
        let take = || allowance.take(source(who), Timestamp(NOW + at_ms));
        (0..100).take_while(|_| take()).count()
    }

    #[test]
    fn a_source_has_a_burst_and_then_so_many_a_while() {
        let allowance = Allowance::new(5, 1_000);
        assert_eq!(taken(&allowance, 1, 0), 5);
        assert_eq!(taken(&allowance, 1, 999), 0);
        assert_eq!(taken(&allowance, 1, 3_000), 3);
        assert_eq!(taken(&allowance, 2, 3_000), 5, "others are not concerned");
        assert_eq!(taken(&allowance, 1, 1_000_000), 5);
    }

    #[test]
    fn what_is_given_back_may_be_taken_again() {
        let allowance = Allowance::new(2, 1_000);
        assert_eq!(taken(&allowance, 1, 0), 2);
        allowance.give_back(source(1));
        assert_eq!(taken(&allowance, 1, 0), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_shuts_nobody_out_for_long() {
        let allowance = Allowance::new(2, 1_000);
        assert_eq!(taken(&allowance, 1, 3_600_000), 2);
        assert_eq!(taken(&allowance, 1, 0), 0);
        assert_eq!(taken(&allowance, 1, 2_000), 2);
    }

    #[test]
    fn many_sources_are_forgotten_again() {
        let allowance = Allowance::new(2, 1_000);
        for n in 0..10_000 {
            assert!(allowance.take(source(n), Timestamp(NOW)));
        }
        assert_eq!(allowance.lock().len(), SOURCES_MAX);
        assert!(allowance.take(source(1), Timestamp(NOW + 60_000)));
        assert_eq!(allowance.lock().len(), 1);
    }

    #[test]
    fn addresses_of_one_network_are_one_source() {
        let of = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
        assert_ne!(of("192.0.2.7"), of("192.0.2.8"));
    }
}
