//! The estimate of a receiver without transport-wide feedback: what it tells, and what that leaves open.
//!
//! `remb (what it estimates), reports (what it lost) → **reported** → mod (estimate)`
//!
//! A receiver's estimate stays below 1.5 times what comes (draft-ietf-rmcat-gcc-02 §5.5), so one that is well above what it is
//! sent says nothing against more: meanwhile ours grows by itself, or no layer that costs twice the one below would ever be
//! gone up to.  One that has fallen says that a queue grew:
//!
//! ```text
//! fallen, to much less than is sent     what it tells
//! less for long, and it does not rise   what it tells
//! near what is sent                     stays, with room for what is sent
//! well above what is sent               grows; right after it had grown in vain, up to what arrived then
//! ```
//!
//! That it has fallen alone is not believed: each keyframe stands in the queue of a slow path for a moment.

use std::time::Duration;

use super::remb::Estimates;
use super::reports::Reports;
use super::{LEAST, MOST, START};
use crate::time::Instant;

/// §5.5: of what arrives receivers tell so much when a queue grows...
const BETA: f64 = 0.85;
/// ...so what they tell when all that is sent arrives is more than this share of it.
const ALL: f64 = 0.8;
/// Well above what is sent; as much is room for it, for its headers and for what is never shared out.
const WELL_ABOVE: f64 = 1.3;
/// What is sent has to fit with room to spare before it is gone up to again.
const ROOM_TO_RETURN: f64 = 1.5;
/// Less than this share of what is sent, for so long, is believed even if it has not fallen just now.
const LESS: f64 = 0.9;
const LASTS: Duration = Duration::from_secs(3);
/// It rises if it is so many times what it was.
const RISES: f64 = 1.03;
/// Growth in a second; a longer time between two words counts as one.  The next layer costs three times as much, and is not to
/// take longer than people have patience: §5.5 has 1.08, for rates that follow in small steps.
const GROWTH: f64 = 1.15;
const MAX_STEP: Duration = Duration::from_secs(1);
/// More than this times what could be used is of no use.
const OF_USE: f64 = 1.2;
/// For how long it grows no further than what arrived when it had grown in vain: at first, and at most.
const REST: Duration = Duration::from_secs(4);
const LONGEST_REST: Duration = Duration::from_secs(32);
/// Who has not grown in vain for so long begins with the shortest rest again.
const FORGIVEN: Duration = Duration::from_secs(60);

/// The receiver's word.
#[derive(Debug)]
pub struct Reported {
    told: Estimates,
    /// Bit/s for what the receiver names.
    estimate: Option<f64>,
    /// Bit/s that are sent beside that.
    beside: f64,
    /// Since when it has told less than is sent, and no more than this.
    less_since: Option<(Instant, f64)>,
    growth: Growth,
    reports: Reports,
    /// Bit/s of which there is use.
    most: f64,
}

impl Default for Reported {
    fn default() -> Self {
        Self {
            told: Estimates::default(),
            estimate: None,
            beside: 0.0,
            less_since: None,
            growth: Growth::default(),
            reports: Reports::default(),
            most: MOST as f64,
        }
    }
}

impl Reported {
    /// The receiver's estimate for these of our sources, while the peer's sources send so many bit/s each.
    pub fn remb(
        &mut self,
        bits_per_second: u64,
        ssrcs: Vec<u32>,
        sent: impl Iterator<Item = (u32, f64)>,
        now: Instant,
    ) {
        let one = bits_per_second.clamp(LEAST, MOST) as f64;
        let higher = self.told.tell(one, ssrcs, now);
        let (mut named, mut beside) = (0.0, 0.0);
        for (ssrc, rate) in sent {
            match self.told.name(ssrc) {
                true => named += rate,
                false => beside += rate,
            }
        }
        self.beside = beside;
        let told = self.told.sum();
        let has_fallen = higher.map_or(self.estimate.is_none(), |higher| higher < 0.0);
        self.follow(told, named, has_fallen, now);
    }

    /// `told` for sources that send `sent` bit/s.
    fn follow(&mut self, told: f64, sent: f64, has_fallen: bool, now: Instant) {
        let before = self.estimate.unwrap_or(0.0);
        let passed = self.growth.passed(now);
        let arrives = told.max(sent * WELL_ABOVE);
        let is_less = self.is_less(told, sent, now);
        if !(is_less || has_fallen && told < sent * ALL) {
            let grows = told >= sent * WELL_ABOVE;
            if grows {
                self.growth.easy = sent * ROOM_TO_RETURN;
            }
            let most = self.growth.most(now).min(self.most * OF_USE).max(before);
            let grown = if grows {
                before * GROWTH.powf(passed)
            } else {
                before
            };
            let least = if self.less_since.is_none() {
                arrives
            } else {
                told
            };
            self.estimate = Some(grown.min(most).max(least).min(MOST as f64));
            return;
        }
        if before > told {
            self.growth.was_in_vain(told / BETA, now);
        }
        self.estimate = Some(self.estimate.map_or(told, |before| before.min(told)));
    }

    /// Whether it has told less than is sent for long, and no more in the meantime: behind a step up it takes its time to follow.
    fn is_less(&mut self, told: f64, sent: f64, now: Instant) -> bool {
        if told >= sent * LESS {
            self.less_since = None;
            return false;
        }
        let (since, most) = *self.less_since.get_or_insert((now, told));
        if told > most * RISES {
            self.less_since = Some((now, told));
            return false;
        }
        now.saturating_since(since) >= LASTS
    }

    /// Of streams that send `sent` bit/s together so much was lost.
    pub fn lost(&mut self, lost: f64, sent: f64, now: Instant) {
        self.reports.tell(lost, sent, self.allowed(), now);
    }

    /// What the sender could make use of at most, bit/s.
    pub const fn wants(&mut self, most: u64) {
        self.most = most as f64;
    }

    /// Bit/s, losses aside.
    fn allowed(&self) -> f64 {
        self.estimate
            .map_or(START as f64, |named| named + self.beside)
    }

    /// Bit/s.
    pub fn estimate(&self) -> f64 {
        self.allowed().min(self.reports.bound())
    }
}

/// How far the estimate may grow by itself.
#[derive(Debug, Default)]
struct Growth {
    looked: Option<Instant>,
    /// What was sent, with room, when the receiver told well above it last.
    easy: f64,
    /// What arrived when it had grown in vain, or before.
    carried: f64,
    rests_until: Instant,
    rest: Duration,
    in_vain: Option<Instant>,
}

impl Growth {
    /// Seconds since the last word.
    fn passed(&mut self, now: Instant) -> f64 {
        let before = self.looked.replace(now).unwrap_or(now);
        now.saturating_since(before).min(MAX_STEP).as_secs_f64()
    }

    /// Bit/s.
    fn most(&self, now: Instant) -> f64 {
        if now < self.rests_until {
            self.carried
        } else {
            f64::INFINITY
        }
    }

    fn was_in_vain(&mut self, carried: f64, now: Instant) {
        if now < self.rests_until {
            return; // Still the same fall.
        }
        self.carried = carried.max(self.easy);
        let is_soon = |before| now.saturating_since(before) < FORGIVEN;
        self.rest = match self.in_vain.is_some_and(is_soon) {
            true => (self.rest * 2).min(LONGEST_REST),
            false => REST,
        };
        (self.rests_until, self.in_vain) = (now + self.rest, Some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURES: u32 = 7;

    /// A receiver of one video, told of and sent to twice a second.
    struct Told {
        reported: Reported,
        ms: u64,
    }

    impl Told {
        fn new() -> Self {
            Self {
                reported: Reported::default(),
                ms: 10_000,
            }
        }

        /// So often this estimate while so much is sent, in kbit/s; gives ours.
        fn told(&mut self, kbps: u64, sent_kbps: f64, times: usize) -> f64 {
            for _ in 0..times {
                self.ms += 500;
                let now = Instant::from_millis(self.ms);
                let sent = [(PICTURES, sent_kbps * 1e3)];
                self.reported
                    .remb(kbps * 1_000, vec![PICTURES], sent.into_iter(), now);
            }
            (self.reported.estimate() / 1e3).round()
        }
    }

    #[test]
    fn the_first_figure_is_taken_and_what_is_sent_fits_if_it_arrives() {
        assert_eq!(Told::new().told(2_345, 0.0, 1), 2_345.0);
        assert_eq!(Told::new().told(0, 0.0, 1), LEAST as f64 / 1e3);
        assert_eq!(
            Told::new().told(u64::MAX / 1_000, 0.0, 1),
            MOST as f64 / 1e3
        );
        // aiortc begins with what has come.
        assert_eq!(Told::new().told(300, 300.0, 1), 390.0);
        assert_eq!(Told::new().told(300, 1_000.0, 1), 300.0);
    }

    #[test]
    fn one_that_is_well_above_what_is_sent_says_nothing_against_more() {
        let mut told = Told::new();
        told.told(100, 60.0, 1);
        let grown = told.told(100, 60.0, 20);
        assert!((400.0..410.0).contains(&grown), "{grown}");
        assert_eq!(told.told(100, 90.0, 20), grown, "near what is sent");
    }

    #[test]
    fn it_grows_no_further_than_there_is_use_for() {
        let mut told = Told::new();
        told.told(100, 60.0, 1);
        told.reported.wants(250_000);
        let grown = told.told(100, 60.0, 200);
        assert!((300.0..325.0).contains(&grown), "{grown}");
    }

    #[test]
    fn one_that_falls_below_what_is_sent_is_believed_at_once() {
        let mut told = Told::new();
        told.told(1_500, 1_000.0, 4);
        assert_eq!(told.told(340, 1_000.0, 1), 340.0);
    }

    #[test]
    fn one_that_falls_though_all_that_is_sent_arrives_changes_nothing_for_the_moment() {
        let mut told = Told::new();
        let grown = told.told(450, 300.0, 10);
        assert_eq!(told.told(255, 300.0, 6), grown, "0.85 of what arrives");
        assert_eq!(told.told(255, 300.0, 1), 255.0, "it stays");
    }

    #[test]
    fn one_that_stays_below_what_is_sent_is_believed_after_a_while() {
        let mut told = Told::new();
        told.told(450, 300.0, 4);
        let before = told.told(300, 250.0, 1);
        assert_eq!(told.told(300, 400.0, 6), before);
        assert_eq!(told.told(300, 400.0, 1), 300.0);
    }

    #[test]
    fn one_that_follows_a_step_up_in_its_own_time_is_not_below_what_is_sent() {
        let mut told = Told::new();
        let before = told.told(155, 96.0, 20);
        for kbps in (155..216).step_by(6) {
            assert_eq!(told.told(kbps, 240.0, 1), before, "{kbps}");
        }
    }

    #[test]
    fn who_has_grown_in_vain_stays_at_what_came_then_longer_each_time_and_is_forgiven() {
        let mut told = Told::new();
        let mut rests = Vec::new();
        for pause in [0, 0, 0, 0, 150] {
            told.told(400, 250.0, pause);
            told.told(1_200, 260.0, 20);
            assert_eq!(told.told(340, 1_000.0, 1), 340.0);
            let words = (1..200).find(|_| told.told(341, 100.0, 1) > 400.0);
            rests.extend(words.map(|words| words / 2));
        }
        assert_eq!(rests, [4, 8, 16, 32, 4]);
    }

    #[test]
    fn estimates_of_several_m_lines_add_up_with_what_they_do_not_name() {
        let mut reported = Reported::default();
        let sent = || [(1, 300e3), (2, 200e3), (3, 48e3)].into_iter();
        reported.remb(400_000, vec![1], sent(), Instant::from_millis(1_000));
        assert_eq!(reported.estimate(), 400e3 + 248e3);
        reported.remb(250_000, vec![2], sent(), Instant::from_millis(1_100));
        assert_eq!(reported.estimate(), 650e3 + 48e3);
    }

    #[test]
    fn what_was_lost_is_a_bound_of_its_own() {
        let mut told = Told::new();
        told.told(2_000, 1_500.0, 1);
        let now = Instant::from_millis(told.ms);
        told.reported.lost(8e5, 1.6e6, now);
        assert_eq!(told.reported.estimate(), 1.5e6);
        assert_eq!(told.told(2_100, 1_500.0, 1), 1_500.0, "whatever it tells");
    }
}
