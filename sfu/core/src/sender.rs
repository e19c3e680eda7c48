//! One m-line of a seat: it shows one track at a time, under numbers of its own that never jump.
//!
//! `ring → **sender** (rewrite) → downlink (depart, pace) → header → srtp → egress`
//!
//! ```text
//!            show(track)                    first packet of a keyframe
//!  silent ───────────────▶ waiting(layer) ─────────────────────────────▶ showing(layer) ─┐
//!    ▲                          ▲  a keyframe is asked for                    │          │ another layer:
//!    │ show(None), track ends   └──────── show(another track) ────────────────┤          │ goes on with this one
//!    └────────────────────────────────────────────────────────────────────────┘◀─────────┘ until the other's keyframe
//! ```
//!
//! Which layer, and how many of its temporal layers, is decided in `allotting.rs`.  Pictures that the pacer holds back stay
//! where they are, in the ring; the sender remembers the first of them.

mod again;
mod showing;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::{Codec, vp8, vp9};
use crate::departure::Departure;
use crate::egress::Egress;
use crate::header::{Descriptor, HeaderTemplate, Numbers};
use crate::hold::Hold;
use crate::layer::Layer;
use crate::link::{Link, Way};
use crate::media::{CodecConfig, ExtensionIds, Kind, SenderConfig};
use crate::repeats::{Departed, Repeats};
use crate::rewrite::{Deltas, Origin, Segment, Segments};
use crate::ring::{Counts, Meta};
use crate::slab::Key;
use crate::stats::Traffic;
use crate::time::Instant;
use crate::track::Track;

pub use self::again::Asked;
use self::showing::Showing;

/// The pacer holds nothing back for longer.  A keyframe may take as long as that: 300 kB on a path of 500 kbit/s take 3 s.
const HELD_AT_MOST: Duration = Duration::from_secs(4);
/// Packets that wait are let go this many at a time: what makes a GSO message worth it.
const HELD_TOGETHER: u64 = 4;
/// Media timestamps differ by this at least, in seconds: no source has more frames.
const MIN_FRAME_PER_SECOND: u32 = 1_000;
/// Opus frames of WebRTC last 20 ms; other lengths are multiples or fractions that decoders take at any multiple.
const AUDIO_FRAMES_PER_SECOND: u32 = 50;

/// All temporal, or spatial, layers.
pub const ALL: u8 = 7;
/// How much a seat matters that nothing was said of.
const PRIORITY: u8 = 100;

/// What the viewer has use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The most lines of picture; `None`: as many as there are, 0: none.
    pub height: Option<u16>,
    /// More is served first.
    pub priority: u8,
}

impl Default for View {
    fn default() -> Self {
        Self {
            height: None,
            priority: PRIORITY,
        }
    }
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
    /// What the viewer has use for.
    pub view: View,
    /// The layer that it is to have, even if that has to be asked for.
    pub wanted: Option<u8>,
    /// The layer it will begin to show at its next keyframe, or shows.
    pub target: Option<u8>,
    /// The highest temporal layer that is let through.
    pub temporal: u8,
    /// The highest spatial layer of its stream that is.
    pub spatial: u8,
    /// Not even the least fits the path.
    pub is_paused: bool,
    /// More would be of use, and does not fit the path.
    pub is_denied: bool,
    /// Until when it goes no higher.
    pub hold: Hold,
    showing: Option<Showing>,
    /// The first packet of the shown layer that the pacer held back.
    backlog: Option<u64>,
    announced: bool,
    headers: Headers,
    segments: Segments,
    /// Unwrapped number of the next packet.
    next_out: u64,
    next_rtx: u64,
    last: LastSent,
    repeats: Repeats,
    departed: Departed,
    /// What it has done.
    pub totals: Totals,
}

/// The headers of a sender's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Headers {
    /// Of media.
    media: HeaderTemplate,
    /// Of retransmissions.
    rtx: Option<HeaderTemplate>,
    /// Id of the dependency descriptor; 0: packets have none.
    dependency: u8,
}

/// What of the last packet a switch goes on from.
#[derive(Clone, Copy, Debug)]
struct LastSent {
    timestamp: u32,
    at: Option<Instant>,
    picture_id: u16,
    tl0: u8,
}

/// Counts, and what the receiver last reported.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// What was sent, retransmissions excluded.
    pub traffic: Traffic,
    /// Numbers asked for.
    pub nacks: u64,
    /// Packets sent again.
    pub retransmitted: u64,
    /// Changes of layer or source.
    pub switches: u64,
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
    /// Packets wait for the pacer.
    pub waits: bool,
}

/// Where a packet of the ring goes.
#[derive(Clone, Copy, Debug)]
struct Placed {
    out: u64,
    deltas: Deltas,
}

impl Sender {
    /// A silent sender; `seed` makes its first numbers unpredictable.
    pub fn new(peer: Key, config: SenderConfig, ids: &ExtensionIds, seed: u64) -> Self {
        let mut sender = Self {
            peer,
            mid: config.mid.as_str().into(),
            kind: config.kind,
            ssrc: config.ssrc,
            rtx_ssrc: config.rtx_ssrc,
            cname: String::new(),
            codecs: Vec::new(),
            source: None,
            view: View::default(),
            wanted: None,
            target: None,
            temporal: ALL,
            spatial: ALL,
            is_paused: false,
            is_denied: false,
            hold: Hold::default(),
            showing: None,
            backlog: None,
            announced: false,
            headers: Headers {
                media: HeaderTemplate::new(0, None, Departure::Untold),
                rtx: None,
                dependency: 0,
            },
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
            departed: Departed::default(),
            totals: Totals::default(),
        };
        sender.configure(config, ids);
        sender
    }

    /// Takes a new negotiation over; SSRCs stay what they were.
    pub fn configure(&mut self, config: SenderConfig, ids: &ExtensionIds) {
        let mid = config.mid.as_bytes();
        let mid = (ids.mid != 0).then_some((ids.mid, mid));
        let departure = match (ids.transport_cc, ids.abs_send_time) {
            (1.., _) if config.transport_cc => Departure::Counted(ids.transport_cc),
            (_, 1..) if config.abs_send_time => Departure::Timed(ids.abs_send_time),
            _ => Departure::Untold,
        };
        let rtx = |ssrc| HeaderTemplate::new(ssrc, mid, departure);
        let headers = Headers {
            media: HeaderTemplate::new(self.ssrc, mid, departure),
            rtx: self.rtx_ssrc.map(rtx),
            dependency: match config.dependency {
                true => ids.dependency,
                false => 0,
            },
        };
        self.cname = config.cname;
        if self.codecs != config.codecs || self.headers != headers {
            self.headers = headers;
            self.codecs = config.codecs;
            // A packet sent again under its own number must be the same to the bit: forget what looked otherwise.
            self.segments = Segments::default();
            self.departed = Departed::default();
            self.stop();
        }
    }

    /// Shows another track from its next keyframe on, and nothing until then.
    pub fn show(&mut self, source: Option<Key>) {
        self.source = source;
        (self.wanted, self.target) = (None, None);
        self.is_paused = false;
        self.hold = Hold::default();
        self.announced = false;
        self.stop();
    }

    /// Sends nothing of its source until the next keyframe of its target.
    pub fn stop(&mut self) {
        self.showing = None;
        self.backlog = None;
    }

    /// A bit for each layer that it shows, or is to.
    pub fn taken(&self) -> u8 {
        let layers = [self.shown_layer(), self.target, self.wanted];
        let bits = layers.into_iter().flatten().map(|layer| 1 << layer);
        bits.fold(0, |taken, bit| taken | bit)
    }

    /// The layer it shows now.
    pub fn shown_layer(&self) -> Option<u8> {
        self.showing.map(|showing| showing.origin.layer)
    }

    /// The layer whose keyframe would help the receiver: one that it leaves for a lower one is not mended any more.
    pub fn wanted_layer(&self) -> Option<u8> {
        let layers = self.shown_layer().into_iter().chain(self.target);
        layers.min()
    }

    /// It cannot go on without a keyframe of its target.
    pub fn waits_for(&self, layer: u8) -> bool {
        let shows =
            |showing: Showing| showing.origin.layer == layer && showing.spatial >= self.spatial;
        self.kind == Kind::Video && self.target == Some(layer) && !self.showing.is_some_and(shows)
    }

    /// Whether this layer may be shown from its next keyframe on: the target, or what is there before it.
    #[inline]
    fn takes(&self, layer: u8) -> bool {
        self.target == Some(layer)
            || (self.showing.is_none() && self.target.is_some_and(|target| layer < target))
    }

    /// Probes can be made of it.
    pub fn can_probe(&self) -> bool {
        let mut rtx = self.codecs.iter().map(|codec| codec.rtx_payload_type);
        self.kind == Kind::Video && self.headers.rtx.is_some() && rtx.any(|rtx| rtx.is_some())
    }

    /// What it sends now is sent again as RTX (RFC 4588).
    pub fn has_rtx(&self) -> bool {
        let codec = self.segments.last().map(|last| usize::from(last.codec));
        let codec = codec.and_then(|codec| self.codecs.get(codec));
        self.headers.rtx.is_some() && codec.is_some_and(|codec| codec.rtx_payload_type.is_some())
    }

    /// The highest spatial layer of a codec that its receiver can make use of: players of AV1 are lost without dependency
    /// descriptors where a picture has several layers.
    pub fn most_spatial(&self, codec: Option<Codec>) -> u8 {
        match codec == Some(Codec::Av1) && self.headers.dependency == 0 {
            true => 0,
            false => ALL,
        }
    }

    /// Whether it can send what a track sends: index of the codec.
    pub fn codec_for(&self, codec: &CodecConfig) -> Option<u8> {
        let same = |own: &CodecConfig| own.key == codec.key;
        self.codecs.iter().position(same).map(|index| index as u8)
    }

    /// RTP timestamp of the receiver's stream at the moment that the layer's clock shows `rtp`.
    pub fn timestamp_of(&self, rtp: u32) -> Option<u32> {
        self.showing?;
        Some(self.segments.last()?.deltas.stamp(rtp))
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
        now: Instant,
    ) -> Outcome {
        let layer = &track.layers[usize::from(origin.layer)];
        let mut outcome = Outcome::default();
        let Some(mut way) = Way::over(link, egress, now) else {
            return outcome;
        };
        if !self.shows(origin) && !self.takes(origin.layer) {
            return outcome;
        }
        if self.backlog.is_some() && self.shows(origin) {
            self.catch_up(layer, &mut way, &mut outcome);
        }
        for fresh in &layer.fresh {
            let Some((meta, payload)) = layer.ring.get(fresh.ext_seq) else {
                continue; // So large a batch that the ring has turned over.
            };
            if !self.shows(origin) || !self.knows(meta) {
                self.begin(track, origin, meta, &mut outcome);
                if outcome.switched {
                    // Everything from the keyframe's first packet on, what overtook it included.
                    self.backlog = None;
                    self.send_all(layer, meta.ext_seq..layer.end(), &mut way, &mut outcome);
                    return outcome;
                }
            }
            if !self.shows(origin) || self.waits(meta.ext_seq, &mut way) {
                continue;
            }
            if let Some(placed) = self.place(meta, payload) {
                let packet = (meta, payload, fresh.padding);
                self.send(packet, layer, placed, &mut way, &mut outcome);
            }
        }
        outcome.waits = self.backlog.is_some();
        outcome
    }

    /// Begins to show this layer with a keyframe that has been, and catches up with what has come since.
    pub fn begin_late(
        &mut self,
        track: &Track,
        origin: Origin,
        link: &mut Link,
        egress: &mut Egress,
        now: Instant,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let layer = &track.layers[usize::from(origin.layer)];
        let keyframe = layer
            .recent_keyframe(now)
            .and_then(|first| layer.ring.get(first));
        let end = layer.end();
        let newest = end.checked_sub(1).and_then(|last| layer.ring.get(last));
        let (Some((meta, _)), Some((newest, _)), Some(mut way)) =
            (keyframe, newest, Way::over(link, egress, now))
        else {
            return outcome;
        };
        // It begins now, whenever it came.
        let first = Meta {
            arrival: now,
            ..*meta
        };
        self.begin(track, origin, &first, &mut outcome);
        if !outcome.switched {
            return outcome;
        }
        self.segments.squeeze_last(meta.timestamp);
        if let Some(showing) = &mut self.showing {
            showing.live_from = Some((end, newest.timestamp));
        }
        self.backlog = None;
        self.send_range(layer, meta.ext_seq..end, &mut way, &mut outcome);
        outcome
    }

    /// Octets in front of the last of the next few packets that the pacer holds back: those that leave in one message.
    pub fn held(&self, track: &Track) -> usize {
        let Some((first, showing)) = self.backlog.zip(self.showing) else {
            return 0;
        };
        let Some(layer) = track.layers.get(usize::from(showing.origin.layer)) else {
            return 0;
        };
        let next = first..layer.end().min(first + HELD_TOGETHER);
        let sizes = next.filter_map(|ext_seq| Some(layer.ring.get(ext_seq)?.1.len()));
        let (all, last) = sizes.fold((0, 0), |(all, _), size| (all + size, size));
        all - last
    }

    /// Goes on with what the pacer held back.
    pub fn resume(
        &mut self,
        track: &Track,
        link: &mut Link,
        egress: &mut Egress,
        now: Instant,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let layer = self.showing.and_then(|showing| {
            let layer = track.layers.get(usize::from(showing.origin.layer))?;
            (layer.epoch == showing.origin.epoch).then_some(layer)
        });
        match (layer, Way::over(link, egress, now)) {
            (Some(layer), Some(mut way)) => self.catch_up(layer, &mut way, &mut outcome),
            _ => self.backlog = None,
        }
        outcome
    }

    /// What was held back goes first, as far as the pacer lets it.  What it has kept for too long is given up: shown so late it
    /// would be of no use, and everything behind it would be as late.
    fn catch_up(&mut self, layer: &Layer, way: &mut Way<'_>, outcome: &mut Outcome) {
        let Some(first) = self.backlog.take() else {
            return;
        };
        let arrival = layer.ring.get(first).map(|(meta, _)| meta.arrival);
        if arrival.is_none_or(|since| way.now.saturating_since(since) > HELD_AT_MOST) {
            self.stop();
            outcome.stopped = true;
            return;
        }
        self.send_range(layer, first..layer.end(), way, outcome);
    }

    /// Sends these packets of the shown layer, but for those of the batch that is about to be forwarded.
    fn send_range(
        &mut self,
        layer: &Layer,
        packets: Range<u64>,
        way: &mut Way<'_>,
        outcome: &mut Outcome,
    ) {
        let unsent = |ext_seq: &u64| !layer.is_fresh(*ext_seq);
        let kept = packets.end.saturating_sub(layer.ring.capacity() as u64);
        let packets = (packets.start.max(kept)..packets.end).filter(unsent);
        self.send_all(layer, packets, way, outcome);
    }

    /// Sends packets of the shown layer as far as the pacer lets it.
    fn send_all(
        &mut self,
        layer: &Layer,
        packets: impl Iterator<Item = u64>,
        way: &mut Way<'_>,
        outcome: &mut Outcome,
    ) {
        for ext_seq in packets {
            let Some((meta, payload)) = layer.ring.get(ext_seq) else {
                continue;
            };
            if self.waits(ext_seq, way) {
                outcome.waits = true;
                return;
            }
            if !self.knows(meta) && !payload.is_empty() {
                return; // Another codec from here on: that begins with a packet that has just come.
            }
            if let Some(placed) = self.place(meta, payload) {
                self.send((meta, payload, 0), layer, placed, way, outcome);
            }
        }
    }

    /// Whether a packet is held back: it is behind others that are, or the pacer says so.
    #[inline]
    fn waits(&mut self, ext_seq: u64, way: &mut Way<'_>) -> bool {
        if self.kind == Kind::Audio || way.downlink.is_none() {
            return false;
        }
        // What comes late has a place among what was sent, and is not waited for.
        let is_late = self
            .showing
            .is_some_and(|showing| ext_seq <= showing.highest_in);
        match self.backlog {
            Some(first) => ext_seq >= first,
            None if is_late || way.is_open() => false,
            None => {
                self.backlog = Some(ext_seq);
                true
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
        self.start(origin, index, deltas, meta);
        self.totals.switches += u64::from(!goes_on);
        outcome.switched |= !goes_on;
        outcome.shown |= !self.announced;
        self.announced = true;
    }

    /// A video whose codec changed in mid-stream has to wait for the new one's keyframe.
    fn stop_if_changed(&mut self, goes_on: bool, meta: &Meta) -> bool {
        let stops = goes_on && self.kind == Kind::Video && meta.frame_start;
        if stops {
            self.stop();
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
            picture_id: next_picture.wrapping_sub(meta.picture_id as u16)
                & meta.counts.picture_bits(),
            tl0: last.tl0.wrapping_add(1).wrapping_sub(meta.tl0 as u8),
            ..Deltas::default()
        }
    }

    fn start(&mut self, origin: Origin, codec: u8, deltas: Deltas, meta: &Meta) {
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
            varies: own.rtx_payload_type.is_some() && self.rtx_ssrc.is_some() || !own.nack,
            temporal: self.temporal,
            spatial: self.spatial,
            shed: None,
            live_from: None,
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
        showing.highest_in = meta.ext_seq;
        // Where the path does not carry this layer, the least of it until a lower one's keyframe is there.
        let shown = showing.origin.layer;
        let falls = self.is_denied && self.target.is_some_and(|target| target < shown);
        let (temporal, spatial) = match falls {
            true => (0, 0),
            false => (self.temporal, self.spatial),
        };
        if meta.frame_start {
            showing.turn(temporal, spatial, meta);
        }
        let mut segment = Segment {
            first_in: meta.ext_seq,
            first_out: out,
            deltas: showing.deltas(last.deltas, meta),
            ..*last
        };
        let (is_shed, first) = showing.sheds(meta);
        if payload.is_empty() || meta.payload_type != showing.payload_type || is_shed {
            segment.first_in += 1;
            // Players of VP9 know by the original numbers which pictures lean on which.
            if first && meta.counts == Counts::Vp8 {
                segment.deltas.leave_out_picture();
            }
            self.segments.begin(segment);
            return None;
        }
        if segment.deltas != last.deltas {
            self.segments.begin(segment);
        }
        self.next_out = out + 1;
        Some(Placed {
            out,
            deltas: segment.deltas,
        })
    }

    #[inline]
    fn send(
        &mut self,
        (meta, payload, padding): (&Meta, &[u8], u8),
        layer: &Layer,
        placed: Placed,
        way: &mut Way<'_>,
        outcome: &mut Outcome,
    ) {
        let Some(showing) = &self.showing else { return };
        let written = meta.rewritten_len(payload.len());
        let header = &self.headers.media;
        let descriptor = self.descriptor(meta, layer, &placed.deltas);
        let octets = header.octets(descriptor.as_ref());
        let padding = match showing.varies {
            true => way.padding(octets + written, padding),
            false => 0,
        };
        let plain = octets + written + usize::from(padding);
        let numbers = Numbers {
            ext_seq: placed.out,
            timestamp: placed.deltas.stamp(meta.timestamp),
            marker: ends(meta, &placed.deltas),
            payload_type: showing.out_payload_type,
            padding,
            departure: way.depart(header, plain, None),
        };
        let outbound = way.outbound;
        let len = way.egress.write_run(way.run, way.path, |out| {
            let start = header.write(out, &numbers, descriptor.as_ref());
            let end = start + write_payload(&mut out[start..], meta, payload, placed.deltas);
            let end = pad(out, end, numbers.padding);
            outbound.protect_rtp(out, start, end, (numbers.ext_seq >> 16) as u32)
        });
        if len > 0 {
            outcome.sent += 1;
            self.totals.traffic.count(payload.len());
        }
        if !showing.varies && header.departure() != Departure::Untold {
            self.departed.keep(numbers.ext_seq, numbers.departure);
        }
        let is_newest = placed.out + 1 == self.next_out;
        if is_newest {
            self.remember(meta, numbers.timestamp, placed.deltas);
        }
        if len > 0 {
            let is_end = is_newest && numbers.marker;
            outcome.sent += self.insist((placed.out, meta), is_end, layer, way);
        }
    }

    /// What goes into a packet's header of its frame and of who needs it.
    #[inline]
    fn descriptor<'a>(
        &self,
        meta: &Meta,
        layer: &'a Layer,
        deltas: &Deltas,
    ) -> Option<Descriptor<'a>> {
        let id = self.headers.dependency;
        (meta.described > 0 && id != 0).then(|| Descriptor {
            id,
            octets: layer.ring.descriptor(meta.ext_seq),
            frame_number: pictures(meta, *deltas).0,
        })
    }

    #[inline]
    fn remember(&mut self, meta: &Meta, timestamp: u32, deltas: Deltas) {
        self.last.timestamp = timestamp;
        self.last.at = Some(meta.arrival);
        if meta.counts != Counts::Nothing {
            (self.last.picture_id, self.last.tl0) = pictures(meta, deltas);
        }
    }
}

/// Where higher spatial layers are left out, a picture ends before its marker.
#[inline]
fn ends(meta: &Meta, deltas: &Deltas) -> bool {
    meta.marker || (meta.frame_end && meta.spatial == deltas.spatial)
}

#[inline]
fn pictures(meta: &Meta, deltas: Deltas) -> (u16, u8) {
    let picture_id = (meta.picture_id as u16).wrapping_add(deltas.picture_id);
    let picture_id = picture_id & meta.counts.picture_bits();
    (picture_id, (meta.tl0 as u8).wrapping_add(deltas.tl0))
}

#[inline]
fn write_payload(out: &mut [u8], meta: &Meta, payload: &[u8], deltas: Deltas) -> usize {
    let (picture_id, tl0) = pictures(meta, deltas);
    match meta.counts {
        Counts::Vp8 => vp8::rewrite(payload, out, picture_id),
        Counts::Vp9 => vp9::rewrite(payload, out, picture_id, tl0),
        Counts::Nothing | Counts::Frames => {
            out[..payload.len()].copy_from_slice(payload);
            payload.len()
        }
    }
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
