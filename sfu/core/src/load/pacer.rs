//! When a video packet leaves: libwebrtc's pacer, in steps of 5 ms.
//!
//! `publisher (frames) → **pacer** → endpoint (headers, keys)`
//!
//! At each step the budget grows by what the pacing rate allows, and packets leave while it is positive; the last one may
//! overdraw it.  Unused budget is lost.  The rate is 2.5 times that of the media, or what empties the queue in two
//! seconds if that is more (`modules/pacing/pacing_controller.cc`).  Sound is not paced.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Instant;

/// libwebrtc's periodic process interval.
pub const STEP: Duration = Duration::from_millis(5);
/// kDefaultPaceMultiplier.
const FACTOR: f64 = 2.5;
/// kMaxExpectedQueueLength.
const QUEUE_TIME: Duration = Duration::from_secs(2);
/// Packets waiting; beyond it the newest are dropped.
const MOST: usize = 8_192;

#[derive(Debug)]
struct Queued<T> {
    packet: T,
    octets: usize,
    since: Instant,
}

/// The packets of one endpoint that wait for their turn.
#[derive(Debug)]
pub struct Pacer<T> {
    queue: VecDeque<Queued<T>>,
    octets: usize,
    /// Octets a second of the media.
    media_rate: f64,
    budget: f64,
    step: Instant,
    /// Packets that found no room.
    pub dropped: u64,
}

impl<T> Pacer<T> {
    /// Empty; `media_rate` is in octets a second, all layers together.
    #[must_use]
    pub fn new(media_rate: f64) -> Self {
        Self {
            queue: VecDeque::new(),
            octets: 0,
            media_rate,
            budget: 0.0,
            step: Instant::default(),
            dropped: 0,
        }
    }

    /// A packet of a frame that was due at `due`.
    pub fn push(&mut self, packet: T, octets: usize, due: Instant) {
        if self.queue.len() >= MOST {
            self.dropped += 1;
            return;
        }
        self.octets += octets;
        self.queue.push_back(Queued {
            packet,
            octets,
            since: due,
        });
        if self.queue.len() == 1 {
            self.begin(due);
        }
    }

    /// The first step after a time without packets, in which debts were paid and nothing saved.
    fn begin(&mut self, due: Instant) {
        let idle = due.saturating_since(self.step).as_nanos() / STEP.as_nanos();
        self.step = due.max(self.step + STEP);
        self.refill(idle.max(1) as f64);
    }

    fn refill(&mut self, steps: f64) {
        let allowance = self.rate() * STEP.as_secs_f64();
        self.budget = (self.budget + steps * allowance).min(allowance);
    }

    fn rate(&self) -> f64 {
        let waited = self.queue.front().map_or(Duration::ZERO, |first| {
            self.step.saturating_since(first.since)
        });
        let left = QUEUE_TIME
            .saturating_sub(waited)
            .max(Duration::from_millis(1));
        (self.media_rate * FACTOR).max(self.octets as f64 / left.as_secs_f64())
    }

    /// The next packet that may leave, and since when.
    pub fn pop(&mut self, now: Instant) -> Option<(T, Instant)> {
        while !self.queue.is_empty() && self.step <= now {
            if self.budget > 0.0 {
                let first = self.queue.pop_front()?;
                self.budget -= first.octets as f64;
                self.octets -= first.octets;
                return Some((first.packet, self.step));
            }
            self.step = self.step + STEP;
            self.refill(1.0);
        }
        None
    }

    /// When the next packet may leave.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let next = if self.budget > 0.0 {
            self.step
        } else {
            self.step + STEP
        };
        (!self.queue.is_empty()).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 Mbit/s.
    const RATE: f64 = 125_000.0;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(1_000 + millis)
    }

    /// Packets that leave at each millisecond, looked at every millisecond.
    fn leaving(pacer: &mut Pacer<usize>, from_ms: u64, to_ms: u64) -> Vec<(u64, usize)> {
        let mut left = Vec::new();
        for ms in from_ms..to_ms {
            let count = std::iter::from_fn(|| pacer.pop(at(ms))).count();
            left.extend((count > 0).then_some((ms, count)));
        }
        left
    }

    fn push(pacer: &mut Pacer<usize>, sizes: &[usize], due_ms: u64) {
        for (index, &size) in sizes.iter().enumerate() {
            pacer.push(index, size, at(due_ms));
        }
    }

    #[test]
    fn the_four_packets_of_a_frame_leave_in_steps_of_two_one_and_one() {
        let mut pacer = Pacer::new(RATE);
        for frame in 0..10 {
            push(&mut pacer, &[1_042; 4], frame * 33);
            let left = leaving(&mut pacer, frame * 33, frame * 33 + 33);
            assert_eq!(
                left,
                [(frame * 33, 2), (frame * 33 + 5, 1), (frame * 33 + 10, 1)]
            );
        }
    }

    #[test]
    fn a_keyframe_is_spread_at_two_and_a_half_times_the_rate() {
        let mut pacer = Pacer::new(RATE);
        push(&mut pacer, &[1_000; 60], 0);
        let left = leaving(&mut pacer, 0, 1_000);
        let last = left.last().expect("all left").0;
        assert!(
            (180..=195).contains(&last),
            "60,000 octets at 312,500 a second: {last}"
        );
        assert!(left.iter().all(|&(ms, count)| ms % 5 == 0 && count <= 2));
    }

    #[test]
    fn what_would_wait_for_more_than_two_seconds_leaves_faster() {
        let mut pacer = Pacer::new(RATE);
        push(&mut pacer, &[1_000; 2_000], 0);
        let last = leaving(&mut pacer, 0, 6_000).last().expect("all left").0;
        assert!((1_900..=2_100).contains(&last), "{last}");
    }

    #[test]
    fn a_late_look_makes_up_for_the_steps_it_missed_and_knows_their_times() {
        let mut pacer = Pacer::new(RATE);
        push(&mut pacer, &[1_042; 4], 0);
        let times: Vec<_> = std::iter::from_fn(|| pacer.pop(at(50)))
            .map(|(_, since)| since)
            .collect();
        assert_eq!(times, [at(0), at(0), at(5), at(10)]);
        assert_eq!(pacer.deadline(), None);
    }

    #[test]
    fn the_deadline_is_the_next_step_at_which_a_packet_leaves() {
        let mut pacer = Pacer::new(RATE);
        push(&mut pacer, &[1_042; 4], 0);
        assert_eq!(pacer.deadline(), Some(at(0)));
        leaving(&mut pacer, 0, 1);
        assert_eq!(pacer.deadline(), Some(at(5)));
    }

    #[test]
    fn a_full_queue_drops_the_newest() {
        let mut pacer = Pacer::new(RATE);
        push(&mut pacer, &[1_000; MOST + 5], 0);
        assert_eq!(pacer.dropped, 5);
        assert_eq!(pacer.pop(at(0)).map(|(packet, _)| packet), Some(0));
    }
}
