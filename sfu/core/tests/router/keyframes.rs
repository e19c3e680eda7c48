//! When a publisher is asked for a keyframe, and who begins with which.

use crate::call::{call, plis, plis_to, send_frames};
use crate::links::{company, run, seat, set_view};
use crate::support::*;
use _core::events::{Event, Showing};
use _core::rtcp::{self, Pli};

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
fn who_cannot_go_on_while_he_leaves_a_layer_is_helped_by_the_next_ones_keyframe_alone() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    run(&mut world, &mut studio, &mut paths, 4_000);
    studio.heard.clear();
    let viewer = paths[0].client;
    set_view(&mut world, viewer, Some(180));
    assert_eq!(seat(&world, viewer).layer, Some(2));
    world.rtcp(viewer, |out| {
        let pli = _core::rtcp::Pli {
            sender_ssrc: 1,
            media_ssrc: 100,
        };
        _core::rtcp::write_pli(out, pli)
    });
    run(&mut world, &mut studio, &mut paths, 1_500);
    let plis = studio.heard.iter().filter_map(|(_, one)| match one {
        Control::Pli { ssrc } => Some(*ssrc),
        _ => None,
    });
    assert_eq!(plis.collect::<Vec<_>>(), [11]);
}

#[test]
fn no_keyframe_is_asked_for_of_a_layer_that_its_viewers_have_left() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    let viewer = paths[0].client;
    set_view(&mut world, viewer, Some(180));
    run(&mut world, &mut studio, &mut paths, 2_500);
    set_view(&mut world, viewer, None);
    // It does not come any more, though it is asked for.
    studio.sending = 0b011;
    run(&mut world, &mut studio, &mut paths, 300);
    set_view(&mut world, viewer, Some(180));
    run(&mut world, &mut studio, &mut paths, 100);
    studio.heard.clear();
    run(&mut world, &mut studio, &mut paths, 2_000);
    let asked = |(_, one): &(u64, Control)| matches!(one, Control::Pli { ssrc: 13 });
    assert!(!studio.heard.iter().any(asked), "{:?}", studio.heard);
}

#[test]
fn who_comes_right_after_a_keyframe_begins_with_it_and_is_live_at_once() {
    let mut world = World::new();
    let alice = world.connect(publisher());
    let mut camera = Camera::new(alice, 7);
    (0..8).for_each(|n| camera.send(&mut world, n == 0));
    let bob = world.connect(viewer());
    world.take_control(alice);
    world.show(bob, "sv", Some((alice, "v")));
    let burst = world.take_media(bob);
    assert_eq!(burst.len(), 16);
    camera.send(&mut world, false);
    camera.send(&mut world, false);
    assert_eq!(plis_to(&mut world, alice), 0);
    let media = [burst, world.take_media(bob)].concat();
    assert!(unwrapped(&media).windows(2).all(|two| two[1] == two[0] + 1));
    let ids: Vec<_> = media.iter().step_by(2).map(picture).collect();
    assert!(ids.windows(2).all(|two| two[1] == (two[0] + 1) & 0x7fff));
    let stamps: Vec<u32> = media.iter().step_by(2).map(|one| one.timestamp).collect();
    let steps: Vec<u32> = stamps
        .windows(2)
        .map(|two| two[1].wrapping_sub(two[0]))
        .collect();
    assert!(
        steps[..7].iter().all(|&step| (1..100).contains(&step)),
        "{steps:?}"
    );
    assert_eq!(steps[7..], [3_000, 3_000]);
    let again = media[3].clone();
    world.rtcp(bob, |out| {
        _core::rtcp::write_nack(out, 1, 100, &[again.sequence])
    });
    let sent = world.take_media(bob);
    assert_eq!(
        sent[0].timestamp, again.timestamp,
        "sent again it is what it was"
    );
}

#[test]
fn however_many_come_the_publisher_is_asked_once_a_second_and_nobody_waits() {
    let mut world = World::new();
    let alice = world.connect(publisher());
    let mut camera = Camera::new(alice, 7);
    (0..60).for_each(|n| camera.send(&mut world, n == 0));
    world.take_control(alice);
    let (mut asked, mut waited) = (0, Vec::new());
    for _ in 0..20 {
        let viewer = world.connect(viewer());
        world.show(viewer, "sv", Some((alice, "v")));
        let mut frames = 0;
        while world.take_media(viewer).is_empty() {
            let keyframe = plis_to(&mut world, alice);
            asked += keyframe;
            camera.send(&mut world, keyframe > 0);
            frames += 1;
        }
        waited.push(frames);
        (0..3).for_each(|_| camera.send(&mut world, false));
    }
    assert!(
        (1..=3).contains(&asked),
        "asked {asked} in {} ms",
        20 * 3 * 33
    );
    assert!(waited.iter().all(|&frames| frames <= 2), "{waited:?}");
}
