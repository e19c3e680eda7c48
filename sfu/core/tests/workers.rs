//! Rooms that are spread over workers: routers joined by their relays, on virtual time.

#![allow(missing_docs)]

mod support;

use std::sync::Arc;

use _core::commands::Command;
use _core::events::{Event, Showing};
use _core::media::PeerMedia;
use _core::relay::Relay;
use _core::router::Population;
use _core::rtcp::{self, Pli, SenderInfo};
use _core::rtp::OutHeader;
use support::*;

/// A publisher on worker 0 and a viewer on worker 1 that is shown its video.
fn call() -> (World, Camera, usize) {
    call_of(publisher())
}

fn call_of(media: PeerMedia) -> (World, Camera, usize) {
    let mut world = World::with_workers(2);
    let alice = world.connect(media);
    let bob = world.connect_on(1, viewer());
    world.show(bob, "sv", Some((alice, "v")));
    (world, Camera::new(alice, 7), bob)
}

fn send_frames(world: &mut World, camera: &mut Camera, count: usize) {
    (0..count).for_each(|index| camera.send(world, index == 0));
}

fn set_media(world: &mut World, client: usize, media: PeerMedia) {
    let (peer, media) = (world.clients[client].id, Box::new(media));
    world.command(Command::SetMedia { peer, media });
}

fn remove(world: &mut World, client: usize) {
    let peer = world.clients[client].id;
    world.command(Command::RemovePeer { peer });
}

fn ask_for_keyframe(world: &mut World, client: usize) {
    let pli = Pli {
        sender_ssrc: 1,
        media_ssrc: 100,
    };
    world.rtcp(client, |out| rtcp::write_pli(out, pli));
}

fn plis(control: &[(u64, Control)]) -> Vec<u64> {
    let is_pli = |control: &Control| matches!(control, Control::Pli { .. });
    let plis = control.iter().filter(|(_, one)| is_pli(one));
    plis.map(|(at, _)| *at).collect()
}

fn populations(world: &mut World) -> Vec<Population> {
    (0..=world.others.len())
        .map(|worker| world.router_of(worker).population())
        .collect()
}

fn taken(world: &World) -> Vec<bool> {
    let stats = world.router.stats(world.now);
    let layers = stats.iter().flat_map(|peer| &peer.tracks[0].layers);
    layers.map(|layer| layer.taken).collect()
}

#[test]
fn a_video_arrives_whole_on_another_worker_and_crosses_once_for_all_its_viewers() {
    let (mut world, mut camera, bob) = call();
    let near = world.connect(viewer());
    let far = world.connect_on(1, viewer());
    for viewer in [near, far] {
        world.show(viewer, "sv", Some((camera.client, "v")));
    }
    world.events.clear();
    send_frames(&mut world, &mut camera, 30);
    for viewer in [bob, near, far] {
        let media = world.take_media(viewer);
        assert_eq!(media.len(), 60);
        assert!(
            media
                .iter()
                .all(|one| one.ssrc == 100 && one.mid.as_deref() == Some("sv"))
        );
        let numbers = unwrapped(&media);
        assert!(numbers.windows(2).all(|two| two[1] == two[0] + 1));
    }
    assert_eq!(world.router.counters().relayed_out, 60);
    assert_eq!(world.others[0].counters().relayed_in, 60);
    let shown = Event::Shown(Showing {
        peer: world.clients[bob].id,
        mid: "sv".into(),
        source_peer: world.clients[camera.client].id,
        source_mid: "v".into(),
    });
    assert!(world.events.contains(&shown));
}

#[test]
fn all_other_workers_get_the_same_memory() {
    let mut world = World::with_workers(3);
    let alice = world.connect(publisher());
    for worker in [1, 2] {
        let viewer = world.connect_on(worker, viewer());
        world.show(viewer, "sv", Some((alice, "v")));
    }
    let mut camera = Camera::new(alice, 7);
    world.holds_mail = true;
    camera.send(&mut world, true);
    let batches: Vec<_> = world
        .mail
        .iter()
        .filter_map(|(_, to, relay)| match relay {
            Relay::Packets { batch, .. } => Some((*to, Arc::clone(batch))),
            _ => None,
        })
        .collect();
    let to = |worker: usize| batches.iter().filter(move |(to, _)| *to == worker);
    assert_eq!(
        to(1).count(),
        2,
        "one a packet, as each was a batch of its own"
    );
    assert!(
        to(1)
            .zip(to(2))
            .all(|(one, two)| Arc::ptr_eq(&one.1, &two.1))
    );
}

#[test]
fn what_waits_in_one_batch_crosses_in_one_message() {
    let (mut world, mut camera, bob) = call();
    camera.send(&mut world, true);
    world.holds_mail = true;
    for packet in camera.frame(&world, false) {
        world.raw_in_batch(world.clients[camera.client].path, &packet);
    }
    world.pump();
    assert_eq!(world.mail.len(), 1);
    assert_eq!(world.mail[0].2.packets(), 2);
    world.holds_mail = false;
    world.pump();
    assert_eq!(world.take_media(bob).len(), 4);
}

#[test]
fn a_wanted_keyframe_crosses_and_its_publisher_hears_of_it_once_until_it_has_come() {
    let (mut world, mut camera, bob) = call();
    let carol = world.connect_on(1, viewer());
    world.show(carol, "sv", Some((camera.client, "v")));
    camera.send(&mut world, true);
    world.run(1_000);
    world.take_control(camera.client);
    let asked = world.now.as_nanos() / 1_000_000;
    for _ in 0..50 {
        ask_for_keyframe(&mut world, bob);
        ask_for_keyframe(&mut world, carol);
        world.run(5);
    }
    let control = world.take_control(camera.client);
    let heard = plis(&control);
    assert_eq!(heard.len(), 1);
    assert!(heard[0] - asked <= 5);
    // Answered: the next wish is not held back at the mirror.
    camera.send(&mut world, true);
    ask_for_keyframe(&mut world, carol);
    world.run(1_000);
    assert_eq!(plis(&world.take_control(camera.client)).len(), 1);
}

#[test]
fn a_viewer_that_comes_later_asks_for_a_keyframe_and_begins_there() {
    let (mut world, mut camera, _) = call();
    send_frames(&mut world, &mut camera, 10);
    world.run(1_000);
    world.take_control(camera.client);
    let late = world.connect_on(1, viewer());
    world.show(late, "sv", Some((camera.client, "v")));
    world.run(10);
    assert_eq!(plis(&world.take_control(camera.client)).len(), 1);
    camera.send(&mut world, false);
    assert_eq!(world.take_media(late), []);
    camera.send(&mut world, true);
    assert_eq!(world.take_media(late).len(), 2);
}

#[test]
fn what_a_receiver_misses_is_sent_again_from_the_mirror() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 5);
    let media = world.take_media(bob);
    world.holds_mail = true;
    world.rtcp(bob, |out| {
        rtcp::write_nack(out, 1, 100, &[media[3].sequence])
    });
    let again = world.take_media(bob);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].payload[2..], media[3].payload);
    assert!(world.mail.is_empty(), "the publisher's worker is not asked");
}

#[test]
fn a_packet_that_the_publisher_sends_again_takes_its_place_on_other_workers_too() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    let late = camera.frame(&world, false);
    let path = world.clients[camera.client].path;
    world.raw(path, &late[1]);
    camera.send(&mut world, false);
    world.raw(path, &late[0]);
    let media = world.take_media(bob);
    let mut numbers = unwrapped(&media);
    assert_eq!(numbers.len(), 10);
    assert_eq!(numbers.pop(), Some(numbers[0] + 6));
}

#[test]
fn layers_are_chosen_by_the_publishers_worker_and_switched_at_keyframes_on_the_others() {
    let (mut world, mut low, bob) = call_of(simulcast());
    low.rid = Some("q");
    let mut high = Camera::new(low.client, 8);
    high.rid = Some("f");
    send_frames(&mut world, &mut low, 5);
    assert_eq!(taken(&world), [true, false, false]);
    world.take_media(bob);
    for _ in 0..60 {
        low.send(&mut world, false);
        high.send(&mut world, false);
    }
    assert_eq!(
        world.take_media(bob).len(),
        120,
        "no keyframe of the high layer yet"
    );
    high.send(&mut world, true);
    low.send(&mut world, false);
    assert_eq!(world.take_media(bob).len(), 2);
    assert_eq!(taken(&world), [false, false, true]);
    remove(&mut world, bob);
    assert_eq!(taken(&world), [false; 3]);
}

#[test]
fn a_publisher_that_goes_on_under_another_ssrc_is_followed_at_its_next_keyframe() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 5);
    world.take_media(bob);
    camera.ssrc = 70;
    camera.seq = 40_000;
    camera.send(&mut world, false);
    assert_eq!(world.take_media(bob), []);
    camera.send(&mut world, true);
    camera.send(&mut world, false);
    let media = world.take_media(bob);
    assert_eq!(media.len(), 4);
    let numbers = unwrapped(&media);
    assert!(numbers.windows(2).all(|two| two[1] == two[0] + 1));
}

#[test]
fn sender_reports_tell_the_publishers_clock_on_every_worker_alike() {
    let (mut world, mut camera, bob) = call();
    let near = world.connect(viewer());
    world.show(near, "sv", Some((camera.client, "v")));
    send_frames(&mut world, &mut camera, 3);
    let info = SenderInfo {
        ssrc: 7,
        ntp: wall(),
        rtp_timestamp: camera.timestamp,
        packets: 1,
        octets: 1,
    };
    world.rtcp(camera.client, |out| {
        rtcp::write_sender_report(out, &info, &[])
    });
    let media = [bob, near].map(|viewer| world.take_media(viewer)[0].timestamp);
    camera.send(&mut world, false);
    world.run(1_500);
    let offsets = [(bob, media[0]), (near, media[1])].map(|(viewer, first)| {
        let control = world.take_control(viewer);
        control.iter().find_map(|(_, one)| match one {
            Control::SenderReport { ntp, rtp, .. } => {
                let since = ntp.saturating_duration_since(wall()).as_millis() as u32;
                Some(rtp.wrapping_sub(first).wrapping_sub(since * 90))
            }
            _ => None,
        })
    });
    let [far, near] = offsets.map(|offset| offset.expect("a report came"));
    assert!(
        far.abs_diff(near) <= 90,
        "{far} and {near}: within a millisecond"
    );
}

#[test]
fn a_track_that_is_not_enabled_is_not_handed_over() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    world.take_media(bob);
    let mut enable = |world: &mut World, enabled: bool| {
        let (peer, mid) = (world.clients[camera.client].id, "v".into());
        world.command(Command::SetTrackEnabled { peer, mid, enabled });
        world.run(400);
        let asked = plis(&world.take_control(camera.client)).len();
        camera.send(world, enabled);
        asked
    };
    enable(&mut world, false);
    assert_eq!(world.take_media(bob), []);
    assert!(
        enable(&mut world, true) > 0,
        "what was cut off begins with a keyframe"
    );
    assert_eq!(world.take_media(bob).len(), 2);
}

#[test]
fn a_source_without_a_common_codec_is_told_wherever_its_viewer_is() {
    for active_before in [false, true] {
        let mut world = World::with_workers(2);
        let alice = world.connect(publisher());
        let mut media = viewer();
        media.senders[0].codecs = vec![h264()];
        let bob = world.connect_on(1, media);
        let mut camera = Camera::new(alice, 7);
        if active_before {
            camera.send(&mut world, true);
        }
        world.show(bob, "sv", Some((alice, "v")));
        camera.send(&mut world, true);
        let told = Event::NotShowable(Showing {
            peer: world.clients[bob].id,
            mid: "sv".into(),
            source_peer: world.clients[alice].id,
            source_mid: "v".into(),
        });
        assert_eq!(
            world.events.iter().filter(|event| **event == told).count(),
            1
        );
        assert_eq!(populations(&mut world)[1].mirrors, 0);
        assert_eq!(populations(&mut world)[0].subscribers, 0);
    }
}

#[test]
fn an_m_line_that_stays_goes_on_on_other_workers() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    world.take_media(bob);
    let mut media = publisher();
    media.tracks.push(video_track("w", &[None]));
    set_media(&mut world, camera.client, media);
    camera.send(&mut world, false);
    assert_eq!(world.take_media(bob).len(), 2);
}

#[test]
fn viewers_of_an_ended_track_fall_silent_and_hold_nothing() {
    for leaves in [false, true] {
        let (mut world, mut camera, bob) = call();
        send_frames(&mut world, &mut camera, 3);
        world.take_media(bob);
        if leaves {
            remove(&mut world, camera.client);
        } else {
            let tracks = vec![audio_track("a")];
            set_media(
                &mut world,
                camera.client,
                PeerMedia {
                    tracks,
                    ..publisher()
                },
            );
        }
        assert_eq!(populations(&mut world)[1].mirrors, 0);
        assert_eq!(world.others[0].stats(world.now)[0].senders[0].layer, None);
        assert!(world.mail.is_empty());
    }
}

#[test]
fn a_track_that_is_shown_while_the_end_of_its_predecessor_is_on_its_way_is_seen() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    world.take_media(bob);
    world.holds_mail = true;
    let tracks = vec![audio_track("a")];
    set_media(
        &mut world,
        camera.client,
        PeerMedia {
            tracks,
            ..publisher()
        },
    );
    set_media(&mut world, camera.client, publisher());
    world.show(bob, "sv", Some((camera.client, "v")));
    world.holds_mail = false;
    world.pump();
    camera.send(&mut world, true);
    assert_eq!(world.take_media(bob).len(), 2);
}

#[test]
fn packets_of_an_earlier_subscription_are_nothing_to_a_later_one() {
    let (mut world, mut camera, bob) = call();
    send_frames(&mut world, &mut camera, 3);
    world.take_media(bob);
    world.holds_mail = true;
    camera.send(&mut world, true);
    world.show(bob, "sv", None);
    world.show(bob, "sv", Some((camera.client, "v")));
    world.holds_mail = false;
    world.pump();
    assert_eq!(world.take_media(bob), []);
    camera.send(&mut world, true);
    assert_eq!(world.take_media(bob).len(), 2);
    assert_eq!(populations(&mut world)[0].subscribers, 1);
}

#[test]
fn packets_that_a_worker_has_no_room_for_are_counted_and_a_keyframe_is_asked_for() {
    let (mut world, mut camera, bob) = call();
    camera.send(&mut world, true);
    world.run(1_000);
    world.take_control(camera.client);
    world.holds_mail = true;
    // The lost packets are a keyframe: having received it is no answer for those who did not get it.
    camera.send(&mut world, true);
    let now = world.now;
    for (_, _, relay) in std::mem::take(&mut world.mail) {
        world.router.undelivered(&relay, now);
    }
    world.holds_mail = false;
    world.run(400);
    assert_eq!(world.router.counters().relay_dropped, 2);
    assert!(!plis(&world.take_control(camera.client)).is_empty());
    world.take_media(bob);
    camera.send(&mut world, true);
    assert_eq!(world.take_media(bob).len(), 2);
}

#[test]
fn a_voice_is_heard_on_another_worker_from_its_first_packet() {
    let mut world = World::with_workers(2);
    let alice = world.connect(publisher());
    let bob = world.connect_on(1, viewer());
    world.show(bob, "sa", Some((alice, "a")));
    for seq in 0..20u16 {
        let header = OutHeader {
            payload_type: 111,
            sequence: seq,
            timestamp: u32::from(seq) * 960,
            ssrc: 8,
            mid: Some((MID, b"a")),
            ..OutHeader::default()
        };
        world.rtp(alice, &header, 0, &[0xf8, seq as u8]);
    }
    assert_eq!(world.take_media(bob).len(), 20);
    assert_eq!(
        plis(&world.take_control(alice)),
        [],
        "nobody asks a voice for a keyframe"
    );
    assert_eq!(
        world.others[0].levels(world.now),
        [],
        "its level is told once, by its own worker"
    );
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Devices that publish and watch, of which some have left.
struct Crowd {
    world: World,
    here: Vec<usize>,
    cameras: Vec<Option<Camera>>,
    /// What each device's seat was last told to show, while that has a video.
    shown: Vec<Option<usize>>,
    ssrc: u32,
}

impl Crowd {
    fn new() -> Self {
        Self {
            world: World::with_workers(3),
            here: Vec::new(),
            cameras: Vec::new(),
            shown: Vec::new(),
            ssrc: 10,
        }
    }

    fn media(with_video: bool) -> PeerMedia {
        let tracks = match with_video {
            true => publisher().tracks,
            false => vec![audio_track("a")],
        };
        let senders = viewer().senders;
        PeerMedia {
            tracks,
            senders,
            ..publisher()
        }
    }

    fn camera(&mut self, client: usize) -> Camera {
        self.ssrc += 1;
        Camera::new(client, self.ssrc)
    }

    fn enter(&mut self, worker: usize) {
        let client = self.world.connect_on(worker, Self::media(true));
        let camera = self.camera(client);
        self.here.push(client);
        self.cameras.push(Some(camera));
        self.shown.push(None);
    }

    fn forget(&mut self, publisher: usize) {
        self.cameras[publisher] = None;
        let shown = self.shown.iter_mut();
        shown.for_each(|one| *one = one.filter(|&source| source != publisher));
    }

    /// As the node does: who watched is told to watch nothing.
    fn end(&mut self, publisher: usize) {
        let watching = |&&viewer: &&usize| self.shown[viewer] == Some(publisher);
        let viewers: Vec<usize> = self.here.iter().filter(watching).copied().collect();
        self.forget(publisher);
        viewers
            .into_iter()
            .for_each(|viewer| self.show(viewer, None));
    }

    fn leave(&mut self, place: usize) {
        let client = self.here.swap_remove(place);
        self.forget(client);
        self.shown[client] = None;
        remove(&mut self.world, client);
    }

    /// A video that stops, or begins anew under the same name.
    fn renegotiate(&mut self, client: usize) {
        let has = self.cameras[client].is_some();
        set_media(&mut self.world, client, Self::media(!has));
        if has {
            return self.end(client);
        }
        self.cameras[client] = Some(self.camera(client));
    }

    fn show(&mut self, viewer: usize, source: Option<usize>) {
        let source = source.filter(|&source| self.cameras[source].is_some());
        self.shown[viewer] = source;
        self.world
            .show(viewer, "sv", source.map(|source| (source, "v")));
    }

    fn send(&mut self, client: usize, keyframe: bool) {
        if let Some(camera) = &mut self.cameras[client] {
            camera.send(&mut self.world, keyframe);
        }
    }

    fn step(&mut self, random: &mut Random) {
        if self.here.len() < 2 {
            return self.enter(random.below(3));
        }
        let mut any = || self.here[random.below(self.here.len())];
        let (one, other) = (any(), any());
        match random.below(12) {
            0 if self.world.clients.len() < 100 => self.enter(random.below(3)),
            1 => self.leave(random.below(self.here.len())),
            2 => self.renegotiate(one),
            3 => self.show(one, None),
            4..=6 => self.show(one, Some(other)),
            7 => ask_for_keyframe(&mut self.world, one),
            8 => {
                let waiting = self.world.mail.len();
                self.world.deliver_mail(random.below(waiting + 1));
                self.world.pump();
            }
            9 => self.world.run(random.below(400) as u64),
            _ => self.send(one, random.below(4) == 0),
        }
    }

    /// Everybody sees what he was last told to show, and nothing else.
    fn assert_seen(&mut self) {
        self.world.holds_mail = false;
        self.world.pump();
        for client in self.here.clone() {
            self.world.take_media(client);
        }
        for client in self.here.clone() {
            self.send(client, true);
        }
        for viewer in self.here.clone() {
            let got = self.world.take_media(viewer).len();
            let expected = if self.shown[viewer].is_some() { 2 } else { 0 };
            assert_eq!(got, expected, "{viewer} is shown {:?}", self.shown[viewer]);
        }
    }
}

#[test]
fn in_whatever_order_mail_comes_and_peers_go_everybody_sees_what_was_shown_last_and_nothing_is_left()
 {
    let runs = if cfg!(debug_assertions) { 10 } else { 100 };
    for seed in 1..=runs {
        let (mut crowd, mut random) = (Crowd::new(), Random(seed * 0x9e37_79b9));
        crowd.world.holds_mail = true;
        (0..200).for_each(|_| crowd.step(&mut random));
        crowd.assert_seen();
        let nothing = vec![Population::default(); 3];
        assert_ne!(populations(&mut crowd.world), nothing);
        crowd.world.holds_mail = true;
        while !crowd.here.is_empty() {
            crowd.leave(random.below(crowd.here.len()));
        }
        crowd.world.holds_mail = false;
        crowd.world.pump();
        assert_eq!(populations(&mut crowd.world), nothing, "seed {seed}");
    }
}
