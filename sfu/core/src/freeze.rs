//! Pauses in a stream of pictures that its timestamps do not explain: what a viewer sees as a freeze.
//!
//! `layer → **freeze** → stats`

use std::time::Duration;

use crate::time::Instant;

/// W3C webrtc-stats, `freezeCount`: a picture that stays for three times as long as others do...
const TIMES: u32 = 3;
/// ...and for so much longer at least.
const LONGER: Duration = Duration::from_millis(150);
/// Weight of a new interval in the mean: the last thirty or so count.
const WEIGHT: u32 = 30;

/// The pauses of one layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct FreezeMeter {
    /// How many there were.
    pub count: u64,
    /// Frames begun.
    pub frames: u64,
    mean: Duration,
    last: Option<(Instant, u32)>,
}

impl FreezeMeter {
    /// The next frame has another clock; counts stay.
    pub fn restart(&mut self) {
        (self.last, self.mean) = (None, Duration::ZERO);
    }

    /// From one frame to the next, as a rule.
    pub fn interval(&self) -> Duration {
        self.mean
    }

    /// A frame begins, with this timestamp of `rate` ticks a second.
    pub fn begun(&mut self, timestamp: u32, rate: u32, now: Instant) {
        let Some((at, before)) = self.last else {
            self.last = Some((now, timestamp));
            self.frames += 1;
            return;
        };
        let ticks = timestamp.wrapping_sub(before).cast_signed();
        if ticks <= 0 {
            return; // A further packet of a frame, or of one that is late.
        }
        self.frames += 1;
        self.last = Some((now, timestamp));
        let passed = now.saturating_since(at);
        let meant = Duration::from_nanos(
            ticks.unsigned_abs() as u64 * 1_000_000_000 / u64::from(rate.max(1)),
        );
        let bound = (self.mean * TIMES).max(self.mean + LONGER);
        let is_freeze = self.mean > Duration::ZERO && passed > bound && passed > meant + LONGER;
        self.count += u64::from(is_freeze);
        if !is_freeze {
            self.mean = match self.mean {
                Duration::ZERO => passed,
                mean => (mean * (WEIGHT - 1) + passed) / WEIGHT,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames captured and received at these moments.
    fn freezes(frames: &[(u64, u64)]) -> (u64, u64) {
        let mut meter = FreezeMeter::default();
        for &(captured_ms, received_ms) in frames {
            let timestamp = (captured_ms * 90) as u32;
            meter.begun(timestamp, 90_000, Instant::from_millis(received_ms));
        }
        (meter.count, meter.frames)
    }

    fn steady(count: u64) -> Vec<(u64, u64)> {
        (0..count).map(|n| (n * 40, 1_000 + n * 40)).collect()
    }

    #[test]
    fn a_stream_at_its_own_pace_has_none() {
        assert_eq!(freezes(&steady(100)), (0, 100));
    }

    #[test]
    fn a_pause_of_the_path_is_one_and_one_of_the_source_is_none() {
        let mut late = steady(50);
        late.extend((0..50).map(|n| (2_000 + n * 40, 3_400 + n * 40)));
        assert_eq!(freezes(&late).0, 1);
        let mut paused = steady(50);
        paused.extend((0..50).map(|n| (9_000 + n * 40, 10_000 + n * 40)));
        assert_eq!(freezes(&paused).0, 0);
    }

    #[test]
    fn packets_of_one_frame_are_one_frame_and_a_late_one_is_none() {
        assert_eq!(
            freezes(&[(0, 1_000), (0, 1_005), (40, 1_040), (0, 1_041), (80, 1_080)]),
            (0, 3)
        );
    }
}
