//! Transport-wide congestion control: telling a publisher when its packets came in, and reading what
//! receivers tell us.
//!
//! `rtp (extension) → **twcc** → rtcp (to the publisher)`
//!
//! draft-holmer-rmcat-transport-wide-cc-extensions-01. Without this feedback browsers starve their top
//! layer. Arrival times count in ticks of 250 µs, in packets of all layers and tracks of the peer.

use std::collections::VecDeque;
use std::time::Duration;

use crate::bytes::{Reader, Writer};
use crate::rtcp::{self, Malformed};
use crate::seq::SeqUnwrapper;
use crate::time::Instant;

/// Nanoseconds in the unit of receive deltas, §3.1.5.
const TICK_NS: u64 = 250_000;
/// Ticks in a unit of the reference time, 64 ms, §3.1.
const REFERENCE_TICKS: u64 = 256;

/// Feedback goes out this long after the last one at the latest.
pub const INTERVAL: Duration = Duration::from_millis(100);
/// No sooner than this after the last one, however many packets came.
pub const MIN_INTERVAL: Duration = Duration::from_millis(50);
/// So many new packets make feedback go out at [`MIN_INTERVAL`].
pub const MANY_PACKETS: usize = 50;
/// Sequence numbers the recorder keeps at a time; a jump beyond it starts afresh.
pub const WINDOW: usize = 4096;
/// Numbers kept behind those reported, so that a late packet can still be reported.
const KEEP_REPORTED: u64 = 128;
/// Octets of one feedback packet at most, SRTP and UDP headers to be added.
const MAX_LEN: usize = 1200;
/// Octets of a feedback packet without chunks and deltas.
const FIXED_LEN: usize = 20;
/// Octets of a chunk.
const CHUNK_LEN: usize = 2;
/// Symbols in one run at most: 13 bits.
const MAX_RUN: usize = 0x1fff;
/// Lost numbers in front of the first packet that feedback reports; losses beyond are left out.
const MAX_LOST_FIRST: u64 = 1024;

/// What becomes of one number in a packet: its two-bit symbol, §3.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    Lost = 0,
    SmallDelta = 1,
    LargeDelta = 2,
}

impl Symbol {
    const fn delta_len(self) -> usize {
        self as usize
    }

    const fn of_delta(delta: i64) -> Option<Self> {
        match delta {
            0..=255 => Some(Self::SmallDelta),
            -32_768..=32_767 => Some(Self::LargeDelta),
            _ => None,
        }
    }

    const fn from_bits(bits: u16) -> Option<Self> {
        match bits {
            0 => Some(Self::Lost),
            1 => Some(Self::SmallDelta),
            2 => Some(Self::LargeDelta),
            _ => None,
        }
    }
}

/// Remembers when packets came in and writes feedback about them.
#[derive(Debug, Default)]
pub struct Recorder {
    unwrapper: SeqUnwrapper,
    /// Ticks of arrival, `None` for a number not seen; the first stands for `base`.
    arrivals: VecDeque<Option<u64>>,
    base: u64,
    /// The first number that the next feedback reports.
    next: u64,
    /// Packets recorded since the last feedback.
    fresh: usize,
    media_ssrc: u32,
    feedback_count: u8,
    last_feedback: Option<Instant>,
    first_fresh: Instant,
    omits_losses: bool,
}

impl Recorder {
    /// Nothing recorded yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes the arrival of transport-wide number `seq` in a packet of `media_ssrc`.
    pub fn record(&mut self, media_ssrc: u32, seq: u16, now: Instant) {
        let seq = self.unwrapper.unwrap(seq);
        if self.arrivals.is_empty() || seq.abs_diff(self.end()) >= WINDOW as u64 {
            self.restart(seq);
        }
        if !self.note(seq, ticks(now)) {
            return;
        }
        if self.fresh == 0 {
            self.first_fresh = now;
        }
        self.media_ssrc = media_ssrc;
        self.fresh += 1;
    }

    /// From now on feedback says nothing of packets that are missing, or says so again.
    pub fn omit_losses(&mut self, omits: bool) {
        self.omits_losses = omits;
    }

    /// The number behind the newest.
    fn end(&self) -> u64 {
        self.base + self.arrivals.len() as u64
    }

    fn restart(&mut self, seq: u64) {
        self.arrivals.clear();
        self.base = seq;
        self.next = seq;
        self.fresh = 0;
    }

    /// Whether the number is new and not older than what is kept.
    fn note(&mut self, seq: u64, tick: u64) -> bool {
        while seq < self.base && self.base - seq <= KEEP_REPORTED && self.arrivals.len() < WINDOW {
            self.arrivals.push_front(None);
            self.base -= 1;
        }
        while seq >= self.end() {
            self.arrivals.push_back(None);
        }
        while self.arrivals.len() > WINDOW {
            self.arrivals.pop_front();
            self.base += 1;
        }
        let place = seq
            .checked_sub(self.base)
            .and_then(|at| usize::try_from(at).ok());
        let Some(arrival @ None) = place.and_then(|at| self.arrivals.get_mut(at)) else {
            return false;
        };
        *arrival = Some(tick);
        self.next = self.next.max(self.base).min(seq);
        true
    }

    /// When to call [`Self::write_feedback`]; `None` while there is nothing to tell.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.fresh == 0 {
            return None;
        }
        let interval = if self.fresh >= MANY_PACKETS {
            MIN_INTERVAL
        } else {
            INTERVAL
        };
        let since = self.last_feedback.map_or(self.first_fresh, |last| last);
        Some((since + interval).max(self.first_fresh))
    }
    /// Writes feedback on what came in since the last; gives its length, `None` with nothing to tell or no room.
    ///
    /// If it does not fit into one packet, [`Self::next_deadline`] stays in the past: call again.
    pub fn write_feedback(
        &mut self,
        out: &mut [u8],
        sender_ssrc: u32,
        now: Instant,
    ) -> Option<usize> {
        let report = self.plan(out.len().min(MAX_LEN))?;
        let length = rtcp::write_transport_cc(out, sender_ssrc, self.media_ssrc, |writer| {
            report.write(writer, self.feedback_count);
        });
        if length == 0 {
            return None;
        }
        self.feedback_count = self.feedback_count.wrapping_add(1);
        self.next = report.base + report.symbols.len() as u64;
        self.forget_reported();
        self.fresh = self.unreported().flatten().count();
        if self.fresh == 0 {
            self.last_feedback = Some(now);
        }
        Some(length)
    }

    fn unreported(&self) -> impl Iterator<Item = Option<u64>> + '_ {
        let from = usize::try_from(self.next.saturating_sub(self.base)).unwrap_or(usize::MAX);
        self.arrivals.iter().skip(from).copied()
    }

    /// What the next feedback says, as far as `room` octets hold it.
    fn plan(&mut self, room: usize) -> Option<Report> {
        if self.fresh == 0 {
            return None;
        }
        let lost_first = self.unreported().take_while(Option::is_none).count() as u64;
        self.next += match self.omits_losses {
            true => lost_first,
            false => lost_first.saturating_sub(MAX_LOST_FIRST),
        };
        let first = self.unreported().flatten().next()?;
        let mut report = Report::new(self.next, first / REFERENCE_TICKS);
        for arrival in self.unreported() {
            if (self.omits_losses && arrival.is_none()) || !report.push(arrival, room) {
                break;
            }
        }
        report.has_arrivals().then_some(report)
    }

    fn forget_reported(&mut self) {
        while self.base + KEEP_REPORTED < self.next && self.arrivals.pop_front().is_some() {
            self.base += 1;
        }
    }
}

fn ticks(now: Instant) -> u64 {
    now.as_nanos() / TICK_NS
}

/// The content of one feedback packet.
#[derive(Debug)]
struct Report {
    base: u64,
    /// Unit [`REFERENCE_TICKS`].
    reference: u64,
    symbols: Vec<Symbol>,
    deltas: Vec<i16>,
    deltas_len: usize,
    last_tick: u64,
}

impl Report {
    const fn new(base: u64, reference: u64) -> Self {
        let last_tick = reference * REFERENCE_TICKS;
        Self {
            base,
            reference,
            symbols: Vec::new(),
            deltas: Vec::new(),
            deltas_len: 0,
            last_tick,
        }
    }

    const fn has_arrivals(&self) -> bool {
        !self.deltas.is_empty()
    }

    /// Adds the next number; says `false` if it needs a packet of its own.
    fn push(&mut self, arrival: Option<u64>, room: usize) -> bool {
        let delta = arrival.map_or(0, |tick| {
            tick.cast_signed()
                .wrapping_sub(self.last_tick.cast_signed())
        });
        let Some(symbol) = arrival.map_or(Some(Symbol::Lost), |_| Symbol::of_delta(delta)) else {
            return false;
        };
        if self.worst_len() + symbol.delta_len() + CHUNK_LEN > room {
            return false;
        }
        self.symbols.push(symbol);
        self.deltas_len += symbol.delta_len();
        if let (Some(tick), Ok(delta)) = (arrival, i16::try_from(delta)) {
            self.last_tick = tick;
            self.deltas.push(delta);
        }
        true
    }

    /// Length of the packet if no run of equal symbols saves a chunk, padding included.
    const fn worst_len(&self) -> usize {
        FIXED_LEN + self.symbols.len().div_ceil(7) * CHUNK_LEN + self.deltas_len + 3
    }

    /// §3.1: everything behind the two SSRCs.
    fn write(&self, writer: &mut Writer<'_>, feedback_count: u8) {
        writer.u16(self.base as u16);
        writer.u16(self.symbols.len() as u16);
        writer.u32(((self.reference as u32) << 8) | u32::from(feedback_count));
        write_chunks(writer, &self.symbols);
        for delta in &self.deltas {
            match u8::try_from(*delta) {
                Ok(small) => writer.u8(small),
                Err(_) => writer.u16(delta.cast_unsigned()),
            }
        }
    }
}

/// §3.1.3 and §3.1.4: the longest run first, else 14 symbols of one bit, else 7 of two.
fn write_chunks(writer: &mut Writer<'_>, mut symbols: &[Symbol]) {
    while let Some(&first) = symbols.first() {
        let next = symbols.get(..14).unwrap_or(symbols);
        let narrow = next.iter().all(|symbol| *symbol != Symbol::LargeDelta);
        let width = if narrow { 14 } else { 7 };
        let run = symbols
            .iter()
            .take(MAX_RUN)
            .take_while(|symbol| **symbol == first)
            .count();
        let taken = if run >= width.min(symbols.len()) {
            run
        } else {
            width.min(symbols.len())
        };
        let (chunk, rest) = symbols.split_at_checked(taken).unwrap_or_default();
        writer.u16(if run >= taken {
            run_chunk(first, run)
        } else {
            vector_chunk(chunk, narrow)
        });
        symbols = rest;
    }
}

const fn run_chunk(symbol: Symbol, length: usize) -> u16 {
    ((symbol as u16) << 13) | length as u16
}

fn vector_chunk(symbols: &[Symbol], narrow: bool) -> u16 {
    let bits = if narrow { 1 } else { 2 };
    let head = if narrow { 0x8000 } else { 0xc000 };
    let places = (0..14 / bits).rev().map(|place| place * bits);
    symbols
        .iter()
        .zip(places)
        .fold(head, |chunk, (symbol, place)| {
            chunk | ((*symbol as u16) << place)
        })
}

/// Feedback as a sender reads it.
#[derive(Clone, Copy, Debug)]
pub struct Feedback<'a> {
    /// The first number reported on.
    pub base: u16,
    /// How many numbers are reported on.
    pub count: u16,
    /// Counts feedback packets, modulo 256.
    pub feedback_count: u8,
    /// Start of the arrival times in units of 64 ms, 24 bits signed.
    pub reference: i32,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

/// What a receiver says of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Transport-wide sequence number.
    pub sequence: u16,
    /// Arrival on the receiver's clock in ticks of 250 µs; `None` if it did not arrive.
    pub arrival: Option<i64>,
}

impl<'a> Feedback<'a> {
    /// Reads the body of [`rtcp::TransportCc`].
    ///
    /// # Errors
    /// [`Malformed`] if fields, chunks or deltas are cut short or a symbol is reserved.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let fixed = (|| Some((reader.u16()?, reader.u16()?, reader.u32()?)))();
        let (base, count, time) = fixed.ok_or(Malformed("TWCC: shorter than its fields"))?;
        let (chunks, deltas) = split_chunks(reader.rest(), count)?;
        let reference = time.cast_signed() >> 8;
        let feedback_count = time.to_be_bytes()[3];
        Ok(Self {
            base,
            count,
            feedback_count,
            reference,
            chunks,
            deltas,
        })
    }

    /// The numbers reported on, in their order.
    pub fn statuses(&self) -> impl Iterator<Item = Status> + use<'a> {
        let (base, mut deltas) = (self.base, Reader::new(self.deltas));
        let mut tick = i64::from(self.reference) * REFERENCE_TICKS.cast_signed();
        (0..self.count)
            .zip(symbols(self.chunks))
            .map_while(move |(offset, symbol)| {
                let delta = read_delta(&mut deltas, symbol?)?;
                tick += delta.unwrap_or(0);
                Some(Status {
                    sequence: base.wrapping_add(offset),
                    arrival: delta.map(|_| tick),
                })
            })
    }
}

/// Finds where the chunks for `count` symbols end, and checks that the deltas behind them are all there.
fn split_chunks(rest: &[u8], count: u16) -> Result<(&[u8], &[u8]), Malformed> {
    let mut reader = Reader::new(rest);
    let (mut left, mut deltas_len) = (usize::from(count), 0);
    while left > 0 {
        let chunk = reader.u16().ok_or(Malformed("TWCC: chunks cut short"))?;
        let taken = Chunk(chunk).len().min(left);
        deltas_len += Chunk(chunk)
            .deltas_len(taken)
            .ok_or(Malformed("TWCC: reserved symbol"))?;
        left -= taken;
    }
    let chunks = rest
        .get(..rest.len() - reader.rest().len())
        .unwrap_or_default();
    let deltas = reader
        .take(deltas_len)
        .ok_or(Malformed("TWCC: deltas cut short"))?;
    Ok((chunks, deltas))
}

/// `None` at the end, `Some(None)` for a packet without delta.
fn read_delta(deltas: &mut Reader<'_>, symbol: Symbol) -> Option<Option<i64>> {
    match symbol {
        Symbol::Lost => Some(None),
        Symbol::SmallDelta => deltas.u8().map(|delta| Some(delta.into())),
        Symbol::LargeDelta => deltas.u16().map(|delta| Some(delta.cast_signed().into())),
    }
}

fn symbols(chunks: &[u8]) -> impl Iterator<Item = Option<Symbol>> + use<'_> {
    let mut reader = Reader::new(chunks);
    let chunks = std::iter::from_fn(move || reader.u16().map(Chunk));
    chunks.flat_map(|chunk| (0..chunk.len()).map(move |at| chunk.symbol(at)))
}

/// Sixteen bits that stand for several symbols, §3.1.2 to §3.1.4.
#[derive(Clone, Copy, Debug)]
struct Chunk(u16);

impl Chunk {
    const fn len(self) -> usize {
        match self.0 >> 14 {
            0 | 1 => (self.0 & 0x1fff) as usize,
            2 => 14,
            _ => 7,
        }
    }

    const fn symbol(self, at: usize) -> Option<Symbol> {
        match self.0 >> 14 {
            0 | 1 => Symbol::from_bits((self.0 >> 13) & 3),
            2 => Symbol::from_bits((self.0 >> 13_usize.saturating_sub(at)) & 1),
            _ => Symbol::from_bits((self.0 >> 12_usize.saturating_sub(at * 2)) & 3),
        }
    }

    /// Octets of delta for the first `count` symbols; `None` if one of them is reserved.
    fn deltas_len(self, count: usize) -> Option<usize> {
        if self.0 >> 15 == 0 {
            return self.symbol(0).map(|symbol| symbol.delta_len() * count);
        }
        (0..count)
            .map(|at| self.symbol(at).map(Symbol::delta_len))
            .sum()
    }
}
