//! RTP readers: no packet panics, and lengths add up.
#![no_main]

use _core::rtp::{OutHeader, Packet, write_header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    let Ok(packet) = Packet::parse(datagram) else {
        return;
    };
    assert_eq!(
        packet.header_len + packet.payload.len() + packet.padding_len,
        datagram.len()
    );
    write_again(&packet);
});

/// What was read, written again, reads the same.
fn write_again(packet: &Packet<'_>) {
    let extensions: Vec<(u8, &[u8])> = packet.extensions().collect();
    let header = OutHeader {
        marker: packet.marker,
        payload_type: packet.payload_type,
        sequence: packet.sequence,
        timestamp: packet.timestamp,
        ssrc: packet.ssrc,
        extensions: &extensions,
        ..OutHeader::default()
    };
    let mut out = vec![
        0;
        12 + 4
            + extensions
                .iter()
                .map(|(_, value)| value.len() + 2)
                .sum::<usize>()
            + 3
    ];
    let written = write_header(&mut out, &header);
    let again = Packet::parse(&out[..written]).expect("what we write is well-formed");
    assert_eq!(again.extensions().collect::<Vec<_>>(), extensions);
}
