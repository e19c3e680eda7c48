//! What codecs say of themselves, on what encoders made: frames, keyframes and sizes are those that the encoder told of.
//!
//! `vectors/payloads.txt` holds the packets (`record_payloads.py` says how they came about).

use _core::codec::{Codec, Inspected, vp8, vp9};

/// One packet as it was recorded.
struct Recorded {
    /// The first packet of its frame.
    first: bool,
    /// Of a keyframe.
    key: bool,
    payload: Vec<u8>,
}

/// One encoder's packets in order.
struct Stream {
    name: String,
    codec: Codec,
    size: (u16, u16),
    packets: Vec<Recorded>,
}

fn unhex(text: &str) -> Vec<u8> {
    let octet = |pair| u8::from_str_radix(pair, 16).expect("hex");
    (0..text.len())
        .step_by(2)
        .map(|at| octet(&text[at..at + 2]))
        .collect()
}

/// Lines `stream <codec> <width> <height>` and `packet <first> <key> <payload>`.
fn streams() -> Vec<Stream> {
    let mut streams: Vec<Stream> = Vec::new();
    for line in include_str!("../vectors/payloads.txt").lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        match fields[..] {
            ["stream", name, width, height] => streams.push(Stream {
                name: name.to_owned(),
                codec: Codec::from_name(name),
                size: (
                    width.parse().expect("width"),
                    height.parse().expect("height"),
                ),
                packets: Vec::new(),
            }),
            ["packet", first, key, payload] => {
                let stream = streams.last_mut().expect("a stream before its packets");
                stream.packets.push(Recorded {
                    first: first == "1",
                    key: key == "1",
                    payload: unhex(payload),
                });
            }
            _ => panic!("malformed line: {line}"),
        }
    }
    streams
}

impl Stream {
    /// Every packet with what its codec says of it, carried over where it continues.
    fn inspected(&self) -> Vec<(&Recorded, Inspected)> {
        let mut before = Inspected::default();
        let packets = self.packets.iter();
        packets
            .map(|packet| {
                let told = self.codec.inspect(&packet.payload).expect("well-formed");
                before = told.after(&before);
                (packet, before)
            })
            .collect()
    }
}

#[test]
fn four_codecs_are_recorded_each_with_keyframes_and_others_in_several_packets() {
    let names: Vec<_> = streams().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["VP8", "VP9", "H264", "AV1"]);
    for stream in streams() {
        let of = |key, first| {
            let found = stream.packets.iter();
            found
                .filter(|it| (it.key, it.first) == (key, first))
                .count()
        };
        assert_eq!(of(true, true), 2, "{}", stream.name);
        assert!(
            of(true, false) > 0 && of(false, true) > 0,
            "{}",
            stream.name
        );
    }
}

#[test]
fn frames_start_where_the_encoder_began_them() {
    for stream in streams() {
        for (index, (packet, inspected)) in stream.inspected().into_iter().enumerate() {
            // In H.264 so does every packet of what comes before a picture's first slice.
            let before_a_slice = stream.codec == Codec::H264 && inspected.frame_start;
            let expected = packet.first || before_a_slice;
            assert_eq!(inspected.frame_start, expected, "{} {index}", stream.name);
        }
    }
}

#[test]
fn a_decoder_can_start_at_the_first_packet_of_a_keyframe_only() {
    for stream in streams() {
        for (index, (packet, inspected)) in stream.inspected().into_iter().enumerate() {
            let expected = packet.first && packet.key;
            assert_eq!(
                inspected.keyframe_start, expected,
                "{} {index}",
                stream.name
            );
        }
    }
}

#[test]
fn the_first_packet_of_a_keyframe_tells_the_size_of_the_picture() {
    for stream in streams() {
        for (index, (packet, inspected)) in stream.inspected().into_iter().enumerate() {
            let told = inspected.resolution.map(|it| (it.width, it.height));
            let expected = (packet.first && packet.key).then_some(stream.size);
            assert_eq!(told, expected, "{} {index}", stream.name);
        }
    }
}

#[test]
fn streams_without_layers_have_none() {
    for stream in streams() {
        for (_, inspected) in stream.inspected() {
            assert_eq!(
                (inspected.spatial, inspected.temporal),
                (0, 0),
                "{}",
                stream.name
            );
            assert!(inspected.sync, "{}", stream.name);
        }
    }
}

#[test]
fn a_payload_cut_anywhere_is_survived_and_starts_no_more_than_the_whole() {
    for stream in streams() {
        for packet in &stream.packets {
            let whole = stream.codec.inspect(&packet.payload).expect("well-formed");
            for length in 0..packet.payload.len() {
                let cut = stream.codec.inspect(&packet.payload[..length]);
                let more = cut.is_some_and(|it| it.keyframe_start && !whole.keyframe_start);
                assert!(!more, "{} cut to {length}", stream.name);
            }
        }
    }
}

#[test]
fn a_payload_with_any_bit_turned_is_survived_by_every_codec() {
    let mut out = vec![0; 2_000];
    for packet in streams().iter().flat_map(|it| &it.packets) {
        let headers = packet.payload.len().min(48);
        for bit in 0..headers * 8 {
            let mut turned = packet.payload.clone();
            turned[bit / 8] ^= 0x80 >> (bit % 8);
            for codec in Codec::ALL {
                let told = codec.inspect(&turned);
                assert!(told.is_none_or(|it| it.frame_start || !it.keyframe_start));
            }
            assert!(vp8::rewrite(&turned, &mut out, 1) <= turned.len() + 1);
            assert!(vp9::rewrite(&turned, &mut out, 1, 1) <= turned.len() + 1);
        }
    }
}
