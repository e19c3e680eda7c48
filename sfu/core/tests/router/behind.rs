//! A viewer behind a link: it asks for what is lost, tells how packets come in, and shows pictures as a decoder would.
//!
//! router -> link down -> **viewer** (numbers, repairs, screen) -> link up -> router

use std::time::Duration;

use crate::network::path::Path;
use crate::network::profiles::Profile;
use crate::network::under_way::UnderWay;
use crate::screen::Screen;
use crate::support::*;
use _core::nack::NackTracker;
use _core::reception::Reception;
use _core::rtcp::{self, Pli};
use _core::seq::SeqUnwrapper;
use _core::time::{Instant, Ntp};
use _core::twcc::Recorder;

/// SSRC of the seat's pictures; what is sent again has the next one.
const SEAT: u32 = 100;
/// Of a sender report with what is around it.
const REPORT_OCTETS: usize = 90;
const REPORT_EVERY: Duration = Duration::from_secs(1);

#[derive(Clone)]
enum Coming {
    Packet(Media),
    Report(Ntp),
}

pub struct Behind {
    client: usize,
    down: Path,
    up: Path,
    coming: UnderWay<Coming>,
    going: UnderWay<Vec<u8>>,
    trip: Duration,
    recorder: Recorder,
    reception: Reception,
    gaps: NackTracker,
    numbers: SeqUnwrapper,
    report_at: Instant,
    pub screen: Screen,
    /// The seat's packets as the router sent them.
    pub sent: Vec<Media>,
    /// Of these, how many did not come out, and how many were repaired.
    pub lost: usize,
    pub repaired: usize,
    /// In the queue, each packet that was sent.
    pub waited: Vec<Duration>,
}

impl Behind {
    pub fn new(client: usize, profile: &Profile, seed: u64, now: Instant) -> Self {
        Self {
            client,
            down: Path::new(profile.down.clone(), 2 * seed, now),
            up: Path::new(profile.up.clone(), 2 * seed + 1, now),
            coming: UnderWay::default(),
            going: UnderWay::default(),
            trip: profile.down.mean_delay() + profile.up.mean_delay(),
            recorder: Recorder::new(),
            reception: Reception::default(),
            gaps: NackTracker::new(),
            numbers: SeqUnwrapper::new(),
            report_at: now,
            screen: Screen::new(now),
            sent: Vec::new(),
            lost: 0,
            repaired: 0,
            waited: Vec::new(),
        }
    }

    /// What the router has sent sets out, and what comes out here is answered.
    pub fn step(&mut self, world: &mut World) {
        let now = world.now;
        self.set_out(world);
        while let Some((at, coming)) = self.coming.take(now) {
            match coming {
                Coming::Packet(media) => self.receive(&media, at),
                Coming::Report(ntp) => self.reception.sender_report(ntp, at),
            }
        }
        self.tell(now);
        while let Some((_, bytes)) = self.going.take(now) {
            world.rtcp(self.client, |out| {
                out[..bytes.len()].copy_from_slice(&bytes);
                bytes.len()
            });
        }
    }

    pub fn has_a_steady_rate(&self) -> bool {
        self.down.impairment.rate.len() == 1
    }

    /// What was sent to the seat since its first packet.
    pub fn kbps(&self) -> u64 {
        let octets: usize = self.sent.iter().map(|media| media.octets).sum();
        let ends = self.sent.first().zip(self.sent.last());
        let ms = ends.map_or(1, |(first, last)| last.at_ms - first.at_ms);
        octets as u64 * 8 / ms.max(1)
    }

    fn set_out(&mut self, world: &mut World) {
        let now = world.now;
        for media in world.take_media(self.client) {
            self.waited.push(self.down.wait(now));
            let arrivals = self.down.send(media.octets, now);
            let comes_out = self.coming.add(&arrivals, Coming::Packet(media.clone()));
            if media.ssrc == SEAT {
                self.sent.push(media);
                self.lost += usize::from(!comes_out);
            }
        }
        for (_, control) in world.take_control(self.client) {
            if let Control::SenderReport { ssrc, ntp, .. } = control
                && ssrc == SEAT
            {
                let arrivals = self.down.send(REPORT_OCTETS, now);
                self.coming.add(&arrivals, Coming::Report(ntp));
            }
        }
    }

    fn receive(&mut self, media: &Media, at: Instant) {
        let number = media.transport.expect("counted");
        self.recorder.record(media.ssrc, number, at);
        if media.ssrc == SEAT {
            let number = self.numbers.unwrap(media.sequence);
            self.reception.received(number, media.timestamp, 90_000, at);
            self.gaps.received(number, at);
            self.screen.add(number, &media.payload, media.marker, at);
        } else if let Some((original, payload)) = media.payload.split_first_chunk() {
            let number = self.numbers.peek(u16::from_be_bytes(*original));
            self.repaired += usize::from(self.gaps.recovered(number, at));
            self.screen.add(number, payload, media.marker, at);
        }
    }

    fn tell(&mut self, now: Instant) {
        let mut lost = Vec::new();
        self.gaps.due(now, self.trip, &mut lost);
        if !lost.is_empty() {
            self.say(now, |out| rtcp::write_nack(out, 1, SEAT, &lost));
        }
        if self.screen.lacks_a_keyframe(now) {
            let pli = Pli {
                sender_ssrc: 1,
                media_ssrc: SEAT,
            };
            self.say(now, |out| rtcp::write_pli(out, pli));
        }
        while self.recorder.next_deadline().is_some_and(|at| at <= now) {
            let mut bytes = [0; 1_500];
            let length = self.recorder.write_feedback(&mut bytes, 1, now);
            let told = &bytes[..length.expect("something to tell")];
            self.say(now, |out| {
                out[..told.len()].copy_from_slice(told);
                told.len()
            });
        }
        if self.report_at <= now {
            self.report_at = now + REPORT_EVERY;
            let block = self.reception.report(SEAT, now);
            self.say(now, |out| {
                rtcp::write_receiver_report(out, 1, block.as_slice())
            });
        }
    }

    fn say(&mut self, now: Instant, write: impl FnOnce(&mut [u8]) -> usize) {
        let mut bytes = vec![0; 1_500];
        let length = write(&mut bytes);
        bytes.truncate(length);
        let arrivals = self.up.send(length, now);
        self.going.add(&arrivals, bytes);
    }
}
