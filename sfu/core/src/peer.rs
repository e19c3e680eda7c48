//! One device's connection: its addresses, its keys, its m-lines.
//!
//! `demux → ice · srtp → **peer** → track, sender`

use std::time::Duration;

use crate::bwe::Incoming;
use crate::clock::PublisherClock;
use crate::events::PeerId;
use crate::hearing::Hearing;
use crate::ice::Ice;
use crate::link::Link;
use crate::media::ExtensionIds;
use crate::slab::Key;
use crate::srtp::Inbound;
use crate::time::Instant;
use crate::twcc::Recorder;
use crate::uplink::Uplink;
use crate::xr::Heard;

/// How often reports go to a peer.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// SSRCs that are told apart in one peer; SRTP has the same bound.
const MAX_STREAMS: usize = 64;
/// RTT before one was measured: what a NACK may safely take as its first retry.
pub const DEFAULT_RTT: Duration = Duration::from_millis(100);
/// A longer one is a wrong report.
const MAX_RTT: Duration = Duration::from_secs(5);

/// Where the packets of one incoming SSRC go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The track.
    pub track: Key,
    /// The layer in it.
    pub layer: u8,
    /// They are retransmissions.
    pub rtx: bool,
}

/// A small table by SSRC, sorted, with `MOST` entries at most.
#[derive(Debug)]
pub struct SsrcTable<T, const MOST: usize = MAX_STREAMS>(Vec<(u32, T)>);

impl<T, const MOST: usize> Default for SsrcTable<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy, const MOST: usize> SsrcTable<T, MOST> {
    /// What is known of an SSRC.
    #[inline]
    pub fn get(&self, ssrc: u32) -> Option<T> {
        let found = self.0.binary_search_by_key(&ssrc, |&(one, _)| one);
        found.ok().map(|index| self.0[index].1)
    }

    /// Adds or replaces; `false` if the table is full.
    pub fn set(&mut self, ssrc: u32, value: T) -> bool {
        match self.0.binary_search_by_key(&ssrc, |&(one, _)| one) {
            Ok(index) => self.0[index].1 = value,
            Err(_) if self.0.len() >= MOST => return false,
            Err(index) => self.0.insert(index, (ssrc, value)),
        }
        true
    }

    /// Keeps what passes.
    pub fn retain(&mut self, mut keeps: impl FnMut(u32, T) -> bool) {
        self.0.retain(|&(ssrc, value)| keeps(ssrc, value));
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// One device's connection.
#[derive(Debug)]
pub struct Peer {
    /// As Python knows it.
    pub id: PeerId,
    /// Its addresses.
    pub ice: Ice,
    /// How to reach it.
    pub link: Link,
    /// Whether it is still there.
    pub hearing: Hearing,
    /// Takes its protection off.
    pub inbound: Option<Inbound>,
    /// What it sends.
    pub tracks: Vec<Key>,
    /// What it receives.
    pub senders: Vec<Key>,
    /// Its SSRCs.
    pub streams: SsrcTable<Stream>,
    /// Ours to it, retransmissions excluded: receivers report on these.
    pub sender_ssrcs: Vec<(u32, Key)>,
    /// How it numbers extensions.
    pub extensions: ExtensionIds,
    /// Transport-wide feedback, if it wants it.
    pub feedback: Option<Recorder>,
    /// What its path carries towards us, if it is to be told that instead.
    pub incoming: Option<Box<Incoming>>,
    /// Whether its path carries what it sends, if it has layers to choose from.
    pub uplink: Option<Uplink>,
    /// Ours, in reports and feedback.
    pub rtcp_ssrc: u32,
    /// Its wall clock.
    pub clock: PublisherClock,
    /// When its timer is set to go off.
    pub armed: Option<Instant>,
    /// When reports are due.
    pub report_at: Instant,
    /// When its tracks' layers are looked at.
    pub look_at: Option<Instant>,
    /// When what the pacer held back is looked at.
    pub pace_at: Option<Instant>,
    /// Its shares are to be given out anew.
    pub is_stale: bool,
    /// Some of its pictures are sent again as RTX, of which probes are made.
    pub has_rtx: bool,
    /// The time it told last, until that is answered.
    pub told_time: Option<Heard>,
    rtt: Option<Duration>,
}

impl Peer {
    /// A peer without address, keys and media.
    pub fn new(id: PeerId, ice: Ice, report_at: Instant) -> Self {
        Self {
            id,
            ice,
            link: Link::default(),
            hearing: Hearing::default(),
            inbound: None,
            tracks: Vec::new(),
            senders: Vec::new(),
            streams: SsrcTable::default(),
            sender_ssrcs: Vec::new(),
            extensions: ExtensionIds::default(),
            feedback: None,
            incoming: None,
            uplink: None,
            rtcp_ssrc: 0,
            clock: PublisherClock::default(),
            armed: None,
            report_at,
            look_at: None,
            pace_at: None,
            is_stale: false,
            has_rtx: false,
            told_time: None,
            rtt: None,
        }
    }

    /// Smoothed, if measured.
    pub fn measured_rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// Measured or assumed.
    pub fn rtt(&self) -> Duration {
        self.rtt.unwrap_or(DEFAULT_RTT)
    }

    /// Takes a measurement in, smoothed as RFC 6298 §2 does.
    pub fn measured(&mut self, rtt: Duration) {
        if rtt <= MAX_RTT {
            self.rtt = Some(self.rtt.map_or(rtt, |before| (before * 7 + rtt) / 8));
        }
    }

    /// The sender of an outgoing SSRC.
    pub fn sender_of(&self, ssrc: u32) -> Option<Key> {
        let found = self
            .sender_ssrcs
            .binary_search_by_key(&ssrc, |&(one, _)| one);
        found.ok().map(|index| self.sender_ssrcs[index].1)
    }

    /// What its path is thought to carry towards it, in bits a second; `None` while nothing has told.
    pub fn budget(&self, now: Instant) -> Option<u64> {
        self.link.downlink.as_ref()?.budget(now)
    }

    /// Its path does not carry what it sent before.
    pub fn is_narrow(&self, now: Instant) -> bool {
        let uplink = self.uplink.as_ref();
        uplink.is_some_and(|uplink| uplink.is_narrow(now))
    }

    /// Keys are there, and somewhere to send to.
    pub fn is_connected(&self) -> bool {
        self.link.path.is_some() && self.link.outbound.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_ssrcs_are_bounded() {
        let mut table: SsrcTable<u32> = SsrcTable::default();
        let taken = (0..1_000u32).filter(|&ssrc| table.set(ssrc.wrapping_mul(0x9e37_79b9), ssrc));
        assert_eq!(taken.count(), MAX_STREAMS);
        assert_eq!(table.get(0x9e37_79b9), Some(1));
        assert!(table.set(0x9e37_79b9, 7));
        table.retain(|_, value| value == 7);
        assert_eq!((table.get(0x9e37_79b9), table.get(0)), (Some(7), None));
    }
}
