//! Receivers without transport-wide feedback: they are told when packets leave, and tell what they think their path carries.

use crate::call::{nack, pictures_for, say_something, send_frames, voice_packet};
use crate::links::{Studio, run, seat};
use crate::support::*;
use _core::departure::abs_send_time;

#[test]
fn packets_say_when_they_leave_and_so_do_those_that_are_sent_again() {
    let (mut world, alice, bob) = pictures_for(timed_viewer());
    let mut camera = Camera::new(alice, 7);
    send_frames(&mut world, &mut camera, 3);
    let first = world.take_media(bob);
    let left = |one: &Media| abs_send_time(_core::time::Instant::from_millis(one.at_ms));
    assert_eq!(first.len(), 6);
    assert!(first.iter().all(|one| one.send_time == Some(left(one))));
    assert!(first.iter().all(|one| one.transport.is_none()));
    world.run(500);
    nack(&mut world, bob, 100, &[first[3].sequence]);
    let again = world.take_media(bob);
    assert_eq!((again.len(), again[0].ssrc), (1, 101));
    assert_eq!(again[0].send_time, Some(left(&again[0])));
    assert_ne!(again[0].send_time, first[3].send_time);
}

#[test]
fn sound_that_is_sent_again_without_rtx_says_when_it_left_first() {
    let mut media = timed_viewer();
    media.senders[1].codecs[0].nack = true;
    let mut world = World::new();
    let (alice, bob) = (world.connect(publisher()), world.connect(media));
    world.show(bob, "sa", Some((alice, "a")));
    let voice = voice_packet(&world, alice, 1, 960, 30);
    world.raw(world.clients[alice].path, &voice);
    let sent = world.take_media(bob);
    world.run(700);
    world.tapped = Some(Vec::new());
    nack(&mut world, bob, 200, &[sent[0].sequence]);
    let again = world.tapped.take().expect("tapped");
    let packet = _core::rtp::Packet::parse(&again[0]).expect("RTP");
    let time = sent[0].send_time.expect("timed").to_be_bytes();
    assert_eq!(packet.extension(SEND_TIME), Some(&time[1..]));
}

#[test]
fn who_counts_packets_or_asks_for_nothing_is_not_told_when_they_leave() {
    let mut both = telling_viewer();
    both.senders
        .iter_mut()
        .for_each(|one| one.abs_send_time = true);
    for media in [viewer(), telling_viewer(), both] {
        let counts = media.senders[0].transport_cc;
        let (mut world, alice, bob) = pictures_for(media);
        send_frames(&mut world, &mut Camera::new(alice, 7), 2);
        let got = world.take_media(bob);
        assert!(got.iter().all(|one| one.send_time.is_none()), "{got:?}");
        assert!(got.iter().all(|one| one.transport.is_some() == counts));
    }
}

#[test]
fn before_its_first_figure_a_viewer_is_sent_no_more_than_most_paths_carry() {
    let mut world = World::new();
    let (alice, bob) = (world.connect(simulcast()), world.connect(timed_viewer()));
    let mut studio = Studio::new(alice);
    world.run(9_000);
    world.show(bob, "sv", Some((alice, "v")));
    let mut layers = |world: &mut World, ms: u64| {
        say_something(world, bob);
        let layers = (0..ms).map(|_| {
            world.run(1);
            studio.step(world);
            seat(world, bob).layer
        });
        layers.collect::<Vec<_>>()
    };
    let early = layers(&mut world, 4_500);
    assert!(!early.contains(&Some(2)), "the top one has 1.5 Mbit/s");
    assert_eq!(early.last(), Some(&Some(1)));
    let late = layers(&mut world, 4_500);
    assert_eq!(late.last(), Some(&Some(2)), "it tells nothing");
}
