//! Which packets of a publisher's layer are missing, and when to ask for them (again).
//!
//! `rtp → **nack** → rtcp (to the publisher)`
//!
//! A gap is asked for at once, or after a short grace where packets have overtaken each other; then once per round trip
//! until it is filled, [`MAX_TRIES`] are spent or [`GIVE_UP`] has passed: a packet that late has no use.  Where that is long
//! each request is repeated after a moment, since a request is lost as easily as a packet.
//!
//! A frame that has begun and does not go on lacks its end, and nothing behind that tells: the number behind its last packet
//! is asked for before the next frame comes.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Instant;

/// Packets overtake each other by less than this on almost every path where they do...
pub const REORDER_GRACE: Duration = Duration::from_millis(10);
/// ...and a path that does that, or that loses packets, is taken to do so again for so long.
pub const REMEMBERED: Duration = Duration::from_secs(10);
/// A frame's packets follow each other within this: a publisher that spreads them sends one in 10 ms or more.
pub const FRAME_GAP: Duration = Duration::from_millis(20);
/// How often the end of a frame is asked for of which it is not known whether it was sent.
pub const MAX_GUESSES: u8 = 2;
/// A request is repeated after this...
pub const REPEAT: Duration = Duration::from_millis(10);
/// ...where the next would come no sooner than this.
pub const LONG_RETRY: Duration = Duration::from_millis(40);
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
    /// The last request is to be repeated.
    repeats: bool,
}

impl Missing {
    fn found(ext_seq: u64, now: Instant, ask: Instant) -> Self {
        Self {
            ext_seq,
            found: now,
            ask,
            tries: 0,
            repeats: false,
        }
    }

    fn is_hopeless(&self, now: Instant) -> bool {
        self.tries >= MAX_TRIES || now.saturating_since(self.found) >= GIVE_UP
    }

    /// It has been asked for as often as what was perhaps never sent.
    fn is_spent(&self, now: Instant) -> bool {
        self.tries >= MAX_GUESSES && !self.repeats && self.ask <= now
    }

    /// It is asked for now, and again after `retry`.
    fn asked(&mut self, retry: Duration, now: Instant) {
        let is_first = !self.repeats;
        self.tries += u8::from(is_first);
        self.repeats = is_first && retry >= LONG_RETRY;
        self.ask = match (is_first, self.repeats) {
            (true, true) => now + REPEAT,
            (true, false) => now + retry,
            (false, _) => now + (retry - REPEAT),
        };
    }
}

/// The missing packets of one layer.
#[derive(Debug, Default)]
pub struct NackTracker {
    highest: Option<u64>,
    /// In the order of their numbers; the last may be behind the highest, and then is a guess.
    missing: VecDeque<Missing>,
    /// When the end of a frame is missed that has begun.
    unended: Option<Instant>,
    /// When a packet came last that others had overtaken.
    overtaken: Option<Instant>,
    /// When a packet was last found to be missing.
    lost: Option<Instant>,
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

    /// Notes a packet that came by itself; says whether it filled a gap.
    pub fn received(&mut self, ext_seq: u64, now: Instant) -> bool {
        let is_newest = self.highest < Some(ext_seq);
        let filled = self.note(ext_seq, now);
        let just_missed =
            |missing: &Missing| now.saturating_since(missing.found) < REORDER_GRACE * 2;
        if !is_newest && filled.as_ref().is_some_and(just_missed) {
            self.overtaken = Some(now);
        }
        filled.is_some()
    }

    /// Notes a packet that was sent again; says whether it filled a gap.
    pub fn recovered(&mut self, ext_seq: u64, now: Instant) -> bool {
        self.note(ext_seq, now).is_some()
    }

    /// This packet is not the last of its frame.  Where none were missed lately that is not worth a look.
    pub fn goes_on(&mut self, ext_seq: u64, now: Instant) {
        if self.highest == Some(ext_seq) && is_recent(self.lost, now) {
            self.unended = Some(now + FRAME_GAP);
        }
    }

    /// The gap that it filled.
    fn note(&mut self, ext_seq: u64, now: Instant) -> Option<Missing> {
        if self.highest >= Some(ext_seq) {
            return self.fill(ext_seq);
        }
        self.unended = None;
        let known = self.missing.back().map(|last| last.ext_seq);
        if let Some(highest) = self.highest.replace(ext_seq).max(known) {
            self.note_gap(highest + 1, ext_seq, now);
        }
        self.fill(ext_seq)
    }

    fn fill(&mut self, ext_seq: u64) -> Option<Missing> {
        let place = self
            .missing
            .binary_search_by_key(&ext_seq, |missing| missing.ext_seq);
        self.missing.remove(place.ok()?)
    }

    fn grace(&self, now: Instant) -> Duration {
        match is_recent(self.overtaken, now) {
            true => REORDER_GRACE,
            false => Duration::ZERO,
        }
    }

    fn note_gap(&mut self, from: u64, to: u64, now: Instant) {
        let length = to.saturating_sub(from);
        let room = (MAX_OUTSTANDING - self.missing.len()) as u64;
        if length > room {
            self.overflow();
            return;
        }
        let ask = now + self.grace(now);
        self.missing
            .extend((from..to).map(|ext_seq| Missing::found(ext_seq, now, ask)));
        if length > 0 {
            self.lost = Some(now);
            self.asks_at(ask);
        }
    }

    fn asks_at(&mut self, at: Instant) {
        self.deadline = Some(self.deadline.map_or(at, |deadline| deadline.min(at)));
    }

    /// A frame has begun and does not go on.
    fn guess(&mut self, now: Instant) {
        let Some(highest) = self.highest else { return };
        let is_known = self
            .missing
            .back()
            .is_some_and(|last| last.ext_seq > highest);
        if !is_known && self.missing.len() < MAX_OUTSTANDING {
            self.missing
                .push_back(Missing::found(highest + 1, now, now));
            self.asks_at(now);
        }
    }

    /// Nothing that is missing now is waited for.
    pub fn forget(&mut self) {
        self.unended = None;
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
        if self.unended.take_if(|at| *at <= now).is_some() {
            self.guess(now);
        }
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        let highest = self.highest;
        let is_idle = |last: &Missing| last.is_spent(now) || last.is_hopeless(now);
        let guess = self
            .missing
            .back()
            .filter(|last| Some(last.ext_seq) > highest);
        if guess.is_some_and(is_idle) {
            self.missing.pop_back();
        }
        let before = self.missing.len();
        self.missing.retain(|missing| !missing.is_hopeless(now));
        self.given_up += (before - self.missing.len()) as u64;
        let retry = (rtt.saturating_mul(6) / 5).max(MIN_RETRY);
        for missing in self.missing.iter_mut().filter(|missing| missing.ask <= now) {
            missing.asked(retry, now);
            out.push(missing.ext_seq as u16);
        }
        self.deadline = self.missing.iter().map(|missing| missing.ask).min();
    }

    /// When to call [`Self::due`] next; `None` while nothing is missing.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        [self.deadline, self.unended].into_iter().flatten().min()
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

fn is_recent(at: Option<Instant>, now: Instant) -> bool {
    at.is_some_and(|at| now.saturating_since(at) < REMEMBERED)
}
