//! H.264, RFC 6184: finding the packets at which a decoder can start.
//!
//! A decoder needs the sequence parameter set before anything else, so a keyframe starts at the packet
//! that carries it: alone, or first in an aggregate (STAP-A) with the picture parameter set behind it.
//!
//! Scalable H.264 (RFC 6190) is not among what browsers send: there are no layers here.

mod sps;

use super::Inspected;
use crate::bytes::Reader;

const NAL_SLICE: u8 = 1;
const NAL_IDR: u8 = 5;
const NAL_SEI: u8 = 6;
const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;
const NAL_AUD: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Looks at the NAL units of a payload; `None` if it is empty or its type is not one of
/// packetization modes 0 and 1.
///
/// What comes before a picture's first slice, in packets of its own, counts as a start each time.
#[inline]
#[must_use]
pub fn inspect(payload: &[u8]) -> Option<Inspected> {
    let (&header, rest) = payload.split_first()?;
    match header & 0x1f {
        STAP_A => inspect_aggregate(rest),
        FU_A => inspect_fragment(rest),
        1..=23 => Some(inspect_single(payload)),
        _ => None,
    }
}

fn inspect_single(nal: &[u8]) -> Inspected {
    let keyframe_start = nal_type(nal) == NAL_SPS;
    let body = nal.get(1..).filter(|_| keyframe_start);
    Inspected {
        keyframe_start,
        parameters: sets_parameters(nal),
        frame_start: starts_frame(nal),
        resolution: body.and_then(sps::resolution),
        ..Inspected::MIDDLE
    }
}

/// RFC 6184 §5.7.1: NAL units, each behind a 16-bit length.
fn inspect_aggregate(units: &[u8]) -> Option<Inspected> {
    let all = || Aggregate(Reader::new(units));
    let first = all().next()?;
    let sequence = all().find(|nal| nal_type(nal) == NAL_SPS);
    Some(Inspected {
        parameters: all().any(sets_parameters) && !all().any(is_slice),
        ..inspect_single(sequence.unwrap_or(first))
    })
}

/// RFC 6184 §5.8: a fragment starts a frame if it is the first of a NAL unit that does.
fn inspect_fragment(fragment: &[u8]) -> Option<Inspected> {
    let (&fu_header, slice) = fragment.split_first()?;
    let first_fragment = fu_header & 0x80 != 0;
    Some(Inspected {
        frame_start: first_fragment && opens_picture(fu_header & 0x1f, slice),
        ..Inspected::MIDDLE
    })
}

struct Aggregate<'a>(Reader<'a>);

impl<'a> Iterator for Aggregate<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = self.0.u16()?;
        self.0
            .take(usize::from(length))
            .filter(|nal| !nal.is_empty())
    }
}

fn nal_type(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |header| header & 0x1f)
}

fn sets_parameters(nal: &[u8]) -> bool {
    matches!(nal_type(nal), NAL_SPS | NAL_PPS)
}

fn is_slice(nal: &[u8]) -> bool {
    (NAL_SLICE..=NAL_IDR).contains(&nal_type(nal))
}

fn starts_frame(nal: &[u8]) -> bool {
    opens_picture(nal_type(nal), nal.get(1..).unwrap_or_default())
}

/// Parameter sets, delimiters and SEI stand before a picture; a slice opens it if its first macroblock
/// is number 0, which Exp-Golomb codes as a single 1 bit.
fn opens_picture(nal_type: u8, slice: &[u8]) -> bool {
    match nal_type {
        NAL_SLICE..=NAL_IDR => slice.first().is_some_and(|byte| byte & 0x80 != 0),
        NAL_SEI..=NAL_AUD => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: [u8; 4] = [0x67, 0x42, 0xe0, 0x1f];
    const PPS: [u8; 3] = [0x68, 0xce, 0x3c];
    const IDR_FIRST: [u8; 3] = [0x65, 0x88, 0x84];
    const IDR_LATER: [u8; 3] = [0x65, 0x00, 0x84];

    fn aggregate(units: &[&[u8]]) -> Vec<u8> {
        let mut payload = vec![0x78];
        for unit in units {
            payload.extend(u16::try_from(unit.len()).unwrap_or(0).to_be_bytes());
            payload.extend_from_slice(unit);
        }
        payload
    }

    fn starts(payload: &[u8]) -> Option<(bool, bool)> {
        inspect(payload).map(|it| (it.keyframe_start, it.frame_start))
    }

    #[test]
    fn a_decoder_starts_at_the_parameter_set_alone_or_in_an_aggregate() {
        assert_eq!(starts(&SPS), Some((true, true)));
        assert_eq!(starts(&aggregate(&[&SPS, &PPS])), Some((true, true)));
        assert_eq!(
            starts(&aggregate(&[&[0x09, 0x10], &SPS, &PPS, &IDR_FIRST])),
            Some((true, true))
        );
    }

    #[test]
    fn parameter_sets_that_have_no_picture_with_them_are_told_from_others() {
        let parameters = |payload: &[u8]| inspect(payload).map(|it| it.parameters);
        for (payload, expected) in [
            (SPS.to_vec(), true),
            (PPS.to_vec(), true),
            (aggregate(&[&SPS, &PPS]), true),
            (aggregate(&[&[0x09, 0x10], &SPS, &PPS, &[0x06, 5]]), true),
            (aggregate(&[&SPS, &PPS, &IDR_FIRST]), false),
            (aggregate(&[&[0x09, 0x10], &[0x06, 5]]), false),
            (IDR_FIRST.to_vec(), false),
            (vec![0x7c, 0x85, 0x88], false),
        ] {
            assert_eq!(parameters(&payload), Some(expected), "{payload:x?}");
        }
    }

    #[test]
    fn pictures_without_parameter_set_do_not_start_a_decoder() {
        assert_eq!(starts(&PPS), Some((false, true)));
        assert_eq!(starts(&IDR_FIRST), Some((false, true)));
        assert_eq!(starts(&aggregate(&[&PPS, &IDR_FIRST])), Some((false, true)));
    }

    #[test]
    fn a_slice_with_a_later_macroblock_goes_on_with_its_frame() {
        assert_eq!(starts(&IDR_LATER), Some((false, false)));
        assert_eq!(starts(&[0x41, 0x9a]), Some((false, true)));
        assert_eq!(starts(&[0x41, 0x1a]), Some((false, false)));
    }

    #[test]
    fn only_the_first_fragment_starts_a_frame() {
        assert_eq!(starts(&[0x7c, 0x85, 0x88]), Some((false, true)));
        assert_eq!(starts(&[0x7c, 0x05, 0x88]), Some((false, false)));
        assert_eq!(starts(&[0x7c, 0x45, 0x88]), Some((false, false)));
        assert_eq!(starts(&[0x7c, 0x85, 0x08]), Some((false, false)));
    }

    #[test]
    fn an_aggregate_that_is_cut_short_counts_up_to_the_cut() {
        let whole = aggregate(&[&PPS, &SPS]);
        assert_eq!(starts(&whole), Some((true, true)));
        assert_eq!(starts(&whole[..whole.len() - 1]), Some((false, true)));
        assert_eq!(starts(&whole[..3]), None);
        assert_eq!(starts(&[0x78, 0, 0]), None);
    }

    /// 1280 x 720, from an encoder: constrained baseline, level 3.1.
    const SPS_720P: [u8; 12] = [
        0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00,
    ];

    #[test]
    fn the_parameter_set_tells_the_size_alone_and_in_an_aggregate() {
        let size = |payload: &[u8]| {
            let inspected = inspect(payload).expect("well-formed");
            inspected.resolution.map(|it| (it.width, it.height))
        };
        assert_eq!(size(&SPS_720P), Some((1280, 720)));
        assert_eq!(
            size(&aggregate(&[&[0x09, 0x10], &SPS_720P, &PPS])),
            Some((1280, 720))
        );
        assert_eq!(
            size(&aggregate(&[&SPS_720P, &PPS, &SPS])),
            Some((1280, 720))
        );
        assert_eq!(size(&SPS), None);
        assert_eq!(size(&PPS), None);
        assert_eq!(size(&[0x7c, 0x87, 0x42, 0xc0, 0x1f, 0xd9]), None);
    }

    #[test]
    fn there_are_no_layers() {
        for payload in [SPS.as_slice(), &IDR_LATER, &[0x7c, 0x05, 0x88]] {
            let inspected = inspect(payload).expect("well-formed");
            let layers = (inspected.spatial, inspected.temporal, inspected.sync);
            assert_eq!(layers, (0, 0, true));
            assert!(!inspected.continues && !inspected.frame_end);
        }
    }

    #[test]
    fn interleaved_modes_and_reserved_types_are_refused() {
        for nal_type in [0_u8, 25, 26, 27, 29, 30, 31] {
            assert_eq!(starts(&[nal_type, 0, 0, 0]), None, "type {nal_type}");
        }
    }
}
