//! Session keys out of a master key, RFC 3711 §4.3 (key derivation rate 0) and RFC 7714 §11.

use aes::Aes128;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ctr::{CtrCore, flavors};

/// Which of the six session keys to derive, RFC 3711 §4.3.2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Labels {
    encryption: u8,
    authentication: u8,
    salt: u8,
}

/// Labels of the keys for RTP.
pub(super) const RTP: Labels = Labels {
    encryption: 0,
    authentication: 1,
    salt: 2,
};
/// Labels of the keys for RTCP.
pub(super) const RTCP: Labels = Labels {
    encryption: 3,
    authentication: 4,
    salt: 5,
};

/// The keys of one direction for RTP or for RTCP.
pub(super) struct SessionKeys {
    /// AES-128.
    pub(super) encryption: [u8; 16],
    /// HMAC-SHA1; not used by GCM.
    pub(super) authentication: [u8; 20],
    /// GCM uses the first twelve octets.
    pub(super) salt: [u8; 14],
}

/// Derives all keys that `labels` name. A salt of twelve octets is filled up with zeroes (RFC 7714 §11).
pub(super) fn derive(master_key: &[u8; 16], master_salt: &[u8], labels: Labels) -> SessionKeys {
    let aes = Aes128::new(master_key.into());
    SessionKeys {
        encryption: derive_one(&aes, master_salt, labels.encryption),
        authentication: derive_one(&aes, master_salt, labels.authentication),
        salt: derive_one(&aes, master_salt, labels.salt),
    }
}

fn derive_one<const N: usize>(aes: &Aes128, master_salt: &[u8], label: u8) -> [u8; N] {
    let mut iv = [0; 16];
    for (place, byte) in iv.iter_mut().zip(master_salt.iter().take(14)) {
        *place = *byte;
    }
    iv[7] ^= label;
    let mut key = [0; N];
    apply_counter_mode(aes, iv, &mut key);
    key
}

/// AES in counter mode, RFC 3711 §4.1.1. The last 16 bits of `iv` are 0 and count the blocks.
pub(super) fn apply_counter_mode(aes: &Aes128, iv: [u8; 16], data: &mut [u8]) {
    let core = CtrCore::<_, flavors::Ctr32BE>::inner_iv_init(aes, &iv.into());
    StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3711 appendix B.3.
    #[test]
    fn session_keys_are_those_of_rfc_3711_b_3() {
        let master_key = 0xE1F9_7A0D_3E01_8BE0_D64F_A32C_06DE_4139_u128.to_be_bytes();
        let master_salt = [
            0x0E, 0xC6, 0x75, 0xAD, 0x49, 0x8A, 0xFE, 0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6,
        ];
        let keys = derive(&master_key, &master_salt, RTP);
        assert_eq!(
            u128::from_be_bytes(keys.encryption),
            0xC61E_7A93_744F_39EE_1073_4AFE_3FF7_A087
        );
        let salt = [
            0x30, 0xCB, 0xBC, 0x08, 0x86, 0x3D, 0x8C, 0x85, 0xD4, 0x9D, 0xB3, 0x4A, 0x9A, 0xE1,
        ];
        assert_eq!(keys.salt, salt);
        let authentication = [
            0xCE, 0xBE, 0x32, 0x1F, 0x6F, 0xF7, 0x71, 0x6B, 0x6F, 0xD4, 0xAB, 0x49, 0xAF, 0x25,
            0x6A, 0x15, 0x6D, 0x38, 0xBA, 0xA4,
        ];
        assert_eq!(keys.authentication, authentication);
    }

    #[test]
    fn rtp_and_rtcp_share_no_key() {
        let (rtp, rtcp) = (
            derive(&[7; 16], &[9; 12], RTP),
            derive(&[7; 16], &[9; 12], RTCP),
        );
        assert_ne!(rtp.encryption, rtcp.encryption);
        assert_ne!(rtp.authentication, rtcp.authentication);
        assert_ne!(rtp.salt, rtcp.salt);
    }
}
