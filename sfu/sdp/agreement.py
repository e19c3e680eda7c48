"""What one peer and the node have agreed on, m-line by m-line; a re-offer makes a new agreement out of the last.

offer -> **agreement** -> answer (text for the client), media (values for the core), seats and tracks (for the room)

An m-line is known by its mid.  What it is for is settled the first time it has a direction: a line the client sends
on is a track, one it only receives on is half of a seat.  From then on it keeps its number, SSRCs and stream, whatever
happens to the others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, cast

from sfu import media
from sfu.errors import BadRequest, MalformedSdp
from sfu.sdp.codecs import AgreedCodec, agreed_codecs, track_codecs
from sfu.sdp.shapes import MAX_SHAPES
from sfu.sdp.values import Extmap, MediaLine, Offer, Shape

PROTOCOLS = frozenset({"UDP/TLS/RTP/SAVPF", "RTP/SAVPF", "UDP/TLS/RTP/SAVP"})
MAX_KNOWN_MIDS = 1_024
"""Mids one peer may use in its life, stopped ones included."""
MAX_LAYERS = 4
MAX_ONE_BYTE_ID = 14  # RFC 8285 §4.2

MID_URI: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID_URI: Final = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID_URI: Final = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
TRANSPORT_CC_URI: Final = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ABS_SEND_TIME_URI: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
AUDIO_LEVEL_URI: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
DEPENDENCY_URI: Final = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"

TRACK_EXTENSIONS: Final = {
    "audio": frozenset({MID_URI, TRANSPORT_CC_URI, ABS_SEND_TIME_URI, AUDIO_LEVEL_URI}),
    "video": frozenset({MID_URI, RID_URI, REPAIRED_RID_URI, TRANSPORT_CC_URI, ABS_SEND_TIME_URI, DEPENDENCY_URI}),
}
SEAT_EXTENSIONS: Final = {
    "audio": frozenset({MID_URI, TRANSPORT_CC_URI, ABS_SEND_TIME_URI}),
    "video": frozenset({MID_URI, TRANSPORT_CC_URI, ABS_SEND_TIME_URI, DEPENDENCY_URI}),
}

NewSsrc = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Role:
    """What an m-line is for; settled once.  `seat` is None for a track."""

    kind: media.Kind
    seat: int | None
    ssrc: int = 0
    rtx_ssrc: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackLine:
    """An m-line the client sends on, or may send on later (`sending` False: answered inactive)."""

    line: MediaLine
    kind: media.Kind
    codecs: tuple[AgreedCodec, ...]
    extensions: tuple[Extmap, ...]
    rids: tuple[str, ...]
    sending: bool

    def as_media(self) -> media.TrackConfig:
        """As the core is told it."""
        codecs = tuple(codec.media for codec in self.codecs)
        return media.TrackConfig(mid=self.line.mid, kind=self.kind, codecs=codecs, layers=self._layers())

    def _layers(self) -> tuple[media.Layer, ...]:
        if self.rids:
            return tuple(media.Layer(rid=rid, ssrc=None, rtx_ssrc=None) for rid in self.rids)
        repairs = set(self.line.retransmits.values())
        first = next((ssrc for ssrc in self.line.ssrcs if ssrc not in repairs), None)
        rtx = self.line.retransmits.get(first) if first is not None else None
        return (media.Layer(rid=None, ssrc=first, rtx_ssrc=rtx),)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatLine:
    """An m-line we send on: the audio or the video of a seat (`receiving` False: answered inactive)."""

    line: MediaLine
    role: Role
    seat: int
    codecs: tuple[AgreedCodec, ...]
    extensions: tuple[Extmap, ...]
    receiving: bool

    @property
    def cname(self) -> str:
        """One for both lines of the seat, so that they are kept in step (RFC 3550 §6.5.1)."""
        return self.stream

    @property
    def stream(self) -> str:
        """MediaStream id of the seat."""
        return f"seat{self.seat}"

    @property
    def has_rtx(self) -> bool:
        """Some codec of the line is retransmitted in a stream of its own."""
        return any(codec.rtx for codec in self.codecs)

    def as_media(self) -> media.SenderConfig:
        """As the core is told it."""
        return media.SenderConfig(
            mid=self.line.mid,
            kind=self.role.kind,
            ssrc=self.role.ssrc,
            rtx_ssrc=self.role.rtx_ssrc if self.has_rtx else None,
            cname=self.cname,
            codecs=tuple(codec.media for codec in self.codecs),
            transport_cc=TRANSPORT_CC_URI in _uris(self.extensions),
            abs_send_time=ABS_SEND_TIME_URI in _uris(self.extensions),
            dependency=DEPENDENCY_URI in _uris(self.extensions),
        )


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """An m-line we do not serve: answered with port 0."""

    line: MediaLine


@dataclass(frozen=True, slots=True)
class SeatMids:
    """The two m-lines of one seat; None where the client gave only one of them."""

    audio: str | None = None
    video: str | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """The whole state of negotiation with one peer after an offer."""

    offer: Offer
    lines: tuple[TrackLine | SeatLine | RejectedLine, ...]
    roles: Mapping[str, Role]
    """Every mid ever settled, stopped ones too."""

    @property
    def tracks(self) -> tuple[TrackLine, ...]:
        """Lines the client sends on now."""
        return tuple(line for line in self.lines if isinstance(line, TrackLine) and line.sending)

    @property
    def senders(self) -> tuple[SeatLine, ...]:
        """Lines we may send on now."""
        return tuple(line for line in self.lines if isinstance(line, SeatLine) and line.receiving)

    @property
    def seats(self) -> dict[int, SeatMids]:
        """Seats that can show somebody, in order of their numbers."""
        mids: dict[int, dict[str, str]] = {}
        for sender in self.senders:
            mids.setdefault(sender.seat, {})[sender.role.kind] = sender.line.mid
        return {seat: SeatMids(**mids[seat]) for seat in sorted(mids)}

    def as_media(self, *, rtcp_ssrc: int) -> media.PeerMedia:
        """As the core is told it."""
        tracks = self.tracks
        return media.PeerMedia(
            tracks=tuple(track.as_media() for track in tracks),
            senders=tuple(sender.as_media() for sender in self.senders),
            extensions=self._extension_ids(),
            transport_cc=any(TRANSPORT_CC_URI in _uris(track.extensions) for track in tracks),
            rtcp_ssrc=rtcp_ssrc,
        )

    def _extension_ids(self) -> media.Extensions:
        ids: dict[str, int] = {}
        lines: tuple[TrackLine | SeatLine, ...] = (*self.tracks, *self.senders)
        for line in lines:
            ids |= {extension.uri: extension.id for extension in line.extensions}
        return media.Extensions(
            mid=ids.get(MID_URI, 0),
            rid=ids.get(RID_URI, 0),
            repaired_rid=ids.get(REPAIRED_RID_URI, 0),
            transport_cc=ids.get(TRANSPORT_CC_URI, 0),
            abs_send_time=ids.get(ABS_SEND_TIME_URI, 0),
            audio_level=ids.get(AUDIO_LEVEL_URI, 0),
            dependency=ids.get(DEPENDENCY_URI, 0),
        )


def agree(offer: Offer, before: Agreement | None, new_ssrc: NewSsrc) -> Agreement:
    """Settle every m-line of `offer`, keeping what was settled `before`."""
    roles = dict(before.roles) if before else {}
    lines = tuple(_settle(offer, line, roles, new_ssrc) for line in offer.media)
    if not any(isinstance(line, TrackLine | SeatLine) for line in lines):
        raise BadRequest("sdp: no m-line with a codec we know (opus, VP8, VP9, H.264, AV1)")
    if len(roles) > MAX_KNOWN_MIDS:
        raise BadRequest(f"sdp: more than {MAX_KNOWN_MIDS} mids in one connection")
    return Agreement(offer, lines, roles)


def _settle(
    offer: Offer, line: MediaLine, roles: dict[str, Role], new_ssrc: NewSsrc
) -> TrackLine | SeatLine | RejectedLine:
    codecs = _usable_codecs(offer, line)
    if not codecs:
        return RejectedLine(line)
    if not line.shape.rtcp_mux:
        raise MalformedSdp(line.number, "no a=rtcp-mux in this m-line")
    role = _role(line, roles, new_ssrc)
    if role is not None and role.kind != line.shape.kind:
        raise MalformedSdp(line.number, f"mid {line.mid!r} was {role.kind} before")
    if role is None or role.seat is None:
        return _track_line(line, sends=role is not None)
    receiving = line.shape.direction in ("recvonly", "sendrecv")
    return SeatLine(
        line=line,
        role=role,
        seat=role.seat,
        codecs=codecs,
        extensions=seat_extensions(line.shape, mixed=offer.extmap_allow_mixed or line.shape.extmap_allow_mixed),
        receiving=receiving,
    )


def _usable_codecs(offer: Offer, line: MediaLine) -> tuple[AgreedCodec, ...]:
    if line.shape.stopped or line.mid not in offer.bundle or line.shape.protocol not in PROTOCOLS:
        return ()
    return agreed_codecs(line.shape)


def _role(line: MediaLine, roles: dict[str, Role], new_ssrc: NewSsrc) -> Role | None:
    """What the line is for; None while it has no direction."""
    if line.mid in roles or line.shape.direction == "inactive":
        return roles.get(line.mid)
    kind = cast("media.Kind", line.shape.kind)
    if line.shape.direction == "recvonly":
        seat = sum(role.kind == kind and role.seat is not None for role in roles.values())
        role = Role(kind, seat, ssrc=new_ssrc(), rtx_ssrc=new_ssrc())
    else:
        role = Role(kind, None)
    roles[line.mid] = role
    return role


def _track_line(line: MediaLine, *, sends: bool) -> TrackLine:
    kind = cast("media.Kind", line.shape.kind)
    extensions = track_extensions(line.shape)
    # Without the RID in the packets the encodings could not be told apart: then it is answered as a plain track.
    rids = line.shape.rids[:MAX_LAYERS] if RID_URI in _uris(extensions) else ()
    return TrackLine(
        line=line,
        kind=kind,
        codecs=track_codecs(line.shape),
        extensions=extensions,
        rids=rids,
        sending=sends and line.shape.direction in ("sendonly", "sendrecv"),
    )


def _uris(extensions: tuple[Extmap, ...]) -> set[str]:
    return {extension.uri for extension in extensions}


@lru_cache(MAX_SHAPES)
def seat_extensions(shape: Shape, *, mixed: bool) -> tuple[Extmap, ...]:
    """The header extensions that we put into what we send; `mixed`: of both forms in one stream (RFC 8285 §6)."""
    wanted = _with_feedback(shape, SEAT_EXTENSIONS[cast("media.Kind", shape.kind)])
    # That of a keyframe is too long for the form of one octet.
    may_describe = mixed and any(codec.media.name == "AV1" for codec in agreed_codecs(shape))
    return _answered(shape, wanted if may_describe else wanted - {DEPENDENCY_URI})


@lru_cache(MAX_SHAPES)
def track_extensions(shape: Shape) -> tuple[Extmap, ...]:
    """The header extensions that we read in what the client sends."""
    wanted = _with_feedback(shape, TRACK_EXTENSIONS[cast("media.Kind", shape.kind)])
    # With it libwebrtc leaves the numbers out of the payloads of VP8 and VP9 that switching has to rewrite.
    only_av1 = all(codec.media.name == "AV1" for codec in agreed_codecs(shape))
    return _answered(shape, wanted if only_av1 else wanted - {DEPENDENCY_URI})


def _with_feedback(shape: Shape, wanted: frozenset[str]) -> frozenset[str]:
    """Packets are counted where both sides know of the feedback about them, and elsewhere say when they leave."""
    can_count = any(extension.uri == TRANSPORT_CC_URI for extension in shape.extensions)
    counts = can_count and any("transport-cc" in codec.payload.feedback for codec in agreed_codecs(shape))
    return wanted - {ABS_SEND_TIME_URI if counts else TRANSPORT_CC_URI}


def _answered(shape: Shape, wanted: frozenset[str]) -> tuple[Extmap, ...]:
    """The header extensions of the line that we use, each once, with the direction of an answer (RFC 8285 §7)."""
    found: dict[str, Extmap] = {}
    for extension in shape.extensions:
        if extension.uri in wanted and extension.id <= MAX_ONE_BYTE_ID and extension.direction != "inactive":
            found.setdefault(extension.uri, Extmap(extension.id, extension.uri, _REVERSED[extension.direction]))
    return tuple(found.values())


_REVERSED: Final[Mapping[str, Literal["sendrecv", "sendonly", "recvonly", "inactive"]]] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
