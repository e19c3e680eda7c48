//! When to find out whether the path carries more, and what a burst has shown.
//!
//! `mod (wants) → **probe** → router (sends the burst) → history → **probe** → rate (probed)`
//!
//! A sender that sends little never learns that the path carries much.  So a short burst is sent at the rate in
//! question.  If it arrives as fast as it left, the path carries that rate; if not, the path carries what arrived.  All
//! packets between the burst's first and last count, for media shares the path with it.
//!
//! The first burst goes out right behind the first feedback.  A burst that has shown what it was to show is followed by
//! a larger one as long as more is of use.  One that failed is followed by a pause, longer each time.

use std::time::Duration;

use super::history::Arrived;
use super::{MOST, Probe, START, TICK_US};
use crate::time::Instant;

/// What the first burst tries, in estimates, and each that follows.
const FIRST_REACH: f64 = 3.0;
const REACH: f64 = 2.0;
/// Nobody needs to know in the beginning whether the path carries more than this.
const FIRST_MOST: u64 = 6 * START;
/// The next step and some room above it.
const ROOM: f64 = 1.2;
/// The first bursts try so many times what is of use: where that goes through, a keyframe need not be spread out more
/// than its publisher has done it, which paces by the same factor.
const PLENTY: f64 = 2.5;
/// Whoever gets all, on an estimate that is less than so many times that, has plenty tried again, but seldom.
const SCANT: f64 = 1.5;
const SELDOM: Duration = Duration::from_secs(10);
/// A burst lasts this long and has so many octets at least: five packets.
const LENGTH_S: f64 = 0.015;
pub const LEAST_OCTETS: u32 = 6_000;
/// A slow path takes half a second for that.  So a burst is no longer than this, of smaller packets, but has five still.
const LONGEST_S: f64 = 0.1;
const SMALLEST_OCTETS: u32 = 1_500;
/// What a burst may leave behind in a path that media fills.
const MAX_LEFT_S: f64 = 0.040;
/// What must have come back of a burst, in octets and in packets.
const ENOUGH: f64 = 0.8;
const ENOUGH_PACKETS: u32 = 4;
/// From the first to the last packet of a burst at most.
const MAX_SPAN_US: i64 = 1_000_000;
/// Arrivals this much faster than departures come from a path that held everything up.
const MAX_COMPRESSION: f64 = 2.0;
/// Arrivals slower than this share of departures mean that the path was full, and then this share of it is used.
const UNSATURATED: f64 = 0.9;
const UTILISATION: f64 = 0.95;
/// A burst that has shown this share of what it tried has not filled the path: a larger one follows at once.
const PROMISING: f64 = 0.9;
/// An estimate that grows by less has not grown.
const GROWN: f64 = 1.05;
/// After this there is no more answer.
const TIMEOUT: Duration = Duration::from_secs(1);
/// After a burst that filled the path or failed; each pause is half as long again.
const BACKOFF_MIN: Duration = Duration::from_secs(2);
const BACKOFF_MAX: Duration = Duration::from_millis(3_500);
/// When to look again if the path was busy.
const BUSY: Duration = Duration::from_millis(100);
/// A fall below this share of the estimate may pass quickly.  So the share after that is tried soon, within the time
/// that follows.
const FALL: f64 = 0.66;
const RECOVERY: f64 = 0.85;
const RECOVERY_AFTER: Duration = Duration::from_secs(1);
const RECOVERY_WITHIN: Duration = Duration::from_secs(5);
/// An estimate that falls so soon after a burst has raised it was raised too far: others share the path.
const RAISED_TOO_FAR: Duration = Duration::from_secs(2);
/// For so long behind a burst the queue is the burst's doing.
const SETTLE_US: u64 = 100_000;

/// What the sender could make use of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// Bit/s at most; unknown before the sender has said it.
    pub most: Option<u64>,
    /// What the next step up takes; 0 for none.
    pub next_step: u64,
}

fn octets_of(target: f64) -> u32 {
    let lasting = |seconds: f64| (target * seconds / 8.0) as u32;
    let least = lasting(LONGEST_S).clamp(SMALLEST_OCTETS, LEAST_OCTETS);
    lasting(LENGTH_S).max(least)
}

/// What feedback has told of the burst under way.
#[derive(Clone, Copy, Debug)]
struct Running {
    probe: Probe,
    began: Instant,
    estimate: f64,
    span: Option<Span>,
    /// Of the burst itself.
    octets: u32,
    packets: u32,
    /// Arrived behind the last packet of the burst.
    pending: u64,
}

/// What a burst has shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    /// Bit/s that the path carries.
    pub carried: f64,
    /// It carries no more.
    pub is_full: bool,
}

/// From the first packet of a burst to the last.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: Edge,
    last: Edge,
    /// All that arrived in it.
    octets: u64,
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    sent_us: i64,
    arrival_us: i64,
    octets: u64,
}

impl Running {
    fn arrived(&mut self, packet: &Arrived, arrival_us: i64) {
        let edge = Edge {
            sent_us: packet.sent_us.cast_signed(),
            arrival_us,
            octets: packet.octets.into(),
        };
        self.pending += edge.octets;
        if packet.cluster != self.probe.cluster {
            return;
        }
        self.octets = self.octets.saturating_add(packet.octets.into());
        self.packets += 1;
        let pending = std::mem::take(&mut self.pending);
        let span = self.span.get_or_insert(Span {
            first: edge,
            last: edge,
            octets: 0,
        });
        // What was pending in front of the first is not part of the span.
        span.octets += if self.packets == 1 {
            edge.octets
        } else {
            pending
        };
        span.last = Edge {
            arrival_us: arrival_us.max(span.last.arrival_us),
            ..edge
        };
    }

    fn is_complete(&self) -> bool {
        self.packets >= ENOUGH_PACKETS
            && f64::from(self.octets) >= ENOUGH * f64::from(self.probe.octets)
    }

    /// What the path carries, if the burst says anything about that.
    fn result(&self) -> Option<Shown> {
        let span = self.span?;
        let left_us = span.last.sent_us - span.first.sent_us;
        let arrived_us = span.last.arrival_us - span.first.arrival_us;
        if !(0..=MAX_SPAN_US).contains(&left_us) || !(0..=MAX_SPAN_US).contains(&arrived_us) {
            return None;
        }
        // A busy core sends a burst at once: then the path alone has spread it, or has not.
        let (left_us, arrived_us) = (left_us.max(1), arrived_us.max(TICK_US));
        // The time in which the last one left, or the first one arrived, is not part of the span.
        let left = (span.octets - span.last.octets) as f64 * 8e6 / left_us as f64;
        let arrived = (span.octets - span.first.octets) as f64 * 8e6 / arrived_us as f64;
        if arrived > MAX_COMPRESSION * left {
            return None;
        }
        let is_full = arrived < UNSATURATED * left;
        let carried = if is_full {
            UTILISATION * arrived
        } else {
            arrived.min(left)
        };
        // A burst in few batches seems faster than it was.
        let tried = self.probe.bits_per_second as f64;
        Some(Shown {
            carried: carried.min(tried),
            is_full: is_full && carried < tried,
        })
    }
}

/// The bursts of one receiver.
#[derive(Debug)]
pub struct Prober {
    wish: Wish,
    /// Nothing is known before the first feedback.
    ready: bool,
    reach: f64,
    /// Whether the first bursts, which depend on no step, are still under way.
    first: bool,
    cluster: u8,
    running: Option<Running>,
    not_before: Instant,
    backoff: Duration,
    /// When a burst has raised the estimate, if it has not fallen since.
    raised: Option<Instant>,
    /// Whether a burst has ever raised the estimate: what fell before was a guess.
    has_raised: bool,
    /// The estimate before it fell, and when that was.
    fallen: Option<(f64, Instant)>,
    /// When the last bursts were sent, from and to.
    disturbed: [(u64, u64); 2],
}

impl Default for Prober {
    fn default() -> Self {
        Self {
            wish: Wish::default(),
            ready: false,
            reach: FIRST_REACH,
            first: true,
            cluster: 0,
            running: None,
            not_before: Instant::default(),
            backoff: BACKOFF_MIN,
            raised: None,
            has_raised: false,
            fallen: None,
            disturbed: [(0, 0); 2],
        }
    }
}

impl Prober {
    /// Notes what the sender could make use of.
    pub const fn wants(&mut self, most: u64, next_step: u64) {
        self.wish = Wish {
            most: Some(most),
            next_step,
        };
    }

    /// Feedback has come.
    pub const fn set_ready(&mut self) {
        self.ready = true;
    }

    /// What to try, if more than `estimate` is of use.
    fn target(&self, estimate: f64, now: Instant) -> Option<f64> {
        let step = self.wish.next_step as f64;
        if let Some((before, since)) = self.fallen
            && step > estimate
            && now.saturating_since(since) < RECOVERY_WITHIN
        {
            return Some((before * RECOVERY).max(estimate * REACH));
        }
        let target = if self.first {
            let most = self
                .wish
                .most
                .map_or(FIRST_MOST as f64, |most| most as f64 * PLENTY);
            (most > estimate).then_some(most)
        } else if step > 0.0 {
            (step > estimate).then_some(step * ROOM)
        } else {
            let most = self.wish.most.unwrap_or(0) as f64;
            (most * SCANT > estimate).then_some(most * PLENTY)
        };
        target.map(|target| target.min(estimate * self.reach).min(MOST as f64))
    }

    /// Before this nothing is tried.
    fn earliest(&self) -> Instant {
        let is_content = !self.first && self.wish.next_step == 0;
        self.not_before + if is_content { SELDOM } else { Duration::ZERO }
    }

    fn is_wanted(&self, estimate: f64) -> bool {
        self.ready && self.target(estimate, self.earliest()).is_some()
    }

    /// When to call [`Self::probe`].
    pub fn deadline(&self, estimate: f64) -> Option<Instant> {
        match &self.running {
            Some(running) => Some(running.began + TIMEOUT),
            None => self.is_wanted(estimate).then(|| self.earliest()),
        }
    }

    /// The burst that is due; `is_busy` if a queue shows that the path carries no more, and `has_room` if the sender
    /// leaves some of the estimate to drain what a burst leaves behind.
    pub fn probe(
        &mut self,
        estimate: f64,
        is_busy: bool,
        has_room: bool,
        now: Instant,
    ) -> Option<Probe> {
        if let Some(running) = &self.running {
            if now.saturating_since(running.began) >= TIMEOUT {
                self.failed(now);
            }
            return None;
        }
        if !self.is_wanted(estimate) || now < self.earliest() {
            return None;
        }
        if is_busy {
            self.not_before = now + BUSY;
            return None;
        }
        let target = self.target(estimate, now)?;
        let is_free = has_room || self.first || self.fallen.is_some();
        let longest = if is_free { f64::INFINITY } else { MAX_LEFT_S };
        if f64::from(octets_of(target)) * 8.0 > longest * estimate {
            self.not_before = now + self.backoff;
            return None;
        }
        Some(self.begin(target, estimate, now))
    }

    fn begin(&mut self, target: f64, estimate: f64, now: Instant) -> Probe {
        // 0 stands for packets that are no part of a probe.
        self.cluster = self.cluster.wrapping_add(1).max(1);
        self.fallen = None;
        let probe = Probe {
            cluster: self.cluster,
            bits_per_second: target as u64,
            octets: octets_of(target),
        };
        self.running = Some(Running {
            probe,
            began: now,
            estimate,
            span: None,
            octets: 0,
            packets: 0,
            pending: 0,
        });
        let now_us = now.as_nanos() / 1_000;
        self.disturbed = [self.disturbed[1], (now_us, now_us)];
        probe
    }

    /// A packet of the burst leaves.
    pub const fn sent(&mut self, now_us: u64) {
        self.disturbed[1].1 = now_us;
    }

    /// Whether the path was busy with a burst when this packet left.
    pub fn is_disturbed(&self, sent_us: u64) -> bool {
        self.disturbed
            .iter()
            .any(|(from, to)| *to > 0 && (*from..=to + SETTLE_US).contains(&sent_us))
    }

    /// Takes in a packet that has arrived.
    pub fn arrived(&mut self, packet: &Arrived, arrival_us: i64) {
        if let Some(running) = &mut self.running {
            running.arrived(packet, arrival_us);
        }
    }

    /// What the burst has shown, at the end of feedback.
    pub fn take_result(&mut self, now: Instant) -> Option<Shown> {
        let running = self.running.filter(Running::is_complete)?;
        let result = running.result();
        let shown = result.map_or(0.0, |shown| shown.carried);
        let is_promising = shown >= running.probe.bits_per_second as f64 * PROMISING;
        if shown >= running.estimate * GROWN {
            self.raised = Some(now);
            self.has_raised = true;
        }
        if self.raised == Some(now) && is_promising {
            self.running = None;
            self.reach = REACH;
            self.backoff = BACKOFF_MIN;
            self.not_before = now;
        } else {
            self.failed(now);
        }
        result
    }

    fn failed(&mut self, now: Instant) {
        self.running = None;
        self.first = false;
        self.reach = REACH;
        self.not_before = now + self.backoff;
        self.backoff = (self.backoff * 3 / 2).min(BACKOFF_MAX);
    }

    /// The estimate has been lowered.
    pub fn reduced(&mut self, before: f64, after: f64, now: Instant) {
        self.first = false;
        self.reach = REACH;
        let raised = self.raised.take();
        if raised.is_some_and(|at| now.saturating_since(at) < RAISED_TOO_FAR) {
            self.failed(now);
        } else if after < before * FALL && self.has_raised {
            let fallen = self
                .fallen
                .filter(|(_, since)| now.saturating_since(*since) < RECOVERY_WITHIN);
            let highest = fallen.map_or(before, |(fallen, _)| fallen.max(before));
            self.fallen = Some((highest, now));
            self.not_before = now + RECOVERY_AFTER;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 1e6;

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn shown(carried: f64, is_full: bool) -> Option<Shown> {
        Some(Shown { carried, is_full })
    }

    fn ready() -> Prober {
        let mut prober = Prober::default();
        prober.set_ready();
        prober
    }

    /// Feedback on a burst of packets of 1,000 octets, so far apart when they left and when they arrived.
    fn answer(
        prober: &mut Prober,
        probe: Probe,
        left_us: u64,
        arrived_us: i64,
        now: Instant,
    ) -> Option<Shown> {
        for at in 0..probe.octets / 1_000 {
            let packet = Arrived {
                sent_us: u64::from(at) * left_us,
                octets: 1_000,
                cluster: probe.cluster,
                was_lost: false,
            };
            prober.arrived(&packet, i64::from(at) * arrived_us);
        }
        prober.take_result(now)
    }

    #[test]
    fn nothing_is_tried_before_feedback() {
        let mut prober = Prober::default();
        assert_eq!(prober.deadline(RATE), None);
        assert_eq!(prober.probe(RATE, false, true, ms(1)), None);
    }

    #[test]
    fn the_first_bursts_try_three_times_and_six_times_the_start() {
        let mut prober = ready();
        let first = prober.probe(RATE, false, true, ms(100)).expect("due");
        assert_eq!((first.bits_per_second, first.octets), (3_000_000, 6_000));
        let result = answer(&mut prober, first, 2_600, 2_600, ms(200));
        assert_eq!(result, shown(3e6, false));
        let second = prober.probe(3e6, false, true, ms(200)).expect("due");
        assert_eq!(second.bits_per_second, 6_000_000);
        assert_eq!(second.octets, 11_250);
        answer(&mut prober, second, 1_300, 1_300, ms(300));
        assert_eq!(prober.deadline(6e6), None);
    }

    #[test]
    fn a_burst_of_a_slow_path_lasts_a_tenth_of_a_second_and_is_made_of_small_packets() {
        for (rate, octets, is_small) in [
            (5e4, 1_500, true),
            (1e5, 1_500, true),
            (1.6e5, 2_000, true),
            (3.2e5, 4_000, true),
            (4.8e5, 6_000, false),
        ] {
            let mut prober = ready();
            prober.wants(8_000_000, 8_000_000);
            prober.reduced(rate, rate / REACH, ms(0));
            let probe = prober
                .probe(rate / REACH, false, true, ms(10))
                .expect("due");
            assert_eq!(
                (probe.octets, probe.is_small()),
                (octets, is_small),
                "{rate}"
            );
        }
    }

    #[test]
    fn a_burst_that_a_busy_core_sent_at_once_shows_how_the_path_has_spread_it() {
        for (arrived_us, expected) in [
            (0, shown(3e6, false)),
            (4_000, shown(1.9e6, true)),
            (20_000, shown(3.8e5, true)),
        ] {
            let mut prober = ready();
            let probe = prober.probe(RATE, false, true, ms(100)).expect("due");
            assert_eq!(answer(&mut prober, probe, 0, arrived_us, ms(200)), expected);
        }
        // One that left in its time and arrived at once was held up on its way.
        let mut prober = ready();
        let probe = prober.probe(RATE, false, true, ms(100)).expect("due");
        assert_eq!(answer(&mut prober, probe, 2_600, 0, ms(200)), None);
    }

    #[test]
    fn a_full_path_carries_a_little_less_than_what_arrived() {
        let mut prober = ready();
        let probe = prober.probe(RATE, false, true, ms(100)).expect("due");
        assert_eq!(
            answer(&mut prober, probe, 2_000, 4_000, ms(200)),
            shown(1.9e6, true)
        );
    }

    #[test]
    fn media_between_the_packets_of_a_burst_counts() {
        let mut prober = ready();
        let probe = prober.probe(RATE, false, true, ms(100)).expect("due");
        for at in 0..12_u8 {
            let packet = Arrived {
                sent_us: u64::from(at) * 1_500,
                octets: 1_000,
                cluster: if at % 2 == 0 { probe.cluster } else { 0 },
                was_lost: false,
            };
            prober.arrived(&packet, i64::from(at) * 4_000);
        }
        // 2 Mbit/s arrived, half of it the burst's.
        assert_eq!(prober.take_result(ms(200)), shown(1.9e6, true));
    }

    #[test]
    fn a_burst_of_which_too_little_arrives_says_nothing() {
        let mut prober = ready();
        let mut probe = prober.probe(RATE, false, true, ms(100)).expect("due");
        probe.octets = 4_000;
        assert_eq!(answer(&mut prober, probe, 2_000, 2_000, ms(200)), None);
        assert_eq!(prober.deadline(RATE), Some(ms(1_100)));
        assert_eq!(prober.probe(RATE, false, true, ms(1_100)), None);
        prober.wants(3_000_000, 2_000_000);
        assert_eq!(prober.deadline(RATE), Some(ms(3_100)));
    }

    #[test]
    fn pauses_grow_with_failures() {
        let mut prober = ready();
        prober.wants(5_000_000, 1_500_000);
        let (mut now, mut pauses) = (ms(0), Vec::new());
        for _ in 0..4 {
            prober.probe(RATE, false, true, now).expect("due");
            prober.probe(RATE, false, true, now + TIMEOUT);
            let next = prober.deadline(RATE).expect("wanted");
            pauses.push(next.saturating_since(now + TIMEOUT).as_millis());
            now = next;
        }
        assert_eq!(pauses, [2_000, 3_000, 3_500, 3_500]);
    }

    #[test]
    fn whoever_is_content_tries_nothing() {
        let mut prober = ready();
        prober.wants(300_000, 0);
        assert_eq!(prober.deadline(RATE), None);
    }

    #[test]
    fn whoever_gets_all_with_little_to_spare_has_plenty_tried_now_and_then() {
        let mut prober = ready();
        prober.wants(800_000, 0);
        prober.reduced(1.1e6, RATE, ms(0));
        assert_eq!(prober.deadline(1.3e6), None);
        assert_eq!(prober.deadline(RATE), Some(ms(10_000)));
        assert_eq!(prober.probe(RATE, false, true, ms(9_999)), None);
        let probe = prober.probe(RATE, false, true, ms(10_000)).expect("due");
        assert_eq!(probe.bits_per_second, 2_000_000);
        answer(&mut prober, probe, 2_600, 26_000, ms(10_100));
        assert_eq!(prober.deadline(RATE), Some(ms(22_100)));
    }

    #[test]
    fn later_bursts_try_the_next_step_and_no_more_than_twice_the_estimate() {
        let mut prober = ready();
        prober.wants(5_000_000, 1_200_000);
        prober.reduced(1.1e6, RATE, ms(0));
        let probe = prober.probe(RATE, false, true, ms(10)).expect("due");
        assert_eq!(probe.bits_per_second, 1_440_000);
        answer(&mut prober, probe, 5_000, 5_000, ms(100));
        prober.wants(5_000_000, 4_000_000);
        let probe = prober.probe(1.44e6, false, true, ms(100)).expect("due");
        assert_eq!(probe.bits_per_second, 2_880_000);
    }

    #[test]
    fn a_busy_path_is_left_alone() {
        let mut prober = ready();
        assert_eq!(prober.probe(RATE, true, true, ms(100)), None);
        assert_eq!(prober.deadline(RATE), Some(ms(200)));
    }

    #[test]
    fn a_sudden_fall_is_tried_soon() {
        let mut prober = ready();
        prober.wants(3_000_000, 500_000);
        let first = prober.probe(RATE, false, true, ms(0)).expect("due");
        answer(&mut prober, first, 2_600, 2_600, ms(100));
        prober.reduced(3e6, 4e5, ms(9_000));
        assert_eq!(prober.deadline(4e5), Some(ms(10_000)));
        let probe = prober.probe(4e5, false, true, ms(10_000)).expect("due");
        assert_eq!(probe.bits_per_second, 2_550_000);
    }

    #[test]
    fn what_leaves_with_a_burst_or_right_behind_it_is_disturbed() {
        let mut prober = ready();
        prober.probe(RATE, false, true, ms(100));
        prober.sent(115_000);
        for (sent_ms, is_disturbed) in [(99, false), (100, true), (214, true), (216, false)] {
            assert_eq!(
                prober.is_disturbed(sent_ms * 1_000),
                is_disturbed,
                "{sent_ms}"
            );
        }
    }

    #[test]
    fn what_was_raised_too_far_is_not_tried_again_at_once() {
        let mut prober = ready();
        prober.wants(5_000_000, 4_000_000);
        let probe = prober.probe(RATE, false, true, ms(0)).expect("due");
        answer(&mut prober, probe, 2_600, 2_600, ms(100));
        prober.reduced(3e6, RATE, ms(1_000));
        assert_eq!(prober.deadline(RATE), Some(ms(3_000)));
    }
}
