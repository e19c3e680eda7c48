//! RTCP readers: no compound panics, and what comes out of it is bounded by what went in.
#![no_main]

use _core::rtcp::{Rtcp, compound};
use _core::time::Ntp;
use _core::twcc::Feedback;
use _core::xr::Block;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    let parts: usize = compound(datagram)
        .flatten()
        .map(|packet| count(&packet))
        .sum();
    assert!(parts <= datagram.len() / 4 * 17);
});

fn count(packet: &Rtcp<'_>) -> usize {
    match packet {
        Rtcp::SenderReport(report) => report
            .blocks
            .filter(|block| block.round_trip(Ntp::default()).is_none())
            .count(),
        Rtcp::ReceiverReport(report) => report.blocks.count(),
        Rtcp::Sdes(sdes) => sdes.cnames().count(),
        Rtcp::Bye(bye) => bye.ssrcs().count(),
        Rtcp::Nack(nack) => nack.lost().count(),
        Rtcp::Fir(fir) => fir.entries().count(),
        Rtcp::Remb(remb) => remb.ssrcs().count(),
        Rtcp::Extended(report) => report.map(|block| times(&block)).sum(),
        Rtcp::TransportCc(packet) => {
            if let Ok(feedback) = Feedback::parse(packet.body) {
                assert_eq!(feedback.statuses().count(), usize::from(feedback.count));
            }
            1
        }
        Rtcp::Pli(_) | Rtcp::Other { .. } => 1,
    }
}

fn times(block: &Block<'_>) -> usize {
    match block {
        Block::Delays(delays) => delays
            .filter(|delay| delay.round_trip(Ntp::default()).is_none())
            .count(),
        Block::ReferenceTime(_) | Block::Other => 1,
    }
}
