//! How a router behaves towards publishers, viewers and strangers, on virtual time.

#![allow(missing_docs)]

mod support;

use std::time::Duration;

use _core::commands::Command;
use _core::demux::Path;
use _core::events::{Event, Showing};
use _core::ice::Credentials;
use _core::media::{PeerMedia, SenderConfig};
use _core::rtcp::{self, Pli, SenderInfo};
use _core::rtp::{AudioLevel, OutHeader};
use _core::srtp::Profile;
use _core::time::{Instant, Ntp};
use _core::twcc::Feedback;
use _core::xr::{Delay, write_delay, write_reference_time};
use support::*;

/// A publisher and a viewer that is shown its video.
fn call() -> (World, Camera, usize) {
    call_with(World::new())
}

fn call_with(mut world: World) -> (World, Camera, usize) {
    let alice = world.connect(publisher());
    let bob = world.connect(viewer());
    world.show(bob, "sv", Some((alice, "v")));
    (world, Camera::new(alice, 7), bob)
}

fn send_frames(world: &mut World, camera: &mut Camera, count: usize) {
    for index in 0..count {
        camera.send(world, index == 0);
    }
}

fn speak(world: &mut World, client: usize, seq: u64, timestamp: u32, level: u8) {
    let packet = voice_packet(world, client, seq, timestamp, level);
    world.raw(world.clients[client].path, &packet);
}

fn voice_packet(world: &World, client: usize, seq: u64, timestamp: u32, level: u8) -> Vec<u8> {
    let level = [AudioLevel { voice: true, level }.to_byte()];
    let header = OutHeader {
        payload_type: 111,
        sequence: seq as u16,
        timestamp,
        ssrc: 8,
        mid: Some((MID, b"a")),
        extensions: &[(LEVEL, &level)],
        ..OutHeader::default()
    };
    let payload = [0xf8, seq as u8, 1, 2, 3];
    world.sealed(client, &header, (seq >> 16) as u32, &payload)
}

fn nack(world: &mut World, client: usize, ssrc: u32, lost: &[u16]) {
    world.rtcp(client, |out| rtcp::write_nack(out, 1, ssrc, lost));
}

/// A packet that did not arrive.
struct Lost {
    seq: u64,
    timestamp: u32,
    payload: Vec<u8>,
}

/// The camera sends a frame of which the first packet is lost.
fn lose(world: &mut World, camera: &mut Camera) -> Lost {
    let lost = Lost {
        seq: camera.seq,
        timestamp: camera.timestamp,
        payload: camera.payload(true, false),
    };
    let frame = camera.frame(world, false);
    world.raw(world.clients[camera.client].path, &frame[1]);
    lost
}

/// The publisher sends it again, by RTX under an SSRC that nobody knows yet.
fn recover(world: &mut World, client: usize, lost: &Lost) {
    recover_as(world, client, lost, 40_000);
}

fn recover_as(world: &mut World, client: usize, lost: &Lost, sequence: u16) {
    let mut payload = (lost.seq as u16).to_be_bytes().to_vec();
    payload.extend_from_slice(&lost.payload);
    let header = OutHeader {
        payload_type: 97,
        sequence,
        timestamp: lost.timestamp,
        ssrc: 70,
        mid: Some((MID, b"v")),
        ..OutHeader::default()
    };
    world.rtp(client, &header, 0, &payload);
}

fn plis(control: &[(u64, Control)]) -> Vec<u64> {
    let is_pli = |control: &Control| matches!(control, Control::Pli { .. });
    control
        .iter()
        .filter(|(_, one)| is_pli(one))
        .map(|(at, _)| *at)
        .collect()
}

/// When the client was asked for packets.
fn nacks(control: &[(u64, Control)]) -> Vec<u64> {
    let is_nack = |control: &Control| matches!(control, Control::Nack { .. });
    let asked = control.iter().filter(|(_, one)| is_nack(one));
    asked.map(|(at, _)| *at).collect()
}

fn sender_reports(control: &[(u64, Control)], of: u32) -> Vec<(_core::time::Ntp, u32)> {
    let report = |(_, one): &(u64, Control)| match one {
        Control::SenderReport { ssrc, ntp, rtp, .. } if *ssrc == of => Some((*ntp, *rtp)),
        _ => None,
    };
    control.iter().filter_map(report).collect()
}

#[test]
fn a_video_arrives_whole_under_the_seats_own_numbers() {
    for profile in [Profile::AeadAes128Gcm, Profile::Aes128CmHmacSha1_80] {
        let (mut world, mut camera, bob) = call_with(World::with_profile(profile));
        send_frames(&mut world, &mut camera, 30);
        let media = world.take_media(bob);
        assert_eq!(media.len(), 60);
        assert!(
            media
                .iter()
                .all(|one| one.ssrc == 100 && one.payload_type == 106)
        );
        assert!(media.iter().all(|one| one.mid.as_deref() == Some("sv")));
        assert!(media[0].sequence < 0x8000);
        let numbers = unwrapped(&media);
        assert!(numbers.windows(2).all(|two| two[1] == two[0] + 1));
        let stamps: Vec<u32> = media.iter().step_by(2).map(|one| one.timestamp).collect();
        assert!(
            stamps
                .windows(2)
                .all(|two| two[1].wrapping_sub(two[0]) == 3_000)
        );
        assert!(
            media
                .chunks(2)
                .all(|frame| !frame[0].marker && frame[1].marker)
        );
    }
}

#[test]
fn numbers_go_on_wherever_the_publishers_counters_wrap() {
    for start in [0u64, 1, 127, 128, 32_767, 32_768, 65_400, 65_534, 65_535] {
        let (mut world, mut camera, bob) = call();
        camera.seq = start;
        camera.picture_id = 0x7ff0;
        camera.tl0 = 250;
        camera.timestamp = u32::MAX - 9_000;
        send_frames(&mut world, &mut camera, 100);
        let media = world.take_media(bob);
        let numbers = unwrapped(&media);
        assert_eq!(numbers.len(), 200, "from {start}");
        assert!(
            numbers.windows(2).all(|two| two[1] == two[0] + 1),
            "from {start}"
        );
        let ids: Vec<_> = media.iter().step_by(2).map(picture).collect();
        for two in ids.windows(2) {
            assert_eq!(two[1], (two[0] + 1) & 0x7fff);
        }
    }
}

#[test]
fn the_outgoing_rollover_counter_goes_on_over_three_wraps() {
    let (mut world, mut camera, bob) = call();
    camera.packets_a_frame = 60;
    for index in 0..3_400 {
        camera.send(&mut world, index == 0);
        if index % 30 == 0 {
            // Consent.
            world.check(0, false);
            world.check(bob, false);
        }
    }
    // Deciphering them proves the counter; `take_rtp` panics otherwise.
    assert_eq!(world.take_media(bob).len(), 204_000);
}

#[test]
fn nothing_is_shown_before_a_keyframe_and_one_is_asked_for() {
    let (mut world, mut camera, bob) = call();
    for _ in 0..3 {
        camera.send(&mut world, false);
    }
    assert_eq!(world.take_media(bob).len(), 0);
    assert_eq!(plis(&world.take_control(camera.client)).len(), 1);
    camera.send(&mut world, true);
    assert_eq!(world.take_media(bob).len(), 2);
    let showing = Showing {
        peer: 2,
        mid: "sv".into(),
        source_peer: 1,
        source_mid: "v".into(),
    };
    assert_eq!(world.events.last(), Some(&Event::Shown(showing)));
}

#[test]
fn no_keyframe_is_asked_for_when_the_first_packet_begins_one() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 30);
    assert_eq!(world.take_media(bob).len(), 60);
    assert_eq!(plis(&world.take_control(camera.client)), [0; 0]);
}

#[test]
fn packets_of_the_keyframe_that_overtook_its_first_one_are_shown_too() {
    let (mut world, mut camera, bob) = call();
    camera.packets_a_frame = 4;
    let frame = camera.frame(&world, true);
    for index in [1, 2, 0, 3] {
        world.raw(world.clients[camera.client].path, &frame[index]);
    }
    let media = world.take_media(bob);
    assert!(unwrapped(&media).windows(2).all(|two| two[1] == two[0] + 1));
    assert_eq!(media.len(), 4);
}

#[test]
fn a_late_packet_takes_its_place() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 2);
    let (first, second) = (camera.frame(&world, false), camera.frame(&world, false));
    for packet in [&first[0], &second[0], &second[1], &first[1]] {
        world.raw(world.clients[camera.client].path, packet);
    }
    let numbers = unwrapped(&world.take_media(bob));
    let base = numbers[0];
    assert_eq!(
        numbers
            .iter()
            .map(|number| number - base)
            .collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 6, 7, 5]
    );
}

#[test]
fn padding_only_packets_are_left_out_and_the_gap_is_closed() {
    let (mut world, mut camera, bob) = call();
    for index in 0..20 {
        camera.send(&mut world, index == 0);
        for _ in 0..index % 3 {
            let padding = camera.seal(&world, false, &[]);
            world.raw(world.clients[camera.client].path, &padding);
        }
    }
    let media = world.take_media(bob);
    assert_eq!(media.len(), 40);
    assert!(unwrapped(&media).windows(2).all(|two| two[1] == two[0] + 1));
    // What is asked for again afterwards has the same numbers and content.
    let lost = &media[25];
    nack(&mut world, bob, 100, &[lost.sequence]);
    let again = world.take_media(bob);
    assert_eq!(again[0].payload[2..], lost.payload);
}

#[test]
fn a_batch_leaves_as_one_run_of_equal_sizes() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 1);
    world.take_media(bob);
    world.runs.clear();
    for size in [300, 301, 300, 299] {
        camera.size = size;
        camera.packets_a_frame = 1;
        let packet = camera.frame(&world, false).remove(0);
        world.raw_in_batch(world.clients[camera.client].path, &packet);
    }
    world.pump();
    assert_eq!(world.runs.len(), 1);
    assert_eq!(world.runs[0].1, 4);
    let media = world.take_media(bob);
    assert_eq!(
        media
            .iter()
            .map(|one| (one.payload.len(), one.padding))
            .collect::<Vec<_>>(),
        // The last one too: another seat's packet may follow it.
        [(298, 1), (299, 0), (298, 1), (297, 2)]
    );
}

/// Two publishers, and a viewer that has each in a seat of its own.
fn two_seats() -> (World, [Camera; 2], usize) {
    let mut world = World::new();
    let publishers = [world.connect(publisher()), world.connect(publisher())];
    let mut media = viewer();
    media.senders[1] = SenderConfig {
        mid: "sw".into(),
        ssrc: 110,
        rtx_ssrc: Some(111),
        ..media.senders[0].clone()
    };
    let carol = world.connect(media);
    for (publisher, mid) in publishers.into_iter().zip(["sv", "sw"]) {
        world.show(carol, mid, Some((publisher, "v")));
    }
    let [first, second] = publishers.map(|publisher| Camera::new(publisher, 7));
    (world, [first, second], carol)
}

/// What a batch with one packet of each camera becomes: datagrams of each run, and each packet's SSRC and padding.
fn batch_of(sizes: [usize; 2]) -> (Vec<u16>, Vec<(u32, usize)>) {
    let (mut world, mut cameras, carol) = two_seats();
    for camera in &mut cameras {
        camera.packets_a_frame = 1;
        camera.send(&mut world, true);
    }
    world.take_media(carol);
    world.runs.clear();
    for (camera, size) in cameras.iter_mut().zip(sizes) {
        camera.size = size;
        let packet = camera.frame(&world, false).remove(0);
        world.raw_in_batch(world.clients[camera.client].path, &packet);
    }
    world.pump();
    let media = world.take_media(carol);
    let told = media.iter().map(|one| (one.ssrc, one.padding)).collect();
    (world.runs.iter().map(|run| run.1).collect(), told)
}

#[test]
fn packets_of_all_seats_of_a_receiver_leave_as_one_run() {
    let (runs, media) = batch_of([300, 300]);
    assert_eq!(runs, [2]);
    assert_eq!(media, [(100, 0), (110, 0)]);
}

#[test]
fn a_packet_a_little_smaller_than_another_seats_is_padded_to_its_size() {
    let (runs, media) = batch_of([300, 290]);
    assert_eq!(runs, [2]);
    assert_eq!(media, [(100, 0), (110, 10)]);
}

#[test]
fn a_packet_much_smaller_than_another_seats_is_not_padded_and_ends_the_run() {
    let (runs, media) = batch_of([300, 260]);
    assert_eq!(runs, [2]);
    assert_eq!(media, [(100, 0), (110, 0)]);
}

#[test]
fn sound_ends_the_message_of_the_pictures_that_came_after_it() {
    let (mut world, mut camera, bob) = call();
    let alice = camera.client;
    world.show(bob, "sa", Some((alice, "a")));
    camera.send(&mut world, true);
    speak(&mut world, alice, 5, 960, 20);
    world.run(20);
    world.take_media(bob);
    world.runs.clear();
    let voice = voice_packet(&world, alice, 6, 1_920, 20);
    world.raw_in_batch(world.clients[alice].path, &voice);
    for packet in camera.frame(&world, false) {
        world.raw_in_batch(world.clients[alice].path, &packet);
    }
    world.pump();
    assert_eq!(world.runs.iter().map(|run| run.1).collect::<Vec<_>>(), [3]);
    let ssrcs: Vec<u32> = world.take_media(bob).iter().map(|one| one.ssrc).collect();
    assert_eq!(ssrcs, [100, 100, 200]);
}

/// Two cameras that are shown to each other.
fn two_way(world: &mut World) -> [Camera; 2] {
    let media = || PeerMedia {
        tracks: publisher().tracks,
        ..viewer()
    };
    let [alice, bob] = [world.connect(media()), world.connect(media())];
    world.show(alice, "sv", Some((bob, "v")));
    world.show(bob, "sv", Some((alice, "v")));
    [alice, bob].map(|client| Camera::new(client, 7))
}

#[test]
fn what_goes_to_one_company_is_not_torn_apart_by_another() {
    let mut world = World::new();
    let mut pairs = [two_way(&mut world), two_way(&mut world)];
    for camera in pairs.iter_mut().flatten() {
        camera.send(&mut world, true);
    }
    world.order.clear();
    for member in 0..2 {
        for pair in &mut pairs {
            let packet = pair[member].frame(&world, false).remove(0);
            world.raw_in_batch(world.clients[pair[member].client].path, &packet);
        }
    }
    world.pump();
    let of_first = |path: &Path| {
        pairs[0]
            .iter()
            .any(|one| world.clients[one.client].path == *path)
    };
    let order: Vec<bool> = world.order.iter().map(of_first).collect();
    assert_eq!(order, [true, true, false, false]);
}

#[test]
fn a_small_packet_gets_no_more_padding_than_an_eighth_of_itself() {
    let (_, media) = batch_of([80, 70]);
    assert_eq!(media[1], (110, 10));
    let (_, media) = batch_of([80, 66]);
    assert_eq!(media[1], (110, 0));
}

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

/// As on a core that has little time left.
fn wait_for_frames(world: &mut World, ms: u64) {
    world.router.wait_for_frames(Duration::from_millis(ms));
}

#[test]
fn a_busy_core_sends_a_frame_as_one_message_when_its_last_packet_is_there() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    world.take_media(bob);
    wait_for_frames(&mut world, 16);
    let frame = camera.frame(&world, false);
    let path = world.clients[camera.client].path;
    world.raw(path, &frame[0]);
    world.run(10);
    assert_eq!(world.take_media(bob).len(), 0);
    world.raw(path, &frame[1]);
    let media = world.take_media(bob);
    assert_eq!(media.len(), 2);
    assert_eq!(media[0].sequence.wrapping_add(1), media[1].sequence);
}

#[test]
fn a_frame_whose_last_packet_does_not_come_leaves_without_it() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    world.take_media(bob);
    wait_for_frames(&mut world, 16);
    let frame = camera.frame(&world, false);
    world.raw(world.clients[camera.client].path, &frame[0]);
    world.run(15);
    assert_eq!(world.take_media(bob).len(), 0);
    world.run(1);
    assert_eq!(world.take_media(bob).len(), 1);
}

#[test]
fn sound_that_waits_leaves_with_the_pictures_of_the_same_company() {
    let (mut world, mut camera, bob) = call();
    world.show(bob, "sa", Some((camera.client, "a")));
    send_frames(&mut world, &mut camera, 3);
    world.take_media(bob);
    wait_for_frames(&mut world, 16);
    speak(&mut world, camera.client, 1, 960, 20);
    world.run(5);
    assert_eq!(world.take_media(bob).len(), 0);
    send_frames(&mut world, &mut camera, 1);
    assert_eq!(world.take_media(bob).len(), 3);
    speak(&mut world, camera.client, 2, 1_920, 20);
    world.run(16);
    assert_eq!(world.take_media(bob).len(), 1);
}

#[test]
fn what_was_recovered_is_late_and_waits_for_nothing() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    let lost = lose(&mut world, &mut camera);
    world.take_media(bob);
    wait_for_frames(&mut world, 16);
    recover(&mut world, camera.client, &lost);
    assert_eq!(world.take_media(bob).len(), 1);
}

#[test]
fn a_core_with_time_again_waits_for_nothing() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    world.take_media(bob);
    wait_for_frames(&mut world, 16);
    let frame = camera.frame(&world, false);
    world.raw(world.clients[camera.client].path, &frame[0]);
    wait_for_frames(&mut world, 0);
    world.pump();
    assert_eq!(world.take_media(bob).len(), 1);
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
fn another_publisher_in_the_seat_goes_on_with_the_seats_numbers() {
    for wide in [true, false] {
        let (mut world, mut camera, bob) = call();
        let carol = world.connect(publisher());
        let mut other = Camera::new(carol, 9);
        (other.seq, other.timestamp, other.picture_id, other.wide) = (60_000, 17, 100, wide);
        send_frames(&mut world, &mut camera, 10);
        world.show(bob, "sv", Some((carol, "v")));
        camera.send(&mut world, false);
        world.run(467);
        send_frames(&mut world, &mut other, 10);
        let media = world.take_media(bob);
        assert_eq!(media.len(), 40);
        assert!(unwrapped(&media).windows(2).all(|two| two[1] == two[0] + 1));
        let ids: Vec<_> = media.iter().step_by(2).map(picture).collect();
        assert!(
            ids.windows(2).all(|two| two[1] == (two[0] + 1) & 0x7fff),
            "{ids:?}"
        );
        // 33 ms of the last frame, 33 of the one not shown, 467 of silence.
        let step = media[20].timestamp.wrapping_sub(media[19].timestamp);
        assert_eq!(step, (33 + 33 + 467) * 90);
        // What the ring answers is rewritten with the numbers of its time.
        for index in [5, 30] {
            nack(&mut world, bob, 100, &[media[index].sequence]);
            assert_eq!(world.take_media(bob)[0].payload[2..], media[index].payload);
        }
    }
}

#[test]
fn a_voice_goes_on_in_whole_frames_when_the_speaker_changes() {
    let mut world = World::new();
    let (alice, carol) = (world.connect(publisher()), world.connect(publisher()));
    let bob = world.connect(viewer());
    world.show(bob, "sa", Some((alice, "a")));
    for seq in 0..10 {
        speak(&mut world, alice, seq, seq as u32 * 960, 30);
        world.run(20);
    }
    world.run(133);
    world.show(bob, "sa", Some((carol, "a")));
    for seq in 500..510 {
        speak(&mut world, carol, seq, 77 + seq as u32 * 960, 30);
        world.run(20);
    }
    let media = world.take_media(bob);
    assert_eq!(media.len(), 20);
    assert!(
        media
            .iter()
            .all(|one| one.payload_type == 112 && one.ssrc == 200)
    );
    assert_eq!(
        media[10].timestamp.wrapping_sub(media[9].timestamp),
        8 * 960
    );
    assert!(unwrapped(&media).windows(2).all(|two| two[1] == two[0] + 1));
}

#[test]
fn a_silent_seat_sends_nothing_and_comes_back_at_a_keyframe() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 5);
    world.show(bob, "sv", None);
    world.take_media(bob);
    camera.send(&mut world, false);
    assert_eq!(world.take_media(bob).len(), 0);
    world.run(1_500);
    world.take_control(camera.client);
    world.show(bob, "sv", Some((camera.client, "v")));
    camera.send(&mut world, false);
    assert_eq!(world.take_media(bob).len(), 0);
    assert_eq!(plis(&world.take_control(camera.client)).len(), 1);
    camera.send(&mut world, true);
    assert_eq!(world.take_media(bob).len(), 2);
}

#[test]
fn simulcast_layers_are_found_by_rid_and_the_highest_steady_one_is_shown() {
    let mut world = World::new();
    let alice = world.connect(simulcast());
    let bob = world.connect(viewer());
    world.show(bob, "sv", Some((alice, "v")));
    let mut cameras: Vec<Camera> = ["q", "h", "f"]
        .into_iter()
        .zip([11, 12, 13])
        .map(|(rid, ssrc)| Camera {
            rid: Some(rid),
            seq: 100 * u64::from(ssrc),
            ..Camera::new(alice, ssrc)
        })
        .collect();
    let mut ask = false;
    let mut layers = Vec::new();
    for step in 0..150 {
        // The top layer stops after 3 s.
        let sending = if step < 90 { 3 } else { 2 };
        for camera in &mut cameras[..sending] {
            let keyframe = step == 0 || ask;
            for packet in camera.frame(&world, keyframe) {
                world.raw(world.clients[alice].path, &packet);
            }
        }
        world.run(33);
        ask = !plis(&world.take_control(alice)).is_empty();
        let stats = world.router.stats(world.now);
        layers.push(stats[1].senders[0].layer);
    }
    layers.dedup();
    assert_eq!(layers, [Some(0), Some(2), Some(1)]);
    let media = world.take_media(bob);
    assert!(unwrapped(&media).windows(2).all(|two| two[1] == two[0] + 1));
    let ids: Vec<_> = media.iter().step_by(2).map(picture).collect();
    assert!(ids.windows(2).all(|two| two[1] == (two[0] + 1) & 0x7fff));
    let stamps: Vec<u32> = media.iter().step_by(2).map(|one| one.timestamp).collect();
    assert!(
        stamps
            .windows(2)
            .all(|two| two[1].wrapping_sub(two[0]).cast_signed() > 0)
    );
}

#[test]
fn a_publisher_hears_of_a_wanted_keyframe_once_in_300_ms_however_many_ask() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    world.take_control(camera.client);
    for _ in 0..100 {
        world.rtcp(bob, |out| {
            rtcp::write_pli(
                out,
                Pli {
                    sender_ssrc: 1,
                    media_ssrc: 100,
                },
            )
        });
        world.rtcp(bob, |out| rtcp::write_fir(out, 1, &[(100, 1)]));
        world.run(10);
    }
    let times = plis(&world.take_control(camera.client));
    assert!((3..=4).contains(&times.len()), "{times:?}");
    assert!(times.windows(2).all(|two| two[1] - two[0] >= 300));
    camera.send(&mut world, true);
    world.run(2_000);
    assert_eq!(plis(&world.take_control(camera.client)).len(), 0);
}

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

#[test]
fn a_source_without_a_common_codec_is_told_and_the_seat_stays_empty() {
    let mut world = World::new();
    let alice = world.connect(publisher());
    let mut only_h264 = viewer();
    only_h264.senders[0].codecs.remove(0);
    let bob = world.connect(only_h264);
    world.show(bob, "sv", Some((alice, "v")));
    let mut camera = Camera::new(alice, 7);
    send_frames(&mut world, &mut camera, 5);
    let showing = Showing {
        peer: 2,
        mid: "sv".into(),
        source_peer: 1,
        source_mid: "v".into(),
    };
    let told = world
        .events
        .iter()
        .filter(|&event| *event == Event::NotShowable(showing.clone()));
    assert_eq!(told.count(), 1);
    assert_eq!(world.take_media(bob).len(), 0);
    // Once the codec is known it is told at once.
    world.events.clear();
    world.show(bob, "sv", Some((alice, "v")));
    assert_eq!(world.events, [Event::NotShowable(showing)]);
}

#[test]
fn a_track_that_is_not_enabled_is_not_forwarded() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    world.take_media(bob);
    world.command(Command::SetTrackEnabled {
        peer: 1,
        mid: "v".into(),
        enabled: false,
    });
    send_frames(&mut world, &mut camera, 3);
    assert_eq!(world.take_media(bob).len(), 0);
    world.take_control(camera.client);
    world.run(300);
    world.command(Command::SetTrackEnabled {
        peer: 1,
        mid: "v".into(),
        enabled: true,
    });
    world.run(10);
    assert_eq!(plis(&world.take_control(camera.client)).len(), 1);
}

#[test]
fn an_m_line_that_stays_goes_on_through_a_new_negotiation() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    let mut more = viewer();
    more.senders.push(_core::media::SenderConfig {
        mid: "more".into(),
        ssrc: 300,
        ..more.senders[0].clone()
    });
    world.command(Command::SetMedia {
        peer: 2,
        media: Box::new(more),
    });
    world.command(Command::SetMedia {
        peer: 1,
        media: Box::new(publisher()),
    });
    camera.send(&mut world, false);
    let media = world.take_media(bob);
    assert_eq!(media.len(), 8);
    assert!(unwrapped(&media).windows(2).all(|two| two[1] == two[0] + 1));
    // A missing one is closed.
    let mut less = publisher();
    less.tracks.remove(0);
    world.command(Command::SetMedia {
        peer: 1,
        media: Box::new(less),
    });
    camera.send(&mut world, true);
    assert_eq!(world.take_media(bob).len(), 0);
    assert_eq!(world.router.stats(world.now)[1].senders[0].layer, None);
}

#[test]
fn who_leaves_leaves_nothing_behind() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    world.command(Command::RemovePeer { peer: 1 });
    assert_eq!(world.router.stats(world.now).len(), 1);
    let strangers = world.router.counters().strangers;
    camera.send(&mut world, true);
    assert_eq!(world.router.counters().strangers, strangers + 2);
    world.command(Command::RemovePeer { peer: 2 });
    world.check(bob, true);
    assert_eq!(world.router.counters().stun_forged, 1);
    assert_eq!(world.router.peer_count(), 0);
    world.run(60_000);
    assert_eq!(world.router.deadline(), None);
}

#[test]
fn nothing_of_a_stranger_is_looked_at() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    world.take_media(bob);
    world.events.clear();
    let before = world.router.counters();
    let stranger = path(666);
    let media = camera.frame(&world, true).remove(0);
    for bytes in [
        &media[..],
        &[22, 254, 253, 0],
        &[128, 200, 0, 1, 0, 0, 0, 7],
        b"",
    ] {
        world.raw(stranger, bytes);
    }
    let after = world.router.counters();
    assert_eq!(after.strangers - before.strangers, 3);
    assert_eq!(
        (after.rtp_in, after.dtls_in),
        (before.rtp_in, before.dtls_in)
    );
    assert_eq!(
        (
            world.take_media(bob).len(),
            world.events.len(),
            world.astray.len()
        ),
        (0, 0, 0)
    );
}

#[test]
fn a_forged_check_is_not_answered_and_validates_nothing() {
    let mut world = World::new();
    let alice = world.add();
    let ufrag = world.clients[alice].ufrag.clone();
    world.check_as(&ufrag, "a wrong password of length", path(1), true);
    world.check_as("nobody00", PASSWORD, path(1), true);
    world.raw(
        path(1),
        &[
            0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
    );
    assert_eq!((world.astray.len(), world.events.len()), (0, 0));
    assert_eq!(world.router.counters().stun_forged, 2);
    assert_eq!(world.router.stats(world.now)[0].address, None);
}

#[test]
fn a_peer_that_forges_anothers_address_does_not_get_it_while_the_other_lives() {
    let (mut world, mut camera, bob) = call();
    let mallory = world.connect(viewer());
    let (ufrag, bobs) = (
        world.clients[mallory].ufrag.clone(),
        world.clients[bob].path,
    );
    world.check_as(&ufrag, PASSWORD, bobs, true);
    assert_eq!(world.router.counters().stun_forged, 1);
    send_frames(&mut world, &mut camera, 2);
    assert_eq!(world.take_media(bob).len(), 4);
    // Somebody whom a NAT gives the address of one who has gone gets it.
    world.run(7_000);
    world.check_as(&ufrag, PASSWORD, bobs, true);
    assert_eq!(world.router.stats(world.now)[2].address, Some(bobs.remote));
    assert_eq!(world.router.stats(world.now)[1].address, None);
}

#[test]
fn replayed_and_forged_media_is_counted_and_dropped() {
    let (mut world, mut camera, bob) = call();
    let frame = camera.frame(&world, true);
    let path = world.clients[camera.client].path;
    for _ in 0..10 {
        world.raw(path, &frame[0]);
    }
    assert_eq!(world.take_media(bob).len(), 1);
    let mut forged = frame[1].clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    world.raw(path, &forged);
    world.raw(path, &frame[1]);
    assert_eq!(world.take_media(bob).len(), 1);
    let counters = world.router.counters();
    assert_eq!((counters.srtp_replayed, counters.srtp_forged), (9, 1));
}

#[test]
fn dtls_of_a_validated_address_is_handed_over_in_order() {
    let mut world = World::new();
    let alice = world.add();
    let path = world.clients[alice].path;
    world.raw(path, &[22, 1]);
    assert_eq!(world.events, []);
    world.check(alice, false);
    world.events.clear();
    world.raw_in_batch(path, &[22, 2]);
    world.raw_in_batch(path, &[22, 3]);
    world.pump();
    assert_eq!(
        world.events,
        [Event::DtlsReceived {
            peer: 1,
            datagrams: vec![vec![22, 2], vec![22, 3]]
        }]
    );
    world.command(Command::SendDtls {
        peer: 1,
        datagram: vec![22, 9],
    });
    assert_eq!(world.clients[alice].dtls, [vec![22, 9]]);
}

#[test]
fn consent_ends_after_30_s_without_checks_and_media_stops() {
    let (mut world, mut camera, bob) = call();
    for _ in 0..60 {
        world.run(500);
        world.check(camera.client, false);
    }
    assert!(world.events.contains(&Event::ConsentExpired { peer: 2 }));
    assert!(!world.events.contains(&Event::ConsentExpired { peer: 1 }));
    world.take_media(bob);
    send_frames(&mut world, &mut camera, 3);
    assert_eq!(world.take_media(bob).len(), 0);
    // A check brings it back.
    world.check(bob, false);
    send_frames(&mut world, &mut camera, 3);
    assert!(!world.take_media(bob).is_empty());
}

#[test]
fn media_follows_a_nomination_to_another_address() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 2);
    let (ufrag, old) = (world.clients[bob].ufrag.clone(), world.clients[bob].path);
    let new = path(20_000);
    world.clients[bob].path = new;
    world.check_as(&ufrag, PASSWORD, new, false);
    world.take_media(bob);
    camera.send(&mut world, false);
    assert_eq!(
        (world.take_media(bob).len(), world.astray.clone()),
        (0, vec![old, old])
    );
    world.check_as(&ufrag, PASSWORD, new, true);
    let address = new.remote;
    assert_eq!(
        world.events.last(),
        Some(&Event::AddressValidated { peer: 2, address })
    );
    camera.send(&mut world, false);
    assert_eq!(world.take_media(bob).len(), 2);
}

#[test]
fn an_ice_restart_moves_the_peer_at_its_first_check_with_the_new_credentials() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 2);
    let credentials = Credentials::new("restarted", PASSWORD);
    world.command(Command::RestartIce {
        peer: 2,
        credentials,
    });
    world.check(bob, false);
    camera.send(&mut world, false);
    assert_eq!(world.take_media(bob).len(), 6);
    let old = world.clients[bob].ufrag.clone();
    world.clients[bob].path = path(20_001);
    world.check_as("restarted", PASSWORD, path(20_001), false);
    camera.send(&mut world, false);
    assert_eq!(world.take_media(bob).len(), 2);
    world.check_as(&old, PASSWORD, path(20_002), true);
    assert_eq!(world.router.counters().stun_forged, 1);
}

#[test]
fn a_controlled_client_is_told_to_control() {
    let mut world = World::new();
    let alice = world.add();
    let username = format!("{}:theirs", world.clients[alice].ufrag);
    let request = _core::stun::OutRequest {
        transaction_id: [1; 12],
        username: &username,
        priority: 1,
        role: _core::stun::Role::Controlled(5),
        use_candidate: false,
    };
    let mut bytes = [0; 256];
    let len =
        _core::stun::write_request(&mut bytes, &request, &_core::stun::StunKey::new(PASSWORD));
    world.raw(world.clients[alice].path, &bytes[..len]);
    assert_eq!(world.clients[alice].stun, [487]);
    assert_eq!(world.events, []);
}

#[test]
fn a_publisher_that_goes_on_under_another_ssrc_is_followed_at_its_next_keyframe() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 5);
    let mut other = Camera {
        seq: 9,
        ..Camera::new(camera.client, 8_000)
    };
    other.send(&mut world, false);
    other.send(&mut world, true);
    other.send(&mut world, false);
    let media = world.take_media(bob);
    assert_eq!(media.len(), 14);
    assert!(unwrapped(&media).windows(2).all(|two| two[1] == two[0] + 1));
}

#[test]
fn what_comes_late_of_the_ssrc_before_does_not_end_the_one_that_follows() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 5);
    let lost = [0; 2].map(|_| lose(&mut world, &mut camera));
    recover(&mut world, camera.client, &lost[0]);
    let late = camera.frame(&world, false);
    let mut other = Camera {
        seq: lost[0].seq,
        ..Camera::new(camera.client, 8_000)
    };
    other.send(&mut world, true);
    world.take_media(bob);
    for packet in &late {
        world.raw(world.clients[camera.client].path, packet);
    }
    recover_as(&mut world, camera.client, &lost[1], 40_001);
    assert_eq!(world.take_media(bob).len(), 0);
    other.send(&mut world, false);
    other.send(&mut world, false);
    assert_eq!(world.take_media(bob).len(), 4);
    world.run(1_000);
    camera.send(&mut world, true);
    assert_eq!(world.take_media(bob).len(), 2, "it has gone back");
}

#[test]
fn an_ssrc_without_mid_is_found_by_its_payload_type_when_only_one_track_has_it() {
    let (mut world, mut camera, bob) = call();
    camera.mid = None;
    send_frames(&mut world, &mut camera, 2);
    assert_eq!(world.take_media(bob).len(), 4);
    let mut two = publisher();
    two.tracks.push(video_track("w", &[None]));
    world.command(Command::SetMedia {
        peer: 1,
        media: Box::new(two),
    });
    let mut unknown = Camera {
        mid: None,
        ..Camera::new(camera.client, 555)
    };
    unknown.send(&mut world, true);
    assert_eq!(world.router.counters().rtp_unmapped, 2);
}

#[test]
fn a_thousand_ssrcs_of_one_peer_are_bounded() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 1);
    for ssrc in 1_000..2_000 {
        let mut other = Camera {
            mid: Some("nothing"),
            ..Camera::new(camera.client, ssrc)
        };
        other.send(&mut world, true);
    }
    world.check(camera.client, false);
    world.check(bob, true);
    world.take_media(bob);
    camera.send(&mut world, true);
    assert_eq!(world.take_media(bob).len(), 2);
}

#[test]
fn levels_are_told_for_voices() {
    let mut world = World::new();
    let alice = world.connect(publisher());
    assert_eq!(world.router.levels(world.now), []);
    for seq in 0..20 {
        speak(&mut world, alice, seq, seq as u32 * 960, 30);
        world.run(20);
    }
    let levels = world.router.levels(world.now);
    assert!(
        matches!(&levels[..], [(1, mid, 28..=35)] if mid == "a"),
        "{levels:?}"
    );
    world.run(1_000);
    assert_eq!(world.router.levels(world.now)[0].2, 127);
}

#[test]
fn the_first_packet_of_a_track_is_told() {
    let (mut world, mut camera, _) = call();
    send_frames(&mut world, &mut camera, 3);
    speak(&mut world, camera.client, 1, 1, 20);
    let active: Vec<_> = world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::TrackActive {
                peer,
                mid,
                codec_key,
            } => Some((*peer, mid.as_str(), codec_key.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(active, [(1, "v", "VP8"), (1, "a", "opus")]);
}
