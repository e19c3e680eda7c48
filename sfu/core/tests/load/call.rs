//! A fleet and a router on one virtual clock: calls without sockets, every datagram carried by hand.

use std::sync::Arc;
use std::time::Duration;

use _core::codec::Codec;
use _core::commands::Command;
use _core::demux::Path;
use _core::egress::Egress;
use _core::events::Event;
use _core::ice::Credentials;
use _core::load::clip::{Clip, Frame, Source};
use _core::load::config::{EndpointConfig, EndpointMedia, ReceivedTrack, SentLayer, SentTrack};
use _core::load::events::LoadEvent;
use _core::load::fleet::Fleet;
use _core::load::link::LinkConfig;
use _core::load::totals::Totals;
use _core::media::{
    CodecConfig, ExtensionIds, Kind, LayerConfig, PeerMedia, SenderConfig, TrackConfig,
};
use _core::relay::{self, TrackName};
use _core::router::Router;
use _core::srtp::{Inbound, Outbound, Profile};
use _core::time::{Instant, Ntp};

pub const PASSWORD: &str = "0123456789abcdefghijkl";
pub const PROFILE: Profile = Profile::AeadAes128Gcm;

/// All that travels in one call.
pub struct Call {
    pub router: Router,
    pub fleet: Fleet,
    pub now: Instant,
    pub egress: Egress,
    pub events: Vec<LoadEvent>,
    pub server_events: Vec<Event>,
    /// Changes datagrams on their way to the endpoint with this number.
    pub tamper: Option<Tamper>,
    pub server: std::net::SocketAddr,
}

/// Gets endpoint and datagram; an empty one is lost, and a copy is made of one that it doubles.
pub type Tamper = Box<dyn FnMut(u32, &mut Vec<u8>) -> Fate>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Delivered,
    Lost,
    Doubled,
}

pub fn extensions(transport_cc: bool) -> ExtensionIds {
    ExtensionIds {
        dependency: 0,
        mid: 1,
        rid: 2,
        repaired_rid: 3,
        transport_cc: if transport_cc { 4 } else { 0 },
        abs_send_time: 0,
        audio_level: 5,
    }
}

/// What a seat is told to show: a track of an endpoint, at the only worker.
pub fn track_of(endpoint: u32, mid: &str) -> relay::Source {
    let (peer, mid) = (u64::from(endpoint) + 1, mid.to_owned());
    let track = TrackName { peer, mid };
    relay::Source {
        track,
        worker: None,
    }
}

pub fn ufrag(endpoint: u32) -> String {
    format!("ufrag{endpoint:06}")
}

pub fn config(endpoint: u32, link: LinkConfig, remote: std::net::SocketAddr) -> EndpointConfig {
    EndpointConfig {
        local_ufrag: "mine".into(),
        local_password: PASSWORD.into(),
        remote_ufrag: ufrag(endpoint),
        remote_password: PASSWORD.into(),
        remote,
        link,
    }
}

/// What a peer seals with, and what it opens with.
pub fn keys(endpoint: u32, of_server: bool) -> (Inbound, Outbound) {
    let key = |server: bool| [(endpoint * 2 + u32::from(server)) as u8; 16];
    let inbound = Inbound::new(PROFILE, &key(!of_server), &[9; 12]).expect("key");
    let outbound = Outbound::new(PROFILE, &key(of_server), &[9; 12]).expect("key");
    (inbound, outbound)
}

/// A second of VP8 at 30 frames, the first a keyframe of three packets, the others of two.
pub fn video(keyframe: usize, other: usize) -> Source {
    let frame = |index: u64| Frame {
        at_ns: index * 33_333_333,
        keyframe: index == 0,
        data: vec![u8::from(index != 0); if index == 0 { keyframe } else { other }],
    };
    Source {
        kind: Kind::Video,
        codec: Codec::Vp8,
        clock_rate: 90_000,
        frames: (0..30).map(frame).collect(),
    }
}

pub fn sound() -> Source {
    let frame = |index: u64| Frame {
        at_ns: index * 20_000_000,
        keyframe: true,
        data: vec![index as u8; 80],
    };
    Source {
        kind: Kind::Audio,
        codec: Codec::Opus,
        clock_rate: 48_000,
        frames: (0..50).map(frame).collect(),
    }
}

fn vp8() -> CodecConfig {
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

fn opus() -> CodecConfig {
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

/// Microphone and camera, the latter in as many layers as there are clips behind the first one.
pub fn sends(layers: u32) -> Vec<SentTrack> {
    let layer = |index: u32| SentLayer {
        rid: (layers > 1).then(|| format!("r{index}")),
        ssrc: 100 + index,
        rtx_ssrc: Some(200 + index),
        clip: 1 + index,
    };
    vec![
        SentTrack {
            mid: "a".into(),
            kind: Kind::Audio,
            payload_type: 111,
            rtx_payload_type: None,
            layers: vec![SentLayer {
                rid: None,
                ssrc: 50,
                rtx_ssrc: None,
                clip: 0,
            }],
            offset_ns: 0,
        },
        SentTrack {
            mid: "v".into(),
            kind: Kind::Video,
            payload_type: 96,
            rtx_payload_type: Some(97),
            layers: (0..layers).map(layer).collect(),
            offset_ns: 0,
        },
    ]
}

/// One seat.
pub fn receives() -> Vec<ReceivedTrack> {
    vec![
        ReceivedTrack {
            mid: "sa".into(),
            kind: Kind::Audio,
            ssrc: Some(1_000),
            rtx_ssrc: None,
            payload_types: vec![111],
            rtx_payload_types: vec![],
            clock_rate: 48_000,
            nack: false,
            pli: false,
        },
        ReceivedTrack {
            mid: "sv".into(),
            kind: Kind::Video,
            ssrc: Some(1_001),
            rtx_ssrc: Some(1_002),
            payload_types: vec![96],
            rtx_payload_types: vec![97],
            clock_rate: 90_000,
            nack: true,
            pli: true,
        },
    ]
}

pub fn media(sends: Vec<SentTrack>, receives: Vec<ReceivedTrack>) -> EndpointMedia {
    EndpointMedia {
        sends,
        receives,
        extensions: extensions(true),
        rtcp_ssrc: 7,
    }
}

/// The same as the server is told it.
pub fn peer_media(media: &EndpointMedia) -> PeerMedia {
    let track = |track: &SentTrack| TrackConfig {
        mid: track.mid.clone(),
        kind: track.kind,
        codecs: vec![if track.kind == Kind::Video {
            vp8()
        } else {
            opus()
        }],
        layers: track
            .layers
            .iter()
            .map(|layer| LayerConfig {
                rid: layer.rid.clone(),
                ssrc: None,
                rtx_ssrc: None,
            })
            .collect(),
    };
    let sender = |track: &ReceivedTrack| SenderConfig {
        mid: track.mid.clone(),
        kind: track.kind,
        ssrc: if track.kind == Kind::Video {
            1_001
        } else {
            1_000
        },
        rtx_ssrc: (track.kind == Kind::Video).then_some(1_002),
        cname: "seat".into(),
        codecs: vec![if track.kind == Kind::Video {
            vp8()
        } else {
            opus()
        }],
        transport_cc: false,
        abs_send_time: false,
        dependency: false,
    };
    PeerMedia {
        tracks: media.sends.iter().map(track).collect(),
        senders: media.receives.iter().map(sender).collect(),
        extensions: media.extensions,
        transport_cc: true,
        rtcp_ssrc: 1,
    }
}

impl Call {
    /// Nobody in it; clip 0 is sound, the others are what is given.
    pub fn new(videos: Vec<Source>) -> Self {
        let now = Instant::from_millis(1_000);
        let wall = Ntp::from_unix(Duration::from_secs(1_800_000_000));
        let mut fleet = Fleet::new(wall, 11, 4, now);
        for source in std::iter::once(sound()).chain(videos) {
            fleet.add_clip(Arc::new(Clip::new(&source).expect("a clip")));
        }
        Self {
            router: Router::new(wall, 5),
            fleet,
            now,
            egress: Egress::default(),
            events: Vec::new(),
            server_events: Vec::new(),
            tamper: None,
            server: ([127, 0, 0, 1], 5_000).into(),
        }
    }

    /// An endpoint that both sides know, with keys and media.
    pub fn join(&mut self, endpoint: u32, media: &EndpointMedia, link: LinkConfig) {
        let peer = u64::from(endpoint) + 1;
        let credentials = Credentials::new(&ufrag(endpoint), PASSWORD);
        let commands = [
            Command::AddPeer { peer, credentials },
            Command::SetMedia {
                peer,
                media: Box::new(peer_media(media)),
            },
            Command::SetKeys {
                peer,
                keys: Box::new(keys(endpoint, true)),
            },
        ];
        for command in commands {
            self.router.command(command, self.now);
        }
        let path = Path {
            remote: self.server,
            local: Some(Fleet::address_of(endpoint).into()),
        };
        self.fleet.add(
            endpoint,
            &config(endpoint, link, self.server),
            path,
            self.now,
        );
        let (inbound, outbound) = keys(endpoint, false);
        self.fleet.set_keys(endpoint, inbound, outbound, self.now);
        self.fleet.set_media(endpoint, media, self.now);
    }

    /// The receiver's seat shows the publisher.
    pub fn show(&mut self, receiver: u32, publisher: u32) {
        for (seat, track) in [("sa", "a"), ("sv", "v")] {
            let source = Some(track_of(publisher, track));
            let command = Command::Show {
                peer: u64::from(receiver) + 1,
                mid: seat.into(),
                source,
            };
            self.router.command(command, self.now);
        }
    }

    /// One publisher, endpoint 0, and receivers who are shown it.
    pub fn with_receivers(&mut self, layers: u32, receivers: u32, link: LinkConfig) {
        self.join(0, &media(sends(layers), vec![]), LinkConfig::default());
        for endpoint in 1..=receivers {
            self.join(endpoint, &media(vec![], receives()), link);
            self.show(endpoint, 0);
        }
    }

    /// Lets time go on.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.carry();
            let deadlines = [self.fleet.deadline(), self.router.deadline()];
            let next = deadlines
                .into_iter()
                .flatten()
                .min()
                .filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            while let Some(id) = self.fleet.take_due(self.now) {
                self.fleet.on_deadline(id, &mut self.egress, self.now);
            }
            if self.router.deadline().is_some_and(|at| at <= self.now) {
                self.router.on_deadline(self.now);
            }
        }
        self.now = end;
    }

    /// Brings everything to where it goes, until nothing is on its way.
    fn carry(&mut self) {
        loop {
            let up: Vec<(Path, Vec<u8>)> = self
                .egress
                .datagrams()
                .map(|(path, bytes)| (*path, bytes.to_vec()))
                .collect();
            self.egress.clear();
            for (path, mut bytes) in up.iter().cloned() {
                let from = (path.local.expect("an address of its own"), 9).into();
                self.router.receive(Path::to(from), &mut bytes, self.now);
            }
            let down = self.drain_router();
            for (endpoint, mut bytes) in down.iter().cloned() {
                self.deliver(endpoint, &mut bytes);
            }
            self.events.append(self.fleet.events());
            self.server_events.append(self.router.events());
            if up.is_empty() && down.is_empty() {
                return;
            }
        }
    }

    fn drain_router(&mut self) -> Vec<(u32, Vec<u8>)> {
        let mut down = Vec::new();
        while let Some(egress) = self.router.datagrams(self.now) {
            for (path, bytes) in egress.datagrams() {
                let endpoint = Fleet::endpoint_at(Some(path.remote.ip())).expect("an endpoint");
                down.push((endpoint, bytes.to_vec()));
            }
        }
        down
    }

    /// One datagram from the server.
    pub fn deliver(&mut self, endpoint: u32, bytes: &mut Vec<u8>) {
        let fate = self
            .tamper
            .as_mut()
            .map_or(Fate::Delivered, |tamper| tamper(endpoint, bytes));
        let path = Path {
            remote: self.server,
            local: Some(Fleet::address_of(endpoint).into()),
        };
        let times = match fate {
            Fate::Lost => 0,
            Fate::Delivered => 1,
            Fate::Doubled => 2,
        };
        for _ in 0..times {
            let mut copy = bytes.clone();
            self.fleet
                .receive(endpoint, &path, &mut copy, &mut self.egress, self.now);
        }
    }

    /// Counts of all endpoints.
    pub fn totals(&self) -> Totals {
        self.fleet.snapshot(self.now).totals
    }

    /// Counts of one endpoint.
    pub fn of(&self, endpoint: u32) -> Totals {
        let stats = self.fleet.stats();
        stats
            .iter()
            .find(|stats| stats.endpoint == endpoint)
            .expect("there")
            .totals
    }
}

/// Media, not RTCP, STUN or DTLS.
pub fn is_media(bytes: &[u8]) -> bool {
    _core::demux::protocol(bytes) == Some(_core::demux::Protocol::Rtp)
}

/// Media, of the receivers' video stream.
pub fn is_video(bytes: &[u8]) -> bool {
    is_media(bytes) && bytes.get(8..12) == Some(&1_001_u32.to_be_bytes())
}
