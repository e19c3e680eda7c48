//! One endpoint: a client's connection with its address, keys and media, without socket and clock.
//!
//! `fleet → **endpoint** (ice · receiver · publisher, pacer · RTCP) → egress`
//!
//! Contract: after every call look at `deadline()`, and call `on_deadline` then.

use std::sync::Arc;

use super::clip::Clip;
use super::config::{EndpointConfig, EndpointMedia};
use super::control::REPORT_INTERVAL;
use super::events::LoadEvent;
use super::fleet::Shared;
use super::ice::{Checks, Progress};
use super::line::Line;
use super::link::Link;
use super::pacer::Pacer;
use super::publisher::{Numbered, Outgoing, Publisher};
use super::random::Random;
use super::receiver::{Arrival, Receiver};
use super::routes::Routes;
use super::totals::{EndpointStats, Tally};
use super::wire::Wire;
use crate::demux::{Path, Protocol, protocol};
use crate::egress::Egress;
use crate::media::{ExtensionIds, Kind};
use crate::rtp::Head;
use crate::srtp::{Inbound, Outbound};
use crate::time::Instant;
use crate::twcc::Recorder;

/// One endpoint.
#[derive(Debug)]
pub struct Endpoint {
    id: u32,
    pub(super) line: Line,
    pub(super) ice: Checks,
    pub(super) receivers: Vec<Receiver>,
    pub(super) routes: Routes,
    pub(super) publishers: Vec<Publisher>,
    pacer: Pacer<(u16, Outgoing)>,
    extensions: ExtensionIds,
    pub(super) rtcp_ssrc: u32,
    pub(super) cname: String,
    pub(super) feedback: Option<Recorder>,
    transport_sequence: u16,
    pub(super) report_at: Option<Instant>,
    first_media: Option<Instant>,
    random: Random,
    pub(super) tally: Tally,
    due: Option<Instant>,
    /// The deadline that the wheel was told, and when it wakes the endpoint because of it.
    armed: Option<(Instant, Instant)>,
}

impl Endpoint {
    /// An endpoint that is about to send its first check over `path`.
    #[must_use]
    pub fn new(id: u32, config: &EndpointConfig, path: Path, seed: u64, now: Instant) -> Self {
        let chance = |stream: u64| Random::new(seed, u64::from(id) * 4 + stream);
        let ice = Checks::new(config, chance(0), now);
        let link = (!config.link.is_plain()).then(|| Box::new(Link::new(config.link, chance(1))));
        Self {
            id,
            line: Line {
                path,
                inbound: None,
                outbound: None,
                link,
            },
            due: ice.deadline(),
            ice,
            receivers: Vec::new(),
            routes: Routes::default(),
            publishers: Vec::new(),
            pacer: Pacer::new(0.0),
            extensions: ExtensionIds::default(),
            rtcp_ssrc: 0,
            cname: config.local_ufrag.clone(),
            feedback: None,
            transport_sequence: 0,
            report_at: None,
            first_media: None,
            random: chance(2),
            tally: Tally::default(),
            armed: None,
        }
    }

    /// What it counted.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Counts begin anew.
    pub fn reset(&mut self) {
        self.tally.reset();
    }

    /// A snapshot.
    #[must_use]
    pub fn stats(&self) -> EndpointStats {
        EndpointStats {
            endpoint: self.id,
            totals: self.tally.totals,
            first_media: self.first_media,
            rtt: self.ice.measured_rtt(),
            delay_p50_us: self.tally.delay_us.quantile(0.5),
            delay_p99_us: self.tally.delay_us.quantile(0.99),
        }
    }

    /// Whether a datagram came from its server.
    #[inline]
    #[must_use]
    pub fn is_from(&self, path: &Path) -> bool {
        path.remote == self.line.path.remote
    }

    /// When to call [`Self::on_deadline`].
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// The deadline, if it is before what the wheel knows.
    #[inline]
    #[must_use]
    pub fn unarmed_deadline(&self) -> Option<Instant> {
        let armed = self.armed;
        self.due
            .filter(|due| armed.is_none_or(|(deadline, _)| *due < deadline))
    }

    /// The wheel wakes it at `moment` because of its deadline.
    pub fn arm(&mut self, moment: Instant) {
        self.armed = self.due.map(|due| (due, moment));
    }

    /// The wheel has woken it: perhaps for a deadline that an earlier one had overtaken.
    pub fn disarm(&mut self, now: Instant) {
        self.armed = self.armed.filter(|(_, moment)| *moment > now);
    }

    fn wake_at(&mut self, at: Option<Instant>) {
        if let Some(at) = at {
            self.due = Some(self.due.map_or(at, |due| due.min(at)));
        }
    }

    /// SRTP keys of both directions.
    pub fn set_keys(&mut self, inbound: Inbound, outbound: Outbound, now: Instant) {
        (self.line.inbound, self.line.outbound) = (Some(inbound), Some(outbound));
        self.begin(now);
    }

    /// Media can flow.
    fn is_ready(&self) -> bool {
        self.ice.is_connected() && self.line.outbound.is_some()
    }

    /// Publishers begin when there is somewhere to send to, not with what they missed.
    fn begin(&mut self, now: Instant) {
        if self.is_ready() {
            self.publishers
                .iter_mut()
                .for_each(|publisher| publisher.begin(now));
        }
        self.plan();
    }

    /// Replaces all media; what has the same SSRC as before goes on.
    pub fn set_media(&mut self, media: &EndpointMedia, clips: &[Arc<Clip>], now: Instant) {
        self.extensions = media.extensions;
        self.rtcp_ssrc = media.rtcp_ssrc;
        if media.extensions.transport_cc == 0 || media.receives.is_empty() {
            self.feedback = None;
        } else {
            self.feedback.get_or_insert_default();
        }
        self.set_receivers(media);
        self.set_publishers(media, clips, now);
        // Reports of many endpoints are spread over the second.
        let first = REPORT_INTERVAL.mul_f64(0.5 + 0.5 * self.random.share());
        self.report_at.get_or_insert(now + first);
        self.begin(now);
    }

    fn set_receivers(&mut self, media: &EndpointMedia) {
        let mut before = std::mem::take(&mut self.receivers);
        for track in &media.receives {
            let same = |receiver: &Receiver| receiver.is_of(track);
            let mut receiver = match before.iter().position(same) {
                Some(place) => before.swap_remove(place),
                None => Receiver::new(track.clone(), self.random.bits() as u32 % 16),
            };
            receiver.renegotiate(track);
            self.receivers.push(receiver);
        }
        self.routes = Routes::of(&self.receivers);
    }

    fn set_publishers(&mut self, media: &EndpointMedia, clips: &[Arc<Clip>], now: Instant) {
        let mut before = std::mem::take(&mut self.publishers);
        let ssrcs_before: Vec<u32> = before.iter().map(|one| one.layer.ssrc).collect();
        for track in &media.sends {
            for layer in &track.layers {
                let same = |publisher: &Publisher| publisher.is_of(track, layer);
                let publisher = match before.iter().position(same) {
                    Some(place) => Some(before.remove(place)),
                    None => clips.get(layer.clip as usize).map(|clip| {
                        Publisher::new(track, layer, Arc::clone(clip), &mut self.random, now)
                    }),
                };
                self.publishers
                    .extend(publisher.map(|it| it.renegotiated(track)));
            }
        }
        // What waits in the pacer knows publishers by their places.
        let ssrcs = self.publishers.iter().map(|one| one.layer.ssrc);
        if !ssrcs.eq(ssrcs_before) {
            let clips = self.publishers.iter().map(|publisher| &publisher.clip);
            let video = clips.filter(|clip| clip.kind == Kind::Video);
            self.pacer = Pacer::new(video.map(|clip| clip.octets_per_second()).sum());
        }
    }

    /// Pauses or goes on with one sent m-line.
    pub fn set_sending(&mut self, mid: &str, sending: bool, now: Instant) {
        let of_track = self
            .publishers
            .iter_mut()
            .filter(|publisher| publisher.mid == mid);
        of_track.for_each(|publisher| publisher.set_sending(sending, now));
        self.plan();
    }

    /// Sends these layers of one m-line alone, by their RIDs; that of a layer without one is empty.
    pub fn set_layers(&mut self, mid: &str, rids: &[String], now: Instant) {
        let of_track = self.publishers.iter_mut().filter(|one| one.mid == mid);
        of_track.for_each(|publisher| {
            let rid = publisher.layer.rid.as_deref().unwrap_or_default();
            let taken = rids.iter().any(|taken| taken == rid);
            publisher.set_taken(taken, now);
        });
        self.plan();
    }

    /// Sends one DTLS datagram.
    pub fn send_dtls(
        &mut self,
        datagram: &[u8],
        egress: &mut Egress,
        shared: &mut Shared,
        now: Instant,
    ) {
        self.line
            .send(egress, now, |out| match out.get_mut(..datagram.len()) {
                Some(room) => {
                    room.copy_from_slice(datagram);
                    datagram.len()
                }
                None => 0,
            });
        self.settle(egress, shared, now);
    }

    /// Takes in one datagram from the server; it may be decrypted in place.
    pub fn receive(
        &mut self,
        datagram: &mut [u8],
        egress: &mut Egress,
        shared: &mut Shared,
        now: Instant,
    ) {
        match &mut self.line.link {
            None => self.take(datagram, egress, shared, now),
            Some(link) => {
                link.from_server(datagram, now);
                self.settle(egress, shared, now);
            }
        }
    }

    /// What the emulated link has brought to either end.
    fn settle(&mut self, egress: &mut Egress, shared: &mut Shared, now: Instant) {
        while let Some(mut datagram) = self
            .line
            .link
            .as_mut()
            .and_then(|link| link.at_endpoint(now))
        {
            self.take(&mut datagram, egress, shared, now);
        }
        let Some(link) = &mut self.line.link else {
            return;
        };
        while let Some(datagram) = link.at_server(now) {
            egress.write(&self.line.path, |out| {
                out[..datagram.len()].copy_from_slice(&datagram);
                datagram.len()
            });
        }
        self.tally.totals.emulated_drops += std::mem::take(&mut link.dropped);
        let at = link.deadline();
        self.wake_at(at);
    }

    #[inline]
    fn take(
        &mut self,
        datagram: &mut [u8],
        egress: &mut Egress,
        shared: &mut Shared,
        now: Instant,
    ) {
        match protocol(datagram) {
            Some(Protocol::Rtp) => self.on_rtp(datagram, shared, now),
            Some(Protocol::Rtcp) => self.on_rtcp(datagram, egress, now),
            Some(Protocol::Stun) => self.on_stun(datagram, egress, shared, now),
            Some(Protocol::Dtls) => shared.events.push(LoadEvent::Dtls {
                endpoint: self.id,
                datagram: datagram.to_vec(),
            }),
            None => {}
        }
    }

    fn on_stun(&mut self, datagram: &[u8], egress: &mut Egress, shared: &mut Shared, now: Instant) {
        let progress = self.ice.answered(datagram, now);
        if progress == Progress::Connected {
            shared.events.push(LoadEvent::Connected {
                endpoint: self.id,
                at: now,
            });
            self.begin(now);
        }
        if progress == Progress::Nothing {
            let (ice, from) = (&self.ice, self.line.path.remote);
            self.line
                .send(egress, now, |out| ice.write_answer(datagram, from, out));
        }
        let at = self.ice.deadline();
        self.wake_at(at);
    }

    #[inline]
    fn on_rtp(&mut self, datagram: &mut [u8], shared: &mut Shared, now: Instant) {
        let (Ok(head), Some(inbound)) = (Head::parse(datagram), &self.line.inbound) else {
            self.tally.totals.unmapped += 1;
            return;
        };
        if let Some(recorder) = &mut self.feedback
            && let Some(&[high, low]) = head.extension(self.extensions.transport_cc)
        {
            recorder.record(head.ssrc, u16::from_be_bytes([high, low]), now);
            let at = recorder.next_deadline();
            self.due = [self.due, at].into_iter().flatten().min();
        }
        let known = self.routes.get(head.ssrc);
        let mid_id = self.extensions.mid;
        let learn = || self.routes.learn(&mut self.receivers, &head, mid_id);
        let Some(stream) = known.or_else(learn) else {
            self.tally.totals.unmapped += 1;
            return;
        };
        let receiver = &mut self.receivers[usize::from(stream.receiver)];
        let arrival = Arrival::of(&head, now);
        if stream.rtx {
            receiver.on_rtx(arrival, datagram, inbound, shared, &mut self.tally);
        } else {
            if receiver.begin() {
                self.first_media.get_or_insert(now);
                shared.events.push(LoadEvent::FirstMedia {
                    endpoint: self.id,
                    mid: receiver.track.mid.clone(),
                    at: now,
                });
            }
            receiver.on_media(arrival, datagram, inbound, shared, &mut self.tally);
        }
        let at = receiver.deadline();
        self.wake_at(at);
    }

    /// Everything that is due.
    pub fn on_deadline(&mut self, egress: &mut Egress, shared: &mut Shared, now: Instant) {
        self.check(egress, shared, now);
        if self.is_ready() {
            self.publish(egress, shared, now);
            self.ask(egress, shared, now);
            self.give_feedback(egress, now);
            self.report(egress, shared, now);
        }
        self.plan();
        self.settle(egress, shared, now);
    }

    /// The next moment at which anything is due.
    fn plan(&mut self) {
        let mut due = self.ice.deadline();
        let mut at = |other: Option<Instant>| due = [due, other].into_iter().flatten().min();
        if self.is_ready() {
            self.publishers
                .iter()
                .for_each(|publisher| at(publisher.deadline()));
            self.receivers
                .iter()
                .for_each(|receiver| at(receiver.deadline()));
            at(self.pacer.deadline());
            at(self.feedback.as_ref().and_then(Recorder::next_deadline));
            at(self.report_at);
        }
        at(self.line.link.as_ref().and_then(|link| link.deadline()));
        self.due = due;
    }

    fn check(&mut self, egress: &mut Egress, shared: &mut Shared, now: Instant) {
        if self.ice.take_lost(now) {
            shared.events.push(LoadEvent::Lost { endpoint: self.id });
        }
        let ice = &mut self.ice;
        self.line.send(egress, now, |out| ice.write_check(out, now));
    }

    /// Frames that are due: sound at once, pictures by the pacer.
    fn publish(&mut self, egress: &mut Egress, shared: &mut Shared, now: Instant) {
        for index in 0..self.publishers.len() {
            while let Some(frame) = self.publishers[index].take_due(now) {
                let publisher = &self.publishers[index];
                if publisher.clip.kind == Kind::Video {
                    for (outgoing, len) in publisher.packets_of(&frame) {
                        self.pacer.push((index as u16, outgoing), len, frame.due);
                    }
                    continue;
                }
                let sound = publisher.packets_of(&frame).next();
                if let Some((outgoing, _)) = sound {
                    self.send_media(index, outgoing, frame.due, egress, shared, now);
                }
            }
        }
        while let Some(((index, outgoing), since)) = self.pacer.pop(now) {
            self.send_media(index.into(), outgoing, since, egress, shared, now);
        }
        self.tally.totals.send_dropped += std::mem::take(&mut self.pacer.dropped);
    }

    fn send_media(
        &mut self,
        index: usize,
        outgoing: Outgoing,
        due: Instant,
        egress: &mut Egress,
        shared: &mut Shared,
        now: Instant,
    ) {
        shared
            .late_us
            .record(now.saturating_since(due).as_micros() as u64);
        let numbered = self.publishers[index].number(outgoing, now);
        let len = self.write_media(index, &numbered, false, egress, now);
        self.tally.totals.packets_sent += u64::from(len > 0);
        self.tally.totals.octets_sent += len as u64;
    }

    /// Writes one packet of a layer, as a retransmission if `again`; gives its length.
    pub(super) fn write_media(
        &mut self,
        index: usize,
        numbered: &Numbered,
        again: bool,
        egress: &mut Egress,
        now: Instant,
    ) -> usize {
        let Some(outbound) = self.line.outbound.take() else {
            return 0;
        };
        let rtx = again.then(|| self.publishers[index].next_rtx()).flatten();
        let wire = Wire {
            publisher: &self.publishers[index],
            numbered,
            rtx,
            ids: self.extensions,
            transport: self.transport_sequence,
        };
        let len = self
            .line
            .send(egress, now, |out| wire.write(out, &outbound));
        self.line.outbound = Some(outbound);
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        len
    }
}
