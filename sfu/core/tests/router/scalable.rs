//! A camera whose one stream has spatial layers, the frames of each picture one behind the other: in VP9 (RFC 9628, not in
//! flexible mode), or in AV1 with a dependency descriptor.

use crate::support::*;
use _core::codec::{Codec, vp9};
use _core::media::CodecConfig;

/// The extended fields of a keyframe's descriptor: a structure of three spatial layers, 320x180 to 1280x720; templates and
/// decode targets are one a layer, the lowest first.  With what stands before them they need the two-byte form of RFC 8285.
///
/// Flags | offset 0 | 3 targets | layers: next spatial twice, end | indications SRR, -SR, --S | references: none | no chains
/// | sizes
pub const STRUCTURE: [u8; 18] = [
    0x80, 0x02, 0xae, 0xf2, 0xc2, 0x04, 0x04, 0xfc, 0x02, 0xcc, 0x09, 0xfc, 0x05, 0x9c, 0x13, 0xfc,
    0x0b, 0x3c,
];

/// 25 frames a second; begins a keyframe when it is asked for one.
pub struct Scalable {
    /// Its numbers and clock; the payloads are those below.
    pub camera: Camera,
    codec: Codec,
    /// Packets and their size in the frame of each spatial layer.
    frames: &'static [(usize, usize)],
    /// Lines of picture of the lowest of them, in VP9; each other has twice as many as the one below.
    pub height: u16,
    wants_keyframe: bool,
    /// Frames so far: what AV1's descriptor numbers them by.
    pub sent: u16,
}

/// Which packet of a picture.
#[derive(Clone, Copy)]
struct Place {
    spatial: u8,
    first: bool,
    last: bool,
    keyframe: bool,
}

impl Scalable {
    pub fn new(camera: Camera, codec: &CodecConfig, frames: &'static [(usize, usize)]) -> Self {
        let camera = Camera {
            payload_type: codec.payload_type,
            ..camera
        };
        Self {
            camera,
            codec: codec.codec,
            frames,
            height: 180,
            wants_keyframe: true,
            sent: 0,
        }
    }

    /// A keyframe comes next.
    pub fn begin_anew(&mut self) {
        self.wants_keyframe = true;
    }

    /// Sends the next picture.
    pub fn send(&mut self, world: &mut World) {
        let keyframe = std::mem::take(&mut self.wants_keyframe);
        let highest = self.frames.len() - 1;
        for (spatial, &(packets, size)) in self.frames.iter().enumerate() {
            for index in 0..packets {
                let place = Place {
                    spatial: spatial as u8,
                    first: index == 0,
                    last: index == packets - 1,
                    keyframe,
                };
                let mut payload = match self.codec {
                    Codec::Vp9 => self.vp9(place),
                    _ => self.av1(place),
                };
                payload.resize(size, self.camera.seq as u8);
                let marker = spatial == highest && place.last;
                let packet = self.camera.seal(world, marker, &payload);
                world.raw(world.clients[self.camera.client].path, &packet);
            }
            self.sent = self.sent.wrapping_add(1);
        }
        let camera = &mut self.camera;
        camera.timestamp = camera.timestamp.wrapping_add(3_600);
        camera.picture_id = camera.picture_id.wrapping_add(1) & 0x7fff;
        camera.tl0 = camera.tl0.wrapping_add(1);
    }

    /// Its payload descriptor.
    fn vp9(&self, place: Place) -> Vec<u8> {
        let tells_sizes = place.keyframe && place.first && place.spatial == 0;
        let flags = [
            (0x40, !place.keyframe),
            (0x08, place.first),
            (0x04, place.last),
            (0x02, tells_sizes),
        ];
        let flags = flags.iter().filter(|(_, is_set)| *is_set);
        let mut bytes = vec![0xa0 | flags.map(|(bit, _)| bit).sum::<u8>()];
        bytes.extend((0x8000 | self.camera.picture_id).to_be_bytes());
        bytes.push(place.spatial << 1 | u8::from(place.spatial > 0));
        bytes.push(self.camera.tl0);
        if tells_sizes {
            let count = self.frames.len() as u8;
            bytes.push((count - 1) << 5 | 0x10);
            for spatial in 0..count {
                let height = self.height << spatial;
                bytes.extend((height / 9 * 16).to_be_bytes());
                bytes.extend(height.to_be_bytes());
            }
        }
        bytes
    }

    /// An OBU or the rest of one, which begins with the number of its layer; and the descriptor beside it.
    fn av1(&mut self, place: Place) -> Vec<u8> {
        let begins = place.keyframe && place.first && place.spatial == 0;
        let flags = u8::from(place.first) << 7 | u8::from(place.last) << 6;
        self.camera.dependency = vec![flags | place.spatial];
        self.camera.dependency.extend(self.sent.to_be_bytes());
        if begins {
            self.camera.dependency.extend(STRUCTURE);
        }
        match place.first {
            true => vec![0x10 | u8::from(begins) << 3, 0x30, place.spatial],
            false => vec![0x90, 0, place.spatial],
        }
    }
}

/// The spatial layer of a packet that the router sent of such a camera.
pub fn spatial(media: &Media, codec: Codec) -> u8 {
    match codec {
        Codec::Vp9 => vp9_of(media).layers.expect("layers").spatial,
        _ => media.payload[2],
    }
}

/// What a VP9 packet that the router sent tells of itself.
pub fn vp9_of(media: &Media) -> vp9::Descriptor {
    vp9::Descriptor::parse(&media.payload).expect("VP9")
}
