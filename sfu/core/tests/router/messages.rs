//! Packets that leave together: runs of equal sizes, and frames that wait for their end on a busy core.

use std::time::Duration;

use crate::call::{call, lose, recover, send_frames, speak, voice_packet};
use crate::support::*;
use _core::demux::Path;
use _core::media::{PeerMedia, SenderConfig};

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
