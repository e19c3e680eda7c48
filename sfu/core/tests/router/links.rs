//! Clients behind paths of their own: what comes through, and what they tell of it.

use std::time::Duration;

use crate::network::impairment::Impairment;
use crate::network::path::Path;
use crate::network::under_way::UnderWay;
use crate::support::*;
use _core::commands::Command;
use _core::sender::View;
use _core::stats::SenderStats;
use _core::time::Instant;
use _core::twcc::Recorder;

/// One way to a client: a rate with a queue in front of it.  It tells the router how packets come in.
pub struct Narrow {
    pub client: usize,
    pub link: Path,
    /// SSRC and transport-wide number.
    arriving: UnderWay<(u32, u16)>,
    recorder: Recorder,
    /// Of each packet that arrived.
    pub waited: Vec<Duration>,
}

fn path_of(kbps: u32, seed: u64) -> Path {
    let link = Impairment::of(f64::from(kbps) * 1e3);
    Path::new(link, seed, Instant::default())
}

impl Narrow {
    pub fn new(client: usize, kbps: u32) -> Self {
        Self {
            client,
            link: path_of(kbps, client as u64),
            arriving: UnderWay::default(),
            recorder: Recorder::new(),
            waited: Vec::new(),
        }
    }

    pub fn set(&mut self, kbps: u32) {
        self.link.set_rate(f64::from(kbps) * 1e3);
    }

    /// Takes what the router has sent; gives what was not lost.
    pub fn step(&mut self, world: &mut World) -> Vec<Media> {
        let now = world.now;
        let mut passed = Vec::new();
        for media in world.take_media(self.client) {
            let waits = self.link.wait(now);
            let arrivals = self.link.send(media.octets, now);
            let number = media.transport.expect("counted");
            if self.arriving.add(&arrivals, (media.ssrc, number)) {
                self.waited.push(waits);
                passed.push(media);
            }
        }
        while let Some((at, (ssrc, number))) = self.arriving.take(now) {
            self.recorder.record(ssrc, number, at);
        }
        if self.recorder.next_deadline().is_some_and(|at| at <= now) {
            let recorder = &mut self.recorder;
            world.rtcp(self.client, |out| {
                recorder
                    .write_feedback(out, 1, now)
                    .expect("something to tell")
            });
        }
        passed
    }
}

/// The way from a publisher to the router: a rate with a queue in front of it.
pub struct Uplink {
    path: Path,
    arriving: UnderWay<Vec<u8>>,
}

impl Uplink {
    pub fn new(kbps: u32) -> Self {
        Self {
            path: path_of(kbps, 0),
            arriving: UnderWay::default(),
        }
    }

    /// It also does this to what passes.
    pub fn with(mut self, worsen: impl FnOnce(&mut Impairment)) -> Self {
        worsen(&mut self.path.impairment);
        self
    }

    pub fn set(&mut self, kbps: u32) {
        self.path.set_rate(f64::from(kbps) * 1e3);
    }

    pub fn send(&mut self, packet: Vec<u8>, now: Instant) {
        let arrivals = self.path.send(packet.len(), now);
        self.arriving.add(&arrivals, packet);
    }

    /// The next packet that has arrived.
    pub fn take(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.arriving.take(now).map(|(_, packet)| packet)
    }
}

/// Three layers of one camera, 25 frames a second; a layer begins a keyframe when it is asked for one.
pub struct Studio {
    pub cameras: Vec<Camera>,
    pub keyframes: Vec<bool>,
    pub frames: u64,
    /// Layers that are sent, a bit each.
    pub sending: u8,
    /// Without one everything comes at once.
    pub uplink: Option<Uplink>,
    /// What it was asked for.
    pub heard: Vec<(u64, Control)>,
}

pub const FRAME_MS: u64 = 40;

/// Packets of a frame and their size: about 130, 480 and 1,500 kbit/s with what is put around them.
pub const SIZES: [(usize, usize); 3] = [(1, 600), (2, 1_150), (6, 1_200)];
pub const KEYFRAME_TIMES: usize = 5;

impl Studio {
    pub fn new(client: usize) -> Self {
        let camera = |(index, rid): (usize, &'static str)| Camera {
            rid: Some(rid),
            seq: 1_000 * index as u64 + 100,
            height: 180 << index,
            ..Camera::new(client, 11 + index as u32)
        };
        Self {
            cameras: ["q", "h", "f"]
                .into_iter()
                .enumerate()
                .map(camera)
                .collect(),
            keyframes: vec![true; 3],
            frames: 0,
            sending: 0b111,
            uplink: None,
            heard: Vec::new(),
        }
    }

    /// What arrives at this millisecond, and the frame that is due.
    pub fn step(&mut self, world: &mut World) {
        let client = self.cameras[0].client;
        while let Some(uplink) = &mut self.uplink
            && let Some(packet) = uplink.take(world.now)
        {
            world.raw(world.clients[client].path, &packet);
        }
        if !(world.now.as_nanos() / 1_000_000).is_multiple_of(FRAME_MS) {
            return;
        }
        for (at, control) in world.take_control(client) {
            if let Control::Pli { ssrc } = control {
                self.keyframes[ssrc as usize - 11] = true;
            }
            self.heard.push((at, control));
        }
        self.frames += 1;
        for (index, camera) in self.cameras.iter_mut().enumerate() {
            if self.sending & 1 << index == 0 {
                continue;
            }
            let keyframe = std::mem::take(&mut self.keyframes[index]);
            let (packets, size) = SIZES[index];
            camera.size = size;
            camera.timestamp = (self.frames * FRAME_MS * 90) as u32;
            camera.packets_a_frame = packets * if keyframe { KEYFRAME_TIMES } else { 1 };
            for packet in camera.frame(world, keyframe) {
                match &mut self.uplink {
                    Some(uplink) => uplink.send(packet, world.now),
                    None => world.raw(world.clients[client].path, &packet),
                }
            }
        }
    }
}

pub fn seat(world: &World, viewer: usize) -> SenderStats {
    world.router.stats(world.now)[viewer].senders[0].clone()
}

/// The viewer has room for so many lines of picture; `None`: for any.
pub fn set_view(world: &mut World, viewer: usize, height: Option<u16>) {
    let peer = world.clients[viewer].id;
    world.command(Command::SetView {
        peer,
        mid: "sv".into(),
        view: View {
            height,
            ..View::default()
        },
    });
}

/// Runs so many milliseconds; gives the layer that the first path's viewer is shown at each.
pub fn run(
    world: &mut World,
    studio: &mut Studio,
    paths: &mut [Narrow],
    ms: u64,
) -> Vec<Option<u8>> {
    let mut layers = Vec::new();
    for _ in 0..ms {
        world.run(1);
        studio.step(world);
        for path in paths.iter_mut() {
            path.step(world);
        }
        layers.push(
            paths
                .first()
                .and_then(|path| seat(world, path.client).layer),
        );
    }
    layers
}

/// A simulcast publisher and viewers with these paths.
pub fn company(kbps: &[u32]) -> (World, Studio, Vec<Narrow>) {
    let mut world = World::new();
    let alice = world.connect(simulcast());
    let viewers = kbps.iter().map(|&kbps| {
        let viewer = world.connect(telling_viewer());
        world.show(viewer, "sv", Some((alice, "v")));
        Narrow::new(viewer, kbps)
    });
    let viewers = viewers.collect();
    (world, Studio::new(alice), viewers)
}

pub fn first_ms(layers: &[Option<u8>], good: impl Fn(u8) -> bool) -> Option<usize> {
    layers.iter().position(|layer| layer.is_some_and(&good))
}
