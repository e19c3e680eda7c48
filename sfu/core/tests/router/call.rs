//! A call of two on one router, and what its clients say and hear.

use crate::support::*;
use _core::events::Event;
use _core::media::PeerMedia;
use _core::rtcp;
use _core::rtp::{AudioLevel, OutHeader};

/// A publisher and a viewer that is shown its video.
pub fn call() -> (World, Camera, usize) {
    call_with(World::new())
}

pub fn call_with(mut world: World) -> (World, Camera, usize) {
    let alice = world.connect(publisher());
    let bob = world.connect(viewer());
    world.show(bob, "sv", Some((alice, "v")));
    (world, Camera::new(alice, 7), bob)
}

pub fn send_frames(world: &mut World, camera: &mut Camera, count: usize) {
    for index in 0..count {
        camera.send(world, index == 0);
    }
}

pub fn speak(world: &mut World, client: usize, seq: u64, timestamp: u32, level: u8) {
    let packet = voice_packet(world, client, seq, timestamp, level);
    world.raw(world.clients[client].path, &packet);
}

pub fn voice_packet(world: &World, client: usize, seq: u64, timestamp: u32, level: u8) -> Vec<u8> {
    let level = [AudioLevel { voice: true, level }.to_byte()];
    let header = OutHeader {
        payload_type: 111,
        sequence: seq as u16,
        timestamp,
        ssrc: 8,
        mid: Some((MID, b"a")),
        extensions: &[(LEVEL, &level)],
        ..OutHeader::default()
    };
    let payload = [0xf8, seq as u8, 1, 2, 3];
    world.sealed(client, &header, (seq >> 16) as u32, &payload)
}

pub fn nack(world: &mut World, client: usize, ssrc: u32, lost: &[u16]) {
    world.rtcp(client, |out| rtcp::write_nack(out, 1, ssrc, lost));
}

/// A packet that did not arrive.
pub struct Lost {
    pub seq: u64,
    pub timestamp: u32,
    pub payload: Vec<u8>,
}

/// The camera sends a frame of which the first packet is lost.
pub fn lose(world: &mut World, camera: &mut Camera) -> Lost {
    let lost = Lost {
        seq: camera.seq,
        timestamp: camera.timestamp,
        payload: camera.payload(true, false),
    };
    let frame = camera.frame(world, false);
    world.raw(world.clients[camera.client].path, &frame[1]);
    lost
}

/// The publisher sends it again, by RTX under an SSRC that nobody knows yet.
pub fn recover(world: &mut World, client: usize, lost: &Lost) {
    recover_as(world, client, lost, 40_000);
}

pub fn recover_as(world: &mut World, client: usize, lost: &Lost, sequence: u16) {
    let mut payload = (lost.seq as u16).to_be_bytes().to_vec();
    payload.extend_from_slice(&lost.payload);
    let header = OutHeader {
        payload_type: 97,
        sequence,
        timestamp: lost.timestamp,
        ssrc: 70,
        mid: Some((MID, b"v")),
        ..OutHeader::default()
    };
    world.rtp(client, &header, 0, &payload);
}

/// When the client was asked for keyframes.
pub fn plis(control: &[(u64, Control)]) -> Vec<u64> {
    let is_pli = |control: &Control| matches!(control, Control::Pli { .. });
    control
        .iter()
        .filter(|(_, one)| is_pli(one))
        .map(|(at, _)| *at)
        .collect()
}

/// How often the client was asked for a keyframe since somebody looked.
pub fn plis_to(world: &mut World, client: usize) -> usize {
    plis(&world.take_control(client)).len()
}

/// When the client was asked for packets.
pub fn nacks(control: &[(u64, Control)]) -> Vec<u64> {
    let is_nack = |control: &Control| matches!(control, Control::Nack { .. });
    let asked = control.iter().filter(|(_, one)| is_nack(one));
    asked.map(|(at, _)| *at).collect()
}

pub fn sender_reports(control: &[(u64, Control)], of: u32) -> Vec<(_core::time::Ntp, u32)> {
    let report = |(_, one): &(u64, Control)| match one {
        Control::SenderReport { ssrc, ntp, rtp, .. } if *ssrc == of => Some((*ntp, *rtp)),
        _ => None,
    };
    control.iter().filter_map(report).collect()
}

/// A publisher, and a viewer of this kind who is shown its camera.
pub fn pictures_for(viewer: PeerMedia) -> (World, usize, usize) {
    let mut world = World::new();
    let (alice, bob) = (world.connect(publisher()), world.connect(viewer));
    world.show(bob, "sv", Some((alice, "v")));
    (world, alice, bob)
}

/// Something that keeps a receiver from being taken for gone.
pub fn say_something(world: &mut World, client: usize) {
    world.rtcp(client, |out| {
        _core::rtcp::write_receiver_report(out, 1, &[])
    });
}

/// What a seat's viewer has been told of its pictures since it was last asked: whether they are paused.
pub fn paused(world: &mut World, viewer: usize) -> Vec<bool> {
    let viewer = world.clients[viewer].id;
    let events = world.events.drain(..);
    let told = events.filter_map(|event| match event {
        Event::SeatPaused { peer, paused, .. } if peer == viewer => Some(paused),
        _ => None,
    });
    told.collect()
}
