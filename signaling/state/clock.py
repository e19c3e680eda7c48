"""The time that rules are given: seconds since the epoch, on a clock that only goes forward.

It starts at the wall's time and then runs with the machine's monotonic clock, so that nobody who sets the wall clock
ends a call.  Several processes agree on it by the offset that their common state tells (`follow`).
"""

from __future__ import annotations

import time

from ..qss.identifiers import Instant


class SteadyClock:
    """Gives the time; never less than it gave before."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()
        self._last = 0.0

    def now(self) -> Instant:
        """Seconds since the epoch."""
        self._last = max(self._last, time.monotonic() + self._offset)
        return Instant(self._last)

    def follow(self, told: float, at: float) -> None:
        """The time was `told` (epoch seconds) when the monotonic clock stood at `at`."""
        self._offset = told - at
