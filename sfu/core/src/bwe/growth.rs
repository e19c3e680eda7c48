//! How far the estimate of a receiver that tells little grows by itself.
//!
//! `reported (what goes well, what was in vain) → **growth** → reported (estimate)`
//!
//! What was well below an estimate for a while is *easy*: after a step up in vain it is gone back to as soon as the queue of that
//! step has drained, not grown to once more.  It is easy no longer once an estimate falls while no more is sent.

use std::time::Duration;

use crate::time::Instant;

/// Growth in a second; a longer time between two words counts as one.  The next layer costs three times as much, and is not to
/// take longer than people have patience: draft-ietf-rmcat-gcc-02 §5.5 has 1.08, for rates that follow in small steps.
const GROWTH: f64 = 1.15;
const MAX_STEP: Duration = Duration::from_secs(1);
/// What is sent has to fit with room to spare before it is gone up to again.
const ROOM_TO_RETURN: f64 = 1.5;
/// What is sent for so long while it tells well above that is easy.
const STEADY: Duration = Duration::from_secs(3);
/// For how long it grows no further than what arrived when it had grown in vain: at first, and at most.
const REST: Duration = Duration::from_secs(4);
const LONGEST_REST: Duration = Duration::from_secs(32);
/// Who has not grown in vain for so long begins with the shortest rest again.
const FORGIVEN: Duration = Duration::from_secs(60);

/// How far the estimate may grow by itself.
#[derive(Debug, Default)]
pub struct Growth {
    looked: Option<Instant>,
    /// What was sent, with room, while the receiver told well above it for long.
    easy: f64,
    /// Since when it has, and the least that was sent since.
    well: Option<(Instant, f64)>,
    /// What arrived when it had grown in vain, or before.
    carried: f64,
    rests_until: Instant,
    rest: Duration,
    in_vain: Option<Instant>,
}

impl Growth {
    /// Seconds since the last word.
    pub fn passed(&mut self, now: Instant) -> f64 {
        let before = self.looked.replace(now).unwrap_or(now);
        now.saturating_since(before).min(MAX_STEP).as_secs_f64()
    }

    /// What an estimate grows to in so many seconds, or goes back to: bit/s.
    pub fn grown(&self, before: f64, passed: f64) -> f64 {
        (before * GROWTH.powf(passed)).max(self.easy)
    }

    /// The most that it may grow to now, bit/s.
    pub fn most(&self, now: Instant) -> f64 {
        if now < self.rests_until {
            self.carried
        } else {
            f64::INFINITY
        }
    }

    /// So much is sent, and the receiver tells well above it.
    pub fn went_well(&mut self, sent: f64, now: Instant) {
        let (since, least) = self
            .well
            .map_or((now, sent), |(since, least)| (since, least.min(sent)));
        self.well = Some((since, least));
        if now.saturating_since(since) >= STEADY {
            self.easy = self.easy.max(least * ROOM_TO_RETURN);
            self.well = Some((now, sent));
        }
    }

    /// What it had grown to was too much: so many bit/s arrived of what was sent.
    pub fn was_in_vain(&mut self, carried: f64, sent: f64, now: Instant) {
        self.well = None;
        let is_new = |before| now.saturating_since(before) >= STEADY;
        if sent <= self.easy && self.in_vain.is_none_or(is_new) {
            self.easy = 0.0;
        }
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
