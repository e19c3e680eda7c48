"""tester: how many receivers one core of the load tester serves.

cargo bench load -> **tester** -> row

An engine reads what a thread sends it; a load counts as served if hardly a packet was lost.  The row's figure is what
the engine's CPU time allows at that load.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.cargo import Record, numbers, run
from tests.bench.effort import Bench, Unmeasured, median
from tests.bench.family import Family
from tests.bench.row import Row, at_least

PACKETS_PER_S = 100
"""Of each receiver."""
RECEIVERS = 3_000
SECONDS = 8.0
MOST_LOST = 0.001
FULL = 0.9
"""Share of a core that an engine may take: above it a load tester calls itself the bottleneck."""


def rows(bench: Bench) -> Iterator[Row]:
    """The one row."""
    seconds = bench.effort.longest(SECONDS)
    case = f"{RECEIVERS}:{PACKETS_PER_S}"
    found = [each for _ in range(bench.effort.runs) for each in run("load", str(seconds), case)]
    if not found:
        raise Unmeasured("cargo bench --bench load printed nothing")
    served = median(_served(one) for one in found)
    us, busy = (median(numbers(one, name)[0] for one in found) for name in ("us", "busy"))
    took = f"{RECEIVERS:,} receivers took {busy:.0%} of a core, {us:.2f} us a packet"
    how = f"median of {len(found)} x {seconds:g} s; {took}"
    about = f"receivers at {PACKETS_PER_S} packets/s that one core of the tester serves"
    yield at_least("tester", about, served, "receivers", bar=RECEIVERS, how=how)


def _served(record: Record) -> float:
    """As many as fit the engine's core; only those that were really served where packets were lost."""
    sent, read, busy = numbers(record, "sent_pps", "read_pps", "busy")
    if read < (1 - MOST_LOST) * sent:
        return min(read, RECEIVERS * PACKETS_PER_S * (1 - MOST_LOST)) / PACKETS_PER_S
    return read / PACKETS_PER_S * max(1.0, FULL / busy)


FAMILY = Family("tester", "what the load tester itself takes", 1, rows)
