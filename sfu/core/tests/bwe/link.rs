//! One direction of a path: a rate, a queue in front of it, a distance, and what is lost on the way.

use std::time::Duration;

use _core::load::random::Random;
use _core::time::Instant;

/// What an emulated link is like.
pub struct Link {
    rate: f64,
    /// The longest wait; what would wait longer is dropped.
    pub queue: Duration,
    /// One way.
    pub propagation: Duration,
    /// Share lost at random, behind the queue.
    pub loss: f64,
    /// Added at random, up to this; packets stay in order.
    pub jitter: Duration,
    random: Random,
    free: Instant,
    last_arrival: Instant,
}

impl Link {
    /// A clean link of `rate` bit/s, 25 ms long, with a queue of 300 ms.
    pub fn of(rate: f64) -> Self {
        Self {
            rate,
            queue: Duration::from_millis(300),
            propagation: Duration::from_millis(25),
            loss: 0.0,
            jitter: Duration::ZERO,
            random: Random::new(1, 0),
            free: Instant::default(),
            last_arrival: Instant::default(),
        }
    }

    /// How long a packet would wait now.
    pub fn wait(&self, now: Instant) -> Duration {
        self.free.saturating_since(now)
    }

    /// What waits leaves at the new rate.
    pub fn set_rate(&mut self, rate: f64, now: Instant) {
        self.free = now + self.wait(now).mul_f64(self.rate / rate);
        self.rate = rate;
    }

    /// Nothing leaves the queue for so long.
    pub fn pause(&mut self, pause: Duration, now: Instant) {
        self.free = self.free.max(now) + pause;
    }

    /// When a packet that is sent now arrives, if it does.
    pub fn carry(&mut self, octets: usize, now: Instant) -> Option<Instant> {
        if self.wait(now) > self.queue {
            return None;
        }
        let takes = Duration::from_secs_f64(octets as f64 * 8.0 / self.rate);
        self.free = self.free.max(now) + takes;
        let jitter = self.jitter.mul_f64(self.random.share());
        let arrival = (self.free + self.propagation + jitter).max(self.last_arrival);
        self.last_arrival = arrival;
        (self.random.share() >= self.loss).then_some(arrival)
    }
}
