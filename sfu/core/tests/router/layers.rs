//! Which layers viewers get, by what their paths carry and what they look at.

use std::time::Duration;

use crate::call::{pictures_for, plis};
use crate::links::{Narrow, company, first_ms, run, seat, set_view};
use crate::support::*;
use _core::events::Event;

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
fn a_path_that_narrows_gets_a_lower_layer_within_2_s_and_the_top_one_back_within_8() {
    let (mut world, mut studio, mut paths) = company(&[3_000, 10_000]);
    let layers = run(&mut world, &mut studio, &mut paths, 8_000);
    assert_eq!(
        layers.last(),
        Some(&Some(2)),
        "{:?} probed {}",
        world.router.stats(world.now)[1],
        world.router.counters().probed
    );
    paths[0].set(400);
    let layers = run(&mut world, &mut studio, &mut paths, 10_000);
    let down = first_ms(&layers, |layer| layer == 0);
    assert!(down.is_some_and(|ms| ms < 2_000), "{down:?}");
    assert!(layers[4_000..].iter().all(|&layer| layer == Some(0)));
    paths[0].set(3_000);
    let layers = run(&mut world, &mut studio, &mut paths, 9_000);
    let up = first_ms(&layers, |layer| layer == 2);
    assert!(up.is_some_and(|ms| ms < 8_000), "{up:?}");
    assert_eq!(seat(&world, paths[1].client).layer, Some(2));
    assert_eq!(
        seat(&world, paths[1].client).switches,
        2,
        "the wide path has seen the first layers and no more"
    );
}

#[test]
fn a_steady_path_is_filled_without_a_standing_queue() {
    for (kbps, layer) in [(300, 0), (1_000, 1), (3_000, 2)] {
        let (mut world, mut studio, mut paths) = company(&[kbps]);
        run(&mut world, &mut studio, &mut paths, 6_000);
        paths[0].waited.clear();
        let layers = run(&mut world, &mut studio, &mut paths, 20_000);
        let there = layers.iter().filter(|&&shown| shown == Some(layer)).count();
        assert!(there > 19_000, "{kbps} kbit/s: {there}");
        let waited: Duration = paths[0].waited.iter().sum();
        let mean = waited / paths[0].waited.len() as u32;
        assert!(mean < Duration::from_millis(50), "{kbps} kbit/s: {mean:?}");
    }
}

#[test]
fn what_does_not_even_fit_at_its_least_is_paused_and_comes_back() {
    let (mut world, mut studio, mut paths) = company(&[2_000]);
    run(&mut world, &mut studio, &mut paths, 5_000);
    paths[0].set(50);
    run(&mut world, &mut studio, &mut paths, 8_000);
    let viewer = world.clients[paths[0].client].id;
    let told = |world: &mut World| -> Vec<bool> {
        let events = world.events.drain(..);
        events
            .filter_map(|event| match event {
                Event::SeatPaused { peer, paused, .. } if peer == viewer => Some(paused),
                _ => None,
            })
            .collect()
    };
    assert_eq!(told(&mut world).first(), Some(&true));
    paths[0].set(2_000);
    run(&mut world, &mut studio, &mut paths, 20_000);
    assert_eq!(told(&mut world).last(), Some(&false));
    assert!(seat(&world, paths[0].client).layer.is_some());
}

#[test]
fn the_viewers_window_bounds_the_layer_and_hidden_is_nothing() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    run(&mut world, &mut studio, &mut paths, 4_000);
    let viewer = paths[0].client;
    let mut shown_after = |height: Option<u16>, ms: u64| {
        set_view(&mut world, viewer, height);
        run(&mut world, &mut studio, &mut paths, ms).pop().flatten()
    };
    assert_eq!(shown_after(Some(180), 500), Some(0));
    assert_eq!(shown_after(Some(190), 500), Some(0));
    assert_eq!(shown_after(Some(360), 500), Some(1));
    assert_eq!(shown_after(Some(0), 500), None);
    assert_eq!(shown_after(Some(720), 500), Some(2));
    assert_eq!(shown_after(None, 500), Some(2));
}

#[test]
fn a_layer_that_was_asked_for_and_does_not_come_is_not_waited_for() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    studio.sending = 0b011;
    let layers = run(&mut world, &mut studio, &mut paths, 6_000);
    assert_eq!(layers.last(), Some(&Some(1)));
    studio.sending = 0b000;
    run(&mut world, &mut studio, &mut paths, 4_000);
    studio.sending = 0b011;
    let layers = run(&mut world, &mut studio, &mut paths, 2_000);
    assert_eq!(layers.last(), Some(&Some(1)));
}

#[test]
fn a_path_of_100_kbit_s_gets_the_sound_and_a_thin_picture() {
    let (mut world, alice, bob) = pictures_for(telling_viewer());
    world.show(bob, "sa", Some((alice, "a")));
    let (mut camera, mut path) = (Camera::new(alice, 7), Narrow::new(bob, 1_000));
    let (mut pictures, mut before) = (0, 0);
    for ms in 0..25_000_u64 {
        if ms == 5_000 {
            path.set(100);
        }
        if ms % 50 == 0 {
            let frame = ms / 50;
            camera.temporal = [(0, false), (2, true), (1, true), (2, false)][frame as usize % 4];
            (camera.packets_a_frame, camera.size) =
                (1, if frame.is_multiple_of(4) { 1_100 } else { 460 });
            let keyframe = ms == 0
                || world
                    .take_control(alice)
                    .iter()
                    .any(|(_, one)| matches!(one, Control::Pli { .. }));
            for packet in camera.frame(&world, keyframe) {
                world.raw(world.clients[alice].path, &packet);
            }
        }
        if ms % 20 == 0 {
            let header = _core::rtp::OutHeader {
                payload_type: 111,
                sequence: (ms / 20) as u16,
                timestamp: ms as u32 * 48,
                ssrc: 9,
                mid: Some((MID, b"a")),
                ..Default::default()
            };
            world.rtp(alice, &header, 0, &[7; 50]);
        }
        world.run(1);
        let got = path.step(&mut world);
        if ms == 10_000 {
            before = path.waited.len();
        }
        if ms >= 10_000 {
            pictures += got.iter().filter(|one| one.ssrc == 100).count();
        }
    }
    assert!(
        pictures >= 70,
        "{pictures} in 15 s, at 5 a second of the lowest temporal layer"
    );
    let long = |wait: &&Duration| **wait > Duration::from_millis(200);
    let waited = path.waited.get(before..).expect("later");
    let share = waited.iter().filter(long).count() as f64 / waited.len() as f64;
    assert!(
        share < 0.02,
        "{share} of packets waited for more than 200 ms"
    );
}
