//! Datagrams at random: bytes out of nowhere and well-formed packets with something changed.
//!
//! The same seed each run, so that a failure comes again. 10^6 datagrams in release builds, 10^5 otherwise;
//! `fuzz/` holds the targets for coverage-guided fuzzing.

use _core::codec::{Codec, vp8, vp9};
use _core::rtcp::{
    Pli, ReportBlock, Rtcp, compound, write_nack, write_pli, write_receiver_report, write_sdes,
};
use _core::rtp::{Clear, OutHeader, Packet, write_header};
use _core::srtp::{Inbound, Outbound, Profile};
use _core::stun::{
    BindingRequest, OutRequest, Response, Role, StunKey, write_request, write_success,
};
use _core::time::{Instant, Ntp};
use _core::twcc::{Feedback, Recorder};
use _core::xr::{Delay, write_delay, write_reference_time};

const DATAGRAMS: u32 = if cfg!(debug_assertions) {
    100_000
} else {
    1_000_000
};
const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::Aes128CmHmacSha1_80];

/// xorshift64*: good enough to choose bytes, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % bound.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }

    /// One to four changes: an octet, a bit, a cut, an insertion, a copy over another place.
    fn mutate(&mut self, datagram: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(datagram.len());
            match self.below(6) {
                0 => datagram.truncate(at),
                1 => datagram.insert(at, self.next().to_be_bytes()[1]),
                2 if !datagram.is_empty() => datagram[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                3 if !datagram.is_empty() => datagram[at] ^= 1 << self.below(8),
                4 if !datagram.is_empty() => datagram[at] = self.byte(),
                _ => datagram.extend_from_within(at..),
            }
        }
    }
}

fn made(write: impl FnOnce(&mut [u8]) -> usize) -> Vec<u8> {
    let mut out = vec![0; 2000];
    let length = write(&mut out);
    out.truncate(length);
    out
}

fn key() -> StunKey {
    StunKey::new("password")
}

fn rtp(two_byte: bool, payload: &[u8]) -> Vec<u8> {
    let long = [7; 20];
    let extensions: [(u8, &[u8]); 2] = [(3, &[1, 2]), (4, if two_byte { &long } else { &[5] })];
    let header = OutHeader {
        mid: Some((1, b"0")),
        extensions: &extensions,
        ..OutHeader::default()
    };
    let mut packet = made(|out| write_header(out, &header));
    packet.extend_from_slice(payload);
    packet
}

fn transport_cc() -> Vec<u8> {
    let mut recorder = Recorder::new();
    for seq in (0..200_u16).filter(|seq| seq % 5 != 2) {
        recorder.record(
            1,
            seq,
            Instant::from_millis(u64::from(seq) * u64::from(seq)),
        );
    }
    made(|out| {
        recorder
            .write_feedback(out, 2, Instant::from_millis(50_000))
            .unwrap_or(0)
    })
}

/// One of everything that a peer may send.
fn corpus() -> Vec<Vec<u8>> {
    let check = OutRequest {
        transaction_id: [1; 12],
        username: "ours:theirs",
        priority: 1,
        role: Role::Controlling(2),
        use_candidate: true,
    };
    let address = "192.0.2.1:5000".parse().expect("an address");
    let reports = [
        made(|out| write_receiver_report(out, 1, &[ReportBlock::default(); 2])),
        made(|out| write_sdes(out, 1, "name")),
        made(|out| write_nack(out, 1, 2, &[1, 2, 30])),
        made(|out| {
            write_pli(
                out,
                Pli {
                    sender_ssrc: 1,
                    media_ssrc: 2,
                },
            )
        }),
        made(|out| write_reference_time(out, 1, Ntp::from_bits(7 << 40))),
        made(|out| {
            let delay = Delay {
                ssrc: 2,
                last: 3,
                since: 4,
            };
            write_delay(out, 1, delay)
        }),
    ];
    let remb = [
        0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 0xff, 0xff, 0xff, 0, 0,
        0, 7,
    ];
    let mut corpus = vec![
        made(|out| write_request(out, &check, &key())),
        made(|out| write_success(out, &[1; 12], address, &key())),
        rtp(false, &[0x90, 0xf0, 0x92, 0x34, 7, 0xa9, 0x10, 1, 2, 3]),
        rtp(true, &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce]),
        rtp(
            false,
            &[
                0xae, 0x92, 0x34, 0x53, 7, 0x18, 1, 64, 0, 180, 1, 0x14, 4, 0x82, 0x49,
            ],
        ),
        rtp(
            false,
            &[
                0x28, 8, 0x08, 0, 0, 0, 0x24, 0x3c, 0xfe, 0xcc, 0x34, 0x48, 9,
            ],
        ),
        reports.concat(),
        remb.to_vec(),
        transport_cc(),
    ];
    corpus.extend(PROFILES.map(sealed_rtp));
    corpus.extend(PROFILES.map(sealed_rtcp));
    corpus
}

fn outbound(profile: Profile) -> Outbound {
    Outbound::new(profile, &[3; 16], &vec![4; profile.salt_len()]).expect("lengths of the profile")
}

fn sealed_rtp(profile: Profile) -> Vec<u8> {
    let plain = rtp(false, &[9; 50]);
    let header_len = Clear::parse(&plain).expect("well-formed").header_len;
    made(|out| {
        out[..plain.len()].copy_from_slice(&plain);
        outbound(profile).protect_rtp(out, header_len, plain.len(), 0)
    })
}

fn sealed_rtcp(profile: Profile) -> Vec<u8> {
    let plain = made(|out| write_receiver_report(out, 1, &[ReportBlock::default()]));
    made(|out| {
        out[..plain.len()].copy_from_slice(&plain);
        outbound(profile).protect_rtcp(out, plain.len())
    })
}

/// Everything that looks at what strangers and peers send.
struct Readers {
    key: StunKey,
    inbound: [Inbound; 2],
    scratch: Vec<u8>,
}

impl Readers {
    fn new() -> Self {
        let inbound = PROFILES.map(|profile| {
            Inbound::new(profile, &[3; 16], &vec![4; profile.salt_len()])
                .expect("lengths of the profile")
        });
        Self {
            key: key(),
            inbound,
            scratch: vec![0; 4000],
        }
    }

    /// Reads a datagram in every way; counts the ways in which it was authentic.
    fn read(&mut self, datagram: &[u8]) -> usize {
        let check = BindingRequest::parse(datagram).is_ok_and(|it| it.verify(&self.key));
        let answer = Response::parse(datagram).is_ok_and(|it| it.verify(&self.key));
        self.read_rtp(datagram);
        read_rtcp(datagram);
        let mut authentic = usize::from(check) + usize::from(answer);
        for inbound in &mut self.inbound {
            authentic += usize::from(inbound.unprotect_rtp(&mut datagram.to_vec()).is_ok());
            authentic += usize::from(inbound.unprotect_rtcp(&mut datagram.to_vec()).is_ok());
        }
        authentic
    }

    fn read_rtp(&mut self, datagram: &[u8]) {
        let Ok(packet) = Packet::parse(datagram) else {
            return;
        };
        assert!(packet.extensions().count() <= datagram.len());
        for codec in Codec::ALL {
            let _ = codec.inspect(packet.payload);
        }
        let most = packet.payload.len() + 1;
        assert!(vp8::rewrite(packet.payload, &mut self.scratch, 0x7fff) <= most);
        assert!(vp9::rewrite(packet.payload, &mut self.scratch, 0x7fff, 0xff) <= most);
    }
}

fn read_rtcp(datagram: &[u8]) {
    for packet in compound(datagram) {
        match packet {
            Ok(Rtcp::SenderReport(report)) => assert!(report.blocks.count() <= 31),
            Ok(Rtcp::ReceiverReport(report)) => assert!(report.blocks.count() <= 31),
            Ok(Rtcp::Sdes(sdes)) => assert!(sdes.cnames().count() <= datagram.len()),
            Ok(Rtcp::Bye(bye)) => assert!(bye.ssrcs().count() <= 31),
            Ok(Rtcp::Nack(nack)) => assert!(nack.lost().count() <= datagram.len() / 4 * 17),
            Ok(Rtcp::Fir(fir)) => assert!(fir.entries().count() <= datagram.len()),
            Ok(Rtcp::Remb(remb)) => assert!(remb.ssrcs().count() <= 255),
            Ok(Rtcp::Extended(report)) => assert!(report.count() <= datagram.len() / 4),
            Ok(Rtcp::TransportCc(packet)) => {
                if let Ok(feedback) = Feedback::parse(packet.body) {
                    assert_eq!(feedback.statuses().count(), usize::from(feedback.count));
                }
            }
            Ok(Rtcp::Pli(_) | Rtcp::Other { .. }) | Err(_) => {}
        }
    }
}

#[test]
fn random_datagrams_are_survived_and_none_is_authentic() {
    let (mut random, mut readers) = (Random(0x5eed), Readers::new());
    for _ in 0..DATAGRAMS / 2 {
        let length = random.below(200);
        let mut datagram = random.bytes(length);
        if let Some(first) = datagram.first_mut() {
            *first = [*first, 0x80, 0x90, 0xa0, 0xb1, 0x81, 0x00][random.below(7)];
        }
        assert_eq!(readers.read(&datagram), 0, "{datagram:02x?}");
    }
}

#[test]
fn changed_packets_are_survived_and_none_is_authentic() {
    let (mut random, mut readers, corpus) = (Random(0xfeed), Readers::new(), corpus());
    for _ in 0..DATAGRAMS / 2 {
        let original = &corpus[random.below(corpus.len())];
        let mut datagram = original.clone();
        random.mutate(&mut datagram);
        let unchanged = corpus.contains(&datagram);
        // FINGERPRINT with another type is something optional that nobody reads (RFC 8489 §14.5).
        let only_fingerprint_differs = original.len() == datagram.len()
            && datagram.first() <= Some(&1)
            && original[..original.len() - 8] == datagram[..datagram.len() - 8];
        if !unchanged && !only_fingerprint_differs {
            assert_eq!(readers.read(&datagram), 0, "{datagram:02x?}");
        }
    }
}

#[test]
fn every_packet_of_the_corpus_is_what_it_should_be() {
    let authentic: Vec<usize> = corpus()
        .iter()
        .map(|datagram| Readers::new().read(datagram))
        .collect();
    assert_eq!(authentic, [1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
}
