//! A minute of a simulcast publisher's pictures over each link that has a name, to a viewer who asks for what is lost.

use std::sync::LazyLock;
use std::time::Duration;

use crate::behind::Behind;
use crate::links::Studio;
use crate::network::impairment::Impairment;
use crate::network::profiles::{Profile, profiles};
use crate::support::*;
use _core::rtcp::{self, SenderInfo};

const MINUTE_MS: u64 = 60_000;
/// Pictures of a minute, as the publisher makes them.
const PICTURES: usize = 1_500;
/// A packet is lost for good, which takes a viewer a second, and so is what he is sent when he asks for a keyframe.
const LONGEST_PAUSE: Duration = Duration::from_millis(2_500);

/// Whose link it is, and what came over it.  With the last two seeds a bad Wi-Fi loses most of the packets of a first second.
static MINUTES: LazyLock<Vec<(String, Behind)>> = LazyLock::new(|| {
    let seeds = [1, 32, 43];
    let of = |profile: Profile| {
        seeds.map(|seed| {
            (
                format!("{}, {seed}", profile.name),
                a_minute(&profile, seed),
            )
        })
    };
    profiles().into_iter().flat_map(of).collect()
});

fn a_minute(profile: &Profile, seed: u64) -> Behind {
    let mut world = World::new();
    let alice = world.connect(simulcast());
    let bob = world.connect(telling_viewer());
    world.show(bob, "sv", Some((alice, "v")));
    let mut studio = Studio::new(alice);
    let mut viewer = Behind::new(bob, profile, seed, world.now);
    for ms in 0..MINUTE_MS {
        if ms % 5_000 == 0 {
            world.check(alice, false); // Consent stays.
            world.check(bob, false);
        }
        if ms % 1_000 == 0 {
            report(&mut world, alice);
        }
        world.run(1);
        studio.step(&mut world);
        viewer.step(&mut world);
    }
    viewer
}

/// From which viewers are told the time, so that their round trip becomes known.
fn report(world: &mut World, publisher: usize) {
    let passed = Duration::from_nanos(world.now.as_nanos());
    for ssrc in 11..=13 {
        let report = SenderInfo {
            ssrc,
            ntp: wall() + passed,
            rtp_timestamp: passed.as_millis() as u32 * 90,
            packets: 0,
            octets: 0,
        };
        world.rtcp(publisher, |out| {
            rtcp::write_sender_report(out, &report, &[])
        });
    }
}

#[test]
fn pictures_go_on_over_every_link_that_has_a_name() {
    for (name, viewer) in MINUTES.iter() {
        let (pause, shown) = (viewer.screen.longest_pause(), viewer.screen.shown.len());
        assert!(pause < LONGEST_PAUSE, "{name}: {pause:?}");
        assert!(shown >= PICTURES * 95 / 100, "{name}: {shown}");
    }
}

/// But what was lost of a layer that the path did not carry any more, or was thought not to.
#[test]
fn what_a_link_of_a_steady_rate_loses_is_repaired() {
    for (name, viewer) in MINUTES.iter().filter(|one| one.1.has_a_steady_rate()) {
        let (lost, repaired) = (viewer.lost, viewer.repaired);
        assert!(repaired * 4 >= lost * 3, "{name}: {repaired} of {lost}");
    }
    assert!(MINUTES.iter().any(|(_, viewer)| viewer.lost > 200));
}

#[test]
fn numbers_go_on_without_a_gap_whatever_is_lost_and_shown() {
    for (name, viewer) in MINUTES.iter() {
        let numbers = unwrapped(&viewer.sent);
        let are_one_apart = numbers.windows(2).all(|two| two[1] == two[0] + 1);
        assert!(are_one_apart, "{name}");
    }
}

#[test]
fn packets_that_overtake_each_other_and_come_twice_cost_a_viewer_nothing() {
    let unruly = Impairment {
        reordered: 0.02,
        duplicated: 0.02,
        ..Impairment::of(5e6)
    };
    let profile = Profile {
        name: "unruly".into(),
        up: unruly.clone(),
        down: unruly,
    };
    let viewer = a_minute(&profile, 1);
    assert_eq!(viewer.screen.shown.len(), PICTURES);
    let pause = viewer.screen.longest_pause();
    assert!(pause < Duration::from_millis(100), "{pause:?}");
    let kbps = viewer.kbps();
    assert!(kbps > 1_300, "{kbps} kbit/s");
}

#[test]
fn every_link_is_used_for_more_than_the_lowest_layer_and_its_queue_is_left_short() {
    for (name, viewer) in MINUTES.iter() {
        let kbps = viewer.kbps();
        assert!(kbps > 400, "{name}: {kbps} kbit/s");
        let mean = viewer.waited.iter().sum::<Duration>() / viewer.waited.len() as u32;
        assert!(mean < Duration::from_millis(50), "{name}: {mean:?}");
    }
}
