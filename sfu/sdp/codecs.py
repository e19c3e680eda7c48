"""Which payload types of an m-line we take, and which of two peers' payload types mean the same.

offer -> **codecs** -> agreement

A codec's key says what can be forwarded without re-encoding: two payload types with equal keys carry the same bytes.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sfu import media
from sfu.sdp.shapes import MAX_SHAPES
from sfu.sdp.values import Payload, Shape

MAX_CODECS = 24
"""Payload types taken of one m-line; Chromium offers 11 that we know to receive video."""

EVERYBODYS: Final = frozenset({"opus", "VP8", "H264"})
"""What every browser decodes (RFC 7874 §3, RFC 7742 §5)."""

# RFC 6184 §8.1, table 5: the same profile can be written with several profile-iop octets.  The constraint bits that
# tell them apart, and the name we give the profile (its usual first four hex digits).
_H264_PROFILES: Final = (
    (0x42, 0b0100_1111, 0b0100_0000, "42e0"),  # constrained baseline
    (0x4D, 0b1000_1111, 0b1000_0000, "42e0"),
    (0x58, 0b1100_1111, 0b1100_0000, "42e0"),
    (0x42, 0b0100_1111, 0b0000_0000, "4200"),  # baseline
    (0x58, 0b1100_1111, 0b1000_0000, "4200"),
    (0x4D, 0b1010_1111, 0b0000_0000, "4d00"),  # main
    (0x64, 0b1111_1111, 0b0000_0000, "6400"),  # high
    (0x64, 0b1111_1111, 0b0000_1100, "640c"),  # constrained high
)
_H264_DEFAULT_PROFILE = "42000a"  # RFC 6184 §8.1: baseline, level 1
_HEX6 = re.compile(r"[0-9A-Fa-f]{6}")
_VP9_PROFILES: Final = frozenset("02")  # RFC 9628 §6: those of 4:2:0
_AV1_PROFILES: Final = frozenset("012")  # main, high, professional


@dataclass(frozen=True, slots=True)
class AgreedCodec:
    """A payload type that both sides use, with its retransmission."""

    payload: Payload
    rtx: Payload | None
    media: media.Codec
    """As the core is told it."""


@lru_cache(MAX_SHAPES)
def agreed_codecs(shape: Shape) -> tuple[AgreedCodec, ...]:
    """The payload types of an m-line that we know, in the client's order, each with its RTX."""
    retransmissions = {
        parameters(payload).get("apt"): payload for payload in reversed(shape.payloads) if payload.name.lower() == "rtx"
    }
    agreed = []
    for payload in shape.payloads:
        codec = _KNOWN.get((shape.kind, payload.name.lower()))
        key = codec[1](payload, shape) if codec else None
        if codec and key:
            rtx = retransmissions.get(str(payload.payload_type)) if "nack" in payload.feedback else None
            agreed.append(AgreedCodec(payload, rtx, _as_media(payload, rtx, name=codec[0], key=key)))
    return tuple(agreed[:MAX_CODECS])


@lru_cache(MAX_SHAPES)
def track_codecs(shape: Shape) -> tuple[AgreedCodec, ...]:
    """The same of an m-line that the client sends on: first what everybody decodes, as browsers send the first.

    Nothing is re-encoded here, so who prefers AV1 or RED must not show nothing to those who lack it.
    """
    return tuple(sorted(agreed_codecs(shape), key=lambda codec: codec.media.name not in EVERYBODYS))


def _as_media(payload: Payload, rtx: Payload | None, *, name: str, key: str) -> media.Codec:
    return media.Codec(
        payload_type=payload.payload_type,
        name=name,
        key=key,
        clock_rate=payload.clock_rate,
        rtx_payload_type=rtx.payload_type if rtx else None,
        nack="nack" in payload.feedback,
        pli="nack pli" in payload.feedback,
    )


def parameters(payload: Payload) -> dict[str, str]:
    """The fmtp line as names and values (RFC 8866 §6.15)."""
    pairs = (item.strip().partition("=") for item in payload.parameters.split(";"))
    return {name.lower(): value for name, _, value in pairs}


# One key a codec, None where it is one that we do not take; each is given the m-line in which the payload type stands.


def _opus_key(payload: Payload, _shape: Shape) -> str | None:
    return "opus" if (payload.clock_rate, payload.channels) == (48_000, 2) else None  # RFC 7587 §7


def _red_key(payload: Payload, shape: Shape) -> str | None:
    """Opus with earlier frames beside the newest (RFC 2198), forwarded as it is.

    Each frame stands behind the sender's own payload type for it.  So two peers can hear each other's only if they
    number Opus alike, as all that are made of libwebrtc do.
    """
    wrapped = set(payload.parameters.strip().split("/"))
    opus = [other for other in shape.payloads if other.name.lower() == "opus" and _opus_key(other, shape)]
    inside = next((other.payload_type for other in opus if wrapped == {str(other.payload_type)}), None)
    if inside is None or (payload.clock_rate, payload.channels) != (48_000, 2):
        return None
    return f"red/opus={inside}"


def _vp8_key(payload: Payload, _shape: Shape) -> str | None:
    return "VP8" if payload.clock_rate == 90_000 else None


def _vp9_key(payload: Payload, _shape: Shape) -> str | None:
    profile = parameters(payload).get("profile-id", "0")
    return f"VP9/profile-id={profile}" if payload.clock_rate == 90_000 and profile in _VP9_PROFILES else None


def _av1_key(payload: Payload, _shape: Shape) -> str | None:
    """Level and tier say how much a decoder can take, not what the bytes are."""
    profile = parameters(payload).get("profile", "0")
    return f"AV1/profile={profile}" if payload.clock_rate == 90_000 and profile in _AV1_PROFILES else None


def _h264_key(payload: Payload, _shape: Shape) -> str | None:
    values = parameters(payload)
    mode = values.get("packetization-mode", "0")
    profile = h264_profile(values.get("profile-level-id", _H264_DEFAULT_PROFILE))
    if payload.clock_rate != 90_000 or profile is None or mode not in ("0", "1"):
        return None
    return f"H264/packetization-mode={mode}/profile={profile}"


def h264_profile(profile_level_id: str) -> str | None:
    """The profile without its level, written in one way; None if it is malformed or none we know."""
    if not _HEX6.fullmatch(profile_level_id):
        return None
    profile, constraints, _level = bytes.fromhex(profile_level_id)
    for known, mask, bits, name in _H264_PROFILES:
        if profile == known and constraints & mask == bits:
            return name
    return None


_KNOWN: Final[Mapping[tuple[str, str], tuple[str, Callable[[Payload, Shape], str | None]]]] = {
    ("audio", "opus"): ("opus", _opus_key),
    ("audio", "red"): ("red", _red_key),
    ("video", "vp8"): ("VP8", _vp8_key),
    ("video", "vp9"): ("VP9", _vp9_key),
    ("video", "h264"): ("H264", _h264_key),
    ("video", "av1"): ("AV1", _av1_key),
}
