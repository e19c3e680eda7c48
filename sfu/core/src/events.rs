//! What the workers tell Python: values, in one bounded queue with one wake-up descriptor.
//!
//! `router → **events** → python`
//!
//! The descriptor is written once a batch.  Drop rule of a full queue: DTLS datagrams first (DTLS sends again), then
//! whatever a peer can cause at will; what the node needs in order to keep its books is always kept, because each of
//! those answers one call of its own or comes at most once in the life of a peer.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::net::WakeUp;

/// A peer's number as Python knows it: unique in the process, never used again.
pub type PeerId = u64;

/// Events waiting beyond which only the indispensable ones are taken.
const CROWDED: usize = 8_192;
/// DTLS datagrams waiting: of one peer, some flights of a handshake; of all peers, 16 MB at the most.
const DTLS_OF_PEER: usize = 64;
const DTLS_OF_ALL: usize = 10_000;

/// Something the node has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// DTLS datagrams from a validated address, in order.
    DtlsReceived {
        /// Whose.
        peer: PeerId,
        /// As they came.
        datagrams: Vec<Vec<u8>>,
    },
    /// The peer's selected address: the first authenticated check, or a later nomination.
    AddressValidated {
        /// Whose.
        peer: PeerId,
        /// Where packets go from now on.
        address: SocketAddr,
    },
    /// No authenticated check for 30 s.
    ConsentExpired {
        /// Whose.
        peer: PeerId,
    },
    /// First media packet of a track, or first of another codec.
    TrackActive {
        /// Who publishes it.
        peer: PeerId,
        /// Its m-line.
        mid: String,
        /// Key of the codec.
        codec_key: String,
    },
    /// The first packet of a sender's new source has gone out.
    Shown(Showing),
    /// The sender has no codec for what the source sends.
    NotShowable(Showing),
    /// Somebody is shown other layers of a simulcast track than before, or is to be.
    LayersWanted {
        /// Who publishes it.
        peer: PeerId,
        /// Its m-line.
        mid: String,
        /// A bit a layer, the lowest first.
        layers: u8,
    },
    /// The receiver's path does not carry even the least of what a sender shows; or does again.
    SeatPaused {
        /// Who receives.
        peer: PeerId,
        /// The sender's m-line.
        mid: String,
        /// It does not.
        paused: bool,
    },
}

/// A sender and the track it was told to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Showing {
    /// Who receives.
    pub peer: PeerId,
    /// The sender's m-line.
    pub mid: String,
    /// Who publishes.
    pub source_peer: PeerId,
    /// The track's m-line.
    pub source_mid: String,
}

impl Event {
    /// A peer can cause any number of these.
    fn is_dispensable(&self) -> bool {
        matches!(
            self,
            Self::DtlsReceived { .. } | Self::AddressValidated { .. } | Self::TrackActive { .. }
        )
    }
}

/// The queue between the workers and Python.
pub struct EventQueue {
    waiting: Mutex<Waiting>,
    wake: WakeUp,
}

#[derive(Default)]
struct Waiting {
    events: Vec<Event>,
    dtls_by_peer: HashMap<PeerId, usize>,
    dtls: usize,
    taken: u64,
    dropped: u64,
    wake_ups: u64,
}

/// How the queue has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Events handed to Python.
    pub events: u64,
    /// Events and DTLS datagrams dropped.
    pub dropped: u64,
    /// Times the descriptor was made readable.
    pub wake_ups: u64,
}

impl EventQueue {
    /// An empty queue.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            waiting: Mutex::default(),
            wake: WakeUp::new()?,
        })
    }

    /// Adds a batch and wakes Python unless it is awake already.
    pub fn push(&self, batch: &mut Vec<Event>) {
        if batch.is_empty() {
            return;
        }
        let mut waiting = self.lock();
        let was_empty = waiting.events.is_empty();
        batch.drain(..).for_each(|event| waiting.add(event));
        if was_empty && !waiting.events.is_empty() {
            waiting.wake_ups += 1;
            self.wake.notify();
        }
    }

    /// Takes everything that waits.
    pub fn take(&self) -> Vec<Event> {
        let mut waiting = self.lock();
        self.wake.clear();
        waiting.dtls_by_peer.clear();
        waiting.dtls = 0;
        waiting.taken += waiting.events.len() as u64;
        std::mem::take(&mut waiting.events)
    }

    /// Totals.
    pub fn counts(&self) -> QueueCounts {
        let waiting = self.lock();
        QueueCounts {
            events: waiting.taken,
            dropped: waiting.dropped,
            wake_ups: waiting.wake_ups,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRawFd for EventQueue {
    fn as_raw_fd(&self) -> RawFd {
        self.wake.as_raw_fd()
    }
}

impl Waiting {
    fn add(&mut self, event: Event) {
        match event {
            Event::DtlsReceived { peer, datagrams } => self.add_dtls(peer, datagrams),
            event if self.events.len() >= CROWDED && event.is_dispensable() => self.dropped += 1,
            event => self.events.push(event),
        }
    }

    fn add_dtls(&mut self, peer: PeerId, mut datagrams: Vec<Vec<u8>>) {
        let of_peer = self.dtls_by_peer.entry(peer).or_default();
        let room = DTLS_OF_PEER
            .saturating_sub(*of_peer)
            .min(DTLS_OF_ALL.saturating_sub(self.dtls));
        self.dropped += datagrams.len().saturating_sub(room) as u64;
        datagrams.truncate(room);
        *of_peer += datagrams.len();
        self.dtls += datagrams.len();
        if !datagrams.is_empty() {
            self.events.push(Event::DtlsReceived { peer, datagrams });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::wait;
    use std::time::Duration;

    fn dtls(peer: PeerId, count: usize) -> Event {
        Event::DtlsReceived {
            peer,
            datagrams: vec![vec![22]; count],
        }
    }

    fn readable(queue: &EventQueue) -> bool {
        wait([queue.as_raw_fd()], Some(Duration::ZERO))[0]
    }

    #[test]
    fn python_is_woken_once_for_all_batches_it_has_not_taken() {
        let queue = EventQueue::new().expect("eventfd");
        for peer in 0..3 {
            queue.push(&mut vec![Event::ConsentExpired { peer }]);
        }
        assert!(readable(&queue));
        assert_eq!(queue.take().len(), 3);
        assert!(!readable(&queue));
        assert_eq!(
            queue.counts(),
            QueueCounts {
                events: 3,
                dropped: 0,
                wake_ups: 1
            }
        );
    }

    #[test]
    fn one_peers_dtls_flood_leaves_room_for_the_others() {
        let queue = EventQueue::new().expect("eventfd");
        for _ in 0..1_000 {
            queue.push(&mut vec![dtls(1, 10)]);
        }
        queue.push(&mut vec![dtls(2, 1)]);
        let events = queue.take();
        assert_eq!(events.last(), Some(&dtls(2, 1)));
        let of_first: usize = events
            .iter()
            .map(|event| match event {
                Event::DtlsReceived { peer: 1, datagrams } => datagrams.len(),
                _ => 0,
            })
            .sum();
        assert_eq!(of_first, DTLS_OF_PEER);
        assert_eq!(queue.counts().dropped, (10_000 - DTLS_OF_PEER) as u64);
    }

    #[test]
    fn what_a_peer_can_cause_at_will_is_bounded_and_the_nodes_books_are_kept() {
        let queue = EventQueue::new().expect("eventfd");
        let address = ([192, 0, 2, 1], 9).into();
        for _ in 0..20_000 {
            queue.push(&mut vec![Event::AddressValidated { peer: 1, address }]);
        }
        queue.push(&mut vec![Event::ConsentExpired { peer: 1 }]);
        let events = queue.take();
        assert_eq!(events.len(), CROWDED + 1);
        assert_eq!(events.last(), Some(&Event::ConsentExpired { peer: 1 }));
    }
}
