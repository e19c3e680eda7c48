//! Why a seat that its path did not carry waits before it goes up again.
//!
//! `allotting (lowered) → **hold** → allotting (is_over)`
//!
//! Else it would go up as soon as there seems to be room, and down again, as often as estimates waver.

use std::time::Duration;

use crate::time::Instant;

/// Keeps a seat from going up again right after its path did not carry it: longer each time that happens soon.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hold {
    until: Instant,
    length: Duration,
    lowered: Option<Instant>,
}

/// How long a hold lasts at first, and at most.
const HOLD: Duration = Duration::from_secs(1);
const LONGEST_HOLD: Duration = Duration::from_secs(8);
/// Who was not lowered for so long begins with the shortest hold again.
const FORGIVEN: Duration = Duration::from_secs(10);

impl Hold {
    /// The path did not carry what it had.
    pub fn lowered(&mut self, now: Instant) {
        if now < self.until {
            return; // Still the same fall.
        }
        let soon = self
            .lowered
            .is_some_and(|before| now.saturating_since(before) < FORGIVEN);
        self.length = match soon {
            true => (self.length * 2).min(LONGEST_HOLD),
            false => HOLD,
        };
        (self.until, self.lowered) = (now + self.length, Some(now));
    }

    /// Whether it may go up.
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    /// How long each hold lasts, of a seat that is lowered at these moments, in milliseconds.
    fn lasts(lowered: &[u64]) -> Vec<u64> {
        let mut hold = Hold::default();
        let last = |&from: &u64| {
            hold.lowered(at(from));
            (from..)
                .position(|ms| hold.is_over(at(ms)))
                .map(|ms| ms as u64)
        };
        lowered.iter().filter_map(last).collect()
    }

    #[test]
    fn who_falls_again_soon_waits_twice_as_long_up_to_a_bound_and_is_forgiven_after_a_while() {
        assert_eq!(
            lasts(&[1_000, 5_000, 9_000, 14_000, 23_000]),
            [1_000, 2_000, 4_000, 8_000, 8_000]
        );
        assert_eq!(lasts(&[1_000, 5_000, 15_000]), [1_000, 2_000, 1_000]);
    }

    #[test]
    fn one_fall_in_several_steps_is_one() {
        assert_eq!(lasts(&[1_000, 1_500]), [1_000, 500]);
        assert!(Hold::default().is_over(at(0)));
    }
}
