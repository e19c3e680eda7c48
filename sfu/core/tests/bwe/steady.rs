//! A link that stays as it is.

use std::time::Duration;

use crate::call::{Call, Content};
use crate::network::impairment::Impairment;

const GREEDY: Content = Content::UpTo(20_000_000);

fn assert_used_well(call: &Call, rate: f64, from_ms: u64) {
    let end = call.now_ms();
    let share = call.mean_estimate(from_ms..end) / rate;
    assert!((0.85..=1.0).contains(&share), "{share} of {rate}");
    let wait = call.mean_wait_ms(from_ms..end);
    assert!(wait <= 50.0, "{wait} ms at {rate}");
}

#[test]
fn whoever_takes_all_finds_the_rate_of_the_link_and_leaves_its_queue_short() {
    for rate in [0.3e6, 1e6, 3e6, 10e6] {
        let mut call = Call::new(Impairment::of(rate), GREEDY);
        call.run(8_000);
        assert_used_well(&call, rate, 5_000);
        call.run(32_000);
        assert_used_well(&call, rate, 5_000);
    }
}

#[test]
fn frames_that_leave_at_once_are_no_congestion() {
    for rate in [0.3e6, 1e6, 3e6, 10e6] {
        let mut call = Call::new(Impairment::of(rate), GREEDY);
        call.frames_at_once = true;
        call.run(40_000);
        assert_used_well(&call, rate, 5_000);
    }
}

#[test]
fn the_figures_beside_the_estimate_say_what_the_link_does() {
    let mut call = Call::new(Impairment::of(2e6), GREEDY);
    assert!(!call.bandwidth.has_feedback());
    call.run(10_000);
    assert!(call.bandwidth.has_feedback());
    let arrives = call.bandwidth.acknowledged() as f64 / call.bandwidth.estimate() as f64;
    assert!((0.85..1.15).contains(&arrives), "{arrives}");
    assert_eq!(call.bandwidth.loss(), 0.0);
    call.link.set_rate(1e6);
    call.run(400);
    let waits = call.link.wait(call.now).as_millis();
    let seen = call.bandwidth.queue_delay().as_millis();
    assert!(waits > 50 && seen > waits / 3, "{seen} of {waits} ms");
}

#[test]
fn jitter_is_no_congestion() {
    let mut link = Impairment::of(3e6);
    link.jitter = Duration::from_millis(10);
    let mut call = Call::new(link, GREEDY);
    call.run(35_000);
    let share = call.mean_estimate(5_000..35_000) / 3e6;
    assert!((0.7..=1.0).contains(&share), "{share}");
}

#[test]
fn each_receiver_has_an_estimate_of_its_own() {
    let mut calls = [0.5e6, 5e6].map(|rate| Call::new(Impairment::of(rate), GREEDY));
    for _ in 0..100 {
        calls.iter_mut().for_each(|call| call.run(100));
    }
    let [slow, fast] = calls.map(|call| call.bandwidth.estimate());
    assert!(slow < 550_000 && fast > 4_000_000, "{slow}, {fast}");
}

#[test]
fn a_sender_that_does_not_fill_the_link_learns_of_no_more_than_it_carries() {
    let links: [(f64, &[u64]); 3] = [
        (0.5e6, &[390_000, 900_000]),
        (1e6, &[390_000, 780_000, 2_500_000]),
        (3e6, &[390_000, 2_300_000, 5_000_000]),
    ];
    for (rate, layers) in links {
        let mut call = Call::new(Impairment::of(rate), Content::Layers(layers));
        call.frames_at_once = true;
        call.run(40_000);
        assert_used_well(&call, rate, 5_000);
    }
}

#[test]
fn a_sender_of_little_does_not_raise_the_estimate_by_itself() {
    let mut call = Call::new(Impairment::of(0.3e6), Content::UpTo(1_000_000));
    call.run(5_000);
    let before = call.bandwidth.estimate();
    call.content = Content::UpTo(100_000);
    call.run(60_000);
    let after = call.bandwidth.estimate();
    assert!(after < before * 5 / 4, "{before}, then {after}");
}
