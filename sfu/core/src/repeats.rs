//! What was sent again lately, how much more may be, and what a packet needs that is sent again to the bit.
//!
//! `feedback (NACK) → sender → **repeats** → egress`

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Instant;

/// Retransmissions a sender may have saved up, and how fast it earns them: 10 % loss of 2.5 Mbit/s is 26 a second.
const RETRANSMIT_BURST: f32 = 200.0;
const RETRANSMIT_PER_SECOND: f32 = 400.0;
/// Packets that can be sent again without RTX: 2.5 s of sound.
const REPEATABLE: usize = 128;
/// Retransmitted numbers that are remembered, so that one is not sent twice within a round trip.
const REMEMBERED: usize = 256;

/// What the last packets told of their departures, where one that is sent again has to be the same to the bit.
#[derive(Debug, Default)]
pub struct Departed(VecDeque<(u64, u32)>);

impl Departed {
    /// The packet `out` left with this.
    pub fn keep(&mut self, out: u64, departure: u32) {
        if self.0.len() >= REPEATABLE {
            self.0.pop_front();
        }
        self.0.push_back((out, departure));
    }

    /// That of the packet `out`, if it was kept.
    pub fn of(&self, out: u64) -> Option<u32> {
        let mut newest_first = self.0.iter().rev();
        newest_first.find(|kept| kept.0 == out).map(|kept| kept.1)
    }
}

/// What was sent again lately, and how much more may be: a receiver that asks without end costs itself.
#[derive(Debug, Default)]
pub struct Repeats {
    lately: VecDeque<(u16, Instant)>,
    saved: Option<f32>,
    earned: Instant,
}

impl Repeats {
    /// Whether this number may be sent again: not within `interval`, and not more than was earned.
    pub fn allow(&mut self, sequence: u16, interval: Duration, now: Instant) -> bool {
        let is_recent =
            |&(one, at): &(u16, Instant)| one == sequence && now.saturating_since(at) < interval;
        if self.lately.iter().any(is_recent) || !self.spend(now) {
            return false;
        }
        if self.lately.len() >= REMEMBERED {
            self.lately.pop_front();
        }
        self.lately.push_back((sequence, now));
        true
    }

    fn spend(&mut self, now: Instant) -> bool {
        let earned = now.saturating_since(self.earned).as_secs_f32() * RETRANSMIT_PER_SECOND;
        let saved = (self.saved.unwrap_or(RETRANSMIT_BURST) + earned).min(RETRANSMIT_BURST);
        self.earned = now;
        let enough = saved >= 1.0;
        self.saved = Some(if enough { saved - 1.0 } else { saved });
        enough
    }
}
