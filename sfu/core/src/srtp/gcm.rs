//! AEAD_AES_128_GCM for SRTP and SRTCP, RFC 7714.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::kdf::SessionKeys;
use super::{RTCP_CLEAR, rtcp_ssrc};
use crate::rtp::Clear;

/// Octets of authentication tag.
pub(super) const TAG_LEN: usize = 16;
const TRAILER_LEN: usize = 4;

/// The keys of one direction for RTP or for RTCP.
#[derive(Debug)]
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Gcm {
    /// `None` only if the library refuses the key.
    pub(super) fn new(session: &SessionKeys) -> Option<Self> {
        let (salt, _) = session.salt.split_first_chunk::<12>()?;
        let key = UnboundKey::new(&AES_128_GCM, &session.encryption).ok()?;
        Some(Self {
            key: LessSafeKey::new(key),
            salt: *salt,
        })
    }

    /// RFC 7714 §8.1: two zero octets, SSRC, 48 bits of index, all XORed with the salt.
    fn rtp_nonce(&self, ssrc: u32, index: u64) -> Nonce {
        self.nonce(ssrc, index & 0xffff_ffff_ffff)
    }

    /// RFC 7714 §9.1: as for RTP, with 31 bits of SRTCP index.
    fn rtcp_nonce(&self, ssrc: u32, trailer: u32) -> Nonce {
        self.nonce(ssrc, u64::from(trailer & 0x7fff_ffff))
    }

    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let low = (u128::from(ssrc) << 48) | u128::from(index);
        let [_, _, _, _, iv @ ..] = low.to_be_bytes();
        let mut nonce = self.salt;
        nonce
            .iter_mut()
            .zip(iv)
            .for_each(|(place, byte)| *place ^= byte);
        Nonce::assume_unique_for_key(nonce)
    }

    /// Length of the plain packet, `None` if the tag is wrong.
    pub(super) fn open_rtp(&self, packet: &mut [u8], clear: Clear, index: u64) -> Option<usize> {
        let (header, body) = packet.split_at_mut_checked(clear.header_len)?;
        let nonce = self.rtp_nonce(clear.ssrc, index);
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(&*header), body)
            .ok()?;
        Some(header.len() + plain.len())
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
        let (header, payload) = packet.split_at_mut_checked(clear.header_len)?;
        let nonce = self.rtp_nonce(clear.ssrc, index);
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(&*header), payload)
            .ok()?;
        after.get_mut(..TAG_LEN)?.copy_from_slice(tag.as_ref());
        Some(len + TAG_LEN)
    }

    /// Length of the plain compound packet, `None` if the tag is wrong.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, trailer: u32) -> Option<usize> {
        let end = packet.len().checked_sub(TRAILER_LEN)?;
        let (header, body) = packet.get_mut(..end)?.split_at_mut_checked(RTCP_CLEAR)?;
        let aad = rtcp_aad(header, trailer)?;
        let plain = self
            .key
            .open_in_place(self.rtcp_nonce(ssrc, trailer), Aad::from(aad), body)
            .ok()?;
        Some(RTCP_CLEAR + plain.len())
    }

    /// Length of the sealed packet.
    pub(super) fn seal_rtcp(&self, buf: &mut [u8], len: usize, trailer: u32) -> Option<usize> {
        let ssrc = rtcp_ssrc(buf)?;
        let (packet, after) = buf.split_at_mut_checked(len)?;
        let (header, body) = packet.split_at_mut_checked(RTCP_CLEAR)?;
        let aad = rtcp_aad(header, trailer)?;
        let nonce = self.rtcp_nonce(ssrc, trailer);
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(aad), body)
            .ok()?;
        let (tag_place, after) = after.split_at_mut_checked(TAG_LEN)?;
        tag_place.copy_from_slice(tag.as_ref());
        after
            .get_mut(..TRAILER_LEN)?
            .copy_from_slice(&trailer.to_be_bytes());
        Some(len + TAG_LEN + TRAILER_LEN)
    }
}

/// RFC 7714 §9.2: the clear header and the trailer are authenticated.
fn rtcp_aad(header: &[u8], trailer: u32) -> Option<[u8; RTCP_CLEAR + TRAILER_LEN]> {
    let mut aad = [0; RTCP_CLEAR + TRAILER_LEN];
    let (front, back) = aad.split_at_mut(RTCP_CLEAR);
    front.copy_from_slice(header.get(..RTCP_CLEAR)?);
    back.copy_from_slice(&trailer.to_be_bytes());
    Some(aad)
}
