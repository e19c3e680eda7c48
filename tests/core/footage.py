"""Real pictures as RTP payloads, in the sizes of simulcast layers, and back.

PyAV (encode) -> **footage** (payloads) -> core -> **footage** (frames) -> PyAV (decode)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Final, cast

import av
import numpy as np
import numpy.typing as npt
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import VpxPayloadDescriptor
from av.codec import CodecContext
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

FPS: Final = 25
TICKS: Final = 90_000 // FPS
MTU: Final = 1_100


Pattern = tuple[tuple[int, bool], ...]
"""Of each picture in turn, from a keyframe on: its temporal layer, and whether it leans on the lowest alone."""
ONE_LAYER: Final[Pattern] = ((0, False),)
L1T3: Final[Pattern] = ((0, False), (2, True), (1, True), (2, False))


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


def _chunks(frame: bytes) -> Iterator[bytes]:
    return (frame[start : start + MTU] for start in range(0, len(frame), MTU))


def _split_vp8(frame: bytes, number: int, since: int, pattern: Pattern = ONE_LAYER) -> list[bytes]:
    """RFC 7741 §4.2: S in the first, picture id of 15 bits, TL0PICIDX (here a picture's number), TID and Y."""
    (temporal, sync), tl0 = pattern[since % len(pattern)], number - since % len(pattern)
    head = struct.pack("!BHBB", 0xE0, 0x8000 | number & 0x7FFF, tl0 & 0xFF, temporal << 6 | sync << 5)
    return [bytes([0x90 if index == 0 else 0x80]) + head + chunk for index, chunk in enumerate(_chunks(frame))]


def _join_vp8(payloads: Iterable[bytes]) -> bytes:
    return b"".join(VpxPayloadDescriptor.parse(payload)[1] for payload in payloads)


def _split_vp9(frame: bytes, number: int, since: int, pattern: Pattern = ONE_LAYER) -> list[bytes]:
    """RFC 9628 §4.2: I, P, L, B, E; TID, U, SID, D and TL0PICIDX (here a picture's number), not flexible."""
    chunks = list(_chunks(frame))
    (temporal, sync), tl0 = pattern[since % len(pattern)], number - since % len(pattern)
    payloads = []
    for index, chunk in enumerate(chunks):
        first, last = index == 0, index == len(chunks) - 1
        flags = 0x80 | (0x40 if since else 0) | 0x20 | (0x08 if first else 0) | (0x04 if last else 0)
        head = struct.pack("!BHBB", flags, 0x8000 | number & 0x7FFF, temporal << 5 | sync << 4, tl0 & 0xFF)
        payloads.append(head + chunk)
    return payloads


def _join_vp9(payloads: Iterable[bytes]) -> bytes:
    """The frames of all spatial layers, and behind several their index (VP9 bitstream specification, annex B)."""
    frames: dict[int, bytearray] = {}
    for payload in payloads:
        spatial, start = _vp9_layer(payload)
        frames.setdefault(spatial, bytearray()).extend(payload[start:])
    marker = bytes([0xC0 | 3 << 3 | len(frames) - 1])
    sizes = b"".join(struct.pack("<L", len(frame)) for frame in frames.values())
    return b"".join(frames.values()) + (marker + sizes + marker if len(frames) > 1 else b"")


def _vp9_layer(payload: bytes) -> tuple[int, int]:
    """Spatial layer, and length of the payload descriptor (RFC 9628 §4.2)."""
    has, at = payload[0], 1
    at += (2 if payload[at] & 0x80 else 1) if has & 0x80 else 0
    spatial = payload[at] >> 1 & 7 if has & 0x20 else 0
    at += (1 if has & 0x10 else 2) if has & 0x20 else 0
    if has & 0x50 == 0x50:  # references, the last without N
        while payload[at] & 1:
            at += 1
        at += 1
    if has & 0x02:  # sizes, and references of a group
        structure, at = payload[at], at + 1
        at += 4 * ((structure >> 5) + 1) if structure & 0x10 else 0
        pictures, at = (payload[at], at + 1) if structure & 0x08 else (0, at)
        for _ in range(pictures):
            at += 1 + (payload[at] >> 2 & 3)
    return spatial, at


def _split_h264(frame: bytes, _number: int, _since: int) -> list[bytes]:
    """RFC 6184, as aiortc does it."""
    return H264Encoder._packetize(H264Encoder._split_bitstream(frame))


def _join_h264(payloads: Iterable[bytes]) -> bytes:
    """Annex B of single NAL units, STAP-A (24) and FU-A (28)."""
    out = bytearray()
    for payload in payloads:
        kind = payload[0] & 0x1F
        if kind == 24:
            rest = payload[1:]
            while rest:
                (length,) = struct.unpack("!H", rest[:2])
                out += b"\0\0\0\1" + rest[2 : 2 + length]
                rest = rest[2 + length :]
        elif kind == 28:
            if payload[1] & 0x80:
                out += b"\0\0\0\1" + bytes([payload[0] & 0xE0 | payload[1] & 0x1F])
            out += payload[2:]
        else:
            out += b"\0\0\0\1" + payload
    return bytes(out)


def _split_av1(frame: bytes, _number: int, since: int) -> list[bytes]:
    """AV1 RTP payload format v1.0.0 §4.4: one OBU or a piece of one in each packet (W 1), without its size."""
    payloads: list[bytes] = []
    for obu in _obus(frame):
        chunks = list(_chunks(obu))
        for index, chunk in enumerate(chunks):
            goes_on, continues = index < len(chunks) - 1, index > 0
            begins = since == 0 and not payloads
            payloads.append(bytes([continues << 7 | goes_on << 6 | 1 << 4 | begins << 3]) + chunk)
    return payloads


def _obus(frame: bytes) -> Iterator[bytes]:
    """The OBUs of a temporal unit without their sizes, and without the temporal delimiter (type 2)."""
    at = 0
    while at < len(frame):
        head = frame[at : at + 1 + (frame[at] >> 2 & 1)]
        length, start = _leb128(frame, at + len(head))
        if head[0] >> 3 & 0xF != 2:
            yield bytes([head[0] & ~2]) + head[1:] + frame[start : start + length]
        at = start + length


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """A number, and where what follows it begins."""
    value = 0
    for index in range(8):
        value |= (data[at + index] & 0x7F) << 7 * index
        if not data[at + index] & 0x80:
            return value, at + index + 1
    raise ValueError("a number of more than 8 octets")


def _join_av1(payloads: Iterable[bytes]) -> bytes:
    obus: list[bytearray] = []
    for payload in payloads:
        first, *others = _av1_elements(payload)
        if payload[0] & 0x80:
            obus[-1] += first
        else:
            obus.append(bytearray(first))
        obus += map(bytearray, others)
    return b"\x12\0" + b"".join(_with_size(obu) for obu in obus)


def _av1_elements(payload: bytes) -> Iterator[bytes]:
    """OBUs and pieces of them; of W the last has no length, and with W 0 all have one."""
    count, at = payload[0] >> 4 & 3, 1
    while at < len(payload):
        count -= 1
        length, at = (len(payload) - at, at) if count == 0 else _leb128(payload, at)
        yield payload[at : at + length]
        at += length


def _with_size(obu: bytearray) -> bytes:
    head = 1 + (obu[0] >> 2 & 1)
    length, size = len(obu) - head, bytearray()
    while length >= 0x80:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([obu[0] | 2]) + bytes(obu[1:head]) + bytes([*size, length]) + bytes(obu[head:])


_VPX = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0"}
VP8: Final = Way(
    name="VP8",
    key="VP8",
    encoder="libvpx",
    decoder="vp8",
    options=_VPX,
    split=_split_vp8,
    join=_join_vp8,
)
VP9: Final = Way(
    name="VP9",
    key="VP9/profile-id=0",
    encoder="libvpx-vp9",
    decoder="vp9",
    options=_VPX,
    split=_split_vp9,
    join=_join_vp9,
)
AV1: Final = Way(
    name="AV1",
    key="AV1/profile=0",
    encoder="libsvtav1",
    decoder="libdav1d",
    options={"preset": "12", "svtav1-params": "pred-struct=1:lookahead=0:rc=2:force-key-frames=1"},
    split=_split_av1,
    join=_join_av1,
)
H264: Final = Way(
    name="H264",
    key="H264/packetization-mode=1/profile=42e0",
    encoder="libx264",
    decoder="h264",
    options={"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"},
    split=_split_h264,
    join=_join_h264,
)
WAYS: Final = (VP8, VP9, AV1, H264)

_L1T3: Final = _VPX | {
    "error-resilient": "default",
    "ts-parameters": "ts_number_layers=3:ts_target_bitrate=100,200,400:ts_rate_decimator=4,2,1:"
    "ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3",
}
TEMPORAL_WAYS: Final = (
    replace(VP8, options=_L1T3, split=partial(_split_vp8, pattern=L1T3)),
    replace(VP9, options=_L1T3, split=partial(_split_vp9, pattern=L1T3)),
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
