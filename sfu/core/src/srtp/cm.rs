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
fn rollover(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Session key and salt of RFC 3711 appendix B.2.
    fn rfc_3711() -> Cm {
        let encryption = 0x2B7E_1516_28AE_D2A6_ABF7_1588_09CF_4F3C_u128.to_be_bytes();
        let salt = [
            0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD,
        ];
        Cm::new(&SessionKeys {
            encryption,
            authentication: [0; 20],
            salt,
        })
    }

    #[test]
    fn the_keystream_is_that_of_rfc_3711_b_2() {
        let mut data = vec![0; 0xff02 * 16];
        rfc_3711().apply(0, 0, &mut data);
        let block =
            |at: usize| u128::from_be_bytes(data[at * 16..][..16].try_into().expect("16 octets"));
        assert_eq!(block(0), 0xE03E_AD09_35C9_5E80_E166_B16D_D92B_4EB4);
        assert_eq!(block(1), 0xD235_1316_2B02_D0F7_2A43_A2FE_4A5F_97AB);
        assert_eq!(block(2), 0x41E9_5B3B_B0A2_E8DD_4779_01E4_FCA8_94C0);
        assert_eq!(block(0xfeff), 0xEC8C_DF73_9860_7CB0_F2D2_1675_EA9E_A1E4);
        assert_eq!(block(0xff00), 0x362B_7C3C_6773_5163_18A0_77D7_FC50_73AE);
        assert_eq!(block(0xff01), 0x6A2C_C378_7889_374F_BEB4_C81B_17BA_6C44);
    }

    /// RFC 2202, test case 1, whose key is as long as ours.
    #[test]
    fn the_hmac_is_that_of_rfc_2202() {
        let keys = SessionKeys {
            encryption: [0; 16],
            authentication: [0x0b; 20],
            salt: [0; 14],
        };
        let tag = Cm::new(&keys)
            .authenticate([b"Hi ", b"There"])
            .finalize()
            .into_bytes();
        let expected = [
            0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b, 0xc0, 0xb6, 0xfb, 0x37,
            0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00,
        ];
        assert_eq!(tag[..], expected);
    }
}
