//! Reading fields that are not whole octets, first bit first; past the end is `None`.
//!
//! Of keyframe headers and of the dependency descriptor only: what every packet has is read in octets (`bytes.rs`).

/// Reads bits off the front of a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    rest: &'a [u8],
    /// The octet at hand, and how many of its low bits have not been read.
    octet: u8,
    left: u32,
    /// Octets of zero in a row before `rest`; counted where the bytes are escaped.
    zeroes: Option<u8>,
}

impl<'a> Bits<'a> {
    /// Starts at the first bit of `bytes`.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            octet: 0,
            left: 0,
            zeroes: None,
        }
    }

    /// The same, over an octet 3 behind two of 0: emulation prevention (ITU-T H.264 §7.4.1).
    pub(super) const fn escaped(bytes: &'a [u8]) -> Self {
        Self {
            zeroes: Some(0),
            ..Self::new(bytes)
        }
    }

    /// The next `count` bits as a number, 32 at most.
    #[inline]
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        let (mut value, mut wanted) = (0, count);
        while wanted > 0 {
            if self.left == 0 {
                self.octet = self.next_octet()?;
                self.left = 8;
            }
            let step = wanted.min(self.left);
            self.left -= step;
            wanted -= step;
            let mask = 0xff_u32 >> (8 - step);
            value = (value << step) | ((u32::from(self.octet) >> self.left) & mask);
        }
        Some(value)
    }

    /// The next bit.
    #[inline]
    pub(super) fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit != 0)
    }

    /// Exp-Golomb, `ue(v)` (ITU-T H.264 §9.1).
    pub(super) fn exp_golomb(&mut self) -> Option<u32> {
        let mut zeroes = 0;
        while !self.flag()? {
            zeroes += 1;
            if zeroes > 31 {
                return None;
            }
        }
        Some((1 << zeroes) - 1 + self.take(zeroes)?)
    }

    /// Exp-Golomb with a sign, `se(v)` (ITU-T H.264 §9.1.1).
    pub(super) fn signed_exp_golomb(&mut self) -> Option<i64> {
        let code = i64::from(self.exp_golomb()?);
        Some(if code % 2 == 0 {
            -code / 2
        } else {
            (code + 1) / 2
        })
    }

    /// A number below `bound` in as few bits as it needs, `ns(n)` (AV1 §4.10.7).
    pub(super) fn below(&mut self, bound: u32) -> Option<u32> {
        let width = 32 - bound.leading_zeros();
        let short = (1_u64 << width) - u64::from(bound);
        let value = self.take(width.checked_sub(1)?)?;
        if u64::from(value) < short {
            return Some(value);
        }
        let whole = ((u64::from(value) << 1) | u64::from(self.take(1)?)) - short;
        u32::try_from(whole).ok()
    }

    fn next_octet(&mut self) -> Option<u8> {
        let mut octet = self.pop()?;
        if let Some(zeroes) = self.zeroes {
            let escape = zeroes >= 2 && octet == 3;
            if escape {
                octet = self.pop()?;
            }
            let before = if escape { 0 } else { zeroes };
            self.zeroes = Some(if octet == 0 {
                before.saturating_add(1)
            } else {
                0
            });
        }
        Some(octet)
    }

    fn pop(&mut self) -> Option<u8> {
        let (&octet, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(octet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_go_on_where_the_last_one_ended() {
        let mut bits = Bits::new(&[0b1010_0111, 0b1100_0000, 0xff, 0xff]);
        assert_eq!(bits.take(1), Some(1));
        assert_eq!(bits.take(3), Some(0b010));
        assert_eq!(bits.take(8), Some(0b0111_1100));
        assert_eq!(bits.take(0), Some(0));
        assert_eq!(bits.flag(), Some(false));
        assert_eq!(bits.take(19), Some(0xffff));
        assert_eq!(bits.flag(), None);
    }

    #[test]
    fn thirty_two_bits_are_the_most_that_fit() {
        let mut bits = Bits::new(&[0x7f, 0xff, 0xff, 0xff, 0x80]);
        assert_eq!(bits.take(1), Some(0));
        assert_eq!(bits.take(32), Some(u32::MAX));
    }

    #[test]
    fn exp_golomb_codes_are_read_as_in_the_table_of_the_standard() {
        for (octet, number, signed) in [
            (0b1000_0000, 0, 0),
            (0b0100_0000, 1, 1),
            (0b0110_0000, 2, -1),
            (0b0010_0000, 3, 2),
            (0b0010_1000, 4, -2),
            (0b0011_1000, 6, -3),
            (0b0001_0010, 8, -4),
        ] {
            assert_eq!(Bits::new(&[octet]).exp_golomb(), Some(number));
            assert_eq!(Bits::new(&[octet]).signed_exp_golomb(), Some(signed));
        }
        assert_eq!(Bits::new(&[0; 8]).exp_golomb(), None);
    }

    #[test]
    fn the_largest_exp_golomb_code_is_no_overflow() {
        let largest = [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(Bits::new(&largest).exp_golomb(), Some(u32::MAX - 1));
        assert_eq!(
            Bits::new(&largest).signed_exp_golomb(),
            Some(-i64::from(i32::MAX))
        );
    }

    #[test]
    fn numbers_below_a_bound_take_one_bit_less_where_they_can() {
        // Below 5: 0, 1 and 2 in two bits, 3 and 4 in three.
        for (octet, number) in [
            (0b0000_0000, 0),
            (0b0100_0000, 1),
            (0b1000_0000, 2),
            (0b1100_0000, 3),
            (0b1110_0000, 4),
        ] {
            assert_eq!(Bits::new(&[octet]).below(5), Some(number));
        }
        assert_eq!(Bits::new(&[]).below(1), Some(0));
        assert_eq!(Bits::new(&[0xff]).below(0), None);
        assert_eq!(Bits::new(&[0xff; 4]).below(u32::MAX), Some(u32::MAX - 1));
        assert_eq!(Bits::new(&[0xff; 4]).below(1 << 31), Some((1 << 31) - 1));
    }

    #[test]
    fn emulation_prevention_is_left_out_wherever_it_stands() {
        let octets = |bytes: &[u8]| {
            let mut bits = Bits::escaped(bytes);
            std::iter::from_fn(move || bits.take(8)).collect::<Vec<_>>()
        };
        assert_eq!(octets(&[0, 0, 3, 1, 3]), [0, 0, 1, 3]);
        assert_eq!(octets(&[0, 0, 3, 0, 0, 3, 0]), [0, 0, 0, 0, 0]);
        assert_eq!(octets(&[0, 0, 3, 3]), [0, 0, 3]);
        assert_eq!(octets(&[0, 3, 0, 0, 3]), [0, 3, 0, 0]);
        assert_eq!(octets(&[0, 0, 0, 3, 3]), [0, 0, 0, 3]);
    }

    proptest! {
        #[test]
        fn bits_taken_one_by_one_are_those_taken_together(bytes: Vec<u8>, count in 0..33_u32) {
            let (mut together, mut alone) = (Bits::new(&bytes), Bits::new(&bytes));
            while let Some(value) = together.take(count).filter(|_| count > 0) {
                let joined = (0..count).try_fold(0_u32, |joined, _| Some((joined << 1) | alone.take(1)?));
                prop_assert_eq!(joined, Some(value));
            }
        }

        #[test]
        fn a_number_below_a_bound_is_below_it(bytes: [u8; 5], bound in 1..u32::MAX) {
            prop_assert!(Bits::new(&bytes).below(bound).is_none_or(|value| value < bound));
        }
    }
}
