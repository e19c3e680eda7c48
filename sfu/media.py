"""What a peer and the node have agreed to send each other, as the core is told it.

offer -> session (answer) -> **media** -> `_core.Core.set_media`

Frozen values, one a noun of SDP that the packet path needs.  The core reads them by attribute name, once a negotiation;
`tests/core/test_calls.py` holds the two to each other.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["audio", "video"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One payload type of an m-line."""

    payload_type: int
    """0 to 127, as this peer numbers it."""
    name: str
    """`opus`, `VP8`, `VP9`, `H264`, `AV1`; any other name is forwarded without being looked into."""
    key: str
    """Equal keys can be forwarded to each other: `opus`, `VP8`, `H264/packetization-mode=1/profile=42e0`."""
    clock_rate: int
    """Ticks of the RTP timestamp a second."""
    rtx_payload_type: int | None
    """Payload type of its retransmissions (RFC 4588); None: not negotiated."""
    nack: bool
    """Generic NACK (RFC 4585 §6.2.1) was negotiated."""
    pli: bool
    """Picture loss indication (RFC 4585 §6.3.1) was negotiated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One encoding of a track, as far as the offer tells it; the rest is learned from its packets."""

    rid: str | None
    ssrc: int | None
    rtx_ssrc: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackConfig:
    """One m-line on which the peer sends."""

    mid: str
    kind: Kind
    codecs: tuple[Codec, ...]
    """Payload types as the peer sends them, most wanted first."""
    layers: tuple[Layer, ...]
    """Low to high; for a track without simulcast one layer without a RID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderConfig:
    """One m-line on which the core sends: the audio or the video of a seat."""

    mid: str
    kind: Kind
    ssrc: int
    rtx_ssrc: int | None
    cname: str
    codecs: tuple[Codec, ...]
    """Payload types as the peer wants to receive them, most wanted first."""
    transport_cc: bool
    """The peer tells how the packets of this m-line come in, by transport-wide feedback."""
    abs_send_time: bool = False
    """The packets of this m-line say when they leave: by that the peer estimates what its path carries (REMB)."""
    dependency: bool = False
    """Packets of AV1 keep their dependency descriptors, for which the peer takes header extensions of both forms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """Ids of RTP header extensions (RFC 8285), 1 to 14; 0: not negotiated."""

    mid: int = 0
    rid: int = 0
    repaired_rid: int = 0
    transport_cc: int = 0
    abs_send_time: int = 0
    audio_level: int = 0
    dependency: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerMedia:
    """All of one peer's media; each negotiation replaces the whole."""

    tracks: tuple[TrackConfig, ...]
    senders: tuple[SenderConfig, ...]
    extensions: Extensions
    transport_cc: bool
    """The peer wants transport-wide feedback about what it sends."""
    rtcp_ssrc: int
    """The SSRC under which the core sends reports and feedback to this peer."""
