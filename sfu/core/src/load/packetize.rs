//! Frames made into payloads as libwebrtc makes them: few packets, of sizes one octet apart.
//!
//! `clip → **packetize** → clip`
//!
//! libwebrtc, `modules/rtp_rtcp/source/rtp_format*.cc`: `SplitAboutEqually` for all codecs, RFC 7741 for VP8, RFC 6184
//! packetization mode 1 for H.264.  What a publisher counts (picture ids) is left 0 here and filled in when it sends.

/// Octets of payload at most: 1,200 of libwebrtc's packets less header, extensions (MID, RID, transport-wide number) and
/// the two that a retransmission adds.
pub const MAX_PAYLOAD: usize = 1_200 - 12 - 20 - 2;

/// VP8 payload descriptor with a 15-bit picture id, TL0PICIDX and temporal layer 0 (RFC 7741 §4.2).
pub const VP8_DESCRIPTOR: usize = 6;

const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// Of a fragment: indicator and header.
const FU_HEADERS: usize = 2;

/// Sizes of the packets for `len` octets, at most `most` each: as few as possible, the larger ones last.
#[must_use]
pub fn split_about_equally(len: usize, most: usize) -> Vec<usize> {
    let count = len.div_ceil(most.max(1));
    let (size, larger) = (len / count.max(1), len % count.max(1));
    (0..count)
        .map(|index| size + usize::from(index >= count - larger))
        .collect()
}

/// Pieces of `bytes` of those sizes.
fn pieces(bytes: &[u8], most: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    split_about_equally(bytes.len(), most)
        .into_iter()
        .map(move |size| {
            let (piece, after) = rest.split_at(size);
            rest = after;
            piece
        })
}

/// The payloads of one VP8 frame.
pub fn vp8(frame: &[u8]) -> Vec<Vec<u8>> {
    let parts = pieces(frame, MAX_PAYLOAD - VP8_DESCRIPTOR).enumerate();
    parts
        .map(|(index, piece)| {
            // X, and S in the first; I L T; picture id (15 bits), TL0PICIDX; layer 0.
            let first = if index == 0 { 0x90 } else { 0x80 };
            let mut payload = vec![first, 0xe0, 0x80, 0, 0, 0];
            payload.extend_from_slice(piece);
            payload
        })
        .collect()
}

/// The payload of one Opus packet.
pub fn opus(packet: &[u8]) -> Vec<Vec<u8>> {
    vec![packet.to_vec()]
}

/// The payloads of one H.264 access unit, NAL units in Annex B.
pub fn h264(access_unit: &[u8]) -> Vec<Vec<u8>> {
    let (mut payloads, mut together): (Vec<Vec<u8>>, Vec<&[u8]>) = (Vec::new(), Vec::new());
    for nal in nal_units(access_unit) {
        let joined = 1 + together
            .iter()
            .chain([&nal])
            .map(|one| 2 + one.len())
            .sum::<usize>();
        if joined > MAX_PAYLOAD {
            payloads.extend(aggregate(&mut together));
        }
        if nal.len() > MAX_PAYLOAD {
            payloads.extend(fragments(nal));
        } else {
            together.push(nal);
        }
    }
    payloads.extend(aggregate(&mut together));
    payloads
}

/// NAL units between start codes (H.264 Annex B), empty ones left out.
fn nal_units(access_unit: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = access_unit;
    std::iter::from_fn(move || {
        let start = find_start_code(rest)? + 3;
        rest = rest.get(start..)?;
        let end = find_start_code(rest).unwrap_or(rest.len());
        let nal = rest.get(..end)?;
        // The zero of a four-octet start code, and trailing zeroes, belong to no NAL unit.
        let zeroes = nal.iter().rev().take_while(|octet| **octet == 0).count();
        nal.get(..end - zeroes)
    })
    .filter(|nal| !nal.is_empty())
}

fn find_start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|three| three == [0, 0, 1])
}

/// One NAL unit alone, or several in a STAP-A (RFC 6184 §5.7.1); empties `units`.
fn aggregate(units: &mut Vec<&[u8]>) -> Option<Vec<u8>> {
    let payload = match units.as_slice() {
        [] => return None,
        [one] => one.to_vec(),
        several => {
            let mut payload = vec![stap_a_header(several)];
            for unit in several {
                payload.extend_from_slice(&(unit.len() as u16).to_be_bytes());
                payload.extend_from_slice(unit);
            }
            payload
        }
    };
    units.clear();
    Some(payload)
}

/// F of any, and the highest NRI (RFC 6184 §5.7).
fn stap_a_header(units: &[&[u8]]) -> u8 {
    let headers = || units.iter().filter_map(|unit| unit.first());
    let forbidden = headers().fold(0, |bits, header| bits | (header & 0x80));
    let importance = headers().map(|header| header & 0x60).max().unwrap_or(0);
    forbidden | importance | STAP_A
}

/// A NAL unit in FU-A fragments (RFC 6184 §5.8).
fn fragments(nal: &[u8]) -> Vec<Vec<u8>> {
    let Some((&header, body)) = nal.split_first() else {
        return Vec::new();
    };
    let parts: Vec<_> = pieces(body, MAX_PAYLOAD - FU_HEADERS).collect();
    let last = parts.len() - 1;
    let fragment = |(index, piece): (usize, &&[u8])| {
        let (start, end) = (u8::from(index == 0) << 7, u8::from(index == last) << 6);
        let mut payload = vec![(header & 0xe0) | FU_A, start | end | (header & 0x1f)];
        payload.extend_from_slice(piece);
        payload
    };
    parts.iter().enumerate().map(fragment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{self, Codec};
    use proptest::prelude::*;

    #[test]
    fn sizes_are_one_octet_apart_and_the_larger_ones_come_last() {
        for (len, most, sizes) in [
            (1, 10, vec![1]),
            (10, 10, vec![10]),
            (11, 10, vec![5, 6]),
            (21, 10, vec![7, 7, 7]),
            (29, 10, vec![9, 10, 10]),
            (4_167, 1_160, vec![1_041, 1_042, 1_042, 1_042]),
            (0, 10, vec![]),
        ] {
            assert_eq!(split_about_equally(len, most), sizes, "{len} in {most}");
        }
    }

    #[test]
    fn a_vp8_frame_of_any_size_comes_together_again() {
        for len in [1_usize, 2, 48, 1_159, 1_160, 1_161, 4_167, 50_000, 200_000] {
            let frame: Vec<u8> = (0..len).map(|index| (index % 253) as u8).collect();
            let payloads = vp8(&frame);
            assert_eq!(payloads.len(), len.div_ceil(1_160), "{len}");
            assert!(payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD));
            let joined: Vec<u8> = payloads
                .iter()
                .flat_map(|payload| &payload[VP8_DESCRIPTOR..])
                .copied()
                .collect();
            assert_eq!(joined, frame);
            let starts = payloads
                .iter()
                .map(|payload| Codec::Vp8.inspect(payload).expect("VP8").frame_start);
            assert!(
                starts
                    .enumerate()
                    .all(|(index, start)| start == (index == 0))
            );
            let head = codec::vp8::Descriptor::parse(&payloads[0]).expect("a descriptor");
            assert_eq!(
                (usize::from(head.len), head.tl0, head.tid),
                (VP8_DESCRIPTOR, Some(0), Some(0))
            );
            assert!(head.picture_id.is_some_and(|id| id.wide));
        }
    }

    fn annex_b(units: &[&[u8]]) -> Vec<u8> {
        units
            .iter()
            .flat_map(|unit| [&[0, 0, 0, 1], *unit].concat())
            .collect()
    }

    #[test]
    fn parameter_sets_travel_together_and_a_large_picture_in_fragments() {
        let idr: Vec<u8> = [0x65]
            .into_iter()
            .chain((0..2_999).map(|index| (index % 200) as u8 + 1))
            .collect();
        let payloads = h264(&annex_b(&[&[0x67, 1, 2], &[0x68, 3], &idr]));
        assert_eq!(payloads[0], [0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x68, 3]);
        assert!(
            Codec::H264
                .inspect(&payloads[0])
                .is_some_and(|it| it.keyframe_start)
        );
        let heads: Vec<_> = payloads[1..]
            .iter()
            .map(|payload| (payload[0], payload[1]))
            .collect();
        assert_eq!(heads, [(0x7c, 0x85), (0x7c, 0x05), (0x7c, 0x45)]);
        let joined: Vec<u8> = payloads[1..]
            .iter()
            .flat_map(|payload| &payload[FU_HEADERS..])
            .copied()
            .collect();
        assert_eq!(joined, idr[1..]);
    }

    #[test]
    fn a_nal_unit_alone_is_a_payload_and_start_codes_of_both_lengths_part_them() {
        assert_eq!(h264(&[0, 0, 1, 0x41, 9]), [[0x41, 9]]);
        assert_eq!(
            h264(&[0, 0, 1, 0x41, 9, 0, 0, 0, 1, 0x61, 8, 0]),
            [[0x78, 0, 2, 0x41, 9, 0, 2, 0x61, 8]]
        );
        assert_eq!(h264(&[0x41, 9]), [[0; 0]; 0]);
        let full = vec![0x41; MAX_PAYLOAD];
        assert_eq!(h264(&annex_b(&[&full, &full])), [full.clone(), full]);
    }

    proptest! {
        #[test]
        fn sizes_add_up_and_none_is_above_the_limit(len in 0..300_000_usize, most in 1..2_000_usize) {
            let sizes = split_about_equally(len, most);
            prop_assert_eq!(sizes.iter().sum::<usize>(), len);
            prop_assert!(sizes.iter().all(|size| (1..=most).contains(size)));
            let spread = sizes.iter().max().zip(sizes.iter().min());
            prop_assert!(spread.is_none_or(|(most, least)| most - least <= 1));
        }

        #[test]
        fn no_access_unit_panics(bytes in prop::collection::vec(0..4_u8, 0..3_000)) {
            prop_assert!(h264(&bytes).iter().all(|payload| !payload.is_empty() && payload.len() <= MAX_PAYLOAD));
        }
    }
}
