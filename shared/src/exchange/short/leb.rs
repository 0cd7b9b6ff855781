//! Numbers of variable length, and a reader of bytes that never reads beyond their end.

/// Appends an unsigned number.
pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Appends a length.
pub(super) fn put_length(out: &mut Vec<u8>, length: usize) {
    put(out, length as u64);
}

/// Appends a signed number, small ones near zero in one byte.
pub(super) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

/// Appends a signed number as Automerge writes it: in two's complement, as short as it goes.
pub(super) fn put_twos(out: &mut Vec<u8>, mut number: i64) {
    loop {
        let low = number.to_le_bytes()[0] & 0x7f;
        number >>= 7;
        let is_last = (number == 0 && low & 0x40 == 0) || (number == -1 && low & 0x40 != 0);
        out.push(if is_last { low } else { low | 0x80 });
        if is_last {
            return;
        }
    }
}

/// Bytes being read.
#[derive(Clone, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// An unsigned number of at most 64 bits.
    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7f);
            if shift == 63 && low > 1 {
                return None;
            }
            number |= low << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A length that memory can hold; what is read next says whether it is there.
    pub(super) fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    /// What [`put_signed`] wrote.
    pub(super) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// What [`put_twos`] wrote.
    pub(super) fn twos(&mut self) -> Option<i64> {
        let mut number = 0i64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= i64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                let used = shift + 7;
                let is_negative = byte & 0x40 != 0;
                return Some(if is_negative && used < 64 {
                    number | (-1i64 << used)
                } else {
                    number
                });
            }
        }
        None
    }

    /// Bytes with their length before them.
    pub(super) fn with_length(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_return() {
        let numbers = [0, 1, -1, 63, 64, -64, -65, 127, 128, i64::MAX, i64::MIN];
        for number in numbers {
            let mut out = Vec::new();
            put(&mut out, number.cast_unsigned());
            put_signed(&mut out, number);
            put_twos(&mut out, number);
            let mut bytes = Bytes(&out);
            assert_eq!(bytes.number(), Some(number.cast_unsigned()));
            assert_eq!(bytes.signed(), Some(number));
            assert_eq!(bytes.twos(), Some(number));
            assert!(bytes.0.is_empty());
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for bytes in [&[][..], &[0x80], &[0xff; 10], &[0xff; 11]] {
            assert_eq!(Bytes(bytes).number(), None);
        }
        assert_eq!(Bytes(&[0x80; 11]).twos(), None);
        assert_eq!(Bytes(&[3, 1, 2]).with_length(), None);
        assert_eq!(Bytes(&[0xff; 9]).with_length(), None);
    }
}
