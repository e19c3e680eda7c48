"""Real pictures, in the sizes of simulcast layers, encoded and decoded.

**footage** (Camera) -> payloads (split) -> core -> payloads (join) -> **footage** (Screen)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Final, cast

import av
import numpy as np
import numpy.typing as npt
from av.codec import CodecContext
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from tests.core.payloads import (
    L1T3,
    join_av1,
    join_h264,
    join_vp8,
    join_vp9,
    split_av1,
    split_h264,
    split_vp8,
    split_vp9,
)

FPS: Final = 25
TICKS: Final = 90_000 // FPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How one codec's payloads become a frame, and a frame a picture."""

    name: str
    key: str
    decoder: str
    join: Callable[[Iterable[bytes]], bytes]
    drawn: int | None = None
    """Rows that the stripes were drawn in; None: as many as the picture has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way(Form):
    """The same, and how the codec's frames become payloads."""

    encoder: str
    options: dict[str, str]
    split: Callable[[bytes, int, int], list[bytes]]
    """Of a frame, its number, and how many frames ago there was a keyframe."""


_VPX = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0"}
VP8: Final = Way(
    name="VP8",
    key="VP8",
    encoder="libvpx",
    decoder="vp8",
    options=_VPX,
    split=split_vp8,
    join=join_vp8,
)
VP9: Final = Way(
    name="VP9",
    key="VP9/profile-id=0",
    encoder="libvpx-vp9",
    decoder="vp9",
    options=_VPX,
    split=split_vp9,
    join=join_vp9,
)
AV1: Final = Way(
    name="AV1",
    key="AV1/profile=0",
    encoder="libsvtav1",
    decoder="libdav1d",
    options={"preset": "12", "svtav1-params": "pred-struct=1:lookahead=0:rc=2:force-key-frames=1"},
    split=split_av1,
    join=join_av1,
)
H264: Final = Way(
    name="H264",
    key="H264/packetization-mode=1/profile=42e0",
    encoder="libx264",
    decoder="h264",
    options={"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"},
    split=split_h264,
    join=join_h264,
)
WAYS: Final = (VP8, VP9, AV1, H264)

_THINNED: Final = _VPX | {
    "error-resilient": "default",
    "ts-parameters": "ts_number_layers=3:ts_target_bitrate=100,200,400:ts_rate_decimator=4,2,1:"
    "ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3",
}
TEMPORAL_WAYS: Final = (
    replace(VP8, options=_THINNED, split=partial(split_vp8, pattern=L1T3)),
    replace(VP9, options=_THINNED, split=partial(split_vp9, pattern=L1T3)),
)
"""With three temporal layers, which take 100, 100 and 200 of 400 kbit/s; each keyframe begins the pattern anew."""


CYCLE: Final = 16
"""Pictures look different for so many frames, then alike again."""
STRIPES: Final = 64
"""Rows of a bright stripe and a dark one."""


def stripes(height: int, number: int, drawn: int | None = None) -> npt.NDArray[np.uint8]:
    """How bright each row of a picture is that was `drawn` in so many rows."""
    rows = (np.arange(height) + 0.5) * (drawn or height) / height
    return np.where((rows + number * (STRIPES // CYCLE)) % STRIPES < STRIPES // 2, 180, 60).astype(np.uint8)


def number_of(frame: av.VideoFrame, drawn: int | None = None) -> int:
    """Which picture of the cycle a decoded one is; one that is no picture of ours, or spoilt, is an error."""
    rows = frame.to_ndarray(format="yuv420p")[: frame.height].mean(axis=1)
    misses = [float(np.abs(rows - stripes(frame.height, number, drawn)).mean()) for number in range(CYCLE)]
    best = int(np.argmin(misses))
    assert misses[best] < 10, f"a spoilt picture: {misses[best]:.0f} of 255 away from the nearest"
    return best


@contextmanager
def _no_more_urgent() -> Iterator[None]:
    """SVT-AV1 makes its threads, and the one that opens it, real-time ones if it may, as root may.

    Whatever was started by that one later would leave the others of the machine a twentieth of its processors.
    """
    yield
    for thread in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):
            os.sched_setscheduler(int(thread), os.SCHED_OTHER, os.sched_param(0))


class Camera:
    """One layer's encoder: moving stripes."""

    def __init__(self, way: Way, *, width: int, height: int, kbps: int, number: int = 0, grain: int = 0) -> None:
        """`number`: of its first picture; `grain`: how much its pixels differ from their row, which costs bits."""
        self._way = way
        self._size = (width, height)
        self._encoder = cast("VideoCodecContext", CodecContext.create(way.encoder, "w"))
        self._encoder.width, self._encoder.height = width, height
        self._encoder.pix_fmt = "yuv420p"
        self._encoder.bit_rate = kbps * 1_000
        self._encoder.time_base = Fraction(1, FPS)
        self._encoder.framerate = Fraction(FPS, 1)
        self._encoder.gop_size = 10_000
        self._encoder.options = way.options
        with _no_more_urgent():
            self._encoder.open()
        self._number = number
        self._grain = grain
        self._since = 0

    def frame(self, *, keyframe: bool) -> list[bytes]:
        """The payloads of the next frame."""
        width, height = self._size
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        picture[:height] = stripes(height, self._number)[:, None]
        if self._grain:
            picture[:height] += np.random.default_rng(self._number).integers(
                self._grain, size=(height, width), dtype=np.uint8
            )
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = self._number, Fraction(1, FPS)
        frame.pict_type = av.video.frame.PictureType.I if keyframe else av.video.frame.PictureType.NONE
        payloads = []
        for packet in self._encoder.encode(frame):
            self._since = 0 if packet.is_keyframe else self._since + 1
            payloads += self._way.split(bytes(packet), self._number, self._since)
        self._number += 1
        return payloads


class Screen:
    """A decoder that is given whole frames, in order; what it cannot decode is an error."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._decoder = cast("VideoCodecContext", CodecContext.create(form.decoder, "r"))
        self._decoder.flags |= Flags.low_delay  # a frame in, a frame out

    def show(self, payloads: Iterable[bytes]) -> list[int]:
        """The height of the picture that these payloads of one frame give."""
        return [frame.height for frame in self.decode(payloads)]

    def decode(self, payloads: Iterable[bytes]) -> list[av.VideoFrame]:
        """The picture that these payloads of one frame give: with spatial layers the highest."""
        return list(self._decoder.decode(av.Packet(self._form.join(payloads))))[-1:]
