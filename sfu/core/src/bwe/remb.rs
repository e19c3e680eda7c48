//! What a receiver's own estimates (REMB) say of its path together.
//!
//! `rtcp (REMB) → **remb** → reported`
//!
//! draft-alvestrand-rmcat-remb-03 §2.2: each is for the sources that it names.  Chromium estimates for a connection and
//! names them all; aiortc for each m-line, so the path carries the sum.

use std::time::Duration;

use crate::time::Instant;

/// Receivers tell an estimate once a second at least while something comes; an older one is of a source that has stopped.
const OLD: Duration = Duration::from_secs(5);

/// One estimate.
#[derive(Debug)]
struct Told {
    /// What it is for; no source is in two.
    ssrcs: Vec<u32>,
    bits_per_second: f64,
    at: Instant,
}

/// The estimates that count now: no more than there are sources.
#[derive(Debug, Default)]
pub struct Estimates(Vec<Told>);

impl Estimates {
    /// Takes in one for these of our sources, in place of what was told of any of them; says by how much it is higher than
    /// that, if there was something.
    pub fn tell(&mut self, bits_per_second: f64, ssrcs: Vec<u32>, now: Instant) -> Option<f64> {
        self.0.retain(|told| now.saturating_since(told.at) < OLD);
        let mut before = None;
        self.0.retain(|told| {
            let is_replaced = told.ssrcs.iter().any(|ssrc| ssrcs.contains(ssrc));
            if is_replaced {
                before = Some(before.unwrap_or(0.0) + told.bits_per_second);
            }
            !is_replaced
        });
        self.0.push(Told {
            ssrcs,
            bits_per_second,
            at: now,
        });
        before.map(|before| bits_per_second - before)
    }

    /// Whether one of them is for this source.
    pub fn name(&self, ssrc: u32) -> bool {
        self.0.iter().any(|told| told.ssrcs.contains(&ssrc))
    }

    /// Bit/s for all that they name.
    pub fn sum(&self) -> f64 {
        self.0.iter().map(|told| told.bits_per_second).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn estimates_for_different_sources_add_up_and_a_new_one_replaces_its_own() {
        let mut estimates = Estimates::default();
        assert_eq!(estimates.tell(300.0, vec![1, 2], at(0)), None);
        assert_eq!(estimates.tell(400.0, vec![3], at(100)), None);
        assert_eq!(estimates.sum(), 700.0);
        assert_eq!(estimates.tell(250.0, vec![1], at(200)), Some(-50.0));
        assert_eq!(estimates.sum(), 650.0);
        assert_eq!(
            [1, 2, 3].map(|ssrc| estimates.name(ssrc)),
            [true, false, true]
        );
        assert_eq!(estimates.tell(900.0, vec![1, 2, 3], at(300)), Some(250.0));
        assert_eq!(estimates.sum(), 900.0);
    }

    #[test]
    fn what_was_told_of_a_source_that_has_stopped_does_not_count_for_ever() {
        let mut estimates = Estimates::default();
        estimates.tell(300.0, vec![1], at(0));
        estimates.tell(400.0, vec![2], at(4_999));
        assert_eq!(estimates.sum(), 700.0);
        estimates.tell(400.0, vec![2], at(5_000));
        assert_eq!((estimates.sum(), estimates.name(1)), (400.0, false));
    }
}
