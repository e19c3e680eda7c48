//! The headers of what a sender sends: what stays the same is written once, and copied.
//!
//! `rewrite (numbers), ring (descriptor) → **header** → srtp → egress`

use crate::codec::dependency;
use crate::departure::Departure;
use crate::ring::MAX_DESCRIPTOR;
use crate::rtp::{self, OutHeader};

/// 12 fixed octets, 4 of extension head, 4 of departure, 1 of element head and the MID, padded to a word; and more, so that
/// it is copied in whole vectors.
const MAX_HEADER: usize = 48;
/// RFC 8285 §4.1.2.
const EXTENSION_HEAD: usize = 4;
/// Where the departure stands: behind the fixed octets, the extension head and its own element head.
const DEPARTURE: usize = rtp::FIXED_HEADER + EXTENSION_HEAD + 1;
/// The longest value of the one-byte form, RFC 8285 §4.2.
const MAX_ONE_BYTE: usize = 16;
/// A longer MID does not fit the header's template, nor the one-byte form of extensions.
pub const MAX_MID: usize = 15;

/// A header with everything that stays the same; sequence, timestamp, marker and type are filled in per packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderTemplate {
    bytes: [u8; MAX_HEADER],
    len: u8,
    departure: Departure,
    /// How many extensions there are, and the octets of their values.
    extensions: (u8, u8),
}

/// The dependency descriptor of a packet, as its receiver is to get it.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor<'a> {
    /// Of the header extension.
    pub id: u8,
    /// As it came.
    pub octets: &'a [u8],
    /// What it is to have instead of its own.
    pub frame_number: u16,
}

impl HeaderTemplate {
    /// The header of one SSRC, with its MID and what it tells of departures where those were negotiated.
    pub fn new(ssrc: u32, mid: Option<(u8, &[u8])>, departure: Departure) -> Self {
        let mut bytes = [0; MAX_HEADER];
        let told = departure.extension();
        let told = told.map(|(id, octets)| (id, &[0; 3][..octets]));
        let mid = mid.filter(|(_, mid)| !mid.is_empty());
        let extensions: Vec<_> = told.into_iter().chain(mid).collect();
        let header = OutHeader {
            ssrc,
            extensions: &extensions,
            ..OutHeader::default()
        };
        let len = rtp::write_header(&mut bytes, &header) as u8;
        let octets = extensions.iter().map(|(_, value)| value.len() as u8).sum();
        Self {
            bytes,
            len,
            departure,
            extensions: (extensions.len() as u8, octets),
        }
    }

    /// What packets under it tell of their departure.
    #[inline]
    pub fn departure(&self) -> Departure {
        self.departure
    }

    /// Octets of header.
    #[inline]
    pub fn octets(&self, descriptor: Option<&Descriptor<'_>>) -> usize {
        let Some(descriptor) = descriptor else {
            return self.len.into();
        };
        let (count, octets) = self.extensions;
        let heads = match descriptor.octets.len() {
            ..=MAX_ONE_BYTE => 1,
            _ => 2,
        };
        let elements = heads * (usize::from(count) + 1);
        let block = elements + usize::from(octets) + descriptor.octets.len();
        rtp::FIXED_HEADER + EXTENSION_HEAD + block.next_multiple_of(4)
    }

    /// Writes a header; gives its length.
    #[inline]
    pub fn write(
        &self,
        out: &mut [u8],
        numbers: &Numbers,
        descriptor: Option<&Descriptor<'_>>,
    ) -> usize {
        match descriptor {
            None => self.fill(out, numbers),
            Some(descriptor) => self.describe(out, numbers, descriptor),
        }
    }

    /// With one extension more, in the form that its length needs (RFC 8285 §4.1.2).
    fn describe(&self, out: &mut [u8], numbers: &Numbers, descriptor: &Descriptor<'_>) -> usize {
        let mut plain = [0; MAX_HEADER];
        let len = self.fill(&mut plain, numbers);
        let Ok(head) = rtp::Head::parse(&plain[..len]) else {
            return 0;
        };
        let mut told = [0; MAX_DESCRIPTOR];
        let told = &mut told[..descriptor.octets.len().min(MAX_DESCRIPTOR)];
        told.copy_from_slice(&descriptor.octets[..told.len()]);
        dependency::renumber(told, descriptor.frame_number);
        let mut extensions = [(0, &[][..]); 3];
        let all = head.extensions().chain([(descriptor.id, &*told)]);
        for (place, extension) in extensions.iter_mut().zip(all) {
            *place = extension;
        }
        let header = OutHeader {
            marker: head.marker,
            payload_type: head.payload_type,
            sequence: head.sequence,
            timestamp: head.timestamp,
            ssrc: head.ssrc,
            padding: numbers.padding > 0,
            mid: None,
            extensions: &extensions,
        };
        rtp::write_header(out, &header)
    }

    #[inline]
    fn fill(&self, out: &mut [u8], numbers: &Numbers) -> usize {
        let len = usize::from(self.len);
        // A copy of fixed size is two vector moves; what lies behind the header is written over by the payload.
        out[..MAX_HEADER].copy_from_slice(&self.bytes);
        out[0] |= u8::from(numbers.padding > 0) << 5;
        out[1] = (u8::from(numbers.marker) << 7) | numbers.payload_type;
        out[2..4].copy_from_slice(&(numbers.ext_seq as u16).to_be_bytes());
        out[4..8].copy_from_slice(&numbers.timestamp.to_be_bytes());
        if let Some((_, octets)) = self.departure.extension() {
            let told = &numbers.departure.to_be_bytes()[4 - octets..];
            out[DEPARTURE..DEPARTURE + octets].copy_from_slice(told);
        }
        len
    }
}

/// What differs from packet to packet.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    /// Unwrapped; its upper part is SRTP's rollover counter.
    pub ext_seq: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// As the receiver numbers it.
    pub payload_type: u8,
    /// Octets of padding.
    pub padding: u8,
    /// What its header tells of it.
    pub departure: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_from_a_template_reads_as_what_was_put_in() {
        let template = HeaderTemplate::new(0xfeed_beef, Some((4, b"12")), Departure::Counted(5));
        let mut out = [0; 64];
        let numbers = Numbers {
            ext_seq: 0x3_ffff,
            timestamp: 7,
            marker: true,
            payload_type: 96,
            padding: 0,
            departure: 0xabcd,
        };
        let len = template.write(&mut out, &numbers, None);
        let packet = rtp::Packet::parse(&out[..len + 10]).expect("valid");
        assert_eq!(
            (packet.ssrc, packet.sequence, packet.timestamp),
            (0xfeed_beef, 0xffff, 7)
        );
        assert_eq!((packet.marker, packet.payload_type), (true, 96));
        assert_eq!(packet.extension(4), Some(&b"12"[..]));
        assert_eq!(packet.extension(5), Some(&[0xab, 0xcd][..]));
        assert_eq!(packet.payload.len(), 10);
    }

    #[test]
    fn the_longest_mid_fits_the_template() {
        let mid = Some((14, &[b'x'; MAX_MID][..]));
        let template = HeaderTemplate::new(1, mid, Departure::Timed(1));
        assert_eq!(template.octets(None), 36);
    }

    #[test]
    fn a_header_that_tells_the_time_has_all_24_bits_of_it() {
        let template = HeaderTemplate::new(1, Some((4, b"12")), Departure::Timed(3));
        let mut out = [0; 64];
        let numbers = Numbers {
            ext_seq: 1,
            timestamp: 7,
            marker: false,
            payload_type: 96,
            padding: 0,
            departure: 0xab_cdef,
        };
        let len = template.write(&mut out, &numbers, None);
        let packet = rtp::Packet::parse(&out[..len + 10]).expect("valid");
        assert_eq!(packet.extension(3), Some(&[0xab, 0xcd, 0xef][..]));
        assert_eq!(packet.extension(4), Some(&b"12"[..]));
    }

    #[test]
    fn a_descriptor_of_any_length_stands_beside_what_else_the_header_tells() {
        let octets: Vec<u8> = (0..MAX_DESCRIPTOR as u8).collect();
        let numbers = Numbers {
            ext_seq: 0x1_0203,
            timestamp: 7,
            marker: true,
            payload_type: 96,
            padding: 4,
            departure: 0xabcd,
        };
        for departure in [
            Departure::Counted(5),
            Departure::Timed(3),
            Departure::Untold,
        ] {
            for mid in [None, Some((4, &b"12"[..])), Some((4, &[b'x'; MAX_MID][..]))] {
                let template = HeaderTemplate::new(0xfeed_beef, mid, departure);
                for len in 3..=MAX_DESCRIPTOR {
                    let descriptor = Descriptor {
                        id: 6,
                        octets: &octets[..len],
                        frame_number: 0xf00d,
                    };
                    let mut out = [9; 256];
                    let header = template.write(&mut out, &numbers, Some(&descriptor));
                    out[header + 3] = 4;
                    assert_eq!(header, template.octets(Some(&descriptor)));
                    let packet = rtp::Packet::parse(&out[..header + 4]).expect("valid");
                    let told = packet.extension(6).expect("a descriptor");
                    assert_eq!((told.len(), &told[..3]), (len, &[0, 0xf0, 0x0d][..]));
                    assert_eq!(told[3..], octets[3..len]);
                    assert_eq!(packet.extension(4), mid.map(|(_, mid)| mid));
                    assert_eq!((packet.sequence, packet.ssrc), (0x0203, 0xfeed_beef));
                    assert!(packet.marker);
                    if let Departure::Counted(id) = departure {
                        assert_eq!(packet.extension(id), Some(&[0xab, 0xcd][..]));
                    }
                }
            }
        }
    }
}
