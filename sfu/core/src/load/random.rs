//! Chance that repeats itself with its seed: first numbers, transaction ids, what an emulated link loses.

/// xorshift64*: fast, and good enough for everything that no attacker sees.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each `stream` of one seed.
    #[must_use]
    pub const fn new(seed: u64, stream: u64) -> Self {
        // The finaliser of splitmix64, so that neighbouring seeds have nothing in common.
        let mut bits = seed ^ stream.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((bits ^ (bits >> 31)) | 1)
    }

    /// 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// 0 or more, below 1.
    pub const fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_streams_differ() {
        let take = |seed, stream| {
            let mut random = Random::new(seed, stream);
            [random.bits(), random.bits()]
        };
        assert_eq!(take(1, 2), take(1, 2));
        assert_ne!(take(1, 2), take(1, 3));
        assert_ne!(take(1, 2), take(2, 2));
    }

    #[test]
    fn shares_are_spread_evenly() {
        let mut random = Random::new(7, 0);
        let low = (0..100_000).filter(|_| random.share() < 0.05).count();
        assert!((4_700..5_300).contains(&low), "{low}");
    }
}
