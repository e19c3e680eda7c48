"""workers: how much more two workers forward than one, one room over both.

cargo bench workers -> **workers** -> row

By the CPU time of the threads: it doesn't matter that receivers take cores too (`sfu/core/benches/workers.rs`).
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.cargo import numbers, run
from tests.bench.effort import Bench, Unmeasured, median
from tests.bench.family import Family
from tests.bench.row import Row, at_least

SECONDS = 5.0
RECEIVERS = 200
"""Of each worker."""
AT_LEAST = 1.8


def rows(bench: Bench) -> Iterator[Row]:
    """The one row."""
    seconds = bench.effort.longest(SECONDS)
    found = [each for _ in range(bench.effort.runs) for each in run("workers", str(seconds), str(RECEIVERS))]
    if not found:
        raise Unmeasured("cargo bench --bench workers printed nothing")
    gain = median(numbers(one, "gain")[0] for one in found)
    about = f"packets that two workers send for a CPU second of the busier one, one room of {2 * RECEIVERS}, beside one"
    how = f"median of {len(found)} x {seconds:g} s, by CPU time of the threads"
    yield at_least("workers", about, gain, "x", bar=AT_LEAST, how=how)


FAMILY = Family("workers", "two workers beside one", 0.6, rows)
