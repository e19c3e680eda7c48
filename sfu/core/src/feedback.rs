//! RTCP both ways.
//!
//! `receivers' NACK, PLI, reports → **router (feedback)** → publishers' NACK, PLI, reports, transport-wide feedback`

use crate::clock::LayerClock;
use crate::downlink::Downlink;
use crate::peer::{REPORT_INTERVAL, Stream};
use crate::router::Router;
use crate::rtcp::{self, Pli, Remb, ReportBlock, Rtcp, SenderInfo, SenderReport};
use crate::sender::Sender;
use crate::slab::Key;
use crate::time::{Instant, Ntp};
use crate::track::Track;
use crate::twcc::Feedback;
use crate::xr::{self, Heard};

/// Packets asked for in one RTCP datagram that are looked at; more is no loss but a lost path.
const MAX_NACKED: usize = 256;
/// Octets of sender reports in one datagram after which the next begins.
const REPORTS_FULL: usize = 1_000;
/// CNAME of the node's own SSRC, under which it only reports (RFC 3550 §6.5.1 wants one).
const CNAME: &str = "tertulia";
/// Packets of transport-wide feedback in one go.
const MAX_FEEDBACK: usize = 8;

impl Router {
    pub(crate) fn on_rtcp(&mut self, key: Key, datagram: &mut [u8], now: Instant) {
        let Some(inbound) = &mut self.peers[key].inbound else {
            self.counters.srtp_early += 1;
            return;
        };
        let len = match inbound.unprotect_rtcp(datagram) {
            Ok(len) => len,
            Err(why) => return self.rejected(why),
        };
        self.counters.rtcp_in += 1;
        self.heard(key, now);
        for packet in rtcp::compound(&datagram[..len]) {
            match packet {
                Ok(packet) => self.on_packet(key, &packet, now),
                Err(_) => self.counters.malformed += 1,
            }
        }
    }

    fn on_packet(&mut self, key: Key, packet: &Rtcp<'_>, now: Instant) {
        match packet {
            Rtcp::SenderReport(report) => {
                self.on_sender_report(key, report, now);
                self.on_blocks(key, report.blocks, now);
            }
            Rtcp::ReceiverReport(report) => self.on_blocks(key, report.blocks, now),
            Rtcp::Nack(nack) => self.on_nack(key, nack.media_ssrc, nack.lost(), now),
            Rtcp::Pli(pli) => self.on_keyframe_request(key, pli.media_ssrc, now),
            Rtcp::Fir(fir) => fir
                .entries()
                .for_each(|(ssrc, _)| self.on_keyframe_request(key, ssrc, now)),
            Rtcp::TransportCc(told) => self.on_transport_feedback(key, told.body, now),
            Rtcp::Remb(remb) => self.on_remb(key, remb, now),
            Rtcp::Extended(report) => {
                report.for_each(|block| self.on_time(key, report.ssrc, block, now))
            }
            Rtcp::Sdes(_) | Rtcp::Bye(_) | Rtcp::Other { .. } => {}
        }
    }

    fn on_transport_feedback(&mut self, key: Key, body: &[u8], now: Instant) {
        self.counters.feedback_in += 1;
        let Ok(feedback) = Feedback::parse(body) else {
            self.counters.malformed += 1;
            return;
        };
        let is_noisy = self.is_noisy();
        let peer = &mut self.peers[key];
        let rtt = peer.rtt();
        let Some(downlink) = &mut peer.link.downlink else {
            return;
        };
        downlink.bandwidth.set_noisy(is_noisy);
        downlink.bandwidth.feedback(&feedback, rtt, now);
        self.on_estimate(key, now);
    }

    /// Receivers without transport-wide feedback tell their own estimate, which is for all that they get if it names nothing
    /// of that.
    fn on_remb(&mut self, key: Key, remb: &Remb<'_>, now: Instant) {
        let peer = &mut self.peers[key];
        let known = |ssrc: &u32| peer.sender_of(*ssrc).is_some();
        let mut named: Vec<u32> = remb.ssrcs().filter(known).collect();
        named.sort_unstable();
        named.dedup();
        if named.is_empty() {
            named.extend(peer.sender_ssrcs.iter().map(|&(ssrc, _)| ssrc));
        }
        let senders = peer.sender_ssrcs.iter();
        let sent = senders.filter_map(|&(ssrc, sender)| {
            let traffic = &self.senders.get(sender)?.totals.traffic;
            Some((ssrc, traffic.kbps * 1e3))
        });
        let downlink = &mut peer.link.downlink;
        let downlink = downlink.get_or_insert_with(|| Downlink::new().into());
        downlink.bandwidth.remb(remb.bitrate, named, sent, now);
        self.on_estimate(key, now);
    }

    fn on_estimate(&mut self, key: Key, now: Instant) {
        let Some(downlink) = &mut self.peers[key].link.downlink else {
            return;
        };
        if let Some(at) = downlink.deadline() {
            self.arm(key, at);
        }
        if self.peers[key]
            .link
            .downlink
            .as_mut()
            .is_some_and(|downlink| downlink.is_news(now))
        {
            self.share_again(key);
        }
    }

    fn on_sender_report(&mut self, key: Key, report: &SenderReport<'_>, now: Instant) {
        let ours = self.ntp(now);
        let peer = &mut self.peers[key];
        let Some(Stream {
            track,
            layer,
            rtx: false,
        }) = peer.streams.get(report.ssrc)
        else {
            return;
        };
        if report.ntp == Ntp::default() {
            return; // RFC 3550 §6.4.1: a sender without a wall clock says 0.
        }
        let ntp = peer.clock.ours(report.ntp, ours);
        let Some(track) = self.tracks.get_mut(track) else {
            return;
        };
        let layer = &mut track.layers[usize::from(layer)];
        layer.reception.sender_report(report.ntp, now);
        let first = layer.clock.is_none();
        layer.clock = Some(LayerClock {
            ntp,
            rtp: report.rtp_timestamp,
        });
        if first {
            let viewers = track.shown_by.clone();
            viewers
                .into_iter()
                .for_each(|sender| self.report_sender(sender, now));
        }
    }

    fn on_blocks(&mut self, key: Key, blocks: impl Iterator<Item = ReportBlock>, now: Instant) {
        let (mut lost, mut sent) = (0.0, 0.0);
        for block in blocks {
            let Some(rate) = self.on_block(key, &block, now) else {
                continue;
            };
            lost += rate * f64::from(block.fraction_lost) / 256.0;
            sent += rate;
        }
        if let Some(downlink) = &mut self.peers[key].link.downlink {
            downlink.bandwidth.loss_reported(lost, sent, now);
        }
    }

    /// Gives the bits a second that are sent of what it is about.
    fn on_block(&mut self, key: Key, block: &ReportBlock, now: Instant) -> Option<f64> {
        let ours = self.ntp(now);
        let peer = &mut self.peers[key];
        let sender = peer.sender_of(block.ssrc)?;
        if let Some(rtt) = block.round_trip(ours) {
            peer.measured(rtt);
        }
        let totals = &mut self.senders[sender].totals;
        totals.fraction_lost = block.fraction_lost;
        totals.jitter = block.jitter;
        Some(totals.traffic.kbps * 1e3)
    }

    /// A receiver's time is answered with the next reports; the answer to ours tells the round trip.
    fn on_time(&mut self, key: Key, ssrc: u32, block: xr::Block<'_>, now: Instant) {
        let ours = self.ntp(now);
        let peer = &mut self.peers[key];
        match block {
            xr::Block::ReferenceTime(ntp) => peer.told_time = Some(Heard { ssrc, ntp, at: now }),
            xr::Block::Delays(mut delays) => {
                let own = delays.find(|delay| delay.ssrc == peer.rtcp_ssrc);
                if let Some(rtt) = own.and_then(|own| own.round_trip(ours)) {
                    peer.measured(rtt);
                }
            }
            xr::Block::Other => {}
        }
    }

    fn on_nack(&mut self, key: Key, ssrc: u32, lost: impl Iterator<Item = u16>, now: Instant) {
        let peer = &mut self.peers[key];
        let downlink = peer.link.downlink.as_ref();
        let queue = downlink.map(|downlink| downlink.bandwidth.queue_at_most());
        let skips = downlink.is_none_or(|downlink| !downlink.is_timed());
        // What still stands in the path's queue is asked for again, and had better not stand there twice.
        let (trip, sender) = (peer.rtt() + queue.unwrap_or_default(), peer.sender_of(ssrc));
        let Some(sender) = sender.and_then(|sender| self.senders.get_mut(sender)) else {
            return;
        };
        let answers = now >= self.repairs_from;
        for sequence in lost.take(MAX_NACKED) {
            self.counters.nacks_in += 1;
            if !answers {
                continue;
            }
            let Some(asked) = sender.asked(sequence, skips, trip, now) else {
                continue;
            };
            let origin = asked.segment.origin;
            let Some(track) = self.tracks.get(origin.track).filter(|track| track.enabled) else {
                continue;
            };
            let layer = track.layers.get(usize::from(origin.layer));
            let Some(layer) = layer.filter(|layer| layer.epoch == origin.epoch) else {
                continue;
            };
            let sent = sender.retransmit(&asked, layer, &mut peer.link, &mut self.egress, now);
            self.counters.retransmitted += u64::from(sent);
            self.counters.rtp_out += u64::from(sent);
        }
    }

    fn on_keyframe_request(&mut self, key: Key, ssrc: u32, now: Instant) {
        let Some(sender) = self.peers[key].sender_of(ssrc) else {
            return;
        };
        self.counters.keyframe_requests_in += 1;
        self.want_keyframe(sender, now);
    }

    pub(crate) fn send_feedback(&mut self, key: Key, now: Instant) {
        let peer = &mut self.peers[key];
        let is_narrow = peer.is_narrow(now);
        let Some(recorder) = &mut peer.feedback else {
            return;
        };
        // Browsers send again what they hear was lost last, even of layers that they have stopped.
        recorder.omit_losses(is_narrow);
        for _ in 0..MAX_FEEDBACK {
            if recorder.next_deadline().is_none_or(|at| at > now) {
                return;
            }
            let sent = peer.link.send_rtcp(&mut self.egress, |out| {
                recorder
                    .write_feedback(out, peer.rtcp_ssrc, now)
                    .unwrap_or(0)
            });
            if !sent {
                // Nobody to send to (any more): start afresh rather than wait.
                *recorder = crate::twcc::Recorder::new();
                return;
            }
            self.counters.feedback_out += 1;
            self.counters.rtcp_out += 1;
        }
    }

    /// NACKs and keyframe requests that are due.
    pub(crate) fn ask_publisher(&mut self, key: Key, now: Instant) {
        if now < self.repairs_from {
            return;
        }
        let peer = &mut self.peers[key];
        let rtt = peer.rtt();
        for &track in &peer.tracks {
            let Some(track) = self.tracks.get_mut(track) else {
                continue;
            };
            let pli = track.codecs.iter().any(|codec| codec.pli);
            for layer in &mut track.layers {
                let Some(media_ssrc) = layer.ssrc else {
                    continue;
                };
                let (sender_ssrc, link) = (peer.rtcp_ssrc, &mut peer.link);
                layer.missing(now, rtt, &mut self.lost);
                if !self.lost.is_empty() {
                    let write =
                        |out: &mut [u8]| rtcp::write_nack(out, sender_ssrc, media_ssrc, &self.lost);
                    let sent = link.send_rtcp(&mut self.egress, write);
                    self.counters.rtcp_out += u64::from(sent);
                    self.counters.nacks_out += self.lost.len() as u64;
                    layer.nacks_sent += self.lost.len() as u64;
                    self.lost.clear();
                }
                if pli && layer.keyframes.take_due(now) {
                    let pli = Pli {
                        sender_ssrc,
                        media_ssrc,
                    };
                    let sent = link.send_rtcp(&mut self.egress, |out| rtcp::write_pli(out, pli));
                    self.counters.rtcp_out += u64::from(sent);
                    self.counters.keyframe_requests_out += u64::from(sent);
                }
            }
        }
    }

    /// Once a second: reports on what the peer sends, and on what we send it.
    pub(crate) fn report(&mut self, key: Key, now: Instant) {
        let peer = &mut self.peers[key];
        peer.report_at = now + REPORT_INTERVAL;
        if let Some(downlink) = &mut peer.link.downlink {
            downlink.traffic.measure(now);
            // A seat that may go up again, and whatever else only time brings about.
            self.share_again(key);
        }
        self.listen(key, now);
        self.report_reception(key, now);
        let senders = std::mem::take(&mut self.peers[key].senders);
        for &sender in &senders {
            if let Some(sender) = self.senders.get_mut(sender) {
                sender.totals.traffic.measure(now);
            }
        }
        self.report_senders(key, &senders, now);
        self.peers[key].senders = senders;
    }

    fn report_reception(&mut self, key: Key, now: Instant) {
        let ntp = self.ntp(now);
        let peer = &mut self.peers[key];
        let mut blocks = Vec::new();
        for &track in &peer.tracks {
            let Some(track) = self.tracks.get_mut(track) else {
                continue;
            };
            for layer in &mut track.layers {
                layer.traffic.measure(now);
                let block = layer
                    .ssrc
                    .and_then(|ssrc| layer.reception.report(ssrc, now));
                blocks.extend(block.filter(|_| layer.is_alive(now)));
            }
        }
        if blocks.is_empty() {
            return;
        }
        let ssrc = peer.rtcp_ssrc;
        let sent = peer.link.send_rtcp(&mut self.egress, |out| {
            let mut len = rtcp::write_receiver_report(out, ssrc, &blocks);
            len += rtcp::write_sdes(&mut out[len..], ssrc, CNAME);
            len + xr::write_reference_time(&mut out[len..], ssrc, ntp)
        });
        self.counters.rtcp_out += u64::from(sent);
    }

    /// Sender reports of one peer's senders, several to a datagram; with the first, when the time came that it has told.
    fn report_senders(&mut self, key: Key, senders: &[Key], now: Instant) {
        let ntp = self.ntp(now);
        let peer = &mut self.peers[key];
        let ssrc = peer.rtcp_ssrc;
        let mut answer = peer.told_time.take().map(|heard| heard.answer(now));
        let mut rest = senders;
        while !rest.is_empty() || answer.is_some() {
            let mut taken = 0;
            let (all_senders, tracks) = (&self.senders, &self.tracks);
            let sent = self.peers[key].link.send_rtcp(&mut self.egress, |out| {
                let mut len = 0;
                for &sender in rest {
                    if len > REPORTS_FULL {
                        break;
                    }
                    taken += 1;
                    let sender = all_senders.get(sender);
                    len += sender.map_or(0, |sender| {
                        write_report(&mut out[len..], sender, tracks, ntp)
                    });
                }
                let answer = answer.take();
                len + answer.map_or(0, |delay| xr::write_delay(&mut out[len..], ssrc, delay))
            });
            self.counters.rtcp_out += u64::from(sent);
            if taken == 0 {
                return;
            }
            rest = &rest[taken..];
        }
    }

    /// One sender's report, at a switch and when its layer's clock becomes known.
    pub(crate) fn report_sender(&mut self, sender: Key, now: Instant) {
        if let Some(peer) = self.senders.get(sender).map(|sender| sender.peer) {
            self.report_senders(peer, &[sender], now);
        }
    }
}

/// SR and SDES; 0 while the sender is silent or its layer's clock is not known.
fn write_report(
    out: &mut [u8],
    sender: &Sender,
    tracks: &crate::slab::Slab<Track>,
    ntp: Ntp,
) -> usize {
    let mut write = || {
        let track = tracks.get(sender.source?)?;
        let clock = track
            .layers
            .get(usize::from(sender.shown_layer()?))?
            .clock?;
        let rtp = clock.rtp_at(ntp, sender.clock_rate()?);
        let info = SenderInfo {
            ssrc: sender.ssrc,
            ntp,
            rtp_timestamp: sender.timestamp_of(rtp)?,
            packets: sender.totals.traffic.packets as u32,
            octets: sender.totals.traffic.octets as u32,
        };
        let len = rtcp::write_sender_report(out, &info, &[]);
        Some(len + rtcp::write_sdes(&mut out[len..], sender.ssrc, &sender.cname))
    };
    write().unwrap_or(0)
}
