//! The little that the packet path must know of each codec: where a frame starts, whether it can be
//! decoded from nothing, and which numbers inside the payload have to be rewritten.
//!
//! `rtp → **codec** (inspect) → ring … sender → **codec** (rewrite)`
//!
//! A further codec is one file here, one variant of [`Codec`] and one arm in [`Codec::inspect`].

pub mod h264;
pub mod opus;
pub mod vp8;

/// A codec as far as forwarding is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 6184.
    H264,
    /// Forwarded without looking inside.
    Other,
}

/// What one packet's payload says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// A receiver that has seen nothing yet can start decoding here.
    pub keyframe_start: bool,
    /// The first packet of a frame.
    pub frame_start: bool,
    /// The VP8 payload descriptor, which switching has to rewrite.
    pub vp8: Option<vp8::Descriptor>,
}

impl Inspected {
    /// A payload that can be decoded without any other, as most audio.
    pub const INDEPENDENT: Self = Self {
        keyframe_start: true,
        frame_start: true,
        vp8: None,
    };
}

impl Codec {
    /// The codec of an SDP encoding name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        [
            ("opus", Self::Opus),
            ("vp8", Self::Vp8),
            ("h264", Self::H264),
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
            Self::H264 => h264::inspect(payload),
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
        assert_eq!(Codec::from_name("h264"), Codec::H264);
        assert_eq!(Codec::from_name("AV1"), Codec::Other);
    }

    #[test]
    fn an_empty_payload_says_nothing_in_any_codec() {
        for codec in [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Other] {
            assert_eq!(codec.inspect(&[]), None, "{codec:?}");
        }
    }

    #[test]
    fn an_unknown_codec_can_start_anywhere() {
        assert_eq!(Codec::Other.inspect(&[0]), Some(Inspected::INDEPENDENT));
    }

    proptest! {
        #[test]
        fn no_payload_panics(payload: Vec<u8>) {
            for codec in [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Other] {
                let inspected = codec.inspect(&payload);
                prop_assert!(inspected.is_none_or(|it| it.frame_start || !it.keyframe_start));
            }
        }
    }
}
