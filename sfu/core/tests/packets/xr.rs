//! Extended reports: what is written reads back, and what is cut short is left out.

use std::time::Duration;

use _core::rtcp::{Rtcp, compound};
use _core::time::{Instant, Ntp};
use _core::xr::{Block, Delay, Extended, Heard, write_delay, write_reference_time};

const NTP: Ntp = Ntp::from_bits(0x1112_1314_2122_2324);

fn made(write: impl FnOnce(&mut [u8]) -> usize) -> Vec<u8> {
    let mut out = vec![0xee; 200];
    let length = write(&mut out);
    out.truncate(length);
    out
}

fn read(bytes: &[u8]) -> Extended<'_> {
    match compound(bytes).next() {
        Some(Ok(Rtcp::Extended(report))) => report,
        other => panic!("not an extended report: {other:?}"),
    }
}

#[test]
fn a_reference_time_reads_back_and_looks_as_rfc_3611_has_it() {
    let bytes = made(|out| write_reference_time(out, 0x0102_0304, NTP));
    assert_eq!(
        bytes,
        [
            0x80, 207, 0, 4, 1, 2, 3, 4, // §2
            4, 0, 0, 2, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24, // §4.4
        ]
    );
    let report = read(&bytes);
    assert_eq!(report.ssrc, 0x0102_0304);
    let blocks: Vec<_> = report.collect();
    assert!(matches!(blocks[..], [Block::ReferenceTime(NTP)]));
}

#[test]
fn the_answer_to_a_time_reads_back_and_tells_the_round_trip_less_what_passed_there() {
    let heard = Heard {
        ssrc: 9,
        ntp: NTP,
        at: Instant::from_millis(1_000),
    };
    let answer = heard.answer(Instant::from_millis(1_250));
    let bytes = made(|out| write_delay(out, 7, answer));
    assert_eq!(bytes[..12], [0x80, 207, 0, 5, 0, 0, 0, 7, 5, 0, 0, 3]);
    let delays: Vec<Delay> = read(&bytes)
        .filter_map(|block| match block {
            Block::Delays(delays) => Some(delays),
            _ => None,
        })
        .flatten()
        .collect();
    let expected = Delay {
        ssrc: 9,
        last: 0x1314_2122,
        since: 65_536 / 4,
    };
    assert_eq!(delays, [expected]);
    let trip = |ms| expected.round_trip(NTP + Duration::from_millis(ms));
    assert_eq!(trip(300).map(|trip| trip.as_millis()), Some(49));
    assert_eq!(trip(200), None, "sooner than it says");
}

#[test]
fn who_has_heard_no_time_tells_no_round_trip() {
    let never = Delay {
        ssrc: 9,
        last: 0,
        since: 0,
    };
    assert_eq!(never.round_trip(Ntp::from_bits(1 << 40)), None);
}

#[test]
fn blocks_of_other_kinds_are_passed_over_and_one_that_is_cut_short_ends_the_report() {
    let mut bytes = vec![0x80, 207, 0, 0, 0, 0, 0, 7];
    bytes.extend([1, 0, 0, 1, 9, 9, 9, 9]); // a loss report, §4.1
    bytes.extend([4, 0, 0, 2, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24]);
    bytes.extend([5, 0, 0, 3, 0, 0, 0, 1]);
    bytes[3] = u8::try_from(bytes.len() / 4 - 1).expect("short");
    let kinds: Vec<_> = read(&bytes).collect();
    assert!(matches!(
        kinds[..],
        [Block::Other, Block::ReferenceTime(NTP)]
    ));
    // Too short for its field.
    let short = [0x80, 207, 0, 3, 0, 0, 0, 7, 4, 0, 0, 1, 1, 2, 3, 4];
    assert_eq!(read(&short).count(), 0);
}

#[test]
fn nothing_is_written_where_it_does_not_fit() {
    let delay = Delay {
        ssrc: 1,
        last: 2,
        since: 3,
    };
    assert_eq!(
        (0..20)
            .map(|room| write_reference_time(&mut vec![0; room], 1, NTP))
            .max(),
        Some(0)
    );
    assert_eq!(
        (0..24)
            .map(|room| write_delay(&mut vec![0; room], 1, delay))
            .max(),
        Some(0)
    );
}
