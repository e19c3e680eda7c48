//! Which datagram goes where: the whole state of one worker, without sockets and clocks.
//!
//! `net → **router** (demux → stun · dtls · srtp → track → sender) → egress → net`
//!
//! Contract: after every call that changes it, hand `relays()` over, send `datagrams()` until it gives `None`, take
//! `events()` and `relays()` again, then sleep until `deadline()` and call `on_deadline`.
//!
//! Packets of one batch are first all decrypted and put into the rings.  Then, for each track they touched and each
//! sender that shows it, all of the batch is written for that receiver side by side, so that it leaves as one GSO
//! message.  What waits for more of its frame, and in which order the rest leaves, is in `frames.rs`.  Commands are in
//! `commands.rs`, RTCP in `feedback.rs`, timers in `deadlines.rs`, what receivers get in `allotting.rs` and what publishers are told
//! in `publishing.rs`, what crosses between workers in `relaying.rs` and `mirror.rs`.

use std::collections::HashMap;
use std::time::Duration;

use crate::allocation::Demand;
use crate::demux::{Path, Protocol, protocol};
use crate::egress::Egress;
use crate::events::{Event, PeerId, Showing};
use crate::frames::Touched;
use crate::media::ExtensionIds;
use crate::peer::{Peer, Stream};
use crate::relay::{Batches, Relay, TrackName};
use crate::rewrite::{Origin, equalise};
use crate::rtp::Packet;
use crate::sender::{Outcome, Sender};
use crate::slab::{Key, Slab};
use crate::srtp::Rejected;
use crate::stats::Counters;
use crate::stun::{self, BindingRequest};
use crate::time::{Instant, Ntp};
use crate::track::{Arrival, Carries, Home, Original, Track};
use crate::wheel::Wheel;

/// Timers are rounded up to this, so that those of many peers go off together.
const TICK: Duration = Duration::from_millis(5);
/// Added to SRTP's packet index, so that a retransmission from before the first packet has a number too.
const INDEX_BASE: u64 = 1 << 16;
/// What is sent again was sent before, so it is at most so many packets ahead of what has come: a burst that was lost.
const MOST_AHEAD: i16 = 512;

/// All peers of one worker.
pub struct Router {
    pub(crate) peers: Slab<Peer>,
    pub(crate) tracks: Slab<Track>,
    pub(crate) senders: Slab<Sender>,
    pub(crate) by_id: HashMap<PeerId, Key>,
    pub(crate) by_path: HashMap<Path, Key>,
    pub(crate) by_ufrag: HashMap<String, Key>,
    pub(crate) timers: Wheel<Key>,
    /// Peers whose timers have gone off.
    pub(crate) due: Vec<Key>,
    pub(crate) egress: Egress,
    pub(crate) events: Vec<Event>,
    pub(crate) counters: Counters,
    pub(crate) lost: Vec<u16>,
    /// Nobody asks and nothing is sent again before.
    pub(crate) repairs_from: Instant,
    /// What stands for tracks of other workers' peers.
    pub(crate) mirrors: HashMap<TrackName, Key>,
    /// Tracks of which other layers may be taken than before.
    pub(crate) retaken: Vec<Key>,
    /// Receivers whose shares are to be given out anew.
    pub(crate) stale: Vec<Key>,
    /// Kept for their room: who asks, and for what.
    pub(crate) demands: (Vec<Key>, Vec<Demand>),
    /// Mirrors' layers of which a keyframe is wanted.
    pub(crate) wishes: Vec<(Key, u8)>,
    pub(crate) relays: Vec<(usize, Relay)>,
    pub(crate) batches: Batches,
    /// Layers that leave, or whose packets have just come.
    pub(crate) touched: Vec<Touched>,
    /// Layers that wait for the rest of a frame.
    pub(crate) waiting: Vec<Touched>,
    /// The first moment at which one of them leaves anyway.
    pub(crate) waiting_until: Option<Instant>,
    /// For how long, at most.
    pub(crate) frame_wait: Duration,
    /// Kept for its room.
    pub(crate) leaving: Vec<Touched>,
    delivered: bool,
    at: FanOut,
    unshowable: Vec<Key>,
    wall: Ntp,
    seed: u64,
}

/// How many things a worker holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Population {
    /// Devices.
    pub peers: usize,
    /// What they publish.
    pub tracks: usize,
    /// M-lines on which they are sent to.
    pub senders: usize,
    /// What stands for tracks of other workers' peers.
    pub mirrors: usize,
    /// Mirrors on other workers of tracks that are here.
    pub subscribers: usize,
}

/// How far the fan-out of this batch has come.
#[derive(Clone, Copy, Debug, Default)]
struct FanOut {
    touched: usize,
    sender: usize,
    planned: bool,
}

impl FanOut {
    fn is_start(&self) -> bool {
        self.touched == 0 && self.sender == 0 && !self.planned
    }
}

impl Router {
    /// No peers.  `wall` is the wall-clock time of `Instant::default()`; `seed` makes first numbers unpredictable.
    pub fn new(wall: Ntp, seed: u64) -> Self {
        Self {
            peers: Slab::default(),
            tracks: Slab::default(),
            senders: Slab::default(),
            by_id: HashMap::new(),
            by_path: HashMap::new(),
            by_ufrag: HashMap::new(),
            timers: Wheel::new(TICK, Instant::default()),
            due: Vec::new(),
            egress: Egress::default(),
            events: Vec::new(),
            counters: Counters::default(),
            lost: Vec::new(),
            repairs_from: Instant::default(),
            mirrors: HashMap::new(),
            retaken: Vec::new(),
            stale: Vec::new(),
            demands: Default::default(),
            wishes: Vec::new(),
            relays: Vec::new(),
            batches: Batches::default(),
            touched: Vec::new(),
            waiting: Vec::new(),
            waiting_until: None,
            frame_wait: Duration::ZERO,
            leaving: Vec::new(),
            delivered: false,
            at: FanOut::default(),
            unshowable: Vec::new(),
            wall,
            seed: seed | 1,
        }
    }

    /// Nobody is asked for anything, and nothing is sent again, before `at`.
    ///
    /// For a core that has fallen behind: what it lost itself everybody asks for, again and again, and answering would
    /// keep it behind for ever.
    pub fn put_off_repairs(&mut self, at: Instant) {
        self.repairs_from = at;
        self.counters.behind += 1;
    }

    /// Takes one datagram of a batch in; it is decrypted in place.
    pub fn receive(&mut self, path: Path, datagram: &mut [u8], now: Instant) {
        self.counters.datagrams_in += 1;
        self.counters.octets_in += datagram.len() as u64;
        let Some(protocol) = protocol(datagram) else {
            self.counters.malformed += 1;
            return;
        };
        if protocol == Protocol::Stun {
            return self.on_stun(path, datagram, now);
        }
        let Some(&key) = self.by_path.get(&path) else {
            self.counters.strangers += 1;
            return;
        };
        match protocol {
            Protocol::Rtp => self.on_rtp(key, datagram, now),
            Protocol::Rtcp => self.on_rtcp(key, datagram, now),
            Protocol::Dtls | Protocol::Stun => self.on_dtls(key, datagram),
        }
    }

    /// The next buffer to send; call again after sending it, until `None`.
    pub fn datagrams(&mut self, now: Instant) -> Option<&Egress> {
        if std::mem::take(&mut self.delivered) {
            self.egress.clear();
        }
        self.allot_stale(now);
        self.fan_out(now);
        if self.egress.is_empty() {
            return None;
        }
        self.delivered = true;
        Some(&self.egress)
    }

    /// Everything that has happened since it was last emptied; the caller empties it.
    pub fn events(&mut self) -> &mut Vec<Event> {
        &mut self.events
    }

    /// When to call `on_deadline`.
    pub fn deadline(&self) -> Option<Instant> {
        if !self.due.is_empty() {
            return Some(Instant::default());
        }
        let timers = self.timers.deadline().into_iter();
        timers.chain(self.waiting_until).min()
    }

    /// Totals since the start.
    pub fn counters(&self) -> Counters {
        Counters {
            egress_dropped: self.egress.dropped,
            ..self.counters
        }
    }

    /// Peers there are.
    pub fn peer_count(&self) -> usize {
        self.peers.len()
    }

    /// Everything there is.
    pub fn population(&self) -> Population {
        Population {
            peers: self.peers.len(),
            tracks: self.tracks.len() - self.mirrors.len(),
            senders: self.senders.len(),
            mirrors: self.mirrors.len(),
            subscribers: self.tracks.iter().map(|track| track.relayed_to.len()).sum(),
        }
    }

    pub(crate) fn ntp(&self, now: Instant) -> Ntp {
        self.wall + now.saturating_since(Instant::default())
    }

    /// Unpredictable enough for first sequence numbers (xorshift64*).
    pub(crate) fn random(&mut self) -> u64 {
        self.seed ^= self.seed >> 12;
        self.seed ^= self.seed << 25;
        self.seed ^= self.seed >> 27;
        self.seed.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Sees to it that the peer's timer goes off at `at` or earlier.
    pub(crate) fn arm(&mut self, key: Key, at: Instant) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let moment = self.timers.moment(at);
        if peer.armed.is_none_or(|armed| moment < armed) {
            peer.armed = Some(self.timers.set(key, at));
        }
    }

    fn on_stun(&mut self, path: Path, datagram: &[u8], now: Instant) {
        let Ok(request) = BindingRequest::parse(datagram) else {
            self.counters.malformed += 1;
            return;
        };
        let found = self.by_ufrag.get(request.local()).copied();
        if self.is_held_by_another(&path, found, now) {
            self.counters.stun_forged += 1;
            return;
        }
        let peer = found.and_then(|key| self.peers.get_mut(key).map(|peer| (key, peer)));
        let Some((key, peer)) = peer else {
            self.counters.stun_forged += 1;
            return;
        };
        let Some(integrity) = peer.ice.authenticate(&request) else {
            self.counters.stun_forged += 1;
            return;
        };
        self.counters.stun_in += 1;
        let good = request.unknown.is_none() && request.ice_controlled.is_none();
        self.egress
            .write(&path, |out| answer(out, &request, &path, integrity));
        if good {
            self.validate(key, request.local(), request.use_candidate, path, now);
        }
    }

    fn validate(&mut self, key: Key, ufrag: &str, nominated: bool, path: Path, now: Instant) {
        let peer = &mut self.peers[key];
        let checked = peer.ice.checked(ufrag, nominated, path, now);
        peer.link.path = peer.ice.selected();
        self.heard(key, now);
        if let Some(evicted) = checked.evicted {
            self.by_path.remove(&evicted);
        }
        if let Some(retired) = checked.retired {
            self.by_ufrag.remove(&retired);
        }
        if checked.added.is_some() {
            // An address has one owner: whoever proved last that it is his.
            if let Some(before) = self
                .by_path
                .insert(path, key)
                .filter(|&before| before != key)
            {
                self.dispossess(before, &path);
            }
        }
        if checked.moved {
            let event = Event::AddressValidated {
                peer: self.peers[key].id,
                address: path.canonical(),
            };
            self.events.push(event);
        }
        if let Some(at) = self.peers[key].ice.deadline() {
            self.arm(key, at);
        }
    }

    /// A peer that forges its source address must not get another's media, nor cut it off.
    fn is_held_by_another(&self, path: &Path, key: Option<Key>, now: Instant) -> bool {
        let owner = self
            .by_path
            .get(path)
            .copied()
            .filter(|&owner| Some(owner) != key);
        let owner = owner.and_then(|owner| self.peers.get(owner));
        owner.is_some_and(|owner| owner.ice.holds(path, now))
    }

    fn dispossess(&mut self, key: Key, path: &Path) {
        if let Some(peer) = self.peers.get_mut(key) {
            peer.ice.forget(path);
            peer.link.path = peer.ice.selected();
        }
    }

    fn on_dtls(&mut self, key: Key, datagram: &[u8]) {
        self.counters.dtls_in += 1;
        let id = self.peers[key].id;
        match self.events.last_mut() {
            Some(Event::DtlsReceived { peer, datagrams }) if *peer == id => {
                datagrams.push(datagram.to_vec());
            }
            _ => {
                let datagrams = vec![datagram.to_vec()];
                self.events.push(Event::DtlsReceived {
                    peer: id,
                    datagrams,
                });
            }
        }
    }

    pub(crate) fn rejected(&mut self, why: Rejected) {
        match why {
            Rejected::Replayed => self.counters.srtp_replayed += 1,
            Rejected::Forged => self.counters.srtp_forged += 1,
            Rejected::Malformed | Rejected::TooManySsrcs => self.counters.malformed += 1,
        }
    }

    fn on_rtp(&mut self, key: Key, datagram: &mut [u8], now: Instant) {
        let peer = &mut self.peers[key];
        let Some(inbound) = &mut peer.inbound else {
            self.counters.srtp_early += 1;
            return;
        };
        let (len, index) = match inbound.unprotect_rtp(datagram) {
            Ok(plain) => plain,
            Err(why) => return self.rejected(why),
        };
        let Ok(packet) = Packet::parse(&datagram[..len]) else {
            self.counters.malformed += 1;
            return;
        };
        self.counters.rtp_in += 1;
        self.heard(key, now);
        self.record_arrival(key, &packet, now);
        let known = self.peers[key].streams.get(packet.ssrc);
        let Some(stream) = known.or_else(|| self.resolve(key, &packet, now)) else {
            self.counters.rtp_unmapped += 1;
            return;
        };
        self.on_stream(key, stream, &packet, index + INDEX_BASE, now);
    }

    /// For the transport-wide feedback, whatever the packet is.
    fn record_arrival(&mut self, key: Key, packet: &Packet<'_>, now: Instant) {
        let peer = &mut self.peers[key];
        let Some(recorder) = &mut peer.feedback else {
            return self.time_arrival(key, packet, now);
        };
        let number = packet.extension(peer.extensions.transport_cc);
        let Some(&[high, low]) = number else { return };
        recorder.record(packet.ssrc, u16::from_be_bytes([high, low]), now);
        if let Some(at) = recorder.next_deadline() {
            self.arm(key, at);
        }
    }

    /// For what the publisher is told where it takes no such feedback.
    fn time_arrival(&mut self, key: Key, packet: &Packet<'_>, now: Instant) {
        let is_noisy = self.is_noisy();
        let peer = &mut self.peers[key];
        let rtt = peer.rtt();
        let Some(incoming) = &mut peer.incoming else {
            return;
        };
        let time = packet.extension(peer.extensions.abs_send_time);
        let Some(&[high, middle, low]) = time else {
            return;
        };
        let time = u32::from_be_bytes([0, high, middle, low]);
        incoming.arrived(packet.octets(), time, is_noisy, now);
        if let Some(estimate) = incoming.tell(rtt, now) {
            self.tell_most(key, estimate);
        }
    }

    fn on_stream(
        &mut self,
        key: Key,
        stream: Stream,
        packet: &Packet<'_>,
        ext_seq: u64,
        now: Instant,
    ) {
        let Some(track) = self.tracks.get_mut(stream.track) else {
            return;
        };
        let ids = self.peers[key].extensions;
        let (arrival, late) = match track.carries(packet.payload_type) {
            Some(Carries::Media(codec)) => {
                let arrival = track.receive(stream.layer, codec, packet, ext_seq, ids, now);
                (
                    arrival,
                    track.late(stream.layer, codec, packet.timestamp, now),
                )
            }
            Some(Carries::Rtx(codec)) => {
                let arrival = unwrap_rtx(track, stream.layer, codec, packet, ids, now);
                self.counters.rtx_recovered += u64::from(arrival.is_new);
                (arrival, None)
            }
            None => {
                self.counters.rtp_unmapped += 1;
                return;
            }
        };
        let kind = track.kind;
        let uplink = self.peers[key].uplink.as_mut();
        if uplink.is_some_and(|uplink| uplink.arrived(kind, packet.octets(), late, now)) {
            self.narrowed(key, now);
        }
        self.on_arrival(key, stream, arrival, now);
    }

    fn on_arrival(&mut self, key: Key, stream: Stream, arrival: Arrival, now: Instant) {
        if arrival.touched {
            self.touched.push((stream.track, stream.layer));
        }
        if arrival.new_codec {
            self.on_new_codec(stream.track);
        }
        if arrival.woke || arrival.stopped {
            self.look(stream.track, now);
        }
        let layer = &self.tracks[stream.track].layers[usize::from(stream.layer)];
        if let Some(at) = layer.nacks.deadline() {
            self.arm(key, at);
        }
    }

    fn on_new_codec(&mut self, track: Key) {
        let track = &self.tracks[track];
        if let Some(codec) = track.active_codec() {
            self.events.push(Event::TrackActive {
                peer: track.owner_id,
                mid: track.mid.clone(),
                codec_key: codec.key.to_string(),
            });
        }
    }

    /// Gives an SSRC that is not known yet to a layer, by what its packet says.
    fn resolve(&mut self, key: Key, packet: &Packet<'_>, now: Instant) -> Option<Stream> {
        let peer = &self.peers[key];
        let ids = peer.extensions;
        let text = |id: u8| if id == 0 { None } else { packet.extension(id) };
        let (mid, rid, repaired) = (text(ids.mid), text(ids.rid), text(ids.repaired_rid));
        let candidates = peer
            .tracks
            .iter()
            .filter_map(|&key| Some((key, self.tracks.get(key)?)));
        let mut found = candidates.filter_map(|(key, track)| {
            if mid.is_some_and(|mid| mid != track.mid.as_bytes()) {
                return None;
            }
            let rtx = matches!(track.carries(packet.payload_type)?, Carries::Rtx(_));
            let layer = match (rid, repaired) {
                (_, Some(name)) if rtx => track.layer_of_rid(name)?,
                (Some(name), _) => track.layer_of_rid(name)?,
                _ if track.layers.len() == 1 => 0,
                _ => return None,
            };
            Some(Stream {
                track: key,
                layer,
                rtx,
            })
        });
        let stream = found.next()?;
        // Without a MID only what one track alone could be is believed.
        if mid.is_none() && found.next().is_some() {
            return None;
        }
        drop(found);
        let layer = &self.tracks[stream.track].layers[usize::from(stream.layer)];
        if layer.has_left(packet.ssrc, now) {
            return None;
        }
        self.bind(key, packet.ssrc, stream).then_some(stream)
    }

    /// From now on packets of this SSRC go there, and those of the layer's SSRC before do not.
    pub(crate) fn bind(&mut self, key: Key, ssrc: u32, stream: Stream) -> bool {
        let track = &mut self.tracks[stream.track];
        let kind = track.kind;
        let layer = &mut track.layers[usize::from(stream.layer)];
        let peer = &mut self.peers[key];
        let before = if stream.rtx {
            layer.rtx_ssrc
        } else {
            layer.ssrc
        };
        if let Some(before) = before.filter(|&before| before != ssrc) {
            peer.streams.retain(|one, _| one != before);
        }
        if !peer.streams.set(ssrc, stream) {
            return false;
        }
        match (stream.rtx, layer.ssrc) {
            (true, _) => layer.rtx_ssrc = Some(ssrc),
            (false, Some(before)) if before != ssrc => {
                // What is still sent again of the stream before would be taken for numbers of this one.
                let again = layer.rtx_ssrc;
                peer.streams.retain(|one, _| Some(one) != again);
                layer.begin_epoch(ssrc, kind);
                for layers in [&mut self.touched, &mut self.waiting] {
                    layers.retain(|&one| one != (stream.track, stream.layer));
                }
            }
            (false, _) => layer.ssrc = Some(ssrc),
        }
        true
    }

    fn fan_out(&mut self, now: Instant) {
        if self.at.is_start() {
            self.relay_touched();
            self.let_go(now);
        }
        while let Some(&(track_key, layer)) = self.touched.get(self.at.touched) {
            if !self.plan(track_key, layer) {
                self.at = FanOut {
                    touched: self.at.touched + 1,
                    ..FanOut::default()
                };
                continue;
            }
            while let Some(&key) = self.tracks[track_key].shown_by.get(self.at.sender) {
                if self.egress.is_full() {
                    return;
                }
                self.at.sender += 1;
                self.forward(track_key, layer, key, now);
            }
            self.tracks[track_key].layers[usize::from(layer)].forget_fresh();
            self.at = FanOut {
                touched: self.at.touched + 1,
                ..FanOut::default()
            };
        }
        self.touched.clear();
        self.at = FanOut::default();
        self.drop_unshowable();
    }

    /// Equalises the batch once for all receivers; `false` if the track has gone.
    fn plan(&mut self, track: Key, layer: u8) -> bool {
        let Some(track) = self.tracks.get_mut(track) else {
            return false;
        };
        let Some(layer) = track.layers.get_mut(usize::from(layer)) else {
            return false;
        };
        if !std::mem::replace(&mut self.at.planned, true) {
            equalise(&mut layer.fresh);
        }
        true
    }

    #[inline]
    fn forward(&mut self, track_key: Key, layer: u8, key: Key, now: Instant) {
        let track = &self.tracks[track_key];
        let Some(sender) = self.senders.get_mut(key) else {
            return;
        };
        let Some(peer) = self.peers.get_mut(sender.peer) else {
            return;
        };
        let epoch = track.layers[usize::from(layer)].epoch;
        let origin = Origin {
            track: track_key,
            layer,
            epoch,
        };
        let outcome = sender.forward(track, origin, &mut peer.link, &mut self.egress, now);
        self.counters.rtp_out += u64::from(outcome.sent);
        if outcome
            != (Outcome {
                sent: outcome.sent,
                ..Outcome::default()
            })
        {
            self.on_outcome(track_key, key, outcome, now);
        }
    }

    #[cold]
    pub(crate) fn on_outcome(&mut self, track: Key, key: Key, outcome: Outcome, now: Instant) {
        if outcome.shown {
            let showing = self.showing(track, key);
            self.events.push(Event::Shown(showing));
        }
        if outcome.switched {
            self.report_sender(key, now);
        }
        if outcome.switched || outcome.stopped {
            self.viewers_changed(track);
        }
        if outcome.not_showable {
            self.unshowable.push(key);
        }
        if outcome.stopped {
            self.want_keyframe(key, now);
        }
        if outcome.waits
            && let Some(peer) = self.senders.get(key).map(|sender| sender.peer)
        {
            self.pace(peer, now);
        }
    }

    pub(crate) fn showing(&self, track: Key, sender: Key) -> Showing {
        let (track, sender) = (&self.tracks[track], &self.senders[sender]);
        Showing {
            peer: self.peers[sender.peer].id,
            mid: sender.mid.to_string(),
            source_peer: track.owner_id,
            source_mid: track.mid.clone(),
        }
    }

    /// Not while the fan-out walks the lists that this changes.
    fn drop_unshowable(&mut self) {
        while let Some(key) = self.unshowable.pop() {
            self.not_showable(key);
        }
    }

    /// The sender falls silent, because it has no codec for its source.
    pub(crate) fn not_showable(&mut self, key: Key) {
        let source = self.senders.get(key).and_then(|sender| sender.source);
        let Some(track) = source.filter(|&track| self.tracks.get(track).is_some()) else {
            return;
        };
        let showing = self.showing(track, key);
        self.unlink(key);
        self.events.push(Event::NotShowable(showing));
    }

    /// The sender shows nothing any more.
    pub(crate) fn unlink(&mut self, key: Key) {
        let Some(sender) = self.senders.get_mut(key) else {
            return;
        };
        let source = sender.source;
        sender.show(None);
        let Some(source) = source else { return };
        if let Some(track) = self.tracks.get_mut(source) {
            track.shown_by.retain(|&one| one != key);
            self.viewers_changed(source);
        }
    }

    /// The sender's receiver cannot go on without a keyframe.
    pub(crate) fn want_keyframe(&mut self, key: Key, now: Instant) {
        let Some(sender) = self.senders.get(key) else {
            return;
        };
        let Some((track, layer)) = sender.source.zip(sender.wanted_layer()) else {
            return;
        };
        self.want_keyframe_of(track, layer, now);
    }

    pub(crate) fn want_keyframe_of(&mut self, key: Key, index: u8, now: Instant) {
        let Some(track) = self.tracks.get(key) else {
            return;
        };
        let layer = track.layers.get(usize::from(index));
        if layer.is_some_and(|layer| layer.has_fresh_keyframe()) {
            return; // It has come already and leaves with this batch.
        }
        self.ask_for_keyframe(key, index, now);
    }

    /// Of the publisher, or of the worker that knows it.
    pub(crate) fn ask_for_keyframe(&mut self, key: Key, index: u8, now: Instant) {
        let Some(track) = self.tracks.get_mut(key).filter(|one| one.needs_keyframe()) else {
            return;
        };
        let Some(layer) = track.layers.get_mut(usize::from(index)) else {
            return;
        };
        match track.home {
            Home::Here(owner) => {
                layer.keyframes.want();
                if let Some(at) = layer.keyframes.deadline() {
                    self.arm(owner, at);
                }
            }
            Home::There { .. } => {
                if layer.keyframes.pass_on(now) {
                    self.wishes.push((key, index));
                }
            }
        }
    }
}

/// RFC 8445 §7.3: what a check is answered.
fn answer(out: &mut [u8], request: &BindingRequest<'_>, path: &Path, key: &stun::StunKey) -> usize {
    let id = &request.transaction_id;
    match (request.unknown, request.ice_controlled) {
        (Some(attribute), _) => stun::write_unknown_attribute(out, id, attribute, key),
        // We are lite, so the other side has to be controlling; it learns that here (RFC 8445 §7.3.1.1).
        (None, Some(_)) => stun::write_error(out, id, 487, "Role Conflict", Some(key)),
        (None, None) => stun::write_success(out, id, path.canonical(), key),
    }
}

/// RFC 4588 §4: two octets of original number in front of the original payload; browsers send empty ones as probes.
fn unwrap_rtx(
    track: &mut Track,
    layer: u8,
    codec: u8,
    packet: &Packet<'_>,
    ids: ExtensionIds,
    now: Instant,
) -> Arrival {
    let Some((number, original)) = packet.payload.split_first_chunk::<2>() else {
        return Arrival::default();
    };
    let highest = track.layers[usize::from(layer)].ring.highest();
    let Some(highest) = highest.filter(|_| !original.is_empty()) else {
        return Arrival::default();
    };
    let ahead = u16::from_be_bytes(*number)
        .wrapping_sub(highest as u16)
        .cast_signed();
    if ahead > MOST_AHEAD {
        return Arrival::default();
    }
    let ext_seq = highest.saturating_add_signed(ahead.into());
    let original = Original {
        ext_seq,
        payload: original,
    };
    track.recover(layer, codec, packet, original, ids, now)
}
