//! What an endpoint is told: the plain form of `agents/load/media.py`.
//!
//! `python → **config** → fleet (add_endpoint, set_media)`

use std::net::SocketAddr;

use super::link::LinkConfig;
use crate::media::{ExtensionIds, Kind};

/// How an endpoint reaches the server.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Our ufrag.
    pub local_ufrag: String,
    /// Our password: the server's checks are sealed with it.
    pub local_password: String,
    /// The server's ufrag.
    pub remote_ufrag: String,
    /// The server's password: our checks are sealed with it.
    pub remote_password: String,
    /// The server.
    pub remote: SocketAddr,
    /// Between the two.
    pub link: LinkConfig,
}

/// One encoding of a sent track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentLayer {
    /// Its name in simulcast.
    pub rid: Option<String>,
    /// Of its media.
    pub ssrc: u32,
    /// Of its retransmissions; without one the same packets are sent again.
    pub rtx_ssrc: Option<u32>,
    /// Handle of what it sends.
    pub clip: u32,
}

/// One m-line on which the endpoint sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentTrack {
    /// The m-line.
    pub mid: String,
    /// Sound or pictures.
    pub kind: Kind,
    /// Of its media.
    pub payload_type: u8,
    /// Of its retransmissions.
    pub rtx_payload_type: Option<u8>,
    /// Low to high.
    pub layers: Vec<SentLayer>,
    /// How far into the clip it begins.
    pub offset_ns: u64,
}

/// One m-line on which the endpoint receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedTrack {
    /// The m-line.
    pub mid: String,
    /// Sound or pictures.
    pub kind: Kind,
    /// Of its media; learned from packets unless the answer told.
    pub ssrc: Option<u32>,
    /// Of its retransmissions.
    pub rtx_ssrc: Option<u32>,
    /// Of its media.
    pub payload_types: Vec<u8>,
    /// Of its retransmissions.
    pub rtx_payload_types: Vec<u8>,
    /// Ticks of the RTP timestamp a second.
    pub clock_rate: u32,
    /// Lost packets are asked for.
    pub nack: bool,
    /// Keyframes are asked for.
    pub pli: bool,
}

/// All of one endpoint's media.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointMedia {
    /// What it sends.
    pub sends: Vec<SentTrack>,
    /// What it receives.
    pub receives: Vec<ReceivedTrack>,
    /// Ids of header extensions, of both directions.
    pub extensions: ExtensionIds,
    /// Of its reports and feedback.
    pub rtcp_ssrc: u32,
}
