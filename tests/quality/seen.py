"""What somebody saw: pictures with their times and sizes, and what can be said of a stretch of them.

page (call.js) -> **seen** -> rows/*
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Shown:
    """Pictures in the order in which they were shown: when (milliseconds of the wall clock), how many lines."""

    frames: tuple[tuple[float, int], ...]

    @classmethod
    def of(cls, frames: Iterable[Sequence[float]]) -> Shown:
        """As a page tells them."""
        return cls(tuple((float(at), int(lines)) for at, lines in frames))

    def within(self, begin_ms: float, end_ms: float) -> Shown:
        """Those of a stretch of time."""
        return Shown(tuple((at, lines) for at, lines in self.frames if begin_ms <= at <= end_ms))

    def pauses_ms(self, begin_ms: float, end_ms: float) -> list[float]:
        """From each picture of a stretch to the next; its begin and its end are no pictures, and end pauses too."""
        times = [begin_ms, *(at for at, _ in self.within(begin_ms, end_ms).frames), end_ms]
        return [after - before for before, after in pairwise(times)]

    def longest_pause_ms(self, begin_ms: float, end_ms: float) -> float:
        """The longest of these."""
        return max(self.pauses_ms(begin_ms, end_ms))

    def per_s(self, begin_ms: float, end_ms: float) -> float:
        """Pictures a second."""
        return len(self.within(begin_ms, end_ms).frames) / (end_ms - begin_ms) * 1_000

    def first_ms(self, after_ms: float, *, below: float | None = None, from_lines: float | None = None) -> float | None:
        """When, after a moment, the first picture of fewer lines than `below`, or of at least `from_lines`, came."""
        for at, lines in self.frames:
            small = below is None or lines < below
            large = from_lines is None or lines >= from_lines
            if at >= after_ms and small and large:
                return at
        return None

    @property
    def lines(self) -> float:
        """Lines of the picture in the middle; 0 of none."""
        return statistics.median(lines for _, lines in self.frames) if self.frames else 0.0

    @property
    def changes(self) -> int:
        """How often the size changed."""
        return sum(1 for (_, before), (_, after) in pairwise(self.frames) if before != after)
