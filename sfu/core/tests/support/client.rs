//! A device, as the router sees it from outside.

use _core::demux::{Path, Protocol, protocol};
use _core::events::PeerId;
use _core::rtcp;
use _core::rtp::Packet;
use _core::srtp::{Inbound, Outbound};
use _core::stun::{self, Response};

use super::heard::{Control, Media, controls};
use super::media::{DEPENDENCY, MID, SEND_TIME, TWCC};

/// A device, as the router sees it from outside.
pub struct Client {
    pub id: PeerId,
    pub worker: usize,
    pub ufrag: String,
    pub path: Path,
    pub media: Vec<Media>,
    pub control: Vec<(u64, Control)>,
    pub stun: Vec<u16>,
    pub dtls: Vec<Vec<u8>>,
    pub(super) sealing: Outbound,
    pub(super) opening: Inbound,
}

impl Client {
    pub(super) fn take(&mut self, mut bytes: Vec<u8>, at_ms: u64) {
        match protocol(&bytes) {
            Some(Protocol::Stun) => {
                let response = Response::parse(&bytes).expect("a STUN response");
                self.stun.push(match response.outcome {
                    stun::Outcome::Success(_) => 200,
                    stun::Outcome::Error(code) => code,
                });
            }
            Some(Protocol::Dtls) => self.dtls.push(bytes),
            Some(Protocol::Rtp) => self.take_rtp(&mut bytes, at_ms),
            Some(Protocol::Rtcp) => self.take_rtcp(&mut bytes, at_ms),
            None => panic!("the router sent something strange"),
        }
    }

    fn take_rtp(&mut self, bytes: &mut [u8], at_ms: u64) {
        let octets = bytes.len();
        let (len, _) = self
            .opening
            .unprotect_rtp(bytes)
            .expect("right keys, never the same index twice");
        let packet = Packet::parse(&bytes[..len]).expect("well-formed");
        self.media.push(Media {
            at_ms,
            ssrc: packet.ssrc,
            payload_type: packet.payload_type,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            mid: packet
                .extension(MID)
                .map(|mid| String::from_utf8_lossy(mid).into_owned()),
            payload: packet.payload.to_vec(),
            padding: packet.padding_len,
            transport: packet
                .extension(TWCC)
                .map(|number| u16::from_be_bytes(number.try_into().expect("two octets"))),
            send_time: packet.extension(SEND_TIME).map(|time| {
                let [high, middle, low] = time.try_into().expect("three octets");
                u32::from_be_bytes([0, high, middle, low])
            }),
            descriptor: packet.extension(DEPENDENCY).map(<[u8]>::to_vec),
            octets,
        });
    }

    fn take_rtcp(&mut self, bytes: &mut [u8], at_ms: u64) {
        let len = self.opening.unprotect_rtcp(bytes).expect("right keys");
        for packet in rtcp::compound(&bytes[..len]) {
            let packets = controls(&packet.expect("well-formed"));
            self.control
                .extend(packets.into_iter().map(|packet| (at_ms, packet)));
        }
    }
}
