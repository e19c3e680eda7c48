//! A sender of video and its receiver with a link in between, one millisecond after the other.
//!
//! Frames leave 30 times a second, paced in steps of 5 ms, and bursts of probes beside them.  The receiver records what
//! arrives and its feedback goes back as the octets that the wire would carry.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use _core::bwe::{Bandwidth, Probe};
use _core::rtcp::{Rtcp, compound};
use _core::time::Instant;
use _core::twcc::{Feedback, Recorder};

use crate::network::impairment::Impairment;
use crate::network::path::Path;
use crate::network::under_way::UnderWay;

const FRAME_MS: f64 = 1_000.0 / 30.0;
const PACE_MS: u64 = 5;
const MAX_PACKET: f64 = 1_200.0;
const SOUND_MS: u64 = 20;
const SOUND_OCTETS: usize = 120;

/// What the sender has to send.
#[derive(Clone, Copy)]
pub enum Content {
    /// Whatever the estimate allows, up to this.
    UpTo(u64),
    /// The highest of these that the estimate allows, the lowest in any case.
    Layers(&'static [u64]),
    /// This, and nothing at all if the estimate does not allow it.
    Whole(u64),
}

impl Content {
    fn rate(self, estimate: u64) -> u64 {
        match self {
            Self::UpTo(most) => estimate.min(most),
            Self::Layers(layers) => {
                let allowed = layers.iter().rev().find(|layer| **layer <= estimate);
                *allowed.unwrap_or(&layers[0])
            }
            Self::Whole(rate) if rate <= estimate => rate,
            Self::Whole(_) => 0,
        }
    }

    /// The most of use, and the next step up.
    fn wishes(self, estimate: u64) -> (u64, u64) {
        match self {
            Self::UpTo(most) => (most, if most > estimate { most } else { 0 }),
            Self::Layers(layers) => {
                let next = layers.iter().find(|layer| **layer > estimate);
                (layers[layers.len() - 1], next.copied().unwrap_or(0))
            }
            Self::Whole(rate) => (rate, if rate > estimate { rate } else { 0 }),
        }
    }
}

struct Burst {
    probe: Probe,
    began: Instant,
    sent: u32,
}

#[derive(Clone, Copy)]
struct Sample {
    estimate: u64,
    wait: Duration,
    /// The estimate, in rates of the link.
    share: f64,
}

/// One sender, one receiver.
pub struct Call {
    pub bandwidth: Bandwidth,
    pub link: Path,
    /// The way of the feedback.
    back: Path,
    pub content: Content,
    /// There is sound, of which what is lost is sent again as it was, after this.
    pub sound_again: Option<Duration>,
    /// Frames leave without pacing.
    pub frames_at_once: bool,
    /// Feedback sent before this is lost on its way.
    pub feedback_lost_until: Instant,
    /// Feedback waits for somebody to meddle with it.
    pub holds_feedback: bool,
    /// Bit/s of others that share the link.
    pub cross: f64,
    pub now: Instant,
    cross_due: f64,
    recorder: Recorder,
    frame_due_ms: f64,
    paced: VecDeque<usize>,
    budget: f64,
    burst: Option<Burst>,
    again: VecDeque<(Instant, u16)>,
    flying: UnderWay<u16>,
    returning: UnderWay<Vec<u8>>,
    samples: Vec<Sample>,
}

impl Call {
    /// What comes back is as long under way and nothing else.
    pub fn new(link: Impairment, content: Content) -> Self {
        let back = Impairment {
            delay: link.delay,
            ..Impairment::default()
        };
        let paths = [(link, 1), (back, 2)];
        let [link, back] = paths.map(|(way, seed)| Path::new(way, seed, Instant::default()));
        Self::between(link, back, content)
    }

    pub fn between(link: Path, back: Path, content: Content) -> Self {
        let now = Instant::default();
        Self {
            bandwidth: Bandwidth::new(),
            link,
            back,
            content,
            sound_again: None,
            frames_at_once: false,
            feedback_lost_until: now,
            holds_feedback: false,
            cross: 0.0,
            now,
            cross_due: 0.0,
            recorder: Recorder::new(),
            frame_due_ms: 0.0,
            paced: VecDeque::new(),
            budget: 0.0,
            burst: None,
            again: VecDeque::new(),
            flying: UnderWay::default(),
            returning: UnderWay::default(),
            samples: Vec::new(),
        }
    }

    pub fn now_ms(&self) -> u64 {
        self.now.as_nanos() / 1_000_000
    }

    pub fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.step();
        }
    }

    /// Runs until the estimate is such; gives how long that took.
    pub fn run_until(&mut self, is_such: impl Fn(u64) -> bool, most_ms: u64) -> u64 {
        let began = self.now_ms();
        while !is_such(self.bandwidth.estimate()) {
            let passed = self.now_ms() - began;
            let estimate = self.bandwidth.estimate();
            assert!(passed < most_ms, "{estimate} bit/s after {passed} ms");
            self.step();
        }
        self.now_ms() - began
    }

    fn step(&mut self) {
        self.now = self.now + Duration::from_millis(1);
        self.cross_traffic();
        if self.now_ms().is_multiple_of(PACE_MS) {
            self.make_frame();
            self.pace();
            self.send_burst();
        }
        self.send_sound();
        self.receive();
        if !self.holds_feedback {
            self.take_feedback();
        }
        self.look_for_probe();
        let (estimate, rate) = (self.bandwidth.estimate(), self.link.rate(self.now));
        self.samples.push(Sample {
            estimate,
            wait: self.link.wait(self.now),
            share: rate.map_or(0.0, |rate| estimate as f64 / rate),
        });
    }

    fn cross_traffic(&mut self) {
        self.cross_due += self.cross / 1e3;
        while self.cross_due >= MAX_PACKET * 8.0 {
            self.cross_due -= MAX_PACKET * 8.0;
            self.link.send(MAX_PACKET as usize, self.now);
        }
    }

    fn rate(&self) -> f64 {
        self.content.rate(self.bandwidth.estimate()) as f64
    }

    fn make_frame(&mut self) {
        if self.now_ms() < self.frame_due_ms as u64 {
            return;
        }
        self.frame_due_ms += FRAME_MS;
        let octets = self.rate() * FRAME_MS / 8e3;
        let packets = (octets / MAX_PACKET).ceil();
        (0..packets as u32).for_each(|_| self.paced.push_back((octets / packets) as usize));
    }

    fn pace(&mut self) {
        self.budget += self.rate() * PACE_MS as f64 / 1e3;
        while self.frames_at_once || self.budget > 0.0 {
            let Some(octets) = self.paced.pop_front() else {
                self.budget = 0.0;
                return;
            };
            self.budget -= octets as f64 * 8.0;
            self.send(octets, None);
        }
    }

    fn send_burst(&mut self) {
        let Some(mut burst) = self.burst.take() else {
            return;
        };
        let passed = self.now.saturating_since(burst.began) + Duration::from_millis(PACE_MS);
        let due = burst.probe.bits_per_second as f64 * passed.as_secs_f64() / 8.0;
        while f64::from(burst.sent) < due && burst.sent < burst.probe.octets {
            self.send(MAX_PACKET as usize, Some(burst.probe.cluster));
            burst.sent += MAX_PACKET as u32;
        }
        if burst.sent < burst.probe.octets {
            self.burst = Some(burst);
        }
    }

    fn send_sound(&mut self) {
        let Some(after) = self.sound_again else {
            return;
        };
        if self.now_ms().is_multiple_of(SOUND_MS) {
            let number = self.bandwidth.sent(SOUND_OCTETS, None, self.now);
            if !self.carry(SOUND_OCTETS, number) {
                self.again.push_back((self.now + after, number));
            }
        }
        while let Some((_, number)) = take_due(&mut self.again, self.now) {
            self.carry(SOUND_OCTETS, number);
        }
    }

    fn send(&mut self, octets: usize, cluster: Option<u8>) {
        let number = self.bandwidth.sent(octets, cluster, self.now);
        self.carry(octets, number);
    }

    /// Whether the link brings it.
    fn carry(&mut self, octets: usize, number: u16) -> bool {
        let arrivals = self.link.send(octets, self.now);
        self.flying.add(&arrivals, number)
    }

    fn receive(&mut self) {
        while let Some((arrival, number)) = self.flying.take(self.now) {
            self.recorder.record(1, number, arrival);
        }
        let mut bytes = [0; 1_500];
        while self
            .recorder
            .next_deadline()
            .is_some_and(|at| at <= self.now)
        {
            let Some(length) = self.recorder.write_feedback(&mut bytes, 2, self.now) else {
                return;
            };
            if self.now >= self.feedback_lost_until {
                let arrivals = self.back.send(length, self.now);
                self.returning.add(&arrivals, bytes[..length].to_vec());
            }
        }
    }

    fn take_feedback(&mut self) {
        while let Some((_, bytes)) = self.returning.take(self.now) {
            self.give(&bytes);
        }
    }

    /// The sender gets these octets.
    pub fn give(&mut self, bytes: &[u8]) {
        let rtt = self.link.impairment.mean_delay() + self.back.impairment.mean_delay();
        for packet in compound(bytes) {
            let Ok(Rtcp::TransportCc(packet)) = packet else {
                panic!("not feedback: {bytes:?}")
            };
            let feedback = Feedback::parse(packet.body).expect("well-formed");
            self.bandwidth.feedback(&feedback, rtt, self.now);
        }
    }

    /// The feedback that waits.
    pub fn held_feedback(&mut self) -> Vec<Vec<u8>> {
        self.returning.take_all().collect()
    }

    fn look_for_probe(&mut self) {
        let (most, next_step) = self.content.wishes(self.bandwidth.estimate());
        self.bandwidth.wants(most, next_step);
        if self.bandwidth.deadline().is_none_or(|at| at > self.now) {
            return;
        }
        if let Some(probe) = self.bandwidth.probe(self.now) {
            self.burst = Some(Burst {
                probe,
                began: self.now,
                sent: 0,
            });
        }
    }

    fn samples(&self, millis: Range<u64>) -> &[Sample] {
        &self.samples[millis.start as usize..millis.end as usize]
    }

    pub fn mean_estimate(&self, millis: Range<u64>) -> f64 {
        let samples = self.samples(millis);
        samples.iter().map(|at| at.estimate as f64).sum::<f64>() / samples.len() as f64
    }

    pub fn least_estimate(&self, millis: Range<u64>) -> u64 {
        let samples = self.samples(millis).iter();
        samples.map(|at| at.estimate).min().expect("a time")
    }

    /// How long it was less than this, at most.
    pub fn longest_below(&self, estimate: u64, millis: Range<u64>) -> u64 {
        let is_below = |one: &&Sample| one.estimate < estimate;
        let runs = self
            .samples(millis)
            .chunk_by(|one, other| is_below(&one) == is_below(&other));
        let below = runs.filter(|run| run.first().is_some_and(|first| is_below(&first)));
        below.map(|run| run.len() as u64).max().unwrap_or(0)
    }

    pub fn mean_share(&self, millis: Range<u64>) -> f64 {
        let samples = self.samples(millis);
        samples.iter().map(|at| at.share).sum::<f64>() / samples.len() as f64
    }

    pub fn mean_wait_ms(&self, millis: Range<u64>) -> f64 {
        let samples = self.samples(millis);
        samples.iter().map(|at| at.wait.as_secs_f64()).sum::<f64>() * 1e3 / samples.len() as f64
    }
}

/// The first, if its time has come.
fn take_due<T>(queue: &mut VecDeque<(Instant, T)>, now: Instant) -> Option<(Instant, T)> {
    let is_due = queue.front().is_some_and(|(at, _)| *at <= now);
    is_due.then(|| queue.pop_front()).flatten()
}
