//! Everything that happens because time passes.
//!
//! `worker (clock) → **router (deadlines)** → ice, feedback, publishing, pacing, listening`

use crate::events::Event;
use crate::router::Router;
use crate::slab::Key;
use crate::time::Instant;

impl Router {
    /// Does what has become due, until there is so much to send that it had better be sent first: then
    /// [`Self::deadline`] stays in the past, and the rest is done at the next call.
    pub fn on_deadline(&mut self, now: Instant) {
        loop {
            while let Some(key) = self.due.pop() {
                let peer = self.peers.get_mut(key);
                // Perhaps it was looked at already, for a deadline that came in front of this one.
                if let Some(peer) = peer.filter(|peer| peer.armed.is_some_and(|at| at <= now)) {
                    peer.armed = None;
                    self.on_peer_deadline(key, now);
                }
                if self.egress.is_full() {
                    return;
                }
            }
            if !self.timers.take_due(now, &mut self.due) {
                return;
            }
        }
    }

    fn on_peer_deadline(&mut self, key: Key, now: Instant) {
        self.expire(key, now);
        self.send_feedback(key, now);
        self.look_at_layers(key, now);
        self.drive(key, now);
        self.ask_publisher(key, now);
        if self.peers[key].report_at <= now && self.peers[key].is_connected() {
            self.report(key, now);
        }
        if let Some(at) = self.next_deadline(key) {
            self.arm(key, at);
        }
    }

    fn next_deadline(&self, key: Key) -> Option<Instant> {
        let peer = &self.peers[key];
        let tracks = peer.tracks.iter().map(|&track| &self.tracks[track]);
        let of_layers = tracks.flat_map(|track| {
            let has_pli = track.codecs.iter().any(|codec| codec.pli);
            let known = track.layers.iter().filter(|layer| layer.ssrc.is_some());
            known.flat_map(move |layer| {
                let keyframe = layer.keyframes.deadline().filter(|_| has_pli);
                [layer.nacks.deadline(), keyframe]
            })
        });
        let report = peer.is_connected().then_some(peer.report_at);
        let feedback = peer
            .feedback
            .as_ref()
            .and_then(|recorder| recorder.next_deadline());
        let probe = peer
            .link
            .downlink
            .as_ref()
            .and_then(|downlink| downlink.deadline());
        let own = [
            peer.ice.deadline(),
            report,
            feedback,
            probe.filter(|_| peer.is_connected()),
            peer.look_at,
            peer.pace_at,
        ];
        let repairs = of_layers.filter(|_| peer.is_connected()).flatten().min();
        let repairs = repairs.map(|at| at.max(self.repairs_from));
        own.into_iter().flatten().chain(repairs).min()
    }

    fn expire(&mut self, key: Key, now: Instant) {
        let peer = &mut self.peers[key];
        let Some(paths) = peer.ice.expire(now) else {
            return;
        };
        peer.link.path = None;
        let event = Event::ConsentExpired { peer: peer.id };
        paths.iter().for_each(|path| {
            self.by_path.remove(path);
        });
        self.events.push(event);
    }
}
