"""Frames as RTP payloads, and back, of each codec.

encoder -> **payloads** (split) -> core -> **payloads** (join) -> decoder
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import VpxPayloadDescriptor

MTU: Final = 1_100

Pattern = tuple[tuple[int, bool], ...]
"""Of each picture in turn, from a keyframe on: its temporal layer, and whether it leans on the lowest alone."""
ONE_LAYER: Final[Pattern] = ((0, False),)
L1T3: Final[Pattern] = ((0, False), (2, True), (1, True), (2, False))


def _chunks(frame: bytes) -> Iterator[bytes]:
    return (frame[start : start + MTU] for start in range(0, len(frame), MTU))


def split_vp8(frame: bytes, number: int, since: int, pattern: Pattern = ONE_LAYER) -> list[bytes]:
    """RFC 7741 §4.2: S in the first, picture id of 15 bits, TL0PICIDX (here a picture's number), TID and Y."""
    (temporal, sync), tl0 = pattern[since % len(pattern)], number - since % len(pattern)
    head = struct.pack("!BHBB", 0xE0, 0x8000 | number & 0x7FFF, tl0 & 0xFF, temporal << 6 | sync << 5)
    return [bytes([0x90 if index == 0 else 0x80]) + head + chunk for index, chunk in enumerate(_chunks(frame))]


def join_vp8(payloads: Iterable[bytes]) -> bytes:
    """What is behind their descriptors."""
    return b"".join(VpxPayloadDescriptor.parse(payload)[1] for payload in payloads)


def split_vp9(frame: bytes, number: int, since: int, pattern: Pattern = ONE_LAYER) -> list[bytes]:
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


def join_vp9(payloads: Iterable[bytes]) -> bytes:
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


def split_h264(frame: bytes, _number: int, _since: int) -> list[bytes]:
    """RFC 6184, as aiortc does it."""
    return H264Encoder._packetize(H264Encoder._split_bitstream(frame))


def join_h264(payloads: Iterable[bytes]) -> bytes:
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


def split_av1(frame: bytes, _number: int, since: int) -> list[bytes]:
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


def join_av1(payloads: Iterable[bytes]) -> bytes:
    """A temporal unit: a delimiter, and OBUs with their sizes."""
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
