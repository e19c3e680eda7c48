"""memory: what a receiver and a publisher take of the node's, beside Janus.

load, tests.load.janus -> **memory** -> row

Resident memory of the process after everybody's media has flowed for a while, less that before anybody came.  The first
load warms the process up: what it took is not a participant's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import psutil

from tests.bench import targets
from tests.bench.beside import beside
from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.load import Measured, Shape, measure
from tests.bench.row import Row, at_most, whole
from tests.bench.targets import Target

KB = 1_000
WARM = Shape(publishers=4, receivers=16, kbps=500, audio=True)
RECEIVERS = Shape(rooms=10, publishers=1, receivers=100, kbps=100, audio=True)
PUBLISHERS = Shape(rooms=100, publishers=1, receivers=0, kbps=1_000, audio=True)
RECEIVER_KB = 100.0
PUBLISHER_KB = 1_000.0

Grown = tuple[float, float]
"""Kilobytes of a receiver and of a publisher."""


def rows(bench: Bench) -> Iterator[Row]:
    """Both, and whether they hold."""
    users = RECEIVERS.participants + PUBLISHERS.participants
    receiver, publisher = _grown(bench, lambda: targets.ours(bench, users))
    peer, why = beside(lambda: _grown(bench, lambda: targets.janus(bench)))
    theirs = peer or (None, None)
    how = "growth of resident memory, once; " + (why or "peer: Janus")
    parts = [
        at_most(
            "memory.receiver",
            f"memory of a receiver, of {RECEIVERS.participants:,}",
            receiver,
            "KB",
            bar=RECEIVER_KB,
            peer=theirs[0],
            how=how,
        ),
        at_most(
            "memory.publisher",
            f"memory of a publisher of 1 Mbit/s, of {PUBLISHERS.rooms}",
            publisher,
            "KB",
            bar=PUBLISHER_KB,
            peer=theirs[1],
            how=how,
        ),
    ]
    yield from parts
    yield whole("memory", "memory that a participant takes", parts)


def _grown(bench: Bench, start: Callable[[], AbstractContextManager[Target]]) -> Grown:
    """A process each: memory that was given back to it would be taken again unseen."""
    found = []
    for shape, of in ((RECEIVERS, RECEIVERS.participants), (PUBLISHERS, PUBLISHERS.participants)):
        with start() as target:
            measure(bench, target, WARM, replace(bench.effort, runs=1, seconds=2.0))
            before = psutil.Process(target.pid).memory_info().rss
            load = measure(bench, target, shape, replace(bench.effort, runs=1, seconds=bench.effort.longest(10.0)))
            found.append((_rss_after(load) - before) / KB / of)
    return found[0], found[1]


def _rss_after(load: Measured) -> float:
    server = load.report.get("server") or {}
    return float(server.get("rss_after", 0))


FAMILY = Family("memory", "what a participant takes of memory", 2, rows)
