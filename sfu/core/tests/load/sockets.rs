//! A real engine against a real worker on loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use _core::commands::Command;
use _core::events::EventQueue;
use _core::ice::Credentials;
use _core::load::clip::Clip;
use _core::load::config::EndpointMedia;
use _core::load::engine::{Engine, EngineConfig, LoadCommand};
use _core::load::link::LinkConfig;
use _core::load::totals::Snapshot;
use _core::net::UdpSocket;
use _core::relay;
use _core::worker::{CommandError, Worker};

use crate::call::*;

const PATIENCE: Duration = Duration::from_secs(20);

struct Loopback {
    worker: Worker,
    engine: Engine,
    server: SocketAddr,
}

impl Loopback {
    fn new() -> Self {
        let socket = UdpSocket::bind(([127, 0, 0, 1], 0).into()).expect("bind");
        let server = socket.local();
        let events = Arc::new(EventQueue::new().expect("eventfd"));
        let mut workers = Worker::start_all(vec![socket], &events, 5).expect("start");
        let worker = workers.remove(0);
        let config = EngineConfig {
            seed: 1,
            check_every: 4,
            cpu: None,
        };
        let engine = Engine::start(config).expect("start");
        for source in [sound(), video(3_000, 2_000)] {
            let clip = Arc::new(Clip::new(&source).expect("a clip"));
            engine.command(LoadCommand::AddClip(clip)).expect("taken");
        }
        Self {
            worker,
            engine,
            server,
        }
    }

    fn join(&self, id: u32, media: &EndpointMedia, link: LinkConfig) {
        let peer = u64::from(id) + 1;
        let commands = [
            Command::AddPeer {
                peer,
                credentials: Credentials::new(&ufrag(id), PASSWORD),
            },
            Command::SetMedia {
                peer,
                media: Box::new(peer_media(media)),
            },
            Command::SetKeys {
                peer,
                keys: Box::new(keys(id, true)),
            },
        ];
        for command in commands {
            self.worker.command(command).expect("taken");
        }
        let commands = [
            LoadCommand::AddEndpoint {
                id,
                config: Box::new(config(id, link, self.server)),
                socket: None,
            },
            LoadCommand::SetMedia {
                id,
                media: Box::new(media.clone()),
            },
            LoadCommand::SetKeys {
                id,
                keys: Box::new(keys(id, false)),
            },
        ];
        for command in commands {
            self.engine.command(command).expect("taken");
        }
    }

    fn show(&self, receiver: u32, publisher: u32) {
        for (seat, track) in [("sa", "a"), ("sv", "v")] {
            let command = Command::Show {
                peer: u64::from(receiver) + 1,
                mid: seat.into(),
                source: Some(relay::Source {
                    track: relay::TrackName {
                        peer: u64::from(publisher) + 1,
                        mid: track.into(),
                    },
                    worker: None,
                }),
            };
            self.worker.command(command).expect("taken");
        }
    }

    fn wait_until(&self, holds: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let snapshot = self.engine.snapshot().expect("a snapshot");
            if holds(&snapshot) {
                return snapshot;
            }
            assert!(Instant::now() < deadline, "{:?}", snapshot.totals);
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn media_crosses_real_sockets_whole_and_what_is_lost_comes_again() {
    let loopback = Loopback::new();
    loopback.join(0, &media(sends(1), vec![]), LinkConfig::default());
    let lossy = LinkConfig {
        loss: 0.05,
        ..LinkConfig::default()
    };
    for id in 1..=3 {
        let link = if id == 3 {
            lossy
        } else {
            LinkConfig::default()
        };
        loopback.join(id, &media(vec![], receives()), link);
        loopback.show(id, 0);
    }
    let snapshot = loopback.wait_until(|it| it.totals.recovered > 3 && it.totals.checked > 50);
    assert_eq!(
        (
            snapshot.totals.corrupt,
            snapshot.totals.send_dropped,
            snapshot.socket_drops
        ),
        (0, 0, 0)
    );
    assert!(snapshot.delay_us.count() > 0 && snapshot.cpu > Duration::ZERO);
    let stats = loopback.engine.stats().expect("stats");
    assert_eq!(stats.len(), 4);
    assert!(stats.iter().all(|one| one.rtt.is_some()));
    assert!(stats[1].totals.lost() == 0 && stats[1].first_media.is_some());
}

#[test]
fn a_closed_engine_takes_no_commands() {
    let mut loopback = Loopback::new();
    loopback.engine.close();
    loopback.engine.close();
    assert_eq!(
        loopback.engine.snapshot().err(),
        Some(CommandError::Stopped)
    );
}
