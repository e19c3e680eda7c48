//! Whose clock says what: RTP timestamps to the publisher's wall clock to ours, so that lips stay with voices.
//!
//! `rtcp (sender reports in) → **clock** → sender (sender reports out)`
//!
//! Receivers align audio and video by the wall clock in sender reports (RFC 3550 §6.4.1).  All tracks and layers of a
//! publisher must be moved from its clock to ours by the same amount, so that amount is fixed once, at its first report:
//! measured anew for each track it would carry each report's own delay in the network into the lip-sync.

use crate::time::Ntp;

/// The one offset between a publisher's wall clock and ours.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublisherClock {
    /// Ours minus theirs, in 2^-32 s.
    offset: Option<u64>,
}

impl PublisherClock {
    /// Our time of a moment on the publisher's clock; the first call fixes the offset as if its report took no time.
    pub fn ours(&mut self, theirs: Ntp, now: Ntp) -> Ntp {
        let offset = *self
            .offset
            .get_or_insert(now.to_bits().wrapping_sub(theirs.to_bits()));
        Ntp::from_bits(theirs.to_bits().wrapping_add(offset))
    }
}

/// One layer's timestamps on our clock: a pair from its last sender report.
#[derive(Clone, Copy, Debug)]
pub struct LayerClock {
    /// Our time...
    pub ntp: Ntp,
    /// ...of this RTP timestamp.
    pub rtp: u32,
}

impl LayerClock {
    /// The layer's RTP timestamp at a moment of our time, `rate` ticks a second.
    pub fn rtp_at(&self, moment: Ntp, rate: u32) -> u32 {
        let elapsed = moment
            .to_bits()
            .wrapping_sub(self.ntp.to_bits())
            .cast_signed();
        let ticks = (i128::from(elapsed) * i128::from(rate)) >> 32;
        self.rtp.wrapping_add(ticks as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> Ntp {
        Ntp::from_unix(Duration::from_secs(seconds))
    }

    #[test]
    fn the_offset_is_fixed_by_the_first_report_however_late_the_next_ones_are() {
        let mut clock = PublisherClock::default();
        assert_eq!(clock.ours(at(100), at(5_000)), at(5_000));
        assert_eq!(clock.ours(at(101), at(5_003)), at(5_001));
        assert_eq!(clock.ours(at(99), at(5_003)), at(4_999));
    }

    #[test]
    fn timestamps_are_carried_on_forwards_backwards_and_over_the_wrap() {
        for start in [0, 1_000, u32::MAX - 10] {
            let clock = LayerClock {
                ntp: at(50),
                rtp: start,
            };
            assert_eq!(clock.rtp_at(at(52), 90_000), start.wrapping_add(180_000));
            assert_eq!(clock.rtp_at(at(49), 48_000), start.wrapping_sub(48_000));
            assert_eq!(
                clock.rtp_at(at(50) + Duration::from_micros(500), 48_000),
                start.wrapping_add(24)
            );
        }
    }
}
