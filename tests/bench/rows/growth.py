"""growth: whether a packet costs the same in rooms of ten and in a room of 3,000.

load -> **growth** -> row

The same number of receivers each time, in 300, 30, 3 rooms and in one: the core is as busy, and only the rooms' size
differs.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import targets
from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.load import Measured, Shape, measure
from tests.bench.row import Row, at_most, told

SIZES = (10, 100, 1_000, 3_000)
RECEIVERS = 3_000
KBPS = 600
"""About 75 packets a second each: 225,000 in all, of which every size has to make the same."""
MOST_APART = 1.3


def rows(bench: Bench) -> Iterator[Row]:
    """One row a size, and the largest beside the smallest."""
    found = {}
    for size in SIZES:
        shape = Shape(rooms=RECEIVERS // size, publishers=1, receivers=size, kbps=KBPS)
        with targets.node(bench, shape.rooms, shape.publishers) as node:
            load = found[size] = measure(bench, node, shape, bench.effort)
        us = load.median(lambda run: run.us)
        about = f"CPU of a forwarded packet, {shape.rooms} rooms of 1 → {size}"
        yield told(f"growth.{size}", about, us, "us", how=f"{bench.effort}; {load}")
    yield _compared(found)


def _compared(found: dict[int, Measured]) -> Row:
    us = {size: load.median(lambda run: run.us) for size, load in found.items()}
    about = f"dearest packet beside the cheapest, rooms of {min(us)} to {max(us):,} receivers"
    how = ", ".join(f"{size:,}: {one:.2f} us" for size, one in us.items())
    return at_most("growth", about, max(us.values()) / min(us.values()), "x", bar=MOST_APART, how=how)


FAMILY = Family("growth", "a packet in small rooms and in big ones", 6.5, rows)
