//! Pauses in a stream of pictures that its timestamps do not explain: what a viewer sees as a freeze.
//!
//! `layer → **freeze** → stats`

use std::time::Duration;

use crate::time::Instant;

/// W3C webrtc-stats, `freezeCount`: a picture that stays for three times as long as others do...
const TIMES: u32 = 3;
/// ...and for so much longer at least.
const LONGER: Duration = Duration::from_millis(150);
/// What has not ended yet may be a pause of the source, which only the next timestamp tells; but not for so long: browsers
/// repeat a picture of a screen on which nothing moves once a second.
const STANDS: Duration = Duration::from_secs(2);
/// Weight of a new interval in the mean: the last thirty or so count.
const WEIGHT: u32 = 30;

/// The pauses of one layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct FreezeMeter {
    /// How many there were.
    pub count: u64,
    /// How long these were in all, each from one frame to the next.
    pub lasted: Duration,
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

    /// How long nothing has moved by now, if that is longer than a source that goes on ever waits; else zero.
    pub fn standing(&self, now: Instant) -> Duration {
        let stood = self.last.map(|(at, _)| now.saturating_since(at));
        stood
            .filter(|&stood| stood >= STANDS && self.is_long(stood))
            .unwrap_or_default()
    }

    fn is_long(&self, passed: Duration) -> bool {
        let bound = (self.mean * TIMES).max(self.mean + LONGER);
        self.mean > Duration::ZERO && passed > bound
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
        if self.is_long(passed) && passed > meant + LONGER {
            self.count += 1;
            self.lasted += passed;
            return;
        }
        self.mean = match self.mean {
            Duration::ZERO => passed,
            mean => (mean * (WEIGHT - 1) + passed) / WEIGHT,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames captured and received at these moments.
    fn fed(frames: &[(u64, u64)]) -> FreezeMeter {
        let mut meter = FreezeMeter::default();
        for &(captured_ms, received_ms) in frames {
            let timestamp = (captured_ms * 90) as u32;
            meter.begun(timestamp, 90_000, Instant::from_millis(received_ms));
        }
        meter
    }

    fn freezes(frames: &[(u64, u64)]) -> (u64, u64) {
        let meter = fed(frames);
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
        let meter = fed(&late);
        assert_eq!((meter.count, meter.lasted.as_millis()), (1, 440));
        let mut paused = steady(50);
        paused.extend((0..50).map(|n| (9_000 + n * 40, 10_000 + n * 40)));
        let meter = fed(&paused);
        assert_eq!((meter.count, meter.lasted), (0, Duration::ZERO));
    }

    #[test]
    fn a_picture_that_stands_for_2_s_is_noticed_before_the_next_one_comes() {
        let standing = |meter: &FreezeMeter, ms| meter.standing(Instant::from_millis(ms));
        let mut meter = fed(&steady(50)); // The last of them at 2,960 ms.
        assert_eq!(standing(&meter, 4_959), Duration::ZERO);
        assert_eq!(standing(&meter, 4_960).as_secs(), 2);
        assert_eq!(standing(&meter, 62_960).as_secs(), 60);
        meter.begun(2_000 * 90, 90_000, Instant::from_millis(62_970));
        assert_eq!(standing(&meter, 62_970), Duration::ZERO);
        assert_eq!(meter.lasted.as_millis(), 60_010);
        meter.restart();
        assert_eq!(standing(&meter, 90_000), Duration::ZERO);
    }

    #[test]
    fn a_slow_picture_stands_only_once_it_is_slower_than_before() {
        let slow: Vec<_> = (0..9).map(|n| (n * 1_000, 1_000 + n * 1_000)).collect();
        let standing = |ms: u64| fed(&slow).standing(Instant::from_millis(9_000 + ms));
        assert_eq!(standing(3_000), Duration::ZERO);
        assert_eq!(standing(3_001).as_millis(), 3_001);
    }

    #[test]
    fn packets_of_one_frame_are_one_frame_and_a_late_one_is_none() {
        assert_eq!(
            freezes(&[(0, 1_000), (0, 1_005), (40, 1_040), (0, 1_041), (80, 1_080)]),
            (0, 3)
        );
    }
}
