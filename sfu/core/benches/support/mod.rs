//! Rooms on loopback: publishers paced as libwebrtc does, receivers that really read, and the pattern of their packets.
//!
//! Every device has an address of its own in 127.0.0.0/8; a handful of sockets bound to the wildcard serve them all.

#![allow(dead_code)]

pub mod floor;

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use _core::codec::Codec;
use _core::commands::Command;
use _core::demux::Path;
use _core::egress::Egress;
use _core::events::{Event, EventQueue};
use _core::ice::Credentials;
use _core::media::{
    CodecConfig, ExtensionIds, Kind, LayerConfig, PeerMedia, SenderConfig, TrackConfig,
};
use _core::net::{Inbox, UdpSocket, wait};
use _core::relay::{self, TrackName};
use _core::rtp::{self, OutHeader};
use _core::srtp::{Inbound, Outbound, Profile};
use _core::stun::{self, OutRequest, Role, StunKey};
use _core::worker::Worker;

pub const PASSWORD: &str = "0123456789abcdefghijkl";
/// Sockets that share the devices, where each is read as a browser's is.
const SOCKETS: usize = 8;
const PROFILE: Profile = Profile::AeadAes128Gcm;
/// libwebrtc's pacer.
pub const STEP: Duration = Duration::from_millis(5);

/// What a room sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// 1 Mbit/s at 30 frames a second: four packets a frame, one byte apart, two and one and one in steps of 5 ms.
    Video,
    /// Opus, a packet of 60 to 120 bytes every 20 ms.
    Audio,
}

impl Media {
    /// Payload sizes of the packets that leave at a step of 5 ms.
    pub fn burst(self, step: u64) -> &'static [usize] {
        match self {
            // 30 frames a second: three frames in 20 steps.
            Self::Video => match step % 20 {
                0 | 7 | 13 => &[1_042, 1_042],
                1 | 8 | 14 => &[1_041],
                2 | 9 | 15 => &[1_041],
                _ => &[],
            },
            Self::Audio => match step % 16 {
                0 => &[83],
                4 => &[117],
                8 => &[64],
                12 => &[92],
                _ => &[],
            },
        }
    }

    fn codec(self) -> CodecConfig {
        match self {
            Self::Video => CodecConfig {
                payload_type: 96,
                codec: Codec::Vp8,
                key: "VP8".into(),
                clock_rate: 90_000,
                rtx_payload_type: Some(97),
                nack: true,
                pli: true,
            },
            Self::Audio => CodecConfig {
                payload_type: 111,
                codec: Codec::Opus,
                key: "opus".into(),
                clock_rate: 48_000,
                rtx_payload_type: None,
                nack: false,
                pli: false,
            },
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Video => Kind::Video,
            Self::Audio => Kind::Audio,
        }
    }
}

fn extensions() -> ExtensionIds {
    ExtensionIds {
        dependency: 0,
        mid: 1,
        rid: 2,
        repaired_rid: 3,
        transport_cc: 4,
        abs_send_time: 0,
        audio_level: 5,
    }
}

fn publisher_media(media: Media) -> PeerMedia {
    let track = TrackConfig {
        mid: "0".into(),
        kind: media.kind(),
        codecs: vec![media.codec()],
        layers: vec![LayerConfig::default()],
    };
    PeerMedia {
        tracks: vec![track],
        senders: Vec::new(),
        extensions: extensions(),
        transport_cc: true,
        rtcp_ssrc: 1,
    }
}

/// A viewer with this many seats of audio and video.
pub fn viewer_media(seats: u32) -> PeerMedia {
    let sender = |index: u32| {
        let media = if index.is_multiple_of(2) {
            Media::Video
        } else {
            Media::Audio
        };
        SenderConfig {
            mid: index.to_string(),
            kind: media.kind(),
            ssrc: 1_000 + index,
            rtx_ssrc: (media == Media::Video).then_some(2_000 + index),
            cname: "seat".into(),
            codecs: vec![media.codec()],
            transport_cc: false,
            abs_send_time: false,
            dependency: false,
        }
    };
    PeerMedia {
        tracks: Vec::new(),
        senders: (0..2 * seats).map(sender).collect(),
        extensions: extensions(),
        transport_cc: false,
        rtcp_ssrc: 1,
    }
}

fn key_of(device: usize) -> [u8; 16] {
    let mut key = [7; 16];
    key[..8].copy_from_slice(&(device as u64).to_be_bytes());
    key
}

pub fn outbound(device: usize) -> Outbound {
    Outbound::new(PROFILE, &key_of(device), &[9; 12]).expect("key")
}

fn inbound(device: usize) -> Inbound {
    Inbound::new(PROFILE, &key_of(device), &[9; 12]).expect("key")
}

/// The sockets of all devices, and a thread that reads them.
pub struct Devices {
    sockets: Vec<UdpSocket>,
    reader: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    received: Arc<AtomicU64>,
}

impl Devices {
    /// Read datagram by datagram, as browsers do.
    pub fn new() -> Self {
        let this = Self::on(SOCKETS);
        this.sockets.iter().for_each(UdpSocket::forgo_gro);
        this
    }

    /// All on one socket that takes whole runs at once, as the load tester does.
    pub fn gathered() -> Self {
        Self::on(1)
    }

    fn on(sockets: usize) -> Self {
        let any = SocketAddr::from(([0, 0, 0, 0], 0));
        let sockets: Vec<_> = (0..sockets)
            .map(|_| UdpSocket::bind(any).expect("bind"))
            .collect();
        let (stop, received) = (Arc::default(), Arc::default());
        Self {
            sockets,
            reader: None,
            stop,
            received,
        }
    }

    /// The local address of a device.
    pub fn address(&self, device: usize) -> SocketAddr {
        let [_, a, b, c] = (device as u32 + 1).to_be_bytes();
        let ip = Ipv4Addr::new(127, a + 1, b, c);
        SocketAddr::new(
            ip.into(),
            self.sockets[device % self.sockets.len()].local().port(),
        )
    }

    /// Sends what `fill` writes from a device to the core.
    pub fn send(
        &mut self,
        device: usize,
        to: SocketAddr,
        packets: &mut dyn Iterator<Item = Vec<u8>>,
    ) {
        let path = Path {
            remote: to,
            local: Some(self.address(device).ip()),
        };
        let mut egress = Egress::default();
        for packet in packets {
            egress.write(&path, |out| {
                out[..packet.len()].copy_from_slice(&packet);
                packet.len()
            });
        }
        let count = self.sockets.len();
        self.sockets[device % count].send(&egress);
    }

    /// From now on everything that comes in is read and counted.
    pub fn read(&mut self) {
        self.read_on(None);
    }

    /// The same, on a core of its own.
    pub fn read_on(&mut self, cpu: Option<usize>) {
        let clones: Vec<_> = self
            .sockets
            .iter()
            .map(|socket| socket.try_clone().expect("clone"))
            .collect();
        let (stop, received) = (Arc::clone(&self.stop), Arc::clone(&self.received));
        let read = move || {
            pin(cpu);
            let mut inbox = Inbox::default();
            // A descriptor below 0 is passed over (poll(2)).
            let mut descriptors = [-1; SOCKETS];
            for (descriptor, socket) in descriptors.iter_mut().zip(&clones) {
                *descriptor = socket.as_raw_fd();
            }
            while !stop.load(Ordering::Relaxed) {
                let ready = wait(descriptors, Some(Duration::from_millis(50)));
                for (socket, _) in clones.iter().zip(ready).filter(|(_, ready)| *ready) {
                    while let Ok(1..) = socket.receive(&mut inbox) {
                        let datagrams = inbox.datagrams().count() as u64;
                        received.fetch_add(datagrams, Ordering::Relaxed);
                    }
                }
            }
        };
        self.reader = Some(
            thread::Builder::new()
                .name("devices".into())
                .spawn(read)
                .expect("thread"),
        );
    }

    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader ends");
        }
    }
}

/// Workers on loopback with peers, the first one's counters and address at hand.
pub struct Node {
    pub worker: Worker,
    pub others: Vec<Worker>,
    pub events: Arc<EventQueue>,
    pub address: SocketAddr,
    waiting: u64,
}

impl Node {
    pub fn new() -> Self {
        Self::with_workers(1)
    }

    /// Devices are dealt out among the workers in turn.
    pub fn with_workers(count: usize) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let sockets = (0..count).map(|_| UdpSocket::bind(any).expect("bind"));
        let events = Arc::new(EventQueue::new().expect("eventfd"));
        let mut others = Worker::start_all(sockets.collect(), &events, 5).expect("start");
        let worker = others.remove(0);
        Self {
            address: worker.local(),
            worker,
            others,
            events,
            waiting: 0,
        }
    }

    /// Index of a device's worker.
    pub fn home(&self, device: usize) -> usize {
        device % (self.others.len() + 1)
    }

    pub fn workers(&self) -> impl Iterator<Item = &Worker> {
        std::iter::once(&self.worker).chain(&self.others)
    }

    fn worker_of(&self, device: usize) -> &Worker {
        let found = self.workers().nth(self.home(device));
        found.expect("a device's worker is there")
    }

    /// To the worker of the device that it is about.
    pub fn command(&self, device: usize, command: Command) {
        self.worker_of(device).command(command).expect("taken");
    }

    /// A receiver's m-line `mid` shows a publisher's only track.
    pub fn show(&self, receiver: usize, mid: &str, publisher: usize) {
        let track = TrackName {
            peer: publisher as u64 + 1,
            mid: "0".to_owned(),
        };
        let home = self.home(publisher);
        let worker = (home != self.home(receiver)).then_some(home);
        self.command(
            receiver,
            Command::Show {
                peer: receiver as u64 + 1,
                mid: mid.into(),
                source: Some(relay::Source { track, worker }),
            },
        );
    }

    /// A peer with address, keys and media.  Peer numbers are device numbers plus one.
    pub fn connect(&mut self, devices: &mut Devices, device: usize, media: PeerMedia) {
        let peer = device as u64 + 1;
        let credentials = Credentials::new(&ufrag(device), PASSWORD);
        self.command(device, Command::AddPeer { peer, credentials });
        self.command(
            device,
            Command::SetMedia {
                peer,
                media: Box::new(media),
            },
        );
        self.command(
            device,
            Command::SetKeys {
                peer,
                keys: Box::new((inbound(device), outbound(device))),
            },
        );
        check(devices, device, self.worker_of(device).local());
        self.waiting += 1;
        if self.waiting.is_multiple_of(64) {
            self.settle();
        }
    }

    /// Waits until every peer has its address.
    pub fn settle(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let connected = |worker: &Worker| worker.counters().stun_in;
        while self.workers().map(connected).sum::<u64>() < self.waiting {
            assert!(Instant::now() < deadline, "peers did not connect");
            thread::sleep(Duration::from_millis(1));
        }
        let validated = |event: &Event| matches!(event, Event::AddressValidated { .. });
        assert!(self.events.take().iter().all(validated));
    }
}

pub fn ufrag(device: usize) -> String {
    format!("ufrag{device:06}")
}

/// One connectivity check.
pub fn check(devices: &mut Devices, device: usize, to: SocketAddr) {
    let request = OutRequest {
        transaction_id: [1; 12],
        username: &format!("{}:theirs", ufrag(device)),
        priority: 1,
        role: Role::Controlling(7),
        use_candidate: true,
    };
    let mut bytes = vec![0; 256];
    let len = stun::write_request(&mut bytes, &request, &StunKey::new(PASSWORD));
    bytes.truncate(len);
    devices.send(device, to, &mut std::iter::once(bytes));
}

/// Every receiver's turn comes each 2 s.
const CONSENT_STEPS: u64 = 400;

/// Rooms of one publisher and `receivers` receivers each.
pub struct Rooms {
    pub media: Media,
    pub rooms: usize,
    pub receivers: usize,
}

impl Rooms {
    pub fn publisher(&self, room: usize) -> usize {
        room * (self.receivers + 1)
    }

    pub fn receivers_of(&self, room: usize) -> std::ops::Range<usize> {
        self.publisher(room) + 1..self.publisher(room + 1)
    }

    /// Rooms are out of step with each other.
    pub fn steps(&self, room: usize, step: u64) -> u64 {
        step + (room as u64 * 7)
    }

    pub fn enter(&self, node: &mut Node, devices: &mut Devices) {
        for room in 0..self.rooms {
            let publisher = self.publisher(room);
            node.connect(devices, publisher, publisher_media(self.media));
            let mid = if self.media == Media::Video { "0" } else { "1" };
            for receiver in self.receivers_of(room) {
                node.connect(devices, receiver, viewer_media(1));
                node.show(receiver, mid, publisher);
            }
        }
        node.settle();
    }
}

impl Rooms {
    /// The room's receivers whose turn it is ask for consent: who is sent pictures and says nothing is taken for gone.
    pub fn consent(&self, node: &Node, devices: &mut Devices, room: usize, step: u64) {
        let turn = (step % CONSENT_STEPS) as usize;
        let first = self.receivers_of(room).start;
        for device in self.receivers_of(room) {
            if (device - first) % CONSENT_STEPS as usize == turn {
                check(devices, device, node.worker_of(device).local());
            }
        }
    }
}

/// The packets of one publisher.
pub struct Source {
    device: usize,
    media: Media,
    sealing: Outbound,
    sequence: u64,
    timestamp: u32,
    picture: u16,
    twcc: u16,
}

impl Source {
    pub fn new(device: usize, media: Media) -> Self {
        Self {
            device,
            media,
            sealing: outbound(device),
            sequence: 100,
            timestamp: 0,
            picture: 0,
            twcc: 0,
        }
    }

    pub fn device(&self) -> usize {
        self.device
    }

    /// The sealed packets of one step.
    pub fn burst(&mut self, step: u64) -> Vec<Vec<u8>> {
        let burst = self.media.burst(step);
        if burst.len() == 2 || self.media == Media::Audio && !burst.is_empty() {
            self.picture = self.picture.wrapping_add(1) & 0x7fff;
            self.timestamp = self.timestamp.wrapping_add(3_000);
        }
        let packets = burst.iter().enumerate();
        packets
            .map(|(index, &size)| self.packet(size, index == 0 && burst.len() == 2))
            .collect()
    }

    fn packet(&mut self, size: usize, first: bool) -> Vec<u8> {
        let mut payload = vec![0x33; size];
        if self.media == Media::Video {
            let [high, low] = (0x8000 | self.picture).to_be_bytes();
            // Every frame claims to be a keyframe: the cost is the same, and a run begins at once.
            let head = [
                if first { 0x90 } else { 0x80 },
                0xe0,
                high,
                low,
                self.picture as u8,
                0x20,
                0,
            ];
            payload[..7].copy_from_slice(&head);
        }
        let twcc = self.twcc.to_be_bytes();
        self.twcc = self.twcc.wrapping_add(1);
        let header = OutHeader {
            payload_type: self.media.codec().payload_type,
            sequence: self.sequence as u16,
            timestamp: self.timestamp,
            ssrc: 77,
            mid: Some((1, b"0")),
            extensions: &[(4, &twcc)],
            ..OutHeader::default()
        };
        let mut bytes = vec![0; 1_600];
        let start = rtp::write_header(&mut bytes, &header);
        bytes[start..start + size].copy_from_slice(&payload);
        let roc = (self.sequence >> 16) as u32;
        let len = self
            .sealing
            .protect_rtp(&mut bytes, start, start + size, roc);
        bytes.truncate(len);
        self.sequence += 1;
        bytes
    }
}

/// Nanoseconds of CPU that a thread of this process has used, by its name.
pub fn cpu_of(thread: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("tasks");
    let named = |task: &std::path::Path| {
        std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == thread)
    };
    let task = tasks
        .flatten()
        .map(|task| task.path())
        .find(|task| named(task))
        .expect("the thread runs");
    let schedstat = std::fs::read_to_string(task.join("schedstat")).expect("schedstat");
    schedstat
        .split_whitespace()
        .next()
        .and_then(|ns| ns.parse().ok())
        .expect("nanoseconds")
}

/// Resident memory of this process in bytes.
pub fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("statm");
    let pages: u64 = statm
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("pages");
    pages * 4_096
}

/// Calls `work` for each step of 5 ms, a fifth of the rooms each millisecond, as publishers that know nothing of each
/// other send; late steps are made up for.
pub fn paced(rooms: usize, duration: Duration, mut work: impl FnMut(usize, u64)) {
    let begin = Instant::now();
    for slot in 0..(duration.as_millis() as u64) {
        let at = begin + Duration::from_millis(slot);
        thread::sleep(at.saturating_duration_since(Instant::now()));
        let (step, phase) = (slot / 5, slot as usize % 5);
        (0..rooms)
            .filter(|room| room % 5 == phase)
            .for_each(|room| work(room, step));
    }
}

/// A path to a device from the core's side.
pub fn path_to(devices: &Devices, device: usize) -> Path {
    Path::to(devices.address(device))
}

/// Keeps the calling thread on one core.
pub fn pin(cpu: Option<usize>) {
    let Some(cpu) = cpu else { return };
    let thread = std::fs::read_link("/proc/thread-self").expect("a thread of this process");
    let id = thread.file_name().expect("its number");
    let done = std::process::Command::new("taskset")
        .args(["-p", "-c", &cpu.to_string()])
        .arg(id)
        .stdout(std::process::Stdio::null())
        .status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "taskset cannot pin to core {cpu}"
    );
}
