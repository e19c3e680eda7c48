//! What one forwarded packet of a load costs at least: the floor alone, with the packets, sockets and runs that are given.
//!
//! `tests/bench/floor.py` takes these from a load that a node has just carried, and quotes the figure beside the node's.
//! Prints one JSON object.  Arguments, all `--name=value`: seconds, rooms, receivers (of a room), pps (packets a second
//! to a receiver), size (octets of payload), run (packets a message), cores (of the sending and the reading thread).

#![allow(missing_docs)]

mod support;

use std::time::Duration;

use support::floor::{Burst, Floor};
use support::{Media, Rooms, STEP};

struct Load {
    seconds: f64,
    rooms: usize,
    receivers: usize,
    pps: f64,
    size: usize,
    run: f64,
    cores: (Option<usize>, Option<usize>),
}

impl Load {
    fn of_arguments() -> Self {
        Self {
            seconds: argument("seconds").unwrap_or(6.0),
            rooms: argument("rooms").unwrap_or(5),
            receivers: argument("receivers").unwrap_or(200),
            pps: argument("pps").unwrap_or(120.0),
            size: argument("size").unwrap_or(1_042),
            run: argument("run").unwrap_or(4.0),
            cores: (argument("core"), argument("reading-core")),
        }
    }
}

/// The value of `--name=value`.
fn argument<T: std::str::FromStr>(name: &str) -> Option<T> {
    let head = format!("--{name}=");
    let text = std::env::args().find_map(|one| one.strip_prefix(&head).map(str::to_owned))?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("--{name}: not a number: {text}")),
    )
}

/// How many packets of a receiver wait, and how many have left in how many runs.
#[derive(Clone, Copy, Default)]
struct Waiting {
    credit: f64,
    runs: f64,
    left: f64,
}

impl Waiting {
    /// Packets come evenly and leave once the next run is full; runs are `run` long on average.
    fn step(&mut self, pps: f64, run: f64) -> usize {
        self.credit += pps * STEP.as_secs_f64();
        let next = ((self.runs + 1.0) * run).round() - self.left;
        if self.credit < next.max(1.0) {
            return 0;
        }
        let packets = next.max(1.0);
        self.credit -= packets;
        self.left += packets;
        self.runs += 1.0;
        packets as usize
    }
}

fn main() {
    let load = Load::of_arguments();
    let rooms = Rooms {
        media: Media::Video,
        rooms: load.rooms,
        receivers: load.receivers,
    };
    let mut waiting: Vec<_> = (0..load.rooms).map(|room| early(room, &load)).collect();
    let bursts = move |room: usize, _step| Burst {
        packets: waiting[room].step(load.pps, load.run),
        size: load.size,
    };
    let floor = Floor {
        rooms: &rooms,
        bursts: Box::new(bursts),
        gathered: true,
        cores: load.cores,
    };
    let measured = floor.measure(Duration::from_secs_f64(load.seconds));
    println!(r#"{{"bench":"floor","floor":{}}}"#, measured.json());
}

/// Rooms are out of step with each other.
fn early(room: usize, load: &Load) -> Waiting {
    Waiting {
        credit: load.run * (room as f64 * 0.618).fract(),
        ..Waiting::default()
    }
}
