//! How fast pictures leave: spread over time where a path is slow, and not where only the core was.

use std::time::Duration;

use crate::call::{pictures_for, plis_to, say_something};
use crate::links::{FRAME_MS, Narrow, company, run};
use crate::support::*;

#[test]
fn a_keyframe_is_spread_and_arrives_whole_and_in_order() {
    let (mut world, mut studio, mut paths) = company(&[1_000]);
    run(&mut world, &mut studio, &mut paths, 6_000);
    studio.keyframes[1] = true;
    let mut by_ms = Vec::new();
    for _ in 0..200 {
        world.run(1);
        studio.step(&mut world);
        by_ms.push(paths[0].step(&mut world));
    }
    let media: Vec<_> = by_ms
        .iter()
        .flatten()
        .filter(|one| one.ssrc == 100)
        .cloned()
        .collect();
    assert!(unwrapped(&media).windows(2).all(|two| two[1] == two[0] + 1));
    let most = by_ms.iter().map(Vec::len).max();
    assert!(most.is_some_and(|most| (4..=8).contains(&most)), "{most:?}");
}

#[test]
fn a_packet_that_comes_late_while_others_wait_is_sent_once_and_so_are_they() {
    let (mut world, alice, bob) = pictures_for(telling_viewer());
    let (mut camera, mut path) = (Camera::new(alice, 7), Narrow::new(bob, 20_000));
    camera.size = 1_150;
    let address = world.clients[alice].path;
    let mut got = Vec::new();
    let mut send = |world: &mut World, camera: &mut Camera, keyframe: bool, lost: Option<usize>| {
        let mut held = None;
        for (index, packet) in camera.frame(world, keyframe).into_iter().enumerate() {
            match lost == Some(index) {
                true => held = Some(packet),
                false => world.raw(address, &packet),
            }
        }
        for _ in 0..5 {
            world.run(1);
            // The client takes nothing twice: it would be a replay.
            got.extend(path.step(world).into_iter().filter(|one| one.ssrc == 100));
        }
        (held, got.len())
    };
    for n in 0..800 {
        camera.packets_a_frame = 1;
        send(&mut world, &mut camera, n == 0, None);
        world.run(28);
    }
    camera.packets_a_frame = 20;
    for packet in camera.frame(&world, false) {
        world.raw(address, &packet);
    }
    let burst = world.clients[bob].media.len();
    camera.packets_a_frame = 1;
    for _ in 0..30 {
        send(&mut world, &mut camera, false, None);
        world.run(28);
    }
    camera.packets_a_frame = 3;
    let (held, _) = send(&mut world, &mut camera, false, Some(1));
    world.run(50);
    // As many as leave at once: nothing waits, and nothing more may leave.
    camera.packets_a_frame = burst;
    for packet in camera.frame(&world, false) {
        world.raw(address, &packet);
    }
    world.raw(address, &held.expect("held back"));
    camera.packets_a_frame = 1;
    for _ in 0..200 {
        send(&mut world, &mut camera, false, None);
    }
    let mut numbers = unwrapped(&got);
    let last = numbers.len() - 1;
    numbers.sort_unstable();
    assert_eq!(
        numbers[last] - numbers[0],
        last as u64,
        "each once, none missing"
    );
}

#[test]
fn delays_of_a_busy_core_are_not_taken_for_those_of_paths() {
    let least_after = |wait_ms: u64| {
        let (mut world, mut studio, mut paths) = company(&[3_000]);
        run(&mut world, &mut studio, &mut paths, 6_000);
        world.router.wait_for_frames(Duration::from_millis(wait_ms));
        // What is sent stands still now and then.
        let mut least = u64::MAX;
        for second in 0..10 {
            let pause = Duration::from_millis(if second % 2 == 0 { 150 } else { 0 });
            paths[0].link.set_free_at(world.now + pause);
            run(&mut world, &mut studio, &mut paths, 300);
            paths[0]
                .link
                .set_free_at(world.now + Duration::from_millis(200));
            run(&mut world, &mut studio, &mut paths, 200);
            let told = world.router.stats(world.now)[1].estimate;
            least = least.min(told.expect("told"));
        }
        least
    };
    let (idle, busy) = (least_after(0), least_after(8));
    assert!(busy > 2_000_000 && idle < busy, "idle {idle}, busy {busy}");
}

#[test]
fn what_a_busy_core_has_kept_itself_is_not_spread_again() {
    let at_once = |lag_ms: u64| {
        let (mut world, alice, bob) = pictures_for(telling_viewer());
        let mut camera = Camera {
            packets_a_frame: 16,
            size: 1_150,
            ..Camera::new(alice, 7)
        };
        world.router.lags(Duration::from_millis(lag_ms));
        for packet in camera.frame(&world, true) {
            world.raw(world.clients[alice].path, &packet);
        }
        world.take_media(bob).len()
    };
    assert!((5..10).contains(&at_once(0)), "{}", at_once(0));
    assert_eq!(at_once(100), 16);
}

#[test]
fn silence_of_a_receiver_whose_reports_wait_in_a_busy_core_lowers_no_estimate() {
    let after_silence = |wait_ms: u64| {
        let (mut world, mut studio, mut paths) = company(&[3_000]);
        run(&mut world, &mut studio, &mut paths, 6_000);
        world.router.wait_for_frames(Duration::from_millis(wait_ms));
        run(&mut world, &mut studio, &mut paths, 500);
        let estimate =
            |world: &World| world.router.stats(world.now)[1].estimate.expect("told") as f64;
        let before = estimate(&world);
        run(&mut world, &mut studio, &mut [], 3_000);
        estimate(&world) / before
    };
    let (idle, busy) = (after_silence(0), after_silence(8));
    assert!(idle < 0.7 && busy > 0.9, "idle {idle}, busy {busy}");
}

#[test]
fn what_the_pacer_has_kept_for_4_s_is_given_up_for_a_keyframe() {
    let (mut world, alice, bob) = pictures_for(viewer());
    // 50 packets a second, of which a path of 100 kbit/s is given 16.
    let mut camera = Camera {
        packets_a_frame: 2,
        size: 1_150,
        ..Camera::new(alice, 7)
    };
    camera.send(&mut world, true);
    world.rtcp(bob, |out| _core::rtcp::write_remb(out, 1, 100_000, &[100]));
    let (mut got, mut late_ms, mut given_up) = (Vec::new(), Vec::new(), 0);
    for frame in 0..500 {
        if frame % 25 == 0 {
            say_something(&mut world, bob);
        }
        let keyframe = plis_to(&mut world, alice) > 0;
        given_up += u32::from(keyframe);
        for packet in camera.frame(&world, keyframe) {
            world.raw(world.clients[alice].path, &packet);
        }
        world.run(FRAME_MS);
        let newest = camera.seq as u8;
        let came = world.take_media(bob);
        // The payload's last octets say which packet it was.
        let late = |one: &Media| newest.wrapping_sub(*one.payload.last().expect("some"));
        late_ms.extend(came.iter().map(|one| u64::from(late(one)) * 20));
        got.extend(came);
    }
    let (most, numbers) = (late_ms.iter().max(), unwrapped(&got));
    assert!(
        most.is_some_and(|most| (3_500..=4_100).contains(most)),
        "{most:?} ms"
    );
    assert!((2..=5).contains(&given_up), "{given_up} times in 20 s");
    assert!(numbers.windows(2).all(|two| two[1] == two[0] + 1));
}

#[test]
fn a_keyframe_that_takes_a_slow_path_seconds_arrives_whole_and_what_follows_is_live_again() {
    let (mut world, alice, bob) = pictures_for(viewer());
    let mut camera = Camera {
        packets_a_frame: 250,
        size: 1_150,
        ..Camera::new(alice, 7)
    };
    world.rtcp(bob, |out| _core::rtcp::write_remb(out, 1, 500_000, &[100]));
    camera.send(&mut world, true);
    // 250 kbit/s follow; at 1.5 times 500 the keyframe alone takes 3.1 s.
    (camera.packets_a_frame, camera.size) = (1, 1_150);
    let (mut got, mut plis_seen) = (world.take_media(bob), 0);
    let mut behind = 0;
    for frame in 0..250 {
        if frame % 25 == 0 {
            say_something(&mut world, bob);
        }
        camera.send(&mut world, false);
        world.run(FRAME_MS);
        plis_seen += plis_to(&mut world, alice);
        let came = world.take_media(bob);
        let newest = came.last().and_then(|one| one.payload.last().copied());
        behind = newest.map_or(behind, |newest| (camera.seq as u8).wrapping_sub(newest));
        got.extend(came);
    }
    assert_eq!((got.len(), plis_seen), (500, 0));
    assert!(unwrapped(&got).windows(2).all(|two| two[1] == two[0] + 1));
    assert!(behind <= 2, "{behind} packets behind");
}

#[test]
fn what_waits_for_many_receivers_is_sent_before_it_fills_the_buffer() {
    const VIEWERS: usize = 400;
    const PACKETS: usize = 16;
    let mut world = World::new();
    let alice = world.connect(publisher());
    let viewers: Vec<_> = (0..VIEWERS)
        .map(|_| {
            let viewer = world.connect(telling_viewer());
            world.show(viewer, "sv", Some((alice, "v")));
            viewer
        })
        .collect();
    let mut camera = Camera {
        packets_a_frame: PACKETS,
        size: 1_150,
        ..Camera::new(alice, 11)
    };
    camera.send(&mut world, true);
    // All of them wait for the same moments: at each, the packets for all are more than the buffer takes.
    world.run(200);
    assert_eq!(world.router.counters().egress_dropped, 0);
    for viewer in viewers {
        assert_eq!(world.take_media(viewer).len(), PACKETS);
    }
}
