//! What a packet says of its departure, for whoever estimates what its path carries.
//!
//! `downlink, clock → link (depart) → rewrite (**departure**) → egress`
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_has_18_bits_of_fraction_and_begins_anew_after_64_s() {
        let at = |millis| abs_send_time(Instant::from_millis(millis));
        assert_eq!(at(500), 1 << 17);
        assert_eq!(at(63_750), (1 << 24) - (1 << 16));
        assert_eq!((at(64_000), at(3_600_500)), (0, (16 << 18) + (1 << 17)));
    }
}
