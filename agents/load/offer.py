"""The SDP offer of one endpoint: as little as a server needs, for the numbers that it will send under.

plan, `new_offer` -> **offer** -> door (to the server) ... answer -> tracks -> the engine

What the endpoint sends comes first, then a pair of recvonly m-lines for each seat (docs/negotiation.md).  It is always
the DTLS client, so that the server needs no more than our fingerprint.  It has no candidates: its address shows in its
first connectivity check.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from sfu.media import Extensions, Kind
from sfu.sdp.agreement import AUDIO_LEVEL_URI, MID_URI, REPAIRED_RID_URI, RID_URI, TRANSPORT_CC_URI
from sfu.sdp.values import Fingerprint, IceCredentials

VIDEO_TYPE: Final = 96
RTX_TYPE: Final = 97
AUDIO_TYPE: Final = 111
RIDS: Final = ("q", "h", "f")
"""Simulcast encodings, low to high: quarter, half, full."""
EXTENSIONS: Final = Extensions(mid=1, rid=2, repaired_rid=3, transport_cc=4, audio_level=5)
URIS: Final = {
    "mid": MID_URI,
    "rid": RID_URI,
    "repaired_rid": REPAIRED_RID_URI,
    "transport_cc": TRANSPORT_CC_URI,
    "audio_level": AUDIO_LEVEL_URI,
}
OF_KIND: Final[dict[Kind, tuple[str, ...]]] = {
    "audio": ("mid", "transport_cc", "audio_level"),
    "video": ("mid", "rid", "repaired_rid", "transport_cc"),
}


@dataclass(frozen=True, slots=True)
class OfferedLayer:
    """One encoding that the endpoint would send."""

    rid: str | None
    ssrc: int
    rtx_ssrc: int | None


@dataclass(frozen=True, slots=True)
class OfferedLine:
    """One m-line; it sends if it has layers."""

    mid: str
    kind: Kind
    layers: tuple[OfferedLayer, ...] = ()


@dataclass(frozen=True, slots=True)
class Offered:
    """All of one endpoint's half."""

    ice: IceCredentials
    lines: tuple[OfferedLine, ...]
    cname: str
    rtcp_ssrc: int

    def sdp(self, fingerprint: Fingerprint) -> str:
        """As text, with the line ends of RFC 8866."""
        rows = [*_session_rows(self)]
        for line in self.lines:
            rows += _line_rows(self, line, fingerprint)
        return "\r\n".join(rows) + "\r\n"


def new_offer(
    random: Random, *, sends: tuple[Kind, ...], seats: int, receives: tuple[Kind, ...], simulcast: bool
) -> Offered:
    """An offer with fresh numbers; `random` gives the SSRCs, credentials are always secret."""
    kinds = [*((kind, True) for kind in sends), *((kind, False) for _ in range(seats) for kind in receives)]
    lines = tuple(
        OfferedLine(str(mid), kind, _layers(random, kind, simulcast=simulcast) if sending else ())
        for mid, (kind, sending) in enumerate(kinds)
    )
    ice = IceCredentials(secrets.token_hex(6), secrets.token_hex(16))
    return Offered(ice, lines, cname=f"load-{random.getrandbits(32):08x}", rtcp_ssrc=_ssrc(random))


def _layers(random: Random, kind: Kind, *, simulcast: bool) -> tuple[OfferedLayer, ...]:
    if kind == "audio":
        return (OfferedLayer(None, _ssrc(random), None),)
    rids = RIDS if simulcast else (None,)
    return tuple(OfferedLayer(rid, _ssrc(random), _ssrc(random)) for rid in rids)


def _ssrc(random: Random) -> int:
    return random.randrange(1, 2**32)


def _session_rows(offered: Offered) -> Iterator[str]:
    yield "v=0"
    yield f"o=- {offered.rtcp_ssrc} 1 IN IP4 127.0.0.1"
    yield "s=-"
    yield "t=0 0"
    yield f"a=group:BUNDLE {' '.join(line.mid for line in offered.lines)}"
    yield "a=extmap-allow-mixed"
    yield "a=msid-semantic: WMS *"


def _line_rows(offered: Offered, line: OfferedLine, fingerprint: Fingerprint) -> Iterator[str]:
    types = f"{AUDIO_TYPE}" if line.kind == "audio" else f"{VIDEO_TYPE} {RTX_TYPE}"
    yield f"m={line.kind} 9 UDP/TLS/RTP/SAVPF {types}"
    yield "c=IN IP4 0.0.0.0"
    yield f"a=mid:{line.mid}"
    yield f"a=ice-ufrag:{offered.ice.ufrag}"
    yield f"a=ice-pwd:{offered.ice.password}"
    yield f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}"
    yield "a=setup:active"
    yield "a=rtcp-mux"
    yield "a=rtcp-rsize"
    for name in OF_KIND[line.kind]:
        yield f"a=extmap:{getattr(EXTENSIONS, name)} {URIS[name]}"
    yield "a=sendonly" if line.layers else "a=recvonly"
    yield from _codec_rows(line.kind)
    yield from _stream_rows(offered, line)


def _codec_rows(kind: Kind) -> Iterator[str]:
    if kind == "audio":
        yield f"a=rtpmap:{AUDIO_TYPE} opus/48000/2"
        yield f"a=fmtp:{AUDIO_TYPE} minptime=10;useinbandfec=1"
        yield f"a=rtcp-fb:{AUDIO_TYPE} transport-cc"
        return
    yield f"a=rtpmap:{VIDEO_TYPE} VP8/90000"
    for feedback in ("transport-cc", "ccm fir", "nack", "nack pli"):
        yield f"a=rtcp-fb:{VIDEO_TYPE} {feedback}"
    yield f"a=rtpmap:{RTX_TYPE} rtx/90000"
    yield f"a=fmtp:{RTX_TYPE} apt={VIDEO_TYPE}"


def _stream_rows(offered: Offered, line: OfferedLine) -> Iterator[str]:
    """What is sent: RIDs where there are several encodings, else SSRCs."""
    if not line.layers:
        return
    yield f"a=msid:{offered.cname} {offered.cname}-{line.kind}"
    if len(line.layers) > 1:
        yield from (f"a=rid:{layer.rid} send" for layer in line.layers)
        yield f"a=simulcast:send {';'.join(str(layer.rid) for layer in line.layers)}"
        return
    (layer,) = line.layers
    if layer.rtx_ssrc is not None:
        yield f"a=ssrc-group:FID {layer.ssrc} {layer.rtx_ssrc}"
    for ssrc in filter(None, (layer.ssrc, layer.rtx_ssrc)):
        yield f"a=ssrc:{ssrc} cname:{offered.cname}"
