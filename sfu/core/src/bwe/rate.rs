//! The rate that the delay allows: up while no queue grows, down to less than what arrives when one does.
//!
//! `trend, queue, acknowledged → **rate** → mod (estimate)`
//!
//! draft-ietf-rmcat-gcc-02 §5.5.  Increase, hold and decrease follow from what the trend says:
//!
//! ```text
//!            increase   hold       decrease
//! over       decrease   decrease   decrease
//! normal     increase   increase   hold
//! under      hold       hold       hold
//! ```
//!
//! Away from what the link was last seen to carry the rate grows by 8 % a second; near it by half a packet a response
//! time.  It never grows far beyond what arrives: a sender that sends little learns nothing about much, only a probe
//! does.  A probe that has filled the path has the last word on a sender that does not: else the estimate would go on
//! from each peak of what arrives to the next, and never come back.

use std::time::Duration;

use super::probe::Shown;
use super::trend::Usage;
use super::{LEAST, MOST, START};
use crate::time::Instant;

/// §5.5: what is left of the rate that arrives.
const BETA: f64 = 0.85;
/// §5.5: growth in a second, away from convergence.
const GROWTH: f64 = 1.08;
/// §5.5 has 1.5: the rate stays below this times what arrives, and a little for those who send next to nothing.  Bursts tell of more.
const MAX_OVER_ACKNOWLEDGED: f64 = 1.2;
const SPARE: f64 = 10_000.0;
/// A burst that filled the path says for so long what it carries, to whoever sends less than this share of that.
const FULL_FOR: Duration = Duration::from_secs(10);
const LESS: f64 = 0.9;
/// It leaves so much of the rate, since one burst may have met a pause of the path; and so much of what arrives: what is
/// sent just now, and some more.
const KEPT: f64 = 0.95;
const USED: f64 = 1.08;
/// §5.5: how long the sender takes to notice, beside the round trip.
const RESPONSE: Duration = Duration::from_millis(100);
/// A packet of video in bits, and its frames in a second.
const PACKET_BITS: f64 = 9_600.0;
const FRAMES: f64 = 30.0;
/// Additive growth is no slower than this, bit/s in a second.
const LEAST_GROWTH: f64 = 4_000.0;
/// A longer time between two reports counts as this.
const MAX_STEP: Duration = Duration::from_secs(1);
/// A decrease shows after a round trip, within these.
const SETTLE_MIN: Duration = Duration::from_millis(50);
const SETTLE_MAX: Duration = Duration::from_millis(200);

/// What feedback has brought to light.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// What is to be believed of the trend.
    pub usage: Usage,
    /// Bit/s that arrived over the short time.
    pub short: Option<f64>,
    /// Bit/s that arrived over the long time.
    pub long: Option<f64>,
    /// Round trip.
    pub rtt: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Increase,
    Hold,
    Decrease,
}

impl State {
    /// The table of §5.5.
    const fn next(self, usage: Usage) -> Self {
        match (self, usage) {
            (_, Usage::Over) => Self::Decrease,
            (_, Usage::Under) | (Self::Decrease, Usage::Normal) => Self::Hold,
            (Self::Increase | Self::Hold, Usage::Normal) => Self::Increase,
        }
    }
}

/// The rate and what the link was last seen to carry.
#[derive(Debug)]
pub struct Rate {
    state: State,
    estimate: f64,
    capacity: Option<Capacity>,
    /// What a burst that filled the path has shown, and when.
    full: Option<(f64, Instant)>,
    updated: Option<Instant>,
    reduced: Option<Instant>,
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            state: State::Hold,
            estimate: START as f64,
            capacity: None,
            full: None,
            updated: None,
            reduced: None,
        }
    }
}

impl Rate {
    /// Bit/s.
    pub const fn estimate(&self) -> f64 {
        self.estimate
    }

    /// Follows what was seen.
    pub fn update(&mut self, seen: &Seen, now: Instant) {
        self.state = self.state.next(seen.usage);
        match self.state {
            State::Increase => self.increase(seen, now),
            State::Decrease => self.decrease(seen, now),
            State::Hold => {}
        }
        self.updated = Some(now);
    }

    fn increase(&mut self, seen: &Seen, now: Instant) {
        let arrives = seen.short.unwrap_or(0.0).max(seen.long.unwrap_or(0.0));
        let limit = (arrives * MAX_OVER_ACKNOWLEDGED + SPARE).min(self.full_with(seen.long, now));
        if self.estimate >= limit {
            return;
        }
        self.forget_capacity_below(arrives);
        let passed = self
            .updated
            .map_or(Duration::ZERO, |updated| now.saturating_since(updated));
        let passed_s = passed.min(MAX_STEP).as_secs_f64();
        let grown = if self.capacity.is_some() {
            self.estimate + additive(self.estimate, seen.rtt) * passed_s
        } else {
            self.estimate * GROWTH.powf(passed_s)
        };
        self.set(grown.min(limit));
    }

    fn decrease(&mut self, seen: &Seen, now: Instant) {
        let carried = seen.short.or(seen.long).unwrap_or(self.estimate);
        let settle = seen.rtt.clamp(SETTLE_MIN, SETTLE_MAX);
        let settles = self
            .reduced
            .is_some_and(|reduced| now.saturating_since(reduced) < settle);
        if settles && carried > self.estimate / 2.0 {
            return;
        }
        self.capacity = Some(match self.capacity {
            Some(known) if known.is_near(carried) => known.with(carried),
            _ => Capacity::of(carried),
        });
        self.reduced = Some(now);
        self.set((carried * BETA).min(self.estimate));
    }

    /// More arrives than the link was seen to carry: it carries more now.
    fn forget_capacity_below(&mut self, arrives: f64) {
        if self.capacity.is_some_and(|known| known.is_below(arrives)) {
            self.capacity = None;
        }
    }

    /// Bit/s that only a burst could show to be too little; infinite while nothing says so, or nearly as much arrives.
    fn full_with(&self, long: Option<f64>, now: Instant) -> f64 {
        let full = self.full.filter(|&(carried, since)| {
            let is_less = long.is_none_or(|long| long < carried * LESS);
            is_less && now.saturating_since(since) < FULL_FOR
        });
        full.map_or(f64::INFINITY, |(carried, _)| carried)
    }

    /// A burst has shown what the path carries, while so much arrived: so much at least; and if it filled the path, and less
    /// arrives, no more.
    pub fn probed(&mut self, shown: Shown, arrives: Option<f64>, now: Instant) {
        self.forget_capacity_below(shown.carried);
        let less = arrives.filter(|&arrives| shown.is_full && arrives < shown.carried);
        let kept = less.map_or(self.estimate, |arrives| {
            self.estimate
                .min((self.estimate * KEPT).max(arrives * USED))
        });
        self.set(shown.carried.max(kept));
        self.full = less.map(|_| (shown.carried, now));
        self.updated = Some(now);
    }

    /// Nobody says that anything arrives any more.
    pub fn decay(&mut self, share: f64) {
        self.set(self.estimate * share);
    }

    fn set(&mut self, estimate: f64) {
        self.estimate = estimate.clamp(LEAST as f64, MOST as f64);
    }
}

/// §5.5: half a packet of an average frame in a response time.
fn additive(estimate: f64, rtt: Duration) -> f64 {
    let frame = estimate / FRAMES;
    let packet = frame / (frame / PACKET_BITS).ceil().max(1.0);
    (packet / 2.0 / (rtt + RESPONSE).as_secs_f64()).max(LEAST_GROWTH)
}

/// What the link carried whenever it was overused: the mean, and how far the figures are apart.
#[derive(Clone, Copy, Debug)]
struct Capacity {
    mean: f64,
    /// Of the squared differences, in shares of the mean times 1 kbit/s.
    variance: f64,
}

impl Capacity {
    const WEIGHT: f64 = 0.05;
    const UNIT: f64 = 1_000.0;
    const VARIANCE: std::ops::RangeInclusive<f64> = 0.4..=2.5;
    /// §5.5: standard deviations within which a rate is near.
    const NEAR: f64 = 3.0;

    const fn of(carried: f64) -> Self {
        Self {
            mean: carried,
            variance: *Self::VARIANCE.start(),
        }
    }

    fn with(self, carried: f64) -> Self {
        let mean = self.mean + Self::WEIGHT * (carried - self.mean);
        let error = (carried - mean).powi(2) / (mean * Self::UNIT).max(1.0);
        let variance = self.variance + Self::WEIGHT * (error - self.variance);
        Self {
            mean,
            variance: variance.clamp(*Self::VARIANCE.start(), *Self::VARIANCE.end()),
        }
    }

    fn margin(&self) -> f64 {
        Self::NEAR * (self.variance * self.mean * Self::UNIT).sqrt()
    }

    fn is_near(&self, rate: f64) -> bool {
        (rate - self.mean).abs() <= self.margin()
    }

    fn is_below(&self, rate: f64) -> bool {
        rate > self.mean + self.margin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(usage: Usage, arrives: f64) -> Seen {
        Seen {
            usage,
            short: Some(arrives),
            long: Some(arrives),
            rtt: Duration::from_millis(100),
        }
    }

    fn open(carried: f64) -> Shown {
        Shown {
            carried,
            is_full: false,
        }
    }

    /// Ten reports a second, from `from_ms` on.
    fn run(rate: &mut Rate, from_ms: u64, reports: u64, usage: Usage, arrives: f64) {
        for at in 0..reports {
            rate.update(
                &seen(usage, arrives),
                Instant::from_millis(from_ms + at * 100),
            );
        }
    }

    fn assert_near(figure: f64, expected: f64) {
        assert!((figure / expected - 1.0).abs() < 0.01, "{figure} bit/s");
    }

    #[test]
    fn it_grows_by_eight_percent_a_second_while_nothing_is_known() {
        let mut rate = Rate::default();
        run(&mut rate, 0, 11, Usage::Normal, 2e6);
        assert_near(rate.estimate(), 1.08e6);
    }

    #[test]
    fn overuse_leaves_less_than_what_arrives() {
        let mut rate = Rate::default();
        run(&mut rate, 0, 1, Usage::Over, 8e5);
        assert_near(rate.estimate(), 6.8e5);
    }

    #[test]
    fn a_decrease_never_lifts_the_rate() {
        let mut rate = Rate::default();
        run(&mut rate, 0, 1, Usage::Over, 8e6);
        assert_near(rate.estimate(), 1e6);
    }

    #[test]
    fn it_holds_while_a_queue_drains_and_then_grows_slowly_near_what_the_link_carried() {
        let mut rate = Rate::default();
        run(&mut rate, 0, 1, Usage::Over, 1e6);
        run(&mut rate, 100, 10, Usage::Under, 1e6);
        assert_near(rate.estimate(), 8.5e5);
        run(&mut rate, 1_100, 11, Usage::Normal, 8.5e5);
        assert!((855e3..890e3).contains(&rate.estimate()), "{rate:?}");
    }

    #[test]
    fn it_does_not_run_away_from_a_sender_that_sends_little() {
        let mut rate = Rate::default();
        run(&mut rate, 0, 1, Usage::Over, 1e5);
        run(&mut rate, 100, 1_000, Usage::Normal, 1e5);
        assert_near(rate.estimate(), 1.3e5);
    }

    #[test]
    fn a_probe_lifts_it_beyond_and_there_it_stays() {
        let mut rate = Rate::default();
        rate.probed(open(3e6), None, Instant::default());
        run(&mut rate, 100, 100, Usage::Normal, 1e5);
        assert_near(rate.estimate(), 3e6);
        rate.probed(open(1e6), None, Instant::from_millis(20_000));
        assert_near(rate.estimate(), 3e6);
    }

    #[test]
    fn a_burst_that_filled_the_path_bounds_it_until_as_much_arrives_or_some_time_has_passed() {
        let full = Shown {
            carried: 1.1e6,
            is_full: true,
        };
        for (arrives, reports, least) in [(1e6, 99, 1.1e6), (1e6, 130, 1.2e6), (1.08e6, 40, 1.2e6)]
        {
            let mut rate = Rate::default();
            rate.probed(full, Some(arrives), Instant::default());
            run(&mut rate, 100, reports, Usage::Normal, arrives);
            assert!((least..least * 1.15).contains(&rate.estimate()), "{rate:?}");
        }
        let mut rate = Rate::default();
        rate.probed(full, Some(1e6), Instant::default());
        rate.probed(open(1.2e6), None, Instant::from_millis(100));
        run(&mut rate, 200, 50, Usage::Normal, 1e6);
        assert_near(rate.estimate(), 1.21e6);
    }

    #[test]
    fn a_moment_in_which_as_much_arrives_does_not_undo_what_the_burst_has_shown() {
        let full = Shown {
            carried: 1.1e6,
            is_full: true,
        };
        let mut rate = Rate::default();
        rate.probed(full, Some(1e6), Instant::default());
        run(&mut rate, 100, 1, Usage::Normal, 1.05e6);
        run(&mut rate, 200, 90, Usage::Normal, 9.6e5);
        assert_near(rate.estimate(), 1.1e6);
    }

    #[test]
    fn a_burst_that_filled_the_path_takes_back_what_nothing_has_shown_but_not_what_arrives() {
        let after = |before, bursts, arrives| {
            let mut rate = Rate::default();
            rate.probed(open(before), None, Instant::default());
            let full = Shown {
                carried: 1.5e6,
                is_full: true,
            };
            for burst in 1..=bursts {
                rate.probed(full, arrives, Instant::from_millis(burst * 3_000));
            }
            rate.estimate()
        };
        assert_near(after(3e6, 1, Some(1e6)), 2.85e6);
        assert_near(after(3e6, 20, Some(1e6)), 1.5e6);
        assert_near(after(1.6e6, 20, Some(1.45e6)), 1.566e6);
        assert_near(after(3e6, 20, Some(1.6e6)), 3e6);
        assert_near(after(3e6, 20, None), 3e6);
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let mut rate = Rate::default();
        rate.probed(open(1e12), None, Instant::default());
        assert_near(rate.estimate(), MOST as f64);
        rate.decay(0.0);
        assert_near(rate.estimate(), LEAST as f64);
    }
}
