//! How fast pictures leave towards one receiver: a keyframe is many times a frame, and a burst of it would stand in the
//! path's queue in front of everything else.
//!
//! `sender → **pacer** → egress`, or the packets wait in the ring for the next tick
//!
//! What was sent is owed, and paid off at a multiple of what the path is thought to carry.  Pictures leave while no more
//! than a burst is owed, so those of an ordinary frame never wait, and what leaves at a tick is still some packets side
//! by side.  Sound and repairs are owed as well, but wait for nothing.  What is owed has a bound: else repairs that a full
//! path loses again and again would be paid for long after, by pictures that stand still.  At half of it repairs are put off:
//! who still lacks them asks again.

use std::time::Duration;

use crate::time::Instant;

/// Of the estimate.  libwebrtc paces by 2.5, and what is too much stands in the path's queue: a keyframe then looks like a path
/// that has narrowed.
const FACTOR: f64 = 1.5;
/// How much may be owed, in time at the pace...
const BURST: Duration = Duration::from_millis(10);
/// ...and in octets at least: a GSO message of four packets, or what a slow path carries in this time.
const LEAST_BURST: f64 = 4.0 * 1_250.0;
const LONGEST_BURST: Duration = Duration::from_millis(100);
/// How much may be owed at most, in time at the pace.
const MOST: Duration = Duration::from_millis(400);
/// Waiting packets are looked at no more often than this...
pub const TICK: Duration = Duration::from_millis(5);
/// ...and no less often, for the sake of those that could leave together in one message.
const LONGEST_TICK: Duration = Duration::from_millis(20);

/// The pace of one receiver.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pacer {
    /// Octets a second; 0: as fast as they come.
    pace: f64,
    owed: f64,
    paid: Instant,
}

impl Pacer {
    /// The path carries so many bits a second.
    pub fn set(&mut self, bits_per_second: u64) {
        self.pace = bits_per_second as f64 / 8.0 * FACTOR;
    }

    /// Whether a packet of pictures may leave that may have `waited` for this core until now: what should have left earlier is
    /// no burst of its publisher's.
    pub fn lets(&mut self, waited: Duration, now: Instant) -> bool {
        self.pay(now);
        self.owed <= self.burst(waited)
    }

    /// Whether what was lost may leave again.
    pub fn lets_repairs(&mut self, now: Instant) -> bool {
        self.pay(now);
        self.owed <= (self.lasting(MOST) / 2.0).max(LEAST_BURST)
    }

    /// When to look at packets that wait: as soon as the last of the next few may leave, `octets` being in front of it.
    ///
    /// A picture is whole no later for it, and its packets leave side by side.
    pub fn opens_in(&self, octets: usize, waited: Duration, now: Instant) -> Duration {
        let passed = now.saturating_since(self.paid);
        let owed = (self.owed - self.lasting(passed)).max(0.0) + octets as f64;
        let seconds = (owed - self.burst(waited)).max(0.0) / self.pace.max(1.0);
        Duration::from_secs_f64(seconds).clamp(TICK, LONGEST_TICK)
    }

    fn pay(&mut self, now: Instant) {
        let passed = now.saturating_since(self.paid);
        (self.owed, self.paid) = ((self.owed - self.lasting(passed)).max(0.0), now);
    }

    fn burst(&self, waited: Duration) -> f64 {
        let least = LEAST_BURST.min(self.lasting(LONGEST_BURST));
        self.lasting(BURST).max(least) + self.lasting(waited)
    }

    /// Octets of so long.
    fn lasting(&self, time: Duration) -> f64 {
        self.pace * time.as_secs_f64()
    }

    /// So many octets have left.
    pub fn sent(&mut self, octets: usize) {
        if self.pace > 0.0 {
            let most = self.lasting(MOST).max(2.0 * LEAST_BURST);
            self.owed = (self.owed + octets as f64).min(most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of 1,250 octets that leave at once, and how many at each of the ticks that follow.
    fn leave(pacer: &mut Pacer, ticks: u64) -> Vec<usize> {
        let at = |tick: u64| Instant::from_millis(1_000) + TICK * tick as u32;
        let mut leave_at = |now: Instant| {
            let mut left = 0;
            while pacer.lets(Duration::ZERO, now) && left < 1_000 {
                pacer.sent(1_250);
                left += 1;
            }
            left
        };
        (0..ticks).map(|tick| leave_at(at(tick))).collect()
    }

    #[test]
    fn without_an_estimate_nothing_waits() {
        assert_eq!(leave(&mut Pacer::default(), 1), [1_000]);
    }

    #[test]
    fn a_slow_path_gets_no_burst_that_stands_in_its_queue_for_long() {
        let mut pacer = Pacer::default();
        pacer.set(100_000);
        let left = leave(&mut pacer, 201);
        assert_eq!(left[0], 2);
        // 150 kbit/s for a second are 15 packets.
        assert_eq!(left[1..].iter().sum::<usize>(), 15);
    }

    #[test]
    fn repairs_of_a_full_path_are_put_off_and_pictures_leave_again_soon_after() {
        let mut pacer = Pacer::default();
        pacer.set(100_000);
        let at = |ms: u64| Instant::from_millis(1_000 + ms);
        let asked = |ms: &u64| {
            let lets = pacer.lets_repairs(at(*ms));
            if lets {
                pacer.sent(1_250);
            }
            lets
        };
        let repaired = (0..5_000).step_by(20).filter(asked).count();
        // Of 250 asked for: 150 kbit/s for 5 s are 75 packets.
        assert!((75..82).contains(&repaired), "{repaired}");
        (0..1_000).for_each(|_| pacer.sent(1_250));
        assert!(!pacer.lets(Duration::ZERO, at(5_000)));
        assert!(pacer.lets(Duration::ZERO, at(5_600)));
    }

    #[test]
    fn a_burst_leaves_at_once_and_the_rest_at_the_pace() {
        let mut pacer = Pacer::default();
        pacer.set(1_000_000);
        let left = leave(&mut pacer, 21);
        assert_eq!(left[0], 5);
        // 1.5 Mbit/s for 100 ms are 15 packets.
        assert_eq!(left[1..].iter().sum::<usize>(), 15);
    }

    #[test]
    fn what_a_busy_core_has_kept_leaves_at_once_and_no_more() {
        let mut pacer = Pacer::default();
        pacer.set(1_000_000);
        let now = Instant::from_millis(1_000);
        let (mut left, waited) = (0, Duration::from_millis(100));
        while pacer.lets(waited, now) {
            pacer.sent(1_250);
            left += 1;
        }
        // 100 ms at 1.5 Mbit/s, beside the burst.
        assert_eq!(left, 5 + 15);
        assert!(!pacer.lets(Duration::ZERO, now));
    }

    #[test]
    fn packets_that_wait_leave_together_when_the_last_of_them_may() {
        let mut pacer = Pacer::default();
        pacer.set(2_000_000);
        let now = Instant::from_millis(1_000);
        while pacer.lets(Duration::ZERO, now) {
            pacer.sent(1_250);
        }
        // 6,250 octets are owed and 5,000 may be; 2,500 more in front of the last, at 375 a millisecond.
        let wait = pacer.opens_in(2_500, Duration::ZERO, now);
        assert_eq!(wait, Duration::from_millis(10));
        let mut left = 0;
        while pacer.lets(Duration::ZERO, now + wait) {
            pacer.sent(1_250);
            left += 1;
        }
        assert_eq!(left, 3);
    }

    #[test]
    fn nothing_waits_longer_for_company_than_a_picture_lasts() {
        let mut pacer = Pacer::default();
        pacer.set(100_000);
        let now = Instant::from_millis(1_000);
        assert!(pacer.lets(Duration::ZERO, now));
        pacer.sent(20_000);
        assert_eq!(pacer.opens_in(4_000, Duration::ZERO, now), LONGEST_TICK);
    }

    #[test]
    fn what_was_not_used_is_not_saved_up() {
        let mut pacer = Pacer::default();
        pacer.set(1_000_000);
        let first = leave(&mut pacer, 1)[0];
        let later = Instant::from_millis(60_000);
        let mut left = 0;
        while pacer.lets(Duration::ZERO, later) {
            pacer.sent(1_250);
            left += 1;
        }
        assert_eq!(left, first);
    }
}
