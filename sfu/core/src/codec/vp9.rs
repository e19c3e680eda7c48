//! VP9, RFC 9628: the payload descriptor in front of every packet, read and rewritten.
//!
//! ```text
//!        0 1 2 3 4 5 6 7
//!       +-+-+-+-+-+-+-+-+
//!       |I|P|L|F|B|E|V|Z|
//!       +-+-+-+-+-+-+-+-+
//!  I:   |M| PICTURE ID  |   7 bits; with M 15
//!       +-+-+-+-+-+-+-+-+
//!  M:   | EXTENDED PID  |
//!       +-+-+-+-+-+-+-+-+
//!  L:   | TID |U| SID |D|
//!       +-+-+-+-+-+-+-+-+
//!       |   TL0PICIDX   |   only without F
//!       +-+-+-+-+-+-+-+-+
//!  P,F: | P_DIFF      |N|   with N another, 3 at most
//!       +-+-+-+-+-+-+-+-+
//!  V:   | SS: layers' sizes, pictures of a group
//! ```
//!
//! A picture has a frame of each spatial layer, all with one timestamp and one picture id. As with VP8, picture id
//! and TL0PICIDX count on over all pictures that a receiver gets.

use super::bits::Bits;
use super::vp8::{PictureId, read_picture_id};
use super::{Inspected, Resolution};
use crate::bytes::{Reader, Writer};

/// Bits of the first octet, RFC 9628 §4.2.
const HAS_PICTURE_ID: u8 = 0x80;
const INTER_PICTURE: u8 = 0x40;
const HAS_LAYERS: u8 = 0x20;
const FLEXIBLE: u8 = 0x10;
const START: u8 = 0x08;
const END: u8 = 0x04;
const HAS_STRUCTURE: u8 = 0x02;
const UNREFERENCED: u8 = 0x01;
/// Bits of the scalability structure's first octet, §4.2.1.
const HAS_SIZES: u8 = 0x10;
const HAS_GROUP: u8 = 0x08;
/// `P_DIFF` of one picture.
const MAX_REFERENCES: usize = 3;
/// Of the uncompressed header, VP9 bitstream specification §6.2.
const FRAME_MARKER: u32 = 2;
const SYNC_CODE: u32 = 0x0049_8342;
const RGB: u32 = 7;

/// The octet with the layer indices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// Temporal layer, 0..=7.
    pub temporal: u8,
    /// U bit: one may move up here.
    pub switch_up: bool,
    /// Spatial layer, 0..=7.
    pub spatial: u8,
    /// D bit: depends on the spatial layer below in the same picture.
    pub inter_layer: bool,
}

/// The VP9 payload descriptor of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Octets of descriptor: where the VP9 bitstream starts.
    pub len: u16,
    /// Counts pictures.
    pub picture_id: Option<PictureId>,
    /// P bit: depends on earlier pictures. A frame of a higher spatial layer without it can be decoded by whoever
    /// has the layer below, so one may move up there.
    pub inter_picture: bool,
    /// The layers, where the packet tells.
    pub layers: Option<Layers>,
    /// TL0PICIDX: counts pictures of the lowest temporal layer; never in flexible mode.
    pub tl0: Option<u8>,
    /// F bit: pictures refer to others at will, and each tells to which.
    pub flexible: bool,
    /// B bit: the first packet of a layer's frame.
    pub start: bool,
    /// E bit: the last packet of a layer's frame.
    pub end: bool,
    /// Z bit: higher spatial layers of the picture do not depend on this one.
    pub unreferenced: bool,
    /// Size of the highest spatial layer, where a scalability structure tells.
    pub resolution: Option<Resolution>,
}

impl Descriptor {
    /// Reads the descriptor in front of a payload; `None` if it is cut short or refers to too many pictures.
    #[inline]
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let first = reader.u8()?;
        let has = |bit: u8| first & bit != 0;
        let picture_id = if has(HAS_PICTURE_ID) {
            Some(read_picture_id(&mut reader)?)
        } else {
            None
        };
        let layers = if has(HAS_LAYERS) {
            Some(Layers::of(reader.u8()?))
        } else {
            None
        };
        let tl0 = if has(HAS_LAYERS) && !has(FLEXIBLE) {
            Some(reader.u8()?)
        } else {
            None
        };
        if has(INTER_PICTURE) && has(FLEXIBLE) {
            skip_references(&mut reader)?;
        }
        let mut resolution = None;
        if has(HAS_STRUCTURE) {
            read_structure(&mut reader, &mut resolution)?;
        }
        Some(Self {
            len: u16::try_from(payload.len() - reader.rest().len()).ok()?,
            picture_id,
            inter_picture: has(INTER_PICTURE),
            layers,
            tl0,
            flexible: has(FLEXIBLE),
            start: has(START),
            end: has(END),
            unreferenced: has(UNREFERENCED),
            resolution,
        })
    }

    /// Octets of descriptor after [`rewrite`]: a short picture id grows by one.
    #[inline]
    #[must_use]
    pub const fn rewritten_len(&self) -> usize {
        let grows = matches!(self.picture_id, Some(PictureId { wide: false, .. }));
        self.len as usize + grows as usize
    }
}

impl Layers {
    const fn of(octet: u8) -> Self {
        Self {
            temporal: octet >> 5,
            switch_up: octet & 0x10 != 0,
            spatial: (octet >> 1) & 0x07,
            inter_layer: octet & 0x01 != 0,
        }
    }
}

fn skip_references(reader: &mut Reader<'_>) -> Option<()> {
    for _ in 0..MAX_REFERENCES {
        if reader.u8()? & 0x01 == 0 {
            return Some(());
        }
    }
    None
}

/// RFC 9628 §4.2.1.
///
/// ```text
///       +-+-+-+-+-+-+-+-+
///  V:   | N_S |Y|G|-|-|-|
///       +-+-+-+-+-+-+-+-+
///  Y:   |   WIDTH (16)  |   N_S + 1 times
///       |  HEIGHT (16)  |
///       +-+-+-+-+-+-+-+-+
///  G:   |      N_G      |
///       +-+-+-+-+-+-+-+-+
///  N_G: | TID |U| R |-|-|   N_G times, each with R
///       |    P_DIFF     |
///       +-+-+-+-+-+-+-+-+
/// ```
fn read_structure(reader: &mut Reader<'_>, highest: &mut Option<Resolution>) -> Option<()> {
    let first = reader.u8()?;
    if first & HAS_SIZES != 0 {
        for _ in 0..=first >> 5 {
            let size = Resolution::of(reader.u16()?.into(), reader.u16()?.into());
            if size.map(Resolution::pixels) > highest.map(Resolution::pixels) {
                *highest = size;
            }
        }
    }
    if first & HAS_GROUP != 0 {
        for _ in 0..reader.u8()? {
            let references = (reader.u8()? >> 2) & 0x03;
            reader.take(references.into())?;
        }
    }
    Some(())
}

/// Reads the descriptor and, where it has none, a keyframe's size.
///
/// What says that a picture is a keyframe is the descriptor alone: the bitstream may be encrypted end to end.
#[inline]
#[must_use]
pub fn inspect(payload: &[u8]) -> Option<Inspected> {
    let descriptor = Descriptor::parse(payload)?;
    let frame = payload.get(usize::from(descriptor.len)..)?;
    let layers = descriptor.layers.unwrap_or_default();
    let from_nothing = !descriptor.inter_picture && !layers.inter_layer && layers.spatial == 0;
    let keyframe_start = descriptor.start && from_nothing && !frame.is_empty();
    let of_header = || read_size(frame).filter(|_| keyframe_start);
    Some(Inspected {
        keyframe_start,
        frame_start: descriptor.start,
        frame_end: descriptor.end,
        vp9: Some(descriptor),
        spatial: layers.spatial,
        temporal: layers.temporal,
        sync: layers.temporal == 0 || layers.switch_up || !descriptor.inter_picture,
        resolution: descriptor.resolution.or_else(of_header),
        ..Inspected::MIDDLE
    })
}

/// Of a keyframe's uncompressed header, VP9 bitstream specification §6.2.
fn read_size(frame: &[u8]) -> Option<Resolution> {
    let mut bits = Bits::new(frame);
    bits.take(2).filter(|marker| *marker == FRAME_MARKER)?;
    let profile = bits.take(1)? | (bits.take(1)? << 1);
    if profile == 3 {
        bits.flag()?; // reserved_zero
    }
    let shows_existing = bits.flag()?;
    let is_inter = bits.flag()?;
    bits.take(2)?; // show_frame, error_resilient_mode
    if shows_existing || is_inter || bits.take(24)? != SYNC_CODE {
        return None;
    }
    skip_colours(&mut bits, profile)?;
    Resolution::of(bits.take(16)? + 1, bits.take(16)? + 1)
}

/// `color_config`, §6.2.2.
fn skip_colours(bits: &mut Bits<'_>, profile: u32) -> Option<()> {
    if profile >= 2 {
        bits.flag()?; // ten_or_twelve_bit
    }
    let has_subsampling = profile % 2 == 1;
    if bits.take(3)? == RGB {
        bits.take(u32::from(has_subsampling))?; // reserved_zero
    } else {
        bits.take(if has_subsampling { 4 } else { 1 })?; // color_range, subsampling, reserved_zero
    }
    Some(())
}

/// Copies `payload` to `out` with another picture id and TL0PICIDX where it has them.
///
/// A picture id is always written with 15 bits, so a short one makes the payload an octet longer.
/// Returns the length written, 0 if the descriptor is cut before these fields or `out` is too small.
#[inline]
pub fn rewrite(payload: &[u8], out: &mut [u8], picture_id: u16, tl0: u8) -> usize {
    let mut writer = Writer::new(out);
    match rewrite_into(payload, &mut writer, picture_id, tl0) {
        Some(()) => writer.finish(),
        None => 0,
    }
}

#[inline]
fn rewrite_into(payload: &[u8], writer: &mut Writer<'_>, picture_id: u16, tl0: u8) -> Option<()> {
    let mut reader = Reader::new(payload);
    let first = reader.u8()?;
    writer.u8(first);
    if first & HAS_PICTURE_ID != 0 {
        read_picture_id(&mut reader)?;
        writer.u16(0x8000 | picture_id);
    }
    if first & HAS_LAYERS != 0 {
        writer.u8(reader.u8()?);
        if first & FLEXIBLE == 0 {
            reader.u8()?;
            writer.u8(tl0);
        }
    }
    writer.bytes(reader.rest());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// I L B E V, not flexible | picture id 0x1234 | tid 2 U sid 1 D | tl0 7
    /// | 2 layers, Y, G | 320 x 180 | 640 x 360 | 2 pictures: tid 0 U R 1, 4; tid 2 R 2, 1 and 2 | bitstream
    const FULL: [u8; 23] = [
        0xae, 0x92, 0x34, 0x53, 7, // descriptor
        0x38, 0x01, 0x40, 0x00, 0xb4, 0x02, 0x80, 0x01, 0x68, // sizes
        2, 0x14, 4, 0x48, 1, 2, // group
        0x82, 0x49, 0x83,
    ];
    /// I P L F Z | picture id 5 | tid 1 sid 0 | P_DIFF 1 N, 2 N, 3 | bitstream
    const FLEXIBLE_MIDDLE: [u8; 7] = [0xf1, 5, 0x20, 0x03, 0x05, 0x06, 0xaa];

    #[test]
    fn every_field_is_read_from_its_place() {
        let expected = Descriptor {
            len: 20,
            picture_id: Some(PictureId {
                value: 0x1234,
                wide: true,
            }),
            inter_picture: false,
            layers: Some(Layers {
                temporal: 2,
                switch_up: true,
                spatial: 1,
                inter_layer: true,
            }),
            tl0: Some(7),
            flexible: false,
            start: true,
            end: true,
            unreferenced: false,
            resolution: Resolution::of(640, 360),
        };
        assert_eq!(Descriptor::parse(&FULL), Some(expected));
    }

    #[test]
    fn flexible_pictures_have_references_and_no_counter_of_the_lowest_layer() {
        let expected = Descriptor {
            len: 6,
            picture_id: Some(PictureId {
                value: 5,
                wide: false,
            }),
            inter_picture: true,
            layers: Some(Layers {
                temporal: 1,
                ..Layers::default()
            }),
            tl0: None,
            flexible: true,
            start: false,
            end: false,
            unreferenced: true,
            resolution: None,
        };
        assert_eq!(Descriptor::parse(&FLEXIBLE_MIDDLE), Some(expected));
    }

    #[test]
    fn fields_that_are_not_announced_are_not_there() {
        let bare = Descriptor::parse(&[0x08, 0x82])
            .map(|it| (it.len, it.picture_id, it.layers, it.tl0, it.resolution));
        assert_eq!(bare, Some((1, None, None, None, None)));
        // P without F and F without P have no references.
        assert_eq!(Descriptor::parse(&[0x40]).map(|it| it.len), Some(1));
        assert_eq!(Descriptor::parse(&[0x10]).map(|it| it.len), Some(1));
        // A structure without sizes and without a group.
        assert_eq!(Descriptor::parse(&[0x02, 0xe0]).map(|it| it.len), Some(2));
    }

    #[test]
    fn a_fourth_reference_is_refused() {
        assert_eq!(Descriptor::parse(&[0x50, 1, 1, 1, 0]), None);
        assert_eq!(
            Descriptor::parse(&[0x50, 1, 1, 0]).map(|it| it.len),
            Some(4)
        );
    }

    #[test]
    fn a_descriptor_cut_anywhere_is_refused() {
        for length in 0..20 {
            assert_eq!(Descriptor::parse(&FULL[..length]), None, "{length} octets");
        }
        for length in 0..6 {
            let cut = &FLEXIBLE_MIDDLE[..length];
            assert_eq!(Descriptor::parse(cut), None, "{length} octets");
        }
        for length in 0..5 {
            assert_eq!(rewrite(&FULL[..length], &mut [0; 32], 1, 1), 0);
        }
    }

    #[test]
    fn the_largest_structure_is_read_to_its_end() {
        // 8 layers with sizes, 255 pictures with 3 references each.
        let mut payload = vec![0x0a, 0xf8];
        payload.extend((1..=8_u8).flat_map(|layer| [0, layer, 0, layer]));
        payload.push(255);
        payload.extend([0x0c, 1, 2, 3].repeat(255));
        let descriptor = Descriptor::parse(&payload).map(|it| (it.len, it.resolution));
        assert_eq!(descriptor, Some((1_055, Resolution::of(8, 8))));
        assert_eq!(Descriptor::parse(&payload[..1_054]), None);
    }

    #[test]
    fn a_keyframe_starts_with_the_lowest_layer_of_a_picture_that_depends_on_none() {
        let starts =
            |payload: &[u8]| inspect(payload).map(|it| (it.keyframe_start, it.frame_start));
        assert_eq!(starts(&[0x08, 0x82]), Some((true, true)));
        assert_eq!(starts(&[0x48, 0x82]), Some((false, true)));
        assert_eq!(starts(&[0x00, 0x82]), Some((false, false)));
        assert_eq!(starts(&[0x08]), Some((false, true)));
        // With layers: the lowest, the one above, and a lowest that depends on another.
        assert_eq!(starts(&[0x28, 0x00, 7, 0x82]), Some((true, true)));
        assert_eq!(starts(&[0x28, 0x02, 7, 0x82]), Some((false, true)));
        assert_eq!(starts(&[0x28, 0x01, 7, 0x82]), Some((false, true)));
    }

    #[test]
    fn each_layer_has_a_start_and_an_end() {
        let ends = |first: u8| inspect(&[first, 0x82]).map(|it| (it.frame_start, it.frame_end));
        assert_eq!(ends(0x0c), Some((true, true)));
        assert_eq!(ends(0x08), Some((true, false)));
        assert_eq!(ends(0x04), Some((false, true)));
        assert_eq!(ends(0x00), Some((false, false)));
    }

    #[test]
    fn one_may_move_up_where_u_is_set_and_where_nothing_earlier_is_needed() {
        let layers = |first: u8, octet: u8| {
            inspect(&[first, octet, 7, 0x82]).map(|it| (it.spatial, it.temporal, it.sync))
        };
        assert_eq!(layers(0x60, 0x40), Some((0, 2, false)));
        assert_eq!(layers(0x60, 0x54), Some((2, 2, true)));
        assert_eq!(layers(0x60, 0x02), Some((1, 0, true)));
        assert_eq!(layers(0x20, 0x42), Some((1, 2, true)));
        assert_eq!(
            inspect(&[0x40, 0x86]).map(|it| (it.spatial, it.temporal, it.sync)),
            Some((0, 0, true))
        );
    }

    /// Marker, profile 0, key frame, shown | sync code | colour space 1, range 0 | 1280 x 720 | ...
    /// 10 0 0 0 0 1 0 | 49 83 42 | 001 0 | 0000010011111111 | 0000001011001111 | 0000
    const KEYFRAME: [u8; 9] = [0x82, 0x49, 0x83, 0x42, 0x20, 0x4f, 0xf0, 0x2c, 0xf0];

    fn size(payload: &[u8]) -> Option<(u16, u16)> {
        let inspected = inspect(payload).expect("a descriptor");
        inspected.resolution.map(|it| (it.width, it.height))
    }

    #[test]
    fn a_keyframe_without_structure_tells_its_size_itself() {
        let key = [&[0x08], KEYFRAME.as_slice()].concat();
        assert_eq!(size(&key), Some((1280, 720)));
        for length in 1..key.len() {
            assert_eq!(size(&key[..length]), None, "{length} octets");
        }
        for no_start in [0x00, 0x48] {
            assert_eq!(size(&[&[no_start], KEYFRAME.as_slice()].concat()), None);
        }
        for (at, octet) in [(1, 0x42), (1, 0x86), (1, 0x8a), (2, 0x48)] {
            let mut changed = key.clone();
            changed[at] = octet;
            assert_eq!(size(&changed), None, "octet {at}: {octet:#x}");
        }
    }

    #[test]
    fn other_profiles_tell_their_colours_at_greater_length() {
        // Profile 1: 10 10 0 0 1 0 | sync | 001 0 1 1 0 | 15 | 15
        let of_profile_1 = [0x08, 0xa2, 0x49, 0x83, 0x42, 0x2c, 0x00, 0x1e, 0x00, 0x1e];
        assert_eq!(size(&of_profile_1), Some((16, 16)));
        // Profile 2: 10 01 0 0 1 0 | sync | 0 001 0 | 15 | 15
        let of_profile_2 = [0x08, 0x92, 0x49, 0x83, 0x42, 0x10, 0x00, 0x78, 0x00, 0x78];
        assert_eq!(size(&of_profile_2), Some((16, 16)));
        // Profile 3, RGB: 10 11 0 0 0 1 0 | sync | 0 111 0 | 15 | 15: six bits into the fifth octet.
        let of_profile_3 = [0x08, 0xb1, 0x24, 0xc1, 0xa1, 0x38, 0x00, 0x3c, 0x00, 0x3c];
        assert_eq!(size(&of_profile_3), Some((16, 16)));
    }

    #[test]
    fn the_structure_tells_the_highest_layer_in_whatever_order() {
        assert_eq!(size(&FULL), Some((640, 360)));
        let turned = [0x0a, 0x30, 2, 128, 1, 104, 1, 64, 0, 180, 0x82];
        assert_eq!(size(&turned), Some((640, 360)));
        let without = [0x0a, 0x10, 0, 0, 0, 0, 0x82];
        assert_eq!(size(&without), None);
    }

    #[test]
    fn rewriting_changes_the_two_counters_and_nothing_else() {
        let mut out = [0; 32];
        let length = rewrite(&FULL, &mut out, 0x7ffe, 200);
        assert_eq!(&out[..5], &[0xae, 0xff, 0xfe, 0x53, 200]);
        assert_eq!(&out[5..length], &FULL[5..]);
    }

    #[test]
    fn a_short_picture_id_grows_by_an_octet() {
        let mut out = [0; 16];
        let length = rewrite(&FLEXIBLE_MIDDLE, &mut out, 0x0102, 9);
        assert_eq!(
            &out[..length],
            &[0xf1, 0x81, 0x02, 0x20, 0x03, 0x05, 0x06, 0xaa]
        );
        let rewritten = |payload| Descriptor::parse(payload).map(|it| it.rewritten_len());
        assert_eq!(rewritten(&FLEXIBLE_MIDDLE), Some(7));
        assert_eq!(rewritten(&FULL), Some(20));
    }

    #[test]
    fn what_has_no_counters_is_copied_as_it_is() {
        let mut out = [0; 4];
        assert_eq!(rewrite(&[0x08, 1, 2, 3], &mut out, 9, 9), 4);
        assert_eq!(out, [0x08, 1, 2, 3]);
        assert_eq!(rewrite(&[0x08, 1, 2, 3], &mut [0; 3], 9, 9), 0);
    }

    proptest! {
        #[test]
        fn a_rewritten_payload_reads_back_with_the_new_counters(payload: Vec<u8>, id in 0_u16..0x8000, tl0: u8) {
            let mut out = vec![0; payload.len() + 1];
            let length = rewrite(&payload, &mut out, id, tl0);
            let Some(before) = Descriptor::parse(&payload) else {
                prop_assert!(length <= payload.len() + 1);
                return Ok(());
            };
            let after = Descriptor::parse(&out[..length]);
            let picture_id = before.picture_id.map(|_| PictureId { value: id, wide: true });
            let len = before.rewritten_len() as u16;
            let expected = Descriptor { len, picture_id, tl0: before.tl0.map(|_| tl0), ..before };
            prop_assert_eq!(after, Some(expected));
            prop_assert_eq!(&out[usize::from(len)..length], &payload[usize::from(before.len)..]);
        }
    }
}
