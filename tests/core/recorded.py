"""What a browser sent of a camera with layers inside its stream, sent once more.

vectors (`tests/vectors/layers/record.py`) -> **recorded** (RTP) -> broadcast -> core
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.core.broadcast import SSRC
from tests.core.client import parse_rtp, rtp
from tests.core.footage import AV1, TICKS, VP9, Form, Screen, number_of

VECTORS: Final = Path(__file__).parent.parent / "vectors" / "layers"
DRAWN: Final = 270
"""Rows in which the stripes are drawn: the canvas has twice as many."""
SPATIAL: Final = {
    "vp9_l3t3": Form(name=VP9.name, key=VP9.key, decoder=VP9.decoder, join=VP9.join, drawn=DRAWN),
    "av1_l3t3": Form(name=AV1.name, key=AV1.key, decoder=AV1.decoder, join=AV1.join, drawn=DRAWN),
}
"""Recordings with three spatial layers, and how they are decoded."""
TEMPORAL: Final = {"av1_l1t3": SPATIAL["av1_l3t3"]}
"""Those with temporal layers alone."""
HEIGHTS: Final = (136, 270, 540)
"""Rows of the spatial layers' pictures."""
DEPENDENCY_ID: Final = 13
"""Of the dependency descriptor, as the browser numbers it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One packet, as far as it is sent again."""

    payload: bytes
    marker: bool
    dependency: bytes


def read(name: str) -> list[list[Recorded]]:
    """The packets of each picture of a recording."""
    data, packets = (VECTORS / f"{name}.rtp").read_bytes(), list[bytes]()
    while data:
        end = 2 + int.from_bytes(data[:2])  # RFC 4571 §2
        packets.append(data[2:end])
        data = data[end:]
    pictures = itertools.groupby(packets, key=lambda packet: packet[4:8])
    return [[_recorded(packet) for packet in picture] for _, picture in pictures]


def numbers(recording: list[list[Recorded]], form: Form) -> list[int]:
    """Which pictures of the cycle the recorded ones are: a busy browser may have left one out."""
    screen = Screen(form)
    pictures = [screen.decode(packet.payload for packet in picture) for picture in recording]
    return [number_of(picture, form.drawn) for (picture,) in pictures]


def _recorded(packet: bytes) -> Recorded:
    extensions = _extensions(packet)
    return Recorded(parse_rtp(packet).payload, bool(packet[1] & 0x80), extensions.get(DEPENDENCY_ID, b""))


def _extensions(packet: bytes) -> dict[int, bytes]:
    """RFC 8285 §4, of either form."""
    if not packet[0] & 0x10:
        return {}
    profile, words = struct.unpack("!HH", packet[12:16])
    block, found = packet[16 : 16 + 4 * words], {}
    while block:
        number, length, start = block[0] >> 4, (block[0] & 0xF) + 1, 1
        if profile == 0x1000 and block[0]:
            number, length, start = block[0], block[1], 2
        if block[0] == 0:
            length = 0
        elif length:
            found[number] = block[start : start + length]
        block = block[start + length :]
    return found


@dataclass
class Replay:
    """A recording as a stream: over and over, and from its keyframe when one is asked for."""

    pictures: list[list[Recorded]]
    ssrc: int = SSRC
    wanted: bool = True
    sent: list[int] = field(default_factory=list)
    """Which of the pictures have been sent."""
    _next: int = 0
    _sequence: int = 100
    _timestamp: int = 1_000_000

    def frame(self) -> list[bytes]:
        """The packets of the next picture, and its time passes."""
        at = 0 if self.wanted else self._next
        self.wanted = False
        self._next = (at + 1) % len(self.pictures)
        self.sent.append(at)
        packets = [self._packet(recorded) for recorded in self.pictures[at]]
        self._timestamp += TICKS
        return packets

    def _packet(self, recorded: Recorded) -> bytes:
        packet = rtp(
            ssrc=self.ssrc,
            payload_type=96,
            sequence=self._sequence,
            timestamp=self._timestamp,
            payload=recorded.payload,
            marker=recorded.marker,
            dependency=recorded.dependency,
        )
        self._sequence += 1
        return packet
