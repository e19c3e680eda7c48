//! Counters and snapshots: what the core tells of itself.

use std::net::SocketAddr;
use std::time::Duration;

use crate::events::PeerId;
use crate::layer::SPATIAL_LAYERS;
use crate::time::Instant;

/// Declares the counters once, for their sum and their names.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Totals since the start.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Every counter with its name.
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }

            /// Adds another worker's.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

counters! {
    /// Datagrams received.
    datagrams_in,
    /// Octets of theirs, without headers of UDP and IP.
    octets_in,
    /// Datagrams that found the socket's receive buffer full.
    receive_dropped,
    /// Datagrams the kernel took.
    datagrams_out,
    /// Octets of theirs, without headers of UDP and IP.
    octets_out,
    /// Messages they left in: a GSO message carries several.
    messages_out,
    /// Of these, datagrams that left in a GSO message.
    gso_out,
    /// Datagrams that found no room in the socket buffer or were refused by the kernel.
    send_dropped,
    /// Datagrams that found no room in the core's own buffer.
    egress_dropped,
    /// recvmmsg calls that brought something.
    receives,
    /// sendmmsg calls.
    sends,
    /// Times a worker's thread woke up.
    wakeups,
    /// Times a worker had not caught up with its socket for long, and put off what repairs need.
    behind,
    /// Nanoseconds of CPU that the workers' threads have used.
    cpu_ns,
    /// Media packets received, retransmissions included.
    rtp_in,
    /// Media packets sent, retransmissions included.
    rtp_out,
    /// RTCP datagrams received.
    rtcp_in,
    /// RTCP datagrams sent.
    rtcp_out,
    /// Datagrams that break their format.
    malformed,
    /// Datagrams, checks excepted, from addresses that are nobody's.
    strangers,
    /// Checks answered.
    stun_in,
    /// Checks without a right USERNAME and MESSAGE-INTEGRITY.
    stun_forged,
    /// DTLS datagrams of validated peers.
    dtls_in,
    /// DTLS datagrams sent.
    dtls_out,
    /// SRTP and SRTCP before there are keys for it.
    srtp_early,
    /// SRTP and SRTCP with a wrong authentication tag.
    srtp_forged,
    /// SRTP and SRTCP seen before.
    srtp_replayed,
    /// Media packets that belong to no track.
    rtp_unmapped,
    /// Media packets that came by retransmission and were missing.
    rtx_recovered,
    /// Sequence numbers that receivers asked for.
    nacks_in,
    /// Packets sent again.
    retransmitted,
    /// Sequence numbers asked of publishers.
    nacks_out,
    /// Times a publisher's path carried much less than it had just before.
    uplinks_narrowed,
    /// Keyframes that receivers asked for.
    keyframe_requests_in,
    /// Keyframes asked of publishers.
    keyframe_requests_out,
    /// Octets of packets sent again to find out what paths carry.
    probed,
    /// Transport-wide feedback packets sent.
    feedback_out,
    /// Transport-wide feedback packets received.
    feedback_in,
    /// Packets handed to other workers, counted for each.
    relayed_out,
    /// Packets taken from other workers.
    relayed_in,
    /// Packets that another worker had no room for.
    relay_dropped,
}

/// Packets and octets of one stream, and its rate over the last full second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// Octets of payload.
    pub octets: u64,
    /// Over the last full second.
    pub kbps: f64,
    octets_before: u64,
    measured: Instant,
}

impl Traffic {
    /// A packet.
    #[inline]
    pub fn count(&mut self, octets: usize) {
        self.packets += 1;
        self.octets += octets as u64;
    }

    /// Takes the rate since the last measure; called about once a second.
    pub fn measure(&mut self, now: Instant) {
        let elapsed = now.saturating_since(self.measured);
        if elapsed < Duration::from_millis(500) {
            return;
        }
        let octets = self.octets - self.octets_before;
        self.kbps = octets as f64 * 8e-3 / elapsed.as_secs_f64();
        (self.octets_before, self.measured) = (self.octets, now);
    }
}

/// One peer.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerStats {
    /// Its number.
    pub peer: PeerId,
    /// Selected address.
    pub address: Option<SocketAddr>,
    /// Smoothed.
    pub rtt: Option<Duration>,
    /// What its path is thought to carry towards it, bits a second.
    pub estimate: Option<u64>,
    /// Sent to it over the last second; where its path is not estimated, without what was sent again.
    pub sending_kbps: f64,
    /// Thought to wait in its path's queue.
    pub queue: Duration,
    /// Since anything authentic came from it.
    pub silence: Duration,
    /// What it sends.
    pub tracks: Vec<TrackStats>,
    /// What it receives.
    pub senders: Vec<SenderStats>,
}

/// One published source.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackStats {
    /// Its m-line.
    pub mid: String,
    /// Key of the codec last seen.
    pub codec: Option<String>,
    /// Smoothed audio level, -dBov.
    pub level_dbov: Option<u8>,
    /// All layers.
    pub packets: u64,
    /// All layers.
    pub octets: u64,
    /// All layers, retransmissions counted as come.
    pub lost: u64,
    /// Between arrivals, RFC 3550 §6.4.1; the most of the layers that come.
    pub jitter: Duration,
    /// Low to high.
    pub layers: Vec<LayerStats>,
}

/// One encoding.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerStats {
    /// Its name.
    pub rid: Option<String>,
    /// Its SSRC, once known.
    pub ssrc: Option<u32>,
    /// Received.
    pub packets: u64,
    /// Received.
    pub octets: u64,
    /// Media has come a moment ago.
    pub active: bool,
    /// Some sender shows it.
    pub taken: bool,
    /// Over the last full second.
    pub kbps: f64,
    /// Of its spatial layers up to each, with headers; a stream that has fewer needs no more for the others.
    pub spatial_kbps: [f64; SPATIAL_LAYERS],
    /// Sequence numbers asked for.
    pub nacks_sent: u64,
    /// Keyframes asked for.
    pub keyframe_requests: u64,
    /// Lines of picture, where a keyframe told.
    pub height: Option<u16>,
    /// Frames begun.
    pub frames: u64,
    /// Pauses in what came in that its timestamps do not explain.
    pub freezes: u64,
    /// How long these were in all.
    pub frozen: Duration,
    /// How long its picture has stood still by now; zero: it moves.
    pub standing: Duration,
}

/// One m-line of a seat.
#[derive(Clone, Debug, PartialEq)]
pub struct SenderStats {
    /// The m-line.
    pub mid: String,
    /// Shown layer.
    pub layer: Option<u8>,
    /// Sent.
    pub packets: u64,
    /// Sent.
    pub octets: u64,
    /// Of the last receiver report.
    pub fraction_lost: f64,
    /// Of the last receiver report.
    pub jitter: Duration,
    /// Sequence numbers the receiver asked for.
    pub nacks_received: u64,
    /// Packets sent again.
    pub retransmitted: u64,
    /// Over the last full second.
    pub kbps: f64,
    /// The path does not carry even the least.
    pub paused: bool,
    /// Highest temporal layer let through; `None`: all.
    pub temporal: Option<u8>,
    /// Highest spatial layer of its stream let through; `None`: all.
    pub spatial: Option<u8>,
    /// Changes of layer or source.
    pub switches: u64,
    /// The track that it was told to show.
    pub source: Option<(PeerId, String)>,
}
