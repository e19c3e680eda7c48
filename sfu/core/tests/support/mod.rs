//! A router, or some that are joined as workers are, on virtual time with clients around: real STUN, real SRTP, no sockets.

#![allow(dead_code, missing_docs)]

mod camera;
mod client;
mod heard;
mod media;

use std::collections::VecDeque;
use std::time::Duration;

use _core::commands::Command;
use _core::demux::Path;
use _core::events::{Event, PeerId};
use _core::ice::Credentials;
use _core::media::PeerMedia;
use _core::relay::{Relay, Source, TrackName};
use _core::router::Router;
use _core::rtp::{self, OutHeader};
use _core::srtp::{Inbound, Outbound, Profile};
use _core::stun::{self, OutRequest, Role, StunKey};
use _core::time::{Instant, Ntp};

pub use self::camera::*;
pub use self::client::*;
pub use self::heard::*;
pub use self::media::*;

pub const PASSWORD: &str = "0123456789abcdefghijkl";

/// The wall clock when the router's monotonic one shows zero.
pub fn wall() -> Ntp {
    Ntp::from_unix(Duration::from_secs(1_800_000_000))
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
