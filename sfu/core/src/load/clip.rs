//! Media that publishers send over and over: frames, packetised once and shared by all of them.
//!
//! `python (add_clip) → **clip** → publisher (sends) · stamp (compares)`

use std::fmt;

use super::packetize;
use crate::codec::Codec;
use crate::media::Kind;

/// Payload octets of one clip: a minute of 30 Mbit/s.
pub const MAX_OCTETS: usize = 256 << 20;
/// How long a clip of a single frame lasts: a picture at 30 frames a second, a packet of Opus.
const LONE_PICTURE_NS: u64 = 33_333_333;
const LONE_SOUND_NS: u64 = 20_000_000;

/// One encoded picture, or one packet of sound.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When it is due after the clip's begin.
    pub at_ns: u64,
    /// A decoder can start here.
    pub keyframe: bool,
    /// Encoded octets.
    pub data: Vec<u8>,
}

/// What a clip is made of.
#[derive(Clone, Debug)]
pub struct Source {
    /// Sound or pictures.
    pub kind: Kind,
    /// VP8, H.264 or Opus.
    pub codec: Codec,
    /// Ticks of the RTP timestamp a second.
    pub clock_rate: u32,
    /// In the order of their times.
    pub frames: Vec<Frame>,
}

/// Why frames make no clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClipError {
    /// There are none.
    Empty,
    /// Nothing could start with the first one.
    NoKeyframeFirst,
    /// This one has no octets to send.
    EmptyFrame(usize),
    /// This one is due before the one in front of it.
    Order(usize),
    /// This sound does not fit a packet.
    FrameTooLarge(usize),
    /// More than [`MAX_OCTETS`].
    TooLong,
    /// The codec cannot be packetised.
    Codec,
}

impl fmt::Display for ClipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a clip needs a frame"),
            Self::NoKeyframeFirst => f.write_str("the first frame of a clip must be a keyframe"),
            Self::EmptyFrame(index) => write!(f, "frame {index} has nothing to send"),
            Self::Order(index) => write!(f, "frame {index} is due before the one in front of it"),
            Self::FrameTooLarge(index) => write!(f, "frame {index} does not fit a packet"),
            Self::TooLong => write!(f, "a clip has {} MiB at most", MAX_OCTETS >> 20),
            Self::Codec => f.write_str("the codec of a clip is VP8, H264 or opus"),
        }
    }
}

impl std::error::Error for ClipError {}

/// One packet of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    start: usize,
    len: usize,
    /// The last of its frame.
    pub last: bool,
    /// It belongs to a keyframe.
    pub keyframe: bool,
}

impl Packet {
    /// Octets of payload.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Never: a frame without octets is refused.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Where a frame's packets are, and when it is due.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// After the clip's begin.
    pub at_ns: u64,
    /// A decoder can start here.
    pub keyframe: bool,
    /// Its first packet.
    pub first: u32,
    /// How many it has.
    pub count: u32,
}

/// Packets ready to be sent.
#[derive(Debug)]
pub struct Clip {
    /// Sound or pictures.
    pub kind: Kind,
    /// What it is encoded with.
    pub codec: Codec,
    /// Ticks of the RTP timestamp a second.
    pub clock_rate: u32,
    /// After so long it begins anew.
    pub period_ns: u64,
    frames: Vec<Placed>,
    packets: Vec<Packet>,
    octets: Vec<u8>,
}

impl Clip {
    /// Packetises frames.
    ///
    /// # Errors
    /// [`ClipError`] names the frame that cannot be sent.
    pub fn new(source: &Source) -> Result<Self, ClipError> {
        let mut clip = Self {
            kind: source.kind,
            codec: source.codec,
            clock_rate: source.clock_rate,
            period_ns: period(source).ok_or(ClipError::Empty)?,
            frames: Vec::with_capacity(source.frames.len()),
            packets: Vec::new(),
            octets: Vec::new(),
        };
        if source.frames.first().is_none_or(|first| !first.keyframe) {
            return Err(ClipError::NoKeyframeFirst);
        }
        for (index, frame) in source.frames.iter().enumerate() {
            clip.add(index, frame)?;
        }
        Ok(clip)
    }

    fn add(&mut self, index: usize, frame: &Frame) -> Result<(), ClipError> {
        if self
            .frames
            .last()
            .is_some_and(|before| before.at_ns > frame.at_ns)
        {
            return Err(ClipError::Order(index));
        }
        let payloads = packetise(self.codec, &frame.data).ok_or(ClipError::Codec)?;
        if payloads
            .iter()
            .any(|payload| payload.len() > packetize::MAX_PAYLOAD)
        {
            return Err(ClipError::FrameTooLarge(index));
        }
        if payloads.is_empty() || frame.data.is_empty() {
            return Err(ClipError::EmptyFrame(index));
        }
        if self.octets.len() + frame.data.len() > MAX_OCTETS {
            return Err(ClipError::TooLong);
        }
        self.frames.push(Placed {
            at_ns: frame.at_ns,
            keyframe: frame.keyframe,
            first: self.packets.len() as u32,
            count: payloads.len() as u32,
        });
        for (place, payload) in payloads.iter().enumerate() {
            self.packets.push(Packet {
                start: self.octets.len(),
                len: payload.len(),
                last: place + 1 == payloads.len(),
                keyframe: frame.keyframe,
            });
            self.octets.extend_from_slice(payload);
        }
        Ok(())
    }

    /// Frames, in order.
    #[must_use]
    pub fn frames(&self) -> &[Placed] {
        &self.frames
    }

    /// A packet by its place in the clip.
    #[must_use]
    pub fn packet(&self, index: usize) -> Option<&Packet> {
        self.packets.get(index)
    }

    /// A packet's octets, counters and stamp not yet written.
    #[must_use]
    pub fn payload(&self, packet: &Packet) -> &[u8] {
        &self.octets[packet.start..packet.start + packet.len]
    }

    /// The first keyframe behind `frame`, from the begin if there is none.
    #[must_use]
    pub fn keyframe_after(&self, frame: usize) -> usize {
        let behind = self.frames.iter().enumerate().skip(frame + 1);
        behind
            .filter(|(_, frame)| frame.keyframe)
            .map(|(index, _)| index)
            .next()
            .unwrap_or(0)
    }

    /// Mean rate of payload in octets a second.
    #[must_use]
    pub fn octets_per_second(&self) -> f64 {
        self.octets.len() as f64 * 1e9 / self.period_ns as f64
    }
}

fn packetise(codec: Codec, data: &[u8]) -> Option<Vec<Vec<u8>>> {
    match codec {
        Codec::Vp8 => Some(packetize::vp8(data)),
        Codec::H264 => Some(packetize::h264(data)),
        Codec::Opus => Some(packetize::opus(data)),
        Codec::Vp9 | Codec::Av1 | Codec::Other => None,
    }
}

/// Up to the last frame, and the mean distance of two frames more.
fn period(source: &Source) -> Option<u64> {
    let last = source.frames.last()?.at_ns;
    let gaps = source.frames.len() as u64 - 1;
    let lone = match source.kind {
        Kind::Audio => LONE_SOUND_NS,
        Kind::Video => LONE_PICTURE_NS,
    };
    let mean = last.checked_div(gaps).filter(|mean| *mean > 0);
    Some(last + mean.unwrap_or(lone))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(at_ms: u64, keyframe: bool, len: usize) -> Frame {
        Frame {
            at_ns: at_ms * 1_000_000,
            keyframe,
            data: vec![0x10; len],
        }
    }

    fn clip(frames: Vec<Frame>) -> Result<Clip, ClipError> {
        Clip::new(&Source {
            kind: Kind::Video,
            codec: Codec::Vp8,
            clock_rate: 90_000,
            frames,
        })
    }

    #[test]
    fn frames_become_packets_that_know_their_frame() {
        let clip = clip(vec![
            frame(0, true, 3_000),
            frame(33, false, 10),
            frame(66, false, 10),
        ])
        .expect("a clip");
        let told: Vec<_> = (0..5)
            .filter_map(|index| clip.packet(index))
            .map(|packet| (packet.len(), packet.last, packet.keyframe))
            .collect();
        let expected = [
            (1_006, false, true),
            (1_006, false, true),
            (1_006, true, true),
            (16, true, false),
            (16, true, false),
        ];
        assert_eq!(told, expected);
        assert_eq!(clip.packet(5), None);
        assert_eq!(clip.period_ns, 99_000_000);
        let per_second = clip.octets_per_second();
        assert!((per_second - 3_050.0 / 0.099).abs() < 1.0, "{per_second}");
    }

    #[test]
    fn the_next_keyframe_is_found_behind_a_frame_or_at_the_begin() {
        let frames = [true, false, true, false].map(|keyframe| frame(0, keyframe, 1));
        let clip = clip(frames.to_vec()).expect("a clip");
        assert_eq!(
            [0, 1, 2, 3].map(|from| clip.keyframe_after(from)),
            [2, 2, 0, 0]
        );
    }

    #[test]
    fn what_cannot_be_sent_is_refused_by_name() {
        let refused = |frames: Vec<Frame>| clip(frames).expect_err("refused");
        assert_eq!(refused(vec![]), ClipError::Empty);
        assert_eq!(
            refused(vec![frame(0, false, 1)]),
            ClipError::NoKeyframeFirst
        );
        assert_eq!(
            refused(vec![frame(0, true, 1), frame(9, false, 0)]),
            ClipError::EmptyFrame(1)
        );
        assert_eq!(
            refused(vec![frame(9, true, 1), frame(8, false, 1)]),
            ClipError::Order(1)
        );
        let of_codec = |codec| {
            let frames = vec![frame(0, true, 1_200)];
            let (kind, clock_rate) = (Kind::Audio, 1);
            Clip::new(&Source {
                kind,
                codec,
                clock_rate,
                frames,
            })
        };
        assert_eq!(of_codec(Codec::Other).err(), Some(ClipError::Codec));
        assert_eq!(
            of_codec(Codec::Opus).err(),
            Some(ClipError::FrameTooLarge(0))
        );
    }

    #[test]
    fn a_clip_of_one_frame_lasts_as_long_as_one() {
        assert_eq!(
            clip(vec![frame(0, true, 1)]).map(|clip| clip.period_ns),
            Ok(LONE_PICTURE_NS)
        );
    }
}
