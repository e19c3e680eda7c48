//! Who takes no transport-wide feedback: receivers are told when packets leave, and tell what they think their path carries;
//! publishers say when theirs leave, and are told.

use std::collections::VecDeque;
use std::time::Duration;

use crate::call::{nack, pictures_for, say_something, send_frames, voice_packet};
use crate::links::{FRAME_MS, Studio, Uplink, seat};
use crate::network::impairment::Impairment;
use crate::network::path::Path as Way;
use crate::support::*;
use _core::departure::abs_send_time;
use _core::media::SenderConfig;
use _core::rtcp::{ReportBlock, write_receiver_report, write_remb};
use _core::time::Instant;

#[test]
fn packets_say_when_they_leave_and_so_do_those_that_are_sent_again() {
    let (mut world, alice, bob) = pictures_for(timed_viewer());
    let mut camera = Camera::new(alice, 7);
    send_frames(&mut world, &mut camera, 3);
    let first = world.take_media(bob);
    let left = |one: &Media| abs_send_time(Instant::from_millis(one.at_ms));
    assert_eq!(first.len(), 6);
    assert!(first.iter().all(|one| one.send_time == Some(left(one))));
    assert!(first.iter().all(|one| one.transport.is_none()));
    world.run(500);
    nack(&mut world, bob, 100, &[first[3].sequence]);
    let again = world.take_media(bob);
    assert_eq!((again.len(), again[0].ssrc), (1, 101));
    assert_eq!(again[0].send_time, Some(left(&again[0])));
    assert_ne!(again[0].send_time, first[3].send_time);
}

#[test]
fn sound_that_is_sent_again_without_rtx_says_when_it_left_first() {
    let mut media = timed_viewer();
    media.senders[1].codecs[0].nack = true;
    let mut world = World::new();
    let (alice, bob) = (world.connect(publisher()), world.connect(media));
    world.show(bob, "sa", Some((alice, "a")));
    let voice = voice_packet(&world, alice, 1, 960, 30);
    world.raw(world.clients[alice].path, &voice);
    let sent = world.take_media(bob);
    world.run(700);
    world.tapped = Some(Vec::new());
    nack(&mut world, bob, 200, &[sent[0].sequence]);
    let again = world.tapped.take().expect("tapped");
    let packet = _core::rtp::Packet::parse(&again[0]).expect("RTP");
    let time = sent[0].send_time.expect("timed").to_be_bytes();
    assert_eq!(packet.extension(SEND_TIME), Some(&time[1..]));
}

#[test]
fn who_counts_packets_or_asks_for_nothing_is_not_told_when_they_leave() {
    let mut both = telling_viewer();
    both.senders
        .iter_mut()
        .for_each(|one| one.abs_send_time = true);
    for media in [viewer(), telling_viewer(), both] {
        let counts = media.senders[0].transport_cc;
        let (mut world, alice, bob) = pictures_for(media);
        send_frames(&mut world, &mut Camera::new(alice, 7), 2);
        let got = world.take_media(bob);
        assert!(got.iter().all(|one| one.send_time.is_none()), "{got:?}");
        assert!(got.iter().all(|one| one.transport.is_some() == counts));
    }
}

#[test]
fn before_its_first_figure_a_viewer_is_sent_no_more_than_most_paths_carry() {
    let mut world = World::new();
    let (alice, bob) = (world.connect(simulcast()), world.connect(timed_viewer()));
    let mut studio = Studio::new(alice);
    for _ in 0..9_000 {
        world.run(1);
        studio.step(&mut world);
    }
    world.show(bob, "sv", Some((alice, "v")));
    let mut layers = |world: &mut World, ms: u64| {
        say_something(world, bob);
        let layers = (0..ms).map(|_| {
            world.run(1);
            studio.step(world);
            seat(world, bob).layer
        });
        layers.collect::<Vec<_>>()
    };
    let early = layers(&mut world, 4_500);
    assert!(!early.contains(&Some(2)), "the top one has 1.5 Mbit/s");
    assert_eq!(early.last(), Some(&Some(0)), "the middle one 0.5");
    let late = layers(&mut world, 4_500);
    assert_eq!(late.last(), Some(&Some(2)), "it tells nothing");
}

/// The way to a viewer, and what the viewer makes of it as draft-ietf-rmcat-gcc-02 §5.5 has it: 8 % a second more up to 1.5
/// times what comes, and 0.85 times that when a queue grows.  aiortc has one for each m-line.
struct Guessing {
    client: usize,
    way: Way,
    estimate: f64,
    came: VecDeque<(Instant, usize)>,
    /// When; it says nothing in the first seconds.
    told: Option<Instant>,
    /// How long the packets since then waited at least.
    waits: Option<Duration>,
}

const NOTICED: Duration = Duration::from_millis(80);
const FIRST_FIGURE: Duration = Duration::from_secs(3);
const TOLD_EVERY: Duration = Duration::from_millis(500);

impl Guessing {
    fn new(client: usize, kbps: u32) -> Self {
        Self {
            client,
            way: Way::new(
                Impairment {
                    delay: Duration::ZERO,
                    ..Impairment::of(f64::from(kbps) * 1e3)
                },
                client as u64,
                Instant::default(),
            ),
            estimate: 0.0,
            came: VecDeque::new(),
            told: None,
            waits: None,
        }
    }

    fn set(&mut self, kbps: u32) {
        self.way.set_rate(f64::from(kbps) * 1e3);
    }

    fn step(&mut self, world: &mut World) {
        let now = world.now;
        for media in world.take_media(self.client) {
            let [at] = self.way.send(media.octets, now)[..] else {
                continue;
            };
            let waits = at.saturating_since(now);
            assert!(media.send_time.is_some(), "nothing to estimate by");
            self.waits = Some(self.waits.map_or(waits, |least| least.min(waits)));
            self.came.push_back((now + waits, media.octets));
        }
        let Some(first) = self.came.front().map(|one| one.0) else {
            return;
        };
        let told = self.told.unwrap_or(first + (FIRST_FIGURE - TOLD_EVERY));
        let since = now.saturating_since(told);
        let queues = self.waits.is_some_and(|least| least > NOTICED);
        let is_full = queues && since > Duration::from_millis(100);
        if !is_full && since < TOLD_EVERY {
            return;
        }
        let lately = |at| now.saturating_since(at) < Duration::from_secs(1);
        self.came.retain(|one| lately(one.0));
        let comes = self.came.iter().filter(|one| one.0 <= now);
        let comes = comes.map(|one| one.1 as f64 * 8.0).sum::<f64>();
        self.estimate = match is_full {
            true => comes * 0.85,
            false => (self.estimate * 1.04).clamp(comes, (comes * 1.5 + 1e4).max(self.estimate)),
        };
        (self.told, self.waits) = (Some(now), None);
        let (told, client) = (self.estimate as u64, self.client);
        world.rtcp(client, |out| write_remb(out, 1, told, &[100, 101]));
    }
}

/// Runs so many seconds; gives the share of the time in which each layer was shown.
fn shown(world: &mut World, studio: &mut Studio, path: &mut Guessing, seconds: u64) -> [f64; 3] {
    let mut shown = [0.0; 3];
    for ms in 0..seconds * 1_000 {
        if ms % 5_000 == 0 {
            (0..world.clients.len()).for_each(|client| world.check(client, false));
        }
        world.run(1);
        studio.step(world);
        path.step(world);
        if let Some(layer) = seat(world, path.client).layer {
            shown[usize::from(layer)] += 1.0 / (seconds * 1_000) as f64;
        }
    }
    shown
}

#[test]
fn a_viewer_that_estimates_by_itself_goes_down_to_what_fits_and_comes_back() {
    let mut world = World::new();
    let (alice, bob) = (world.connect(simulcast()), world.connect(timed_viewer()));
    world.show(bob, "sv", Some((alice, "v")));
    let (mut studio, mut path) = (Studio::new(alice), Guessing::new(bob, 4_000));
    shown(&mut world, &mut studio, &mut path, 30);
    let wide = shown(&mut world, &mut studio, &mut path, 10);
    assert!(wide[2] > 0.95, "{wide:?}");
    path.set(700);
    shown(&mut world, &mut studio, &mut path, 3);
    let narrow = shown(&mut world, &mut studio, &mut path, 60);
    assert!(narrow[1] > 0.7 && narrow[2] < 0.1, "{narrow:?}");
    path.set(4_000);
    shown(&mut world, &mut studio, &mut path, 45);
    let wide = shown(&mut world, &mut studio, &mut path, 10);
    assert!(wide[2] > 0.95, "{wide:?}");
}

#[test]
fn a_figure_for_one_seat_is_not_taken_for_the_whole_path() {
    let mut media = timed_viewer();
    media.senders[1] = SenderConfig {
        mid: "sw".into(),
        ssrc: 110,
        rtx_ssrc: Some(111),
        ..media.senders[0].clone()
    };
    let (mut world, _, bob) = pictures_for(media);
    let estimate = |world: &World| world.router.stats(world.now)[1].estimate;
    world.rtcp(bob, |out| write_remb(out, 1, 600_000, &[100, 101]));
    world.rtcp(bob, |out| write_remb(out, 1, 300_000, &[110, 111]));
    assert_eq!(estimate(&world), Some(900_000));
    world.rtcp(bob, |out| write_remb(out, 1, 1_200_000, &[111, 110, 100]));
    assert_eq!(estimate(&world), Some(1_200_000));
    world.rtcp(bob, |out| write_remb(out, 1, 1_500_000, &[]));
    assert_eq!(
        estimate(&world),
        Some(1_500_000),
        "it names nothing, so all"
    );
}

#[test]
fn a_report_of_many_blocks_cuts_the_estimate_once() {
    let (mut world, alice, bob) = pictures_for(timed_viewer());
    world.show(bob, "sa", Some((alice, "a")));
    let mut camera = Camera {
        size: 1_000,
        ..Camera::new(alice, 7)
    };
    send_frames(&mut world, &mut camera, 60);
    world.rtcp(bob, |out| write_remb(out, 1, 2_000_000, &[100]));
    let lost = |ssrc| ReportBlock {
        ssrc,
        fraction_lost: 128,
        ..ReportBlock::default()
    };
    let report = [lost(100), lost(200), lost(100), lost(100)];
    world.rtcp(bob, |out| write_receiver_report(out, 1, &report));
    world.rtcp(bob, |out| write_receiver_report(out, 1, &report));
    let estimate = world.router.stats(world.now)[1].estimate;
    assert_eq!(estimate, Some(1_500_000));
}

/// A publisher that sends what it is told, at first and at most so many kbit/s, 25 frames a second; runs so many seconds and
/// gives when it was told what.
fn published(
    world: &mut World,
    (camera, uplink): (&mut Camera, &mut Uplink),
    most: f64,
    seconds: u64,
) -> Vec<(u64, f64)> {
    let client = camera.client;
    let (mut told, mut owed) = (Vec::new(), 0.0);
    let mut kbps: f64 = 300.0;
    for ms in 0..seconds * 1_000 {
        world.run(1);
        while let Some(packet) = uplink.take(world.now) {
            world.raw(world.clients[client].path, &packet);
        }
        for (at, control) in world.take_control(client) {
            if let Control::Remb(bits) = control {
                kbps = bits as f64 / 1e3;
                told.push((at, kbps));
            }
        }
        if ms % FRAME_MS == 0 {
            owed += kbps.min(most) * 5.0;
            camera.packets_a_frame = (owed as usize / camera.size).max(1);
            owed = (owed - (camera.packets_a_frame * camera.size) as f64).max(0.0);
            let packets = camera.frame(world, ms == 0);
            packets
                .into_iter()
                .for_each(|one| uplink.send(one, world.now));
        }
    }
    told
}

fn timed_camera(client: usize) -> Camera {
    Camera {
        is_timed: true,
        size: 1_000,
        ..Camera::new(client, 7)
    }
}

#[test]
fn a_publisher_without_feedback_is_told_what_its_path_carries() {
    let mut world = World::new();
    let alice = world.connect(timed_publisher());
    let (mut camera, mut uplink) = (timed_camera(alice), Uplink::new(600));
    let told = published(&mut world, (&mut camera, &mut uplink), 3_000.0, 20);
    let late: Vec<_> = told.iter().filter(|one| one.0 > 8_000).collect();
    assert!(late.len() >= 10, "{told:?}");
    assert!(
        late.iter().all(|one| (350.0..750.0).contains(&one.1)),
        "{told:?}"
    );
    uplink.set(250);
    let fell = world.now.as_nanos() / 1_000_000;
    let told = published(&mut world, (&mut camera, &mut uplink), 3_000.0, 6);
    let below = told
        .iter()
        .find(|one| one.1 < 250.0)
        .map(|one| one.0 - fell);
    assert!(below.is_some_and(|ms| ms < 1_500), "{told:?}");
}

#[test]
fn who_takes_feedback_or_does_not_say_when_packets_leave_is_told_nothing_else() {
    for (media, is_timed) in [(publisher(), true), (timed_publisher(), false)] {
        let mut world = World::new();
        let alice = world.connect(media);
        let (mut camera, mut uplink) = (timed_camera(alice), Uplink::new(200));
        camera.is_timed = is_timed;
        let told = published(&mut world, (&mut camera, &mut uplink), 3_000.0, 5);
        assert_eq!(told, []);
    }
}

#[test]
fn what_it_lacks_of_a_layer_that_it_has_left_a_viewer_is_still_sent_that_does_not_skip_it() {
    let mut world = World::new();
    let (alice, bob) = (world.connect(simulcast()), world.connect(timed_viewer()));
    world.show(bob, "sv", Some((alice, "v")));
    let (mut studio, mut path) = (Studio::new(alice), Guessing::new(bob, 4_000));
    shown(&mut world, &mut studio, &mut path, 30);
    assert_eq!(seat(&world, bob).layer, Some(2));
    let frame = loop {
        world.run(1);
        studio.step(&mut world);
        let frame = world.take_media(bob);
        if !frame.is_empty() {
            break frame;
        }
    };
    for _ in 0..3 {
        world.rtcp(bob, |out| write_remb(out, 1, 200_000, &[100, 101]));
        for _ in 0..400 {
            world.run(1);
            studio.step(&mut world);
        }
    }
    assert_eq!(seat(&world, bob).layer, Some(0));
    world.take_media(bob);
    nack(&mut world, bob, 100, &[frame[0].sequence]);
    let again = world.take_media(bob);
    assert!(again.iter().any(|one| one.ssrc == 101), "{again:?}");
}
