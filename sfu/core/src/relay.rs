//! What one worker tells another: the tracks of its peers, for viewers that live there.
//!
//! ```text
//!   worker of the publisher                                       worker of viewers
//!   track, layer (ring) ── Described, Packets, Ended, Absent ──▶ mirror (ring) → sender → egress
//!                      ◀── Subscribe, Unsubscribe, KeyframeWanted, Taken ──
//! ```
//!
//! Plain values, in order between any two workers.  Packets cross decrypted and by reference: one [`Batch`] is shared by
//! all workers that show the layer.  Who acts on what: the publisher's half is in `relaying.rs`, the viewers' in
//! `mirror.rs`, the queue between threads in `mailbox.rs`.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::clock::LayerClock;
use crate::events::PeerId;
use crate::media::{CodecConfig, Kind};
use crate::ring::Meta;
use crate::slab::Key;
use crate::supply::Supply;

/// Batches that are kept to be filled again; a worker that keeps up holds a few at a time.
const MAX_KEPT: usize = 256;

/// A track by its names: whose it is, and its m-line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrackName {
    /// Who publishes it.
    pub peer: PeerId,
    /// Its m-line.
    pub mid: String,
}

/// A track that a sender is told to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which.
    pub track: TrackName,
    /// The worker on which its publisher lives; `None`: the viewer's own.
    pub worker: Option<usize>,
}

/// One message from worker to worker.  A track or mirror that has gone meanwhile makes it nothing.
#[derive(Clone, Debug)]
pub enum Relay {
    /// Somebody there is to be shown this track; answered by `Described` or `Absent`.
    Subscribe {
        /// Which.
        track: TrackName,
        /// The key, there, of what stands for it.
        mirror: Key,
    },
    /// Nobody there is shown it any more.
    Unsubscribe {
        /// Which.
        track: TrackName,
        /// The same as at `Subscribe`.
        mirror: Key,
    },
    /// Somebody there cannot go on without a keyframe.
    KeyframeWanted {
        /// Of what.
        track: TrackName,
        /// Of which layer of it.
        layer: u8,
    },
    /// Which layers are shown there now, or are to be.
    Taken {
        /// Of what.
        track: TrackName,
        /// The same as at `Subscribe`.
        mirror: Key,
        /// A bit a layer, the lowest first.
        layers: u8,
    },
    /// What the track is, after a subscription and whenever it has changed.
    Described {
        /// Whom it is for.
        mirror: Key,
        /// All of it.
        description: Arc<Description>,
    },
    /// Packets that have come.
    Packets {
        /// Whom they are for.
        mirror: Key,
        /// Shared by all workers that show the layer.
        batch: Arc<Batch>,
    },
    /// The track has ended.
    Ended {
        /// Whom it is for.
        mirror: Key,
    },
    /// There is no such track.
    Absent {
        /// Whom it is for.
        mirror: Key,
    },
}

impl Relay {
    /// Media packets in it: what may be dropped, and is bounded.
    pub fn packets(&self) -> usize {
        match self {
            Self::Packets { batch, .. } => batch.len(),
            _ => 0,
        }
    }
}

/// What a mirror has to know of its track.
#[derive(Clone, Debug)]
pub struct Description {
    /// Sound or pictures.
    pub kind: Kind,
    /// As the publisher numbers them.
    pub codecs: Vec<CodecConfig>,
    /// Index of the codec last seen.
    pub active_codec: Option<u8>,
    /// RIDs of the layers, low to high.
    pub rids: Vec<Option<String>>,
    /// What there is to choose from, a layer each.
    pub supplies: Vec<Supply>,
    /// Forwarded at all.
    pub enabled: bool,
}

/// What one round brought on one layer: decrypted, in order of arrival.
#[derive(Debug)]
pub struct Batch {
    /// The track, where its publisher lives.
    pub track: Key,
    /// The layer in it.
    pub layer: u8,
    /// Counts the SSRCs that the layer has had.
    pub epoch: u32,
    /// The layer's timestamps on our clock, once known.
    pub clock: Option<LayerClock>,
    /// Each with the end of its octets in `bytes`: the payload and, behind it, the dependency descriptor.
    packets: Vec<(Meta, usize)>,
    bytes: Vec<u8>,
}

impl Batch {
    /// A batch without packets.
    pub fn new(track: Key, layer: u8) -> Self {
        Self {
            track,
            layer,
            epoch: 0,
            clock: None,
            packets: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Adds a packet.
    pub fn push(&mut self, meta: &Meta, payload: &[u8], descriptor: &[u8]) {
        self.bytes.extend_from_slice(payload);
        self.bytes.extend_from_slice(descriptor);
        self.packets.push((*meta, self.bytes.len()));
    }

    /// Every packet with its payload and its dependency descriptor.
    pub fn packets(&self) -> impl Iterator<Item = (&Meta, &[u8], &[u8])> {
        let mut start = 0;
        self.packets.iter().map(move |(meta, end)| {
            let octets = &self.bytes[start..*end];
            start = *end;
            let behind = octets.len() - usize::from(meta.described);
            let (payload, descriptor) = octets.split_at(behind);
            (meta, payload, descriptor)
        })
    }

    /// How many packets.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// No packets.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    fn restart(&mut self, track: Key, layer: u8) {
        (self.track, self.layer) = (track, layer);
        self.packets.clear();
        self.bytes.clear();
    }
}

/// Batches of this worker, filled again once no other worker holds them: handing packets over takes nothing from the
/// heap while the others keep up.
#[derive(Debug, Default)]
pub struct Batches(VecDeque<Arc<Batch>>);

impl Batches {
    /// A batch with what `fill` puts into it.
    pub fn fill(&mut self, track: Key, layer: u8, fill: impl FnOnce(&mut Batch)) -> Arc<Batch> {
        let mut batch = self.free(track, layer);
        if let Some(own) = Arc::get_mut(&mut batch) {
            own.restart(track, layer);
            fill(own);
        }
        if self.0.len() < MAX_KEPT {
            self.0.push_back(Arc::clone(&batch));
        }
        batch
    }

    /// The one that was handed out first, if nobody holds it any more; else a new one.
    fn free(&mut self, track: Key, layer: u8) -> Arc<Batch> {
        let is_free = |batch: &Arc<Batch>| Arc::strong_count(batch) == 1;
        let free = self.0.front().is_some_and(is_free);
        let oldest = if free { self.0.pop_front() } else { None };
        oldest.unwrap_or_else(|| Arc::new(Batch::new(track, layer)))
    }
}
