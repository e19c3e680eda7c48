"""What an endpoint of the load engine sends and expects, as the engine is told it.

clip, answer -> **media** -> `_core.LoadEngine.add_clip`, `_core.LoadEngine.set_media`

Frozen values, read by the engine by attribute name; `tests/core/test_load_engine.py` holds the two to each other.
Header extensions are those of `sfu.media`, since both ends of a connection name them alike.
"""

from dataclasses import dataclass
from typing import Literal

from sfu.media import Extensions, Kind

ClipCodec = Literal["VP8", "H264", "opus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFrame:
    """One encoded picture, or one packet of Opus."""

    at_ms: float
    """When it is due after the clip's begin; not before the frame in front of it."""
    keyframe: bool
    data: bytes
    """VP8 bitstream, H.264 in Annex B (start codes), or one Opus packet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadClip:
    """Frames that are sent over and over; the first one is a keyframe."""

    kind: Kind
    codec: ClipCodec
    clock_rate: int
    """Ticks of the RTP timestamp a second."""
    frames: tuple[LoadFrame, ...]
    """After the last one and the mean distance of two of them it begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentLayer:
    """One encoding of a sent track."""

    rid: str | None
    ssrc: int
    rtx_ssrc: int | None
    """None: retransmissions are the same packets again."""
    clip: int
    """As `LoadEngine.add_clip` gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTrack:
    """One m-line on which the endpoint sends."""

    mid: str
    kind: Kind
    payload_type: int
    rtx_payload_type: int | None
    layers: tuple[SentLayer, ...]
    """Low to high; one without a RID if there is no simulcast."""
    offset_ms: float
    """How far into the clip it begins: publishers are out of step with each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedTrack:
    """One m-line on which the endpoint receives."""

    mid: str
    kind: Kind
    ssrc: int | None
    """None: learned from the packets' MID, or by payload type where only one m-line has it."""
    rtx_ssrc: int | None
    payload_types: tuple[int, ...]
    clock_rate: int
    rtx_payload_types: tuple[int, ...]
    nack: bool
    """Lost packets are asked for (RFC 4585 §6.2.1)."""
    pli: bool
    """A keyframe is asked for at the start and after a loss that was not made good (RFC 4585 §6.3.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointMedia:
    """All of one endpoint's media."""

    sends: tuple[SentTrack, ...]
    receives: tuple[ReceivedTrack, ...]
    extensions: Extensions
    rtcp_ssrc: int
    """The SSRC of its reports and feedback."""
