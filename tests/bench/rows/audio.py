"""audio_cpu: what a forwarded packet of sound costs, beside the floor.

load, floor -> **audio** -> row

Three speak at once, 500 listen: small packets, and three times as many of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.bench import floor, targets
from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.load import Shape, measure
from tests.bench.row import Row, at_most
from tests.bench.rows.fanout import FULL, how, search
from tests.bench.search import Search

ROOM = Shape(publishers=3, receivers=500, audio=True, video=False, seats=3)
MOST_ROOMS = 10
TRIES = 4
FLOOR_FACTOR = 1.6


def rows(bench: Bench) -> Iterator[Row]:
    """The one row."""
    with targets.node(bench, MOST_ROOMS, ROOM.publishers) as node:
        rooms, why = search(bench, node, ROOM, Search(2, TRIES, MOST_ROOMS, FULL))
        load = measure(bench, node, replace(ROOM, rooms=rooms), bench.effort)
    least = floor.measure(bench, load)
    yield at_most(
        "audio_cpu",
        f"CPU of a forwarded packet, sound only, {rooms} rooms of 3 speakers → {ROOM.receivers}",
        load.median(lambda run: run.us),
        "us",
        bar=FLOOR_FACTOR * least.us,
        floor=least.us,
        how="; ".join(filter(None, (how(bench, load), why, str(least)))),
    )


FAMILY = Family("audio", "a forwarded packet of sound", 3.5, rows, ("audio_cpu",))
