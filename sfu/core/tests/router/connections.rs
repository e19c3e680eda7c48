//! Who may send us what, from where: strangers, forgeries, consent, restarts.

use crate::call::{call, send_frames};
use crate::support::*;
use _core::commands::Command;
use _core::events::Event;
use _core::ice::Credentials;

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
    assert_eq!(after.octets_in - before.octets_in, media.len() as u64 + 12);
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
