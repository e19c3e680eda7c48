//! How many bits a second come, over the last two seconds: what a layer costs whoever takes it.
//!
//! `layer → **rate** → allotting`
//!
//! A keyframe is many times a frame, so a shorter window would tell two different streams apart where there is one.

use std::time::Duration;

use crate::time::Instant;

/// Octets are summed up in slots of this length.
const SLOT: Duration = Duration::from_millis(200);
/// Slots of the window.
const SLOTS: usize = 10;
/// A stream younger than this is taken to be as old: its first keyframe is not its rate.
const YOUNGEST: Duration = Duration::from_millis(400);

/// The rate of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateMeter {
    slots: [u32; SLOTS],
    /// The slot that is being filled, counted from the beginning of time.
    current: u64,
    /// Since when there has been something without a pause as long as the window.
    began: Option<Instant>,
}

impl RateMeter {
    /// So many octets have come.
    pub fn count(&mut self, octets: usize, now: Instant) {
        self.advance(now);
        if self.slots.iter().all(|&octets| octets == 0) {
            self.began = Some(now);
        }
        let slot = &mut self.slots[self.current as usize % SLOTS];
        *slot = slot.saturating_add(octets as u32);
    }

    /// Bits a second.
    pub fn bits_per_second(&mut self, now: Instant) -> u32 {
        self.advance(now);
        let octets: u64 = self.slots.iter().map(|&octets| u64::from(octets)).sum();
        // The slot that is being filled counts as far as it has come.
        let filled = Duration::from_nanos(now.as_nanos() % SLOT.as_nanos() as u64);
        let window = SLOT * (SLOTS as u32 - 1) + filled;
        let age = self
            .began
            .map_or(window, |began| now.saturating_since(began));
        let over = age.clamp(YOUNGEST, window).as_millis() as u64;
        (octets * 8_000 / over).min(u64::from(u32::MAX)) as u32
    }

    /// Empties the slots that have begun since the last call.
    fn advance(&mut self, now: Instant) {
        let slot = now.as_nanos() / SLOT.as_nanos() as u64;
        let passed = slot.saturating_sub(self.current).min(SLOTS as u64);
        for index in 1..=passed {
            self.slots[(self.current + index) as usize % SLOTS] = 0;
        }
        if passed == SLOTS as u64 {
            self.slots = [0; SLOTS];
        }
        self.current = self.current.max(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `octets` every `every_ms` for `for_ms`; gives the moment after.
    fn feed(meter: &mut RateMeter, from_ms: u64, for_ms: u64, every_ms: u64, octets: usize) -> u64 {
        let end = from_ms + for_ms;
        (from_ms..end)
            .step_by(every_ms as usize)
            .for_each(|ms| meter.count(octets, Instant::from_millis(ms)));
        end
    }

    fn kbps(meter: &mut RateMeter, ms: u64) -> u32 {
        meter.bits_per_second(Instant::from_millis(ms)) / 1_000
    }

    #[test]
    fn a_steady_stream_has_its_rate_from_the_first_second_on() {
        let mut meter = RateMeter::default();
        let end = feed(&mut meter, 7_000, 1_000, 10, 1_250);
        assert!((950..=1_050).contains(&kbps(&mut meter, end)));
        let end = feed(&mut meter, end, 9_000, 10, 1_250);
        assert!((950..=1_050).contains(&kbps(&mut meter, end)));
    }

    #[test]
    fn a_first_keyframe_is_not_taken_for_a_stream_of_keyframes() {
        let mut meter = RateMeter::default();
        meter.count(20_000, Instant::from_millis(500));
        assert_eq!(kbps(&mut meter, 510), 400);
    }

    #[test]
    fn a_stream_that_has_ended_has_none_after_the_window() {
        let mut meter = RateMeter::default();
        let end = feed(&mut meter, 0, 5_000, 20, 1_000);
        assert!(kbps(&mut meter, end + 1_000) < 260);
        assert_eq!(kbps(&mut meter, end + 2_200), 0);
        assert_eq!(kbps(&mut meter, end + 3_600_000), 0);
    }
}
