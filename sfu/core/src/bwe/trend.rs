//! Whether the queue in the path grows: the slope of a line through the last groups' delays, against a threshold.
//!
//! `arrival → **trend** → mod → rate`
//!
//! draft-ietf-rmcat-gcc-02 §5.3 and §5.4, with the line that libwebrtc fits in place of the Kalman filter.  The
//! threshold follows what the path does anyway, so that neither jitter nor a competing TCP flow keeps the sender down
//! for good.

use std::collections::VecDeque;

use super::arrival::Step;

/// Groups that the line goes through.
const WINDOW: usize = 20;
/// Weight of the past in the smoothed delay, where groups come so close or closer.  Behind a slow link a group is a picture: were
/// each weighed alike, a queue would take half a second to show.
const SMOOTHING: f64 = 0.9;
const CLOSE_MS: f64 = 15.0;
/// Groups further apart count as if they were so many times that.
const MOST_APART: f64 = 4.0;
/// The slope counts by so many of the groups seen, and times the gain, to be compared with the threshold.
const MAX_GROUPS: u32 = 60;
const GAIN: f64 = 4.0;
/// §5.6: the threshold at first, and within what it stays.
const FIRST_THRESHOLD_MS: f64 = 12.5;
const THRESHOLD_MS: std::ops::RangeInclusive<f64> = 6.0..=600.0;
/// §5.4: how fast it goes up and down, by the millisecond.
const K_UP: f64 = 0.0087;
const K_DOWN: f64 = 0.039;
/// A spike this far above the threshold does not move it.
const MAX_ABOVE_MS: f64 = 15.0;
/// A longer time between two groups counts as this.
const MAX_ADAPT_MS: f64 = 100.0;
/// §5.6: the slope is above the threshold for so long before it means overuse.
const OVERUSE_TIME_MS: f64 = 10.0;

/// What the slope says of the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    /// Neither.
    #[default]
    Normal,
    /// More goes in than comes out.
    Over,
    /// A queue drains.
    Under,
}

/// A group: its arrival and its smoothed delay, both since the first.
#[derive(Clone, Copy, Debug)]
struct Point {
    arrival_ms: f64,
    delay_ms: f64,
}

/// The slope of one path's delay.
#[derive(Debug)]
pub struct Trend {
    points: VecDeque<Point>,
    first_arrival_us: Option<i64>,
    groups: u32,
    delay_ms: f64,
    smoothed_ms: f64,
    slope: f64,
    threshold_ms: f64,
    adapted_us: i64,
    /// For how long the slope has been above the threshold, in how many groups.
    above_ms: f64,
    above: u32,
    usage: Usage,
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            points: VecDeque::new(),
            first_arrival_us: None,
            groups: 0,
            delay_ms: 0.0,
            smoothed_ms: 0.0,
            slope: 0.0,
            threshold_ms: FIRST_THRESHOLD_MS,
            adapted_us: 0,
            above_ms: 0.0,
            above: 0,
            usage: Usage::Normal,
        }
    }
}

impl Trend {
    /// Takes in the next group.
    pub fn add(&mut self, step: &Step) {
        let first = *self.first_arrival_us.get_or_insert(step.arrival_us);
        self.groups = (self.groups + 1).min(MAX_GROUPS);
        self.delay_ms += (step.arrived_us - step.sent_us) as f64 / 1e3;
        let apart = (step.arrived_us as f64 / 1e3 / CLOSE_MS).clamp(1.0, MOST_APART);
        let past = SMOOTHING.powf(apart);
        self.smoothed_ms = past * self.smoothed_ms + (1.0 - past) * self.delay_ms;
        if self.points.len() == WINDOW {
            self.points.pop_front();
        }
        self.points.push_back(Point {
            arrival_ms: (step.arrival_us - first) as f64 / 1e3,
            delay_ms: self.smoothed_ms,
        });
        if self.points.len() == WINDOW {
            let slope = self.fit().unwrap_or(self.slope);
            self.judge(slope, step);
        }
    }

    /// Least squares, in one pass: counted from the oldest point, so that the sums stay small.
    fn fit(&self) -> Option<f64> {
        let (oldest, count) = (*self.points.front()?, self.points.len() as f64);
        let (mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0);
        for point in &self.points {
            let arrival = point.arrival_ms - oldest.arrival_ms;
            let delay = point.delay_ms - oldest.delay_ms;
            x += arrival;
            y += delay;
            xx += arrival * arrival;
            xy += arrival * delay;
        }
        let variance = xx - x * x / count;
        (variance > 0.0).then(|| (xy - x * y / count) / variance)
    }

    fn judge(&mut self, slope: f64, step: &Step) {
        let weighed = f64::from(self.groups) * slope * GAIN;
        if weighed > self.threshold_ms {
            self.note_above(slope, step.sent_us as f64 / 1e3);
        } else {
            (self.above_ms, self.above) = (0.0, 0);
            self.usage = if weighed < -self.threshold_ms {
                Usage::Under
            } else {
                Usage::Normal
            };
        }
        self.slope = slope;
        self.adapt(weighed.abs(), step.arrival_us);
    }

    /// Overuse needs time, two groups, and a slope that does not fall already.
    fn note_above(&mut self, slope: f64, sent_ms: f64) {
        // It went above somewhere between the group before and this one.
        self.above_ms += if self.above == 0 {
            sent_ms / 2.0
        } else {
            sent_ms
        };
        self.above += 1;
        if self.above_ms > OVERUSE_TIME_MS && self.above > 1 && slope >= self.slope {
            (self.above_ms, self.above) = (0.0, 0);
            self.usage = Usage::Over;
        }
    }

    fn adapt(&mut self, weighed_ms: f64, arrival_us: i64) {
        let passed_ms = ((arrival_us - self.adapted_us) as f64 / 1e3).clamp(0.0, MAX_ADAPT_MS);
        self.adapted_us = arrival_us;
        if weighed_ms > self.threshold_ms + MAX_ABOVE_MS {
            return;
        }
        let k = if weighed_ms < self.threshold_ms {
            K_DOWN
        } else {
            K_UP
        };
        self.threshold_ms += k * (weighed_ms - self.threshold_ms) * passed_ms;
        self.threshold_ms = self
            .threshold_ms
            .clamp(*THRESHOLD_MS.start(), *THRESHOLD_MS.end());
    }

    /// What the slope says.
    pub const fn usage(&self) -> Usage {
        self.usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups 10 ms apart, each later by `growth` than the one before.
    fn feed(trend: &mut Trend, count: i64, growth_us: impl Fn(i64) -> i64) {
        let mut arrival_us = trend.adapted_us;
        for at in 0..count {
            let arrived_us = 10_000 + growth_us(at);
            arrival_us += arrived_us;
            trend.add(&Step {
                sent_us: 10_000,
                arrived_us,
                arrival_us,
                one_way_us: 0,
            });
        }
    }

    #[test]
    fn a_steady_path_is_used_normally() {
        let mut trend = Trend::default();
        feed(&mut trend, 200, |_| 0);
        assert_eq!(trend.usage(), Usage::Normal);
        assert!(trend.threshold_ms < FIRST_THRESHOLD_MS);
    }

    #[test]
    fn a_growing_delay_is_overuse_and_a_shrinking_one_the_opposite() {
        let mut trend = Trend::default();
        feed(&mut trend, 40, |_| 0);
        feed(&mut trend, 15, |_| 2_000);
        assert_eq!(trend.usage(), Usage::Over);
        feed(&mut trend, 40, |_| 0);
        feed(&mut trend, 20, |_| -2_000);
        assert_eq!(trend.usage(), Usage::Under);
    }

    #[test]
    fn a_queue_behind_a_slow_link_shows_within_some_pictures() {
        let mut trend = Trend::default();
        let mut picture = |growth_us: i64| {
            let arrived_us = 50_000 + growth_us;
            trend.add(&Step {
                sent_us: 50_000,
                arrived_us,
                arrival_us: trend.adapted_us + arrived_us,
                one_way_us: 0,
            });
            trend.usage()
        };
        (0..30).for_each(|_| assert_eq!(picture(0), Usage::Normal));
        let seen = (1..20).find(|_| picture(25_000) == Usage::Over);
        assert_eq!(seen, Some(5), "of which each waits for 25 ms more");
    }

    #[test]
    fn the_threshold_follows_what_the_path_does_anyway() {
        let mut trend = Trend::default();
        let wave = |at: i64| if at / 40 % 2 == 0 { 600 } else { -600 };
        feed(&mut trend, 2_000, wave);
        let high = trend.threshold_ms;
        assert!(high > 1.5 * THRESHOLD_MS.start(), "{high} ms");
        feed(&mut trend, 2_000, |_| 0);
        assert!((trend.threshold_ms - THRESHOLD_MS.start()).abs() < 0.1);
    }
}
