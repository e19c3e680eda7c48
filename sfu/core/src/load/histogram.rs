//! How a value is spread, in buckets that are narrow where the values are small.
//!
//! `receiver (delay) · pacer (lateness) → **histogram** → snapshot`
//!
//! Log-linear: below 64 a bucket a value, above it 64 buckets an octave, so none is wider than 1/64 of its values.  The
//! table is as long as its largest value asks for: 5 KB up to 65 ms in microseconds.

/// Buckets of one octave.
const OCTAVE: usize = 64;
const OCTAVE_BITS: u32 = OCTAVE.trailing_zeros();
/// Larger values count as this: 19 hours in microseconds.
const LARGEST: u64 = (1 << 36) - 1;

/// A histogram of whole numbers.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u32>,
    count: u64,
    sum: u64,
    min: u64,
    max: u64,
}

fn index_of(value: u64) -> usize {
    let octave = (64 - value.leading_zeros()).saturating_sub(OCTAVE_BITS + 1);
    octave as usize * OCTAVE + (value >> octave) as usize
}

/// The largest value of a bucket.
fn upper_bound(index: usize) -> u64 {
    if index < 2 * OCTAVE {
        return index as u64;
    }
    let octave = index / OCTAVE - 1;
    let mantissa = (index % OCTAVE + OCTAVE) as u64;
    ((mantissa + 1) << octave) - 1
}

impl Histogram {
    /// Counts a value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        let value = value.min(LARGEST);
        let index = index_of(value);
        if index >= self.counts.len() {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] = self.counts[index].saturating_add(1);
        self.min = if self.count == 0 {
            value
        } else {
            self.min.min(value)
        };
        self.max = self.max.max(value);
        self.count += 1;
        self.sum += value;
    }

    /// How many values.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The smallest; 0 while empty.
    #[must_use]
    pub const fn min(&self) -> u64 {
        self.min
    }

    /// The largest; 0 while empty.
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// 0 while empty.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.count.max(1) as f64
    }

    /// The value that a share of all does not exceed, as far as buckets tell; 0 while empty.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        let rank = ((share.clamp(0.0, 1.0) * self.count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= rank {
                return upper_bound(index).clamp(self.min, self.max) as f64;
            }
        }
        0.0
    }

    /// Upper bound and count of every bucket that is not empty, ascending.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let all = self.counts.iter().enumerate();
        all.filter(|(_, count)| **count > 0)
            .map(|(index, &count)| (upper_bound(index), count.into()))
    }

    /// Forgets all values; the table stays.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        (self.count, self.sum, self.min, self.max) = (0, 0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_one_is_all_zeroes() {
        let empty = Histogram::default();
        assert_eq!((empty.count(), empty.min(), empty.max()), (0, 0, 0));
        assert_eq!((empty.mean(), empty.quantile(0.5)), (0.0, 0.0));
        assert_eq!(empty.buckets().count(), 0);
    }

    #[test]
    fn quantiles_of_a_thousand_numbers_are_where_they_belong() {
        let mut histogram = Histogram::default();
        (1..=1_000).rev().for_each(|value| histogram.record(value));
        for (share, exact) in [
            (0.0, 1.0),
            (0.5, 500.0),
            (0.9, 900.0),
            (0.99, 990.0),
            (1.0, 1_000.0),
        ] {
            let told = histogram.quantile(share);
            assert!(
                told >= exact && told <= exact * (1.0 + 1.0 / 64.0),
                "{share}: {told}"
            );
        }
        assert_eq!(
            (histogram.min(), histogram.max(), histogram.mean()),
            (1, 1_000, 500.5)
        );
        assert_eq!(
            histogram.buckets().map(|(_, count)| count).sum::<u64>(),
            1_000
        );
    }

    #[test]
    fn a_single_value_is_told_exactly_at_every_quantile() {
        let mut histogram = Histogram::default();
        histogram.record(123_457);
        assert_eq!(
            (histogram.quantile(0.0), histogram.quantile(1.0)),
            (123_457.0, 123_457.0)
        );
    }

    #[test]
    fn a_value_without_end_is_bounded_and_clearing_forgets() {
        let mut histogram = Histogram::default();
        histogram.record(u64::MAX);
        assert_eq!(histogram.max(), LARGEST);
        assert!(histogram.counts.len() < 2_048);
        histogram.clear();
        histogram.record(7);
        assert_eq!(
            (histogram.min(), histogram.max(), histogram.count()),
            (7, 7, 1)
        );
    }

    proptest! {
        #[test]
        fn every_value_lies_in_its_bucket_and_buckets_are_narrow(value in 0..LARGEST) {
            let upper = upper_bound(index_of(value));
            prop_assert!(value <= upper && upper - value <= value / 64);
            prop_assert!(index_of(upper) == index_of(value) && index_of(upper + 1) == index_of(value) + 1);
        }
    }
}
