//! Whose clock says what: RTP timestamps to the publisher's wall clock to ours, so that lips stay with voices.
//!
//! `rtcp (sender reports in) → **clock** → sender (sender reports out)`
//!
//! Receivers align audio and video by the wall clock in sender reports (RFC 3550 §6.4.1).  All tracks and layers of a
//! publisher must be moved from its clock to ours by the same amount, so that amount is set at its first report: measured
//! anew for each track it would carry each report's own delay in the network into the lip-sync.  It follows the drift of
//! the two clocks in steps too small to be seen, and at once only where the publisher's was set anew.

use crate::time::Ntp;

/// 2^-32 s in a second.
const SECOND: i64 = 1 << 32;
/// How far one report may move the offset: reports come some times a second, clocks drift by 0.1 ms a second at most.
const STEP: i64 = SECOND / 2_000;
/// A publisher whose clock differs by more than a report can be late has set it.
const SET_ANEW: u64 = 5 * SECOND as u64;

/// The one offset between a publisher's wall clock and ours.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublisherClock {
    /// Ours minus theirs, in 2^-32 s.
    offset: Option<u64>,
}

impl PublisherClock {
    /// Our time of a moment on the publisher's clock; the first call sets the offset as if its report took no time.
    pub fn ours(&mut self, theirs: Ntp, now: Ntp) -> Ntp {
        let measured = now.to_bits().wrapping_sub(theirs.to_bits());
        let before = self.offset.unwrap_or(measured);
        let differs = measured.wrapping_sub(before).cast_signed();
        let offset = match differs.unsigned_abs() > SET_ANEW {
            true => measured,
            false => before.wrapping_add_signed(differs.clamp(-STEP, STEP)),
        };
        self.offset = Some(offset);
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

    fn apart(one: Ntp, other: Ntp) -> f64 {
        one.to_bits().wrapping_sub(other.to_bits()).cast_signed() as f64 / SECOND as f64
    }

    #[test]
    fn the_offset_is_set_by_the_first_report_however_late_the_next_ones_are() {
        let mut clock = PublisherClock::default();
        assert_eq!(clock.ours(at(100), at(5_000)), at(5_000));
        assert!(apart(clock.ours(at(101), at(5_003)), at(5_001)).abs() < 0.001);
        assert!(apart(clock.ours(at(99), at(5_003)), at(4_999)).abs() < 0.002);
    }

    #[test]
    fn a_clock_that_drifts_is_followed_and_one_that_was_set_is_taken_over() {
        let mut clock = PublisherClock::default();
        clock.ours(at(0), at(0));
        // An hour of 50 millionths.
        let drifted = |seconds: u64| at(seconds) + Duration::from_micros(seconds * 50);
        for seconds in 0..3_600 {
            assert!(apart(clock.ours(drifted(seconds), at(seconds)), at(seconds)).abs() < 0.002);
        }
        assert_eq!(clock.ours(at(90_000), at(3_601)), at(3_601));
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
