//! What receivers without transport feedback tell: their own estimate, and what they lost.
//!
//! `rtcp (REMB, receiver reports) → **reported** → mod (estimate)`

use super::{LEAST, MOST, START};

/// draft-ietf-rmcat-gcc-02 §6: in 1/256 as reports carry it, more than this is too much and less than that is nothing.
const TOO_MUCH: u8 = 26;
const NOTHING: u8 = 5;
const GROWTH: f64 = 1.05;

/// The receiver's word.
#[derive(Debug)]
pub struct Reported {
    /// The receiver's own estimate.
    told: Option<f64>,
    estimate: f64,
}

impl Default for Reported {
    fn default() -> Self {
        Self {
            told: None,
            estimate: START as f64,
        }
    }
}

impl Reported {
    /// The receiver's estimate, taken as it is.
    pub fn remb(&mut self, bits_per_second: u64) {
        let told = bits_per_second.clamp(LEAST, MOST) as f64;
        self.told = Some(told);
        self.estimate = told;
    }

    /// draft-ietf-rmcat-gcc-02 §6, never above what the receiver has told.
    pub fn loss(&mut self, fraction_lost: u8) {
        if fraction_lost > TOO_MUCH {
            self.estimate *= 1.0 - f64::from(fraction_lost) / 512.0;
        } else if fraction_lost < NOTHING {
            self.estimate *= GROWTH;
        }
        let most = self.told.unwrap_or(START as f64);
        self.estimate = self.estimate.min(most).max(LEAST as f64);
    }

    /// Bit/s.
    pub const fn estimate(&self) -> f64 {
        self.estimate
    }

    /// Whether the receiver has told an estimate.
    pub const fn has_told(&self) -> bool {
        self.told.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_receivers_estimate_is_taken_as_it_is() {
        let mut reported = Reported::default();
        reported.remb(2_345_678);
        assert_eq!(reported.estimate(), 2_345_678.0);
        reported.remb(0);
        assert_eq!(reported.estimate(), LEAST as f64);
        reported.remb(u64::MAX);
        assert_eq!(reported.estimate(), MOST as f64);
    }

    #[test]
    fn heavy_loss_halves_its_share_and_none_brings_it_back() {
        let mut reported = Reported::default();
        reported.remb(2_000_000);
        reported.loss(128);
        assert_eq!(reported.estimate(), 1_500_000.0);
        reported.loss(13);
        assert_eq!(reported.estimate(), 1_500_000.0);
        (0..20).for_each(|_| reported.loss(0));
        assert_eq!(reported.estimate(), 2_000_000.0);
    }
}
