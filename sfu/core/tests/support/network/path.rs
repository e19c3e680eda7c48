//! One way of a link: when a datagram comes out at the other end, if it does.
//!
//! sender -> **queue, rate** -> loss -> delay, jitter -> receiver
//!
//! A datagram first waits behind those before it (drop-tail, as long as the queue has room), takes its time on the wire,
//! and only then may be lost: what is lost has cost the link its time.  The same seed and datagrams give the same losses
//! and delays.

use std::time::Duration;

use _core::load::random::Random;
use _core::time::Instant;

use super::impairment::{Impairment, steady};

/// The second of two copies comes so much later.
pub const DUPLICATE_AFTER: Duration = Duration::from_millis(1);
/// A burst of losses is over if nothing came for so long: what loses datagrams does not wait for them.
pub const SILENCE: Duration = Duration::from_millis(200);

/// When a datagram comes out: once, twice, or (empty) never.
pub type Arrivals = Vec<Instant>;

/// What has become of the datagrams of a path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Passed {
    pub sent: u32,
    pub lost: u32,
    /// Of these sent, found no room in the queue.
    pub dropped: u32,
    pub reordered: u32,
    pub duplicated: u32,
}

/// One way of one link.  Its owner says when it is.
pub struct Path {
    /// What it does now; another rate counts from the next datagram on.
    pub impairment: Impairment,
    pub passed: Passed,
    random: Random,
    is_bad: bool,
    /// When the last datagram was given to it.
    came: Instant,
    began: Instant,
    /// When the wire is through with what it has been given.
    free_at: Instant,
    /// When the last datagram that keeps its place comes out.
    last: Instant,
}

impl Path {
    pub fn new(impairment: Impairment, seed: u64, now: Instant) -> Self {
        Self {
            impairment,
            passed: Passed::default(),
            random: Random::new(seed, 0),
            is_bad: false,
            came: now,
            began: now,
            free_at: now,
            last: now,
        }
    }

    /// Another steady rate; what is under way comes as it would have come, and who waits keeps waiting.
    pub fn set_rate(&mut self, bits_per_second: f64) {
        self.impairment.rate = steady(bits_per_second);
    }

    /// Bit/s; `None`: no limit.
    pub fn rate(&self, now: Instant) -> Option<f64> {
        self.impairment.rate_at(now.saturating_since(self.began))
    }

    /// How long a datagram would wait now.
    pub fn wait(&self, now: Instant) -> Duration {
        self.free_at.saturating_since(now)
    }

    /// The next datagram leaves then, whatever has been sent before.
    pub fn set_free_at(&mut self, at: Instant) {
        self.free_at = at;
    }

    /// `now` never goes back.
    pub fn send(&mut self, octets: usize, now: Instant) -> Arrivals {
        self.passed.sent += 1;
        self.is_bad &= now.saturating_since(self.came) < SILENCE;
        self.came = now;
        let Some(left) = self.through_the_queue(octets, now) else {
            self.passed.dropped += 1;
            return Arrivals::new();
        };
        if self.is_lost() {
            self.passed.lost += 1;
            return Arrivals::new();
        }
        self.arrivals(left)
    }

    /// When the wire is through with it; `None` if the queue has no room.
    fn through_the_queue(&mut self, octets: usize, now: Instant) -> Option<Instant> {
        let Some(rate) = self.rate(now) else {
            return Some(now);
        };
        if self.wait(now) > self.impairment.queue {
            return None;
        }
        let takes = Duration::from_secs_f64(octets as f64 * 8.0 / rate);
        self.free_at = self.free_at.max(now) + takes;
        Some(self.free_at)
    }

    /// By chance alone, or in a burst; both are always drawn, so that one's share does not move the other's.
    fn is_lost(&mut self) -> bool {
        let alone = self.random.share() < self.impairment.loss;
        self.turns_bad() || alone
    }

    /// The next state of the Gilbert-Elliott chain, whose bad state loses everything.
    fn turns_bad(&mut self) -> bool {
        let (drawn, share) = (self.random.share(), self.impairment.burst_loss);
        let recovers = 1.0 / self.impairment.burst_datagrams;
        let worsens = recovers * share / (1.0 - share);
        self.is_bad = match self.is_bad {
            true => share > 0.0 && drawn >= recovers,
            false => drawn < worsens,
        };
        self.is_bad
    }

    fn arrivals(&mut self, left: Instant) -> Arrivals {
        let [jitter, late, twice] = [(); 3].map(|()| self.random.share());
        let Impairment {
            reordered,
            reordered_by,
            duplicated,
            ..
        } = self.impairment;
        let mut at = left + self.impairment.delay + self.impairment.jitter.mul_f64(jitter);
        if late < reordered {
            self.passed.reordered += 1;
            at = at + reordered_by;
        } else {
            at = at.max(self.last);
            self.last = at;
        }
        let mut arrivals = vec![at];
        if twice < duplicated {
            self.passed.duplicated += 1;
            arrivals.push(at + DUPLICATE_AFTER);
        }
        arrivals
    }
}
