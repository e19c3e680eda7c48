//! What the load engine can take: packets a second that one engine thread reads, and what each costs it.
//!
//! A thread sends packets that were encrypted beforehand, by GSO, to N receivers of one engine: frames of four packets in
//! steps of 2, 1 and 1, spread over time as many publishers do.  Prints one JSON object: packets read a second, the
//! engine's CPU µs a packet, what was lost on the way into its socket.
//!
//! Arguments: seconds a measurement, then `receivers:packets-per-second-each` cases.

#![allow(missing_docs)]

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use _core::demux::Path;
use _core::egress::Egress;
use _core::load::config::{EndpointConfig, EndpointMedia, ReceivedTrack};
use _core::load::engine::{Engine, EngineConfig, LoadCommand};
use _core::load::fleet::Fleet;
use _core::load::link::LinkConfig;
use _core::media::{ExtensionIds, Kind};
use _core::net::{Inbox, UdpSocket, wait};
use _core::rtp::{self, OutHeader};
use _core::srtp::{Inbound, Outbound, Profile};
use _core::stun::{self, BindingRequest, StunKey};
use std::os::fd::AsRawFd;

const PROFILE: Profile = Profile::AeadAes128Gcm;
const PASSWORD: &str = "0123456789abcdefghijkl";
/// Distinct encrypted packets: what is not decrypted does not have to be new.  They share a key and a rollover counter.
const SIZE: usize = 1_042;
const CASES: &[(u32, u32)] = &[(1_000, 100), (3_000, 100)];

struct Server {
    socket: UdpSocket,
    port: u16,
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|one| one != "--bench")
        .collect();
    let seconds = arguments
        .first()
        .and_then(|one| one.parse().ok())
        .unwrap_or(5.0);
    let chosen: Vec<(u32, u32)> = arguments
        .iter()
        .skip(1)
        .filter_map(|one| {
            let (receivers, rate) = one.split_once(':')?;
            Some((receivers.parse().ok()?, rate.parse().ok()?))
        })
        .collect();
    for &(receivers, rate) in if chosen.is_empty() { CASES } else { &chosen } {
        measure(receivers, rate, Duration::from_secs_f64(seconds));
    }
}

fn key(number: u32) -> [u8; 16] {
    let mut key = [3; 16];
    key[..4].copy_from_slice(&number.to_be_bytes());
    key
}

fn measure(receivers: u32, rate: u32, duration: Duration) {
    let config = EngineConfig {
        seed: 1,
        check_every: 16,
        cpu: None,
    };
    let engine = Engine::start(config).expect("start");
    let socket = UdpSocket::bind(([127, 0, 0, 1], 0).into()).expect("bind");
    let server = socket.local();
    (0..receivers).for_each(|id| add(&engine, id, server));
    let port = answer_checks(&socket, receivers);
    let mut server = Server { socket, port };
    let mut packets = Packets::new(receivers);
    server.play(&mut packets, rate, Duration::from_secs(1));
    engine.command(LoadCommand::Reset).expect("taken");
    let begin = engine.snapshot().expect("a snapshot");
    let sent = server.play(&mut packets, rate, duration);
    thread::sleep(Duration::from_millis(200));
    let end = engine.snapshot().expect("a snapshot");
    let read = end.totals.packets_received - begin.totals.packets_received;
    let cpu = (end.cpu - begin.cpu).as_secs_f64();
    println!(
        r#"{{"bench":"load","receivers":{receivers},"asked_pps":{},"sent_pps":{:.0},"read_pps":{:.0},"us":{:.3},"busy":{:.3},"drops":{},"lost":{},"checked":{},"forged":{},"wakeups":{}}}"#,
        receivers * rate,
        sent as f64 / duration.as_secs_f64(),
        read as f64 / duration.as_secs_f64(),
        cpu * 1e6 / read.max(1) as f64,
        cpu / duration.as_secs_f64(),
        end.socket_drops,
        end.totals.lost(),
        end.totals.checked,
        end.totals.replayed_or_forged,
        end.wakeups,
    );
}

fn add(engine: &Engine, id: u32, server: SocketAddr) {
    let config = EndpointConfig {
        local_ufrag: "ours".into(),
        local_password: PASSWORD.into(),
        remote_ufrag: format!("theirs{id}"),
        remote_password: PASSWORD.into(),
        remote: server,
        link: LinkConfig::default(),
    };
    let track = ReceivedTrack {
        mid: "0".into(),
        kind: Kind::Audio,
        ssrc: Some(1_000),
        rtx_ssrc: None,
        payload_types: vec![96],
        rtx_payload_types: vec![],
        clock_rate: 90_000,
        nack: true,
        pli: false,
    };
    let media = EndpointMedia {
        sends: vec![],
        receives: vec![track],
        extensions: ExtensionIds {
            dependency: 0,
            mid: 1,
            ..ExtensionIds::default()
        },
        rtcp_ssrc: 1,
    };
    let keys = (
        Inbound::new(PROFILE, &key(id), &[9; 12]).expect("key"),
        Outbound::new(PROFILE, &key(id), &[8; 12]).expect("key"),
    );
    for command in [
        LoadCommand::AddEndpoint {
            id,
            config: Box::new(config),
            socket: None,
        },
        LoadCommand::SetMedia {
            id,
            media: Box::new(media),
        },
        LoadCommand::SetKeys {
            id,
            keys: Box::new(keys),
        },
    ] {
        engine.command(command).expect("taken");
    }
}

/// Answers the first check of every endpoint; gives the engine's port.
fn answer_checks(socket: &UdpSocket, receivers: u32) -> u16 {
    let (mut inbox, mut answers) = (Inbox::default(), Egress::default());
    let (key, mut port) = (StunKey::new(PASSWORD), 0);
    let mut answered = std::collections::HashSet::new();
    let mut socket = socket.try_clone().expect("clone");
    while answered.len() < receivers as usize {
        assert!(
            wait([socket.as_raw_fd()], Some(Duration::from_secs(5)))[0],
            "checks come"
        );
        socket.receive(&mut inbox).expect("receive");
        for (path, datagram) in inbox.datagrams() {
            let request = BindingRequest::parse(datagram).expect("a check");
            answers.write(&path, |out| {
                stun::write_success(out, &request.transaction_id, path.remote, &key)
            });
            answered.insert(path.remote.ip());
            port = path.remote.port();
        }
        socket.send(&answers);
        answers.clear();
    }
    port
}

/// One encrypted packet of each receiver, whose number is written anew for each time it is sent.
struct Packets {
    sealed: Vec<Vec<u8>>,
    sequence: u16,
}

impl Packets {
    /// Packets that are opened do not authenticate after the first, since their number is not the one they were sealed
    /// with; they cost as much.
    fn new(receivers: u32) -> Self {
        let seal = |id: u32| {
            let header = OutHeader {
                payload_type: 96,
                ssrc: 1_000,
                mid: Some((1, b"0")),
                ..OutHeader::default()
            };
            let mut bytes = vec![0x33; 1_600];
            let start = rtp::write_header(&mut bytes, &header);
            let sealing = Outbound::new(PROFILE, &key(id), &[9; 12]).expect("key");
            let len = sealing.protect_rtp(&mut bytes, start, start + SIZE, 0);
            bytes.truncate(len);
            bytes
        };
        Self {
            sealed: (0..receivers).map(seal).collect(),
            sequence: 0,
        }
    }
}

impl Server {
    /// Sends for so long; gives how many packets.
    fn play(&mut self, packets: &mut Packets, rate: u32, duration: Duration) -> u64 {
        let receivers = packets.sealed.len();
        // A millisecond's share of the receivers gets a burst of two, in turns.
        let turn = (receivers as f64 * f64::from(rate) / 2_000.0).ceil() as usize;
        let (begin, mut sent, mut next) = (Instant::now(), 0, 0);
        let mut egress = Egress::default();
        for step in 0..duration.as_millis() as u64 {
            let at = begin + Duration::from_millis(step);
            thread::sleep(at.saturating_duration_since(Instant::now()));
            for _ in 0..turn {
                self.burst(packets, next, &mut egress);
                next = (next + 1) % receivers;
                if next == 0 {
                    packets.sequence = packets.sequence.wrapping_add(2);
                }
                if egress.is_full() {
                    sent += self.socket.send(&egress).datagrams;
                    egress.clear();
                }
            }
            sent += self.socket.send(&egress).datagrams;
            egress.clear();
        }
        sent
    }

    fn burst(&self, packets: &mut Packets, receiver: usize, egress: &mut Egress) {
        let remote = SocketAddr::new(Fleet::address_of(receiver as u32).into(), self.port);
        for number in [packets.sequence, packets.sequence.wrapping_add(1)] {
            let packet = &mut packets.sealed[receiver];
            packet[2..4].copy_from_slice(&number.to_be_bytes());
            egress.write(&Path::to(remote), |out| {
                out[..packet.len()].copy_from_slice(packet);
                packet.len()
            });
        }
    }
}
