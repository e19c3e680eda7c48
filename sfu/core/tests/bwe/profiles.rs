//! A minute over each link that has a name, one way and the other.

use std::sync::LazyLock;

use _core::time::Instant;

use crate::call::{Call, Content};
use crate::network::impairment::Impairment;
use crate::network::path::Path;
use crate::network::profiles::{Profile, profiles};

const LOWEST: u64 = 150_000;
const LAYERS: Content = Content::Layers(&[LOWEST, 500_000, 1_500_000, 2_500_000]);
const GREEDY: Content = Content::UpTo(20_000_000);
const MINUTE_MS: u64 = 60_000;
/// Until then it is found out what a link carries.
const START_MS: u64 = 3_000;

fn minutes(
    name: &str,
    link: &Impairment,
    back: &Impairment,
    content: Content,
) -> Vec<(String, Call)> {
    let minute = |seed: u64| {
        let [link, back] = [(link, 2 * seed), (back, 2 * seed + 1)]
            .map(|(way, seed)| Path::new(way.clone(), seed, Instant::default()));
        let mut call = Call::between(link, back, content);
        call.run(MINUTE_MS);
        (format!("{name}, {seed}"), call)
    };
    (0..3).map(minute).collect()
}

/// Over the ways down, where the node sends, and over the ways up, which are narrower.
static LAYERED: LazyLock<Vec<(String, Call)>> = LazyLock::new(|| {
    let both = |one: Profile| {
        let up = minutes(&format!("{}, up", one.name), &one.up, &one.down, LAYERS);
        [minutes(&one.name, &one.down, &one.up, LAYERS), up]
            .into_iter()
            .flatten()
    };
    profiles().into_iter().flat_map(both).collect()
});

#[test]
fn the_lowest_layer_is_never_left_for_more_than_a_second() {
    for (name, call) in LAYERED.iter() {
        let below_ms = call.longest_below(LOWEST, 1_000..MINUTE_MS);
        assert!(below_ms <= 1_000, "{name}: {below_ms} ms");
    }
}

#[test]
fn layers_leave_every_queue_short_and_hardly_any_runs_over() {
    for (name, call) in LAYERED.iter() {
        let wait = call.mean_wait_ms(START_MS..MINUTE_MS);
        assert!(wait < 40.0, "{name}: {wait} ms");
        let passed = call.link.passed;
        assert!(passed.dropped * 100 < passed.sent, "{name}: {passed:?}");
    }
}

#[test]
fn whoever_takes_all_is_told_of_no_more_than_a_link_carries_and_of_much_of_that() {
    let down = |one: Profile| minutes(&one.name, &one.down, &one.up, GREEDY);
    for (name, call) in profiles().into_iter().flat_map(down) {
        let share = call.mean_share(START_MS..MINUTE_MS);
        assert!((0.35..1.05).contains(&share), "{name}: {share}");
    }
}

/// More would be better said: where datagrams are under way for 30 ms more or less, a burst of 15 ms may come out faster than
/// the link is.  For moments that is as much as 1.8 of 0.78 Mbit/s (3G); a layer that is too much for it is then left again.
#[test]
fn whoever_sends_less_than_a_steady_link_carries_is_told_of_little_more_than_it_carries() {
    for (name, call) in LAYERED.iter() {
        let is_steady = call.link.impairment.rate.len() == 1;
        let share = call.mean_share(START_MS..MINUTE_MS);
        assert!(!is_steady || share < 1.6, "{name}: {share}");
    }
}
