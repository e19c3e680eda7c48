//! What a worker holds, told in slices: nobody's packets wait for the statistics of thousands of peers.
//!
//! `peers, tracks, senders → **snapshot** → worker → python`

use std::time::Duration;

use crate::events::PeerId;
use crate::peer::Peer;
use crate::router::Router;
use crate::sender::{ALL, Sender};
use crate::slab::Key;
use crate::stats::{LayerStats, PeerStats, SenderStats, TrackStats};
use crate::time::Instant;
use crate::track::Track;

/// Peers told between two rounds of a worker: a fraction of a millisecond.
pub const SLICE: usize = 256;

/// A snapshot that is being taken.  Who comes or goes meanwhile may be in it or not; nobody is in it twice.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// What has been told.
    pub peers: Vec<PeerStats>,
    /// Places that have been looked at.
    looked: usize,
}

impl Router {
    /// Adds the next slice; `false`: nobody is left.
    pub fn continue_snapshot(&self, snapshot: &mut Snapshot, now: Instant) -> bool {
        let places = self.peers.places();
        let until = (snapshot.looked + SLICE).min(places);
        let slice = self.peers.iter_range(snapshot.looked..until);
        snapshot
            .peers
            .extend(slice.map(|peer| self.peer_stats(peer, now)));
        snapshot.looked = until;
        until < places
    }

    /// A snapshot of all peers at once.
    pub fn stats(&self, now: Instant) -> Vec<PeerStats> {
        let mut snapshot = Snapshot::default();
        while self.continue_snapshot(&mut snapshot, now) {}
        snapshot.peers
    }

    fn peer_stats(&self, peer: &Peer, now: Instant) -> PeerStats {
        let downlink = peer.link.downlink.as_ref();
        let senders: Vec<SenderStats> = peer
            .senders
            .iter()
            .map(|&sender| self.sender_stats(&self.senders[sender]))
            .collect();
        PeerStats {
            peer: peer.id,
            address: peer.link.path.map(|path| path.canonical()),
            rtt: peer.measured_rtt(),
            estimate: peer.budget(now),
            sending_kbps: match downlink {
                Some(downlink) => downlink.traffic.kbps,
                None => senders.iter().map(|sender| sender.kbps).sum(),
            },
            queue: downlink.map_or(Duration::ZERO, |downlink| downlink.bandwidth.queue_delay()),
            silence: peer.hearing.silence(now),
            tracks: peer
                .tracks
                .iter()
                .map(|&track| self.track_stats(track, now))
                .collect(),
            senders,
        }
    }

    fn track_stats(&self, key: Key, now: Instant) -> TrackStats {
        let track = &self.tracks[key];
        let sum =
            |of: &dyn Fn(&LayerStats) -> u64, layers: &[LayerStats]| layers.iter().map(of).sum();
        let codec = track.active_codec();
        let jitter = track.layers.iter().filter(|layer| layer.is_alive(now));
        let taken = track.taken_with(self.taken_here(key));
        let layers: Vec<LayerStats> = (0..track.layers.len())
            .map(|index| layer_stats(track, index, taken, now))
            .collect();
        TrackStats {
            mid: track.mid.clone(),
            codec: codec.map(|codec| codec.key.to_string()),
            level_dbov: track.level.level(now),
            packets: sum(&|layer| layer.packets, &layers),
            octets: sum(&|layer| layer.octets, &layers),
            lost: track
                .layers
                .iter()
                .map(|layer| layer.reception.lost())
                .sum(),
            jitter: ticks(
                jitter
                    .map(|layer| layer.reception.jitter())
                    .max()
                    .unwrap_or(0),
                codec.map_or(90_000, |codec| codec.clock_rate),
            ),
            layers,
        }
    }

    fn sender_stats(&self, sender: &Sender) -> SenderStats {
        let totals = &sender.totals;
        let source = sender.source.and_then(|source| self.tracks.get(source));
        SenderStats {
            mid: sender.mid.to_string(),
            layer: sender.shown_layer(),
            packets: totals.traffic.packets,
            octets: totals.traffic.octets,
            fraction_lost: f64::from(totals.fraction_lost) / 256.0,
            jitter: ticks(totals.jitter, sender.clock_rate().unwrap_or(90_000)),
            nacks_received: totals.nacks,
            retransmitted: totals.retransmitted,
            kbps: sender.shown_layer().map_or(0.0, |_| totals.traffic.kbps),
            paused: sender.is_paused,
            temporal: Some(sender.temporal).filter(|&temporal| temporal < ALL),
            spatial: Some(sender.spatial).filter(|&spatial| spatial < ALL),
            switches: totals.switches,
            source: source.map(|track| (track.owner_id, track.mid.clone())),
        }
    }

    /// Peer, m-line and smoothed level of every audio track that has told one.
    pub fn levels(&self, now: Instant) -> Vec<(PeerId, String, u8)> {
        let level =
            |track: &Track| Some((track.owner_id, track.mid.clone(), track.level.level(now)?));
        self.tracks.iter().filter_map(level).collect()
    }
}

/// So many ticks of a media clock.
fn ticks(count: u32, rate: u32) -> Duration {
    Duration::from_secs_f64(f64::from(count) / f64::from(rate.max(1)))
}

/// `taken` has a bit for each layer that somebody shows, here or on another worker.
fn layer_stats(track: &Track, index: usize, taken: u8, now: Instant) -> LayerStats {
    let layer = &track.layers[index];
    LayerStats {
        rid: layer.rid.clone(),
        ssrc: layer.ssrc,
        packets: layer.traffic.packets,
        octets: layer.traffic.octets,
        active: layer.is_alive(now),
        taken: taken & 1 << index != 0,
        kbps: if layer.is_alive(now) {
            layer.traffic.kbps
        } else {
            0.0
        },
        spatial_kbps: track.supplies[index]
            .spatial_rates
            .map(|rate| f64::from(rate) / 1e3),
        nacks_sent: layer.nacks_sent,
        keyframe_requests: layer.keyframes.sent,
        height: Some(layer.height).filter(|&height| height > 0),
        frames: layer.freezes.frames,
        freezes: layer.freezes.count,
        frozen: layer.freezes.lasted,
        standing: layer.standing(now),
    }
}
