//! The estimate of a receiver without transport-wide feedback: what it tells, and what that leaves open.
//!
//! `remb (what it estimates), reports (what it lost) → **reported** → mod (estimate)`
//!
//! A receiver's estimate stays below 1.5 times what comes (draft-ietf-rmcat-gcc-02 §5.5), so one that is well above what it is
//! sent says nothing against more: meanwhile ours grows by itself, or no layer that costs twice the one below would ever be
//! gone up to.  One that has fallen says that a queue grew:
//!
//! ```text
//! fallen, and much less than is sent    what it tells, if it is for a while
//! less for long, and it does not rise   what it tells
//! near what is sent                     stays, with room for what is sent
//! well above what is sent               grows; right after it had grown in vain, up to what arrived then
//! ```
//!
//! How it grows by itself, and goes back to what went well: `growth.rs`.
//!
//! That it has fallen alone is not believed: each keyframe stands in the queue of a slow path for a moment.  Nor that it is much
//! less right after a step, since receivers tell of what came in the second before: a step up begins with a keyframe, and
//! after one down it is the sent rate that is old.

use std::time::Duration;

use super::growth::Growth;
use super::remb::Estimates;
use super::reports::Reports;
use super::{LEAST, MOST, START};
use crate::time::Instant;

/// §5.5: of what arrives receivers tell so much when a queue grows...
const BETA: f64 = 0.85;
/// ...so what they tell when all that is sent arrives is more than this share of it.
const ALL: f64 = 0.8;
/// For so long it has to be less before it is believed.
const SETTLES: Duration = Duration::from_millis(700);
/// Well above what is sent; as much is room for it, for its headers and for what is never shared out.
const WELL_ABOVE: f64 = 1.3;
/// Less than this share of what is sent is believed after a while even if it has not fallen just now: if it may be that all
/// arrives, after so long, since receivers do not rise for some seconds after a fall...
const LESS: f64 = 0.9;
const LASTS: Duration = Duration::from_secs(8);
/// ...else after this.
const MUCH_LESS_LASTS: Duration = Duration::from_secs(3);
/// It rises if it is so many times what it was.
const RISES: f64 = 1.03;
/// More than this times what could be used is of no use.
const OF_USE: f64 = 1.2;

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
    /// Since when it has told much less, and what it fell to meanwhile if it has not risen since.
    much_less: Option<(Instant, Option<f64>)>,
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
            much_less: None,
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
        let is_much_less = self.is_much_less(told, sent, has_fallen, now);
        if !(is_less || is_much_less) {
            let grows = told >= sent * WELL_ABOVE;
            if grows {
                self.growth.went_well(sent, now);
            }
            let most = self.growth.most(now).min(self.most * OF_USE).max(before);
            let grown = if grows {
                self.growth.grown(before, passed)
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
            self.growth.was_in_vain(told / BETA, sent, now);
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
        let lasts = match told < sent * ALL {
            true => MUCH_LESS_LASTS,
            false => LASTS,
        };
        now.saturating_since(since) >= lasts
    }

    /// Whether it has fallen, and tells much less than is sent for a while.
    fn is_much_less(&mut self, told: f64, sent: f64, has_fallen: bool, now: Instant) -> bool {
        if told >= sent * ALL {
            self.much_less = None;
            return false;
        }
        let (since, fell_to) = self.much_less.unwrap_or((now, None));
        let fell_to = match has_fallen {
            true => Some(told),
            false => fell_to.filter(|&to| told <= to * RISES),
        };
        self.much_less = Some((since, fell_to));
        fell_to.is_some() && now.saturating_since(since) >= SETTLES
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
    fn one_that_falls_far_below_what_is_sent_and_does_not_rise_is_believed_soon() {
        let mut told = Told::new();
        let before = told.told(1_500, 1_000.0, 4);
        assert_eq!(told.told(340, 1_000.0, 2), before);
        assert_eq!(told.told(345, 1_000.0, 1), 345.0);
    }

    #[test]
    fn one_that_falls_at_the_keyframe_of_a_step_up_and_recovers_changes_nothing() {
        let mut told = Told::new();
        let before = told.told(165, 97.0, 20);
        for kbps in [117, 122, 133, 152, 159, 167, 175] {
            assert_eq!(told.told(kbps, 250.0, 1), before, "{kbps}");
        }
        let mut told = Told::new();
        let before = told.told(450, 300.0, 4);
        assert_eq!(
            told.told(110, 157.0, 2),
            before,
            "what is sent is known late"
        );
        assert!(told.told(110, 97.0, 8) >= before);
    }

    #[test]
    fn what_was_easy_is_gone_back_to_once_a_queue_has_drained_until_it_is_easy_no_more() {
        let mut told = Told::new();
        told.told(400, 270.0, 8);
        assert_eq!(told.told(300, 900.0, 3), 300.0);
        assert_eq!(told.told(150, 100.0, 1), 405.0, "1.5 times what was sent");
        told.told(400, 270.0, 4);
        assert_eq!(told.told(140, 270.0, 3), 140.0);
        let again = told.told(160, 100.0, 1);
        assert!(again < 200.0, "{again}");
    }

    #[test]
    fn one_that_falls_though_all_that_is_sent_arrives_changes_nothing_for_the_moment() {
        let mut told = Told::new();
        let grown = told.told(450, 300.0, 10);
        assert_eq!(told.told(255, 300.0, 16), grown, "0.85 of what arrives");
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
            assert_eq!(told.told(340, 1_000.0, 3), 340.0);
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
