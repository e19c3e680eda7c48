//! What a client got, as tests look at it.

use _core::rtcp::{self, Rtcp};
use _core::time::Ntp;
use _core::xr::{Block, Delay};

/// One media packet that a client got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    pub at_ms: u64,
    pub ssrc: u32,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub mid: Option<String>,
    pub payload: Vec<u8>,
    pub padding: usize,
    /// Transport-wide number.
    pub transport: Option<u16>,
    /// Abs-send-time.
    pub send_time: Option<u32>,
    /// Dependency descriptor.
    pub descriptor: Option<Vec<u8>>,
    /// Of the whole datagram.
    pub octets: usize,
}

/// One RTCP packet that a client got, as far as tests look at it.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    Nack {
        ssrc: u32,
        lost: Vec<u16>,
    },
    Pli {
        ssrc: u32,
    },
    SenderReport {
        ssrc: u32,
        ntp: Ntp,
        rtp: u32,
        packets: u32,
    },
    ReceiverReport(Vec<rtcp::ReportBlock>),
    Cname(u32, String),
    TransportCc(Vec<u8>),
    Remb(u64),
    /// Of whom, and when.
    Time(u32, Ntp),
    Delays(Vec<Delay>),
    Other,
}

pub(super) fn controls(packet: &Rtcp<'_>) -> Vec<Control> {
    match packet {
        Rtcp::Nack(nack) => vec![Control::Nack {
            ssrc: nack.media_ssrc,
            lost: nack.lost().collect(),
        }],
        Rtcp::Pli(pli) => vec![Control::Pli {
            ssrc: pli.media_ssrc,
        }],
        Rtcp::SenderReport(report) => vec![Control::SenderReport {
            ssrc: report.ssrc,
            ntp: report.ntp,
            rtp: report.rtp_timestamp,
            packets: report.packets,
        }],
        Rtcp::ReceiverReport(report) => vec![Control::ReceiverReport(report.blocks.collect())],
        Rtcp::Sdes(sdes) => sdes
            .cnames()
            .map(|(ssrc, name)| Control::Cname(ssrc, String::from_utf8_lossy(name).into_owned()))
            .collect(),
        Rtcp::TransportCc(feedback) => vec![Control::TransportCc(feedback.body.to_vec())],
        Rtcp::Remb(remb) => vec![Control::Remb(remb.bitrate)],
        Rtcp::Extended(report) => report.map(|block| time(report.ssrc, block)).collect(),
        _ => vec![Control::Other],
    }
}

fn time(ssrc: u32, block: Block<'_>) -> Control {
    match block {
        Block::ReferenceTime(ntp) => Control::Time(ssrc, ntp),
        Block::Delays(delays) => Control::Delays(delays.collect()),
        Block::Other => Control::Other,
    }
}
