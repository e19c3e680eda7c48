//! The viewers' half of a track whose publisher lives on another worker: a *mirror* stands for it among the tracks.
//!
//! `mailbox → relay → **router (mirror)** → layer (ring) → sender`
//!
//! A mirror begins with the first viewer that is told to show its track and ends with the last; it never outlives the
//! track.  To senders it is a track like any other: rings answer their NACKs, layers are switched at keyframes.
//!
//! ```text
//!            show                      Described                          last viewer leaves: Unsubscribe
//!  nothing ────────▶ mirror, asked for ──────────▶ mirror, fed by Packets ──────────────────▶ nothing
//!    ▲     Subscribe        │      ▲                   │
//!    └──────────────────────┘      └───────────────────┘
//!       Absent: viewers fall silent    Ended: asked for anew, once
//! ```
//!
//! An end is asked about once more, because the m-line may have another track by now, which viewers were told to show
//! while the end was on its way.

use crate::relay::{Batch, Description, Relay, Source, TrackName};
use crate::router::Router;
use crate::slab::Key;
use crate::time::Instant;
use crate::track::{Home, Track};

impl Router {
    /// The track to show: a peer's of this worker, or what stands for another's.
    pub(crate) fn find_source(&mut self, source: Source) -> Option<Key> {
        let name = source.track;
        match source.worker {
            None => self.find_track(name.peer, &name.mid),
            Some(worker) => Some(self.mirror_of(worker, name)),
        }
    }

    fn mirror_of(&mut self, worker: usize, track: TrackName) -> Key {
        if let Some(&key) = self.mirrors.get(&track) {
            return key;
        }
        let mirror = self.tracks.insert(Track::mirror(worker, &track));
        self.mirrors.insert(track.clone(), mirror);
        self.relays
            .push((worker, Relay::Subscribe { track, mirror }));
        mirror
    }

    pub(crate) fn described(&mut self, key: Key, told: &Description) {
        let Some(track) = self.tracks.get_mut(key) else {
            return;
        };
        track.follow(told);
        let viewers = track.shown_by.clone();
        for viewer in viewers {
            self.drop_if_unshowable(key, viewer);
        }
        self.share_again_all(key);
    }

    /// A viewer that was told to show the track before its codec was known.
    fn drop_if_unshowable(&mut self, key: Key, viewer: Key) {
        let codec = self.tracks.get(key).and_then(Track::active_codec);
        let sender = self.senders.get(viewer);
        let Some((codec, sender)) = codec.zip(sender) else {
            return;
        };
        if sender.shown_layer().is_none() && sender.codec_for(codec).is_none() {
            self.not_showable(viewer);
        }
    }

    pub(crate) fn mirror(&mut self, key: Key, batch: &Batch, now: Instant) {
        let Some(track) = self.tracks.get_mut(key) else {
            return;
        };
        self.counters.relayed_in += batch.len() as u64;
        let has_clock = |track: &Track| {
            let layer = track.layers.get(usize::from(batch.layer));
            layer.is_some_and(|layer| layer.epoch == batch.epoch && layer.clock.is_some())
        };
        let had_clock = has_clock(track);
        if track.mirror_batch(batch, now) {
            self.touched.push((key, batch.layer));
        }
        if !had_clock && has_clock(track) {
            let viewers = track.shown_by.clone();
            viewers
                .into_iter()
                .for_each(|sender| self.report_sender(sender, now));
        }
    }

    pub(crate) fn mirror_ended(&mut self, key: Key) {
        let Some((worker, track)) = self.take_mirror(key) else {
            return;
        };
        let again = self.mirror_of(worker, track.name());
        for &viewer in &track.shown_by {
            if let Some(sender) = self.senders.get_mut(viewer) {
                sender.show(Some(again));
            }
        }
        self.tracks[again].shown_by = track.shown_by;
    }

    pub(crate) fn mirror_absent(&mut self, key: Key) {
        let Some((_, track)) = self.take_mirror(key) else {
            return;
        };
        for viewer in track.shown_by {
            if let Some(sender) = self.senders.get_mut(viewer) {
                sender.show(None);
            }
        }
    }

    /// One of a track's viewers has gone, or takes another layer: its publisher is told, or the worker that knows it.
    pub(crate) fn viewers_changed(&mut self, key: Key) {
        let Some(track) = self.tracks.get(key) else {
            return;
        };
        if !(matches!(track.home, Home::There { .. }) && track.shown_by.is_empty()) {
            return self.retaken.push(key);
        }
        if let Some((worker, track)) = self.take_mirror(key) {
            let unsubscribe = Relay::Unsubscribe {
                track: track.name(),
                mirror: key,
            };
            self.relays.push((worker, unsubscribe));
        }
    }

    /// Passes wishes for keyframes on, unless what came with this mail was one.
    pub(crate) fn tell_wishes(&mut self) {
        while let Some((mirror, index)) = self.wishes.pop() {
            let Some(track) = self.tracks.get(mirror) else {
                continue;
            };
            let layer = track.layers.get(usize::from(index));
            let is_wanted = layer.is_some_and(|layer| layer.keyframes.is_wanted());
            if let Home::There { worker, .. } = track.home
                && is_wanted
            {
                let wanted = Relay::KeyframeWanted {
                    track: track.name(),
                    layer: index,
                };
                self.relays.push((worker, wanted));
            }
        }
    }

    fn take_mirror(&mut self, key: Key) -> Option<(usize, Track)> {
        let Home::There { worker, .. } = self.tracks.get(key)?.home else {
            return None;
        };
        let track = self.tracks.remove(key)?;
        self.mirrors.remove(&track.name());
        Some((worker, track))
    }

    /// Tells publishers, or the workers that know them, which layers are taken, where that has changed.
    pub(crate) fn tell_taken(&mut self, now: Instant) {
        self.retaken.sort_unstable();
        self.retaken.dedup();
        while let Some(mirror) = self.retaken.pop() {
            let taken = self.taken_here(mirror);
            let Some(track) = self.tracks.get_mut(mirror) else {
                continue;
            };
            let Home::There { worker, told } = &mut track.home else {
                self.ask_for_layers(mirror, taken, now);
                continue;
            };
            if told.replace(taken) != Some(taken) {
                let (worker, track) = (*worker, track.name());
                let taken = Relay::Taken {
                    track,
                    mirror,
                    layers: taken,
                };
                self.relays.push((worker, taken));
            }
        }
    }

    /// A bit for each layer of a track that some sender here shows, or is to.
    pub(crate) fn taken_here(&self, key: Key) -> u8 {
        let shown_by = self
            .tracks
            .get(key)
            .map_or(&[][..], |track| &track.shown_by);
        let viewers = shown_by
            .iter()
            .filter_map(|&sender| self.senders.get(sender));
        viewers.fold(0, |taken, sender| taken | sender.taken())
    }
}
