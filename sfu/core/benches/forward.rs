//! CPU per forwarded packet: the real worker on real sockets, beside a floor that only encrypts and sends.
//!
//! The floor (`support/floor.rs`) sends the same packets to the same sockets in the same bursts.  What is above it is what
//! a forwarder adds: receiving and decrypting, rings, per-receiver numbers, feedback and reports, waiting.
//!
//! Prints one JSON object a line.  Arguments: seconds a measurement, then `kind:receivers:rooms` cases.

#![allow(missing_docs)]

mod support;

use std::time::Duration;

use support::floor::{Burst, Floor, Measured};
use support::{Devices, Media, Node, Rooms, Source, cpu_of, paced};

/// About 60,000 packets a second each, but the last two: one room.
const CASES: &[(Media, usize, usize)] = &[
    (Media::Video, 10, 50),
    (Media::Video, 100, 5),
    (Media::Video, 400, 1),
    (Media::Audio, 100, 12),
    (Media::Video, 100, 1),
    (Media::Audio, 10, 1),
];

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|one| one != "--bench")
        .collect();
    let seconds = arguments
        .first()
        .and_then(|one| one.parse().ok())
        .unwrap_or(6.0);
    let duration = Duration::from_secs_f64(seconds);
    let chosen: Vec<_> = arguments
        .iter()
        .skip(1)
        .filter_map(|one| case(one))
        .collect();
    for &(media, receivers, rooms) in if chosen.is_empty() { CASES } else { &chosen } {
        let rooms = Rooms {
            media,
            rooms,
            receivers,
        };
        let floor = floor(&rooms).measure(duration);
        let core = forward(&rooms, duration);
        print(&rooms, &core, &floor);
    }
}

fn case(text: &str) -> Option<(Media, usize, usize)> {
    let mut parts = text.split(':');
    let media = if parts.next()? == "audio" {
        Media::Audio
    } else {
        Media::Video
    };
    Some((
        media,
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
    ))
}

fn print(rooms: &Rooms, core: &Measured, floor: &Measured) {
    let kind = if rooms.media == Media::Video {
        "video"
    } else {
        "audio"
    };
    println!(
        r#"{{"bench":"forward","kind":"{kind}","receivers":{},"rooms":{},"core":{},"floor":{}}}"#,
        rooms.receivers,
        rooms.rooms,
        core.json(),
        floor.json()
    );
}

fn forward(rooms: &Rooms, duration: Duration) -> Measured {
    let mut devices = Devices::new();
    let mut node = Node::new();
    devices.read();
    rooms.enter(&mut node, &mut devices);
    let mut sources: Vec<_> = (0..rooms.rooms)
        .map(|room| Source::new(rooms.publisher(room), rooms.media))
        .collect();
    let address = node.address;
    let mut play = |duration: Duration| {
        paced(rooms.rooms, duration, |room, step| {
            rooms.consent(&node, &mut devices, room, step);
            let burst = sources[room].burst(rooms.steps(room, step));
            if !burst.is_empty() {
                devices.send(sources[room].device(), address, &mut burst.into_iter());
            }
        });
        devices.received()
    };
    let read_before = play(Duration::from_secs(2));
    let (cpu, before) = (cpu_of("core-0"), node.worker.counters());
    let read_after = play(duration);
    let (cpu, after) = (cpu_of("core-0") - cpu, node.worker.counters());
    assert_eq!(after.rtp_unmapped, 0);
    let packets = after.rtp_out - before.rtp_out;
    let datagrams = after.datagrams_out - before.datagrams_out;
    Measured {
        cpu_ns: cpu,
        packets,
        duration,
        read: read_after - read_before,
        sent: datagrams,
        run: run(&after, &before),
    }
}

/// Datagrams a message: those in GSO runs are told; what is left went alone.
fn run(after: &_core::stats::Counters, before: &_core::stats::Counters) -> f64 {
    (after.datagrams_out - before.datagrams_out) as f64
        / (after.messages_out - before.messages_out).max(1) as f64
}

/// What the core would send, in the publisher's bursts.
fn floor(rooms: &Rooms) -> Floor<'_> {
    let bursts = |room, step| {
        let burst = rooms.media.burst(rooms.steps(room, step));
        Burst {
            packets: burst.len(),
            size: burst.iter().copied().max().unwrap_or(0),
        }
    };
    Floor {
        rooms,
        bursts: Box::new(bursts),
        gathered: false,
        cores: (None, None),
    }
}
