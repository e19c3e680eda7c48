//! AV1, the RTP payload format of the Alliance for Open Media, v1.0.0: the aggregation header, and the OBUs behind it.
//!
//! ```text
//!  0 1 2 3 4 5 6 7
//! +-+-+-+-+-+-+-+-+
//! |Z|Y| W |N|-|-|-|   Z: begins with the rest of an OBU, Y: ends with an OBU that goes on, N: begins a sequence
//! +-+-+-+-+-+-+-+-+
//! ```
//!
//! Behind it are W elements, each an OBU or a fragment of one, each but the last behind its length; with W 0 there are
//! as many as fit, and all have a length. OBUs of one packet are of one layer, and only their first fragment says of
//! which. So a packet that holds nothing else than the rest of one [continues](Inspected::continues) with the layers
//! of the packet before it; where the dependency descriptor was negotiated ([`super::dependency`]), that tells them in
//! every packet, even if the one before was lost.

mod sequence;

use super::dependency::Layers;
use super::{Inspected, Resolution};
use crate::bytes::Reader;

const CONTINUES: u8 = 0x80;
const CONTINUED: u8 = 0x40;
const NEW_SEQUENCE: u8 = 0x08;
/// Bits of an OBU header, AV1 §5.3.2.
const FORBIDDEN: u8 = 0x80;
const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;
/// Types of OBUs, AV1 §6.2.2.
const SEQUENCE_HEADER: u8 = 1;
const TILE_GROUP: u8 = 4;
const REDUNDANT_FRAME_HEADER: u8 = 7;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;
/// Octets of a number in LEB128, AV1 §4.10.5.
const MAX_LEB128: u32 = 8;
/// Looked at in a packet. A temporal delimiter is not sent; before a frame come a sequence header and metadata.
const MAX_ELEMENTS: usize = 16;

/// The aggregation header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aggregation {
    /// Z: the first element is the rest of an OBU that an earlier packet began.
    pub continues: bool,
    /// Y: the last element goes on in the next packet.
    pub continued: bool,
    /// W: how many elements there are, the last without a length; 0 where all have one.
    pub elements: u8,
    /// N: the first packet of a coded video sequence.
    pub new_sequence: bool,
}

impl Aggregation {
    /// Reads the first octet of a payload; `None` if there is none.
    #[inline]
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        Some(Self {
            continues: first & CONTINUES != 0,
            continued: first & CONTINUED != 0,
            elements: (first >> 4) & 0x03,
            new_sequence: first & NEW_SEQUENCE != 0,
        })
    }
}

/// Reads the aggregation header and the headers of the OBUs; `None` if an element is cut or empty.
#[inline]
#[must_use]
pub fn inspect(payload: &[u8]) -> Option<Inspected> {
    let aggregation = Aggregation::parse(payload)?;
    let found = look(&aggregation, payload.get(1..)?)?;
    let frame_start = !aggregation.continues && (found.opens_frame || aggregation.new_sequence);
    let keyframe_start = frame_start && aggregation.new_sequence;
    let continues = aggregation.continues && found.layers.is_none();
    let layers = found.layers.unwrap_or_default();
    Some(Inspected {
        keyframe_start,
        frame_start,
        spatial: layers.spatial,
        temporal: layers.temporal,
        // A picture of a higher layer leans on lower ones alone, as encoders for calls make them.
        sync: !continues,
        continues,
        resolution: found.resolution,
        ..Inspected::MIDDLE
    })
}

/// What the OBUs of a packet tell.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    /// The first OBU that begins here is one with which a frame begins.
    opens_frame: bool,
    layers: Option<Layers>,
    resolution: Option<Resolution>,
}

#[inline]
fn look(aggregation: &Aggregation, elements: &[u8]) -> Option<Found> {
    if elements.is_empty() {
        return None;
    }
    let mut elements = Elements::new(elements, aggregation.elements);
    if aggregation.continues {
        elements.next()??;
    }
    let mut found = Found::default();
    for (index, element) in elements.take(MAX_ELEMENTS).enumerate() {
        let obu = Obu::parse(element?)?;
        if index == 0 {
            found.opens_frame = obu.opens_frame();
        }
        found.layers = found.layers.or(obu.layers);
        if obu.kind == SEQUENCE_HEADER && found.resolution.is_none() {
            found.resolution = sequence::resolution(obu.body);
        }
    }
    Some(found)
}

/// The elements of a payload; `None` in place of one that is cut.
struct Elements<'a> {
    reader: Reader<'a>,
    /// How many are left, where the header counts them.
    left: Option<u8>,
}

impl<'a> Elements<'a> {
    const fn new(bytes: &'a [u8], count: u8) -> Self {
        Self {
            reader: Reader::new(bytes),
            left: if count == 0 { None } else { Some(count) },
        }
    }

    fn behind_length(&mut self) -> Option<&'a [u8]> {
        let length = leb128(&mut self.reader)?;
        self.reader.take(length)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Option<&'a [u8]>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.left {
            Some(0) => None,
            None if self.reader.rest().is_empty() => None,
            None => Some(self.behind_length()),
            Some(left) => {
                *left -= 1;
                let is_last = *left == 0;
                Some(if is_last {
                    Some(self.reader.rest())
                } else {
                    self.behind_length()
                })
            }
        }
    }
}

/// One OBU, or its first fragment.
struct Obu<'a> {
    kind: u8,
    /// From the header's extension; `None` without one, or where the fragment ends before it.
    layers: Option<Layers>,
    body: &'a [u8],
}

impl<'a> Obu<'a> {
    /// `None` if it is empty or its forbidden bit is set.
    fn parse(element: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(element);
        let header = reader.u8().filter(|octet| octet & FORBIDDEN == 0)?;
        let extension = if header & HAS_EXTENSION == 0 {
            None
        } else {
            reader.u8()
        };
        if header & HAS_SIZE != 0 {
            leb128(&mut reader); // what it says the element's end says as well
        }
        Some(Self {
            kind: (header >> 3) & 0x0f,
            layers: extension.map(|octet| Layers {
                temporal: octet >> 5,
                spatial: (octet >> 3) & 0x03,
            }),
            body: reader.rest(),
        })
    }

    /// Headers and metadata stand before a frame; the others belong to one that has begun.
    const fn opens_frame(&self) -> bool {
        !matches!(
            self.kind,
            TILE_GROUP | REDUNDANT_FRAME_HEADER | TILE_LIST | PADDING
        )
    }
}

fn leb128(reader: &mut Reader<'_>) -> Option<usize> {
    let mut value = 0_u64;
    for place in 0..MAX_LEB128 {
        let octet = reader.u8()?;
        value |= u64::from(octet & 0x7f) << (7 * place);
        if octet & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// OBU headers without and with extension: type << 3 | X << 2.
    const SEQUENCE: u8 = 1 << 3;
    const METADATA: u8 = 5 << 3;
    const FRAME_HEADER: u8 = 3 << 3;
    const TILES: u8 = 4 << 3;
    const FRAME: u8 = 6 << 3;
    const FRAME_OF_LAYER: u8 = FRAME | 4;
    /// temporal 2, spatial 1.
    const LAYER: u8 = 0x48;
    /// 320 x 180 (`av1/sequence.rs`).
    const SEQUENCE_BODY: [u8; 7] = [0, 0, 0, 0x24, 0x3c, 0xfe, 0xcc];

    fn starts(payload: &[u8]) -> Option<(bool, bool)> {
        inspect(payload).map(|it| (it.keyframe_start, it.frame_start))
    }

    fn layers(payload: &[u8]) -> Option<(u8, u8, bool)> {
        inspect(payload).map(|it| (it.spatial, it.temporal, it.continues))
    }

    #[test]
    fn the_aggregation_header_has_three_flags_and_a_count() {
        let told = |octet: u8| {
            Aggregation::parse(&[octet])
                .map(|it| (it.continues, it.continued, it.elements, it.new_sequence))
        };
        assert_eq!(told(0x80), Some((true, false, 0, false)));
        assert_eq!(told(0x40), Some((false, true, 0, false)));
        assert_eq!(told(0x30), Some((false, false, 3, false)));
        assert_eq!(told(0x08), Some((false, false, 0, true)));
        assert_eq!(told(0x07), Some((false, false, 0, false)));
        assert_eq!(Aggregation::parse(&[]), None);
    }

    #[test]
    fn a_decoder_starts_where_a_sequence_begins() {
        assert_eq!(starts(&[0x18, SEQUENCE, 0]), Some((true, true)));
        assert_eq!(starts(&[0x28, 1, SEQUENCE, FRAME, 9]), Some((true, true)));
        assert_eq!(starts(&[0x10, SEQUENCE, 0]), Some((false, true)));
        assert_eq!(starts(&[0x98, 1, 2, 3]), Some((false, false)));
    }

    #[test]
    fn a_frame_starts_with_its_headers_and_goes_on_with_tiles_and_rests() {
        for header in [FRAME, FRAME_HEADER, METADATA, SEQUENCE] {
            assert_eq!(starts(&[0x10, header, 9]), Some((false, true)));
        }
        for header in [TILES, 7 << 3, 8 << 3, 15 << 3] {
            assert_eq!(starts(&[0x10, header, 9]), Some((false, false)));
        }
        assert_eq!(starts(&[0xa0, 1, 9, FRAME, 9]), Some((false, false)));
    }

    #[test]
    fn the_extension_tells_the_layers_in_whichever_obu_it_is() {
        assert_eq!(
            layers(&[0x10, FRAME_OF_LAYER, LAYER, 9]),
            Some((1, 2, false))
        );
        let behind_others = [0x20, 2, METADATA, 0, FRAME_OF_LAYER, LAYER, 9];
        assert_eq!(layers(&behind_others), Some((1, 2, false)));
        let all_have_lengths = [0x00, 2, METADATA, 0, 3, FRAME_OF_LAYER, LAYER, 9];
        assert_eq!(layers(&all_have_lengths), Some((1, 2, false)));
        assert_eq!(layers(&[0x10, FRAME, 9]), Some((0, 0, false)));
    }

    #[test]
    fn a_packet_that_only_continues_does_not_know_its_layers() {
        assert_eq!(layers(&[0x90, 1, 2]), Some((0, 0, true)));
        assert_eq!(layers(&[0x90]), None);
        // Behind the rest of one OBU another begins, with the layers of both.
        let both = [0xa0, 2, 1, 2, FRAME_OF_LAYER, LAYER, 9];
        assert_eq!(layers(&both), Some((1, 2, false)));
        assert_eq!(layers(&[0xa0, 2, 1, 2, TILES, 9]), Some((0, 0, true)));
    }

    #[test]
    fn layers_are_carried_over_to_the_packets_that_continue() {
        let first = inspect(&[0x50, FRAME_OF_LAYER, LAYER, 9]).expect("a fragment");
        let second = inspect(&[0xd0, 1, 2]).expect("the middle").after(&first);
        let third = inspect(&[0x90, 3]).expect("the rest").after(&second);
        assert_eq!((third.spatial, third.temporal, third.sync), (1, 2, true));
        let next = inspect(&[0x10, FRAME, 9]).expect("another").after(&third);
        assert_eq!((next.spatial, next.temporal, next.sync), (0, 0, true));
    }

    #[test]
    fn one_may_move_up_at_the_lowest_temporal_layer_and_at_a_new_sequence() {
        let sync = |payload: &[u8]| inspect(payload).map(|it| it.sync);
        assert_eq!(sync(&[0x10, FRAME_OF_LAYER, 0x20, 9]), Some(true));
        assert_eq!(sync(&[0x10, FRAME_OF_LAYER, 0x08, 9]), Some(true));
        assert_eq!(sync(&[0x18, FRAME_OF_LAYER, 0x20, 9]), Some(true));
        assert_eq!(sync(&[0x90, 9]), Some(false));
    }

    #[test]
    fn the_sequence_header_tells_the_size() {
        let size = |payload: &[u8]| {
            let inspected = inspect(payload).expect("well-formed");
            inspected.resolution.map(|it| (it.width, it.height))
        };
        let alone = [&[0x18, SEQUENCE], SEQUENCE_BODY.as_slice()].concat();
        assert_eq!(size(&alone), Some((320, 180)));
        let before_a_frame = [
            &[0x28, 8, SEQUENCE],
            SEQUENCE_BODY.as_slice(),
            &[FRAME, 1, 2],
        ];
        assert_eq!(size(&before_a_frame.concat()), Some((320, 180)));
        // With its size inside (which senders should leave out), and behind the rest of another OBU.
        let sized = [&[0x18, SEQUENCE | 2, 7], SEQUENCE_BODY.as_slice()].concat();
        assert_eq!(size(&sized), Some((320, 180)));
        let late = [&[0xa0, 1, 7, SEQUENCE], SEQUENCE_BODY.as_slice()].concat();
        assert_eq!(size(&late), Some((320, 180)));
        assert_eq!(size(&alone[..6]), None);
        assert_eq!(size(&[0x10, FRAME, 9]), None);
    }

    #[test]
    fn elements_that_are_cut_or_empty_are_refused() {
        let whole = [0x30, 1, FRAME, 2, TILES, 9, TILES, 9];
        assert!(inspect(&whole).is_some());
        for length in 0..7 {
            assert_eq!(inspect(&whole[..length]), None, "{length} octets");
        }
        assert!(inspect(&[0x00, 1, FRAME, 1, TILES]).is_some());
        assert_eq!(inspect(&[0x00, 1, FRAME, 2, TILES]), None);
        assert_eq!(inspect(&[0x00, 0, 1, FRAME]), None);
        assert_eq!(inspect(&[0x10, FRAME | 0x80, 1]), None);
    }

    #[test]
    fn a_fragment_that_ends_in_its_header_is_none_the_less_one() {
        assert_eq!(layers(&[0x50, FRAME_OF_LAYER]), Some((0, 0, false)));
        assert_eq!(
            starts(&[0x50, FRAME_OF_LAYER | 2, LAYER]),
            Some((false, true))
        );
    }

    #[test]
    fn lengths_are_as_long_as_they_need_to_be_and_no_longer() {
        let read = |bytes: &[u8]| leb128(&mut Reader::new(bytes));
        assert_eq!(read(&[0x7f]), Some(127));
        assert_eq!(read(&[0x80, 0x01]), Some(128));
        assert_eq!(read(&[0xe5, 0x8e, 0x26]), Some(624_485));
        assert_eq!(read(&[0x85, 0x80, 0x00]), Some(5));
        assert_eq!(read(&[0x80]), None);
        assert_eq!(read(&[0x80; 9]), None);
        let largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert_eq!(read(&largest), usize::try_from((1_u64 << 56) - 1).ok());
    }

    proptest! {
        #[test]
        fn what_begins_with_a_rest_starts_nothing(payload: Vec<u8>) {
            let payload = [&[0x98], payload.as_slice()].concat();
            prop_assert!(inspect(&payload).is_none_or(|it| !it.frame_start && !it.keyframe_start));
        }

        #[test]
        fn elements_never_have_more_octets_than_the_payload(bytes: Vec<u8>, count in 0..4_u8) {
            let octets: usize = Elements::new(&bytes, count).map_while(|it| it).map(<[u8]>::len).sum();
            prop_assert!(octets <= bytes.len());
        }
    }
}
