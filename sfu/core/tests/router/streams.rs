//! What a seat is sent: one unbroken stream, whoever and whatever is shown in it.

use crate::call::{call, call_with, nack, pictures_for, plis, say_something, send_frames, speak};
use crate::links::{Narrow, Studio, Uplink, run, set_view};
use crate::scalable::{Scalable, vp9_of};
use crate::support::*;
use _core::srtp::Profile;

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
fn packets_that_overtake_each_other_and_come_twice_are_sent_once_each_under_one_number() {
    let mut world = World::new();
    let alice = world.connect(simulcast());
    let bob = world.connect(viewer());
    world.show(bob, "sv", Some((alice, "v")));
    let mut studio = Studio::new(alice);
    studio.uplink = Some(Uplink::new(10_000).with(|link| {
        link.reordered = 0.05;
        link.duplicated = 0.05;
    }));
    run(&mut world, &mut studio, &mut [], 10_000);
    let replayed = world.router.counters().srtp_replayed;
    assert!(replayed > 50, "{replayed} copies");
    // The client takes nothing twice: it would be a replay.
    let mut numbers = unwrapped(&world.take_media(bob));
    assert!(!numbers.is_sorted());
    numbers.sort_unstable();
    assert!(numbers.windows(2).all(|two| two[1] == two[0] + 1));
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
fn vp9_counts_its_pictures_on_over_a_change_of_layer() {
    const SMALL: [(usize, usize); 1] = [(2, 300)];
    let mut world = World::new();
    let (mut sends, mut takes) = (simulcast(), viewer());
    sends.tracks[0].codecs = vec![vp9()];
    takes.senders[0].codecs = vec![own(vp9(), 10)];
    let (alice, bob) = (world.connect(sends), world.connect(takes));
    world.show(bob, "sv", Some((alice, "v")));
    let mut layers = [("q", 11, 0x7ff0, 250), ("h", 12, 500, 3)].map(|(rid, ssrc, id, tl0)| {
        let camera = Camera {
            rid: Some(rid),
            picture_id: id,
            tl0,
            ..Camera::new(alice, ssrc)
        };
        let height = if rid == "q" { 180 } else { 360 };
        let mut layer = Scalable::new(camera, &vp9(), &SMALL);
        layer.height = height;
        layer
    });
    let mut shown = Vec::new();
    for step in 0..300 {
        if step % 60 == 0 {
            say_something(&mut world, bob);
            set_view(
                &mut world,
                bob,
                Some(if step % 120 == 0 { 360 } else { 180 }),
            );
        }
        for (_, control) in world.take_control(alice) {
            if let Control::Pli { ssrc } = control {
                layers[ssrc as usize - 11].begin_anew();
            }
        }
        layers.iter_mut().for_each(|layer| layer.send(&mut world));
        world.run(40);
        shown.push(world.router.stats(world.now)[bob].senders[0].layer);
    }
    shown.dedup();
    assert_eq!(
        shown,
        [Some(0), Some(1), Some(0), Some(1), Some(0), Some(1)]
    );
    let media = world.take_media(bob);
    assert!(unwrapped(&media).windows(2).all(|two| two[1] == two[0] + 1));
    let pictures = media.chunk_by(|one, other| one.timestamp == other.timestamp);
    let counts = pictures.map(|picture| {
        assert_eq!(picture.len(), 2);
        let told = [&picture[0], &picture[1]].map(|one| {
            let told = vp9_of(one);
            (told.picture_id.expect("a picture id").value, told.tl0)
        });
        assert_eq!(told[0], told[1]);
        told[0]
    });
    let counts: Vec<_> = counts.collect();
    for two in counts.windows(2) {
        assert_eq!(two[1].0, (two[0].0 + 1) & 0x7fff);
        assert_eq!(two[1].1, two[0].1.map(|tl0| tl0.wrapping_add(1)));
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
fn fewer_temporal_layers_leave_numbers_without_a_gap() {
    let (mut world, alice, bob) = pictures_for(telling_viewer());
    let mut camera = Camera::new(alice, 7);
    let mut path = Narrow::new(bob, 10_000);
    camera.size = 1_100;
    let mut got = Vec::new();
    let mut send = |world: &mut World, path: &mut Narrow, frames: std::ops::Range<u64>| {
        for n in frames {
            // 0 2 1 2, the ones above the lowest leaning on it alone.
            camera.temporal = [(0, false), (2, true), (1, true), (2, false)][n as usize % 4];
            for packet in camera.frame(world, n == 0) {
                world.raw(world.clients[alice].path, &packet);
            }
            for _ in 0..33 {
                world.run(1);
                got.extend(path.step(world).into_iter().filter(|one| one.ssrc == 100));
            }
        }
        std::mem::take(&mut got)
    };
    send(&mut world, &mut path, 0..120);
    path.set(300);
    send(&mut world, &mut path, 120..240);
    let thinned = send(&mut world, &mut path, 240..360);
    assert!((40..220).contains(&thinned.len()), "{}", thinned.len());
    assert!(
        unwrapped(&thinned)
            .windows(2)
            .all(|two| two[1] == two[0] + 1)
    );
    let ids: Vec<_> = thinned.iter().step_by(2).map(picture).collect();
    assert!(ids.windows(2).all(|two| two[1] == (two[0] + 1) & 0x7fff));
}
