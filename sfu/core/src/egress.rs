//! Datagrams on their way out: one buffer, in which packets of one size for one address lie side by side.
//!
//! `sender (rewrite, protect) → **egress** → net (one GSO message a run, one sendmmsg for all)`

use crate::demux::Path;

/// Room that [`Egress::write`] gives one datagram: an Ethernet frame, and RTP padding, SRTP tag and RTX number on top.
pub const MAX_DATAGRAM: usize = 1_600;
/// Octets of one RTCP compound, protection not counted: it has to fit every path.
pub const MAX_RTCP: usize = 1_150;
/// Segments the kernel takes in one GSO message (UDP_MAX_SEGMENTS was 64 before Linux 6.9).
const MAX_SEGMENTS: u16 = 64;
/// Bytes of one GSO message: what fits an IPv4 datagram, with some room.
const MAX_RUN: usize = 65_000;
/// The fan-out stops here and goes on after a send: what fits the second-level cache beside the rings.
const FULL: usize = 192 * 1_024;
/// Beyond this, answers (retransmissions, STUN) are dropped: the peer asks again.
const LIMIT: usize = 1_024 * 1_024;
/// Messages of one sendmmsg (UIO_MAXIOV).
pub const MAX_MESSAGES: usize = 1_024;

/// A run of datagrams for one address: all of `segment` bytes, but the last, which may be shorter.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// Where to.
    pub path: Path,
    start: u32,
    len: u32,
    /// Size of each datagram in bytes.
    pub segment: u16,
    /// How many datagrams.
    pub segments: u16,
}

/// The buffer.  Bounded: what does not fit is dropped and counted.
#[derive(Debug, Default)]
pub struct Egress {
    bytes: Vec<u8>,
    used: usize,
    messages: Vec<Message>,
    /// Datagrams that found no room.
    pub dropped: u64,
}

impl Egress {
    /// Writes one datagram: `fill` gets the room and says how much it used; 0 means nothing after all.
    #[inline]
    pub fn write(&mut self, path: &Path, fill: impl FnOnce(&mut [u8]) -> usize) -> usize {
        if self.used + MAX_DATAGRAM > self.bytes.len() && !self.grow() {
            self.dropped += 1;
            return 0;
        }
        let len = fill(&mut self.bytes[self.used..self.used + MAX_DATAGRAM]);
        if len > 0 {
            self.append(path, len);
        }
        len
    }

    #[inline]
    fn append(&mut self, path: &Path, len: usize) {
        let start = self.used;
        self.used += len;
        if let Some(run) = self.messages.last_mut().filter(|run| run.takes(path, len)) {
            run.len += len as u32;
            run.segments += 1;
            return;
        }
        let (start, segment) = (start as u32, len as u16);
        self.messages.push(Message {
            path: *path,
            start,
            len: len as u32,
            segment,
            segments: 1,
        });
    }

    fn grow(&mut self) -> bool {
        if self.bytes.len() >= LIMIT {
            return false;
        }
        self.bytes
            .resize((self.bytes.len() * 2).clamp(64 * 1_024, LIMIT), 0);
        true
    }

    /// The fan-out had better send first.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.used >= FULL || self.messages.len() >= MAX_MESSAGES
    }

    /// Nothing to send.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Forgets what was sent; the buffer stays.
    pub fn clear(&mut self) {
        self.used = 0;
        self.messages.clear();
    }

    /// What to send, in order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The bytes of one message.
    #[inline]
    pub fn bytes(&self, message: &Message) -> &[u8] {
        &self.bytes[message.start as usize..(message.start + message.len) as usize]
    }

    /// Every datagram with where it goes, runs taken apart.
    pub fn datagrams(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.messages.iter().flat_map(|message| {
            self.bytes(message)
                .chunks(message.segment as usize)
                .map(|datagram| (&message.path, datagram))
        })
    }
}

impl Message {
    /// A run is open as long as no shorter datagram has ended it.
    #[inline]
    fn takes(&self, path: &Path, len: usize) -> bool {
        let open = self.len == u32::from(self.segment) * u32::from(self.segments);
        open && len <= self.segment as usize
            && self.segments < MAX_SEGMENTS
            && self.len as usize + len <= MAX_RUN
            && self.path == *path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path::to(([192, 0, 2, 1], port).into())
    }

    fn runs(sizes: &[(u16, usize)]) -> Vec<(u16, u16)> {
        let mut egress = Egress::default();
        for &(port, size) in sizes {
            egress.write(&path(port), |_| size);
        }
        egress
            .messages()
            .iter()
            .map(|run| (run.segment, run.segments))
            .collect()
    }

    #[test]
    fn equal_sizes_for_one_address_are_one_run_and_a_shorter_one_ends_it() {
        assert_eq!(
            runs(&[(1, 100), (1, 100), (1, 60), (1, 60)]),
            [(100, 3), (60, 1)]
        );
        assert_eq!(runs(&[(1, 100), (1, 101)]), [(100, 1), (101, 1)]);
        assert_eq!(
            runs(&[(1, 100), (2, 100), (1, 100)]),
            [(100, 1), (100, 1), (100, 1)]
        );
    }

    #[test]
    fn a_run_never_outgrows_what_the_kernel_takes() {
        assert_eq!(runs(&[(1, 10); 70]), [(10, 64), (10, 6)]);
        assert_eq!(runs(&[(1, 1_500); 50]), [(1_500, 43), (1_500, 7)]);
    }

    #[test]
    fn a_full_buffer_drops_and_counts() {
        let mut egress = Egress::default();
        for _ in 0..2_000 {
            egress.write(&path(1), |_| 1_000);
        }
        assert!(egress.is_full() && egress.dropped > 0);
        let sent = egress.datagrams().count() as u64;
        assert_eq!(sent + egress.dropped, 2_000);
        egress.clear();
        assert!(egress.is_empty());
    }
}
