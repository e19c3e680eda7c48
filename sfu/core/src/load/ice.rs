//! Our half of ICE towards a server: the controlling one, with one pair.
//!
//! `endpoint → **ice** (checks, answers to the server's checks) → endpoint`
//!
//! Checks go out until one is answered, then to keep consent (RFC 7675).  Each nominates the pair, as browsers do to a
//! lite server.  A full server checks as well, and is answered.

use std::time::Duration;

use super::config::EndpointConfig;
use super::random::Random;
use crate::peer::DEFAULT_RTT;
use crate::stun::{self, BindingRequest, OutRequest, Outcome, Response, Role, StunKey};
use crate::time::Instant;

/// Before the first answer: this long after the first check, then twice as long each time, up to the last.
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_millis(800);
/// Afterwards: libwebrtc's STABLE_CONNECTED interval.
const INTERVAL: Duration = Duration::from_millis(2_500);
/// RFC 7675 §5.1.
const CONSENT: Duration = Duration::from_secs(30);
/// Nobody waits longer for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Checks whose answers are waited for.
const OUTSTANDING: usize = 4;
/// Of a host candidate, the first component (RFC 8445 §5.1.2).
const PRIORITY: u32 = (126 << 24) | (65_535 << 8) | 255;

/// What an answer changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is no answer to a check of ours.
    Nothing,
    /// It keeps consent.
    Consent,
    /// It is the first.
    Connected,
}

/// The ICE state of one endpoint.
#[derive(Debug)]
pub struct Checks {
    username: String,
    expected: String,
    remote_key: StunKey,
    local_key: StunKey,
    random: Random,
    tie_breaker: u64,
    sent: [Option<([u8; 12], Instant)>; OUTSTANDING],
    turn: usize,
    retry: Duration,
    next: Instant,
    /// When consent ends.
    until: Instant,
    connected: bool,
    lost: bool,
    rtt: Option<Duration>,
}

impl Checks {
    /// The first check is due at once.
    #[must_use]
    pub fn new(config: &EndpointConfig, mut random: Random, now: Instant) -> Self {
        Self {
            username: format!("{}:{}", config.remote_ufrag, config.local_ufrag),
            expected: format!("{}:{}", config.local_ufrag, config.remote_ufrag),
            remote_key: StunKey::new(&config.remote_password),
            local_key: StunKey::new(&config.local_password),
            tie_breaker: random.bits(),
            random,
            sent: [None; OUTSTANDING],
            turn: 0,
            retry: FIRST_RETRY,
            next: now,
            until: now + CONNECT,
            connected: false,
            lost: false,
            rtt: None,
        }
    }

    /// Of checks, smoothed.
    #[must_use]
    pub const fn measured_rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// Measured or assumed.
    #[must_use]
    pub fn rtt(&self) -> Duration {
        self.rtt.unwrap_or(DEFAULT_RTT)
    }

    /// A check has been answered, and consent is not over.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.connected && !self.lost
    }

    /// When to call [`Self::take_lost`] and [`Self::write_check`].
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        (!self.lost).then(|| self.next.min(self.until))
    }

    /// Whether the server has just been given up.
    pub fn take_lost(&mut self, now: Instant) -> bool {
        let over = !self.lost && now >= self.until;
        self.lost |= over;
        over
    }

    /// Writes a check that is due and plans the next; 0 if none is.
    pub fn write_check(&mut self, out: &mut [u8], now: Instant) -> usize {
        if self.lost || now < self.next {
            return 0;
        }
        self.plan(now);
        let mut transaction_id = [0; 12];
        let (front, back) = transaction_id.split_at_mut(8);
        front.copy_from_slice(&self.random.bits().to_be_bytes());
        back.copy_from_slice(&(self.random.bits() as u32).to_be_bytes());
        self.sent[self.turn] = Some((transaction_id, now));
        self.turn = (self.turn + 1) % OUTSTANDING;
        let request = OutRequest {
            transaction_id,
            username: &self.username,
            priority: PRIORITY,
            role: Role::Controlling(self.tie_breaker),
            use_candidate: true,
        };
        stun::write_request(out, &request, &self.remote_key)
    }

    fn plan(&mut self, now: Instant) {
        if self.connected {
            // RFC 7675 §5.1: between 0.8 and 1.2 of the interval, so that checks of many do not fall together.
            self.next = now + INTERVAL.mul_f64(0.8 + 0.4 * self.random.share());
        } else {
            self.next = now + self.retry;
            self.retry = (self.retry * 2).min(LAST_RETRY);
        }
    }

    /// Takes an answer in.
    pub fn answered(&mut self, datagram: &[u8], now: Instant) -> Progress {
        let Some(sent_at) = self.match_answer(datagram) else {
            return Progress::Nothing;
        };
        let rtt = now.saturating_since(sent_at);
        self.rtt = Some(self.rtt.map_or(rtt, |before| (before * 7 + rtt) / 8));
        self.until = now + CONSENT;
        if self.lost || self.connected {
            return Progress::Consent;
        }
        self.connected = true;
        self.plan(now);
        Progress::Connected
    }

    /// When the check was sent that this answers.
    fn match_answer(&mut self, datagram: &[u8]) -> Option<Instant> {
        let response = Response::parse(datagram).ok()?;
        let id = |sent: &&mut Option<([u8; 12], Instant)>| {
            sent.is_some_and(|(id, _)| id == response.transaction_id)
        };
        let place = self.sent.iter_mut().find(id)?;
        let good =
            matches!(response.outcome, Outcome::Success(_)) && response.verify(&self.remote_key);
        good.then(|| place.take()).flatten().map(|(_, at)| at)
    }

    /// Writes the answer to a check of the server's; 0 if it is none, or not sealed with our password.
    pub fn write_answer(
        &self,
        datagram: &[u8],
        from: std::net::SocketAddr,
        out: &mut [u8],
    ) -> usize {
        let Ok(request) = BindingRequest::parse(datagram) else {
            return 0;
        };
        if request.username != self.expected || !request.verify(&self.local_key) {
            return 0;
        }
        stun::write_success(out, &request.transaction_id, from, &self.local_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::link::LinkConfig;
    use std::net::SocketAddr;

    const REMOTE: &str = "the password of the server";
    const LOCAL: &str = "the password of the endpoint";

    fn server() -> SocketAddr {
        ([192, 0, 2, 1], 9).into()
    }

    fn checks() -> Checks {
        let config = EndpointConfig {
            local_ufrag: "ours".into(),
            local_password: LOCAL.into(),
            remote_ufrag: "theirs".into(),
            remote_password: REMOTE.into(),
            remote: server(),
            link: LinkConfig::default(),
        };
        Checks::new(&config, Random::new(1, 1), Instant::default())
    }

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn check(checks: &mut Checks, now: Instant) -> Option<Vec<u8>> {
        let mut out = vec![0; 300];
        let len = checks.write_check(&mut out, now);
        out.truncate(len);
        (len > 0).then_some(out)
    }

    fn answer(check: &[u8], password: &str) -> Vec<u8> {
        let request = BindingRequest::parse(check).expect("a check");
        let mut out = vec![0; 300];
        let len = stun::write_success(
            &mut out,
            &request.transaction_id,
            server(),
            &StunKey::new(password),
        );
        out.truncate(len);
        out
    }

    #[test]
    fn a_check_nominates_and_is_sealed_with_the_servers_password() {
        let bytes = check(&mut checks(), ms(0)).expect("due at once");
        let request = BindingRequest::parse(&bytes).expect("a check");
        assert_eq!((request.local(), request.remote()), ("theirs", "ours"));
        assert!(request.use_candidate && request.ice_controlling.is_some());
        assert!(request.verify(&StunKey::new(REMOTE)));
    }

    #[test]
    fn checks_are_repeated_more_and_more_slowly_until_the_server_is_given_up() {
        let mut checks = checks();
        let sent: Vec<u64> = (0..12_000)
            .filter(|&now| !checks.take_lost(ms(now)) && check(&mut checks, ms(now)).is_some())
            .collect();
        assert_eq!(sent[..6], [0, 50, 150, 350, 750, 1_550]);
        assert!(
            sent.last()
                .is_some_and(|&last| (9_000..10_000).contains(&last))
        );
        assert_eq!((checks.deadline(), checks.is_connected()), (None, false));
    }

    #[test]
    fn the_right_answer_connects_once_and_measures_the_round_trip() {
        let mut checks = checks();
        let bytes = check(&mut checks, ms(0)).expect("due");
        assert_eq!(
            checks.answered(&answer(&bytes, LOCAL), ms(3)),
            Progress::Nothing
        );
        assert_eq!(
            checks.answered(&answer(&bytes, REMOTE), ms(4)),
            Progress::Connected
        );
        assert_eq!(
            checks.answered(&answer(&bytes, REMOTE), ms(5)),
            Progress::Nothing
        );
        assert_eq!(checks.rtt(), Duration::from_millis(4));
        assert!(
            checks
                .deadline()
                .is_some_and(|at| at >= ms(2_004) && at <= ms(3_004))
        );
    }

    #[test]
    fn consent_ends_30_s_after_the_last_answer() {
        let mut checks = checks();
        let bytes = check(&mut checks, ms(0)).expect("due");
        checks.answered(&answer(&bytes, REMOTE), ms(0));
        let bytes = check(&mut checks, ms(4_000)).expect("due");
        assert_eq!(
            checks.answered(&answer(&bytes, REMOTE), ms(4_000)),
            Progress::Consent
        );
        assert!(!checks.take_lost(ms(33_999)) && checks.take_lost(ms(34_000)));
        assert!(!checks.take_lost(ms(34_001)), "it is told once");
    }

    #[test]
    fn a_full_server_is_answered_and_a_stranger_is_not() {
        let checks = checks();
        let request = |username, password| {
            let request = OutRequest {
                transaction_id: [4; 12],
                username,
                priority: 1,
                role: Role::Controlled(3),
                use_candidate: false,
            };
            let mut out = vec![0; 300];
            let len = stun::write_request(&mut out, &request, &StunKey::new(password));
            out.truncate(len);
            out
        };
        let mut out = [0; 300];
        let len = checks.write_answer(&request("ours:theirs", LOCAL), server(), &mut out);
        let response = Response::parse(&out[..len]).expect("an answer");
        assert_eq!(response.outcome, Outcome::Success(server()));
        assert!(response.verify(&StunKey::new(LOCAL)));
        for (username, password) in [("ours:others", LOCAL), ("ours:theirs", REMOTE)] {
            assert_eq!(
                checks.write_answer(&request(username, password), server(), &mut out),
                0
            );
        }
    }
}
