//! How long packets wait in the path.
//!
//! `arrival → **queue** → mod → rate, probe`
//!
//! The clocks of sender and receiver differ by a constant, so a one-way delay says nothing; by how much it is above the
//! least of the last seconds does.  The least is kept in two spans that follow each other: a path that has become
//! longer looks like a queue for no longer than these.

use std::time::Duration;

use crate::time::Instant;

/// Length of one of the two spans.
const SPAN_US: i64 = 5_000_000;
/// Weight of a new group: some tens of milliseconds.
const WEIGHT: f64 = 0.2;

/// A queue becomes shorter by this share within this time and a round trip, if less is sent.
const SHRINKS: f64 = 0.9;
const SHRINKS_WITHIN: Duration = Duration::from_secs(1);

/// What is to be said of a queue that does not grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may stand.
    Short,
    /// It has become long.
    Long,
    /// It was long already, and is given time.
    Draining,
}

/// The delay of one path over its least.
#[derive(Debug, Default)]
pub struct Queue {
    spans: Option<Spans>,
    latest_us: f64,
    smoothed_us: f64,
    /// Since when the queue is long or has become shorter, and what it was then.
    long: Option<(Instant, f64)>,
}

#[derive(Clone, Copy, Debug)]
struct Spans {
    began_us: i64,
    least_before_us: i64,
    least_us: i64,
}

impl Spans {
    fn least(&self) -> i64 {
        self.least_us.min(self.least_before_us)
    }
}

impl Queue {
    /// Microseconds that a packet of this one-way delay waits, as far as that is known; negative if no group was as fast.
    pub fn wait_us(&self, one_way_us: i64) -> Option<i64> {
        self.spans.map(|spans| one_way_us - spans.least())
    }

    /// Takes in the one-way delay of a group and its time of arrival.
    pub fn add(&mut self, one_way_us: i64, arrival_us: i64) {
        let spans = self.spans.get_or_insert(Spans {
            began_us: arrival_us,
            least_before_us: one_way_us,
            least_us: one_way_us,
        });
        if arrival_us - spans.began_us > SPAN_US {
            spans.began_us = arrival_us;
            spans.least_before_us = spans.least_us;
            spans.least_us = one_way_us;
        }
        spans.least_us = spans.least_us.min(one_way_us);
        self.latest_us = (one_way_us - spans.least()) as f64;
        self.smoothed_us += WEIGHT * (self.latest_us - self.smoothed_us);
    }

    /// Compares the queue with a long one; to be asked once for each feedback.
    pub fn standing(&mut self, long_s: f64, rtt: Duration, now: Instant) -> Standing {
        if self.smoothed_us <= long_s * 1e6 {
            self.long = None;
            return Standing::Short;
        }
        let Some((since, before_us)) = self.long else {
            self.long = Some((now, self.smoothed_us));
            return Standing::Long;
        };
        if now.saturating_since(since) < SHRINKS_WITHIN + rtt {
            return Standing::Draining;
        }
        if self.smoothed_us > before_us * SHRINKS {
            // The path has become longer.
            *self = Self::default();
            return Standing::Short;
        }
        self.long = Some((now, self.smoothed_us));
        Standing::Draining
    }

    /// Smoothed.
    pub fn delay(&self) -> Duration {
        Duration::from_micros(self.smoothed_us as u64)
    }

    /// The larger of the smoothed delay and that of the last group.
    pub fn highest(&self) -> Duration {
        Duration::from_micros(self.smoothed_us.max(self.latest_us) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(delays: impl IntoIterator<Item = (i64, i64)>) -> Duration {
        let mut queue = Queue::default();
        for (from_ms, one_way_ms) in delays {
            (0..100).for_each(|at| queue.add(one_way_ms * 1_000, from_ms * 1_000 + at * 10_000));
        }
        queue.delay()
    }

    #[test]
    fn the_least_delay_is_an_empty_queue() {
        assert_eq!(after([(0, -70_000)]), Duration::ZERO);
    }

    #[test]
    fn what_is_above_the_least_waits() {
        let delay = after([(0, 20), (1_000, 65)]);
        assert!((44..=45).contains(&delay.as_millis()), "{delay:?}");
    }

    #[test]
    fn a_queue_that_does_not_become_shorter_was_none() {
        let mut queue = Queue::default();
        queue.add(0, 0);
        (1..50).for_each(|at| queue.add(80_000, at * 10_000));
        let mut standing = |at_ms| {
            let rtt = Duration::from_millis(100);
            queue.standing(0.03, rtt, Instant::from_millis(at_ms))
        };
        assert_eq!(standing(500), Standing::Long);
        assert_eq!(standing(1_500), Standing::Draining);
        assert_eq!(standing(1_600), Standing::Short);
        queue.add(80_000, 2_000_000);
        assert_eq!(queue.delay(), Duration::ZERO);
    }

    #[test]
    fn a_queue_that_drains_is_given_time() {
        let mut queue = Queue::default();
        queue.add(0, 0);
        (0..50).for_each(|_| queue.add(200_000, 0));
        for at in 1..=40 {
            let one_way_us = 200_000 - at * 4_000;
            (0..10).for_each(|_| queue.add(one_way_us, at * 100_000));
            let now = Instant::from_millis(at as u64 * 100);
            let expected = if at == 1 {
                Standing::Long
            } else {
                Standing::Draining
            };
            assert_eq!(queue.standing(0.03, Duration::ZERO, now), expected, "{at}");
        }
    }

    #[test]
    fn a_longer_path_is_no_queue_for_good() {
        let spans = (1..13).map(|second| (second * 1_000, 120));
        assert_eq!(after([(0, 20)].into_iter().chain(spans)).as_millis(), 0);
    }
}
