//! One incoming encoding: its ring, its losses, its keyframes, its clock.
//!
//! `router → track → **layer** (ring, nack, reception) → sender`

use std::time::Duration;

use crate::clock::LayerClock;
use crate::codec::dependency::{self, MAX_SPATIAL, Structure, Switches};
use crate::codec::{Codec, Inspected};
use crate::freeze::FreezeMeter;
use crate::keyframe::{KeyframeRequests, SPACING};
use crate::media::{Kind, LayerConfig};
use crate::nack::NackTracker;
use crate::rate::RateMeter;
use crate::reception::Reception;
use crate::relay::Batch;
use crate::rewrite::Fresh;
use crate::ring::{Counts, Meta, Ring};
use crate::rtp::AudioLevel;
use crate::seq::{Unwrap7, Unwrap8, Unwrap15, Unwrap16};
use crate::stats::Traffic;
use crate::time::Instant;
use crate::uplink::Lateness;

/// 2 s of 2.5 Mbit/s video at 1,200 bytes a packet.
const VIDEO_PACKETS: usize = 512;
/// 2.5 s of 20 ms frames.
const AUDIO_PACKETS: usize = 128;
/// Temporal layers that are told apart: VP8 and VP9 have no more in practice, and a fourth is the sum of what is left.
pub const TEMPORAL_LAYERS: usize = 4;
/// Octets of each packet that is forwarded beyond its payload: RTP header, extensions, authentication tag.
const OVERHEAD: usize = 40;
/// Spatial layers of one stream that are told apart: WebRTC has no more.
pub const SPATIAL_LAYERS: usize = 3;
/// A keyframe of this age is as good as one that would have to come.
const JUST_BEEN: Duration = Duration::from_millis(300);
/// What follows a keyframe is caught up with if it is no more than so many packets.
const MOST_CAUGHT_UP: u64 = 256;
/// Silence after which a layer is not alive: more than a frame at 2 frames a second.
pub const SILENT: Duration = Duration::from_millis(700);
/// A layer has been stopped when so many of its frames are missing that a lower one has...
const ALL_MISSING: u8 = 3;
/// ...for so long at least.
const MISSING: Duration = Duration::from_millis(150);
/// A higher layer has to stay this long before it is shown: a browser that probes its bandwidth starts and stops one...
const STEADY: Duration = Duration::from_millis(1_500);
/// ...and twice as long each time that it was asked for and stayed for less than this, so often at most.
const LASTED: Duration = Duration::from_secs(10);
const MOST_TRIED: u8 = 2;

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
    /// SSRCs of the epoch before, of media and of retransmissions.
    left: [Option<u32>; 2],
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
    /// Its publisher is asked for what it lacks.
    is_mended: bool,
    /// Loss and jitter.
    pub reception: Reception,
    /// How late its packets are.
    pub lateness: Lateness,
    /// Its timestamps on our clock, once a sender report told.
    pub clock: Option<LayerClock>,
    /// What came in.
    pub traffic: Traffic,
    /// Sequence numbers asked for.
    pub nacks_sent: u64,
    /// What each temporal layer costs whoever takes it.
    rates: [RateMeter; TEMPORAL_LAYERS],
    /// What each spatial layer does.
    spatial_rates: [RateMeter; SPATIAL_LAYERS],
    /// What the packet before said of its layers, for one that goes on in the middle.
    inspected: Inspected,
    /// What dependency descriptors refer to; only senders of AV1 have it.
    structure: Option<Box<Structure>>,
    /// The first packet of the last keyframe, and when it came.
    last_keyframe: Option<(u64, Instant)>,
    /// Lines of picture; 0 while no keyframe has told.
    pub height: u16,
    /// Its pauses, as they came in.
    pub freezes: FreezeMeter,
    pictures: Pictures,
    alive_since: Instant,
    last_media: Option<Instant>,
    /// Frames of a lower layer since.
    passed_by: u8,
    /// Its publisher has stopped it.
    has_stopped: bool,
    /// How often it has done so soon, though the layer was asked for.
    tried: u8,
}

/// Unwrapped counters of pictures; a stream keeps to one width of picture id.
#[derive(Debug, Default)]
struct Pictures {
    long: Unwrap15,
    short: Unwrap7,
    tl0: Unwrap8,
    frames: Unwrap16,
}

impl Pictures {
    fn unwrap(&mut self, inspected: &Inspected, frame: Option<u16>) -> (Counts, u64, u64) {
        if let Some(frame) = frame {
            return (Counts::Frames, self.frames.unwrap(frame), 0);
        }
        let of_vp8 = inspected
            .vp8
            .as_ref()
            .map(|told| (Counts::Vp8, told.picture_id, told.tl0));
        let of_vp9 = inspected
            .vp9
            .as_ref()
            .map(|told| (Counts::Vp9, told.picture_id, told.tl0));
        let Some((counts, picture_id, tl0)) = of_vp8.or(of_vp9) else {
            return (Counts::Nothing, 0, 0);
        };
        let picture_id = picture_id.map_or(0, |id| match id.wide {
            true => self.long.unwrap(id.value),
            false => self.short.unwrap(id.value),
        });
        (
            counts,
            picture_id,
            tl0.map_or(0, |tl0| self.tl0.unwrap(tl0)),
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
    /// RTP timestamp ticks a second.
    pub clock_rate: u32,
    /// Empty in a padding-only packet.
    pub payload: &'a [u8],
    /// Where the packet told it.
    pub audio_level: Option<AudioLevel>,
    /// The dependency descriptor, where the packet has one.
    pub dependency: Option<&'a [u8]>,
    /// It was lost, and sent again.
    pub is_again: bool,
}

impl Layer {
    /// A layer that has received nothing.
    pub fn new(config: &LayerConfig, kind: Kind) -> Self {
        Self {
            rid: config.rid.clone(),
            ssrc: config.ssrc,
            rtx_ssrc: config.rtx_ssrc,
            epoch: 0,
            left: [None; 2],
            ring: new_ring(kind),
            fresh: Vec::new(),
            fresh_since: Instant::default(),
            fresh_end: false,
            relayed: 0,
            nacks: NackTracker::new(),
            keyframes: KeyframeRequests::default(),
            is_mended: true,
            reception: Reception::default(),
            lateness: Lateness::default(),
            clock: None,
            traffic: Traffic::default(),
            nacks_sent: 0,
            rates: Default::default(),
            spatial_rates: Default::default(),
            inspected: Inspected::default(),
            structure: None,
            last_keyframe: None,
            height: 0,
            freezes: FreezeMeter::default(),
            pictures: Pictures::default(),
            alive_since: Instant::default(),
            last_media: None,
            passed_by: 0,
            has_stopped: false,
            tried: 0,
        }
    }

    /// The publisher goes on under another SSRC: with new numbers and a new clock.
    pub fn begin_epoch(&mut self, ssrc: u32, kind: Kind) {
        self.left = [self.ssrc.replace(ssrc), self.rtx_ssrc.take()];
        self.follow(self.epoch.wrapping_add(1), kind);
    }

    /// A packet of this SSRC is a late one of the epoch before, and no sign that the publisher goes back to it.
    pub fn has_left(&self, ssrc: u32, now: Instant) -> bool {
        self.left.contains(&Some(ssrc)) && self.is_alive(now)
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
        self.lateness = Lateness::default();
        self.clock = None;
        self.last_keyframe = None;
        self.freezes.restart();
        self.inspected = Inspected::default();
        self.structure = None;
        self.pictures = Pictures::default();
    }

    /// Keeps a packet; `None` if it is there already or too old, else whether media comes for the first time, or again
    /// after a silence.
    pub fn take(&mut self, incoming: &Incoming<'_>, now: Instant) -> Option<bool> {
        let inspected = incoming.codec.inspect(incoming.payload).unwrap_or_default();
        let inspected = match incoming.codec {
            Codec::Av1 => self.with_dependency(incoming, inspected),
            _ => inspected,
        };
        let inspected = inspected.after(&self.inspected);
        let is_newest = self
            .ring
            .highest()
            .is_none_or(|highest| incoming.ext_seq > highest);
        if is_newest && !incoming.payload.is_empty() {
            self.inspected = inspected;
        }
        let descriptor = incoming.dependency.filter(|_| incoming.codec == Codec::Av1);
        let meta = self.describe(incoming, &inspected, descriptor, now);
        let descriptor = descriptor.unwrap_or_default();
        if !self.ring.insert(meta, incoming.payload, descriptor) {
            return None;
        }
        self.traffic.count(incoming.payload.len());
        if incoming.payload.is_empty() {
            return Some(false);
        }
        let is_late = incoming.is_again && self.has_stopped;
        let woke = !is_late && !self.is_alive(now);
        if !is_late {
            self.note_media(now);
        }
        let temporal = usize::from(meta.temporal).min(TEMPORAL_LAYERS - 1);
        self.rates[temporal].count(incoming.payload.len() + OVERHEAD, now);
        let spatial = usize::from(meta.spatial).min(SPATIAL_LAYERS - 1);
        self.spatial_rates[spatial].count(incoming.payload.len() + OVERHEAD, now);
        if inspected.keyframe_start {
            self.keyframe_arrived(meta.ext_seq, now);
        }
        if inspected.frame_start {
            self.freezes.begun(meta.timestamp, incoming.clock_rate, now);
        }
        if let Some(resolution) = inspected.resolution {
            self.height = resolution.height;
        }
        Some(woke)
    }

    /// Bits a second of its temporal layers up to each.
    pub fn rates(&mut self, now: Instant) -> [u32; TEMPORAL_LAYERS] {
        up_to_each(&mut self.rates, now)
    }

    /// Bits a second of its spatial layers up to each.
    pub fn spatial_rates(&mut self, now: Instant) -> [u32; SPATIAL_LAYERS] {
        up_to_each(&mut self.spatial_rates, now)
    }

    /// What a dependency descriptor tells of the packet's layers and its place in their frame, which is more than the
    /// payload does.
    fn with_dependency(&mut self, incoming: &Incoming<'_>, inspected: Inspected) -> Inspected {
        let told = incoming.dependency;
        let told = told.and_then(|bytes| dependency::read(bytes, self.structure.as_deref()));
        let Some(told) = told else { return inspected };
        if let Some(structure) = told.structure {
            self.structure = Some(Box::new(structure));
        }
        let Some(structure) = &mut self.structure else {
            return inspected;
        };
        if let Some(active) = told.active_targets {
            structure.go_on_with(active);
        }
        Inspected {
            frame_start: told.frame_start || inspected.keyframe_start,
            frame_end: told.frame_end,
            spatial: told.layers.spatial,
            temporal: told.layers.temporal,
            sync: false,
            switches: match told.frame_start {
                true => structure.switches(told.indications),
                false => Switches::NONE,
            },
            continues: false,
            resolution: (0..=MAX_SPATIAL)
                .rev()
                .find_map(|spatial| structure.resolution(spatial))
                .or(inspected.resolution),
            ..inspected
        }
    }

    /// Keeps a packet as another worker's layer described it; `false` if it is there already or too old.
    pub fn copy(&mut self, meta: &Meta, payload: &[u8], descriptor: &[u8], now: Instant) -> bool {
        if !self.ring.insert(*meta, payload, descriptor) {
            return false;
        }
        self.refresh(Fresh::new(meta.ext_seq, payload.len()), meta.marker, now);
        if meta.keyframe_start {
            self.keyframe_arrived(meta.ext_seq, now);
        }
        true
    }

    fn keyframe_arrived(&mut self, ext_seq: u64, now: Instant) {
        self.keyframes.arrived(now);
        if self.last_keyframe.is_none_or(|(last, _)| ext_seq > last) {
            self.last_keyframe = Some((ext_seq, now));
        }
    }

    /// The first packet of a keyframe that came so lately that a viewer may as well begin with it, if everything since is
    /// there: one that has just been, or any of the last second while no other may be asked for.
    pub fn recent_keyframe(&self, now: Instant) -> Option<u64> {
        let (first, came) = self.last_keyframe?;
        let age = now.saturating_since(came);
        let most = match self.keyframes.may_ask(now) {
            true => JUST_BEEN,
            false => SPACING,
        };
        let last = self.ring.highest()?;
        let is_short = age <= most && last.saturating_sub(first) < MOST_CAUGHT_UP;
        (is_short && (first..=last).all(|ext_seq| self.ring.get(ext_seq).is_some()))
            .then_some(first)
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
                batch.push(meta, payload, self.ring.descriptor(fresh.ext_seq));
            }
        }
        self.relayed = self.fresh.len();
    }

    /// Whether its publisher is asked for what it lacks, from now on; what was to be asked for is forgotten if not.
    pub fn mend(&mut self, is_mended: bool) {
        if std::mem::replace(&mut self.is_mended, is_mended) && !is_mended {
            self.keyframes.forget();
        }
    }

    /// Appends the numbers of packets to ask for now to `out`.
    pub fn missing(&mut self, now: Instant, rtt: Duration, out: &mut Vec<u16>) {
        if !self.is_mended {
            return self.nacks.forget();
        }
        self.nacks.due(now, rtt, out);
        if self.nacks.take_overflowed() {
            self.keyframes.want();
        }
    }

    /// Behind its newest packet.
    pub fn end(&self) -> u64 {
        self.ring.highest().map_or(0, |highest| highest + 1)
    }

    /// Senders have not been offered this packet yet.
    pub fn is_fresh(&self, ext_seq: u64) -> bool {
        self.fresh.iter().any(|fresh| fresh.ext_seq == ext_seq)
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

    fn describe(
        &mut self,
        incoming: &Incoming<'_>,
        inspected: &Inspected,
        descriptor: Option<&[u8]>,
        now: Instant,
    ) -> Meta {
        let frame = descriptor.and_then(dependency::frame_number);
        let (counts, picture_id, tl0) = self.pictures.unwrap(inspected, frame);
        Meta {
            ext_seq: incoming.ext_seq,
            timestamp: incoming.timestamp,
            marker: incoming.marker,
            payload_type: incoming.payload_type,
            arrival: now,
            keyframe_start: inspected.keyframe_start,
            frame_start: inspected.frame_start,
            frame_end: inspected.frame_end,
            is_again: incoming.is_again,
            parameters: inspected.parameters,
            // Without a dependency descriptor a player of AV1 cannot tell where a picture without its upper layers ends.
            spatial: match counts {
                Counts::Vp9 => inspected.spatial,
                Counts::Frames | Counts::Nothing if self.structure.is_some() => inspected.spatial,
                Counts::Vp8 | Counts::Frames | Counts::Nothing => 0,
            },
            temporal: inspected.temporal,
            sync: inspected.sync,
            switches: inspected.switches,
            counts,
            described: 0,
            grows: grows(inspected),
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
        self.passed_by = 0;
        if std::mem::take(&mut self.has_stopped) {
            // That was no freeze, and nothing of its pace.
            self.freezes.restart();
        }
    }

    /// A frame of a lower layer has come to its end; says whether this one must have been stopped, which shows with some
    /// frames that are all missing.  Layers are of one picture: a source or a path that stands still shows in all of them.
    pub fn passed_by(&mut self, is_asked: bool, now: Instant) -> bool {
        self.passed_by = self.passed_by.saturating_add(1);
        let interval = self.freezes.interval();
        let least = MISSING.max(interval * u32::from(ALL_MISSING));
        let is_missing = |last| now.saturating_since(last) >= least;
        let has_stopped = self.passed_by >= ALL_MISSING
            && !interval.is_zero()
            && self.is_alive(now)
            && self.last_media.is_some_and(is_missing);
        if has_stopped {
            self.tried = match self.alive_for(now) < LASTED && is_asked {
                true => (self.tried + 1).min(MOST_TRIED),
                false => 0,
            };
            self.has_stopped = true;
        }
        has_stopped
    }

    /// It has come for so long that it is no attempt of the publisher's: longer each time that it was one.
    pub fn is_steady(&self, now: Instant) -> bool {
        self.alive_for(now) >= STEADY * 2u32.pow(self.tried.into())
    }

    /// Media has come a moment ago.
    pub fn is_alive(&self, now: Instant) -> bool {
        let last = self.last_media.filter(|_| !self.has_stopped);
        last.is_some_and(|last| now.saturating_since(last) < SILENT)
    }

    /// How long its picture has stood still by now; one that its publisher has stopped does not.
    pub fn standing(&self, now: Instant) -> Duration {
        match self.has_stopped {
            true => Duration::ZERO,
            false => self.freezes.standing(now),
        }
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

/// Octets that a payload grows by when its pictures are counted anew.
fn grows(inspected: &Inspected) -> i8 {
    let of_vp8 = inspected
        .vp8
        .map(|told| (told.rewritten_len(), usize::from(told.len)));
    let of_vp9 = inspected
        .vp9
        .map(|told| (told.rewritten_len(), usize::from(told.len)));
    let (after, before) = of_vp8.or(of_vp9).unwrap_or_default();
    after.wrapping_sub(before) as i8
}

fn up_to_each<const N: usize>(meters: &mut [RateMeter; N], now: Instant) -> [u32; N] {
    let mut sum = 0u32;
    meters.each_mut().map(|meter| {
        sum = sum.saturating_add(meter.bits_per_second(now));
        sum
    })
}

fn new_ring(kind: Kind) -> Ring {
    Ring::new(match kind {
        Kind::Video => VIDEO_PACKETS,
        Kind::Audio => AUDIO_PACKETS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Template 0 of a structure of two spatial layers, 320x180 and 640x360, with both its frames; as in `dependency.rs`.
    const FIRST: [u8; 15] = [
        0xc0, 0x00, 0x01, 0x80, 0x01, 0xbf, 0x81, 0x01, 0x3f, 0x00, 0xb3, 0x02, 0x7f, 0x01, 0x67,
    ];

    fn took(layer: &mut Layer, ext_seq: u64, payload: &[u8], dependency: &[u8]) -> Meta {
        let incoming = Incoming {
            ext_seq,
            timestamp: 0,
            marker: false,
            payload_type: 45,
            codec: Codec::Av1,
            clock_rate: 90_000,
            payload,
            audio_level: None,
            dependency: Some(dependency),
            is_again: false,
        };
        layer.take(&incoming, Instant::from_millis(1_000));
        *layer.ring.get(ext_seq).expect("kept").0
    }

    #[test]
    fn a_dependency_descriptor_tells_the_layers_of_av1_where_the_payload_does_not() {
        let mut layer = Layer::new(&LayerConfig::default(), Kind::Video);
        let start = took(&mut layer, 1, &[0x18, 0x30, 1, 2], &FIRST);
        assert!(start.keyframe_start && start.frame_start);
        assert_eq!((start.spatial, layer.height), (0, 360));
        assert!(!start.sync && !start.switches.to(0, 0));
        // Template 1: the end of the upper layer's frame, in a packet that begins in the middle of something.
        let upper = took(&mut layer, 2, &[0x90, 9], &[0x41, 0, 2]);
        assert_eq!(
            (upper.spatial, upper.frame_end, upper.frame_start),
            (1, true, false)
        );
        assert!(!upper.switches.to(1, 0));
        // The upper target can be switched to with the upper layer's frame, where that begins.
        let begun = took(&mut layer, 3, &[0x10, 0x30, 9], &[0xc1, 0, 3]);
        assert!(begun.switches.to(1, 0) && begun.switches.to(3, 7) && !begun.switches.to(0, 0));
    }
}
