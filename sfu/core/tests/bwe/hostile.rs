//! Feedback as no honest receiver sends it, and calls in any order.

use std::time::Duration;

use _core::bwe::{Bandwidth, LEAST, MOST};
use _core::rtcp::{Rtcp, compound};
use _core::time::Instant;
use _core::twcc::{Feedback, Recorder};
use proptest::prelude::*;

use crate::call::{Call, Content};
use crate::network::impairment::Impairment;

const RTT: Duration = Duration::from_millis(50);

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Feedback on these numbers and milliseconds.
fn written(arrivals: impl IntoIterator<Item = (u16, u64)>) -> Vec<u8> {
    let mut recorder = Recorder::new();
    for (number, at) in arrivals {
        recorder.record(1, number, ms(at));
    }
    let mut bytes = vec![0; 1_200];
    let length = recorder.write_feedback(&mut bytes, 2, ms(0)).unwrap_or(0);
    bytes.truncate(length);
    bytes
}

fn give(bandwidth: &mut Bandwidth, bytes: &[u8], now: Instant) {
    for packet in compound(bytes) {
        if let Ok(Rtcp::TransportCc(packet)) = packet
            && let Ok(feedback) = Feedback::parse(packet.body)
        {
            bandwidth.feedback(&feedback, RTT, now);
        }
    }
}

/// A call of ten seconds whose feedback somebody meddles with for one more; what share of the estimate there is then.
fn meddled(meddle: impl Fn(&mut Call, Vec<Vec<u8>>)) -> f64 {
    let mut call = Call::new(Impairment::of(3e6), Content::UpTo(2_000_000));
    call.run(10_000);
    let before = call.bandwidth.estimate();
    call.holds_feedback = true;
    for _ in 0..10 {
        call.run(100);
        let feedback = call.held_feedback();
        meddle(&mut call, feedback);
    }
    call.bandwidth.estimate() as f64 / before as f64
}

#[test]
fn feedback_that_comes_twice_says_nothing_new() {
    let share = meddled(|call, feedback| {
        for bytes in feedback {
            call.give(&bytes);
            call.give(&bytes);
        }
    });
    assert!((0.9..=1.1).contains(&share), "{share}");
}

#[test]
fn feedback_out_of_order_does_no_harm() {
    let share = meddled(|call, feedback| {
        call.run(150);
        let later = call.held_feedback();
        for bytes in later.iter().chain(&feedback) {
            call.give(bytes);
        }
    });
    assert!((0.7..=1.1).contains(&share), "{share}");
}

#[test]
fn feedback_about_what_was_never_sent_is_passed_over() {
    let mut bandwidth = Bandwidth::new();
    give(
        &mut bandwidth,
        &written((0..100).map(|at| (at, at.into()))),
        ms(100),
    );
    assert!(!bandwidth.has_feedback());
    for at in 0..100 {
        bandwidth.sent(1_000, None, ms(at * 10));
    }
    give(
        &mut bandwidth,
        &written((200..300).map(|at| (at, at.into()))),
        ms(1_000),
    );
    assert!(!bandwidth.has_feedback());
    let before = bandwidth.estimate();
    give(
        &mut bandwidth,
        &written((90..300).map(|at| (at, at.into()))),
        ms(1_000),
    );
    assert_eq!(bandwidth.estimate(), before);
}

/// A receiver without feedback tells its own estimate.
fn told(bandwidth: &mut Bandwidth, bits_per_second: u64, now: Instant) {
    let sent = std::iter::once((1, bits_per_second as f64 / 2.0));
    bandwidth.remb(bits_per_second, vec![1], sent, now);
}

#[test]
fn a_receivers_own_estimate_counts_until_it_sends_feedback() {
    let mut bandwidth = Bandwidth::new();
    told(&mut bandwidth, 700_000, ms(900));
    assert!(bandwidth.has_feedback());
    assert_eq!(bandwidth.estimate(), 700_000);
    bandwidth.loss_reported(1e5, 2e5, ms(950));
    assert_eq!(bandwidth.estimate(), 525_000);
    bandwidth.sent(1_000, None, ms(1_000));
    give(&mut bandwidth, &written([(0, 1_030)]), ms(1_050));
    told(&mut bandwidth, 300_000, ms(1_100));
    assert_eq!(bandwidth.estimate(), 1_000_000);
}

#[derive(Clone, Debug)]
enum Step {
    Sent(usize, Option<u8>),
    Bytes(Vec<u8>),
    Arrivals(Vec<(u16, u64)>),
    Remb(u64),
    Loss(u8),
    Wants(u64, u64),
    Probe,
}

fn step() -> impl Strategy<Value = Step> {
    let body = prop::collection::vec(any::<u8>(), 0..60);
    let arrivals = prop::collection::vec((0..400_u16, 0..5_000_u64), 1..40);
    prop_oneof![
        8 => (0..70_000_usize, prop::option::of(0..4_u8)).prop_map(|(octets, cluster)| Step::Sent(octets, cluster)),
        2 => body.prop_map(Step::Bytes),
        4 => arrivals.prop_map(Step::Arrivals),
        1 => any::<u64>().prop_map(Step::Remb),
        1 => any::<u8>().prop_map(Step::Loss),
        1 => (any::<u64>(), any::<u64>()).prop_map(|(most, next)| Step::Wants(most, next)),
        2 => Just(Step::Probe),
    ]
}

fn take(bandwidth: &mut Bandwidth, step: &Step, now: Instant) {
    match step {
        Step::Sent(octets, cluster) => {
            bandwidth.sent(*octets, *cluster, now);
        }
        Step::Bytes(body) => {
            if let Ok(feedback) = Feedback::parse(body) {
                bandwidth.feedback(&feedback, Duration::MAX, now);
            }
        }
        Step::Arrivals(arrivals) => give(bandwidth, &written(arrivals.clone()), now),
        Step::Remb(bits_per_second) => told(bandwidth, *bits_per_second, now),
        Step::Loss(fraction) => bandwidth.loss_reported((*fraction).into(), 256.0, now),
        Step::Wants(most, next_step) => bandwidth.wants(*most, *next_step),
        Step::Probe => {
            bandwidth.probe(now);
        }
    }
}

proptest! {
    #[test]
    fn nothing_that_is_called_or_told_breaks_the_bounds(
        steps in prop::collection::vec((step(), 0..400_u64), 1..300),
    ) {
        let (mut bandwidth, mut at) = (Bandwidth::new(), 0);
        for (step, passed) in &steps {
            at += passed * passed / 200;
            take(&mut bandwidth, step, ms(at));
            prop_assert!((LEAST..=MOST).contains(&bandwidth.estimate()));
            prop_assert!((0.0..=1.0).contains(&bandwidth.loss()));
        }
    }

    #[test]
    fn a_probe_is_never_due_for_ever(wishes in prop::collection::vec((0..9_000_000_u64, 0..9_000_000_u64), 1..20)) {
        let mut bandwidth = Bandwidth::new();
        bandwidth.sent(1_000, None, ms(0));
        give(&mut bandwidth, &written([(0, 30)]), ms(50));
        for (at, (most, next_step)) in wishes.into_iter().enumerate() {
            let now = ms(100 + at as u64 * 700);
            bandwidth.wants(most, next_step);
            bandwidth.probe(now);
            prop_assert!(bandwidth.deadline().is_none_or(|deadline| deadline > now));
        }
    }
}
