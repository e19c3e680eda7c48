"""`--find-capacity`: the largest load that still holds the conditions.

cli -> **capacity** -> tester, run by run -> report

Doubling finds a load that does not hold, bisection the border between the two.  A rule: it is told how a load went and
says which one to try next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

FINE: Final = 16
"""The border is found to a sixteenth of itself: two runs of the same load differ by about as much."""


@dataclass(slots=True)
class CapacitySearch:
    """The search from `first` upwards, never beyond `most`."""

    first: int
    most: int
    largest: int = 0
    """Largest load that held."""
    _smallest_failed: int | None = field(default=None, init=False)

    @property
    def next(self) -> int | None:
        """The load to try; None: the border is found."""
        if self.largest == 0 and self._smallest_failed is None:
            return min(self.first, self.most)
        if self._smallest_failed is None:
            return min(2 * self.largest, self.most) if self.largest < self.most else None
        return self._between(self._smallest_failed)

    def note(self, load: int, *, held: bool) -> None:
        """How a load went."""
        if held:
            self.largest = max(self.largest, load)
        elif self._smallest_failed is None or load < self._smallest_failed:
            self._smallest_failed = load

    def _between(self, failed: int) -> int | None:
        gap = failed - self.largest
        return self.largest + gap // 2 if gap > max(1, self.largest // FINE) else None
