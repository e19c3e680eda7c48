"""An agreement as the SDP answer that the client gets.

agreement -> **answer** -> client

Every m-line says everything about the transport (RFC 9143 lets it stand in the first alone, but aiortc with one bundle
reads the last).  The node is ICE-lite: all candidates are here, and there will be no others.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import assert_never

from sfu.sdp.agreement import (
    TRANSPORT_CC_URI,
    Agreement,
    RejectedLine,
    SeatLine,
    TrackLine,
    track_extensions,
)
from sfu.sdp.codecs import AgreedCodec, agreed_codecs, track_codecs
from sfu.sdp.shapes import MAX_SHAPES
from sfu.sdp.values import Extmap, Fingerprint, IceCredentials, MediaLine, Shape

FEEDBACK = ("transport-cc", "nack", "nack pli", "ccm fir", "rrtr")
"""What both sides of a track or a seat may say; the first only with the header extension that it is about."""
MIXED = "a=extmap-allow-mixed"
"""RFC 8285 §6.  Without it Chromium leaves out what does not fit an extension of one octet's length: the structure in
an AV1 keyframe's dependency descriptor."""
HOST_PREFERENCE = 126  # RFC 8445 §5.1.2.2
RTP_COMPONENT = 1
END = "\r\n"
MAX_HOSTS = 64
"""Addresses of the node whose version is remembered."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address at which the node can be reached."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """The node's half of a transport."""

    session: int
    """Of the `o=` line; the same in all answers to a peer."""
    version: int
    """Of the `o=` line; one more at each answer."""
    ice: IceCredentials
    fingerprint: Fingerprint
    candidates: tuple[Candidate, ...]


def write_answer(agreement: Agreement, local: Local) -> str:
    """The whole answer, with the line ends of RFC 8866."""
    rows = [*_session_rows(agreement, local)]
    transport = END.join(_transport_rows(local))
    for line in agreement.lines:
        match line:
            case RejectedLine(offered):
                rows += _rejected_rows(offered, transport)
            case TrackLine():
                rows += _track_rows(line, local, transport)
            case SeatLine():
                rows += _seat_rows(line, local, transport)
            case _:
                assert_never(line)
    return END.join(rows) + END


def _session_rows(agreement: Agreement, local: Local) -> Iterator[str]:
    mids = [line.line.mid for line in agreement.lines if not isinstance(line, RejectedLine)]
    yield "v=0"
    yield f"o=- {local.session} {local.version} IN IP4 0.0.0.0"
    yield "s=-"
    yield "t=0 0"
    yield "a=ice-lite"
    yield f"a=group:BUNDLE {' '.join(mids)}"
    if agreement.offer.extmap_allow_mixed:
        yield MIXED
    yield "a=msid-semantic: WMS *"


def _rejected_rows(line: MediaLine, transport: str) -> Iterator[str]:
    """Port 0, and the transport all the same: aiortc refuses an answer with an m-line that has none."""
    shape = line.shape
    yield f"m={shape.kind} 0 {shape.protocol} {' '.join(shape.formats)}"
    yield "c=IN IP4 0.0.0.0"
    yield f"a=mid:{line.mid}"
    yield transport
    yield "a=inactive"
    for payload in shape.payloads:
        yield f"a=rtpmap:{payload.payload_type} {payload.name}/{payload.clock_rate}"


def _track_rows(track: TrackLine, local: Local, transport: str) -> Iterator[str]:
    told = _of_track(track.line.shape)
    yield from _media_rows(track.line, told, local, transport)
    yield from told.extensions
    yield "a=recvonly" if track.sending else "a=inactive"
    yield told.codecs
    if track.rids:
        yield from (f"a=rid:{rid} recv" for rid in track.rids)
        yield f"a=simulcast:recv {';'.join(track.rids)}"


def _seat_rows(seat: SeatLine, local: Local, transport: str) -> Iterator[str]:
    msid = f"{seat.stream} {seat.stream}-{seat.role.kind}"
    told = _of_seat(seat.line.shape, seat.extensions)
    yield from _media_rows(seat.line, told, local, transport)
    yield from told.extensions
    yield "a=sendonly" if seat.receiving else "a=inactive"
    yield f"a=msid:{msid}"
    yield told.codecs
    ssrcs = [seat.role.ssrc]
    if seat.has_rtx:
        ssrcs.append(seat.role.rtx_ssrc)
        yield f"a=ssrc-group:FID {ssrcs[0]} {ssrcs[1]}"
    for ssrc in ssrcs:
        yield f"a=ssrc:{ssrc} cname:{seat.cname}"
        yield f"a=ssrc:{ssrc} msid:{msid}"


def _media_rows(line: MediaLine, told: "_Told", local: Local, transport: str) -> Iterator[str]:
    """The m-line and what it says about the transport."""
    first = local.candidates[0]
    yield f"m={line.shape.kind} {first.port} {line.shape.protocol} {told.payload_types}"
    yield f"c=IN IP{_ip_version(first.host)} {first.host}"
    yield f"a=mid:{line.mid}"
    yield transport
    yield "a=rtcp-mux"
    if line.shape.rtcp_rsize:
        yield "a=rtcp-rsize"
    if line.shape.extmap_allow_mixed:
        yield MIXED


@lru_cache(MAX_HOSTS)
def _ip_version(host: str) -> int:
    return ipaddress.ip_address(host).version


def _transport_rows(local: Local) -> Iterator[str]:
    yield f"a=ice-ufrag:{local.ice.ufrag}"
    yield f"a=ice-pwd:{local.ice.password}"
    yield f"a=fingerprint:{local.fingerprint.algorithm} {local.fingerprint.value}"
    yield "a=setup:passive"
    yield from _candidate_rows(local.candidates)


def _candidate_rows(candidates: tuple[Candidate, ...]) -> Iterator[str]:
    for index, candidate in enumerate(candidates):
        priority = HOST_PREFERENCE << 24 | (65_535 - index) << 8 | 256 - RTP_COMPONENT  # RFC 8445 §5.1.2.1
        yield f"a=candidate:{index + 1} {RTP_COMPONENT} udp {priority} {candidate.host} {candidate.port} typ host"
    yield "a=end-of-candidates"


# What is told of a shape is the same in every answer, and so written once.


@dataclass(frozen=True, slots=True)
class _Told:
    """What an m-line of the answer says of codecs and header extensions."""

    payload_types: str
    extensions: tuple[str, ...]
    codecs: str


@lru_cache(MAX_SHAPES)
def _of_track(shape: Shape) -> _Told:
    return _told(track_codecs(shape), track_extensions(shape))


@lru_cache(MAX_SHAPES)
def _of_seat(shape: Shape, extensions: tuple[Extmap, ...]) -> _Told:
    return _told(agreed_codecs(shape), extensions)


def _told(codecs: tuple[AgreedCodec, ...], extensions: tuple[Extmap, ...]) -> _Told:
    is_counted = any(extension.uri == TRANSPORT_CC_URI for extension in extensions)
    feedback = FEEDBACK if is_counted else FEEDBACK[1:]
    return _Told(
        payload_types=" ".join(str(number) for number in _payload_types(codecs)),
        extensions=tuple(_extension_rows(extensions)),
        codecs=END.join(_codec_rows(codecs, feedback)),
    )


def _payload_types(codecs: tuple[AgreedCodec, ...]) -> Iterator[int]:
    for codec in codecs:
        yield codec.payload.payload_type
        if codec.rtx:
            yield codec.rtx.payload_type


def _extension_rows(extensions: tuple[Extmap, ...]) -> Iterator[str]:
    for extension in extensions:
        direction = "" if extension.direction == "sendrecv" else f"/{extension.direction}"
        yield f"a=extmap:{extension.id}{direction} {extension.uri}"


def _codec_rows(codecs: tuple[AgreedCodec, ...], feedback: tuple[str, ...]) -> Iterator[str]:
    for codec in codecs:
        payload = codec.payload
        channels = f"/{payload.channels}" if payload.channels > 1 else ""
        yield f"a=rtpmap:{payload.payload_type} {codec.media.name}/{payload.clock_rate}{channels}"
        yield from (f"a=rtcp-fb:{payload.payload_type} {kind}" for kind in feedback if kind in payload.feedback)
        if payload.parameters:
            yield f"a=fmtp:{payload.payload_type} {payload.parameters}"
        if codec.rtx:
            yield f"a=rtpmap:{codec.rtx.payload_type} rtx/{codec.rtx.clock_rate}"
            yield f"a=fmtp:{codec.rtx.payload_type} apt={payload.payload_type}"
