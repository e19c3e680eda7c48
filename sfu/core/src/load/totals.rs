//! What an endpoint counts, and what all of them counted together.

use std::time::Duration;

use super::histogram::Histogram;
use crate::time::Instant;

/// Declares the totals once, for their sum.
macro_rules! totals {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts since the last reset.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Totals {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Totals {
            /// Adds another's.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

totals! {
    /// Media packets sent, retransmissions excluded.
    packets_sent,
    /// UDP payload of these.
    octets_sent,
    /// Media packets that came in their own stream, each once.
    packets_received,
    /// UDP payload of these.
    octets_received,
    /// Media packets that sequence numbers tell of.
    expected,
    /// Came by retransmission, and were missing.
    recovered,
    /// Came again in their own stream.
    duplicated,
    /// Came after a later one.
    out_of_order,
    /// Decrypted and compared.
    checked,
    /// Of the checked, not what was sent.
    corrupt,
    /// Did not authenticate, or were seen before.
    replayed_or_forged,
    /// Media packets of no known m-line.
    unmapped,
    /// PLIs sent.
    keyframe_requests_sent,
    /// PLIs and FIRs received.
    keyframe_requests_received,
    /// Sequence numbers asked for.
    nacks_sent,
    /// Sequence numbers that the server asked for.
    nacks_received,
    /// Packets sent again.
    retransmitted,
    /// Video frames whose last packet came.
    frames_received,
    /// Pauses in video that nothing explains.
    freezes,
    /// How long these were.
    freeze_ns,
    /// Datagrams that pacer, buffer or kernel had no room for.
    send_dropped,
    /// Datagrams that emulated links lost.
    emulated_drops,
}

impl Totals {
    /// Packets that never came, so far.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.expected
            .saturating_sub(self.packets_received + self.recovered)
    }
}

/// What one endpoint counts.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Counts.
    pub totals: Totals,
    /// One-way delay of checked packets, µs.
    pub delay_us: Histogram,
}

impl Tally {
    /// Begins anew.
    pub fn reset(&mut self) {
        self.totals = Totals::default();
        self.delay_us.clear();
    }
}

/// All that an engine counted, of one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When.
    pub at: Instant,
    /// Counts of all endpoints, removed ones included.
    pub totals: Totals,
    /// One-way delay of checked packets, µs.
    pub delay_us: Histogram,
    /// The same of those that end a frame.
    pub frame_delay_us: Histogram,
    /// How long after its time media left, µs.
    pub late_us: Histogram,
    /// Datagrams that the kernel dropped because the engine did not read fast enough.
    pub socket_drops: u64,
    /// Times the thread woke up.
    pub wakeups: u64,
    /// CPU time of the thread.
    pub cpu: Duration,
}

/// One endpoint, of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EndpointStats {
    /// Its handle.
    pub endpoint: u32,
    /// Its counts.
    pub totals: Totals,
    /// When its first media packet came.
    pub first_media: Option<Instant>,
    /// Of connectivity checks, smoothed.
    pub rtt: Option<Duration>,
    /// Of its checked packets, µs.
    pub delay_p50_us: f64,
    /// Of its checked packets, µs.
    pub delay_p99_us: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_what_neither_came_nor_was_recovered() {
        let mut totals = Totals {
            expected: 10,
            packets_received: 7,
            ..Totals::default()
        };
        assert_eq!(totals.lost(), 3);
        totals.add(&Totals {
            recovered: 2,
            ..Totals::default()
        });
        assert_eq!((totals.lost(), totals.recovered), (1, 2));
        // What was lost before a reset may be recovered after it.
        totals.expected = 0;
        assert_eq!(totals.lost(), 0);
    }
}
