//! Timers without a heap: of a worker's peers, and of a load engine's endpoints.
//!
//! `peer, endpoint (deadline) → **wheel** → router, fleet (on_deadline)`
//!
//! A circle of slots, a tick each; a bit a slot says whether it is empty.  What lies beyond the circle waits in its last
//! slot and is set anew from there.  A timer is never taken out: whoever is woken finds out whether there is something to
//! do.  Setting one takes memory only while there are more of them than ever before.

use std::time::Duration;

use crate::time::Instant;

/// A power of two.
const SLOTS: u64 = 8_192;
const WORDS: usize = (SLOTS / 64) as usize;
/// No node.
const NONE: u32 = u32::MAX;

/// The timers of `Who`.
#[derive(Debug)]
pub struct Wheel<Who> {
    /// Timers go off at multiples of this, so that those of many go off together.
    tick_ns: u64,
    /// The node set last in each slot.
    slots: Vec<u32>,
    nodes: Vec<Node<Who>>,
    free: u32,
    filled: [u64; WORDS],
    /// The first tick that has not been taken.
    next: u64,
}

/// Somebody in a slot, or nobody among the free ones, and who follows there.
#[derive(Clone, Copy, Debug)]
struct Node<Who> {
    who: Who,
    next: u32,
}

impl<Who: Copy> Wheel<Who> {
    /// Empty; nothing is due before `now`.  The circle spans 8,192 ticks.
    #[must_use]
    pub fn new(tick: Duration, now: Instant) -> Self {
        let tick_ns = tick.as_nanos() as u64;
        Self {
            tick_ns,
            slots: vec![NONE; SLOTS as usize],
            nodes: Vec::new(),
            free: NONE,
            filled: [0; WORDS],
            next: now.as_nanos().div_ceil(tick_ns),
        }
    }

    /// When whoever is to be woken at `at` would be: not sooner, or at the end of the circle.
    #[must_use]
    pub fn moment(&self, at: Instant) -> Instant {
        Instant::from_nanos(self.tick_of(at) * self.tick_ns)
    }

    fn tick_of(&self, at: Instant) -> u64 {
        let tick = at.as_nanos().div_ceil(self.tick_ns);
        tick.clamp(self.next, self.next + SLOTS - 1)
    }

    /// Wakes `who` then; gives the moment.
    pub fn set(&mut self, who: Who, at: Instant) -> Instant {
        let tick = self.tick_of(at);
        let slot = (tick % SLOTS) as usize;
        let next = self.slots[slot];
        self.slots[slot] = self.node(Node { who, next });
        self.filled[slot / 64] |= 1 << (slot % 64);
        Instant::from_nanos(tick * self.tick_ns)
    }

    /// Puts a node into a free place, or a new one.
    fn node(&mut self, node: Node<Who>) -> u32 {
        let place = self.free;
        if let Some(free) = self.nodes.get_mut(place as usize) {
            self.free = std::mem::replace(free, node).next;
            return place;
        }
        self.nodes.push(node);
        (self.nodes.len() - 1) as u32
    }

    /// When the next timer goes off.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let tick = self.next + self.distance()?;
        Some(Instant::from_nanos(tick * self.tick_ns))
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

    /// Appends everybody of one slot that is due to `out`, in the order in which they were set; whether there was one.
    pub fn take_due(&mut self, now: Instant, out: &mut Vec<Who>) -> bool {
        let Some(distance) = self.distance() else {
            return false;
        };
        let tick = self.next + distance;
        if tick * self.tick_ns > now.as_nanos() {
            return false;
        }
        self.next = tick + 1;
        let slot = (tick % SLOTS) as usize;
        self.filled[slot / 64] &= !(1 << (slot % 64));
        let begin = out.len();
        let mut place = std::mem::replace(&mut self.slots[slot], NONE);
        while let Some(node) = self.nodes.get_mut(place as usize) {
            out.push(node.who);
            let next = std::mem::replace(&mut node.next, self.free);
            self.free = std::mem::replace(&mut place, next);
        }
        out[begin..].reverse();
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

    const TICK: Duration = Duration::from_micros(500);

    fn due(wheel: &mut Wheel<u32>, now: Instant) -> Vec<u32> {
        let mut out = Vec::new();
        while wheel.take_due(now, &mut out) {}
        out
    }

    #[test]
    fn timers_go_off_in_order_and_never_early() {
        let mut wheel = Wheel::new(TICK, ms(1_000));
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
        let mut wheel = Wheel::new(TICK, ms(1_000));
        wheel.set(1, ms(0));
        assert_eq!(due(&mut wheel, ms(1_000)), [1]);
        let at = wheel.set(2, ms(60_000));
        assert!(at > ms(5_000) && at < ms(5_200));
        assert_eq!(wheel.deadline(), Some(at));
    }

    #[test]
    fn timers_take_no_more_memory_than_there_are_at_a_time() {
        let mut wheel = Wheel::new(TICK, ms(0));
        for step in 0..20_000 {
            for who in 0..3 {
                wheel.set(who, ms(step + 1));
            }
            assert_eq!(due(&mut wheel, ms(step + 1)).len(), 3);
        }
        assert_eq!(wheel.nodes.len(), 3);
    }

    proptest! {
        #[test]
        fn every_timer_goes_off_once_within_a_tick_of_its_time(times in prop::collection::vec(0..8_000_u64, 1..200)) {
            let mut wheel = Wheel::new(TICK, ms(7));
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
