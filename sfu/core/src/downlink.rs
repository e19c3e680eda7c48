//! One receiver's path: what it is thought to carry, the pace of what leaves, and the burst that probes for more.
//!
//! `sender → **downlink** (number or time, pace) → egress … rtcp (feedback) → **downlink** (estimate) → allotting`

use std::time::Duration;

use crate::bwe::{Bandwidth, START};
use crate::pacer::Pacer;
use crate::stats::Traffic;
use crate::time::Instant;

/// An estimate that differs by less, as a share of the one before, changes no shares.
const WORTH_IT: f64 = 0.03;

/// What is known of the way to one receiver, once it tells how packets come in.
#[derive(Debug)]
pub struct Downlink {
    /// What it carries.
    pub bandwidth: Bandwidth,
    /// How fast pictures leave.
    pub pacer: Pacer,
    /// The burst that is being sent.
    pub probing: Option<Probing>,
    /// All that was sent.
    pub traffic: Traffic,
    /// The estimate by which shares were given out last.
    shared: u64,
    /// When there was an estimate for the first time.
    told: Option<Instant>,
    /// Until when the receiver's first word is waited for; it counts or times what it gets, so it will have one.
    waits_until: Option<Instant>,
    /// It will have one behind the first packet that says when it leaves.
    is_timed: bool,
}

/// An estimate so young has not been tried.
const UNTRIED: Duration = Duration::from_secs(2);
/// A receiver that counts tells something within this, once it gets anything.
const FIRST_WORD: Duration = Duration::from_secs(1);
/// One that estimates by itself takes 3 s for its first figure, if nothing is wrong before.
const FIRST_FIGURE: Duration = Duration::from_secs(5);
/// Until then it has less than the first estimate: what it loses it asks for once, and waits for long.
const FIRST_BUDGET: u64 = START / 2;
/// Before that pictures leave at so many times the first estimate.
const FIRST_PACE: u64 = 4;

/// A probe under way.
#[derive(Clone, Copy, Debug)]
pub struct Probing {
    /// Its number among the estimator's.
    pub cluster: u8,
    /// Octets a second.
    pub pace: f64,
    /// Octets still to be sent.
    pub left: f64,
    /// It is made of small packets.
    pub is_small: bool,
    /// When it was looked at last.
    pub at: Instant,
}

impl Default for Downlink {
    fn default() -> Self {
        Self::new()
    }
}

impl Downlink {
    /// Nothing is known of it.
    pub fn new() -> Self {
        Self {
            bandwidth: Bandwidth::new(),
            pacer: Pacer::default(),
            probing: None,
            traffic: Traffic::default(),
            shared: 0,
            told: None,
            waits_until: None,
            is_timed: false,
        }
    }

    /// Its receiver counts what it gets, and will tell.
    pub fn counting(now: Instant) -> Self {
        let mut downlink = Self {
            waits_until: Some(now + FIRST_WORD),
            ..Self::new()
        };
        downlink.pacer.set(START * FIRST_PACE);
        downlink
    }

    /// Its receiver is told when packets leave, and will estimate by that what arrives.
    pub fn timing() -> Self {
        Self {
            is_timed: true,
            ..Self::new()
        }
    }

    /// A datagram of so many octets leaves under the next transport-wide number, which this is.
    #[inline]
    pub fn number(&mut self, octets: usize, cluster: Option<u8>, now: Instant) -> u16 {
        self.count(octets);
        self.bandwidth.sent(octets, cluster, now)
    }

    /// Its receiver estimates by itself.
    pub fn is_timed(&self) -> bool {
        self.is_timed
    }

    /// A datagram of so many octets leaves and says when.
    #[inline]
    pub fn time(&mut self, octets: usize, now: Instant) {
        self.waits_until.get_or_insert(now + FIRST_FIGURE);
        self.count(octets);
    }

    /// A datagram of so many octets leaves that says nothing of it.
    #[inline]
    pub fn count(&mut self, octets: usize) {
        self.traffic.count(octets);
        self.pacer.sent(octets);
    }

    /// Bits a second to share out among seats; `None` where nothing tells.
    pub fn budget(&self, now: Instant) -> Option<u64> {
        let waits = match self.waits_until {
            Some(until) => now < until,
            None => self.is_timed,
        };
        let has_told = self.bandwidth.has_feedback();
        match self.is_timed && !has_told {
            true => waits.then_some(FIRST_BUDGET),
            false => (has_told || waits).then(|| self.bandwidth.estimate()),
        }
    }

    /// Whether the estimate has changed so much that shares are to be given out anew; it is remembered as what they are
    /// given out by.
    pub fn is_news(&mut self, now: Instant) -> bool {
        if !self.bandwidth.has_feedback() {
            return false;
        }
        let estimate = self.bandwidth.estimate();
        self.told.get_or_insert(now);
        self.pacer.set(estimate);
        let differs = estimate.abs_diff(self.shared) as f64;
        let is_news = differs > self.shared as f64 * WORTH_IT;
        if is_news {
            self.shared = estimate;
        }
        is_news
    }

    /// Nobody knows yet what the path carries: a beginning tells too little.
    pub fn is_untried(&self, now: Instant) -> bool {
        self.told
            .is_none_or(|told| now.saturating_since(told) < UNTRIED)
    }

    /// Begins a probe that is due, and says how many octets of the one under way are to leave now.
    pub fn probe(&mut self, now: Instant) -> Option<(u8, usize)> {
        if self.probing.is_none() {
            let probe = self.bandwidth.probe(now)?;
            self.probing = Some(Probing {
                cluster: probe.cluster,
                pace: probe.bits_per_second as f64 / 8.0,
                left: f64::from(probe.octets),
                is_small: probe.is_small(),
                at: now,
            });
        }
        let probing = self.probing.as_mut()?;
        let passed = now.saturating_since(probing.at) + crate::pacer::TICK;
        probing.at = now + crate::pacer::TICK;
        let octets = (probing.pace * passed.as_secs_f64()).min(probing.left);
        Some((probing.cluster, octets as usize))
    }

    /// So many octets of the probe have left; or there was nothing to make it of.
    pub fn probed(&mut self, octets: Option<usize>) {
        let Some(probing) = &mut self.probing else {
            return;
        };
        probing.left -= octets.map_or(probing.left, |octets| octets as f64);
        // A packet may be more than what a tick lets go: then the next waits for its time.
        let took = octets.map_or(0.0, |octets| octets as f64 / probing.pace.max(1.0));
        let took = Duration::from_secs_f64(took);
        probing.at = probing.at + took.saturating_sub(crate::pacer::TICK);
        if probing.left <= 0.0 {
            self.probing = None;
        }
    }

    /// When to look at it next.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.probing {
            Some(probing) => Some(probing.at),
            None => self.bandwidth.deadline(),
        }
    }
}
