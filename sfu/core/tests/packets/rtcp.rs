//! RTCP: every kind reads back as it was written, and what breaks the format is named.

use std::time::Duration;

use _core::rtcp::{
    MAX_BLOCKS, Malformed, Pli, ReportBlock, Rtcp, SenderInfo, compound, to_compact, write_bye,
    write_fir, write_nack, write_pli, write_receiver_report, write_remb, write_sdes,
    write_sender_report,
};
use _core::time::Ntp;
use _core::xr::Block;
use proptest::prelude::*;

const INFO: SenderInfo = SenderInfo {
    ssrc: 0x0102_0304,
    ntp: Ntp::from_bits(0x1112_1314_2122_2324),
    rtp_timestamp: 0x3132_3334,
    packets: 0x4142_4344,
    octets: 0x5152_5354,
};
const BLOCK: ReportBlock = ReportBlock {
    ssrc: 0x0a0b_0c0d,
    fraction_lost: 0x80,
    cumulative_lost: -2,
    highest_sequence: 0x0001_ffff,
    jitter: 99,
    last_sr: 0x1314_2122,
    delay_since_last_sr: 65_536,
};

/// What one writer makes.
fn made(write: impl FnOnce(&mut [u8]) -> usize) -> Vec<u8> {
    let mut out = vec![0xee; 2000];
    let length = write(&mut out);
    out.truncate(length);
    out
}

fn only(bytes: &[u8]) -> Rtcp<'_> {
    let mut packets = compound(bytes);
    let first = packets.next().expect("a packet").expect("well-formed");
    assert!(packets.next().is_none(), "one packet");
    first
}

fn why(bytes: &[u8]) -> Option<&'static str> {
    compound(bytes)
        .find_map(|packet| packet.err())
        .map(|Malformed(why)| why)
}

fn lost(bytes: &[u8]) -> Vec<u16> {
    match only(bytes) {
        Rtcp::Nack(nack) => nack.lost().collect(),
        other => panic!("not a NACK: {other:?}"),
    }
}

#[test]
fn a_sender_report_reads_back_with_its_blocks() {
    let bytes = made(|out| write_sender_report(out, &INFO, &[BLOCK, BLOCK]));
    assert_eq!(bytes.len(), 28 + 48);
    assert_eq!(bytes[..8], [0x82, 200, 0, 18, 1, 2, 3, 4]);
    let Rtcp::SenderReport(report) = only(&bytes) else {
        panic!("not a sender report")
    };
    assert_eq!(
        (report.ssrc, report.ntp, report.rtp_timestamp),
        (INFO.ssrc, INFO.ntp, INFO.rtp_timestamp)
    );
    assert_eq!((report.packets, report.octets), (INFO.packets, INFO.octets));
    assert_eq!(report.blocks.collect::<Vec<_>>(), [BLOCK, BLOCK]);
}

#[test]
fn a_receiver_report_has_at_most_31_blocks() {
    for (given, kept) in [
        (0, 0),
        (1, 1),
        (MAX_BLOCKS, MAX_BLOCKS),
        (MAX_BLOCKS + 1, MAX_BLOCKS),
    ] {
        let bytes = made(|out| write_receiver_report(out, 7, &vec![BLOCK; given]));
        let Rtcp::ReceiverReport(report) = only(&bytes) else {
            panic!("not a receiver report")
        };
        assert_eq!((report.ssrc, report.blocks.count()), (7, kept));
    }
}

#[test]
fn cumulative_loss_is_clamped_to_24_bits() {
    for (given, kept) in [
        (0, 0),
        (-1, -1),
        (0x7f_ffff, 0x7f_ffff),
        (0x80_0000, 0x7f_ffff),
        (-0x80_0000, -0x80_0000),
        (-0x80_0001, -0x80_0000),
        (i32::MAX, 0x7f_ffff),
        (i32::MIN, -0x80_0000),
    ] {
        let block = ReportBlock {
            cumulative_lost: given,
            ..BLOCK
        };
        let bytes = made(|out| write_receiver_report(out, 7, &[block]));
        let Rtcp::ReceiverReport(mut report) = only(&bytes) else {
            panic!("not a receiver report")
        };
        assert_eq!(
            report.blocks.next(),
            Some(ReportBlock {
                cumulative_lost: kept,
                ..BLOCK
            })
        );
    }
}

#[test]
fn fewer_blocks_than_announced_are_malformed() {
    let mut bytes = made(|out| write_receiver_report(out, 7, &[BLOCK]));
    bytes[0] = 0x82;
    assert_eq!(why(&bytes), Some("RTCP: packet shorter than its fields"));
}

#[test]
fn the_round_trip_is_what_neither_side_waited() {
    let sent = Ntp::from_unix(Duration::from_secs(1_700_000_000));
    let block = ReportBlock {
        last_sr: sent.middle32(),
        delay_since_last_sr: 32_768,
        ..BLOCK
    };
    let rtt = |millis| {
        block
            .round_trip(sent + Duration::from_millis(millis))
            .map(|rtt| rtt.as_millis())
    };
    assert_eq!(rtt(625), Some(125));
    assert_eq!(rtt(500), Some(0));
    assert_eq!(
        rtt(499),
        None,
        "a peer that claims to have waited longer than it took"
    );
    assert_eq!(
        ReportBlock {
            last_sr: 0,
            ..block
        }
        .round_trip(sent),
        None
    );
}

#[test]
fn delays_count_in_65536ths_of_a_second() {
    assert_eq!(to_compact(Duration::ZERO), 0);
    assert_eq!(to_compact(Duration::from_millis(1500)), 98_304);
    assert_eq!(to_compact(Duration::MAX), u32::MAX);
}

#[test]
fn the_name_of_a_source_reads_back_whatever_its_length() {
    for length in [0, 1, 2, 3, 4, 5, 6, 7, 254, 255, 256] {
        let cname = "n".repeat(length);
        let bytes = made(|out| write_sdes(out, 9, &cname));
        assert!(bytes.len() > 10 + length.min(255), "a zero ends the items");
        let Rtcp::Sdes(sdes) = only(&bytes) else {
            panic!("not SDES")
        };
        assert_eq!(
            sdes.cnames().collect::<Vec<_>>(),
            [(9, &cname.as_bytes()[..length.min(255)])]
        );
    }
}

#[test]
fn every_chunk_of_a_description_is_found() {
    let chunk = |ssrc: u8, items: &[u8]| [&[0, 0, 0, ssrc], items].concat();
    let body = [
        chunk(1, &[2, 1, b'x', 1, 2, b'a', b'b', 0]),
        chunk(2, &[0, 0, 0, 0]),
        chunk(3, &[1, 1, b'c', 0]),
        chunk(4, &[1, 9, b'd', 0]),
    ]
    .concat();
    let bytes = [
        &[0x84, 202, 0, u8::try_from(body.len() / 4).expect("short")][..],
        &body,
    ]
    .concat();
    let Rtcp::Sdes(sdes) = only(&bytes) else {
        panic!("not SDES")
    };
    assert_eq!(
        sdes.cnames().collect::<Vec<_>>(),
        [(1, &b"ab"[..]), (3, b"c")]
    );
}

#[test]
fn a_goodbye_names_its_sources_and_not_its_reason() {
    let bytes = made(|out| write_bye(out, &[1, 2, 3]));
    assert_eq!(bytes.len(), 16);
    let with_reason = [0x81, 203, 0, 2, 0, 0, 0, 5, 3, b'b', b'y', b'e'];
    for (bytes, expected) in [(&bytes[..], &[1, 2, 3][..]), (&with_reason, &[5])] {
        let Rtcp::Bye(bye) = only(bytes) else {
            panic!("not a goodbye")
        };
        assert_eq!(bye.ssrcs().collect::<Vec<_>>(), expected);
    }
    assert_eq!(
        why(&[0x82, 203, 0, 1, 0, 0, 0, 5]),
        Some("RTCP: packet shorter than its fields")
    );
}

#[test]
fn lost_packets_are_packed_17_to_an_entry_wherever_the_counter_wraps() {
    for start in [
        0_u16, 1, 127, 128, 32_767, 32_768, 65_519, 65_520, 65_534, 65_535,
    ] {
        for (count, entries) in [(1, 1), (17, 1), (18, 2), (34, 2), (35, 3)] {
            let numbers: Vec<u16> = (0..count).map(|step| start.wrapping_add(step)).collect();
            let bytes = made(|out| write_nack(out, 1, 2, &numbers));
            assert_eq!(bytes.len(), 12 + 4 * entries, "{count} from {start}");
            assert_eq!(lost(&bytes), numbers);
        }
    }
}

#[test]
fn scattered_lost_packets_get_entries_of_their_own() {
    let bytes = made(|out| write_nack(out, 0x0a, 0x0b, &[100, 116, 117, 300, 299]));
    assert_eq!(bytes[4..12], [0, 0, 0, 0x0a, 0, 0, 0, 0x0b]);
    assert_eq!(
        bytes[12..],
        [0, 100, 0x80, 0, 0, 117, 0, 0, 1, 44, 0, 0, 1, 43, 0, 0]
    );
    assert_eq!(lost(&bytes), [100, 116, 117, 300, 299]);
}

#[test]
fn a_number_lost_twice_is_asked_for_once() {
    assert_eq!(
        lost(&made(|out| write_nack(out, 1, 2, &[5, 5, 6, 6]))),
        [5, 6]
    );
}

#[test]
fn a_nack_keeps_to_its_room_and_needs_a_number() {
    assert_eq!(made(|out| write_nack(out, 1, 2, &[])), []);
    assert_eq!(made(|out| write_nack(&mut out[..15], 1, 2, &[1])), []);
    let bytes = made(|out| write_nack(&mut out[..23], 1, 2, &[1, 100, 200, 300]));
    assert_eq!(lost(&bytes), [1, 100]);
}

#[test]
fn keyframe_requests_read_back() {
    let pli = Pli {
        sender_ssrc: 1,
        media_ssrc: 0xffff_fffe,
    };
    let bytes = made(|out| write_pli(out, pli));
    assert_eq!(bytes, [0x81, 206, 0, 2, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe]);
    assert!(matches!(only(&bytes), Rtcp::Pli(read) if read == pli));
    let bytes = made(|out| write_fir(out, 1, &[(2, 3), (4, 255)]));
    let Rtcp::Fir(fir) = only(&bytes) else {
        panic!("not a FIR")
    };
    assert_eq!(
        (fir.sender_ssrc, fir.entries().collect::<Vec<_>>()),
        (1, vec![(2, 3), (4, 255)])
    );
}

#[test]
fn a_bandwidth_estimate_is_mantissa_times_power_of_two() {
    let remb = |exponent: u8, mantissa: u32| {
        let rate = (u32::from(exponent) << 18) | mantissa;
        let mut bytes = vec![
            0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1,
        ];
        bytes.extend(&rate.to_be_bytes()[1..]);
        bytes.extend([0, 0, 0, 7]);
        bytes
    };
    for (exponent, mantissa, expected) in [
        (0, 0, 0),
        (0, 1, 1),
        (3, 0x3_ffff, 0x1f_fff8),
        (46, 0x3_ffff, 0x3_ffff << 46),
        (47, 0x3_ffff, u64::MAX),
        (63, 1, 1 << 63),
        (63, 2, u64::MAX),
        (63, 0, 0),
    ] {
        let bytes = remb(exponent, mantissa);
        let Rtcp::Remb(remb) = only(&bytes) else {
            panic!("not REMB")
        };
        assert_eq!(remb.bitrate, expected, "{mantissa} << {exponent}");
        assert_eq!(
            (remb.sender_ssrc, remb.ssrcs().collect::<Vec<_>>()),
            (1, vec![7])
        );
    }
}

#[test]
fn remb_is_written_as_exactly_as_18_bits_allow() {
    for bitrate in [0, 1, 0x3_ffff, 0x4_0000, 219_372, 1_000_000_000, u64::MAX] {
        let mut out = [0; 64];
        let len = write_remb(&mut out, 5, bitrate, &[7, 8]);
        let Rtcp::Remb(remb) = only(&out[..len]) else {
            panic!("not REMB")
        };
        assert_eq!((remb.sender_ssrc, remb.ssrcs().collect()), (5, vec![7, 8]));
        let short = bitrate - remb.bitrate;
        assert!(short <= bitrate >> 17, "{bitrate}: {}", remb.bitrate);
    }
    assert_eq!(write_remb(&mut [0; 24], 5, 1, &[7, 8]), 0);
}

#[test]
fn other_application_feedback_is_passed_over() {
    let bytes = [
        0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'C',
    ];
    assert!(matches!(
        only(&bytes),
        Rtcp::Other {
            packet_type: 206,
            format: 15
        }
    ));
    let cut = [
        0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 0, 0, 0,
    ];
    assert!(matches!(
        only(&cut),
        Rtcp::Other {
            packet_type: 206,
            format: 15
        }
    ));
}

#[test]
fn kinds_without_use_are_passed_over_and_told() {
    for (packet_type, format) in [(204, 1), (205, 3), (206, 2), (208, 0), (192, 0)] {
        let bytes = [0x80 | format, packet_type, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
        let Rtcp::Other {
            packet_type: read,
            format: read_format,
        } = only(&bytes)
        else {
            panic!("{packet_type}")
        };
        assert_eq!((read, read_format), (packet_type, format));
    }
}

#[test]
fn all_packets_of_a_compound_come_in_their_order() {
    let bytes = [
        made(|out| write_sender_report(out, &INFO, &[BLOCK])),
        made(|out| write_sdes(out, 9, "name")),
        made(|out| write_nack(out, 1, 2, &[3])),
        made(|out| {
            write_pli(
                out,
                Pli {
                    sender_ssrc: 1,
                    media_ssrc: 2,
                },
            )
        }),
    ]
    .concat();
    let kinds: Vec<bool> = compound(&bytes).map(|packet| packet.is_ok()).collect();
    assert_eq!(kinds, [true; 4]);
    let mut packets = compound(&bytes).flatten();
    assert!(matches!(packets.next(), Some(Rtcp::SenderReport(_))));
    assert!(matches!(packets.next(), Some(Rtcp::Sdes(_))));
    assert!(matches!(packets.next(), Some(Rtcp::Nack(_))));
    assert!(matches!(packets.next(), Some(Rtcp::Pli(_))));
}

#[test]
fn the_first_malformed_packet_ends_a_compound() {
    let good = made(|out| {
        write_pli(
            out,
            Pli {
                sender_ssrc: 1,
                media_ssrc: 2,
            },
        )
    });
    let bytes = [&good[..], &[0x40, 200, 0, 0], &good].concat();
    let read: Vec<bool> = compound(&bytes).map(|packet| packet.is_ok()).collect();
    assert_eq!(read, [true, false]);
}

#[test]
fn broken_headers_are_named() {
    assert_eq!(why(&[0x80, 200, 0]), Some("RTCP: shorter than its header"));
    assert_eq!(why(&[0xc0, 200, 0, 0]), Some("RTCP: version is not 2"));
    assert_eq!(
        why(&[0x80, 200, 0, 1]),
        Some("RTCP: length runs past the end")
    );
    assert_eq!(
        why(&[0x80, 200, 0xff, 0xff, 0, 0, 0, 0]),
        Some("RTCP: length runs past the end")
    );
    assert_eq!(
        why(&[0x80, 201, 0, 0]),
        Some("RTCP: packet shorter than its fields")
    );
    assert_eq!(
        why(&[0x81, 205, 0, 1, 0, 0, 0, 0]),
        Some("RTCP: packet shorter than its fields")
    );
    assert_eq!(why(&[]), None);
}

#[test]
fn padding_is_taken_off_and_impossible_padding_is_malformed() {
    let with_padding = |count: u8| {
        let mut bytes = made(|out| write_nack(out, 1, 2, &[7]));
        bytes[0] |= 0x20;
        bytes[3] += 1;
        bytes.extend([0, 0, 0, count]);
        bytes
    };
    assert_eq!(lost(&with_padding(4)), [7]);
    assert_eq!(
        why(&with_padding(0)),
        Some("RTCP: padding of an impossible length")
    );
    assert_eq!(
        why(&with_padding(17)),
        Some("RTCP: padding of an impossible length")
    );
    assert_eq!(
        why(&with_padding(16)),
        Some("RTCP: packet shorter than its fields")
    );
    assert_eq!(
        why(&[0xa0, 201, 0, 0]),
        Some("RTCP: padding of an impossible length")
    );
}

#[test]
fn nothing_is_written_where_it_does_not_fit() {
    type Write = fn(&mut [u8]) -> usize;
    let writers: [Write; 6] = [
        |out| write_sender_report(out, &INFO, &[BLOCK]),
        |out| write_receiver_report(out, 7, &[BLOCK]),
        |out| write_sdes(out, 7, "name"),
        |out| write_bye(out, &[1]),
        |out| {
            write_pli(
                out,
                Pli {
                    sender_ssrc: 1,
                    media_ssrc: 2,
                },
            )
        },
        |out| write_fir(out, 1, &[(2, 3)]),
    ];
    for write in writers {
        let whole = made(write);
        assert!((0..whole.len()).all(|room| write(&mut vec![0; room]) == 0));
        assert_eq!(write(&mut vec![0; whole.len()]), whole.len());
    }
}

fn of_times(block: Block<'_>) -> usize {
    match block {
        Block::Delays(delays) => delays.count(),
        Block::ReferenceTime(_) | Block::Other => 1,
    }
}

/// Reads all there is to read, and counts it.
fn drain(bytes: &[u8]) -> usize {
    let parts = |packet| match packet {
        Rtcp::SenderReport(report) => report.blocks.count(),
        Rtcp::ReceiverReport(report) => report.blocks.count(),
        Rtcp::Sdes(sdes) => sdes.cnames().count(),
        Rtcp::Bye(bye) => bye.ssrcs().count(),
        Rtcp::Nack(nack) => nack.lost().count(),
        Rtcp::Fir(fir) => fir.entries().count(),
        Rtcp::Remb(remb) => remb.ssrcs().count(),
        Rtcp::Extended(report) => report.map(of_times).sum(),
        Rtcp::Pli(_) | Rtcp::TransportCc(_) | Rtcp::Other { .. } => 1,
    };
    compound(bytes).flatten().map(parts).sum()
}

proptest! {
    #[test]
    fn no_bytes_panic_and_what_comes_out_is_bounded(bytes: Vec<u8>) {
        prop_assert!(drain(&bytes) <= bytes.len() / 4 * 17);
    }

    #[test]
    fn no_body_panics(packet_type in 199_u8..208, first: u8, body: Vec<u8>) {
        let words = body.len() / 4;
        let mut bytes = vec![0x80 | (first & 0x3f), packet_type, 0, u8::try_from(words).unwrap_or(0)];
        bytes.extend(&body[..words * 4]);
        prop_assert!(drain(&bytes) <= bytes.len() / 4 * 17);
    }

    #[test]
    fn any_loss_reads_back(lost_numbers in proptest::collection::btree_set(any::<u16>(), 1..200)) {
        let numbers: Vec<u16> = lost_numbers.into_iter().collect();
        prop_assert_eq!(lost(&made(|out| write_nack(out, 1, 2, &numbers))), numbers);
    }

    #[test]
    fn any_block_reads_back(ssrc: u32, fraction_lost: u8, lost in -0x80_0000..0x7f_ffff_i32, highest_sequence: u32, jitter: u32, last_sr: u32, delay: u32) {
        let block = ReportBlock {
            ssrc, fraction_lost, cumulative_lost: lost, highest_sequence, jitter, last_sr, delay_since_last_sr: delay,
        };
        let bytes = made(|out| write_receiver_report(out, 1, &[block]));
        let Rtcp::ReceiverReport(report) = only(&bytes) else { panic!("not a receiver report") };
        prop_assert_eq!(report.blocks.collect::<Vec<_>>(), [block]);
        let _ = block.round_trip(Ntp::from_bits(u64::from(jitter) << 13));
    }
}
