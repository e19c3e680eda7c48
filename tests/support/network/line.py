"""One way of a link in real time: keeps datagrams until they are due, then hands them on in that order.

relay, crossing -> **line** (path: when) -> relay, crossing

One heap and one timer.  Datagrams due at the same time come out in the order in which they went in.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

from tests.support.network.impairment import Impairment, Passed, Path
from tests.support.seeded import seeded

MOST_WAITING = 8_192
"""Datagrams under way at once: 10 MB of 1,200 octets.  Beyond it they are dropped, and counted."""

Onward = Callable[[bytes], None]


class Line:
    """Owns what is under way; `close` forgets it."""

    def __init__(self, impairment: Impairment, seed: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._path = Path(impairment, seeded(seed), self._loop.time())
        self._waiting: list[tuple[float, int, bytes, Onward]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.overflow = 0
        """Datagrams for which there was no room here; there should be none."""

    @property
    def passed(self) -> Passed:
        """What the path has counted."""
        return self._path.passed

    def become(self, impairment: Impairment) -> None:
        """Another link from now on."""
        self._path.become(impairment, self._loop.time())

    def send(self, datagram: bytes, onward: Onward) -> None:
        """Put a datagram on its way; `onward` gets it at the other end."""
        if self._closed:
            return
        if len(self._waiting) >= MOST_WAITING:
            self.overflow += 1
            return
        for at in self._path.send(len(datagram), self._loop.time()):
            heapq.heappush(self._waiting, (at, next(self._numbers), datagram, onward))
        self._arm()

    def close(self) -> None:
        """Forget what is under way; again is harmless."""
        self._closed = True
        self._waiting.clear()
        self._disarm()

    def _arm(self) -> None:
        if not self._waiting:
            return
        due = self._waiting[0][0]
        if self._timer is None or due < self._timer.when():
            self._disarm()
            self._timer = self._loop.call_at(due, self._on_due)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_due(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._waiting and self._waiting[0][0] <= now:
            _, _, datagram, onward = heapq.heappop(self._waiting)
            onward(datagram)
        self._arm()
