//! One m-line of a seat: it shows one track at a time, under numbers of its own that never jump.
//!
//! `ring → **sender** (rewrite) → srtp → egress`
//!
//! ```text
//!            show(track)                    first packet of a keyframe
//!  silent ───────────────▶ waiting(layer) ─────────────────────────────▶ showing(layer) ─┐
//!    ▲                          ▲  a keyframe is asked for                    │          │ a better layer:
//!    │ show(None), track ends   └──────── show(another track) ────────────────┤          │ goes on with this one
//!    └────────────────────────────────────────────────────────────────────────┘◀─────────┘ until the other's keyframe
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::{Codec, vp8};
use crate::demux::Path;
use crate::egress::{Egress, Run};
use crate::layer::Layer;
use crate::media::{CodecConfig, Kind, SenderConfig};
use crate::rewrite::{Deltas, HeaderTemplate, MAX_PADDING, Numbers, Origin, Segment, Segments};
use crate::ring::Meta;
use crate::slab::Key;
use crate::srtp::Outbound;
use crate::time::Instant;
use crate::track::Track;

/// Retransmissions a sender may have saved up, and how fast it earns them: 10 % loss of 2.5 Mbit/s is 26 a second.
const RETRANSMIT_BURST: f32 = 200.0;
const RETRANSMIT_PER_SECOND: f32 = 400.0;
/// Retransmitted numbers that are remembered, so that one is not sent twice within a round trip.
const REMEMBERED: usize = 256;
/// Whatever the round trip: a NACK list repeats itself within this on a jittery path.
const MIN_REPEAT: Duration = Duration::from_millis(15);
/// Media timestamps differ by this at least, in seconds: no source has more frames.
const MIN_FRAME_PER_SECOND: u32 = 1_000;
/// Opus frames of WebRTC last 20 ms; other lengths are multiples or fractions that decoders take at any multiple.
const AUDIO_FRAMES_PER_SECOND: u32 = 50;

/// How to reach the peer: what every packet to it needs.
#[derive(Debug, Default)]
pub struct Link {
    /// The selected path.
    pub path: Option<Path>,
    /// Its keys, after the handshake.
    pub outbound: Option<Outbound>,
    /// Its message in the batch that is being written.
    pub run: Run,
}

/// One m-line on which we send.
#[derive(Debug)]
pub struct Sender {
    /// Whose seat it is.
    pub peer: Key,
    /// Its m-line.
    pub mid: Arc<str>,
    /// Sound or pictures.
    pub kind: Kind,
    /// Of all it sends.
    pub ssrc: u32,
    /// Of its retransmissions.
    pub rtx_ssrc: Option<u32>,
    /// In its reports.
    pub cname: String,
    codecs: Vec<CodecConfig>,
    /// The track it was told to show.
    pub source: Option<Key>,
    /// The layer it will begin to show at its next keyframe, or shows.
    pub target: Option<u8>,
    showing: Option<Showing>,
    announced: bool,
    header: HeaderTemplate,
    rtx_header: Option<HeaderTemplate>,
    segments: Segments,
    /// Unwrapped number of the next packet.
    next_out: u64,
    next_rtx: u64,
    last: LastSent,
    repeats: Repeats,
    /// What it has done.
    pub totals: Totals,
}

/// The way that a batch takes to one receiver.
struct Way<'a> {
    path: &'a Path,
    outbound: &'a Outbound,
    run: &'a mut Run,
    egress: &'a mut Egress,
}

impl<'a> Way<'a> {
    /// `None` before there are keys and an address.
    #[inline]
    fn over(link: &'a mut Link, egress: &'a mut Egress) -> Option<Self> {
        Some(Self {
            path: link.path.as_ref()?,
            outbound: link.outbound.as_ref()?,
            run: &mut link.run,
            egress,
        })
    }

    /// Octets of padding: those of the batch, or as many more as make the packet one of the receiver's open run.
    #[inline]
    fn padding(&self, plain: usize, padding: u8) -> u8 {
        let len = plain + usize::from(padding) + self.outbound.profile().rtp_overhead();
        let segment = self.egress.open_segment(self.run, len);
        let all = segment.map_or(0, |segment| segment - len) + usize::from(padding);
        // A small packet is worth less padding: its message costs the kernel as much, but the path more.
        match all <= MAX_PADDING.min(plain / 8) {
            true => all as u8,
            false => padding,
        }
    }
}

/// What of the last packet a switch goes on from.
#[derive(Clone, Copy, Debug)]
struct LastSent {
    timestamp: u32,
    at: Option<Instant>,
    picture_id: u16,
    tl0: u8,
}

/// The layer that is being sent.
#[derive(Clone, Copy, Debug)]
struct Showing {
    origin: Origin,
    /// As the publisher numbers it.
    payload_type: u8,
    /// As the receiver numbers it.
    out_payload_type: u8,
    clock_rate: u32,
    is_vp8: bool,
    pads: bool,
    highest_in: u64,
}

/// Counts, and what the receiver last reported.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Packets, retransmissions excluded.
    pub packets: u64,
    /// Octets of payload.
    pub octets: u64,
    /// Numbers asked for.
    pub nacks: u64,
    /// Packets sent again.
    pub retransmitted: u64,
    /// In 1/256.
    pub fraction_lost: u8,
    /// In media clock units.
    pub jitter: u32,
}

/// What one batch did to a sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Packets written.
    pub sent: u32,
    /// The first packet of another layer or source has gone out.
    pub switched: bool,
    /// The same, and the source is one that was not announced yet.
    pub shown: bool,
    /// There is no codec for what the track sends.
    pub not_showable: bool,
    /// The track went on with another codec in mid-stream: nothing can be shown until its next keyframe.
    pub stopped: bool,
}

/// Where a packet of the ring goes.
#[derive(Clone, Copy, Debug)]
struct Placed {
    out: u64,
    deltas: Deltas,
}

impl Sender {
    /// A silent sender; `seed` makes its first numbers unpredictable.
    pub fn new(peer: Key, config: SenderConfig, mid_extension: u8, seed: u64) -> Self {
        let mut sender = Self {
            peer,
            mid: config.mid.as_str().into(),
            kind: config.kind,
            ssrc: config.ssrc,
            rtx_ssrc: config.rtx_ssrc,
            cname: String::new(),
            codecs: Vec::new(),
            source: None,
            target: None,
            showing: None,
            announced: false,
            header: HeaderTemplate::new(0, None),
            rtx_header: None,
            segments: Segments::default(),
            // Below 2^15, so that a receiver that misses the first packets does not guess a wrong rollover counter.
            next_out: seed & 0x7fff,
            next_rtx: (seed >> 15) & 0x7fff,
            last: LastSent {
                timestamp: (seed >> 32) as u32,
                at: None,
                picture_id: (seed >> 20) as u16 & 0x7fff,
                tl0: (seed >> 40) as u8,
            },
            repeats: Repeats::default(),
            totals: Totals::default(),
        };
        sender.configure(config, mid_extension);
        sender
    }

    /// Takes a new negotiation over; SSRCs stay what they were.
    pub fn configure(&mut self, config: SenderConfig, mid_extension: u8) {
        let mid = config.mid.as_bytes();
        let mid = (mid_extension != 0).then_some((mid_extension, mid));
        let header = HeaderTemplate::new(self.ssrc, mid);
        self.cname = config.cname;
        if self.codecs != config.codecs || self.header != header {
            self.header = header;
            self.rtx_header = self.rtx_ssrc.map(|ssrc| HeaderTemplate::new(ssrc, mid));
            self.codecs = config.codecs;
            // A packet sent again under its own number must be the same to the bit: forget what looked otherwise.
            self.segments = Segments::default();
            self.showing = None;
        }
    }

    /// Shows another track from its next keyframe on, and nothing until then.
    pub fn show(&mut self, source: Option<Key>, target: Option<u8>) {
        self.source = source;
        self.target = target;
        self.showing = None;
        self.announced = false;
    }

    /// The layer it shows now.
    pub fn shown_layer(&self) -> Option<u8> {
        self.showing.map(|showing| showing.origin.layer)
    }

    /// The layer whose keyframe would help the receiver.
    pub fn wanted_layer(&self) -> Option<u8> {
        self.shown_layer().or(self.target)
    }

    /// It cannot go on without a keyframe of its target.
    pub fn waits_for(&self, layer: u8) -> bool {
        self.kind == Kind::Video && self.target == Some(layer) && self.shown_layer() != Some(layer)
    }

    /// Whether it can send what a track sends: index of the codec.
    pub fn codec_for(&self, codec: &CodecConfig) -> Option<u8> {
        let same = |own: &CodecConfig| own.key == codec.key;
        self.codecs.iter().position(same).map(|index| index as u8)
    }

    /// RTP timestamp of the receiver's stream at the moment that the layer's clock shows `rtp`.
    pub fn timestamp_of(&self, rtp: u32) -> Option<u32> {
        self.showing?;
        Some(rtp.wrapping_add(self.segments.last()?.deltas.timestamp))
    }

    /// Ticks a second of what it shows.
    pub fn clock_rate(&self) -> Option<u32> {
        self.showing.map(|showing| showing.clock_rate)
    }

    /// Writes what this batch brought on one layer of its track.
    #[inline]
    pub fn forward(
        &mut self,
        track: &Track,
        origin: Origin,
        link: &mut Link,
        egress: &mut Egress,
    ) -> Outcome {
        let layer = &track.layers[usize::from(origin.layer)];
        let mut outcome = Outcome::default();
        let Some(mut way) = Way::over(link, egress) else {
            return outcome;
        };
        if !self.shows(origin) && self.target != Some(origin.layer) {
            return outcome;
        }
        for fresh in &layer.fresh {
            let Some((meta, payload)) = layer.ring.get(fresh.ext_seq) else {
                continue; // So large a batch that the ring has turned over.
            };
            if !self.shows(origin) || !self.knows(meta) {
                self.begin(track, origin, meta, &mut outcome);
                if outcome.switched {
                    self.catch_up(layer, meta.ext_seq, &mut way, &mut outcome);
                    return outcome;
                }
            }
            if !self.shows(origin) {
                continue;
            }
            if let Some(placed) = self.place(meta, payload) {
                let packet = (meta, payload, fresh.padding);
                self.send(packet, placed, &mut way, &mut outcome);
            }
        }
        outcome
    }

    /// After a switch: everything from the keyframe's first packet on, what overtook it included.
    fn catch_up(&mut self, layer: &Layer, first: u64, way: &mut Way<'_>, outcome: &mut Outcome) {
        let last = layer.ring.highest().unwrap_or(first);
        for ext_seq in first..=last {
            let Some((meta, payload)) = layer.ring.get(ext_seq) else {
                continue;
            };
            if let Some(placed) = self.place(meta, payload) {
                self.send((meta, payload, 0), placed, way, outcome);
            }
        }
    }

    #[inline]
    fn shows(&self, origin: Origin) -> bool {
        self.showing.is_some_and(|showing| showing.origin == origin)
    }

    #[inline]
    fn knows(&self, meta: &Meta) -> bool {
        self.showing
            .is_some_and(|showing| showing.payload_type == meta.payload_type)
    }

    /// Begins to show the layer with this packet if a decoder can begin there; or goes on with another codec of it.
    fn begin(&mut self, track: &Track, origin: Origin, meta: &Meta, outcome: &mut Outcome) {
        let goes_on = self.shows(origin);
        if !meta.keyframe_start || self.is_late(origin, meta) {
            outcome.stopped |= self.stop_if_changed(goes_on, meta);
            return;
        }
        let codec = track
            .codecs
            .iter()
            .find(|codec| codec.payload_type == meta.payload_type);
        let Some(codec) = codec else { return };
        let Some(index) = self.codec_for(codec) else {
            outcome.not_showable = !goes_on || self.kind == Kind::Video;
            return;
        };
        let deltas = match (goes_on, self.segments.last()) {
            (true, Some(segment)) => segment.deltas,
            _ => self.deltas_from_here(meta, codec.clock_rate),
        };
        self.start(origin, index, deltas, meta, codec.codec == Codec::Vp8);
        outcome.switched |= !goes_on;
        outcome.shown |= !self.announced;
        self.announced = true;
    }

    /// A video whose codec changed in mid-stream has to wait for the new one's keyframe.
    fn stop_if_changed(&mut self, goes_on: bool, meta: &Meta) -> bool {
        let stops = goes_on && self.kind == Kind::Video && meta.frame_start;
        if stops {
            self.showing = None;
        }
        stops
    }

    /// A keyframe that came so late that newer packets of the layer went out already.
    fn is_late(&self, origin: Origin, meta: &Meta) -> bool {
        let newest = self.showing.filter(|showing| showing.origin == origin);
        newest.is_some_and(|showing| meta.ext_seq <= showing.highest_in)
    }

    /// Numbers that go on from the last packet: timestamps by the time that has passed (voices in whole frames).
    fn deltas_from_here(&self, meta: &Meta, rate: u32) -> Deltas {
        let last = &self.last;
        let passed = last
            .at
            .map_or(Duration::ZERO, |at| meta.arrival.saturating_since(at));
        let ticks = (passed.as_nanos() * u128::from(rate) / 1_000_000_000) as u32;
        let step = match self.kind {
            Kind::Audio => {
                let frame = (rate / AUDIO_FRAMES_PER_SECOND).max(1);
                (ticks.saturating_add(frame / 2) / frame).max(1) * frame
            }
            Kind::Video => ticks.max(rate / MIN_FRAME_PER_SECOND),
        };
        let next_picture = last.picture_id.wrapping_add(1);
        Deltas {
            timestamp: last
                .timestamp
                .wrapping_add(step)
                .wrapping_sub(meta.timestamp),
            picture_id: next_picture.wrapping_sub(meta.picture_id as u16) & 0x7fff,
            tl0: last.tl0.wrapping_add(1).wrapping_sub(meta.tl0 as u8),
        }
    }

    fn start(&mut self, origin: Origin, codec: u8, deltas: Deltas, meta: &Meta, is_vp8: bool) {
        let own = &self.codecs[usize::from(codec)];
        let first_in = meta.ext_seq;
        self.segments.begin(Segment {
            origin,
            first_in,
            first_out: self.next_out,
            deltas,
            codec,
        });
        self.showing = Some(Showing {
            origin,
            payload_type: meta.payload_type,
            out_payload_type: own.payload_type,
            clock_rate: own.clock_rate,
            is_vp8,
            // Without RTX a packet is sent again under its own number, so it must be the same to the bit.
            pads: own.rtx_payload_type.is_some() && self.rtx_ssrc.is_some() || !own.nack,
            highest_in: first_in - 1,
        });
    }

    /// Gives a packet its outgoing number; `None` if it is left out.
    #[inline]
    fn place(&mut self, meta: &Meta, payload: &[u8]) -> Option<Placed> {
        let showing = self.showing.as_mut()?;
        let last = self.segments.last()?;
        if meta.ext_seq <= showing.highest_in {
            let (segment, out) = self.segments.place_late(showing.origin, meta.ext_seq)?;
            return Some(Placed {
                out,
                deltas: segment.deltas,
            });
        }
        let out = last.first_out + (meta.ext_seq - last.first_in);
        let deltas = last.deltas;
        showing.highest_in = meta.ext_seq;
        if payload.is_empty() || meta.payload_type != showing.payload_type {
            let first_in = meta.ext_seq + 1;
            let segment = Segment {
                first_in,
                first_out: out,
                ..*last
            };
            self.segments.begin(segment);
            return None;
        }
        self.next_out = out + 1;
        Some(Placed { out, deltas })
    }

    #[inline]
    fn send(
        &mut self,
        (meta, payload, padding): (&Meta, &[u8], u8),
        placed: Placed,
        way: &mut Way<'_>,
        outcome: &mut Outcome,
    ) {
        let Some(showing) = &self.showing else { return };
        let header = &self.header;
        let padding = match showing.pads {
            true => way.padding(header.octets() + payload.len(), padding),
            false => 0,
        };
        let numbers = Numbers {
            ext_seq: placed.out,
            timestamp: meta.timestamp.wrapping_add(placed.deltas.timestamp),
            marker: meta.marker,
            payload_type: showing.out_payload_type,
            padding,
        };
        let is_vp8 = showing.is_vp8;
        let outbound = way.outbound;
        let len = way.egress.write_run(way.run, way.path, |out| {
            let start = header.write(out, &numbers);
            let end =
                start + write_payload(&mut out[start..], meta, payload, is_vp8, placed.deltas);
            let end = pad(out, end, numbers.padding);
            outbound.protect_rtp(out, start, end, (numbers.ext_seq >> 16) as u32)
        });
        if len > 0 {
            outcome.sent += 1;
            self.totals.packets += 1;
            self.totals.octets += payload.len() as u64;
        }
        if placed.out + 1 == self.next_out {
            self.remember(meta, numbers.timestamp, placed.deltas);
        }
    }

    #[inline]
    fn remember(&mut self, meta: &Meta, timestamp: u32, deltas: Deltas) {
        self.last.timestamp = timestamp;
        self.last.at = Some(meta.arrival);
        if meta.vp8.is_some() {
            (self.last.picture_id, self.last.tl0) = pictures(meta, deltas);
        }
    }

    /// The unwrapped number, and the origin of a packet that the receiver asks for again; `None` if it is not to be sent
    /// (again, already, or any more).
    pub fn asked(&mut self, sequence: u16, rtt: Duration, now: Instant) -> Option<Asked> {
        self.totals.nacks += 1;
        let newest = self.next_out.checked_sub(1)?;
        let behind = u64::from((newest as u16).wrapping_sub(sequence));
        let out = newest.checked_sub(behind)?;
        let (segment, ext_in) = self.segments.find_sent(out)?;
        let asked = Asked {
            out,
            ext_in,
            segment: *segment,
        };
        self.repeats
            .allow(sequence, rtt.max(MIN_REPEAT), now)
            .then_some(asked)
    }

    /// Sends a packet of the ring again, with the numbers it had: as RTX (RFC 4588) where that was negotiated.
    pub fn retransmit(
        &mut self,
        asked: &Asked,
        layer: &Layer,
        link: &Link,
        egress: &mut Egress,
    ) -> bool {
        let (Some(path), Some(outbound)) = (&link.path, &link.outbound) else {
            return false;
        };
        let Some((meta, payload)) = layer.ring.get(asked.ext_in) else {
            return false;
        };
        let Some(codec) = self.codecs.get(usize::from(asked.segment.codec)) else {
            return false;
        };
        let (is_vp8, deltas) = (codec.codec == Codec::Vp8, asked.segment.deltas);
        let mut numbers = Numbers {
            ext_seq: asked.out,
            timestamp: meta.timestamp.wrapping_add(deltas.timestamp),
            marker: meta.marker,
            payload_type: codec.payload_type,
            padding: 0,
        };
        let rtx = self.rtx_header.as_ref().zip(codec.rtx_payload_type);
        let header = rtx.map_or(&self.header, |(header, _)| header);
        if let Some((_, payload_type)) = rtx {
            (numbers.payload_type, numbers.ext_seq) = (payload_type, self.next_rtx);
            self.next_rtx += 1;
        }
        let len = egress.write(path, |out| {
            let start = header.write(out, &numbers);
            let mut end = start;
            if rtx.is_some() {
                out[end..end + 2].copy_from_slice(&(asked.out as u16).to_be_bytes());
                end += 2;
            }
            end += write_payload(&mut out[end..], meta, payload, is_vp8, deltas);
            outbound.protect_rtp(out, start, end, (numbers.ext_seq >> 16) as u32)
        });
        self.totals.retransmitted += u64::from(len > 0);
        len > 0
    }
}

/// A packet that the receiver misses.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    out: u64,
    ext_in: u64,
    /// Where it came from and how its numbers differ.
    pub segment: Segment,
}

/// What was sent again lately, and how much more may be: a receiver that asks without end costs itself.
#[derive(Debug, Default)]
struct Repeats {
    lately: VecDeque<(u16, Instant)>,
    saved: Option<f32>,
    earned: Instant,
}

impl Repeats {
    fn allow(&mut self, sequence: u16, interval: Duration, now: Instant) -> bool {
        let is_recent =
            |&(one, at): &(u16, Instant)| one == sequence && now.saturating_since(at) < interval;
        if self.lately.iter().any(is_recent) || !self.spend(now) {
            return false;
        }
        if self.lately.len() >= REMEMBERED {
            self.lately.pop_front();
        }
        self.lately.push_back((sequence, now));
        true
    }

    fn spend(&mut self, now: Instant) -> bool {
        let earned = now.saturating_since(self.earned).as_secs_f32() * RETRANSMIT_PER_SECOND;
        let saved = (self.saved.unwrap_or(RETRANSMIT_BURST) + earned).min(RETRANSMIT_BURST);
        self.earned = now;
        let enough = saved >= 1.0;
        self.saved = Some(if enough { saved - 1.0 } else { saved });
        enough
    }
}

#[inline]
fn pictures(meta: &Meta, deltas: Deltas) -> (u16, u8) {
    let picture_id = (meta.picture_id as u16).wrapping_add(deltas.picture_id) & 0x7fff;
    (picture_id, (meta.tl0 as u8).wrapping_add(deltas.tl0))
}

#[inline]
fn write_payload(
    out: &mut [u8],
    meta: &Meta,
    payload: &[u8],
    is_vp8: bool,
    deltas: Deltas,
) -> usize {
    if is_vp8 && meta.vp8.is_some() {
        let (picture_id, tl0) = pictures(meta, deltas);
        return vp8::rewrite(payload, out, picture_id, tl0);
    }
    out[..payload.len()].copy_from_slice(payload);
    payload.len()
}

/// RFC 3550 §5.1: the last octet of the padding counts it.
#[inline]
fn pad(out: &mut [u8], end: usize, padding: u8) -> usize {
    if padding == 0 {
        return end;
    }
    let padded = end + usize::from(padding);
    out[end..padded].fill(0);
    out[padded - 1] = padding;
    padded
}
