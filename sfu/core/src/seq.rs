//! Counters that wrap, made into counters that do not.
//!
//! RTP numbers packets with 16 bits, VP8 pictures with 15 or 7, temporal layers with 8. Everything
//! behind the parsers works on the unwrapped 64-bit values, so that "older" and "newer" are `<` and `>`.

/// Unwraps a counter of `BITS` bits against the highest value seen so far.
///
/// A value less than half the range ahead is newer; anything else is older. The first value `v`
/// becomes `v + 2^BITS`, so that what arrives before it still has a positive number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unwrapper<const BITS: u32> {
    highest: Option<u64>,
}

/// RTP sequence numbers.
pub type SeqUnwrapper = Unwrapper<16>;
/// RTP timestamps.
pub type TsUnwrapper = Unwrapper<32>;
/// VP8 picture ids of the long form, RFC 7741 §4.2.
pub type Unwrap15 = Unwrapper<15>;
/// Frame numbers of dependency descriptors.
pub type Unwrap16 = Unwrapper<16>;
/// VP8 TL0PICIDX.
pub type Unwrap8 = Unwrapper<8>;
/// VP8 picture ids of the short form.
pub type Unwrap7 = Unwrapper<7>;

impl<const BITS: u32> Unwrapper<BITS> {
    const RANGE: u64 = 1 << BITS;

    /// Nothing seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { highest: None }
    }

    /// The highest value so far.
    #[must_use]
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The unwrapped `value`; remembers it if it is the highest. Bits above `BITS` are ignored.
    pub fn unwrap(&mut self, value: impl Into<u32>) -> u64 {
        let unwrapped = self.peek(value);
        self.highest = Some(
            self.highest
                .map_or(unwrapped, |highest| highest.max(unwrapped)),
        );
        unwrapped
    }

    /// What [`Self::unwrap`] would return, without remembering it.
    pub fn peek(&self, value: impl Into<u32>) -> u64 {
        let value = u64::from(value.into()) % Self::RANGE;
        let Some(highest) = self.highest else {
            return value + Self::RANGE;
        };
        let ahead = value.wrapping_sub(highest) % Self::RANGE;
        if ahead < Self::RANGE / 2 {
            highest.saturating_add(ahead)
        } else {
            highest.saturating_sub(Self::RANGE - ahead)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STARTS: [u16; 10] = [0, 1, 127, 128, 255, 32_767, 32_768, 32_769, 65_534, 65_535];

    #[test]
    fn the_first_value_leaves_room_to_go_back() {
        for start in STARTS {
            let mut unwrapper = SeqUnwrapper::new();
            let first = unwrapper.unwrap(start);
            assert_eq!(first, u64::from(start) + 65_536);
            assert_eq!(unwrapper.unwrap(start.wrapping_sub(32_768)), first - 32_768);
            assert_eq!(unwrapper.highest(), Some(first));
        }
    }

    #[test]
    fn counting_on_goes_on_wherever_the_counter_wraps() {
        for start in STARTS {
            let mut unwrapper = SeqUnwrapper::new();
            let first = unwrapper.unwrap(start);
            for step in 1..200_000_u64 {
                let value = start.wrapping_add(step as u16);
                assert_eq!(unwrapper.unwrap(value), first + step);
            }
        }
    }

    #[test]
    fn half_the_range_ahead_is_the_first_that_counts_as_old() {
        for start in STARTS {
            let mut unwrapper = SeqUnwrapper::new();
            let first = unwrapper.unwrap(start);
            assert_eq!(unwrapper.peek(start.wrapping_add(32_767)), first + 32_767);
            assert_eq!(unwrapper.peek(start.wrapping_add(32_768)), first - 32_768);
            assert_eq!(unwrapper.peek(start.wrapping_add(32_769)), first - 32_767);
        }
    }

    #[test]
    fn a_late_packet_from_before_the_wrap_stays_before_it() {
        let mut unwrapper = SeqUnwrapper::new();
        let before = unwrapper.unwrap(65_534_u16);
        assert_eq!(unwrapper.unwrap(1_u16), before + 3);
        assert_eq!(unwrapper.unwrap(65_535_u16), before + 1);
        assert_eq!(unwrapper.unwrap(0_u16), before + 2);
        assert_eq!(unwrapper.unwrap(2_u16), before + 4);
    }

    #[test]
    fn narrow_counters_wrap_at_their_own_width() {
        let (mut seven, mut eight) = (Unwrap7::new(), Unwrap8::new());
        let mut fifteen = Unwrap15::new();
        assert_eq!((seven.unwrap(127_u8), seven.unwrap(0_u8)), (255, 256));
        assert_eq!((eight.unwrap(255_u8), eight.unwrap(0_u8)), (511, 512));
        assert_eq!(
            (fifteen.unwrap(32_767_u16), fifteen.unwrap(0_u16)),
            (65_535, 65_536)
        );
    }

    #[test]
    fn bits_above_the_width_are_ignored() {
        let mut seven = Unwrap7::new();
        assert_eq!(seven.unwrap(0x81_u8), 129);
    }

    #[test]
    fn timestamps_wrap_at_32_bits() {
        let mut unwrapper = TsUnwrapper::new();
        let first = unwrapper.unwrap(u32::MAX - 10);
        assert_eq!(unwrapper.unwrap(2_990_u32), first + 3_001);
        assert_eq!(unwrapper.unwrap(u32::MAX), first + 10);
    }

    proptest! {
        #[test]
        fn the_low_bits_are_always_the_value(values: Vec<u16>) {
            let mut unwrapper = SeqUnwrapper::new();
            for value in values {
                prop_assert_eq!(unwrapper.unwrap(value) % 65_536, u64::from(value));
            }
        }

        #[test]
        fn steps_below_half_the_range_are_followed_exactly(start: u16, steps: Vec<i16>) {
            let mut unwrapper = SeqUnwrapper::new();
            let mut position = unwrapper.unwrap(start);
            for step in steps.into_iter().filter(|step| *step > 0) {
                position += u64::from(step.unsigned_abs());
                let value = position as u16;
                prop_assert_eq!(unwrapper.unwrap(value), position);
            }
        }
    }
}
