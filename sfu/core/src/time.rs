//! Time as the core sees it: a value that callers pass in, never a clock that is read.
//!
//! [`Instant`] is monotonic and belongs to one worker; [`Ntp`] is the wall clock as sender reports
//! carry it (RFC 3550 §4).

use std::ops::Add;
use std::time::Duration;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Seconds between the NTP epoch (1900) and the Unix epoch (1970), RFC 5905 §6.
const NTP_UNIX_OFFSET_S: u64 = 2_208_988_800;

/// A moment on a worker's monotonic clock, in nanoseconds since the worker started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The moment `nanos` nanoseconds after the worker's epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The moment `millis` milliseconds after the worker's epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the worker's epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

/// Wall-clock time as 32.32 fixed-point seconds since 1900 (RFC 3550 §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ntp(u64);

impl Ntp {
    /// The 64 bits as they stand in a sender report.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits as a sender report carries them.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The wall-clock time `since_epoch` after 1970-01-01T00:00Z.
    #[must_use]
    pub const fn from_unix(since_epoch: Duration) -> Self {
        let seconds = since_epoch.as_secs().wrapping_add(NTP_UNIX_OFFSET_S);
        Self((seconds << 32) | fraction_of(since_epoch.subsec_nanos()))
    }

    /// The middle 32 bits, which report blocks echo as LSR (RFC 3550 §6.4.1), in 1/65536 s.
    #[must_use]
    pub const fn middle32(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        let bits = self.0.saturating_sub(earlier.0);
        let nanos = ((bits & 0xffff_ffff) * NANOS_PER_SECOND) >> 32;
        Duration::from_nanos((bits >> 32) * NANOS_PER_SECOND + nanos)
    }
}

/// Nanoseconds below a second as a 32-bit binary fraction, rounded up so that it reads back unchanged.
const fn fraction_of(subsec_nanos: u32) -> u64 {
    ((subsec_nanos as u64) << 32).div_ceil(NANOS_PER_SECOND)
}

impl Add<Duration> for Ntp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let bits = (duration.as_secs() << 32) + fraction_of(duration.subsec_nanos());
        Self(self.0.wrapping_add(bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_between_two_moments_never_goes_below_zero() {
        let early = Instant::from_millis(5);
        let late = early + Duration::from_millis(7);
        assert_eq!(late.saturating_since(early), Duration::from_millis(7));
        assert_eq!(early.saturating_since(late), Duration::ZERO);
    }

    #[test]
    fn adding_without_end_stays_at_the_end() {
        let end = Instant::from_nanos(u64::MAX);
        assert_eq!(end + Duration::from_nanos(1), end);
        assert_eq!(Instant::default() + Duration::MAX, end);
        assert_eq!(Instant::from_millis(u64::MAX), end);
    }

    #[test]
    fn the_unix_epoch_is_2208988800_in_ntp() {
        assert_eq!(
            Ntp::from_unix(Duration::ZERO).to_bits(),
            2_208_988_800 << 32
        );
        assert_eq!(
            Ntp::from_unix(Duration::from_millis(500)).to_bits() & 0xffff_ffff,
            0x8000_0000
        );
    }

    #[test]
    fn the_middle_of_ntp_counts_in_65536ths_of_a_second() {
        let now = Ntp::from_bits(0x0123_4567_89ab_cdef);
        assert_eq!(now.middle32(), 0x4567_89ab);
        let later = now + Duration::from_millis(250);
        assert_eq!(later.middle32() - now.middle32(), 65_536 / 4);
    }

    #[test]
    fn durations_survive_the_way_through_ntp() {
        let start = Ntp::from_unix(Duration::new(1_700_000_000, 0));
        for nanos in [
            0,
            1,
            999,
            1_000_000,
            999_999_999,
            1_000_000_000,
            86_400_000_000_001,
        ] {
            let duration = Duration::from_nanos(nanos);
            assert_eq!(
                (start + duration).saturating_duration_since(start),
                duration
            );
            assert_eq!(
                start.saturating_duration_since(start + duration),
                Duration::ZERO
            );
        }
    }

    #[test]
    fn no_ntp_value_overflows() {
        let whole = Ntp::from_bits(u64::MAX).saturating_duration_since(Ntp::from_bits(0));
        assert_eq!(whole.as_secs(), u64::from(u32::MAX));
        assert_eq!(
            Ntp::from_bits(u64::MAX) + Duration::from_secs(1),
            Ntp::from_bits(u32::MAX.into())
        );
    }
}
