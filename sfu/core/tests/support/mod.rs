//! A router, or some that are joined as workers are, on virtual time with clients around: real STUN, real SRTP, no sockets.

#![allow(dead_code, missing_docs)]

use std::collections::VecDeque;
use std::time::Duration;

use _core::codec::Codec;
use _core::commands::Command;
use _core::demux::{Path, Protocol, protocol};
use _core::departure::abs_send_time;
use _core::events::{Event, PeerId};
use _core::ice::Credentials;
use _core::media::{
    CodecConfig, ExtensionIds, Kind, LayerConfig, PeerMedia, SenderConfig, TrackConfig,
};
use _core::relay::{Relay, Source, TrackName};
use _core::router::Router;
use _core::rtcp::{self, Rtcp};
use _core::rtp::{self, OutHeader, Packet};
use _core::srtp::{Inbound, Outbound, Profile};
use _core::stun::{self, OutRequest, Response, Role, StunKey};
use _core::time::{Instant, Ntp};
use _core::xr::{Block, Delay};

pub const MID: u8 = 1;
pub const RID: u8 = 2;
pub const REPAIRED_RID: u8 = 3;
pub const TWCC: u8 = 4;
pub const LEVEL: u8 = 5;
pub const DEPENDENCY: u8 = 6;
pub const SEND_TIME: u8 = 7;
pub const PASSWORD: &str = "0123456789abcdefghijkl";

/// The wall clock when the router's monotonic one shows zero.
pub fn wall() -> Ntp {
    Ntp::from_unix(Duration::from_secs(1_800_000_000))
}

/// One media packet that a client got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    pub at_ms: u64,
    pub ssrc: u32,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub mid: Option<String>,
    pub payload: Vec<u8>,
    pub padding: usize,
    /// Transport-wide number.
    pub transport: Option<u16>,
    /// Abs-send-time.
    pub send_time: Option<u32>,
    /// Dependency descriptor.
    pub descriptor: Option<Vec<u8>>,
    /// Of the whole datagram.
    pub octets: usize,
}

/// One RTCP packet that a client got, as far as tests look at it.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    Nack {
        ssrc: u32,
        lost: Vec<u16>,
    },
    Pli {
        ssrc: u32,
    },
    SenderReport {
        ssrc: u32,
        ntp: Ntp,
        rtp: u32,
        packets: u32,
    },
    ReceiverReport(Vec<rtcp::ReportBlock>),
    Cname(u32, String),
    TransportCc(Vec<u8>),
    Remb(u64),
    /// Of whom, and when.
    Time(u32, Ntp),
    Delays(Vec<Delay>),
    Other,
}

/// A device, as the router sees it from outside.
pub struct Client {
    pub id: PeerId,
    pub worker: usize,
    pub ufrag: String,
    pub path: Path,
    pub media: Vec<Media>,
    pub control: Vec<(u64, Control)>,
    pub stun: Vec<u16>,
    pub dtls: Vec<Vec<u8>>,
    sealing: Outbound,
    opening: Inbound,
}

pub struct World {
    pub router: Router,
    /// Further workers; `router` is number 0.
    pub others: Vec<Router>,
    /// From worker, to worker, in order; delivered at once unless `holds_mail`.
    pub mail: VecDeque<(usize, usize, Relay)>,
    pub holds_mail: bool,
    pub now: Instant,
    pub clients: Vec<Client>,
    pub events: Vec<Event>,
    /// Datagrams for nobody that is known.
    pub astray: Vec<Path>,
    /// GSO runs: (segment, segments).
    pub runs: Vec<(u16, u16)>,
    /// Where each run went.
    pub order: Vec<Path>,
    /// Every datagram as it was sent, if that was asked for; then clients get nothing.
    pub tapped: Option<Vec<Vec<u8>>>,
    profile: Profile,
}

pub fn path(port: u16) -> Path {
    Path::to(([192, 0, 2, 1], port).into())
}

/// Key and salt of one direction: of their own for every `seed`.
fn keys(profile: Profile, seed: usize) -> (Vec<u8>, Vec<u8>) {
    let filled = |length: usize, with: u8| {
        let mut bytes = vec![with; length];
        bytes[..8].copy_from_slice(&(seed as u64).to_be_bytes());
        bytes
    };
    (
        filled(profile.key_len(), 0xaa),
        filled(profile.salt_len(), 0x55),
    )
}

impl World {
    pub fn new() -> Self {
        Self::with_profile(Profile::AeadAes128Gcm)
    }

    pub fn with_profile(profile: Profile) -> Self {
        Self {
            router: Router::new(wall(), 0x1234_5678_9abc_def1),
            others: Vec::new(),
            mail: VecDeque::new(),
            holds_mail: false,
            now: Instant::from_millis(1_000),
            clients: Vec::new(),
            events: Vec::new(),
            astray: Vec::new(),
            runs: Vec::new(),
            order: Vec::new(),
            tapped: None,
            profile,
        }
    }

    pub fn with_workers(count: usize) -> Self {
        let other = |worker| Router::new(wall(), 0x1234_5678 + worker as u64);
        Self {
            others: (1..count).map(other).collect(),
            ..Self::new()
        }
    }

    pub fn router_of(&mut self, worker: usize) -> &mut Router {
        match worker.checked_sub(1) {
            None => &mut self.router,
            Some(other) => &mut self.others[other],
        }
    }

    fn worker_of(&self, peer: PeerId) -> usize {
        self.clients[peer as usize - 1].worker
    }

    /// A peer with credentials and nothing else; gives its index.
    pub fn add(&mut self) -> usize {
        self.add_on(0)
    }

    pub fn add_on(&mut self, worker: usize) -> usize {
        let index = self.clients.len();
        let (id, ufrag) = (index as u64 + 1, format!("ufrag{index:04}"));
        let credentials = Credentials::new(&ufrag, PASSWORD);
        let now = self.now;
        let add = Command::AddPeer {
            peer: id,
            credentials,
        };
        self.router_of(worker).command(add, now);
        let (sealing, opening) = (
            keys(self.profile, 2 * index),
            keys(self.profile, 2 * index + 1),
        );
        self.clients.push(Client {
            id,
            worker,
            ufrag,
            path: path(10_000 + index as u16),
            media: Vec::new(),
            control: Vec::new(),
            stun: Vec::new(),
            dtls: Vec::new(),
            sealing: Outbound::new(self.profile, &sealing.0, &sealing.1).expect("key"),
            opening: Inbound::new(self.profile, &opening.0, &opening.1).expect("key"),
        });
        index
    }

    /// A peer with address, keys and this media.
    pub fn connect(&mut self, media: PeerMedia) -> usize {
        self.connect_on(0, media)
    }

    pub fn connect_on(&mut self, worker: usize, media: PeerMedia) -> usize {
        let index = self.add_on(worker);
        let peer = self.clients[index].id;
        self.check(index, true);
        self.command(Command::SetMedia {
            peer,
            media: Box::new(media),
        });
        self.set_keys(index);
        index
    }

    pub fn set_keys(&mut self, index: usize) {
        let (sealing, opening) = (
            keys(self.profile, 2 * index),
            keys(self.profile, 2 * index + 1),
        );
        let inbound = Inbound::new(self.profile, &sealing.0, &sealing.1).expect("key");
        let outbound = Outbound::new(self.profile, &opening.0, &opening.1).expect("key");
        let peer = self.clients[index].id;
        self.command(Command::SetKeys {
            peer,
            keys: Box::new((inbound, outbound)),
        });
    }

    /// To the worker of the peer that it is about.
    pub fn command(&mut self, command: Command) {
        let (now, worker) = (self.now, self.worker_of(subject(&command)));
        self.router_of(worker).command(command, now);
        self.pump();
    }

    /// Sender `mid` of a client shows a track of another.
    pub fn show(&mut self, viewer: usize, mid: &str, source: Option<(usize, &str)>) {
        let Client {
            id: peer, worker, ..
        } = self.clients[viewer];
        let source = source.map(|(client, mid)| Source {
            track: TrackName {
                peer: self.clients[client].id,
                mid: mid.to_owned(),
            },
            worker: Some(self.clients[client].worker).filter(|&home| home != worker),
        });
        self.command(Command::Show {
            peer,
            mid: mid.into(),
            source,
        });
    }

    /// A connectivity check with the right credentials.
    pub fn check(&mut self, index: usize, nominate: bool) {
        let (path, ufrag) = (self.clients[index].path, self.clients[index].ufrag.clone());
        self.check_as(&ufrag, PASSWORD, path, nominate);
    }

    pub fn check_as(&mut self, ufrag: &str, password: &str, from: Path, nominate: bool) {
        let username = format!("{ufrag}:theirs");
        let request = OutRequest {
            transaction_id: [7; 12],
            username: &username,
            priority: 1,
            role: Role::Controlling(5),
            use_candidate: nominate,
        };
        let mut bytes = [0; 256];
        let len = stun::write_request(&mut bytes, &request, &StunKey::new(password));
        self.raw(from, &bytes[..len]);
    }

    /// Any bytes from anywhere.
    pub fn raw(&mut self, from: Path, bytes: &[u8]) {
        self.raw_in_batch(from, bytes);
        self.pump();
    }

    /// Bytes that wait in the socket together with others: `pump` when all are in.
    pub fn raw_in_batch(&mut self, from: Path, bytes: &[u8]) {
        let known = self.clients.iter().find(|client| client.path == from);
        let (now, worker) = (self.now, known.map_or(0, |client| client.worker));
        self.router_of(worker)
            .receive(from, &mut bytes.to_vec(), now);
    }

    pub fn protect(&self, index: usize, plain: &[u8], header_len: usize, roc: u32) -> Vec<u8> {
        let mut bytes = plain.to_vec();
        bytes.resize(plain.len() + 64, 0);
        let len = self.clients[index]
            .sealing
            .protect_rtp(&mut bytes, header_len, plain.len(), roc);
        bytes.truncate(len);
        bytes
    }

    /// One media packet of a client.
    pub fn rtp(&mut self, index: usize, header: &OutHeader<'_>, roc: u32, payload: &[u8]) {
        let sealed = self.sealed(index, header, roc, payload);
        self.raw(self.clients[index].path, &sealed);
    }

    pub fn sealed(
        &self,
        index: usize,
        header: &OutHeader<'_>,
        roc: u32,
        payload: &[u8],
    ) -> Vec<u8> {
        let mut plain = vec![0; 1_600];
        let start = rtp::write_header(&mut plain, header);
        plain.truncate(start);
        plain.extend_from_slice(payload);
        self.protect(index, &plain, start, roc)
    }

    /// One RTCP datagram of a client.
    pub fn rtcp(&mut self, index: usize, write: impl FnOnce(&mut [u8]) -> usize) {
        let mut bytes = vec![0; 1_500];
        let len = write(&mut bytes);
        let len = self.clients[index].sealing.protect_rtcp(&mut bytes, len);
        self.raw(self.clients[index].path, &bytes[..len]);
    }

    pub fn run(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some((at, worker)) = self.next_deadline().filter(|&(at, _)| at <= end) {
            self.now = self.now.max(at);
            let now = self.now;
            self.router_of(worker).on_deadline(now);
            self.pump();
        }
        self.now = end;
    }

    fn next_deadline(&self) -> Option<(Instant, usize)> {
        let all = std::iter::once(&self.router)
            .chain(&self.others)
            .enumerate();
        all.filter_map(|(worker, router)| Some((router.deadline()?, worker)))
            .min()
    }

    /// Delivers what the routers send, to clients and to each other.
    pub fn pump(&mut self) {
        loop {
            (0..=self.others.len()).for_each(|worker| self.pump_one(worker));
            if self.holds_mail || self.mail.is_empty() {
                return;
            }
            self.deliver_mail(usize::MAX);
        }
    }

    /// Delivers so many of the oldest messages between workers.
    pub fn deliver_mail(&mut self, count: usize) {
        for (from, to, relay) in self
            .mail
            .drain(..count.min(self.mail.len()))
            .collect::<Vec<_>>()
        {
            let now = self.now;
            self.router_of(to).relayed(from, relay, now);
        }
    }

    fn pump_one(&mut self, worker: usize) {
        self.collect_mail(worker);
        loop {
            let (mut out, now) = (Vec::new(), self.now);
            let (mut runs, mut order) = (Vec::new(), Vec::new());
            match self.router_of(worker).datagrams(now) {
                None => break,
                Some(egress) => {
                    order.extend(egress.messages().iter().map(|run| run.path));
                    let messages = egress.messages().iter();
                    runs.extend(messages.map(|run| (run.segment, run.segments)));
                    let datagrams = egress.datagrams();
                    out.extend(datagrams.map(|(path, bytes)| (*path, bytes.to_vec())));
                }
            }
            self.runs.extend(runs);
            self.order.extend(order);
            out.into_iter()
                .for_each(|(path, bytes)| self.deliver(path, bytes));
        }
        self.collect_mail(worker);
        let mut events = std::mem::take(self.router_of(worker).events());
        self.events.append(&mut events);
    }

    fn collect_mail(&mut self, from: usize) {
        let now = self.now;
        let relays = std::mem::take(self.router_of(from).relays(now));
        self.mail
            .extend(relays.into_iter().map(|(to, relay)| (from, to, relay)));
    }

    fn deliver(&mut self, path: Path, bytes: Vec<u8>) {
        if let Some(tapped) = &mut self.tapped {
            return tapped.push(bytes);
        }
        let at_ms = self.now.as_nanos() / 1_000_000;
        match self.clients.iter_mut().find(|client| client.path == path) {
            Some(client) => client.take(bytes, at_ms),
            None => self.astray.push(path),
        }
    }

    pub fn take_media(&mut self, index: usize) -> Vec<Media> {
        std::mem::take(&mut self.clients[index].media)
    }

    pub fn take_control(&mut self, index: usize) -> Vec<(u64, Control)> {
        std::mem::take(&mut self.clients[index].control)
    }
}

/// The peer that a command is about.
fn subject(command: &Command) -> PeerId {
    match command {
        Command::AddPeer { peer, .. }
        | Command::RestartIce { peer, .. }
        | Command::SendDtls { peer, .. }
        | Command::SetKeys { peer, .. }
        | Command::SetMedia { peer, .. }
        | Command::Show { peer, .. }
        | Command::SetTrackEnabled { peer, .. }
        | Command::SetView { peer, .. }
        | Command::RemovePeer { peer } => *peer,
    }
}

impl Client {
    fn take(&mut self, mut bytes: Vec<u8>, at_ms: u64) {
        match protocol(&bytes) {
            Some(Protocol::Stun) => {
                let response = Response::parse(&bytes).expect("a STUN response");
                self.stun.push(match response.outcome {
                    stun::Outcome::Success(_) => 200,
                    stun::Outcome::Error(code) => code,
                });
            }
            Some(Protocol::Dtls) => self.dtls.push(bytes),
            Some(Protocol::Rtp) => self.take_rtp(&mut bytes, at_ms),
            Some(Protocol::Rtcp) => self.take_rtcp(&mut bytes, at_ms),
            None => panic!("the router sent something strange"),
        }
    }

    fn take_rtp(&mut self, bytes: &mut [u8], at_ms: u64) {
        let octets = bytes.len();
        let (len, _) = self
            .opening
            .unprotect_rtp(bytes)
            .expect("right keys, never the same index twice");
        let packet = Packet::parse(&bytes[..len]).expect("well-formed");
        self.media.push(Media {
            at_ms,
            ssrc: packet.ssrc,
            payload_type: packet.payload_type,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            mid: packet
                .extension(MID)
                .map(|mid| String::from_utf8_lossy(mid).into_owned()),
            payload: packet.payload.to_vec(),
            padding: packet.padding_len,
            transport: packet
                .extension(TWCC)
                .map(|number| u16::from_be_bytes(number.try_into().expect("two octets"))),
            send_time: packet.extension(SEND_TIME).map(|time| {
                let [high, middle, low] = time.try_into().expect("three octets");
                u32::from_be_bytes([0, high, middle, low])
            }),
            descriptor: packet.extension(DEPENDENCY).map(<[u8]>::to_vec),
            octets,
        });
    }

    fn take_rtcp(&mut self, bytes: &mut [u8], at_ms: u64) {
        let len = self.opening.unprotect_rtcp(bytes).expect("right keys");
        for packet in rtcp::compound(&bytes[..len]) {
            let packets = controls(&packet.expect("well-formed"));
            self.control
                .extend(packets.into_iter().map(|packet| (at_ms, packet)));
        }
    }
}

fn controls(packet: &Rtcp<'_>) -> Vec<Control> {
    match packet {
        Rtcp::Nack(nack) => vec![Control::Nack {
            ssrc: nack.media_ssrc,
            lost: nack.lost().collect(),
        }],
        Rtcp::Pli(pli) => vec![Control::Pli {
            ssrc: pli.media_ssrc,
        }],
        Rtcp::SenderReport(report) => vec![Control::SenderReport {
            ssrc: report.ssrc,
            ntp: report.ntp,
            rtp: report.rtp_timestamp,
            packets: report.packets,
        }],
        Rtcp::ReceiverReport(report) => vec![Control::ReceiverReport(report.blocks.collect())],
        Rtcp::Sdes(sdes) => sdes
            .cnames()
            .map(|(ssrc, name)| Control::Cname(ssrc, String::from_utf8_lossy(name).into_owned()))
            .collect(),
        Rtcp::TransportCc(feedback) => vec![Control::TransportCc(feedback.body.to_vec())],
        Rtcp::Remb(remb) => vec![Control::Remb(remb.bitrate)],
        Rtcp::Extended(report) => report.map(|block| time(report.ssrc, block)).collect(),
        _ => vec![Control::Other],
    }
}

fn time(ssrc: u32, block: Block<'_>) -> Control {
    match block {
        Block::ReferenceTime(ntp) => Control::Time(ssrc, ntp),
        Block::Delays(delays) => Control::Delays(delays.collect()),
        Block::Other => Control::Other,
    }
}

pub fn vp8() -> CodecConfig {
    CodecConfig {
        payload_type: 96,
        codec: Codec::Vp8,
        key: "VP8".into(),
        clock_rate: 90_000,
        rtx_payload_type: Some(97),
        nack: true,
        pli: true,
    }
}

pub fn h264() -> CodecConfig {
    let key = "H264/packetization-mode=1/profile=42e0".into();
    CodecConfig {
        payload_type: 102,
        codec: Codec::H264,
        key,
        rtx_payload_type: Some(103),
        ..vp8()
    }
}

pub fn vp9() -> CodecConfig {
    CodecConfig {
        payload_type: 98,
        codec: Codec::Vp9,
        key: "VP9/profile-id=0".into(),
        rtx_payload_type: Some(99),
        ..vp8()
    }
}

pub fn av1() -> CodecConfig {
    CodecConfig {
        payload_type: 45,
        codec: Codec::Av1,
        key: "AV1/profile=0".into(),
        rtx_payload_type: Some(46),
        ..vp8()
    }
}

pub fn opus() -> CodecConfig {
    CodecConfig {
        payload_type: 111,
        codec: Codec::Opus,
        key: "opus".into(),
        clock_rate: 48_000,
        rtx_payload_type: None,
        nack: false,
        pli: false,
    }
}

/// Opus behind frames that were sent before (RFC 2198), in the numbers of publishers.
pub fn red() -> CodecConfig {
    CodecConfig {
        payload_type: 63,
        codec: Codec::from_name("red"),
        key: "red/opus=111".into(),
        ..opus()
    }
}

pub const EXTENSIONS: ExtensionIds = ExtensionIds {
    mid: MID,
    rid: RID,
    repaired_rid: REPAIRED_RID,
    transport_cc: TWCC,
    abs_send_time: SEND_TIME,
    audio_level: LEVEL,
    dependency: DEPENDENCY,
};

/// A publisher of one video (mid v) and one audio (mid a).
pub fn publisher() -> PeerMedia {
    PeerMedia {
        tracks: vec![video_track("v", &[None]), audio_track("a")],
        senders: Vec::new(),
        extensions: EXTENSIONS,
        transport_cc: true,
        rtcp_ssrc: 0x5f5f,
    }
}

/// The same, which takes no transport-wide feedback and says when packets leave.
pub fn timed_publisher() -> PeerMedia {
    PeerMedia {
        transport_cc: false,
        ..publisher()
    }
}

/// A publisher of one video (mid v) in three layers.
pub fn simulcast() -> PeerMedia {
    PeerMedia {
        tracks: vec![video_track("v", &[Some("q"), Some("h"), Some("f")])],
        ..publisher()
    }
}

pub fn video_track(mid: &str, rids: &[Option<&str>]) -> TrackConfig {
    let layer = |rid: &Option<&str>| LayerConfig {
        rid: rid.map(Into::into),
        ..LayerConfig::default()
    };
    TrackConfig {
        mid: mid.into(),
        kind: Kind::Video,
        codecs: vec![vp8(), h264()],
        layers: rids.iter().map(layer).collect(),
    }
}

pub fn audio_track(mid: &str) -> TrackConfig {
    TrackConfig {
        mid: mid.into(),
        kind: Kind::Audio,
        codecs: vec![opus()],
        layers: vec![LayerConfig::default()],
    }
}

/// A viewer with one seat: audio sa (SSRC 200), video sv (SSRC 100, RTX 101), other payload types than the publishers'.
pub fn viewer() -> PeerMedia {
    PeerMedia {
        tracks: Vec::new(),
        senders: vec![
            SenderConfig {
                mid: "sv".into(),
                kind: Kind::Video,
                ssrc: 100,
                rtx_ssrc: Some(101),
                cname: "seat".into(),
                codecs: vec![own(vp8(), 10), own(h264(), 10)],
                transport_cc: false,
                abs_send_time: false,
                dependency: false,
            },
            SenderConfig {
                mid: "sa".into(),
                kind: Kind::Audio,
                ssrc: 200,
                rtx_ssrc: None,
                cname: "seat".into(),
                codecs: vec![own(opus(), 1)],
                transport_cc: false,
                abs_send_time: false,
                dependency: false,
            },
        ],
        extensions: EXTENSIONS,
        transport_cc: false,
        rtcp_ssrc: 0x5f5f,
    }
}

/// A codec in other payload types.
pub fn own(codec: CodecConfig, by: u8) -> CodecConfig {
    CodecConfig {
        payload_type: codec.payload_type + by,
        rtx_payload_type: codec.rtx_payload_type.map(|rtx| rtx + by),
        ..codec
    }
}

/// The same, which tells how packets come in.
pub fn telling_viewer() -> PeerMedia {
    let mut media = viewer();
    media
        .senders
        .iter_mut()
        .for_each(|one| one.transport_cc = true);
    media
}

/// The same, which estimates by itself from when packets leave.
pub fn timed_viewer() -> PeerMedia {
    let mut media = viewer();
    media
        .senders
        .iter_mut()
        .for_each(|one| one.abs_send_time = true);
    media
}

/// A video that a client publishes, packet by packet.
pub struct Camera {
    pub client: usize,
    pub ssrc: u32,
    pub payload_type: u8,
    pub mid: Option<&'static str>,
    pub rid: Option<&'static str>,
    /// Unwrapped.
    pub seq: u64,
    pub timestamp: u32,
    pub picture_id: u16,
    pub wide: bool,
    pub tl0: u8,
    pub twcc: Option<u16>,
    /// Its packets say when they leave.
    pub is_timed: bool,
    pub packets_a_frame: usize,
    pub size: usize,
    /// Lines of picture that its keyframes tell; 0: none.
    pub height: u16,
    /// Temporal layer of the next frame, and whether a receiver can take it on there.
    pub temporal: (u8, bool),
    /// The dependency descriptor of its next packet; empty: none.
    pub dependency: Vec<u8>,
}

impl Camera {
    pub fn new(client: usize, ssrc: u32) -> Self {
        Self {
            client,
            ssrc,
            payload_type: 96,
            mid: Some("v"),
            rid: None,
            seq: 1_000,
            timestamp: 5_000_000,
            picture_id: 77,
            wide: true,
            tl0: 9,
            twcc: None,
            is_timed: false,
            packets_a_frame: 2,
            size: 50,
            height: 0,
            temporal: (0, false),
            dependency: Vec::new(),
        }
    }

    /// The sealed packets of the next frame.
    pub fn frame(&mut self, world: &World, keyframe: bool) -> Vec<Vec<u8>> {
        let last = self.packets_a_frame - 1;
        let packets = (0..=last)
            .map(|index| self.packet(world, index == 0, index == last, keyframe))
            .collect();
        self.timestamp = self.timestamp.wrapping_add(3_000);
        self.picture_id = self.picture_id.wrapping_add(1) & if self.wide { 0x7fff } else { 0x7f };
        self.tl0 = self.tl0.wrapping_add(u8::from(self.temporal.0 == 0));
        packets
    }

    pub fn payload(&self, first: bool, keyframe: bool) -> Vec<u8> {
        let mut payload = vec![if first { 0x90 } else { 0x80 }, 0xe0];
        match self.wide {
            true => payload.extend((0x8000 | self.picture_id).to_be_bytes()),
            false => payload.push(self.picture_id as u8 & 0x7f),
        }
        let (temporal, sync) = self.temporal;
        payload.extend([
            self.tl0,
            temporal << 6 | u8::from(sync) << 5,
            u8::from(!keyframe),
        ]);
        if first && keyframe && self.height > 0 {
            // RFC 6386 §9.1: the rest of the frame tag, the start code, width and height.
            let width = self.height / 9 * 16;
            payload.extend([0, 0, 0x9d, 0x01, 0x2a]);
            payload.extend([width.to_le_bytes(), self.height.to_le_bytes()].concat());
        }
        payload.resize(self.size, self.seq as u8);
        payload
    }

    fn packet(&mut self, world: &World, first: bool, marker: bool, keyframe: bool) -> Vec<u8> {
        let payload = self.payload(first, keyframe);
        self.seal(world, marker, &payload)
    }

    pub fn seal(&mut self, world: &World, marker: bool, payload: &[u8]) -> Vec<u8> {
        let twcc = self.twcc.map(u16::to_be_bytes);
        let mut extensions: Vec<(u8, &[u8])> = Vec::new();
        if let Some(rid) = self.rid {
            extensions.push((RID, rid.as_bytes()));
        }
        if let Some(number) = &twcc {
            extensions.push((TWCC, number));
        }
        if !self.dependency.is_empty() {
            extensions.push((DEPENDENCY, &self.dependency));
        }
        let time = abs_send_time(world.now).to_be_bytes();
        if self.is_timed {
            extensions.push((SEND_TIME, &time[1..]));
        }
        let header = OutHeader {
            marker,
            payload_type: self.payload_type,
            sequence: self.seq as u16,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            mid: self.mid.map(|mid| (MID, mid.as_bytes())),
            extensions: &extensions,
            ..OutHeader::default()
        };
        let sealed = world.sealed(self.client, &header, (self.seq >> 16) as u32, payload);
        self.seq += 1;
        self.twcc = self.twcc.map(|number| number.wrapping_add(1));
        sealed
    }

    /// Sends a frame and lets 33 ms pass.
    pub fn send(&mut self, world: &mut World, keyframe: bool) {
        for packet in self.frame(world, keyframe) {
            world.raw(world.clients[self.client].path, &packet);
        }
        world.run(33);
    }
}

/// Picture id of a VP8 payload that the router sent.
pub fn picture(media: &Media) -> u16 {
    let descriptor = _core::codec::vp8::Descriptor::parse(&media.payload).expect("VP8");
    assert_eq!(
        (descriptor.tl0, descriptor.tid),
        (None, None),
        "layers are nobody's business"
    );
    descriptor.picture_id.expect("a picture id").value
}

/// The sender's media as unwrapped sequence numbers; panics where one comes twice.
pub fn unwrapped(media: &[Media]) -> Vec<u64> {
    let mut unwrapper = _core::seq::SeqUnwrapper::new();
    media
        .iter()
        .map(|one| unwrapper.unwrap(one.sequence))
        .collect()
}
