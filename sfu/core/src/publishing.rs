//! What publishers are told to send: which of their layers, and how much.
//!
//! `uplink, incoming, allotting (taken layers) → **router (publishing)** → events (layers), REMB`

use crate::events::Event;
use crate::media::Kind;
use crate::router::Router;
use crate::rtcp;
use crate::slab::Key;
use crate::supply::Flow;
use crate::time::Instant;
use crate::track::{LOOK_INTERVAL, Track};

impl Router {
    /// A publisher's path carries much less than before: its viewers go down, and it is told to send no more than they get.
    #[cold]
    pub(crate) fn narrowed(&mut self, key: Key, now: Instant) {
        self.counters.uplinks_narrowed += 1;
        self.look_at_tracks(key, now);
    }

    /// Tells a publisher the most that it is to send, where there is such a bound, or was.  Whose path is estimated hears of that
    /// alone.
    fn bind_publisher(&mut self, key: Key, now: Instant) {
        let peer = &mut self.peers[key];
        let uplink = peer.uplink.as_mut().filter(|_| peer.incoming.is_none());
        if let Some(bound) = uplink.and_then(|uplink| uplink.bound(now)) {
            self.tell_most(key, bound);
        }
    }

    /// The most bits a second that a publisher is to send, on all its layers together.
    pub(crate) fn tell_most(&mut self, key: Key, bound: u64) {
        let peer = &mut self.peers[key];
        let tracks = peer.tracks.iter();
        let tracks = tracks.filter_map(|&track| self.tracks.get(track));
        let layers = tracks.flat_map(|track| &track.layers);
        let ssrcs: Vec<u32> = layers.filter_map(|layer| layer.ssrc).collect();
        let ssrc = peer.rtcp_ssrc;
        let sent = peer.link.send_rtcp(&mut self.egress, |out| {
            rtcp::write_remb(out, ssrc, bound, &ssrcs)
        });
        self.counters.rtcp_out += u64::from(sent);
    }

    /// What the peer's layers cost, which of them come, and which its viewers take.
    pub(crate) fn look_at_layers(&mut self, key: Key, now: Instant) {
        if self.peers[key].look_at.is_some_and(|at| at > now) {
            return;
        }
        self.bind_publisher(key, now);
        self.look_at_tracks(key, now);
        let sends = !self.peers[key].tracks.is_empty();
        self.peers[key].look_at = sends.then(|| now + LOOK_INTERVAL);
    }

    fn look_at_tracks(&mut self, key: Key, now: Instant) {
        let tracks = std::mem::take(&mut self.peers[key].tracks);
        for &track in &tracks {
            self.look(track, now);
            let is_video = |track: &Track| track.kind == Kind::Video;
            if self.tracks.get(track).is_some_and(is_video) {
                let here = self.taken_here(track);
                self.ask_for_layers(track, here, now);
            }
        }
        self.peers[key].tracks = tracks;
    }

    /// A track's publisher hears which of its layers are taken, if that is news.
    pub(crate) fn ask_for_layers(&mut self, key: Key, here: u8, now: Instant) {
        let Some(track) = self.tracks.get_mut(key) else {
            return;
        };
        let taken = track.taken_with(here);
        if track.kind != Kind::Video {
            return;
        }
        track.mend(here);
        // A layer that was asked for in vain stays so: turned off, it would seem to be worth asking for again.
        let silent = track.supplies.iter().enumerate();
        let silent = silent.filter(|(_, supply)| supply.flow == Flow::Silent);
        let silent = silent.fold(0, |bits, (layer, _)| bits | 1 << layer);
        let layers = match track.is_narrow {
            true => track.asked.only(track.carried(), track.layers.len()),
            false => track.asked.update(taken | silent, track.layers.len(), now),
        };
        if let Some(layers) = layers {
            self.events.push(Event::LayersWanted {
                peer: track.owner_id,
                mid: track.mid.clone(),
                layers,
            });
            self.look(key, now);
        }
    }
}
