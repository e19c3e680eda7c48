"""An agreement as the SDP answer that the client gets.

agreement -> **answer** -> client

Every m-line says everything about the transport (RFC 9143 lets it stand in the first alone, but aiortc with one bundle
reads the last).  The node is ICE-lite: all candidates are here, and there will be no others.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from sfu.sdp.agreement import TRANSPORT_CC_URI, Agreement, RejectedLine, SeatLine, TrackLine
from sfu.sdp.codecs import AgreedCodec
from sfu.sdp.values import Extmap, Fingerprint, IceCredentials, MediaLine

TRACK_FEEDBACK = ("transport-cc", "nack", "nack pli", "ccm fir")
SEAT_FEEDBACK = ("nack", "nack pli", "ccm fir")
HOST_PREFERENCE = 126  # RFC 8445 §5.1.2.2
RTP_COMPONENT = 1


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
    for line in agreement.lines:
        match line:
            case RejectedLine(offered):
                rows += _rejected_rows(offered, local)
            case TrackLine():
                rows += _track_rows(line, local)
            case SeatLine():
                rows += _seat_rows(line, local)
            case _:
                assert_never(line)
    return "\r\n".join(rows) + "\r\n"


def _session_rows(agreement: Agreement, local: Local) -> Iterator[str]:
    mids = [line.line.mid for line in agreement.lines if not isinstance(line, RejectedLine)]
    yield "v=0"
    yield f"o=- {local.session} {local.version} IN IP4 0.0.0.0"
    yield "s=-"
    yield "t=0 0"
    yield "a=ice-lite"
    yield f"a=group:BUNDLE {' '.join(mids)}"
    yield "a=msid-semantic: WMS *"


def _rejected_rows(line: MediaLine, local: Local) -> Iterator[str]:
    """Port 0, and the transport all the same: aiortc refuses an answer with an m-line that has none."""
    yield f"m={line.kind} 0 {line.protocol} {' '.join(line.formats)}"
    yield "c=IN IP4 0.0.0.0"
    yield f"a=mid:{line.mid}"
    yield from _transport_rows(local)
    yield "a=inactive"
    for payload in line.payloads:
        yield f"a=rtpmap:{payload.payload_type} {payload.name}/{payload.clock_rate}"


def _track_rows(track: TrackLine, local: Local) -> Iterator[str]:
    yield from _media_rows(track.line, track.codecs, local)
    yield from _extension_rows(track.extensions)
    yield "a=recvonly" if track.sending else "a=inactive"
    has_transport_cc = any(extension.uri == TRANSPORT_CC_URI for extension in track.extensions)
    yield from _codec_rows(track.codecs, TRACK_FEEDBACK if has_transport_cc else TRACK_FEEDBACK[1:])
    if track.rids:
        yield from (f"a=rid:{rid} recv" for rid in track.rids)
        yield f"a=simulcast:recv {';'.join(track.rids)}"


def _seat_rows(seat: SeatLine, local: Local) -> Iterator[str]:
    msid = f"{seat.stream} {seat.stream}-{seat.role.kind}"
    yield from _media_rows(seat.line, seat.codecs, local)
    yield from _extension_rows(seat.extensions)
    yield "a=sendonly" if seat.receiving else "a=inactive"
    yield f"a=msid:{msid}"
    yield from _codec_rows(seat.codecs, SEAT_FEEDBACK)
    ssrcs = [seat.role.ssrc]
    if seat.has_rtx:
        ssrcs.append(seat.role.rtx_ssrc)
        yield f"a=ssrc-group:FID {ssrcs[0]} {ssrcs[1]}"
    for ssrc in ssrcs:
        yield f"a=ssrc:{ssrc} cname:{seat.cname}"
        yield f"a=ssrc:{ssrc} msid:{msid}"


def _media_rows(line: MediaLine, codecs: tuple[AgreedCodec, ...], local: Local) -> Iterator[str]:
    """The m-line and what it says about the transport."""
    first = local.candidates[0]
    yield f"m={line.kind} {first.port} {line.protocol} {' '.join(str(number) for number in _payload_types(codecs))}"
    yield f"c=IN IP{ipaddress.ip_address(first.host).version} {first.host}"
    yield f"a=mid:{line.mid}"
    yield from _transport_rows(local)
    yield "a=rtcp-mux"
    if line.rtcp_rsize:
        yield "a=rtcp-rsize"


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
        yield f"a=rtpmap:{payload.payload_type} {codec.name}/{payload.clock_rate}{channels}"
        yield from (f"a=rtcp-fb:{payload.payload_type} {kind}" for kind in feedback if kind in payload.feedback)
        if payload.parameters:
            yield f"a=fmtp:{payload.payload_type} {payload.parameters}"
        if codec.rtx:
            yield f"a=rtpmap:{codec.rtx.payload_type} rtx/{codec.rtx.clock_rate}"
            yield f"a=fmtp:{codec.rtx.payload_type} apt={payload.payload_type}"
