//! The fingerprint of a set of changes: their count and the sum of their hashes.
//!
//! A sum modulo 2^256 does not depend on order and can be kept up to date change by change. It tells equal sets from
//! different ones among sites that are honest; it is no signature.

use std::fmt;

/// Count, and sum modulo 2^256, of the hashes of a set of changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many changes.
    pub count: u64,
    /// Sum of their hashes, big-endian.
    pub sum: [u8; 32],
}

impl Fingerprint {
    /// Adds one change.
    pub fn add(&mut self, hash: &[u8; 32]) {
        self.count = self.count.wrapping_add(1);
        let mut carry = 0u16;
        for (digit, other) in self.sum.iter_mut().zip(hash).rev() {
            let total = u16::from(*digit) + u16::from(*other) + carry;
            *digit = total.to_le_bytes()[0];
            carry = total >> 8;
        }
    }

    /// Takes one change out.
    pub fn subtract(&mut self, hash: &[u8; 32]) {
        self.count = self.count.wrapping_sub(1);
        let mut borrow = 0i16;
        for (digit, other) in self.sum.iter_mut().zip(hash).rev() {
            let total = i16::from(*digit) - i16::from(*other) - borrow;
            borrow = i16::from(total < 0);
            *digit = total.to_le_bytes()[0];
        }
    }

    /// Adds another set, of which this one has nothing.
    pub fn merge(&mut self, other: &Self) {
        let count = self.count.wrapping_add(other.count);
        self.add(&other.sum);
        self.count = count;
    }

    /// Takes out another set, all of which this one has.
    pub fn remove(&mut self, other: &Self) {
        let count = self.count.wrapping_sub(other.count);
        self.subtract(&other.sum);
        self.count = count;
    }

    /// The 40 bytes under which it is kept and sent: count, then sum, big-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..8].copy_from_slice(&self.count.to_be_bytes());
        bytes[8..].copy_from_slice(&self.sum);
        bytes
    }

    /// Reads [`Self::to_bytes`] back; `None` when there are not 40 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 40] = bytes.try_into().ok()?;
        let (count, sum) = bytes.split_at(8);
        Some(Self {
            count: u64::from_be_bytes(count.try_into().ok()?),
            sum: sum.try_into().ok()?,
        })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}-{}",
            self.count,
            data_encoding::HEXLOWER.encode(&self.sum)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_subtraction_undoes() {
        let (a, b, c) = ([0xff; 32], [0x80; 32], [7; 32]);
        let mut one = Fingerprint::default();
        let mut other = Fingerprint::default();
        [a, b, c].iter().for_each(|hash| one.add(hash));
        [c, a, b].iter().for_each(|hash| other.add(hash));
        assert_eq!(one, other);
        [b, c, a].iter().for_each(|hash| one.subtract(hash));
        assert_eq!(one, Fingerprint::default());
        assert_ne!(one, other);
        one.merge(&other);
        assert_eq!(one, other);
        one.remove(&other);
        assert_eq!(one, Fingerprint::default());
    }

    #[test]
    fn bytes_return() {
        let mut fingerprint = Fingerprint::default();
        fingerprint.add(&[9; 32]);
        assert_eq!(
            Fingerprint::from_bytes(&fingerprint.to_bytes()),
            Some(fingerprint)
        );
        assert_eq!(Fingerprint::from_bytes(&[0; 39]), None);
    }
}
