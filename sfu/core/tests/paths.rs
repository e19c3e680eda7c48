//! Receivers behind paths of their own, on virtual time: which layers they get, how fast, and that nobody else notices.

mod support;

use std::collections::VecDeque;
use std::time::Duration;

use _core::commands::Command;
use _core::events::Event;
use _core::media::PeerMedia;
use _core::sender::View;
use _core::stats::SenderStats;
use _core::time::Instant;
use _core::twcc::Recorder;
use support::*;

/// One way to a client: a rate with a queue in front of it.  It tells the router how packets come in.
struct Narrow {
    client: usize,
    bits_per_second: f64,
    free_at: Instant,
    arriving: VecDeque<(Instant, u32, u16)>,
    recorder: Recorder,
    /// Of each packet that arrived.
    waited: Vec<Duration>,
}

const DELAY: Duration = Duration::from_millis(25);
const LONGEST_QUEUE: Duration = Duration::from_millis(300);

impl Narrow {
    fn new(client: usize, kbps: u32) -> Self {
        Self {
            client,
            bits_per_second: f64::from(kbps) * 1e3,
            free_at: Instant::default(),
            arriving: VecDeque::new(),
            recorder: Recorder::new(),
            waited: Vec::new(),
        }
    }

    fn set(&mut self, kbps: u32) {
        self.bits_per_second = f64::from(kbps) * 1e3;
    }

    /// Takes what the router has sent; gives what was not lost.
    fn step(&mut self, world: &mut World) -> Vec<Media> {
        let now = world.now;
        let mut passed = Vec::new();
        for media in world.take_media(self.client) {
            let waits = self.free_at.saturating_since(now);
            if waits > LONGEST_QUEUE {
                continue;
            }
            let takes = Duration::from_secs_f64(media.octets as f64 * 8.0 / self.bits_per_second);
            self.free_at = self.free_at.max(now) + takes;
            self.waited.push(waits);
            let number = media.transport.expect("counted");
            self.arriving
                .push_back((self.free_at + DELAY, media.ssrc, number));
            passed.push(media);
        }
        while let Some(&(at, ssrc, number)) = self.arriving.front().filter(|one| one.0 <= now) {
            self.recorder.record(ssrc, number, at);
            self.arriving.pop_front();
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
struct Uplink {
    bits_per_second: f64,
    free_at: Instant,
    arriving: VecDeque<(Instant, Vec<u8>)>,
}

impl Uplink {
    fn new(kbps: u32) -> Self {
        Self {
            bits_per_second: f64::from(kbps) * 1e3,
            free_at: Instant::default(),
            arriving: VecDeque::new(),
        }
    }

    fn send(&mut self, packet: Vec<u8>, now: Instant) {
        if self.free_at.saturating_since(now) > LONGEST_QUEUE {
            return;
        }
        let takes = Duration::from_secs_f64(packet.len() as f64 * 8.0 / self.bits_per_second);
        self.free_at = self.free_at.max(now) + takes;
        self.arriving.push_back((self.free_at + DELAY, packet));
    }
}

/// Three layers of one camera, 25 frames a second; a layer begins a keyframe when it is asked for one.
struct Studio {
    cameras: Vec<Camera>,
    keyframes: Vec<bool>,
    frames: u64,
    /// Layers that are sent, a bit each.
    sending: u8,
    /// Without one everything comes at once.
    uplink: Option<Uplink>,
    /// What it was asked for.
    heard: Vec<(u64, Control)>,
}

const FRAME_MS: u64 = 40;
/// Packets of a frame and their size: about 130, 480 and 1,500 kbit/s with what is put around them.
const SIZES: [(usize, usize); 3] = [(1, 600), (2, 1_150), (6, 1_200)];
const KEYFRAME_TIMES: usize = 5;

impl Studio {
    fn new(client: usize) -> Self {
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
    fn step(&mut self, world: &mut World) {
        let client = self.cameras[0].client;
        while let Some(uplink) = &mut self.uplink
            && uplink
                .arriving
                .front()
                .is_some_and(|one| one.0 <= world.now)
        {
            let packet = uplink.arriving.pop_front().map(|one| one.1);
            world.raw(world.clients[client].path, &packet.unwrap_or_default());
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

fn seat(world: &World, viewer: usize) -> SenderStats {
    world.router.stats(world.now)[viewer].senders[0].clone()
}

/// Runs so many milliseconds; gives the layer that the first path's viewer is shown at each.
fn run(world: &mut World, studio: &mut Studio, paths: &mut [Narrow], ms: u64) -> Vec<Option<u8>> {
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
fn company(kbps: &[u32]) -> (World, Studio, Vec<Narrow>) {
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

fn first_ms(layers: &[Option<u8>], good: impl Fn(u8) -> bool) -> Option<usize> {
    layers.iter().position(|layer| layer.is_some_and(&good))
}

#[test]
fn a_path_that_narrows_gets_a_lower_layer_within_2_s_and_the_top_one_back_within_8() {
    let (mut world, mut studio, mut paths) = company(&[3_000, 10_000]);
    let layers = run(&mut world, &mut studio, &mut paths, 8_000);
    assert_eq!(
        layers.last(),
        Some(&Some(2)),
        "{:?} probed {}",
        world.router.stats(world.now)[1],
        world.router.counters().probed
    );
    paths[0].set(400);
    let layers = run(&mut world, &mut studio, &mut paths, 10_000);
    let down = first_ms(&layers, |layer| layer == 0);
    assert!(down.is_some_and(|ms| ms < 2_000), "{down:?}");
    assert!(layers[4_000..].iter().all(|&layer| layer == Some(0)));
    paths[0].set(3_000);
    let layers = run(&mut world, &mut studio, &mut paths, 9_000);
    let up = first_ms(&layers, |layer| layer == 2);
    assert!(up.is_some_and(|ms| ms < 8_000), "{up:?}");
    assert_eq!(seat(&world, paths[1].client).layer, Some(2));
    assert_eq!(
        seat(&world, paths[1].client).switches,
        2,
        "the wide path has seen the first layers and no more"
    );
}

#[test]
fn a_steady_path_is_filled_without_a_standing_queue() {
    for (kbps, layer) in [(300, 0), (1_000, 1), (3_000, 2)] {
        let (mut world, mut studio, mut paths) = company(&[kbps]);
        run(&mut world, &mut studio, &mut paths, 6_000);
        paths[0].waited.clear();
        let layers = run(&mut world, &mut studio, &mut paths, 20_000);
        let there = layers.iter().filter(|&&shown| shown == Some(layer)).count();
        assert!(there > 19_000, "{kbps} kbit/s: {there}");
        let waited: Duration = paths[0].waited.iter().sum();
        let mean = waited / paths[0].waited.len() as u32;
        assert!(mean < Duration::from_millis(50), "{kbps} kbit/s: {mean:?}");
    }
}

#[test]
fn what_does_not_even_fit_at_its_least_is_paused_and_comes_back() {
    let (mut world, mut studio, mut paths) = company(&[2_000]);
    run(&mut world, &mut studio, &mut paths, 5_000);
    paths[0].set(50);
    run(&mut world, &mut studio, &mut paths, 8_000);
    let viewer = world.clients[paths[0].client].id;
    let told = |world: &mut World| -> Vec<bool> {
        let events = world.events.drain(..);
        events
            .filter_map(|event| match event {
                Event::SeatPaused { peer, paused, .. } if peer == viewer => Some(paused),
                _ => None,
            })
            .collect()
    };
    assert_eq!(told(&mut world).first(), Some(&true));
    paths[0].set(2_000);
    run(&mut world, &mut studio, &mut paths, 20_000);
    assert_eq!(told(&mut world).last(), Some(&false));
    assert!(seat(&world, paths[0].client).layer.is_some());
}

#[test]
fn a_keyframe_is_spread_and_arrives_whole_and_in_order() {
    let (mut world, mut studio, mut paths) = company(&[1_000]);
    run(&mut world, &mut studio, &mut paths, 6_000);
    studio.keyframes[1] = true;
    let mut by_ms = Vec::new();
    for _ in 0..200 {
        world.run(1);
        studio.step(&mut world);
        by_ms.push(paths[0].step(&mut world));
    }
    let media: Vec<_> = by_ms
        .iter()
        .flatten()
        .filter(|one| one.ssrc == 100)
        .cloned()
        .collect();
    assert!(unwrapped(&media).windows(2).all(|two| two[1] == two[0] + 1));
    let most = by_ms.iter().map(Vec::len).max();
    assert!(most.is_some_and(|most| (4..=8).contains(&most)), "{most:?}");
}

#[test]
fn the_viewers_window_bounds_the_layer_and_hidden_is_nothing() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    run(&mut world, &mut studio, &mut paths, 4_000);
    let peer = world.clients[paths[0].client].id;
    let mut shown_after = |height: Option<u16>, ms: u64| {
        world.command(Command::SetView {
            peer,
            mid: "sv".into(),
            view: View {
                height,
                ..View::default()
            },
        });
        run(&mut world, &mut studio, &mut paths, ms).pop().flatten()
    };
    assert_eq!(shown_after(Some(180), 500), Some(0));
    assert_eq!(shown_after(Some(190), 500), Some(0));
    assert_eq!(shown_after(Some(360), 500), Some(1));
    assert_eq!(shown_after(Some(0), 500), None);
    assert_eq!(shown_after(Some(720), 500), Some(2));
    assert_eq!(shown_after(None, 500), Some(2));
}

/// What publishers have been told of layers since it was last asked.
fn wanted(world: &mut World) -> Vec<u8> {
    let events = world.events.drain(..);
    let told = events.filter_map(|event| match event {
        Event::LayersWanted { layers, .. } => Some(layers),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_publisher_is_told_which_layers_are_taken() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    run(&mut world, &mut studio, &mut paths, 4_000);
    let peer = world.clients[paths[0].client].id;
    let view = |height| Command::SetView {
        peer,
        mid: "sv".into(),
        view: View {
            height,
            ..View::default()
        },
    };
    wanted(&mut world);
    world.command(view(Some(180)));
    run(&mut world, &mut studio, &mut paths, 4_000);
    assert_eq!(wanted(&mut world), [0b001]);
    studio.sending = 0b001;
    run(&mut world, &mut studio, &mut paths, 2_000);
    world.command(view(Some(720)));
    assert_eq!(wanted(&mut world), [0b101]);
    studio.sending = 0b101;
    studio.keyframes[2] = true;
    let layers = run(&mut world, &mut studio, &mut paths, 4_000);
    assert_eq!(layers.last(), Some(&Some(2)));
}

/// Runs a publisher that sends the layers it is told to; gives the layers that its viewer is shown, and what it was told when.
fn run_obedient(
    world: &mut World,
    studio: &mut Studio,
    paths: &mut [Narrow],
    ms: u64,
) -> (Vec<Option<u8>>, Vec<(u64, u8)>) {
    let (mut shown, mut told) = (Vec::new(), Vec::new());
    for step in 0..ms {
        shown.append(&mut run(world, studio, paths, 1));
        for event in world.events.drain(..) {
            if let Event::LayersWanted { layers, .. } = event {
                let more = layers & !studio.sending;
                (0..3).for_each(|layer| studio.keyframes[layer] |= more & 1 << layer != 0);
                studio.sending = layers;
                told.push((step, layers));
            }
        }
    }
    (shown, told)
}

#[test]
fn a_publisher_whose_path_narrows_is_shown_in_its_lowest_layer_at_once_and_sends_it_alone() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    studio.uplink = Some(Uplink::new(4_000));
    let (layers, _) = run_obedient(&mut world, &mut studio, &mut paths, 8_000);
    assert_eq!(layers.last(), Some(&Some(2)));
    if let Some(uplink) = &mut studio.uplink {
        uplink.bits_per_second = 300e3;
    }
    studio.heard.clear();
    let (layers, told) = run_obedient(&mut world, &mut studio, &mut paths, 1_500);
    assert!(matches!(told[..], [(ms, 0b001)] if ms < 250), "{told:?}");
    let down = first_ms(&layers, |layer| layer == 0);
    assert!(down.is_some_and(|ms| ms < 600), "{down:?}");
    assert!(layers[600..].iter().all(|&layer| layer == Some(0)));
    let is_of_upper = |(_, one): &(u64, Control)| match one {
        Control::Nack { ssrc, .. } | Control::Pli { ssrc } => *ssrc > 11,
        _ => false,
    };
    assert!(!studio.heard.iter().any(is_of_upper), "{:?}", studio.heard);
}

#[test]
fn a_publisher_whose_path_has_narrowed_is_bound_for_a_while_and_asked_for_its_layers_again() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    studio.uplink = Some(Uplink::new(4_000));
    run_obedient(&mut world, &mut studio, &mut paths, 8_000);
    let bounds = |studio: &mut Studio| -> Vec<u64> {
        let bound = |(_, one)| match one {
            Control::Remb(bound) => Some(bound),
            _ => None,
        };
        studio.heard.drain(..).filter_map(bound).collect()
    };
    assert_eq!(bounds(&mut studio), []);
    if let Some(uplink) = &mut studio.uplink {
        uplink.bits_per_second = 300e3;
    }
    run_obedient(&mut world, &mut studio, &mut paths, 1_000);
    let told = bounds(&mut studio);
    assert!(
        told.iter().all(|bound| (100_000..300_000).contains(bound)) && !told.is_empty(),
        "{told:?}"
    );
    if let Some(uplink) = &mut studio.uplink {
        uplink.bits_per_second = 4_000e3;
    }
    let (layers, told) = run_obedient(&mut world, &mut studio, &mut paths, 6_000);
    assert!(told.iter().any(|one| one.1 & 0b100 != 0), "{told:?}");
    assert_eq!(layers.last(), Some(&Some(2)));
    assert!(
        bounds(&mut studio)
            .iter()
            .skip(4)
            .all(|&bound| bound > 100_000_000)
    );
}

#[test]
fn what_its_layers_lost_is_not_told_to_a_publisher_whose_path_has_narrowed() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    studio.uplink = Some(Uplink::new(4_000));
    run_obedient(&mut world, &mut studio, &mut paths, 8_000);
    if let Some(uplink) = &mut studio.uplink {
        uplink.bits_per_second = 300e3;
    }
    studio.heard.clear();
    let before = world.router.counters().uplinks_narrowed;
    run_obedient(&mut world, &mut studio, &mut paths, 1_500);
    assert_eq!(world.router.counters().uplinks_narrowed, before + 1);
    let lost = studio.heard.iter().filter_map(|(_, one)| match one {
        Control::TransportCc(body) => _core::twcc::Feedback::parse(body).ok(),
        _ => None,
    });
    let lost = lost.flat_map(|told| {
        told.statuses()
            .filter(|one| one.arrival.is_none())
            .count()
            .checked_sub(1)
    });
    assert_eq!(lost.count(), 0);
}

#[test]
fn nothing_is_asked_for_of_layers_that_nobody_takes() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    run(&mut world, &mut studio, &mut paths, 4_000);
    let nacked = |world: &mut World, studio: &mut Studio, paths: &mut [Narrow]| {
        studio.heard.clear();
        // A packet of each layer never comes.
        studio.cameras.iter_mut().for_each(|camera| camera.seq += 1);
        run(world, studio, paths, 400);
        let ssrc = |(_, one): &(u64, Control)| match one {
            Control::Nack { ssrc, .. } => Some(*ssrc),
            _ => None,
        };
        let mut ssrcs: Vec<u32> = studio.heard.iter().filter_map(ssrc).collect();
        ssrcs.dedup();
        ssrcs
    };
    assert_eq!(nacked(&mut world, &mut studio, &mut paths), [13]);
    let peer = world.clients[paths[0].client].id;
    world.command(Command::SetView {
        peer,
        mid: "sv".into(),
        view: View {
            height: Some(180),
            ..View::default()
        },
    });
    run(&mut world, &mut studio, &mut paths, 1_000);
    assert_eq!(nacked(&mut world, &mut studio, &mut paths), [11]);
}

#[test]
fn who_cannot_go_on_while_he_leaves_a_layer_is_helped_by_the_next_ones_keyframe_alone() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    run(&mut world, &mut studio, &mut paths, 4_000);
    studio.heard.clear();
    let viewer = paths[0].client;
    let peer = world.clients[viewer].id;
    world.command(Command::SetView {
        peer,
        mid: "sv".into(),
        view: View {
            height: Some(180),
            ..View::default()
        },
    });
    assert_eq!(seat(&world, viewer).layer, Some(2));
    world.rtcp(viewer, |out| {
        let pli = _core::rtcp::Pli {
            sender_ssrc: 1,
            media_ssrc: 100,
        };
        _core::rtcp::write_pli(out, pli)
    });
    run(&mut world, &mut studio, &mut paths, 1_500);
    let plis = studio.heard.iter().filter_map(|(_, one)| match one {
        Control::Pli { ssrc } => Some(*ssrc),
        _ => None,
    });
    assert_eq!(plis.collect::<Vec<_>>(), [11]);
}

#[test]
fn no_keyframe_is_asked_for_of_a_layer_that_its_viewers_have_left() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    let peer = world.clients[paths[0].client].id;
    let view = |world: &mut World, height| {
        world.command(Command::SetView {
            peer,
            mid: "sv".into(),
            view: View {
                height,
                ..View::default()
            },
        });
    };
    view(&mut world, Some(180));
    run(&mut world, &mut studio, &mut paths, 2_500);
    view(&mut world, None);
    // It does not come any more, though it is asked for.
    studio.sending = 0b011;
    run(&mut world, &mut studio, &mut paths, 300);
    view(&mut world, Some(180));
    run(&mut world, &mut studio, &mut paths, 100);
    studio.heard.clear();
    run(&mut world, &mut studio, &mut paths, 2_000);
    let asked = |(_, one): &(u64, Control)| matches!(one, Control::Pli { ssrc: 13 });
    assert!(!studio.heard.iter().any(asked), "{:?}", studio.heard);
}

/// A camera with one layer, which sends while `sends` and begins a keyframe when it is asked for one.
struct Lone {
    camera: Camera,
    sends: bool,
    keyframe: bool,
}

impl Lone {
    fn new(client: usize, sends: bool) -> Self {
        Self {
            camera: Camera::new(client, 7),
            sends,
            keyframe: true,
        }
    }

    fn run(&mut self, world: &mut World, ms: u64) {
        for _ in 0..ms / FRAME_MS {
            self.keyframe |= plis(world, self.camera.client) > 0;
            if self.sends {
                let keyframe = std::mem::take(&mut self.keyframe);
                for packet in self.camera.frame(world, keyframe) {
                    world.raw(world.clients[self.camera.client].path, &packet);
                }
            }
            world.run(FRAME_MS);
        }
    }
}

#[test]
fn who_publishes_one_layer_is_told_when_nobody_takes_it_and_at_once_when_somebody_does() {
    let mut world = World::new();
    let alice = world.connect(publisher());
    let mut lone = Lone::new(alice, true);
    lone.run(&mut world, 3_000);
    assert_eq!(wanted(&mut world), []);
    lone.run(&mut world, 1_600);
    assert_eq!(wanted(&mut world), [0], "nobody has come");
    lone.sends = false;
    lone.run(&mut world, 20_000);
    let bob = world.connect(viewer());
    world.take_control(alice);
    for shown in 0..3 {
        [alice, bob]
            .iter()
            .for_each(|&client| world.check(client, false)); // Consent stays.
        world.show(bob, "sv", Some((alice, "v")));
        assert_eq!(wanted(&mut world), [1], "{shown}");
        world.run(1);
        assert_eq!(plis(&mut world, alice), 1, "{shown}");
        (lone.sends, lone.keyframe) = (true, true);
        world.take_media(bob);
        lone.run(&mut world, FRAME_MS);
        assert!(!world.take_media(bob).is_empty(), "{shown}");
        lone.run(&mut world, 4_000);
        world.show(bob, "sv", None);
        lone.run(&mut world, 3_400);
        assert_eq!(wanted(&mut world), [0], "{shown}");
        lone.sends = false;
        lone.run(&mut world, 5_000);
    }
}

#[test]
fn who_publishes_one_layer_and_has_sent_nothing_yet_is_not_told_to_stop() {
    let mut world = World::new();
    let alice = world.connect(publisher());
    let mut lone = Lone::new(alice, false);
    lone.run(&mut world, 10_000);
    assert_eq!(wanted(&mut world), []);
}

#[test]
fn a_layer_that_was_asked_for_and_does_not_come_is_not_waited_for() {
    let (mut world, mut studio, mut paths) = company(&[10_000]);
    studio.sending = 0b011;
    let layers = run(&mut world, &mut studio, &mut paths, 6_000);
    assert_eq!(layers.last(), Some(&Some(1)));
    studio.sending = 0b000;
    run(&mut world, &mut studio, &mut paths, 4_000);
    studio.sending = 0b011;
    let layers = run(&mut world, &mut studio, &mut paths, 2_000);
    assert_eq!(layers.last(), Some(&Some(1)));
}

#[test]
fn fewer_temporal_layers_leave_numbers_without_a_gap() {
    let (mut world, alice, bob) = pictures_for(telling_viewer());
    let mut camera = Camera::new(alice, 7);
    let mut path = Narrow::new(bob, 10_000);
    camera.size = 1_100;
    let mut got = Vec::new();
    let mut send = |world: &mut World, path: &mut Narrow, frames: std::ops::Range<u64>| {
        for n in frames {
            // 0 2 1 2, the ones above the lowest leaning on it alone.
            camera.temporal = [(0, false), (2, true), (1, true), (2, false)][n as usize % 4];
            for packet in camera.frame(world, n == 0) {
                world.raw(world.clients[alice].path, &packet);
            }
            for _ in 0..33 {
                world.run(1);
                got.extend(path.step(world).into_iter().filter(|one| one.ssrc == 100));
            }
        }
        std::mem::take(&mut got)
    };
    send(&mut world, &mut path, 0..120);
    path.set(300);
    send(&mut world, &mut path, 120..240);
    let thinned = send(&mut world, &mut path, 240..360);
    assert!((40..220).contains(&thinned.len()), "{}", thinned.len());
    assert!(
        unwrapped(&thinned)
            .windows(2)
            .all(|two| two[1] == two[0] + 1)
    );
    let ids: Vec<_> = thinned.iter().step_by(2).map(picture).collect();
    assert!(ids.windows(2).all(|two| two[1] == (two[0] + 1) & 0x7fff));
}

/// What a seat's viewer has been told of its pictures since it was last asked: whether they are paused.
fn paused(world: &mut World, viewer: usize) -> Vec<bool> {
    let viewer = world.clients[viewer].id;
    let events = world.events.drain(..);
    let told = events.filter_map(|event| match event {
        Event::SeatPaused { peer, paused, .. } if peer == viewer => Some(paused),
        _ => None,
    });
    told.collect()
}

/// So many seconds in which a camera sends and these clients report; packets of pictures that bob gets in each.
fn seconds(
    world: &mut World,
    camera: &mut Camera,
    heard: &[usize],
    bob: usize,
    n: u64,
) -> Vec<usize> {
    let mut second = || {
        let mut got = 0;
        for _ in 0..1_000 / FRAME_MS {
            let keyframe = plis(world, camera.client) > 0;
            for packet in camera.frame(world, keyframe) {
                world.raw(world.clients[camera.client].path, &packet);
            }
            world.run(FRAME_MS);
            got += world.take_media(bob).len();
        }
        for &client in heard {
            say_something(world, client);
        }
        got
    };
    (0..n).map(|_| second()).collect()
}

#[test]
fn who_is_not_heard_any_more_gets_no_pictures_until_anything_comes() {
    let mut world = World::new();
    let alice = world.connect(publisher());
    let [bob, carol] = [0; 2].map(|_| world.connect(viewer()));
    for seat in [bob, carol] {
        world.show(seat, "sv", Some((alice, "v")));
    }
    let mut camera = Camera::new(alice, 7);
    camera.send(&mut world, true);
    let all = [alice, bob, carol];
    let got = seconds(&mut world, &mut camera, &all, bob, 8);
    assert!(got[1..].iter().all(|&got| got == 50), "{got:?}");
    paused(&mut world, bob);
    let got = seconds(&mut world, &mut camera, &[alice, carol], bob, 12);
    assert!(got[..5].iter().all(|&got| got == 50), "{got:?}");
    assert!(got[7..].iter().all(|&got| got == 0), "{got:?}");
    assert_eq!(paused(&mut world, bob), [true]);
    assert!(seat(&world, carol).layer.is_some());
    for back in [0, 1] {
        [alice, carol]
            .iter()
            .for_each(|&client| world.check(client, false)); // Consent stays.
        match back {
            0 => world.check(bob, false),
            _ => say_something(&mut world, bob),
        }
        let got = seconds(&mut world, &mut camera, &[alice, carol], bob, 10);
        assert!(got[1] == 50 && got[9] == 0, "{got:?}");
        assert_eq!(paused(&mut world, bob), [false, true]);
    }
}

#[test]
fn whose_pictures_nobody_gets_any_more_is_told_so() {
    let (mut world, alice, bob) = pictures_for(viewer());
    let mut camera = Camera::new(alice, 7);
    camera.send(&mut world, true);
    seconds(&mut world, &mut camera, &[alice], bob, 12);
    assert_eq!(wanted(&mut world), [0]);
    world.check(bob, false);
    assert_eq!(wanted(&mut world), [1]);
}

/// A publisher, and a viewer of this kind who is shown its camera.
fn pictures_for(viewer: PeerMedia) -> (World, usize, usize) {
    let mut world = World::new();
    let (alice, bob) = (world.connect(publisher()), world.connect(viewer));
    world.show(bob, "sv", Some((alice, "v")));
    (world, alice, bob)
}

/// Something that keeps a receiver from being taken for gone.
fn say_something(world: &mut World, client: usize) {
    world.rtcp(client, |out| {
        _core::rtcp::write_receiver_report(out, 1, &[])
    });
}

fn plis(world: &mut World, client: usize) -> usize {
    let control = world.take_control(client);
    control
        .iter()
        .filter(|(_, one)| matches!(one, Control::Pli { .. }))
        .count()
}

#[test]
fn who_comes_right_after_a_keyframe_begins_with_it_and_is_live_at_once() {
    let mut world = World::new();
    let alice = world.connect(publisher());
    let mut camera = Camera::new(alice, 7);
    (0..8).for_each(|n| camera.send(&mut world, n == 0));
    let bob = world.connect(viewer());
    world.take_control(alice);
    world.show(bob, "sv", Some((alice, "v")));
    let burst = world.take_media(bob);
    assert_eq!(burst.len(), 16);
    camera.send(&mut world, false);
    camera.send(&mut world, false);
    assert_eq!(plis(&mut world, alice), 0);
    let media = [burst, world.take_media(bob)].concat();
    assert!(unwrapped(&media).windows(2).all(|two| two[1] == two[0] + 1));
    let ids: Vec<_> = media.iter().step_by(2).map(picture).collect();
    assert!(ids.windows(2).all(|two| two[1] == (two[0] + 1) & 0x7fff));
    let stamps: Vec<u32> = media.iter().step_by(2).map(|one| one.timestamp).collect();
    let steps: Vec<u32> = stamps
        .windows(2)
        .map(|two| two[1].wrapping_sub(two[0]))
        .collect();
    assert!(
        steps[..7].iter().all(|&step| (1..100).contains(&step)),
        "{steps:?}"
    );
    assert_eq!(steps[7..], [3_000, 3_000]);
    let again = media[3].clone();
    world.rtcp(bob, |out| {
        _core::rtcp::write_nack(out, 1, 100, &[again.sequence])
    });
    let sent = world.take_media(bob);
    assert_eq!(
        sent[0].timestamp, again.timestamp,
        "sent again it is what it was"
    );
}

#[test]
fn however_many_come_the_publisher_is_asked_once_a_second_and_nobody_waits() {
    let mut world = World::new();
    let alice = world.connect(publisher());
    let mut camera = Camera::new(alice, 7);
    (0..60).for_each(|n| camera.send(&mut world, n == 0));
    world.take_control(alice);
    let (mut asked, mut waited) = (0, Vec::new());
    for _ in 0..20 {
        let viewer = world.connect(viewer());
        world.show(viewer, "sv", Some((alice, "v")));
        let mut frames = 0;
        while world.take_media(viewer).is_empty() {
            let keyframe = plis(&mut world, alice);
            asked += keyframe;
            camera.send(&mut world, keyframe > 0);
            frames += 1;
        }
        waited.push(frames);
        (0..3).for_each(|_| camera.send(&mut world, false));
    }
    assert!(
        (1..=3).contains(&asked),
        "asked {asked} in {} ms",
        20 * 3 * 33
    );
    assert!(waited.iter().all(|&frames| frames <= 2), "{waited:?}");
}

#[test]
fn sound_without_rtx_is_counted_and_sent_again_the_same_to_the_bit() {
    let mut media = telling_viewer();
    media.senders[1].codecs[0].nack = true;
    let mut world = World::new();
    let alice = world.connect(publisher());
    let bob = world.connect(media);
    world.show(bob, "sa", Some((alice, "a")));
    let mut sent = Vec::new();
    for seq in 0..200_u64 {
        let header = _core::rtp::OutHeader {
            payload_type: 111,
            sequence: seq as u16,
            timestamp: seq as u32 * 960,
            ssrc: 9,
            mid: Some((MID, b"a")),
            ..Default::default()
        };
        world.rtp(alice, &header, 0, &[seq as u8; 60]);
        sent.append(&mut world.take_media(bob));
    }
    assert!(
        sent.windows(2)
            .all(|two| two[1].transport == two[0].transport.map(|number| number + 1))
    );
    world.tapped = Some(Vec::new());
    let ask = |world: &mut World, sequence: u16| {
        world.rtcp(bob, |out| _core::rtcp::write_nack(out, 1, 200, &[sequence]));
        world
            .tapped
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    };
    let again = ask(&mut world, sent[150].sequence);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].len(), sent[150].octets);
    let too_old = ask(&mut world, sent[60].sequence);
    assert!(too_old.is_empty(), "its number is forgotten");
    // The same to the bit: a client that has it already takes it for a replay, and one that has not can read it.
    let Some((header, _)) = _core::rtp::Packet::parse(&again[0])
        .ok()
        .map(|one| (one, ()))
    else {
        panic!("not RTP");
    };
    let number = header.extension(TWCC).expect("counted");
    assert_eq!(
        u16::from_be_bytes(number.try_into().expect("two octets")),
        sent[150].transport.expect("counted")
    );
}

#[test]
fn a_path_of_100_kbit_s_gets_the_sound_and_a_thin_picture() {
    let (mut world, alice, bob) = pictures_for(telling_viewer());
    world.show(bob, "sa", Some((alice, "a")));
    let (mut camera, mut path) = (Camera::new(alice, 7), Narrow::new(bob, 1_000));
    let (mut pictures, mut before) = (0, 0);
    for ms in 0..25_000_u64 {
        if ms == 5_000 {
            path.set(100);
        }
        if ms % 50 == 0 {
            let frame = ms / 50;
            camera.temporal = [(0, false), (2, true), (1, true), (2, false)][frame as usize % 4];
            (camera.packets_a_frame, camera.size) =
                (1, if frame.is_multiple_of(4) { 1_100 } else { 460 });
            let keyframe = ms == 0
                || world
                    .take_control(alice)
                    .iter()
                    .any(|(_, one)| matches!(one, Control::Pli { .. }));
            for packet in camera.frame(&world, keyframe) {
                world.raw(world.clients[alice].path, &packet);
            }
        }
        if ms % 20 == 0 {
            let header = _core::rtp::OutHeader {
                payload_type: 111,
                sequence: (ms / 20) as u16,
                timestamp: ms as u32 * 48,
                ssrc: 9,
                mid: Some((MID, b"a")),
                ..Default::default()
            };
            world.rtp(alice, &header, 0, &[7; 50]);
        }
        world.run(1);
        let got = path.step(&mut world);
        if ms == 10_000 {
            before = path.waited.len();
        }
        if ms >= 10_000 {
            pictures += got.iter().filter(|one| one.ssrc == 100).count();
        }
    }
    assert!(
        pictures >= 70,
        "{pictures} in 15 s, at 5 a second of the lowest temporal layer"
    );
    let long = |wait: &&Duration| **wait > Duration::from_millis(200);
    let waited = path.waited.get(before..).expect("later");
    let share = waited.iter().filter(long).count() as f64 / waited.len() as f64;
    assert!(
        share < 0.02,
        "{share} of packets waited for more than 200 ms"
    );
}

#[test]
fn a_packet_that_comes_late_while_others_wait_is_sent_once_and_so_are_they() {
    let (mut world, alice, bob) = pictures_for(telling_viewer());
    let (mut camera, mut path) = (Camera::new(alice, 7), Narrow::new(bob, 20_000));
    camera.size = 1_150;
    let address = world.clients[alice].path;
    let mut got = Vec::new();
    let mut send = |world: &mut World, camera: &mut Camera, keyframe: bool, lost: Option<usize>| {
        let mut held = None;
        for (index, packet) in camera.frame(world, keyframe).into_iter().enumerate() {
            match lost == Some(index) {
                true => held = Some(packet),
                false => world.raw(address, &packet),
            }
        }
        for _ in 0..5 {
            world.run(1);
            // The client takes nothing twice: it would be a replay.
            got.extend(path.step(world).into_iter().filter(|one| one.ssrc == 100));
        }
        (held, got.len())
    };
    for n in 0..800 {
        camera.packets_a_frame = 1;
        send(&mut world, &mut camera, n == 0, None);
        world.run(28);
    }
    camera.packets_a_frame = 20;
    for packet in camera.frame(&world, false) {
        world.raw(address, &packet);
    }
    let burst = world.clients[bob].media.len();
    camera.packets_a_frame = 1;
    for _ in 0..30 {
        send(&mut world, &mut camera, false, None);
        world.run(28);
    }
    camera.packets_a_frame = 3;
    let (held, _) = send(&mut world, &mut camera, false, Some(1));
    world.run(50);
    // As many as leave at once: nothing waits, and nothing more may leave.
    camera.packets_a_frame = burst;
    for packet in camera.frame(&world, false) {
        world.raw(address, &packet);
    }
    world.raw(address, &held.expect("held back"));
    camera.packets_a_frame = 1;
    for _ in 0..200 {
        send(&mut world, &mut camera, false, None);
    }
    let mut numbers = unwrapped(&got);
    let last = numbers.len() - 1;
    numbers.sort_unstable();
    assert_eq!(
        numbers[last] - numbers[0],
        last as u64,
        "each once, none missing"
    );
}

#[test]
fn delays_of_a_busy_core_are_not_taken_for_those_of_paths() {
    let least_after = |wait_ms: u64| {
        let (mut world, mut studio, mut paths) = company(&[3_000]);
        run(&mut world, &mut studio, &mut paths, 6_000);
        world.router.wait_for_frames(Duration::from_millis(wait_ms));
        // What is sent stands still now and then.
        let mut least = u64::MAX;
        for second in 0..10 {
            paths[0].free_at =
                world.now + Duration::from_millis(if second % 2 == 0 { 150 } else { 0 });
            run(&mut world, &mut studio, &mut paths, 300);
            paths[0].free_at = world.now + Duration::from_millis(200);
            run(&mut world, &mut studio, &mut paths, 200);
            let told = world.router.stats(world.now)[1].estimate;
            least = least.min(told.expect("told"));
        }
        least
    };
    let (idle, busy) = (least_after(0), least_after(8));
    assert!(busy > 2_000_000 && idle < busy, "idle {idle}, busy {busy}");
}

#[test]
fn what_a_busy_core_has_kept_itself_is_not_spread_again() {
    let at_once = |lag_ms: u64| {
        let (mut world, alice, bob) = pictures_for(telling_viewer());
        let mut camera = Camera {
            packets_a_frame: 16,
            size: 1_150,
            ..Camera::new(alice, 7)
        };
        world.router.lags(Duration::from_millis(lag_ms));
        for packet in camera.frame(&world, true) {
            world.raw(world.clients[alice].path, &packet);
        }
        world.take_media(bob).len()
    };
    assert!((5..10).contains(&at_once(0)), "{}", at_once(0));
    assert_eq!(at_once(100), 16);
}

#[test]
fn silence_of_a_receiver_whose_reports_wait_in_a_busy_core_lowers_no_estimate() {
    let after_silence = |wait_ms: u64| {
        let (mut world, mut studio, mut paths) = company(&[3_000]);
        run(&mut world, &mut studio, &mut paths, 6_000);
        world.router.wait_for_frames(Duration::from_millis(wait_ms));
        run(&mut world, &mut studio, &mut paths, 500);
        let estimate =
            |world: &World| world.router.stats(world.now)[1].estimate.expect("told") as f64;
        let before = estimate(&world);
        run(&mut world, &mut studio, &mut [], 3_000);
        estimate(&world) / before
    };
    let (idle, busy) = (after_silence(0), after_silence(8));
    assert!(idle < 0.7 && busy > 0.9, "idle {idle}, busy {busy}");
}

#[test]
fn what_the_pacer_has_kept_for_4_s_is_given_up_for_a_keyframe() {
    let (mut world, alice, bob) = pictures_for(viewer());
    // 50 packets a second, of which a path of 100 kbit/s is given 16.
    let mut camera = Camera {
        packets_a_frame: 2,
        size: 1_150,
        ..Camera::new(alice, 7)
    };
    camera.send(&mut world, true);
    world.rtcp(bob, |out| _core::rtcp::write_remb(out, 1, 100_000, &[100]));
    let (mut got, mut late_ms, mut given_up) = (Vec::new(), Vec::new(), 0);
    for frame in 0..500 {
        if frame % 25 == 0 {
            say_something(&mut world, bob);
        }
        let keyframe = plis(&mut world, alice) > 0;
        given_up += u32::from(keyframe);
        for packet in camera.frame(&world, keyframe) {
            world.raw(world.clients[alice].path, &packet);
        }
        world.run(FRAME_MS);
        let newest = camera.seq as u8;
        let came = world.take_media(bob);
        // The payload's last octets say which packet it was.
        let late = |one: &Media| newest.wrapping_sub(*one.payload.last().expect("some"));
        late_ms.extend(came.iter().map(|one| u64::from(late(one)) * 20));
        got.extend(came);
    }
    let (most, numbers) = (late_ms.iter().max(), unwrapped(&got));
    assert!(
        most.is_some_and(|most| (3_500..=4_100).contains(most)),
        "{most:?} ms"
    );
    assert!((2..=5).contains(&given_up), "{given_up} times in 20 s");
    assert!(numbers.windows(2).all(|two| two[1] == two[0] + 1));
}

#[test]
fn a_keyframe_that_takes_a_slow_path_seconds_arrives_whole_and_what_follows_is_live_again() {
    let (mut world, alice, bob) = pictures_for(viewer());
    let mut camera = Camera {
        packets_a_frame: 250,
        size: 1_150,
        ..Camera::new(alice, 7)
    };
    world.rtcp(bob, |out| _core::rtcp::write_remb(out, 1, 500_000, &[100]));
    camera.send(&mut world, true);
    // 250 kbit/s follow; at 1.5 times 500 the keyframe alone takes 3.1 s.
    (camera.packets_a_frame, camera.size) = (1, 1_150);
    let (mut got, mut plis_seen) = (world.take_media(bob), 0);
    let mut behind = 0;
    for frame in 0..250 {
        if frame % 25 == 0 {
            say_something(&mut world, bob);
        }
        camera.send(&mut world, false);
        world.run(FRAME_MS);
        plis_seen += plis(&mut world, alice);
        let came = world.take_media(bob);
        let newest = came.last().and_then(|one| one.payload.last().copied());
        behind = newest.map_or(behind, |newest| (camera.seq as u8).wrapping_sub(newest));
        got.extend(came);
    }
    assert_eq!((got.len(), plis_seen), (500, 0));
    assert!(unwrapped(&got).windows(2).all(|two| two[1] == two[0] + 1));
    assert!(behind <= 2, "{behind} packets behind");
}

#[test]
fn what_waits_for_many_receivers_is_sent_before_it_fills_the_buffer() {
    const VIEWERS: usize = 400;
    const PACKETS: usize = 16;
    let mut world = World::new();
    let alice = world.connect(publisher());
    let viewers: Vec<_> = (0..VIEWERS)
        .map(|_| {
            let viewer = world.connect(telling_viewer());
            world.show(viewer, "sv", Some((alice, "v")));
            viewer
        })
        .collect();
    let mut camera = Camera {
        packets_a_frame: PACKETS,
        size: 1_150,
        ..Camera::new(alice, 11)
    };
    camera.send(&mut world, true);
    // All of them wait for the same moments: at each, the packets for all are more than the buffer takes.
    world.run(200);
    assert_eq!(world.router.counters().egress_dropped, 0);
    for viewer in viewers {
        assert_eq!(world.take_media(viewer).len(), PACKETS);
    }
}
