//! What a client publishes: a video of VP8, unless its payloads are somebody else's.

use _core::departure::abs_send_time;
use _core::rtp::OutHeader;

use super::World;
use super::heard::Media;
use super::media::{DEPENDENCY, MID, RID, SEND_TIME, TWCC};

/// A video that a client publishes, packet by packet.
pub struct Camera {
    pub client: usize,
    pub ssrc: u32,
    pub payload_type: u8,
    pub mid: Option<&'static str>,
    pub rid: Option<&'static str>,
    /// Unwrapped.
    pub seq: u64,
    pub timestamp: u32,
    pub picture_id: u16,
    pub wide: bool,
    pub tl0: u8,
    pub twcc: Option<u16>,
    /// Its packets say when they leave.
    pub is_timed: bool,
    pub packets_a_frame: usize,
    pub size: usize,
    /// Lines of picture that its keyframes tell; 0: none.
    pub height: u16,
    /// Temporal layer of the next frame, and whether a receiver can take it on there.
    pub temporal: (u8, bool),
    /// The dependency descriptor of its next packet; empty: none.
    pub dependency: Vec<u8>,
}

impl Camera {
    pub fn new(client: usize, ssrc: u32) -> Self {
        Self {
            client,
            ssrc,
            payload_type: 96,
            mid: Some("v"),
            rid: None,
            seq: 1_000,
            timestamp: 5_000_000,
            picture_id: 77,
            wide: true,
            tl0: 9,
            twcc: None,
            is_timed: false,
            packets_a_frame: 2,
            size: 50,
            height: 0,
            temporal: (0, false),
            dependency: Vec::new(),
        }
    }

    /// The sealed packets of the next frame.
    pub fn frame(&mut self, world: &World, keyframe: bool) -> Vec<Vec<u8>> {
        let last = self.packets_a_frame - 1;
        let packets = (0..=last)
            .map(|index| self.packet(world, index == 0, index == last, keyframe))
            .collect();
        self.timestamp = self.timestamp.wrapping_add(3_000);
        self.picture_id = self.picture_id.wrapping_add(1) & if self.wide { 0x7fff } else { 0x7f };
        self.tl0 = self.tl0.wrapping_add(u8::from(self.temporal.0 == 0));
        packets
    }

    pub fn payload(&self, first: bool, keyframe: bool) -> Vec<u8> {
        let mut payload = vec![if first { 0x90 } else { 0x80 }, 0xe0];
        match self.wide {
            true => payload.extend((0x8000 | self.picture_id).to_be_bytes()),
            false => payload.push(self.picture_id as u8 & 0x7f),
        }
        let (temporal, sync) = self.temporal;
        payload.extend([
            self.tl0,
            temporal << 6 | u8::from(sync) << 5,
            u8::from(!keyframe),
        ]);
        if first && keyframe && self.height > 0 {
            // RFC 6386 §9.1: the rest of the frame tag, the start code, width and height.
            let width = self.height / 9 * 16;
            payload.extend([0, 0, 0x9d, 0x01, 0x2a]);
            payload.extend([width.to_le_bytes(), self.height.to_le_bytes()].concat());
        }
        payload.resize(self.size, self.seq as u8);
        payload
    }

    fn packet(&mut self, world: &World, first: bool, marker: bool, keyframe: bool) -> Vec<u8> {
        let payload = self.payload(first, keyframe);
        self.seal(world, marker, &payload)
    }

    pub fn seal(&mut self, world: &World, marker: bool, payload: &[u8]) -> Vec<u8> {
        let twcc = self.twcc.map(u16::to_be_bytes);
        let mut extensions: Vec<(u8, &[u8])> = Vec::new();
        if let Some(rid) = self.rid {
            extensions.push((RID, rid.as_bytes()));
        }
        if let Some(number) = &twcc {
            extensions.push((TWCC, number));
        }
        if !self.dependency.is_empty() {
            extensions.push((DEPENDENCY, &self.dependency));
        }
        let time = abs_send_time(world.now).to_be_bytes();
        if self.is_timed {
            extensions.push((SEND_TIME, &time[1..]));
        }
        let header = OutHeader {
            marker,
            payload_type: self.payload_type,
            sequence: self.seq as u16,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            mid: self.mid.map(|mid| (MID, mid.as_bytes())),
            extensions: &extensions,
            ..OutHeader::default()
        };
        let sealed = world.sealed(self.client, &header, (self.seq >> 16) as u32, payload);
        self.seq += 1;
        self.twcc = self.twcc.map(|number| number.wrapping_add(1));
        sealed
    }

    /// Sends a frame and lets 33 ms pass.
    pub fn send(&mut self, world: &mut World, keyframe: bool) {
        for packet in self.frame(world, keyframe) {
            world.raw(world.clients[self.client].path, &packet);
        }
        world.run(33);
    }
}

/// Picture id of a VP8 payload that the router sent.
pub fn picture(media: &Media) -> u16 {
    let descriptor = _core::codec::vp8::Descriptor::parse(&media.payload).expect("VP8");
    assert_eq!(
        (descriptor.tl0, descriptor.tid),
        (None, None),
        "layers are nobody's business"
    );
    descriptor.picture_id.expect("a picture id").value
}

/// The sender's media as unwrapped sequence numbers; panics where one comes twice.
pub fn unwrapped(media: &[Media]) -> Vec<u64> {
    let mut unwrapper = _core::seq::SeqUnwrapper::new();
    media
        .iter()
        .map(|one| unwrapper.unwrap(one.sequence))
        .collect()
}
