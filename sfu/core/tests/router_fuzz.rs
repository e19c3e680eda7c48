//! A million hostile datagrams at a router with a call in it: nothing dies, the call goes on, memory stays flat.
//!
//! Noise from strangers and from validated addresses; checks, media and RTCP changed after they were sealed; and what a
//! lying peer with right keys sends: sealed noise, sealed nonsense that looks right.

#![allow(missing_docs)]

mod support;

use _core::commands::Command;
use _core::rtcp;
use _core::rtp::OutHeader;
use support::*;

/// Unoptimised builds do a tenth.
const DATAGRAMS: usize = if cfg!(debug_assertions) {
    100_000
} else {
    1_000_000
};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let len = self.below(most);
        (0..len).map(|_| self.next() as u8).collect()
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            if let Some(index) = bytes.len().checked_sub(1).map(|last| self.below(last + 1)) {
                match self.below(3) {
                    0 => bytes[index] ^= 1 << self.below(8),
                    1 => bytes[index] = self.next() as u8,
                    _ => bytes.truncate(index),
                }
            }
        }
    }
}

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("statm");
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("pages") * 4_096
}

/// A liar's packet: header fields by chance, few SSRCs, payload types that mean something.  Numbers go back and forth, but
/// not so far that nobody would know how often they have wrapped.
fn lie(world: &mut World, random: &mut Random, liar: usize, index: u32) {
    let payload = random.bytes(200);
    let most = [20, 20, 20, 255][random.below(4)];
    let value = random.bytes(most);
    let numbers = [96, 97, 102, 103, 111, 0, 127, av1().payload_type];
    let ext_seq = index.saturating_sub(random.below(100) as u32);
    let header = OutHeader {
        marker: random.below(2) == 0,
        payload_type: numbers[random.below(numbers.len())],
        sequence: ext_seq as u16,
        timestamp: random.next() as u32,
        ssrc: 5_000 + random.below(70) as u32,
        padding: random.below(8) == 0,
        mid: (random.below(2) == 0)
            .then_some((MID, if random.below(2) == 0 { b"v" } else { b"a" })),
        extensions: &[(1 + random.below(14) as u8, &value)],
    };
    world.rtp(liar, &header, ext_seq >> 16, &payload);
}

/// A liar's RTCP: real packet types, contents by chance; some of it well-formed.
fn lie_about_control(world: &mut World, random: &mut Random, liar: usize) {
    let mut noise = random.bytes(120);
    noise.resize(noise.len() / 4 * 4 + 8, 0);
    let words = (noise.len() / 4 - 1) as u16;
    let about = [100u32, 101, 200, 7, 5_003][random.below(5)];
    if random.below(8) == 0 {
        let lost: Vec<u16> = (0..1 + random.below(8))
            .map(|_| random.next() as u16)
            .collect();
        return world.rtcp(liar, |out| rtcp::write_nack(out, 1, about, &lost));
    }
    noise[0] = 0x80 | random.below(32) as u8;
    noise[1] = 200 + random.below(8) as u8;
    noise[2..4].copy_from_slice(&words.to_be_bytes());
    if noise.len() >= 12 {
        noise[8..12].copy_from_slice(&about.to_be_bytes());
    }
    world.rtcp(liar, |out| {
        out[..noise.len()].copy_from_slice(&noise);
        noise.len()
    });
}

#[test]
fn a_million_hostile_datagrams_leave_the_call_alone() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut world = World::new();
    let alice = world.connect(publisher());
    let bob = world.connect(viewer());
    let mut both = publisher();
    both.tracks[0].codecs.push(av1());
    let mut curious = viewer();
    curious.senders[0].codecs.push(own(av1(), 10));
    curious.senders[0].dependency = true;
    both.senders.clone_from(&curious.senders);
    let mallory = world.connect(both);
    world.show(bob, "sv", Some((alice, "v")));
    // Mallory is seen and heard too, and sees herself.
    let dave = world.connect(curious);
    world.show(dave, "sv", Some((mallory, "v")));
    world.show(dave, "sa", Some((mallory, "a")));
    world.show(mallory, "sv", Some((mallory, "v")));
    let mut camera = Camera::new(alice, 7);
    camera.send(&mut world, true);
    let check = {
        let mut bytes = vec![0; 256];
        let request = _core::stun::OutRequest {
            transaction_id: [7; 12],
            username: "ufrag0000:theirs",
            priority: 1,
            role: _core::stun::Role::Controlling(5),
            use_candidate: true,
        };
        let key = _core::stun::StunKey::new("not the password");
        let len = _core::stun::write_request(&mut bytes, &request, &key);
        bytes.truncate(len);
        bytes
    };
    let (mut memory, mut shown) = (0, 0);
    for index in 0..DATAGRAMS {
        let from = [
            path(60_000 + (index % 1_000) as u16),
            world.clients[mallory].path,
        ][random.below(2)];
        match random.below(6) {
            0 => world.raw(from, &random.bytes(1_500)),
            1 => {
                let mut changed = check.clone();
                random.change(&mut changed);
                world.raw(from, &changed);
            }
            2 => {
                let header = OutHeader {
                    payload_type: 96,
                    sequence: index as u16,
                    ssrc: 7,
                    ..OutHeader::default()
                };
                let mut sealed = world.sealed(mallory, &header, 0, &[1, 2, 3]);
                random.change(&mut sealed);
                world.raw(from, &sealed);
            }
            3 => lie_about_control(&mut world, &mut random, mallory),
            _ => lie(&mut world, &mut random, mallory, index as u32 / 4),
        }
        if index % 100 == 0 {
            camera.send(&mut world, false);
            (0..4).for_each(|client| world.check(client, false));
            shown += world.take_media(bob).len();
            forget(&mut world);
        }
        if index == DATAGRAMS / 5 {
            memory = resident();
        }
    }
    assert_eq!(
        shown,
        2 + DATAGRAMS / 100 * 2,
        "every packet of the call arrived"
    );
    let grown = resident().saturating_sub(memory);
    assert!(grown < 4 << 20, "memory grew by {grown} bytes");
    let counters = world.router.counters();
    assert!(counters.srtp_forged > 0 && counters.stun_forged > 0 && counters.strangers > 0);
    assert!(counters.rtp_in > DATAGRAMS as u64 / 4);
    assert!(counters.malformed > 0 && counters.rtp_unmapped > 0 && counters.nacks_in > 0);
    world.command(Command::RemovePeer {
        peer: mallory as u64 + 1,
    });
    assert_eq!(world.router.peer_count(), 3);
}

/// What clients were sent is not the router's memory.
fn forget(world: &mut World) {
    for client in 0..world.clients.len() {
        world.take_media(client);
        world.take_control(client);
        world.clients[client].stun.clear();
        world.clients[client].dtls.clear();
    }
    world.events.clear();
    world.runs.clear();
    world.astray.clear();
}
