//! RTP: what is written reads back, and what breaks the format is named.

use _core::rtp::{AudioLevel, Clear, Malformed, OutHeader, Packet, write_header};
use proptest::prelude::*;

const PLAIN: [u8; 16] = [
    0x80, 0xe0, 0x12, 0x34, 1, 2, 3, 4, 0xaa, 0xbb, 0xcc, 0xdd, 0xf0, 0xf1, 0xf2, 0xf3,
];

fn with_extensions(profile: u16, block: &[u8]) -> Vec<u8> {
    assert_eq!(block.len() % 4, 0);
    let mut packet = PLAIN[..12].to_vec();
    packet[0] |= 0x10;
    packet.extend(profile.to_be_bytes());
    packet.extend(u16::try_from(block.len() / 4).expect("short").to_be_bytes());
    packet.extend_from_slice(block);
    packet.push(0x77);
    packet
}

fn why(packet: &[u8]) -> &'static str {
    Packet::parse(packet).map_or_else(|Malformed(why)| why, |_| "nothing")
}

#[test]
fn every_field_is_read_from_its_place() {
    let packet = Packet::parse(&PLAIN).expect("well-formed");
    assert_eq!(
        (packet.version, packet.marker, packet.payload_type),
        (2, true, 0x60)
    );
    assert_eq!(
        (packet.sequence, packet.timestamp, packet.ssrc),
        (0x1234, 0x0102_0304, 0xaabb_ccdd)
    );
    assert_eq!(
        (packet.csrc_count, packet.header_len, packet.padding_len),
        (0, 12, 0)
    );
    assert_eq!(packet.payload, [0xf0, 0xf1, 0xf2, 0xf3]);
    assert_eq!(packet.extensions().count(), 0);
}

#[test]
fn contributing_sources_are_skipped() {
    let mut bytes = PLAIN.to_vec();
    bytes[0] |= 1;
    let packet = Packet::parse(&bytes).expect("well-formed");
    assert_eq!(
        (packet.csrc_count, packet.header_len, packet.payload),
        (1, 16, &[][..])
    );
    bytes[0] |= 2;
    assert_eq!(why(&bytes), "RTP: contributing sources run past the end");
}

#[test]
fn padding_is_taken_off_and_counted() {
    for (last, payload) in [(1, 3), (3, 1), (4, 0)] {
        let mut bytes = PLAIN;
        bytes[0] |= 0x20;
        bytes[15] = last;
        let packet = Packet::parse(&bytes).expect("well-formed");
        assert_eq!(
            (packet.payload.len(), packet.padding_len),
            (payload, last.into())
        );
    }
}

#[test]
fn impossible_padding_is_malformed() {
    for (last, reason) in [
        (0, "RTP: padding of no length"),
        (5, "RTP: padding longer than the payload"),
    ] {
        let mut bytes = PLAIN;
        bytes[0] |= 0x20;
        bytes[15] = last;
        assert_eq!(why(&bytes), reason);
    }
    let mut bytes = PLAIN;
    bytes[0] |= 0x20;
    assert_eq!(
        why(&bytes[..12]),
        "RTP: padding announced in an empty packet"
    );
}

#[test]
fn what_is_short_or_of_another_version_is_malformed() {
    for length in 0..12 {
        assert_eq!(
            why(&PLAIN[..length]),
            "RTP: shorter than its header",
            "{length} octets"
        );
    }
    assert!(Packet::parse(&PLAIN[..12]).is_ok());
    for version in [0x00, 0x40, 0xc0] {
        let mut bytes = PLAIN;
        bytes[0] = version;
        assert_eq!(why(&bytes), "RTP: version is not 2");
    }
}

#[test]
fn one_byte_extensions_are_found_by_id() {
    let packet = with_extensions(0xbede, &[0x10, 0xa1, 0x00, 0x21, 0xb1, 0xb2, 0xe0, 0xc1]);
    let packet = Packet::parse(&packet).expect("well-formed");
    assert_eq!(packet.header_len, 24);
    assert_eq!(packet.extension(1), Some(&[0xa1][..]));
    assert_eq!(packet.extension(2), Some(&[0xb1, 0xb2][..]));
    assert_eq!(packet.extension(14), Some(&[0xc1][..]));
    assert_eq!((packet.extension(0), packet.extension(3)), (None, None));
    assert_eq!(packet.payload, [0x77]);
}

#[test]
fn the_first_of_two_extensions_with_one_id_counts() {
    let packet = with_extensions(0xbede, &[0x10, 1, 0x10, 2]);
    assert_eq!(
        Packet::parse(&packet).expect("well-formed").extension(1),
        Some(&[1][..])
    );
}

#[test]
fn id_15_ends_a_one_byte_block() {
    let packet = with_extensions(0xbede, &[0x10, 1, 0xf0, 9, 0x20, 2, 0, 0]);
    let packet = Packet::parse(&packet).expect("well-formed");
    assert_eq!(packet.extensions().collect::<Vec<_>>(), [(1, &[1][..])]);
}

#[test]
fn two_byte_extensions_may_be_empty_and_have_any_id() {
    let packet = with_extensions(0x1005, &[15, 1, 7, 0, 0, 200, 0, 3, 2, 8, 9, 0]);
    let packet = Packet::parse(&packet).expect("well-formed");
    let expected = [(15, &[7][..]), (200, &[]), (3, &[8, 9])];
    assert_eq!(packet.extensions().collect::<Vec<_>>(), expected);
}

#[test]
fn an_element_that_runs_past_the_block_ends_it_and_harms_nothing() {
    for (profile, block) in [(0xbede, [0x10, 1, 0x2f, 2]), (0x1000, [1, 1, 5, 2])] {
        let packet = with_extensions(profile, &block);
        let packet = Packet::parse(&packet).expect("well-formed");
        assert_eq!(
            (packet.extensions().count(), packet.payload),
            (1, &[0x77][..])
        );
    }
}

#[test]
fn extensions_of_an_unknown_profile_are_skipped_whole() {
    for profile in [0x0000, 0xbedf, 0x1010, 0xffff] {
        let packet = with_extensions(profile, &[0x10, 1, 0, 0]);
        let packet = Packet::parse(&packet).expect("well-formed");
        assert_eq!((packet.extension(1), packet.payload), (None, &[0x77][..]));
    }
}

#[test]
fn an_extension_block_past_the_end_is_malformed() {
    let packet = with_extensions(0xbede, &[0x10, 1, 0, 0]);
    for length in 12..packet.len() - 1 {
        assert_eq!(
            why(&packet[..length]),
            "RTP: header extension runs past the end",
            "{length} octets"
        );
    }
}

#[test]
fn a_header_without_extensions_takes_12_octets() {
    let header = OutHeader {
        marker: true,
        payload_type: 0x60,
        sequence: 0x1234,
        timestamp: 0x0102_0304,
        ssrc: 0xaabb_ccdd,
        ..OutHeader::default()
    };
    let mut out = [0; 12];
    assert_eq!(write_header(&mut out, &header), 12);
    assert_eq!(out, PLAIN[..12]);
    assert_eq!(write_header(&mut out[..11], &header), 0);
}

#[test]
fn mid_and_extensions_are_written_in_the_one_byte_form_where_it_does() {
    let header = OutHeader {
        mid: Some((1, b"0")),
        extensions: &[(5, &[1, 2])],
        ..OutHeader::default()
    };
    let mut out = [0xff; 32];
    assert_eq!(write_header(&mut out, &header), 24);
    assert_eq!(
        out[12..24],
        [0xbe, 0xde, 0, 2, 0x10, b'0', 0x51, 1, 2, 0, 0, 0]
    );
    assert_eq!(write_header(&mut out[..23], &header), 0);
}

#[test]
fn large_ids_and_values_need_the_two_byte_form() {
    for (id, length, profile) in [
        (14, 16, 0xbe),
        (15, 16, 0x10),
        (14, 17, 0x10),
        (14, 0, 0x10),
        (14, 1, 0xbe),
    ] {
        let value = vec![7; length];
        let header = OutHeader {
            extensions: &[(id, &value)],
            ..OutHeader::default()
        };
        let mut out = [0; 64];
        let written = write_header(&mut out, &header);
        assert_eq!(out[12], profile, "id {id}, {length} octets");
        let packet = Packet::parse(&out[..written]).expect("well-formed");
        assert_eq!(packet.extension(id), Some(&value[..]));
    }
}

#[test]
fn an_extension_without_id_is_left_out() {
    let header = OutHeader {
        mid: Some((0, b"0")),
        extensions: &[(0, &[1])],
        ..OutHeader::default()
    };
    assert_eq!(write_header(&mut [0; 32], &header), 12);
}

#[test]
fn audio_levels_have_a_voice_bit_and_seven_of_level() {
    assert_eq!(
        AudioLevel::parse(&[0x80 | 30]),
        Some(AudioLevel {
            voice: true,
            level: 30
        })
    );
    assert_eq!(
        AudioLevel::parse(&[127, 0]),
        Some(AudioLevel {
            voice: false,
            level: 127
        })
    );
    assert_eq!(AudioLevel::parse(&[]), None);
    for byte in 0..=255 {
        assert_eq!(
            AudioLevel::parse(&[byte]).map(AudioLevel::to_byte),
            Some(byte)
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_and_both_readers_agree(mut bytes: Vec<u8>, version_2: bool) {
        if let (true, Some(first)) = (version_2, bytes.first_mut()) {
            *first = 0x80 | (*first & 0x3f);
        }
        let clear = Clear::parse(&bytes);
        let Ok(packet) = Packet::parse(&bytes) else { return Ok(()) };
        prop_assert_eq!(packet.header_len + packet.payload.len() + packet.padding_len, bytes.len());
        let Clear { sequence, ssrc, header_len } = clear.expect("what parses whole has a header");
        prop_assert_eq!((sequence, ssrc, header_len), (packet.sequence, packet.ssrc, packet.header_len));
        for (id, value) in packet.extensions() {
            prop_assert!(id != 0 && value.len() <= 255);
        }
    }

    #[test]
    fn a_written_header_reads_back(
        marker: bool, payload_type in 0_u8..128, sequence: u16, timestamp: u32, ssrc: u32,
        mid in proptest::option::of((1_u8..=255, proptest::collection::vec(any::<u8>(), 0..40))),
        extensions in proptest::collection::btree_map(1_u8..=255, proptest::collection::vec(any::<u8>(), 0..40), 0..5),
    ) {
        let slices: Vec<(u8, &[u8])> = extensions.iter().map(|(id, value)| (*id, &value[..])).collect();
        let mid_slice = mid.as_ref().map(|(id, value)| (*id, &value[..]));
        let header =
            OutHeader { marker, payload_type, sequence, timestamp, ssrc, padding: false, mid: mid_slice, extensions: &slices };
        let mut out = [0; 400];
        let written = write_header(&mut out, &header);
        let packet = Packet::parse(&out[..written]).expect("well-formed");
        prop_assert_eq!((packet.marker, packet.payload_type, packet.sequence), (marker, payload_type, sequence));
        prop_assert_eq!((packet.timestamp, packet.ssrc, packet.payload.len()), (timestamp, ssrc, 0));
        let all: Vec<(u8, &[u8])> = mid_slice.into_iter().chain(slices).collect();
        prop_assert_eq!(packet.extensions().collect::<Vec<_>>(), all);
    }
}
