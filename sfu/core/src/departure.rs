//! What a packet says of its departure, for whoever estimates what its path carries.
//!
//! `downlink, clock → link (depart) → header (**departure**) → egress`
//!
//! Its transport-wide number where the receiver sends feedback about such; the time where the receiver estimates by
//! itself and tells no more than that (REMB).

use crate::time::Instant;

/// Abs-send-time wraps after 64 s: 24 bits, of which 18 are fractions of a second.
pub const TIME_BITS: u32 = 24;
const FRACTION_BITS: u32 = 18;

/// What the header of one SSRC says, under which id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Departure {
    /// Nothing.
    #[default]
    Untold,
    /// The transport-wide number: draft-holmer-rmcat-transport-wide-cc-extensions-01.
    Counted(u8),
    /// The time: <https://webrtc.org/experiments/rtp-hdrext/abs-send-time>.
    Timed(u8),
}

impl Departure {
    /// Id and octets of the header extension.
    pub const fn extension(self) -> Option<(u8, usize)> {
        match self {
            Self::Untold => None,
            Self::Counted(id) => Some((id, 2)),
            Self::Timed(id) => Some((id, 3)),
        }
    }
}

/// The moment in 2^-18 s, modulo 64 s.
pub fn abs_send_time(now: Instant) -> u32 {
    let ticks = (u128::from(now.as_nanos()) << FRACTION_BITS) / 1_000_000_000;
    ticks as u32 & ((1 << TIME_BITS) - 1)
}

/// Abs-send-time as it comes, made into a time that does not begin anew.
#[derive(Debug, Default)]
pub struct SendClock {
    last: Option<u32>,
    ticks: i64,
}

impl SendClock {
    /// Microseconds since some moment; the nearest to the last.
    pub fn micros(&mut self, send_time: u32) -> i64 {
        let last = self.last.replace(send_time).unwrap_or(send_time);
        const UNUSED: u32 = u32::BITS - TIME_BITS;
        let step = send_time.wrapping_sub(last).cast_signed() << UNUSED >> UNUSED;
        self.ticks += i64::from(step);
        (self.ticks * 1_000_000) >> FRACTION_BITS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_comes_goes_on_where_it_begins_anew() {
        for start in [0, 100, 63_900, 31_990, 1_000_000] {
            let mut clock = SendClock::default();
            let mut passed = |ms: u64| {
                let time = abs_send_time(Instant::from_millis(start + ms));
                (clock.micros(time) + 500).cast_unsigned() / 1_000
            };
            assert_eq!(
                [0, 200, 150, 31_000].map(&mut passed),
                [0, 200, 150, 31_000]
            );
            assert_eq!((31..310).map(|s| passed(s * 1_000)).max(), Some(309_000));
        }
    }

    #[test]
    fn the_time_has_18_bits_of_fraction_and_begins_anew_after_64_s() {
        let at = |millis| abs_send_time(Instant::from_millis(millis));
        assert_eq!(at(500), 1 << 17);
        assert_eq!(at(63_750), (1 << 24) - (1 << 16));
        assert_eq!((at(64_000), at(3_600_500)), (0, (16 << 18) + (1 << 17)));
    }
}
