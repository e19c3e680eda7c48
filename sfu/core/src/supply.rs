//! What of a track there is to choose from: which layers come, what they cost, how large they are.
//!
//! `layer (rates, keyframes) → track → **supply** → allotting`, on another worker `relay (Described) → track → …`
//!
//! A publisher sends only the layers that somebody takes.  So a layer that is silent may be *asleep*, and comes when it is
//! asked for; or it was asked for and does not come, since its publisher has no room for it.
//!
//! ```text
//!           media                    1.5 s of it                nobody takes it, 3 s long
//!  silent ─────────▶ flowing ─────────────────────▶ steady ───────────────────────────────▶ asleep
//!    ▲  ▲               │ no media, though asked for  │                                        │ asked for
//!    │  └───────────────┴─────────────────────────────┘                                        │
//!    └──────────────────────────────────── 3 s without media ◀─────────────────────────────────┘
//! ```

use std::time::Duration;

use crate::layer::{SPATIAL_LAYERS, TEMPORAL_LAYERS};
use crate::time::Instant;
use crate::track::MAX_LAYERS;

/// A layer that nobody takes any more is asked for as long: who moves back soon finds it there.
const FEWER_AFTER: Duration = Duration::from_secs(3);
/// A layer that was asked for and has not come within this will not: its publisher has no bandwidth for it.
const COMES_WITHIN: Duration = Duration::from_secs(3);
/// Rates that differ by less, as a share, are the same.
const ALIKE: f64 = 0.1;

/// Whether a layer's media comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    /// It does not, and asking does not help.
    #[default]
    Silent,
    /// It does not, and would if it were asked for.
    Asleep,
    /// It does, for a short while.
    Flowing,
    /// It does, and has for so long that it is no attempt of the publisher's.
    Steady,
}

impl Flow {
    /// Media comes.
    pub fn comes(self) -> bool {
        self >= Self::Flowing
    }
}

/// One layer, for whoever chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    /// Whether it comes.
    pub flow: Flow,
    /// Bits a second of its temporal layers up to each; 0: it never came.
    pub rates: [u32; TEMPORAL_LAYERS],
    /// The same of its spatial layers, where one stream has several (SVC).
    pub spatial_rates: [u32; SPATIAL_LAYERS],
    /// Lines of picture; 0: not known.
    pub height: u16,
}

impl Supply {
    /// With all temporal layers.
    pub fn rate(&self) -> u32 {
        self.rates[TEMPORAL_LAYERS - 1]
    }

    /// One stream has several spatial layers.
    pub fn is_svc(&self) -> bool {
        self.spatial_rates[0] < self.spatial_rates[SPATIAL_LAYERS - 1]
    }

    /// Lines of picture of its spatial layers up to this one, each half of the next.
    pub fn height_of(&self, spatial: usize) -> u16 {
        let highest = self
            .spatial_rates
            .windows(2)
            .filter(|two| two[0] < two[1])
            .count();
        self.height >> highest.saturating_sub(spatial)
    }

    /// Who shows it has no reason to think again.
    pub fn is_like(&self, other: &Self) -> bool {
        let alike = |one: u32, other: u32| {
            f64::from(one.abs_diff(other)) <= f64::from(one.max(other)) * ALIKE
        };
        let mut rates = self.rates.iter().zip(other.rates);
        (self.flow, self.height) == (other.flow, other.height)
            && rates.all(|(&one, other)| alike(one, other))
    }
}

/// The layers that a publisher was told are taken.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// A bit a layer; all at first.
    layers: u8,
    /// What the publisher has been told of that.
    told: Option<u8>,
    /// When each was asked for again.
    since: [Option<Instant>; MAX_LAYERS],
    fewer_since: Option<Instant>,
    /// There was no room for others than these.
    is_narrow: bool,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            layers: u8::MAX,
            told: None,
            since: [None; MAX_LAYERS],
            fewer_since: None,
            is_narrow: false,
        }
    }
}

impl Asked {
    /// What the publisher of `count` layers is to be told now that these are taken, if that is news: more at once, fewer
    /// after a while.  The lowest of several always is, for whoever comes next; one that stands alone costs too much for
    /// that, and its publisher takes it for granted that it is taken.
    pub fn update(&mut self, taken: u8, count: usize, now: Instant) -> Option<u8> {
        let all = all(count);
        let kept = u8::from(count > 1);
        let (taken, asked) = ((taken | kept) & all, self.layers & all);
        // What there is room for now the publisher knows best.
        let wished = match std::mem::take(&mut self.is_narrow) {
            true => all,
            false => taken,
        };
        let more = wished & !asked;
        for (layer, since) in self.since.iter_mut().enumerate() {
            if more & 1 << layer != 0 {
                *since = Some(now);
            }
        }
        if more != 0 {
            self.layers = asked | more;
        }
        if asked & !taken == 0 {
            self.fewer_since = None;
        } else {
            let since = *self.fewer_since.get_or_insert(now);
            if now.saturating_since(since) >= FEWER_AFTER {
                self.layers = taken;
                self.fewer_since = None;
            }
        }
        self.tell(count)
    }

    /// What the publisher is to be told now that it has no room for others than these, if that is news.
    pub fn only(&mut self, layers: u8, count: usize) -> Option<u8> {
        self.layers = layers;
        self.fewer_since = None;
        self.is_narrow = true;
        self.tell(count)
    }

    fn tell(&mut self, count: usize) -> Option<u8> {
        let asked = self.layers & all(count);
        // One that stands alone its publisher takes for granted.
        let granted = (count < 2).then(|| all(count));
        let told = self.told.replace(asked).or(granted);
        (told != Some(asked)).then_some(asked)
    }

    /// The publisher is told once more: it has negotiated anew, and may have begun with all.
    pub fn tell_again(&mut self) {
        self.told = None;
    }

    /// Its publisher was told that this layer is taken.
    pub fn is_asked(&self, layer: usize) -> bool {
        self.layers & 1 << layer != 0
    }

    /// Why a layer without media is silent.
    pub fn silence(&self, layer: usize, now: Instant) -> Flow {
        let is_asked = self.is_asked(layer);
        let since = self.since.get(layer).copied().flatten();
        let may_come = since.is_some_and(|since| now.saturating_since(since) < COMES_WITHIN);
        match !is_asked || may_come {
            true => Flow::Asleep,
            false => Flow::Silent,
        }
    }
}

/// A bit for each of so many layers.
fn all(count: usize) -> u8 {
    let beyond = (1u16 << count.min(8)) as u8;
    beyond.wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn a_publisher_is_told_of_more_layers_at_once_and_of_fewer_after_a_while() {
        let mut asked = Asked::default();
        assert_eq!(asked.update(0b100, 3, at(0)), Some(0b111));
        assert_eq!(asked.update(0b100, 3, at(2_999)), None);
        assert_eq!(asked.update(0b100, 3, at(3_000)), Some(0b101));
        assert_eq!(asked.update(0b110, 3, at(3_001)), Some(0b111));
    }

    #[test]
    fn who_moves_back_in_time_is_no_news_and_the_lowest_is_always_asked_for() {
        let mut asked = Asked::default();
        asked.update(0b111, 3, at(0));
        for start in [0, 10_000] {
            assert_eq!(asked.update(0b001, 3, at(start)), None);
            assert_eq!(asked.update(0b111, 3, at(start + 2_900)), None);
            assert_eq!(asked.update(0b001, 3, at(start + 3_100)), None);
            assert_eq!(asked.update(0b111, 3, at(start + 5_000)), None);
        }
        assert_eq!(asked.update(0, 3, at(20_000)), None);
        assert_eq!(asked.update(0, 3, at(23_000)), Some(0b001));
    }

    #[test]
    fn who_had_no_room_is_asked_for_the_lowest_alone_and_after_that_for_all() {
        let mut asked = Asked::default();
        asked.update(0b111, 3, at(0));
        assert_eq!(asked.only(0b001, 3), Some(0b001));
        assert_eq!(asked.only(0b001, 3), None);
        assert_eq!(asked.silence(2, at(2_000)), Flow::Asleep);
        assert_eq!(asked.update(0b001, 3, at(2_000)), Some(0b111));
        assert_eq!(asked.update(0b101, 3, at(2_200)), None);
        assert_eq!(asked.silence(2, at(4_999)), Flow::Asleep);
        assert_eq!(asked.silence(2, at(5_000)), Flow::Silent);
        assert_eq!(asked.update(0b101, 3, at(5_199)), None);
        assert_eq!(asked.update(0b101, 3, at(5_200)), Some(0b101));
    }

    #[test]
    fn a_layer_that_stands_alone_is_told_of_when_nobody_takes_it_and_when_somebody_does_again() {
        let mut asked = Asked::default();
        assert_eq!(asked.update(1, 1, at(0)), None);
        assert_eq!(asked.update(0, 1, at(1_000)), None);
        assert_eq!(asked.update(0, 1, at(3_999)), None);
        assert_eq!(asked.update(0, 1, at(4_000)), Some(0));
        assert_eq!(asked.update(0, 1, at(9_000)), None);
        asked.tell_again();
        assert_eq!(asked.update(0, 1, at(9_001)), Some(0), "it may have begun");
        assert_eq!(asked.silence(0, at(9_001)), Flow::Asleep);
        assert_eq!(asked.update(1, 1, at(9_002)), Some(1));
        assert_eq!(asked.silence(0, at(13_000)), Flow::Silent);
    }

    #[test]
    fn a_layer_that_was_not_asked_for_is_asleep_and_one_that_does_not_come_is_silent() {
        let mut asked = Asked::default();
        assert_eq!(asked.silence(1, at(0)), Flow::Silent);
        asked.update(1, 2, at(0));
        asked.update(1, 2, at(3_000));
        assert_eq!(asked.silence(1, at(60_000)), Flow::Asleep);
        asked.update(0b11, 2, at(60_000));
        assert_eq!(asked.silence(1, at(62_999)), Flow::Asleep);
        assert_eq!(asked.silence(1, at(63_000)), Flow::Silent);
    }

    #[test]
    fn spatial_layers_are_half_as_high_as_the_next() {
        let svc = Supply {
            spatial_rates: [100, 400, 400],
            height: 360,
            ..Supply::default()
        };
        assert!(svc.is_svc() && !Supply::default().is_svc());
        assert_eq!(
            [0, 1, 2].map(|spatial| svc.height_of(spatial)),
            [180, 360, 360]
        );
    }

    #[test]
    fn supplies_differ_by_flow_height_and_a_tenth_of_the_rate() {
        let one = Supply {
            flow: Flow::Steady,
            rates: [1_000; TEMPORAL_LAYERS],
            height: 360,
            ..Supply::default()
        };
        assert!(one.is_like(&Supply {
            rates: [1_050; TEMPORAL_LAYERS],
            ..one
        }));
        assert!(!one.is_like(&Supply {
            rates: [1_200; TEMPORAL_LAYERS],
            ..one
        }));
        assert!(!one.is_like(&Supply { height: 180, ..one }));
        assert!(!one.is_like(&Supply {
            flow: Flow::Flowing,
            ..one
        }));
    }
}
