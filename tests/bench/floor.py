"""The floor of a load that a node has carried: the same packets in the same runs to the same kind of socket.

rows/fanout, rows/audio -> **floor** -> sfu/core/benches/floor.rs
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench import cargo
from tests.bench.effort import Bench, Unmeasured, median
from tests.bench.load import Measured

HEADERS = 12 + 8 + 16
"""Octets of a packet that are not payload: RTP, one-byte extensions with a MID, the tag of AES-GCM (RFC 7714)."""


SECONDS = 8.0
"""It does the same all the time: longer measurements find the same."""


@dataclass(frozen=True, slots=True)
class Floor:
    """What one packet costs at least."""

    us: float
    packets_per_s: float
    run_length: float

    def __str__(self) -> str:
        return f"floor {self.us:.2f} us at {self.packets_per_s:,.0f} packets/s in runs of {self.run_length:.1f}"


def measure(bench: Bench, load: Measured) -> Floor:
    """Measure it, as often as the load."""
    shape = load.shape
    receivers = shape.receivers or shape.publishers
    pps = load.median(lambda run: run.packets_per_s) / (shape.rooms * receivers)
    size = max(1, round(load.median(lambda run: run.octets)) - HEADERS)
    given = {
        "seconds": bench.effort.longest(SECONDS),
        "rooms": shape.rooms,
        "receivers": receivers,
        "pps": round(pps, 2),
        "size": size,
        "run": round(max(1.0, load.run_length), 3),
        "core": bench.cores.server,
        "reading-core": bench.cores.tester,
    }
    arguments = [f"--{name}={value}" for name, value in given.items()]
    found = [_one(arguments) for _ in range(bench.effort.runs)]
    floor = Floor(*(median(values) for values in zip(*found, strict=True)))
    bench.say(str(floor))
    return floor


def _one(arguments: list[str]) -> tuple[float, ...]:
    for record in cargo.run("floor", *arguments):
        return cargo.numbers(record["floor"], "us", "pps", "run")
    raise Unmeasured("the floor program printed nothing")
