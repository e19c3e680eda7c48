//! Transport-wide feedback: what was recorded is what a sender reads.

use std::time::Duration;

use _core::rtcp::{Malformed, Rtcp, compound};
use _core::time::Instant;
use _core::twcc::{Feedback, INTERVAL, MANY_PACKETS, MIN_INTERVAL, Recorder, Status, WINDOW};
use proptest::prelude::*;

const SENDER: u32 = 0x0a0b_0c0d;
const MEDIA: u32 = 0x1a1b_1c1d;

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// 250 µs each.
fn tick(ticks: u64) -> Instant {
    Instant::from_nanos(ticks * 250_000)
}

struct Read {
    sender_ssrc: u32,
    media_ssrc: u32,
    base: u16,
    feedback_count: u8,
    statuses: Vec<Status>,
}

impl Read {
    /// Arrivals in ticks, by offset from the base.
    fn arrivals(&self) -> Vec<Option<i64>> {
        self.statuses.iter().map(|status| status.arrival).collect()
    }
}

fn read(bytes: &[u8]) -> Read {
    let mut packets = compound(bytes);
    let Some(Ok(Rtcp::TransportCc(packet))) = packets.next() else {
        panic!("not feedback: {bytes:?}")
    };
    assert!(packets.next().is_none(), "one packet");
    let feedback = Feedback::parse(packet.body).expect("well-formed");
    let statuses: Vec<Status> = feedback.statuses().collect();
    assert_eq!(statuses.len(), usize::from(feedback.count));
    Read {
        sender_ssrc: packet.sender_ssrc,
        media_ssrc: packet.media_ssrc,
        base: feedback.base,
        feedback_count: feedback.feedback_count,
        statuses,
    }
}

fn write(recorder: &mut Recorder, now: Instant) -> Option<Vec<u8>> {
    let mut out = vec![0xee; 1500];
    let length = recorder.write_feedback(&mut out, SENDER, now)?;
    assert!(length <= 1200 && length % 4 == 0, "{length} octets");
    out.truncate(length);
    Some(out)
}

fn feedback(recorder: &mut Recorder, now: Instant) -> Read {
    read(&write(recorder, now).expect("something to tell"))
}

/// A recorder that got `packets` as (number, tick).
fn recorded(packets: &[(u16, u64)]) -> Recorder {
    let mut recorder = Recorder::new();
    packets
        .iter()
        .for_each(|(seq, at)| recorder.record(MEDIA, *seq, tick(*at)));
    recorder
}

#[test]
fn nothing_received_is_nothing_told() {
    let mut recorder = Recorder::new();
    assert_eq!(recorder.next_deadline(), None);
    assert_eq!(write(&mut recorder, ms(1000)), None);
}

#[test]
fn the_octets_are_those_of_the_draft() {
    let mut recorder = recorded(&[(1, 257), (2, 260), (4, 1000), (5, 990)]);
    let bytes = write(&mut recorder, ms(300)).expect("something to tell");
    let expected = [
        0x8f,
        205,
        0,
        6, // format 15; 6 words behind the first
        0x0a,
        0x0b,
        0x0c,
        0x0d,
        0x1a,
        0x1b,
        0x1c,
        0x1d, // SSRCs
        0,
        1,
        0,
        5, // base 1, 5 numbers
        0,
        0,
        1,
        0, // 64 ms, feedback 0
        0b1101_0100,
        0b1010_0000, // two-bit symbols: small, small, lost, large, large
        1,
        3, // 257 and 260 in units of 250 us behind 256
        0x02,
        0xe4,
        0xff,
        0xf6, // 740 later, 10 earlier
    ];
    assert_eq!(bytes, expected);
}

#[test]
fn the_last_word_is_filled_up_with_rtcp_padding() {
    for (packets, length, padding) in [(1_u16, 24, 1_u8), (2, 24, 0), (3, 28, 3), (4, 28, 2)] {
        let packets: Vec<(u16, u64)> = (0..packets).map(|seq| (seq, 256)).collect();
        let bytes = write(&mut recorded(&packets), ms(300)).expect("something to tell");
        assert_eq!(
            (bytes[0] & 0x20 != 0, bytes.len()),
            (padding != 0, length),
            "{packets:?}"
        );
        assert!(padding == 0 || bytes.last() == Some(&padding));
        assert_eq!(read(&bytes).statuses.len(), packets.len());
    }
}

#[test]
fn losses_are_not_told_while_they_are_to_be_omitted() {
    let packets: Vec<(u16, u64)> = [10, 11, 14, 15, 16, 20].map(|seq| (seq, 256)).into();
    let mut recorder = recorded(&packets);
    recorder.omit_losses(true);
    let mut told = Vec::new();
    while recorder.next_deadline().is_some_and(|at| at <= ms(300)) {
        told.extend(feedback(&mut recorder, ms(300)).statuses);
    }
    let seen = |one: &Status| one.arrival.map(|_| one.sequence);
    let numbers: Vec<_> = told.iter().map(seen).collect();
    assert_eq!(numbers, [10, 11, 14, 15, 16, 20].map(Some));
    recorder.omit_losses(false);
    recorder.record(MEDIA, 22, tick(1_300));
    let told = feedback(&mut recorder, ms(500)).statuses;
    let numbers: Vec<_> = told.iter().map(seen).collect();
    assert_eq!(numbers, [None, Some(22)]);
}

#[test]
fn feedback_names_both_ends_and_counts_itself() {
    let mut recorder = Recorder::new();
    for round in 0..600_u16 {
        recorder.record(MEDIA + u32::from(round), round, ms(u64::from(round) * 100));
        let told = feedback(&mut recorder, ms(u64::from(round) * 100));
        assert_eq!(
            (told.sender_ssrc, told.media_ssrc),
            (SENDER, MEDIA + u32::from(round))
        );
        assert_eq!(u16::from(told.feedback_count), round % 256);
    }
}

#[test]
fn arrivals_and_losses_read_back_wherever_the_counter_wraps() {
    for start in [0_u16, 1, 127, 128, 32_767, 32_768, 65_530, 65_534, 65_535] {
        let mut recorder = Recorder::new();
        for step in (0..20_u16).filter(|step| ![3, 4, 11].contains(step)) {
            recorder.record(
                MEDIA,
                start.wrapping_add(step),
                tick(5000 + u64::from(step) * 8),
            );
        }
        let told = feedback(&mut recorder, ms(2000));
        assert_eq!(told.base, start);
        for (step, status) in told.statuses.iter().enumerate() {
            let lost = [3, 4, 11].contains(&step);
            let step = u16::try_from(step).expect("few");
            assert_eq!(status.sequence, start.wrapping_add(step));
            assert_eq!(
                status.arrival,
                (!lost).then_some(5000 + i64::from(step) * 8)
            );
        }
        assert_eq!(told.statuses.len(), 20);
    }
}

#[test]
fn the_next_feedback_goes_on_behind_the_last_and_tells_what_was_lost_between() {
    let mut recorder = recorded(&[(10, 100), (11, 101)]);
    feedback(&mut recorder, ms(100));
    recorder.record(MEDIA, 14, tick(500));
    let told = feedback(&mut recorder, ms(200));
    assert_eq!(
        (told.base, told.arrivals()),
        (12, vec![None, None, Some(500)])
    );
}

#[test]
fn a_packet_told_lost_that_comes_late_is_told_again_with_what_followed() {
    let mut recorder = recorded(&[(10, 100), (12, 102), (13, 103)]);
    assert_eq!(
        feedback(&mut recorder, ms(100)).arrivals(),
        [Some(100), None, Some(102), Some(103)]
    );
    recorder.record(MEDIA, 11, tick(420));
    let told = feedback(&mut recorder, ms(200));
    assert_eq!(
        (told.base, told.arrivals()),
        (11, vec![Some(420), Some(102), Some(103)])
    );
    assert_eq!(recorder.next_deadline(), None);
}

#[test]
fn a_packet_from_before_the_first_is_told_too() {
    let mut recorder = recorded(&[(0, 100), (65_534, 101)]);
    let told = feedback(&mut recorder, ms(100));
    assert_eq!(
        (told.base, told.arrivals()),
        (65_534, vec![Some(101), None, Some(100)])
    );
}

#[test]
fn a_second_copy_changes_nothing() {
    let mut recorder = recorded(&[(10, 100), (10, 200)]);
    assert_eq!(feedback(&mut recorder, ms(100)).arrivals(), [Some(100)]);
    recorder.record(MEDIA, 10, tick(900));
    assert_eq!(recorder.next_deadline(), None);
}

#[test]
fn packets_too_old_to_be_kept_are_left_out() {
    let mut recorder = Recorder::new();
    for seq in 0..1000 {
        recorder.record(MEDIA, seq, tick(u64::from(seq)));
    }
    while write(&mut recorder, ms(300)).is_some() {}
    recorder.record(MEDIA, 500, tick(2000));
    recorder.record(MEDIA, 65_000, tick(2001));
    assert_eq!(recorder.next_deadline(), None);
    recorder.record(MEDIA, 1000, tick(2002));
    let told = feedback(&mut recorder, ms(600));
    assert_eq!((told.base, told.arrivals()), (1000, vec![Some(2002)]));
}

#[test]
fn feedback_is_due_an_interval_after_the_first_packet_and_then_after_the_last_feedback() {
    let mut recorder = Recorder::new();
    recorder.record(MEDIA, 1, ms(1000));
    recorder.record(MEDIA, 2, ms(1030));
    assert_eq!(recorder.next_deadline(), Some(ms(1000) + INTERVAL));
    feedback(&mut recorder, ms(1100));
    recorder.record(MEDIA, 3, ms(1110));
    assert_eq!(recorder.next_deadline(), Some(ms(1100) + INTERVAL));
}

#[test]
fn after_silence_feedback_is_due_at_once_but_not_in_the_past() {
    let mut recorder = Recorder::new();
    recorder.record(MEDIA, 1, ms(1000));
    feedback(&mut recorder, ms(1100));
    recorder.record(MEDIA, 2, ms(5000));
    assert_eq!(recorder.next_deadline(), Some(ms(5000)));
}

#[test]
fn many_packets_bring_feedback_forward() {
    let mut recorder = Recorder::new();
    recorder.record(MEDIA, 0, ms(1000));
    feedback(&mut recorder, ms(1000));
    let many = u16::try_from(MANY_PACKETS).expect("few");
    for seq in 1..many {
        recorder.record(MEDIA, seq, ms(1001));
    }
    assert_eq!(recorder.next_deadline(), Some(ms(1000) + INTERVAL));
    recorder.record(MEDIA, many, ms(1001));
    assert_eq!(recorder.next_deadline(), Some(ms(1000) + MIN_INTERVAL));
}

#[test]
fn what_one_packet_cannot_hold_follows_in_the_next_at_once() {
    let mut recorder = Recorder::new();
    let numbers: Vec<u16> = (0..3000).filter(|seq| seq % 3 != 1).collect();
    for seq in &numbers {
        recorder.record(MEDIA, *seq, tick(u64::from(*seq) * 7));
    }
    let mut statuses = Vec::new();
    while recorder
        .next_deadline()
        .is_some_and(|deadline| deadline <= ms(6000))
    {
        statuses.extend(feedback(&mut recorder, ms(6000)).statuses);
    }
    assert_eq!(statuses.len(), 3000);
    for status in statuses {
        let received = status.sequence % 3 != 1;
        assert_eq!(
            status.arrival,
            received.then_some(i64::from(status.sequence) * 7)
        );
    }
}

#[test]
fn a_pause_longer_than_a_delta_holds_starts_another_packet() {
    for (pause, packets) in [(32_767, 1), (32_768, 2), (4_000_000, 2)] {
        let mut recorder = recorded(&[(1, 256), (2, 256 + pause)]);
        let mut arrivals = Vec::new();
        let mut written = 0;
        while recorder.next_deadline().is_some() {
            arrivals.extend(feedback(&mut recorder, tick(5_000_000)).arrivals());
            written += 1;
        }
        assert_eq!(
            arrivals,
            [Some(256), Some(256 + i64::try_from(pause).expect("small"))]
        );
        assert_eq!(written, packets, "pause of {pause}");
    }
}

#[test]
fn packets_that_overtake_each_other_have_negative_deltas_as_far_as_they_hold() {
    for (back, packets) in [(32_768, 1), (32_769, 2)] {
        let mut recorder = recorded(&[(3, 51_200), (2, 51_200 + back), (1, 51_200 + back)]);
        let mut arrivals = Vec::new();
        let mut written = 0;
        while recorder.next_deadline().is_some() {
            arrivals.extend(feedback(&mut recorder, tick(100_000)).arrivals());
            written += 1;
        }
        let late = 51_200 + i64::try_from(back).expect("small");
        assert_eq!(
            (arrivals, written),
            (vec![Some(late), Some(late), Some(51_200)], packets)
        );
    }
}

#[test]
fn the_reference_time_wraps_after_24_bits() {
    let wrap = 256 << 24;
    let mut recorder = recorded(&[(1, wrap + 512)]);
    assert_eq!(
        feedback(&mut recorder, tick(wrap + 600)).arrivals(),
        [Some(512)]
    );
    let mut recorder = recorded(&[(1, wrap - 256)]);
    assert_eq!(
        feedback(&mut recorder, tick(wrap)).arrivals(),
        [Some(-256)],
        "24 bits signed"
    );
}

#[test]
fn a_jump_beyond_the_window_starts_afresh() {
    let window = u16::try_from(WINDOW).expect("16 bits");
    for (jump, base) in [(window - 1, 0), (window + 1, window + 1)] {
        let mut recorder = recorded(&[(0, 100), (jump, 200)]);
        let mut told = Vec::new();
        while let Some(bytes) = write(&mut recorder, ms(100)) {
            told.push(read(&bytes));
        }
        assert_eq!(told[0].base, base);
        let last = told.last().and_then(|last| last.statuses.last());
        assert_eq!(
            last,
            Some(&Status {
                sequence: jump,
                arrival: Some(200)
            })
        );
    }
}

#[test]
fn long_losses_before_a_packet_do_not_silence_it() {
    let mut recorder = recorded(&[(0, 100)]);
    feedback(&mut recorder, ms(100));
    recorder.record(MEDIA, 4000, tick(200));
    let told = feedback(&mut recorder, ms(200));
    assert_eq!(
        told.statuses.last(),
        Some(&Status {
            sequence: 4000,
            arrival: Some(200)
        })
    );
    assert_eq!(recorder.next_deadline(), None);
}

#[test]
fn without_room_nothing_is_written_and_nothing_forgotten() {
    let mut recorder = recorded(&[(1, 100)]);
    for room in 0..24 {
        assert_eq!(
            recorder.write_feedback(&mut vec![0; room], SENDER, ms(100)),
            None,
            "{room} octets"
        );
    }
    assert_eq!(feedback(&mut recorder, ms(100)).arrivals(), [Some(100)]);
}

mod reading {
    use super::*;

    fn body(base: u16, count: u16, rest: &[u8]) -> Vec<u8> {
        [
            &base.to_be_bytes()[..],
            &count.to_be_bytes(),
            &[0, 0, 1, 9],
            rest,
        ]
        .concat()
    }

    fn statuses(body: &[u8]) -> Result<Vec<Option<i64>>, &'static str> {
        let feedback = Feedback::parse(body).map_err(|Malformed(why)| why)?;
        Ok(feedback.statuses().map(|status| status.arrival).collect())
    }

    #[test]
    fn runs_are_read() {
        let lost_then_small = body(5, 5, &[0x00, 3, 0x20, 2, 10, 20]);
        assert_eq!(
            statuses(&lost_then_small),
            Ok(vec![None, None, None, Some(266), Some(286)])
        );
        let large = body(5, 2, &[0x40, 2, 0x01, 0x00, 0xff, 0xff]);
        assert_eq!(statuses(&large), Ok(vec![Some(512), Some(511)]));
    }

    #[test]
    fn vectors_of_one_bit_are_read() {
        let bits = body(5, 14, &[0b1010_0000, 0b0000_0001, 1, 2]);
        let mut from_bits = statuses(&bits).expect("well-formed");
        assert_eq!(from_bits.remove(0), Some(257));
        assert_eq!(from_bits.pop(), Some(Some(259)));
        assert!(from_bits.iter().all(Option::is_none));
    }

    #[test]
    fn vectors_of_two_bits_are_read() {
        let bits = body(5, 7, &[0b1101_1000, 0b0000_0001, 1, 0xff, 0xfe, 3]);
        assert_eq!(
            statuses(&bits),
            Ok(vec![
                Some(257),
                Some(255),
                None,
                None,
                None,
                None,
                Some(258)
            ])
        );
    }

    #[test]
    fn symbols_behind_the_count_are_not_read() {
        assert_eq!(
            statuses(&body(5, 1, &[0b1011_1111, 0xff, 1])),
            Ok(vec![Some(257)])
        );
        assert_eq!(statuses(&body(5, 1, &[0x3f, 0xff, 1])), Ok(vec![Some(257)]));
        assert_eq!(
            statuses(&body(5, 1, &[0b1101_1111, 0xff, 1])),
            Ok(vec![Some(257)]),
            "even reserved ones"
        );
    }

    #[test]
    fn what_is_cut_short_is_malformed() {
        let whole = body(5, 3, &[0x20, 3, 1, 2, 3]);
        assert!(statuses(&whole).is_ok());
        for (length, why) in [
            (0, "TWCC: shorter than its fields"),
            (7, "TWCC: shorter than its fields"),
            (8, "TWCC: chunks cut short"),
            (9, "TWCC: chunks cut short"),
            (10, "TWCC: deltas cut short"),
            (12, "TWCC: deltas cut short"),
        ] {
            assert_eq!(statuses(&whole[..length]), Err(why), "{length} octets");
        }
    }

    #[test]
    fn reserved_symbols_are_malformed() {
        assert_eq!(
            statuses(&body(5, 3, &[0x60, 3, 1, 2, 3])),
            Err("TWCC: reserved symbol")
        );
        assert_eq!(
            statuses(&body(5, 7, &[0b1111_0000, 0, 1, 2, 3])),
            Err("TWCC: reserved symbol")
        );
    }

    #[test]
    fn runs_of_no_length_end_with_the_bytes() {
        assert_eq!(
            statuses(&body(5, 1, &[0; 400])),
            Err("TWCC: chunks cut short")
        );
    }

    #[test]
    fn an_empty_report_is_empty() {
        assert_eq!(statuses(&body(5, 0, &[])), Ok(vec![]));
    }
}

proptest! {
    #[test]
    fn whatever_came_in_is_told_once_and_in_order(
        start: u16,
        begin in 0_u64..10_000_000,
        packets in proptest::collection::btree_map(0_u16..1500, 0_u64..40_000, 1..400),
    ) {
        let mut recorder = Recorder::new();
        for (step, at) in &packets {
            recorder.record(MEDIA, start.wrapping_add(*step), tick(begin + at));
        }
        let mut told = Vec::new();
        while let Some(bytes) = write(&mut recorder, tick(begin + 40_000)) {
            told.extend(read(&bytes).statuses);
        }
        let received: Vec<(u16, i64)> =
            told.iter().filter_map(|status| Some((status.sequence, status.arrival?))).collect();
        let expected: Vec<(u16, i64)> = packets
            .iter()
            .map(|(step, at)| (start.wrapping_add(*step), i64::try_from(begin + at).expect("small")))
            .collect();
        prop_assert_eq!(received, expected);
        prop_assert_eq!(recorder.next_deadline(), None);
    }

    #[test]
    fn no_sequence_of_events_panics_or_never_ends(events: Vec<(u16, u16, bool)>) {
        let (mut recorder, mut now) = (Recorder::new(), 0);
        for (seq, millis, tell) in events {
            now += u64::from(millis);
            recorder.record(MEDIA, seq, ms(now));
            for _ in 0..20 {
                if !tell || write(&mut recorder, ms(now)).is_none() {
                    break;
                }
            }
            prop_assert!(!tell || recorder.next_deadline().is_none());
        }
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        if let Ok(feedback) = Feedback::parse(&bytes) {
            prop_assert_eq!(feedback.statuses().count(), usize::from(feedback.count));
        }
    }
}

#[test]
fn intervals_are_those_of_browsers() {
    assert!(MIN_INTERVAL >= Duration::from_millis(50) && INTERVAL <= Duration::from_millis(100));
}
