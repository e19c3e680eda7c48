//! CPU per forwarded packet: the real worker on real sockets, beside a floor that only encrypts and sends.
//!
//! The floor sends the same packets to the same sockets in the same bursts: it knows everything beforehand, receives
//! nothing, looks nothing up, and is allowed the same padding, GSO and sendmmsg.  What is above it is what a forwarder
//! adds: receiving and decrypting, rings, per-receiver numbers, feedback and reports, waiting.
//!
//! Prints one JSON object a line.  Arguments: seconds a measurement, then `kind:receivers:rooms` cases.

#![allow(missing_docs)]

mod support;

use std::thread;
use std::time::Duration;

use _core::egress::Egress;
use _core::net::UdpSocket;
use _core::rtp::{self, OutHeader};
use _core::srtp::Outbound;
use support::{Devices, Media, Node, Rooms, Source, cpu_of, outbound, paced, path_to};

/// About 60,000 packets a second each, but the last two: one room.
const CASES: &[(Media, usize, usize)] = &[
    (Media::Video, 10, 50),
    (Media::Video, 100, 5),
    (Media::Video, 400, 1),
    (Media::Audio, 100, 12),
    (Media::Video, 100, 1),
    (Media::Audio, 10, 1),
];

struct Measured {
    us_a_packet: f64,
    packets_a_second: f64,
    busy: f64,
    read: f64,
    run: f64,
}

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
        let floor = floor(&rooms, duration);
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
    let figures = |it: &Measured| {
        format!(
            r#"{{"us":{:.3},"pps":{:.0},"busy":{:.3},"read":{:.4},"run":{:.2}}}"#,
            it.us_a_packet, it.packets_a_second, it.busy, it.read, it.run
        )
    };
    println!(
        r#"{{"bench":"forward","kind":"{kind}","receivers":{},"rooms":{},"core":{},"floor":{}}}"#,
        rooms.receivers,
        rooms.rooms,
        figures(core),
        figures(floor)
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
    measured(
        cpu,
        packets,
        duration,
        read_after - read_before,
        datagrams,
        run(&after, &before),
    )
}

/// Datagrams a message: those in GSO runs are told; what is left went alone.
fn run(after: &_core::stats::Counters, before: &_core::stats::Counters) -> f64 {
    (after.datagrams_out - before.datagrams_out) as f64
        / (after.messages_out - before.messages_out).max(1) as f64
}

fn measured(
    cpu: u64,
    packets: u64,
    duration: Duration,
    read: u64,
    sent: u64,
    run: f64,
) -> Measured {
    Measured {
        us_a_packet: cpu as f64 / 1e3 / packets as f64,
        packets_a_second: packets as f64 / duration.as_secs_f64(),
        busy: cpu as f64 / duration.as_nanos() as f64,
        read: read as f64 / sent as f64,
        run,
    }
}

/// As the core writes it.
fn header() -> OutHeader<'static> {
    OutHeader {
        payload_type: 96,
        ssrc: 1_000,
        mid: Some((1, b"0")),
        ..OutHeader::default()
    }
}

/// Encrypts and sends what the core would, in a thread of its own.
fn floor(rooms: &Rooms, duration: Duration) -> Measured {
    let mut devices = Devices::new();
    devices.read();
    let all = 0..rooms.publisher(rooms.rooms);
    let keys: Vec<Outbound> = all.map(outbound).collect();
    let keys = &keys;
    let result = thread::scope(|scope| {
        let builder = thread::Builder::new().name("floor".into());
        let run = move || floor_thread(rooms, duration, devices, keys);
        builder
            .spawn_scoped(scope, run)
            .expect("thread")
            .join()
            .expect("the floor ends")
    });
    let (cpu, packets, messages, read) = result;
    measured(
        cpu,
        packets,
        duration,
        read,
        packets,
        packets as f64 / messages as f64,
    )
}

fn floor_thread(
    rooms: &Rooms,
    duration: Duration,
    devices: Devices,
    keys: &[Outbound],
) -> (u64, u64, u64, u64) {
    let mut socket = UdpSocket::bind(([127, 0, 0, 1], 0).into()).expect("bind");
    let mut egress = Egress::default();
    let (mut packets, mut messages, mut sequence) = (0, 0, 0u64);
    let mut packet = vec![0x33u8; 1_600];
    let start = rtp::write_header(&mut packet, &header());
    let paths: Vec<_> = (0..keys.len())
        .map(|device| path_to(&devices, device))
        .collect();
    let mut play = |duration| {
        paced(rooms.rooms, duration, |room, step| {
            let burst = rooms.media.burst(rooms.steps(room, step));
            if burst.is_empty() {
                return;
            }
            let size = burst.iter().copied().max().unwrap_or(0);
            for receiver in rooms.receivers_of(room) {
                for index in 0..burst.len() {
                    let number = sequence + index as u64;
                    egress.write(&paths[receiver], |out| {
                        let end = start + size;
                        out[..end].copy_from_slice(&packet[..end]);
                        out[2..4].copy_from_slice(&(number as u16).to_be_bytes());
                        keys[receiver].protect_rtp(out, start, end, (number >> 16) as u32)
                    });
                }
                if egress.is_full() {
                    messages += egress.messages().len() as u64;
                    packets += socket.send(&egress).datagrams;
                    egress.clear();
                }
            }
            messages += egress.messages().len() as u64;
            packets += socket.send(&egress).datagrams;
            egress.clear();
            sequence += burst.len() as u64;
        });
        (packets, messages, cpu_of("floor"), devices.received())
    };
    let before = play(Duration::from_secs(1));
    let after = play(duration);
    (
        after.2 - before.2,
        after.0 - before.0,
        after.1 - before.1,
        after.3 - before.3,
    )
}
