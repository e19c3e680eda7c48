//! How endpoints behave in a call with a router, on virtual time.

use std::time::Duration;

use _core::load::events::LoadEvent;
use _core::load::link::LinkConfig;
use _core::time::Instant;

use crate::call::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn call(receivers: u32, link: LinkConfig) -> Call {
    let mut call = Call::new(vec![video(3_000, 2_000)]);
    call.with_receivers(1, receivers, link);
    call
}

fn lossy(loss: f64) -> LinkConfig {
    LinkConfig {
        loss,
        ..LinkConfig::default()
    }
}

#[test]
fn one_publisher_reaches_three_receivers_whole_in_order_and_intact() {
    let mut call = call(3, LinkConfig::default());
    call.run(seconds(10));
    let totals = call.totals();
    // 50 packets of sound and 61 of video a second, and the first of the eleventh.
    assert!((1_110..=1_112).contains(&totals.packets_sent), "{totals:?}");
    assert_eq!(totals.packets_received, 3 * totals.packets_sent);
    assert_eq!(totals.expected, totals.packets_received);
    let faults = [
        totals.lost(),
        totals.duplicated,
        totals.out_of_order,
        totals.corrupt,
        totals.replayed_or_forged,
        totals.unmapped,
        totals.freezes,
        totals.keyframe_requests_sent,
        totals.nacks_sent,
    ];
    assert_eq!(faults, [0; 9], "{totals:?}");
    assert!(totals.checked > totals.packets_received / 5, "{totals:?}");
    assert_eq!(totals.frames_received, 3 * 300);
}
