//! One incoming encoding: its ring, its losses, its keyframes, its clock.
//!
//! `router → track → **layer** (ring, nack, reception) → sender`

use std::time::Duration;

use crate::clock::LayerClock;
use crate::codec::{Codec, Inspected, vp8};
use crate::keyframe::KeyframeRequests;
use crate::media::{Kind, LayerConfig};
use crate::nack::NackTracker;
use crate::reception::Reception;
use crate::relay::Batch;
use crate::rewrite::Fresh;
use crate::ring::{Meta, Ring};
use crate::rtp::AudioLevel;
use crate::seq::{Unwrap7, Unwrap8, Unwrap15};
use crate::stats::Traffic;
use crate::time::Instant;

/// 2 s of 2.5 Mbit/s video at 1,200 bytes a packet.
const VIDEO_PACKETS: usize = 512;
/// 2.5 s of 20 ms frames.
const AUDIO_PACKETS: usize = 128;
/// Silence after which a layer is not alive: more than a frame at 2 frames a second.
pub const SILENT: Duration = Duration::from_millis(700);

/// One simulcast encoding of a track, or all of a track without simulcast.
#[derive(Debug)]
pub struct Layer {
    /// Its name in simulcast.
    pub rid: Option<String>,
    /// Of its media; learned from packets unless the offer told.
    pub ssrc: Option<u32>,
    /// Of its retransmissions.
    pub rtx_ssrc: Option<u32>,
    /// Counts the SSRCs it has had: numbers of different ones have nothing to do with each other.
    pub epoch: u32,
    /// Its recent packets.
    pub ring: Ring,
    /// Packets of this batch that senders have not seen.
    pub fresh: Vec<Fresh>,
    /// When the first of them came.
    pub fresh_since: Instant,
    /// They end a frame, or are late already: there is no reason to wait for more.
    pub fresh_end: bool,
    /// How many of these other workers have got.
    pub relayed: usize,
    /// What is missing.
    pub nacks: NackTracker,
    /// Who asks for keyframes, and when.
    pub keyframes: KeyframeRequests,
    /// Loss and jitter.
    pub reception: Reception,
    /// Its timestamps on our clock, once a sender report told.
    pub clock: Option<LayerClock>,
    /// What came in.
    pub traffic: Traffic,
    /// Sequence numbers asked for.
    pub nacks_sent: u64,
    pictures: Pictures,
    alive_since: Instant,
    last_media: Option<Instant>,
}

/// Unwrapped VP8 counters; a stream keeps to one width of picture id.
#[derive(Debug, Default)]
struct Pictures {
    long: Unwrap15,
    short: Unwrap7,
    tl0: Unwrap8,
}

impl Pictures {
    fn unwrap(&mut self, descriptor: Option<&vp8::Descriptor>) -> (u64, u64) {
        let Some(descriptor) = descriptor else {
            return (0, 0);
        };
        let picture_id = descriptor.picture_id.map_or(0, |id| match id.wide {
            true => self.long.unwrap(id.value),
            false => self.short.unwrap(id.value),
        });
        (
            picture_id,
            descriptor.tl0.map_or(0, |tl0| self.tl0.unwrap(tl0)),
        )
    }
}

/// A packet as the layer takes it.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Unwrapped sequence number.
    pub ext_seq: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// As the publisher numbers it.
    pub payload_type: u8,
    /// What that means.
    pub codec: Codec,
    /// Empty in a padding-only packet.
    pub payload: &'a [u8],
    /// Where the packet told it.
    pub audio_level: Option<AudioLevel>,
}

impl Layer {
    /// A layer that has received nothing.
    pub fn new(config: &LayerConfig, kind: Kind) -> Self {
        Self {
            rid: config.rid.clone(),
            ssrc: config.ssrc,
            rtx_ssrc: config.rtx_ssrc,
            epoch: 0,
            ring: new_ring(kind),
            fresh: Vec::new(),
            fresh_since: Instant::default(),
            fresh_end: false,
            relayed: 0,
            nacks: NackTracker::new(),
            keyframes: KeyframeRequests::default(),
            reception: Reception::default(),
            clock: None,
            traffic: Traffic::default(),
            nacks_sent: 0,
            pictures: Pictures::default(),
            alive_since: Instant::default(),
            last_media: None,
        }
    }

    /// The publisher goes on under another SSRC: with new numbers and a new clock.
    pub fn begin_epoch(&mut self, ssrc: u32, kind: Kind) {
        self.ssrc = Some(ssrc);
        self.follow(self.epoch.wrapping_add(1), kind);
    }

    /// Goes on in this epoch; another one begins with nothing.
    pub fn follow(&mut self, epoch: u32, kind: Kind) {
        if std::mem::replace(&mut self.epoch, epoch) == epoch {
            return;
        }
        self.ring = new_ring(kind);
        self.forget_fresh();
        self.nacks = NackTracker::new();
        self.reception = Reception::default();
        self.clock = None;
        self.pictures = Pictures::default();
    }

    /// Keeps a packet; `false` if it is there already or too old.
    pub fn take(&mut self, incoming: &Incoming<'_>, now: Instant) -> bool {
        let inspected = incoming.codec.inspect(incoming.payload).unwrap_or_default();
        let meta = self.describe(incoming, &inspected, now);
        if !self.ring.insert(meta, incoming.payload) {
            return false;
        }
        self.traffic.count(incoming.payload.len());
        if !incoming.payload.is_empty() {
            self.note_media(now);
        }
        if inspected.keyframe_start {
            self.keyframes.arrived();
        }
        true
    }

    /// Keeps a packet as another worker's layer described it; `false` if it is there already or too old.
    pub fn copy(&mut self, meta: &Meta, payload: &[u8], now: Instant) -> bool {
        if !self.ring.insert(*meta, payload) {
            return false;
        }
        self.refresh(Fresh::new(meta.ext_seq, payload.len()), meta.marker, now);
        if meta.keyframe_start {
            self.keyframes.arrived();
        }
        true
    }

    /// Senders are to get this packet, the last of its frame or not; says whether it is the only one.
    pub fn refresh(&mut self, fresh: Fresh, is_last: bool, now: Instant) -> bool {
        let first = self.fresh.is_empty();
        if first {
            self.fresh_since = now;
        }
        self.fresh.push(fresh);
        self.fresh_end |= is_last;
        first
    }

    /// Everybody has got this batch.
    pub fn forget_fresh(&mut self) {
        self.fresh.clear();
        self.fresh_end = false;
        self.relayed = 0;
    }

    /// What of this batch other workers have not got; they have after this.
    pub fn relay(&mut self, batch: &mut Batch) {
        (batch.epoch, batch.clock) = (self.epoch, self.clock);
        for fresh in &self.fresh[self.relayed..] {
            if let Some((meta, payload)) = self.ring.get(fresh.ext_seq) {
                batch.push(meta, payload);
            }
        }
        self.relayed = self.fresh.len();
    }

    /// A keyframe begins in this batch, and senders have not seen it yet.
    pub fn has_fresh_keyframe(&self) -> bool {
        let begins = |fresh: &Fresh| {
            self.ring
                .get(fresh.ext_seq)
                .is_some_and(|(meta, _)| meta.keyframe_start)
        };
        self.fresh.iter().any(begins)
    }

    fn describe(&mut self, incoming: &Incoming<'_>, inspected: &Inspected, now: Instant) -> Meta {
        let (picture_id, tl0) = self.pictures.unwrap(inspected.vp8.as_ref());
        Meta {
            ext_seq: incoming.ext_seq,
            timestamp: incoming.timestamp,
            marker: incoming.marker,
            payload_type: incoming.payload_type,
            arrival: now,
            keyframe_start: inspected.keyframe_start,
            frame_start: inspected.frame_start,
            vp8: inspected.vp8,
            picture_id,
            tl0,
            audio_level: incoming.audio_level,
        }
    }

    pub(crate) fn note_media(&mut self, now: Instant) {
        if !self.is_alive(now) {
            self.alive_since = now;
        }
        self.last_media = Some(now);
    }

    /// Media has come a moment ago.
    pub fn is_alive(&self, now: Instant) -> bool {
        self.last_media
            .is_some_and(|last| now.saturating_since(last) < SILENT)
    }

    /// When media last came.
    pub fn last_media(&self) -> Option<Instant> {
        self.last_media
    }

    /// How long media has come without a break; zero if it does not.
    pub fn alive_for(&self, now: Instant) -> Duration {
        if self.is_alive(now) {
            now.saturating_since(self.alive_since)
        } else {
            Duration::ZERO
        }
    }
}

fn new_ring(kind: Kind) -> Ring {
    Ring::new(match kind {
        Kind::Video => VIDEO_PACKETS,
        Kind::Audio => AUDIO_PACKETS,
    })
}
