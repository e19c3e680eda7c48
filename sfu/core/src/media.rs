//! What a peer and the node have agreed to send each other: the plain form of `sfu/media.py`.
//!
//! `python → **media** → router (set_media)`

use std::sync::Arc;

use crate::codec::Codec;

/// The two kinds of m-lines with media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// One payload type of an m-line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodecConfig {
    /// As this peer numbers it.
    pub payload_type: u8,
    /// What the core knows it as.
    pub codec: Codec,
    /// Equal keys can be forwarded to each other.
    pub key: Arc<str>,
    /// RTP timestamp ticks a second.
    pub clock_rate: u32,
    /// Payload type of its retransmissions.
    pub rtx_payload_type: Option<u8>,
    /// Generic NACK was negotiated.
    pub nack: bool,
    /// PLI was negotiated.
    pub pli: bool,
}

/// One encoding of a track, as far as the offer tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerConfig {
    /// Its name in simulcast.
    pub rid: Option<String>,
    /// From `a=ssrc`.
    pub ssrc: Option<u32>,
    /// From `a=ssrc-group:FID`.
    pub rtx_ssrc: Option<u32>,
}

/// One m-line on which the peer sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackConfig {
    /// The m-line.
    pub mid: String,
    /// Sound or pictures.
    pub kind: Kind,
    /// Most wanted first.
    pub codecs: Vec<CodecConfig>,
    /// Low to high.
    pub layers: Vec<LayerConfig>,
}

/// One m-line on which the core sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderConfig {
    /// The m-line.
    pub mid: String,
    /// Sound or pictures.
    pub kind: Kind,
    /// Of all it sends.
    pub ssrc: u32,
    /// Of its retransmissions.
    pub rtx_ssrc: Option<u32>,
    /// Ties the audio and the video of a seat together.
    pub cname: String,
    /// Most wanted first.
    pub codecs: Vec<CodecConfig>,
    /// Its packets are counted in transport-wide feedback.
    pub transport_cc: bool,
    /// Its packets say when they leave.
    pub abs_send_time: bool,
    /// Its packets of AV1 have the dependency descriptor of their publisher's, in the two-byte form where it is long
    /// (RFC 8285 §4.3): the receiver takes both forms in one stream.
    pub dependency: bool,
}

/// Ids of RTP header extensions; 0: not negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    /// RFC 9143.
    pub mid: u8,
    /// RFC 8852.
    pub rid: u8,
    /// RFC 8852.
    pub repaired_rid: u8,
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01.
    pub transport_cc: u8,
    /// <https://webrtc.org/experiments/rtp-hdrext/abs-send-time>.
    pub abs_send_time: u8,
    /// RFC 6464.
    pub audio_level: u8,
    /// AV1 RTP payload format, appendix A.
    pub dependency: u8,
}

/// All of one peer's media.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerMedia {
    /// What it sends.
    pub tracks: Vec<TrackConfig>,
    /// What it receives.
    pub senders: Vec<SenderConfig>,
    /// How it numbers extensions.
    pub extensions: ExtensionIds,
    /// It wants transport-wide feedback.
    pub transport_cc: bool,
    /// Ours, for reports and feedback to it.
    pub rtcp_ssrc: u32,
}
