//! Whether a publisher's path has just become far too narrow for what it sends, and what it is told then.
//!
//! `router (what comes in), narrowing → **uplink** → track (what there is to choose from), rtcp (REMB to the publisher)`
//!
//! A browser takes half a second or more to notice that by itself.  Until then all layers stand in one queue, and pieces of
//! each of them come.  Here it shows sooner.

use std::time::Duration;

use crate::media::Kind;
use crate::narrowing::{LATE_US, Narrowing};
use crate::rate::RateMeter;
use crate::time::Instant;

/// For how long it is taken to be narrow: longer than a browser takes to find out by itself.
const HOLDS: Duration = Duration::from_secs(2);
/// Nobody is bound sooner, since a publisher that stops its upper layers when told to need not be: a browser that is bound
/// first makes up for what it has just sent, and sends no picture for up to half a second.
const OBEYS_WITHIN: Duration = Duration::from_millis(150);
/// Bits a second.  No publisher is asked to send less: sound, and a small picture.
const LEAST: u64 = 100_000;
/// Bits a second that no publisher sends.
const UNBOUND: u64 = 1_000_000_000;
/// How often a bound is told again.
const REPEATED: Duration = Duration::from_millis(500);
/// For as long the fastest packet is remembered, or twice as long: clocks drift, and paths change.
const REMEMBERED: Duration = Duration::from_secs(2);
/// Nothing waits for so long: the clock of these timestamps has jumped.
const JUMPED: Duration = Duration::from_secs(2);

/// How late the packets of one layer are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lateness {
    /// The way of the fastest packet of this stretch of time and of the one before, in ticks of the media clock.
    fastest: Option<[u32; 2]>,
    since: Instant,
}

impl Lateness {
    /// How much longer this packet was under way than the fastest of the last seconds.
    pub fn of(&mut self, timestamp: u32, rate: u32, now: Instant) -> Duration {
        let ticks = u128::from(now.as_nanos()) * u128::from(rate) / 1_000_000_000;
        let way = (ticks as u32).wrapping_sub(timestamp);
        let mut fastest = self.fastest.unwrap_or([way; 2]);
        if now.saturating_since(self.since) >= REMEMBERED {
            fastest = [way, fastest[0]];
            self.since = now;
        }
        let more = |than: u32| way.wrapping_sub(than).cast_signed();
        if more(fastest[0]) < 0 {
            fastest[0] = way;
        }
        let late = more(fastest[0]).max(more(fastest[1])).unsigned_abs();
        let late = Duration::from_micros(u64::from(late) * 1_000_000 / u64::from(rate.max(1)));
        let has_jumped = late > JUMPED;
        self.fastest = Some(if has_jumped { [way; 2] } else { fastest });
        if has_jumped { Duration::ZERO } else { late }
    }
}

/// What it was found to carry, and until when that is believed.
#[derive(Clone, Copy, Debug)]
struct Narrow {
    /// Bits a second.
    carries: u32,
    since: Instant,
}

impl Narrow {
    fn lasts(&self, now: Instant) -> bool {
        now.saturating_since(self.since) < HOLDS
    }
}

/// The path towards us of a publisher that has layers to choose from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uplink {
    rate: RateMeter,
    narrowing: Narrowing,
    narrow: Option<Narrow>,
    /// The last bound that its publisher was told, and when.
    told: Option<(u64, Instant)>,
}

impl Uplink {
    /// A packet has come; how `late` is not known of one that was sent again.  Says whether the path has narrowed with it.
    ///
    /// Sound in time shows that the path is free.  That it is late shows nothing: what its device has missed shifts the
    /// timestamps of all that follows, by tens of milliseconds on a machine that is busy.
    pub fn arrived(
        &mut self,
        kind: Kind,
        octets: usize,
        late: Option<Duration>,
        now: Instant,
    ) -> bool {
        self.rate.count(octets, now);
        let late_us = late.map(|late| late.as_micros() as i64);
        let late_us = late_us.filter(|&late| kind == Kind::Video || late < LATE_US);
        let now_us = (now.as_nanos() / 1_000).cast_signed();
        let rate = &mut self.rate;
        let before = || f64::from(rate.bits_per_second(now));
        let carries = self.narrowing.arrived(octets, late_us, now_us, before);
        let Some(carries) = carries.filter(|_| !self.is_narrow(now)) else {
            return false;
        };
        self.narrow = Some(Narrow {
            carries: carries as u32,
            since: now,
        });
        true
    }

    /// It does not carry what its publisher sent before.
    pub fn is_narrow(&self, now: Instant) -> bool {
        self.narrow.is_some_and(|narrow| narrow.lasts(now))
    }

    /// The most bits a second that the publisher is to be told now to send.  A bound that has ended is taken back again and
    /// again: who has not heard of that would keep to it for ever.
    pub fn bound(&mut self, now: Instant) -> Option<u64> {
        let narrow = self.narrow.filter(|narrow| narrow.lasts(now));
        let bound = match narrow {
            Some(one) if now.saturating_since(one.since) < OBEYS_WITHIN => return None,
            Some(one) => u64::from(one.carries / 4 * 3).max(LEAST),
            None => UNBOUND,
        };
        let is_due = match self.told {
            None => bound != UNBOUND,
            Some((told, at)) => told != bound || now.saturating_since(at) >= REPEATED,
        };
        is_due.then(|| {
            self.told = Some((bound, now));
            bound
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAMS: usize = 4;
    /// Octets and packets of a frame of each: sound, and three layers of 100, 300 and 1,000 kbit/s at 20 frames a second.
    const FRAMES: [(usize, usize); STREAMS] = [(120, 1), (625, 1), (940, 2), (1_040, 6)];

    /// A publisher behind a path with a queue, in microseconds.
    struct Publisher {
        uplink: Uplink,
        lateness: [Lateness; STREAMS],
        now: u64,
        free_at: u64,
        kbps: u64,
        longest_queue: u64,
        /// Packets of a frame of the top layer.
        top: usize,
        /// Sound that its device has not got, in microseconds.
        missed: u64,
        narrowed: Vec<u64>,
    }

    impl Publisher {
        fn new() -> Self {
            Self {
                uplink: Uplink::default(),
                lateness: Default::default(),
                now: 1_000_000,
                free_at: 0,
                kbps: 3_000,
                longest_queue: 300_000,
                top: FRAMES[3].1,
                missed: 0,
                narrowed: Vec::new(),
            }
        }

        fn send(&mut self, stream: usize, octets: usize) {
            let begins = self.free_at.max(self.now);
            if begins - self.now > self.longest_queue {
                return;
            }
            self.free_at = begins + octets as u64 * 8_000 / self.kbps;
            let comes = Instant::from_nanos((self.free_at + 20_000) * 1_000);
            let (kind, rate) = match stream {
                0 => (Kind::Audio, 48_000),
                _ => (Kind::Video, 90_000),
            };
            // Begins anywhere: timestamps do.
            let media = self.now - if stream == 0 { self.missed } else { 0 };
            let timestamp = (media * rate / 1_000_000) as u32;
            let timestamp = timestamp.wrapping_sub(stream as u32 * 0x4000_0000);
            let late = self.lateness[stream].of(timestamp, rate as u32, comes);
            if self.uplink.arrived(kind, octets, Some(late), comes) {
                self.narrowed.push(self.free_at + 20_000);
            }
        }

        /// What happened to its path for so many milliseconds, as many after.
        fn run(&mut self, ms: u64) -> Vec<u64> {
            let (began, steps) = (self.now, ms);
            for _ in 0..steps {
                self.now += 1_000;
                let ms = self.now / 1_000;
                if ms.is_multiple_of(20) {
                    self.send(0, FRAMES[0].0);
                }
                if ms.is_multiple_of(50) {
                    let counts = [0, FRAMES[1].1, FRAMES[2].1, self.top];
                    for stream in [3, 2, 1] {
                        (0..counts[stream]).for_each(|_| self.send(stream, FRAMES[stream].0));
                    }
                }
            }
            let since = |at: u64| at.saturating_sub(began) / 1_000;
            self.narrowed.drain(..).map(since).collect()
        }
    }

    #[test]
    fn a_path_that_falls_to_a_fifth_of_what_is_sent_is_noticed_before_its_queue_has_passed_twice() {
        for phase in 0..50 {
            let mut publisher = Publisher::new();
            assert_eq!(publisher.run(5_000 + phase), []);
            publisher.kbps = 300;
            let noticed = publisher.run(1_000);
            assert!(
                matches!(noticed[..], [ms] if ms < 230),
                "{phase}: {noticed:?}"
            );
        }
    }

    #[test]
    fn a_path_that_stands_still_for_a_moment_has_not_narrowed() {
        for stands in (0..800).step_by(20) {
            let mut publisher = Publisher::new();
            publisher.longest_queue = 1_000_000;
            publisher.run(3_000 + stands % 50);
            publisher.free_at = publisher.now + stands * 1_000;
            publisher.kbps = 10_000;
            assert_eq!(publisher.run(2_000), [], "{stands} ms");
        }
    }

    #[test]
    fn a_keyframe_that_takes_its_time_and_a_path_that_is_just_too_small_are_left_to_the_publisher()
    {
        let mut publisher = Publisher::new();
        publisher.kbps = 1_800;
        publisher.run(5_000);
        publisher.top = 60;
        assert_eq!(publisher.run(50), []);
        publisher.top = FRAMES[3].1;
        assert_eq!(publisher.run(1_000), []);
        publisher.kbps = 1_000;
        assert_eq!(publisher.run(2_000), []);
    }

    #[test]
    fn a_publisher_that_sends_less_of_itself_is_not_taken_for_one_with_a_narrow_path() {
        let mut publisher = Publisher::new();
        publisher.run(5_000);
        publisher.top = 0;
        assert_eq!(publisher.run(5_000), []);
    }

    #[test]
    fn sound_alone_that_is_late_has_nothing_to_give_up() {
        let mut uplink = Uplink::default();
        let late = Some(Duration::from_millis(200));
        for ms in (0..5_000).step_by(20) {
            let now = Instant::from_millis(1_000 + ms);
            assert!(!uplink.arrived(Kind::Audio, 120, late, now));
        }
    }

    #[test]
    fn a_microphone_that_misses_samples_tells_nothing_of_the_path() {
        for missed in [50_000, 100_000, 300_000] {
            let mut publisher = Publisher::new();
            publisher.kbps = 10_000;
            publisher.run(5_000);
            publisher.missed = missed;
            assert_eq!(publisher.run(5_000), [], "{missed} µs");
        }
    }

    #[test]
    fn packets_that_were_sent_again_are_not_late_and_count_as_what_comes() {
        let fell = |again: usize| {
            let mut publisher = Publisher::new();
            publisher.run(5_000);
            let (uplink, begins) = (&mut publisher.uplink, publisher.now / 1_000 + 100);
            (0..20).any(|n| {
                let now = Instant::from_millis(begins + n * 20);
                (0..again).for_each(|_| {
                    uplink.arrived(Kind::Video, 1_000, None, now);
                });
                let late = Some(Duration::from_millis(60 + n * 10));
                uplink.arrived(Kind::Video, 500, late, now)
            })
        };
        assert_eq!([0, 6].map(fell), [true, false]);
    }

    /// When which bound is told, of a path that is found to be narrow at 10 s, looked at every 100 ms.
    fn bounds(until_ms: u64) -> Vec<(u64, u64)> {
        let mut uplink = Uplink::default();
        let mut told = Vec::new();
        for ms in (0..until_ms).step_by(100) {
            let now = Instant::from_millis(ms);
            if ms == 10_000 {
                uplink.narrow = Some(Narrow {
                    carries: 300_000,
                    since: now,
                });
            }
            told.extend(uplink.bound(now).map(|bound| (ms, bound)));
        }
        told
    }

    #[test]
    fn a_bound_leaves_room_comes_after_a_moment_and_is_taken_back_again_and_again() {
        assert_eq!(
            bounds(13_500),
            [
                (10_200, 225_000),
                (10_700, 225_000),
                (11_200, 225_000),
                (11_700, 225_000),
                (12_000, UNBOUND),
                (12_500, UNBOUND),
                (13_000, UNBOUND),
            ]
        );
        assert_eq!(bounds(10_000), []);
    }

    #[test]
    fn lateness_is_what_a_packet_was_longer_under_way_than_the_fastest_wherever_clocks_wrap() {
        for start in [0u32, 1, u32::MAX - 90_000, u32::MAX / 2] {
            let mut lateness = Lateness::default();
            let mut late = |sent_ms: u64, came_ms: u64| {
                let timestamp = start.wrapping_add((sent_ms * 90) as u32);
                let late = lateness.of(timestamp, 90_000, Instant::from_millis(came_ms));
                late.as_millis()
            };
            assert_eq!(
                (late(0, 5_020), late(50, 5_080), late(100, 5_110)),
                (0, 10, 0)
            );
            assert_eq!((late(100, 5_210), late(200, 5_510)), (100, 300));
            // Long ago some were faster; clocks drift.
            assert_eq!((late(7_000, 12_330), late(8_000, 13_330)), (320, 320));
            assert_eq!(late(11_000, 16_330), 0);
            // The clock has been set anew.
            assert_eq!((late(0, 20_000), late(50, 20_060)), (0, 10));
        }
    }
}
