//! A link that loses packets whatever is sent, and feedback that gets lost.

use std::time::Duration;

use crate::call::{Call, Content};
use crate::network::impairment::Impairment;

const GREEDY: Content = Content::UpTo(20_000_000);

#[test]
fn random_loss_takes_little_of_the_estimate() {
    for loss in [0.03, 0.05, 0.1] {
        let mut link = Impairment::of(3e6);
        link.loss = loss;
        link.delay = Duration::from_millis(50);
        let mut call = Call::new(link, GREEDY);
        call.run(35_000);
        let share = call.mean_estimate(5_000..35_000) / 3e6;
        assert!((0.7..=1.0).contains(&share), "{share} at {loss}");
        let seen = f64::from(call.bandwidth.loss());
        assert!((seen - loss).abs() < 0.07, "{seen}");
    }
}

#[test]
fn a_burst_of_which_packets_are_lost_does_not_bound_the_estimate() {
    let mut link = Impairment::of(3e6);
    link.loss = 0.1;
    let mut call = Call::new(link, Content::Layers(&[300_000, 1_500_000, 5_000_000]));
    call.run(40_000);
    let share = call.mean_estimate(20_000..40_000) / 1.5e6;
    assert!(share > 1.15, "{share}");
}

#[test]
fn who_sends_nothing_after_a_storm_of_losses_comes_back_by_bursts_alone() {
    let mut call = Call::new(Impairment::of(3e6), Content::Whole(900_000));
    call.run(8_000);
    call.link.impairment.loss = 0.6;
    call.run_until(|estimate| estimate < 900_000, 6_000);
    call.run(2_000);
    call.link.impairment.loss = 0.0;
    call.run_until(|estimate| estimate >= 900_000, 15_000);
}

#[test]
fn packets_that_overtake_each_other_and_come_twice_take_little_of_the_estimate() {
    let mut link = Impairment::of(3e6);
    (link.reordered, link.duplicated) = (0.02, 0.02);
    let mut call = Call::new(link, GREEDY);
    call.run(35_000);
    let share = call.mean_estimate(5_000..35_000) / 3e6;
    assert!((0.7..=1.0).contains(&share), "{share}");
    let lost = call.bandwidth.loss();
    assert!(lost < 0.01, "{lost}");
}

#[test]
fn a_fall_of_the_rate_is_seen_through_random_loss() {
    let mut link = Impairment::of(3e6);
    link.loss = 0.05;
    let mut call = Call::new(link, GREEDY);
    call.run(10_000);
    call.link.set_rate(0.4e6);
    call.run_until(|estimate| estimate < 440_000, 2_000);
}

#[test]
fn a_short_queue_that_runs_over_is_congestion() {
    let mut link = Impairment::of(1e6);
    link.queue = Duration::from_millis(40);
    let mut call = Call::new(link, GREEDY);
    call.run(30_000);
    let share = call.mean_estimate(5_000..30_000) / 1e6;
    assert!((0.8..=1.1).contains(&share), "{share}");
}

#[test]
fn half_a_second_without_feedback_changes_little() {
    let mut call = Call::new(Impairment::of(3e6), GREEDY);
    call.run(10_000);
    let share = |call: &Call| call.bandwidth.estimate() as f64 / 3e6;
    let before = share(&call);
    call.feedback_lost_until = call.now + Duration::from_millis(500);
    call.run(600);
    let after = share(&call);
    assert!((0.8 * before..=1.06 * before).contains(&after), "{after}");
    call.run(3_000);
    let later = share(&call);
    assert!((0.8..=1.06).contains(&later), "{later}");
}

#[test]
fn a_dead_path_is_noticed() {
    let mut call = Call::new(Impairment::of(3e6), GREEDY);
    call.run(10_000);
    let before = call.bandwidth.estimate();
    call.feedback_lost_until = call.now + Duration::from_secs(10);
    call.run(3_500);
    let share = call.bandwidth.estimate() as f64 / before as f64;
    assert!((0.45..0.6).contains(&share), "{share}");
    call.run(9_000);
    call.run_until(|estimate| estimate > 2_400_000, 6_000);
}
