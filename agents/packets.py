"""The packets of a media file, and whether all of them are there.

file → **packets** → pictures, sounds → clip
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import av.logging

from agents.errors import ClipError

MAX_BYTES: Final = 256 * 1024 * 1024
"""Of encoded media; a longer clip belongs into a track of one's own."""


@contextlib.contextmanager
def listening(path: Path) -> Iterator[None]:
    """A demuxer steps over damage and only logs it: so what it logs is read."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as complaints:
            yield
    finally:
        av.logging.set_level(level)
    if complaints:
        raise ClipError(path, f"is damaged: {complaints[0][2].strip()}")


def packets_of(path: Path, container: av.container.InputContainer) -> list[av.Packet[Any]]:
    """Every packet with data, in the file's order."""
    packets: list[av.Packet[Any]] = []
    size = 0
    for packet in container.demux():
        if packet.size == 0 or packet.pts is None:
            continue
        size += packet.size
        if size > MAX_BYTES:
            raise ClipError(path, f"has more than {MAX_BYTES >> 20} MB of media; an agent holds a clip in memory")
        packets.append(packet)
    if not packets:
        raise ClipError(path, "has no media in it")
    return packets


def seconds(packet: av.Packet[Any]) -> Fraction:
    """When a packet is shown, in the file's time."""
    return Fraction(packet.pts or 0) * Fraction(packet.time_base.numerator, packet.time_base.denominator)


def check_whole(path: Path, declared_us: int | None, packets: list[av.Packet[Any]]) -> None:
    """A file cut short still opens; its header tells on it."""
    last = max(seconds(packet) for packet in packets)
    if declared_us is not None and last + 2 < Fraction(declared_us, 1_000_000):
        raise ClipError(path, f"is cut off: {float(last):.1f} s of {declared_us / 1e6:.1f} s are there")
