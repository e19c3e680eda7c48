//! AES_CM_128_HMAC_SHA1_80 for SRTP and SRTCP, RFC 3711 §4.1.1 and §4.2.1.

use aes::Aes128;
use aes::cipher::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::kdf::{self, SessionKeys};
use super::{RTCP_CLEAR, rtcp_ssrc};
use crate::rtp::Clear;

/// Octets of authentication tag: the first 80 bits of the HMAC.
pub(super) const TAG_LEN: usize = 10;
const TRAILER_LEN: usize = 4;

/// The keys of one direction for RTP or for RTCP.
pub(super) struct Cm {
    aes: Aes128,
    salt: [u8; 14],
    /// The state after the key; cloned for each packet.
    mac: Hmac<Sha1>,
}

impl std::fmt::Debug for Cm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cm")
    }
}

impl Cm {
    pub(super) fn new(session: &SessionKeys) -> Self {
        let mut padded = hmac::digest::block_api::Block::<Sha1>::default();
        for (place, byte) in padded.iter_mut().zip(session.authentication) {
            *place = byte;
        }
        let aes = Aes128::new(&session.encryption.into());
        Self {
            aes,
            salt: session.salt,
            mac: <Hmac<Sha1> as KeyInit>::new(&padded),
        }
    }

    /// RFC 3711 §4.1.1: salt × 2^16 XOR SSRC × 2^64 XOR index × 2^16; the low 16 bits count blocks.
    fn apply(&self, ssrc: u32, index: u64, data: &mut [u8]) {
        let mut iv = [0; 16];
        let (front, _) = iv.split_at_mut(14);
        front.copy_from_slice(&self.salt);
        let mask = (u128::from(ssrc) << 64) | (u128::from(index) << 16);
        let iv = (u128::from_be_bytes(iv) ^ mask).to_be_bytes();
        kdf::apply_counter_mode(&self.aes, iv, data);
    }

    fn authenticate(&self, parts: [&[u8]; 2]) -> Hmac<Sha1> {
        let mut mac = self.mac.clone();
        parts.into_iter().for_each(|part| mac.update(part));
        mac
    }

    /// Length of the plain packet, `None` if the tag is wrong.
    pub(super) fn open_rtp(&self, packet: &mut [u8], clear: Clear, index: u64) -> Option<usize> {
        let (sealed, tag) = split_tag(packet)?;
        let mac = self.authenticate([sealed, &rollover(index)]);
        mac.verify_truncated_left(tag).ok()?;
        let len = sealed.len();
        self.apply(clear.ssrc, index, sealed.get_mut(clear.header_len..)?);
        Some(len)
    }

    /// Length of the sealed packet.
    pub(super) fn seal_rtp(
        &self,
        buf: &mut [u8],
        clear: Clear,
        len: usize,
        index: u64,
    ) -> Option<usize> {
        let (packet, after) = buf.split_at_mut_checked(len)?;
        self.apply(clear.ssrc, index, packet.get_mut(clear.header_len..)?);
        let tag = self
            .authenticate([packet, &rollover(index)])
            .finalize()
            .into_bytes();
        after
            .get_mut(..TAG_LEN)?
            .copy_from_slice(tag.get(..TAG_LEN)?);
        Some(len + TAG_LEN)
    }

    /// Length of the plain compound packet, `None` if the tag is wrong.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, trailer: u32) -> Option<usize> {
        let (sealed, tag) = split_tag(packet)?;
        self.authenticate([sealed, &[]])
            .verify_truncated_left(tag)
            .ok()?;
        let len = sealed.len().checked_sub(TRAILER_LEN)?;
        self.apply(
            ssrc,
            u64::from(trailer & 0x7fff_ffff),
            sealed.get_mut(RTCP_CLEAR..len)?,
        );
        Some(len)
    }

    /// Length of the sealed packet.
    pub(super) fn seal_rtcp(&self, buf: &mut [u8], len: usize, trailer: u32) -> Option<usize> {
        let ssrc = rtcp_ssrc(buf)?;
        let (packet, after) = buf.split_at_mut_checked(len)?;
        self.apply(
            ssrc,
            u64::from(trailer & 0x7fff_ffff),
            packet.get_mut(RTCP_CLEAR..)?,
        );
        let trailer = trailer.to_be_bytes();
        let tag = self
            .authenticate([packet, &trailer])
            .finalize()
            .into_bytes();
        let (trailer_place, after) = after.split_at_mut_checked(TRAILER_LEN)?;
        trailer_place.copy_from_slice(&trailer);
        after
            .get_mut(..TAG_LEN)?
            .copy_from_slice(tag.get(..TAG_LEN)?);
        Some(len + TRAILER_LEN + TAG_LEN)
    }
}

fn split_tag(packet: &mut [u8]) -> Option<(&mut [u8], &[u8])> {
    let end = packet.len().checked_sub(TAG_LEN)?;
    let (sealed, tag) = packet.split_at_mut_checked(end)?;
    Some((sealed, tag))
}

/// RFC 3711 §4.2: the rollover counter is authenticated behind the packet.
#[allow(clippy::cast_possible_truncation)]
fn rollover(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}
