//! RTCP of an endpoint: what the server asks of its publishers, what its receivers tell and ask the server.
//!
//! `endpoint → **control** (rtcp) → line`

use std::time::Duration;

use super::endpoint::Endpoint;
use super::fleet::Shared;
use crate::egress::Egress;
use crate::rtcp::{self, Pli, Rtcp};
use crate::time::Instant;

/// How often reports go to the server.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(1);

impl Endpoint {
    pub(super) fn on_rtcp(&mut self, datagram: &mut [u8], egress: &mut Egress, now: Instant) {
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
                    if let Some(stream) = self.routes.get(report.ssrc) {
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

    /// NACKs and keyframe requests.
    pub(super) fn ask(&mut self, egress: &mut Egress, shared: &mut Shared, now: Instant) {
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

    pub(super) fn give_feedback(&mut self, egress: &mut Egress, now: Instant) {
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
    pub(super) fn report(&mut self, egress: &mut Egress, shared: &Shared, now: Instant) {
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
