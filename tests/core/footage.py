"""Real pictures as RTP payloads, in the sizes of simulcast layers, and back.

PyAV (encode) -> **footage** (payloads) -> core -> **footage** (frames) -> PyAV (decode)
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
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


@dataclass(frozen=True, slots=True)
class Way:
    """How one codec's frames become payloads, and payloads a frame."""

    name: str
    key: str
    encoder: str
    decoder: str
    options: dict[str, str]
    split: Callable[[bytes, int, bool], list[bytes]]
    """Of a frame, its number, and whether it is a keyframe."""
    join: Callable[[Iterable[bytes]], bytes]


def _chunks(frame: bytes) -> Iterator[bytes]:
    return (frame[start : start + MTU] for start in range(0, len(frame), MTU))


def _split_vp8(frame: bytes, number: int, _keyframe: bool) -> list[bytes]:
    """RFC 7741 §4.2: S in the first, picture id of 15 bits and TL0PICIDX, which here counts the same."""
    head = struct.pack("!BH", 0xE0, 0x8000 | number & 0x7FFF) + bytes([number & 0xFF, 0])
    return [bytes([0x90 if index == 0 else 0x80]) + head + chunk for index, chunk in enumerate(_chunks(frame))]


def _join_vp8(payloads: Iterable[bytes]) -> bytes:
    return b"".join(VpxPayloadDescriptor.parse(payload)[1] for payload in payloads)


def _split_vp9(frame: bytes, number: int, keyframe: bool) -> list[bytes]:
    """RFC 9628 §4.2: I, P, L, B, E; TID, U, SID, D and TL0PICIDX, not flexible."""
    chunks = list(_chunks(frame))
    payloads = []
    for index, chunk in enumerate(chunks):
        first, last = index == 0, index == len(chunks) - 1
        flags = 0x80 | (0 if keyframe else 0x40) | 0x20 | (0x08 if first else 0) | (0x04 if last else 0)
        head = struct.pack("!BH", flags, 0x8000 | number & 0x7FFF) + bytes([0, number & 0xFF])
        payloads.append(head + chunk)
    return payloads


def _join_vp9(payloads: Iterable[bytes]) -> bytes:
    return b"".join(payload[5:] for payload in payloads)


def _split_h264(frame: bytes, _number: int, _keyframe: bool) -> list[bytes]:
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


def _split_av1(frame: bytes, _number: int, keyframe: bool) -> list[bytes]:
    """AV1 RTP payload format v1.0.0 §4.4: one OBU or a piece of one in each packet (W 1), without its size."""
    payloads: list[bytes] = []
    for obu in _obus(frame):
        chunks = list(_chunks(obu))
        for index, chunk in enumerate(chunks):
            goes_on, continues = index < len(chunks) - 1, index > 0
            begins = keyframe and not payloads
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
        if payload[0] & 0x80:
            obus[-1] += payload[1:]
        else:
            obus.append(bytearray(payload[1:]))
    return b"\x12\0" + b"".join(_with_size(obu) for obu in obus)


def _with_size(obu: bytearray) -> bytes:
    head = 1 + (obu[0] >> 2 & 1)
    length, size = len(obu) - head, bytearray()
    while length >= 0x80:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([obu[0] | 2]) + bytes(obu[1:head]) + bytes([*size, length]) + bytes(obu[head:])


_VPX = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0"}
WAYS: Final = (
    Way("VP8", "VP8", "libvpx", "vp8", _VPX, _split_vp8, _join_vp8),
    Way("VP9", "VP9/profile-id=0", "libvpx-vp9", "vp9", _VPX, _split_vp9, _join_vp9),
    Way(
        "AV1",
        "AV1/profile=0",
        "libsvtav1",
        "libdav1d",
        {"preset": "12", "svtav1-params": "pred-struct=1:lookahead=0:rc=2:force-key-frames=1"},
        _split_av1,
        _join_av1,
    ),
    Way(
        "H264",
        "H264/packetization-mode=1/profile=42e0",
        "libx264",
        "h264",
        {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"},
        _split_h264,
        _join_h264,
    ),
)


CYCLE: Final = 16
"""Pictures look different for so many frames, then alike again."""
STRIPES: Final = 64
"""Rows of a bright stripe and a dark one."""


def stripes(height: int, number: int) -> npt.NDArray[np.uint8]:
    """How bright each row of a picture is."""
    rows = (np.arange(height) + number * (STRIPES // CYCLE)) % STRIPES < STRIPES // 2
    return np.where(rows, 180, 60).astype(np.uint8)


def number_of(frame: av.VideoFrame) -> int:
    """Which picture of the cycle a decoded one is; one that is no picture of ours, or spoilt, is an error."""
    rows = frame.to_ndarray(format="yuv420p")[: frame.height].mean(axis=1)
    misses = [float(np.abs(rows - stripes(frame.height, number)).mean()) for number in range(CYCLE)]
    best = int(np.argmin(misses))
    assert misses[best] < 10, f"a spoilt picture: {misses[best]:.0f} of 255 away from the nearest"
    return best


class Camera:
    """One layer's encoder: moving stripes."""

    def __init__(self, way: Way, *, width: int, height: int, kbps: int, number: int = 0) -> None:
        """`number`: of its first picture."""
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
        self._number = number

    def frame(self, *, keyframe: bool) -> list[bytes]:
        """The payloads of the next frame."""
        width, height = self._size
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        picture[:height] = stripes(height, self._number)[:, None]
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = self._number, Fraction(1, FPS)
        frame.pict_type = av.video.frame.PictureType.I if keyframe else av.video.frame.PictureType.NONE
        packets = self._encoder.encode(frame)
        payloads = [
            payload
            for packet in packets
            for payload in self._way.split(bytes(packet), self._number, packet.is_keyframe)
        ]
        self._number += 1
        return payloads


class Screen:
    """A decoder that is given whole frames, in order; what it cannot decode is an error."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._decoder = cast("VideoCodecContext", CodecContext.create(way.decoder, "r"))
        self._decoder.flags |= Flags.low_delay  # a frame in, a frame out

    def show(self, payloads: Iterable[bytes]) -> list[int]:
        """The heights of the pictures that these payloads of one frame give."""
        return [frame.height for frame in self.decode(payloads)]

    def decode(self, payloads: Iterable[bytes]) -> list[av.VideoFrame]:
        """The pictures that these payloads of one frame give."""
        return list(self._decoder.decode(av.Packet(self._way.join(payloads))))
