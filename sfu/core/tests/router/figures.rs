//! What is told of traffic: what each peer sends and is sent, and in which layers.

use crate::call::{call, speak};
use crate::links::set_view;
use crate::support::*;
use _core::codec::Codec;
use _core::media::{CodecConfig, PeerMedia};
use _core::stats::{SenderStats, TrackStats};

/// Octets of a picture's frames, low to high.
const SIZES: [usize; 3] = [150, 300, 900];

/// Pictures in VP9 alone.
fn with_vp9(mut media: PeerMedia, payload_type: u8) -> PeerMedia {
    let vp9 = CodecConfig {
        payload_type,
        codec: Codec::Vp9,
        key: "VP9/profile-id=0".into(),
        rtx_payload_type: None,
        ..vp8()
    };
    let tracks = media.tracks.iter_mut().map(|track| &mut track.codecs);
    let senders = media.senders.iter_mut().map(|sender| &mut sender.codecs);
    for codecs in tracks.chain(senders) {
        if codecs.iter().any(|codec| codec.codec == Codec::Vp8) {
            *codecs = vec![vp9.clone()];
        }
    }
    media
}

/// A picture of three spatial layers, a packet each; a keyframe tells how large they are (RFC 9628 §4.2).
fn send_spatial(world: &mut World, camera: &mut Camera, keyframe: bool) {
    for (spatial, size) in SIZES.into_iter().enumerate() {
        let has_structure = keyframe && spatial == 0;
        // I, L, B, E; P unless it is a keyframe.
        let first = 0xac | u8::from(!keyframe) << 6 | u8::from(has_structure) << 1;
        let layers = (spatial as u8) << 1 | u8::from(spatial > 0);
        let [high, low] = (0x8000 | camera.picture_id).to_be_bytes();
        let mut payload = vec![first, high, low, layers, camera.tl0];
        if has_structure {
            payload.push(0x50);
            for height in [180_u16, 360, 720] {
                payload.extend([(height / 9 * 16).to_be_bytes(), height.to_be_bytes()].concat());
            }
        }
        payload.resize(size, 7);
        let packet = camera.seal(world, spatial == 2, &payload);
        world.raw(world.clients[camera.client].path, &packet);
    }
    camera.timestamp += 3_000;
    camera.picture_id += 1;
    camera.tl0 = camera.tl0.wrapping_add(1);
    world.run(33);
}

/// What Alice publishes, and what Bob is sent of it.
fn told(world: &World) -> (TrackStats, SenderStats) {
    let stats = world.router.stats(world.now);
    (stats[0].tracks[0].clone(), stats[1].senders[0].clone())
}

#[test]
fn a_seat_with_fewer_spatial_layers_says_so_and_the_layer_what_each_costs() {
    let mut world = World::new();
    let alice = world.connect(with_vp9(publisher(), 98));
    let bob = world.connect(with_vp9(viewer(), 108));
    world.show(bob, "sv", Some((alice, "v")));
    let mut camera = Camera::new(alice, 7);
    camera.payload_type = 98;
    (0..100).for_each(|index| send_spatial(&mut world, &mut camera, index == 0));
    let (track, seat) = told(&world);
    assert_eq!((seat.layer, seat.spatial), (Some(0), None));
    let [lowest, middle, all] = track.layers[0].spatial_kbps;
    assert!((36.0..60.0).contains(&lowest), "{lowest}");
    assert!((72.0..90.0).contains(&(middle - lowest)), "{middle}");
    assert!((216.0..250.0).contains(&(all - middle)), "{all}");
    set_view(&mut world, bob, Some(360));
    send_spatial(&mut world, &mut camera, false);
    assert_eq!(told(&world).1.spatial, Some(1));
    set_view(&mut world, bob, Some(180));
    send_spatial(&mut world, &mut camera, false);
    assert_eq!(told(&world).1.spatial, Some(0));
}

#[test]
fn a_stream_of_one_spatial_layer_costs_the_same_up_to_each() {
    let (mut world, mut camera, _) = call();
    (0..60).for_each(|index| camera.send(&mut world, index == 0));
    let (track, seat) = told(&world);
    let [lowest, middle, all] = track.layers[0].spatial_kbps;
    assert!(
        lowest > 1.0 && lowest == middle && middle == all,
        "{lowest} {all}"
    );
    assert_eq!(seat.spatial, None);
}

#[test]
fn the_jitter_of_a_track_is_told_in_time_while_it_comes() {
    let (mut world, mut camera, _) = call();
    camera.packets_a_frame = 1;
    for index in 0..100 {
        for packet in camera.frame(&world, index == 0) {
            world.raw(world.clients[camera.client].path, &packet);
        }
        world.run(if index % 2 == 0 { 45 } else { 22 }); // 33.3 ms, late by 11.7 and early by 11.3
    }
    let jitter = told(&world).0.jitter.as_secs_f64() * 1e3;
    assert!((10.0..12.0).contains(&jitter), "{jitter}");
    world.run(5_000);
    assert!(told(&world).0.jitter.is_zero());
}

#[test]
fn one_who_tells_nothing_of_his_path_is_sent_what_his_seats_are() {
    let (mut world, mut camera, bob) = call();
    world.show(bob, "sa", Some((camera.client, "a")));
    for index in 0..90u64 {
        camera.send(&mut world, index == 0);
        speak(&mut world, camera.client, index, index as u32 * 960, 30);
    }
    let bob = world.router.stats(world.now).remove(1);
    let seats: Vec<f64> = bob.senders.iter().map(|one| one.kbps).collect();
    assert!(
        seats.len() == 2 && seats.iter().all(|&kbps| kbps > 1.0),
        "{seats:?}"
    );
    assert_eq!(bob.sending_kbps, seats[0] + seats[1]);
}
