//! One packet of a sent layer as it stands on the wire: header, extensions, payload, protection.
//!
//! `publisher (numbers, payload) → **wire** → line`

use super::publisher::{Numbered, Publisher, Retransmission};
use crate::media::{ExtensionIds, Kind};
use crate::rtp::{self, AudioLevel, OutHeader};
use crate::srtp::Outbound;

/// Every voice is this loud.
const LEVEL: AudioLevel = AudioLevel {
    voice: true,
    level: 30,
};

/// A packet about to be written.
#[derive(Clone, Copy, Debug)]
pub struct Wire<'a> {
    /// Whose.
    pub publisher: &'a Publisher,
    /// Which.
    pub numbered: &'a Numbered,
    /// In which stream it is sent again, if it is, and that is not its own.
    pub rtx: Option<Retransmission>,
    /// Header extensions.
    pub ids: ExtensionIds,
    /// Transport-wide sequence number.
    pub transport: u16,
}

impl Wire<'_> {
    /// Writes and protects it; gives the length, 0 if there is no room.
    pub fn write(&self, out: &mut [u8], outbound: &Outbound) -> usize {
        let start = self.write_header(out);
        let end = start + self.write_body(&mut out[start..]);
        let sequence = self.sequence();
        outbound.protect_rtp(out, start, end, (sequence >> 16) as u32)
    }

    fn sequence(&self) -> u64 {
        self.rtx.map_or(self.numbered.sequence, |rtx| rtx.sequence)
    }

    fn write_header(&self, out: &mut [u8]) -> usize {
        let (ids, publisher, outgoing) = (self.ids, self.publisher, &self.numbered.outgoing);
        let (transport, level) = (self.transport.to_be_bytes(), [LEVEL.to_byte()]);
        let is_sound = publisher.clip.kind == Kind::Audio;
        let (rid_id, rid) = self.rid();
        // An id of 0 is left out.
        let extensions = [
            (ids.transport_cc, &transport[..]),
            (rid_id, rid),
            (if is_sound { ids.audio_level } else { 0 }, &level[..]),
        ];
        let (payload_type, ssrc) = match self.rtx {
            Some(rtx) => (rtx.payload_type, rtx.ssrc),
            None => (publisher.payload_type, publisher.layer.ssrc),
        };
        let header = OutHeader {
            marker: outgoing.marker,
            payload_type,
            sequence: self.sequence() as u16,
            timestamp: outgoing.timestamp,
            ssrc,
            padding: false,
            mid: Some((ids.mid, publisher.mid.as_bytes())),
            extensions: &extensions,
        };
        rtp::write_header(out, &header)
    }

    /// Extension id and value; id 0 where none has to be told.
    fn rid(&self) -> (u8, &[u8]) {
        let rid = self.publisher.layer.rid.as_deref();
        let told = self.rtx.is_some() || self.publisher.tells_rid(&self.numbered.outgoing);
        match rid.filter(|_| told) {
            Some(rid) if self.rtx.is_some() => (self.ids.repaired_rid, rid.as_bytes()),
            Some(rid) => (self.ids.rid, rid.as_bytes()),
            None => (0, &[]),
        }
    }

    /// The payload, behind its original number if it is sent again in another stream (RFC 4588 §4).
    fn write_body(&self, out: &mut [u8]) -> usize {
        let original = (self.numbered.sequence as u16).to_be_bytes();
        let before = if self.rtx.is_some() {
            &original[..]
        } else {
            &[]
        };
        out[..before.len()].copy_from_slice(before);
        before.len()
            + self
                .publisher
                .write_payload(self.numbered, &mut out[before.len()..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::publisher::tests::{publisher, send};
    use crate::rtp::Packet;
    use crate::srtp::{Inbound, Profile};

    const IDS: ExtensionIds = ExtensionIds {
        dependency: 0,
        mid: 1,
        rid: 2,
        repaired_rid: 3,
        transport_cc: 4,
        abs_send_time: 0,
        audio_level: 5,
    };

    /// Writes a packet and opens it again under the index it should have.
    fn opened(publisher: &Publisher, numbered: &Numbered, rtx: Option<Retransmission>) -> Vec<u8> {
        let (key, salt, profile) = ([1; 16], [2; 12], Profile::AeadAes128Gcm);
        let wire = Wire {
            publisher,
            numbered,
            rtx,
            ids: IDS,
            transport: 0x1234,
        };
        let mut out = vec![0; 1_600];
        let len = wire.write(
            &mut out,
            &Outbound::new(profile, &key, &salt).expect("keys"),
        );
        out.truncate(len);
        let index = rtx.map_or(numbered.sequence, |rtx| rtx.sequence);
        let opening = Inbound::new(profile, &key, &salt).expect("keys");
        let len = opening.open_rtp(&mut out, index).expect("authentic");
        out.truncate(len);
        out
    }

    #[test]
    fn pictures_carry_mid_rid_and_transport_wide_number_and_sound_its_level() {
        let mut pictures = publisher(Kind::Video, 0);
        let numbered = send(&mut pictures, 0)[0];
        let bytes = opened(&pictures, &numbered, None);
        let packet = Packet::parse(&bytes).expect("RTP");
        assert_eq!((packet.ssrc, packet.payload_type), (5, 96));
        let told = [1, 2, 3, 4, 5].map(|id| packet.extension(id));
        let expected = [Some(&b"0"[..]), Some(b"h"), None, Some(&[0x12, 0x34]), None];
        assert_eq!(told, expected);
        let mut sound = publisher(Kind::Audio, 0);
        let numbered = send(&mut sound, 0)[0];
        let bytes = opened(&sound, &numbered, None);
        let level = Packet::parse(&bytes).expect("RTP").extension(5);
        assert_eq!(level, Some(&[LEVEL.to_byte()][..]));
    }

    #[test]
    fn the_rid_is_told_at_the_begin_and_with_keyframes_only() {
        let mut publisher = publisher(Kind::Video, 0);
        let sent: Vec<_> = (0..66)
            .flat_map(|frame| {
                let sent = send(&mut publisher, frame * 34);
                sent.into_iter()
                    .map(|one| opened(&publisher, &one, None))
                    .collect::<Vec<_>>()
            })
            .collect();
        let told = |index: usize| {
            Packet::parse(&sent[index])
                .expect("RTP")
                .extension(2)
                .is_some()
        };
        assert!((0..100).all(told));
        assert_eq!(
            (100..sent.len())
                .filter(|&index| told(index))
                .collect::<Vec<_>>(),
            [120, 121]
        );
    }

    #[test]
    fn a_retransmission_has_its_own_stream_and_repaired_rid_and_tells_the_original_number() {
        let mut publisher = publisher(Kind::Video, 0);
        let numbered = send(&mut publisher, 0)[1];
        let rtx = publisher.next_rtx();
        let (again, first) = (
            opened(&publisher, &numbered, rtx),
            opened(&publisher, &numbered, None),
        );
        let (again, first) = (
            Packet::parse(&again).expect("RTP"),
            Packet::parse(&first).expect("RTP"),
        );
        assert_eq!((again.ssrc, again.payload_type), (6, 97));
        assert_eq!(
            (again.extension(2), again.extension(3)),
            (None, Some(&b"h"[..]))
        );
        assert_eq!(again.payload[..2], first.sequence.to_be_bytes());
        assert_eq!(again.payload[2..], *first.payload);
    }

    #[test]
    fn numbers_that_wrap_are_protected_under_the_next_rollover_counter() {
        let mut publisher = publisher(Kind::Video, 0);
        let mut numbered = send(&mut publisher, 0)[0];
        numbered.sequence = 3 * 65_536 + 7;
        let bytes = opened(&publisher, &numbered, None);
        assert_eq!(Packet::parse(&bytes).expect("RTP").sequence, 7);
    }
}
