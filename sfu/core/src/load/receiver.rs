//! One received m-line: what came, what is missing, what has to be asked for.
//!
//! `endpoint (whose SSRC) → **receiver** (numbers, nack, playback, stamp) → endpoint (RTCP)`
//!
//! Of most packets only the header is read.  Decrypted are a sampled share, retransmissions, and everything while a
//! keyframe is waited for.

use std::time::Duration;

use super::config::ReceivedTrack;
use super::fleet::Shared;
use super::numbers::{Numbers, Standing};
use super::playback::Playback;
use super::stamp::{self, Verdict};
use super::totals::Tally;
use crate::bytes::Reader;
use crate::keyframe::KeyframeRequests;
use crate::media::Kind;
use crate::nack::NackTracker;
use crate::reception::Reception;
use crate::rtp::{Head, Packet};
use crate::srtp::{Inbound, Rejected};
use crate::time::Instant;

/// The part of a header that counting needs.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Marker bit.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// When it came.
    pub at: Instant,
}

impl Arrival {
    /// Of a header read at `at`.
    #[must_use]
    pub const fn of(head: &Head<'_>, at: Instant) -> Self {
        Self {
            marker: head.marker,
            sequence: head.sequence,
            timestamp: head.timestamp,
            at,
        }
    }
}

/// One received m-line.
#[derive(Debug)]
pub struct Receiver {
    /// As negotiated; SSRCs as learned.
    pub track: ReceivedTrack,
    /// How it comes in, for reports.
    pub reception: Reception,
    numbers: Numbers,
    rtx_numbers: Numbers,
    /// What is missing; also without NACK, to know which frames are whole.
    gaps: NackTracker,
    keyframes: KeyframeRequests,
    playback: Playback,
    /// No picture before a keyframe.
    waiting: bool,
    /// Frames that came whole or in part since one was shown, and the timestamp of the newest.
    unshown: u32,
    newest: Option<u32>,
    unchecked: u32,
    begun: bool,
}

impl Receiver {
    /// Nothing received.
    #[must_use]
    pub fn new(track: ReceivedTrack, unchecked: u32) -> Self {
        Self {
            waiting: track.kind == Kind::Video,
            track,
            reception: Reception::default(),
            numbers: Numbers::default(),
            rtx_numbers: Numbers::default(),
            gaps: NackTracker::new(),
            keyframes: KeyframeRequests::default(),
            playback: Playback::default(),
            unshown: 0,
            newest: None,
            unchecked,
            begun: false,
        }
    }

    /// Whether it goes on with this m-line.
    #[must_use]
    pub fn is_of(&self, track: &ReceivedTrack) -> bool {
        self.track.mid == track.mid && (track.ssrc.is_none() || self.track.ssrc == track.ssrc)
    }

    /// What is negotiated now; what was learned stays.
    pub fn renegotiate(&mut self, track: &ReceivedTrack) {
        let (ssrc, rtx_ssrc) = (self.track.ssrc, self.track.rtx_ssrc);
        self.track = ReceivedTrack {
            ssrc: track.ssrc.or(ssrc),
            rtx_ssrc: track.rtx_ssrc.or(rtx_ssrc),
            ..track.clone()
        };
    }

    /// Whether this is the first packet since it was set up.
    pub const fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.begun, true)
    }

    fn watches_gaps(&self) -> bool {
        self.track.nack || self.track.kind == Kind::Video
    }

    /// A packet of the m-line's own stream.
    pub fn on_media(
        &mut self,
        arrival: Arrival,
        datagram: &mut [u8],
        inbound: &Inbound,
        shared: &mut Shared,
        tally: &mut Tally,
    ) {
        let (ext, standing) = self.numbers.note(arrival.sequence);
        let totals = &mut tally.totals;
        match standing {
            Standing::Seen => {
                totals.duplicated += 1;
                return;
            }
            Standing::Newest { expects } => totals.expected += expects,
            Standing::Late { expects } => {
                totals.expected += expects;
                totals.out_of_order += 1;
            }
            Standing::Restarted => {
                totals.expected += 1;
                self.restart();
            }
        }
        totals.packets_received += 1;
        totals.octets_received += datagram.len() as u64;
        let rate = self.track.clock_rate;
        self.reception
            .received(ext, arrival.timestamp, rate, arrival.at);
        if self.watches_gaps() {
            self.gaps.received(ext, arrival.at);
        }
        self.open(ext, arrival, datagram, inbound, shared, tally);
        self.show(arrival, tally);
    }

    /// The m-line goes on under another SSRC: with numbers of its own.
    pub fn change_source(&mut self) {
        self.numbers = Numbers::default();
        self.restart();
    }

    /// Another stream goes on under the same SSRC.
    fn restart(&mut self) {
        self.reception = Reception::default();
        self.gaps = NackTracker::new();
        self.lose_picture();
    }

    /// Only a keyframe helps, and what is missing in front of it has no use any more.
    fn lose_picture(&mut self) {
        if self.track.kind == Kind::Video {
            self.gaps = NackTracker::new();
            self.unshown += 1;
            self.waiting = true;
            self.keyframes.want();
        }
    }

    /// Decrypts and compares, if it is this packet's turn.
    fn open(
        &mut self,
        ext: u64,
        arrival: Arrival,
        datagram: &mut [u8],
        inbound: &Inbound,
        shared: &mut Shared,
        tally: &mut Tally,
    ) {
        self.unchecked += 1;
        if self.unchecked < shared.check_every && !self.waiting {
            return;
        }
        let Some(index) = Numbers::srtp_index(ext) else {
            return;
        };
        self.unchecked = 0;
        let verdict = match inbound.open_rtp(datagram, index) {
            Ok(len) => verdict(&datagram[..len], arrival.at, shared),
            Err(_) => {
                tally.totals.replayed_or_forged += 1;
                return;
            }
        };
        if let Verdict::Intact { delay_ns, .. } = verdict {
            shared.delay_us.record(delay_ns / 1_000);
            tally.delay_us.record(delay_ns / 1_000);
            if arrival.marker && self.track.kind == Kind::Video {
                shared.frame_delay_us.record(delay_ns / 1_000);
            }
        }
        self.take_verdict(verdict, arrival.at, tally);
    }

    fn take_verdict(&mut self, verdict: Verdict, now: Instant, tally: &mut Tally) {
        let is_key = matches!(verdict, Verdict::Intact { keyframe: true, .. });
        tally.totals.checked += u64::from(verdict != Verdict::Unstamped);
        tally.totals.corrupt += u64::from(verdict == Verdict::Corrupt);
        if self.waiting && is_key {
            self.waiting = false;
            self.keyframes.arrived(now);
        } else if self.waiting && self.keyframes.sent == 0 {
            self.keyframes.want();
        }
    }

    /// A retransmission in a stream of its own (RFC 4588): opened, for its payload tells what it is of.
    pub fn on_rtx(
        &mut self,
        arrival: Arrival,
        datagram: &mut [u8],
        inbound: &Inbound,
        shared: &mut Shared,
        tally: &mut Tally,
    ) {
        let (ext, standing) = self.rtx_numbers.note(arrival.sequence);
        let index = Numbers::srtp_index(ext).filter(|_| standing != Standing::Seen);
        let opened = index.ok_or(Rejected::Replayed);
        let Ok(len) = opened.and_then(|index| inbound.open_rtp(datagram, index)) else {
            tally.totals.replayed_or_forged += 1;
            return;
        };
        let Ok(packet) = Packet::parse(&datagram[..len]) else {
            return;
        };
        let mut reader = Reader::new(packet.payload);
        // Padding that probes the bandwidth has no original number, or that of a packet which has come already.
        let Some(original) = reader.u16() else { return };
        let Some(ext) = self.numbers.recover(original) else {
            return;
        };
        tally.totals.recovered += 1;
        self.reception.recovered();
        self.gaps.received(ext, arrival.at);
        let verdict = stamp::check(reader.rest(), |clip| shared.clip(clip), arrival.at);
        self.take_verdict(verdict, arrival.at, tally);
        self.show(arrival, tally);
    }

    /// What can be shown now that this packet is there.
    fn show(&mut self, arrival: Arrival, tally: &mut Tally) {
        if self.track.kind != Kind::Video {
            return;
        }
        if arrival.marker {
            tally.totals.frames_received += 1;
            self.unshown += 1;
            let newer = |newest: u32| arrival.timestamp.wrapping_sub(newest).cast_signed() > 0;
            if self.newest.is_none_or(newer) {
                self.newest = Some(arrival.timestamp);
            }
        }
        if self.waiting || self.gaps.outstanding() > 0 {
            return;
        }
        if let Some(timestamp) = self.newest.take() {
            let follows = self.unshown == 1;
            self.unshown = 0;
            let rate = self.track.clock_rate;
            if let Some(stood) = self.playback.shown(timestamp, rate, follows, arrival.at) {
                tally.totals.freezes += 1;
                tally.totals.freeze_ns += stood.as_nanos() as u64;
            }
        }
    }

    /// Numbers to ask for now, appended to `lost`.
    pub fn due_nacks(&mut self, rtt: Duration, now: Instant, lost: &mut Vec<u16>) {
        self.gaps.due(now, rtt, lost);
        let given_up = self.gaps.given_up() > 0 || self.gaps.take_overflowed();
        let unasked = !self.track.nack && !lost.is_empty();
        if given_up || unasked {
            self.lose_picture();
        }
        if unasked {
            lost.clear();
        }
    }

    /// Whether a keyframe is to be asked for now.
    pub fn take_keyframe_request(&mut self, now: Instant) -> bool {
        self.track.pli && self.keyframes.take_due(now)
    }

    /// When to call [`Self::due_nacks`] and [`Self::take_keyframe_request`].
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let keyframes = self.keyframes.deadline().filter(|_| self.track.pli);
        [self.gaps.deadline(), keyframes]
            .into_iter()
            .flatten()
            .min()
    }
}

fn verdict(packet: &[u8], now: Instant, shared: &Shared) -> Verdict {
    match Packet::parse(packet) {
        // Padding alone keeps a stream's numbers going.
        Ok(packet) => stamp::check(packet.payload, |clip| shared.clip(clip), now),
        Err(_) => Verdict::Corrupt,
    }
}
