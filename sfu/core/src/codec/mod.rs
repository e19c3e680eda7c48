//! The little that the packet path must know of each codec: where a frame starts, whether it can be
//! decoded from nothing, which layers it belongs to, and which numbers inside the payload have to be rewritten.
//!
//! `rtp → **codec** (inspect) → ring … sender → **codec** (rewrite)`
//!
//! A further codec is one file here, one variant of [`Codec`] and one arm in [`Codec::inspect`]. What AV1 says
//! of its layers beside the payload, in a header extension, is read by [`dependency`].

pub mod av1;
mod bits;
pub mod dependency;
pub mod h264;
pub mod opus;
pub mod vp8;
pub mod vp9;

use self::dependency::Switches;

/// A codec as far as forwarding is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 6184.
    H264,
    /// The AV1 RTP payload format, v1.0.0 (Alliance for Open Media).
    Av1,
    /// Forwarded without looking inside.
    Other,
}

/// What one packet's payload says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// A receiver that has seen nothing yet can start decoding here.
    pub keyframe_start: bool,
    /// The first packet of a frame; with spatial layers, of one layer's frame.
    pub frame_start: bool,
    /// The last packet of a frame or of one layer's frame, where the payload tells (VP9); in the other codecs
    /// only the marker bit of RTP does, and this is `false`.
    pub frame_end: bool,
    /// It has what a picture is decoded by and nothing of a picture (H.264).  A player that misses it decodes what follows
    /// by what it had before, and does not notice.
    pub parameters: bool,
    /// The VP8 payload descriptor, which switching has to rewrite.
    pub vp8: Option<vp8::Descriptor>,
    /// The VP9 payload descriptor, which switching has to rewrite.
    pub vp9: Option<vp9::Descriptor>,
    /// Spatial layer, lowest first; 0 without any.
    pub spatial: u8,
    /// Temporal layer, lowest first; 0 without any.
    pub temporal: u8,
    /// Whoever got all lower temporal layers so far can take this one from this packet's picture on.
    pub sync: bool,
    /// Up to which layers whoever gets this packet's frame can move there; told by a dependency descriptor alone, and then
    /// `sync` is false.
    pub switches: Switches,
    /// This packet goes on in the middle of something (AV1) and does not say of which layer: it is that of the
    /// packet before, see [`Inspected::after`].
    pub continues: bool,
    /// Size of the picture, where a keyframe tells; with spatial layers the highest.
    pub resolution: Option<Resolution>,
}

impl Inspected {
    /// A payload that can be decoded without any other, as most audio.
    pub const INDEPENDENT: Self = Self {
        keyframe_start: true,
        frame_start: true,
        ..Self::MIDDLE
    };

    /// From the middle of a frame, in a stream without layers.
    const MIDDLE: Self = Self {
        keyframe_start: false,
        frame_start: false,
        frame_end: false,
        parameters: false,
        vp8: None,
        vp9: None,
        spatial: 0,
        temporal: 0,
        sync: true,
        switches: Switches::NONE,
        continues: false,
        resolution: None,
    };

    /// With the layers of the packet before it, by sequence number, if this one [continues](Self::continues).
    ///
    /// For a run of such packets give each one the result for the one before. If that was lost, the layers are
    /// not known until the next packet that tells them.
    #[must_use]
    pub const fn after(self, before: &Self) -> Self {
        if !self.continues {
            return self;
        }
        Self {
            spatial: before.spatial,
            temporal: before.temporal,
            sync: before.sync,
            ..self
        }
    }
}

/// Size of a picture in pixels; neither side is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl Resolution {
    /// `None` if a side is 0 or does not fit.
    fn of(width: u32, height: u32) -> Option<Self> {
        let side = |pixels: u32| u16::try_from(pixels).ok().filter(|side| *side > 0);
        Some(Self {
            width: side(width)?,
            height: side(height)?,
        })
    }

    /// Pixels in all.
    #[must_use]
    pub const fn pixels(self) -> u32 {
        self.width as u32 * self.height as u32
    }
}

impl Codec {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Opus,
        Self::Vp8,
        Self::Vp9,
        Self::H264,
        Self::Av1,
        Self::Other,
    ];

    /// The codec of an SDP encoding name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        [
            ("opus", Self::Opus),
            ("vp8", Self::Vp8),
            ("vp9", Self::Vp9),
            ("h264", Self::H264),
            ("av1", Self::Av1),
        ]
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map_or(Self::Other, |(_, codec)| codec)
    }

    /// Looks into a payload; `None` if it is empty or breaks the codec's format.
    ///
    /// With [`Codec::Other`] every packet counts as a start, for want of a way to tell.
    #[inline]
    #[must_use]
    pub fn inspect(self, payload: &[u8]) -> Option<Inspected> {
        match self {
            Self::Opus => opus::inspect(payload),
            Self::Vp8 => vp8::inspect(payload),
            Self::Vp9 => vp9::inspect(payload),
            Self::H264 => h264::inspect(payload),
            Self::Av1 => av1::inspect(payload),
            Self::Other => (!payload.is_empty()).then_some(Inspected::INDEPENDENT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encoding_names_are_known_in_any_case() {
        assert_eq!(Codec::from_name("opus"), Codec::Opus);
        assert_eq!(Codec::from_name("VP8"), Codec::Vp8);
        assert_eq!(Codec::from_name("vp9"), Codec::Vp9);
        assert_eq!(Codec::from_name("h264"), Codec::H264);
        assert_eq!(Codec::from_name("Av1"), Codec::Av1);
        assert_eq!(Codec::from_name("red"), Codec::Other);
    }

    #[test]
    fn an_empty_payload_says_nothing_in_any_codec() {
        for codec in Codec::ALL {
            assert_eq!(codec.inspect(&[]), None, "{codec:?}");
        }
    }

    #[test]
    fn an_unknown_codec_can_start_anywhere() {
        assert_eq!(Codec::Other.inspect(&[0]), Some(Inspected::INDEPENDENT));
    }

    #[test]
    fn only_a_packet_that_continues_takes_the_layers_of_the_one_before() {
        let before = Inspected {
            spatial: 2,
            temporal: 1,
            sync: true,
            frame_start: true,
            ..Inspected::default()
        };
        let goes_on = Inspected {
            continues: true,
            ..Inspected::default()
        };
        let carried = goes_on.after(&before);
        assert_eq!(
            (carried.spatial, carried.temporal, carried.sync),
            (2, 1, true)
        );
        assert_eq!((carried.frame_start, carried.continues), (false, true));
        assert_eq!(goes_on.after(&carried), carried);
        assert_eq!(
            Inspected::INDEPENDENT.after(&before),
            Inspected::INDEPENDENT
        );
    }

    #[test]
    fn a_picture_has_two_sides_of_16_bits() {
        let largest = Resolution::of(65_535, 65_535);
        assert_eq!(largest.map(Resolution::pixels), Some(65_535 * 65_535));
        for (width, height) in [(0, 1), (1, 0), (65_536, 1), (1, 65_536)] {
            assert_eq!(Resolution::of(width, height), None);
        }
    }

    proptest! {
        #[test]
        fn no_payload_panics(payload: Vec<u8>) {
            for codec in Codec::ALL {
                let inspected = codec.inspect(&payload);
                prop_assert!(inspected.is_none_or(|it| it.frame_start || !it.keyframe_start));
                prop_assert!(inspected.is_none_or(|it| it.sync || !it.keyframe_start));
                prop_assert!(inspected.is_none_or(|it| it.spatial < 8 && it.temporal < 8));
            }
        }
    }
}
