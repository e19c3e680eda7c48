//! What either side is told of the other: reports, clocks, round trips, transport-wide feedback.

use std::time::Duration;

use crate::call::{call, send_frames, sender_reports, speak};
use crate::support::*;
use _core::rtcp::{self, SenderInfo};
use _core::time::{Instant, Ntp};
use _core::twcc::Feedback;
use _core::xr::{Delay, write_delay, write_reference_time};

#[test]
fn sender_reports_keep_lips_with_voices() {
    let mut world = World::new();
    let alice = world.connect(publisher());
    let bob = world.connect(viewer());
    world.show(bob, "sv", Some((alice, "v")));
    world.show(bob, "sa", Some((alice, "a")));
    let mut camera = Camera::new(alice, 7);
    // The publisher's wall clock is far away; both of its streams show the moment 0 at these timestamps.
    let theirs = _core::time::Ntp::from_unix(Duration::from_secs(77));
    let (video_zero, audio_zero) = (camera.timestamp, 123_456u32);
    let start = world.now;
    for index in 0..120u64 {
        let passed = world.now.saturating_since(start);
        camera.timestamp = video_zero + (passed.as_millis() * 90) as u32;
        speak(
            &mut world,
            alice,
            index,
            audio_zero + (passed.as_millis() * 48) as u32,
            30,
        );
        camera.send(&mut world, index == 0);
        // Reports of the two streams at different times, both late by something else.
        let passed = world.now.saturating_since(start);
        let ms = passed.as_millis() as u32;
        let report = |ssrc, zero: u32, rate: u32| SenderInfo {
            ssrc,
            ntp: theirs + passed,
            rtp_timestamp: zero + ms * rate,
            packets: 0,
            octets: 0,
        };
        if index % 30 == 20 {
            world.run(7);
            world.rtcp(alice, |out| {
                rtcp::write_sender_report(out, &report(7, video_zero, 90), &[])
            });
        }
        if index % 30 == 25 {
            world.run(90);
            world.rtcp(alice, |out| {
                rtcp::write_sender_report(out, &report(8, audio_zero, 48), &[])
            });
        }
    }
    world.run(1_000);
    let media = world.take_media(bob);
    let control = world.take_control(bob);
    let (ntp_v, rtp_v) = *sender_reports(&control, 100).last().expect("video reports");
    let (ntp_a, rtp_a) = *sender_reports(&control, 200).last().expect("audio reports");
    assert!(control.contains(&(control[0].0, Control::Cname(100, "seat".into()))));
    // Each report, carried back to the publisher's moment 0 by its own stream, must name the same wall-clock time.
    let first_v = media
        .iter()
        .find(|one| one.ssrc == 100)
        .expect("video")
        .timestamp;
    let first_a = media
        .iter()
        .find(|one| one.ssrc == 200)
        .expect("audio")
        .timestamp;
    let back_v = Duration::from_secs_f64(f64::from(rtp_v.wrapping_sub(first_v)) / 90_000.0);
    let back_a = Duration::from_secs_f64(f64::from(rtp_a.wrapping_sub(first_a)) / 48_000.0);
    let zero_v = ntp_v.saturating_duration_since(wall()) - back_v;
    let zero_a = ntp_a.saturating_duration_since(wall()) - back_a;
    let apart = zero_v.abs_diff(zero_a);
    assert!(apart < Duration::from_millis(1), "{apart:?}");
}

#[test]
fn a_report_follows_each_switch_and_each_second() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    let report = SenderInfo {
        ssrc: 7,
        ntp: wall(),
        rtp_timestamp: camera.timestamp,
        packets: 6,
        octets: 300,
    };
    world.rtcp(camera.client, |out| {
        rtcp::write_sender_report(out, &report, &[])
    });
    assert_eq!(sender_reports(&world.take_control(bob), 100).len(), 1);
    world.run(5_000);
    assert_eq!(sender_reports(&world.take_control(bob), 100).len(), 5);
    world.show(bob, "sv", None);
    world.show(bob, "sv", Some((camera.client, "v")));
    for packet in camera.frame(&world, true) {
        world.raw(world.clients[camera.client].path, &packet);
    }
    assert_eq!(sender_reports(&world.take_control(bob), 100).len(), 1);
}

#[test]
fn publishers_get_receiver_reports_and_transport_wide_feedback() {
    let (mut world, mut camera, _) = call();
    camera.twcc = Some(65_500);
    for index in 0..60 {
        let frame = camera.frame(&world, index == 0);
        let skip = usize::from(index % 10 == 9);
        for packet in frame.iter().skip(skip) {
            world.raw(world.clients[camera.client].path, packet);
        }
        world.run(33);
    }
    let control = world.take_control(camera.client);
    let blocks: Vec<_> = control
        .iter()
        .filter_map(|(_, one)| match one {
            Control::ReceiverReport(blocks) => blocks.first(),
            _ => None,
        })
        .collect();
    assert!(
        blocks
            .last()
            .is_some_and(|block| block.ssrc == 7 && block.cumulative_lost > 0)
    );
    let mut arrived = 0;
    let mut feedbacks = 0;
    for (_, one) in &control {
        if let Control::TransportCc(body) = one {
            feedbacks += 1;
            let feedback = Feedback::parse(body).expect("well-formed");
            arrived += feedback
                .statuses()
                .filter(|status| status.arrival.is_some())
                .count();
        }
    }
    assert!((18..=40).contains(&feedbacks), "{feedbacks}");
    assert!(arrived >= 105, "{arrived}");
}

#[test]
fn the_round_trip_is_taken_from_receiver_reports() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    let report = SenderInfo {
        ssrc: 7,
        ntp: wall(),
        rtp_timestamp: 0,
        packets: 0,
        octets: 0,
    };
    world.rtcp(camera.client, |out| {
        rtcp::write_sender_report(out, &report, &[])
    });
    let (ntp, _) = sender_reports(&world.take_control(bob), 100)[0];
    world.run(80);
    let block = rtcp::ReportBlock {
        ssrc: 100,
        fraction_lost: 64,
        cumulative_lost: 3,
        highest_sequence: 0,
        jitter: 900,
        last_sr: ntp.middle32(),
        delay_since_last_sr: rtcp::to_compact(Duration::from_millis(30)),
    };
    world.rtcp(bob, |out| rtcp::write_receiver_report(out, 1, &[block]));
    let stats = world.router.stats(world.now);
    let rtt = stats[1].rtt.expect("measured").as_millis();
    assert!((49..=51).contains(&rtt), "{rtt}");
    let sender = &stats[1].senders[0];
    assert_eq!(
        (sender.fraction_lost, sender.jitter.as_millis()),
        (0.25, 10)
    );
}

#[test]
fn the_round_trip_to_one_who_receives_nothing_is_taken_from_the_answer_to_our_time() {
    let (mut world, mut camera, _) = call();
    for _ in 0..12 {
        send_frames(&mut world, &mut camera, 3);
    }
    let told = |world: &mut World| {
        let control = world.take_control(camera.client);
        control.iter().rev().find_map(|&(at, ref one)| match one {
            Control::Time(ssrc, ntp) => Some((at, *ssrc, *ntp)),
            _ => None,
        })
    };
    let (at, ssrc, ntp) = told(&mut world).expect("with the reports");
    assert_eq!(ntp, wall() + Duration::from_millis(at));
    world.run(80);
    let waited = world.now.saturating_since(Instant::from_millis(at));
    let answer = |ssrc: u32, trip: Duration| Delay {
        ssrc,
        last: ntp.middle32(),
        since: rtcp::to_compact(waited - trip),
    };
    let others = answer(ssrc + 1, Duration::from_millis(70));
    world.rtcp(camera.client, |out| write_delay(out, 7, others));
    assert_eq!(world.router.stats(world.now)[0].rtt, None);
    let ours = answer(ssrc, Duration::from_millis(40));
    world.rtcp(camera.client, |out| write_delay(out, 7, ours));
    let rtt = world.router.stats(world.now)[0].rtt.expect("measured");
    assert!((39..=41).contains(&rtt.as_millis()), "{rtt:?}");
}

#[test]
fn a_receiver_that_tells_its_time_hears_with_the_next_reports_how_long_ago_that_was() {
    let (mut world, _, bob) = call();
    world.run(1_500);
    world.take_control(bob);
    let theirs = Ntp::from_bits(0x1112_1314_2122_2324);
    let sent = world.now;
    world.rtcp(bob, |out| write_reference_time(out, 0xb0b, theirs));
    world.run(2_500);
    let control = world.take_control(bob);
    let answers: Vec<_> = control
        .iter()
        .filter_map(|(at, one)| match one {
            Control::Delays(delays) => Some((*at, delays.clone())),
            _ => None,
        })
        .collect();
    let [(at, delays)] = &answers[..] else {
        panic!("once: {answers:?}");
    };
    let waited = Instant::from_millis(*at).saturating_since(sent);
    assert!(waited <= Duration::from_secs(1), "{waited:?}");
    let expected = Delay {
        ssrc: 0xb0b,
        last: 0x1314_2122,
        since: rtcp::to_compact(waited),
    };
    assert_eq!(delays, &[expected]);
}
