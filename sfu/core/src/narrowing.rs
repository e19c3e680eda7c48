//! Whether a path has just become far too narrow for what it was sent.
//!
//! `uplink (from a publisher), bwe (to a receiver) → **narrowing**`
//!
//! It shows within a few packets: they come later and later, and much less of them than before.  A path that stands
//! still for a moment looks otherwise: nothing comes, and then all at once, the last of it in time.

/// Microseconds.  Packets that are late by less come as they always do: browsers encode and pace unevenly.
pub const LATE_US: i64 = 40_000;
/// The last of those that tell is by so much later than the first: a path that has become longer is none that fills...
const LATER_US: i64 = 40_000;
/// ...and came behind it within this time...
const SUDDEN_US: i64 = 500_000;
/// ...they are so many packets at least...
const PACKETS: u32 = 3;
/// ...and what comes is no more than this part of what came before.
const MUCH_LESS: f64 = 0.5;

/// Packets one after the other that were all late.
#[derive(Clone, Copy, Debug)]
struct Streak {
    since_us: i64,
    /// How late the first was.
    late_us: i64,
    packets: u32,
    /// Behind the first.
    octets: u64,
}

impl Streak {
    const fn begun(late_us: i64, now_us: i64) -> Self {
        Self {
            since_us: now_us,
            late_us,
            packets: 1,
            octets: 0,
        }
    }

    const fn is_over(&self, now_us: i64) -> bool {
        now_us - self.since_us > SUDDEN_US
    }

    /// Whether it says that the path fills, with one more that was so late.
    const fn tells(&self, late_us: i64) -> bool {
        self.packets >= PACKETS && late_us - self.late_us >= LATER_US
    }

    fn bits_per_second(&self, now_us: i64) -> f64 {
        self.octets as f64 * 8e6 / (now_us - self.since_us).max(1) as f64
    }
}

/// What has come late of one path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Narrowing {
    streak: Option<Streak>,
}

impl Narrowing {
    /// A packet came at `now_us`, so late; how late may not be known, as of one that was sent again.  Gives the bit/s
    /// that the path carries if that is far less than what came `before`, bit/s.
    pub fn arrived(
        &mut self,
        octets: usize,
        late_us: Option<i64>,
        now_us: i64,
        before: impl FnOnce() -> f64,
    ) -> Option<f64> {
        if late_us.is_some_and(|late_us| late_us < LATE_US) {
            self.streak = None;
            return None;
        }
        let Some(streak) = self.streak.as_mut().filter(|one| !one.is_over(now_us)) else {
            self.streak = late_us.map(|late_us| Streak::begun(late_us, now_us));
            return None;
        };
        streak.packets += 1;
        streak.octets += octets as u64;
        let carries = streak.bits_per_second(now_us);
        let tells = late_us.is_some_and(|late_us| streak.tells(late_us));
        (tells && carries <= before() * MUCH_LESS).then_some(carries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OCTETS: usize = 1_000;
    const BEFORE: f64 = 1_000_000.0;

    /// What was told of packets that came so many milliseconds after the first, so late, and which of them told it first.
    fn told(packets: impl IntoIterator<Item = (i64, i64)>) -> Option<(usize, f64)> {
        let mut narrowing = Narrowing::default();
        let mut told = packets.into_iter().map(|(at_ms, late_ms)| {
            narrowing.arrived(OCTETS, Some(late_ms * 1_000), at_ms * 1_000, || BEFORE)
        });
        told.by_ref()
            .enumerate()
            .find_map(|(index, told)| Some((index, told?)))
    }

    #[test]
    fn the_third_late_packet_tells_what_the_path_carries() {
        let rate = 2.0 * 8_000.0 / 0.042;
        let packets = [(0, 0), (21, 21), (42, 42), (63, 63), (84, 84)];
        assert_eq!(told(packets), Some((4, rate)));
        assert_eq!(told([(0, 40), (40, 80)]), None);
    }

    #[test]
    fn a_packet_in_time_shows_that_the_path_is_free() {
        assert_eq!(
            told([(0, 42), (21, 63), (22, 39), (63, 84), (84, 105)]),
            None
        );
        assert_eq!(told([(0, 39), (21, 60), (42, 79)]), None);
    }

    #[test]
    fn a_path_that_has_become_longer_is_not_narrow_however_little_comes() {
        assert_eq!(told((0..100).map(|at| (at * 60, 100 + at % 2 * 39))), None);
    }

    #[test]
    fn what_comes_later_and_later_but_slowly_is_no_sudden_fall() {
        let rising = |step_ms: i64| (0..100).map(move |at| (at * 60, 100 + at * step_ms));
        assert_eq!(told(rising(4)), None);
        assert!(told(rising(6)).is_some());
    }

    #[test]
    fn a_path_that_carries_more_than_half_of_before_is_not_far_too_narrow() {
        let every = |step_ms: i64| (0..9).map(move |at| (at * step_ms, 40 + at * step_ms));
        assert_eq!(told(every(15)), None);
        assert_eq!(told(every(16)), Some((3, BEFORE / 2.0)));
    }

    #[test]
    fn what_was_sent_again_counts_as_carried_and_neither_begins_nor_ends_anything() {
        let mut narrowing = Narrowing::default();
        let mut arrived =
            |late_us, at_ms: i64| narrowing.arrived(OCTETS, late_us, at_ms * 1_000, || BEFORE);
        assert_eq!(arrived(None, 0), None);
        assert_eq!(arrived(Some(40_000), 10), None);
        assert_eq!(arrived(None, 30), None);
        assert_eq!(arrived(Some(90_000), 74), Some(2.0 * 8_000.0 / 0.064));
    }
}
