//! One endpoint: a client's connection with its address, keys and media, without socket and clock.
//!
//! `fleet → **endpoint** (ice · receiver · publisher, pacer · RTCP) → egress`
//!
//! Contract: after every call look at `deadline()`, and call `on_deadline` then.

use std::sync::Arc;
use std::time::Duration;

use super::clip::Clip;
use super::config::{EndpointConfig, EndpointMedia};
use super::events::LoadEvent;
use super::fleet::Shared;
use super::ice::{Checks, Progress};
use super::link::Link;
use super::pacer::Pacer;
use super::publisher::{Numbered, Outgoing, Publisher};
use super::random::Random;
use super::receiver::{Arrival, Receiver};
use super::totals::{EndpointStats, Tally};
use crate::demux::{Path, Protocol, protocol};
use crate::egress::{Egress, MAX_DATAGRAM, MAX_RTCP};
use crate::media::{ExtensionIds, Kind};
use crate::peer::SsrcTable;
use crate::rtcp::{self, Pli, Rtcp};
use crate::rtp::{self, AudioLevel, Head, OutHeader};
use crate::srtp::{Inbound, Outbound};
use crate::time::Instant;
use crate::twcc::Recorder;

/// SSRCs that are told apart: 300 seats with audio, video and retransmissions.
const MAX_STREAMS: usize = 1_024;
/// How often reports go to the server.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Of every voice, in -dBov.
const LEVEL: u8 = 30;

/// Whose packets an SSRC's are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stream {
    receiver: u16,
    rtx: bool,
}

/// Where packets go, and the keys of both directions.
#[derive(Debug)]
struct Line {
    path: Path,
    inbound: Option<Inbound>,
    outbound: Option<Outbound>,
    link: Option<Box<Link>>,
}

impl Line {
    /// Sends one datagram that `fill` writes, over the emulated link if there is one; gives its length.
    fn send(
        &mut self,
        egress: &mut Egress,
        now: Instant,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> usize {
        let Some(link) = &mut self.link else {
            return egress.write(&self.path, fill);
        };
        let mut datagram = [0; MAX_DATAGRAM];
        let len = fill(&mut datagram);
        if len > 0 {
            link.from_endpoint(&datagram[..len], now);
        }
        len
    }

    /// Protects and sends one RTCP datagram; whether there were keys and something to say.
    fn send_rtcp(
        &mut self,
        egress: &mut Egress,
        now: Instant,
        write: impl FnOnce(&mut [u8]) -> usize,
    ) -> bool {
        let Some(mut outbound) = self.outbound.take() else {
            return false;
        };
        let sent = self.send(egress, now, |out| match write(&mut out[..MAX_RTCP]) {
            0 => 0,
            len => outbound.protect_rtcp(out, len),
        });
        self.outbound = Some(outbound);
        sent > 0
    }
}

/// One endpoint.
#[derive(Debug)]
pub struct Endpoint {
    id: u32,
    line: Line,
    ice: Checks,
    receivers: Vec<Receiver>,
    streams: SsrcTable<Stream, MAX_STREAMS>,
    publishers: Vec<Publisher>,
    pacer: Pacer<(u16, Outgoing)>,
    extensions: ExtensionIds,
    rtcp_ssrc: u32,
    cname: String,
    feedback: Option<Recorder>,
    transport_sequence: u16,
    report_at: Option<Instant>,
    first_media: Option<Instant>,
    random: Random,
    tally: Tally,
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
            streams: SsrcTable::default(),
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
        self.streams.clear();
        for (index, receiver) in self.receivers.iter().enumerate() {
            let track = &receiver.track;
            for (ssrc, rtx) in [(track.ssrc, false), (track.rtx_ssrc, true)] {
                let receiver = index as u16;
                ssrc.map(|ssrc| self.streams.set(ssrc, Stream { receiver, rtx }));
            }
        }
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
        let known = self.streams.get(head.ssrc);
        let Some(stream) = known.or_else(|| {
            let stream = resolve(&self.receivers, &head, self.extensions.mid)?;
            learn(&mut self.streams, &mut self.receivers, head.ssrc, stream)
        }) else {
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

    fn on_rtcp(&mut self, datagram: &mut [u8], egress: &mut Egress, now: Instant) {
        let Some(inbound) = &mut self.line.inbound else {
            return;
        };
        let Ok(len) = inbound.unprotect_rtcp(datagram) else {
            self.tally.totals.replayed_or_forged += 1;
            return;
        };
        for packet in rtcp::compound(&datagram[..len]).flatten() {
            match packet {
                Rtcp::SenderReport(report) => {
                    if let Some(stream) = self.streams.get(report.ssrc) {
                        let receiver = &mut self.receivers[usize::from(stream.receiver)];
                        receiver.reception.sender_report(report.ntp, now);
                    }
                }
                Rtcp::Nack(nack) => self.on_nack(&nack, egress, now),
                Rtcp::Pli(pli) => self.on_keyframe_request(pli.media_ssrc),
                Rtcp::Fir(fir) => fir
                    .entries()
                    .for_each(|(ssrc, _)| self.on_keyframe_request(ssrc)),
                _ => {}
            }
        }
    }

    fn publisher_of(&mut self, ssrc: u32) -> Option<usize> {
        self.publishers
            .iter()
            .position(|publisher| publisher.layer.ssrc == ssrc)
    }

    fn on_keyframe_request(&mut self, ssrc: u32) {
        if let Some(index) = self.publisher_of(ssrc) {
            self.tally.totals.keyframe_requests_received += 1;
            self.publishers[index].want_keyframe();
        }
    }

    fn on_nack(&mut self, nack: &rtcp::Nack<'_>, egress: &mut Egress, now: Instant) {
        let Some(index) = self.publisher_of(nack.media_ssrc) else {
            return;
        };
        for sequence in nack.lost() {
            self.tally.totals.nacks_received += 1;
            if let Some(numbered) = self.publishers[index].again(sequence, now) {
                let sent = self.write_media(index, &numbered, true, egress, now);
                self.tally.totals.retransmitted += u64::from(sent > 0);
            }
        }
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
    fn write_media(
        &mut self,
        index: usize,
        numbered: &Numbered,
        again: bool,
        egress: &mut Egress,
        now: Instant,
    ) -> usize {
        let publisher = &mut self.publishers[index];
        let rtx = publisher.rtx.filter(|_| again);
        let sequence = rtx.map_or(numbered.sequence, |_| publisher.next_rtx());
        let publisher = &self.publishers[index];
        let transport = self.transport_sequence.to_be_bytes();
        let level = AudioLevel {
            voice: true,
            level: LEVEL,
        };
        let level = [level.to_byte()];
        let ids = self.extensions;
        let rid = publisher
            .layer
            .rid
            .as_deref()
            .filter(|_| rtx.is_some() || publisher.tells_rid(&numbered.outgoing));
        let rid_id = if rtx.is_some() {
            ids.repaired_rid
        } else {
            ids.rid
        };
        let is_sound = publisher.clip.kind == Kind::Audio;
        // An id of 0 is left out.
        let extensions = [
            (ids.transport_cc, &transport[..]),
            (
                rid.map_or(0, |_| rid_id),
                rid.unwrap_or_default().as_bytes(),
            ),
            (if is_sound { ids.audio_level } else { 0 }, &level[..]),
        ];
        let (payload_type, ssrc) = rtx.unwrap_or((publisher.payload_type, publisher.layer.ssrc));
        let header = OutHeader {
            marker: numbered.outgoing.marker,
            payload_type,
            sequence: sequence as u16,
            timestamp: numbered.outgoing.timestamp,
            ssrc,
            padding: false,
            mid: Some((ids.mid, publisher.mid.as_bytes())),
            extensions: &extensions,
        };
        let Some(outbound) = self.line.outbound.take() else {
            return 0;
        };
        let len = self.line.send(egress, now, |out| {
            let start = rtp::write_header(out, &header);
            let mut end = start;
            if rtx.is_some() {
                out[end..end + 2].copy_from_slice(&(numbered.sequence as u16).to_be_bytes());
                end += 2;
            }
            end += publisher.write_payload(numbered, &mut out[end..]);
            outbound.protect_rtp(out, start, end, (sequence >> 16) as u32)
        });
        self.line.outbound = Some(outbound);
        if ids.transport_cc != 0 {
            self.transport_sequence = self.transport_sequence.wrapping_add(1);
        }
        len
    }

    /// NACKs and keyframe requests.
    fn ask(&mut self, egress: &mut Egress, shared: &mut Shared, now: Instant) {
        let (rtt, sender_ssrc) = (self.ice.rtt(), self.rtcp_ssrc);
        for receiver in &mut self.receivers {
            let Some(media_ssrc) = receiver.track.ssrc else {
                continue;
            };
            receiver.due_nacks(rtt, now, &mut shared.lost);
            let lost = &shared.lost;
            if !lost.is_empty() {
                let write = |out: &mut [u8]| rtcp::write_nack(out, sender_ssrc, media_ssrc, lost);
                self.line.send_rtcp(egress, now, write);
                self.tally.totals.nacks_sent += lost.len() as u64;
                shared.lost.clear();
            }
            if receiver.take_keyframe_request(now) {
                let pli = Pli {
                    sender_ssrc,
                    media_ssrc,
                };
                let sent = self
                    .line
                    .send_rtcp(egress, now, |out| rtcp::write_pli(out, pli));
                self.tally.totals.keyframe_requests_sent += u64::from(sent);
            }
        }
    }

    fn give_feedback(&mut self, egress: &mut Egress, now: Instant) {
        let (ssrc, Some(recorder)) = (self.rtcp_ssrc, &mut self.feedback) else {
            return;
        };
        while recorder.next_deadline().is_some_and(|at| at <= now) {
            let write = |out: &mut [u8]| recorder.write_feedback(out, ssrc, now).unwrap_or(0);
            if !self.line.send_rtcp(egress, now, write) {
                return;
            }
        }
    }

    /// Once a second: on what comes in, and on what goes out.
    fn report(&mut self, egress: &mut Egress, shared: &Shared, now: Instant) {
        if self.report_at.is_none_or(|at| at > now) {
            return;
        }
        self.report_at = Some(now + REPORT_INTERVAL);
        let reports = self.receivers.iter_mut().filter_map(|receiver| {
            let ssrc = receiver.track.ssrc?;
            receiver.reception.report(ssrc, now)
        });
        let blocks: Vec<_> = reports.collect();
        let (ssrc, cname) = (self.rtcp_ssrc, &self.cname);
        for blocks in blocks.chunks(rtcp::MAX_BLOCKS) {
            self.line.send_rtcp(egress, now, |out| {
                let len = rtcp::write_receiver_report(out, ssrc, blocks);
                len + rtcp::write_sdes(&mut out[len..], ssrc, cname)
            });
        }
        let ntp = shared.ntp(now);
        for info in self
            .publishers
            .iter()
            .filter_map(|publisher| publisher.report(ntp, now))
        {
            self.line.send_rtcp(egress, now, |out| {
                let len = rtcp::write_sender_report(out, &info, &[]);
                len + rtcp::write_sdes(&mut out[len..], info.ssrc, cname)
            });
        }
    }
}

/// Whose an SSRC is that is not known yet: by its MID, or by payload type where that leaves one.
fn resolve(receivers: &[Receiver], head: &Head<'_>, mid_id: u8) -> Option<Stream> {
    let mid = (mid_id != 0).then(|| head.extension(mid_id)).flatten();
    let mut candidates = receivers
        .iter()
        .enumerate()
        .filter_map(|(index, receiver)| {
            let track = &receiver.track;
            if mid.is_some_and(|mid| mid != track.mid.as_bytes()) {
                return None;
            }
            let rtx = track.rtx_payload_types.contains(&head.payload_type);
            let known = if rtx { track.rtx_ssrc } else { track.ssrc };
            let fits = rtx || track.payload_types.contains(&head.payload_type);
            // Without a MID a stream that is known already has no second one.
            (fits && (mid.is_some() || known.is_none())).then_some(Stream {
                receiver: index as u16,
                rtx,
            })
        });
    let stream = candidates.next()?;
    candidates.next().is_none().then_some(stream)
}

fn learn(
    streams: &mut SsrcTable<Stream, MAX_STREAMS>,
    receivers: &mut [Receiver],
    ssrc: u32,
    stream: Stream,
) -> Option<Stream> {
    streams.retain(|_, known| known != stream);
    let receiver = &mut receivers[usize::from(stream.receiver)];
    if stream.rtx {
        receiver.track.rtx_ssrc = Some(ssrc);
    } else if receiver.track.ssrc.replace(ssrc).is_some() {
        // Numbers of different SSRCs have nothing to do with each other.
        receiver.change_source();
    }
    streams.set(ssrc, stream).then_some(stream)
}
