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

#[cfg(test)]
mod tests {
    use super::*;

    const RTP: [u8; 50] =
        *b"\x80\x40\xf1\x7b\x80\x41\xf8\xd3\x55\x01\xa0\xb2Gallia est omnis divisa in partes tres";
    const RTP_SEALED: [u8; 66] = [
        0x80, 0x40, 0xf1, 0x7b, 0x80, 0x41, 0xf8, 0xd3, 0x55, 0x01, 0xa0, 0xb2, 0xf2, 0x4d, 0xe3,
        0xa3, 0xfb, 0x34, 0xde, 0x6c, 0xac, 0xba, 0x86, 0x1c, 0x9d, 0x7e, 0x4b, 0xca, 0xbe, 0x63,
        0x3b, 0xd5, 0x0d, 0x29, 0x4e, 0x6f, 0x42, 0xa5, 0xf4, 0x7a, 0x51, 0xc7, 0xd1, 0x9b, 0x36,
        0xde, 0x3a, 0xdf, 0x88, 0x33, 0x89, 0x9d, 0x7f, 0x27, 0xbe, 0xb1, 0x6a, 0x91, 0x52, 0xcf,
        0x76, 0x5e, 0xe4, 0x39, 0x0c, 0xce,
    ];
    const RTCP: [u8; 52] = *b"\x81\xc8\x00\x0dMarsNTP1NTP2RTP \x00\x00\x04\x2a\x00\x00\xe9\x30Luna\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad\xbe\xef";
    const RTCP_SEALED: [u8; 72] = [
        0x81, 0xc8, 0x00, 0x0d, 0x4d, 0x61, 0x72, 0x73, 0x63, 0xe9, 0x48, 0x85, 0xdc, 0xda, 0xb6,
        0x7c, 0xa7, 0x27, 0xd7, 0x66, 0x2f, 0x6b, 0x7e, 0x99, 0x7f, 0xf5, 0xc0, 0xf7, 0x6c, 0x06,
        0xf3, 0x2d, 0xc6, 0x76, 0xa5, 0xf1, 0x73, 0x0d, 0x6f, 0xda, 0x4c, 0xe0, 0x9b, 0x46, 0x86,
        0x30, 0x3d, 0xed, 0x0b, 0xb9, 0x27, 0x5b, 0xc8, 0x4a, 0xa4, 0x58, 0x96, 0xcf, 0x4d, 0x2f,
        0xc5, 0xab, 0xf8, 0x72, 0x45, 0xd9, 0xea, 0xde, 0x80, 0x00, 0x05, 0xd4,
    ];
    const RTCP_TRAILER: u32 = 0x8000_05d4;
    const MARS: u32 = u32::from_be_bytes(*b"Mars");

    /// Session key and salt of RFC 7714 §16 and §17.
    fn rfc_7714() -> Option<Gcm> {
        let encryption = 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f_u128.to_be_bytes();
        Gcm::new(&SessionKeys {
            encryption,
            authentication: [0; 20],
            salt: *b"Quid pro quo\0\0",
        })
    }

    fn room_for<const N: usize>(plain: &[u8]) -> [u8; N] {
        let mut buf = [0; N];
        buf[..plain.len()].copy_from_slice(plain);
        buf
    }

    #[test]
    fn rtp_is_sealed_and_opened_as_in_rfc_7714_16_1() {
        let gcm = rfc_7714().expect("a key of 16 octets");
        let clear = Clear::parse(&RTP).expect("an RTP packet");
        let mut packet = room_for::<66>(&RTP);
        assert_eq!(
            gcm.seal_rtp(&mut packet, clear, 50, clear.sequence.into()),
            Some(66)
        );
        assert_eq!(packet, RTP_SEALED);
        assert_eq!(
            gcm.open_rtp(&mut packet, clear, clear.sequence.into()),
            Some(50)
        );
        assert_eq!(packet[..50], RTP);
    }

    #[test]
    fn rtcp_is_sealed_and_opened_as_in_rfc_7714_17_1() {
        let gcm = rfc_7714().expect("a key of 16 octets");
        let mut packet = room_for::<72>(&RTCP);
        assert_eq!(gcm.seal_rtcp(&mut packet, 52, RTCP_TRAILER), Some(72));
        assert_eq!(packet, RTCP_SEALED);
        assert_eq!(gcm.open_rtcp(&mut packet, MARS, RTCP_TRAILER), Some(52));
        assert_eq!(packet[..52], RTCP);
    }
}
