//! How much arrives, by the receiver's clock.
//!
//! `history → **acknowledged** → mod → rate, loss`
//!
//! draft-ietf-rmcat-gcc-02 §5.5 calls it R_hat and measures it over half a second.  That is too long for a path that
//! has lost most of its rate, so there is a shorter measure too.  Each is exact: octets behind one arrival up to
//! another, over the time between the two.

use std::collections::VecDeque;

/// Arrivals this close together are kept as one.
const SLOT_US: i64 = 10_000;
/// What is further back than this says nothing.
const KEEP_US: i64 = 1_000_000;
/// The long measure.
const LONG_US: i64 = 500_000;
/// The short measure, and the packets that it needs for a figure that is not off by a fifth.
const SHORT_US: i64 = 150_000;
const SHORT_PACKETS: u64 = 12;

/// Arrivals, and what had come with the last of them since the beginning.
#[derive(Clone, Copy, Debug)]
struct Slot {
    first_us: i64,
    last_us: i64,
    octets: u64,
    packets: u64,
}

/// What arrived in the last second.
#[derive(Debug, Default)]
pub struct Acknowledged {
    slots: VecDeque<Slot>,
}

impl Acknowledged {
    /// Takes in a packet.
    pub fn add(&mut self, octets: u16, arrival_us: i64) {
        let (mut all, mut packets) = (u64::from(octets), 1);
        if let Some(newest) = self.slots.back_mut() {
            all += newest.octets;
            packets += newest.packets;
            if arrival_us - newest.first_us < SLOT_US {
                newest.last_us = newest.last_us.max(arrival_us);
                (newest.octets, newest.packets) = (all, packets);
                return;
            }
        }
        self.slots.push_back(Slot {
            first_us: arrival_us,
            last_us: arrival_us,
            octets: all,
            packets,
        });
        while let Some(oldest) = self.slots.front()
            && arrival_us - oldest.last_us > KEEP_US
        {
            self.slots.pop_front();
        }
    }

    /// Nothing has arrived.
    pub fn clear(&mut self) {
        self.slots.clear();
    }

    /// Bit/s over half a second, or over what there is if that is not too little.
    pub fn long(&self) -> Option<f64> {
        self.over(LONG_US, 0)
    }

    /// Bit/s over the shortest time that gives a figure.
    pub fn short(&self) -> Option<f64> {
        self.over(SHORT_US, SHORT_PACKETS)
    }

    /// Over at least `span_us` and so many packets, the latter within [`LONG_US`]; over what there is if that is less.
    fn over(&self, span_us: i64, packets: u64) -> Option<f64> {
        let (oldest, newest) = (self.slots.front()?, self.slots.back()?);
        let passed_us = |slot: &Slot| newest.last_us - slot.last_us;
        let far = self
            .slots
            .partition_point(|slot| passed_us(slot) >= span_us);
        let mut far_enough = self.slots.iter().take(far).rev();
        let enough = far_enough
            .find(|slot| newest.packets - slot.packets >= packets || passed_us(slot) >= LONG_US);
        let from = enough.or((passed_us(oldest) >= SHORT_US).then_some(oldest))?;
        Some(bits_per_second(
            newest.octets - from.octets,
            passed_us(from),
        ))
    }
}

fn bits_per_second(octets: u64, passed_us: i64) -> f64 {
    octets as f64 * 8e6 / passed_us as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(acknowledged: &mut Acknowledged, from_ms: i64, to_ms: i64, every_ms: usize) {
        for at in (from_ms..to_ms).step_by(every_ms) {
            acknowledged.add(1_000, at * 1_000);
        }
    }

    fn assert_near(figure: Option<f64>, expected: f64) {
        let figure = figure.expect("enough has arrived");
        assert!((figure / expected - 1.0).abs() < 0.01, "{figure} bit/s");
    }

    #[test]
    fn little_gives_no_figure() {
        let mut acknowledged = Acknowledged::default();
        assert_eq!(acknowledged.long(), None);
        feed(&mut acknowledged, 0, 140, 5);
        assert_eq!(acknowledged.long(), None);
    }

    #[test]
    fn a_steady_stream_is_measured_exactly() {
        for every_ms in [2, 4, 20, 50] {
            let mut acknowledged = Acknowledged::default();
            feed(&mut acknowledged, 0, 3_000, every_ms);
            let expected = 8e6 / every_ms as f64;
            assert_near(acknowledged.long(), expected);
            assert_near(acknowledged.short(), expected);
        }
    }

    #[test]
    fn what_there_is_counts_at_the_beginning() {
        let mut acknowledged = Acknowledged::default();
        feed(&mut acknowledged, 0, 200, 4);
        assert_near(acknowledged.long(), 2e6);
    }

    #[test]
    fn the_short_measure_follows_at_once() {
        let mut acknowledged = Acknowledged::default();
        feed(&mut acknowledged, 0, 1_000, 4);
        feed(&mut acknowledged, 1_000, 1_300, 20);
        assert_near(acknowledged.short(), 4e5);
        assert!(acknowledged.long().is_some_and(|long| long > 8e5));
    }

    #[test]
    fn a_silence_is_not_averaged_away() {
        let mut acknowledged = Acknowledged::default();
        feed(&mut acknowledged, 0, 1_000, 4);
        feed(&mut acknowledged, 9_000, 9_200, 4);
        assert_near(acknowledged.long(), 2e6);
    }
}
