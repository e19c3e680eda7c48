//! The publisher's half of a track that is shown on other workers: who they are, and what they are told.
//!
//! `track, layer (fresh) → **router (relaying)** → relay → mailbox`
//!
//! A packet is taken from the ring once a batch, whatever the number of workers that show it.  What there is to choose from
//! is looked at here alone; mirrors are told.

use std::sync::Arc;

use crate::relay::{Relay, TrackName};
use crate::router::Router;
use crate::slab::Key;
use crate::time::Instant;
use crate::track::{Subscriber, Track};

impl Router {
    /// Everything for other workers since it was last emptied, with the worker each is for; the caller empties it.
    ///
    /// Packets of a batch are in it from `receive` on: who takes them before `datagrams` lets the others begin early.
    pub fn relays(&mut self, now: Instant) -> &mut Vec<(usize, Relay)> {
        self.relay_touched();
        self.tell_taken(now);
        self.tell_wishes();
        &mut self.relays
    }

    /// Takes one message of another worker.
    pub fn relayed(&mut self, from: usize, relay: Relay, now: Instant) {
        match relay {
            Relay::Subscribe { track, mirror } => self.subscribe(from, &track, mirror),
            Relay::Unsubscribe { track, mirror } => self.unsubscribe(&track, from, mirror),
            Relay::KeyframeWanted { track, layer } => self.wanted_there(&track, layer, now),
            Relay::Taken {
                track,
                mirror,
                layers,
            } => self.taken_there(&track, from, mirror, layers),
            Relay::Described {
                mirror,
                description,
            } => self.described(mirror, &description),
            Relay::Packets { mirror, batch } => self.mirror(mirror, &batch, now),
            Relay::Ended { mirror } => self.mirror_ended(mirror),
            Relay::Absent { mirror } => self.mirror_absent(mirror),
        }
    }

    /// Packets that another worker has no room for are lost there, so its viewers need a keyframe.
    pub fn undelivered(&mut self, relay: &Relay, now: Instant) {
        if let Relay::Packets { batch, .. } = relay {
            self.counters.relay_dropped += batch.len() as u64;
            self.ask_for_keyframe(batch.track, batch.layer, now);
        }
    }

    fn subscribe(&mut self, worker: usize, name: &TrackName, mirror: Key) {
        let Some(key) = self.find_track(name.peer, &name.mid) else {
            return self.relays.push((worker, Relay::Absent { mirror }));
        };
        let track = &mut self.tracks[key];
        track.relayed_to.push(Subscriber {
            worker,
            mirror,
            taken: None,
        });
        let description = Arc::new(track.describe());
        let described = Relay::Described {
            mirror,
            description,
        };
        self.relays.push((worker, described));
    }

    fn unsubscribe(&mut self, name: &TrackName, worker: usize, mirror: Key) {
        if let Some(key) = self.find_track(name.peer, &name.mid) {
            let subscribers = &mut self.tracks[key].relayed_to;
            subscribers.retain(|one| (one.worker, one.mirror) != (worker, mirror));
            self.retaken.push(key);
        }
    }

    fn wanted_there(&mut self, name: &TrackName, layer: u8, now: Instant) {
        if let Some(key) = self.find_track(name.peer, &name.mid) {
            // One that is about to be forwarded here may have left for there already, before the layer was taken there.
            self.ask_for_keyframe(key, layer, now);
        }
    }

    fn taken_there(&mut self, name: &TrackName, worker: usize, mirror: Key, layers: u8) {
        let Some(key) = self.find_track(name.peer, &name.mid) else {
            return;
        };
        let mut subscribers = self.tracks[key].relayed_to.iter_mut();
        if let Some(one) = subscribers.find(|one| (one.worker, one.mirror) == (worker, mirror)) {
            one.taken = Some(layers);
            self.retaken.push(key);
        }
    }

    /// Something that mirrors follow has changed.
    pub(crate) fn describe_again(&mut self, key: Key) {
        let track = &self.tracks[key];
        if track.relayed_to.is_empty() {
            return;
        }
        let description = Arc::new(track.describe());
        for one in &track.relayed_to {
            let described = Relay::Described {
                mirror: one.mirror,
                description: Arc::clone(&description),
            };
            self.relays.push((one.worker, described));
        }
    }

    /// A track of this worker is no more.
    pub(crate) fn tell_ended(&mut self, track: &Track) {
        for one in &track.relayed_to {
            let ended = Relay::Ended { mirror: one.mirror };
            self.relays.push((one.worker, ended));
        }
    }

    /// What this batch has brought so far goes to the workers that show it.
    pub(crate) fn relay_touched(&mut self) {
        for &(key, index) in self.touched.iter().chain(&self.waiting) {
            let Some(track) = self.tracks.get_mut(key) else {
                continue;
            };
            let subscribers = &track.relayed_to;
            let layer = track.layers.get_mut(usize::from(index));
            let Some(layer) = layer.filter(|layer| layer.relayed < layer.fresh.len()) else {
                continue;
            };
            if !subscribers.iter().any(|one| one.takes(index)) {
                continue;
            }
            let batch = self.batches.fill(key, index, |batch| layer.relay(batch));
            for one in subscribers.iter().filter(|one| one.takes(index)) {
                self.counters.relayed_out += batch.len() as u64;
                let (mirror, batch) = (one.mirror, Arc::clone(&batch));
                self.relays
                    .push((one.worker, Relay::Packets { mirror, batch }));
            }
        }
    }
}
