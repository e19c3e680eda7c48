//! RTP packets: reading what came in, writing what goes out.
//!
//! `srtp → **rtp** → track … sender → **rtp** → srtp`
//!
//! RFC 3550 §5.1, header extensions of RFC 8285 (one- and two-byte forms). [`Packet`] borrows the
//! datagram and copies nothing; [`write_header`] writes a header into a caller's buffer.

use std::error::Error;
use std::fmt;

use crate::bytes::{Reader, Writer};

/// Octets of a header without contributing sources and extensions.
pub const FIXED_HEADER: usize = 12;

/// RFC 8285 §4.2.
const ONE_BYTE_PROFILE: u16 = 0xbede;
/// RFC 8285 §4.3; the low four bits are free.
const TWO_BYTE_PROFILE: u16 = 0x1000;
/// RFC 8285 §4.2: this id ends a one-byte block.
const ONE_BYTE_STOP: u8 = 15;

/// The peer sent bytes that break the format. Count it, drop it; the text says which rule was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Malformed {}

/// What stands in the clear of an SRTP packet: enough to find its keys and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clear {
    /// Sequence number.
    pub sequence: u16,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Octets of header, extension included: where the payload starts.
    pub header_len: usize,
}

impl Clear {
    /// Reads the header of a packet whose payload may still be encrypted.
    ///
    /// # Errors
    /// [`Malformed`] if this isn't RTP version 2 or the header is longer than the packet.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<Self, Malformed> {
        let (fixed, _, header_len) = split_header(packet)?;
        Ok(Self {
            sequence: fixed.sequence,
            ssrc: fixed.ssrc,
            header_len,
        })
    }
}

/// All that stands in the clear of an SRTP packet: what can be told of one that is not decrypted.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Marker bit.
    pub marker: bool,
    /// Payload type, 7 bits.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in the units of the payload's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    extensions: Extensions<'a>,
}

impl<'a> Head<'a> {
    /// Reads the header of a packet whose payload may still be encrypted.
    ///
    /// # Errors
    /// [`Malformed`] if this isn't RTP version 2 or the header is longer than the packet.
    #[inline]
    pub fn parse(packet: &'a [u8]) -> Result<Self, Malformed> {
        let (fixed, extensions, _) = split_header(packet)?;
        Ok(Self {
            marker: fixed.second & 0x80 != 0,
            payload_type: fixed.second & 0x7f,
            sequence: fixed.sequence,
            timestamp: fixed.timestamp,
            ssrc: fixed.ssrc,
            extensions,
        })
    }

    /// All header extensions as `(id, value)`, in their order.
    #[must_use]
    pub const fn extensions(&self) -> Extensions<'a> {
        self.extensions
    }

    /// The value of header extension `id`, the first if it is there twice.
    #[inline]
    #[must_use]
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        let mut all = self.extensions;
        all.find(|(found, _)| *found == id).map(|(_, value)| value)
    }
}

/// The twelve octets every packet starts with.
struct Fixed {
    first: u8,
    second: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
}

impl Fixed {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            first: reader.u8()?,
            second: reader.u8()?,
            sequence: reader.u16()?,
            timestamp: reader.u32()?,
            ssrc: reader.u32()?,
        })
    }
}

/// The fixed header, the extension block and the length of both with what lies between.
#[inline]
fn split_header(packet: &[u8]) -> Result<(Fixed, Extensions<'_>, usize), Malformed> {
    let mut reader = Reader::new(packet);
    let fixed = Fixed::read(&mut reader).ok_or(Malformed("RTP: shorter than its header"))?;
    if fixed.first >> 6 != 2 {
        return Err(Malformed("RTP: version is not 2"));
    }
    let csrcs = usize::from(fixed.first & 0x0f) * 4;
    reader
        .take(csrcs)
        .ok_or(Malformed("RTP: contributing sources run past the end"))?;
    let extensions = match fixed.first & 0x10 {
        0 => Extensions::NONE,
        _ => Extensions::read(&mut reader)
            .ok_or(Malformed("RTP: header extension runs past the end"))?,
    };
    let header_len = packet.len() - reader.rest().len();
    Ok((fixed, extensions, header_len))
}

/// One RTP packet, borrowed from its (decrypted) datagram.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Version; always 2.
    pub version: u8,
    /// Marker bit: last packet of a video frame, first of a talk spurt.
    pub marker: bool,
    /// Payload type, 7 bits.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in the units of the payload's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// How many contributing sources follow the fixed header.
    pub csrc_count: u8,
    /// Octets of header, extension included.
    pub header_len: usize,
    /// Payload without padding; empty in a padding-only packet.
    pub payload: &'a [u8],
    /// Octets of padding at the end, 0 without.
    pub padding_len: usize,
    extensions: Extensions<'a>,
}

impl<'a> Packet<'a> {
    /// All of it.
    pub fn octets(&self) -> usize {
        self.header_len + self.payload.len() + self.padding_len
    }

    /// Reads a packet; allocates nothing.
    ///
    /// # Errors
    /// [`Malformed`] names the rule that the bytes break.
    #[inline]
    pub fn parse(packet: &'a [u8]) -> Result<Self, Malformed> {
        let (fixed, extensions, header_len) = split_header(packet)?;
        let body = packet.get(header_len..).unwrap_or_default();
        let padding_len = padding_of(fixed.first, body)?;
        Ok(Self {
            version: 2,
            marker: fixed.second & 0x80 != 0,
            payload_type: fixed.second & 0x7f,
            sequence: fixed.sequence,
            timestamp: fixed.timestamp,
            ssrc: fixed.ssrc,
            csrc_count: fixed.first & 0x0f,
            header_len,
            payload: body.get(..body.len() - padding_len).unwrap_or_default(),
            padding_len,
            extensions,
        })
    }

    /// The value of header extension `id`, the first if it is there twice.
    #[inline]
    #[must_use]
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        self.extensions
            .into_iter()
            .find(|(found, _)| *found == id)
            .map(|(_, value)| value)
    }

    /// All header extensions as `(id, value)`, in their order.
    #[must_use]
    pub const fn extensions(&self) -> Extensions<'a> {
        self.extensions
    }
}

/// RFC 3550 §5.1: with the P bit the last octet counts the padding, itself included.
#[inline]
fn padding_of(first: u8, body: &[u8]) -> Result<usize, Malformed> {
    if first & 0x20 == 0 {
        return Ok(0);
    }
    match body.last().map(|count| usize::from(*count)) {
        None => Err(Malformed("RTP: padding announced in an empty packet")),
        Some(0) => Err(Malformed("RTP: padding of no length")),
        Some(count) if count > body.len() => Err(Malformed("RTP: padding longer than the payload")),
        Some(count) => Ok(count),
    }
}

/// The header extensions of a packet; iterates as `(id, value)`.
///
/// An element that runs past the block ends the iteration: RFC 8285 lets a receiver ignore what it
/// cannot read, and the payload is not harmed by it.
#[derive(Clone, Copy, Debug)]
pub struct Extensions<'a> {
    two_byte: bool,
    rest: &'a [u8],
}

impl<'a> Extensions<'a> {
    const NONE: Extensions<'static> = Extensions {
        two_byte: false,
        rest: &[],
    };

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let profile = reader.u16()?;
        let words = reader.u16()?;
        let block = reader.take(usize::from(words) * 4)?;
        let two_byte = profile & 0xfff0 == TWO_BYTE_PROFILE;
        let known = two_byte || profile == ONE_BYTE_PROFILE;
        Some(Self {
            two_byte,
            rest: if known { block } else { &[] },
        })
    }

    /// Id and length of the element at `reader`, `None` at the end of the block.
    #[inline]
    fn element_header(&self, reader: &mut Reader<'a>) -> Option<(u8, usize)> {
        let first = reader.u8()?;
        match (self.two_byte, first) {
            (_, 0) => Some((0, 0)),
            (true, id) => Some((id, usize::from(reader.u8()?))),
            (false, _) if first >> 4 == ONE_BYTE_STOP => None,
            (false, _) => Some((first >> 4, usize::from(first & 0x0f) + 1)),
        }
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u8, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = Reader::new(self.rest);
        loop {
            let element = self.element_header(&mut reader);
            let value = element.and_then(|(_, len)| reader.take(len));
            self.rest = if value.is_some() { reader.rest() } else { &[] };
            match (element?, value?) {
                ((0, _), _) => {} // padding between elements
                ((id, _), value) => return Some((id, value)),
            }
        }
    }
}

/// A header to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutHeader<'a> {
    /// Marker bit.
    pub marker: bool,
    /// Payload type, 7 bits.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in the units of the payload's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Sets the P bit; the writer of the payload appends the padding.
    pub padding: bool,
    /// Extension id and value of the MID (RFC 9143), if it is to be sent.
    pub mid: Option<(u8, &'a [u8])>,
    /// Further extensions as `(id, value)`; ids from 1, values up to 255 octets.
    pub extensions: &'a [(u8, &'a [u8])],
}

impl<'a> OutHeader<'a> {
    #[inline]
    fn all_extensions(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        self.mid
            .into_iter()
            .chain(self.extensions.iter().copied())
            .filter(|(id, _)| *id != 0)
    }
}

/// Writes `header` to the front of `out` and returns its length, 0 if it does not fit.
///
/// The one-byte form of extensions is used unless an id or a length needs the other; an id of 0 is left out.
#[inline]
pub fn write_header(out: &mut [u8], header: &OutHeader<'_>) -> usize {
    let has_extensions = header.all_extensions().next().is_some();
    let mut writer = Writer::new(out);
    writer.bytes(&fixed_header(header, has_extensions));
    if has_extensions {
        write_extensions(&mut writer, header);
    }
    writer.finish()
}

/// RFC 3550 §5.1, without contributing sources.
#[inline]
fn fixed_header(header: &OutHeader<'_>, has_extensions: bool) -> [u8; FIXED_HEADER] {
    let first = 0x80 | (u8::from(header.padding) << 5) | (u8::from(has_extensions) << 4);
    let second = (u8::from(header.marker) << 7) | (header.payload_type & 0x7f);
    let front = u32::from_be_bytes([first, second, 0, 0]) | u32::from(header.sequence);
    let middle = (u128::from(front) << 64) | (u128::from(header.timestamp) << 32);
    let [_, _, _, _, fixed @ ..] = (middle | u128::from(header.ssrc)).to_be_bytes();
    fixed
}

#[inline]
fn write_extensions(writer: &mut Writer<'_>, header: &OutHeader<'_>) {
    let one_byte = header
        .all_extensions()
        .all(|(id, value)| id < ONE_BYTE_STOP && (1..=16).contains(&value.len()));
    writer.u16(if one_byte {
        ONE_BYTE_PROFILE
    } else {
        TWO_BYTE_PROFILE
    });
    let words_at = writer.len();
    writer.u16(0);
    for (id, value) in header.all_extensions() {
        write_extension(writer, one_byte, id, value);
    }
    writer.pad_to_word();
    let words = (writer.len() - words_at).saturating_sub(2) / 4;
    writer.set_u16(words_at, u16::try_from(words).unwrap_or(u16::MAX));
}

#[inline]
fn write_extension(writer: &mut Writer<'_>, one_byte: bool, id: u8, value: &[u8]) {
    let value = value.get(..255).unwrap_or(value);
    let length = value.len() as u8;
    if one_byte {
        writer.u8((id << 4) | length.wrapping_sub(1));
    } else {
        writer.bytes(&[id, length]);
    }
    writer.bytes(value);
}

/// Client-to-mixer audio level, RFC 6464.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// The sender believes that this is speech.
    pub voice: bool,
    /// Level in -dBov: 0 is the loudest, 127 silence.
    pub level: u8,
}

impl AudioLevel {
    /// Reads the value of the extension; `None` if it is empty.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let byte = *value.first()?;
        Some(Self {
            voice: byte & 0x80 != 0,
            level: byte & 0x7f,
        })
    }

    /// The octet that [`Self::parse`] reads.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        ((self.voice as u8) << 7) | (self.level & 0x7f)
    }
}
