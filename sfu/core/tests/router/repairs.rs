//! What is lost on either side is asked for and sent again.

use std::time::Duration;

use crate::call::{call, lose, nack, nacks, recover, send_frames};
use crate::links::{Narrow, Studio, company, run, seat, set_view};
use crate::support::*;
use _core::rtp::OutHeader;

#[test]
fn what_a_receiver_misses_is_sent_again_once_a_round_trip() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 10);
    let media = world.take_media(bob);
    let (third, ninth) = (&media[3], &media[9]);
    nack(&mut world, bob, 100, &[third.sequence, ninth.sequence]);
    nack(&mut world, bob, 100, &[third.sequence]);
    let again = world.take_media(bob);
    assert_eq!(again.len(), 2);
    for (rtx, original) in again.iter().zip([third, ninth]) {
        assert_eq!(
            (rtx.ssrc, rtx.payload_type, rtx.timestamp),
            (101, 107, original.timestamp)
        );
        assert_eq!(rtx.payload[..2], original.sequence.to_be_bytes());
        assert_eq!(rtx.payload[2..], original.payload);
        assert_eq!(rtx.mid.as_deref(), Some("sv"));
    }
    world.run(150);
    nack(&mut world, bob, 100, &[third.sequence]);
    assert_eq!(world.take_media(bob).len(), 1);
    assert_eq!(world.router.counters().retransmitted, 3);
}

#[test]
fn a_receiver_that_asks_without_end_gets_a_bounded_answer() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 200);
    let all: Vec<u16> = world
        .take_media(bob)
        .iter()
        .map(|one| one.sequence)
        .collect();
    for _ in 0..100 {
        nack(&mut world, bob, 100, &all[..200]);
        nack(&mut world, bob, 100, &all[200..]);
        world.run(10);
    }
    let again = world.take_media(bob).len();
    assert!((100..=700).contains(&again), "{again} packets in a second");
}

#[test]
fn without_rtx_a_packet_is_sent_again_under_its_own_number_and_is_the_same_to_the_bit() {
    let mut world = World::new();
    let alice = world.connect(publisher());
    let mut plain = viewer();
    plain.senders[0].rtx_ssrc = None;
    plain.senders[0]
        .codecs
        .iter_mut()
        .for_each(|codec| codec.rtx_payload_type = None);
    let bob = world.connect(plain);
    world.show(bob, "sv", Some((alice, "v")));
    let mut camera = Camera::new(alice, 7);
    send_frames(&mut world, &mut camera, 3);
    world.take_media(bob);
    // Sizes that would be padded for another receiver.
    world.tapped = Some(Vec::new());
    for size in [300, 301] {
        (camera.size, camera.packets_a_frame) = (size, 1);
        let packet = camera.frame(&world, false).remove(0);
        world.raw_in_batch(world.clients[alice].path, &packet);
    }
    world.pump();
    let sent = world.tapped.replace(Vec::new()).expect("tapped");
    let lost = u16::from_be_bytes([sent[0][2], sent[0][3]]);
    nack(&mut world, bob, 100, &[lost]);
    assert_eq!(world.tapped, Some(vec![sent[0].clone()]));
}

#[test]
fn probes_and_what_cannot_have_been_sent_yet_are_no_retransmissions() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    world.take_media(bob);
    for (sequence, payload) in [
        (1u16, &[][..]),
        (2, &[0]),
        (3, &[0x03, 0xe8]),
        (4, &[0x07, 0xd0, 0x90, 0x80, 1]),
    ] {
        let header = OutHeader {
            payload_type: 97,
            sequence,
            ssrc: 70,
            mid: Some((MID, b"v")),
            ..OutHeader::default()
        };
        world.rtp(camera.client, &header, 0, payload);
    }
    assert_eq!(world.take_media(bob).len(), 0);
    assert_eq!(world.router.counters().rtx_recovered, 0);
}

#[test]
fn what_a_publisher_lost_is_asked_for_and_mended() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    let lost = lose(&mut world, &mut camera);
    world.run(15);
    let asked: Vec<Control> = world
        .take_control(camera.client)
        .into_iter()
        .map(|(_, one)| one)
        .collect();
    assert!(asked.contains(&Control::Nack {
        ssrc: 7,
        lost: vec![lost.seq as u16]
    }));
    recover(&mut world, camera.client, &lost);
    let media = world.take_media(bob);
    assert_eq!(media.len(), 8);
    let numbers = unwrapped(&media);
    assert_eq!(numbers[6], numbers[7] + 1);
    assert_eq!(world.router.counters().rtx_recovered, 1);
    world.run(500);
    assert!(nacks(&world.take_control(camera.client)).is_empty());
}

#[test]
fn a_lost_packet_is_asked_for_twice_every_round_trip_and_then_given_up() {
    let (mut world, mut camera, _) = call();
    send_frames(&mut world, &mut camera, 3);
    camera.frame(&world, false);
    send_frames(&mut world, &mut camera, 1);
    world.run(3_000);
    let control = world.take_control(camera.client);
    let nacks = nacks(&control);
    let (firsts, repeats): (Vec<_>, Vec<_>) = nacks.chunks(2).map(|two| (two[0], two[1])).unzip();
    assert!((5..=10).contains(&firsts.len()), "{nacks:?}");
    let rounds = firsts.windows(2).map(|two| two[1] - two[0]);
    assert_eq!(rounds.collect::<Vec<_>>(), vec![120; firsts.len() - 1]);
    let again = firsts
        .iter()
        .zip(repeats)
        .map(|(first, again)| again - first);
    assert_eq!(again.collect::<Vec<_>>(), vec![10; firsts.len()]);
}

#[test]
fn a_core_that_has_fallen_behind_asks_and_sends_again_when_it_has_caught_up() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    let first = world.take_media(bob)[0].sequence;
    camera.frame(&world, false);
    send_frames(&mut world, &mut camera, 1);
    world.take_media(bob);
    let until = world.now + Duration::from_millis(100);
    world.router.put_off_repairs(until);
    world.take_control(camera.client);
    nack(&mut world, bob, 100, &[first]);
    world.run(99);
    let early = world.take_control(camera.client);
    assert!(nacks(&early).is_empty(), "{early:?}");
    assert_eq!(world.take_media(bob).len(), 0);
    world.run(9);
    assert_eq!(nacks(&world.take_control(camera.client)).len(), 1);
    nack(&mut world, bob, 100, &[first]);
    assert_eq!(world.take_media(bob).len(), 1);
    assert_eq!(world.router.counters().behind, 1);
}

#[test]
fn sound_without_rtx_is_counted_and_sent_again_the_same_to_the_bit() {
    let mut media = telling_viewer();
    media.senders[1].codecs[0].nack = true;
    let mut world = World::new();
    let alice = world.connect(publisher());
    let bob = world.connect(media);
    world.show(bob, "sa", Some((alice, "a")));
    let mut sent = Vec::new();
    for seq in 0..200_u64 {
        let header = _core::rtp::OutHeader {
            payload_type: 111,
            sequence: seq as u16,
            timestamp: seq as u32 * 960,
            ssrc: 9,
            mid: Some((MID, b"a")),
            ..Default::default()
        };
        world.rtp(alice, &header, 0, &[seq as u8; 60]);
        sent.append(&mut world.take_media(bob));
    }
    assert!(
        sent.windows(2)
            .all(|two| two[1].transport == two[0].transport.map(|number| number + 1))
    );
    world.tapped = Some(Vec::new());
    let ask = |world: &mut World, sequence: u16| {
        world.rtcp(bob, |out| _core::rtcp::write_nack(out, 1, 200, &[sequence]));
        world
            .tapped
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    };
    let again = ask(&mut world, sent[150].sequence);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].len(), sent[150].octets);
    let too_old = ask(&mut world, sent[60].sequence);
    assert!(too_old.is_empty(), "its number is forgotten");
    // The same to the bit: a client that has it already takes it for a replay, and one that has not can read it.
    let Some((header, _)) = _core::rtp::Packet::parse(&again[0])
        .ok()
        .map(|one| (one, ()))
    else {
        panic!("not RTP");
    };
    let number = header.extension(TWCC).expect("counted");
    assert_eq!(
        u16::from_be_bytes(number.try_into().expect("two octets")),
        sent[150].transport.expect("counted")
    );
}

/// How many packets of the last frame are sent again in 180 ms, if all are asked for every 20 ms.
fn sent_again(world: &mut World, studio: &mut Studio, viewer: usize) -> usize {
    world.take_media(viewer);
    let frame = loop {
        world.run(1);
        studio.step(world);
        let media = world.take_media(viewer);
        if !media.is_empty() {
            break media;
        }
    };
    let numbers: Vec<u16> = frame.iter().map(|one| one.sequence).collect();
    let mut again = 0;
    for _ in 0..9 {
        nack(world, viewer, 100, &numbers);
        again += world.take_media(viewer).len();
        world.run(20);
    }
    again / numbers.len()
}

#[test]
fn what_still_stands_in_the_queue_of_a_path_is_not_sent_again_until_it_can_have_come() {
    let (mut world, mut studio, mut paths) = company(&[5_000]);
    run(&mut world, &mut studio, &mut paths, 4_000);
    let viewer = paths[0].client;
    assert_eq!(sent_again(&mut world, &mut studio, viewer), 2, "100 ms");
    paths[0].set(300);
    run(&mut world, &mut studio, &mut paths, 400);
    assert_eq!(
        sent_again(&mut world, &mut studio, viewer),
        1,
        "and a queue"
    );
}

/// How many of the last packets of the top layer are sent again once the lowest is shown instead of it.
fn sent_again_of_what_was_left(leave: impl Fn(&mut World, &mut Narrow)) -> usize {
    let (mut world, mut studio, mut paths) = company(&[5_000]);
    run(&mut world, &mut studio, &mut paths, 4_000);
    let viewer = paths[0].client;
    let (mut last, mut ms) = (Vec::new(), 0);
    while seat(&world, viewer).layer != Some(0) {
        ms += 1;
        if ms == 200 {
            leave(&mut world, &mut paths[0]);
        }
        world.run(1);
        studio.step(&mut world);
        let media = paths[0].step(&mut world);
        if seat(&world, viewer).layer == Some(2) {
            last.extend(media.iter().map(|one| one.sequence));
        }
    }
    let last = &last[last.len() - 5..];
    world.take_media(viewer);
    nack(&mut world, viewer, 100, last);
    let media = world.take_media(viewer);
    let again = media.iter().filter(|one| one.payload_type == 107);
    again.count()
}

#[test]
fn what_a_path_did_not_carry_is_not_sent_again_once_less_is_shown() {
    assert_eq!(sent_again_of_what_was_left(|_, path| path.set(300)), 0);
    let smaller = |world: &mut World, path: &mut Narrow| set_view(world, path.client, Some(180));
    assert_eq!(sent_again_of_what_was_left(smaller), 5, "a smaller window");
}

/// A viewer of a camera behind a path like this, after 12 s of it.
fn seasoned(kbps: u32, loss: f64) -> (World, Studio, Narrow) {
    let (mut world, mut studio, mut paths) = company(&[kbps]);
    let mut path = paths.remove(0);
    path.link.impairment.loss = loss;
    for _ in 0..12_000 {
        world.run(1);
        studio.step(&mut world);
        path.step(&mut world);
    }
    (world, studio, path)
}

/// Of the pictures that a path's viewer gets in 4 s, the share of which the end comes twice though nobody asks.
fn ends_twice(kbps: u32, loss: f64) -> f64 {
    let (mut world, mut studio, mut path) = seasoned(kbps, loss);
    let (mut ends, mut twice) = (Vec::new(), 0);
    for _ in 0..4_000 {
        world.run(1);
        studio.step(&mut world);
        for media in path.step(&mut world) {
            match media.payload_type {
                106 if media.marker => ends.push(media.sequence),
                107 if ends
                    .iter()
                    .any(|end| media.payload[..2] == end.to_be_bytes()) =>
                {
                    twice += 1
                }
                _ => {}
            }
        }
    }
    assert!(ends.len() >= 90, "{}", ends.len());
    f64::from(twice) / ends.len() as f64
}

#[test]
fn ends_of_pictures_are_sent_twice_where_packets_are_lost_and_there_is_room() {
    assert!(ends_twice(10_000, 0.03) > 0.9);
    assert!(ends_twice(10_000, 0.0) < 0.1, "nothing is lost");
    assert!(ends_twice(10_000, 0.003) < 0.1, "hardly anything is lost");
    assert!(ends_twice(700, 0.03) < 0.1, "there is no room");
}

/// How often a packet that was asked for comes, and one that was lost on the way to the router and sent again.
fn repairs(kbps: u32, loss: f64) -> [usize; 2] {
    let (mut world, mut studio, path) = seasoned(kbps, loss);
    let sent = |world: &mut World, payload: &[u8]| {
        let media = world.take_media(path.client);
        let same = media.iter().filter(|one| one.payload.ends_with(payload));
        same.count()
    };
    world.take_media(path.client);
    let last = loop {
        world.run(1);
        studio.step(&mut world);
        let mut media = world.take_media(path.client).into_iter();
        if let Some(last) = media.rfind(|one| one.ssrc == 100) {
            break last;
        }
    };
    nack(&mut world, path.client, 100, &[last.sequence]);
    let asked = sent(&mut world, &last.payload);
    let camera = &mut studio.cameras[2];
    camera.packets_a_frame = 2;
    let lost = lose(&mut world, camera);
    world.take_media(path.client);
    let header = OutHeader {
        payload_type: 97,
        sequence: 40_000,
        timestamp: lost.timestamp,
        ssrc: 70,
        mid: Some((MID, b"v")),
        extensions: &[(REPAIRED_RID, b"f")],
        ..OutHeader::default()
    };
    let payload = [&(lost.seq as u16).to_be_bytes(), lost.payload.as_slice()].concat();
    world.rtp(camera.client, &header, 0, &payload);
    [asked, sent(&mut world, &lost.payload[100..])]
}

#[test]
fn what_is_late_is_sent_twice_where_packets_are_lost_and_there_is_room() {
    assert_eq!(repairs(10_000, 0.03), [2, 2]);
    assert_eq!(repairs(10_000, 0.0), [1, 1], "nothing is lost");
}
