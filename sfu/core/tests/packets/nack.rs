//! Missing packets: found at once, asked for in time, and not for ever.

use std::time::Duration;

use _core::nack::{GIVE_UP, MAX_OUTSTANDING, MAX_TRIES, MIN_RETRY, NackTracker, REORDER_GRACE};
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
fn a_gap_is_asked_for_after_the_grace_wherever_the_counter_wraps() {
    for start in STARTS {
        let mut tracker = NackTracker::new();
        tracker.received(start, ms(0));
        assert_eq!(tracker.deadline(), None);
        tracker.received(start + 4, ms(3));
        assert_eq!(tracker.deadline(), Some(ms(3) + REORDER_GRACE));
        assert_eq!(due(&mut tracker, ms(12)), []);
        assert_eq!(
            due(&mut tracker, ms(13)),
            [low(start + 1), low(start + 2), low(start + 3)]
        );
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

#[test]
fn retries_come_a_round_trip_and_a_fifth_apart() {
    let mut tracker = NackTracker::new();
    tracker.received(100, ms(0));
    tracker.received(102, ms(0));
    assert_eq!(due(&mut tracker, ms(10)), [101]);
    assert_eq!(tracker.deadline(), Some(ms(70)));
    assert_eq!(due(&mut tracker, ms(69)), []);
    assert_eq!(due(&mut tracker, ms(70)), [101]);
}

#[test]
fn retries_on_a_short_path_keep_the_least_distance() {
    let mut tracker = NackTracker::new();
    tracker.received(100, ms(0));
    tracker.received(102, ms(0));
    let mut out = Vec::new();
    tracker.due(ms(10), Duration::from_millis(1), &mut out);
    assert_eq!(tracker.deadline(), Some(ms(10) + MIN_RETRY));
}

#[test]
fn a_filled_gap_is_not_asked_for_again() {
    let mut tracker = NackTracker::new();
    tracker.received(100, ms(0));
    tracker.received(104, ms(0));
    assert_eq!(due(&mut tracker, ms(10)), [101, 102, 103]);
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
    tracker.due(ms(0) + GIVE_UP, Duration::from_millis(800), &mut out);
    assert_eq!(
        (out.as_slice(), tracker.outstanding(), tracker.given_up()),
        (&[101][..], 0, 1)
    );
}

#[test]
fn gaps_of_different_age_are_asked_for_at_their_own_times() {
    let mut tracker = NackTracker::new();
    tracker.received(100, ms(0));
    tracker.received(102, ms(0));
    tracker.received(104, ms(5));
    assert_eq!(due(&mut tracker, ms(10)), [101]);
    assert_eq!(tracker.deadline(), Some(ms(15)));
    assert_eq!(due(&mut tracker, ms(15)), [103]);
    assert_eq!(tracker.deadline(), Some(ms(70)));
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
    fn no_sequence_of_events_panics_or_grows(events: Vec<(u64, u8, bool)>) {
        let (mut tracker, mut now) = (NackTracker::new(), 0);
        for (ext_seq, millis, ask) in events {
            now += u64::from(millis);
            if ask {
                let asked = due(&mut tracker, ms(now));
                prop_assert!(asked.len() <= MAX_OUTSTANDING);
            }
            tracker.received(ext_seq, ms(now));
            prop_assert!(tracker.outstanding() <= MAX_OUTSTANDING);
        }
    }
}
