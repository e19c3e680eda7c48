//! Missing packets: found at once, asked for in time, and not for ever.

use std::time::Duration;

use _core::nack::{
    FRAME_GAP, GIVE_UP, LONG_RETRY, MAX_GUESSES, MAX_OUTSTANDING, MAX_TRIES, MIN_RETRY,
    NackTracker, REMEMBERED, REORDER_GRACE, REPEAT,
};
use _core::time::Instant;
use proptest::prelude::*;

const RTT: Duration = Duration::from_millis(50);
const STARTS: [u64; 8] = [
    65_536, 65_537, 65_663, 65_664, 98_303, 98_304, 131_070, 131_071,
];

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn due(tracker: &mut NackTracker, now: Instant) -> Vec<u16> {
    let mut out = Vec::new();
    tracker.due(now, RTT, &mut out);
    out
}

fn low(ext_seq: u64) -> u16 {
    u16::try_from(ext_seq % 65_536).expect("16 bits")
}

#[test]
fn a_gap_is_asked_for_at_once_wherever_the_counter_wraps() {
    for start in STARTS {
        let mut tracker = NackTracker::new();
        tracker.received(start, ms(0));
        assert_eq!(tracker.deadline(), None);
        tracker.received(start + 4, ms(3));
        assert_eq!(tracker.deadline(), Some(ms(3)));
        assert_eq!(due(&mut tracker, ms(2)), []);
        assert_eq!(
            due(&mut tracker, ms(3)),
            [low(start + 1), low(start + 2), low(start + 3)]
        );
    }
}

/// A tracker that has seen, by `at`, packets overtake each other; 102 is the newest.
fn overtaken(at: Instant) -> NackTracker {
    let mut tracker = NackTracker::new();
    tracker.received(100, at);
    tracker.received(102, at);
    assert!(tracker.received(101, at));
    assert_eq!(due(&mut tracker, at), []);
    tracker
}

#[test]
fn where_packets_overtake_each_other_a_gap_is_asked_for_after_a_grace_for_a_while() {
    for (after, grace) in [
        (Duration::ZERO, REORDER_GRACE),
        (REMEMBERED - Duration::from_millis(1), REORDER_GRACE),
        (REMEMBERED, Duration::ZERO),
    ] {
        let mut tracker = overtaken(ms(50));
        let now = ms(50) + after;
        tracker.received(104, now);
        assert_eq!(tracker.deadline(), Some(now + grace), "{after:?}");
    }
}

#[test]
fn a_packet_that_was_sent_again_or_comes_late_has_not_been_overtaken() {
    let mut again = NackTracker::new();
    again.received(100, ms(0));
    again.received(102, ms(0));
    assert!(again.recovered(101, ms(5)));
    let mut late = NackTracker::new();
    late.received(100, ms(0));
    late.received(102, ms(0));
    assert!(late.received(101, ms(0) + REORDER_GRACE * 2));
    for tracker in [&mut again, &mut late] {
        assert_eq!(due(tracker, ms(29)), []);
        tracker.received(104, ms(30));
        assert_eq!(tracker.deadline(), Some(ms(30)));
    }
}

#[test]
fn packets_in_order_make_nothing_due() {
    for start in STARTS {
        let mut tracker = NackTracker::new();
        (start..start + 10).for_each(|ext_seq| assert!(!tracker.received(ext_seq, ms(0))));
        assert_eq!((tracker.outstanding(), tracker.deadline()), (0, None));
    }
}

#[test]
fn a_packet_that_was_only_overtaken_is_not_asked_for() {
    let mut tracker = NackTracker::new();
    tracker.received(100, ms(0));
    tracker.received(102, ms(1));
    assert!(tracker.received(101, ms(2)));
    assert_eq!(due(&mut tracker, ms(50)), []);
    assert_eq!(tracker.deadline(), None);
}

/// When the packet 101, missed at 0, is asked for in the first 200 ms.
fn asked_at(rtt: Duration) -> Vec<u64> {
    let mut tracker = NackTracker::new();
    tracker.received(100, ms(0));
    tracker.received(102, ms(0));
    let mut asked = |at: &u64| {
        let mut out = Vec::new();
        tracker.due(ms(*at), rtt, &mut out);
        out == [101]
    };
    (0..200).filter(|at| asked(at)).collect()
}

#[test]
fn retries_come_a_round_trip_and_a_fifth_apart_each_twice() {
    assert_eq!(asked_at(RTT), [0, 10, 60, 70, 120, 130, 180, 190]);
    assert_eq!(REPEAT, Duration::from_millis(10));
}

#[test]
fn where_the_next_request_comes_soon_anyway_none_is_repeated() {
    assert_eq!(
        asked_at(Duration::from_millis(30)),
        [0, 36, 72, 108, 144, 180]
    );
    assert!(Duration::from_millis(36) < LONG_RETRY);
    assert_eq!(
        asked_at(Duration::from_millis(34)),
        [0, 10, 41, 51, 82, 92, 123, 133, 164, 174]
    );
}

#[test]
fn retries_on_a_short_path_keep_the_least_distance() {
    let least = MIN_RETRY.as_millis() as usize;
    let expected: Vec<u64> = (0..200).step_by(least).collect();
    assert_eq!(asked_at(Duration::from_millis(1)), expected);
}

/// A path that has lost a packet, at 0, and got it again; 102 is the newest.
fn lossy() -> NackTracker {
    let mut tracker = NackTracker::new();
    tracker.received(100, ms(0));
    tracker.received(102, ms(0));
    tracker.recovered(101, ms(1));
    due(&mut tracker, ms(1));
    tracker
}

#[test]
fn the_end_of_a_frame_that_does_not_come_is_asked_for_before_the_next_frame() {
    let mut tracker = lossy();
    tracker.received(103, ms(100));
    tracker.goes_on(103, ms(100));
    assert_eq!(tracker.deadline(), Some(ms(100) + FRAME_GAP));
    assert_eq!(due(&mut tracker, ms(119)), []);
    assert_eq!(due(&mut tracker, ms(120)), [104]);
    // More of it is missing than that.
    tracker.received(107, ms(125));
    assert_eq!(due(&mut tracker, ms(125)), [105, 106]);
    assert!(tracker.recovered(104, ms(150)));
    assert_eq!(tracker.outstanding(), 2);
}

#[test]
fn a_frame_that_goes_on_is_asked_for_nothing() {
    let mut tracker = lossy();
    for seq in 103..110 {
        let now = ms(seq * 15);
        assert_eq!(due(&mut tracker, now), []);
        assert!(!tracker.received(seq, now));
        tracker.goes_on(seq, now);
    }
    // The last of the frame, and one that was overtaken.
    tracker.received(110, ms(1_650));
    tracker.goes_on(109, ms(1_650));
    assert_eq!(tracker.deadline(), None);
}

#[test]
fn an_end_that_comes_late_after_all_fills_its_place_and_no_other_is_missed() {
    let mut tracker = lossy();
    tracker.received(103, ms(100));
    tracker.goes_on(103, ms(100));
    assert_eq!(due(&mut tracker, ms(120)), [104]);
    assert!(tracker.received(104, ms(121)));
    assert_eq!(due(&mut tracker, ms(130)), []);
    assert_eq!((tracker.outstanding(), tracker.deadline()), (0, None));
    tracker.received(106, ms(131));
    assert_eq!(tracker.deadline(), Some(ms(131)), "nothing was overtaken");
}

#[test]
fn an_end_that_was_perhaps_never_sent_is_asked_for_a_few_times_and_not_missed() {
    let mut tracker = lossy();
    tracker.received(103, ms(100));
    tracker.goes_on(103, ms(100));
    let asked: usize = (100..3_000).map(|at| due(&mut tracker, ms(at)).len()).sum();
    assert_eq!(asked, usize::from(MAX_GUESSES) * 2);
    assert_eq!((tracker.outstanding(), tracker.given_up()), (0, 0));
}

#[test]
fn where_nothing_was_missed_lately_nobody_looks_for_ends() {
    let mut tracker = NackTracker::new();
    tracker.received(100, ms(0));
    tracker.goes_on(100, ms(0));
    assert_eq!(tracker.deadline(), None);
    let mut tracker = lossy();
    for (at, expected) in [
        (ms(0) + (REMEMBERED - Duration::from_millis(1)), true),
        (ms(0) + REMEMBERED, false),
    ] {
        tracker.received(103, at);
        tracker.goes_on(103, at);
        assert_eq!(tracker.deadline().is_some(), expected);
        tracker = lossy();
    }
}

#[test]
fn what_is_forgotten_is_not_guessed() {
    let mut tracker = lossy();
    tracker.received(103, ms(100));
    tracker.goes_on(103, ms(100));
    tracker.forget();
    assert_eq!(tracker.deadline(), None);
}

#[test]
fn a_filled_gap_is_not_asked_for_again() {
    let mut tracker = NackTracker::new();
    tracker.received(100, ms(0));
    tracker.received(104, ms(0));
    assert_eq!(due(&mut tracker, ms(10)), [101, 102, 103]);
    assert_eq!(due(&mut tracker, ms(20)), [101, 102, 103]);
    assert!(tracker.received(102, ms(60)));
    assert!(
        !tracker.received(102, ms(61)),
        "a second copy fills nothing"
    );
    assert_eq!(due(&mut tracker, ms(70)), [101, 103]);
    assert_eq!(tracker.outstanding(), 2);
}

#[test]
fn after_ten_tries_a_packet_is_given_up() {
    let mut tracker = NackTracker::new();
    tracker.received(100, ms(0));
    tracker.received(102, ms(0));
    let mut asked = 0;
    while let Some(deadline) = tracker.deadline() {
        let mut out = Vec::new();
        tracker.due(deadline, Duration::ZERO, &mut out);
        asked += out.len();
    }
    assert_eq!(
        (asked, tracker.outstanding(), tracker.given_up()),
        (MAX_TRIES.into(), 0, 1)
    );
}

#[test]
fn after_a_second_a_packet_is_given_up() {
    let mut tracker = NackTracker::new();
    tracker.received(100, ms(0));
    tracker.received(102, ms(0));
    let mut out = Vec::new();
    tracker.due(ms(10), Duration::from_millis(800), &mut out);
    tracker.due(ms(20), Duration::from_millis(800), &mut out);
    tracker.due(ms(0) + GIVE_UP, Duration::from_millis(800), &mut out);
    assert_eq!(
        (out.as_slice(), tracker.outstanding(), tracker.given_up()),
        (&[101, 101][..], 0, 1)
    );
}

#[test]
fn gaps_of_different_age_are_asked_for_at_their_own_times() {
    let mut tracker = overtaken(ms(0));
    tracker.received(104, ms(0));
    tracker.received(106, ms(5));
    assert_eq!(due(&mut tracker, ms(10)), [103]);
    assert_eq!(tracker.deadline(), Some(ms(15)));
    assert_eq!(due(&mut tracker, ms(15)), [105]);
    assert_eq!(tracker.deadline(), Some(ms(20)));
    assert_eq!(due(&mut tracker, ms(30)), [103, 105]);
    assert_eq!(tracker.deadline(), Some(ms(80)));
}

#[test]
fn as_many_as_fit_are_waited_for_and_one_more_forgets_them_all() {
    let most = u64::try_from(MAX_OUTSTANDING).expect("small");
    let mut tracker = NackTracker::new();
    tracker.received(1000, ms(0));
    tracker.received(1001 + most, ms(0));
    assert_eq!(
        (tracker.outstanding(), tracker.take_overflowed()),
        (MAX_OUTSTANDING, false)
    );
    tracker.received(1003 + most, ms(0));
    assert_eq!((tracker.outstanding(), tracker.deadline()), (0, None));
    assert!(tracker.take_overflowed());
    assert!(!tracker.take_overflowed(), "told once");
}

#[test]
fn a_jump_across_half_the_range_is_no_gap_to_fill() {
    let mut tracker = NackTracker::new();
    tracker.received(65_536, ms(0));
    tracker.received(65_536 + 30_000, ms(0));
    assert!(tracker.take_overflowed());
    tracker.received(65_536 + 30_002, ms(0));
    assert_eq!(due(&mut tracker, ms(10)), [30_001]);
}

#[test]
fn what_came_before_the_first_packet_is_not_missed() {
    let mut tracker = NackTracker::new();
    tracker.received(65_600, ms(0));
    assert!(!tracker.received(65_590, ms(1)));
    assert_eq!((tracker.outstanding(), tracker.deadline()), (0, None));
}

proptest! {
    #[test]
    fn exactly_the_lost_packets_are_asked_for(start in 65_536_u64..200_000, lost in proptest::collection::btree_set(1_u64..400, 0..200)) {
        let mut tracker = NackTracker::new();
        for ext_seq in (0..=400).filter(|step| !lost.contains(step)).map(|step| start + step) {
            tracker.received(ext_seq, ms(0));
        }
        let expected: Vec<u16> = lost.iter().map(|step| low(start + step)).collect();
        prop_assert_eq!(due(&mut tracker, ms(10)), expected);
    }

    #[test]
    fn no_sequence_of_events_panics_or_grows(events: Vec<(u64, u8, bool, bool, bool)>) {
        let (mut tracker, mut now) = (NackTracker::new(), 0);
        for (ext_seq, millis, ask, is_again, goes_on) in events {
            now += u64::from(millis);
            if ask {
                let asked = due(&mut tracker, ms(now));
                prop_assert!(asked.len() <= MAX_OUTSTANDING);
            }
            match is_again {
                true => tracker.recovered(ext_seq, ms(now)),
                false => tracker.received(ext_seq, ms(now)),
            };
            if goes_on {
                tracker.goes_on(ext_seq, ms(now));
            }
            prop_assert!(tracker.outstanding() <= MAX_OUTSTANDING);
        }
    }
}
