"""fanout_cpu, fanout_pps: what a forwarded packet costs on a full core, and how many a core forwards.

load, floor, tests.load.janus -> **fanout** -> row

Rooms of one publisher with 1 Mbit/s of VP8, who is watched by 200: as many as fill the core.  Janus gets the same, as
much as it can take.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

from tests.bench import floor, targets
from tests.bench.beside import beside
from tests.bench.effort import Bench, Unmeasured
from tests.bench.family import Family
from tests.bench.load import Measured, Shape, measure, probe
from tests.bench.row import Row, at_least, at_most, told, unshown
from tests.bench.search import Search
from tests.bench.targets import Target

ROOM = Shape(publishers=1, receivers=200)
SMALLER = Shape(publishers=1, receivers=50, ramp=40.0, get_in=0.98)
"""The same for Janus, whose core one room and a half of 200 would fill: so that its limit can be found.

One or two in 200 were seen not to get through their DTLS handshakes while it was not busy: those who do are its load.
"""
FEW = Shape(publishers=1, receivers=4)
"""Whom MediaRelay, which encodes for each, can serve."""
FULL = 0.95
"""Share of the core."""
MOST_ROOMS, MOST_OF_JANUS = 30, 40
FIRST, FIRST_OF_JANUS = 16, 5
TRIES = 6
STEPS_BACK = 3
"""From a load that held for a moment to one that holds throughout."""

FLOOR_FACTOR = 1.6
PEER_SHARE = 1 / 3
PACKETS_PER_S = 300_000.0


def rows(bench: Bench) -> Iterator[Row]:
    """Both rows, and what MediaRelay takes."""
    with targets.node(bench, MOST_ROOMS, ROOM.publishers) as node:
        load = filled(bench, node, FIRST)
        bench.found["fanout"] = load
    least = floor.measure(bench, load)
    peer, why = beside(lambda: _peer(bench))
    yield _cpu(bench, load, least, peer, why)
    yield at_least(
        "fanout_pps",
        f"packets/s a core, {load.shape.rooms} rooms of 1 → {ROOM.receivers}",
        load.median(lambda run: run.packets_per_s),
        "/s",
        bar=PACKETS_PER_S,
        floor=1e6 / least.us,
        peer=peer.median(lambda run: run.packets_per_s) if peer else None,
        how=how(bench, load),
    )
    yield from _relay(bench)


def filled(bench: Bench, target: Target, first: int) -> Measured:
    """The load of as many rooms as the core carries."""
    return _filled(bench, target, ROOM, Search(first, TRIES, MOST_ROOMS, FULL))


def _filled(bench: Bench, target: Target, room: Shape, borders: Search) -> Measured:
    rooms, why = search(bench, target, room, borders)
    for _ in range(STEPS_BACK):
        load = replace(measure(bench, target, replace(room, rooms=rooms), bench.effort), limit=why)
        if load.held or rooms == 1:
            break
        why, rooms = f"not {rooms} rooms: {load.trouble}", min(rooms - 1, rooms * 15 // 16)
    return load


def search(bench: Bench, target: Target, room: Shape, search: Search) -> tuple[int, str]:
    """The largest number of rooms that held, and why not more; raises Unmeasured if not even one did."""
    why = ""
    while (rooms := search.next) is not None:
        looked = probe(bench, target, replace(room, rooms=rooms))
        if not looked.held:
            why = f"not {rooms} rooms: {looked.trouble}"
        search.note(rooms, held=looked.held, busy=looked.median(lambda run: run.busy))
    if search.largest == 0:
        raise Unmeasured(f"no load of {target.name} held: {why}")
    return search.largest, why


def _peer(bench: Bench) -> Measured:
    with targets.janus(bench) as janus:
        return _filled(bench, janus, SMALLER, Search(FIRST_OF_JANUS, TRIES, MOST_OF_JANUS, FULL))


def _cpu(bench: Bench, load: Measured, least: floor.Floor, peer: Measured | None, why: str) -> Row:
    bars = [FLOOR_FACTOR * least.us] + ([PEER_SHARE * peer.median(lambda run: run.us)] if peer else [])
    row = at_most(
        "fanout_cpu",
        f"CPU of a forwarded packet, {load.shape.rooms} rooms of 1 → {ROOM.receivers}, 1 Mbit/s VP8",
        load.median(lambda run: run.us),
        "us",
        bar=min(bars),
        floor=least.us,
        peer=peer.median(lambda run: run.us) if peer else None,
        how=f"{how(bench, load)}; {least}" + (f"; Janus: {peer}" if peer else ""),
    )
    return row if peer else unshown(row, why)


def how(bench: Bench, load: Measured) -> str:
    """How a figure of it was obtained."""
    parts = (str(bench.effort), f"{load}, {load.run_length:.1f} packets a message", load.trouble, load.limit)
    return "; ".join(filter(None, parts))


def _relay(bench: Bench) -> Iterator[Row]:
    found, why = beside(lambda: _relayed(bench))
    if found is None:
        bench.say(why)
        return
    about = f"the same through aiortc's MediaRelay, 1 → {FEW.receivers}: decoded, and encoded for each"
    yield told("fanout_cpu.media_relay", about, found.median(lambda run: run.us), "us", how=f"{bench.effort}; {found}")


def _relayed(bench: Bench) -> Measured:
    relayed: AbstractContextManager[Target] = targets.relay(bench)
    with relayed as relay:
        return measure(bench, relay, FEW, replace(bench.effort, runs=1))


FAMILY = Family(
    "fanout", "a forwarded packet on a full core, and how many a core forwards", 7, rows, ("fanout_cpu", "fanout_pps")
)
