//! VP8, RFC 7741: the payload descriptor in front of every packet, read and rewritten.
//!
//! Picture id and TL0PICIDX count on over all pictures that a receiver gets. Whoever switches a
//! receiver to another layer or publisher must rewrite both, or decoders freeze without saying so.

use super::Inspected;
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

    /// Octets of descriptor after [`rewrite`]: a short picture id grows by one.
    #[inline]
    #[must_use]
    pub const fn rewritten_len(&self) -> usize {
        let grows = matches!(self.picture_id, Some(PictureId { wide: false, .. }));
        self.len as usize + grows as usize
    }
}

fn read_picture_id(reader: &mut Reader<'_>) -> Option<PictureId> {
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

/// Reads the descriptor and the frame header's P bit (RFC 7741 §4.3).
#[inline]
#[must_use]
pub fn inspect(payload: &[u8]) -> Option<Inspected> {
    let descriptor = Descriptor::parse(payload)?;
    let frame_start = descriptor.frame_start();
    let header = payload.get(usize::from(descriptor.len));
    let keyframe_start = frame_start && header.is_some_and(|byte| byte & 1 == 0);
    Some(Inspected {
        keyframe_start,
        frame_start,
        vp8: Some(descriptor),
    })
}

/// Copies `payload` to `out` with another picture id and TL0PICIDX where it has them.
///
/// A picture id is always written with 15 bits, so a short one makes the payload an octet longer.
/// Returns the length written, 0 if the descriptor is cut short or `out` is too small.
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
    if first & EXTENDED != 0 {
        let fields = reader.u8()?;
        writer.u8(fields);
        if fields & HAS_PICTURE_ID != 0 {
            read_picture_id(&mut reader)?;
            writer.u16(0x8000 | picture_id);
        }
        if fields & HAS_TL0 != 0 {
            reader.u8()?;
            writer.u8(tl0);
        }
        if fields & (HAS_TID | HAS_KEY_INDEX) != 0 {
            writer.u8(reader.u8()?);
        }
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

    #[test]
    fn a_descriptor_cut_anywhere_is_refused() {
        for length in 0..6 {
            assert_eq!(Descriptor::parse(&FULL[..length]), None, "{length} octets");
            assert_eq!(
                rewrite(&FULL[..length], &mut [0; 16], 1, 1),
                0,
                "{length} octets"
            );
        }
    }

    #[test]
    fn rewriting_changes_the_two_counters_and_nothing_else() {
        let mut out = [0; 16];
        let length = rewrite(&FULL, &mut out, 0x7ffe, 200);
        assert_eq!(&out[..length], &[0x90, 0xf0, 0xff, 0xfe, 200, 0xa9, 0x10]);
    }

    #[test]
    fn a_short_picture_id_grows_by_an_octet() {
        let payload = [0x90, 0x80, 0x05, 0xaa, 0xbb];
        let mut out = [0; 16];
        let length = rewrite(&payload, &mut out, 0x0102, 0);
        assert_eq!(&out[..length], &[0x90, 0x80, 0x81, 0x02, 0xaa, 0xbb]);
        assert_eq!(
            Descriptor::parse(&payload).map(|it| it.rewritten_len()),
            Some(4)
        );
        assert_eq!(
            Descriptor::parse(&FULL).map(|it| it.rewritten_len()),
            Some(6)
        );
    }

    #[test]
    fn what_has_no_counters_is_copied_as_it_is() {
        let mut out = [0; 4];
        assert_eq!(rewrite(&[0x10, 1, 2, 3], &mut out, 9, 9), 4);
        assert_eq!(out, [0x10, 1, 2, 3]);
        assert_eq!(rewrite(&[0x10, 1, 2, 3], &mut [0; 3], 9, 9), 0);
    }

    proptest! {
        #[test]
        fn a_rewritten_payload_reads_back_with_the_new_counters(payload: Vec<u8>, id in 0_u16..0x8000, tl0: u8) {
            let mut out = vec![0; payload.len() + 1];
            let length = rewrite(&payload, &mut out, id, tl0);
            let Some(before) = Descriptor::parse(&payload) else {
                prop_assert_eq!(length, 0);
                return Ok(());
            };
            let after = Descriptor::parse(&out[..length]);
            let picture_id = before.picture_id.map(|_| PictureId { value: id, wide: true });
            let len = before.rewritten_len() as u8;
            let expected = Descriptor { len, picture_id, tl0: before.tl0.map(|_| tl0), ..before };
            prop_assert_eq!(after, Some(expected));
            prop_assert_eq!(&out[usize::from(len)..length], &payload[usize::from(before.len)..]);
        }
    }
}
