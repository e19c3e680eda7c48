"""meetings: how many rooms of four a core carries while delay stays low, beside Janus.

load, tests.load.janus -> **meetings** -> row

Everybody sends 500 kbit/s and sound, and sees and hears the three others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.bench import targets
from tests.bench.beside import beside
from tests.bench.effort import Bench, Unmeasured
from tests.bench.family import Family
from tests.bench.load import Measured, Shape, measure, probe
from tests.bench.row import Row, at_least, unshown
from tests.bench.search import Search
from tests.bench.targets import Target

ROOM = Shape(publishers=4, kbps=500, audio=True, seats=3, ramp=40.0, get_in=0.98, still=0.06)
"""Who come no faster than a busy core lets them in: what is measured is the media of those who are in.

Pictures stand still for 2 to 5 % of the time on an idle core as well: a publisher takes 0.15 s to pace a keyframe.
"""
MOST_P99_MS = 30.0
MOST_ROOMS = 400
FIRST, FIRST_OF_JANUS = 100, 24
TRIES = 5
STEPS_BACK = 4
TIMES_JANUS = 4


@dataclass(frozen=True, slots=True)
class Fits:
    """The most rooms that fit, by medians of a full measurement."""

    load: Measured

    @property
    def rooms(self) -> int:
        """How many."""
        return self.load.shape.rooms


def rows(bench: Bench) -> Iterator[Row]:
    """The one row."""
    with targets.ours(bench, MOST_ROOMS * ROOM.in_room) as node:
        ours = most(bench, node, FIRST)
    bench.found["meetings"] = ours.rooms
    peer, why = beside(lambda: _peer(bench))
    row = at_least(
        "meetings",
        "rooms of 4 a core, each sending 500 kbit/s and sound, p99 delay ≤ 30 ms",
        ours.rooms,
        "rooms",
        bar=TIMES_JANUS * peer.rooms if peer else 0,
        peer=peer.rooms if peer else None,
        how=f"{bench.effort}; {_how(ours.load)}" + (f"; Janus: {_how(peer.load)}" if peer else ""),
    )
    yield row if peer else unshown(replace(row, bar=None), why)


def most(bench: Bench, target: Target, first: int) -> Fits:
    """Look for the border, then measure there; steps back where the border does not hold for long."""
    search = Search(first, TRIES, MOST_ROOMS)
    while (rooms := search.next) is not None:
        looked = probe(bench, target, replace(ROOM, rooms=rooms))
        search.note(rooms, held=holds(looked), busy=looked.median(lambda run: run.busy))
    rooms = search.largest
    for _ in range(STEPS_BACK):
        if rooms < 1:
            break
        load = measure(bench, target, replace(ROOM, rooms=rooms), bench.effort)
        if holds(load):
            return Fits(load)
        rooms = min(rooms - 1, rooms * 7 // 8)
    raise Unmeasured(f"no number of rooms held with {target.name}")


def holds(load: Measured) -> bool:
    """Little loss and little delay."""
    return load.held and load.median(lambda run: run.p99) <= MOST_P99_MS


def _peer(bench: Bench) -> Fits:
    with targets.janus(bench) as janus:
        return most(bench, janus, FIRST_OF_JANUS)


def _how(load: Measured) -> str:
    p50, p99 = load.median(lambda run: run.p50), load.median(lambda run: run.p99)
    return f"{load}, delay {p50:.1f} ms p50, {p99:.1f} ms p99"


FAMILY = Family("meetings", "rooms of 4 that a core carries", 6.5, rows)
