//! How long a busy core lets packets wait for others, and how long it rests before it looks at its socket again.
//!
//! `worker (rest) → **gather** → worker (receive), router (frames)`
//!
//! Packets that wait together leave in longer GSO messages, so a longer wait makes each packet cheaper.  But they wait.
//! So the wait is as short as the core can afford: it grows while the core has little time left and shrinks while it has
//! much.  From one look at the socket to the next is an eighth of it.  A core with time to spare looks and sends at once.

use std::time::Duration;

use crate::time::Instant;

/// The busy share of a thread's time above which the wait grows, and below which it shrinks.
const GROW_ABOVE: f64 = 0.85;
const SHRINK_BELOW: f64 = 0.75;
/// The longest wait.  libwebrtc paces packets in steps of 5 ms: a frame of 1 Mbit/s takes three.
const MAX_WAIT: Duration = Duration::from_millis(16);
/// Looks at the socket while a packet waits for longest.
const LOOKS: u32 = 8;
/// A core that has not emptied its socket for so long does not keep up.
const BEHIND: Duration = Duration::from_millis(50);
/// What the wait grows by at least, for it begins at nothing.
const STEP: Duration = Duration::from_micros(20);
/// What the wait grows or shrinks by for each millisecond that has passed.
const RATE: f64 = 0.02;
/// Weight of one millisecond in the busy share: it looks back over some tens of milliseconds.
const BUSY_WEIGHT: f64 = 0.05;
/// A longer round weighs no more than this.
const MAX_WEIGHT: f64 = 0.5;

/// The wait and the rounds of one thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gather {
    /// Moving average of the share of time that the thread does not rest.
    busy: f64,
    woke: Instant,
    /// When nothing waited in the socket.
    caught_up: Instant,
    wait: Duration,
}

impl Gather {
    /// As after a long time at a load that wants such a wait.
    #[cfg(test)]
    pub fn of(wait: Duration) -> Self {
        Self {
            wait,
            ..Self::default()
        }
    }

    /// For how long packets may wait for the rest of their frame.
    #[must_use]
    pub const fn wait(&self) -> Duration {
        self.wait
    }

    /// How long to let packets gather, at `now` when the work of this round is done.
    #[must_use]
    pub fn rest(&self, now: Instant) -> Duration {
        (self.wait / LOOKS).saturating_sub(now.saturating_since(self.woke))
    }

    /// For how long what comes at `now` may have waited in the socket.
    #[must_use]
    pub fn lag(&self, now: Instant) -> Duration {
        now.saturating_since(self.caught_up)
    }

    /// Whether the core has fallen behind, at `now`.
    #[must_use]
    pub fn is_behind(&self, now: Instant) -> bool {
        self.lag(now) > BEHIND
    }

    /// The thread rested from `from` to `to`, and begins a round.
    pub fn rested(&mut self, from: Instant, to: Instant) {
        self.passed(from, to);
        self.caught_up = to;
    }

    /// The thread has worked until `now`, and goes on without a rest.
    pub fn goes_on(&mut self, now: Instant) {
        self.passed(now, now);
    }

    /// Worked until `from`, rested until `to`.
    fn passed(&mut self, from: Instant, to: Instant) {
        let worked = from.saturating_since(self.woke).as_secs_f64();
        let rested = to.saturating_since(from).as_secs_f64();
        self.woke = to;
        let passed_ms = (worked + rested) * 1e3;
        let share = worked / (worked + rested).max(1e-9);
        self.busy += (share - self.busy) * (BUSY_WEIGHT * passed_ms).min(MAX_WEIGHT);
        self.adapt(passed_ms);
    }

    fn adapt(&mut self, passed_ms: f64) {
        let change = self.wait.mul_f64((RATE * passed_ms).min(MAX_WEIGHT));
        let step = STEP.mul_f64(passed_ms.min(1.0));
        if self.busy > GROW_ABOVE {
            self.wait = (self.wait + change + step).min(MAX_WAIT);
        } else if self.busy < SHRINK_BELOW {
            self.wait = self.wait.saturating_sub(change + step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A core in virtual time: a round costs so much, and so much for each millisecond of packets that it takes in.
    struct Core {
        gather: Gather,
        now: Instant,
    }

    impl Core {
        fn new() -> Self {
            Self {
                gather: Gather::default(),
                now: Instant::default(),
            }
        }

        /// Packets come every 100 µs; gives the mean round of the last second, in milliseconds.
        fn run(&mut self, seconds: u64, round_cost_us: f64, cost_share: f64) -> f64 {
            let end = self.now + Duration::from_secs(seconds);
            let (mut looked, mut rounds) = (self.now, Vec::new());
            while self.now < end {
                let rest = self.gather.rest(self.now).max(Duration::from_micros(100));
                let woke = self.now + rest;
                self.gather.rested(self.now, woke);
                let taken = woke.saturating_since(looked);
                rounds.push((woke, taken));
                looked = woke;
                let work = taken.mul_f64(cost_share) + Duration::from_secs_f64(round_cost_us / 1e6);
                self.now = woke + work;
            }
            let last: Vec<f64> = rounds
                .iter()
                .filter(|(at, _)| end.saturating_since(*at) < Duration::from_secs(1))
                .map(|(_, taken)| taken.as_secs_f64() * 1e3)
                .collect();
            last.iter().sum::<f64>() / last.len() as f64
        }
    }

    #[test]
    fn a_core_with_time_to_spare_looks_at_once() {
        assert!(Core::new().run(5, 50.0, 0.1) < 0.3);
    }

    #[test]
    fn a_core_that_has_none_lets_packets_gather_as_long_as_it_may() {
        let round = Core::new().run(5, 50.0, 0.95);
        assert!((1.8..=3.1).contains(&round), "{round} ms");
    }

    #[test]
    fn a_round_is_no_longer_than_it_has_to_be() {
        // 0.6 of the time goes to packets; rounds of 100 µs would need more than all of the rest.
        let mut core = Core::new();
        let round = core.run(10, 250.0, 0.6);
        assert!((0.9..1.8).contains(&round), "{round} ms");
        assert!(core.gather.wait() < MAX_WAIT);
    }

    #[test]
    fn work_counts_as_part_of_the_round() {
        let mut gather = Gather::of(MAX_WAIT);
        gather.rested(Instant::default(), Instant::from_millis(100));
        let round = gather.wait() / LOOKS;
        let worked = Duration::from_micros(500);
        assert!(round > worked);
        let later = Instant::from_millis(100) + worked;
        assert_eq!(gather.rest(later), round - worked);
        assert_eq!(gather.rest(Instant::from_millis(120)), Duration::ZERO);
    }

    #[test]
    fn a_core_that_never_rests_falls_behind_and_waits_for_frames_as_long_as_it_may() {
        let mut gather = Gather::default();
        let longest = Instant::default() + 2 * MAX_WAIT;
        gather.goes_on(longest);
        assert!(!gather.is_behind(longest));
        (33..500).for_each(|ms| gather.goes_on(Instant::from_millis(ms)));
        assert_eq!(gather.wait(), MAX_WAIT);
        assert!(gather.is_behind(Instant::from_millis(500)));
        gather.rested(Instant::from_millis(500), Instant::from_millis(501));
        assert!(!gather.is_behind(Instant::from_millis(550)));
    }

    #[test]
    fn rounds_are_short_again_soon_after_the_load_has_gone() {
        let mut core = Core::new();
        core.run(5, 50.0, 0.95);
        assert!(core.run(2, 50.0, 0.1) < 0.5);
    }
}
