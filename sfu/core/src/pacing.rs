//! How what a receiver's pacer held back leaves, and what is sent to find out whether its path carries more.
//!
//! `timers → **router (pacing)** → sender (resume, probe) → downlink → egress`

use std::time::Duration;

use crate::media::Kind;
use crate::pacer::TICK;
use crate::router::Router;
use crate::slab::Key;
use crate::time::Instant;

impl Router {
    /// Packets of this receiver wait for the pacer.
    pub(crate) fn pace(&mut self, key: Key, now: Instant) {
        let Some(peer) = self.peers.get(key) else {
            return;
        };
        let at = peer
            .pace_at
            .unwrap_or_else(|| now + self.opens_in(key, now));
        if let Some(peer) = self.peers.get_mut(key) {
            peer.pace_at = Some(at);
        }
        self.arm(key, at);
    }

    /// Until the next few of the packets that wait may leave.
    fn opens_in(&self, key: Key, now: Instant) -> Duration {
        let Some(peer) = self.peers.get(key) else {
            return TICK;
        };
        let held = peer.senders.iter().map(|&sender| {
            let sender = self.senders.get(sender)?;
            let track = self.tracks.get(sender.source?)?;
            Some(sender.held(track))
        });
        let octets = held.flatten().sum();
        let downlink = peer.link.downlink.as_ref();
        downlink.map_or(TICK, |downlink| {
            downlink.pacer.opens_in(octets, self.egress.waited, now)
        })
    }

    /// What was held back, and what is to find out whether the path carries more, as far as it may leave now.
    pub(crate) fn drive(&mut self, key: Key, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if peer.pace_at.is_some_and(|at| at <= now) {
            peer.pace_at = None;
            self.resume(key, now);
        }
        self.probe(key, now);
    }

    fn resume(&mut self, key: Key, now: Instant) {
        for index in 0..self.peers[key].senders.len() {
            let one = self.peers[key].senders[index];
            let Some(sender) = self.senders.get_mut(one) else {
                continue;
            };
            let Some((source, track)) = sender
                .source
                .and_then(|source| Some((source, self.tracks.get(source)?)))
            else {
                continue;
            };
            let link = &mut self.peers[key].link;
            let outcome = sender.resume(track, link, &mut self.egress, now);
            self.counters.rtp_out += u64::from(outcome.sent);
            if outcome.waits || outcome.stopped {
                self.on_outcome(source, one, outcome, now);
            }
        }
    }

    fn probe(&mut self, key: Key, now: Instant) {
        let is_noisy = self.is_noisy();
        let peer = &mut self.peers[key];
        let Some(downlink) = &mut peer.link.downlink else {
            return;
        };
        if downlink.deadline().is_none_or(|at| at > now) {
            return;
        }
        downlink.bandwidth.set_noisy(is_noisy);
        let Some(probe) = downlink.probe(now) else {
            return;
        };
        let is_small = downlink.probing.is_some_and(|probing| probing.is_small);
        let mut sent = None;
        for &sender in &peer.senders {
            let Some(sender) = self.senders.get_mut(sender) else {
                continue;
            };
            let Some(track) = sender.source.and_then(|source| self.tracks.get(source)) else {
                continue;
            };
            if sender.kind == Kind::Audio {
                continue;
            }
            let can_repeat = sender.has_rtx() && !is_small;
            let shown = sender.shown_layer().filter(|_| can_repeat);
            let layer = shown.and_then(|layer| track.layers.get(usize::from(layer)));
            let link = &mut peer.link;
            let octets = match layer {
                Some(layer) => sender.probe(layer, link, &mut self.egress, probe, now),
                None => sender.probe_with_padding(link, &mut self.egress, probe, now),
            };
            if octets > 0 {
                sent = Some(octets);
                break;
            }
        }
        self.counters.probed += sent.unwrap_or(0) as u64;
        if let Some(downlink) = &mut peer.link.downlink {
            downlink.probed(sent);
        }
    }
}
