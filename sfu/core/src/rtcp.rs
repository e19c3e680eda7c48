//! RTCP: reading compound packets, writing reports and feedback.
//!
//! `srtp → **rtcp** → sender (nack, pli), clock (reports) … track, sender → **rtcp** → srtp`
//!
//! RFC 3550 §6, RFC 4585 (NACK, PLI), RFC 5104 (FIR), RFC 5506 (reduced size: any packet may stand
//! alone), draft-alvestrand-rmcat-remb-03. The fields of transport-wide feedback are `twcc`'s, those of extended reports `xr`'s.

use std::time::Duration;

use crate::bytes::{Reader, Writer};
use crate::time::Ntp;
use crate::xr::{EXTENDED_REPORT, Extended};

pub use crate::rtp::Malformed;

/// Report blocks that fit into one report: its count has five bits.
pub const MAX_BLOCKS: usize = 31;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;

/// Formats of transport feedback.
const FORMAT_NACK: u8 = 1;
pub(crate) const FORMAT_TRANSPORT_CC: u8 = 15;
/// Formats of payload-specific feedback.
const FORMAT_PLI: u8 = 1;
const FORMAT_FIR: u8 = 4;
const FORMAT_APPLICATION: u8 = 15;

const REMB_NAME: u32 = u32::from_be_bytes(*b"REMB");
const SDES_CNAME: u8 = 1;
/// Octets of a report block.
const BLOCK_LEN: usize = 24;

/// One packet of a compound.
#[derive(Clone, Copy, Debug)]
pub enum Rtcp<'a> {
    /// What a sender has sent, and what it has received.
    SenderReport(SenderReport<'a>),
    /// What a receiver has received.
    ReceiverReport(ReceiverReport<'a>),
    /// Who the sources are.
    Sdes(Sdes<'a>),
    /// Sources that end.
    Bye(Bye<'a>),
    /// Packets to be sent again.
    Nack(Nack<'a>),
    /// A decoder lost its picture: a keyframe is needed.
    Pli(Pli),
    /// A keyframe is asked for.
    Fir(Fir<'a>),
    /// Transport-wide congestion feedback.
    TransportCc(TransportCc<'a>),
    /// The receiver's estimate of the bandwidth.
    Remb(Remb<'a>),
    /// What time it is, and when that was heard.
    Extended(Extended<'a>),
    /// Well-formed, of a kind that the node has no use for.
    Other {
        /// RTCP packet type.
        packet_type: u8,
        /// The five bits of count or format.
        format: u8,
    },
}

/// RFC 3550 §6.4.1.
#[derive(Clone, Copy, Debug)]
pub struct SenderReport<'a> {
    /// The sender.
    pub ssrc: u32,
    /// Wall clock of the report.
    pub ntp: Ntp,
    /// The same moment on the media clock.
    pub rtp_timestamp: u32,
    /// Packets sent since the beginning.
    pub packets: u32,
    /// Octets of payload sent since the beginning.
    pub octets: u32,
    /// What the sender receives.
    pub blocks: Blocks<'a>,
}

/// RFC 3550 §6.4.2.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    /// The receiver.
    pub ssrc: u32,
    /// What it receives.
    pub blocks: Blocks<'a>,
}

/// Reception of one source, RFC 3550 §6.4.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning, 24 bits signed; duplicates make it negative.
    pub cumulative_lost: i32,
    /// Highest sequence number, its wraps in the upper 16 bits.
    pub highest_sequence: u32,
    /// Interarrival jitter in units of the media clock.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP time; 0 if there was none.
    pub last_sr: u32,
    /// Time since then, in 1/65536 s.
    pub delay_since_last_sr: u32,
}

impl ReportBlock {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let ssrc = reader.u32()?;
        let loss = reader.u32()?;
        Some(Self {
            ssrc,
            fraction_lost: loss.to_be_bytes()[0],
            cumulative_lost: (loss << 8).cast_signed() >> 8,
            highest_sequence: reader.u32()?,
            jitter: reader.u32()?,
            last_sr: reader.u32()?,
            delay_since_last_sr: reader.u32()?,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        let lost = self
            .cumulative_lost
            .clamp(-0x80_0000, 0x7f_ffff)
            .cast_unsigned()
            & 0xff_ffff;
        writer.u32(self.ssrc);
        writer.u32((u32::from(self.fraction_lost) << 24) | lost);
        writer.u32(self.highest_sequence);
        writer.u32(self.jitter);
        writer.u32(self.last_sr);
        writer.u32(self.delay_since_last_sr);
    }

    /// Time from our sender report to this block's arrival at `now`, less the peer's own delay (RFC 3550 §6.4.1);
    /// `None` if the peer has no report of ours yet or the sum is not plausible.
    #[must_use]
    pub fn round_trip(&self, now: Ntp) -> Option<Duration> {
        round_trip(now, self.last_sr, self.delay_since_last_sr)
    }
}

/// From a moment of our clock, of which the other end has told the middle 32 bits, 0 if it knows of none, until `now`, less
/// what passed there.
pub(crate) fn round_trip(now: Ntp, last: u32, since: u32) -> Option<Duration> {
    let units = now.middle32().wrapping_sub(last).wrapping_sub(since);
    let plausible = last != 0 && units < 0x8000_0000;
    plausible.then(|| Duration::from_nanos((u64::from(units) * 1_000_000_000) >> 16))
}

/// A moment's distance as report blocks carry it, in 1/65536 s, at most what 32 bits hold.
#[must_use]
pub fn to_compact(duration: Duration) -> u32 {
    let units = (duration.as_nanos() << 16) / 1_000_000_000;
    u32::try_from(units).unwrap_or(u32::MAX)
}

/// Report blocks; iterates as [`ReportBlock`].
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a>(Reader<'a>);

impl Iterator for Blocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        ReportBlock::read(&mut self.0)
    }
}

/// RFC 3550 §6.5.
#[derive(Clone, Copy, Debug)]
pub struct Sdes<'a> {
    chunks: Reader<'a>,
}

impl<'a> Sdes<'a> {
    /// SSRC and CNAME of each source that has one, until the first chunk that is cut short.
    pub fn cnames(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let mut reader = self.chunks;
        std::iter::from_fn(move || read_chunk(&mut reader))
            .filter_map(|(ssrc, cname)| Some((ssrc, cname?)))
    }
}

/// One chunk: SSRC, items, and zeroes up to the next word.
fn read_chunk<'a>(reader: &mut Reader<'a>) -> Option<(u32, Option<&'a [u8]>)> {
    let start = reader.rest().len();
    let ssrc = reader.u32()?;
    let mut cname = None;
    loop {
        let kind = reader.u8()?;
        if kind == 0 {
            break;
        }
        let length = usize::from(reader.u8()?);
        let text = reader.take(length)?;
        cname = cname.or((kind == SDES_CNAME).then_some(text));
    }
    let consumed = start - reader.rest().len();
    reader.take(consumed.next_multiple_of(4) - consumed)?;
    Some((ssrc, cname))
}

/// RFC 3550 §6.6.
#[derive(Clone, Copy, Debug)]
pub struct Bye<'a> {
    ssrcs: Reader<'a>,
}

impl<'a> Bye<'a> {
    /// The sources that end.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        let mut reader = self.ssrcs;
        std::iter::from_fn(move || reader.u32())
    }
}

/// RFC 4585 §6.2.1.
#[derive(Clone, Copy, Debug)]
pub struct Nack<'a> {
    /// Who asks.
    pub sender_ssrc: u32,
    /// Whose packets.
    pub media_ssrc: u32,
    entries: Reader<'a>,
}

impl<'a> Nack<'a> {
    /// The sequence numbers asked for; at most 17 for each four octets of the packet.
    pub fn lost(&self) -> impl Iterator<Item = u16> + use<'a> {
        let mut reader = self.entries;
        std::iter::from_fn(move || Some((reader.u16()?, reader.u16()?))).flat_map(
            |(first, following)| std::iter::once(first).chain(following_lost(first, following)),
        )
    }
}

/// Bit `i` of the mask stands for the number `i + 1` behind `first`.
fn following_lost(first: u16, mask: u16) -> impl Iterator<Item = u16> {
    (0..16_u16)
        .filter(move |bit| mask & (1 << bit) != 0)
        .map(move |bit| first.wrapping_add(bit + 1))
}

/// RFC 4585 §6.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pli {
    /// Who asks.
    pub sender_ssrc: u32,
    /// Whose picture.
    pub media_ssrc: u32,
}

/// RFC 5104 §4.3.1.
#[derive(Clone, Copy, Debug)]
pub struct Fir<'a> {
    /// Who asks.
    pub sender_ssrc: u32,
    entries: Reader<'a>,
}

impl<'a> Fir<'a> {
    /// Source asked and the request's number; a number seen before is a repetition, not a new request.
    pub fn entries(&self) -> impl Iterator<Item = (u32, u8)> + use<'a> {
        let mut reader = self.entries;
        std::iter::from_fn(move || {
            let ssrc = reader.u32()?;
            let [number, _, _, _] = reader.u32()?.to_be_bytes();
            Some((ssrc, number))
        })
    }
}

/// Transport-wide feedback, not yet read: see [`crate::twcc::Feedback`].
#[derive(Clone, Copy, Debug)]
pub struct TransportCc<'a> {
    /// Who reports.
    pub sender_ssrc: u32,
    /// Any of the sources reported on.
    pub media_ssrc: u32,
    /// What follows the two SSRCs, padding taken off.
    pub body: &'a [u8],
}

/// draft-alvestrand-rmcat-remb-03 §2.2.
#[derive(Clone, Copy, Debug)]
pub struct Remb<'a> {
    /// Who estimates.
    pub sender_ssrc: u32,
    /// Estimated bandwidth for all `ssrcs` together, bit/s.
    pub bitrate: u64,
    ssrcs: Reader<'a>,
}

impl<'a> Remb<'a> {
    /// The sources that share the bandwidth.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        let mut reader = self.ssrcs;
        std::iter::from_fn(move || reader.u32())
    }
}

/// The packets of a compound, in their order. The first malformed one ends the iteration.
#[must_use]
pub const fn compound(datagram: &[u8]) -> Compound<'_> {
    Compound {
        reader: Reader::new(datagram),
    }
}

/// See [`compound`].
#[derive(Clone, Copy, Debug)]
pub struct Compound<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Compound<'a> {
    type Item = Result<Rtcp<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.rest().is_empty() {
            return None;
        }
        let packet = read_packet(&mut self.reader);
        if packet.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(packet)
    }
}

fn read_packet<'a>(reader: &mut Reader<'a>) -> Result<Rtcp<'a>, Malformed> {
    let header = reader
        .u32()
        .ok_or(Malformed("RTCP: shorter than its header"))?;
    let [first, packet_type, length @ ..] = header.to_be_bytes();
    if first >> 6 != 2 {
        return Err(Malformed("RTCP: version is not 2"));
    }
    let length = usize::from(u16::from_be_bytes(length)) * 4;
    let body = reader
        .take(length)
        .ok_or(Malformed("RTCP: length runs past the end"))?;
    let body = if first & 0x20 == 0 {
        body
    } else {
        without_padding(body)?
    };
    read_body(packet_type, first & 0x1f, body)
}

/// The last octet counts the padding, itself included (RFC 3550 §6.4.1).
fn without_padding(body: &[u8]) -> Result<&[u8], Malformed> {
    let padding = body.last().copied().map_or(0, usize::from);
    let rest = body.len().checked_sub(padding).filter(|_| padding > 0);
    rest.and_then(|end| body.get(..end))
        .ok_or(Malformed("RTCP: padding of an impossible length"))
}

fn read_body(packet_type: u8, format: u8, body: &[u8]) -> Result<Rtcp<'_>, Malformed> {
    let mut reader = Reader::new(body);
    let packet = match packet_type {
        SENDER_REPORT => read_sender_report(&mut reader, format).map(Rtcp::SenderReport),
        RECEIVER_REPORT => read_receiver_report(&mut reader, format).map(Rtcp::ReceiverReport),
        SOURCE_DESCRIPTION => Some(Rtcp::Sdes(Sdes { chunks: reader })),
        GOODBYE => {
            let ssrcs = reader.take(usize::from(format) * 4);
            ssrcs.map(|ssrcs| {
                Rtcp::Bye(Bye {
                    ssrcs: Reader::new(ssrcs),
                })
            })
        }
        TRANSPORT_FEEDBACK | PAYLOAD_FEEDBACK => read_feedback(packet_type, format, &mut reader),
        EXTENDED_REPORT => Extended::read(&mut reader).map(Rtcp::Extended),
        _ => Some(Rtcp::Other {
            packet_type,
            format,
        }),
    };
    packet.ok_or(Malformed("RTCP: packet shorter than its fields"))
}

fn read_blocks<'a>(reader: &mut Reader<'a>, count: u8) -> Option<Blocks<'a>> {
    reader
        .take(usize::from(count) * BLOCK_LEN)
        .map(|blocks| Blocks(Reader::new(blocks)))
}

fn read_sender_report<'a>(reader: &mut Reader<'a>, count: u8) -> Option<SenderReport<'a>> {
    Some(SenderReport {
        ssrc: reader.u32()?,
        ntp: Ntp::from_bits(reader.u64()?),
        rtp_timestamp: reader.u32()?,
        packets: reader.u32()?,
        octets: reader.u32()?,
        blocks: read_blocks(reader, count)?,
    })
}

fn read_receiver_report<'a>(reader: &mut Reader<'a>, count: u8) -> Option<ReceiverReport<'a>> {
    Some(ReceiverReport {
        ssrc: reader.u32()?,
        blocks: read_blocks(reader, count)?,
    })
}

/// RFC 4585 §6.1: both kinds of feedback begin with two SSRCs.
fn read_feedback<'a>(packet_type: u8, format: u8, reader: &mut Reader<'a>) -> Option<Rtcp<'a>> {
    let (sender_ssrc, media_ssrc) = (reader.u32()?, reader.u32()?);
    let rest = *reader;
    Some(match (packet_type, format) {
        (TRANSPORT_FEEDBACK, FORMAT_NACK) => Rtcp::Nack(Nack {
            sender_ssrc,
            media_ssrc,
            entries: rest,
        }),
        (TRANSPORT_FEEDBACK, FORMAT_TRANSPORT_CC) => Rtcp::TransportCc(TransportCc {
            sender_ssrc,
            media_ssrc,
            body: rest.rest(),
        }),
        (PAYLOAD_FEEDBACK, FORMAT_PLI) => Rtcp::Pli(Pli {
            sender_ssrc,
            media_ssrc,
        }),
        (PAYLOAD_FEEDBACK, FORMAT_FIR) => Rtcp::Fir(Fir {
            sender_ssrc,
            entries: rest,
        }),
        (PAYLOAD_FEEDBACK, FORMAT_APPLICATION) => read_remb(sender_ssrc, rest).map_or(
            Rtcp::Other {
                packet_type,
                format,
            },
            Rtcp::Remb,
        ),
        _ => Rtcp::Other {
            packet_type,
            format,
        },
    })
}

/// `None` if the application feedback is something else than REMB, or REMB cut short.
fn read_remb(sender_ssrc: u32, mut reader: Reader<'_>) -> Option<Remb<'_>> {
    if reader.u32()? != REMB_NAME {
        return None;
    }
    let [count, rate @ ..] = reader.u32()?.to_be_bytes();
    let rate = u32::from_be_bytes([0, rate[0], rate[1], rate[2]]);
    let (exponent, mantissa) = (rate >> 18, u64::from(rate & 0x3_ffff));
    let bitrate = mantissa
        .checked_shl(exponent)
        .filter(|bits| bits >> exponent == mantissa);
    let ssrcs = Reader::new(reader.take(usize::from(count) * 4)?);
    Some(Remb {
        sender_ssrc,
        bitrate: bitrate.unwrap_or(u64::MAX),
        ssrcs,
    })
}

/// Writes a packet's header, its body by `body`, and the length once it is known; 0 if it does not fit.
pub(crate) fn write_packet(
    out: &mut [u8],
    packet_type: u8,
    format: u8,
    body: impl FnOnce(&mut Writer<'_>),
) -> usize {
    let mut writer = Writer::new(out);
    writer.u8(0x80 | (format & 0x1f));
    writer.u8(packet_type);
    writer.u16(0);
    body(&mut writer);
    writer.pad_to_word();
    let words = (writer.len() / 4).saturating_sub(1);
    let Ok(words) = u16::try_from(words) else {
        return 0;
    };
    writer.set_u16(2, words);
    writer.finish()
}

/// A sender report to be written.
#[derive(Clone, Copy, Debug)]
pub struct SenderInfo {
    /// The sender.
    pub ssrc: u32,
    /// Wall clock of the report.
    pub ntp: Ntp,
    /// The same moment on the media clock.
    pub rtp_timestamp: u32,
    /// Packets sent since the beginning, modulo 2^32.
    pub packets: u32,
    /// Octets of payload sent since the beginning, modulo 2^32.
    pub octets: u32,
}

fn first_blocks(blocks: &[ReportBlock]) -> (u8, &[ReportBlock]) {
    let blocks = blocks.get(..MAX_BLOCKS).unwrap_or(blocks);
    (blocks.len() as u8, blocks)
}

/// Writes a sender report with the first [`MAX_BLOCKS`] of `blocks`; gives its length, 0 if it does not fit.
pub fn write_sender_report(out: &mut [u8], info: &SenderInfo, blocks: &[ReportBlock]) -> usize {
    let (count, blocks) = first_blocks(blocks);
    write_packet(out, SENDER_REPORT, count, |writer| {
        writer.u32(info.ssrc);
        writer.u64(info.ntp.to_bits());
        writer.u32(info.rtp_timestamp);
        writer.u32(info.packets);
        writer.u32(info.octets);
        blocks.iter().for_each(|block| block.write(writer));
    })
}

/// Writes a receiver report with the first [`MAX_BLOCKS`] of `blocks`; gives its length, 0 if it does not fit.
pub fn write_receiver_report(out: &mut [u8], ssrc: u32, blocks: &[ReportBlock]) -> usize {
    let (count, blocks) = first_blocks(blocks);
    write_packet(out, RECEIVER_REPORT, count, |writer| {
        writer.u32(ssrc);
        blocks.iter().for_each(|block| block.write(writer));
    })
}

/// Writes the CNAME of one source, at most 255 octets of it; gives the length, 0 if it does not fit.
pub fn write_sdes(out: &mut [u8], ssrc: u32, cname: &str) -> usize {
    let cname = cname.as_bytes();
    let cname = cname.get(..255).unwrap_or(cname);
    write_packet(out, SOURCE_DESCRIPTION, 1, |writer| {
        writer.u32(ssrc);
        writer.bytes(&[SDES_CNAME, cname.len() as u8]);
        writer.bytes(cname);
        writer.u8(0); // ends the items; the padding that follows is zero as well
    })
}

/// Writes that sources end, the first 31 of them; gives the length, 0 if it does not fit.
pub fn write_bye(out: &mut [u8], ssrcs: &[u32]) -> usize {
    let ssrcs = ssrcs.get(..31).unwrap_or(ssrcs);
    write_packet(out, GOODBYE, ssrcs.len() as u8, |writer| {
        ssrcs.iter().for_each(|ssrc| writer.u32(*ssrc))
    })
}

/// Writes a NACK; gives its length, 0 without numbers or if not even one entry fits.
///
/// `lost` is best in sending order: an entry covers the 16 numbers behind its first. Entries that
/// `out` has no room for are left out, and asked for with the next retry.
pub fn write_nack(out: &mut [u8], sender_ssrc: u32, media_ssrc: u32, lost: &[u16]) -> usize {
    let mut entries = NackEntries { lost }.peekable();
    if entries.peek().is_none() || out.len() < 16 {
        return 0;
    }
    write_packet(out, TRANSPORT_FEEDBACK, FORMAT_NACK, |writer| {
        writer.u32(sender_ssrc);
        writer.u32(media_ssrc);
        while let Some((first, following)) = entries.next_if(|_| writer.room() >= 4) {
            writer.u16(first);
            writer.u16(following);
        }
    })
}

/// Packs sequence numbers into a first one and the mask of those behind it.
struct NackEntries<'a> {
    lost: &'a [u16],
}

impl Iterator for NackEntries<'_> {
    type Item = (u16, u16);

    fn next(&mut self) -> Option<(u16, u16)> {
        let (&first, mut rest) = self.lost.split_first()?;
        let mut mask = 0;
        while let Some((number, behind)) = rest.split_first() {
            match number.wrapping_sub(first) {
                0 => {}
                distance @ 1..=16 => mask |= 1 << (distance - 1),
                _ => break,
            }
            rest = behind;
        }
        self.lost = rest;
        Some((first, mask))
    }
}

/// Writes a picture loss indication; gives its length, 0 if it does not fit.
pub fn write_pli(out: &mut [u8], pli: Pli) -> usize {
    write_packet(out, PAYLOAD_FEEDBACK, FORMAT_PLI, |writer| {
        writer.u32(pli.sender_ssrc);
        writer.u32(pli.media_ssrc);
    })
}

/// Writes a full intra request; gives its length, 0 if it does not fit.
pub fn write_fir(out: &mut [u8], sender_ssrc: u32, entries: &[(u32, u8)]) -> usize {
    write_packet(out, PAYLOAD_FEEDBACK, FORMAT_FIR, |writer| {
        writer.u32(sender_ssrc);
        writer.u32(0); // RFC 5104 §4.3.1.2: not used
        for (ssrc, number) in entries {
            writer.u32(*ssrc);
            writer.bytes(&[*number, 0, 0, 0]);
        }
    })
}

/// Writes the most that these sources together are to send, in bits a second; gives its length, 0 if it does not fit.
pub fn write_remb(out: &mut [u8], sender_ssrc: u32, bitrate: u64, ssrcs: &[u32]) -> usize {
    let count = ssrcs.len().min(usize::from(u8::MAX));
    let exponent = (64 - bitrate.leading_zeros()).saturating_sub(18);
    let mantissa = (bitrate >> exponent) as u32;
    write_packet(out, PAYLOAD_FEEDBACK, FORMAT_APPLICATION, |writer| {
        writer.u32(sender_ssrc);
        writer.u32(0); // draft-alvestrand-rmcat-remb-03 §2.2: always
        writer.u32(REMB_NAME);
        writer.u32((count as u32) << 24 | exponent << 18 | mantissa);
        ssrcs[..count].iter().for_each(|&ssrc| writer.u32(ssrc));
    })
}

/// Writes transport-wide feedback whose fields, after the two SSRCs, are written by `body`.
///
/// Those fields need not end on a word: the padding is announced as RTCP padding.
pub(crate) fn write_transport_cc(
    out: &mut [u8],
    sender_ssrc: u32,
    media_ssrc: u32,
    body: impl FnOnce(&mut Writer<'_>),
) -> usize {
    let mut padding = 0;
    let length = write_packet(out, TRANSPORT_FEEDBACK, FORMAT_TRANSPORT_CC, |writer| {
        writer.u32(sender_ssrc);
        writer.u32(media_ssrc);
        body(writer);
        padding = writer.len().next_multiple_of(4) - writer.len();
    });
    if padding > 0 && length > 0 {
        announce_padding(out, length, padding);
    }
    length
}

fn announce_padding(out: &mut [u8], length: usize, padding: usize) {
    if let Some(first) = out.first_mut() {
        *first |= 0x20;
    }
    if let Some(last) = out.get_mut(length - 1) {
        *last = padding as u8;
    }
}
