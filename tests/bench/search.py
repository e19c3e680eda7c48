"""The largest load that holds, found in few steps.  A rule: told how a load went, it says which to try next.

rows/fanout, rows/meetings -> **search**

A load that held says by its share of the core about how much more there is room for; once one failed, the border is
between the two.  Costs fall with the load (batches grow), so the first guess is rarely the last.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FINE = 16
"""The border is found to a sixteenth of itself: two runs of the same load differ by as much."""
LEAST_BUSY = 0.25
"""A core less busy than this says little: its next load is four times as large."""


@dataclass(slots=True)
class Search:
    """From `first` upwards, with at most `tries` loads."""

    first: int
    tries: int
    most: int = 1_000_000
    """A load that is never exceeded."""
    full: float = 2.0
    """A load that holds with this share of the core taken is large enough; above 1: only the border is."""
    largest: int = 0
    """Largest load that held."""
    _failed: int | None = field(default=None, init=False)
    _next: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._next = min(self.first, self.most)

    @property
    def next(self) -> int | None:
        """The load to try; None: the search is over."""
        return self._next if self.tries > 0 else None

    def note(self, load: int, *, held: bool, busy: float) -> None:
        """How a load went, and what share of the core it took."""
        self.tries -= 1
        if held:
            self.largest = max(self.largest, load)
            if busy >= self.full:
                self._next = None
                return
        else:
            self._failed = min(load, self._failed or load)
        self._next = self._upwards(busy) if self._failed is None else self._between(self._failed)

    def _upwards(self, busy: float) -> int | None:
        wanted = max(self.largest + 1, int(self.largest / max(LEAST_BUSY, min(busy, 1.0))))
        return min(wanted, self.most) if self.largest < self.most else None

    def _between(self, failed: int) -> int | None:
        gap = failed - self.largest
        return self.largest + gap // 2 if gap > max(1, self.largest // FINE) else None
