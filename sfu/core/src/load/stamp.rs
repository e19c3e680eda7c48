//! What a checked packet tells: which packet of which clip it is, when it left, and whether it is what was sent.
//!
//! `publisher (writes) → server under test → receiver (reads)`
//!
//! The stamp takes the place of a payload's last octets.  A payload too short for it carries none, and is not checked.

use super::clip::Clip;
use crate::bytes::{Reader, Writer};
use std::ops::Range;

use crate::codec::{Codec, vp8};
use crate::time::Instant;

/// Octets of a stamp.
pub const LEN: usize = 16;
/// Shorter payloads carry no stamp: headers of codecs in front of it must not be harmed.
pub const LEAST_PAYLOAD: usize = 48;
/// No path holds a packet back for so long: a stamp that says so is corrupt.
const LONGEST_WAY_NS: u64 = 60_000_000_000;

/// Where a packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The clip's handle.
    pub clip: u32,
    /// The packet's place in the clip.
    pub packet: u32,
    /// When it left the pacer.
    pub sent: Instant,
}

impl Stamp {
    /// Overwrites the end of a payload, if it is long enough.
    pub fn write(&self, payload: &mut [u8]) {
        if payload.len() < LEAST_PAYLOAD {
            return;
        }
        let Some(place) = payload.last_chunk_mut::<LEN>() else {
            return;
        };
        let mut writer = Writer::new(place);
        writer.u32(self.clip);
        writer.u32(self.packet);
        writer.bytes(&self.sent.as_nanos().to_be_bytes());
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload.last_chunk::<LEN>()?);
        Some(Self {
            clip: reader.u32()?,
            packet: reader.u32()?,
            sent: Instant::from_nanos(reader.u64()?),
        })
    }
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Too short to carry a stamp.
    Unstamped,
    /// As it was sent.
    Intact {
        /// One-way delay.
        delay_ns: u64,
        /// It belongs to a keyframe.
        keyframe: bool,
    },
    /// Not what any publisher sent.
    Corrupt,
}

/// Compares a received payload with the packet that its stamp names.
#[must_use]
pub fn check<'a>(
    payload: &[u8],
    clips: impl FnOnce(u32) -> Option<&'a Clip>,
    now: Instant,
) -> Verdict {
    if payload.len() < LEAST_PAYLOAD {
        return Verdict::Unstamped;
    }
    compare(payload, clips, now).unwrap_or(Verdict::Corrupt)
}

fn compare<'a>(
    payload: &[u8],
    clips: impl FnOnce(u32) -> Option<&'a Clip>,
    now: Instant,
) -> Option<Verdict> {
    let stamp = Stamp::read(payload)?;
    let clip = clips(stamp.clip)?;
    let packet = clip.packet(stamp.packet as usize)?;
    let delay_ns = now.as_nanos().checked_sub(stamp.sent.as_nanos())?;
    let same = is_same(clip.codec, payload, clip.payload(packet));
    (same && delay_ns < LONGEST_WAY_NS).then_some(Verdict::Intact {
        delay_ns,
        keyframe: packet.keyframe,
    })
}

/// Everything but the stamp, and VP8's payload descriptor: servers count pictures anew, and may leave layers out of it.
fn is_same(codec: Codec, payload: &[u8], sent: &[u8]) -> bool {
    let body = |payload: &[u8]| -> Option<(bool, Range<usize>)> {
        let end = payload.len().checked_sub(LEN)?;
        if codec != Codec::Vp8 {
            return Some((true, 0..end));
        }
        let descriptor = vp8::Descriptor::parse(payload)?;
        Some((descriptor.frame_start(), descriptor.len.into()..end))
    };
    let (Some((starts, body)), Some((was_start, original))) = (body(payload), body(sent)) else {
        return false;
    };
    let (body, original) = (payload.get(body), sent.get(original));
    starts == was_start && body.is_some() && body == original
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::clip::{Frame, Source};
    use crate::media::Kind;

    fn clip(codec: Codec) -> Clip {
        let data: Vec<u8> = (0..3_000_u32).map(|index| (index % 251) as u8).collect();
        let frame = Frame {
            at_ns: 0,
            keyframe: true,
            data,
        };
        Clip::new(&Source {
            kind: Kind::Video,
            codec,
            clock_rate: 90_000,
            frames: vec![frame],
        })
        .expect("a clip")
    }

    fn stamped(clip: &Clip, packet: u32) -> Vec<u8> {
        let mut payload = clip
            .payload(clip.packet(packet as usize).expect("there"))
            .to_vec();
        let sent = Instant::from_millis(5);
        Stamp {
            clip: 3,
            packet,
            sent,
        }
        .write(&mut payload);
        payload
    }

    fn verdict(clip: &Clip, payload: &[u8]) -> Verdict {
        check(
            payload,
            |handle| (handle == 3).then_some(clip),
            Instant::from_millis(7),
        )
    }

    #[test]
    fn an_intact_packet_tells_its_delay() {
        let clip = clip(Codec::Vp8);
        let told = Verdict::Intact {
            delay_ns: 2_000_000,
            keyframe: true,
        };
        assert_eq!(verdict(&clip, &stamped(&clip, 1)), told);
    }

    #[test]
    fn a_change_anywhere_but_in_what_vp8_counts_is_found() {
        let clip = clip(Codec::Vp8);
        let payload = stamped(&clip, 1);
        for place in 0..payload.len() {
            let mut changed = payload.clone();
            changed[place] ^= 0x40;
            let free = [0, 2, 3, 4, 5].contains(&place) || place >= payload.len() - 3;
            assert_eq!(
                verdict(&clip, &changed) == Verdict::Corrupt,
                !free,
                "octet {place}"
            );
        }
        assert_eq!(verdict(&clip, &payload[1..]), Verdict::Corrupt);
    }

    #[test]
    fn what_is_too_short_is_not_checked_and_what_nobody_sent_is_corrupt() {
        let clip = clip(Codec::Vp8);
        assert_eq!(verdict(&clip, &[0; LEAST_PAYLOAD - 1]), Verdict::Unstamped);
        assert_eq!(verdict(&clip, &[0; LEAST_PAYLOAD]), Verdict::Corrupt);
        let mut short = [7; LEAST_PAYLOAD - 1];
        Stamp {
            clip: 3,
            packet: 0,
            sent: Instant::default(),
        }
        .write(&mut short);
        assert_eq!(short, [7; LEAST_PAYLOAD - 1]);
    }

    #[test]
    fn a_packet_from_the_future_is_corrupt() {
        let clip = clip(Codec::Vp8);
        let payload = stamped(&clip, 0);
        let told = check(&payload, |_| Some(&clip), Instant::from_millis(4));
        assert_eq!(told, Verdict::Corrupt);
    }
}
