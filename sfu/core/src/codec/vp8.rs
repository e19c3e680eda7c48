//! VP8, RFC 7741: the payload descriptor in front of every packet, read and rewritten.
//!
//! Picture ids count on over all pictures that a receiver gets. Whoever switches a receiver to another layer or
//! publisher must rewrite them, or decoders freeze without saying so. What tells temporal layers is left out on the way:
//! a player that knows which pictures no other leans on does not show those that come late, as after a repair.

use super::{Inspected, Resolution};
use crate::bytes::{Reader, Writer};

/// Bits of the first octet, RFC 7741 §4.2.
const EXTENDED: u8 = 0x80;
const START_OF_PARTITION: u8 = 0x10;
const PARTITION: u8 = 0x07;
/// Bits of the extension octet.
const HAS_PICTURE_ID: u8 = 0x80;
const HAS_TL0: u8 = 0x40;
const HAS_TID: u8 = 0x20;
const HAS_KEY_INDEX: u8 = 0x10;
/// First bit of a picture id of 15 bits.
const WIDE_PICTURE_ID: u8 = 0x80;
/// Octets of a keyframe before its start code, RFC 6386 §9.1.
const FRAME_TAG: usize = 3;
const START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];
/// A side of a picture: 14 bits, below two that scale it.
const SIDE: u16 = 0x3fff;

/// A picture id as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureId {
    /// 7 or 15 bits.
    pub value: u16,
    /// 15 bits were sent; otherwise 7.
    pub wide: bool,
}

/// The VP8 payload descriptor of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Octets of descriptor: where the VP8 bitstream starts.
    pub len: u8,
    /// S bit: the first packet of a partition.
    pub start_of_partition: bool,
    /// Partition index, 0..=7.
    pub partition: u8,
    /// Counts pictures.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: counts pictures of the lowest temporal layer.
    pub tl0: Option<u8>,
    /// Temporal layer, 0..=3.
    pub tid: Option<u8>,
    /// Y bit: depends on the lowest temporal layer only, so that one may move up here.
    pub layer_sync: bool,
    /// KEYIDX: counts keyframes, 5 bits.
    pub key_index: Option<u8>,
}

impl Descriptor {
    /// Reads the descriptor in front of a payload; `None` if it is cut short.
    #[inline]
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let first = reader.u8()?;
        let fields = if first & EXTENDED == 0 {
            0
        } else {
            reader.u8()?
        };
        let picture_id = if fields & HAS_PICTURE_ID == 0 {
            None
        } else {
            Some(read_picture_id(&mut reader)?)
        };
        let tl0 = if fields & HAS_TL0 == 0 {
            None
        } else {
            Some(reader.u8()?)
        };
        let layers = if fields & (HAS_TID | HAS_KEY_INDEX) == 0 {
            0
        } else {
            reader.u8()?
        };
        let has_tid = fields & HAS_TID != 0;
        Some(Self {
            len: u8::try_from(payload.len() - reader.rest().len()).ok()?,
            start_of_partition: first & START_OF_PARTITION != 0,
            partition: first & PARTITION,
            picture_id,
            tl0,
            tid: has_tid.then_some(layers >> 6),
            layer_sync: has_tid && layers & 0x20 != 0,
            key_index: (fields & HAS_KEY_INDEX != 0).then_some(layers & 0x1f),
        })
    }

    /// The first packet of a picture.
    #[inline]
    #[must_use]
    pub const fn frame_start(&self) -> bool {
        self.start_of_partition && self.partition == 0
    }

    /// Octets of descriptor after [`rewrite`]: a short picture id grows by one, layers are gone.
    #[inline]
    #[must_use]
    pub const fn rewritten_len(&self) -> usize {
        let grows = matches!(self.picture_id, Some(PictureId { wide: false, .. }));
        let has_layers = self.tid.is_some() || self.key_index.is_some();
        self.len as usize + grows as usize - self.tl0.is_some() as usize - has_layers as usize
    }
}

/// RFC 7741 §4.2; RFC 9628 §4.2 has it alike.
#[inline]
pub(super) fn read_picture_id(reader: &mut Reader<'_>) -> Option<PictureId> {
    let first = reader.u8()?;
    if first & WIDE_PICTURE_ID == 0 {
        return Some(PictureId {
            value: first.into(),
            wide: false,
        });
    }
    let value = u16::from_be_bytes([first & !WIDE_PICTURE_ID, reader.u8()?]);
    Some(PictureId { value, wide: true })
}

/// Reads the descriptor, the frame header's P bit (RFC 7741 §4.3) and a keyframe's size.
#[inline]
#[must_use]
pub fn inspect(payload: &[u8]) -> Option<Inspected> {
    let descriptor = Descriptor::parse(payload)?;
    let frame_start = descriptor.frame_start();
    let frame = payload.get(usize::from(descriptor.len)..)?;
    let keyframe_start = frame_start && frame.first().is_some_and(|byte| byte & 1 == 0);
    let temporal = descriptor.tid.unwrap_or(0);
    Some(Inspected {
        keyframe_start,
        frame_start,
        vp8: Some(descriptor),
        temporal,
        sync: temporal == 0 || descriptor.layer_sync || keyframe_start,
        resolution: if keyframe_start {
            read_size(frame)
        } else {
            None
        },
        ..Inspected::MIDDLE
    })
}

/// Of a keyframe, RFC 6386 §9.1: the only numbers of VP8 that are little-endian.
fn read_size(frame: &[u8]) -> Option<Resolution> {
    let mut reader = Reader::new(frame);
    reader.take(FRAME_TAG)?;
    reader
        .take(START_CODE.len())
        .filter(|code| *code == START_CODE)?;
    let width = reader.u16()?.swap_bytes() & SIDE;
    let height = reader.u16()?.swap_bytes() & SIDE;
    Resolution::of(width.into(), height.into())
}

/// Copies `payload` to `out` with another picture id where it has one, and without temporal layers.
///
/// A picture id is always written with 15 bits, so a short one makes the payload an octet longer.
/// Returns the length written, 0 if the descriptor is cut short or `out` is too small.
#[inline]
pub fn rewrite(payload: &[u8], out: &mut [u8], picture_id: u16) -> usize {
    let mut writer = Writer::new(out);
    match rewrite_into(payload, &mut writer, picture_id) {
        Some(()) => writer.finish(),
        None => 0,
    }
}

#[inline]
fn rewrite_into(payload: &[u8], writer: &mut Writer<'_>, picture_id: u16) -> Option<()> {
    let mut reader = Reader::new(payload);
    let first = reader.u8()?;
    writer.u8(first);
    if first & EXTENDED != 0 {
        let fields = reader.u8()?;
        writer.u8(fields & HAS_PICTURE_ID);
        if fields & HAS_PICTURE_ID != 0 {
            read_picture_id(&mut reader)?;
            writer.u16(0x8000 | picture_id);
        }
        let left_out = usize::from(fields & HAS_TL0 != 0)
            + usize::from(fields & (HAS_TID | HAS_KEY_INDEX) != 0);
        reader.take(left_out)?;
    }
    writer.bytes(reader.rest());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// X S | I L T K | picture id 0x1234 | tl0 7 | tid 2 Y keyidx 9 | keyframe
    const FULL: [u8; 7] = [0x90, 0xf0, 0x92, 0x34, 7, 0xa9, 0x10];

    #[test]
    fn every_field_is_read_from_its_place() {
        let descriptor = Descriptor::parse(&FULL);
        let expected = Descriptor {
            len: 6,
            start_of_partition: true,
            partition: 0,
            picture_id: Some(PictureId {
                value: 0x1234,
                wide: true,
            }),
            tl0: Some(7),
            tid: Some(2),
            layer_sync: true,
            key_index: Some(9),
        };
        assert_eq!(descriptor, Some(expected));
    }

    #[test]
    fn fields_that_are_not_announced_are_not_there() {
        let bare = Descriptor::parse(&[0x10, 0x00])
            .map(|it| (it.len, it.picture_id, it.tl0, it.tid, it.key_index));
        assert_eq!(bare, Some((1, None, None, None, None)));
        let key_only =
            Descriptor::parse(&[0x90, 0x10, 0xff]).map(|it| (it.tid, it.layer_sync, it.key_index));
        assert_eq!(key_only, Some((None, false, Some(31))));
        let tid_only =
            Descriptor::parse(&[0x90, 0x20, 0x5f]).map(|it| (it.tid, it.layer_sync, it.key_index));
        assert_eq!(tid_only, Some((Some(1), false, None)));
    }

    #[test]
    fn picture_ids_of_7_bits_and_of_15_bits_are_told_apart() {
        let id = |payload: &[u8]| Descriptor::parse(payload).and_then(|it| it.picture_id);
        assert_eq!(
            id(&[0x80, 0x80, 0x7f]),
            Some(PictureId {
                value: 127,
                wide: false
            })
        );
        assert_eq!(
            id(&[0x80, 0x80, 0x80, 0x7f]),
            Some(PictureId {
                value: 127,
                wide: true
            })
        );
        assert_eq!(
            id(&[0x80, 0x80, 0xff, 0xff]),
            Some(PictureId {
                value: 32_767,
                wide: true
            })
        );
    }

    #[test]
    fn a_keyframe_starts_only_where_s_is_set_partition_is_0_and_p_is_0() {
        let starts =
            |payload: &[u8]| inspect(payload).map(|it| (it.keyframe_start, it.frame_start));
        assert_eq!(starts(&[0x10, 0x00]), Some((true, true)));
        assert_eq!(starts(&[0x10, 0x01]), Some((false, true)));
        assert_eq!(starts(&[0x00, 0x00]), Some((false, false)));
        assert_eq!(starts(&[0x11, 0x00]), Some((false, false)));
        assert_eq!(starts(&[0x10]), Some((false, true)));
        assert_eq!(starts(&FULL), Some((true, true)));
    }

    /// A keyframe of 640 x 480; both scales are 1 and don't count. Tag, start code, width, height, a partition.
    const KEYFRAME: [u8; 11] = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0xe0, 0x41, 0xff];

    fn size(frame: &[u8]) -> Option<(u16, u16)> {
        let payload = [&FULL[..6], frame].concat();
        let inspected = inspect(&payload).expect("a descriptor");
        inspected.resolution.map(|it| (it.width, it.height))
    }

    #[test]
    fn a_keyframe_tells_its_size_once_it_is_there_in_whole() {
        assert_eq!(size(&KEYFRAME), Some((640, 480)));
        for length in 0..10 {
            assert_eq!(size(&KEYFRAME[..length]), None, "{length} octets");
        }
        assert_eq!(size(&KEYFRAME[..10]), Some((640, 480)));
    }

    #[test]
    fn what_is_no_keyframe_or_has_no_start_code_tells_no_size() {
        let changed = |at: usize, octet: u8| {
            let mut frame = KEYFRAME;
            frame[at] = octet;
            size(&frame)
        };
        assert_eq!(changed(0, 0x11), None);
        assert_eq!(changed(4, 0x02), None);
        let of_partition_1 = [&[0x11], KEYFRAME.as_slice()].concat();
        assert_eq!(inspect(&of_partition_1).map(|it| it.resolution), Some(None));
    }

    #[test]
    fn one_may_move_up_where_y_is_set_and_at_the_lowest_layer() {
        // X S | T | tid and Y | no keyframe
        let layers = |octet: u8| {
            inspect(&[0x90, 0x20, octet, 1]).map(|it| (it.temporal, it.sync, it.spatial))
        };
        assert_eq!(layers(0x00), Some((0, true, 0)));
        assert_eq!(layers(0x40), Some((1, false, 0)));
        assert_eq!(layers(0x60), Some((1, true, 0)));
        assert_eq!(layers(0xc0), Some((3, false, 0)));
        assert_eq!(
            inspect(&[0x10, 1]).map(|it| (it.temporal, it.sync)),
            Some((0, true))
        );
    }

    #[test]
    fn a_descriptor_cut_anywhere_is_refused() {
        for length in 0..6 {
            assert_eq!(Descriptor::parse(&FULL[..length]), None, "{length} octets");
            assert_eq!(
                rewrite(&FULL[..length], &mut [0; 16], 1),
                0,
                "{length} octets"
            );
        }
    }

    #[test]
    fn rewriting_changes_the_picture_id_and_leaves_layers_out() {
        let mut out = [0; 16];
        let length = rewrite(&FULL, &mut out, 0x7ffe);
        assert_eq!(&out[..length], &[0x90, 0x80, 0xff, 0xfe, 0x10]);
    }

    #[test]
    fn a_short_picture_id_grows_by_an_octet() {
        let payload = [0x90, 0x80, 0x05, 0xaa, 0xbb];
        let mut out = [0; 16];
        let length = rewrite(&payload, &mut out, 0x0102);
        assert_eq!(&out[..length], &[0x90, 0x80, 0x81, 0x02, 0xaa, 0xbb]);
        assert_eq!(
            Descriptor::parse(&payload).map(|it| it.rewritten_len()),
            Some(4)
        );
        assert_eq!(
            Descriptor::parse(&FULL).map(|it| it.rewritten_len()),
            Some(4)
        );
    }

    #[test]
    fn what_has_no_counters_is_copied_as_it_is() {
        let mut out = [0; 4];
        assert_eq!(rewrite(&[0x10, 1, 2, 3], &mut out, 9), 4);
        assert_eq!(out, [0x10, 1, 2, 3]);
        assert_eq!(rewrite(&[0x10, 1, 2, 3], &mut [0; 3], 9), 0);
    }

    proptest! {
        #[test]
        fn a_rewritten_payload_reads_back_with_the_new_picture_id(payload: Vec<u8>, id in 0_u16..0x8000) {
            let mut out = vec![0; payload.len() + 1];
            let length = rewrite(&payload, &mut out, id);
            let Some(before) = Descriptor::parse(&payload) else {
                prop_assert_eq!(length, 0);
                return Ok(());
            };
            let after = Descriptor::parse(&out[..length]);
            let picture_id = before.picture_id.map(|_| PictureId { value: id, wide: true });
            let len = before.rewritten_len() as u8;
            let (tl0, tid, key_index) = (None, None, None);
            let expected = Descriptor { len, picture_id, tl0, tid, layer_sync: false, key_index, ..before };
            prop_assert_eq!(after, Some(expected));
            prop_assert_eq!(&out[usize::from(len)..length], &payload[usize::from(before.len)..]);
        }
    }
}
