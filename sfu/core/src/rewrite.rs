//! How a receiver's numbers differ from a publisher's: the arithmetic of a seat.
//!
//! `ring → **rewrite** → sender`
//!
//! What a sender has sent is a list of segments.  Within one, every number of the outgoing stream is the incoming one
//! plus a constant; a switch of layer or publisher, or a packet left out, begins a new segment.  The list is kept for a
//! while, so that a retransmission asked for later gets the very numbers that the packet had.
//!
//! ```text
//!  in   layer 0: 70 71 72 ·· 74      layer 1: 900 901 (902 padding only) 903
//!  out           10 11 12 13 14               15  16                     17
//!  segments      [70 → 10        ]            [900 → 15]                 [903 → 17]
//! ```

use std::collections::VecDeque;

use crate::slab::Key;

/// Segments kept: switches and left-out packets of the last seconds.
const MAX_SEGMENTS: usize = 64;
/// Padding that is worth a GSO message: libwebrtc's packetizer leaves packets of a frame one byte apart, the last layer
/// of FEC or a header extension some more; all tested browsers take up to 30 bytes.
pub const MAX_PADDING: usize = 30;

/// Which incoming stream a packet is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The track.
    pub track: Key,
    /// The layer in it.
    pub layer: u8,
    /// Counts the SSRCs that the layer has had.
    pub epoch: u32,
}

/// Of a stretch of the past that is caught up with, timestamps pass so many powers of two times slower: a second of
/// pictures takes 31 ms, and what comes live is shown without that second's delay.
const SQUEEZED: u32 = 5;

/// What the outgoing numbers are beside the incoming ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deltas {
    /// RTP timestamp, modulo 2^32.
    pub timestamp: u32,
    /// Incoming timestamp from which on they pass more slowly.
    pub squeezed_from: Option<u32>,
    /// Picture id of VP8 and VP9, modulo 2^15; frame number of AV1, modulo 2^16.
    pub picture_id: u16,
    /// TL0PICIDX of VP8 and VP9, modulo 2^8.
    pub tl0: u8,
    /// The highest spatial layer: a picture ends with its last packet.
    pub spatial: u8,
}

impl Deltas {
    /// The outgoing timestamp of an incoming one.
    #[inline]
    pub fn stamp(&self, timestamp: u32) -> u32 {
        let incoming = match self.squeezed_from {
            None => timestamp,
            Some(from) => {
                let passed = timestamp.wrapping_sub(from).cast_signed() >> SQUEEZED;
                from.wrapping_add_signed(passed)
            }
        };
        incoming.wrapping_add(self.timestamp)
    }

    /// A picture is left out: it is not counted, or decoders would wait for it.
    pub fn leave_out_picture(&mut self) {
        self.picture_id = self.picture_id.wrapping_sub(1) & 0x7fff;
    }

    /// The same with timestamps that pass as they come again, from this one on.
    pub fn live(&self, from: u32) -> Self {
        Self {
            timestamp: self.stamp(from).wrapping_sub(from),
            squeezed_from: None,
            ..*self
        }
    }
}

/// A stretch of the outgoing stream with constant differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it comes from.
    pub origin: Origin,
    /// Unwrapped incoming number of its first packet...
    pub first_in: u64,
    /// ...which left with this unwrapped number.
    pub first_out: u64,
    /// The other differences.
    pub deltas: Deltas,
    /// Index of the codec among the sender's.
    pub codec: u8,
}

/// The segments of one sender, oldest first.
#[derive(Debug, Default)]
pub struct Segments(VecDeque<Segment>);

impl Segments {
    /// The one that is being sent.
    #[inline]
    pub fn last(&self) -> Option<&Segment> {
        self.0.back()
    }

    /// Begins a segment.  One that never sent a packet is replaced.
    pub fn begin(&mut self, segment: Segment) {
        while self
            .0
            .back()
            .is_some_and(|last| last.first_out >= segment.first_out)
        {
            self.0.pop_back();
        }
        if self.0.len() >= MAX_SEGMENTS {
            self.0.pop_front();
        }
        self.0.push_back(segment);
    }

    /// Timestamps of the segment that is being sent pass more slowly, from its first packet's on.
    pub fn squeeze_last(&mut self, timestamp: u32) {
        if let Some(last) = self.0.back_mut() {
            last.deltas.squeezed_from = Some(timestamp);
        }
    }

    /// The segment and outgoing number of a packet that came in late, after later ones were sent.
    pub fn place_late(&self, origin: Origin, ext_in: u64) -> Option<(&Segment, u64)> {
        let mut end = u64::MAX;
        for segment in self
            .0
            .iter()
            .rev()
            .take_while(|segment| segment.origin == origin)
        {
            if segment.first_in <= ext_in {
                let out = segment.first_out + (ext_in - segment.first_in);
                return (out < end).then_some((segment, out));
            }
            end = segment.first_out;
        }
        None
    }

    /// The segment and incoming number of a packet that was sent.
    pub fn find_sent(&self, ext_out: u64) -> Option<(&Segment, u64)> {
        let segment = self
            .0
            .iter()
            .rev()
            .find(|segment| segment.first_out <= ext_out)?;
        Some((segment, segment.first_in + (ext_out - segment.first_out)))
    }
}

/// A packet of this batch: where it is, and how much padding makes its neighbours equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// Unwrapped incoming number.
    pub ext_seq: u64,
    /// Octets of payload.
    pub len: u16,
    /// Octets of padding to add.
    pub padding: u8,
}

impl Fresh {
    /// Without padding yet; a packet is shorter than 64 KiB.
    pub fn new(ext_seq: u64, len: usize) -> Self {
        Self {
            ext_seq,
            len: len as u16,
            padding: 0,
        }
    }
}

/// Pads a batch so that runs of packets have one size, the last of each run excepted, which may be shorter.
pub fn equalise(batch: &mut [Fresh]) {
    let mut rest = batch;
    while !rest.is_empty() {
        let (run, size) = longest_run(rest);
        let (this, next) = std::mem::take(&mut rest).split_at_mut(run);
        for packet in &mut this[..run - 1] {
            packet.padding = (size - packet.len) as u8;
        }
        rest = next;
    }
}

/// How many packets from the first on can be made equal, and their size.
fn longest_run(batch: &[Fresh]) -> (usize, u16) {
    let (mut size, mut shortest) = (batch[0].len, batch[0].len);
    for (index, packet) in batch.iter().enumerate().skip(1) {
        let new_size = size.max(packet.len);
        if usize::from(new_size - shortest) > MAX_PADDING {
            return (index, size);
        }
        size = new_size;
        shortest = shortest.min(packet.len);
    }
    (batch.len(), size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slab::Slab;

    fn origins() -> (Origin, Origin) {
        let mut slab = Slab::default();
        let track = slab.insert(());
        (
            Origin {
                track,
                layer: 0,
                epoch: 0,
            },
            Origin {
                track,
                layer: 1,
                epoch: 0,
            },
        )
    }

    fn segment(origin: Origin, first_in: u64, first_out: u64) -> Segment {
        Segment {
            origin,
            first_in,
            first_out,
            deltas: Deltas::default(),
            codec: 0,
        }
    }

    fn padded(lens: &[u16]) -> Vec<u16> {
        let mut batch: Vec<Fresh> = lens
            .iter()
            .map(|&len| Fresh {
                ext_seq: 0,
                len,
                padding: 0,
            })
            .collect();
        equalise(&mut batch);
        batch
            .iter()
            .map(|packet| packet.len + u16::from(packet.padding))
            .collect()
    }

    #[test]
    fn the_drawing_above_holds() {
        let (low, high) = origins();
        let mut segments = Segments::default();
        segments.begin(segment(low, 70, 10));
        segments.begin(segment(high, 900, 15));
        segments.begin(segment(high, 903, 17));
        let sent = |out| {
            segments
                .find_sent(out)
                .map(|(segment, ext_in)| (segment.origin.layer, ext_in))
        };
        assert_eq!(sent(9), None);
        assert_eq!(
            (sent(10), sent(13), sent(14)),
            (Some((0, 70)), Some((0, 73)), Some((0, 74)))
        );
        assert_eq!(
            (sent(15), sent(16), sent(17)),
            (Some((1, 900)), Some((1, 901)), Some((1, 903)))
        );
        let late = |ext_in| segments.place_late(high, ext_in).map(|(_, out)| out);
        assert_eq!(
            (late(899), late(901), late(902), late(903)),
            (None, Some(16), None, Some(17))
        );
        assert_eq!(segments.place_late(low, 73), None);
    }

    #[test]
    fn a_squeezed_second_takes_31_ms_and_what_follows_goes_on_from_there() {
        for start in [0, 5_000, u32::MAX - 40_000] {
            let squeezed = Deltas {
                timestamp: 77,
                squeezed_from: Some(start),
                ..Deltas::default()
            };
            let at = |ticks: u32| start.wrapping_add(ticks);
            let passed =
                |deltas: &Deltas, ticks| deltas.stamp(at(ticks)).wrapping_sub(deltas.stamp(at(0)));
            assert_eq!(squeezed.stamp(start), start.wrapping_add(77));
            assert_eq!(passed(&squeezed, 90_000), 2_812);
            let live = squeezed.live(at(90_000));
            assert_eq!(live.stamp(at(90_000)), squeezed.stamp(at(90_000)));
            assert_eq!(
                live.stamp(at(93_000)).wrapping_sub(live.stamp(at(90_000))),
                3_000
            );
        }
    }

    #[test]
    fn segments_are_bounded_and_the_oldest_goes() {
        let (low, _) = origins();
        let mut segments = Segments::default();
        for n in 0..1_000 {
            segments.begin(segment(low, n * 10, n * 5));
        }
        assert_eq!(segments.0.len(), MAX_SEGMENTS);
        assert_eq!(segments.find_sent(0), None);
        assert_eq!(
            segments.find_sent(4_997).map(|(_, ext_in)| ext_in),
            Some(9_992)
        );
    }

    #[test]
    fn a_segment_that_sent_nothing_is_replaced() {
        let (low, high) = origins();
        let mut segments = Segments::default();
        segments.begin(segment(low, 5, 10));
        segments.begin(segment(low, 7, 11));
        segments.begin(segment(high, 90, 11));
        assert_eq!(segments.0.len(), 2);
        assert_eq!(segments.find_sent(11).map(|(_, ext_in)| ext_in), Some(90));
    }

    #[test]
    fn packets_of_a_frame_one_byte_apart_become_equal() {
        assert_eq!(
            padded(&[1_100, 1_100, 1_099, 1_099]),
            [1_100, 1_100, 1_100, 1_099]
        );
        assert_eq!(padded(&[1_099, 1_100]), [1_100, 1_100]);
        assert_eq!(padded(&[1_100]), [1_100]);
    }

    #[test]
    fn sizes_too_far_apart_stay_and_a_short_tail_ends_a_run() {
        assert_eq!(padded(&[1_000, 1_100, 1_100]), [1_000, 1_100, 1_100]);
        assert_eq!(
            padded(&[1_100, 1_090, 300, 1_100, 1_100]),
            [1_100, 1_100, 300, 1_100, 1_100]
        );
        assert_eq!(padded(&[100, 110, 120, 131]), [120, 120, 120, 131]);
    }
}
