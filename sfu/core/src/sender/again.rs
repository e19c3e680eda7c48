//! What a sender sends again: what its receiver asks for, what is to find out whether the path carries more, and what must
//! not be missed.
//!
//! `feedback (NACK), pacing (probe), sender (parameter sets) → sender (**again**) → link (depart) → srtp → egress`

use std::time::Duration;

use super::{Sender, ends, pad, write_payload};
use crate::departure::Departure;
use crate::egress::Egress;
use crate::header::Numbers;
use crate::layer::Layer;
use crate::link::{Link, Way};
use crate::rewrite::Segment;
use crate::ring::Meta;
use crate::time::Instant;

/// A probe is made of so many packets that were sent last, over and over...
const PROBED: u64 = 31;
/// ...and is no longer than this between two looks.
const MOST_PROBES: usize = 128;
/// RFC 4588 §4: the original number in front of the payload.
const RTX_NUMBER: usize = 2;
/// Parameter sets are sent again so often: where every tenth packet is lost, one of a thousand keyframes lacks them.  Players
/// of H.264 do not wait for them: who misses those of another layer shows its pictures as if they were of the one before,
/// torn, until the next keyframe.
const PARAMETERS_AGAIN: usize = 2;
/// Where packets are lost and there is room, so often the end of a picture: that it is lost shows only with the next picture, and
/// then it takes as long as any repair.  And what is late already, lost on the way here or asked for by the receiver: lost once
/// more it would be late by a round trip more, and a picture stands still.
const DOUBLED: usize = 1;
/// Whatever the round trip: a NACK list repeats itself within this on a jittery path.
const MIN_REPEAT: Duration = Duration::from_millis(15);

/// A packet that the receiver misses.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    out: u64,
    ext_in: u64,
    /// Where it came from and how its numbers differ.
    pub segment: Segment,
}

impl Sender {
    /// The unwrapped number, and the origin of a packet that the receiver asks for again; `None` if it is not to be sent
    /// (again, already, or any more).  What was sent again is under way for `trip`, there and back.
    ///
    /// Of a layer that was left because the path does not carry it nothing is sent again: the keyframe of the next one would
    /// wait behind it, and makes it needless to players that go on with it (`skips`).  aiortc waits for what is missing all the
    /// same, for 128 packets: half a minute of the lowest layer.
    pub fn asked(
        &mut self,
        sequence: u16,
        skips: bool,
        trip: Duration,
        now: Instant,
    ) -> Option<Asked> {
        self.totals.nacks += 1;
        let newest = self.next_out.checked_sub(1)?;
        let behind = u64::from((newest as u16).wrapping_sub(sequence));
        let out = newest.checked_sub(behind)?;
        let (segment, ext_in) = self.segments.find_sent(out)?;
        let is_short = self.is_denied || !self.hold.is_over(now);
        if skips && is_short && !self.shows(segment.origin) {
            return None;
        }
        let asked = Asked {
            out,
            ext_in,
            segment: *segment,
        };
        self.repeats
            .allow(sequence, trip.max(MIN_REPEAT), now)
            .then_some(asked)
    }

    /// Sends a packet of the ring again, with the numbers it had: as RTX (RFC 4588) where that was negotiated.  Not to a path
    /// that more has left for than it carries: what is lost again costs what comes next.
    pub fn retransmit(
        &mut self,
        asked: &Asked,
        layer: &Layer,
        link: &mut Link,
        egress: &mut Egress,
        now: Instant,
    ) -> bool {
        let downlink = link.downlink.as_mut();
        if downlink.is_some_and(|downlink| !downlink.pacer.lets_repairs(now)) {
            return false;
        }
        let Some(mut way) = Way::over(link, egress, now) else {
            return false;
        };
        if self.repeat(asked, layer, &mut way, None) == 0 {
            return false;
        }
        self.totals.retransmitted += 1;
        if self.may_double(&way) {
            (0..DOUBLED).for_each(|_| _ = self.repeat(asked, layer, &mut way, None));
        }
        true
    }

    /// Whether what must not be lost once more is sent twice; without RTX a receiver cannot tell it from an attack.
    fn may_double(&self, way: &Way<'_>) -> bool {
        self.can_probe() && way.loses_with_room()
    }

    /// Sends packets again that nobody asked for, the last first, to find out whether the path carries more; gives their
    /// octets.
    pub fn probe(
        &mut self,
        layer: &Layer,
        link: &mut Link,
        egress: &mut Egress,
        (cluster, octets): (u8, usize),
        now: Instant,
    ) -> usize {
        let Some(mut way) = Way::over(link, egress, now) else {
            return 0;
        };
        let mut sent = 0;
        let newest = self.next_out.saturating_sub(1);
        for out in (newest.saturating_sub(PROBED)..=newest)
            .rev()
            .cycle()
            .take(MOST_PROBES)
        {
            if sent >= octets {
                break;
            }
            let Some((segment, ext_in)) = self.segments.find_sent(out) else {
                break;
            };
            let (segment, origin) = (*segment, segment.origin);
            if self.showing.is_none_or(|showing| showing.origin != origin) {
                break;
            }
            let asked = Asked {
                out,
                ext_in,
                segment,
            };
            sent += self.repeat(&asked, layer, &mut way, Some(cluster));
        }
        sent
    }

    /// The same with packets that are nothing but padding, for who shows nothing of which there could be more: players take
    /// them on the stream of retransmissions (RFC 4588 says nothing of them, libwebrtc sends them).
    pub fn probe_with_padding(
        &mut self,
        link: &mut Link,
        egress: &mut Egress,
        (cluster, octets): (u8, usize),
        now: Instant,
    ) -> usize {
        let payload_type = self.codecs.iter().find_map(|codec| codec.rtx_payload_type);
        let (Some(payload_type), Some(header), Some(mut way)) =
            (payload_type, self.headers.rtx, Way::over(link, egress, now))
        else {
            return 0;
        };
        let mut sent = 0;
        while sent < octets {
            let plain = header.octets(None) + usize::from(u8::MAX);
            let numbers = Numbers {
                ext_seq: self.next_rtx,
                timestamp: self.last.timestamp,
                marker: false,
                payload_type,
                padding: u8::MAX,
                departure: way.depart(&header, plain, Some(cluster)),
            };
            self.next_rtx += 1;
            let outbound = way.outbound;
            let len = way.egress.write(way.path, |out| {
                let start = header.write(out, &numbers, None);
                let end = pad(out, start, numbers.padding);
                outbound.protect_rtp(out, start, end, (numbers.ext_seq >> 16) as u32)
            });
            if len == 0 {
                break;
            }
            sent += len;
        }
        sent
    }

    /// Sends the packet `out` again that has just left, before anybody asks for it, if it must not be missed; gives how often.
    #[inline]
    pub(super) fn insist(
        &mut self,
        (out, meta): (u64, &Meta),
        is_end: bool,
        layer: &Layer,
        way: &mut Way<'_>,
    ) -> u32 {
        let times = if meta.parameters {
            PARAMETERS_AGAIN
        } else if (is_end || meta.is_again) && self.may_double(way) {
            DOUBLED
        } else {
            return 0;
        };
        let Some(segment) = self.segments.find_sent(out).map(|(segment, _)| *segment) else {
            return 0;
        };
        let asked = Asked {
            out,
            ext_in: meta.ext_seq,
            segment,
        };
        let sent = (0..times).filter(|_| self.repeat(&asked, layer, way, None) > 0);
        sent.count() as u32
    }

    /// Octets of the packet that was sent again; 0: it was not.
    fn repeat(
        &mut self,
        asked: &Asked,
        layer: &Layer,
        way: &mut Way<'_>,
        cluster: Option<u8>,
    ) -> usize {
        let Some((meta, payload)) = layer.ring.get(asked.ext_in) else {
            return 0;
        };
        let Some(codec) = self.codecs.get(usize::from(asked.segment.codec)) else {
            return 0;
        };
        let deltas = asked.segment.deltas;
        let mut numbers = Numbers {
            ext_seq: asked.out,
            timestamp: deltas.stamp(meta.timestamp),
            marker: ends(meta, &deltas),
            payload_type: codec.payload_type,
            padding: 0,
            departure: 0,
        };
        let rtx = self.headers.rtx.as_ref().zip(codec.rtx_payload_type);
        let header = rtx.map_or(&self.headers.media, |(header, _)| header);
        let descriptor = self.descriptor(meta, layer, &deltas);
        let octets = header.octets(descriptor.as_ref());
        let plain = octets + meta.rewritten_len(payload.len());
        if let Some((_, payload_type)) = rtx {
            (numbers.payload_type, numbers.ext_seq) = (payload_type, self.next_rtx);
            self.next_rtx += 1;
            numbers.departure = way.depart(header, plain + RTX_NUMBER, cluster);
        } else if header.departure() != Departure::Untold {
            let Some(departure) = self.departed.of(asked.out) else {
                return 0;
            };
            numbers.departure = departure;
            way.count(plain);
        }
        let outbound = way.outbound;
        way.egress.write(way.path, |out| {
            let start = header.write(out, &numbers, descriptor.as_ref());
            let mut end = start;
            if rtx.is_some() {
                out[end..end + 2].copy_from_slice(&(asked.out as u16).to_be_bytes());
                end += 2;
            }
            end += write_payload(&mut out[end..], meta, payload, deltas);
            outbound.protect_rtp(out, start, end, (numbers.ext_seq >> 16) as u32)
        })
    }
}
