//! When which endpoint is to be looked at: timers without a heap.
//!
//! `endpoint (deadline) → **wheel** → fleet (on_deadline)`
//!
//! A circle of slots, half a millisecond each; a bit a slot says whether it is empty.  What lies beyond the circle waits
//! in its last slot and is set anew from there.  A timer is never taken out: whoever is woken finds out whether there is
//! something to do.

use std::time::Duration;

use crate::time::Instant;

/// Timers go off at multiples of this, so that those of many endpoints go off together.
pub const TICK: Duration = Duration::from_micros(500);
/// A power of two; the circle spans four seconds.
const SLOTS: u64 = 8_192;
const WORDS: usize = (SLOTS / 64) as usize;

/// The timers of one engine.
#[derive(Debug)]
pub struct Wheel {
    slots: Vec<Vec<u32>>,
    filled: [u64; WORDS],
    /// The first tick that has not been taken.
    next: u64,
}

/// The first tick that is not before `at`.
fn tick_of(at: Instant) -> u64 {
    at.as_nanos().div_ceil(TICK.as_nanos() as u64)
}

impl Wheel {
    /// Empty; nothing is due before `now`.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            slots: vec![Vec::new(); SLOTS as usize],
            filled: [0; WORDS],
            next: tick_of(now),
        }
    }

    /// Wakes `who` at `at`, not sooner, or at the end of the circle; gives the moment.
    pub fn set(&mut self, who: u32, at: Instant) -> Instant {
        let tick = tick_of(at).clamp(self.next, self.next + SLOTS - 1);
        let slot = (tick % SLOTS) as usize;
        self.slots[slot].push(who);
        self.filled[slot / 64] |= 1 << (slot % 64);
        Instant::from_nanos(tick * TICK.as_nanos() as u64)
    }

    /// When the next timer goes off.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let tick = self.next + self.distance()?;
        Some(Instant::from_nanos(tick * TICK.as_nanos() as u64))
    }

    /// Slots from `next` to the first that is not empty.
    fn distance(&self) -> Option<u64> {
        let start = (self.next % SLOTS) as usize;
        let (word, bit) = (start / 64, start % 64);
        let first = self.filled[word] >> bit;
        if first != 0 {
            return Some(first.trailing_zeros().into());
        }
        // The word begun with comes last again, for its slots in front of `start`.
        (1..=WORDS).find_map(|step| {
            let bits = self.filled[(word + step) % WORDS];
            (bits != 0).then(|| (step * 64 - bit) as u64 + u64::from(bits.trailing_zeros()))
        })
    }

    /// Moves everybody of one slot that is due to `out`; whether there was one.
    pub fn take_due(&mut self, now: Instant, out: &mut Vec<u32>) -> bool {
        let Some(distance) = self.distance() else {
            return false;
        };
        let tick = self.next + distance;
        if tick * TICK.as_nanos() as u64 > now.as_nanos() {
            return false;
        }
        self.next = tick + 1;
        let slot = (tick % SLOTS) as usize;
        self.filled[slot / 64] &= !(1 << (slot % 64));
        out.append(&mut self.slots[slot]);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn due(wheel: &mut Wheel, now: Instant) -> Vec<u32> {
        let mut out = Vec::new();
        while wheel.take_due(now, &mut out) {}
        out
    }

    #[test]
    fn timers_go_off_in_order_and_never_early() {
        let mut wheel = Wheel::new(ms(1_000));
        for (who, at) in [(1, 1_030), (2, 1_010), (3, 1_020)] {
            wheel.set(who, ms(at));
        }
        assert_eq!(wheel.deadline(), Some(ms(1_010)));
        assert_eq!(
            due(&mut wheel, Instant::from_nanos(ms(1_010).as_nanos() - 1)),
            []
        );
        assert_eq!(due(&mut wheel, ms(1_020)), [2, 3]);
        assert_eq!(
            (due(&mut wheel, ms(5_000)), wheel.deadline()),
            (vec![1], None)
        );
    }

    #[test]
    fn what_is_overdue_goes_off_at_once_and_what_is_far_away_at_the_end_of_the_circle() {
        let mut wheel = Wheel::new(ms(1_000));
        wheel.set(1, ms(0));
        assert_eq!(due(&mut wheel, ms(1_000)), [1]);
        let at = wheel.set(2, ms(60_000));
        assert!(at > ms(5_000) && at < ms(5_200));
        assert_eq!(wheel.deadline(), Some(at));
    }

    proptest! {
        #[test]
        fn every_timer_goes_off_once_within_a_tick_of_its_time(times in prop::collection::vec(0..8_000_u64, 1..200)) {
            let mut wheel = Wheel::new(ms(7));
            let mut went_off = vec![None; times.len()];
            for (who, &at) in times.iter().enumerate() {
                wheel.set(who as u32, Instant::from_nanos(at * 500_123));
            }
            while let Some(now) = wheel.deadline() {
                for who in due(&mut wheel, now) {
                    prop_assert!(went_off[who as usize].replace(now).is_none());
                }
            }
            for (&at, went_off) in times.iter().zip(went_off) {
                let at = Instant::from_nanos(at * 500_123).max(ms(7)).min(ms(7 + 4_095));
                let late = went_off.expect("went off").saturating_since(at);
                prop_assert!(went_off.expect("went off") >= at && late <= TICK, "{late:?}");
            }
        }
    }
}
