//! One sent layer: which frame is due, under which numbers, and what can be sent again.
//!
//! `clip → **publisher** → pacer → endpoint (header, stamp, keys)`
//!
//! Numbers and timestamps never jump: a keyframe that is asked for takes the place of the frame that was due, and a
//! pause moves timestamps on by as much time.  A layer pauses with its m-line, or alone while nobody takes it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::clip::Clip;
use super::config::{SentLayer, SentTrack};
use super::random::Random;
use super::stamp::Stamp;
use crate::media::Kind;
use crate::rtcp::SenderInfo;
use crate::time::{Instant, Ntp};

/// Packets that can be sent again: libwebrtc keeps about a second, at least; this is 4 s of 2.5 Mbit/s.
const HISTORY: usize = 1_024;
/// One packet is not sent again twice within this.
const REPEAT: Duration = Duration::from_millis(10);
/// libwebrtc's encoder makes no more keyframes than one in this time.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(300);
/// The most of a clip of pictures that a publisher leaves out at its end, as a share.
const LEFT_OUT: f64 = 0.4;
/// RID is in as many packets at the begin, besides those of keyframes.
const RID_PACKETS: u64 = 100;

/// A packet that waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its place in the clip.
    pub packet: u32,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// VP8 picture id; TL0PICIDX is its low octet, for every picture is of the lowest temporal layer.
    pub picture: u16,
}

/// A packet with its number, as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// What it carries.
    pub outgoing: Outgoing,
    /// Unwrapped sequence number.
    pub sequence: u64,
    /// When it left first.
    pub sent: Instant,
}

/// Under what a packet is sent again (RFC 4588).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retransmission {
    /// Of retransmissions.
    pub payload_type: u8,
    /// Of retransmissions.
    pub ssrc: u32,
    /// Unwrapped sequence number.
    pub sequence: u64,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    numbered: Numbered,
    repeated: Instant,
}

/// A frame that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueFrame {
    /// Since when.
    pub due: Instant,
    first: u32,
    count: u32,
    timestamp: u32,
    picture: u16,
    begins_talking: bool,
}

/// One sent layer.
#[derive(Debug)]
pub struct Publisher {
    /// Its m-line.
    pub mid: String,
    /// Its place in simulcast.
    pub layer: SentLayer,
    /// Of its media.
    pub payload_type: u8,
    /// Payload type and SSRC of its retransmissions, where negotiated.
    rtx: Option<(u8, u32)>,
    /// What it sends.
    pub clip: Arc<Clip>,
    /// Packets sent, retransmissions excluded.
    pub packets: u64,
    octets: u64,
    /// Its m-line is not paused.
    sending: bool,
    /// Somebody takes it, as far as the server has said.
    taken: bool,
    talking: bool,
    frame: usize,
    /// How many of the clip's frames it sends before it begins anew.
    length: usize,
    wait: Duration,
    next: Instant,
    origin: Instant,
    timestamp: u32,
    picture: u16,
    sequence: u64,
    rtx_sequence: u64,
    keyframe_wanted: bool,
    last_keyframe: Option<Instant>,
    history: VecDeque<Kept>,
}

impl Publisher {
    /// A layer of a track that begins to send at `now`.
    #[must_use]
    pub fn new(
        track: &SentTrack,
        layer: &SentLayer,
        clip: Arc<Clip>,
        random: &mut Random,
        now: Instant,
    ) -> Self {
        let (frame, wait) = begin(&clip, track.offset_ns);
        let wait = Duration::from_nanos(wait);
        let length = length(&clip, track.offset_ns);
        // Numbers begin in the lower half, so that no receiver has to guess the rollover counter (RFC 3711 §3.3.1).
        let (sequence, rtx_sequence) = (random.bits() & 0x7fff, random.bits() & 0x7fff);
        Self {
            mid: track.mid.clone(),
            payload_type: track.payload_type,
            rtx: track.rtx_payload_type.zip(layer.rtx_ssrc),
            layer: layer.clone(),
            clip,
            packets: 0,
            octets: 0,
            sending: true,
            taken: true,
            talking: false,
            frame,
            length,
            wait,
            next: now + wait,
            origin: now + wait,
            timestamp: random.bits() as u32,
            picture: (random.bits() & 0x7fff) as u16,
            sequence,
            rtx_sequence,
            keyframe_wanted: false,
            last_keyframe: None,
            history: VecDeque::new(),
        }
    }

    /// Whether it is this layer of this track.
    #[must_use]
    pub fn is_of(&self, track: &SentTrack, layer: &SentLayer) -> bool {
        self.mid == track.mid && self.layer == *layer
    }

    /// The same with payload types as they are negotiated now.
    #[must_use]
    pub fn renegotiated(self, track: &SentTrack) -> Self {
        Self {
            payload_type: track.payload_type,
            rtx: track.rtx_payload_type.zip(self.layer.rtx_ssrc),
            ..self
        }
    }

    /// There is somewhere to send to since `now`; after the first frame this changes nothing.
    pub fn begin(&mut self, now: Instant) {
        if self.origin == self.next {
            self.next = now + self.wait;
            self.origin = self.next;
        }
    }

    /// When the next frame is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.runs().then_some(self.next)
    }

    fn runs(&self) -> bool {
        self.sending && self.taken
    }

    /// Pauses, or goes on with a keyframe.
    pub fn set_sending(&mut self, sending: bool, now: Instant) {
        let ran = self.runs();
        self.sending = sending;
        self.changed(ran, now);
    }

    /// Nobody takes it any more, or somebody does again: then it goes on with a keyframe.
    pub fn set_taken(&mut self, taken: bool, now: Instant) {
        let ran = self.runs();
        self.taken = taken;
        self.changed(ran, now);
    }

    fn changed(&mut self, ran: bool, now: Instant) {
        if ran == self.runs() {
            return;
        }
        self.talking = false;
        if self.runs() {
            self.next = self.next.max(now);
            self.keyframe_wanted = true;
            self.last_keyframe = None;
        }
    }

    /// Somebody cannot go on without a keyframe.
    pub fn want_keyframe(&mut self) {
        self.keyframe_wanted = self.clip.kind == Kind::Video;
    }

    /// The next frame that is due.
    pub fn take_due(&mut self, now: Instant) -> Option<DueFrame> {
        if !self.runs() || self.next > now {
            return None;
        }
        self.answer_keyframe_request();
        let placed = self.clip.frames()[self.frame];
        if placed.keyframe {
            self.last_keyframe = Some(self.next);
            self.keyframe_wanted = false;
        }
        self.picture = (self.picture + 1) & 0x7fff;
        let frame = DueFrame {
            due: self.next,
            first: placed.first,
            count: placed.count,
            timestamp: self.timestamp_at(self.next),
            picture: self.picture,
            begins_talking: !std::mem::replace(&mut self.talking, true),
        };
        self.advance();
        Some(frame)
    }

    /// The stream goes on from the clip's next keyframe, unless there was one a moment ago.
    fn answer_keyframe_request(&mut self) {
        let soon = self
            .last_keyframe
            .is_some_and(|last| self.next.saturating_since(last) < KEYFRAME_INTERVAL);
        if self.keyframe_wanted && !soon && !self.clip.frames()[self.frame].keyframe {
            self.frame = self.clip.keyframe_after(self.frame);
        }
    }

    fn advance(&mut self) {
        let frames = self.clip.frames();
        let at = frames[self.frame].at_ns;
        let following = frames.get(self.frame + 1);
        let until = following.map_or(self.clip.period_ns, |frame| frame.at_ns);
        self.frame = match self.frame + 1 {
            end if end >= self.length => 0,
            next => next,
        };
        self.next = self.next + Duration::from_nanos(until - at);
    }

    fn timestamp_at(&self, moment: Instant) -> u32 {
        let elapsed = moment.saturating_since(self.origin).as_nanos();
        let ticks = elapsed * u128::from(self.clip.clock_rate) / 1_000_000_000;
        self.timestamp.wrapping_add(ticks as u32)
    }

    /// The packets of a frame, in order.
    pub fn packets_of(
        &self,
        frame: &DueFrame,
    ) -> impl Iterator<Item = (Outgoing, usize)> + use<'_> {
        let (clip, frame) = (&self.clip, *frame);
        (frame.first..frame.first + frame.count).filter_map(move |index| {
            let packet = clip.packet(index as usize)?;
            // The marker ends a frame of video (RFC 7741 §4.1), and begins a talk spurt (RFC 3551 §4.1).
            let marker = match clip.kind {
                Kind::Video => packet.last,
                Kind::Audio => frame.begins_talking,
            };
            let outgoing = Outgoing {
                packet: index,
                timestamp: frame.timestamp,
                marker,
                picture: frame.picture,
            };
            Some((outgoing, packet.len()))
        })
    }

    /// Gives a packet its number; from now on it can be sent again.
    pub fn number(&mut self, outgoing: Outgoing, now: Instant) -> Numbered {
        let numbered = Numbered {
            outgoing,
            sequence: self.sequence,
            sent: now,
        };
        self.sequence += 1;
        self.packets += 1;
        self.octets += self.packet_len(outgoing.packet) as u64;
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Kept {
            numbered,
            repeated: now,
        });
        numbered
    }

    fn packet_len(&self, index: u32) -> usize {
        self.clip
            .packet(index as usize)
            .map_or(0, |packet| packet.len())
    }

    /// Whether the RID has to be in a packet.
    #[must_use]
    pub fn tells_rid(&self, outgoing: &Outgoing) -> bool {
        let packet = self.clip.packet(outgoing.packet as usize);
        self.packets <= RID_PACKETS || packet.is_some_and(|packet| packet.keyframe)
    }

    /// The payload as it is sent: picture counters and stamp in their places.  0 if there is no room.
    pub fn write_payload(&self, numbered: &Numbered, out: &mut [u8]) -> usize {
        let outgoing = &numbered.outgoing;
        let Some(packet) = self.clip.packet(outgoing.packet as usize) else {
            return 0;
        };
        let payload = self.clip.payload(packet);
        let Some(out) = out.get_mut(..payload.len()) else {
            return 0;
        };
        out.copy_from_slice(payload);
        if self.clip.codec == crate::codec::Codec::Vp8
            && let Some(counters) = out.get_mut(2..5)
        {
            let [high, low] = (0x8000 | outgoing.picture).to_be_bytes();
            counters.copy_from_slice(&[high, low, outgoing.picture as u8]);
        }
        let stamp = Stamp {
            clip: self.layer.clip,
            packet: outgoing.packet,
            sent: numbered.sent,
        };
        stamp.write(out);
        out.len()
    }

    /// A packet that is asked for again, unless it is too old or was sent again a moment ago.
    pub fn again(&mut self, sequence: u16, now: Instant) -> Option<Numbered> {
        let back = (self.sequence as u16).wrapping_sub(sequence);
        let place = self.history.len().checked_sub(usize::from(back))?;
        let kept = self.history.get_mut(place)?;
        let repeated =
            kept.repeated != kept.numbered.sent && now.saturating_since(kept.repeated) < REPEAT;
        if repeated {
            return None;
        }
        kept.repeated = now + Duration::from_nanos(1);
        Some(kept.numbered)
    }

    /// The next number in the stream of its retransmissions, where it has one.
    pub fn next_rtx(&mut self) -> Option<Retransmission> {
        let (payload_type, ssrc) = self.rtx?;
        self.rtx_sequence += 1;
        Some(Retransmission {
            payload_type,
            ssrc,
            sequence: self.rtx_sequence - 1,
        })
    }

    /// What a sender report says; `None` before the first packet.
    #[must_use]
    pub fn report(&self, ntp: Ntp, now: Instant) -> Option<SenderInfo> {
        (self.packets > 0).then(|| SenderInfo {
            ssrc: self.layer.ssrc,
            ntp,
            rtp_timestamp: self.timestamp_at(now),
            packets: self.packets as u32,
            octets: self.octets as u32,
        })
    }
}

/// The first keyframe from `offset_ns` into the clip on, and a part of a frame to wait, so that publishers with
/// different offsets are out of step.
fn begin(clip: &Clip, offset_ns: u64) -> (usize, u64) {
    let offset = offset_ns % clip.period_ns;
    let frames = clip.frames();
    let start = frames
        .iter()
        .position(|frame| frame.keyframe && frame.at_ns >= offset);
    let mean = (clip.period_ns / frames.len() as u64).max(1);
    (start.unwrap_or(0), offset % mean)
}

/// How many of the clip's frames a publisher with this offset sends in a turn.  Publishers that were all asked for a keyframe at
/// once would go on in step: each turn begins with another keyframe, and they would come together.
fn length(clip: &Clip, offset_ns: u64) -> usize {
    let frames = clip.frames().len();
    if clip.kind == Kind::Audio {
        return frames;
    }
    let share = (offset_ns % clip.period_ns) as f64 / clip.period_ns as f64;
    let left_out = (frames as f64 * share * LEFT_OUT) as usize;
    frames - left_out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::codec::{Codec, vp8};
    use crate::load::clip::{Frame, Source};

    const START: Instant = Instant::from_millis(1_000);

    /// 30 frames a second, a keyframe every second, of two packets each.
    pub fn publisher(kind: Kind, offset_ms: u64) -> Publisher {
        let frame = |index: u64| Frame {
            at_ns: index * 33_333_333,
            keyframe: index.is_multiple_of(30),
            data: vec![1; if kind == Kind::Video { 2_000 } else { 80 }],
        };
        let clip = Clip::new(&Source {
            kind,
            codec: match kind {
                Kind::Video => Codec::Vp8,
                Kind::Audio => Codec::Opus,
            },
            clock_rate: 90_000,
            frames: (0..60).map(frame).collect(),
        });
        let layer = SentLayer {
            rid: Some("h".into()),
            ssrc: 5,
            rtx_ssrc: Some(6),
            clip: 0,
        };
        let track = SentTrack {
            mid: "0".into(),
            kind,
            payload_type: 96,
            rtx_payload_type: Some(97),
            layers: vec![layer.clone()],
            offset_ns: offset_ms * 1_000_000,
        };
        let mut random = Random::new(1, 1);
        let clip = Arc::new(clip.expect("a clip"));
        Publisher::new(&track, &layer, clip, &mut random, START)
    }

    fn at(millis: u64) -> Instant {
        START + Duration::from_millis(millis)
    }

    /// Whether each frame up to that time is a keyframe, with its time in ms and its timestamp.
    fn frames(publisher: &mut Publisher, until_ms: u64) -> Vec<(u64, bool, u32)> {
        let due = std::iter::from_fn(|| publisher.take_due(at(until_ms))).collect::<Vec<_>>();
        let told = |frame: &DueFrame| {
            let packet = publisher.clip.packet(frame.first as usize).expect("there");
            let ms = frame.due.saturating_since(START).as_millis() as u64;
            (ms, packet.keyframe, frame.timestamp)
        };
        due.iter().map(told).collect()
    }

    fn is_steady(frames: &[(u64, bool, u32)]) -> bool {
        frames.windows(2).all(|two| {
            let (time, ticks) = (two[1].0 - two[0].0, two[1].2.wrapping_sub(two[0].2));
            (33..=34).contains(&time) && (2_999..=3_001).contains(&ticks)
        })
    }

    #[test]
    fn the_clip_goes_round_without_a_break_in_its_timestamps() {
        let all = frames(&mut publisher(Kind::Video, 0), 5_000);
        assert_eq!(all.len(), 151);
        assert!(is_steady(&all));
        assert_eq!(all.iter().filter(|(_, keyframe, _)| *keyframe).count(), 6);
    }

    #[test]
    fn a_keyframe_that_is_asked_for_takes_the_place_of_the_next_frame() {
        let mut publisher = publisher(Kind::Video, 0);
        let mut all = frames(&mut publisher, 500);
        publisher.want_keyframe();
        all.extend(frames(&mut publisher, 2_000));
        assert!(is_steady(&all));
        let keyframes: Vec<u64> = all.iter().filter(|it| it.1).map(|it| it.0).collect();
        assert_eq!(keyframes, [0, 533, 1_533]);
    }

    #[test]
    fn keyframes_are_no_closer_than_300_ms_however_often_they_are_asked_for() {
        let mut publisher = publisher(Kind::Video, 0);
        let mut keyframes = Vec::new();
        for ms in (0..1_000).step_by(10) {
            publisher.want_keyframe();
            keyframes.extend(
                frames(&mut publisher, ms)
                    .iter()
                    .filter(|it| it.1)
                    .map(|it| it.0),
            );
        }
        // The first frames that are due after 300 ms more.
        assert_eq!(keyframes, [0, 333, 666]);
    }

    #[test]
    fn a_pause_moves_timestamps_on_and_ends_with_a_keyframe() {
        let mut publisher = publisher(Kind::Video, 0);
        let before = frames(&mut publisher, 500);
        publisher.set_sending(false, at(500));
        assert_eq!(
            (frames(&mut publisher, 3_000).len(), publisher.deadline()),
            (0, None)
        );
        publisher.set_sending(true, at(3_000));
        let after = frames(&mut publisher, 3_100);
        assert_eq!((after[0].0, after[0].1), (3_000, true));
        let (first, last) = (after[0], before[before.len() - 1]);
        let ticks = u64::from(first.2.wrapping_sub(last.2));
        assert!(ticks.abs_diff((first.0 - last.0) * 90) <= 90);
    }

    #[test]
    fn what_nobody_takes_pauses_and_begins_with_a_keyframe_when_its_m_line_sends_as_well() {
        let mut publisher = publisher(Kind::Video, 0);
        frames(&mut publisher, 500);
        publisher.set_taken(false, at(500));
        assert_eq!(publisher.deadline(), None);
        publisher.set_sending(false, at(600));
        publisher.set_taken(true, at(700));
        assert_eq!(frames(&mut publisher, 1_000), []);
        publisher.set_taken(false, at(1_000));
        publisher.set_sending(true, at(1_100));
        assert_eq!(frames(&mut publisher, 3_210), []);
        publisher.set_taken(true, at(3_210));
        let after = frames(&mut publisher, 3_300);
        assert_eq!((after[0].0, after[0].1), (3_210, true));
        assert!(is_steady(&after));
        publisher.set_taken(true, at(3_300));
        let after = frames(&mut publisher, 3_400);
        assert!(
            after.iter().all(|it| !it.1),
            "what goes on goes on: {after:?}"
        );
    }

    #[test]
    fn offsets_put_publishers_out_of_step_and_each_begins_with_a_keyframe() {
        for (offset, first) in [(0, 0), (10, 10), (500, 0), (505, 5)] {
            let begun = frames(&mut publisher(Kind::Video, offset), 100)[0];
            assert!(
                (begun.0.abs_diff(first) <= 1) && begun.1,
                "{offset}: {begun:?}"
            );
        }
    }

    #[test]
    fn publishers_that_were_asked_for_keyframes_together_make_their_next_ones_apart() {
        let turns = |offset_ms: u64| {
            let mut publisher = publisher(Kind::Video, offset_ms);
            let wait = publisher.wait.as_millis() as u64;
            let all = frames(&mut publisher, wait + 10_000);
            assert!(is_steady(&all), "{offset_ms}");
            let keyframes = all.iter().enumerate().filter(|(_, it)| it.1);
            keyframes
                .map(|(place, _)| place)
                .take(4)
                .collect::<Vec<_>>()
        };
        // The clip has 60 frames, with keyframes at 0 and 30.
        assert_eq!(turns(0), [0, 30, 60, 90]);
        assert_eq!(turns(1_000), [0, 30, 48, 78]);
        assert_eq!(turns(500), [0, 24, 54, 78]);
    }

    #[test]
    fn who_has_nowhere_to_send_to_yet_misses_nothing() {
        let mut publisher = publisher(Kind::Video, 0);
        publisher.begin(at(700));
        assert_eq!(
            frames(&mut publisher, 790)
                .iter()
                .map(|it| it.0)
                .collect::<Vec<_>>(),
            [700, 733, 766]
        );
        publisher.begin(at(5_000));
        assert_eq!(frames(&mut publisher, 820).len(), 1);
    }

    /// Numbers everything that is due at that time.
    pub fn send(publisher: &mut Publisher, ms: u64) -> Vec<Numbered> {
        let due: Vec<_> = std::iter::from_fn(|| publisher.take_due(at(ms))).collect();
        let packets: Vec<_> = due
            .iter()
            .flat_map(|frame| publisher.packets_of(frame).collect::<Vec<_>>())
            .collect();
        packets
            .into_iter()
            .map(|(outgoing, _)| publisher.number(outgoing, at(ms)))
            .collect()
    }

    #[test]
    fn what_was_sent_can_be_sent_again_as_it_was_but_not_twice_at_once() {
        let mut publisher = publisher(Kind::Video, 0);
        let sent = send(&mut publisher, 100);
        assert_eq!(sent.len(), 8);
        for numbered in &sent {
            assert_eq!(
                publisher.again(numbered.sequence as u16, at(100)),
                Some(*numbered)
            );
            assert_eq!(publisher.again(numbered.sequence as u16, at(105)), None);
            assert_eq!(
                publisher.again(numbered.sequence as u16, at(120)),
                Some(*numbered)
            );
        }
        let (before, behind) = (sent[0].sequence - 1, sent[7].sequence + 1);
        assert_eq!(publisher.again(before as u16, at(200)), None);
        assert_eq!(publisher.again(behind as u16, at(200)), None);
    }

    #[test]
    fn packets_of_one_picture_count_as_one_and_the_last_has_the_marker() {
        let mut publisher = publisher(Kind::Video, 0);
        let sent = send(&mut publisher, 40);
        let mut out = [0; 1_300];
        let pictures: Vec<_> = sent
            .iter()
            .map(|numbered| {
                let len = publisher.write_payload(numbered, &mut out);
                let head = vp8::Descriptor::parse(&out[..len]).expect("VP8");
                (
                    head.picture_id.map(|id| id.value),
                    head.tl0,
                    numbered.outgoing.marker,
                )
            })
            .collect();
        let first = pictures[0].0.expect("a picture id");
        let expected = [(0, false), (0, true), (1, false), (1, true)]
            .map(|(step, marker)| (Some(first + step), Some((first + step) as u8), marker));
        assert_eq!(pictures, expected);
        assert_eq!(
            publisher.write_payload(&sent[0], &mut out[..100]),
            0,
            "no room"
        );
    }

    #[test]
    fn the_marker_of_sound_begins_a_talk_spurt() {
        let mut publisher = publisher(Kind::Audio, 0);
        let markers =
            |sent: Vec<Numbered>| sent.iter().map(|it| it.outgoing.marker).collect::<Vec<_>>();
        assert_eq!(markers(send(&mut publisher, 70)), [true, false, false]);
        publisher.set_sending(false, at(70));
        publisher.set_sending(true, at(500));
        assert_eq!(markers(send(&mut publisher, 540)), [true, false]);
    }

    #[test]
    fn reports_say_what_was_sent_and_when_now_is() {
        let mut publisher = publisher(Kind::Video, 0);
        assert_eq!(publisher.report(Ntp::default(), at(0)).map(|_| ()), None);
        let first = send(&mut publisher, 0)[0].outgoing.timestamp;
        let info = publisher.report(Ntp::default(), at(1_000)).expect("sent");
        assert_eq!((info.packets, info.octets), (2, 2_012));
        assert_eq!(info.rtp_timestamp.wrapping_sub(first), 90_000);
    }
}
