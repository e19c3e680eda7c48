//! When a layer's publisher is asked for a keyframe.
//!
//! `sender (starts, switches) · rtcp (PLI, FIR) → **keyframe** → rtcp (PLI to the publisher)`, or from a mirror `→ relay`
//!
//! However many receivers want one, the publisher hears of it once, again in `INTERVAL` until a keyframe comes, and for the
//! next one no sooner than `SPACING` later: who comes meanwhile begins with the keyframe that has just been (`sender.rs`).

use std::time::Duration;

use crate::time::Instant;

/// libwebrtc's encoder makes at most one keyframe in 300 ms, whoever asks.
pub const INTERVAL: Duration = Duration::from_millis(300);
/// From a request that was answered to the next: a keyframe is many times a frame, for all who are shown the layer.
pub const SPACING: Duration = Duration::from_secs(1);
/// Requests that went unanswered, after which the layer is left alone until somebody wants one anew.
const ATTEMPTS: u32 = 20;

/// The requests of one layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyframeRequests {
    wanted: bool,
    answered: bool,
    /// When a keyframe came last, whoever had asked.
    came: Option<Instant>,
    unanswered: u32,
    last: Option<Instant>,
    /// How many were sent.
    pub sent: u64,
}

impl KeyframeRequests {
    /// Somebody cannot go on without a keyframe.
    pub fn want(&mut self) {
        self.wanted = true;
        self.unanswered = 0;
    }

    /// At a mirror: whether to pass a wish on now.  The publisher's worker repeats it, so once is enough until it is
    /// answered, or has not been for `INTERVAL`.
    pub fn pass_on(&mut self, now: Instant) -> bool {
        let passed = self.wanted && self.last.is_some_and(|last| now < last + INTERVAL);
        if !passed {
            (self.wanted, self.last) = (true, Some(now));
        }
        !passed
    }

    /// Somebody still waits.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Nobody waits any more.
    pub fn forget(&mut self) {
        self.wanted = false;
    }

    /// A keyframe has begun to come in.
    pub fn arrived(&mut self, now: Instant) {
        self.wanted = false;
        self.came = Some(now);
        self.answered = true;
        self.unanswered = 0;
    }

    /// When the next request is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.wanted.then(|| self.earliest())
    }

    /// Whether a request would go out at once.
    pub fn may_ask(&self, now: Instant) -> bool {
        self.earliest() <= now
    }

    fn earliest(&self) -> Instant {
        let interval = if self.answered { SPACING } else { INTERVAL };
        let asked = self.last.map(|last| last + interval);
        // One that comes for another layer's sake comes for all, and too soon after it nobody is heard.
        let came = self.came.map(|came| came + INTERVAL);
        asked.max(came).unwrap_or_default()
    }

    /// Whether to send a request now; counts it as sent.
    pub fn take_due(&mut self, now: Instant) -> bool {
        if self.deadline().is_none_or(|due| due > now) {
            return false;
        }
        self.last = Some(now);
        self.sent += 1;
        self.answered = false;
        self.unanswered += 1;
        self.wanted = self.unanswered < ATTEMPTS;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests_until(requests: &mut KeyframeRequests, from_ms: u64, to_ms: u64) -> Vec<u64> {
        (from_ms..to_ms)
            .filter(|&ms| requests.take_due(Instant::from_millis(ms)))
            .collect()
    }

    #[test]
    fn the_first_wish_is_passed_on_at_once_and_a_hundred_more_are_not() {
        let mut requests = KeyframeRequests::default();
        for _ in 0..100 {
            requests.want();
        }
        assert_eq!(requests_until(&mut requests, 5, 200), [5]);
        requests.want();
        assert_eq!(requests_until(&mut requests, 200, 300), [0; 0]);
    }

    #[test]
    fn it_is_repeated_until_a_keyframe_comes() {
        let mut requests = KeyframeRequests::default();
        requests.want();
        assert_eq!(requests_until(&mut requests, 0, 1_000), [0, 300, 600, 900]);
        requests.arrived(Instant::from_millis(1_000));
        assert_eq!(requests_until(&mut requests, 1_000, 3_000), [0; 0]);
    }

    #[test]
    fn after_a_keyframe_the_next_is_asked_for_a_second_after_the_last() {
        let mut requests = KeyframeRequests::default();
        requests.want();
        assert_eq!(requests_until(&mut requests, 100, 150), [100]);
        requests.arrived(Instant::from_millis(150));
        assert!(!requests.may_ask(Instant::from_millis(1_099)));
        assert!(requests.may_ask(Instant::from_millis(1_100)));
        requests.want();
        assert_eq!(requests_until(&mut requests, 150, 1_350), [1_100]);
    }

    #[test]
    fn a_mirror_passes_a_wish_on_once_until_it_is_answered_or_was_not_for_long() {
        let mut requests = KeyframeRequests::default();
        let mut passed = |from: u64, to: u64| -> Vec<u64> {
            let now = |ms: &u64| Instant::from_millis(*ms);
            (from..to).filter(|ms| requests.pass_on(now(ms))).collect()
        };
        assert_eq!(passed(5, 700), [5, 305, 605]);
        requests.arrived(Instant::from_millis(690));
        assert!(requests.pass_on(Instant::from_millis(700)));
    }

    #[test]
    fn a_publisher_that_never_answers_is_left_alone_until_somebody_asks_anew() {
        let mut requests = KeyframeRequests::default();
        requests.want();
        assert_eq!(
            requests_until(&mut requests, 0, 60_000).len(),
            ATTEMPTS as usize
        );
        requests.want();
        assert_eq!(requests_until(&mut requests, 60_000, 60_001), [60_000]);
    }
}
