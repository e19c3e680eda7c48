//! What the path of a publisher carries that takes no transport-wide feedback, by when its packets say that they left.
//!
//! `router (abs-send-time, arrival) → departure → **incoming** (delays, acknowledged → rate) → publishing (REMB)`
//!
//! The same parts as towards a receiver, at the other end of the path.  Nothing is tried here, and nothing made of losses:
//! what to send is the publisher's to find out, and of losses it hears in reports.

use std::time::Duration;

use super::acknowledged::Acknowledged;
use super::delays::{Delays, Known, Passed};
use super::rate::{Rate, Seen};
use super::trend::Usage;
use super::{MAX_RTT, STALE, micros};
use crate::departure::SendClock;
use crate::time::Instant;

/// How often what has arrived is looked at: as often as others send feedback.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// The estimate begins with what has come within this time, and some more: nothing has shown that there is room for the usual
/// first one.
const FIRST: Duration = Duration::from_secs(1);
const FIRST_ROOM: f64 = 1.5;
/// Bit/s.  It begins no lower, as that of browsers: a still picture shows nothing of the path.
const FIRST_LEAST: f64 = 300_000.0;
/// An estimate is told so often, and at once if it has fallen by this share.
const TOLD_EVERY: Duration = Duration::from_secs(1);
const FALLEN: f64 = 0.03;

/// The estimate of one publisher's path.
#[derive(Debug, Default)]
pub struct Incoming {
    clock: SendClock,
    acknowledged: Acknowledged,
    delays: Delays,
    rate: Rate,
    /// When the first packet came, and the last.
    first: Option<Instant>,
    last: Instant,
    has_begun: bool,
    looked: Instant,
    told: Option<(f64, Instant)>,
}

impl Incoming {
    /// A packet of `octets` has come that says when it left.  While this core is behind (`is_noisy`) it is what delays.
    pub fn arrived(&mut self, octets: usize, send_time: u32, is_noisy: bool, now: Instant) {
        self.first.get_or_insert(now);
        if is_noisy || now.saturating_since(self.last) > STALE {
            self.delays.forget();
        }
        self.last = now;
        let passed = Passed {
            sent_us: self.clock.micros(send_time).cast_unsigned(),
            arrival_us: micros(now).cast_signed(),
            octets: u16::try_from(octets).unwrap_or(u16::MAX),
        };
        self.acknowledged.add(passed.octets, passed.arrival_us);
        let before = || self.acknowledged.long().unwrap_or(0.0);
        if self.delays.arrived(&passed, is_noisy, before) {
            self.acknowledged.clear();
        }
    }

    /// Bit/s to tell the publisher now, if something is.
    pub fn tell(&mut self, rtt: Duration, now: Instant) -> Option<u64> {
        if now.saturating_since(self.looked) < LOOK_INTERVAL {
            return None;
        }
        self.looked = now;
        self.follow(rtt.min(MAX_RTT), now);
        let estimate = self.rate.estimate();
        let is_due = self.told.is_none_or(|(before, at)| {
            estimate < before * (1.0 - FALLEN) || now.saturating_since(at) >= TOLD_EVERY
        });
        if !self.has_begun || !is_due {
            return None;
        }
        self.told = Some((estimate, now));
        Some(estimate as u64)
    }

    fn follow(&mut self, rtt: Duration, now: Instant) {
        let arrives = self.acknowledged.long();
        if !self.has_begun {
            let early = self
                .first
                .is_none_or(|first| now.saturating_since(first) < FIRST);
            let Some(arrives) = arrives.filter(|_| !early) else {
                return;
            };
            self.has_begun = true;
            let first = (arrives * FIRST_ROOM).max(FIRST_LEAST);
            let share = first / self.rate.estimate();
            self.rate.decay(share.min(1.0));
        }
        let known = Known {
            estimate: self.rate.estimate(),
            arrives,
            is_unexplained: false,
            rtt,
        };
        let narrowed = self.delays.take_narrowed();
        let judged = self.delays.judge(&known, now);
        let usage = narrowed.map_or(judged, |_| Usage::Over);
        let seen = Seen {
            usage,
            short: narrowed.or(self.acknowledged.short()),
            long: arrives,
            rtt,
        };
        self.rate.update(&seen, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::departure::abs_send_time;

    const OCTETS: usize = 1_000;

    /// A publisher that sends what it is told, at first and at most so much, through a path with a queue.
    struct Publisher {
        incoming: Incoming,
        kbps: f64,
        most: f64,
        path_kbps: f64,
        owed: f64,
        free_us: u64,
        now_us: u64,
        told: Vec<(u64, f64)>,
        waits_us: u64,
    }

    impl Publisher {
        fn new(most: f64, path_kbps: f64) -> Self {
            Self {
                incoming: Incoming::default(),
                kbps: 300.0,
                most,
                path_kbps,
                owed: 0.0,
                free_us: 0,
                now_us: 1_000_000,
                told: Vec::new(),
                waits_us: 0,
            }
        }

        /// Runs so many seconds, 30 frames a second; gives the last figure that was told, in kbit/s.
        fn run(&mut self, seconds: u64) -> f64 {
            let end = self.now_us + seconds * 1_000_000;
            while self.now_us < end {
                self.now_us += 33_333;
                self.owed += self.kbps.min(self.most) * 1e3 / 8.0 / 30.0;
                while self.owed >= OCTETS as f64 {
                    self.owed -= OCTETS as f64;
                    self.send();
                }
            }
            self.told.last().map_or(0.0, |told| told.1)
        }

        fn send(&mut self) {
            let takes = OCTETS as f64 * 8e3 / self.path_kbps;
            let at = |us: u64| Instant::from_nanos(us * 1_000);
            if self.free_us > self.now_us + 500_000 {
                return;
            }
            self.free_us = self.free_us.max(self.now_us) + takes as u64;
            self.waits_us = self.free_us - self.now_us;
            let (left, came) = (abs_send_time(at(self.now_us)), at(self.free_us + 20_000));
            self.incoming.arrived(OCTETS, left, false, came);
            let rtt = Duration::from_millis(50);
            if let Some(told) = self.incoming.tell(rtt, came) {
                self.kbps = told as f64 / 1e3;
                self.told.push((came.as_nanos() / 1_000_000, self.kbps));
            }
        }
    }

    #[test]
    fn the_estimate_goes_up_to_what_the_path_carries_and_stays_there() {
        let mut publisher = Publisher::new(5_000.0, 800.0);
        publisher.run(40);
        let told = publisher.told.split_off(publisher.told.len() - 20);
        assert!(
            told.iter().all(|one| (500.0..1_000.0).contains(&one.1)),
            "{told:?}"
        );
        assert!(publisher.waits_us < 300_000, "{} us", publisher.waits_us);
    }

    #[test]
    fn a_path_that_narrows_is_told_at_once_and_one_that_widens_again_is_used() {
        let mut publisher = Publisher::new(1_500.0, 3_000.0);
        assert!(publisher.run(40) > 1_400.0);
        publisher.path_kbps = 400.0;
        let fell_ms = publisher.now_us / 1_000;
        publisher.run(5);
        let mut below = publisher.told.iter().filter(|one| one.1 < 400.0);
        let told_ms = below.next().map(|one| one.0 - fell_ms);
        assert!(told_ms.is_some_and(|ms| ms < 700), "{told_ms:?}");
        assert!((200.0..440.0).contains(&publisher.run(20)));
        publisher.path_kbps = 3_000.0;
        assert!(publisher.run(40) > 1_000.0);
    }

    #[test]
    fn an_estimate_is_told_once_a_second_and_begins_with_what_comes() {
        let mut publisher = Publisher::new(300.0, 3_000.0);
        let begun_ms = publisher.now_us / 1_000;
        publisher.run(10);
        let told = &publisher.told;
        assert!((1_000..1_300).contains(&(told[0].0 - begun_ms)), "{told:?}");
        assert!((350.0..500.0).contains(&told[0].1), "{told:?}");
        let apart = told.windows(2).map(|two| two[1].0 - two[0].0);
        assert!(
            apart.clone().all(|ms| (1_000..1_200).contains(&ms)),
            "{told:?}"
        );
        assert!(apart.count() > 6);
    }

    #[test]
    fn a_still_picture_does_not_keep_the_first_estimate_down() {
        let mut publisher = Publisher::new(30.0, 3_000.0);
        publisher.run(5);
        assert_eq!(publisher.told[0].1, 300.0);
    }

    #[test]
    fn delays_of_a_busy_core_are_not_taken_for_the_paths() {
        let after = |is_noisy: bool| {
            let mut incoming = Incoming::default();
            let mut told = Vec::new();
            for n in 0..3_000_u64 {
                let left = Instant::from_millis(1_000 + n * 10);
                // From the tenth second on each comes later than the one before.
                let late = n.saturating_sub(1_000) * 2;
                let came = left + Duration::from_millis(20 + late);
                let is_noisy = is_noisy && late > 0;
                incoming.arrived(OCTETS, abs_send_time(left), is_noisy, came);
                told.extend(incoming.tell(Duration::from_millis(50), came));
            }
            told.last().copied()
        };
        assert!(after(false).is_some_and(|told| told < 700_000));
        assert!(after(true).is_some_and(|told| told > 900_000));
    }
}
