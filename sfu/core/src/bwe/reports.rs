//! The most that losses allow, where only receiver reports tell of them.
//!
//! `rtcp (receiver reports) → **reports** → reported`
//!
//! draft-ietf-rmcat-gcc-02 §6.  A report tells of each stream by itself, and aiortc sends one for each: they are of one path, so
//! they are taken together and looked at once a second.

use std::time::Duration;

use super::LEAST;
use crate::time::Instant;

/// §6: a larger share lost is too much, and less than the other is nothing.
const TOO_MUCH: f64 = 0.10;
const NOTHING: f64 = 0.02;
/// §6: what is left of the rate is 1 less this times the share.
const CUT: f64 = 0.5;
const GROWTH: f64 = 1.05;
/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// Losses since the last look, and the bound that follows.
#[derive(Debug)]
pub struct Reports {
    lost: f64,
    sent: f64,
    looked: Option<Instant>,
    bound: f64,
}

impl Default for Reports {
    fn default() -> Self {
        Self {
            lost: 0.0,
            sent: 0.0,
            looked: None,
            bound: f64::INFINITY,
        }
    }
}

impl Reports {
    /// Of streams that send `sent` bit/s together so much was lost, while the path was thought to carry `estimate` bit/s.
    pub fn tell(&mut self, lost: f64, sent: f64, estimate: f64, now: Instant) {
        self.lost += lost;
        self.sent += sent;
        let is_early = |looked| now.saturating_since(looked) < EVERY;
        if self.looked.is_some_and(is_early) || self.sent <= 0.0 {
            return;
        }
        self.look(self.lost / self.sent, estimate);
        (self.lost, self.sent, self.looked) = (0.0, 0.0, Some(now));
    }

    fn look(&mut self, share: f64, estimate: f64) {
        if share > TOO_MUCH {
            self.bound = self.bound.min(estimate) * (1.0 - CUT * share);
            self.bound = self.bound.max(LEAST as f64);
        } else if share < NOTHING {
            self.bound *= GROWTH;
        }
        if self.bound >= estimate {
            self.bound = f64::INFINITY;
        }
    }

    /// Bit/s; infinite while nothing says so.
    pub const fn bound(&self) -> f64 {
        self.bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTIMATE: f64 = 2e6;

    /// The bound after reports at these milliseconds, of streams (lost share, bit/s).
    fn after(reports: &[(u64, f64, f64)]) -> f64 {
        let mut told = Reports::default();
        for &(ms, share, sent) in reports {
            told.tell(share * sent, sent, ESTIMATE, Instant::from_millis(ms));
        }
        told.bound()
    }

    #[test]
    fn heavy_loss_takes_half_its_share_and_some_changes_nothing() {
        assert_eq!(after(&[(0, 0.5, 1e6)]), 1.5e6);
        assert_eq!(after(&[(0, 0.5, 1e6), (1_000, 0.05, 1e6)]), 1.5e6);
        assert_eq!(after(&[(0, 0.09, 1e6)]), f64::INFINITY);
    }

    #[test]
    fn a_cut_is_taken_back_slowly_while_nothing_is_lost() {
        let quiet = |seconds| (1..=seconds).map(|at| (at * 1_000, 0.0, 1e6));
        let told = |seconds| {
            after(
                &[(0, 0.5, 1e6)]
                    .into_iter()
                    .chain(quiet(seconds))
                    .collect::<Vec<_>>(),
            )
        };
        assert!((told(1) - 1.575e6).abs() < 1.0);
        assert!(told(5) < ESTIMATE);
        assert_eq!(told(6), f64::INFINITY);
    }

    #[test]
    fn streams_are_one_path_however_many_reports_tell_of_them() {
        let ten: Vec<_> = (0..10).map(|ms| (ms, 0.5, 1e5)).collect();
        assert_eq!(after(&ten), 1.5e6);
        // What comes within the second is looked at behind it, each stream by what it sends.
        let mixed = [(0, 0.0, 1e6), (500, 0.4, 9e5), (1_000, 0.0, 9e5)];
        assert_eq!(after(&mixed), ESTIMATE * 0.9);
    }

    #[test]
    fn streams_that_send_nothing_tell_nothing() {
        assert_eq!(after(&[(0, 1.0, 0.0)]), f64::INFINITY);
    }
}
