//! A server that lies, and strangers: nothing an endpoint is sent makes it panic, grow, or lose its call.

use std::time::Duration;

use _core::demux::Path;
use _core::load::fleet::Fleet;
use _core::load::link::LinkConfig;
use _core::rtp::{self, OutHeader};
use _core::srtp::{Inbound, Outbound};
use _core::stun;
use proptest::prelude::*;

use crate::call::*;

fn call() -> Call {
    let mut call = Call::new(vec![video(3_000, 2_000)]);
    call.with_receivers(1, 1, LinkConfig::default());
    call.run(Duration::from_millis(500));
    call
}

/// What the server of endpoint 1 seals with, in a stream of its own so that no index is used twice.
fn sealing() -> Outbound {
    let (_, sealing): (Inbound, Outbound) = keys(1, true);
    sealing
}

#[derive(Clone, Debug)]
enum Attack {
    Noise(Vec<u8>),
    Stun(Vec<u8>),
    Media {
        ssrc: u32,
        payload_type: u8,
        sequence: u16,
        roc: u32,
        padding: bool,
        mid: Vec<u8>,
        payload: Vec<u8>,
    },
    Control {
        kind: u8,
        format: u8,
        about: u32,
        body: Vec<u8>,
    },
}

fn attack() -> impl Strategy<Value = Attack> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
    let media = (
        prop::sample::select(vec![1_000, 1_001, 1_002, 9_999]),
        prop::sample::select(vec![96, 97, 111, 0]),
        any::<u16>(),
        0..3_u32,
        any::<bool>(),
        prop::sample::select(vec![b"sv".to_vec(), b"sa".to_vec(), vec![], vec![0xff]]),
        bytes(200),
    );
    let control = (
        200..208_u8,
        0..32_u8,
        prop::sample::select(vec![50, 100, 1_001, 7]),
        bytes(100),
    );
    prop_oneof![
        bytes(300).prop_map(Attack::Noise),
        bytes(100).prop_map(Attack::Stun),
        media.prop_map(
            |(ssrc, payload_type, sequence, roc, padding, mid, payload)| Attack::Media {
                ssrc,
                payload_type,
                sequence,
                roc,
                padding,
                mid,
                payload,
            }
        ),
        control.prop_map(|(kind, format, about, body)| Attack::Control {
            kind,
            format,
            about,
            body
        }),
    ]
}

fn datagram(attack: &Attack, sealing: &mut Outbound) -> Vec<u8> {
    let mut out = vec![0; 1_600];
    let len = match attack {
        Attack::Noise(bytes) => return bytes.clone(),
        Attack::Stun(bytes) => {
            out[..2].copy_from_slice(&[0, 1]);
            out[2..4].copy_from_slice(&(bytes.len() as u16).to_be_bytes());
            out[4..8].copy_from_slice(&stun::MAGIC_COOKIE.to_be_bytes());
            out[20..20 + bytes.len()].copy_from_slice(bytes);
            20 + bytes.len()
        }
        Attack::Media {
            ssrc,
            payload_type,
            sequence,
            roc,
            padding,
            mid,
            payload,
        } => {
            let header = OutHeader {
                payload_type: *payload_type,
                sequence: *sequence,
                ssrc: *ssrc,
                padding: *padding,
                mid: Some((1, mid)),
                ..OutHeader::default()
            };
            let start = rtp::write_header(&mut out, &header);
            let end = start + payload.len();
            out[start..end].copy_from_slice(payload);
            sealing.protect_rtp(&mut out, start, end, *roc)
        }
        Attack::Control {
            kind,
            format,
            about,
            body,
        } => {
            let words = (body.len() / 4 + 2) as u16;
            out[..2].copy_from_slice(&[0x80 | format, *kind]);
            out[2..4].copy_from_slice(&words.to_be_bytes());
            out[8..12].copy_from_slice(&about.to_be_bytes());
            let len = 4 + usize::from(words) * 4;
            out[12..len].copy_from_slice(&body[..len - 12]);
            sealing.protect_rtcp(&mut out, len)
        }
    };
    out.truncate(len);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_datagram_of_a_lying_server_hurts_the_others(attacks in prop::collection::vec(attack(), 1..100)) {
        let mut call = call();
        call.join(2, &media(vec![], receives()), LinkConfig::default());
        call.show(2, 0);
        let mut sealing = sealing();
        for attack in &attacks {
            let mut bytes = datagram(attack, &mut sealing);
            for endpoint in [0, 1] {
                call.deliver(endpoint, &mut bytes.clone());
            }
            call.deliver(1, &mut bytes);
            call.run(Duration::from_millis(5));
        }
        call.run(Duration::from_secs(1));
        let other = call.of(2);
        prop_assert!(other.packets_received > 50);
        prop_assert_eq!((other.lost(), other.corrupt, other.unmapped), (0, 0, 0));
    }
}

#[test]
fn strangers_are_not_heard_whatever_they_send() {
    let mut call = call();
    let before = call.totals();
    for remote in [([127, 0, 0, 1], 5_001), ([127, 0, 0, 9], 5_000)] {
        let path = Path {
            remote: remote.into(),
            local: Some(Fleet::address_of(1).into()),
        };
        for first in [0, 22, 0x80] {
            let mut bytes = vec![first; 60];
            call.fleet
                .receive(1, &path, &mut bytes, &mut call.egress, call.now);
        }
    }
    assert_eq!(call.totals(), before);
    assert!(call.egress.is_empty() && call.fleet.events().is_empty());
}

#[test]
fn a_server_that_asks_for_everything_again_gets_each_packet_once_in_a_while() {
    let mut call = call();
    let (_, mut sealing) = keys(0, true);
    let sent = call.of(0).packets_sent;
    for _ in 0..50 {
        let mut out = vec![0; 1_600];
        let all: Vec<u16> = (0..=u16::MAX).step_by(7).take(200).collect();
        let len = _core::rtcp::write_nack(&mut out, 1, 100, &all);
        let len = sealing.protect_rtcp(&mut out, len);
        out.truncate(len);
        call.deliver(0, &mut out);
    }
    let totals = call.of(0);
    // The first few repeat numbers that the real server has used, and are not looked at.
    assert!(totals.nacks_received > 40 * 200, "{totals:?}");
    assert!(totals.retransmitted <= sent, "{totals:?}");
}
