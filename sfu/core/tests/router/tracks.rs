//! What is negotiated and what comes: tracks, SSRCs, codecs, voices.

use crate::call::{call, lose, plis, recover, recover_as, send_frames, speak};
use crate::support::*;
use _core::commands::Command;
use _core::events::{Event, Showing};
use _core::rtp::OutHeader;

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
fn sound_with_redundancy_goes_as_it_is_to_who_takes_it_and_to_nobody_else() {
    let mut world = World::new();
    let (mut speaks, mut takes) = (publisher(), viewer());
    speaks.tracks[1].codecs.push(red());
    takes.senders[1].codecs.push(own(red(), 1));
    let alice = world.connect(speaks);
    let (bob, carol) = (world.connect(viewer()), world.connect(takes));
    for viewer in [bob, carol] {
        world.show(viewer, "sa", Some((alice, "a")));
    }
    // RFC 2198 §3: the frame of 20 ms before, of 3 octets, then the newest.
    let payload = |seq: u8| [0xef, 0x0f, 0x00, 3, 0x6f, 0xf8, seq - 1, 7, 0xf8, seq, 7, 8];
    for seq in 1..=10 {
        let header = OutHeader {
            payload_type: red().payload_type,
            sequence: seq.into(),
            timestamp: u32::from(seq) * 960,
            ssrc: 9,
            mid: Some((MID, b"a")),
            ..OutHeader::default()
        };
        world.rtp(alice, &header, 0, &payload(seq));
        world.run(20);
    }
    let heard = world.take_media(carol);
    assert!(heard.iter().all(|one| one.payload_type == 64));
    let payloads: Vec<_> = heard.iter().map(|one| one.payload.clone()).collect();
    assert_eq!(payloads, (1..=10).map(payload).collect::<Vec<_>>());
    assert_eq!(world.take_media(bob).len(), 0);
    let refused = |event: &&Event| matches!(event, Event::NotShowable(_));
    let told: Vec<_> = world.events.iter().filter(refused).collect();
    let showing = Showing {
        peer: world.clients[bob].id,
        mid: "sa".into(),
        source_peer: world.clients[alice].id,
        source_mid: "a".into(),
    };
    assert_eq!(told, [&Event::NotShowable(showing)]);
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
