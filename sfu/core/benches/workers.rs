//! What a room costs that is spread over two workers, beside one that is on one: by the CPU time of their threads.
//!
//! A room of one publisher and N receivers on one worker, then one of 2 N receivers on two, N each: so each worker sends as
//! much as before, and one of them gets its packets from the other.  If hand-over cost nothing, two workers would carry
//! twice what one does; `gain` is what they do carry, for a second of CPU of the busier one.  Nothing of it depends on
//! how many cores the machine has left beside its receivers.
//!
//! Prints one JSON object a line.  Arguments: seconds a measurement, then receivers a worker.

#![allow(missing_docs)]

mod support;

use std::time::Duration;

use support::{Devices, Media, Node, Rooms, Source, cpu_of, paced};

const RECEIVERS: &[usize] = &[100, 200];

struct Measured {
    packets: u64,
    cpu_ns: Vec<u64>,
    relayed: u64,
    dropped: u64,
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|one| one != "--bench")
        .collect();
    let seconds = arguments.first().and_then(|one| one.parse().ok());
    let duration = Duration::from_secs_f64(seconds.unwrap_or(6.0));
    let chosen: Vec<usize> = arguments
        .iter()
        .skip(1)
        .filter_map(|one| one.parse().ok())
        .collect();
    for &receivers in if chosen.is_empty() {
        RECEIVERS
    } else {
        &chosen
    } {
        let one = room(1, receivers, duration);
        let two = room(2, receivers, duration);
        print(receivers, duration, &one, &two);
    }
}

fn room(workers: usize, receivers: usize, duration: Duration) -> Measured {
    let rooms = Rooms {
        media: Media::Video,
        rooms: 1,
        receivers: receivers * workers,
    };
    let mut devices = Devices::new();
    let mut node = Node::with_workers(workers);
    devices.read();
    rooms.enter(&mut node, &mut devices);
    let mut source = Source::new(rooms.publisher(0), rooms.media);
    let mut play = |duration: Duration| {
        paced(1, duration, |_, step| {
            rooms.consent(&node, &mut devices, 0, step);
            let burst = source.burst(step);
            if !burst.is_empty() {
                devices.send(source.device(), node.address, &mut burst.into_iter());
            }
        });
    };
    play(Duration::from_secs(2));
    let before = reading(&node, workers);
    play(duration);
    let after = reading(&node, workers);
    let cpu = after.cpu_ns.iter().zip(&before.cpu_ns);
    Measured {
        packets: after.packets - before.packets,
        cpu_ns: cpu.map(|(after, before)| after - before).collect(),
        relayed: after.relayed - before.relayed,
        dropped: after.dropped - before.dropped,
    }
}

fn reading(node: &Node, workers: usize) -> Measured {
    let mut sum = _core::stats::Counters::default();
    node.workers()
        .for_each(|worker| sum.add(&worker.counters()));
    Measured {
        packets: sum.rtp_out,
        cpu_ns: (0..workers)
            .map(|index| cpu_of(&format!("core-{index}")))
            .collect(),
        relayed: sum.relayed_in,
        dropped: sum.relay_dropped,
    }
}

fn print(receivers: usize, duration: Duration, one: &Measured, two: &Measured) {
    let busiest = |it: &Measured| it.cpu_ns.iter().copied().max().unwrap_or(1) as f64;
    let per_cpu_second = |it: &Measured| it.packets as f64 / busiest(it) * 1e9;
    let us = |it: &Measured| it.cpu_ns.iter().sum::<u64>() as f64 / 1e3 / it.packets as f64;
    let figures = |it: &Measured| {
        format!(
            r#"{{"us":{:.3},"pps":{:.0},"pps_a_cpu":{:.0}}}"#,
            us(it),
            it.packets as f64 / duration.as_secs_f64(),
            per_cpu_second(it)
        )
    };
    println!(
        r#"{{"bench":"workers","receivers":{receivers},"one":{},"two":{},"gain":{:.3},"relayed":{},"relay_dropped":{}}}"#,
        figures(one),
        figures(two),
        per_cpu_second(two) / per_cpu_second(one),
        two.relayed,
        two.dropped
    );
}
