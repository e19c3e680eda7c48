//! What the delays of packets say of a path: whether a queue grows in it, stands in it, or it has become far too narrow.
//!
//! `mod, incoming (packets that have arrived) → **delays** (arrival → trend, queue; narrowing) → rate`

use std::time::Duration;

use super::arrival::{Groups, Outcome};
use super::queue::{Queue, Standing};
use super::trend::{Trend, Usage};
use crate::narrowing::Narrowing;
use crate::time::Instant;

/// A shorter queue is jitter, whatever the trend says; one packet of a slow link is no queue either.
const LEAST_QUEUE_S: f64 = 0.012;
const PACKET_BITS: f64 = 9_600.0;
/// A longer queue is long, if it is more than these packets.
const LONG_QUEUE_S: f64 = 0.040;
const LONG_QUEUE_PACKETS: f64 = 1.5;
/// A sender that sends less than this share of the estimate does not fill the path.
pub const LIMITED: f64 = 0.7;

/// A packet that has arrived, by two clocks that differ by a constant.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// On its sender's.
    pub sent_us: u64,
    /// On its receiver's.
    pub arrival_us: i64,
    /// In all.
    pub octets: u16,
}

/// What is thought of the path beside its delays.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Bit/s that it is thought to carry.
    pub estimate: f64,
    /// Bit/s that arrive.
    pub arrives: Option<f64>,
    /// More is lost than that explains.
    pub is_unexplained: bool,
    /// Round trip.
    pub rtt: Duration,
}

/// Whether a sender of which so much arrives sends less than this share of the estimate.
pub fn is_limited(arrives: Option<f64>, estimate: f64, share: f64) -> bool {
    arrives.is_some_and(|rate| rate < estimate * share)
}

/// The delays of one path.
#[derive(Debug, Default)]
pub struct Delays {
    groups: Groups,
    trend: Trend,
    queue: Queue,
    narrowing: Narrowing,
    /// Bit/s that it carries since it has narrowed, until the estimate has followed.
    narrowed: Option<f64>,
}

impl Delays {
    /// What was learnt of the queue is of no use any more.
    pub fn forget(&mut self) {
        self.groups.restart();
        self.trend = Trend::default();
        self.queue = Queue::default();
    }

    /// A packet has arrived; what it says is not believed while something else than the path delays it.  `before` is what
    /// arrived lately, bit/s.  Says whether a clock has jumped, and with it all that was learnt is forgotten.
    pub fn arrived(
        &mut self,
        packet: &Passed,
        is_disturbed: bool,
        before: impl FnOnce() -> f64,
    ) -> bool {
        self.look_for_narrowing(packet, is_disturbed, before);
        if is_disturbed {
            self.groups.restart();
            return false;
        }
        match self.groups.add(packet.sent_us, packet.arrival_us) {
            Outcome::Gathered => {}
            Outcome::Stepped(step) => {
                self.trend.add(&step);
                self.queue.add(step.one_way_us, step.arrival_us);
            }
            Outcome::ClockJumped => {
                self.forget();
                return true;
            }
        }
        false
    }

    /// The trend takes half a second to show what the packets of two pictures do.
    fn look_for_narrowing(
        &mut self,
        packet: &Passed,
        is_disturbed: bool,
        before: impl FnOnce() -> f64,
    ) {
        let (sent_us, arrival_us) = (packet.sent_us.cast_signed(), packet.arrival_us);
        let Some(wait_us) = self.queue.wait_us(arrival_us - sent_us) else {
            return;
        };
        // Sound is repaired by the same packet again, whose way began when that was lost.
        let says_nothing = is_disturbed || self.groups.are_beyond(sent_us);
        let wait_us = (!says_nothing).then_some(wait_us);
        let octets = usize::from(packet.octets);
        let carries = self.narrowing.arrived(octets, wait_us, arrival_us, before);
        self.narrowed = carries.or(self.narrowed);
    }

    /// Bit/s that the path carries if it has just become far too narrow; said once.
    pub const fn take_narrowed(&mut self) -> Option<f64> {
        self.narrowed.take()
    }

    /// What to believe of the trend.
    pub fn judge(&mut self, known: &Known, now: Instant) -> Usage {
        let long_s = Self::long_s(known.estimate);
        let standing = self.queue.standing(long_s, known.rtt, now);
        let is_long = standing != Standing::Short;
        // A full queue does not grow; it runs over.
        if is_long && known.is_unexplained {
            return Usage::Over;
        }
        let is_jitter = self.queue.delay().as_secs_f64() < Self::least_s(known.estimate);
        let is_limited = is_limited(known.arrives, known.estimate, LIMITED);
        match (self.trend.usage(), standing) {
            // Whoever does not fill the path has not made the queue, unless it stays.
            (Usage::Over, _) if !is_jitter && (is_long || !is_limited) => Usage::Over,
            // It has grown too slowly for the trend to show.
            (Usage::Normal, Standing::Long) if !is_limited => Usage::Over,
            (Usage::Over | Usage::Normal, Standing::Short) => Usage::Normal,
            _ => Usage::Under,
        }
    }

    /// Whether a long queue stands in a path that carries so many bit/s.
    pub fn are_long(&self, estimate: f64) -> bool {
        self.queue.delay().as_secs_f64() > Self::long_s(estimate)
    }

    /// Whether there is so much of a queue that a burst would tell of that.
    pub fn are_busy(&self, estimate: f64) -> bool {
        self.queue.highest().as_secs_f64() > Self::least_s(estimate) * 2.0
    }

    fn long_s(estimate: f64) -> f64 {
        LONG_QUEUE_S.max(PACKET_BITS / estimate * LONG_QUEUE_PACKETS)
    }

    fn least_s(estimate: f64) -> f64 {
        LEAST_QUEUE_S.max(PACKET_BITS / estimate)
    }

    /// Packets in the path.
    pub const fn queue(&self) -> &Queue {
        &self.queue
    }
}
