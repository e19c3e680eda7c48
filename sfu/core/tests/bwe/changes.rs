//! A link or a sender that changes.

use std::time::Duration;

use crate::call::{Call, Content};
use crate::network::impairment::Impairment;

const LAYERS: Content = Content::Layers(&[150_000, 500_000, 1_500_000, 2_500_000]);
const GREEDY: Content = Content::UpTo(20_000_000);

#[test]
fn a_fall_is_followed_at_once_and_a_rise_within_seconds() {
    for propagation_ms in [10, 25, 50] {
        let mut link = Impairment::of(3e6);
        link.delay = Duration::from_millis(propagation_ms);
        let mut call = Call::new(link, LAYERS);
        call.run(10_000);
        assert!(call.bandwidth.estimate() > 2_500_000);
        call.link.set_rate(0.4e6);
        call.run_until(|estimate| estimate < 440_000, 1_500);
        call.run(1_500);
        for _ in 0..100 {
            call.run(100);
            let estimate = call.bandwidth.estimate();
            assert!(estimate < 440_000, "{estimate} on 400 kbit/s");
        }
        let end = call.now_ms();
        let wait = call.mean_wait_ms(end - 8_000..end);
        assert!(wait < 50.0, "{wait} ms");
        call.link.set_rate(3e6);
        call.run_until(|estimate| estimate > 2_400_000, 6_000);
        call.run(5_000);
        let end = call.now_ms();
        let least = call.least_estimate(end - 4_000..end);
        assert!(least > 2_400_000, "{least}");
    }
}

#[test]
fn a_fall_to_a_fraction_is_noticed_before_the_third_feedback_about_it() {
    for content in [LAYERS, GREEDY, Content::UpTo(1_100_000)] {
        for phase_ms in (0..100).step_by(9) {
            let mut call = Call::new(Impairment::of(3e6), content);
            call.run(10_000 + phase_ms);
            call.link.set_rate(0.4e6);
            call.run_until(|estimate| estimate < 440_000, 300);
            call.run(400);
            let estimate = call.bandwidth.estimate();
            assert!(estimate > 250_000, "{estimate} on 400 kbit/s");
        }
    }
}

#[test]
fn sound_that_is_sent_again_is_not_late_by_when_it_was_lost() {
    for phase_ms in (0..100).step_by(9) {
        for again_ms in [100, 200, 300, 400] {
            let mut call = Call::new(Impairment::of(3e6), LAYERS);
            call.sound_again = Some(Duration::from_millis(again_ms));
            call.run(10_000 + phase_ms);
            call.link.set_rate(0.4e6);
            call.run(1_000);
            let estimate = call.least_estimate(call.now_ms() - 500..call.now_ms());
            assert!(
                estimate > 240_000,
                "{again_ms} {phase_ms} {estimate} on 400 kbit/s"
            );
        }
    }
}

#[test]
fn a_link_that_comes_back_quickly_is_used_again_soon() {
    let mut call = Call::new(Impairment::of(3e6), LAYERS);
    call.run(10_000);
    call.link.set_rate(0.4e6);
    call.run(1_500);
    call.link.set_rate(3e6);
    call.run_until(|estimate| estimate > 2_400_000, 4_000);
}

#[test]
fn whoever_sent_little_for_long_gets_much_within_seconds() {
    let mut call = Call::new(Impairment::of(5e6), Content::UpTo(100_000));
    call.run(60_000);
    call.content = Content::UpTo(2_000_000);
    call.run_until(|estimate| estimate >= 2_000_000, 4_000);
}

#[test]
fn what_others_send_is_left_to_them() {
    let mut call = Call::new(Impairment::of(3e6), GREEDY);
    call.run(10_000);
    call.cross = 1.5e6;
    call.run_until(|estimate| estimate < 1_600_000, 2_000);
    call.run(10_000);
    let end = call.now_ms();
    let mean = call.mean_estimate(end - 8_000..end);
    assert!((1.1e6..1.6e6).contains(&mean), "{mean}");
    call.cross = 0.0;
    call.run_until(|estimate| estimate > 2_500_000, 8_000);
}

#[test]
fn a_pause_of_the_path_while_little_is_sent_does_not_stick() {
    let mut call = Call::new(Impairment::of(5e6), Content::UpTo(2_000_000));
    call.run(10_000);
    call.content = Content::UpTo(200_000);
    call.run(5_000);
    call.link.set_free_at(call.now + Duration::from_millis(200));
    call.run(2_000);
    call.content = Content::UpTo(2_000_000);
    call.run_until(|estimate| estimate >= 2_000_000, 4_000);
}
