//! How endpoints behave in a call with a router, on virtual time.

use std::time::Duration;

use _core::load::config::ReceivedTrack;
use _core::load::events::LoadEvent;
use _core::load::link::LinkConfig;
use _core::load::totals::Totals;
use _core::rtp::{OutHeader, write_header};
use _core::time::Instant;

use crate::call::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn call(receivers: u32, link: LinkConfig) -> Call {
    let mut call = Call::new(vec![video(3_000, 2_000)]);
    call.with_receivers(1, receivers, link);
    call
}

fn loss(loss: f64) -> LinkConfig {
    LinkConfig {
        loss,
        ..LinkConfig::default()
    }
}

/// Lets `fate` decide on every media packet of the receivers' video, by its number from 0.
fn tamper_video(call: &mut Call, mut fate: impl FnMut(u64, &mut Vec<u8>) -> Fate + 'static) {
    let mut number = 0;
    call.tamper = Some(Box::new(move |_, bytes| {
        if !is_video(bytes) {
            return Fate::Delivered;
        }
        number += 1;
        fate(number - 1, bytes)
    }));
}

fn faults(totals: &Totals) -> [u64; 7] {
    [
        totals.lost(),
        totals.duplicated,
        totals.out_of_order,
        totals.corrupt,
        totals.replayed_or_forged,
        totals.unmapped,
        totals.freezes,
    ]
}

#[test]
fn one_publisher_reaches_three_receivers_whole_in_order_and_intact() {
    let mut call = call(3, LinkConfig::default());
    call.run(seconds(10));
    let totals = call.totals();
    // 50 packets of sound and 61 of video a second, and the first of the eleventh.
    assert!((1_110..=1_112).contains(&totals.packets_sent), "{totals:?}");
    assert_eq!(totals.packets_received, 3 * totals.packets_sent);
    assert_eq!(totals.expected, totals.packets_received);
    assert_eq!(faults(&totals), [0; 7], "{totals:?}");
    let asked = totals.keyframe_requests_sent + totals.nacks_sent;
    assert_eq!(asked, 0, "{totals:?}");
    assert!(totals.checked > totals.packets_received / 5, "{totals:?}");
    assert_eq!(totals.frames_received, 3 * 300);
}

#[test]
fn events_tell_of_the_connection_and_of_each_m_lines_first_packet() {
    let mut call = call(1, LinkConfig::default());
    call.run(seconds(1));
    let at = Instant::from_millis(1_000);
    assert_eq!(
        call.events[..2],
        [0, 1].map(|endpoint| LoadEvent::Connected { endpoint, at })
    );
    let mut first: Vec<_> = call.events[2..]
        .iter()
        .map(|event| match event {
            LoadEvent::FirstMedia {
                endpoint: 1, mid, ..
            } => mid.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    first.sort_unstable();
    assert_eq!(first, ["sa", "sv"]);
}

#[test]
fn delay_is_that_of_the_link() {
    let delay = Duration::from_millis(30);
    let link = LinkConfig {
        delay,
        ..LinkConfig::default()
    };
    let mut call = call(2, link);
    call.run(seconds(5));
    let snapshot = call.fleet.snapshot(call.now);
    assert!(snapshot.delay_us.count() > 100);
    // Timers go off at multiples of half a millisecond.
    assert!((30_000..=31_000).contains(&snapshot.delay_us.min()));
    assert!((30_000..=31_000).contains(&snapshot.delay_us.max()));
    let stats = call.fleet.stats();
    assert!(
        stats[1]
            .rtt
            .is_some_and(|rtt| rtt.as_millis() >= 60 && rtt.as_millis() <= 62)
    );
    assert!(stats[1].delay_p50_us >= 30_000.0);
}

#[test]
fn what_an_emulated_link_loses_is_asked_for_and_comes_again() {
    let mut call = call(3, loss(0.05));
    call.run(seconds(20));
    let totals = call.totals();
    let dropped = totals.emulated_drops;
    assert!(dropped > 100, "{totals:?}");
    assert!(totals.nacks_sent > 80, "{totals:?}");
    assert!(totals.recovered * 10 > totals.nacks_sent * 8, "{totals:?}");
    // Sound is not asked for again, so that about 3 x 1,000 x 5 % of it stays lost.
    assert!((100..220).contains(&totals.lost()), "{totals:?}");
    assert_eq!((totals.corrupt, totals.freezes), (0, 0), "{totals:?}");
}

#[test]
fn what_the_publishers_link_loses_it_sends_again_when_asked() {
    let mut call = Call::new(vec![video(3_000, 2_000)]);
    call.join(0, &media(sends(1), vec![]), loss(0.05));
    call.join(1, &media(vec![], receives()), LinkConfig::default());
    call.show(1, 0);
    call.run(seconds(20));
    let totals = call.totals();
    assert!(
        totals.nacks_received > 40 && totals.retransmitted > 40,
        "{totals:?}"
    );
    assert_eq!(totals.corrupt, 0);
    assert_eq!(call.router.counters().malformed, 0);
    assert!(call.router.counters().rtx_recovered > 40);
}

#[test]
fn a_payload_that_is_not_what_was_sent_is_corrupt_under_a_right_tag() {
    let mut call = call(1, LinkConfig::default());
    call.run(seconds(1));
    // With the server's own keys, but for one octet.
    let (mut opening, sealing) = (keys(1, false).0, keys(1, true).1);
    tamper_video(&mut call, move |number, bytes| {
        if (20..28).contains(&number) {
            let (len, index) = opening.unprotect_rtp(bytes).expect("authentic");
            let header_len = _core::rtp::Clear::parse(bytes).expect("RTP").header_len;
            bytes[header_len + 100] ^= 1;
            bytes.resize(len + 32, 0);
            let len = sealing.protect_rtp(bytes, header_len, len, (index >> 16) as u32);
            bytes.truncate(len);
        }
        Fate::Delivered
    });
    call.run(seconds(1));
    // Every fourth packet is looked at.
    let totals = call.totals();
    assert_eq!(
        (totals.corrupt, totals.replayed_or_forged),
        (2, 0),
        "{totals:?}"
    );
}

#[test]
fn a_packet_changed_on_the_way_does_not_authenticate() {
    let mut call = call(1, LinkConfig::default());
    call.run(seconds(1));
    tamper_video(&mut call, |_, bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        Fate::Delivered
    });
    call.run(seconds(2));
    let totals = call.totals();
    assert!(totals.replayed_or_forged >= 30, "{totals:?}");
    assert_eq!(totals.corrupt, 0);
}

#[test]
fn duplicates_and_latecomers_are_counted_apart() {
    let mut call = call(1, LinkConfig::default());
    tamper_video(&mut call, |number, _| {
        if number % 10 == 3 {
            Fate::Doubled
        } else {
            Fate::Delivered
        }
    });
    call.run(seconds(10));
    let totals = call.totals();
    assert!((58..=62).contains(&totals.duplicated), "{totals:?}");
    assert_eq!(
        totals.expected, totals.packets_received,
        "each counts once: {totals:?}"
    );
}

#[test]
fn a_receiver_without_nack_asks_for_a_keyframe_after_a_loss_and_the_publisher_makes_one() {
    let mut call = Call::new(vec![video(3_000, 2_000)]);
    call.join(0, &media(sends(1), vec![]), LinkConfig::default());
    let plain: Vec<ReceivedTrack> = receives()
        .into_iter()
        .map(|track| ReceivedTrack {
            nack: false,
            ..track
        })
        .collect();
    call.join(1, &media(vec![], plain), LinkConfig::default());
    call.show(1, 0);
    // The 40th packet is of a frame two thirds of a second in.
    tamper_video(&mut call, |number, _| {
        if number == 40 {
            Fate::Lost
        } else {
            Fate::Delivered
        }
    });
    call.run(Duration::from_millis(980));
    let totals = call.totals();
    assert_eq!(
        (totals.lost(), totals.keyframe_requests_sent),
        (1, 1),
        "{totals:?}"
    );
    assert_eq!(
        (totals.keyframe_requests_received, totals.nacks_sent),
        (1, 0)
    );
    // 50 of sound, 30 frames of two packets, and one more in each of two keyframes: the clip's own, and what was asked for.
    assert_eq!(
        call.of(1).packets_received,
        50 + 60 + 2 - 1,
        "{:?}",
        call.of(1)
    );
}

#[test]
fn a_picture_that_stands_still_is_a_freeze_and_a_pause_is_none() {
    let mut call = call(1, LinkConfig::default());
    call.run(seconds(2));
    call.fleet.set_sending(0, "v", false, call.now);
    call.run(seconds(2));
    call.fleet.set_sending(0, "v", true, call.now);
    call.run(seconds(2));
    assert_eq!(faults(&call.totals()), [0; 7], "{:?}", call.totals());
    let mut left = 30;
    tamper_video(&mut call, move |_, _| {
        left -= i32::from(left > 0);
        if left > 0 {
            Fate::Lost
        } else {
            Fate::Delivered
        }
    });
    call.run(seconds(3));
    let totals = call.totals();
    assert_eq!(totals.freezes, 1, "{totals:?}");
    assert!(
        (400_000_000..1_700_000_000).contains(&totals.freeze_ns),
        "{totals:?}"
    );
}

#[test]
fn layers_of_simulcast_are_told_apart_by_the_server_and_the_best_one_comes() {
    let mut call = Call::new(vec![video(600, 400), video(3_000, 2_000)]);
    call.with_receivers(2, 1, LinkConfig::default());
    call.run(seconds(5));
    let track = &call.router.stats(call.now)[0].tracks[1];
    let layers: Vec<_> = track
        .layers
        .iter()
        .map(|layer| (layer.rid.as_deref(), layer.ssrc, layer.active))
        .collect();
    assert_eq!(
        layers,
        [(Some("r0"), Some(100), true), (Some("r1"), Some(101), true)]
    );
    let totals = call.of(1);
    assert_eq!(
        (totals.corrupt, totals.lost(), totals.freezes),
        (0, 0, 0),
        "{totals:?}"
    );
    // 2,000 octets a frame, not 400.
    assert!(totals.octets_received > 200_000, "{totals:?}");
}

#[test]
fn a_layer_that_nobody_takes_is_not_sent_and_begins_with_a_keyframe_when_it_is_taken_again() {
    let mut call = Call::new(vec![video(600, 400), video(3_000, 2_000)]);
    call.with_receivers(2, 1, LinkConfig::default());
    call.run(seconds(5));
    let sent = |call: &Call| {
        let track = &call.router.stats(call.now)[0].tracks[1];
        [0, 1].map(|layer| track.layers[layer].packets)
    };
    let rids = |all: &[&str]| all.iter().map(|&rid| rid.to_owned()).collect::<Vec<_>>();
    call.fleet.set_layers(0, "v", &rids(&["r0"]), call.now);
    call.run(Duration::from_millis(100)); // What the pacer has begun.
    let before = sent(&call);
    call.run(seconds(3));
    let after = sent(&call);
    assert!(after[0] >= before[0] + 85, "{before:?} {after:?}");
    assert_eq!(after[1], before[1]);
    assert_eq!(call.router.stats(call.now)[1].senders[1].layer, Some(0));
    call.fleet
        .set_layers(0, "v", &rids(&["r1", "r0"]), call.now);
    // It stopped though the server had not said so, and has to stay for some time before it is shown.
    call.run(seconds(5));
    assert_eq!(call.router.stats(call.now)[1].senders[1].layer, Some(1));
    let totals = call.of(1);
    assert_eq!((totals.corrupt, totals.lost()), (0, 0), "{totals:?}");
    call.fleet.set_layers(0, "v", &[], call.now);
    call.run(Duration::from_millis(100));
    let before = sent(&call);
    call.run(seconds(2));
    assert_eq!(sent(&call), before);
}

#[test]
fn a_layer_without_a_rid_has_an_empty_one() {
    let mut call = call(1, LinkConfig::default());
    call.run(seconds(1));
    call.fleet.set_layers(0, "v", &[String::new()], call.now);
    let before = call.totals().packets_sent;
    call.run(seconds(1));
    let with_video = call.totals().packets_sent - before;
    call.fleet.set_layers(0, "v", &[], call.now);
    call.run(seconds(1));
    let alone = call.totals().packets_sent - before - with_video;
    assert!(with_video > 100 && (48..=52).contains(&alone), "{alone}");
}

#[test]
fn streams_that_were_not_announced_are_learned_from_their_mids() {
    let mut call = Call::new(vec![video(3_000, 2_000)]);
    call.join(0, &media(sends(1), vec![]), LinkConfig::default());
    let unknown = receives().into_iter().map(|track| ReceivedTrack {
        ssrc: None,
        rtx_ssrc: None,
        ..track
    });
    call.join(1, &media(vec![], unknown.collect()), loss(0.05));
    call.show(1, 0);
    call.run(seconds(5));
    let totals = call.of(1);
    assert!(
        totals.packets_received > 400 && totals.recovered > 5,
        "{totals:?}"
    );
    assert_eq!(totals.unmapped, 0);
}

#[test]
fn packets_with_a_transport_wide_number_are_told_of_in_feedback() {
    let mut call = call(1, LinkConfig::default());
    call.run(seconds(1));
    assert_eq!(call.router.counters().feedback_in, 0);
    let (_, sealing) = keys(1, true);
    for number in 0..5_u16 {
        let header = OutHeader {
            payload_type: 111,
            sequence: number,
            ssrc: 5_555,
            mid: Some((1, b"sa")),
            extensions: &[(4, &number.to_be_bytes())],
            ..OutHeader::default()
        };
        let mut bytes = vec![0; 200];
        let start = write_header(&mut bytes, &header);
        let len = sealing.protect_rtp(&mut bytes, start, start + 60, 0);
        bytes.truncate(len);
        call.deliver(1, &mut bytes);
    }
    call.run(seconds(1));
    assert_eq!(call.router.counters().feedback_in, 1);
}

#[test]
fn reports_of_receivers_reach_the_server_and_measure_the_way_there_and_back() {
    let link = LinkConfig {
        delay: Duration::from_millis(30),
        ..LinkConfig::default()
    };
    let mut call = call(1, link);
    call.run(seconds(5));
    let rtt = call.router.stats(call.now)[1].rtt;
    assert!(
        rtt.is_some_and(|rtt| (59..=62).contains(&rtt.as_millis())),
        "{rtt:?}"
    );
}

#[test]
fn an_endpoint_without_a_server_is_given_up_after_ten_seconds() {
    let mut call = call(1, LinkConfig::default());
    call.tamper = Some(Box::new(|_, _| Fate::Lost));
    call.run(Duration::from_millis(9_900));
    assert_eq!(call.events, []);
    call.run(seconds(1));
    assert_eq!(
        call.events,
        [0, 1].map(|endpoint| LoadEvent::Lost { endpoint })
    );
}

#[test]
fn a_server_that_falls_silent_is_given_up_after_thirty_and_nothing_is_sent_any_more() {
    let mut call = call(1, LinkConfig::default());
    call.run(seconds(5));
    call.events.clear();
    call.tamper = Some(Box::new(|_, _| Fate::Lost));
    call.run(seconds(31));
    assert_eq!(call.events.len(), 2);
    let sent = call.totals().packets_sent;
    call.run(seconds(5));
    assert_eq!(call.totals().packets_sent, sent);
}

#[test]
fn a_reset_begins_the_counts_anew_and_a_removed_endpoints_counts_stay() {
    let mut call = call(2, LinkConfig::default());
    call.run(seconds(2));
    call.fleet.reset();
    assert_eq!(call.totals(), Totals::default());
    call.run(seconds(2));
    let before = call.totals();
    assert_eq!(before.lost(), 0, "what is counted begins with the reset");
    call.fleet.remove(2);
    assert_eq!(call.totals(), before);
    assert_eq!(call.fleet.stats().len(), 2);
    call.run(seconds(1));
    let (going_on, removed) = (call.of(1).packets_received, before.packets_received / 2);
    assert!(going_on > removed);
    assert_eq!(call.totals().packets_received, going_on + removed);
}

#[test]
fn media_set_again_goes_on_with_the_same_numbers() {
    let mut call = call(1, LinkConfig::default());
    call.run(seconds(2));
    call.fleet.set_media(0, &media(sends(1), vec![]), call.now);
    call.fleet
        .set_media(1, &media(vec![], receives()), call.now);
    call.run(seconds(2));
    let totals = call.totals();
    assert_eq!(faults(&totals), [0; 7], "{totals:?}");
    assert!(totals.packets_received > 430, "{totals:?}");
}
