//! What is lost, and whether sending less would help.
//!
//! `history → **loss** → mod (estimate, rate)`
//!
//! draft-ietf-rmcat-gcc-02 §6 sends less as soon as a tenth is lost.  On a radio link that loses a tenth whatever is
//! sent, this ends at nothing.  libwebrtc's later estimator tells the two apart by a share that is inherent in the
//! path; here it is found by trying: loss beyond what is known makes the sender send a little less for a moment.  If
//! the share stays, it is inherent and the bound goes; if it falls, the path was full, and the bound stays and grows
//! slowly.  A burst of losses would be over by then in any case, so it takes two figures in a row to try that.

use std::time::Duration;

use super::LEAST;
use crate::time::Instant;

/// Packets and time that make a figure.
const WINDOW_PACKETS: u32 = 30;
const WINDOW: Duration = Duration::from_millis(200);
/// After this, fewer packets do.
const LONG_WINDOW: Duration = Duration::from_secs(1);
const LONG_WINDOW_PACKETS: u32 = 10;
/// Weight of a new figure.
const WEIGHT: f64 = 0.3;
/// Weight of one in what has been lost for long: some seconds.
const LASTING_WEIGHT: f64 = 0.05;
/// §6: so much more than is inherent asks for less.
const TOO_MUCH: f64 = 0.10;
/// So much more than is inherent is not surprising.
const TOLERATED: f64 = 0.05;
/// A trial leaves this share of what arrives.
const TRIAL: f64 = 0.85;
/// What was sent before the trial is reported on for a round trip and this.
const TRIAL_SETTLE: Duration = Duration::from_millis(250);
/// Packets that decide a trial, and its end with fewer.
const TRIAL_PACKETS: u32 = 60;
const TRIAL_END: Duration = Duration::from_secs(3);
/// The loss is inherent if the trial leaves this share of it.
const INHERENT: f64 = 0.7;
/// No path that can be used loses more than this whatever is sent.
const MAX_INHERENT: f64 = 0.3;
/// Growth of the bound in a second.
const GROWTH: f64 = 1.08;

/// Packets that feedback has told of.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    reported: u32,
    lost: u32,
}

impl Count {
    fn share(self) -> f64 {
        f64::from(self.lost) / f64::from(self.reported.max(1))
    }
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    /// Lost before.
    share: f64,
    began: Instant,
    count: Count,
}

/// What else is known of the path.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// Bit/s that arrive.
    pub arrives: Option<f64>,
    /// Bit/s that the delay allows.
    pub rate: f64,
    /// The queue is long, so that what is lost ran over: that is for the delay to answer.
    pub is_queued: bool,
    /// Round trip.
    pub rtt: Duration,
}

/// The loss of one path.
#[derive(Debug)]
pub struct Loss {
    count: Count,
    since: Option<Instant>,
    /// Of the last figures; nothing before the first.
    share: Option<f64>,
    latest: f64,
    /// The figure before.
    previous: f64,
    /// The same, but only while no queue ran over.
    calm: Option<f64>,
    /// The same over seconds.
    lasting: f64,
    /// The queue was long while the packets that are being counted were.
    is_queued: bool,
    inherent: f64,
    bound: f64,
    trial: Option<Trial>,
}

impl Default for Loss {
    fn default() -> Self {
        Self {
            count: Count::default(),
            since: None,
            share: None,
            latest: 0.0,
            previous: 0.0,
            calm: None,
            lasting: 0.0,
            is_queued: false,
            inherent: 0.0,
            bound: f64::INFINITY,
            trial: None,
        }
    }
}

impl Loss {
    /// A packet has arrived, perhaps after it was said to be lost.
    pub fn arrived(&mut self, was_lost: bool) {
        if was_lost {
            self.count.lost = self.count.lost.saturating_sub(1);
        } else {
            self.count.reported += 1;
        }
    }

    /// A packet has not arrived.
    pub fn lost(&mut self) {
        self.count.reported += 1;
        self.count.lost += 1;
    }

    /// Draws conclusions at the end of feedback.
    pub fn update(&mut self, path: &Path, now: Instant) {
        self.is_queued |= path.is_queued;
        let passed = now.saturating_since(*self.since.get_or_insert(now));
        let full = passed >= WINDOW && self.count.reported >= WINDOW_PACKETS
            || passed >= LONG_WINDOW && self.count.reported >= LONG_WINDOW_PACKETS;
        if !full {
            return;
        }
        let count = std::mem::take(&mut self.count);
        self.since = Some(now);
        self.previous = std::mem::replace(&mut self.latest, count.share());
        self.share = Some(smoothed(self.share, self.latest));
        if !self.is_queued {
            self.lasting += LASTING_WEIGHT * (self.latest - self.lasting);
            self.calm = Some(smoothed(self.calm, self.latest));
        }
        match self.trial {
            Some(trial) => self.go_on(trial, count, path.rtt, now),
            None => self.judge(self.calm.unwrap_or_default(), path, passed, now),
        }
        self.is_queued = path.is_queued;
    }

    fn judge(&mut self, share: f64, path: &Path, passed: Duration, now: Instant) {
        if share < self.inherent {
            self.inherent += WEIGHT * (share - self.inherent);
        }
        let too_much = self.inherent + TOO_MUCH;
        let lasts = self.latest.min(self.previous) > too_much;
        if lasts && share > too_much && !self.is_queued {
            let Some(arrives) = path.arrives else { return };
            // Two views of what gets through; unless most is lost, the lower one may have caught a bad moment.
            let through = if share > MAX_INHERENT {
                arrives
            } else {
                arrives.max(path.rate.min(self.bound) * (1.0 - share))
            };
            self.bound = (through * TRIAL).min(self.bound).max(LEAST as f64);
            self.trial = Some(Trial {
                share: share.min(self.latest),
                began: now,
                count: Count::default(),
            });
        } else if share <= self.inherent + TOLERATED {
            self.bound *= GROWTH.powf(passed.min(LONG_WINDOW).as_secs_f64());
            if self.bound > path.rate {
                self.bound = f64::INFINITY;
            }
        }
    }

    fn go_on(&mut self, mut trial: Trial, count: Count, rtt: Duration, now: Instant) {
        let since = now.saturating_since(trial.began);
        // This window began in the one before, so it must have settled then already.
        if since >= rtt + TRIAL_SETTLE + WINDOW {
            trial.count.reported += count.reported;
            trial.count.lost += count.lost;
        }
        self.trial = Some(trial);
        if trial.count.reported < TRIAL_PACKETS && since < TRIAL_END {
            return;
        }
        self.trial = None;
        if trial.count.reported == 0 {
            self.bound = f64::INFINITY;
            return;
        }
        let after = trial.count.share();
        self.calm = Some(after);
        // Who sends less than what got through and loses so much still does not lose it to a full path.
        let stays = after >= trial.share * INHERENT || after > self.inherent + TOO_MUCH;
        if stays && after <= MAX_INHERENT {
            self.inherent = after;
            self.bound = f64::INFINITY;
        }
    }

    /// A burst has gone through at this rate: who has stopped sending for the bound's sake has nothing else to tell that the
    /// path is better than it was.
    pub fn carried(&mut self, rate: f64) {
        if rate > self.bound {
            self.bound = rate;
            self.trial = None;
            (self.share, self.calm, self.latest) = (None, None, 0.0);
        }
    }

    /// Bit/s that the loss allows; infinite while it says nothing.
    pub const fn bound(&self) -> f64 {
        self.bound
    }

    /// Lost lately.
    pub fn share(&self) -> f64 {
        self.share.unwrap_or_default()
    }

    /// Lost for seconds, other than by a queue that ran over.
    pub const fn lasting(&self) -> f64 {
        self.lasting
    }

    /// Lost whatever is sent.
    pub const fn inherent(&self) -> f64 {
        self.inherent
    }

    /// Whether more is lost than is inherent: if there is a queue too, it runs over.
    pub fn is_unexplained(&self) -> bool {
        self.latest > self.inherent + TOLERATED
    }
}

fn smoothed(before: Option<f64>, latest: f64) -> f64 {
    before.map_or(latest, |before| before + WEIGHT * (latest - before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::random::Random;

    fn path(arrives: Option<f64>) -> Path {
        Path {
            arrives,
            rate: 3e6,
            is_queued: false,
            rtt: Duration::from_millis(50),
        }
    }

    /// Sends what is allowed, up to 3 Mbit/s in packets of 10 kbit, for ten reports a second.
    struct Link {
        loss: Loss,
        random: Random,
        now: Instant,
    }

    impl Link {
        fn new() -> Self {
            Self {
                loss: Loss::default(),
                random: Random::new(1, 0),
                now: Instant::default(),
            }
        }

        /// The mean of what is allowed.
        fn run(&mut self, seconds: u64, lost: impl Fn(f64) -> f64) -> f64 {
            let mut sum = 0.0;
            for _ in 0..seconds * 10 {
                self.now = self.now + Duration::from_millis(100);
                let sent = self.loss.bound().min(3e6);
                let share = lost(sent);
                for _ in 0..(sent / 1e5) as u32 {
                    if self.random.share() < share {
                        self.loss.lost();
                    } else {
                        self.loss.arrived(false);
                    }
                }
                self.loss
                    .update(&path(Some(sent * (1.0 - share))), self.now);
                sum += sent;
            }
            sum / (seconds * 10) as f64
        }
    }

    #[test]
    fn loss_that_does_not_depend_on_the_rate_takes_little() {
        for share in [0.03, 0.1, 0.2] {
            let mean = Link::new().run(30, |_| share);
            assert!(mean > 2.7e6, "{mean} at {share}");
        }
    }

    #[test]
    fn a_path_that_drops_what_is_above_its_rate_is_found() {
        let mut link = Link::new();
        let policer = |sent: f64| (1.0 - 1e6 / sent).max(0.0);
        link.run(5, policer);
        let mean = link.run(30, policer);
        assert!((0.9e6..1.15e6).contains(&mean), "{mean}");
    }

    #[test]
    fn the_bound_goes_when_the_loss_has_gone() {
        let mut link = Link::new();
        link.run(5, |sent| (1.0 - 1e6 / sent).max(0.0));
        link.run(20, |_| 0.0);
        assert_eq!(link.loss.bound(), f64::INFINITY);
    }

    #[test]
    fn a_burst_of_losses_that_is_over_with_the_next_figure_lowers_nothing() {
        let bound_after = |figures: &[u32]| {
            let mut loss = Loss::default();
            loss.update(&path(None), Instant::default());
            for (at, &lost) in (1..).zip(figures) {
                (0..lost).for_each(|_| loss.lost());
                (lost..WINDOW_PACKETS).for_each(|_| loss.arrived(false));
                loss.update(&path(Some(1e6)), Instant::from_millis(at * 300));
            }
            loss.bound()
        };
        assert_eq!(bound_after(&[20, 0, 0, 20, 0]), f64::INFINITY);
        assert!(bound_after(&[20, 20]) < 1e6);
    }

    #[test]
    fn a_packet_that_comes_late_is_not_lost() {
        let mut loss = Loss::default();
        loss.update(&path(None), Instant::default());
        (0..30).for_each(|_| loss.lost());
        (0..30).for_each(|_| loss.arrived(true));
        loss.update(&path(None), Instant::from_millis(300));
        assert_eq!(loss.share(), 0.0);
    }

    #[test]
    fn what_a_path_loses_for_seconds_is_told_from_a_moment_and_from_a_queue_that_runs_over() {
        let mut link = Link::new();
        link.run(30, |_| 0.0);
        link.run(1, |_| 0.1);
        assert!(link.loss.lasting() < 0.03, "{}", link.loss.lasting());
        link.run(20, |_| 0.03);
        assert!((0.02..0.05).contains(&link.loss.lasting()));
        link.run(20, |_| 0.0);
        assert!(link.loss.lasting() < 0.002, "{}", link.loss.lasting());
        let queued = Path {
            is_queued: true,
            ..path(Some(1e6))
        };
        let mut loss = Loss::default();
        for at in 0..100 {
            (0..20).for_each(|_| loss.lost());
            loss.update(&queued, Instant::from_millis(at * 100));
        }
        assert_eq!(loss.lasting(), 0.0);
    }

    #[test]
    fn what_runs_over_a_long_queue_tries_nothing() {
        let mut loss = Loss::default();
        let queued = Path {
            is_queued: true,
            ..path(Some(1e6))
        };
        for at in 0..50 {
            (0..20).for_each(|_| loss.lost());
            loss.update(&queued, Instant::from_millis(at * 100));
        }
        assert!(loss.is_unexplained());
        assert_eq!(loss.bound(), f64::INFINITY);
    }
}
