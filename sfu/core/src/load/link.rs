//! An emulated link between an endpoint and the server: it loses, delays and jitters what passes, both ways alike.
//!
//! `endpoint ⇄ **link** ⇄ engine`
//!
//! As on a path with a queue nothing overtakes anything.  Bounded: what does not fit is lost, as in a router.

use std::collections::VecDeque;
use std::time::Duration;

use super::random::Random;
use crate::time::Instant;

/// Datagrams on their way, each way: a second of 40 Mbit/s.
const MOST: usize = 4_096;

/// What a link does to a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LinkConfig {
    /// Share that is lost, each way.
    pub loss: f64,
    /// Time it takes, each way.
    pub delay: Duration,
    /// The time varies by this much up and down, evenly.
    pub jitter: Duration,
}

impl LinkConfig {
    /// It does nothing.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    /// When each may arrive, in the order in which they do: whoever is early waits for those in front.
    waiting: VecDeque<(Instant, Vec<u8>)>,
}

impl Way {
    fn pop(&mut self, now: Instant) -> Option<Vec<u8>> {
        let (at, _) = self.waiting.front()?;
        (*at <= now)
            .then(|| self.waiting.pop_front())
            .flatten()
            .map(|(_, bytes)| bytes)
    }

    fn deadline(&self) -> Option<Instant> {
        self.waiting.front().map(|(at, _)| *at)
    }
}

/// A link with what is on its way.
#[derive(Debug)]
pub struct Link {
    config: LinkConfig,
    random: Random,
    to_endpoint: Way,
    to_server: Way,
    /// Datagrams it has lost.
    pub dropped: u64,
}

impl Link {
    /// Nothing on its way.
    #[must_use]
    pub fn new(config: LinkConfig, random: Random) -> Self {
        Self {
            config,
            random,
            to_endpoint: Way::default(),
            to_server: Way::default(),
            dropped: 0,
        }
    }

    /// A datagram from the server sets out.
    pub fn from_server(&mut self, datagram: &[u8], now: Instant) {
        let way = &mut self.to_endpoint;
        self.dropped += u64::from(!enter(&self.config, &mut self.random, way, datagram, now));
    }

    /// A datagram from the endpoint sets out.
    pub fn from_endpoint(&mut self, datagram: &[u8], now: Instant) {
        let way = &mut self.to_server;
        self.dropped += u64::from(!enter(&self.config, &mut self.random, way, datagram, now));
    }

    /// The next datagram that has reached the endpoint.
    pub fn at_endpoint(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.to_endpoint.pop(now)
    }

    /// The next datagram that has reached the server.
    pub fn at_server(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.to_server.pop(now)
    }

    /// When the next one arrives at either end.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let ends = [self.to_endpoint.deadline(), self.to_server.deadline()];
        ends.into_iter().flatten().min()
    }
}

/// Whether the datagram is on its way now.
fn enter(
    config: &LinkConfig,
    random: &mut Random,
    way: &mut Way,
    datagram: &[u8],
    now: Instant,
) -> bool {
    let lost = config.loss > 0.0 && random.share() < config.loss;
    if lost || way.waiting.len() >= MOST {
        return false;
    }
    let swing = config.jitter.mul_f64(2.0 * random.share());
    let takes = (config.delay + swing).saturating_sub(config.jitter);
    way.waiting.push_back((now + takes, datagram.to_vec()));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(loss: f64, delay_ms: u64, jitter_ms: u64) -> Link {
        let config = LinkConfig {
            loss,
            delay: Duration::from_millis(delay_ms),
            jitter: Duration::from_millis(jitter_ms),
        };
        Link::new(config, Random::new(5, 5))
    }

    /// Sends a thousand numbered datagrams, one a millisecond; gives number and time of those that arrive.
    fn arrivals(link: &mut Link) -> Vec<(u16, u64)> {
        let mut got = Vec::new();
        for ms in 0..3_000 {
            let now = Instant::from_millis(ms);
            if ms < 1_000 {
                link.from_endpoint(&(ms as u16).to_be_bytes(), now);
            }
            while let Some(bytes) = link.at_server(now) {
                got.push((u16::from_be_bytes([bytes[0], bytes[1]]), ms));
            }
        }
        got
    }

    #[test]
    fn each_way_loses_its_share_and_repeats_itself_with_the_seed() {
        let (mut one, mut other) = (link(0.05, 0, 0), link(0.05, 0, 0));
        let got = arrivals(&mut one);
        assert_eq!(got, arrivals(&mut other));
        assert_eq!(one.dropped as usize, 1_000 - got.len());
        assert!((25..80).contains(&one.dropped), "{}", one.dropped);
    }

    #[test]
    fn everything_takes_its_time_and_nothing_is_overtaken() {
        let got = arrivals(&mut link(0.0, 40, 30));
        assert_eq!(got.len(), 1_000);
        assert!(got.windows(2).all(|two| two[0].0 < two[1].0));
        let times = || got.iter().map(|&(number, at)| at - u64::from(number));
        assert!(times().min().is_some_and(|least| (10..40).contains(&least)));
        assert!(times().max().is_some_and(|most| (41..=71).contains(&most)));
    }

    #[test]
    fn a_full_link_loses_what_does_not_fit() {
        let mut link = link(0.0, 1_000, 0);
        (0..MOST + 10).for_each(|_| link.from_server(&[1], Instant::default()));
        assert_eq!(link.dropped, 10);
        assert_eq!(link.deadline(), Some(Instant::from_millis(1_000)));
        assert_eq!(link.at_endpoint(Instant::from_millis(999)), None);
        assert_eq!(link.at_endpoint(Instant::from_millis(1_000)), Some(vec![1]));
    }
}
