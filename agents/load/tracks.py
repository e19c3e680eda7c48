"""What an endpoint will send and receive, now that both sides have spoken.

offer, answer, clips -> **tracks** -> `LoadEngine.set_media`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from agents.load.answer import Answer, AnsweredCodec, AnsweredLine
from agents.load.errors import AnswerError
from agents.load.media import EndpointMedia, ReceivedTrack, SentLayer, SentTrack
from agents.load.offer import URIS, Offered, OfferedLayer, OfferedLine
from sfu.media import Extensions, Kind

CODECS: Final[Mapping[Kind, str]] = {"audio": "opus", "video": "vp8"}


@dataclass(frozen=True, slots=True)
class ClipHandles:
    """The clips as an engine numbers them; of video one an encoding, low to high."""

    audio: int
    video: tuple[int, ...]
    length_ms: float


def endpoint_media(offered: Offered, answer: Answer, clips: ClipHandles, random: Random) -> EndpointMedia:
    """All media of an endpoint; AnswerError if the server refuses what the endpoint was to send."""
    sends, receives = [], []
    begin = random.uniform(0, clips.length_ms)
    for line in offered.lines:
        answered = answer.lines.get(line.mid)
        if answered is None:
            raise AnswerError(f"the server's answer has no m-line with mid {line.mid}")
        if line.layers:
            sends.append(_sent(line, answered, clips, begin))
        elif answered.accepted and answered.direction in ("sendonly", "sendrecv"):
            receives.append(_received(line, answered))
    if not sends and not receives:
        raise AnswerError("the server's answer lets nothing be sent or received")
    return EndpointMedia(
        sends=tuple(sends), receives=tuple(receives), extensions=_extensions(answer), rtcp_ssrc=offered.rtcp_ssrc
    )


def _sent(line: OfferedLine, answered: AnsweredLine, clips: ClipHandles, begin: float) -> SentTrack:
    codec = _codec(line, answered)
    if not answered.accepted or codec is None or answered.direction not in ("recvonly", "sendrecv"):
        raise AnswerError(f"the server takes no {line.kind} in {CODECS[line.kind]} (mid {line.mid})")
    handles = (clips.audio,) if line.kind == "audio" else clips.video
    return SentTrack(
        mid=line.mid,
        kind=line.kind,
        payload_type=codec.payload_type,
        rtx_payload_type=codec.rtx_payload_type,
        layers=tuple(_layers(line, answered, handles, rtx=codec.rtx_payload_type is not None)),
        offset_ms=begin,
    )


def _codec(line: OfferedLine, answered: AnsweredLine) -> AnsweredCodec | None:
    return next((codec for codec in answered.codecs if codec.name == CODECS[line.kind]), None)


def _layers(line: OfferedLine, answered: AnsweredLine, handles: tuple[int, ...], *, rtx: bool) -> Iterator[SentLayer]:
    """Those that the server takes; if it knows no simulcast, the largest alone and without a RID."""
    offered = list(zip(line.layers, handles, strict=True))
    if len(offered) > 1 and not any(layer.rid in answered.rids for layer, _ in offered):
        yield _layer(*offered[-1], rtx=rtx, rid=None)
        return
    for layer, clip in offered:
        if layer.rid is None or layer.rid in answered.rids:
            yield _layer(layer, clip, rtx=rtx, rid=layer.rid)


def _layer(layer: OfferedLayer, clip: int, *, rtx: bool, rid: str | None) -> SentLayer:
    return SentLayer(rid=rid, ssrc=layer.ssrc, rtx_ssrc=layer.rtx_ssrc if rtx else None, clip=clip)


def _received(line: OfferedLine, answered: AnsweredLine) -> ReceivedTrack:
    codecs = [codec for codec in answered.codecs if codec.name == CODECS[line.kind]]
    if not codecs:
        raise AnswerError(f"the server would send {line.kind} that is not {CODECS[line.kind]} (mid {line.mid})")
    feedback = frozenset[str]().union(*(codec.feedback for codec in codecs))
    return ReceivedTrack(
        mid=line.mid,
        kind=line.kind,
        ssrc=answered.ssrc,
        rtx_ssrc=answered.rtx_ssrc,
        payload_types=tuple(codec.payload_type for codec in codecs),
        clock_rate=codecs[0].clock_rate,
        rtx_payload_types=tuple(codec.rtx_payload_type for codec in codecs if codec.rtx_payload_type is not None),
        nack="nack" in feedback,
        pli="nack pli" in feedback,
    )


def _extensions(answer: Answer) -> Extensions:
    """What both know; an id means the same in the whole bundle (RFC 9143 §9.1)."""
    ids = {extension.uri: extension.id for line in answer.lines.values() for extension in line.extensions}
    return Extensions(**{name: ids.get(uri, 0) for name, uri in URIS.items()})
