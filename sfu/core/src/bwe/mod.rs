//! What one receiver's path carries, as its sender finds out.
//!
//! `sender (sent) → **bwe** ← rtcp (transport feedback, REMB, reports)`, and from here `estimate` and `probe` to the
//! router
//!
//! draft-ietf-rmcat-gcc-02 and what libwebrtc made of it since.  A feedback packet goes through these, in this order:
//!
//! ```text
//! history       which packets it tells of
//! acknowledged  how much arrives
//! delays        what these say of a queue:
//!   arrival       groups of packets, and how their distances have changed
//!   trend, queue  whether a queue grows, and how long it is
//!   narrowing     whether the path has just become far too narrow
//! loss          whether sending less would help
//! probe         what a burst has shown
//! rate          the estimate that follows
//! ```
//!
//! Of receivers that send none there is `reported`: what `remb` and `reports` tell, and `growth`.  What publishers without it are told comes
//! from `incoming`.

mod acknowledged;
mod arrival;
mod delays;
mod growth;
mod history;
mod incoming;
mod loss;
mod probe;
mod queue;
mod rate;
mod remb;
mod reported;
mod reports;
mod trend;

use std::time::Duration;

use self::acknowledged::Acknowledged;
use self::delays::{Delays, Known, LIMITED, Passed, is_limited};
use self::history::{Arrived, History, MAX_SENT};
pub use self::incoming::Incoming;
use self::loss::{Loss, Path};
use self::probe::Prober;
use self::rate::{Rate, Seen};
use self::reported::Reported;
use self::trend::Usage;
use crate::time::Instant;
use crate::twcc::Feedback;

/// The estimate before anything is known, bit/s.
pub const START: u64 = 1_000_000;
/// The estimate is never below this.
pub const LEAST: u64 = 50_000;
/// The estimate is never above this.
pub const MOST: u64 = 100_000_000;

/// Microseconds in the unit of arrival times.
const TICK_US: i64 = 250;
/// The unit of the reference time of feedback in ticks, 64 ms.
const REFERENCE_TICKS: i64 = 256;
/// A receiver's clock that seems to have moved by more between two reports has jumped: ten minutes.
const MAX_REFERENCE_STEP: i32 = 9_375;
/// Without feedback for so long, while packets leave, the estimate goes down; and once more each time it has passed.
const UNANSWERED: Duration = Duration::from_secs(1);
/// What is left of the estimate then.
const UNANSWERED_SHARE: f64 = 0.8;
/// A longer round trip counts as this.
const MAX_RTT: Duration = Duration::from_secs(2);
/// What was learnt of delays before such a pause is of no use.
const STALE: Duration = Duration::from_secs(2);
/// A path that loses more is not said to be full by a burst.
const BURST_LOSS: f64 = 0.02;
/// A path that loses this share for seconds loses repairs as well.
const LOSES: f64 = 0.01;
/// To send some of it twice is at most so many times as much.
const TWICE: f64 = 2.0;
/// A sender that sends more than this share finds out by itself whether the path carries more, if not as fast.
const NEARLY_ALL: f64 = 0.9;

/// A burst that is to be sent to find out whether the path carries more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// To be given to [`Bandwidth::sent`] with each of its packets; never 0.
    pub cluster: u8,
    /// How fast to send it.
    pub bits_per_second: u64,
    /// In all.
    pub octets: u32,
}

impl Probe {
    /// Of a slow path: whole packets of pictures would be too few.
    #[must_use]
    pub const fn is_small(&self) -> bool {
        self.octets < probe::LEAST_OCTETS
    }
}

/// What one receiver's path carries.
#[derive(Debug, Default)]
pub struct Bandwidth {
    history: History,
    acknowledged: Acknowledged,
    delays: Delays,
    usage: Usage,
    loss: Loss,
    rate: Rate,
    prober: Prober,
    /// Of a receiver that has told an estimate of its own.
    reported: Option<Box<Reported>>,
    receiver_clock: ReceiverClock,
    answered: Option<Instant>,
    /// When the first packet left that no feedback has come after.
    unanswered: Option<Instant>,
    /// The estimate before it went down for lack of feedback.
    before_silence: Option<f64>,
    /// The sender itself delays what it sends.
    is_noisy: bool,
    /// There is room for more than what is sent.
    has_room: bool,
}

impl Bandwidth {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A packet of `octets` of UDP payload leaves; gives its transport-wide number.  It is part of the probe `cluster`,
    /// if any.
    pub fn sent(&mut self, octets: usize, cluster: Option<u8>, now: Instant) -> u16 {
        let now_us = micros(now);
        if self.unanswered.is_none() {
            self.unanswered = Some(now);
        }
        if cluster.is_some() {
            self.prober.sent(now_us);
        }
        self.history.push(octets, cluster.unwrap_or(0), now_us)
    }

    /// The receiver tells what has arrived.
    pub fn feedback(&mut self, feedback: &Feedback<'_>, rtt: Duration, now: Instant) {
        let shift = self.receiver_clock.shift(feedback.reference);
        let mut has_news = false;
        for status in feedback.statuses().take(MAX_SENT) {
            match status.arrival {
                Some(tick) => {
                    let Some(packet) = self.history.arrived(status.sequence) else {
                        continue;
                    };
                    if !has_news {
                        self.answer(now);
                    }
                    has_news = true;
                    self.arrived(&packet, (tick + shift) * TICK_US);
                }
                None if self.history.lost(status.sequence) => self.loss.lost(),
                None => {}
            }
        }
        if has_news {
            self.conclude(rtt.min(MAX_RTT), now);
        }
    }

    /// Whether the sender is so busy that what it sends leaves later than it says: then delays tell of the sender and not
    /// of the path, and only losses are believed.
    pub fn set_noisy(&mut self, is_noisy: bool) {
        if !std::mem::replace(&mut self.is_noisy, is_noisy) && is_noisy {
            // A queue of which nothing more is learnt would stand for ever, and nothing be tried for its sake.
            self.delays.forget();
        }
    }

    /// Feedback has come.
    fn answer(&mut self, now: Instant) {
        if self
            .answered
            .is_some_and(|answered| now.saturating_since(answered) > STALE)
        {
            self.forget_delays();
        }
        self.answered = Some(now);
        self.unanswered = None;
        self.prober.set_ready();
        if let Some(before) = self.before_silence.take() {
            self.prober.reduced(before, self.rate.estimate(), now);
        }
    }

    fn forget_delays(&mut self) {
        self.delays.forget();
        self.acknowledged.clear();
    }

    fn arrived(&mut self, packet: &Arrived, arrival_us: i64) {
        self.loss.arrived(packet.was_lost);
        self.acknowledged.add(packet.octets, arrival_us);
        self.prober.arrived(packet, arrival_us);
        // The queue behind a burst is the burst's doing.
        let is_disturbed = self.is_noisy || self.prober.is_disturbed(packet.sent_us);
        let passed = Passed {
            sent_us: packet.sent_us,
            arrival_us,
            octets: packet.octets,
        };
        let before = || self.acknowledged.long().unwrap_or(0.0);
        if self.delays.arrived(&passed, is_disturbed, before) {
            self.acknowledged.clear();
        }
    }

    fn conclude(&mut self, rtt: Duration, now: Instant) {
        let long = self.acknowledged.long();
        let path = Path {
            arrives: long,
            rate: self.rate.estimate(),
            is_queued: self.delays.are_long(self.rate.estimate()),
            rtt,
        };
        self.loss.update(&path, now);
        let before = self.rate.estimate();
        let narrowed = self.delays.take_narrowed();
        let judged = self.judge(long, rtt, now);
        self.usage = narrowed.map_or(judged, |_| Usage::Over);
        let filled = if self.has_room {
            LIMITED
        } else {
            LIMITED / TWICE
        };
        self.has_room = self.usage == Usage::Normal && self.is_limited(long, filled);
        match self.prober.take_result(now) {
            Some(mut shown) if self.usage != Usage::Over => {
                // Where packets are lost, or delayed by the sender itself, a burst comes slowly over any path.
                shown.is_full &= !self.is_noisy && self.loss.share() < BURST_LOSS;
                self.loss.carried(shown.carried);
                self.rate.probed(shown, long, now);
            }
            _ => {
                let through = 1.0 - self.loss.inherent();
                let seen = Seen {
                    usage: self.usage,
                    short: narrowed
                        .or(self.acknowledged.short())
                        .map(|rate| rate / through),
                    long: long.map(|rate| rate / through),
                    rtt,
                };
                self.rate.update(&seen, now);
            }
        }
        let after = self.rate.estimate();
        if after < before {
            self.prober.reduced(before, after, now);
        }
    }

    /// What to believe of the delays, `arrives` bit/s arriving.
    fn judge(&mut self, arrives: Option<f64>, rtt: Duration, now: Instant) -> Usage {
        if self.is_noisy {
            return Usage::Normal;
        }
        let known = Known {
            estimate: self.rate.estimate(),
            arrives,
            is_unexplained: self.loss.is_unexplained(),
            rtt,
        };
        self.delays.judge(&known, now)
    }

    /// Whether the sender sends less than this share of the estimate.
    fn is_limited(&self, arrives: Option<f64>, share: f64) -> bool {
        is_limited(arrives, self.rate.estimate(), share)
    }

    /// A receiver without transport feedback tells its own estimate for these of our sources, of all of which `sent` says
    /// how many bit/s they send.
    pub fn remb(
        &mut self,
        bits_per_second: u64,
        ssrcs: Vec<u32>,
        sent: impl Iterator<Item = (u32, f64)>,
        now: Instant,
    ) {
        let reported = self.reported.get_or_insert_default();
        reported.remb(bits_per_second, ssrcs, sent, now);
    }

    /// A receiver tells what it lost since its last report: so many bit/s of so many that were sent.  Who counts packets tells
    /// more.
    pub fn loss_reported(&mut self, lost: f64, sent: f64, now: Instant) {
        if let Some(reported) = &mut self.reported {
            reported.lost(lost, sent, now);
        }
    }

    /// Bit/s.
    #[must_use]
    pub fn estimate(&self) -> u64 {
        let estimate = if self.answered.is_some() {
            self.allowed()
        } else {
            let reported = self.reported.as_ref();
            reported.map_or(START as f64, |reported| reported.estimate())
        };
        (estimate as u64).clamp(LEAST, MOST)
    }

    /// Bit/s that both delay and loss allow.
    fn allowed(&self) -> f64 {
        self.rate.estimate().min(self.loss.bound())
    }

    /// Whether anything has come that says what the path carries.
    #[must_use]
    pub const fn has_feedback(&self) -> bool {
        self.answered.is_some() || self.reported.is_some()
    }

    /// Whether bursts are answered, so that the estimate can be found to be too low.
    #[must_use]
    pub const fn is_probed(&self) -> bool {
        self.answered.is_some()
    }

    /// What the sender could make use of at most, and what it needs for the next step up: 0 if it is content.
    pub fn wants(&mut self, most: u64, next_step: u64) {
        self.prober.wants(most, next_step);
        if let Some(reported) = &mut self.reported {
            reported.wants(most);
        }
    }

    /// The probe that is due, which counts as begun; to be called at [`Self::deadline`].
    pub fn probe(&mut self, now: Instant) -> Option<Probe> {
        self.notice_silence(now);
        // What was seen of a path to which nothing has been sent since says nothing of it now.
        let is_stale = self
            .answered
            .is_none_or(|answered| now.saturating_since(answered) > STALE);
        // A bound by loss is no question of the rate: more would only be lost.
        let is_busy = !is_stale
            && (self.usage == Usage::Over
                || self.delays.are_busy(self.rate.estimate())
                || self.loss.bound().is_finite());
        let has_room = is_stale || self.is_limited(self.acknowledged.long(), NEARLY_ALL);
        self.prober.probe(self.allowed(), is_busy, has_room, now)
    }

    /// Packets leave and nobody says that they arrive.
    fn notice_silence(&mut self, now: Instant) {
        if self.unanswered_deadline().is_none_or(|at| now < at) {
            return;
        }
        // Who is behind with what comes has not read it yet.
        if self.is_noisy {
            self.unanswered = Some(now);
            return;
        }
        let silent_us = micros(now).saturating_sub(self.history.newest_us());
        if Duration::from_micros(silent_us) > UNANSWERED {
            self.unanswered = None;
            return;
        }
        self.unanswered = Some(now);
        self.acknowledged.clear();
        self.before_silence.get_or_insert(self.rate.estimate());
        self.rate.decay(UNANSWERED_SHARE);
    }

    /// Receivers that never sent feedback owe none.
    fn unanswered_deadline(&self) -> Option<Instant> {
        self.answered?;
        self.unanswered.map(|since| since + UNANSWERED)
    }

    /// When to call [`Self::probe`].
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let probe = self.prober.deadline(self.allowed());
        [self.unanswered_deadline(), probe]
            .into_iter()
            .flatten()
            .min()
    }

    /// How long packets wait in the path just now, by the least delay of the last seconds.
    #[must_use]
    pub fn queue_delay(&self) -> Duration {
        self.delays.queue().delay()
    }

    /// The same by the last that is known, if that is more.
    #[must_use]
    pub fn queue_at_most(&self) -> Duration {
        self.delays.queue().highest()
    }

    /// Packets are lost here, and there is room to send some of them twice.
    #[must_use]
    pub fn loses_with_room(&self) -> bool {
        self.has_room && self.loss.lasting() >= LOSES
    }

    /// The share that feedback says was lost lately.
    #[must_use]
    pub fn loss(&self) -> f32 {
        self.loss.share() as f32
    }

    /// Bit/s that arrived lately.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.long().unwrap_or(0.0) as u64
    }
}

fn micros(now: Instant) -> u64 {
    now.as_nanos() / 1_000
}

/// The reference time of feedback, which wraps after twelve days, made into one that does not.
#[derive(Debug, Default)]
struct ReceiverClock {
    last: Option<i32>,
    unwrapped: i64,
}

impl ReceiverClock {
    /// Ticks to be added to arrivals in feedback with this reference time.
    fn shift(&mut self, reference: i32) -> i64 {
        let last = self.last.replace(reference).unwrap_or(reference);
        // 24 bits.
        let step = reference.wrapping_sub(last).wrapping_shl(8) >> 8;
        if step.abs() <= MAX_REFERENCE_STEP {
            self.unwrapped += i64::from(step);
        }
        (self.unwrapped - i64::from(reference)) * REFERENCE_TICKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_receivers_clock_goes_on_where_it_wraps() {
        let mut clock = ReceiverClock::default();
        let at = |clock: &mut ReceiverClock, reference: i32| {
            clock.shift(reference) + i64::from(reference) * REFERENCE_TICKS
        };
        let before = at(&mut clock, (1 << 23) - 2);
        let after = at(&mut clock, -(1 << 23) + 1);
        assert_eq!(after - before, 3 * REFERENCE_TICKS);
        let back = at(&mut clock, (1 << 23) - 1);
        assert_eq!(back - before, REFERENCE_TICKS);
    }

    #[test]
    fn a_receiver_to_whom_nothing_was_sent_costs_less_than_a_kilobyte() {
        let octets = size_of::<Bandwidth>();
        assert!(octets <= 1_024, "{octets}");
    }
}
