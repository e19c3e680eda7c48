//! All endpoints of one engine: whose datagram it is, whose time has come.
//!
//! `engine → **fleet** → endpoint → egress → engine`
//!
//! Contract: after every call that changes it, send the egress it was given, take `events`, then sleep until
//! `deadline()` and call `on_deadline` for each `take_due()`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::clip::Clip;
use super::config::{EndpointConfig, EndpointMedia};
use super::endpoint::Endpoint;
use super::events::LoadEvent;
use super::histogram::Histogram;
use super::totals::{EndpointStats, Snapshot, Totals};
use crate::demux::Path;
use crate::egress::Egress;
use crate::srtp::{Inbound, Outbound};
use crate::time::{Instant, Ntp};
use crate::wheel::Wheel;

/// Endpoints are woken at multiples of this.
const TICK: Duration = Duration::from_micros(500);

/// On loopback endpoint n is 127.1.0.0 + n, out of the way of 127.0.0.1 and its neighbours.
const FIRST_ADDRESS: u32 = u32::from_be_bytes([127, 1, 0, 0]);
/// So that none has the broadcast address of 127.0.0.0/8.
pub const MAX_ENDPOINTS: u32 = u32::from_be_bytes([127, 255, 0, 0]) - FIRST_ADDRESS;

/// What all endpoints of an engine share.
#[derive(Debug)]
pub struct Shared {
    /// What publishers send and receivers compare with.
    pub clips: Vec<Arc<Clip>>,
    /// What Python has to know.
    pub events: Vec<LoadEvent>,
    /// One received media packet of so many is checked.
    pub check_every: u32,
    /// One-way delay of checked packets, µs.
    pub delay_us: Histogram,
    /// The same of those that end a frame: from then on it can be shown.
    pub frame_delay_us: Histogram,
    /// How long after its time media left, µs.
    pub late_us: Histogram,
    /// Numbers to ask for, of one receiver at a time.
    pub lost: Vec<u16>,
    wall: Ntp,
}

impl Shared {
    /// A clip by its handle.
    #[must_use]
    pub fn clip(&self, handle: u32) -> Option<&Clip> {
        self.clips.get(handle as usize).map(Arc::as_ref)
    }

    /// Wall-clock time.
    #[must_use]
    pub fn ntp(&self, now: Instant) -> Ntp {
        self.wall + now.saturating_since(Instant::default())
    }
}

/// All endpoints of one engine.
pub struct Fleet {
    endpoints: Vec<Option<Box<Endpoint>>>,
    wheel: Wheel<u32>,
    shared: Shared,
    /// Counts of removed endpoints.
    removed: Totals,
    due: Vec<u32>,
    seed: u64,
}

impl Fleet {
    /// No endpoints.  `wall` is the wall-clock time of `Instant::default()`.
    #[must_use]
    pub fn new(wall: Ntp, seed: u64, check_every: u32, now: Instant) -> Self {
        Self {
            endpoints: Vec::new(),
            wheel: Wheel::new(TICK, now),
            shared: Shared {
                clips: Vec::new(),
                events: Vec::new(),
                check_every: check_every.max(1),
                delay_us: Histogram::default(),
                frame_delay_us: Histogram::default(),
                late_us: Histogram::default(),
                lost: Vec::new(),
                wall,
            },
            removed: Totals::default(),
            due: Vec::new(),
            seed,
        }
    }

    /// The address that an endpoint has on the shared socket.
    #[must_use]
    pub fn address_of(endpoint: u32) -> Ipv4Addr {
        Ipv4Addr::from(FIRST_ADDRESS + endpoint % MAX_ENDPOINTS)
    }

    /// The endpoint that has an address on the shared socket.
    #[inline]
    #[must_use]
    pub fn endpoint_at(address: Option<IpAddr>) -> Option<u32> {
        match address? {
            IpAddr::V4(ip) => u32::from(ip).checked_sub(FIRST_ADDRESS),
            IpAddr::V6(_) => None,
        }
    }

    /// Adds a clip; its handle is the number of those before it.
    pub fn add_clip(&mut self, clip: Arc<Clip>) {
        self.shared.clips.push(clip);
    }

    /// Adds endpoint `id`, which is the number of those before it, removed ones included.
    pub fn add(&mut self, id: u32, config: &EndpointConfig, path: Path, now: Instant) {
        let endpoint = Endpoint::new(id, config, path, self.seed, now);
        let places = self.endpoints.len().max(id as usize + 1);
        self.endpoints.resize_with(places, || None);
        self.endpoints[id as usize] = Some(Box::new(endpoint));
        self.arm(id);
    }

    /// Forgets an endpoint; what it counted stays.
    pub fn remove(&mut self, id: u32) {
        if let Some(endpoint) = self.endpoints.get_mut(id as usize).and_then(Option::take) {
            self.removed.add(&endpoint.tally().totals);
        }
    }

    fn get(&mut self, id: u32) -> Option<(&mut Endpoint, &mut Shared)> {
        let endpoint = self.endpoints.get_mut(id as usize)?.as_mut()?;
        Some((endpoint, &mut self.shared))
    }

    /// SRTP keys.
    pub fn set_keys(&mut self, id: u32, inbound: Inbound, outbound: Outbound, now: Instant) {
        if let Some((endpoint, _)) = self.get(id) {
            endpoint.set_keys(inbound, outbound, now);
        }
        self.arm(id);
    }

    /// Replaces an endpoint's media.
    pub fn set_media(&mut self, id: u32, media: &EndpointMedia, now: Instant) {
        if let Some((endpoint, shared)) = self.get(id) {
            endpoint.set_media(media, &shared.clips, now);
        }
        self.arm(id);
    }

    /// Pauses or goes on with a sent m-line.
    pub fn set_sending(&mut self, id: u32, mid: &str, sending: bool, now: Instant) {
        if let Some((endpoint, _)) = self.get(id) {
            endpoint.set_sending(mid, sending, now);
        }
        self.arm(id);
    }

    /// Sends these layers of one m-line alone.
    pub fn set_layers(&mut self, id: u32, mid: &str, rids: &[String], now: Instant) {
        if let Some((endpoint, _)) = self.get(id) {
            endpoint.set_layers(mid, rids, now);
        }
        self.arm(id);
    }

    /// Sends a DTLS datagram.
    pub fn send_dtls(&mut self, id: u32, datagram: &[u8], egress: &mut Egress, now: Instant) {
        if let Some((endpoint, shared)) = self.get(id) {
            endpoint.send_dtls(datagram, egress, shared, now);
        }
        self.arm(id);
    }

    /// Takes in one datagram from the server.
    #[inline]
    pub fn receive(
        &mut self,
        id: u32,
        path: &Path,
        datagram: &mut [u8],
        egress: &mut Egress,
        now: Instant,
    ) {
        let Some((endpoint, shared)) = self.get(id) else {
            return;
        };
        if !endpoint.is_from(path) {
            return;
        }
        endpoint.receive(datagram, egress, shared, now);
        if endpoint.unarmed_deadline().is_some() {
            self.arm(id);
        }
    }

    /// Sees to it that the endpoint is woken at its deadline.
    fn arm(&mut self, id: u32) {
        let Some(endpoint) = self.endpoints.get_mut(id as usize).and_then(Option::as_mut) else {
            return;
        };
        if let Some(at) = endpoint.unarmed_deadline() {
            endpoint.arm(self.wheel.set(id, at));
        }
    }

    /// When to call [`Self::take_due`].
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.wheel.deadline()
    }

    /// An endpoint whose time has come.
    pub fn take_due(&mut self, now: Instant) -> Option<u32> {
        if self.due.is_empty() && self.wheel.take_due(now, &mut self.due) {
            // Taken from the end, whoever set out first comes first.
            self.due.reverse();
        }
        self.due.pop()
    }

    /// Everything that is due for an endpoint.
    pub fn on_deadline(&mut self, id: u32, egress: &mut Egress, now: Instant) {
        let Some((endpoint, shared)) = self.get(id) else {
            return;
        };
        endpoint.disarm(now);
        if endpoint.deadline().is_some_and(|at| at <= now) {
            endpoint.on_deadline(egress, shared, now);
        }
        self.arm(id);
    }

    /// Everything that has happened since it was last emptied; the caller empties it.
    pub fn events(&mut self) -> &mut Vec<LoadEvent> {
        &mut self.shared.events
    }

    /// Counts begin anew.
    pub fn reset(&mut self) {
        self.endpoints
            .iter_mut()
            .flatten()
            .for_each(|endpoint| endpoint.reset());
        self.removed = Totals::default();
        self.shared.delay_us.clear();
        self.shared.frame_delay_us.clear();
        self.shared.late_us.clear();
    }

    /// What all endpoints counted; the engine adds what it alone knows.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let mut totals = self.removed;
        self.endpoints
            .iter()
            .flatten()
            .for_each(|endpoint| totals.add(&endpoint.tally().totals));
        Snapshot {
            at: now,
            totals,
            delay_us: self.shared.delay_us.clone(),
            frame_delay_us: self.shared.frame_delay_us.clone(),
            late_us: self.shared.late_us.clone(),
            ..Snapshot::default()
        }
    }

    /// Every endpoint that is not removed.
    #[must_use]
    pub fn stats(&self) -> Vec<EndpointStats> {
        self.endpoints
            .iter()
            .flatten()
            .map(|endpoint| endpoint.stats())
            .collect()
    }
}
