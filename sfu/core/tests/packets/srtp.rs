//! SRTP: compared with libsrtp, and around every border of rollover and replay.

use _core::srtp::{Inbound, MAX_SSRCS, Outbound, Profile, Rejected};
use proptest::prelude::*;

const KEY: [u8; 16] = [7; 16];
const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::Aes128CmHmacSha1_80];
const SSRC: u32 = 0x1234_5678;
const HEADER: usize = 12;

fn salt(profile: Profile) -> Vec<u8> {
    vec![9; profile.salt_len()]
}

fn inbound(profile: Profile) -> Inbound {
    Inbound::new(profile, &KEY, &salt(profile)).expect("lengths of the profile")
}

fn outbound(profile: Profile) -> Outbound {
    Outbound::new(profile, &KEY, &salt(profile)).expect("lengths of the profile")
}

fn plain_rtp(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend(0x0102_0304_u32.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend_from_slice(payload);
    packet
}

fn protect(out: &Outbound, mut packet: Vec<u8>, header_len: usize, roc: u32) -> Vec<u8> {
    let len = packet.len();
    packet.resize(len + out.profile().rtp_overhead(), 0);
    let sealed = out.protect_rtp(&mut packet, header_len, len, roc);
    assert_eq!(sealed, packet.len());
    packet
}

/// The packet that has `index`, as a sender makes it.
fn sealed(profile: Profile, index: u64) -> Vec<u8> {
    let (roc, sequence) = (u32::try_from(index >> 16), u16::try_from(index & 0xffff));
    let packet = plain_rtp(SSRC, sequence.expect("16 bits"), b"payload");
    protect(&outbound(profile), packet, HEADER, roc.expect("32 bits"))
}

fn receive(inbound: &mut Inbound, profile: Profile, index: u64) -> Result<u64, Rejected> {
    let mut packet = sealed(profile, index);
    inbound.unprotect_rtp(&mut packet).map(|(len, found)| {
        assert_eq!(&packet[HEADER..len], b"payload");
        found
    })
}

fn report(sender: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(sender.to_be_bytes());
    packet.extend(b"whatever else it says");
    packet
}

fn protect_rtcp(out: &mut Outbound, mut packet: Vec<u8>) -> Vec<u8> {
    let len = packet.len();
    packet.resize(len + out.profile().rtcp_overhead(), 0);
    assert_eq!(out.protect_rtcp(&mut packet, len), packet.len());
    packet
}

mod libsrtp {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        let octet = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
        (0..text.len()).step_by(2).map(octet).collect()
    }

    struct Recording {
        profile: Profile,
        key: Vec<u8>,
        salt: Vec<u8>,
        /// Whether it is RTCP, plain, protected.
        packets: Vec<(bool, Vec<u8>, Vec<u8>)>,
    }

    fn recordings() -> Vec<Recording> {
        let mut all: Vec<Recording> = Vec::new();
        for line in include_str!("../vectors/libsrtp.txt").lines() {
            let words: Vec<&str> = line.split(' ').collect();
            if let ["profile", name, key, salt] = words[..] {
                let profile = Profile::from_name(name).expect("a known profile");
                let packets = Vec::new();
                all.push(Recording {
                    profile,
                    key: unhex(key),
                    salt: unhex(salt),
                    packets,
                });
            } else if let [kind, plain, protected] = words[..] {
                let recording = all.last_mut().expect("keys come first");
                recording
                    .packets
                    .push((kind == "rtcp", unhex(plain), unhex(protected)));
            }
        }
        assert_eq!(all.len(), 2);
        all
    }

    #[test]
    fn what_libsrtp_protects_is_read_across_a_rollover() {
        for Recording {
            profile,
            key,
            salt,
            packets,
        } in recordings()
        {
            let mut inbound = Inbound::new(profile, &key, &salt).expect("lengths of the profile");
            for (is_rtcp, plain, mut protected) in packets {
                let len = if is_rtcp {
                    inbound.unprotect_rtcp(&mut protected)
                } else {
                    inbound.unprotect_rtp(&mut protected).map(|(len, _)| len)
                };
                assert_eq!(
                    len.map(|len| &protected[..len]),
                    Ok(&plain[..]),
                    "{profile:?}"
                );
            }
        }
    }

    #[test]
    fn packets_leave_as_libsrtp_would_send_them() {
        for Recording {
            profile,
            key,
            salt,
            packets,
        } in recordings()
        {
            let mut out = Outbound::new(profile, &key, &salt).expect("lengths of the profile");
            protect_rtcp(&mut out, report(1)); // libsrtp counts from 1
            for (is_rtcp, plain, protected) in packets {
                let ours = if is_rtcp {
                    protect_rtcp(&mut out, plain)
                } else {
                    let header_len = if plain[0] & 0x10 == 0 { 12 } else { 20 };
                    let wrapped = plain[2] < 0x80; // sequence numbers start at 65,530
                    protect(&out, plain, header_len, wrapped.into())
                };
                assert_eq!(ours, protected, "{profile:?}");
            }
        }
    }
}

#[test]
fn profiles_are_known_by_the_names_of_openssl() {
    assert_eq!(
        Profile::from_name("SRTP_AEAD_AES_128_GCM"),
        Some(Profile::AeadAes128Gcm)
    );
    assert_eq!(
        Profile::from_name("SRTP_AES128_CM_SHA1_80"),
        Some(Profile::Aes128CmHmacSha1_80)
    );
    assert_eq!(Profile::from_name("SRTP_AES128_CM_SHA1_32"), None);
}

#[test]
fn keys_of_the_wrong_length_are_refused_in_words() {
    let error = Inbound::new(Profile::AeadAes128Gcm, &[0; 16], &[0; 14]).expect_err("a long salt");
    assert_eq!(
        error.to_string(),
        "AeadAes128Gcm needs a key of 16 and a salt of 12 octets, got 16 and 14"
    );
    assert!(Outbound::new(Profile::Aes128CmHmacSha1_80, &[0; 15], &[0; 14]).is_err());
    assert!(Outbound::new(Profile::Aes128CmHmacSha1_80, &[0; 16], &[0; 12]).is_err());
}

#[test]
fn the_index_follows_the_sender_wherever_it_wraps() {
    for profile in PROFILES {
        for start in [0, 1, 32_766, 32_767, 32_768, 32_769, 65_534, 65_535] {
            let mut inbound = inbound(profile);
            for index in (start..start + 200_000).step_by(9_973) {
                assert_eq!(
                    receive(&mut inbound, profile, index),
                    Ok(index),
                    "from {start}"
                );
            }
        }
    }
}

#[test]
fn packets_out_of_order_around_a_rollover_find_their_counter() {
    for profile in PROFILES {
        let mut inbound = inbound(profile);
        for index in [
            65_530, 65_537, 65_535, 65_536, 65_531, 65_538, 98_200, 130_900, 131_071,
        ] {
            assert_eq!(receive(&mut inbound, profile, index), Ok(index));
        }
        for index in [131_073, 131_070, 131_072, 131_069] {
            assert_eq!(receive(&mut inbound, profile, index), Ok(index));
        }
    }
}

/// RFC 3711 §3.3.1 compares with 2^15 strictly on both sides, so that exactly half the range ahead counts as
/// ahead from the lower half of the numbers, and as behind from the upper.
#[test]
fn a_gap_below_half_the_range_is_followed_and_a_wider_one_is_not() {
    for profile in PROFILES {
        for (highest, gap, followed) in [
            (65_536_u64, 32_767, true),
            (65_536, 32_768, true),
            (65_536, 32_769, false),
            (98_303, 32_768, true),
            (98_303, 32_769, false),
            (98_304, 32_767, true),
            (98_304, 32_768, false),
            (98_304, 32_769, false),
            (131_071, 32_767, true),
            (131_071, 32_768, false),
        ] {
            let mut inbound = inbound(profile);
            for index in [30_000, 60_000, 90_000, 110_000, highest]
                .into_iter()
                .filter(|it| *it <= highest)
            {
                assert_eq!(receive(&mut inbound, profile, index), Ok(index));
            }
            let got = receive(&mut inbound, profile, highest + gap);
            assert_eq!(got.is_ok(), followed, "{highest} + {gap}: {got:?}");
        }
    }
}

#[test]
fn before_the_first_rollover_a_high_number_is_taken_as_ahead() {
    for profile in PROFILES {
        let mut inbound = inbound(profile);
        assert_eq!(receive(&mut inbound, profile, 3), Ok(3));
        assert_eq!(receive(&mut inbound, profile, 65_000), Ok(65_000));
        assert_eq!(receive(&mut inbound, profile, 65_540), Ok(65_540));
    }
}

#[test]
fn a_replayed_packet_is_refused_whatever_came_between() {
    for profile in PROFILES {
        let mut inbound = inbound(profile);
        for index in [65_000, 65_500, 65_536, 66_000, 65_001] {
            assert_eq!(receive(&mut inbound, profile, index), Ok(index));
        }
        for index in [65_000, 65_500, 65_536, 66_000, 65_001] {
            assert_eq!(
                receive(&mut inbound, profile, index),
                Err(Rejected::Replayed),
                "{index}"
            );
        }
    }
}

#[test]
fn packets_late_by_up_to_1023_are_taken_and_later_ones_are_not() {
    for profile in PROFILES {
        let mut inbound = inbound(profile);
        for index in [60_000, 65_600, 65_600 - 1023] {
            assert_eq!(receive(&mut inbound, profile, index), Ok(index));
        }
        assert_eq!(
            receive(&mut inbound, profile, 65_600 - 1024),
            Err(Rejected::Replayed)
        );
    }
}

#[test]
fn every_changed_octet_is_noticed() {
    for profile in PROFILES {
        let whole = sealed(profile, 100);
        for at in 0..whole.len() {
            let mut inbound = inbound(profile);
            let mut packet = whole.clone();
            packet[at] ^= 1;
            assert!(
                inbound.unprotect_rtp(&mut packet).is_err(),
                "{profile:?}, octet {at}"
            );
        }
    }
}

#[test]
fn a_packet_under_another_rollover_counter_is_forged() {
    for profile in PROFILES {
        let mut inbound = inbound(profile);
        assert_eq!(
            receive(&mut inbound, profile, 65_536 + 100),
            Err(Rejected::Forged)
        );
        assert_eq!(receive(&mut inbound, profile, 100), Ok(100));
    }
}

#[test]
fn a_forged_packet_leaves_no_trace() {
    for profile in PROFILES {
        let mut inbound = inbound(profile);
        for ssrc in 0..10_000_u32 {
            let mut forged = plain_rtp(ssrc, 40_000, &[0; 40]);
            assert_eq!(inbound.unprotect_rtp(&mut forged), Err(Rejected::Forged));
        }
        let mut forged = plain_rtp(SSRC, 200, &[0; 40]);
        assert_eq!(inbound.unprotect_rtp(&mut forged), Err(Rejected::Forged));
        assert_eq!(
            receive(&mut inbound, profile, 200),
            Ok(200),
            "the number is not burnt"
        );
    }
}

#[test]
fn a_peer_has_64_sources_and_no_more() {
    for profile in PROFILES {
        let (mut inbound, out) = (inbound(profile), outbound(profile));
        let mut send = |ssrc: u32, sequence| {
            let mut packet = protect(&out, plain_rtp(ssrc, sequence, &[1]), HEADER, 0);
            inbound.unprotect_rtp(&mut packet).map(|(_, index)| index)
        };
        for ssrc in 0..u32::try_from(MAX_SSRCS).expect("few") {
            assert_eq!(send(ssrc, 1), Ok(1));
        }
        assert_eq!(send(1000, 1), Err(Rejected::TooManySsrcs));
        assert_eq!(send(63, 2), Ok(2));
    }
}

#[test]
fn what_is_too_short_for_a_tag_is_refused() {
    for profile in PROFILES {
        let mut inbound = inbound(profile);
        for len in 0..HEADER {
            let mut packet = plain_rtp(SSRC, 1, &[]);
            assert_eq!(
                inbound.unprotect_rtp(&mut packet[..len]),
                Err(Rejected::Malformed),
                "{len} octets"
            );
        }
        for len in HEADER..HEADER + profile.rtp_overhead() {
            let mut packet = plain_rtp(SSRC, 1, &[0; 32]);
            assert_eq!(
                inbound.unprotect_rtp(&mut packet[..len]),
                Err(Rejected::Forged),
                "{len} octets"
            );
        }
        for len in 0..8 + profile.rtcp_overhead() {
            assert!(
                inbound.unprotect_rtcp(&mut vec![0x80; len]).is_err(),
                "{len} octets"
            );
        }
    }
}

#[test]
fn an_empty_payload_can_be_protected() {
    for profile in PROFILES {
        let mut packet = protect(&outbound(profile), plain_rtp(SSRC, 5, &[]), HEADER, 0);
        assert_eq!(inbound(profile).unprotect_rtp(&mut packet), Ok((HEADER, 5)));
    }
}

#[test]
fn protecting_needs_room_and_a_true_header_length() {
    for profile in PROFILES {
        let mut out = outbound(profile);
        let packet = plain_rtp(SSRC, 1, &[1, 2, 3]);
        let mut buf = packet.clone();
        buf.resize(packet.len() + profile.rtp_overhead() - 1, 0);
        assert_eq!(
            out.protect_rtp(&mut buf, HEADER, packet.len(), 0),
            0,
            "one octet short"
        );
        assert_eq!(buf[..packet.len()], packet, "and untouched");
        buf.push(0);
        assert_eq!(out.protect_rtp(&mut buf, HEADER + 1, packet.len(), 0), 0);
        assert_eq!(out.protect_rtp(&mut buf, HEADER, usize::MAX, 0), 0);
        assert_ne!(out.protect_rtp(&mut buf, HEADER, packet.len(), 0), 0);
        let mut buf = [0; 8 + 13];
        assert_eq!(out.protect_rtcp(&mut buf, 8), 0, "one octet short");
        assert_eq!(out.protect_rtcp(&mut [0; 100], 7), 0);
        assert_eq!(out.protect_rtcp(&mut [0; 100], usize::MAX), 0);
    }
}

#[test]
fn rtcp_goes_there_and_back_and_is_not_taken_twice() {
    for profile in PROFILES {
        let (mut inbound, mut out) = (inbound(profile), outbound(profile));
        for round in 0..5_u32 {
            let plain = report(77);
            let protected = protect_rtcp(&mut out, plain.clone());
            let mut packet = protected.clone();
            let len = inbound.unprotect_rtcp(&mut packet).expect("authentic");
            assert_eq!(packet[..len], plain, "round {round}");
            assert_eq!(
                inbound.unprotect_rtcp(&mut protected.clone()),
                Err(Rejected::Replayed)
            );
        }
    }
}

#[test]
fn every_changed_octet_of_rtcp_is_noticed() {
    for profile in PROFILES {
        let whole = protect_rtcp(&mut outbound(profile), report(77));
        for at in 0..whole.len() {
            let mut packet = whole.clone();
            packet[at] ^= 1;
            assert!(
                inbound(profile).unprotect_rtcp(&mut packet).is_err(),
                "{profile:?}, octet {at}"
            );
        }
    }
}

#[test]
fn rtcp_that_is_not_encrypted_is_malformed() {
    for profile in PROFILES {
        let mut packet = protect_rtcp(&mut outbound(profile), report(77));
        let trailer = match profile {
            Profile::AeadAes128Gcm => packet.len() - 4,
            Profile::Aes128CmHmacSha1_80 => packet.len() - 14,
        };
        packet[trailer] &= 0x7f;
        assert_eq!(
            inbound(profile).unprotect_rtcp(&mut packet),
            Err(Rejected::Malformed)
        );
    }
}

#[test]
fn rtp_and_rtcp_of_one_source_are_counted_apart() {
    for profile in PROFILES {
        let (mut inbound, mut out) = (inbound(profile), outbound(profile));
        assert_eq!(receive(&mut inbound, profile, 0), Ok(0));
        let mut first_report = protect_rtcp(&mut out, report(SSRC));
        assert!(inbound.unprotect_rtcp(&mut first_report).is_ok());
    }
}

proptest! {
    #[test]
    fn any_packet_survives_the_way_there_and_back(
        payload: Vec<u8>, sequence: u16, ssrc: u32, gcm: bool, words in proptest::option::of(0_u8..20),
    ) {
        let profile = PROFILES[usize::from(gcm)];
        let mut plain = plain_rtp(ssrc, sequence, &[]);
        if let Some(words) = words {
            plain[0] |= 0x10;
            plain.extend([0xbe, 0xde, 0, words]);
            plain.extend(vec![3; usize::from(words) * 4]);
        }
        let header_len = plain.len();
        plain.extend(payload);
        let mut packet = protect(&outbound(profile), plain.clone(), header_len, 0);
        let (len, index) = inbound(profile).unprotect_rtp(&mut packet).expect("authentic");
        prop_assert_eq!(index, u64::from(sequence));
        prop_assert_eq!(&packet[..len], &plain[..]);
    }

    #[test]
    fn no_bytes_panic_or_pass(mut bytes: Vec<u8>, gcm: bool) {
        let mut inbound = inbound(PROFILES[usize::from(gcm)]);
        prop_assert!(inbound.unprotect_rtp(&mut bytes.clone()).is_err());
        prop_assert!(inbound.unprotect_rtcp(&mut bytes).is_err());
    }

    #[test]
    fn a_shuffled_stream_within_the_window_arrives_whole(start in 0_u64..200_000, mut order in Just((0..60_u64).collect::<Vec<_>>()).prop_shuffle()) {
        let profile = Profile::AeadAes128Gcm;
        let mut inbound = inbound(profile);
        for index in (0..start).step_by(20_000) {
            prop_assert_eq!(receive(&mut inbound, profile, index), Ok(index));
        }
        // The start is the first that arrives, so that its counter is known.
        prop_assert_eq!(receive(&mut inbound, profile, start), Ok(start));
        order.retain(|step| *step > 0);
        for step in order {
            prop_assert_eq!(receive(&mut inbound, profile, start + step), Ok(start + step));
        }
    }
}
