//! What a player of H.264 decodes by, and would not notice to have missed.

use crate::support::*;

const SSRC: u32 = 7;
/// STAP-A (RFC 6184 §5.7.1) of a sequence and a picture parameter set.
const PARAMETERS: [u8; 12] = [0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 3, 0x68, 0xce, 0x3c];
/// The first fragment of an IDR picture, and the last.
const BEGINS: [u8; 40] = fragment(0x85);
const ENDS: [u8; 40] = fragment(0x45);
/// All of a picture, which leans on one before.
const SLICE: [u8; 40] = {
    let mut slice = fragment(0x9a);
    slice[0] = 0x61;
    slice
};
/// Media and retransmissions, as the viewer numbers them.
const MEDIA: u8 = 112;
const RTX: u8 = 113;

const fn fragment(header: u8) -> [u8; 40] {
    let mut fragment = [0x88; 40];
    (fragment[0], fragment[1]) = (0x7c, header);
    fragment
}

struct Call {
    world: World,
    camera: Camera,
    bob: usize,
}

impl Call {
    /// A publisher of H.264 and a viewer of it, who has RTX or not.
    fn new(rtx: bool) -> Self {
        let mut world = World::new();
        let alice = world.connect(publisher());
        let mut seat = viewer();
        if !rtx {
            seat.senders[0].rtx_ssrc = None;
            let codecs = seat.senders[0].codecs.iter_mut();
            codecs.for_each(|codec| codec.rtx_payload_type = None);
        }
        let bob = world.connect(seat);
        world.show(bob, "sv", Some((alice, "v")));
        let mut camera = Camera::new(alice, SSRC);
        camera.payload_type = h264().payload_type;
        Self { world, camera, bob }
    }

    /// The frame's packets arrive, and the viewer gets these.
    fn frame(&mut self, payloads: &[&[u8]]) -> Vec<Media> {
        let last = payloads.len() - 1;
        for (index, payload) in payloads.iter().enumerate() {
            let packet = self.camera.seal(&self.world, index == last, payload);
            let path = self.world.clients[self.camera.client].path;
            self.world.raw(path, &packet);
        }
        self.camera.timestamp = self.camera.timestamp.wrapping_add(3_000);
        self.world.run(33);
        self.world.take_media(self.bob)
    }
}

#[test]
fn parameter_sets_are_sent_twice_more_right_behind_and_nothing_else_is() {
    let mut call = Call::new(true);
    for _ in 0..2 {
        let media = call.frame(&[&PARAMETERS, &BEGINS, &ENDS]);
        let kinds: Vec<u8> = media.iter().map(|one| one.payload_type).collect();
        assert_eq!(kinds, [MEDIA, RTX, RTX, MEDIA, MEDIA]);
        let first = &media[0];
        assert_eq!(first.payload, PARAMETERS);
        for again in &media[1..3] {
            assert_eq!(again.payload[..2], first.sequence.to_be_bytes());
            assert_eq!(again.payload[2..], PARAMETERS);
            assert_eq!((again.ssrc, again.timestamp), (101, first.timestamp));
        }
        let numbers = media.iter().filter(|one| one.payload_type == MEDIA);
        let numbers: Vec<u16> = numbers.map(|one| one.sequence).collect();
        assert!(numbers.windows(2).all(|two| two[0] + 1 == two[1]));
        assert_eq!(call.frame(&[&SLICE]).len(), 1);
    }
}

#[test]
fn without_rtx_they_are_sent_again_under_their_own_number() {
    let mut call = Call::new(false);
    call.world.tapped = Some(Vec::new());
    call.frame(&[&PARAMETERS, &BEGINS, &ENDS]);
    let sent = call.world.tapped.take().expect("tapped");
    let media: Vec<_> = sent.iter().filter(|one| one[1] & 0x7f == MEDIA).collect();
    assert_eq!(media.len(), 5);
    assert!(media[..3].windows(2).all(|two| two[0] == two[1]));
}

#[test]
fn parameter_sets_that_are_missed_all_the_same_are_sent_again_when_asked_for() {
    let mut call = Call::new(true);
    let media = call.frame(&[&PARAMETERS, &BEGINS, &ENDS]);
    let missed = media[0].sequence;
    call.world.rtcp(call.bob, |out| {
        _core::rtcp::write_nack(out, 1, 100, &[missed])
    });
    assert_eq!(call.world.take_media(call.bob).len(), 1);
}
