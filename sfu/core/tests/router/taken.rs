//! What publishers are told: which layers are taken, and what their own path carries.

use crate::call::{paused, pictures_for, plis_to, say_something};
use crate::links::{FRAME_MS, Narrow, Studio, Uplink, company, first_ms, run, seat, set_view};
use crate::support::*;
use _core::events::Event;

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
    let viewer = paths[0].client;
    wanted(&mut world);
    set_view(&mut world, viewer, Some(180));
    run(&mut world, &mut studio, &mut paths, 4_000);
    assert_eq!(wanted(&mut world), [0b001]);
    studio.sending = 0b001;
    run(&mut world, &mut studio, &mut paths, 2_000);
    set_view(&mut world, viewer, Some(720));
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
        uplink.set(300);
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
        uplink.set(300);
    }
    run_obedient(&mut world, &mut studio, &mut paths, 1_000);
    let told = bounds(&mut studio);
    assert!(
        told.iter().all(|bound| (100_000..300_000).contains(bound)) && !told.is_empty(),
        "{told:?}"
    );
    if let Some(uplink) = &mut studio.uplink {
        uplink.set(4_000);
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
        uplink.set(300);
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
    set_view(&mut world, paths[0].client, Some(180));
    run(&mut world, &mut studio, &mut paths, 1_000);
    assert_eq!(nacked(&mut world, &mut studio, &mut paths), [11]);
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
            self.keyframe |= plis_to(world, self.camera.client) > 0;
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
        assert_eq!(plis_to(&mut world, alice), 1, "{shown}");
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
            let keyframe = plis_to(world, camera.client) > 0;
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
