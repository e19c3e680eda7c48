//! One published source: its layers, what of them there is to choose from, and who shows it.
//!
//! `router → **track** → layer (ring) → sender`

use std::time::Duration;

use crate::codec::Codec;
use crate::events::PeerId;
use crate::layer::{Incoming, Layer};
use crate::level::LevelMeter;
use crate::media::{CodecConfig, ExtensionIds, Kind, LayerConfig, TrackConfig};
use crate::relay::{Batch, Description, TrackName};
use crate::rewrite::Fresh;
use crate::rtp::{AudioLevel, Packet};
use crate::slab::Key;
use crate::supply::{Asked, Flow, Supply};
use crate::time::Instant;

/// How often a publisher's layers are looked at.
pub const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Layers of one track: browsers send three at most.
pub const MAX_LAYERS: usize = 4;

/// Where a track's packets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// A peer of this worker publishes it.
    Here(Key),
    /// A peer of another worker does: this is its mirror, fed by relays.
    There {
        /// Which worker.
        worker: usize,
        /// The layers that it was told are taken here, a bit each; `None`: nothing yet.
        told: Option<u8>,
    },
}

impl Home {
    /// The peer of this worker that publishes it.
    pub const fn owner(&self) -> Option<Key> {
        match *self {
            Self::Here(owner) => Some(owner),
            Self::There { .. } => None,
        }
    }
}

/// Another worker that shows this track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Which worker.
    pub worker: usize,
    /// Its mirror's key there.
    pub mirror: Key,
    /// The layers that are shown there, or are to be, a bit each; `None`: it has not said.
    pub taken: Option<u8>,
}

impl Subscriber {
    /// Packets of this layer go there; before it has said anything, all do.
    pub fn takes(&self, layer: u8) -> bool {
        self.taken.is_none_or(|taken| taken & 1 << layer != 0)
    }
}

/// One published source, or what stands for one that another worker's peer publishes.
#[derive(Debug)]
pub struct Track {
    /// Whose it is.
    pub home: Home,
    /// The publisher, as Python knows it.
    pub owner_id: PeerId,
    /// Its m-line.
    pub mid: String,
    /// Sound or pictures.
    pub kind: Kind,
    /// As the publisher numbers them.
    pub codecs: Vec<CodecConfig>,
    /// Low to high.
    pub layers: Vec<Layer>,
    /// Forwarded at all.
    pub enabled: bool,
    /// The senders that show it or wait to.
    pub shown_by: Vec<Key>,
    /// The first peer here of its owner and those it is shown to: tracks of one company go to much the same receivers.
    pub company: Option<Key>,
    /// The other workers that show it.
    pub relayed_to: Vec<Subscriber>,
    /// What there is to choose from, a layer each.
    pub supplies: Vec<Supply>,
    /// What its publisher was told to send.
    pub asked: Asked,
    /// Its publisher's path carries the lowest layer at most.
    pub is_narrow: bool,
    /// Index of the codec last seen.
    pub active_codec: Option<u8>,
    /// How loud it is.
    pub level: LevelMeter,
    announced: Instant,
}

/// What a retransmission brings (RFC 4588 §4).
#[derive(Clone, Copy, Debug)]
pub struct Original<'a> {
    /// Unwrapped, of the packet that was lost.
    pub ext_seq: u64,
    /// Without the number in front of it.
    pub payload: &'a [u8],
}

/// What the arrival of a packet means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// It is new.
    pub is_new: bool,
    /// The codec is another than before, or the first.
    pub new_codec: bool,
    /// The first sender now has a packet to forward.
    pub touched: bool,
    /// Media of the layer comes for the first time, or again.
    pub woke: bool,
    /// A higher layer comes no more.
    pub stopped: bool,
}

/// Where in a track a packet goes: what its payload type means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// Media of the codec with this index.
    Media(u8),
    /// Retransmissions of it.
    Rtx(u8),
}

impl Track {
    /// A track that has received nothing.
    pub fn new(owner: Key, owner_id: PeerId, config: TrackConfig) -> Self {
        let mut track = Self::empty(Home::Here(owner), owner_id, config.mid.clone(), config.kind);
        track.configure(config);
        track
    }

    /// What stands for a track of another worker, of which only the name is known yet.
    pub fn mirror(worker: usize, name: &TrackName) -> Self {
        let home = Home::There { worker, told: None };
        Self::empty(home, name.peer, name.mid.clone(), Kind::Video)
    }

    fn empty(home: Home, owner_id: PeerId, mid: String, kind: Kind) -> Self {
        Self {
            home,
            owner_id,
            mid,
            kind,
            codecs: Vec::new(),
            layers: Vec::new(),
            enabled: true,
            shown_by: Vec::new(),
            company: home.owner(),
            relayed_to: Vec::new(),
            supplies: Vec::new(),
            asked: Asked::default(),
            is_narrow: false,
            active_codec: None,
            level: LevelMeter::default(),
            announced: Instant::default(),
        }
    }

    /// Its name on every worker.
    pub fn name(&self) -> TrackName {
        TrackName {
            peer: self.owner_id,
            mid: self.mid.clone(),
        }
    }

    /// What its mirrors have to know.
    pub fn describe(&self) -> Description {
        Description {
            kind: self.kind,
            codecs: self.codecs.clone(),
            active_codec: self.active_codec,
            rids: self.layers.iter().map(|layer| layer.rid.clone()).collect(),
            supplies: self.supplies.clone(),
            enabled: self.enabled,
        }
    }

    /// Takes over what its publisher's worker says of it.
    pub fn follow(&mut self, told: &Description) {
        let layer = |rid: &Option<String>| LayerConfig {
            rid: rid.clone(),
            ..LayerConfig::default()
        };
        self.kind = told.kind;
        self.configure(TrackConfig {
            mid: self.mid.clone(),
            kind: told.kind,
            codecs: told.codecs.clone(),
            layers: told.rids.iter().map(layer).collect(),
        });
        self.active_codec = told.active_codec;
        self.supplies.clone_from(&told.supplies);
        self.supplies.resize(self.layers.len(), Supply::default());
        self.enabled = told.enabled;
    }

    /// Takes in what another worker received; whether the first sender now has a packet to forward.
    pub fn mirror_batch(&mut self, batch: &Batch, now: Instant) -> bool {
        let Some(layer) = self.layers.get_mut(usize::from(batch.layer)) else {
            return false;
        };
        layer.follow(batch.epoch, self.kind);
        layer.clock = batch.clock.or(layer.clock);
        let touched = layer.fresh.is_empty();
        for (meta, payload, descriptor) in batch.packets() {
            if !layer.copy(meta, payload, descriptor, now) {
                continue;
            }
            let carries = |codec: &CodecConfig| codec.payload_type == meta.payload_type;
            let codec = self.codecs.iter().position(carries);
            if let Some(codec) = codec.filter(|_| !payload.is_empty()) {
                self.active_codec = Some(codec as u8);
            }
        }
        touched && !layer.fresh.is_empty()
    }

    /// Takes a new negotiation over; layers with the same RID (or place, without RIDs) go on.
    pub fn configure(&mut self, mut config: TrackConfig) {
        config.layers.truncate(MAX_LAYERS);
        if config.layers.is_empty() {
            config.layers.push(LayerConfig::default());
        }
        let rids = self.layers.iter().map(|layer| &layer.rid);
        let same = rids.eq(config.layers.iter().map(|layer| &layer.rid));
        let mut old: Vec<Option<Layer>> = self.layers.drain(..).map(Some).collect();
        for (index, wanted) in config.layers.iter().enumerate() {
            let is_same = |layer: &Layer| layer.rid == wanted.rid;
            let same = match &wanted.rid {
                Some(_) => old.iter().position(|one| one.as_ref().is_some_and(is_same)),
                None => Some(index).filter(|_| {
                    old.get(index)
                        .is_some_and(|one| one.as_ref().is_some_and(is_same))
                }),
            };
            let mut layer = same.and_then(|place| old[place].take());
            if let Some(moved) = layer.as_mut().filter(|_| same != Some(index)) {
                // What the batch at hand brought is noted by the old place: it is left to retransmission.
                moved.forget_fresh();
            }
            self.layers
                .push(layer.unwrap_or_else(|| Layer::new(wanted, self.kind)));
        }
        let active_key = self.active_codec().map(|codec| codec.key.clone());
        self.codecs = config.codecs;
        self.active_codec = active_key
            .and_then(|key| self.codecs.iter().position(|codec| codec.key == key))
            .map(|index| index as u8);
        if same {
            self.asked.tell_again();
        } else {
            self.supplies = vec![Supply::default(); self.layers.len()];
            self.asked = Asked::default();
        }
    }

    /// One more sender shows it, of this peer.
    pub fn shown_to(&mut self, sender: Key, peer: Key) {
        self.shown_by.push(sender);
        self.company = Some(self.company.map_or(peer, |first| first.min(peer)));
    }

    /// The codec last seen.
    pub fn active_codec(&self) -> Option<&CodecConfig> {
        self.codecs.get(usize::from(self.active_codec?))
    }

    /// What a payload type of the publisher means.
    #[inline]
    pub fn carries(&self, payload_type: u8) -> Option<Carries> {
        let position = |found: &dyn Fn(&CodecConfig) -> bool| self.codecs.iter().position(found);
        if let Some(index) = position(&|codec| codec.payload_type == payload_type) {
            return Some(Carries::Media(index as u8));
        }
        position(&|codec| codec.rtx_payload_type == Some(payload_type))
            .map(|index| Carries::Rtx(index as u8))
    }

    /// Takes a media packet in.
    pub fn receive(
        &mut self,
        layer_index: u8,
        codec_index: u8,
        packet: &Packet<'_>,
        ext_seq: u64,
        ids: ExtensionIds,
        now: Instant,
    ) -> Arrival {
        let codec = &self.codecs[usize::from(codec_index)];
        let (rate, nack, what) = (codec.clock_rate, codec.nack, codec.codec);
        let layer = &mut self.layers[usize::from(layer_index)];
        layer
            .reception
            .received(ext_seq, packet.timestamp, rate, now);
        if nack {
            layer.nacks.received(ext_seq, now);
            if self.kind == Kind::Video && !packet.marker {
                layer.nacks.goes_on(ext_seq, now);
            }
        }
        let audio_level = packet.extension(ids.audio_level);
        let audio_level = audio_level.and_then(AudioLevel::parse);
        if let Some(heard) = audio_level {
            self.level.heard(heard.level, now);
        }
        let incoming = Incoming {
            ext_seq,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload_type: packet.payload_type,
            codec: what,
            clock_rate: rate,
            payload: packet.payload,
            audio_level,
            dependency: packet.extension(ids.dependency),
            is_again: false,
        };
        let arrival = self.keep(layer_index, codec_index, &incoming, packet.marker, now);
        Arrival {
            stopped: packet.marker && self.pass_by(layer_index, now),
            ..arrival
        }
    }

    /// How late a media packet is that has just come.
    pub fn late(&mut self, layer: u8, codec: u8, timestamp: u32, now: Instant) -> Option<Duration> {
        let rate = self.codecs.get(usize::from(codec))?.clock_rate;
        let layer = self.layers.get_mut(usize::from(layer))?;
        Some(layer.lateness.of(timestamp, rate, now))
    }

    /// Takes in a packet that came as a retransmission (RFC 4588).
    pub fn recover(
        &mut self,
        layer_index: u8,
        codec_index: u8,
        packet: &Packet<'_>,
        original: Original<'_>,
        ids: ExtensionIds,
        now: Instant,
    ) -> Arrival {
        let ext_seq = original.ext_seq;
        let codec = &self.codecs[usize::from(codec_index)];
        let layer = &mut self.layers[usize::from(layer_index)];
        layer.nacks.recovered(ext_seq, now);
        let incoming = Incoming {
            ext_seq,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload_type: codec.payload_type,
            codec: codec.codec,
            clock_rate: codec.clock_rate,
            payload: original.payload,
            audio_level: None,
            dependency: packet.extension(ids.dependency),
            is_again: true,
        };
        // It is late, so it waits for nothing.
        let arrival = self.keep(layer_index, codec_index, &incoming, true, now);
        if arrival.is_new {
            self.layers[usize::from(layer_index)].reception.recovered();
        }
        arrival
    }

    /// A frame of this layer has come to its end; says whether a higher one has been stopped.
    fn pass_by(&mut self, layer: u8, now: Instant) -> bool {
        let asked = &self.asked;
        let higher = self.layers.iter_mut().enumerate();
        let higher = higher.skip(usize::from(layer) + 1);
        let stopped = higher.map(|(index, one)| one.passed_by(asked.is_asked(index), now));
        stopped.fold(false, |any, stopped| any | stopped)
    }

    fn keep(
        &mut self,
        layer_index: u8,
        codec_index: u8,
        incoming: &Incoming<'_>,
        ends: bool,
        now: Instant,
    ) -> Arrival {
        let layer = &mut self.layers[usize::from(layer_index)];
        let Some(woke) = layer.take(incoming, now) else {
            return Arrival::default();
        };
        let mut arrival = Arrival {
            is_new: true,
            woke,
            ..Arrival::default()
        };
        if self.enabled && !(self.shown_by.is_empty() && self.relayed_to.is_empty()) {
            let fresh = Fresh::new(incoming.ext_seq, incoming.payload.len());
            arrival.touched = layer.refresh(fresh, ends, now);
        }
        if !incoming.payload.is_empty() && self.active_codec != Some(codec_index) {
            arrival.new_codec = self.announce(codec_index, now);
        }
        arrival
    }

    /// A codec that alternates from packet to packet is not worth an event each.
    fn announce(&mut self, codec_index: u8, now: Instant) -> bool {
        let first = self.active_codec.is_none();
        self.active_codec = Some(codec_index);
        let due = first || now.saturating_since(self.announced) >= Duration::from_secs(1);
        if due {
            self.announced = now;
        }
        due
    }

    /// Looks at the layers again, where they come in: what there is to choose from, if that is news.
    pub fn look(&mut self, now: Instant) -> Option<News> {
        let carried = self.carried();
        let (layers, asked) = (&mut self.layers, &self.asked);
        let mut news = None;
        for ((index, layer), known) in layers.iter_mut().enumerate().zip(&mut self.supplies) {
            let flow = match carried & 1 << index != 0 {
                false => Flow::Silent,
                true if layer.is_steady(now) => Flow::Steady,
                true if layer.is_alive(now) => Flow::Flowing,
                true => asked.silence(index, now),
            };
            let supply = Supply {
                flow,
                // What a layer cost when it came last is what it will cost.
                rates: match flow.comes() {
                    true => layer.rates(now),
                    false => known.rates,
                },
                spatial_rates: match flow.comes() {
                    true => layer.spatial_rates(now),
                    false => known.spatial_rates,
                },
                height: layer.height,
            };
            if supply.is_like(known) {
                continue;
            }
            let same = (supply.flow, supply.height) == (known.flow, known.height);
            news = news.max(Some(if same { News::Rates } else { News::Layers }));
            *known = supply;
        }
        news
    }

    /// A bit for each layer that is taken on other workers, or here.
    pub fn taken_with(&self, here: u8) -> u8 {
        let there = self.relayed_to.iter().filter_map(|one| one.taken);
        there.fold(here, |taken, more| taken | more)
    }

    /// Asks the publisher for what its layers lack only where somebody takes them: what it sends again of others takes
    /// the place of what is shown.
    pub fn mend(&mut self, here: u8) {
        let carried = self.carried();
        let there = &self.relayed_to;
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let is_taken = here & 1 << index != 0 || there.iter().any(|one| one.takes(index as u8));
            layer.mend(is_taken && carried & 1 << index != 0);
        }
    }

    /// A bit for each layer that its publisher's path carries: the lowest that comes, while it is narrow.
    pub fn carried(&self) -> u8 {
        let mut supplies = self.supplies.iter();
        let lowest = supplies.position(|one| one.rate() > 0).unwrap_or(0);
        match self.is_narrow {
            true => 1 << lowest,
            false => u8::MAX,
        }
    }

    /// Media of some layer has come, now or before.
    pub fn came(&self) -> bool {
        self.supplies.iter().any(|supply| supply.rate() > 0)
    }

    /// Media of some layer comes.
    pub fn comes(&self) -> bool {
        self.supplies.iter().any(|supply| supply.flow.comes())
    }

    /// The layer of a RID.
    pub fn layer_of_rid(&self, rid: &[u8]) -> Option<u8> {
        let is_it = |layer: &Layer| layer.rid.as_ref().is_some_and(|one| one.as_bytes() == rid);
        self.layers.iter().position(is_it).map(|index| index as u8)
    }

    /// Numbers of VP8 pictures have to be rewritten, keyframes waited for.
    pub fn needs_keyframe(&self) -> bool {
        self.kind == Kind::Video
            && self
                .active_codec()
                .is_none_or(|codec| codec.codec != Codec::Other)
    }
}

/// What has changed about a track's layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// What they cost.
    Rates,
    /// Which there are.
    Layers,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slab::Slab;

    fn codec() -> CodecConfig {
        CodecConfig {
            payload_type: 96,
            codec: Codec::Vp8,
            key: "VP8".into(),
            clock_rate: 90_000,
            rtx_payload_type: Some(97),
            nack: true,
            pli: true,
        }
    }

    fn config() -> TrackConfig {
        let rid = |name: &str| LayerConfig {
            rid: Some(name.into()),
            ..LayerConfig::default()
        };
        TrackConfig {
            mid: "0".into(),
            kind: Kind::Video,
            codecs: vec![codec()],
            layers: vec![rid("q"), rid("h"), rid("f")],
        }
    }

    fn track() -> Track {
        Track::new(Slab::default().insert(()), 1, config())
    }

    /// How each layer comes after so many steps of 100 ms, given when each sends.
    fn flows(sends: impl Fn(u64, usize) -> bool, steps: u64) -> [Flow; 3] {
        let mut track = track();
        for step in 0..steps {
            let now = Instant::from_millis(1_000 + step * 100);
            for layer in (0..3).filter(|&layer| sends(step, layer)) {
                track.layers[layer].note_media(now);
            }
            track.look(now);
        }
        [0, 1, 2].map(|layer| track.supplies[layer].flow)
    }

    #[test]
    fn a_layer_that_has_come_for_a_while_is_steady_and_one_that_has_stopped_is_silent() {
        let comes = |step: u64, layer: usize| step >= layer as u64 * 10;
        assert_eq!(
            flows(comes, 16),
            [Flow::Steady, Flow::Flowing, Flow::Silent]
        );
        assert_eq!(
            flows(|step, layer| layer == 0 || step < 30, 38),
            [Flow::Steady, Flow::Silent, Flow::Silent]
        );
    }

    #[test]
    fn a_layer_that_comes_and_goes_is_never_steady() {
        let comes = |step: u64, layer: usize| layer == 0 || step % 20 >= 12;
        assert_eq!(
            flows(comes, 200),
            [Flow::Steady, Flow::Flowing, Flow::Flowing]
        );
    }

    /// The flow of the top layer and when a lower one showed that it had stopped, where each layer's frames come at these
    /// intervals in milliseconds until `ends`.
    fn seen(intervals: [u64; 2], ends: [u64; 2], until: u64) -> (Flow, Vec<u64>) {
        let (mut track, mut stopped) = (track(), Vec::new());
        for ms in 0..until {
            let now = Instant::from_millis(1_000 + ms);
            for (layer, (interval, end)) in intervals.into_iter().zip(ends).enumerate().rev() {
                if !ms.is_multiple_of(interval) || ms >= end {
                    continue;
                }
                let timestamp = (ms * 90) as u32;
                track.layers[layer].note_media(now);
                track.layers[layer].freezes.begun(timestamp, 90_000, now);
                if track.pass_by(layer as u8, now) {
                    stopped.push(ms);
                }
            }
            track.look(now);
        }
        (track.supplies[1].flow, stopped)
    }

    #[test]
    fn a_layer_has_stopped_when_a_lower_one_goes_on_without_it() {
        let never = u64::MAX;
        assert_eq!(
            seen([50, 50], [never, 2_000], 2_200),
            (Flow::Silent, vec![2_100])
        );
        assert_eq!(
            seen([33, 33], [never, 2_000], 2_200),
            (Flow::Silent, vec![2_145])
        );
        // All that has stopped may be a source that stands still; and some are slower than others.
        assert_eq!(seen([50, 50], [2_000; 2], 2_400), (Flow::Steady, vec![]));
        assert_eq!(seen([50, 400], [never; 2], 4_000), (Flow::Steady, vec![]));
    }

    #[test]
    fn a_layer_that_was_asked_for_and_did_not_stay_has_to_come_for_longer_the_next_time() {
        let mut track = track();
        let mut steady_after = Vec::new();
        for step in 0..4_000 {
            let now = Instant::from_millis(1_000 + step * 50);
            let into = step * 50 % 20_000;
            if step > 0 && into == 0 {
                steady_after.push(0);
            }
            if into < if step < 1_600 { 8_000 } else { 12_000 } {
                let timestamp = step as u32 * 4_500;
                track.layers[1].note_media(now);
                track.layers[1].freezes.begun(timestamp, 90_000, now);
            }
            track.layers[0].note_media(now);
            track.pass_by(0, now);
            track.look(now);
            let waits = track.supplies[1].flow == Flow::Flowing;
            if let Some(last) = steady_after.last_mut().filter(|_| waits) {
                *last += 50;
            }
        }
        assert_eq!(
            steady_after,
            [
                3_000, 6_000, 6_000, 6_000, 1_500, 1_500, 1_500, 1_500, 1_500
            ]
        );
    }

    #[test]
    fn what_is_sent_again_of_a_layer_that_has_stopped_does_not_bring_it_back() {
        let mut layer = Layer::new(&LayerConfig::default(), Kind::Video);
        let take = |layer: &mut Layer, ext_seq: u64, is_again: bool, ms: u64| {
            let incoming = Incoming {
                ext_seq,
                timestamp: ext_seq as u32 * 4_500,
                marker: false,
                payload_type: 96,
                codec: Codec::Vp8,
                clock_rate: 90_000,
                payload: &[0x10, 0],
                audio_level: None,
                dependency: None,
                is_again,
            };
            layer.take(&incoming, Instant::from_millis(ms))
        };
        assert_eq!(take(&mut layer, 8, false, 950), Some(true));
        assert_eq!(take(&mut layer, 10, false, 1_000), Some(false));
        for ms in [1_050, 1_100, 1_150] {
            layer.passed_by(true, Instant::from_millis(ms));
        }
        assert_eq!(take(&mut layer, 9, true, 1_160), Some(false));
        assert!(!layer.is_alive(Instant::from_millis(1_160)));
        assert_eq!(take(&mut layer, 11, false, 1_170), Some(true));
    }

    #[test]
    fn what_has_changed_is_news_once() {
        let (mut track, now) = (track(), Instant::from_millis(1_000));
        track.layers[0].note_media(now);
        assert_eq!(track.look(now), Some(News::Layers));
        assert_eq!(track.look(now), None);
        track.layers[0].height = 180;
        assert_eq!(track.look(now), Some(News::Layers));
    }

    #[test]
    fn a_new_negotiation_keeps_layers_by_rid() {
        let mut track = track();
        track.layers[2].ssrc = Some(77);
        let mut fewer = config();
        fewer.layers.remove(0);
        track.configure(fewer);
        assert_eq!(track.layers.len(), 2);
        assert_eq!(track.layers[1].ssrc, Some(77));
    }

    #[test]
    fn a_layer_that_moves_amid_a_batch_is_heard_of_again_with_the_next_packet() {
        let mut track = track();
        let fresh = Fresh {
            ext_seq: 1,
            len: 10,
            padding: 0,
        };
        track
            .layers
            .iter_mut()
            .for_each(|layer| layer.fresh.push(fresh));
        let mut other = config();
        other.layers.swap(1, 2);
        track.configure(other);
        let waiting: Vec<_> = track.layers.iter().map(|one| one.fresh.len()).collect();
        assert_eq!(waiting, [1, 0, 0]);
    }

    #[test]
    fn payload_types_tell_media_from_retransmissions() {
        let track = track();
        assert_eq!(track.carries(96), Some(Carries::Media(0)));
        assert_eq!(track.carries(97), Some(Carries::Rtx(0)));
        assert_eq!(track.carries(98), None);
    }
}
