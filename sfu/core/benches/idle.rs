//! What a peer costs that does nothing but hold four seats: memory, and CPU with and without its consent checks.
//!
//! Prints one JSON object a line.  Arguments: how many peers.

#![allow(missing_docs)]

mod support;

use std::thread;
use std::time::{Duration, Instant};

use support::{Devices, Node, check, cpu_of, resident, viewer_media};

/// As many checks as peers send in two seconds or so are measured at once.
const CHECK_ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|one| one != "--bench")
        .collect();
    let peers = arguments
        .first()
        .and_then(|one| one.parse().ok())
        .unwrap_or(4_000);
    let mut devices = Devices::new();
    let mut node = Node::new();
    devices.read();
    // What the first peers touch for all.
    (0..64).for_each(|device| node.connect(&mut devices, device, viewer_media(4)));
    node.settle();
    let memory = resident();
    (64..64 + peers).for_each(|device| node.connect(&mut devices, device, viewer_media(4)));
    node.settle();
    let memory = (resident() - memory) as f64 / peers as f64;
    let (cpu, at) = (cpu_of("core-0"), Instant::now());
    thread::sleep(Duration::from_secs(4));
    let idle = (cpu_of("core-0") - cpu) as f64 / at.elapsed().as_secs_f64() / peers as f64;
    println!(
        r#"{{"bench":"idle","peers":{peers},"bytes":{memory:.0},"idle_us_per_s":{:.3},"check_us":{:.3}}}"#,
        idle / 1e3,
        checks(&mut node, &mut devices, peers)
    );
}

/// Microseconds of CPU for one check and its answer.
fn checks(node: &mut Node, devices: &mut Devices, peers: usize) -> f64 {
    let (cpu, before) = (cpu_of("core-0"), node.worker.counters().stun_in);
    for _ in 0..CHECK_ROUNDS {
        for device in 0..peers {
            check(devices, device, node.address);
            if device % 50 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
    thread::sleep(Duration::from_millis(200));
    let answered = node.worker.counters().stun_in - before;
    (cpu_of("core-0") - cpu) as f64 / 1e3 / answered as f64
}
