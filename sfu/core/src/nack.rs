//! Which packets of a publisher's layer are missing, and when to ask for them (again).
//!
//! `rtp → **nack** → rtcp (to the publisher)`
//!
//! A gap is asked for after a short grace, since packets overtake each other, then once per round trip
//! until it is filled, [`MAX_TRIES`] are spent or [`GIVE_UP`] has passed: a packet that late has no use.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Instant;

/// Packets overtake each other by less than this on almost every path.
pub const REORDER_GRACE: Duration = Duration::from_millis(10);
/// Never asks twice within this, however short the round trip.
pub const MIN_RETRY: Duration = Duration::from_millis(20);
/// How often one packet is asked for.
pub const MAX_TRIES: u8 = 10;
/// How long one packet is waited for.
pub const GIVE_UP: Duration = Duration::from_secs(1);
/// Packets waited for at a time; beyond it a keyframe is cheaper than the repairs.
pub const MAX_OUTSTANDING: usize = 512;

#[derive(Clone, Copy, Debug)]
struct Missing {
    ext_seq: u64,
    found: Instant,
    ask: Instant,
    tries: u8,
}

impl Missing {
    fn is_hopeless(&self, now: Instant) -> bool {
        self.tries >= MAX_TRIES || now.saturating_since(self.found) >= GIVE_UP
    }
}

/// The missing packets of one layer.
#[derive(Debug, Default)]
pub struct NackTracker {
    highest: Option<u64>,
    /// In the order of their numbers.
    missing: VecDeque<Missing>,
    /// Not after the first moment at which something is due.
    deadline: Option<Instant>,
    overflowed: bool,
    given_up: u64,
}

impl NackTracker {
    /// Nothing received yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a packet, sent again or not; says whether it filled a gap.
    pub fn received(&mut self, ext_seq: u64, now: Instant) -> bool {
        match self.highest {
            Some(highest) if ext_seq <= highest => self.fill(ext_seq),
            Some(highest) => {
                self.highest = Some(ext_seq);
                self.note_gap(highest + 1, ext_seq, now);
                false
            }
            None => {
                self.highest = Some(ext_seq);
                false
            }
        }
    }

    fn fill(&mut self, ext_seq: u64) -> bool {
        let place = self
            .missing
            .binary_search_by_key(&ext_seq, |missing| missing.ext_seq);
        place.is_ok_and(|place| self.missing.remove(place).is_some())
    }

    fn note_gap(&mut self, from: u64, to: u64, now: Instant) {
        let length = to.saturating_sub(from);
        let room = (MAX_OUTSTANDING - self.missing.len()) as u64;
        if length > room {
            self.overflow();
            return;
        }
        let ask = now + REORDER_GRACE;
        self.missing.extend((from..to).map(|ext_seq| Missing {
            ext_seq,
            found: now,
            ask,
            tries: 0,
        }));
        if length > 0 {
            self.deadline = Some(self.deadline.map_or(ask, |deadline| deadline.min(ask)));
        }
    }

    /// Nothing that is missing now is waited for.
    pub fn forget(&mut self) {
        self.missing.clear();
        self.deadline = None;
        self.overflowed = false;
    }

    fn overflow(&mut self) {
        self.missing.clear();
        self.deadline = None;
        self.overflowed = true;
    }

    /// Appends the numbers to ask for now to `out`, oldest first, and plans their next turn.
    pub fn due(&mut self, now: Instant, rtt: Duration, out: &mut Vec<u16>) {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        let before = self.missing.len();
        self.missing.retain(|missing| !missing.is_hopeless(now));
        self.given_up += (before - self.missing.len()) as u64;
        let retry = now + (rtt.saturating_mul(6) / 5).max(MIN_RETRY);
        for missing in self.missing.iter_mut().filter(|missing| missing.ask <= now) {
            missing.ask = retry;
            missing.tries += 1;
            out.push(missing.ext_seq as u16);
        }
        self.deadline = self.missing.iter().map(|missing| missing.ask).min();
    }

    /// When to call [`Self::due`] next; `None` while nothing is missing.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Packets waited for now.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.missing.len()
    }

    /// Packets given up since the beginning.
    #[must_use]
    pub const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Whether more than [`MAX_OUTSTANDING`] packets were missing since the last call: all were
    /// forgotten, and only a keyframe helps.
    pub const fn take_overflowed(&mut self) -> bool {
        std::mem::replace(&mut self.overflowed, false)
    }
}
