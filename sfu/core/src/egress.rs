//! Datagrams on their way out: one buffer, and runs of packets of one size for one address in it.
//!
//! `sender (rewrite, protect) → **egress** → net (one GSO message a run, one sendmmsg for all)`
//!
//! A receiver's run stays open while other receivers are written, so that packets of all its seats leave in one message;
//! the order among SSRCs is free.  What lies side by side is one piece of the message, whatever else is a further one:
//!
//! ```text
//!  buffer    a1 a1 b1 b1 a2 b2        messages   a: [a1 a1] [a2]    b: [b1 b1] [b2]
//! ```

use std::time::Duration;

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
    first: u32,
    last: u32,
    len: u32,
    /// Size of each datagram in bytes.
    pub segment: u16,
    /// How many datagrams.
    pub segments: u16,
}

/// Whole datagrams of one message that lie side by side.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: u32,
    end: u32,
    next: u32,
}

/// No further piece.
const NONE: u32 = u32::MAX;

/// A receiver's last message: what comes next for it is added there, while that message waits to be sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Run {
    batch: u32,
    message: u32,
}

/// The buffer.  Bounded: what does not fit is dropped and counted.
#[derive(Debug)]
pub struct Egress {
    bytes: Vec<u8>,
    used: usize,
    messages: Vec<Message>,
    pieces: Vec<Piece>,
    /// Counts what `clear` forgot; a run of another batch is over.
    batch: u32,
    /// For how long what is written now may have waited in this core, which is no fault of the path that it takes.
    pub waited: Duration,
    /// Datagrams that found no room.
    pub dropped: u64,
}

impl Default for Egress {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            used: 0,
            messages: Vec::new(),
            pieces: Vec::new(),
            batch: 1,
            waited: Duration::ZERO,
            dropped: 0,
        }
    }
}

impl Egress {
    /// Writes one datagram: `fill` gets the room and says how much it used; 0 means nothing after all.
    pub fn write(&mut self, path: &Path, fill: impl FnOnce(&mut [u8]) -> usize) -> usize {
        let mut run = Run {
            batch: self.batch,
            message: self.messages.len().wrapping_sub(1) as u32,
        };
        self.write_run(&mut run, path, fill)
    }

    /// The same, as a part of the receiver's run where it fits.
    #[inline]
    pub fn write_run(
        &mut self,
        run: &mut Run,
        path: &Path,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> usize {
        if self.used + MAX_DATAGRAM > self.bytes.len() && !self.grow() {
            self.dropped += 1;
            return 0;
        }
        let len = fill(&mut self.bytes[self.used..self.used + MAX_DATAGRAM]);
        if len > 0 {
            self.append(run, path, len);
        }
        len
    }

    /// The size at which a datagram of at most `len` bytes would lengthen the receiver's run.
    #[inline]
    pub fn open_segment(&self, run: &Run, len: usize) -> Option<usize> {
        let message = self.message_of(run)?;
        message
            .has_room_for(len)
            .then_some(usize::from(message.segment))
    }

    #[inline]
    fn message_of(&self, run: &Run) -> Option<&Message> {
        let message = self.messages.get(run.message as usize)?;
        (run.batch == self.batch).then_some(message)
    }

    #[inline]
    fn append(&mut self, run: &mut Run, path: &Path, len: usize) {
        let start = self.used as u32;
        self.used += len;
        let piece = Piece {
            start,
            end: self.used as u32,
            next: NONE,
        };
        let message = self.messages.get_mut(run.message as usize);
        let open = message
            .filter(|open| run.batch == self.batch && open.has_room_for(len) && open.path == *path);
        if let Some(message) = open {
            message.len += len as u32;
            message.segments += 1;
            message.last = lengthen(&mut self.pieces, message.last, piece);
            return;
        }
        let first = self.pieces.len() as u32;
        self.pieces.push(piece);
        *run = Run {
            batch: self.batch,
            message: self.messages.len() as u32,
        };
        self.messages.push(Message {
            path: *path,
            first,
            last: first,
            len: len as u32,
            segment: len as u16,
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
        self.pieces.clear();
        self.batch = self.batch.wrapping_add(1);
    }

    /// What to send, in order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The bytes of one message, in order: each piece is some whole datagrams.
    #[inline]
    pub fn pieces(&self, message: &Message) -> impl Iterator<Item = &[u8]> {
        let first = self.pieces.get(message.first as usize);
        let pieces = std::iter::successors(first, |piece| self.pieces.get(piece.next as usize));
        pieces.map(|piece| &self.bytes[piece.start as usize..piece.end as usize])
    }

    /// Every datagram with where it goes, runs taken apart.
    pub fn datagrams(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.messages.iter().flat_map(|message| {
            self.pieces(message)
                .flat_map(|piece| piece.chunks(message.segment as usize))
                .map(|datagram| (&message.path, datagram))
        })
    }
}

/// Adds to the last piece of a message, or a further one behind it; gives the last.
#[inline]
fn lengthen(pieces: &mut Vec<Piece>, last: u32, piece: Piece) -> u32 {
    let added = pieces.len() as u32;
    match pieces.get_mut(last as usize) {
        Some(before) if before.end == piece.start => {
            before.end = piece.end;
            return last;
        }
        Some(before) => before.next = added,
        None => {}
    }
    pieces.push(piece);
    added
}

impl Message {
    /// A run is open as long as no shorter datagram has ended it.
    #[inline]
    fn has_room_for(&self, len: usize) -> bool {
        let open = self.len == u32::from(self.segment) * u32::from(self.segments);
        open && len <= self.segment as usize
            && self.segments < MAX_SEGMENTS
            && self.len as usize + len <= MAX_RUN
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

    /// What each message carries, as the first octets of its datagrams, when receivers are written in this order.
    fn carried(writes: &[(u16, u8, usize)]) -> Vec<(u16, Vec<u8>)> {
        let (mut egress, mut open) = (Egress::default(), [Run::default(); 4]);
        for &(port, mark, size) in writes {
            egress.write_run(&mut open[usize::from(port)], &path(port), |room| {
                room[..size].fill(mark);
                size
            });
        }
        let marks = |message: &Message| {
            let datagrams = egress
                .pieces(message)
                .flat_map(|piece| piece.chunks(message.segment.into()));
            datagrams.map(|datagram| datagram[0]).collect()
        };
        egress
            .messages()
            .iter()
            .map(|message| (message.path.remote.port(), marks(message)))
            .collect()
    }

    #[test]
    fn the_drawing_above_holds() {
        let writes = [
            (1, 1, 90),
            (1, 2, 90),
            (2, 1, 90),
            (2, 2, 90),
            (1, 3, 90),
            (2, 3, 90),
        ];
        assert_eq!(carried(&writes), [(1, vec![1, 2, 3]), (2, vec![1, 2, 3])]);
    }

    #[test]
    fn a_run_that_a_shorter_datagram_ended_is_not_taken_up_again() {
        let writes = [
            (1, 1, 90),
            (2, 1, 90),
            (1, 2, 60),
            (2, 2, 90),
            (1, 3, 60),
            (1, 4, 90),
        ];
        assert_eq!(
            carried(&writes),
            [(1, vec![1, 2]), (2, vec![1, 2]), (1, vec![3]), (1, vec![4])]
        );
    }

    #[test]
    fn a_run_of_a_batch_that_was_sent_is_over() {
        let (mut egress, mut run) = (Egress::default(), Run::default());
        egress.write_run(&mut run, &path(1), |_| 90);
        assert_eq!(egress.open_segment(&run, 80), Some(90));
        assert_eq!(egress.open_segment(&run, 91), None);
        egress.clear();
        assert_eq!(egress.open_segment(&run, 80), None);
        egress.write_run(&mut Run::default(), &path(2), |_| 90);
        egress.write_run(&mut run, &path(1), |_| 90);
        assert_eq!(egress.messages().len(), 2);
    }

    #[test]
    fn a_run_that_went_to_another_address_before_is_not_lengthened() {
        let (mut egress, mut run) = (Egress::default(), Run::default());
        egress.write_run(&mut run, &path(1), |_| 90);
        egress.write_run(&mut run, &path(2), |_| 90);
        assert_eq!(egress.messages().len(), 2);
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
