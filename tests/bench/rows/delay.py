"""delay: how long packets and frames are under way through the node, at little load and at a lot.

load -> **delay** -> row

Stamped when the publisher's packet is given to the kernel, taken when the receiver has read it: so a delay has the
kernel's and the tester's part in it twice, and nothing is subtracted.  A frame's is that of its last packet: a busy
core sends the packets of a frame together, so the earlier ones wait for what the frame would have waited for anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.bench import targets
from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.load import Measured, measure
from tests.bench.row import Row, at_most, told, whole
from tests.bench.rows import fanout, meetings

LITTLE, MUCH = 0.2, 0.9
"""Shares of a core."""
OF_A_ROOM = 119 * 200
"""Packets a second that a room of 1 → 200 gets at 1 Mbit/s."""
MEETINGS_MS = (0.2, 1.0)
BIG_MS = (4.0, 12.0)


def rows(bench: Bench) -> Iterator[Row]:
    """p50 and p99 of a low load and a high one; and of nine tenths of what `fanout_pps` asks for, whatever fits."""
    parts = [*_meetings(bench), *_big(bench)]
    yield from parts
    yield whole("delay", "delay that forwarding adds, rooms of 4 and big rooms", parts)


def _meetings(bench: Bench) -> Iterator[Row]:
    with targets.ours(bench, meetings.MOST_ROOMS * meetings.ROOM.in_room) as node:
        most = bench.found.get("meetings") or meetings.most(bench, node, meetings.FIRST).rooms
        rooms = max(1, round(LITTLE * int(str(most))))
        load = measure(bench, node, replace(meetings.ROOM, rooms=rooms), bench.effort)
    yield from _parts(bench, load, "delay.meetings", f"{rooms} rooms of 4, a fifth of those that fit", MEETINGS_MS)


def _big(bench: Bench) -> Iterator[Row]:
    with targets.node(bench, fanout.MOST_ROOMS, fanout.ROOM.publishers) as node:
        full = bench.found.get("fanout") or fanout.filled(bench, node, fanout.FIRST)
        assert isinstance(full, Measured)
        rooms = max(1, int(MUCH * full.shape.rooms))
        load = measure(bench, node, replace(fanout.ROOM, rooms=rooms), bench.effort)
        asked = max(1, int(MUCH * fanout.PACKETS_PER_S / OF_A_ROOM))
        lower = measure(bench, node, replace(fanout.ROOM, rooms=asked), bench.effort)
    big = f"rooms of 1 → {fanout.ROOM.receivers}, nine tenths of"
    yield from _parts(bench, load, "delay.big", f"{rooms} {big} those that fit", BIG_MS)
    for row in _parts(bench, lower, "delay.asked", f"{asked} {big} {fanout.PACKETS_PER_S:,.0f} packets/s", BIG_MS):
        yield replace(row, bar=None, holds=None)


def _parts(bench: Bench, load: Measured, what: str, about: str, bars: tuple[float, float]) -> Iterator[Row]:
    how = f"{bench.effort}; {load}; the kernel's part, twice, is in it"
    figures = {"p50": load.median(lambda run: run.p50), "p99": load.median(lambda run: run.p99)}
    for (name, value), bar in zip(figures.items(), bars, strict=True):
        yield at_most(f"{what}.{name}", f"delay, {name}, {about}", value, "ms", bar=bar, how=how)
    frames = {"p50": load.median(lambda run: run.frame_p50), "p99": load.median(lambda run: run.frame_p99)}
    for name, value in frames.items():
        yield told(f"{what}.frame.{name}", f"delay of frames, {name}, {about}", value, "ms", how=how)


FAMILY = Family("delay", "how long a packet is under way", 5.5, rows)
