"""joins: how many people a core lets in, how soon they see something, and what that costs the others.

load -> **joins** -> row

Through the whole front door: signaling's connection, invitation, ring, accept, the node's control link, offer, answer,
ICE, DTLS.  Signaling and node share the core.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.bench import targets
from tests.bench.effort import Bench, Unmeasured, median
from tests.bench.family import Family
from tests.bench.load import Measured, Shape, measure
from tests.bench.row import Row, at_least, at_most, whole
from tests.bench.targets import Target

CROWD = Shape(rooms=60, publishers=1, receivers=9, kbps=100)
"""Who come as fast as they are let in: enough for some seconds."""
COMPANY = replace(CROWD, rooms=20)
"""Who come at leisure."""
FAST, STEADY = 400.0, 20.0
"""Joins a second: more than a core can take, and so few that nobody waits for another."""
BIG = Shape(publishers=1, receivers=499, kbps=30, ramp=STEADY)

PER_S = 100.0
FIRST_PACKET_MS = 150.0
MESSAGES = 1.0
OF_CALLS = frozenset(("participant-joined",))
"""What signaling tells: that somebody has come is an event of the vendor's protocol, one for each."""
NOT_OF_JOINS = frozenset(("message", "ringing", "quality", "speakers", "seats", "layers"))
"""Events that somebody gets for a request of his own, and those that come by the clock."""


def rows(bench: Bench) -> Iterator[Row]:
    """All parts, and whether they hold."""
    with targets.ours(bench, CROWD.participants) as system:
        parts = [_rate(bench, system)]
    with targets.ours(bench, COMPANY.participants) as system:
        parts += [_first_packet(bench, system)]
    with targets.ours(bench, BIG.participants) as system:
        parts += _others(bench, system)
    yield from parts
    yield whole("joins", "joining through the whole front door", parts)


def _runs(bench: Bench, system: Target, shape: Shape) -> list[Measured]:
    """Everybody joins anew each time."""
    brief = replace(bench.effort, runs=1, seconds=1.0)
    return [measure(bench, system, shape, brief, pid=system.tree) for _ in range(bench.effort.runs)]


def _rate(bench: Bench, system: Target) -> Row:
    """By the CPU time that all processes took while people came."""
    loads = _runs(bench, system, replace(CROWD, ramp=FAST))
    per_cpu_s = [_joins_per_cpu_s(load.report) for load in loads]
    wall = median(float(load.report["joins"]["per_s"]) for load in loads)
    how = f"{_how(bench, CROWD)}, as fast as the core lets them in; {wall:.0f} a second by the clock"
    about = "joins for a CPU second of signaling and node"
    return at_least("joins.rate", about, median(per_cpu_s), "/s", bar=PER_S, how=how)


def _joins_per_cpu_s(report: dict[str, Any]) -> float:
    """Over the rows, one a second, in which people came."""
    rows = [row for row in report["seconds_series"] if row["phase"] == "ramp"]
    begins = [0.0, *(row["t"] for row in rows)]
    cpu_s = sum((row["t"] - t) * row["server_cpu_share"] for row, t in zip(rows, begins, strict=False))
    joins = sum(row["joins"] for row in rows)
    if not cpu_s or not joins:
        raise Unmeasured("everybody joined within a second: too few for a figure")
    return float(joins / cpu_s)


def _first_packet(bench: Bench, system: Target) -> Row:
    loads = _runs(bench, system, replace(COMPANY, ramp=STEADY))
    phases = [load.report["join_ms"]["phases"].get("offer_to_first_packet") for load in loads]
    if not all(phases):
        raise Unmeasured("nobody got a packet")
    p95 = median(float(phase["p95"]) for phase in phases)
    heard = median(float(phase["count"]) for phase in phases)
    how = f"{_how(bench, COMPANY)}, {STEADY:g} joins/s; of the {heard:.0f} who had something to receive"
    about = "offer to first packet, p95"
    return at_most("joins.first_packet.p95", about, p95, "ms", bar=FIRST_PACKET_MS, how=how)


def _others(bench: Bench, system: Target) -> list[Row]:
    """Over all joins into a room that grows to 500: the i-th has i - 1 others."""
    load = measure(bench, system, BIG, replace(bench.effort, runs=1, seconds=1.0), pid=system.tree)
    told, people = load.report["joins"]["told"], load.report["joins"]["done"]
    pairs = people * (people - 1) / 2
    of_joins = {name: count for name, count in told["events"].items() if name not in NOT_OF_JOINS}
    by_name = ", ".join(f"{name} {count}" for name, count in of_joins.items())
    how = f"{people} join one room at {STEADY:g}/s, everything that they were told unasked: {by_name}"
    about_media = sum(count for name, count in of_joins.items() if name not in OF_CALLS)
    media = "messages about media to each other for a join, room of 500"
    calls = "times that a device is told of one join"
    sdp = "octets of SDP to the others for a join"
    return [
        at_most("joins.others.messages", media, about_media / pairs, "", bar=MESSAGES, how=how),
        at_most("joins.others.events", calls, _times_told(told), "", bar=MESSAGES, how=how),
        at_most("joins.others.sdp", sdp, told["sdp_octets"] / pairs, "", bar=0, how=how),
    ]


def _times_told(told: dict[str, Any]) -> float:
    """Two who come at once are each told of the other, so joins are not to be counted by who came later."""
    events = sum(told["events"].get(name, 0) for name in OF_CALLS)
    first = events - sum(told["again"].get(name, 0) for name in OF_CALLS)
    if not first:
        raise Unmeasured("nobody was told of a join")
    return float(events / first)


def _how(bench: Bench, crowd: Shape) -> str:
    return f"median of {bench.effort.runs} crowds of {crowd.participants} in {crowd.rooms} rooms"


FAMILY = Family("joins", "how people get in", 3.5, rows)
