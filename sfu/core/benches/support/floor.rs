//! The least that forwarding can cost: a thread that encrypts and sends, and knows everything beforehand.
//!
//! It sends the packets of a load to the load's sockets, in the load's runs.  It receives nothing and looks nothing up,
//! and is allowed the same padding, GSO and sendmmsg.

use std::thread;
use std::time::{Duration, Instant};

use _core::egress::Egress;
use _core::net::UdpSocket;
use _core::rtp::{self, OutHeader};
use _core::srtp::Outbound;

use super::{Devices, Rooms, cpu_of, outbound, paced, path_to, pin};

const WARM_UP: Duration = Duration::from_secs(1);

/// What leaves for each receiver of a room at a step of 5 ms.
#[derive(Clone, Copy)]
pub struct Burst {
    pub packets: usize,
    /// Octets of payload of each.
    pub size: usize,
}

/// What to send, and where from.
pub struct Floor<'a> {
    pub rooms: &'a Rooms,
    /// Of a room at a step.
    pub bursts: Box<dyn FnMut(usize, u64) -> Burst + Send + 'a>,
    /// Whether receivers take whole runs from one socket, as the load tester does.
    pub gathered: bool,
    /// The cores of the sending and of the reading thread.
    pub cores: (Option<usize>, Option<usize>),
}

/// What a thread did in a time.
pub struct Measured {
    pub cpu_ns: u64,
    pub packets: u64,
    pub duration: Duration,
    /// Datagrams that were read at the other end, of those sent.
    pub read: u64,
    pub sent: u64,
    /// Datagrams a message.
    pub run: f64,
}

impl Measured {
    /// As an object of JSON.
    pub fn json(&self) -> String {
        format!(
            r#"{{"us":{:.3},"pps":{:.0},"busy":{:.3},"read":{:.4},"run":{:.2}}}"#,
            self.cpu_ns as f64 / 1e3 / self.packets as f64,
            self.packets as f64 / self.duration.as_secs_f64(),
            self.cpu_ns as f64 / self.duration.as_nanos() as f64,
            self.read as f64 / self.sent as f64,
            self.run
        )
    }
}

#[derive(Clone, Copy, Default)]
struct Totals {
    at: Duration,
    cpu_ns: u64,
    packets: u64,
    messages: u64,
    read: u64,
}

impl Floor<'_> {
    /// Sends for so long, in a thread of its own.
    pub fn measure(mut self, duration: Duration) -> Measured {
        let mut devices = if self.gathered {
            Devices::gathered()
        } else {
            Devices::new()
        };
        devices.read_on(self.cores.1);
        let builder = thread::Builder::new().name("floor".into());
        let (before, after) = thread::scope(|scope| {
            let run = move || {
                pin(self.cores.0);
                let mut sending = Sending::new(self.rooms, devices);
                let before = sending.play(self.rooms, &mut self.bursts, WARM_UP);
                (before, sending.play(self.rooms, &mut self.bursts, duration))
            };
            let thread = builder.spawn_scoped(scope, run).expect("thread");
            thread.join().expect("the floor ends")
        });
        let packets = after.packets - before.packets;
        Measured {
            cpu_ns: after.cpu_ns - before.cpu_ns,
            packets,
            // Longer than was asked for where the thread could not keep up.
            duration: after.at - before.at,
            read: after.read - before.read,
            sent: packets,
            run: packets as f64 / (after.messages - before.messages) as f64,
        }
    }
}

/// The sending thread's own.
struct Sending {
    begin: Instant,
    devices: Devices,
    keys: Vec<Outbound>,
    paths: Vec<_core::demux::Path>,
    socket: UdpSocket,
    egress: Egress,
    packet: Vec<u8>,
    start: usize,
    sequence: u64,
    totals: Totals,
}

impl Sending {
    fn new(rooms: &Rooms, devices: Devices) -> Self {
        let all = 0..rooms.publisher(rooms.rooms);
        let mut packet = vec![0x33u8; 1_600];
        let start = rtp::write_header(&mut packet, &header());
        Self {
            begin: Instant::now(),
            keys: all.clone().map(outbound).collect(),
            paths: all.map(|device| path_to(&devices, device)).collect(),
            devices,
            socket: UdpSocket::bind(([127, 0, 0, 1], 0).into()).expect("bind"),
            egress: Egress::default(),
            packet,
            start,
            sequence: 0,
            totals: Totals::default(),
        }
    }

    fn play(
        &mut self,
        rooms: &Rooms,
        bursts: &mut dyn FnMut(usize, u64) -> Burst,
        duration: Duration,
    ) -> Totals {
        paced(rooms.rooms, duration, |room, step| {
            let burst = bursts(room, step);
            if burst.packets > 0 {
                self.fan_out(rooms.receivers_of(room), burst);
            }
        });
        Totals {
            at: self.begin.elapsed(),
            cpu_ns: cpu_of("floor"),
            read: self.devices.received(),
            ..self.totals
        }
    }

    fn fan_out(&mut self, receivers: std::ops::Range<usize>, burst: Burst) {
        for receiver in receivers {
            self.write(receiver, burst);
            if self.egress.is_full() {
                self.flush();
            }
        }
        self.flush();
        self.sequence += burst.packets as u64;
    }

    fn write(&mut self, receiver: usize, burst: Burst) {
        let end = self.start + burst.size;
        for number in self.sequence..self.sequence + burst.packets as u64 {
            self.egress.write(&self.paths[receiver], |out| {
                out[..end].copy_from_slice(&self.packet[..end]);
                out[2..4].copy_from_slice(&(number as u16).to_be_bytes());
                self.keys[receiver].protect_rtp(out, self.start, end, (number >> 16) as u32)
            });
        }
    }

    fn flush(&mut self) {
        self.totals.messages += self.egress.messages().len() as u64;
        self.totals.packets += self.socket.send(&self.egress).datagrams;
        self.egress.clear();
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
