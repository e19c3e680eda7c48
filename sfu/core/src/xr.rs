//! How long packets are under way to one who sends nothing, or from one who is sent nothing: extended reports, RFC 3611.
//!
//! `rtcp → **xr** → feedback (round trip, when to answer) → **xr** → srtp`
//!
//! Who receives says what time it is (a receiver reference time, §4.4); who sends answers how long ago that came (§4.5).
//! Browsers answer whoever asks, and ask where `rrtr` was negotiated: one that sends nothing knows its round trip by this
//! alone, and without it waits for 100 ms before it asks for a lost packet again.

use std::time::Duration;

use crate::bytes::Reader;
use crate::rtcp::{round_trip, to_compact, write_packet};
use crate::time::{Instant, Ntp};

pub(crate) const EXTENDED_REPORT: u8 = 207;

const REFERENCE_TIME: u8 = 4;
const DELAYS: u8 = 5;

/// An extended report; iterates as [`Block`].
#[derive(Clone, Copy, Debug)]
pub struct Extended<'a> {
    /// Who reports.
    pub ssrc: u32,
    blocks: Reader<'a>,
}

/// What of an extended report the node has use for.
#[derive(Clone, Copy, Debug)]
pub enum Block<'a> {
    /// The receiver's time when it sent this.
    ReferenceTime(Ntp),
    /// When the reporter heard the times of receivers.
    Delays(Delays<'a>),
    /// Something else.
    Other,
}

impl<'a> Extended<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            ssrc: reader.u32()?,
            blocks: *reader,
        })
    }
}

impl<'a> Iterator for Extended<'a> {
    type Item = Block<'a>;

    /// The next block, until one is cut short.
    fn next(&mut self) -> Option<Block<'a>> {
        let [kind, _, length @ ..] = self.blocks.u32()?.to_be_bytes();
        let length = usize::from(u16::from_be_bytes(length)) * 4;
        let mut body = Reader::new(self.blocks.take(length)?);
        Some(match kind {
            REFERENCE_TIME => Block::ReferenceTime(Ntp::from_bits(body.u64()?)),
            DELAYS => Block::Delays(Delays(body)),
            _ => Block::Other,
        })
    }
}

/// Iterates as [`Delay`].
#[derive(Clone, Copy, Debug)]
pub struct Delays<'a>(Reader<'a>);

impl Iterator for Delays<'_> {
    type Item = Delay;

    fn next(&mut self) -> Option<Delay> {
        Some(Delay {
            ssrc: self.0.u32()?,
            last: self.0.u32()?,
            since: self.0.u32()?,
        })
    }
}

/// When a receiver's time was heard last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// The receiver.
    pub ssrc: u32,
    /// Middle 32 bits of its time.
    pub last: u32,
    /// How long ago that came, in 1/65536 s.
    pub since: u32,
}

impl Delay {
    /// Time from our report to this answer's arrival at `now`, less the peer's own delay; `None` if it is not plausible.
    #[must_use]
    pub fn round_trip(&self, now: Ntp) -> Option<Duration> {
        round_trip(now, self.last, self.since)
    }
}

/// A receiver's time, to be answered with the next reports.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// The receiver.
    pub ssrc: u32,
    /// Its time.
    pub ntp: Ntp,
    /// When it came.
    pub at: Instant,
}

impl Heard {
    /// The answer at this moment.
    #[must_use]
    pub fn answer(&self, now: Instant) -> Delay {
        Delay {
            ssrc: self.ssrc,
            last: self.ntp.middle32(),
            since: to_compact(now.saturating_since(self.at)),
        }
    }
}

/// Writes what time it is; gives the length, 0 if it does not fit.
pub fn write_reference_time(out: &mut [u8], ssrc: u32, ntp: Ntp) -> usize {
    write_packet(out, EXTENDED_REPORT, 0, |writer| {
        writer.u32(ssrc);
        writer.bytes(&[REFERENCE_TIME, 0, 0, 2]);
        writer.u64(ntp.to_bits());
    })
}

/// Writes when one receiver's time came; gives the length, 0 if it does not fit.
pub fn write_delay(out: &mut [u8], ssrc: u32, delay: Delay) -> usize {
    write_packet(out, EXTENDED_REPORT, 0, |writer| {
        writer.u32(ssrc);
        writer.bytes(&[DELAYS, 0, 0, 3]);
        writer.u32(delay.ssrc);
        writer.u32(delay.last);
        writer.u32(delay.since);
    })
}
