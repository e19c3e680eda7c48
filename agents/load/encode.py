"""Pictures at a wanted size and rate, encoded once before a run begins.

clips -> **encode** -> LoadClip

VP8 as libwebrtc sets it up for calls: realtime, constant rate, no frame held back, and after the first picture no
keyframe until one is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final

import av

from agents.load.media import LoadClip, LoadFrame

FRAMES_PER_S: Final = 30
CLOCK_RATE: Final = 90_000


class _Encoder:
    """One size and rate."""

    def __init__(self, width: int, height: int, kbps: int) -> None:
        context = av.CodecContext.create("libvpx", "w")
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base, context.framerate = Fraction(1, FRAMES_PER_S), Fraction(FRAMES_PER_S)
        context.bit_rate, context.gop_size, context.thread_count = kbps * 1_000, 2**30, 1
        context.options = _options(kbps)
        self._context = context
        self._count = 0

    def encode(self, picture: av.VideoFrame) -> bytes:
        picture.pts, picture.time_base = self._count, Fraction(1, FRAMES_PER_S)
        kinds = av.video.frame.PictureType
        picture.pict_type = kinds.NONE if self._count else kinds.I
        self._count += 1
        return b"".join(bytes(packet) for packet in self._context.encode(picture))


def _options(kbps: int) -> dict[str, str]:
    """Without a buffer size the encoder's own lets the first picture have nine times the mean, as libwebrtc does."""
    rate = str(kbps * 1_000)
    realtime = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0"}
    return realtime | {"minrate": rate, "maxrate": rate, "undershoot-pct": "100", "overshoot-pct": "15"}


def encode(pictures: Iterable[av.VideoFrame], width: int, height: int, kbps: int) -> LoadClip:
    """The pictures as a VP8 clip of that size, 30 a second."""
    encoder = _Encoder(width, height, kbps)
    frames: list[LoadFrame] = []
    for count, picture in enumerate(pictures):
        data = encoder.encode(picture.reformat(width=width, height=height, format="yuv420p"))
        # A frame that the encoder dropped is not sent; the next one keeps its time.
        if data:
            frames.append(LoadFrame(at_ms=count * 1_000 / FRAMES_PER_S, keyframe=not frames, data=data))
    return LoadClip(kind="video", codec="VP8", clock_rate=CLOCK_RATE, frames=tuple(frames))
