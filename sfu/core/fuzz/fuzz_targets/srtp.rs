//! SRTP: no datagram panics or passes, and what we protect we can read.
#![no_main]

use _core::rtp::Clear;
use _core::srtp::{Inbound, Outbound, Profile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    for profile in [Profile::AeadAes128Gcm, Profile::Aes128CmHmacSha1_80] {
        let salt = vec![5; profile.salt_len()];
        let mut inbound = Inbound::new(profile, &[3; 16], &salt).expect("lengths of the profile");
        assert!(inbound.unprotect_rtp(&mut datagram.to_vec()).is_err());
        assert!(inbound.unprotect_rtcp(&mut datagram.to_vec()).is_err());
        let out = Outbound::new(profile, &[3; 16], &salt).expect("lengths of the profile");
        there_and_back(datagram, &out, &mut inbound);
    }
});

fn there_and_back(plain: &[u8], out: &Outbound, inbound: &mut Inbound) {
    let Ok(clear) = Clear::parse(plain) else {
        return;
    };
    let mut packet = plain.to_vec();
    packet.resize(plain.len() + out.profile().rtp_overhead(), 0);
    assert_eq!(
        out.protect_rtp(&mut packet, clear.header_len, plain.len(), 0),
        packet.len()
    );
    let (len, index) = inbound.unprotect_rtp(&mut packet).expect("authentic");
    assert_eq!((&packet[..len], index), (plain, u64::from(clear.sequence)));
}
