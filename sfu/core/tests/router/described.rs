//! Dependency descriptors of AV1: viewers that take them get each packet's, with frame numbers that go on.

use crate::links::set_view;
use crate::scalable::{STRUCTURE, Scalable, spatial};
use crate::support::*;
use _core::codec::Codec;
use _core::media::PeerMedia;
use _core::rtcp;

/// Packets and octets of each spatial layer's frame.
const FRAMES: [(usize, usize); 3] = [(1, 300), (2, 600), (2, 1_100)];
const A_PICTURE: usize = 5;

fn sends() -> PeerMedia {
    let mut media = publisher();
    media.tracks[0].codecs = vec![av1()];
    media
}

fn takes(dependency: bool) -> PeerMedia {
    let mut media = viewer();
    media.senders[0].codecs = vec![own(av1(), 10)];
    media.senders[0].dependency = dependency;
    media
}

/// A publisher, and a viewer who is shown it.
fn call(dependency: bool) -> (World, usize, usize) {
    let mut world = World::new();
    let (alice, bob) = (world.connect(sends()), world.connect(takes(dependency)));
    world.show(bob, "sv", Some((alice, "v")));
    (world, alice, bob)
}

/// A camera of this client whose next frame has this number.
fn camera(client: usize, ssrc: u32, frame: u16) -> Scalable {
    let mut camera = Scalable::new(Camera::new(client, ssrc), &av1(), &FRAMES);
    camera.sent = frame;
    camera
}

fn film(world: &mut World, camera: &mut Scalable, pictures: usize) {
    for _ in 0..pictures {
        camera.send(world);
        world.run(40);
    }
}

/// Frame number, and the descriptor without it.
fn told(media: &Media) -> (u16, Vec<u8>) {
    let mut octets = media.descriptor.clone().expect("a descriptor");
    let number = octets.drain(1..3).collect::<Vec<_>>();
    (u16::from_be_bytes([number[0], number[1]]), octets)
}

/// How far the frame number of each packet is from that of the first.
fn frames(media: &[Media]) -> Vec<u16> {
    let first = told(&media[0]).0;
    let numbers = media.iter().map(|one| told(one).0.wrapping_sub(first));
    numbers.collect()
}

#[test]
fn every_packet_has_the_descriptor_that_it_came_with() {
    let (mut world, alice, bob) = call(true);
    film(&mut world, &mut camera(alice, 7, 65_530), 4);
    let media = world.take_media(bob);
    assert_eq!(media.len(), 4 * A_PICTURE);
    assert_eq!(frames(&media[..10]), [0, 1, 1, 2, 2, 3, 4, 4, 5, 5]);
    assert_eq!(frames(&media[10..]), [0, 1, 1, 2, 2, 3, 4, 4, 5, 5]);
    let flags: Vec<u8> = media[..5].iter().map(|one| told(one).1[0]).collect();
    assert_eq!(flags, [0xc0, 0x81, 0x41, 0x82, 0x42]);
    assert_eq!(told(&media[0]).1[1..], STRUCTURE);
    assert!(media[1..].iter().all(|one| told(one).1.len() == 1));
    // What stands beside it in the header is there in both forms.
    assert!(media.iter().all(|one| one.mid.as_deref() == Some("sv")));
    assert!(
        media
            .iter()
            .all(|one| one.payload.len() == FRAMES[usize::from(spatial(one, Codec::Av1))].1)
    );
}

#[test]
fn frame_numbers_go_on_from_one_publisher_to_another() {
    let mut world = World::new();
    let (alice, carol) = (world.connect(sends()), world.connect(sends()));
    let bob = world.connect(takes(true));
    world.show(bob, "sv", Some((alice, "v")));
    film(&mut world, &mut camera(alice, 7, 200), 2);
    world.show(bob, "sv", Some((carol, "v")));
    film(&mut world, &mut camera(carol, 8, 65_534), 2);
    let media = world.take_media(bob);
    assert_eq!(media.len(), 4 * A_PICTURE);
    assert_eq!(
        frames(&media),
        [
            0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 7, 7, 8, 8, 9, 10, 10, 11, 11
        ]
    );
    assert_eq!(told(&media[10]).1[1..], STRUCTURE);
}

#[test]
fn frames_that_are_left_out_are_numbered_all_the_same() {
    let (mut world, alice, bob) = call(true);
    let mut camera = camera(alice, 7, 0);
    film(&mut world, &mut camera, 60);
    set_view(&mut world, bob, Some(360));
    film(&mut world, &mut camera, 1);
    world.take_media(bob);
    film(&mut world, &mut camera, 2);
    assert_eq!(frames(&world.take_media(bob)), [0, 1, 1, 3, 4, 4]);
}

#[test]
fn what_is_sent_again_has_the_descriptor_that_it_had() {
    let (mut world, alice, bob) = call(true);
    film(&mut world, &mut camera(alice, 7, 500), 2);
    let media = world.take_media(bob);
    for lost in [&media[0], &media[6]] {
        let asked = [lost.sequence];
        world.rtcp(bob, |out| rtcp::write_nack(out, 1, 100, &asked));
        let again = world.take_media(bob);
        assert_eq!((again.len(), again[0].ssrc), (1, 101));
        assert_eq!(again[0].payload[2..], lost.payload);
        assert_eq!(again[0].descriptor, lost.descriptor);
    }
}

#[test]
fn viewers_on_another_worker_get_them_as_well() {
    let mut world = World::with_workers(2);
    let alice = world.connect(sends());
    let bob = world.connect_on(1, takes(true));
    world.show(bob, "sv", Some((alice, "v")));
    film(&mut world, &mut camera(alice, 7, 0), 2);
    let media = world.take_media(bob);
    assert_eq!(frames(&media), [0, 1, 1, 2, 2, 3, 4, 4, 5, 5]);
    assert_eq!(told(&media[0]).1[1..], STRUCTURE);
}

/// Without them a player takes each layer's frame for a picture, and can decode none but the lowest.
#[test]
fn who_takes_no_descriptors_gets_the_lowest_spatial_layer_alone() {
    let (mut world, alice, bob) = call(false);
    let mut camera = camera(alice, 7, 0);
    for _ in 0..2 {
        film(&mut world, &mut camera, 50);
        let media = world.take_media(bob);
        assert_eq!(media.len(), 50);
        assert!(
            media
                .iter()
                .all(|one| spatial(one, Codec::Av1) == 0 && one.marker)
        );
        assert!(media.iter().all(|one| one.descriptor.is_none()));
        camera.begin_anew();
    }
    assert!(
        world
            .take_control(alice)
            .iter()
            .all(|(_, one)| !matches!(one, Control::Pli { .. }))
    );
}
