//! What clients and the router have agreed to send each other.

use _core::codec::Codec;
use _core::media::{
    CodecConfig, ExtensionIds, Kind, LayerConfig, PeerMedia, SenderConfig, TrackConfig,
};

pub const MID: u8 = 1;
pub const RID: u8 = 2;
pub const REPAIRED_RID: u8 = 3;
pub const TWCC: u8 = 4;
pub const LEVEL: u8 = 5;
pub const DEPENDENCY: u8 = 6;
pub const SEND_TIME: u8 = 7;

pub fn vp8() -> CodecConfig {
    CodecConfig {
        payload_type: 96,
        codec: Codec::Vp8,
        key: "VP8".into(),
        clock_rate: 90_000,
        rtx_payload_type: Some(97),
        nack: true,
        pli: true,
    }
}

pub fn h264() -> CodecConfig {
    let key = "H264/packetization-mode=1/profile=42e0".into();
    CodecConfig {
        payload_type: 102,
        codec: Codec::H264,
        key,
        rtx_payload_type: Some(103),
        ..vp8()
    }
}

pub fn vp9() -> CodecConfig {
    CodecConfig {
        payload_type: 98,
        codec: Codec::Vp9,
        key: "VP9/profile-id=0".into(),
        rtx_payload_type: Some(99),
        ..vp8()
    }
}

pub fn av1() -> CodecConfig {
    CodecConfig {
        payload_type: 45,
        codec: Codec::Av1,
        key: "AV1/profile=0".into(),
        rtx_payload_type: Some(46),
        ..vp8()
    }
}

pub fn opus() -> CodecConfig {
    CodecConfig {
        payload_type: 111,
        codec: Codec::Opus,
        key: "opus".into(),
        clock_rate: 48_000,
        rtx_payload_type: None,
        nack: false,
        pli: false,
    }
}

/// Opus behind frames that were sent before (RFC 2198), in the numbers of publishers.
pub fn red() -> CodecConfig {
    CodecConfig {
        payload_type: 63,
        codec: Codec::from_name("red"),
        key: "red/opus=111".into(),
        ..opus()
    }
}

pub const EXTENSIONS: ExtensionIds = ExtensionIds {
    mid: MID,
    rid: RID,
    repaired_rid: REPAIRED_RID,
    transport_cc: TWCC,
    abs_send_time: SEND_TIME,
    audio_level: LEVEL,
    dependency: DEPENDENCY,
};

/// A publisher of one video (mid v) and one audio (mid a).
pub fn publisher() -> PeerMedia {
    PeerMedia {
        tracks: vec![video_track("v", &[None]), audio_track("a")],
        senders: Vec::new(),
        extensions: EXTENSIONS,
        transport_cc: true,
        rtcp_ssrc: 0x5f5f,
    }
}

/// The same, which takes no transport-wide feedback and says when packets leave.
pub fn timed_publisher() -> PeerMedia {
    PeerMedia {
        transport_cc: false,
        ..publisher()
    }
}

/// A publisher of one video (mid v) in three layers.
pub fn simulcast() -> PeerMedia {
    PeerMedia {
        tracks: vec![video_track("v", &[Some("q"), Some("h"), Some("f")])],
        ..publisher()
    }
}

pub fn video_track(mid: &str, rids: &[Option<&str>]) -> TrackConfig {
    let layer = |rid: &Option<&str>| LayerConfig {
        rid: rid.map(Into::into),
        ..LayerConfig::default()
    };
    TrackConfig {
        mid: mid.into(),
        kind: Kind::Video,
        codecs: vec![vp8(), h264()],
        layers: rids.iter().map(layer).collect(),
    }
}

pub fn audio_track(mid: &str) -> TrackConfig {
    TrackConfig {
        mid: mid.into(),
        kind: Kind::Audio,
        codecs: vec![opus()],
        layers: vec![LayerConfig::default()],
    }
}

/// A viewer with one seat: audio sa (SSRC 200), video sv (SSRC 100, RTX 101), other payload types than the publishers'.
pub fn viewer() -> PeerMedia {
    PeerMedia {
        tracks: Vec::new(),
        senders: vec![
            SenderConfig {
                mid: "sv".into(),
                kind: Kind::Video,
                ssrc: 100,
                rtx_ssrc: Some(101),
                cname: "seat".into(),
                codecs: vec![own(vp8(), 10), own(h264(), 10)],
                transport_cc: false,
                abs_send_time: false,
                dependency: false,
            },
            SenderConfig {
                mid: "sa".into(),
                kind: Kind::Audio,
                ssrc: 200,
                rtx_ssrc: None,
                cname: "seat".into(),
                codecs: vec![own(opus(), 1)],
                transport_cc: false,
                abs_send_time: false,
                dependency: false,
            },
        ],
        extensions: EXTENSIONS,
        transport_cc: false,
        rtcp_ssrc: 0x5f5f,
    }
}

/// A codec in other payload types.
pub fn own(codec: CodecConfig, by: u8) -> CodecConfig {
    CodecConfig {
        payload_type: codec.payload_type + by,
        rtx_payload_type: codec.rtx_payload_type.map(|rtx| rtx + by),
        ..codec
    }
}

/// The same, which tells how packets come in.
pub fn telling_viewer() -> PeerMedia {
    let mut media = viewer();
    media
        .senders
        .iter_mut()
        .for_each(|one| one.transport_cc = true);
    media
}

/// The same, which estimates by itself from when packets leave.
pub fn timed_viewer() -> PeerMedia {
    let mut media = viewer();
    media
        .senders
        .iter_mut()
        .for_each(|one| one.abs_send_time = true);
    media
}
