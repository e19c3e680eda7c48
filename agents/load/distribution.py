"""Counts in buckets, added up over engines and taken apart over time.

`_core.Histogram` -> **distribution** -> report, seconds
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class Buckets(Protocol):
    """What a histogram of the core gives."""

    def buckets(self) -> list[tuple[float, int]]:
        """(upper bound, count), ascending."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How often each value was seen; values are the upper bounds of buckets."""

    counts: tuple[tuple[float, int], ...] = ()
    """Ascending, none of them 0."""

    @classmethod
    def of(cls, histograms: Iterable[Buckets]) -> Distribution:
        """All of these together."""
        sums: dict[float, int] = {}
        for histogram in histograms:
            for bound, count in histogram.buckets():
                sums[bound] = sums.get(bound, 0) + count
        return cls(tuple(sorted(sums.items())))

    def since(self, before: Distribution) -> Distribution:
        """What came on top of an earlier state of the same counts."""
        earlier = dict(before.counts)
        left = ((bound, count - earlier.get(bound, 0)) for bound, count in self.counts)
        return Distribution(tuple((bound, count) for bound, count in left if count > 0))

    @property
    def samples(self) -> int:
        """How many there were."""
        return sum(count for _, count in self.counts)

    @property
    def maximum(self) -> float:
        """The largest; 0 where there are none."""
        return self.counts[-1][0] if self.counts else 0.0

    def quantile(self, share: float) -> float:
        """The value that a share (0 to 1) of all does not exceed; 0 where there are none."""
        wanted, seen = share * self.samples, 0
        for bound, count in self.counts:
            seen += count
            if seen >= wanted:
                return bound
        return self.maximum


def quantile(values: list[float], share: float) -> float:
    """The nearest-rank quantile of plain values; 0 where there are none."""
    if not values:
        return 0.0
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, -int(-share * len(ranked) // 1) - 1))]
